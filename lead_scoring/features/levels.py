"""Leads -> levels, whatever kind of card asks for them."""

from dataclasses import dataclass, field
from functools import singledispatch

import numpy as np

from ..scoring.rules import RuleCard
from ..scoring.scorecard import Scorecard
from . import rules
from .extract import extract, moments_of


@dataclass
class Reading:
    """What a card was given to score.

    ``ids`` int64 of shape (n,): the leads that exist, in the order asked for. ``levels`` uint8 of shape (n, width).
    ``problems``: (lead id, text) of values that made no sense. ``missing``: names of what exists no more.
    """

    ids: np.ndarray
    levels: np.ndarray
    problems: list = field(default_factory=list)
    missing: list = field(default_factory=list)


@singledispatch
def read_levels(card, env, lead_ids, company, as_of=None):
    """Return the :class:`Reading` of some leads under a card.

    :param card: Scorecard or RuleCard
    :param env: environment with the rights to read all that is asked for
    :param lead_ids: ids of shape (n,), in any order
    :param company: the model's ``res.company``, or none: related records of others are not looked at
    :param as_of: see :func:`features.extract.extract`
    """
    raise TypeError(f"No way to read leads for {type(card).__name__}")


@read_levels.register
def _of_scorecard(card: Scorecard, env, lead_ids, company, as_of=None):
    extraction = extract(env, lead_ids, list(card.names), as_of)
    table = extraction.table
    return Reading(extraction.ids, card.levels(table), extraction.problems, card.unreadable(table))


@read_levels.register
def _of_rules(card: RuleCard, env, lead_ids, company, as_of=None):
    ids = np.asarray(lead_ids, np.int64).reshape(-1)
    kept, facts, broken = rules.look_up(env, card, ids, company, moments_of(as_of, len(ids)))
    names = {rule.key: rule.name for rule in card.rules}
    return Reading(ids[kept], card.levels(facts), missing=[names[key] for key in broken])
