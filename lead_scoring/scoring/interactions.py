"""Which pairs of features may say more together than each alone.

A pair is a candidate where what a sum of single features leaves unexplained gathers in cells of the pair's
table (as in FAST: Y. Lou et al., Accurate Intelligible Models with Pairwise Interactions, 2013). Whether it
helps is for unseen leads to say.
"""

from itertools import combinations

import numpy as np

from .scorecard import sigmoid

# Levels of either side that are told apart while looking.
_GROUPS = 8

# Cells of less variance tell nothing.
_LEAST = 2.0

# How far beyond chance (in standard deviations of a chi-square) a pair's cells must be.
_BEYOND = 2.0

# Of more features than that, those that add most alone are looked at.
_MOST_FEATURES = 60


def candidates(positions, log_odds, won, weights, influence, most):
    """The most promising pairs.

    :param positions: int64[n, f]
    :param log_odds: float64[n], of leads that were not learned from, by single features, calibrated
    :param influence: float64[f], what features add alone; those of 0 are not looked at
    :param most: int, how many pairs
    :return: list of (a, b), most promising first
    """
    probability = sigmoid(log_odds)
    residual = weights * (won - probability)
    variance = weights**2 * probability * (1 - probability)
    order = np.argsort(-influence, kind="stable")[:_MOST_FEATURES]
    groups = {int(index): _coarse(positions[:, index]) for index in order if influence[index] > 0}
    found = []
    for pair in combinations(sorted(groups), 2):
        score = _beyond_chance(*(groups[index] for index in pair), residual, variance)
        if score > _BEYOND:
            found.append((-score, pair))
    return [pair for _score, pair in sorted(found)[:most]]


def _beyond_chance(first, second, residual, variance):
    """How many standard deviations the cells' chi-square is beyond what chance gives."""
    width = int(second.max()) + 1
    place = first * width + second
    size = (int(first.max()) + 1) * width
    gathered = np.bincount(place, residual, minlength=size).reshape(-1, width)
    expected = np.bincount(place, variance, minlength=size).reshape(-1, width)
    # What rows and columns gather is no interaction.
    for axis in (0, 1):
        total = expected.sum(axis=axis, keepdims=True)
        gathered = gathered - expected * gathered.sum(axis=axis, keepdims=True) / np.where(total > 0, total, 1.0)
    enough = expected > _LEAST
    freedom = enough.sum() - enough.any(axis=0).sum() - enough.any(axis=1).sum() + 1
    if freedom < 1:
        return 0.0
    return float(((gathered[enough] ** 2 / expected[enough]).sum() - freedom) / np.sqrt(2 * freedom))


def _coarse(places):
    """int64[n]: places in about _GROUPS groups of equal mass, in order."""
    mass = np.bincount(places)
    middle = (np.cumsum(mass) - mass / 2) / max(mass.sum(), 1)
    groups = np.minimum((_GROUPS * middle).astype(np.int64), _GROUPS - 1)
    return np.unique(groups, return_inverse=True)[1].ravel()[places]
