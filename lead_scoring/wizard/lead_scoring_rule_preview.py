import numpy as np

from odoo import Command, api, fields, models
from odoo.fields import Domain

from ..features.levels import read_levels
from ..features.pages import pages


class LeadScoringRulePreview(models.TransientModel):
    """What the rules of a model would give: to all open leads that it covers, and to one that is picked.

    It looks leads up with the very code that scores them, and stores nothing.
    """

    _name = "lead.scoring.rule.preview"
    _description = "Preview of Scoring Rules"

    model_id = fields.Many2one("lead.scoring.model", required=True, ondelete="cascade")
    company_id = fields.Many2one(related="model_id.company_id")
    open_count = fields.Integer("Open Leads", readonly=True)
    sales_ready_count = fields.Integer("Would Be Sales Ready", readonly=True)
    summary = fields.Char(readonly=True)
    grade_ids = fields.One2many("lead.scoring.rule.preview.grade", "preview_id", "Grades", readonly=True)
    line_ids = fields.One2many("lead.scoring.rule.preview.line", "preview_id", "Rules", readonly=True)
    lead_id = fields.Many2one("crm.lead", "Try It on a Lead")
    lead_score = fields.Integer(compute="_compute_lead")
    lead_points = fields.Float("Raw Points", compute="_compute_lead", digits=(12, 1))
    lead_grade = fields.Char(compute="_compute_lead")
    lead_message = fields.Char(compute="_compute_lead")

    @api.model_create_multi
    def create(self, vals_list):
        previews = super().create(vals_list)
        for preview in previews:
            preview._fill()
        return previews

    def _fill(self):
        """Count over all open leads that the model covers."""
        model = self.model_id
        model.check_access("read")
        card = model._rule_card()
        by_score, fired = self._counts(model.sudo(), card)
        total = int(by_score.sum())
        grades = [
            {
                "name": grade.name,
                "color": grade.color,
                "min_score": grade.min_score,
                "max_score": grade.max_score,
                "open_count": int(by_score[grade.min_score : grade.max_score + 1].sum()),
            }
            for grade in model.grade_ids.sorted("sequence")
        ]
        lines = [{"rule_id": rule.id, "open_count": int(count)} for rule, count in zip(model.rule_ids.sorted(), fired)]
        for values in grades + lines:
            values["open_share"] = values["open_count"] / total if total else 0.0
        ready_from = model._sales_ready_from()
        ready = int(by_score[ready_from:].sum()) if ready_from is not None else 0
        self.write(
            {
                "open_count": total,
                "sales_ready_count": ready,
                "summary": self._sentence(grades, total),
                "grade_ids": [Command.create(values) for values in grades],
                "line_ids": [Command.create(values) for values in lines],
            }
        )

    def _counts(self, model, card):
        """Return int arrays: open leads by score (101), and leads that each rule gives points to (r)."""
        by_score, fired = np.zeros(101, np.int64), np.zeros(len(card.rules), np.int64)
        for ids in pages(model.env, model._open_lead_domain()):
            levels = read_levels(card, model.env, ids, model.company_id).levels
            by_score += np.bincount(card.scores(levels), minlength=101)
            fired += (card.tenths(levels) != 0).sum(axis=0)
        return by_score, fired

    def _sentence(self, grades, total):
        _ = self.env._
        if not total:
            return _("There are no open leads that this model covers.")
        number = lambda count: f"{count:,}"
        parts = [
            _("%(count)s would be %(grade)s", count=number(grade["open_count"]), grade=grade["name"])
            for grade in grades
        ]
        return _("Of %(total)s open leads, %(grades)s.", total=number(total), grades=", ".join(parts))

    # ------------------------------------------------------------
    # One lead
    # ------------------------------------------------------------

    @api.depends("lead_id")
    def _compute_lead(self):
        for preview in self:
            given = preview._tenths()
            total = sum((given or {}).values())
            score = min(max((total + 5) // 10, 0), 100)
            grades = preview.model_id.grade_ids.filtered(
                lambda grade, score=score: grade.min_score <= score <= grade.max_score
            )
            preview.lead_points = total / 10
            preview.lead_score = score
            preview.lead_grade = grades[:1].name
            preview.lead_message = given is None and self.env._(
                "This model does not cover this lead: see its filter, teams and company."
            )

    def _tenths(self):
        """Return ``{rule id: tenths of a point}`` that the chosen lead would be given; None if it is not covered."""
        lead, model = self.lead_id._origin, self.model_id
        if not lead:
            return {}
        model.check_access("read")
        lead.check_access("read")
        covered = model.sudo()._lead_domain() & Domain("id", "=", lead.id)
        if not self.env["crm.lead"].sudo().with_context(active_test=False).search_count(covered):
            return None
        card = model._rule_card()
        levels = read_levels(card, self.sudo().env, lead.ids, model.company_id).levels
        return dict(zip(model.rule_ids.sorted().ids, card.tenths(levels)[0].tolist()))


class LeadScoringRulePreviewGrade(models.TransientModel):
    _name = "lead.scoring.rule.preview.grade"
    _description = "Preview of Scoring Rules: Grade"
    _order = "min_score desc"

    preview_id = fields.Many2one("lead.scoring.rule.preview", required=True, ondelete="cascade")
    name = fields.Char("Grade", readonly=True)
    color = fields.Integer(readonly=True, aggregator=None)
    min_score = fields.Integer("From", readonly=True, aggregator=None)
    max_score = fields.Integer("To", readonly=True, aggregator=None)
    open_count = fields.Integer("Open Leads", readonly=True)
    open_share = fields.Float("Of All", readonly=True, aggregator=None)


class LeadScoringRulePreviewLine(models.TransientModel):
    _name = "lead.scoring.rule.preview.line"
    _description = "Preview of Scoring Rules: Rule"
    _order = "id"

    preview_id = fields.Many2one("lead.scoring.rule.preview", required=True, ondelete="cascade")
    rule_id = fields.Many2one("lead.scoring.rule", readonly=True, ondelete="cascade")
    # As the reader, who may only read the rules of their companies.
    kind = fields.Selection(related="rule_id.kind", related_sudo=False)
    summary = fields.Char(related="rule_id.summary", related_sudo=False)
    points = fields.Integer(related="rule_id.points", related_sudo=False)
    open_count = fields.Integer("Open Leads", readonly=True, aggregator=None, help="Open leads that get points by it.")
    open_share = fields.Float("Of All", readonly=True, aggregator=None)
    lead_points = fields.Float("This Lead", compute="_compute_lead_points", digits=(12, 1))

    @api.depends("preview_id.lead_id", "rule_id")
    def _compute_lead_points(self):
        for preview, lines in self.grouped("preview_id").items():
            given = preview._tenths() or {}
            for line in lines:
                line.lead_points = given.get(line.rule_id._origin.id, 0) / 10
