import numpy as np

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..features.catalogue import find
from ..features.extract import extract
from ..scoring.scorecard import MISSING, CategoryLevels

# Fewer closed leads that are like that are hearsay.
MINIMUM_SUPPORT = 30
# The few things that raise the score most.
OFFERED = 3
LAST_MESSAGES = ("activity.days_since_message_in", "activity.days_since_message_out")

# What time alone changes, or what lies behind: no one's to change.
NO_ONES = {"activity.age_days", "lead.created_weekday", "lead.type"}
CHANGEABLE_SUBJECTS = ("lead", "activity")


class LeadScoringAction(models.Model):
    """Something a person can do about a lead, and which of its values that changes."""

    _name = "lead.scoring.action"
    _description = "Action That May Raise a Score"
    _order = "sequence, id"

    name = fields.Char("What to Do", required=True, translate=True, help="As its button says it.")
    phrase = fields.Char(
        "Leads Like This With …",
        required=True,
        translate=True,
        help='Completes the sentence, e.g. "a meeting": Leads like this with a meeting score about 58.',
    )
    active = fields.Boolean(default=True)
    sequence = fields.Integer(default=10)
    model_id = fields.Many2one(
        "lead.scoring.model", "Scoring Model", ondelete="cascade", index=True, help="Empty: all models."
    )
    company_id = fields.Many2one(related="model_id.company_id")
    kind = fields.Selection(
        [
            ("field", "Fill in a field"),
            ("meeting", "Schedule a meeting"),
            ("activity", "Schedule an activity"),
            ("message", "Write a message"),
        ],
        "Button",
        default="activity",
        required=True,
        help="What the button starts.",
    )
    field_id = fields.Many2one(
        "ir.model.fields",
        domain="[('model', '=', 'crm.lead'), ('readonly', '=', False)]",
        ondelete="cascade",
        help="The field of the lead that the button leads to.",
    )
    only_unanswered = fields.Boolean(
        "Only When Unanswered", help="Offer it only while the last message received has not been answered."
    )
    change_ids = fields.One2many("lead.scoring.action.change", "action_id", "What It Changes", copy=True)

    @api.constrains("kind", "field_id")
    def _check_field(self):
        for action in self:
            if action.kind == "field" and not action.field_id:
                raise ValidationError(self.env._("Say which field %(action)s fills in.", action=action.name))

    # ------------------------------------------------------------
    # What would raise a score
    # ------------------------------------------------------------

    def _proposals(self, lead, card, levels):
        """Return what raises the score of an open lead most, at most OFFERED dicts, the highest score first.

        :param lead: the lead, as the reader
        :param card: the ``Scorecard`` that scored it
        :param levels: uint8[f], its levels
        :return: dicts of id, name, kind, field (name or False), score and text
        """
        if self.filtered("only_unanswered") and not self._is_unanswered(lead):
            self = self.filtered(lambda action: not action.only_unanswered)
        present = int(card.scores(levels[None, :])[0])
        told = []
        for action in self:
            changed = action._changed(card, levels)
            score = int(card.scores(changed[None, :])[0]) if changed is not None else present
            if score > present and action._may_be_done(lead):
                told.append(action._told(score))
        best = {}
        for proposal in sorted(told, key=lambda proposal: -proposal["score"]):
            # Two ways to fill in the same field are one: the better.
            best.setdefault(proposal["field"] or proposal["id"], proposal)
        return list(best.values())[:OFFERED]

    def _changed(self, card, levels):
        """Return the levels after the action, None where it changes nothing or too few closed leads are like that."""
        changed = levels.copy()
        places = {name: index for index, name in enumerate(card.names)}
        lines = self.change_ids.filtered(lambda line: line.feature in places)
        for line in lines:
            column = places[line.feature]
            feature = card.features[column]
            level = line._level(feature.levels, int(levels[column]))
            if level is None:
                if line == self.change_ids[:1]:
                    return None  # it is like that already, or no closed lead was
                continue
            if feature.closed[feature.positions[level]] < MINIMUM_SUPPORT:
                return None
            changed[column] = level
        return changed if lines and (changed != levels).any() else None

    def _is_unanswered(self, lead):
        """Whether the last message that came in is younger than the last one that was sent."""
        table = extract(self.sudo().env, lead.ids, LAST_MESSAGES).table
        received, sent = (table.columns[name].values[0] for name in LAST_MESSAGES)
        return not np.isnan(received) and not received > sent

    def _may_be_done(self, lead):
        if self.kind != "field":
            return True
        field = lead._fields.get(self.sudo().field_id.name)
        return field is not None and lead._has_field_access(field, "write")

    def _told(self, score):
        return {
            "id": self.id,
            "name": self.name,
            "kind": self.kind,
            "field": self.sudo().field_id.name if self.kind == "field" else False,
            "score": score,
            "text": self.env._(
                "Leads like this with %(phrase)s score about %(score)s.", phrase=self.phrase, score=score
            ),
        }


class LeadScoringActionChange(models.Model):
    """A value that a lead has after an action."""

    _name = "lead.scoring.action.change"
    _description = "Value After an Action"
    _order = "sequence, id"
    _rec_name = "feature"

    action_id = fields.Many2one("lead.scoring.action", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="action_id.company_id")
    sequence = fields.Integer(default=10)
    feature = fields.Selection("_selection_feature", required=True)
    comparison = fields.Selection(
        [
            ("is", "Is"),
            ("corrected", "Is, instead of another value"),
            ("at_least", "At least"),
            ("at_most", "At most"),
        ],
        default="is",
        required=True,
        help="Leads that are like that already are not offered the action.",
    )
    value = fields.Char(
        required=True, help='As the model knows it: "yes" or "no", a number, the technical value of a choice, an id.'
    )

    @api.model
    def _selection_feature(self):
        return [
            (name, feature.label)
            for name, feature in find(self.sudo().env).items()
            if feature.subject in CHANGEABLE_SUBJECTS and name not in NO_ONES and not name.startswith("lead.created")
        ]

    @api.depends_context("lang")
    @api.depends("feature")
    def _compute_display_name(self):
        labels = dict(self._selection_feature())
        for line in self:
            line.display_name = labels.get(line.feature, line.feature)

    @api.constrains("comparison", "value")
    def _check_value(self):
        for line in self:
            if line.comparison in ("at_least", "at_most") and line._number() is None:
                raise ValidationError(self.env._("%(value)s is no number.", value=line.value))

    def _number(self):
        try:
            number = float(self.value)
        except ValueError:
            return None
        return number if np.isfinite(number) else None

    def _level(self, levels, present):
        """Return the level after the action; None if the lead is like that already, or the version has no such level.

        :param levels: CategoryLevels | NumberLevels of the feature
        :param present: the lead's level now
        """
        if isinstance(levels, CategoryLevels):
            if (self.comparison == "corrected" and present == MISSING) or self.value not in levels.keys:
                return None
            level = levels.keys.index(self.value)
            return level if level != present else None
        number = self._number()
        if number is None:
            return None
        level = int(np.searchsorted(np.array(levels.edges), number, side="right"))
        if present != MISSING and (
            (self.comparison == "at_least" and present >= level) or (self.comparison == "at_most" and present <= level)
        ):
            return None
        return level if level != present else None
