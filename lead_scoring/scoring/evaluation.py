"""How good a model is, measured on leads it did not learn from."""

import math

import numpy as np
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from .comparison import not_worse
from .curves import curves
from .scorecard import scores_of, sigmoid
from .training import MINIMUM_CLOSED, train

TRAIN_SHARE = 0.8
MINIMUM_TEST = 100
FOLDS, REPEATS = 5, 5
CALIBRATION_BINS = 10
DAY = 86_400

_CERTAIN = 1e-15
_REACH = 1.959963984540054

# From this share on the base rate of the newer leads is told to be another one.
DRIFT = 1 / 3

READY, CAREFUL, NOT_READY = "ready", "careful", "not_ready"


def metrics(won, probability, weights=None, *, base_rate=None, groups=None):
    """How well probabilities tell won leads from lost ones, and how true they are.

    :param won: bool[n], of both kinds
    :param probability: float64[n]
    :param weights: float64[n], default 1
    :param base_rate: share of won leads that was known before, which `log_loss_skill` compares with; default
        the one of these leads
    :param groups: int[n], the lead of each row, for the intervals; default a lead for each row
    :return: dict of
        auc: chance that a won lead has the higher probability of the two
        auc_interval: [low, high], 95 % (J. Hanley, B. McNeil, Radiology 143, 1982)
        log_loss: mean of -log of the probability of what came true
        log_loss_skill: 1 - log_loss / log loss of saying the base rate for all; 0 is no use, below 0 harm
        log_loss_skill_interval: [low, high], 95 %, normal, of the paired differences
        brier: mean squared error of the probability
        calibration_error: mean distance of probability and won share, in ten bins of equal count
        lift_top_tenth: won share of the tenth with the highest probabilities, over that of all
        base_rate, n_won, n_lost: of these leads
    """
    won = np.asarray(won).astype(bool)
    probability = np.clip(np.asarray(probability, dtype=np.float64), _CERTAIN, 1 - _CERTAIN)
    weights = np.ones(len(won)) if weights is None else np.asarray(weights, dtype=np.float64)
    groups = np.arange(len(won)) if groups is None else np.unique(groups, return_inverse=True)[1].ravel()
    if not won.any() or won.all():
        raise ValueError("Metrics need won leads and lost leads.")
    rate = float(np.average(won, weights=weights))
    auc = float(roc_auc_score(won, probability, sample_weight=weights))
    loss = float(log_loss(won, probability, sample_weight=weights, labels=[False, True]))
    reference = np.clip(np.full(len(won), rate if base_rate is None else base_rate), _CERTAIN, 1 - _CERTAIN)
    share = _won_share_of_equals(won, probability, weights)
    of_base_rate = float(log_loss(won, reference, sample_weight=weights, labels=[False, True]))
    gains = np.log(np.where(won, probability, 1 - probability)) - np.log(np.where(won, reference, 1 - reference))
    return {
        "auc": auc,
        "auc_interval": _auc_interval(auc, *(_effective(weights[kind], groups[kind]) for kind in (won, ~won))),
        "log_loss": loss,
        "log_loss_skill": 1 - loss / of_base_rate,
        "log_loss_skill_interval": _skill_interval(gains, weights, groups, of_base_rate),
        "brier": float(brier_score_loss(won, probability, sample_weight=weights)),
        "calibration_error": _calibration_error(share, probability, weights),
        "lift_top_tenth": _top_share(share, probability, weights, 0.1) / rate,
        "base_rate": rate,
        "n_won": int(won.sum()),
        "n_lost": int((~won).sum()),
    }


