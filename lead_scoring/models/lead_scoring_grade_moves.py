from odoo import api, models
from odoo.exceptions import UserError

from .lead_scoring_model_moves import LEADS_STAY

# What decides which scores are in which grade.
RANGES = {"min_score", "sequence"}


class LeadScoringGrade(models.Model):
    """Other ranges change which leads are sales-ready, and which of them get a higher grade: none moves by that alone."""

    _inherit = "lead.scoring.grade"

    @api.model_create_multi
    def create(self, vals_list):
        models_ = self.env["lead.scoring.model"].browse(
            {vals["model_id"] for vals in vals_list if vals.get("model_id")}
        )
        with models_._leads_stay():
            grades = super(LeadScoringGrade, self.with_context(**LEADS_STAY)).create(vals_list)
        self.env.registry.clear_cache()
        return grades.with_env(self.env)

    def write(self, vals):
        if not RANGES & vals.keys():
            return super().write(vals)
        with self.model_id._leads_stay():
            result = super(LeadScoringGrade, self.with_context(**LEADS_STAY)).write(vals)
        self.env.registry.clear_cache()
        return result

    def unlink(self):
        with self.model_id._leads_stay():
            result = super(LeadScoringGrade, self.with_context(**LEADS_STAY)).unlink()
        self.env.registry.clear_cache()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_sales_ready(self):
        models_ = self.model_id.filtered(
            lambda model: model.sales_ready_by == "grade" and model.sales_ready_grade_id in self
        )
        for model in models_:
            raise UserError(
                self.env._(
                    "Leads are sales-ready from grade %(grade)s of %(model)s on: choose another grade, or a score, before "
                    "you delete it.",
                    grade=model.sales_ready_grade_id.name,
                    model=model.name,
                )
            )
