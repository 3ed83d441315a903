"""What a model learns from: closed leads, as they looked while they were open.

The score says how a lead *open at this age* will end. So each closed lead is looked at as of its creation and as of
an age drawn from those of today's open leads; ``scoring.weighting`` says which, and what each row counts.

What is drawn depends on the seed, the lead's id and the ages of the open leads alone, and those are counted to the
beginning of today (UTC): trained twice a day, the same leads make the same rows.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from dateutil.relativedelta import relativedelta

from odoo import fields
from odoo.fields import Domain
from odoo.tools import SQL

from ..scoring import weighting
from ..scoring.table import FeatureTable
from .extract import extract
from .feature import epoch
from .history import CLOSED_AT, read_once
from .outcome import WON, Outcome
from .pages import PAGE_SIZE

# A model of more closed leads than that learns from a sample of them.
MOST_LEADS = 200_000


@dataclass
class TrainingSet:
    """Moments of closed leads as columns: m rows by lead, one or two of every lead, its creation first.

    ``ids`` int64, ``won`` bool, ``closed_at``, ``created_at`` and ``as_of`` (the moment) in epoch seconds, ``weights``
    float64 above 0, in sum the number of leads, ``groups`` int64, the number of the lead from 0 on: all of shape (m,).
    ``problems`` and ``missing`` as in Extraction; a value that makes no sense is told for each moment of its lead.
    ``outcome``: what ``won`` and ``closed_at`` are about.
    ``figures``: dict for JSON, of ``scoring.weighting.figures`` and

        won, lost: number of leads that are learned from
        sampled_from: number of closed leads of the window, where only a sample is learned from; else None
        open: number of open leads
        effective: number of leads of equal weight that tell as much
        months: the window; None is all
    """

    ids: np.ndarray
    table: FeatureTable
    won: np.ndarray
    closed_at: np.ndarray
    created_at: np.ndarray
    as_of: np.ndarray
    weights: np.ndarray
    groups: np.ndarray
    figures: dict
    problems: list = field(default_factory=list)
    missing: list = field(default_factory=list)
    outcome: Outcome = WON

    @property
    def lead_won(self):
        """Whether each lead was won, bool of shape (leads,)."""
        return self.won[np.unique(self.groups, return_index=True)[1]]

    def without(self, names):
        """The same without the columns of these names."""
        kept = [name for name in self.table.names if name not in set(names)]
        return replace(self, table=self.table.select(kept))

    @property
    def too_old(self):
        """Number of open leads that are older than almost any lead that closed; see :func:`too_old_domain`."""
        return self.figures["too_old"]


@dataclass
class _Closed:
    """Closed leads by id, arrays of shape (n,)."""

    ids: np.ndarray
    won: np.ndarray
    closed_at: np.ndarray
    created_at: np.ndarray

    @property
    def begin(self):
        return np.minimum(self.created_at, self.closed_at)  # imports may close a lead before they create it

    @property
    def lifetimes(self):
        return self.closed_at - self.begin

    def take(self, rows):
        return _Closed(self.ids[rows], self.won[rows], self.closed_at[rows], self.created_at[rows])


def training_set(env, domain, names, *, seed, now=None, months=None, most=MOST_LEADS, outcome=WON, since=None):
    """Return the :class:`TrainingSet` of the won and lost leads of a domain, archived ones included.

    :param names: names of features; those that do not exist any more have no column
    :param now: datetime in UTC to count the open leads' ages to; the beginning of today by default
    :param months: learn from leads that closed in so many months until now; None is all
    :param most: number of leads to learn from at most; of more, a sample drawn evenly over outcomes and time
    :param outcome: Outcome, which says what is won, what is lost, when, and which leads it is about
    :param since: datetime in UTC; learn from leads that closed since then, instead of so many months
    """
    now = now or fields.Datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
    since = since or (now - relativedelta(months=months) if months else None)
    closed = closed_leads(env, domain, since, outcome)
    created, open_ages = _created(env, domain, outcome), _open_ages(env, domain, seconds(now), outcome)
    correction = _correction(closed, created, since, now)
    figures = weighting.figures(closed.lifetimes, correction, created, open_ages, seconds(now))
    kept = weighting.thinned(closed.won, closed.closed_at, most, uniform(closed.ids, seed + 1))
    figures["sampled_from"] = len(closed.ids) if len(kept) < len(closed.ids) else None
    closed, correction = closed.take(kept), correction[kept]
    found = weighting.moments(closed.lifetimes, open_ages, correction, uniform(closed.ids, seed))
    figures |= {
        "won": int(closed.won.sum()),
        "lost": int((~closed.won).sum()),
        "open": len(open_ages),
        "effective": found.effective(),
        "months": months or None,
    }
    rows = closed.take(found.leads)
    as_of = rows.begin + found.ages
    pages = [slice(start, start + PAGE_SIZE) for start in range(0, max(len(rows.ids), 1), PAGE_SIZE)]
    with read_once():
        parts = [extract(env, rows.ids[page], names, _stamps(as_of[page]), rows.closed_at[page]) for page in pages]
    return TrainingSet(
        rows.ids,
        FeatureTable.concat([part.table for part in parts]),
        rows.won,
        rows.closed_at,
        rows.created_at,
        as_of,
        found.weights,
        found.leads,
        figures,
        [problem for part in parts for problem in part.problems],
        parts[0].missing,
        outcome,
    )


def count_closed(env, domain, *, now=None, months=None, outcome=WON, since=None):
    """Return how many won and how many lost leads :func:`training_set` would find."""
    now = now or fields.Datetime.now()
    since = since or (now - relativedelta(months=months) if months else None)
    return env.execute_query(
        SQL(
            "SELECT count(*) FILTER (WHERE %(won)s), count(*) FILTER (WHERE NOT %(won)s) FROM crm_lead l WHERE %(where)s",
            won=outcome.won,
            where=_ended(env, domain, since, outcome),
        )
    )[0]


def too_old_domain(domain, oldest_days, now=None, outcome=WON):
    """Return the Domain of the open leads among a domain that are older than almost any lead that closed.

    :param oldest_days: of the figures of a TrainingSet; None (nothing closed) is no lead
    :param now: datetime in UTC, as in :func:`training_set`
    """
    if oldest_days is None:
        return Domain.FALSE
    now = now or fields.Datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
    too_old = Domain("create_date", "<", now - relativedelta(seconds=oldest_days * weighting.DAY))
    return Domain(domain) & outcome.open & too_old


def _correction(closed, created, since, now):
    """Return what each closed lead counts because of an inflow that changes; float64 of shape (n,)."""
    if not len(closed.ids):
        return np.zeros(0)
    start = max(seconds(since), created.min()) if since else min(created.min(), closed.begin.min())
    end = max(seconds(now), closed.closed_at.max())
    return weighting.inflow_correction(closed.lifetimes, created, start, end)


# ------------------------------------------------------------
# Reading: columns come as packed bytes, a million leads are a few arrays
# ------------------------------------------------------------


def closed_leads(env, domain, since, outcome=WON):
    """Return the closed leads, by id."""
    ids, won, closed_at, created_at = columns_of(
        env,
        [
            SQL("l.id::float8"),
            SQL("(%s)::int::float8", outcome.won),
            epoch(outcome.ended_at),
            epoch(SQL("coalesce(l.create_date, %s)", outcome.ended_at)),
        ],
        _ended(env, domain, since, outcome),
    )
    return _Closed(ids.astype(np.int64), won > 0, closed_at, created_at)


def _ended(env, domain, since, outcome):
    """Return the condition of the leads of a domain that have ended, since a time if one is given."""
    env["mail.message"].flush_model(["model", "res_id", "date"])
    env["mail.tracking.value"].flush_model()
    window = SQL(">= %s", since) if since else SQL("IS NOT NULL")
    return SQL("l.id IN %s AND %s %s", search(env, Domain(domain)).subselect(), outcome.ended_at, window)


def _created(env, domain, outcome):
    """Return the times of creation of all leads, open and closed, in epoch seconds."""
    created = SQL("coalesce(l.create_date, %s)", CLOSED_AT)
    subselect = search(env, Domain(domain)).subselect()
    where = SQL("%s IS NOT NULL AND l.id IN %s AND %s", created, subselect, outcome.came)
    return columns_of(env, [epoch(created)], where)[0]


def _open_ages(env, domain, now, outcome):
    """Return the ages in seconds of the open leads; leads younger than ``now`` have age 0."""
    query = search(env, Domain(domain) & outcome.open)
    where = SQL("l.create_date IS NOT NULL AND l.id IN %s", query.subselect())
    (created_at,) = columns_of(env, [epoch(SQL("l.create_date"))], where)
    return np.maximum(now - created_at, 0)


def columns_of(env, columns, where):
    """Return float64 arrays of these expressions of ``crm_lead l``, by id; NULL is NaN."""
    packed = SQL(", ").join(
        SQL("string_agg(float8send(coalesce(%s, 'NaN'::float8)), '' ORDER BY l.id)", column) for column in columns
    )
    (row,) = env.execute_query(SQL("SELECT %s FROM crm_lead l WHERE %s", packed, where))
    return [np.frombuffer(column or b"", ">f8").astype(np.float64) for column in row]


def search(env, domain):
    """Return the Query of the leads of a domain, archived ones too, as they are now."""
    leads = env["crm.lead"]
    leads.flush_model()
    return leads.with_context(active_test=False)._search(domain)


# ------------------------------------------------------------
# Drawing
# ------------------------------------------------------------


def uniform(ids, seed):
    """Return a number in [0, 1) for each id: the same on every machine (splitmix64 of seed and id)."""
    with np.errstate(over="ignore"):
        mixed = _mix(np.asarray(ids).astype(np.uint64) + _mix(np.array([seed], np.uint64)))
    return (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53


def _mix(state):
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def seconds(moment):
    """Return seconds since 1970 of a datetime in UTC."""
    return np.datetime64(moment, "us").astype(np.int64) / 1e6


def _stamps(times):
    return (times * 1e6).round().astype("datetime64[us]")
