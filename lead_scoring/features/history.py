"""Features of what became of earlier leads of the same people: won and lost before the moment.

Contact: leads of the same contact or the same e-mail address. Customer company: leads of any contact of the
same company, or of the same e-mail domain (for addresses at free mail providers, the same address).
A lead with none of these has nobody to know anything about: missing, not 0.

With several companies in the database a lead knows the history in its own company and that of leads without
one, never another company's.

The history of all leads of a batch is one query by the indexes of contact and of e-mail domain. Texts come as
64-bit hashes and whole columns as packed bytes: a hundred thousand closed leads are a few arrays. The counting
is sorting and searching, so that a hundred leads of one big customer cost no hundred passes over its history.
"""

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
    events = _events(env, leads, batch.rows["domain"])
    one_company = env.execute_query(SQL("SELECT count(*) FROM res_company"))[0][0] == 1
    past = _Past(np.round(batch.moments * 1e6).astype(np.int64), leads, events, one_company)
    counts = {}
    for subject in sorted({feature.subject for feature in features.values()}):
        counts[subject, "won"], counts[subject, "lost"] = past.earlier(KEYS[subject])
    return {name: NumberColumn(counts[HISTORY[name][1:]]) for name in features}


def _events(env, leads, domains):
    """Return the closed leads of the batch's customers or e-mail domains: int64 of shape (m,) by key."""
    event = SQL(", ").join(SQL("%s AS %s", column, SQL.identifier(key)) for key, column in _COLUMNS.items())
    customer = SQL(
        "(p.commercial_partner_id = ANY(%s) OR p.id = ANY(%s))",
        int_array(np.unique(leads["commercial"]).tolist()),
        int_array(np.unique(leads["partner"]).tolist()),
    )
    (packed,) = env.execute_query(
        SQL(
            """
            SELECT %(packed)s
            FROM (
                SELECT %(event)s
                FROM res_partner p JOIN crm_lead l ON l.partner_id = p.id
                WHERE l.won_status IN ('won', 'lost') AND %(customer)s
                UNION ALL
                SELECT %(event)s
                FROM crm_lead l LEFT JOIN res_partner p ON p.id = l.partner_id
                WHERE l.won_status IN ('won', 'lost') AND l.email_domain_criterion = ANY(%(domains)s)
                  AND %(customer)s IS NOT TRUE
            ) event
            """,
            packed=SQL(", ").join(SQL("string_agg(int8send(%s), '')", SQL.identifier(key)) for key in _COLUMNS),
            event=event,
            customer=customer,
            domains=sorted(set(domains) - {None}),
        )
    )
    return {key: np.frombuffer(column or b"", ">i8").astype(np.int64) for key, column in zip(_COLUMNS, packed)}


class _Past:
    """Counts the closed leads before the moments of other leads.

    Keys are numbered over events and leads together: int64 of shape (events + leads,), -1 is missing.

    :param moments: int64 of shape (leads,), microseconds since 1970
    :param leads, events: int64 arrays by key, of shapes (leads,) and (events,)
    """

    def __init__(self, moments, leads, events, one_company):
        self.moments = moments
        self.leads = leads
        self.n_events = len(events["won"])
        self.keys = {key: np.concatenate([events[key], leads[key]]) for key in _COLUMNS}
        self.company = _codes(self.keys["company"])
        if one_company:
            self.company[:] = -1
        self.won = events["won"] > 0
        self.times, self.event_times = np.unique(events["closed"], return_inverse=True)
        self.lead_times = np.searchsorted(self.times, moments, "left")  # events strictly before the moment

    def earlier(self, keys):
        """Return how many leads related by either key were won, and lost; float64 of shape (n,), NaN unknown.

        Related by the first or the second: as many as by the one and by the other, less those by both.
        """
        first, second = (_codes(self.keys[key]) for key in keys)
        both = _joint(first, second)
        counts = self._count(first) + self._count(second) - self._count(both) - self._itself()
        nobody = ((first < 0) & (second < 0))[self.n_events :]
        won, lost = np.where(nobody, np.nan, counts)
        return won, lost

    def _itself(self):
        """Return 1 for the leads that had closed before their own moment, as won and lost; shape (2, n)."""
        closed = self.leads["closed"] < self.moments
        return closed * np.array([self.leads["won"], self.leads["lost"]], np.float64)

    def _count(self, codes):
        """Return how many earlier leads of the same key were won, and lost; float64 of shape (2, n).

        Those without company are known to all; those of a company to its own leads.
        """
        shared = np.where(self.company[: self.n_events] < 0, codes[: self.n_events], -1)
        counts = self._count_events(shared, codes[self.n_events :])
        if (self.company >= 0).any():
            own = _joint(codes, self.company)
            counts += self._count_events(own[: self.n_events], own[self.n_events :])
        return counts

    def _count_events(self, events, leads):
        """Return counts (2, n) by one sorted sequence of (key, time) and two searches in it for each lead."""
        known = events >= 0
        width = len(self.times) + 1
        place = events[known] * width + self.event_times[known]
        order = np.argsort(place, kind="stable")
        place, won = place[order], self.won[known][order]
        start = np.searchsorted(place, leads * width, "left")
        end = np.searchsorted(place, leads * width + self.lead_times, "left")
        won_until = np.concatenate(([0], np.cumsum(won)))
        won_before = won_until[end] - won_until[start]
        return np.where(leads < 0, 0, [won_before, end - start - won_before]).astype(float)


def _codes(keys):
    """Return int64 numbers of the keys, -1 for nobody."""
    distinct, codes = np.unique(keys, return_inverse=True)
    numbers = np.arange(len(distinct))
    numbers[distinct == _NOBODY] = -1
    return numbers[codes]


def _joint(first, second):
    """Return the numbers of the pairs that occur, -1 where either is missing."""
    pairs = np.where((first < 0) | (second < 0), -1, first * (second.max(initial=0) + 1) + second)
    distinct, numbers = np.unique(pairs, return_inverse=True)
    return numbers - (len(distinct) > 0 and distinct[0] < 0)
