"""Ranges of scores that become grades.

A range is told by its lowest score; grades are told best first, so that the last minimum is 0.
"""

import numpy as np

from .errors import ScoringError

DEFAULT_MINIMUMS = (75, 50, 25, 0)
DEFAULT_SHARES = (0.1, 0.2, 0.3, 0.4)

# The better half of the grades (A and B of four) should hold a share of leads that a person can work on.
GOOD_SHARE = (0.10, 0.50)

_HIGHEST = 100


def fit_ranges(scores, shares=DEFAULT_SHARES):
    """Minimum scores that split leads into grades of about these shares.

    Scores are whole and many leads share one, so the shares can only be met nearly. Of all ranges that leave
    no grade without a score of its own, these have the smallest sum of deviations of the cumulative shares;
    of those, edges at or beside scores that occur.

    :param scores: int[n], 0 to 100
    :param shares: share of leads of each grade, best first, summing to 1
    :return: tuple of int, strictly falling, the last one 0
    """
    scores, shares = np.asarray(scores), np.asarray(shares, dtype=np.float64)
    if not scores.size:
        raise ScoringError("There are no scored leads to fit the ranges of grades to.")
    if not 1 <= len(shares) <= _HIGHEST + 1 or (shares < 0).any() or abs(shares.sum() - 1) > 1e-6:
        raise ValueError("Shares are positive, sum to 1 and are at most 101.")
    costs = _edge_costs(scores, np.cumsum(shares)[:-1])
    return (*_cheapest_falling(costs), 0)


def needs_fitting(scores, default_minimums=DEFAULT_MINIMUMS):
    """Whether the default ranges tell these leads apart badly: too few or too many in the better grades.

    :param scores: int[n] of open leads; without any, the defaults are as good as anything
    """
    scores, good = np.asarray(scores), len(default_minimums) // 2
    if not scores.size or not good:
        return False
    share = np.mean(scores >= default_minimums[good - 1])
    return bool(not GOOD_SHARE[0] <= share <= GOOD_SHARE[1])


def _edge_costs(scores, cumulative):
    """int64[edges, 101]: what it costs to begin a grade at each score; column 0 is never taken."""
    counts = np.bincount(scores.astype(np.int64), minlength=_HIGHEST + 1)
    if len(counts) != _HIGHEST + 1:
        raise ValueError("Scores are 0 to 100.")
    at_or_above = np.cumsum(counts[::-1])[::-1] / counts.sum()
    occurring = np.flatnonzero(counts)
    distance = np.abs(np.arange(_HIGHEST + 1)[:, None] - occurring).min(axis=1)
    deviation = np.rint(1e6 * np.abs(at_or_above - cumulative[:, None])).astype(np.int64)
    return deviation * 100_000 + distance


def _cheapest_falling(costs):
    """The strictly falling scores >= 1, one for each row of costs, of the smallest sum of costs."""
    best = None
    choices = []
    for row in costs:
        total = np.full(_HIGHEST + 2, np.iinfo(np.int64).max // 2)
        total[1:-1] = row[1:] if best is None else row[1:] + best[2:]
        choices.append(total)
        best = np.minimum.accumulate(total[::-1])[::-1]
    minimums, above = [], 0
    for total in reversed(choices):
        above += 1 + int(np.argmin(total[above + 1 :]))
        minimums.append(above)
    return tuple(reversed(minimums))
