from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..features.rules import fields_of, parse
from ..scoring import rules
from .lead_scoring_model_lifecycle import LOCKED

# What a lead is given points for must not hang on the points that it has.
OF_SCORES = ("lead_score", "lead_grade", "lead_sales_ready", "lead_related_scores")


def check_not_live(scoring_models):
    """:raises UserError: when one of these models is live: what its leads were given could not be explained any more"""
    for model in scoring_models:
        if model.state in LOCKED:
            raise UserError(
                model.env._("%s is live, and its rules are locked. Stop it first, then change the rules.", model.name)
            )


class LeadScoringRule(models.Model):
    """A group of conditions, and the points that a lead gets for meeting them. What rules give adds up."""

    _name = "lead.scoring.rule"
    _description = "Scoring Rule"
    _order = "model_id, sequence, id"

    name = fields.Char(required=True, help="Salespeople read it as the reason for the points.")
    model_id = fields.Many2one(
        "lead.scoring.model", required=True, ondelete="cascade", index=True, domain=[("kind", "=", "rules")]
    )
    company_id = fields.Many2one(related="model_id.company_id")
    model_state = fields.Selection(related="model_id.state")
    sequence = fields.Integer(default=10)
    kind = fields.Selection(
        [("fit", "Fit"), ("engagement", "Engagement")],
        default="fit",
        required=True,
        help="Fit: who the lead is. Engagement: what the lead does.",
    )
    domain = fields.Char(
        "Leads That Match", default="[]", required=True, help="A filter on the lead and its related records."
    )
    condition_ids = fields.One2many(
        "lead.scoring.rule.condition", "rule_id", "What Happened", copy=True, help="Conditions on what happened."
    )
    match = fields.Selection(
        [("all", "All of them"), ("any", "Any of them")],
        "Conditions To Meet",
        default="all",
        required=True,
        help="The filter is one condition, each line of what happened another. All of them: the one that is met least "
        "says how much of the points a lead gets. Any of them: the one that is met most.",
    )
    points = fields.Integer(
        required=True, default=10, aggregator=None, help="Below zero, the rule takes points from the lead."
    )
    max_points = fields.Integer(
        "At Most",
        aggregator=None,
        help="However often something happens, the rule gives (or takes) no more than this. 0: no limit.",
    )
    summary = fields.Char("Conditions", compute="_compute_summary")

    _check_points = models.Constraint(
        f"CHECK(points <> 0 AND abs(points) <= {rules.MAXIMUM_POINTS})",
        f"A rule gives or takes 1 to {rules.MAXIMUM_POINTS} points.",
    )
    _check_max_points = models.Constraint(
        f"CHECK(max_points BETWEEN 0 AND {rules.MAXIMUM_GIVEN})",
        f"The most that a rule gives is 0 (no limit) to {rules.MAXIMUM_GIVEN} points.",
    )

    @api.depends("domain", "match", "condition_ids.summary")
    @api.depends_context("lang")
    def _compute_summary(self):
        for rule in self:
            parts = [rule._filter_words()] if rule._has_filter() else []
            parts += rule.condition_ids.mapped("summary")
            rule.summary = (self.env._(" or ") if rule.match == "any" else self.env._(" and ")).join(parts)

    # ------------------------------------------------------------
    # The filter
    # ------------------------------------------------------------

    def _filter(self):
        """Return the Domain that the rule asks for.

        :raises UserError: when it is none, or a field in it does not exist any more
        """
        try:
            domain = parse(self.domain)
            domain.validate(self.env["crm.lead"])
        except (ValueError, TypeError, SyntaxError, KeyError, RecursionError) as error:
            raise UserError(
                self.env._("The filter of the rule “%(rule)s” cannot be used: %(reason)s", rule=self.name, reason=error)
            ) from error
        return domain

    def _filter_problem(self):
        """Return what is wrong with the filter, in words; False if nothing is."""
        try:
            self._filter()
        except UserError as error:
            return str(error)
        return False

    def _filter_words(self):
        """Return what the filter is on, by the labels of its fields."""
        known = self.env["crm.lead"]._fields
        try:
            conditions = list(parse(self.domain).iter_conditions())
        except (ValueError, TypeError, SyntaxError):  # it says so itself
            conditions = []
        names = dict.fromkeys(condition.field_expr.split(".")[0] for condition in conditions)
        labels = [known[name]._description_string(self.env) for name in names if name in known]
        return self.env._("a filter on %s", ", ".join(labels)) if labels else self.env._("a filter")

    def _has_filter(self):
        try:
            return not parse(self.domain).is_true()
        except (ValueError, TypeError, SyntaxError):
            return True

    @api.constrains("domain", "condition_ids", "match")
    def _check_conditions(self):
        """:raises ValidationError: when the filter is none, asks for scores or what its author may not read, or when
        there is no condition at all"""
        for rule in self:
            if problem := rule._filter_problem():
                raise ValidationError(problem)
            domain = rule._filter()
            if domain.is_true() and not rule.condition_ids:
                raise ValidationError(
                    self.env._(
                        "The rule “%s” has no condition yet: every lead would get its points. Say which leads match, "
                        "or what must have happened.",
                        rule.name,
                    )
                )
            # Rules look leads up with all rights: their author may only ask for what they may read themselves.
            Lead = self.env["crm.lead"].sudo(False)
            Lead._search(domain)
            asked = {name for model, name in fields_of(domain, Lead) if model == "crm.lead"}
            if any(name.startswith(OF_SCORES) for name in asked):
                raise ValidationError(
                    self.env._(
                        "The rule “%s” asks for a lead's score, which would change with the points that it gives.",
                        rule.name,
                    )
                )

    # ------------------------------------------------------------
    # Records
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        created = super().create(vals_list)
        check_not_live(created.model_id)
        for rule in created:
            rule._check_kind()
        return created

    def write(self, vals):
        check_not_live(self.model_id)
        result = super().write(vals)
        if "model_id" in vals:
            check_not_live(self.model_id)
            for rule in self:
                rule._check_kind()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_live(self):
        check_not_live(self.model_id)

    def _check_kind(self):
        if self.model_id.kind != "rules":
            raise ValidationError(
                self.env._("%s is no model of rules: it learns what counts by itself.", self.model_id.name)
            )

    def _frozen(self):
        """Return the rule as the :class:`scoring.rules.Rule` that a version keeps."""
        return rules.Rule(
            key=f"rule.{self.id}",
            name=self.name,
            kind=self.kind,
            match=self.match,
            filter=self.domain if self._has_filter() else "",
            behaviours=tuple(condition._frozen() for condition in self.condition_ids.sorted()),
            points=self.points,
            limit=self.max_points,
        )


