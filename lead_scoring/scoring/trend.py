"""How a score moved."""

import numpy as np

from .scorecard import sigmoid

# A move is one in both: log-odds alone are lively near 0 and 100, points alone in the middle.
MINIMUM_LOG_ODDS = 0.25
MINIMUM_POINTS = 2.0

_TOLERANCE = 1e-9


def trends(now, before):
    """The way each lead's score went.

    :param now: float64[n], log-odds by the present tables
    :param before: float64[n], log-odds of the earlier levels by the same tables, NaN where there are none
    :return: array of str [n], 'up', 'down', 'steady' or 'unknown' (a NaN on either side)
    """
    now, before = np.asarray(now, dtype=np.float64), np.asarray(before, dtype=np.float64)
    unknown = np.isnan(now) | np.isnan(before)
    now, before = np.where(unknown, 0.0, now), np.where(unknown, 0.0, before)
    moved = (np.abs(now - before) >= MINIMUM_LOG_ODDS - _TOLERANCE) & (
        100 * np.abs(sigmoid(now) - sigmoid(before)) >= MINIMUM_POINTS - _TOLERANCE
    )
    return np.select(
        [unknown, moved & (now > before), moved & (now < before)],
        ["unknown", "up", "down"],
        default="steady",
    )