def evaluate(
    table,
    won,
    closed_at,
    *,
    created_at=None,
    weights=None,
    groups=None,
    seed=0,
    progress=None,
    minimum=MINIMUM_CLOSED,
    forced_in=(),
    forced_out=(),
    ignore_empty=(),
    costly=(),
    champion=None,
    repeats=REPEATS,
):
    """What a model of these leads is worth for leads to come.

    Out of time: learned from the older 80 % by close date, cut between days, and tested on all that closed
    later, which were open at the cut or created after it. Where that leaves fewer than 100 won or lost leads
    to test, or too few to learn from, cross-validation: `repeats` times, every lead predicted by a model of four
    fifths of the others, with levels and penalty chosen anew; metrics are means of the rounds.

    :param table, won, weights, groups, seed, progress, minimum, forced_in, forced_out, ignore_empty, costly: as
        in `train`
    :param closed_at: float64[n], seconds since 1970 (UTC); NaN counts as before all others
    :param created_at: float64[n], likewise; when given, `test` tells how many were open at the cut
    :param champion: what the published version was trained with, to compare with: dict with perhaps names (the
        columns it chose from; default all), forced_in, forced_out, ignore_empty, costly, age_days. Both are trained on
        the same leads and tested on the same others
    :param repeats: rounds of the cross-validation
    :return: dict of
        method: "out_of_time" | "cross_validation"
        metrics: as of `metrics`
        train, test: dicts of won, lost (leads) and base_rate; test of open_at_cut too, where known
        drift: whether the base rates of both differ by more than a third of the former
        by_score: closed and won rows tested by the score they got, two lists of 101
        curves: as of `curves.curves`
        gate, gate_reason, gate_figures: as of `gate`
        challenge: as of `comparison.not_worse`, None without a champion
    """
    won = np.asarray(won).astype(bool)
    groups = None if groups is None else np.asarray(groups)
    weights = np.ones(len(won)) if weights is None else np.asarray(weights, dtype=np.float64)
    progress = progress or (lambda fraction, text: None)
    hands = _hands(forced_in, forced_out, ignore_empty, costly)
    learn = _Learner(table, won, weights, groups, seed, minimum, hands)
    rival = learn.rival(champion)
    closed_at = np.nan_to_num(np.asarray(closed_at, dtype=np.float64), nan=-np.inf, neginf=-np.inf)
    cut = _cut(closed_at)
    late = closed_at >= cut
    enough_seen = min(_counts(won[~late], groups, ~late)) >= max(minimum, 2)
    if enough_seen and min(_counts(won[late], groups, late)) >= MINIMUM_TEST:
        report = _out_of_time(learn, rival, late, cut, created_at, progress)
    else:
        report = _cross_validation(learn, rival, repeats, progress)
    rates = report["train"]["base_rate"], report["test"]["base_rate"]
    return {**report, "drift": abs(rates[1] - rates[0]) > DRIFT * rates[0], **gate(report["metrics"])}


def gate(found):
    """Whether a model may go live.

    :param found: dict, as of `metrics`
    :return: dict of
        gate: "ready" | "careful" | "not_ready"
        gate_reason: "order_and_probabilities" (both better than chance, beyond doubt), "order_alone" (tells won
            leads from lost ones, but its probabilities are not surely better than the base rate),
            "probabilities_alone", "no_signal"
        gate_figures: {"auc_low", "log_loss_skill_low"}, the lower bounds it is about (95 %)
    """
    auc, skill = found["auc_interval"][0], found["log_loss_skill_interval"][0]
    state, reason = {
        (True, True): (READY, "order_and_probabilities"),
        (True, False): (CAREFUL, "order_alone"),
        (False, True): (CAREFUL, "probabilities_alone"),
        (False, False): (NOT_READY, "no_signal"),
    }[auc > 0.5, skill > 0]
    return {"gate": state, "gate_reason": reason, "gate_figures": {"auc_low": auc, "log_loss_skill_low": skill}}


def _hands(forced_in=(), forced_out=(), ignore_empty=(), costly=()):
    return {
        "forced_in": tuple(forced_in),
        "forced_out": tuple(forced_out),
        "ignore_empty": tuple(ignore_empty),
        "costly": tuple(costly),
    }


