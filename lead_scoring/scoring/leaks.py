"""Which features know the answer: filled in when a lead closes, so that they say it of closed leads alone.

Each feature is looked at by itself, as levels (`binning`), in closed leads as of the moments they are learned from
and in open leads:

- `separates_alone`: it tells won from lost nearly without error, on leads that its levels' rates were not counted on;
- `empty_on_open`: it is filled in far more rarely on open leads than on closed ones of the same age;
- `level_missing_on_open`: the same of a level, though it came up among the lately created leads that have closed too
  (suspicious where it is one of many and rare);
- `strong_alone`, `decides_levels`: it tells a lot, or everything for many leads. A good feature may do so as well:
  suspicious, for a person to judge.

What is dated counts only what was there at the moment, so open leads need not be asked about it.
"""

import math

import numpy as np

from .binning import fit_levels
from .scorecard import MISSING
from .table import FeatureTable

OUT, ASKED, IN = "out", "asked", "in"

SEPARATES, STRONG = 0.95, 0.75
THIRD = 1 / 3
HALF = 0.5
DECIDED_LEADS, SURELY_WON, HARDLY_WON = 0.2, 0.97, 0.1

# A level is told about from so many closed leads on. A column of more than two is left out where the missing ones have
# such a share of the closed leads; fewer may be a salesperson who left, and are asked about.
LEAST_LEADS, LEAST_SHARE = 20, 0.1
# Of so few open leads nothing is said.
FEWEST_OPEN = 20
# A level decides where chance would have given so many leads of the other kind.
SURPRISE = 7
# Where too few closed leads were created lately to say what is in use, this share of them, the newest, does.
NEWEST = 0.1
FOLDS = 5
COUNT = MISSING + 1
DOUBT = 0.025


def find_leaks(
    closed,
    won,
    open_,
    *,
    weights=None,
    lately=None,
    dated=(),
    needs_history=(),
    families=None,
    trusted=(),
    distrusted=(),
    late_writes=None,
):
    """What each feature gives away.

    :param closed: FeatureTable[n] of closed leads, a row for each, as of a moment while they were open
    :param won: bool[n]
    :param open_: FeatureTable[m] of open leads, with the same names
    :param weights: float64[n], which make the closed leads' ages those of the open ones; default 1
    :param lately: bool[n], of `created_lately`: levels that these leads lack as well are out of use; default all
    :param dated: names of features that are not compared with open leads
    :param needs_history: names of features that are of no use where fewer than half of the closed leads have a value
    :param families: dict of name -> what it is a part of, for columns of yes and no that are one list (tags): the list
        is empty where none is yes, and its parts are left out together
    :param trusted: names that stay in by hand; distrusted: names that are left out by hand
    :param late_writes: dict of name -> share of closed leads whose value was written within a day of the close
    :return: dict of
        checked: whether there were enough open leads to compare with
        open, closed: number of leads
        features: list for JSON, of dicts of
            name
            verdict: "out", "asked" (in, but suspicious), "in"
            reason: None, "separates_alone", "empty_on_open", "level_missing_on_open", "little_history",
                "strong_alone", "decides_levels", "by_hand" (left out for no other reason)
            by_hand: whether a person's word decided
            checked: whether it was compared with open leads
            auc: of the feature alone, 0.5 or above, None where there are not won and lost leads
            filled_open, filled_closed: shares, the closed ones' of the same age; filled_open None without open leads
            level: what the reason is about: {"key"} of a category or {"low", "high"} of a number (low <= value <
                high, None is no bound), with "open" and "closed", its shares; None where no level is missing on open leads
            decided: share of closed leads in levels that are (nearly) always won or (nearly) never
            late_writes
        left_out: names
    """
    won = np.asarray(won).astype(bool)
    weights = np.ones(len(won)) if weights is None else np.asarray(weights, dtype=np.float64)
    lately = np.ones(len(won), bool) if lately is None else np.asarray(lately).astype(bool)
    enough = bool(open_.n_rows >= FEWEST_OPEN and weights.sum() > 0)
    late_writes = late_writes or {}
    rows = []
    empty = _empty_families(closed, open_, families or {}, weights) if enough else set()
    for name in closed.names:
        compare = enough and name not in dated and name in open_.columns
        found = _look(closed.columns[name], won, open_.columns.get(name) if compare else None, weights, lately)
        if name in needs_history and np.mean(~closed.columns[name].missing) < HALF:
            found["lacks"] = "little_history"
        if compare and (families or {}).get(name) in empty:
            found["lacks"] = found["lacks"] or "empty_on_open"
        row = {
            "name": name,
            **_judged(found, name, trusted, distrusted),
            "checked": compare or name in dated,
            **found,
            "late_writes": late_writes.get(name),
        }
        del row["lacks"]
        rows.append(row)
    return {
        "checked": enough,
        "open": open_.n_rows,
        "closed": closed.n_rows,
        "features": rows,
        "left_out": [row["name"] for row in rows if row["verdict"] == OUT],
    }


