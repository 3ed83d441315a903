"""What a model learns from: closed leads, each as it looked at a moment while it was open.

The score says how a lead *open at this age* will end. So each closed lead is looked at, at an age drawn from
the ages of today's open leads, among those that it lived to see. A lead that closed younger than every open
lead (or where no lead is open) is looked at, at an age drawn evenly from its own time open: at its creation
it would know nothing, at its close too much.

The draw depends on the seed, the lead's id and the ages of the open leads alone, and those are counted to the
beginning of today (UTC): trained twice a day, the same leads make the same rows.
"""

from dataclasses import dataclass, field

import numpy as np

from odoo import fields
from odoo.fields import Domain
from odoo.tools import SQL

from ..scoring.table import FeatureTable
from .extract import extract
from .feature import epoch
from .history import CLOSED_AT
from .pages import PAGE_SIZE


@dataclass
class TrainingSet:
    """Closed leads as columns: ``ids`` int64, ``won`` bool, times in epoch seconds, all of shape (n,), by id.

    ``as_of``: the moment each lead is looked at. ``problems`` and ``missing`` as in Extraction.
    """

    ids: np.ndarray
    table: FeatureTable
    won: np.ndarray
    closed_at: np.ndarray
    created_at: np.ndarray
    as_of: np.ndarray
    problems: list = field(default_factory=list)
    missing: list = field(default_factory=list)


def training_set(env, domain, names, *, seed, now=None):
    """Return the :class:`TrainingSet` of the won and lost leads of a domain, archived ones included.

    :param names: names of features; those that do not exist any more have no column
    :param now: datetime in UTC to count the open leads' ages to; the beginning of today by default
    """
    now = now or fields.Datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
    ids, won, closed_at, created_at = _closed_leads(env, domain)
    ages = _open_ages(env, domain, np.datetime64(now, "us").astype(np.int64) / 1e6)
    begin = np.minimum(created_at, closed_at)  # imports may close a lead before they create it
    as_of = begin + _drawn_ages(ids, closed_at - begin, ages, seed)
    parts = [
        extract(env, ids[start : start + PAGE_SIZE], names, _stamps(as_of[start : start + PAGE_SIZE]))
        for start in range(0, max(len(ids), 1), PAGE_SIZE)
    ]
    return TrainingSet(
        ids,
        FeatureTable.concat([part.table for part in parts]),
        won,
        closed_at,
        created_at,
        as_of,
        [problem for part in parts for problem in part.problems],
        parts[0].missing,
    )


def _closed_leads(env, domain):
    """Return ids, won, and the times of close and creation of the closed leads, by id."""
    query = _search(env, Domain(domain) & Domain("won_status", "in", ["won", "lost"]))
    rows = env.execute_query(
        SQL(
            "SELECT l.id, l.won_status = 'won', %s, %s FROM crm_lead l WHERE l.id IN %s ORDER BY l.id",
            epoch(CLOSED_AT),
            epoch(SQL("coalesce(l.create_date, %s)", CLOSED_AT)),
            query.subselect(),
        )
    )
    ids, won, closed_at, created_at = zip(*rows) if rows else [()] * 4
    return (
        np.array(ids, np.int64),
        np.array(won, bool),
        np.array(closed_at, float),
        np.array(created_at, float),
    )


def _open_ages(env, domain, now):
    """Return the ages in seconds of the open leads, ascending; leads younger than ``now`` have age 0."""
    query = _search(env, Domain(domain) & Domain("won_status", "=", "pending") & Domain("active", "=", True))
    rows = env.execute_query(
        SQL(
            "SELECT %s FROM crm_lead l WHERE l.create_date IS NOT NULL AND l.id IN %s",
            epoch(SQL("l.create_date")),
            query.subselect(),
        )
    )
    created_at = np.array([created for (created,) in rows], float)
    return np.sort(np.maximum(now - created_at, 0))


def _search(env, domain):
    leads = env["crm.lead"]
    leads.flush_model()
    return leads.with_context(active_test=False)._search(domain)


# ------------------------------------------------------------
# Drawing
# ------------------------------------------------------------


def _drawn_ages(ids, lifetimes, open_ages, seed):
    """Return an age in seconds for each lead, at most its lifetime; shapes (n,), (n,), (m,) -> (n,)."""
    draw = _uniform(ids, seed)
    within = np.searchsorted(open_ages, lifetimes, "right")  # how many open leads are no older
    if not len(open_ages):
        return draw * lifetimes
    picked = open_ages[np.minimum((draw * within).astype(np.int64), len(open_ages) - 1)]
    return np.where(within > 0, picked, draw * lifetimes)


def _uniform(ids, seed):
    """Return a number in [0, 1) for each id: the same on every machine (splitmix64 of seed and id)."""
    with np.errstate(over="ignore"):
        mixed = _mix(np.asarray(ids).astype(np.uint64) + _mix(np.array([seed], np.uint64)))
    return (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53


def _mix(state):
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def _stamps(seconds):
    return (seconds * 1e6).round().astype("datetime64[us]")
