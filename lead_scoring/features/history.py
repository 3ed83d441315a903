"""Features of what became of earlier leads of the same people: won and lost before the moment.

Contact: leads of the same contact or the same e-mail address. Customer company: leads of any contact of the
same company, or of the same e-mail domain (for addresses at free mail providers, the same address).
A lead with none of these has nobody to know anything about: missing, not 0.

With several companies in the database a lead knows the history in its own company and that of leads without
one, never another company's.

The history of all leads of a batch is one query by the indexes of contact and of e-mail domain; within
:func:`read_once` it is one query for all batches. Texts come as 64-bit hashes and whole columns as packed bytes: a
hundred thousand closed leads are a few arrays. The counting is sorting once and searching, so that a hundred leads of
one big customer cost no hundred passes over its history.
"""

from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property

import numpy as np

from odoo.tools import SQL
from odoo.tools.translate import LazyTranslate

from ..scoring.table import NumberColumn
from .feature import Feature, epoch, int_array

_lt = LazyTranslate(__name__)

HISTORY = {
    "contact.earlier_won": (_lt("Contact: Leads won before"), "contact", "won"),
    "contact.earlier_lost": (_lt("Contact: Leads lost before"), "contact", "lost"),
    "company.earlier_won": (_lt("Customer company: Leads won before"), "company", "won"),
    "company.earlier_lost": (_lt("Customer company: Leads lost before"), "company", "lost"),
}

# By which two keys a lead belongs to a subject.
KEYS = {"contact": ("partner", "email"), "company": ("commercial", "criterion")}

# When a lead closed. Odoo writes the date of close on won and lost leads alike, imports may leave it out.
CLOSED_AT = SQL("coalesce(l.date_closed, l.write_date, l.create_date)")

# Nobody is 0: no record has that id, and no text that anybody sends the hash (one in 2^64 would).
_NOBODY = 0


def _id(column):
    return SQL("coalesce(%s, %s)::int8", column, _NOBODY)


def _hash(column):
    return SQL("CASE WHEN %s <> '' THEN hashtextextended(%s, 0) ELSE %s END", column, column, _NOBODY)


_COLUMNS = {
    "partner": _id(SQL("p.id")),
    "commercial": _id(SQL("coalesce(p.commercial_partner_id, p.id)")),
    "email": _hash(SQL("l.email_normalized")),
    "criterion": _hash(SQL("l.email_domain_criterion")),
    "company": _id(SQL("l.company_id")),
    "won": SQL("(l.won_status IS NOT DISTINCT FROM 'won')::int::int8"),
    "lost": SQL("(l.won_status IS NOT DISTINCT FROM 'lost')::int::int8"),
    # Microseconds: whole numbers, so that "strictly before" is exact. No time at all is after every moment.
    "closed": SQL("coalesce((%s * 1000000)::int8, 9223372036854775807)", epoch(CLOSED_AT)),
}

# How the columns of events come, and as what: the type of PostgreSQL's numbers, most significant byte first.
_PACKED = {
    "partner": ("int4send(%s::int4)", np.dtype(">i4")),
    "commercial": ("int4send(%s::int4)", np.dtype(">i4")),
    "email": ("int8send(%s)", np.dtype(">i8")),
    "criterion": ("int8send(%s)", np.dtype(">i8")),
    "company": ("int4send(%s::int4)", np.dtype(">i4")),
    "won": ("int2send(%s::int2)", np.dtype(">i2")),
    "closed": ("int8send(%s)", np.dtype(">i8")),
}


def find(env, names, labels):
    """Return the features by name: all, or those among ``names``."""
    return {
        name: Feature(name, env._(label) if labels else "", subject, "count")
        for name, (label, subject, _outcome) in HISTORY.items()
        if names is None or name in names
    }


def needs(env, features):
    """Return ``{key: (expression, subjects it joins)}`` of each lead's row."""
    if not features:
        return {}
    keys = {key: (sql, ("contact",) if key in ("partner", "commercial") else ()) for key, sql in _COLUMNS.items()}
    return keys | {"domain": (SQL("nullif(l.email_domain_criterion, '')"), ())}


