"""Sums of tables: what every learner gives, and what a scorecard is made of.

`positions` is int64[n, f] throughout: the place of each row in the table of each feature, the last place for
"missing".
"""

from dataclasses import dataclass, field

import numpy as np

# Row and column means of a pair are nothing from here on.
_PURE = 1e-13
_PASSES = 200


@dataclass
class Pair:
    """What two features add together, beyond what each adds alone.

    :param groups: (int64[n_levels_a + 1], int64[n_levels_b + 1]), the group of each place of either feature
    :param cells: float64[groups of a, groups of b]
    """

    groups: tuple
    cells: np.ndarray

    def of(self, first, second):
        """float64[n], for the places int64[n] of both features."""
        return self.cells[self.groups[0][first], self.groups[1][second]]


@dataclass
class Additive:
    """Log-odds as an intercept, a table for each feature, and tables for pairs of them.

    :param intercept: float
    :param mains: list of float64[n_levels + 1], one for each of f features
    :param pairs: dict of (a, b) -> Pair, indices of features, a < b
    """

    intercept: float
    mains: list
    pairs: dict = field(default_factory=dict)

    def log_odds(self, positions):
        """Log-odds of rows, float64[n]."""
        total = np.full(len(positions), self.intercept)
        for index, table in enumerate(self.mains):
            if table.any():
                total += table[positions[:, index]]
        for (first, second), pair in self.pairs.items():
            total += pair.of(positions[:, first], positions[:, second])
        return total

    def contributions(self, positions):
        """What each feature adds, float64[n, f]; what a pair adds is shared half and half."""
        parts = np.empty(positions.shape, order="F")
        for index, table in enumerate(self.mains):
            parts[:, index] = table[positions[:, index]]
        for (first, second), pair in self.pairs.items():
            half = pair.of(positions[:, first], positions[:, second]) / 2
            parts[:, first] += half
            parts[:, second] += half
        return parts

    def centred(self, positions, weights, silent=()):
        """The same log-odds with pure pairs, and tables whose weighted mean over these rows is zero.

        A pair is pure when its weighted row and column means are zero: what they were is what a feature adds
        alone, and goes to its table (B. Lengerich et al., Purifying Interaction Effects with the Functional
        ANOVA, 2020).

        :param silent: indices of features whose missing level shall say nothing: it gets the mean of the
            others, which centring makes zero. (These log-odds are not the same ones.)
        """
        intercept, mains, pairs = self.intercept, [table.copy() for table in self.mains], {}
        for (first, second), pair in self.pairs.items():
            pairs[first, second], extra, more = _purified(pair, first, second, positions, weights, silent)
            mains[first] += extra
            mains[second] += more
        for index, table in enumerate(mains):
            mass = np.bincount(positions[:, index], weights, minlength=len(table))
            if index in silent:
                filled = mass[:-1].sum()
                table[-1] = table[:-1] @ mass[:-1] / filled if filled else 0.0
            mean = table @ mass / mass.sum()
            intercept += mean
            mains[index] = table - mean
        return Additive(float(intercept), mains, pairs)

    def scaled(self, slope, shift=0.0):
        """slope * log-odds + shift."""
        pairs = {place: Pair(pair.groups, slope * pair.cells) for place, pair in self.pairs.items()}
        return Additive(slope * self.intercept + shift, [slope * table for table in self.mains], pairs)

    def plus(self, other):
        """The sum of both; no pair may be in both."""
        if self.pairs.keys() & other.pairs.keys():
            raise ValueError("A pair is in both sums.")
        mains = [one + two for one, two in zip(self.mains, other.mains)]
        return Additive(self.intercept + other.intercept, mains, {**self.pairs, **other.pairs})


def _purified(pair, first, second, positions, weights, silent):
    """(pure Pair, float64[n_levels_a + 1], float64[n_levels_b + 1]): what goes to the tables of either."""
    groups, cells = pair.groups, pair.cells.copy()
    shape = cells.shape
    place = groups[0][positions[:, first]] * shape[1] + groups[1][positions[:, second]]
    mass = np.bincount(place, weights, minlength=cells.size).reshape(shape)
    quiet = [groups[side][-1] if index in silent else None for side, index in enumerate((first, second))]
    _hush(mass, quiet)
    _hush(cells, quiet)
    of_rows, of_columns = _spread(mass, 1), _spread(mass, 0)
    extra, more = np.zeros(shape[0]), np.zeros(shape[1])
    for _pass in range(_PASSES):
        rows = (cells * of_rows).sum(axis=1)
        cells -= rows[:, None]
        columns = (cells * of_columns).sum(axis=0)
        cells -= columns
        extra += rows
        more += columns
        if max(np.abs(rows).max(), np.abs(columns).max()) < _PURE:
            break
    _hush(cells, quiet)
    return Pair(groups, cells), extra[groups[0]], more[groups[1]]


def _hush(cells, quiet):
    """Zero the row and the column of groups that shall say nothing."""
    row, column = quiet
    if row is not None:
        cells[row] = 0
    if column is not None:
        cells[:, column] = 0


def _spread(mass, axis):
    """Mass as shares along an axis; where there is none, the shares of all together."""
    total = mass.sum(axis=axis, keepdims=True)
    other = mass.sum(axis=1 - axis, keepdims=True)
    return np.where(total > 0, mass / np.where(total > 0, total, 1.0), other / (other.sum() or 1.0))


def positions_of(levels, table):
    """int64[n, f]: each row's place in the tables of the features; missing is the last place."""
    positions = np.empty((table.n_rows, len(levels)), dtype=np.int64, order="F")
    for index, feature in enumerate(levels):
        encoded = feature.encode(table.columns[feature.name])
        positions[:, index] = np.minimum(encoded, feature.n_levels)
    return positions