class _Learner:
    """Trains on some rows and predicts others."""

    def __init__(self, table, won, weights, groups, seed, minimum, hands):
        self.table, self.won, self.weights, self.groups = table, won, weights, groups
        self.seed, self.minimum, self.hands, self.age_days = seed, minimum, hands, 0

    def rival(self, champion):
        """A learner by the champion's specification, None without a champion."""
        if champion is None:
            return None
        names = [name for name in champion.get("names", self.table.names) if name in self.table.columns]
        hands = _hands(**{name: champion[name] for name in self.hands if name in champion})
        rival = _Learner(self.table.select(names), self.won, self.weights, self.groups, self.seed, self.minimum, hands)
        rival.age_days = champion.get("age_days", 0)
        return rival

    def is_like(self, other):
        """Whether another one would learn the same."""
        return self.table.names == other.table.names and all(
            set(self.hands[name]) == set(other.hands[name]) for name in self.hands
        )

    def log_odds(self, seen, rest, progress=None, minimum=None):
        """float64[m], of the rows `rest` by a model of the rows `seen`."""
        card = train(
            self.table.take(seen),
            self.won[seen],
            weights=self.weights[seen],
            groups=self.groups_of(seen),
            seed=self.seed,
            progress=progress,
            minimum=self.minimum if minimum is None else minimum,
            **self.hands,
        )
        return card.log_odds(card.levels(self.table.take(rest)))

    def groups_of(self, rows):
        return None if self.groups is None else self.groups[rows]

    def metrics(self, seen, rest, probability):
        base_rate = float(np.average(self.won[seen], weights=self.weights[seen]))
        groups = self.groups_of(rest)
        return metrics(self.won[rest], probability, self.weights[rest], base_rate=base_rate, groups=groups)

    def by_score(self, rows, probability):
        """How many of these rows were closed and won at each score, 0 to 100: two lists of 101."""
        scores, won = scores_of(probability), self.won[rows]
        return {
            "closed": np.bincount(scores, minlength=101).tolist(),
            "won": np.bincount(scores[won], minlength=101).tolist(),
        }

    def pictures(self, rows, probability):
        """by_score and curves of these rows."""
        drawn = curves(self.won[rows], probability, self.weights[rows])
        return {"by_score": self.by_score(rows, probability), "curves": drawn}

    def part(self, rows):
        """Counts of leads and the base rate of some rows."""
        won, lost = _counts(self.won[rows], self.groups, rows)
        base_rate = float(np.average(self.won[rows], weights=self.weights[rows]))
        return {"won": won, "lost": lost, "base_rate": base_rate}

    def challenge(self, rival, rows, champion, challenger):
        """Whether this one may take the rival's place, by log-odds of these rows."""
        if rival is None:
            return None
        return not_worse(
            champion,
            challenger,
            self.won[rows],
            weights=self.weights[rows],
            groups=self.groups_of(rows),
            seed=self.seed,
            age_days=rival.age_days,
        )


def _out_of_time(learn, rival, late, cut, created_at, progress):
    seen, rest = np.flatnonzero(~late), np.flatnonzero(late)
    twice = rival is not None and not rival.is_like(learn)
    odds = learn.log_odds(seen, rest, lambda fraction, text: progress(fraction / (2 if twice else 1), text))
    others = rival.log_odds(seen, rest, lambda done, text: progress((1 + done) / 2, text)) if twice else odds
    test = learn.part(rest)
    if created_at is not None:
        created = np.asarray(created_at, dtype=np.float64)[rest]
        test["open_at_cut"] = _leads(learn.groups, rest[created < cut])
    probability = sigmoid(odds)
    return {
        "method": "out_of_time",
        "metrics": learn.metrics(seen, rest, probability),
        "train": learn.part(seen),
        "test": test,
        **learn.pictures(rest, probability),
        "challenge": learn.challenge(rival, rest, others, odds),
    }


def _cross_validation(learn, rival, repeats, progress):
    every = np.arange(len(learn.won))
    results, pictures = [], None
    learners = [learn] if rival is None or rival.is_like(learn) else [learn, rival]
    odds = np.zeros((repeats, len(learners), len(every)))
    for repeat in range(repeats):
        for fold, (seen, rest) in enumerate(_folds(learn, learn.seed + repeat)):
            progress((repeat * FOLDS + fold) / (repeats * FOLDS), f"Testing, round {repeat + 1} of {repeats}")
            for place, learner in enumerate(learners):
                odds[repeat, place, rest] = learner.log_odds(seen, rest, minimum=2)
        probability = sigmoid(odds[repeat, 0])
        results.append(learn.metrics(every, every, probability))
        pictures = pictures or learn.pictures(every, probability)
    part = learn.part(every)
    return {
        "method": "cross_validation",
        "metrics": _mean(results),
        "train": part,
        "test": dict(part),
        **pictures,
        "challenge": learn.challenge(rival, every, odds[:, -1].mean(axis=0), odds[:, 0].mean(axis=0)),
    }


