"""How a score moved."""

import numpy as np

from .scorecard import sigmoid

# The smallest move that is told, in log-odds and in points, by how sensitive the trend is to be. A move is one in
# both: log-odds alone are lively near 0 and 100, points alone in the middle.
SENSITIVITIES = {"low": (0.5, 5.0), "normal": (0.25, 2.0), "high": (0.1, 1.0)}

_TOLERANCE = 1e-9


def trends(now, before, scale="log_odds", sensitivity="normal"):
    """The way each lead's score went.

    :param now: float64[n], log-odds by the present tables, or points by the present rules
    :param before: float64[n], the same of the earlier levels, NaN where there are none
    :param scale: "log_odds" or "points"
    :param sensitivity: one of SENSITIVITIES
    :return: array of str [n], 'up', 'down', 'steady' or 'unknown' (a NaN on either side)
    """
    now, before = np.asarray(now, dtype=np.float64), np.asarray(before, dtype=np.float64)
    unknown = np.isnan(now) | np.isnan(before)
    now, before = np.where(unknown, 0.0, now), np.where(unknown, 0.0, before)
    moved = _MOVED[scale](now, before, *SENSITIVITIES[sensitivity])
    return np.select(
        [unknown, moved & (now > before), moved & (now < before)],
        ["unknown", "up", "down"],
        default="steady",
    )


def _moved_log_odds(now, before, log_odds, points):
    enough = np.abs(now - before) >= log_odds - _TOLERANCE
    return enough & _moved_points(100 * sigmoid(now), 100 * sigmoid(before), log_odds, points)


def _moved_points(now, before, _log_odds, points):
    return np.abs(now - before) >= points - _TOLERANCE


_MOVED = {"log_odds": _moved_log_odds, "points": _moved_points}
