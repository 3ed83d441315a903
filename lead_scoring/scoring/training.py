"""Learning a scorecard from closed leads.

1. Levels of all features are fixed (`binning`).
2. A ridge regression (`ridge`) learns from all features; its penalty is the one of the least cross-validated
   log loss.
3. Features that do not help are dropped (`selection`), if a model without them is no worse on leads that
   neither it nor the selection has seen.
4. Three learners, shrunk naive Bayes (`naive_bayes`), that regression, and boosting (`boosting`), learn from
   what stays. Pairs of features are tried (`interactions`). A logistic regression on the learners' log-odds of
   unseen leads weighs and calibrates them (`stack`). Where that is worth nothing, the card has no features and
   says the base rate for everyone.
5. Each learner is a sum of tables (`additive`), so the stack of those that learned from all leads is one too:
   the scorecard is the model and not its copy.

Against the ridge regression of steps 1 to 3 alone: 0.013 AUC more on Bank Marketing, by its pairs, and 0.002 on
Olist; no difference on X Education; log loss lower or equal within its error from 40 leads on.
"""

from dataclasses import dataclass, field

import numpy as np
from threadpoolctl import threadpool_limits

from .additive import Additive, positions_of
from .binning import BY_HAND, NO_HELP, fit_levels
from .errors import MINIMUM_CLOSED
from .outcomes import folds_of, outcomes_of, sample_of
from .platt import sigmoid_of
from .ridge import PENALTIES, USUAL_PENALTY, Ridge, least
from .scorecard import FeatureCard, PairCard, Scorecard, loss_of, round_stored
from .selection import Selector
from .stack import Stack

# Above this many rows, what to learn is chosen on a sample, and learned from all: 0.0006 AUC on Bank Marketing.
# Where won or lost leads are rare, the sample is larger, so that it has some hundred of either.
SAMPLE_ROWS = 20_000
SAMPLE_OF_RARE, LARGEST_SAMPLE = 500, 100_000

# Fewer features are taken for a log loss (nats a lead) that is worse by no more than this.
HAIR = 0.0005


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
    costly=(),
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
    :param costly: names of features that take long to read; they have to be worth more to stay
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
        costly=costly,
    )[0]


@dataclass
class Findings:
    """What was found out while learning.

    :param left_out: dict of name -> why
    :param influence: dict of name -> share of the spread of contributions, 0 to 1, in the model of all features
    :param worth: dict of name -> (gain of log loss by the feature, its standard error), nats a lead; features
        that were never tried are absent
    :param learners: what `Plan.summary` says of the learners and their weights; empty where nothing helped
    """

    left_out: dict = field(default_factory=dict)
    influence: dict = field(default_factory=dict)
    worth: dict = field(default_factory=dict)
    learners: dict = field(default_factory=dict)


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
    costly=(),
):
    """(Scorecard, Findings): `train`, and what was found out on the way."""
    data = outcomes_of(table.n_rows, won, weights, groups, minimum)
    candidates = table.select([name for name in table.names if name not in set(forced_out)])
    levels, left_out = fit_levels(candidates, len(data) / data.count()[0])
    left_out = {**{name: BY_HAND for name in table.names if name in set(forced_out)}, **left_out}
    names = [feature.name for feature in levels]
    job = _Job(
        data,
        positions_of(levels, table),
        levels,
        np.isin(names, list(forced_in)),
        np.isin(names, list(costly)),
        [index for index, name in enumerate(names) if name in set(ignore_empty)],
        seed,
        progress or (lambda fraction, text: None),
    )
    # The problems are small: threads would wait for each other, ten times as long on a busy machine.
    with threadpool_limits(1):
        additive, used = job.run()
    findings = job.findings
    left_out.update({name: NO_HELP for name, stays in zip(names, used) if not stays})
    findings.left_out = {name: left_out[name] for name in table.names if name in left_out}
    return _compile(data, job.positions, levels, used, additive), findings


def _sample_size(data):
    closed, won = data.count()
    needed = SAMPLE_OF_RARE * closed // min(won, closed - won)
    return max(SAMPLE_ROWS, min(needed, LARGEST_SAMPLE))


@dataclass
class _Choice:
    """Features and penalty to learn with, and how the regression does with them on unseen leads.

    :param used: bool[f]
    :param masks: list of bool[f], what each fold uses
    :param parts: as of `Selector.parts`
    :param slope: of the calibration; 0 where the regression is worth nothing
    :param loss: float, mean log loss after calibration
    """

    used: np.ndarray
    masks: list
    penalty: float
    parts: list
    slope: float
    loss: float


