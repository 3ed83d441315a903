"""How a score moved."""

import numpy as np

from .scorecard import sigmoid

# The smallest move that is told, in log-odds and in points, by how sensitive the trend is to be. A move is one in
# both: log-odds alone are lively near 0 and 100, points alone in the middle.
SENSITIVITIES = {"low": (0.5, 5.0), "normal": (0.25, 2.0), "high": (0.1, 1.0)}

_TOLERANCE = 1e-9


def trends(now, before, sensitivity="normal"):
    """The way each lead's score went.

    :param now: float64[n], log-odds by the present tables
    :param before: float64[n], log-odds of the earlier levels by the same tables, NaN where there are none
    :param sensitivity: one of SENSITIVITIES
    :return: array of str [n], 'up', 'down', 'steady' or 'unknown' (a NaN on either side)
    """
    now, before = np.asarray(now, dtype=np.float64), np.asarray(before, dtype=np.float64)
    unknown = np.isnan(now) | np.isnan(before)
    now, before = np.where(unknown, 0.0, now), np.where(unknown, 0.0, before)
    minimum_log_odds, minimum_points = SENSITIVITIES[sensitivity]
    moved = (np.abs(now - before) >= minimum_log_odds - _TOLERANCE) & (
        100 * np.abs(sigmoid(now) - sigmoid(before)) >= minimum_points - _TOLERANCE
    )
    return np.select(
        [unknown, moved & (now > before), moved & (now < before)],
        ["unknown", "up", "down"],
        default="steady",
    )
