"""Learning a scorecard from closed leads.

1. Levels of all features are fixed (`binning`).
2. A ridge regression (`ridge`) learns from all features; its penalty is the one of the least cross-validated
   log loss.
3. Features that do not help are dropped (`selection`), if a model without them is no worse on leads that
   neither it nor the selection has seen.
4. A sigmoid on predictions of unseen leads makes probabilities of the log-odds (`platt`); where those
   predictions are worth nothing, the card has no features and says the base rate for everyone.
5. The regression of all leads becomes tables, centred on the training leads.
"""

from dataclasses import dataclass, field

import numpy as np
from threadpoolctl import threadpool_limits

from .additive import positions_of
from .binning import fit_levels
from .errors import MINIMUM_CLOSED
from .outcomes import folds_of, loss_of, outcomes_of, sample_of
from .platt import sigmoid_of
from .ridge import PENALTIES, USUAL_PENALTY, Ridge, least
from .scorecard import FeatureCard, Scorecard, round_stored
from .selection import Selector

# Above this many rows, penalty and features are chosen on a sample: the best ones hardly depend on it.
SAMPLE_ROWS = 20_000

# Fewer features are taken for a log loss (nats a lead) that is worse by no more than this.
HAIR = 0.0005

NO_HELP = "does not help to tell won from lost"
BY_HAND = "left out by hand"


def train(
    table,
    won,
    *,
    weights=None,
    groups=None,
    seed=0,
    progress=None,
    minimum=MINIMUM_CLOSED,
    forced_in=(),
    forced_out=(),
    ignore_empty=(),
):
    """Learn a scorecard.

    :param table: FeatureTable[n] of closed leads
    :param won: bool[n]
    :param weights: float64[n], what each row counts; default 1
    :param groups: int[n], rows of one lead share a number and are never learned from and predicted at once;
        default one row for each lead
    :param seed: int, of the random folds
    :param progress: callable(fraction from 0 to 1, text)
    :param minimum: how many won and how many lost leads it takes, at least 2
    :param forced_in: names of features that stay even if they do not help, unless they tell nothing at all
        (empty, constant, all different)
    :param forced_out: names of features that are left out
    :param ignore_empty: names of features of which a missing value says nothing: it contributes 0
    :return: Scorecard
    :raise NotEnoughLeads: fewer than that
    """
    return learn(
        table,
        won,
        weights=weights,
        groups=groups,
        seed=seed,
        progress=progress,
        minimum=minimum,
        forced_in=forced_in,
        forced_out=forced_out,
        ignore_empty=ignore_empty,
    )[0]


@dataclass
class Findings:
    """What was found out while learning.

    :param left_out: dict of name -> why
    :param influence: dict of name -> share of the spread of contributions, 0 to 1, in the model of all features
    :param worth: dict of name -> (gain of log loss by the feature, its standard error), nats a lead; features
        that were never tried are absent
    """

    left_out: dict = field(default_factory=dict)
    influence: dict = field(default_factory=dict)
    worth: dict = field(default_factory=dict)


def learn(
    table,
    won,
    *,
    weights=None,
    groups=None,
    seed=0,
    progress=None,
    minimum=MINIMUM_CLOSED,
    forced_in=(),
    forced_out=(),
    ignore_empty=(),
):
    """(Scorecard, Findings): `train`, and what was found out on the way."""
    data = outcomes_of(table.n_rows, won, weights, groups, minimum)
    candidates = table.select([name for name in table.names if name not in set(forced_out)])
    levels, left_out = fit_levels(candidates)
    left_out = {**{name: BY_HAND for name in table.names if name in set(forced_out)}, **left_out}
    names = [feature.name for feature in levels]
    job = _Job(
        data,
        positions_of(levels, table),
        levels,
        np.isin(names, list(forced_in)),
        [index for index, name in enumerate(names) if name in set(ignore_empty)],
        seed,
        progress or (lambda fraction, text: None),
    )
    # The problems are small: threads would wait for each other, ten times as long on a busy machine.
    with threadpool_limits(1):
        additive, used, findings = job.run()
    left_out.update({name: NO_HELP for name, stays in zip(names, used) if not stays})
    findings.left_out = {name: left_out[name] for name in table.names if name in left_out}
    return _compile(data, job.positions, levels, used, additive), findings


@dataclass
class _Choice:
    """A way to learn, and how it does on leads that were not learned from.

    `loss` is the mean log loss after calibration by `slope` and `shift`; a slope of 0 says the base rate.
    """

    used: np.ndarray
    penalty: float
    parts: list
    slope: float
    shift: float
    loss: float


