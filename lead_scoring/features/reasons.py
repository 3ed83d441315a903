"""Contributions said in words: why a lead has the score it has."""

from functools import singledispatch

import numpy as np

from ..scoring.rules import RuleCard
from ..scoring.scorecard import MISSING, CategoryLevels, Scorecard, sigmoid
from .catalogue import bin_label, find, level_labels, missing_words

# A win rate of fewer closed leads than this is hearsay.
MINIMUM_SUPPORT = 20


def reasons(env, card, lead_ids, levels, outcome="won", limit=None, everything=False):
    """Explain the scores of some leads of one version, in the reader's language and with the reader's rights.

    :param env: the reader's environment
    :param card: the ``Scorecard`` or ``RuleCard`` that scored them
    :param lead_ids: n ids
    :param levels: the n stored rows of levels, as bytes
    :param outcome: what a scorecard predicts, "won" or "qualified"
    :param limit: how many reasons of each lead are wanted, the strongest ones; None is all
    :param everything: tell features without points too, and the sum with its rounding (see below)
    :return: ``{lead id: {"score", "average" or "raw", "reasons"}}`` where reasons are dicts of feature, subject, label,
        value, points and text, strongest first. Points add up to score - average over all features of a scorecard, to
        the raw points of rules. Features without points are not told, nor are fields and records that the reader may
        not see. With ``everything`` each reason of a scorecard has its ``exact`` points, and there are
        ``exact_score``, ``exact_average`` and ``hidden``, which is ``{"count", "points", "exact"}`` of what is not told.
    """
    matrix = np.frombuffer(b"".join(levels), np.uint8).reshape(len(lead_ids), -1)
    return _explained(card, env, lead_ids, matrix, outcome, limit, everything)


@singledispatch
def _explained(card, env, lead_ids, matrix, outcome, limit, everything):
    raise TypeError(f"No words for {type(card).__name__}")


@_explained.register
def _of_rules(card: RuleCard, env, lead_ids, matrix, outcome, limit, everything):
    explained = {}
    tenths, raw = card.tenths(matrix), card.raw(matrix)
    for row, (lead_id, score) in enumerate(zip(lead_ids, card.scores(matrix).tolist())):
        strongest = np.argsort(-np.abs(tenths[row]), kind="stable").tolist()
        told = [
            _fired(card.rules[place], int(tenths[row, place]))
            for place in strongest[:limit]
            if everything or tenths[row, place]
        ]
        explained[lead_id] = {"score": score, "raw": _points(round(10 * raw[row])), "reasons": told}
    return explained


def _fired(rule, tenths):
    points = _points(tenths)
    return {
        "feature": rule.key,
        "subject": "lead",
        "label": rule.name,
        "value": "",
        "points": points,
        "text": rule.name,
    }


def _points(tenths):
    """Return points as people write them: whole ones without a decimal."""
    return tenths // 10 if tenths % 10 == 0 else tenths / 10


@_explained.register
def _of_scorecard(card: Scorecard, env, lead_ids, matrix, outcome, limit, everything):
    points = card.whole_points(matrix)
    strength = np.abs(card.contributions(matrix))
    wording = Wording(env, card, outcome)
    told = ((points != 0) | everything) & wording.seen(lead_ids)
    # Strongest first, those that are not told behind them.
    columns = np.argsort(np.where(told, -strength, np.inf), axis=1, kind="stable")[:, :limit]
    columns = [[column for column in row if told[at, column]] for at, row in enumerate(columns.tolist())]
    wording.fetch(_levels_used(matrix, columns))
    average = card.average
    explained = {
        lead_id: {
            "score": score,
            "average": average,
            "reasons": [
                wording.reason(column, int(matrix[row, column]), int(points[row, column])) for column in columns[row]
            ],
        }
        for row, (lead_id, score) in enumerate(zip(lead_ids, card.scores(matrix).tolist()))
    }
    if everything:
        for row, lead_id in enumerate(lead_ids):
            _add_sum(explained[lead_id], card, matrix[row : row + 1], points[row], columns[row])
    return explained


def _levels_used(matrix, columns):
    """Return for each feature the set of levels that occur in the chosen columns of the rows."""
    used = [set() for _column in range(matrix.shape[1])]
    for row, chosen in zip(matrix.tolist(), columns):
        for column in chosen:
            used[column].add(row[column])
    return used


def _add_sum(explanation, card, levels, points, columns):
    """Add what the sum of all reasons is made of before it is rounded, and how much of it is not told.

    :param columns: those of the reasons, in their order
    """
    exact = card.points(levels)[0]
    for column, reason in zip(columns, explanation["reasons"]):
        reason["exact"] = round(float(exact[column]), 1)
    hidden = sorted(set(range(len(points))) - set(columns))
    explanation["exact_score"] = round(100 * float(card.probabilities(levels)[0]), 1)
    explanation["exact_average"] = round(100 * float(sigmoid(card.intercept)), 1)
    explanation["hidden"] = {
        "count": len(hidden),
        "points": int(points[hidden].sum()),
        "exact": round(float(exact[hidden].sum()), 1),
    }


def _unseen_subjects(env, features, lead_ids):
    """Return ``{lead id: subjects}``: whether the reader may not see a lead's contact, or its company."""
    subjects = {feature.subject for feature in features if feature} & {"contact", "company"}
    if env.su or not subjects:
        return {}
    leads = env["crm.lead"].sudo().browse(lead_ids)
    partners = leads.partner_id | leads.partner_id.commercial_partner_id
    visible = set(partners.with_env(env)._filtered_access("read").ids)
    unseen = {}
    for lead in leads:
        of_subject = {"contact": lead.partner_id, "company": lead.partner_id.commercial_partner_id}
        unseen[lead.id] = {name for name, partner in of_subject.items() if partner and partner.id not in visible}
    return unseen


