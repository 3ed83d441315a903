"""Pictures of how good a model is, as short lists of numbers that JSON can hold."""

import numpy as np

from .scorecard import scores_of

POINTS = 101
CALIBRATION_BINS = 10
HISTOGRAM_BINS = 20


def curves(won, probability, weights=None):
    """What an admin's report draws.

    :param won: bool[n], of both kinds
    :param probability: float64[n], of leads that were not learned from
    :param weights: float64[n], default 1
    :return: dict of
        roc: {"false_won": [...], "true_won": [...]}, shares from 0 to 1: of lost leads that a threshold takes
            for won, and of won leads that it finds; at most 101 points
        gain: {"leads": [...], "won": [...]}: the share of won leads among the best so many, 101 points
        calibration: ten dicts of predicted and won (mean probability and won share), low and high (of 95 %,
            E. Wilson, 1927) and leads, by rising probability; fewer with fewer than ten leads
        histogram: {"won": [...], "lost": [...]}, leads in 20 ranges of the score: 0-4, 5-9, ..., 95-100
        confusion: what `confusion_at_best_f1` returns
    """
    won = np.asarray(won).astype(bool)
    probability = np.asarray(probability, dtype=np.float64)
    weights = np.ones(len(won)) if weights is None else np.asarray(weights, dtype=np.float64)
    thresholds, won_above, lost_above = _above(won, probability, weights)
    return {
        "roc": _roc(won_above, lost_above),
        "gain": _gain(won_above, lost_above),
        "calibration": _calibration(won, probability, weights),
        "histogram": _histogram(won, probability, weights),
        "confusion": confusion_at_best_f1(thresholds, won_above, lost_above),
    }


def _above(won, probability, weights):
    """(thresholds, won, lost): the weight of won and lost leads at or above each threshold, which falls.

    The first threshold is above all.
    """
    values, place = np.unique(-probability, return_inverse=True)
    won_at, lost_at = (np.bincount(place.ravel(), weights * kind, minlength=len(values)) for kind in (won, ~won))
    thresholds = np.append(np.inf, -values)
    return thresholds, np.append(0, np.cumsum(won_at)), np.append(0, np.cumsum(lost_at))


def _roc(won_above, lost_above):
    false, true = lost_above / lost_above[-1], won_above / won_above[-1]
    # Along both axes together, so that neither end of the curve is coarse.
    walked = false + true
    picked = np.unique(np.searchsorted(walked, np.linspace(0, walked[-1], POINTS)).clip(0, len(walked) - 1))
    return {"false_won": _short(false[picked]), "true_won": _short(true[picked])}


def _gain(won_above, lost_above):
    leads = won_above + lost_above
    shares = np.linspace(0, 1, POINTS)
    return {"leads": _short(shares), "won": _short(np.interp(shares, leads / leads[-1], won_above / won_above[-1]))}


def _calibration(won, probability, weights):
    order = np.argsort(probability, kind="stable")
    rows = []
    for part in np.array_split(order, min(CALIBRATION_BINS, len(order))):
        if not weights[part].sum():
            continue
        share = float(np.average(won[part], weights=weights[part]))
        count = float(weights[part].sum() ** 2 / (weights[part] ** 2).sum())
        low, high = _wilson(share, count)
        predicted = float(np.average(probability[part], weights=weights[part]))
        row = {"predicted": predicted, "won": share, "low": low, "high": high}
        rows.append({key: round(value, 4) for key, value in row.items()} | {"leads": len(part)})
    return rows


def _wilson(share, count, reach=1.959963984540054):
    """Interval of 95 % of a share among so many."""
    middle = (share + reach**2 / (2 * count)) / (1 + reach**2 / count)
    half = reach * np.sqrt(share * (1 - share) / count + reach**2 / (4 * count**2)) / (1 + reach**2 / count)
    return float(max(middle - half, 0.0)), float(min(middle + half, 1.0))


def _histogram(won, probability, weights):
    place = np.minimum(scores_of(probability) * HISTOGRAM_BINS // 100, HISTOGRAM_BINS - 1)
    scale = len(won) / weights.sum()
    return {
        name: _short(scale * np.bincount(place, weights * kind, minlength=HISTOGRAM_BINS))
        for name, kind in (("won", won), ("lost", ~won))
    }


def confusion_at_best_f1(thresholds, won_above, lost_above):
    """What happens when leads from a threshold on are taken for won ones; the threshold of the highest F1.

    :param thresholds, won_above, lost_above: as of `_above`
    :return: dict of threshold (a probability), true_won, false_won, true_lost, false_lost (shares of all leads),
        accuracy, precision (of leads taken for won, the won ones), recall (of won leads, those found), f1
    """
    won, lost = won_above[-1], lost_above[-1]
    f1 = 2 * won_above / (won_above + lost_above + won)
    best = int(np.argmax(f1))
    true_won, false_won = won_above[best] / (won + lost), lost_above[best] / (won + lost)
    share = won / (won + lost)
    figures = {
        "threshold": thresholds[best],
        "true_won": true_won,
        "false_won": false_won,
        "true_lost": 1 - share - false_won,
        "false_lost": share - true_won,
        "accuracy": true_won + 1 - share - false_won,
        "precision": true_won / (true_won + false_won),
        "recall": true_won / share,
        "f1": f1[best],
    }
    return {name: round(float(value), 6) for name, value in figures.items()}


def _short(values):
    return [round(float(value), 4) for value in values]