class _Job:
    """One training: what it is given, and its steps."""

    def __init__(self, data, positions, levels, forced, silent, seed, progress):
        self.data, self.positions, self.levels = data, positions, levels
        self.forced, self.silent, self.seed, self.progress = forced, silent, seed, progress
        rows = sample_of(data, seed, SAMPLE_ROWS)
        self.sampled = len(rows) < len(data)
        self.sample = data.take(rows) if self.sampled else data
        self.sample_positions = positions[rows] if self.sampled else positions

    def run(self):
        """(Additive of all features, bool[f] those it uses, Findings)."""
        findings = Findings()
        nothing = np.zeros(len(self.levels), dtype=bool)
        ridge = Ridge(self.levels, self.sample_positions)
        if not self.levels:
            return ridge.fit(self.data, slice(None), USUAL_PENALTY, nothing), nothing, findings
        choice = self._choose(ridge, findings)
        if not choice.slope:
            return ridge.fit(self.data, slice(None), USUAL_PENALTY, nothing), nothing, findings
        self.progress(0.9, "Learning from all leads")
        whole = Ridge(self.levels, self.positions) if self.sampled else ridge
        additive = whole.fit(self.data, slice(None), choice.penalty, choice.used, precise=True)
        additive = additive.scaled(choice.slope, choice.shift)
        return additive.centred(self.positions, self.data.weights, self.silent), choice.used, findings

    def _choose(self, ridge, findings):
        """The _Choice to learn with: all features, or those that help."""
        folds = folds_of(self.sample, self.seed)
        every = np.ones(len(self.levels), dtype=bool)
        selector = Selector(ridge, self.sample_positions, self.sample, self.forced, self.silent, self.seed)
        full = self._choice(selector, folds, every, [every] * len(folds), USUAL_PENALTY, (0.0, 0.4))
        self._note_influence(full, findings)
        self.progress(0.4, "Looking for the features that help")
        used, worth = selector.choose(np.arange(len(self.sample)), full.penalty)
        if worth is not None:
            pairs = zip(worth.gains.tolist(), worth.errors.tolist())
            findings.worth = dict(zip((feature.name for feature in self.levels), pairs))
        if used.all():
            return full
        masks = [selector.choose(seen, full.penalty)[0] for seen, _rest in folds]
        fewer = self._choice(selector, folds, used, masks, full.penalty, (0.6, 0.9))
        return fewer if fewer.slope and fewer.loss <= full.loss + HAIR else full

    def _choice(self, selector, folds, used, masks, usual, span):
        """The penalty of the least log loss for these features (in each fold: `masks`), as a _Choice."""
        data, (start, end) = self.sample, span

        def losses(penalty):
            parts = selector.parts(folds, penalty, masks)
            log_odds, won, weights = _joined(parts, data)
            return np.average(loss_of(log_odds, won), weights=weights), parts

        def told(fraction):
            self.progress(start + (end - start) * fraction, "Trying how much may be learned")

        penalty, parts = least(losses, usual, PENALTIES, told)
        log_odds, won, weights = _joined(parts, data)
        slope, shift = sigmoid_of(log_odds, won, weights)
        if slope <= 0:
            slope, shift = 0.0, data.base
        loss = float(np.average(loss_of(slope * log_odds + shift, won), weights=weights))
        return _Choice(used, penalty, parts, slope, shift, loss)

    def _note_influence(self, choice, findings):
        spreads = np.sqrt(
            np.average(
                np.concatenate([contributions for _rows, _odds, contributions in choice.parts]) ** 2,
                axis=0,
                weights=np.concatenate([self.sample.weights[rows] for rows, _odds, _parts in choice.parts]),
            )
        )
        shares = spreads / (spreads.sum() or 1.0)
        findings.influence = dict(zip((feature.name for feature in self.levels), shares.tolist()))


def _joined(parts, data):
    """(log-odds, won, weights) of all parts."""
    rows = np.concatenate([part[0] for part in parts])
    return np.concatenate([part[1] for part in parts]), data.won[rows], data.weights[rows]


# ---- tables -> scorecard


def _compile(data, positions, levels, used, additive):
    """The scorecard of the features that are used, with what supports each level."""
    features = []
    for index in np.flatnonzero(used):
        feature = levels[index]
        closed, won = _support(data, positions[:, index], feature.n_levels + 1)
        features.append(FeatureCard(feature, round_stored(additive.mains[index]), closed, won))
    return Scorecard(float(round_stored(additive.intercept)[0]), tuple(features))


def _support(data, place, length):
    """int64[length] twice: closed and won leads at each level; a lead with rows at two supports both."""
    if data.grouped:
        _pairs, first = np.unique(np.stack([data.groups, place], axis=1), axis=0, return_index=True)
        place, outcome = place[first], data.won[first]
    else:
        outcome = data.won
    return np.bincount(place, minlength=length), np.bincount(place[outcome == 1], minlength=length)