def value_rates(env, card, names):
    """Return ``{name: {"overall", "values"}}`` for the features of a card: how many leads of each value were won.

    Values are dicts of label, closed and won, in the reader's language: those of numbers in their order, others
    by how many leads have them, and empty ones last. Fields that the reader may not see are left out.

    :param names: names of features; those that the card does not have are left out
    """
    wanted = set(names) & set(card.names)
    levels = [list(range(feature.levels.n_levels)) if feature.name in wanted else [] for feature in card.features]
    wording = Wording(env, card)
    wording.fetch([set(found) for found in levels])
    rates = {}
    for column, feature in enumerate(card.features):
        if feature.name not in wanted or not wording.visible[column]:
            continue
        if isinstance(feature.levels, CategoryLevels):
            levels[column].sort(key=lambda level, closed=feature.closed: -closed[level])
        rates[feature.name] = {
            "overall": float(feature.won.sum() / max(feature.closed.sum(), 1)),
            "values": [
                {
                    "label": wording.value(column, MISSING if place < 0 else place),
                    "closed": int(feature.closed[place]),
                    "won": int(feature.won[place]),
                }
                for place in [*levels[column], -1]  # the tables' last place is the missing one
                if feature.closed[place]
            ],
        }
    return rates


class Wording:
    """The words for the levels that occur, fetched for all leads at once."""

    def __init__(self, env, card, outcome="won"):
        self.env, self.outcome = env, outcome
        self.cards = card.features
        features = find(env(su=True), card.names)
        self.features = [features.get(name) for name in card.names]
        self.visible = [feature is None or _may_read(env, feature) for feature in self.features]
        self.values = {}
        self.said = {}  # many leads of a list have the same reasons

    def fetch(self, levels):
        """Look up the words for some levels.

        :param levels: for each feature of the card the set of levels to be named
        """
        self.values = level_labels(self.env, self._keys(levels))
        self.said = {}

    def _keys(self, levels):
        """Return ``{feature: keys}`` of the categories that some lead has."""
        keys = {}
        for column, card in enumerate(self.cards):
            if self.visible[column] and isinstance(card.levels, CategoryLevels):
                used = levels[column]
                keys[card.levels.name] = [key for level, key in enumerate(card.levels.keys) if level in used]
        return keys

    def label(self, column):
        """Return the words of a feature."""
        feature = self.features[column]
        return feature.label if feature else self.cards[column].levels.name

    def seen(self, lead_ids):
        """Whether the reader may see the field behind each feature, and the record it is of; bool[n, f]."""
        seen = np.tile(np.array(self.visible, bool), (len(lead_ids), 1))
        unseen = _unseen_subjects(self.env, self.features, lead_ids)
        for row, lead_id in enumerate(lead_ids):
            for column, feature in enumerate(self.features if unseen.get(lead_id) else ()):
                seen[row, column] &= not (feature and feature.subject in unseen[lead_id])
        return seen

    def reason(self, column, level, points):
        """Return the reason of one level, which was fetched before."""
        key = column, level, points
        if key not in self.said:
            self.said[key] = self._reason(*key)
        return dict(self.said[key])

    def _reason(self, column, level, points):
        feature, card = self.features[column], self.cards[column]
        label = self.label(column)
        value = self.value(column, level)
        return {
            "feature": card.levels.name,
            "subject": feature.subject if feature else "lead",
            "label": label,
            "value": value,
            "points": points,
            "text": self._sentence(card, level, points, label, value),
        }

    def value(self, column, level):
        """Return the words of a level."""
        levels, feature = self.cards[column].levels, self.features[column]
        if level == MISSING:
            return missing_words(feature, self.env) if feature else self.env._("not filled in")
        if isinstance(levels, CategoryLevels):
            if level == len(levels.keys):
                return self.env._("something else")
            return self.values[levels.name][levels.keys[level]]
        edges = [None, *levels.edges, None]
        return bin_label(feature, edges[level], edges[level + 1], self.env)

    def _sentence(self, card, level, points, label, value):
        _ = self.env._
        fact = _("%(label)s is %(value)s", label=label, value=value)
        if not points:
            return _("%(fact)s: less than a point.", fact=fact)
        # The table's last place is the missing one.
        place = -1 if level == MISSING else level
        closed, overall = card.closed[place], card.won.sum() / card.closed.sum()
        rate = card.won[place] / closed if closed else overall
        if closed >= MINIMUM_SUPPORT and (rate > overall) == (points > 0):
            rates = {"fact": fact, "rate": round(100 * rate), "overall": round(100 * overall)}
            if self.outcome == "qualified":
                return _("%(fact)s: %(rate)s %% of such leads were qualified, %(overall)s %% of all.", **rates)
            return _("%(fact)s: %(rate)s %% of such leads were won, %(overall)s %% of all.", **rates)
        # The plain rate would point the other way, or is too small to be told.
        if points > 0:
            return _("%(fact)s: this raises the score, given the lead's other values.", fact=fact)
        return _("%(fact)s: this lowers the score, given the lead's other values.", fact=fact)


def _may_read(env, feature):
    """Whether a reader may see the field behind a feature."""
    model = env["res.partner" if feature.subject in ("contact", "company") else "crm.lead"]
    field = model._fields.get(feature.field or "")
    return model.has_access("read") and (field is None or model._has_field_access(field, "read"))
