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


# Microseconds: whole numbers, so that "strictly before" is exact.
_MICROSECONDS = SQL("(%s * 1000000)::int8", epoch(CLOSED_AT))

_KEYS = {
    "partner": _id(SQL("p.id")),
    "commercial": _id(SQL("coalesce(p.commercial_partner_id, p.id)")),
    "email": _hash(SQL("l.email_normalized")),
    "criterion": _hash(SQL("l.email_domain_criterion")),
    "company": _id(SQL("l.company_id")),
}
# When a lead itself was won, or lost: nothing of most leads that are asked about, and quickly read.
_ENDS = {
    f"{outcome}_at": SQL("CASE WHEN l.won_status = %s THEN %s END", outcome, _MICROSECONDS)
    for outcome in ("won", "lost")
}
_EVENT = _KEYS | {
    "won": SQL("(l.won_status = 'won')::int"),
    # No time at all is after every moment.
    "closed": SQL("coalesce(%s, 9223372036854775807)", _MICROSECONDS),
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
    columns_ = {**_KEYS, **_ENDS}
    if not _read.get():
        columns_["domain"] = SQL("nullif(l.email_domain_criterion, '')")
    return {key: (sql, ("contact",) if key in ("partner", "commercial") else ()) for key, sql in columns_.items()}


def columns(env, batch, features):
    """Return ``{name: column}`` by two queries: how many companies there are, and the history."""
    if not features:
        return {}
    leads = {key: np.array(batch.rows[key], np.int64) for key in _KEYS}
    leads |= {key: np.array(batch.rows[key], np.float64) for key in _ENDS}
    past = _past(env, leads, batch.rows.get("domain"))
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
    event = SQL(", ").join(SQL("%s AS %s", _EVENT[key], SQL.identifier(key)) for key in _PACKED)
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
    """Closed leads, counted by what they have in common with others.

    :param events: arrays of shape (m,) by key, see :func:`_events`
    :param one_company: whether the database has a single company, so that nobody is to be kept apart
    """

    def __init__(self, events, one_company):
        self.events = events
        self.one_company = one_company
        self.known, self.orders = {}, {}

    @cached_property
    def times(self):
        """The moments at which leads closed, ascending."""
        return _ascending(self.events["closed"])

    @cached_property
    def places(self):
        """How many moments come before that of each event."""
        return np.searchsorted(self.times, self.events["closed"])

    def earlier(self, keys, leads, moments):
        """Return how many leads related by either key were won, and lost; float64 of shape (n,), NaN unknown.

        Related by the first or the second: as many as by the one and by the other, less those by both.

        :param leads: int64 arrays by key, of shape (n,)
        :param moments: int64 of shape (n,), microseconds since 1970
        """
        until = np.searchsorted(self.times, moments, "left")  # events strictly before the moment
        first, second = keys
        apart = () if self.one_company else ("company",)
        codes = {key: self._distinct(key).codes(leads[key]) for key in (*keys, *apart)}
        counts = (
            self._count((first,), codes, until)
            + self._count((second,), codes, until)
            - self._count(keys, codes, until)
            - self._itself(leads, moments)
        )
        nobody = (leads[first] == _NOBODY) & (leads[second] == _NOBODY)
        won, lost = np.where(nobody, np.nan, counts)
        return won, lost

    @staticmethod
    def _itself(leads, moments):
        """Return 1 for the leads that had closed before their own moment, as won and lost; shape (2, n)."""
        return np.array([leads["won_at"] < moments, leads["lost_at"] < moments], np.float64)

    def _count(self, keys, codes, until):
        """Return how many earlier leads of the same keys were won, and lost; float64 of shape (2, n).

        Those without company are known to all; those of a company to its own leads.
        """
        if self.one_company:
            return self._order(keys, "all").count(codes, until)
        shared = self._order(keys, "shared").count(codes, until)
        return shared + self._order((*keys, "company"), "all").count(codes, until)

    def _distinct(self, key):
        """Return the values that closed leads have of a key, numbered."""
        if key not in self.known:
            self.known[key] = _Distinct(self.events[key])
        return self.known[key]

    def _order(self, keys, among):
        if (keys, among) not in self.orders:
            distinct = {key: self._distinct(key) for key in keys}
            chosen = np.logical_and.reduce([values.of_events >= 0 for values in distinct.values()])
            if among == "shared":
                chosen &= self.events["company"] == _NOBODY
            won, places = self.events["won"][chosen], self.places[chosen]
            self.orders[keys, among] = _Order(distinct, chosen, won, places, len(self.times))
        return self.orders[keys, among]


class _Distinct:
    """The distinct values of a column, numbered in their order; nobody has no number but -1."""

    def __init__(self, column):
        known = column != _NOBODY
        self.values, self.of_events = _ascending(column[known]), np.full(len(column), -1)
        self.of_events[known] = np.searchsorted(self.values, column[known])

    def codes(self, column):
        """Return the numbers of some values; -1 where they are none of these."""
        return _places(self.values, column)


class _Order:
    """Events in the order of the keys they have in common with leads, and of time within.

    :param distinct: ``{key: _Distinct}``
    :param chosen: bool of shape (all,), which events; they have all these keys
    :param won: of shape (m,), whether the chosen ones were won
    :param places: of shape (m,), how many moments of all events come before theirs
    :param n_times: how many such moments there are
    """

    def __init__(self, distinct, chosen, won, places, n_times):
        self.widths = {key: len(values.values) for key, values in distinct.items()}
        self.pairs = []  # for each key but the first, those that occur of what was before and this key
        together = self._together({key: values.of_events[chosen] for key, values in distinct.items()}, learn=True)
        self.width = n_times + 1
        place = together * self.width + places
        order = np.argsort(place)
        self.place = place[order]
        n_together = len(self.pairs[-1]) if self.pairs else next(iter(self.widths.values()))
        self.start = np.searchsorted(together[order], np.arange(n_together + 1))
        self.won_until = np.concatenate(([0], np.cumsum(won[order])))
        self.last = int(places.max(initial=-1))

    def count(self, codes, until):
        """Return how many events with the keys of each lead were won, and lost, before its moment; float64 (2, n).

        :param codes: ``{key: numbers}`` of the leads' keys, -1 where no event has them
        :param until: int64 of shape (n,), how many moments of events come before that of the lead
        """
        together = self._together(codes)
        start = self.start[together]
        # Whoever looks back at all events, as the daily run does, need not search for where to stop.
        if until.min(initial=self.width) > self.last:
            end = self.start[together + 1]
        else:
            end = np.searchsorted(self.place, together * self.width + until, "left")
        won = self.won_until[end] - self.won_until[start]
        return np.where(together < 0, 0, [won, end - start - won]).astype(float)

    def _together(self, codes, learn=False):
        """Return a number of what the keys are together; -1 where no event has that."""
        together = None
        for at, (key, width) in enumerate(self.widths.items()):
            single = codes[key]
            if not at:
                together = single
                continue
            pair = np.where((together < 0) | (single < 0), -1, together * width + single)
            if learn:
                self.pairs.append(_ascending(pair))
            together = _places(self.pairs[at - 1], pair)
        return together


def _ascending(column):
    """Return the distinct values of a column, ascending: ``np.unique``, which hashes, takes twenty times as long."""
    ordered = np.sort(column)
    return ordered[np.concatenate((np.ones(len(ordered[:1]), bool), ordered[1:] != ordered[:-1]))]


def _places(values, wanted):
    """Return the places of what is wanted among ascending distinct values; -1 where it is none of them."""
    if not len(values):
        return np.full(len(wanted), -1)
    places = np.minimum(np.searchsorted(values, wanted), len(values) - 1)
    return np.where(values[places] == wanted, places, -1)
