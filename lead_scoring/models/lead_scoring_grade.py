from odoo import api, fields, models
from odoo.exceptions import UserError

# Places in Odoo's palette of eleven colours.
GREEN, PURPLE, YELLOW, RED = 10, 11, 3, 1
# Name, colour and lowest score of the grades a new model starts with.
DEFAULT_GRADES = (("A", GREEN, 75), ("B", PURPLE, 50), ("C", YELLOW, 25), ("D", RED, 0))


class LeadScoringGrade(models.Model):
    """A named, coloured range of the scores of a model.

    Only the lowest score of a grade is a fact; the highest one is kept one below the grade above, so ranges can
    neither overlap nor leave a hole, and moving one edge moves its neighbour. A lead's grade is never stored:
    it is looked up in these ranges whenever it is read, so a change takes effect on all leads at once.
    """

    _name = "lead.scoring.grade"
    _description = "Lead Grade"
    _order = "model_id, sequence, id"

    model_id = fields.Many2one("lead.scoring.model", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="model_id.company_id")
    sequence = fields.Integer(default=10, help="Best grade first.")
    name = fields.Char(required=True)
    color = fields.Integer(default=0, aggregator=None)
    min_score = fields.Integer("From", required=True, aggregator=None, help="Lowest score of the grade.")
    max_score = fields.Integer(
        "To",
        readonly=True,
        default=100,
        aggregator=None,
        help="Highest score of the grade. The next better grade starts one above.",
    )
    open_count = fields.Integer("Open Leads", compute="_compute_numbers", help="Open leads in this grade today.")
    closed_count = fields.Integer(
        "Closed Leads",
        compute="_compute_numbers",
        help="Closed leads that the model would have put in this grade without having learned from them.",
    )
    win_rate = fields.Float(
        compute="_compute_numbers",
        aggregator=None,
        help="Share of won leads among those closed leads. Of a handful of leads it says little.",
    )

    _check_range = models.Constraint(
        "CHECK(min_score BETWEEN 0 AND 100)",
        "A grade starts at a score from 0 to 100.",
    )

    @api.constrains("min_score", "sequence")
    def _check_ladder(self):
        # A model that writes several of its grades at once checks them together, when all are written.
        if not self.env.context.get("check_grades_later"):
            self.model_id._check_grades()

    # ------------------------------------------------------------
    # No hole, no overlap
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        grades = super().create(vals_list)
        grades.model_id._align_grades()
        return grades

    def write(self, vals):
        if "model_id" in vals and self.filtered(lambda grade: grade.model_id.id != vals["model_id"]):
            raise UserError(
                self.env._("A grade stays with its scoring model. Add a grade to the other model, and delete this one.")
            )
        result = super().write(vals)
        if vals.keys() != {"max_score"}:
            self.model_id._align_grades()
        return result

    def unlink(self):
        """What lay in a deleted grade belongs to its neighbour: the one above or, for the best, the one below."""
        models_ = self.model_id
        result = super().unlink()
        for model in models_.exists():
            if lowest := model.grade_ids.sorted("sequence")[-1:]:
                lowest.min_score = 0
        models_.exists()._check_grades()
        models_.exists()._align_grades()
        return result

    def _compute_numbers(self):
        for model in self.model_id:
            open_leads = model._open_leads_by_score()
            closed, won = model.version_id._closed_leads_by_score()
            for grade in self.filtered(lambda grade, model=model: grade.model_id == model):
                scores = slice(grade.min_score, grade.max_score + 1)
                grade.open_count = sum(open_leads[scores])
                grade.closed_count = sum(closed[scores])
                grade.win_rate = sum(won[scores]) / grade.closed_count if grade.closed_count else 0.0
        self.filtered(lambda grade: not grade.model_id).update({"open_count": 0, "closed_count": 0, "win_rate": 0.0})