class _Job:
    """One training: what it is given, and its steps."""

    def __init__(self, data, positions, levels, forced, costly, silent, seed, progress):
        self.data, self.positions, self.levels = data, positions, levels
        self.forced, self.costly, self.silent, self.seed, self.progress = forced, costly, silent, seed, progress
        rows = sample_of(data, seed, _sample_size(data))
        self.sampled = len(rows) < len(data)
        self.sample = data.take(rows) if self.sampled else data
        self.sample_positions = positions[rows] if self.sampled else positions
        self.findings = Findings()

    def run(self):
        """(Additive of all features, bool[f] those it uses)."""
        nothing = Additive(self.data.base, [np.zeros(feature.n_levels + 1) for feature in self.levels])
        unused = np.zeros(len(self.levels), dtype=bool)
        if not self.levels:
            return nothing, unused
        self.folds = folds_of(self.sample, self.seed)
        ridge = Ridge(self.levels, self.sample_positions)
        choice = self._choose(ridge)
        stack = Stack(self.levels, self.sample_positions, self.sample, self.silent, self.seed)
        plan = stack.plan(
            self.folds, choice, self.influence, lambda fraction, text: self.progress(0.5 + 0.3 * fraction, text)
        )
        if plan is None:
            return nothing, unused
        self.findings.learners = plan.summary()
        self.progress(0.8, "Learning from all leads")
        whole = Stack(self.levels, self.positions, self.data, self.silent, self.seed) if self.sampled else stack
        return whole.learn(plan).centred(self.positions, self.data.weights, self.silent), plan.seen_by_trees

    def _choose(self, ridge):
        """The _Choice to learn with: all features, or those that help."""
        every = np.ones(len(self.levels), dtype=bool)
        hands = self.forced, self.costly, self.silent
        selector = Selector(ridge, self.sample_positions, self.sample, *hands, self.seed)
        full = self._choice(selector, every, [every] * len(self.folds), USUAL_PENALTY, (0.0, 0.2))
        self._note_influence(full)
        self.progress(0.2, "Looking for the features that help")
        used, worth = selector.choose(np.arange(len(self.sample)), full.penalty)
        if worth is not None:
            pairs = zip(worth.gains.tolist(), worth.errors.tolist())
            self.findings.worth = dict(zip((feature.name for feature in self.levels), pairs))
        if used.all():
            return full
        masks = [selector.choose(seen, full.penalty)[0] for seen, _rest in self.folds]
        fewer = self._choice(selector, used, masks, full.penalty, (0.4, 0.5))
        return fewer if fewer.slope and fewer.loss <= full.loss + HAIR else full

    def _choice(self, selector, used, masks, usual, span):
        """The penalty of the least log loss for these features (in each fold: `masks`), as a _Choice."""
        start, end = span

        def losses(penalty):
            parts = selector.parts(self.folds, penalty, masks)
            log_odds, won, weights = _joined(parts, self.sample)
            return np.average(loss_of(log_odds, won), weights=weights), parts

        def told(fraction):
            self.progress(start + (end - start) * fraction, "Trying how much may be learned")

        penalty, parts = least(losses, usual, PENALTIES, told)
        log_odds, won, weights = _joined(parts, self.sample)
        slope, shift = sigmoid_of(log_odds, won, weights)
        if slope <= 0:
            slope, shift = 0.0, self.sample.base
        loss = float(np.average(loss_of(slope * log_odds + shift, won), weights=weights))
        return _Choice(used, masks, penalty, parts, slope, loss)

    def _note_influence(self, choice):
        """Remember each feature's share of the spread of contributions, by the model of all features."""
        contributions = np.concatenate([part[2] for part in choice.parts])
        weights = np.concatenate([self.sample.weights[part[0]] for part in choice.parts])
        spreads = np.sqrt(np.average(contributions**2, axis=0, weights=weights))
        self.influence = spreads / (spreads.sum() or 1.0)
        names = (feature.name for feature in self.levels)
        self.findings.influence = dict(zip(names, self.influence.tolist()))


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
    pairs = [
        PairCard(
            tuple(levels[index].name for index in place),
            pair.groups,
            round_stored(pair.cells).reshape(pair.cells.shape),
        )
        for place, pair in sorted(additive.pairs.items())
    ]
    return Scorecard(float(round_stored(additive.intercept)[0]), tuple(features), tuple(pairs))


def _support(data, place, length):
    """int64[length] twice: closed and won leads at each level; a lead with rows at two supports both."""
    if data.grouped:
        _pairs, first = np.unique(np.stack([data.groups, place], axis=1), axis=0, return_index=True)
        place, outcome = place[first], data.won[first]
    else:
        outcome = data.won
    return np.bincount(place, minlength=length), np.bincount(place[outcome == 1], minlength=length)
