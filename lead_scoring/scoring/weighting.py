"""Which moments of closed leads to learn from, and what each counts.

The score is for leads that are open at an age, so every open lead is matched with the closed leads that were
still open at that age, and counts as much as they do together:

1. A closed lead counts for those of its lifetime that the window shows too few of (`inflow_correction`).
2. An open lead of age a puts a weight of 1 on the closed leads that lived to a, shared by their corrections.
   So the weighted share of won leads is the mean, over the open leads, of the share won among the closed ones
   that were open at their age.
3. Each closed lead is looked at once, at an age drawn from the open leads that put weight on it, and once at its
   creation, where it counts by its correction alone: a lead that has just come is like all that ever came. These
   have CREATION_SHARE of the whole weight. A lead that closed younger than every open lead has no other row; of more
   than MOST_CREATIONS leads that have, some creations stand for all.

Instead of sharing a lead's weight G(T) x correction between both rows, G the share of open leads no older than T,
which was tried first: with two years of leads, whose lost ones take longer than the won ones, the weighted
share of won leads is 1.41 times the true mean of the open leads at steady inflow and 1.35 where it grows fourfold
(here 1.08 and 1.06), and a model that knows the age gives a new lead 0.77 of its true probability (here 1.02); its
divergence from the truth is twice as large. Without weights: 1.99 and 1.95. `benchmarks/moments.py` measures this.
"""

from dataclasses import dataclass

import numpy as np

CREATION_SHARE = 0.05
LARGEST_CORRECTION = 10.0

# Of so many leads the creation is a row; of more it would only take time.
MOST_CREATIONS = 10_000

# Nobody says what becomes of an open lead older than this share of the closed ones ever was.
OLDEST = 0.99

# Where fewer than this share of closed leads lived to an age, the open leads of that age are matched with a lead
# or two: they count less.
FEWEST_ALIVE = 0.02

# A history is short when it is not so many times as long as the leads take that 90 % close faster than.
SHORT_HISTORY = 2.0

# The share of leads as old as the oldest known age that are open: at most 1 % where every lead is closed one day.
NEVER_CLOSED = 0.05
FEWEST_OLD = 20

DAY = 86_400.0


@dataclass(frozen=True)
class Moments:
    """Moments of leads, by lead, the creation first; m rows, and every lead has one or two.

    :param leads: int64[m], the number of the lead
    :param ages: float64[m], seconds since its creation
    :param weights: float64[m], above 0, in sum the number of leads
    """

    leads: np.ndarray
    ages: np.ndarray
    weights: np.ndarray

    def effective(self):
        """Number of leads of equal weight that tell as much as all of these (L. Kish, Survey Sampling, 1965)."""
        weights = np.bincount(self.leads, self.weights)
        return float(weights.sum() ** 2 / (weights**2).sum()) if len(weights) else 0.0


def inflow_correction(lifetimes, created, start, end):
    """How many times rarer leads of a lifetime are among those that closed from start to end than they should be.

    Those of lifetime T that closed from start to end had been created from start - T to end - T. Where more leads
    come every month, and where there were none before the database, those are fewer than were created from start
    to end: long lifetimes are too rare among what closed.

    :param lifetimes: float64[n], seconds
    :param created: float64[k], times of the creation of all leads, in any order
    :param start, end: the window, in the same clock
    :return: float64[n], at most LARGEST_CORRECTION
    """
    created = np.sort(created)
    now = _between(created, start, end)
    then = _between(created, start - lifetimes, end - lifetimes)
    return np.minimum(LARGEST_CORRECTION, np.maximum(now, 1) / np.maximum(then, 1))


def _between(ordered, start, end):
    return np.searchsorted(ordered, end, "right") - np.searchsorted(ordered, start, "left")


