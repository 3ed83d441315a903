"""Which features give the answer away: what ``scoring.leaks`` finds in the leads of a training set and the open ones."""

import numpy as np

from odoo import fields
from odoo.fields import Domain
from odoo.tools import SQL

from ..scoring.leaks import created_lately, find_leaks
from .extract import extract
from .feature import DAY, epoch
from .history import HISTORY
from .moments import columns_of, search, seconds, uniform
from .pages import PAGE_SIZE
from .tracked import late_writes

# So many open leads tell what is filled in on open leads.
MOST_OPEN = PAGE_SIZE

# Features that need a history of their own, which imported leads lack.
NEEDS_HISTORY = frozenset({"lead.stage_id"})


def guard(env, domain, data, *, seed=0, now=None, trusted=(), distrusted=()):
    """Return what each feature of a TrainingSet gives away: the dict for JSON of ``scoring.leaks.find_leaks``.

    To learn without what is left out: ``data.without(found["left_out"])``.

    :param domain: of the leads, open and closed, that the training set was made of
    :param data: TrainingSet
    :param now: datetime in UTC at which to look at open leads; the present by default
    :param trusted, distrusted: names of features that are put back or left out by hand
    """
    now = now or fields.Datetime.now()
    ids, created_at = _open_leads(env, domain, data, seed, now)
    open_ = extract(env, ids, data.table.names, now).table
    last = np.append(data.groups[1:] != data.groups[:-1], True)[: len(data.groups)]
    return find_leaks(
        data.table.take(last),
        data.won[last],
        open_,
        weights=data.weights[last],
        lately=created_lately(data.created_at[last], created_at),
        dated={name for name in data.table.names if is_dated(name)},
        needs_history=NEEDS_HISTORY,
        families={name: family for name in data.table.names if (family := _family(name))},
        trusted=set(trusted),
        distrusted=set(distrusted),
        late_writes=late_writes(env, data.ids[last], data.table.names, data.outcome.ended_at),
    )


def is_dated(name):
    """Tell whether a feature is made of what has a date, so that nothing of after the moment can be in it."""
    return name.startswith("activity.") or name in HISTORY or name == "lead.created_weekday"


def _family(name):
    """Return what a feature of yes and no is a part of: the tags of a lead, or a property that is a list."""
    kind, *parts = name.split(".")
    return kind if kind == "tag" else ".".join([kind, parts[0]]) if kind == "property" and len(parts) > 1 else None


def _open_leads(env, domain, data, seed, now):
    """Return ids and times of creation of open leads of known ages, at most MOST_OPEN of them, drawn by their ids."""
    where = SQL("l.create_date IS NOT NULL AND l.id IN %s", search(env, Domain(domain) & data.outcome.open).subselect())
    ids, created_at = columns_of(env, [SQL("l.id::float8"), epoch(SQL("l.create_date"))], where)
    oldest = data.figures["oldest_days"]
    known = np.flatnonzero(seconds(now) - created_at <= (np.inf if oldest is None else oldest * DAY))
    drawn = known[np.argsort(uniform(ids[known].astype(np.int64), seed), kind="stable")[:MOST_OPEN]]
    return ids[drawn].astype(np.int64), created_at[drawn]
