"""Boosted trees that are sums of tables.

Trees may split on one feature each, or on the two of a pair (`interaction_cst` of scikit-learn's
HistGradientBoostingClassifier, with native categories), so the sum of all trees is a sum of tables of one or
two features: f(v) = raw(reference with x = v) - raw(reference), and for a pair by inclusion and exclusion.
That is exact, not an approximation: no sampling, no SHAP.

The learner sees the number of a level where others see a value. Splits of trees depend on order alone, so for
numbers that is the same.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from .additive import Additive, Pair

# Levels of either side of a pair, without the missing one.
MAXIMUM_GROUPS = 32


@dataclass(frozen=True)
class Setting:
    """How to boost; `rounds` at most."""

    rate: float
    rounds: int
    leaves: int
    ridge: float


def setting_of(n_rows):
    """Few leads: small steps, few leaves, much shrinking."""
    if n_rows < 500:
        return Setting(0.05, 60, 6, 5.0)
    if n_rows < 3_000:
        return Setting(0.05, 120, 8, 5.0)
    return Setting(0.1, 200, 15, 3.0)


class Boosting:
    """Boosting on one set of leads.

    :param levels: list of CategoryLevels | NumberLevels, f of them
    :param positions: int64[n, f]
    :param seed: int
    """

    def __init__(self, levels, positions, seed):
        self.levels, self.positions, self.seed = levels, positions, seed
        self._groups = {}

    def fit(self, data, rows, used, rounds=None, pairs=(), setting=None):
        """A Boosted of some rows and features.

        :param data: Outcomes of all n rows
        :param rows: int[m]
        :param used: bool[f]
        :param rounds: number of trees; default the most of the setting
        :param pairs: list of (a, b), indices of used features that may interact
        """
        setting = setting or setting_of(len(data.won[rows]))
        columns = self._columns(rows, used, pairs)
        won, weights = data.won[rows], data.weights[rows]
        base = data.take(rows).base
        if not columns.sources:
            return Boosted(self, None, base, columns)
        model = HistGradientBoostingClassifier(
            learning_rate=setting.rate,
            max_iter=rounds or setting.rounds,
            max_leaf_nodes=setting.leaves,
            l2_regularization=setting.ridge,
            categorical_features=columns.categories,
            interaction_cst=columns.sets,
            early_stopping=False,
            random_state=self.seed,
        )
        model.fit(columns.matrix(self.positions[rows]), won, sample_weight=weights)
        return Boosted(self, model, base, columns)

    def groups(self, index):
        """int64[n_levels + 1]: the group of each place in a pair; the most frequent levels have their own."""
        if index not in self._groups:
            mass = np.bincount(self.positions[:, index], minlength=self.levels[index].n_levels + 1)
            self._groups[index] = _grouped(mass, self.levels[index].kind)
        return self._groups[index]

    def _columns(self, rows, used, pairs):
        """What the trees see, without columns that are the same in all these rows (boosting fails on them)."""
        varies = [index for index in np.flatnonzero(used) if np.ptp(self.positions[rows, index])]
        sides = sorted({index for pair in pairs for index in pair}.intersection(varies))
        grouped = [index for index in sides if self.groups(index).max() < self.levels[index].n_levels]
        sources = [(index, None) for index in varies] + [(index, self.groups(index)) for index in grouped]
        return _Columns(sources, self.levels, pairs)


class _Columns:
    """Columns of a boosting: features, and for pairs coarser copies of those with many levels.

    :param sources: list of (index of a feature, groups of its places or None)
    :param levels: of all features
    :param pairs: list of (a, b) that may meet in a tree
    """

    def __init__(self, sources, levels, pairs):
        self.levels = levels
        # Categories first: scikit-learn moves them there, and up to 1.9 does not renumber `interaction_cst`.
        self.sources = sorted(sources, key=lambda source: levels[source[0]].kind != "category")
        # The last column of a feature is its coarser copy, where it has one.
        place = {index: column for column, (index, _groups) in enumerate(self.sources)}
        self.pairs = {
            pair: tuple(place[index] for index in pair) for pair in pairs if all(index in place for index in pair)
        }
        self.sets = [{column} for column in range(len(self.sources))] + [set(pair) for pair in self.pairs.values()]

    @property
    def categories(self):
        return np.array([self.levels[index].kind == "category" for index, _groups in self.sources])

    def matrix(self, positions):
        """float64[n, columns]; missing is NaN."""
        matrix = np.empty((len(positions), len(self.sources)))
        for column, (index, groups) in enumerate(self.sources):
            matrix[:, column] = self.column(positions[:, index], index, groups)
        return matrix

    def column(self, places, index, groups):
        """float64[n] of the places of a feature."""
        values = (places if groups is None else groups[places]).astype(np.float64)
        values[places == self.levels[index].n_levels] = np.nan
        return values


class Boosted:
    """What boosting learned.

    :param model: HistGradientBoostingClassifier, None where no column told anything
    """

    def __init__(self, boosting, model, base, columns):
        self.boosting, self.model, self.base, self.columns = boosting, model, base, columns

    def log_odds(self, positions):
        """By the trees themselves, float64[n]."""
        if self.model is None:
            return np.full(len(positions), self.base)
        return self.model.decision_function(self.columns.matrix(positions))

    def staged(self, positions, rounds):
        """Yield log-odds float64[n] after each number of trees in `rounds` (rising)."""
        if self.model is None:
            yield from (np.full(len(positions), self.base) for _count in rounds)
            return
        wanted = set(rounds)
        for count, odds in enumerate(self.model.staged_decision_function(self.columns.matrix(positions)), start=1):
            if count in wanted:
                yield odds.ravel()

    def additive(self, rounds=None):
        """The trees as tables, exactly: an Additive.

        :param rounds: of the first trees alone; default all
        """
        levels = self.boosting.levels
        mains = [np.zeros(feature.n_levels + 1) for feature in levels]
        if self.model is None:
            return Additive(self.base, mains)
        probe = _Probe(self.columns, levels)
        raw = self._raw(probe.matrix(), rounds)
        for (index, _groups), own in zip(self.columns.sources, probe.mains(raw)):
            mains[index] = mains[index] + own
        pairs = {pair: Pair(groups, cells) for pair, groups, cells in probe.pairs(raw, self.boosting.groups)}
        return Additive(float(raw[0]), mains, pairs)

    def _raw(self, matrix, rounds):
        if rounds is None or rounds >= self.model.n_iter_:
            return self.model.decision_function(matrix)
        stages = self.model.staged_decision_function(matrix)
        return next(odds for count, odds in enumerate(stages, start=1) if count == rounds).ravel()


class _Probe:
    """Made-up leads that show what trees have learned: a reference, and what differs from it in one feature
    or in the two of a pair. The reference has the first level everywhere."""

    def __init__(self, columns, levels):
        self.columns, self.levels = columns, levels
        self.values = [
            columns.column(np.arange(levels[index].n_levels + 1), index, groups) for index, groups in columns.sources
        ]
        self.reference = np.array([values[0] for values in self.values])

    def matrix(self):
        """float64[rows, columns]: the reference, each column's places, each pair's."""
        return np.concatenate([self.reference[None], *map(self._single, range(len(self.values))), *self._doubles()])

    def _single(self, column):
        rows = np.tile(self.reference, (len(self.values[column]), 1))
        rows[:, column] = self.values[column]
        return rows

    def _sides(self, columns):
        """One place of each group: two lists of values."""
        sides = []
        for column in columns:
            values = self.values[column]
            _distinct, first = np.unique(np.nan_to_num(values, nan=np.inf), return_index=True)
            sides.append(values[first])
        return sides

    def _doubles(self):
        for columns in self.columns.pairs.values():
            one, two = self._sides(columns)
            rows = np.tile(self.reference, (len(one) * len(two), 1))
            rows[:, columns[0]] = np.repeat(one, len(two))
            rows[:, columns[1]] = np.tile(two, len(one))
            yield rows

    def mains(self, raw):
        """Yield float64[n_levels + 1], what each column adds alone."""
        start = 1
        for values in self.values:
            yield raw[start : start + len(values)] - raw[0]
            start += len(values)

    def pairs(self, raw, groups_of):
        """Yield (pair, groups, cells) of each pair."""
        starts = np.cumsum([1, *map(len, self.values)])
        start = int(starts[-1])
        for pair, columns in self.columns.pairs.items():
            one, two = (len(side) for side in self._sides(columns))
            cells = raw[start : start + one * two].reshape(one, two)
            start += one * two
            own = []
            for column in columns:
                values = np.nan_to_num(self.values[column], nan=np.inf)
                _distinct, first = np.unique(values, return_index=True)
                own.append(raw[starts[column] + first] - raw[0])
            groups = tuple(groups_of(index) for index in pair)
            yield pair, groups, cells - raw[0] - own[0][:, None] - own[1][None, :]


def _grouped(mass, kind):
    """int64[n_levels + 1]: at most MAXIMUM_GROUPS groups and missing, which is the last one.

    Categories beyond the most frequent ones share a group; neighbouring bins are put together.
    """
    inner = mass[:-1]
    if len(inner) <= MAXIMUM_GROUPS:
        return np.arange(len(mass))
    if kind == "number":
        middle = (np.cumsum(inner) - inner / 2) / max(inner.sum(), 1)
        groups = np.minimum((MAXIMUM_GROUPS * middle).astype(np.int64), MAXIMUM_GROUPS - 1)
        groups = np.unique(groups, return_inverse=True)[1].ravel()
    else:
        groups = np.full(len(inner), MAXIMUM_GROUPS - 1)
        best = np.sort(np.argsort(-inner, kind="stable")[: MAXIMUM_GROUPS - 1])
        groups[best] = np.arange(len(best))
    return np.append(groups, groups.max() + 1)
