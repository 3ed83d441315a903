"""What rules would have told about closed leads, as those looked while they were open."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from odoo import fields

from .levels import read_levels
from .moments import closed_leads
from .pages import PAGE_SIZE

# Leads that closed within so many days, and the newest so many of them.
DAYS = 365
MOST_LEADS = 50_000
DAY = 86_400.0


@dataclass
class Closed:
    """Levels of closed leads: uint8 of shape (n, width), and whether each was won, bool of shape (n,)."""

    levels: np.ndarray
    won: np.ndarray


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
    pages = range(0, len(closed.ids), PAGE_SIZE)
    parts = [
        read_levels(card, env, closed.ids[start : start + PAGE_SIZE], company, stamps[start : start + PAGE_SIZE])
        for start in pages
    ]
    width = 2 * len(card.rules)
    levels = np.concatenate([part.levels for part in parts]) if parts else np.zeros((0, width), np.uint8)
    return Closed(levels, closed.won)
