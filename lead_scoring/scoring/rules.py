"""Rules with points: conditions that a lead meets or not, and what it is given for that.

A rule asks for what a lead is (a filter, which is looked up elsewhere: here it is a yes or no for each lead) and for
what happened on it (behaviours). Each condition is met to some extent: 0 is not met, 1 is met, less than 1 is met by
something that fades, more than 1 is met several times. A rule gives its points times the extent of its conditions:

    all of them     the least extent of those that count once, times the sum of those that count each time;
                    nothing if one is not met
    any of them     the greatest extent of those that count once, or the sum of those that count each time,
                    whichever is more

What it gives is rounded to tenths of a point, held within the rule's limit, and stored as it is: two bytes for each
rule, a signed whole number of tenths, the higher byte first. So what rules gave adds up to the raw points, exactly.
The score is the raw points, rounded to whole ones and held in 0-100.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from .artefact import check, check_keys, digest, opened, sealed, text, whole
from .scorecard import MAXIMUM_KEY_LENGTH

SCHEMA = 1
# How the text of a card of rules begins, and that of no other.
BEGINNING = '{"kind":"rules"'

KINDS = ("fit", "engagement")
MATCHES = ("all", "any")
EVENTS = ("message_in", "message_out", "meeting", "activity_done", "stage_change")
OPERATORS = ("at_least", "none", "each")

# Two bytes for each rule must fit into what is stored beside a score.
MAXIMUM_RULES = 500
MAXIMUM_BEHAVIOURS = 20
MAXIMUM_POINTS = 1_000
# What a rule may give by counting each time: within two bytes of tenths.
MAXIMUM_GIVEN = 3_000
MAXIMUM_COUNT = 1_000
MAXIMUM_DAYS = 3_650
_MAXIMUM_FILTER = 100_000

DAY = 86_400


class Happened(NamedTuple):
    """Events of one kind: int64[m] rows of the leads they happened on, and seconds since, int64[m] from 0."""

    rows: np.ndarray
    ages: np.ndarray


NOTHING = Happened(np.zeros(0, np.int64), np.zeros(0, np.int64))


class Facts(NamedTuple):
    """What rules are looked up in.

    ``matches``: bool[n, r], whether each lead matches the filter of each rule. ``happened``: Happened by event.
    """

    matches: np.ndarray
    happened: dict


@dataclass(frozen=True)
class Behaviour:
    """A condition on what happened.

    :param event: one of EVENTS
    :param operator: "at_least" so many of them, "none" of them, or "each" of them counts
    :param count: int from 1, for "at_least"
    :param days: int, only the last so many days count; 0 is all time
    :param half_days: int, an event of so many whole days ago counts half, one of twice as many nothing, in between
        in a straight line; for "at_least" it is the newest one that fades. 0: nothing fades
    """

    event: str
    operator: str
    count: int = 1
    days: int = 0
    half_days: int = 0

    def __post_init__(self):
        check(self.event in EVENTS, "It asks for an unknown event.")
        check(self.operator in OPERATORS, "It asks for an event in an unknown way.")
        whole(self.count, "A count", 1, MAXIMUM_COUNT)
        whole(self.days, "A number of days", 0, MAXIMUM_DAYS)
        whole(self.half_days, "A number of days", 0, MAXIMUM_DAYS)
        check(not self.half_days or self.operator != "none", "What did not happen cannot fade.")

    @property
    def reach(self):
        """Events older than so many days make no difference; None is no limit."""
        ends = [self.days] if self.days else []
        if self.half_days and self.operator == "each":
            ends.append(2 * self.half_days)
        return min(ends, default=None)

    def extent(self, happened, n_leads):
        """To which extent each lead meets it, float64[n].

        :param happened: Happened of its event
        """
        rows, ages = happened
        if self.days:
            within = ages < self.days * DAY
            rows, ages = rows[within], ages[within]
        counts = np.bincount(rows, minlength=n_leads)
        if self.operator == "none":
            return (counts == 0).astype(np.float64)
        if self.operator == "each":
            return np.bincount(rows, self._faded(ages), n_leads) if self.half_days else counts.astype(np.float64)
        met = (counts >= self.count).astype(np.float64)
        if self.half_days:
            newest = np.zeros(n_leads)
            np.maximum.at(newest, rows, self._faded(ages))
            met *= newest
        return met

    def _faded(self, ages):
        return np.maximum(0.0, 1 - (ages // DAY) / (2 * self.half_days))


@dataclass(frozen=True)
class Rule:
    """Conditions, and the points that a lead is given for meeting them.

    :param key: str, stable; tells rules apart
    :param name: str, what people call it
    :param kind: "fit" or "engagement"
    :param match: "all" or "any" of its conditions
    :param filter: str, what leads it asks for, in the words of whoever looks it up; empty for no such condition
    :param behaviours: tuple of Behaviour
    :param points: int, not 0
    :param limit: int, it never gives or takes more points than this; 0 is no limit
    """

    key: str
    name: str
    kind: str
    match: str
    filter: str
    behaviours: tuple
    points: int
    limit: int = 0

    def __post_init__(self):
        text(self.key, "The key of a rule", MAXIMUM_KEY_LENGTH)
        text(self.name, "The name of a rule", MAXIMUM_KEY_LENGTH)
        check(self.kind in KINDS, f"“{self.name}” is of an unknown kind.")
        check(self.match in MATCHES, f"“{self.name}” puts its conditions together in an unknown way.")
        text(self.filter, f"The filter of “{self.name}”", _MAXIMUM_FILTER, shortest=0)
        object.__setattr__(self, "behaviours", tuple(self.behaviours))
        check(len(self.behaviours) <= MAXIMUM_BEHAVIOURS, f"“{self.name}” has too many conditions.")
        check(bool(self.filter or self.behaviours), f"“{self.name}” has no condition.")
        whole(self.points, f"The points of “{self.name}”", -MAXIMUM_POINTS, MAXIMUM_POINTS)
        check(self.points != 0, f"“{self.name}” gives no points.")
        whole(self.limit, f"The limit of “{self.name}”", 0, MAXIMUM_GIVEN)

    @property
    def definition(self):
        """All but what it is called: rules of one definition give the same points."""
        return (self.key, self.match, self.filter, self.behaviours, self.points, self.limit)

    def tenths(self, matches, happened):
        """What it gives each lead, in tenths of a point, int16[n].

        :param matches: bool[n], whether each lead matches the filter
        :param happened: Happened by event
        """
        given = np.floor(10 * abs(self.points) * self._extent(matches, happened) + 0.5 + 1e-9)
        most = min(self.limit or MAXIMUM_GIVEN, MAXIMUM_GIVEN)
        return (np.sign(self.points) * np.minimum(given, 10 * most)).astype(np.int16)

    def _extent(self, matches, happened):
        n_leads = len(matches)
        once = [matches.astype(np.float64)] if self.filter else []
        each = []
        for behaviour in self.behaviours:
            extent = behaviour.extent(happened.get(behaviour.event, NOTHING), n_leads)
            (each if behaviour.operator == "each" else once).append(extent)
        if self.match == "any":
            return np.maximum(np.max(once, axis=0) if once else 0.0, np.sum(each, axis=0) if each else 0.0)
        met = np.min(once, axis=0) if once else np.ones(n_leads)
        return met * (np.sum(each, axis=0) * np.all(np.array(each) > 0, axis=0) if each else 1.0)


@dataclass(frozen=True, eq=False)
class RuleCard:
    """Rules that score: what a Scorecard is to a predictive model.

    :param rules: tuple of Rule, at least one, of distinct keys

    `levels` in the methods is uint8[n, 2 r], what `levels(facts)` returns; r the number of rules.
    """

    rules: tuple = field(default=())

    # How `standing` is measured, see `trend`.
    scale = "points"

    def __post_init__(self):
        object.__setattr__(self, "rules", tuple(self.rules))
        check(0 < len(self.rules) <= MAXIMUM_RULES, f"It has no rules, or more than {MAXIMUM_RULES}.")
        check(len(set(self.names)) == len(self.rules), "It lists a rule twice.")

    @property
    def names(self):
        """Keys of the rules."""
        return tuple(rule.key for rule in self.rules)

    def reach(self, event):
        """Days beyond which no rule cares for an event, None for no limit; 0 if no rule asks for it at all."""
        reaches = [behaviour.reach for rule in self.rules for behaviour in rule.behaviours if behaviour.event == event]
        return None if None in reaches else max(reaches, default=0)

    def levels(self, facts):
        """What each rule gives, as bytes, uint8[n, 2 r]."""
        tenths = [rule.tenths(facts.matches[:, place], facts.happened) for place, rule in enumerate(self.rules)]
        return np.ascontiguousarray(np.column_stack(tenths).astype(">i2")).view(np.uint8)

    def tenths(self, levels):
        """What each rule gave, in tenths of a point, int16[n, r]."""
        return np.ascontiguousarray(levels, dtype=np.uint8).view(">i2").astype(np.int16)

    def raw(self, levels):
        """Raw points, float64[n]: the sum, neither rounded nor held in 0-100."""
        return self.tenths(levels).sum(axis=1, dtype=np.int64) / 10

    def standing(self, levels):
        """Where leads stand, float64[n]: what a trend compares."""
        return self.raw(levels)

    def scores(self, levels):
        """Scores, int16[n]: raw points, halves rounded up, held in 0-100."""
        tenths = self.tenths(levels).sum(axis=1, dtype=np.int64)
        return np.clip((tenths + 5) // 10, 0, 100).astype(np.int16)

    def translate(self, levels, from_card):
        """Levels that another card gave, as levels of this one: only where both have the same rules.

        :return: (uint8[n, 2 r], mappable bool[n]); all rows are mappable, or none
        """
        theirs = {rule.definition: place for place, rule in enumerate(getattr(from_card, "rules", ()))}
        places = [theirs.get(rule.definition) for rule in self.rules]
        if None in places or len(theirs) != len(places):
            return np.zeros((len(levels), 2 * len(self.rules)), np.uint8), np.zeros(len(levels), bool)
        columns = [2 * place + byte for place in places for byte in (0, 1)]
        return np.asarray(levels, np.uint8)[:, columns], np.ones(len(levels), bool)

    # ---- text

    @cached_property
    def sha256(self):
        """Hash of the content, as it stands in the JSON."""
        return digest(self._content())

    def to_json(self):
        """The rules as canonical JSON: same rules, same bytes."""
        return sealed(self._content())

    def _content(self):
        return {"schema": SCHEMA, "kind": "rules", "rules": [_rule_content(rule) for rule in self.rules]}

    @classmethod
    def from_json(cls, text):
        """The card of a text by `to_json`. ScorecardError, with the reason, for any other text."""
        content = opened(text, SCHEMA)
        check_keys(content, {"schema", "kind", "rules"})
        check(content["kind"] == "rules", "It does not hold rules.")
        check(isinstance(content["rules"], list) and len(content["rules"]) <= MAXIMUM_RULES, "Its rules are no list.")
        return cls(tuple(map(_rule_from, content["rules"])))


_RULE = ("key", "name", "kind", "match", "filter", "points", "limit")
_BEHAVIOUR = ("event", "operator", "count", "days", "half_days")


def _rule_content(rule):
    behaviours = [{name: getattr(behaviour, name) for name in _BEHAVIOUR} for behaviour in rule.behaviours]
    return {**{name: getattr(rule, name) for name in _RULE}, "behaviours": behaviours}


def _rule_from(content):
    check_keys(content, {*_RULE, "behaviours"})
    check(isinstance(content["behaviours"], list), "The conditions of a rule are no list.")
    check(len(content["behaviours"]) <= MAXIMUM_BEHAVIOURS, "A rule has too many conditions.")
    behaviours = []
    for behaviour in content["behaviours"]:
        check_keys(behaviour, set(_BEHAVIOUR))
        behaviours.append(Behaviour(**behaviour))
    return Rule(**{**content, "behaviours": tuple(behaviours)})
