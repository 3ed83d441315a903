import numpy as np

from odoo import Command, api, fields, models
from odoo.exceptions import UserError

from ..features.backtest import closed_levels, covered, log_odds
from ..features.lead_fields import NEVER
from ..features.rules import fields_of
from ..scoring.backtest import findings
from ..scoring.errors import ScoringError

# A predictive model is asked what it knows of the leads if it covers this share of them.
COVERED = 0.9


class LeadScoringRuleBacktest(models.TransientModel):
    """What each rule of a model would have told about the leads that closed in the last year."""

    _name = "lead.scoring.rule.backtest"
    _description = "Backtest of Scoring Rules"

    model_id = fields.Many2one("lead.scoring.model", required=True, ondelete="cascade")
    model_state = fields.Selection(related="model_id.state")
    closed_count = fields.Integer("Closed Leads", readonly=True)
    win_rate = fields.Float("Won", readonly=True, aggregator=None)
    predictive_id = fields.Many2one(
        "lead.scoring.model",
        "Points Suggested From",
        readonly=True,
        ondelete="set null",
        help="The trained predictive model that covers these leads, a live one first.",
    )
    asked_count = fields.Integer(readonly=True, help="Leads that the predictive model was asked about.")
    basis = fields.Text(compute="_compute_basis")
    suggestion_count = fields.Integer(compute="_compute_suggestion_count")
    line_ids = fields.One2many("lead.scoring.rule.backtest.line", "backtest_id", "Rules", readonly=True)

    @api.depends("line_ids.suggested_points")
    def _compute_suggestion_count(self):
        for backtest in self:
            backtest.suggestion_count = len(backtest.line_ids.filtered("suggested_points"))

    @api.depends("predictive_id", "asked_count", "closed_count", "suggestion_count")
    @api.depends_context("lang")
    def _compute_basis(self):
        for backtest in self:
            backtest.basis = backtest._basis() if backtest.closed_count else False

    def _basis(self):
        """Say what the suggested points are learned from, if there are any."""
        _ = self.env._
        if not self.suggestion_count:
            return self._nothing_suggested()
        if not self.predictive_id:
            return _("Points suggested from the outcomes of these leads: no trained predictive model covers them.")
        words = {"model": self.predictive_id.display_name, "count": self.asked_count}
        if self.asked_count < self.closed_count:
            return _(
                "Points suggested from %(model)s's probabilities for the %(count)s of these leads that it covers: they "
                "repeat what that model knows.",
                **words,
            )
        return _("Points suggested from %(model)s's probabilities: they repeat what that model knows.", **words)

    def _nothing_suggested(self):
        return self.env._("There are no suggested points: no rule told won leads from lost ones.")

    @api.model_create_multi
    def create(self, vals_list):
        backtests = super().create(vals_list)
        for backtest in backtests:
            backtest._fill()
        return backtests

    def _fill(self):
        model = self.model_id
        model.check_access("read")
        card = model._rule_card()
        closed = closed_levels(self.sudo().env, card, model.sudo()._lead_domain(), model.company_id)
        rules = model.rule_ids.sorted()
        predictive, told = self._ask_predictive(closed)
        found = findings(card.tenths(closed.levels), np.array(rules.mapped("points")), closed.won, told)
        self.write(
            {
                "predictive_id": predictive.id,
                "asked_count": 0 if told is None else int(np.isfinite(told).sum()),
                "closed_count": len(closed.won),
                "win_rate": float(closed.won.mean()) if len(closed.won) else 0.0,
                "line_ids": [
                    Command.create({"rule_id": rule.id, **self._values(rule, finding, rules)})
                    for rule, finding in zip(rules, found)
                ],
            }
        )

    def _ask_predictive(self, closed):
        """Return ``(model, log-odds)``: the predictive model that covers the closed leads, and what it says of them.

        No model and None where there is no usable one that the reader may read, of the company of the rules or shared.

        :param closed: :class:`features.backtest.Closed`
        """
        trained = self.env["lead.scoring.model"].search(
            [
                ("kind", "=", "predictive"),
                ("outcome", "=", "won"),
                ("version_id", "!=", False),
                ("company_id", "in", [self.model_id.company_id.id, False]),
            ]
        )
        for model in trained.sorted(lambda model: model.state != "live") if len(closed.ids) else ():
            if model.gate == "not_ready" or model._filter_problem():
                continue
            asked = covered(self.sudo().env, closed, model.sudo()._lead_domain())
            if asked.mean() < COVERED:
                continue
            try:
                card = model.version_id._load_card()
            except ScoringError:
                continue  # the model itself says what is wrong with its version
            return model, log_odds(self.sudo().env, card, closed, asked, model.company_id)
        return trained.browse(), None

    def _values(self, rule, finding, rules):
        return {
            "points": rule.points,
            "matched_count": finding.matched,
            "rate_with": finding.rate_with or 0.0,
            "rate_without": finding.rate_without or 0.0,
            "lift": finding.lift or 0.0,
            "low": finding.low,
            "high": finding.high,
            "verdict": finding.verdict,
            "suggested_points": finding.points,
            "note": " ".join(self._notes(rule, finding, rules)),
        }

    def _notes(self, rule, finding, rules):
        _ = self.env._
        Lead = self.env["crm.lead"]
        if finding.verdict == "repeats":
            yield _(
                "%(share)s %% of the leads that either gives points to get them by “%(other)s” too.",
                share=round(100 * finding.overlap),
                other=rules[finding.repeats].name,
            )
        asked = {name for model, name in fields_of(rule._filter(), Lead) if model == "crm.lead"}
        if shadows := sorted(asked & NEVER):
            yield _(
                "It asks for %s, which closing a lead changes: these figures say nothing about open leads.",
                ", ".join(Lead._fields[name]._description_string(self.env) for name in shadows),
            )

    def action_apply(self):
        """Give the rules the suggested points, where there are any."""
        self.ensure_one()
        lines = self.line_ids.filtered("suggested_points")
        if not lines:
            raise UserError(self._nothing_suggested())
        for line in lines:
            line.rule_id.points = line.suggested_points
        return {"type": "ir.actions.act_window_close"}


