from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..features.rules import fields_of, parse
from ..scoring.errors import ScorecardError, ScoringError
from ..scoring.rules import RuleCard
from . import lead_scoring_model_training  # noqa: F401  before this part, which overrides some of it
from .lead_scoring_model_lifecycle import LOCKED, Finding


class LeadScoringModel(models.Model):
    """Models of kind Rules: they add up the points of their rules, and need no training.

    Going live freezes the rules into a version, so that scores, their trend, reasons and history are kept in the same
    way as those of a predictive model.
    """

    _inherit = "lead.scoring.model"

    rule_ids = fields.One2many("lead.scoring.rule", "model_id", "Rules", copy=True)

    def write(self, vals):
        if "kind" in vals:
            for model in self.filtered(lambda model: model.kind != vals["kind"]):
                if model.version_ids or model.state in LOCKED:
                    raise UserError(
                        self.env._(
                            "%s has already been trained or live: make another model instead of changing its kind.",
                            model.name,
                        )
                    )
        return super().write(vals)

    @api.constrains("kind", "use_as_probability")
    def _check_no_probability(self):
        if rules := self.filtered(lambda model: model.kind == "rules" and model.use_as_probability)[:1]:
            raise ValidationError(
                self.env._("%s gives points: they are no probability, and cannot be used as one.", rules.name)
            )

    @api.onchange("kind")
    def _onchange_kind(self):
        if self.kind == "rules":
            self.use_as_probability = False

    def _rule_card(self):
        """Return the RuleCard of the rules as they are now.

        :raises UserError: when there are none, or something of them cannot be used any more
        """
        self.ensure_one()
        if not self.rule_ids:
            raise UserError(self.env._("%s has no rules yet: add one on the Rules tab.", self.name))
        for rule in self.rule_ids:
            if problem := rule._filter_problem():
                raise UserError(problem)
        try:
            return RuleCard(tuple(rule._frozen() for rule in self.rule_ids.sorted()))
        except ScorecardError as error:
            raise UserError(str(error)) from error

    def _freeze_rules(self):
        """Make the rules as they are now the published version: a new one, unless an earlier one had the same."""
        card = self._rule_card()
        same = self.version_ids.filtered(lambda version: version.sha256 == card.sha256)[:1]
        self.version_id = same or self.version_ids.create(
            {"model_id": self.id, "scorecard": card.to_json(), "sha256": card.sha256, "trained_by_id": self.env.uid}
        )

    def _ask_before_going_live(self):
        self._freeze_rules_of_models()  # what is asked may hang on what they would give
        return super()._ask_before_going_live()

    def _start_going_live(self):
        self._freeze_rules_of_models()  # somebody may have changed them while the dialog was open
        return super()._start_going_live()

    def _freeze_rules_of_models(self):
        for model in self.sudo().filtered(lambda model: model.kind == "rules" and model.state not in LOCKED):
            model._freeze_rules()

    def _fields_read(self):
        """The fields that the filters ask for; None (any may count) where one of them is computed."""
        if self.kind != "rules" or not self.version_id:
            return super()._fields_read()
        Lead = self.env["crm.lead"]
        try:
            card = self.version_id._load_card()
            domains = [self._filter(), *(parse(rule.filter) for rule in card.rules)]
            names = {name for domain in domains for model, name in fields_of(domain, Lead) if model == "crm.lead"}
        except (ScoringError, UserError, ValueError, TypeError, SyntaxError):
            return frozenset()  # the run says what is wrong with it
        if any(name not in Lead._fields or Lead._fields[name].compute for name in names):
            return None
        if card.reach("stage_change") != 0:
            names.add("stage_id")
        return frozenset(names | {"active", "won_status", "company_id", "team_id"})

    def _check_what_it_scores_with(self):
        if self.kind != "rules":
            return super()._check_what_it_scores_with()
        try:
            self._rule_card()
        except UserError as error:
            return [Finding(str(error))]
        return []

    def action_train(self):
        if rules := self.filtered(lambda model: model.kind == "rules")[:1]:
            raise UserError(self.env._("%s gives points by rules: there is nothing to train.", rules.name))
        return super().action_train()

    def _publish(self, version):
        if self.kind == "rules":
            raise UserError(self.env._("The rules that score are those on the Rules tab: going live takes them over."))
        return super()._publish(version)

    def _current_message(self):
        if self.kind != "rules" or self.state in LOCKED:
            return super()._current_message()
        if problem := self._filter_problem():
            return problem
        if not self.rule_ids:
            return self.env._("Add rules on the Rules tab: conditions, and the points that a lead gets for them.")
        return self.env._("See in the preview what the rules would give, then press Go Live.")

    @api.depends("kind", "rule_ids")
    def _compute_message(self):
        return super()._compute_message()

    def _missing_words(self, name):
        if self.kind != "rules":
            return super()._missing_words(name)
        return self.env._("A field that the rule “%s” asks for exists no more: it gives no points to any lead.", name)

    def action_preview_rules(self):
        """Show what the rules give to leads, before anything is stored."""
        return self._open_rules_wizard("lead.scoring.rule.preview", self.env._("Preview"))

    def action_backtest_rules(self):
        """Show what the rules would have told about the leads that closed in the last year."""
        return self._open_rules_wizard("lead.scoring.rule.backtest", self.env._("Backtest on Closed Leads"))

    def _open_rules_wizard(self, model_name, title):
        self.ensure_one()
        self.check_access("read")
        return {
            "type": "ir.actions.act_window",
            "name": title,
            "res_model": model_name,
            "view_mode": "form",
            "res_id": self.env[model_name].create({"model_id": self.id}).id,
            "target": "new",
            "context": {"dialog_size": "extra-large"},
        }