def _folds(learn, seed):
    won, lost = _counts(learn.won, learn.groups, slice(None))
    kind = StratifiedKFold if learn.groups is None else StratifiedGroupKFold
    folds = kind(min(FOLDS, won, lost), shuffle=True, random_state=seed)
    return folds.split(learn.won, learn.won, learn.groups)


def _mean(results):
    """Means of metrics; counts are the same in all."""
    mean = {name: np.mean([result[name] for result in results], axis=0).tolist() for name in results[0]}
    return {**mean, "n_won": results[0]["n_won"], "n_lost": results[0]["n_lost"]}


def _cut(closed_at):
    """Start of the day that leaves about TRAIN_SHARE of the leads before it, in seconds, or infinity."""
    days = np.floor(np.sort(closed_at) / DAY)
    starts = np.flatnonzero(days[1:] > days[:-1]) + 1
    if not len(starts):
        return math.inf
    return DAY * days[starts[np.argmin(np.abs(starts - TRAIN_SHARE * len(days)))]]


def _counts(won, groups, rows):
    """(won, lost): leads among rows, not rows."""
    if groups is not None:
        won = won[np.unique(groups[rows], return_index=True)[1]]
    return int(won.sum()), int((~won).sum())


def _leads(groups, rows):
    return len(rows) if groups is None else len(np.unique(groups[rows]))


# ---- single measures


def _effective(weights, groups):
    """Number of unweighted leads that tell as much (L. Kish, Survey Sampling, 1965)."""
    weights = np.bincount(groups, weights)
    return float(weights.sum() ** 2 / (weights**2).sum())


def _auc_interval(auc, n_won, n_lost):
    """[low, high] of 95 % by Hanley and McNeil, held in 0..1."""
    both_won = auc / (2 - auc)
    both_lost = 2 * auc**2 / (1 + auc)
    variance = (auc * (1 - auc) + (n_won - 1) * (both_won - auc**2) + (n_lost - 1) * (both_lost - auc**2)) / (
        n_won * n_lost
    )
    reach = _REACH * math.sqrt(max(variance, 0.0))
    return [max(auc - reach, 0.0), min(auc + reach, 1.0)]


def _skill_interval(gains, weights, groups, of_base_rate):
    """[low, high] of 95 % of the mean gain over the base rate, in parts of its log loss."""
    mean = np.average(gains, weights=weights)
    error = math.sqrt(float((np.bincount(groups, weights * (gains - mean)) ** 2).sum())) / float(weights.sum())
    return [float(mean + side * _REACH * error) / of_base_rate for side in (-1, 1)]


def _won_share_of_equals(won, probability, weights):
    """float64[n]: won share of all leads of the same probability, so that the order of rows is nothing."""
    _values, place = np.unique(probability, return_inverse=True)
    place = place.ravel()
    return (np.bincount(place, weights * won) / np.bincount(place, weights))[place]


def _calibration_error(share, probability, weights):
    order = np.argsort(probability, kind="stable")
    bins = np.array_split(order, min(CALIBRATION_BINS, len(order)))
    gaps = [abs(float(np.sum(weights[rows] * (share[rows] - probability[rows])))) for rows in bins]
    return sum(gaps) / float(weights.sum())


def _top_share(share, probability, weights, top):
    """Won share of the leads of the highest probabilities that hold this part of the weight."""
    order = np.argsort(-probability, kind="stable")
    until = np.cumsum(weights[order])
    part = np.clip(top * until[-1] - (until - weights[order]), 0, weights[order])
    return float(np.sum(part * share[order]) / part.sum())
