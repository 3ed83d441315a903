"""What rules would have told about closed leads, as those looked while they were open."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from odoo import fields
from odoo.fields import Domain

from .levels import read_levels
from .moments import closed_leads, search
from .pages import PAGE_SIZE

# Leads that closed within so many days, and the newest so many of them.
DAYS = 365
MOST_LEADS = 50_000
DAY = 86_400.0


@dataclass
class Closed:
    """Closed leads by id, arrays of shape (n,): ``ids`` int64, ``won`` bool, ``as_of`` datetime64, the moments that they
    are looked at; and their ``levels``, uint8 of shape (n, width)."""

    ids: np.ndarray
    won: np.ndarray
    as_of: np.ndarray
    levels: np.ndarray


def closed_levels(env, card, domain, company):
    """Return :class:`Closed`, the leads of a domain that closed in the last year, under a card of rules.

    What happened is looked at as of a day before the close, and half-way through the life of a lead that lived for
    less than two days: what is done on the day of the close is part of closing it. Filters see the values that a lead
    has now, which are those that it closed with.

    :param env: environment with all rights
    :param domain: Domain of the leads, open and closed
    :param company: see :func:`features.levels.read_levels`
    """
    closed = closed_leads(env, domain, fields.Datetime.now() - timedelta(days=DAYS))
    closed = closed.take(np.sort(np.argsort(-closed.closed_at, kind="stable")[:MOST_LEADS]))
    as_of = closed.closed_at - np.minimum(DAY, closed.lifetimes / 2)
    stamps = (as_of * 1e6).round().astype("datetime64[us]")
    levels = _levels(env, card, closed.ids, stamps, company, 2 * len(card.rules))
    return Closed(closed.ids, closed.won, stamps, levels)


def covered(env, closed, domain):
    """Return which closed leads are among a domain, bool of shape (n,).

    :param env: environment with all rights
    """
    query = search(env, Domain(domain) & Domain("id", "in", closed.ids.tolist()))
    return np.isin(closed.ids, query.get_result_ids())


def log_odds(env, card, closed, asked, company):
    """Return what a scorecard says of closed leads as they looked at their moments: float64 of shape (n,).

    :param env: environment with all rights
    :param card: Scorecard
    :param asked: bool of shape (n,), the leads to ask about; it is NaN for all others
    :param company: see :func:`features.levels.read_levels`
    """
    found = np.full(len(closed.ids), np.nan)
    found[asked] = card.log_odds(_levels(env, card, closed.ids[asked], closed.as_of[asked], company, len(card.names)))
    return found


def _levels(env, card, ids, stamps, company, width):
    parts = [
        read_levels(card, env, ids[start : start + PAGE_SIZE], company, stamps[start : start + PAGE_SIZE]).levels
        for start in range(0, len(ids), PAGE_SIZE)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, width), np.uint8)
