"""What rules would have told about leads whose end is known."""

from dataclasses import dataclass

import numpy as np

from .logistic import logistic
from .scorecard import sigmoid

# Two rules that give points to the same leads but for a tenth say the same thing twice.
MAXIMUM_OVERLAP = 0.9
# Pulls the coefficients behind suggested points to none: what few leads show is hearsay.
RIDGE = 2.0
# This share of the leads reaches 100 by the suggested points.
TOP_SHARE = 0.01
_NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Finding:
    """What one rule told.

    ``matched``: leads it gave points to. ``rate_with``, ``rate_without``: share won of these, and of the others; None
    where there are none. ``lift``: rate_with over the share of all. ``low``, ``high``: interval (95 %) of the
    difference of the two rates. ``verdict``: "telling", "against" (it says something, but its points go the other
    way), "nothing" (the interval includes no difference), "repeats" (gives points to the same leads as an earlier
    rule), "never" (no lead met it). ``repeats``: place of that earlier rule, and ``overlap`` the share of the leads of
    either that both give points to. ``points``: what is suggested, 0 for nothing.
    """

    matched: int
    rate_with: float | None
    rate_without: float | None
    lift: float | None
    low: float
    high: float
    verdict: str
    repeats: int | None = None
    overlap: float = 0.0
    points: int = 0


def findings(tenths, points, won, log_odds=None):
    """The Finding of each rule.

    Points are suggested for the rules that tell something: the coefficients of a ridge regression on what was met (to
    the extent that it was met), all rules at once, so that rules that often come together share their points. What is
    regressed is what a predictive model says of the leads, or, where there is none, which of them were won. They are
    scaled so that the best hundredth of these leads reaches 100.

    :param tenths: int16[n, r], what each rule gave, in tenths of a point
    :param points: int[r], the points of each rule, none 0
    :param won: bool[n]
    :param log_odds: float64[n], of a predictive model, NaN for leads that it was not asked about; None without one
    """
    fired, won = tenths != 0, np.asarray(won, bool)
    overlaps = _overlaps(fired)
    found = []
    for place in range(fired.shape[1]):
        facts = _facts(fired[:, place], won)
        repeated = np.flatnonzero(overlaps[place, :place] > MAXIMUM_OVERLAP)
        if not facts["matched"]:
            verdict = "never"
        elif len(repeated):
            verdict = "repeats"
            facts |= {"repeats": int(repeated[0]), "overlap": float(overlaps[place, repeated[0]])}
        elif facts["low"] <= 0 <= facts["high"]:
            verdict = "nothing"
        else:
            verdict = "telling" if (facts["low"] > 0) == (points[place] > 0) else "against"
        found.append(facts | {"verdict": verdict})
    for place, suggested in _suggested(found, tenths, points, won, log_odds).items():
        found[place]["points"] = suggested
    return [Finding(**facts) for facts in found]


def difference_interval(won_with, n_with, won_without, n_without):
    """(low, high) of the difference of two shares, 95 % (Newcombe's method of Wilson intervals)."""
    share, low, high = _wilson(won_with, n_with)
    other, other_low, other_high = _wilson(won_without, n_without)
    difference = share - other
    return (
        difference - np.sqrt((share - low) ** 2 + (other_high - other) ** 2),
        difference + np.sqrt((high - share) ** 2 + (other - other_low) ** 2),
    )


def _wilson(won, count):
    share, squared = won / count, _NORMAL_95**2
    centre = (share + squared / (2 * count)) / (1 + squared / count)
    half = _NORMAL_95 * np.sqrt(share * (1 - share) / count + squared / (4 * count**2)) / (1 + squared / count)
    return share, centre - half, centre + half


def _facts(fired, won):
    n_with, n_all = int(fired.sum()), len(won)
    n_without, won_with = n_all - n_with, int(won[fired].sum())
    won_without = int(won.sum()) - won_with
    facts = {
        "matched": n_with,
        "rate_with": won_with / n_with if n_with else None,
        "rate_without": won_without / n_without if n_without else None,
        "lift": won_with / n_with / won.mean() if n_with and won.any() else None,
        "low": -1.0,
        "high": 1.0,
    }
    if n_with and n_without:
        low, high = difference_interval(won_with, n_with, won_without, n_without)
        facts |= {"low": float(low), "high": float(high)}
    return facts


def _overlaps(fired):
    """float64[r, r]: leads that both rules give points to, of those that either does (Jaccard)."""
    as_numbers = fired.astype(np.float64)
    both = as_numbers.T @ as_numbers
    single = np.diag(both)
    either = single[:, None] + single[None, :] - both
    return np.divide(both, either, out=np.zeros_like(both), where=either > 0)


def _suggested(found, tenths, points, won, log_odds):
    """{place: points} of the rules that tell something."""
    telling = [place for place, facts in enumerate(found) if facts["verdict"] in ("telling", "against")]
    if not telling:
        return {}
    extents = tenths[:, telling] / (10.0 * np.asarray(points)[telling])
    if log_odds is None:
        coefficients, _intercept = logistic(extents, won.astype(np.float64), np.ones(len(won)), RIDGE)
    else:
        coefficients = _repeated(extents, log_odds)
    top = np.quantile(extents @ coefficients, 1 - TOP_SHARE)
    scale = 100 / top if top > 1e-6 else 100 / max(np.abs(coefficients).sum(), 1e-6)
    whole = np.clip(np.rint(scale * coefficients), -1_000, 1_000).astype(int)
    return dict(zip(telling, whole.tolist()))


def _repeated(extents, log_odds):
    """float64[k]: the coefficients that come nearest to the log-odds of a model, by a weighted ridge regression.

    A lead weighs p (1 - p), as it does in a logistic regression of outcomes: so the ridge pulls as much as it does
    there, and leads of which the model is certain do not decide all.
    """
    known = np.isfinite(log_odds)
    if not known.any():
        return np.zeros(extents.shape[1])
    extents, log_odds = extents[known], log_odds[known]
    chance = sigmoid(log_odds)
    weights = np.maximum(chance * (1 - chance), 1e-6)
    extents = extents - np.average(extents, axis=0, weights=weights)
    centred = log_odds - np.average(log_odds, weights=weights)
    bend = (extents * weights[:, None]).T @ extents + RIDGE * np.eye(extents.shape[1])
    return np.linalg.solve(bend, extents.T @ (weights * centred))
