"""How well probabilities told who was won."""

import numpy as np
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

EDGE = 1e-4  # Odoo's probabilities go to 0 and 1, where a log loss has no end


def measure(won, probability):
    """The measures of ``probability`` (0-1) against ``won``; both of one length, both outcomes present.

    ``calibration_error``: mean distance of predicted and real share over ten bins of equal count.
    ``lift_top_tenth``: share won in the best tenth, in multiples of the base rate; equal probabilities share
    it.
    """
    won = np.asarray(won, dtype=bool)
    probability = np.asarray(probability, dtype=float)
    clipped = np.clip(probability, EDGE, 1 - EDGE)
    return {
        "auc": float(roc_auc_score(won, probability)),
        "brier": float(brier_score_loss(won, np.clip(probability, 0, 1))),
        "log_loss": float(log_loss(won, clipped)),
        "calibration_error": calibration_error(won, probability),
        "lift_top_tenth": lift(won, probability),
    }


def auc_gap(won, better, worse):
    """(AUC of ``better`` less that of ``worse``, its standard error), on the same leads.

    E. DeLong, D. DeLong, D. Clarke-Pearson, Comparing the Areas under Two or More Correlated Receiver Operating
    Characteristic Curves, Biometrics 44, 1988: from how much of the other kind each lead stands above or below.
    """
    won = np.asarray(won, dtype=bool)
    gaps = [_placed(won, better, kind) - _placed(won, worse, kind) for kind in (True, False)]
    return float(gaps[0].mean()), float(np.sqrt(sum(gap.var(ddof=1) / len(gap) for gap in gaps)))


def _placed(won, probability, kind):
    """For each won (or lost) lead: the share of the other kind that it is on the right side of, equals half."""
    probability = np.asarray(probability, dtype=float)
    own, other = probability[won == kind], np.sort(probability[won != kind])
    below = (np.searchsorted(other, own, "left") + np.searchsorted(other, own, "right")) / 2 / len(other)
    return below if kind else 1 - below


def calibration_error(won, probability, bins=10):
    """Mean of |predicted - real share| over bins of equal count, weighted by count.

    Equal probabilities share what became of them: the order in which they stand tells nothing.
    """
    _values, place, count = np.unique(probability, return_inverse=True, return_counts=True)
    won = (np.bincount(place, won) / count)[place]
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [abs(probability[part].mean() - won[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / len(order))


def lift(won, probability, share=0.1):
    """Share won among the best ``share`` by probability, over the share won of all."""
    n_best = max(1, round(share * len(won)))
    edge = np.sort(probability)[-n_best]
    above = probability > edge
    equal = probability == edge
    hits = won[above].sum() + won[equal].mean() * (n_best - above.sum())
    return float(hits / n_best / won.mean())