def columns(env, batch, features):
    """Return ``{name: column}`` by two queries: how many companies there are, and the history."""
    if not features:
        return {}
    leads = {key: np.array(batch.rows[key], np.int64) for key in _COLUMNS}
    past = _past(env, leads, batch.rows["domain"])
    moments = np.round(batch.moments * 1e6).astype(np.int64)
    counts = {}
    for subject in sorted({feature.subject for feature in features.values()}):
        counts[subject, "won"], counts[subject, "lost"] = past.earlier(KEYS[subject], leads, moments)
    return {name: NumberColumn(counts[HISTORY[name][1:]]) for name in features}


# ------------------------------------------------------------
# Reading
# ------------------------------------------------------------

# What was read within read_once(): a dictionary with the _Past, empty until then; None outside.
_read = ContextVar("history of closed leads", default=None)
# A batch of fewer leads is not worth to read the history of all customers.
MANY_LEADS = 2_000


@contextmanager
def read_once():
    """Read the closed leads of all customers once for all batches within, not those of its own for each.

    A pass over all leads meets most customers in each of its batches. What is closed meanwhile counts from the next
    pass on.
    """
    token = _read.set({})
    try:
        yield
    finally:
        _read.reset(token)


def _past(env, leads, domains):
    """Return the :class:`_Past` of some leads' customers, or of all."""
    read = _read.get()
    if read is None or (not read and len(domains) < MANY_LEADS):
        return _Past(_events_of(env, leads, domains), _is_one_company(env))
    if not read:
        read["past"] = _Past(_events(env, SQL("TRUE")), _is_one_company(env))
    return read["past"]


def _is_one_company(env):
    return env.execute_query(SQL("SELECT count(*) FROM res_company"))[0][0] == 1


def _events_of(env, leads, domains):
    """Return the closed leads of the customers and e-mail domains of some leads, see :func:`_events`."""
    customer = SQL(
        "(p.commercial_partner_id = ANY(%s) OR p.id = ANY(%s))",
        int_array(np.unique(leads["commercial"]).tolist()),
        int_array(np.unique(leads["partner"]).tolist()),
    )
    same_domain = SQL("l.email_domain_criterion = ANY(%s)", sorted(set(domains) - {None}))
    # Two parts, each by its index.
    return _events(env, customer, SQL("%s AND %s IS NOT TRUE", same_domain, customer))


def _events(env, *conditions):
    """Return the closed leads that meet any of some conditions, which exclude each other: arrays of shape (m,) by key.

    :param conditions: on the lead ``l`` and its contact ``p``
    """
    event = SQL(", ").join(SQL("%s AS %s", _COLUMNS[key], SQL.identifier(key)) for key in _PACKED)
    parts = SQL(" UNION ALL ").join(
        SQL(
            "SELECT %s FROM crm_lead l LEFT JOIN res_partner p ON p.id = l.partner_id"
            " WHERE l.won_status IN ('won', 'lost') AND %s",
            event,
            condition,
        )
        for condition in conditions
    )
    packed = SQL(", ").join(
        SQL("string_agg(%s, '')", SQL(send, SQL.identifier(key))) for key, (send, _dtype) in _PACKED.items()
    )
    (columns_,) = env.execute_query(SQL("SELECT %s FROM (%s) event", packed, parts))
    return {
        key: np.frombuffer(column or b"", dtype).astype(dtype.newbyteorder("="))
        for (key, (_send, dtype)), column in zip(_PACKED.items(), columns_)
    }


# ------------------------------------------------------------
# Counting
# ------------------------------------------------------------