def moments(lifetimes, open_ages, correction, draws):
    """The :class:`Moments` to look at closed leads at.

    :param lifetimes: float64[n], seconds from creation to close, not negative
    :param open_ages: float64[k], ages in seconds of the open leads; those of none are taken to be as they are
        where leads come steadily
    :param correction: float64[n], of `inflow_correction`
    :param draws: float64[n] in 0..1, what decides on the age of each
    """
    n_leads = len(lifetimes)
    if not n_leads:
        return Moments(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    oldest = oldest_age(lifetimes)
    open_ages = np.sort(open_ages[open_ages <= oldest])
    if len(open_ages):
        drawn, exposure = _matched(lifetimes, open_ages, correction, draws)
    else:
        exposure = np.minimum(lifetimes, oldest)
        drawn = draws * exposure
    seen = _shared(exposure * correction, n_leads)
    share = CREATION_SHARE if seen.any() else 1.0
    later = (seen > 0) & (drawn > 0)
    # Of very many leads that have another row some creations stand for all; what is drawn at creation is the same row.
    kept = min(MOST_CREATIONS / n_leads, 1.0)
    first = ~later | ((1000 * draws) % 1 < kept)
    fresh = share * _shared(np.where(later, first / kept, 1) * correction, n_leads)
    fresh += np.where(later, 0, (1 - share) * seen)
    rows = np.repeat(np.arange(n_leads), first.astype(int) + later)
    second = later[rows] & (~first[rows] | np.r_[False, rows[1:] == rows[:-1]])
    return Moments(rows, np.where(second, drawn[rows], 0.0), np.where(second, (1 - share) * seen[rows], fresh[rows]))


def _matched(lifetimes, open_ages, correction, draws):
    """(drawn ages, exposure), float64[n] each: exposure times correction is the weight open leads put on a lead."""
    order = np.argsort(lifetimes, kind="stable")
    alive = np.append(np.cumsum(correction[order][::-1])[::-1], 0)  # of the leads from a place in the order on
    alive = alive[np.searchsorted(lifetimes[order], open_ages, "left")] / correction.sum()
    until = np.append(0, np.cumsum(1 / np.maximum(alive, FEWEST_ALIVE)))
    exposure = until[np.searchsorted(open_ages, lifetimes, "right")]
    place = np.searchsorted(until, draws * exposure, "right") - 1
    return np.where(exposure > 0, open_ages[np.clip(place, 0, len(open_ages) - 1)], 0.0), exposure


def _shared(weights, total):
    weight = weights.sum()
    return weights * (total / weight) if weight > 0 else np.zeros(len(weights))


def oldest_age(lifetimes):
    """The age in seconds that 1 % of closed leads lived to; infinite where nothing is closed."""
    return float(np.quantile(lifetimes, OLDEST)) if len(lifetimes) else np.inf


def figures(lifetimes, correction, created, open_ages, now):
    """What the closed leads can and cannot tell about the open ones.

    :param created: float64[k], times of the creation of all leads; open_ages: float64[m], of those that are open
    :return: dict for JSON of
        history_days: since when there are leads (all but the first 1 %)
        slow_days: 90 % of leads close faster, corrected for inflow
        short_history: whether history is shorter than twice that, so that leads that take long are hardly seen
            and the scores are too high or too low
        oldest_days: 99 % of closed leads closed faster
        too_old: number of open leads older than that
        old: number of leads, open and closed, that were created longer ago than that
        never_closed: the share of those that is open; None below 20 of them
        unclosed: whether that is more than 5 %, where history is not too short to tell: won leads are closed and
            lost ones forgotten, so that the scores are too high
        flags: list of "short_history", "unclosed", where they are so
    """
    n_closed, n_old, n_too_old = len(lifetimes), 0, 0
    slow, oldest, history = 0.0, oldest_age(lifetimes), 0.0
    if n_closed:
        slow = _weighted_quantile(lifetimes, correction, 0.9)
        history = max(float(now - np.quantile(created, 0.01)), 0.0)
        n_old = int((created < now - oldest).sum())
        n_too_old = int((open_ages > oldest).sum())
    never = n_too_old / n_old if n_old >= FEWEST_OLD else None
    short = bool(history < SHORT_HISTORY * slow)
    found = {
        "history_days": history / DAY,
        "slow_days": slow / DAY,
        "short_history": short,
        "oldest_days": oldest / DAY if n_closed else None,
        "too_old": n_too_old,
        "old": n_old,
        "never_closed": never,
        "unclosed": not short and never is not None and never > NEVER_CLOSED,
    }
    return {**found, "flags": [name for name in ("short_history", "unclosed") if found[name]]}


def _weighted_quantile(values, weights, share):
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return float(values[order][min(np.searchsorted(total, share * total[-1]), len(values) - 1)])


def thinned(won, closed_at, most, draws):
    """Rows, int64[<= most] ascending, of so many leads that won, lost and all times keep their shares.

    The won leads in the order of their close are cut in as many equal runs as are to stay, and one of each run is
    drawn; so are the lost ones.

    :param draws: float64[n] in 0..1
    """
    n_leads = len(won)
    if n_leads <= most:
        return np.arange(n_leads)
    kept = []
    n_won = round(most * int(won.sum()) / n_leads)
    for rows, count in ((np.flatnonzero(won), n_won), (np.flatnonzero(~won), most - n_won)):
        rows = rows[np.argsort(closed_at[rows], kind="stable")]
        bounds = np.arange(count + 1) * len(rows) // max(count, 1)
        kept.append(rows[bounds[:-1] + (draws[rows[:count]] * np.diff(bounds)).astype(np.int64)])
    return np.sort(np.concatenate(kept))
