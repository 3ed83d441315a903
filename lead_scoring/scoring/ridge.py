"""A ridge (L2) logistic regression on levels.

A 0/1 column for each category, a staircase for the bins of numbers: each edge is a step up or down, so the
penalty pulls neighbouring bins towards each other. (Against 0/1 columns of bins this gave 0.01 AUC with 600
leads of X Education and 0.008 with 600 of Bank Marketing, and 0.001 with all.) It is linear in the levels, so
its tables are the regression itself: nothing is approximated.
"""

import warnings

import numpy as np
import scipy.sparse as sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from .additive import Additive
from .logistic import logistic

# C of LogisticRegression, from "hardly anything is learned" on.
PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
USUAL_PENALTY = 0.3

# How a step between two bins counts in the penalty, against a category: of 1, 0.4 and 0.25, 0.4 did best
# overall.
STEP = 0.4

# Up to that many rows and columns Newton's method is the faster one.
NEWTON_ROWS, NEWTON_COLUMNS = 1_500, 120


class Ridge:
    """The regression of one set of leads, for any penalty and any of their features.

    :param levels: list of CategoryLevels | NumberLevels, f of them
    :param positions: int64[n, f], the place of each row in the tables of the features
    """

    def __init__(self, levels, positions):
        self.levels = levels
        self.bases = [_basis(feature) for feature in levels]
        self.chosen = [_chosen(positions[:, index], feature) for index, feature in enumerate(levels)]
        self._designs = {}

    def fit(self, data, rows, penalty, used, precise=False):
        """The Additive of some rows and features.

        :param data: Outcomes of all n rows
        :param rows: int[m], to learn from
        :param penalty: C of LogisticRegression
        :param used: bool[f], the features to learn from; the tables of others are zero
        :param precise: run the solver to the end, so that the digits that are stored do not depend on where
            it gave up; while choosing that is not worth the time
        """
        mains = [np.zeros(feature.n_levels + 1) for feature in self.levels]
        if not used.any():
            return Additive(data.take(rows).base, mains)
        weights, intercept = self._solve(self._design(used)[rows], data.won[rows], data.weights[rows], penalty, precise)
        start = 0
        for index in np.flatnonzero(used):
            basis = self.bases[index]
            mains[index] = basis @ weights[start : start + basis.shape[1]]
            start += basis.shape[1]
        return Additive(intercept, mains)

    def _solve(self, matrix, won, weights, penalty, precise):
        """(coefficients, intercept)."""
        if matrix.shape[0] <= NEWTON_ROWS and matrix.shape[1] <= NEWTON_COLUMNS:
            return logistic(matrix.toarray(), won, weights, 1 / penalty)
        model = LogisticRegression(C=penalty, **({"tol": 1e-8, "max_iter": 5000} if precise else {"max_iter": 300}))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(matrix, won, sample_weight=weights)
        return model.coef_[0], float(model.intercept_[0])

    def _design(self, used):
        """CSR matrix [n, columns]: what the regression sees of each row. The last one made is kept."""
        key = used.tobytes()
        if key not in self._designs:
            parts = [self.chosen[index] @ sparse.csr_matrix(self.bases[index]) for index in np.flatnonzero(used)]
            self._designs = {key: sparse.hstack(parts, format="csr")}
        return self._designs[key]


def _chosen(place, levels):
    """CSR matrix [n, n_levels + 1], a one at each row's place."""
    shape = (len(place), levels.n_levels + 1)
    return sparse.csr_matrix((np.ones(len(place)), place, np.arange(len(place) + 1)), shape=shape)


def _basis(levels):
    """float64[n_levels + 1, columns]: what the regression sees of each level of a feature."""
    size = levels.n_levels
    if levels.kind == "category":
        return np.eye(size + 1)
    # Steps are counted from the middle bin: few entries are not zero, and "missing" is compared with it.
    middle = size // 2
    upper = np.arange(size)[:, None] >= np.arange(1, size)
    staircase = upper.astype(np.float64) - (np.arange(1, size) <= middle)
    basis = np.zeros((size + 1, size))
    basis[:size, :-1] = STEP * staircase
    basis[size, -1] = 1
    return basis


def least(losses, usual, choices, progress=lambda fraction: None):
    """The choice of the least loss, searched from the usual one on, both ways.

    :param losses: callable(choice) -> (loss, anything)
    :return: (choice, anything)
    """
    tried = {}

    def loss(place):
        if place not in range(len(choices)):
            return np.inf
        if place not in tried:
            progress(len(tried) / len(choices))
            tried[place] = losses(choices[place])
        return tried[place][0]

    best = choices.index(usual)
    for step in (1, -1):
        while loss(best + step) < loss(best):
            best += step
    return choices[best], tried[best][1]
