"""How a score came about: what made each change of it, in points that add up."""

from functools import singledispatch

import numpy as np

from ..scoring.rules import RuleCard
from ..scoring.scorecard import MISSING, Scorecard, whole
from .reasons import Wording

# Of each change the strongest features are named.
NAMED = 3


def story(env, lead_id, rows, card_of):
    """Tell the changes of one lead's score, in the reader's language and with the reader's rights.

    What changed between two moments is said by the later one's version: the difference between what both versions
    say of the earlier values is the new version's doing, the rest is the features'. Time that passes by makes
    ageing (the age, days since something); everything else is the lead's data.

    :param env: the reader's environment
    :param rows: list of ``(score, version id, levels as bytes)`` of one lead, oldest first
    :param card_of: function from a version's id to its ``Scorecard`` or ``RuleCard``, None where it cannot be loaded
    :return: list of dicts, one for each row: ``change`` (None for the first), ``data``, ``ageing``, ``version``,
        whole points that sum to it, and ``named``, the strongest features as dicts of label, before, after, points
    """
    told = [{"change": None, "data": 0, "ageing": 0, "version": 0, "named": []}]
    wordings = {}
    for before, after in zip(rows, rows[1:]):
        step = {"change": after[0] - before[0], "data": 0, "ageing": 0, "version": 0, "named": []}
        card, old_card = card_of(after[1]), card_of(before[1])
        levels = _earlier_levels(before, after, card, old_card)
        if levels is None:
            # Values that this version does not know: the parts cannot be told apart.
            step["version"] = step["change"]
        else:
            if after[1] not in wordings:
                wordings[after[1]] = _changes(card, env, lead_id)
            wordings[after[1]].tell(step, levels, np.frombuffer(after[2], np.uint8)[None, :])
            step["version"] = step["change"] - step["data"] - step["ageing"]
        told.append(step)
    return told


def _earlier_levels(before, after, card, old_card):
    """Return the earlier levels uint8[1, f] in terms of the later version; None where that is not certain."""
    if card is None or old_card is None:
        return None
    levels = np.frombuffer(before[2], np.uint8)[None, :]
    if before[1] == after[1]:
        return levels
    levels, (mappable,) = card.translate(levels, old_card)
    return levels if mappable else None


@singledispatch
def _changes(card, env, lead_id):
    raise TypeError(f"No words for {type(card).__name__}")


@_changes.register
def _of_rules(card: RuleCard, env, lead_id):
    return _RuleChanges(card)


@_changes.register
def _of_scorecard(card: Scorecard, env, lead_id):
    return _Changes(env, card, lead_id)


class _RuleChanges:
    """Says the changes between what rules gave: points of an event that fade are ageing."""

    def __init__(self, card):
        self.card = card

    def tell(self, step, before, after):
        """Fill in data, ageing and named of a step.

        :param before, after: uint8[1, 2 r]
        """
        (old,), (new,) = self.card.tenths(before).astype(int), self.card.tenths(after).astype(int)
        target = self.card.scores(after).astype(int) - self.card.scores(before)
        (points,) = whole((new - old)[None, :] / 10, target)
        for place in np.argsort(-np.abs(points), kind="stable").tolist():
            moved, rule = int(points[place]), self.card.rules[place]
            fades = bool(rule.behaviours) and abs(new[place]) < abs(old[place])
            step["ageing" if fades else "data"] += moved
            if moved and len(step["named"]) < NAMED:
                step["named"].append(
                    {
                        "label": rule.name,
                        "before": f"{old[place] / 10:g}",
                        "after": f"{new[place] / 10:g}",
                        "points": moved,
                    }
                )


class _Changes:
    """Says the changes between levels of one version."""

    def __init__(self, env, card, lead_id):
        self.card = card
        self.wording = Wording(env, card)
        self.wording.fetch([set(range(feature.levels.n_levels)) for feature in card.features])
        (self.seen,) = self.wording.seen([lead_id])

    def tell(self, step, before, after):
        """Fill in data, ageing and named of a step.

        :param before, after: uint8[1, f]
        """
        (points,) = self.card.whole_changes(before, after)
        changed = np.flatnonzero(before[0] != after[0])
        for column in changed[np.argsort(-np.abs(points[changed]), kind="stable")].tolist():
            old, new, moved = int(before[0, column]), int(after[0, column]), int(points[column])
            step["ageing" if self._ages(column, old, new) else "data"] += moved
            if moved and len(step["named"]) < NAMED and self.seen[column]:
                step["named"].append(
                    {
                        "label": self.wording.label(column),
                        "before": self.wording.value(column, old),
                        "after": self.wording.value(column, new),
                        "points": moved,
                    }
                )

    def _ages(self, column, before, after):
        """Whether a change is what time does: more days since something, fewer days until a date."""
        feature = self.wording.features[column]
        if feature is None or feature.type not in ("days", "moment") or MISSING in (before, after):
            return False
        return after > before if feature.type == "days" else after < before
