"""How a score moved."""

import numpy as np

from .scorecard import sigmoid

# A move is one in both: log-odds alone are lively near 0 and 100, points alone in the middle.
MINIMUM_LOG_ODDS = 0.25
MINIMUM_POINTS = 2.0

_TOLERANCE = 1e-9


def trends(now, before, scale="log_odds"):
    """The way each lead's score went.

    :param now: float64[n], log-odds by the present tables, or points by the present rules
    :param before: float64[n], the same of the earlier levels, NaN where there are none
    :param scale: "log_odds" or "points"
    :return: array of str [n], 'up', 'down', 'steady' or 'unknown' (a NaN on either side)
    """
    now, before = np.asarray(now, dtype=np.float64), np.asarray(before, dtype=np.float64)
    unknown = np.isnan(now) | np.isnan(before)
    now, before = np.where(unknown, 0.0, now), np.where(unknown, 0.0, before)
    moved = _MOVED[scale](now, before)
    return np.select(
        [unknown, moved & (now > before), moved & (now < before)],
        ["unknown", "up", "down"],
        default="steady",
    )


def _moved_log_odds(now, before):
    return (np.abs(now - before) >= MINIMUM_LOG_ODDS - _TOLERANCE) & _moved_points(
        100 * sigmoid(now), 100 * sigmoid(before)
    )


def _moved_points(now, before):
    return np.abs(now - before) >= MINIMUM_POINTS - _TOLERANCE


_MOVED = {"log_odds": _moved_log_odds, "points": _moved_points}
