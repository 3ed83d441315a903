"""Sums of tables: what every learner gives, and what a scorecard is made of.

`positions` is int64[n, f] throughout: the place of each row in the table of each feature, the last place for
"missing".
"""

from dataclasses import dataclass

import numpy as np


@dataclass
class Additive:
    """Log-odds as an intercept and a table for each feature.

    :param intercept: float
    :param mains: list of float64[n_levels + 1], one for each of f features
    """

    intercept: float
    mains: list

    def log_odds(self, positions):
        """Log-odds of rows, float64[n]."""
        total = np.full(len(positions), self.intercept)
        for index, table in enumerate(self.mains):
            if table.any():
                total += table[positions[:, index]]
        return total

    def contributions(self, positions):
        """What each feature adds, float64[n, f]."""
        parts = np.empty(positions.shape, order="F")
        for index, table in enumerate(self.mains):
            parts[:, index] = table[positions[:, index]]
        return parts

    def centred(self, positions, weights, silent=()):
        """The same log-odds, with tables whose weighted mean over these rows is zero.

        :param silent: indices of features whose missing level shall say nothing: it gets the mean of the
            others, which centring makes zero. (These log-odds are not the same ones.)
        """
        intercept, mains = self.intercept, []
        for index, table in enumerate(self.mains):
            mass = np.bincount(positions[:, index], weights, minlength=len(table))
            if index in silent:
                table = table.copy()
                filled = mass[:-1].sum()
                table[-1] = table[:-1] @ mass[:-1] / filled if filled else 0.0
            mean = table @ mass / mass.sum()
            intercept += mean
            mains.append(table - mean)
        return Additive(float(intercept), mains)

    def scaled(self, slope, shift):
        """slope * log-odds + shift."""
        return Additive(slope * self.intercept + shift, [slope * table for table in self.mains])


def positions_of(levels, table):
    """int64[n, f]: each row's place in the tables of the features; missing is the last place."""
    positions = np.empty((table.n_rows, len(levels)), dtype=np.int64, order="F")
    for index, feature in enumerate(levels):
        encoded = feature.encode(table.columns[feature.name])
        positions[:, index] = np.minimum(encoded, feature.n_levels)
    return positions