class LeadScoringRuleCondition(models.Model):
    """A condition of a rule on what happened on the lead."""

    _name = "lead.scoring.rule.condition"
    _description = "Scoring Rule: What Happened"
    _order = "rule_id, sequence, id"
    _rec_name = "summary"

    rule_id = fields.Many2one("lead.scoring.rule", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="rule_id.company_id")
    sequence = fields.Integer(default=10)
    operator = fields.Selection(
        [("at_least", "At least"), ("none", "None"), ("each", "Each time")],
        "How Often",
        default="at_least",
        required=True,
        help="At least: the points once, when it happened so many times. None: the points once, as long as it did not "
        "happen, on a new lead too. Each time: the points for every one of them.",
    )
    count = fields.Integer("Times", default=1, aggregator=None)
    event = fields.Selection(
        [
            ("message_in", "Message received"),
            ("message_out", "Message sent"),
            ("meeting", "Meeting held"),
            ("activity_done", "Activity done"),
            ("stage_change", "Stage changed"),
        ],
        "What",
        required=True,  # without a default: a line that nobody touched is dropped by the list that it is added in
    )
    days = fields.Integer(
        "Within the Last (Days)", aggregator=None, help="What happened earlier does not count. 0: all time."
    )
    half_days = fields.Integer(
        "Half After (Days)",
        aggregator=None,
        help="Points fall by themselves, a little every day: so many days later half of them are left, after twice as "
        "many none. Of At least, the newest one counts. 0: they do not fall.",
    )
    summary = fields.Char(compute="_compute_summary")

    _check_count = models.Constraint(
        f"CHECK(count BETWEEN 1 AND {rules.MAXIMUM_COUNT})",
        f"Something happens 1 to {rules.MAXIMUM_COUNT} times.",
    )
    _check_days = models.Constraint(
        f"CHECK(days BETWEEN 0 AND {rules.MAXIMUM_DAYS} AND half_days BETWEEN 0 AND {rules.MAXIMUM_DAYS})",
        f"Days lie between 0 and {rules.MAXIMUM_DAYS}.",
    )
    _check_fading = models.Constraint(
        "CHECK(operator <> 'none' OR half_days = 0)",
        "What did not happen cannot fade: take “Half after” off a condition that asks for none.",
    )

    @api.depends("operator", "count", "event", "days", "half_days")
    @api.depends_context("lang")
    def _compute_summary(self):
        _ = self.env._
        events = dict(self._fields["event"]._description_selection(self.env))
        for condition in self:
            event = events.get(condition.event, "")
            words = {
                "at_least": _("%(event)s: at least %(count)s", event=event, count=condition.count),
                "none": _("%(event)s: none", event=event),
                "each": _("%(event)s: each time", event=event),
            }.get(condition.operator, event)
            if condition.days:
                words = _("%(condition)s in the last %(days)s days", condition=words, days=condition.days)
            if condition.half_days:
                words = _("%(condition)s, half after %(days)s days", condition=words, days=condition.half_days)
            condition.summary = words

    @api.onchange("operator")
    def _onchange_operator(self):
        if self.operator == "none":
            self.half_days = 0

    @api.model_create_multi
    def create(self, vals_list):
        created = super().create(vals_list)
        check_not_live(created.rule_id.model_id)
        return created

    def write(self, vals):
        check_not_live(self.rule_id.model_id)
        result = super().write(vals)
        check_not_live(self.rule_id.model_id)
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_live(self):
        check_not_live(self.rule_id.model_id)

    def unlink(self):
        rules_ = self.rule_id
        result = super().unlink()
        rules_.exists()._check_conditions()
        return result

    def _frozen(self):
        """Return the condition as the :class:`scoring.rules.Behaviour` that a version keeps."""
        return rules.Behaviour(
            event=self.event,
            operator=self.operator,
            count=self.count if self.operator == "at_least" else 1,
            days=self.days,
            half_days=self.half_days,
        )
