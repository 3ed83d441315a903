"""Naive Bayes, shrunk: a feature's table is the log-odds of its levels' win rates, pulled to the base rate.

Each feature is counted by itself, so there is little to overfit: with few leads it is hard to beat, with many
it takes features that say the same for independent witnesses. Numbers are counted in coarse bins.
"""

import numpy as np

from .additive import Additive

# How many imagined leads of the base rate each level gets; in how many bins numbers are counted.
PSEUDO_COUNTS = (2.0, 5.0, 15.0, 50.0)
BINS = (3, 5, 10)


class NaiveBayes:
    """Counts of one set of leads, for any pseudo-count, bins and rows.

    :param levels: list of CategoryLevels | NumberLevels, f of them
    :param positions: int64[n, f]
    """

    def __init__(self, levels, positions):
        self.lengths = [feature.n_levels + 1 for feature in levels]
        self.ends = np.cumsum(self.lengths)
        self.places = positions + (self.ends - self.lengths)
        everything = self._split(np.bincount(self.places.ravel(), minlength=self.ends[-1]))
        # Bins are fixed once, without outcomes, as levels are.
        self.groups = {
            bins: [
                _coarse(mass, bins) if feature.kind == "number" else np.arange(length)
                for mass, feature, length in zip(everything, levels, self.lengths)
            ]
            for bins in BINS
        }

    def counts(self, data, rows):
        """(won, lost): float64[all levels], weights of the rows at each level of each feature."""
        places, repeats = self.places[rows].ravel(), self.places.shape[1]
        won = np.repeat(data.weights[rows] * (data.won[rows] == 1), repeats)
        lost = np.repeat(data.weights[rows] * (data.won[rows] == 0), repeats)
        return tuple(np.bincount(places, weights, minlength=self.ends[-1]) for weights in (won, lost))

    def fit(self, counts, base, used, pseudo, bins):
        """The Additive of some counts.

        :param counts: as of `counts`
        :param base: log-odds of all rows
        :param used: bool[f]
        """
        share = 1 / (1 + np.exp(-base))
        mains = []
        for won, lost, groups, use in zip(*map(self._split, counts), self.groups[bins], used):
            if not use:
                mains.append(np.zeros(len(won)))
                continue
            won, lost = np.bincount(groups, won), np.bincount(groups, lost)
            odds = np.log(won + pseudo * share) - np.log(lost + pseudo * (1 - share)) - base
            mains.append(odds[groups])
        return Additive(base, mains)

    def _split(self, values):
        return np.split(values, self.ends[:-1])


def _coarse(mass, bins):
    """int64[n_levels + 1]: the coarse bin of each bin, of about equal mass; missing is one of its own."""
    inner = mass[:-1]
    middle = (np.cumsum(inner) - inner / 2) / max(inner.sum(), 1)
    groups = np.unique(np.minimum((bins * middle).astype(np.int64), bins - 1), return_inverse=True)[1].ravel()
    return np.append(groups, groups[-1] + 1)