def created_lately(created_at, open_created_at):
    """Which closed leads show what is in use now: those created as lately as the newer half of the open ones.

    Where no lead closes so soon, or outcomes came in at once, the newest tenth stands for them: a campaign that ended is
    rare among those too, while what is written at a close is there as ever.

    :param created_at: float64[n], when the closed leads were created; open_created_at: float64[m], the open ones
    :return: bool[n]
    """
    if not len(created_at) or not len(open_created_at):
        return np.ones(len(created_at), bool)
    lately = created_at >= np.median(open_created_at)
    enough = max(FEWEST_OPEN, round(NEWEST * len(created_at)))
    if lately.sum() < FEWEST_OPEN:
        lately = created_at >= np.sort(created_at)[-enough:][0]
    return lately


def _judged(found, name, trusted, distrusted):
    auc = found["auc"] or 0.5
    verdict, reason = IN, None
    if auc > SEPARATES:
        verdict, reason = OUT, "separates_alone"
    elif found["lacks"]:
        verdict, reason = OUT, found["lacks"]
    elif found["level"]:
        verdict, reason = ASKED, "level_missing_on_open"
    elif auc >= STRONG:
        verdict, reason = ASKED, "strong_alone"
    elif found["decided"] > DECIDED_LEADS:
        verdict, reason = ASKED, "decides_levels"
    by_hand = name in distrusted or (name in trusted and verdict != IN)
    if name in distrusted:
        verdict, reason = OUT, reason or "by_hand"
    elif name in trusted:
        verdict = IN
    return {"verdict": verdict, "reason": reason, "by_hand": by_hand}


def _look(column, won, of_open, weights, lately):
    levels = _levels(column)
    codes = levels.encode(column) if levels else np.where(column.missing, MISSING, 0).astype(np.uint8)
    found = {
        "auc": _auc_alone(codes, won),
        "filled_open": None,
        "filled_closed": _share(~column.missing, weights),
        "level": None,
        "decided": _decided(codes, won),
        "lacks": None,
    }
    if of_open is not None:
        found["filled_open"] = float(np.mean(~of_open.missing))
        if _rarer(~of_open.missing, ~column.missing, weights):
            found["lacks"] = "empty_on_open"
        elif levels:
            _compare_levels(found, levels, codes, levels.encode(of_open), weights, lately)
    return found


def _levels(column):
    """Levels of a column, None where there is nothing to tell apart."""
    found, _left_out = fit_levels(FeatureTable({"feature": column}, len(column)))
    return found[0] if found else None


# ---- alone


def _auc_alone(codes, won):
    """AUC of the levels' won shares, each lead by those of the other folds' leads; at least 0.5."""
    if not won.any() or won.all():
        return None
    cells = _dealt(won) * COUNT + codes
    total = np.bincount(cells, minlength=FOLDS * COUNT).reshape(FOLDS, COUNT)
    wins = np.bincount(cells[won], minlength=FOLDS * COUNT).reshape(FOLDS, COUNT)
    base = won.mean()
    seen, seen_won = total.sum(axis=0) - total, wins.sum(axis=0) - wins
    # Within a fold leads are compared with each other alone: between folds the base rates differ by chance.
    rates = (seen_won + base) / (seen + 1)
    better, pairs = 0.0, 0.0
    for rate, all_, won_ in zip(rates, total, wins):
        order = np.argsort(rate, kind="stable")
        distinct, place = np.unique(rate[order], return_inverse=True)
        won_at = np.bincount(place, won_[order], len(distinct))
        lost_at = np.bincount(place, (all_ - won_)[order], len(distinct))
        better += float(won_at @ (np.cumsum(lost_at) - lost_at / 2))
        pairs += float(won_at.sum() * lost_at.sum())
    return max(better / pairs, 0.5) if pairs else None