class LeadScoringRuleBacktestLine(models.TransientModel):
    _name = "lead.scoring.rule.backtest.line"
    _description = "Backtest of Scoring Rules: Rule"
    _order = "id"

    backtest_id = fields.Many2one("lead.scoring.rule.backtest", required=True, ondelete="cascade")
    rule_id = fields.Many2one("lead.scoring.rule", readonly=True, ondelete="cascade")
    points = fields.Integer(readonly=True, aggregator=None)
    matched_count = fields.Integer("Leads", readonly=True, aggregator=None, help="Closed leads that got points by it.")
    rate_with = fields.Float("Won With", readonly=True, aggregator=None, help="Share won of the leads that met it.")
    rate_without = fields.Float("Won Without", readonly=True, aggregator=None, help="Share won of all other leads.")
    lift = fields.Float(
        readonly=True, aggregator=None, digits=(12, 2), help="Share won of the leads that met it, over that of all."
    )
    low = fields.Float(
        "Difference From",
        readonly=True,
        aggregator=None,
        help="The difference between won with and won without lies between these two, in 19 of 20 cases.",
    )
    high = fields.Float("Difference To", readonly=True, aggregator=None)
    verdict = fields.Selection(
        [
            ("telling", "Tells won from lost"),
            ("against", "Points the wrong way"),
            ("nothing", "Says nothing"),
            ("repeats", "Repeats another rule"),
            ("never", "No closed lead met it"),
        ],
        readonly=True,
    )
    note = fields.Char(readonly=True)
    suggested_points = fields.Integer(
        readonly=True,
        aggregator=None,
        help="Learned for all rules at once: rules that often come together share their points. From the probabilities "
        "that a trained predictive model gives these leads: they repeat what it knows, which it may have learned from these "
        "very leads. Without such a model from how the leads ended. Scaled so that the best hundredth of these leads gets "
        "100. 0: nothing is suggested.",
    )