class _Past:
    """Closed leads, sorted so that those of a key before a moment are found by search.

    :param events: arrays of shape (m,) by key, see :func:`_events`
    :param one_company: whether the database has a single company, so that nobody is to be kept apart
    """

    def __init__(self, events, one_company):
        self.events = events
        self.one_company = one_company
        self.orders = {}

    @cached_property
    def times(self):
        """The moments at which leads closed, ascending."""
        return np.unique(self.events["closed"])

    def earlier(self, keys, leads, moments):
        """Return how many leads related by either key were won, and lost; float64 of shape (n,), NaN unknown.

        Related by the first or the second: as many as by the one and by the other, less those by both.

        :param leads: int64 arrays by key, of shape (n,)
        :param moments: int64 of shape (n,), microseconds since 1970
        """
        until = np.searchsorted(self.times, moments, "left")  # events strictly before the moment
        first, second = keys
        counts = (
            self._count((first,), leads, until)
            + self._count((second,), leads, until)
            - self._count(keys, leads, until)
            - self._itself(leads, moments)
        )
        nobody = (leads[first] == _NOBODY) & (leads[second] == _NOBODY)
        won, lost = np.where(nobody, np.nan, counts)
        return won, lost

    @staticmethod
    def _itself(leads, moments):
        """Return 1 for the leads that had closed before their own moment, as won and lost; shape (2, n)."""
        return (leads["closed"] < moments) * np.array([leads["won"], leads["lost"]], np.float64)

    def _count(self, keys, leads, until):
        """Return how many earlier leads of the same keys were won, and lost; float64 of shape (2, n).

        Those without company are known to all; those of a company to its own leads.
        """
        if self.one_company:
            return self._order(keys, "all").count(leads, until)
        shared = self._order(keys, "shared").count(leads, until)
        return shared + self._order((*keys, "company"), "all").count(leads, until)

    def _order(self, keys, among):
        if (keys, among) not in self.orders:
            events = self.events
            if among == "shared":
                chosen = events["company"] == _NOBODY
                events = {key: column[chosen] for key, column in events.items()}
            self.orders[keys, among] = _Order(keys, events, self.times)
        return self.orders[keys, among]


class _Order:
    """Events in the order of the keys they have in common with leads, and of time within."""

    def __init__(self, keys, events, times):
        self.keys = keys
        known = np.logical_and.reduce([events[key] != _NOBODY for key in keys])
        self.width = len(times) + 1
        self.distinct = []  # for each key, the values that occur so far, of the pairs with those before
        codes = self._codes({key: events[key][known] for key in keys}, learn=True)
        place = codes * self.width + np.searchsorted(times, events["closed"][known])
        order = np.argsort(place, kind="stable")
        self.place = place[order]
        self.won_until = np.concatenate(([0], np.cumsum(events["won"][known][order])))

    def count(self, leads, until):
        """Return how many events with the keys of each lead were won, and lost, before its moment; float64 (2, n).

        :param until: int64 of shape (n,), how many moments of events come before that of the lead
        """
        codes = self._codes(leads)
        start = np.searchsorted(self.place, codes * self.width, "left")
        end = np.searchsorted(self.place, codes * self.width + until, "left")
        won = self.won_until[end] - self.won_until[start]
        return np.where(codes < 0, 0, [won, end - start - won]).astype(float)

    def _codes(self, columns_, learn=False):
        """Return int64 numbers of what the keys are together; -1 where no event has that."""
        codes = None
        for at, key in enumerate(self.keys):
            single = columns_[key]
            if at:
                # The pairs of what was before and this key.
                values = self._code(2 * at - 1, single, learn)
                width = len(self.distinct[2 * at - 1]) + 1
                single = np.where((codes < 0) | (values < 0), -1, codes * width + values)
            codes = self._code(2 * at, single, learn)
        return codes

    def _code(self, place, values, learn):
        """Return the places of values among those of the events; -1 where they are none of them."""
        if learn:
            self.distinct.append(np.unique(values))
        distinct = self.distinct[place]
        if not len(distinct):
            return np.full(len(values), -1)
        codes = np.minimum(np.searchsorted(distinct, values), len(distinct) - 1)
        return np.where(distinct[codes] == values, codes, -1)