def _dealt(won):
    """The fold of each lead: won and lost leads are dealt out in turn."""
    fold = np.zeros(len(won), np.int64)
    for kind in (won, ~won):
        fold[kind] = np.random.default_rng(len(won)).permutation(int(kind.sum())) % FOLDS
    return fold


def _decided(codes, won):
    """Share of leads in levels that are nearly always won, or nearly never, beyond what chance does."""
    total, n_won = np.bincount(codes, minlength=COUNT), np.bincount(codes[won], minlength=COUNT)
    base = n_won.sum() / max(total.sum(), 1)
    rate = n_won / np.maximum(total, 1)
    always = (rate > SURELY_WON) & (total * (1 - base) >= SURPRISE)
    never = (rate < HARDLY_WON * base) & (total * base >= SURPRISE)
    return float(total[always | never].sum() / max(total.sum(), 1))


# ---- against open leads


def _compare_levels(found, levels, codes, open_codes, weights, lately):
    """Note the most frequent one of the levels that open leads lack, and whether those are more than a few leads."""
    total = np.bincount(codes, minlength=COUNT)
    last = levels.other if levels.kind == "category" else levels.n_levels  # the rare ones together are no level
    recent = lately & (weights > 0)
    lacking = []
    for level in np.flatnonzero(total[:last] >= LEAST_LEADS).tolist():
        here, there = open_codes == level, codes == level
        if not _rarer(here, there, weights):
            continue
        if recent.sum() < FEWEST_OPEN or _rarer(here, there[recent], weights[recent]):
            lacking.append((_share(there, weights), float(here.mean()), level))
    if lacking:
        share, here, level = max(lacking)
        found["level"] = {**_said(levels, level), "open": here, "closed": share}
        if last <= 2 or sum(share for share, _here, _level in lacking) >= LEAST_SHARE:
            found["lacks"] = "level_missing_on_open"


def _said(levels, level):
    if levels.kind == "category":
        return {"key": levels.keys[level]}
    low, high = (None if math.isinf(bound) else bound for bound in levels.bounds(level))
    return {"low": low, "high": high}


def _empty_families(closed, open_, families, weights):
    """The families of which far fewer open leads have anything than closed ones."""
    empty = set()
    for family in set(families.values()):
        names = [name for name in closed.names if families.get(name) == family and name in open_.columns]
        if names and _rarer(_any_yes(open_, names), _any_yes(closed, names), weights):
            empty.add(family)
    return empty


def _any_yes(table, names):
    found = np.zeros(table.n_rows, bool)
    for name in names:
        column = table.columns[name]
        found |= np.array([*(key == "yes" for key in column.keys), False])[column.codes]
    return found


def _rarer(here, there, weights):
    """Whether what a part of open leads has is surely rarer than a third of what a part of closed ones has.

    Of all that have it, the number that are open is binomial, and at a third or more as few as these would come
    in fewer than 2.5 % of cases. Closed leads are as many as their weights leave.
    """
    share = _share(there, weights)
    if not share or here.mean() >= THIRD * share:
        return False
    size = weights.sum() ** 2 / (weights**2).sum()
    third = THIRD * len(here)
    return _at_most(int(here.sum()), int(here.sum()) + round(share * size), third / (third + size)) < DOUBT


def _at_most(count, trials, chance):
    """Probability of at most so many of so many trials."""
    found = np.arange(count + 1)
    ways = [math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1) for k in found.tolist()]
    return float(np.exp(np.array(ways) + found * math.log(chance) + (trials - found) * math.log1p(-chance)).sum())


def _share(mask, weights):
    total = weights.sum()
    return float(weights[mask].sum() / total) if total > 0 else 0.0
