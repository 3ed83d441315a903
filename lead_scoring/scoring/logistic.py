"""A logistic regression of few columns by Newton's method, to the last digit.

For a hundred columns and some hundred leads it is ten times as fast as a general solver called a hundred
times, and what it finds does not depend on where a solver gave up.
"""

import numpy as np

from .scorecard import sigmoid

_STEPS = 100
_DONE = 1e-10


def logistic(matrix, target, weights, ridge, centre=0.0):
    """Coefficients and intercept of the least weighted log loss.

    :param matrix: float64[n, k]
    :param target: float64[n], 0 to 1
    :param weights: float64[n]
    :param ridge: the loss has ridge / 2 * sum of (coefficients - centre) squared added; above 0
    :param centre: float, what coefficients are pulled to
    :return: (float64[k], float)
    """
    columns = np.column_stack([matrix, np.ones(len(matrix))])
    pull = np.append(np.full(columns.shape[1] - 1, float(ridge)), 0.0)
    share = np.clip(weights @ target / weights.sum(), 1e-9, 1 - 1e-9)
    found = goal = np.append(np.full(columns.shape[1] - 1, float(centre)), np.log(share / (1 - share)))

    def loss(parameters, odds):
        return weights @ (np.logaddexp(0.0, odds) - target * odds) + pull @ (parameters - goal) ** 2 / 2

    odds = columns @ found
    least = loss(found, odds)
    for _step in range(_STEPS):
        probability = sigmoid(odds)
        slope = columns.T @ (weights * (probability - target)) + pull * (found - goal)
        curve = weights * np.maximum(probability * (1 - probability), 1e-12)
        bend = (columns * curve[:, None]).T @ columns + np.diag(pull)
        step = np.linalg.solve(bend, slope)
        if slope @ step < _DONE:
            return found[:-1], float(found[-1])
        size = 1.0
        while size > 1e-6:
            tried = found - size * step
            odds = columns @ tried
            value = loss(tried, odds)
            if value < least:
                break
            size /= 2
        else:
            break
        found, least = tried, value
    return found[:-1], float(found[-1])
