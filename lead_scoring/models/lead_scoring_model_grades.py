import numpy as np

from odoo import Command, api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..features.pages import pages
from ..scoring import grading
from .lead_scoring_grade import DEFAULT_GRADES

# Leads whose scores the fitting of grade ranges looks at.
GRADE_SAMPLE = 20_000


class LeadScoringModel(models.Model):
    """The grades of a model: named ranges of its scores."""

    _inherit = "lead.scoring.model"

    grade_ids = fields.One2many("lead.scoring.grade", "model_id", "Grades", copy=True)

    @api.model
    def _default_grades(self):
        return [
            {"name": name, "color": color, "min_score": minimum, "sequence": position}
            for position, (name, color, minimum) in enumerate(DEFAULT_GRADES)
        ]

    @api.onchange("grade_ids")
    def _onchange_grade_ids(self):
        # Shows the neighbour's moved edge before saving.
        self._align_grades()

    def _align_grades(self):
        """Let each grade reach up to the one above it. Takes effect on all leads at once."""
        for model in self:
            top = 100
            for grade in model.grade_ids.sorted("sequence"):
                if grade.max_score != top:
                    grade.max_score = top
                top = grade.min_score - 1
        self.env["crm.lead"]._invalidate_scores()

    def _check_grades(self):
        """:raises ValidationError: unless the grades of each model cover 0-100 from the best down"""
        for model in self:
            ladder = model.grade_ids.sorted("sequence")
            for better, worse in zip(ladder, ladder[1:]):
                if better.min_score <= worse.min_score:
                    raise ValidationError(
                        self.env._(
                            "Grade %(better)s starts at %(better_score)s and the grade below it, %(worse)s, at "
                            "%(worse_score)s: a better grade must start higher.",
                            better=better.name,
                            better_score=better.min_score,
                            worse=worse.name,
                            worse_score=worse.min_score,
                        )
                    )
            if not ladder or ladder[-1].min_score:
                raise ValidationError(
                    self.env._("The lowest grade of a model must start at 0, so that every score has a grade.")
                )

    def _open_leads_by_score(self):
        """Return a list of 101 counts: how many open leads have each score of this model today."""
        counts = [0] * 101
        Score = self.env["crm.lead.score"].sudo()
        for score, count in Score._read_group(
            [("model_id", "=", self.id), ("lead_id.active", "=", True), ("lead_id.won_status", "=", "pending")],
            ["score"],
            ["__count"],
        ):
            counts[score] += count
        return counts

    @api.model
    def _fitted_minimums(self, scores):
        """Return the lowest scores, best grade first, that split scores 10/20/30/40 %."""
        return grading.fit_ranges(np.array(scores, dtype=int))

    def _sample_scores(self):
        """Return the scores that the published version gives to (at most 20,000 of) the open leads."""
        card = self.version_id._load_card()
        scores = []
        for ids in pages(self.sudo().env, self._open_lead_domain()):
            scores.extend(card.scores(self._read_levels(ids)[1]))
            if len(scores) >= GRADE_SAMPLE:
                break
        return scores

    def action_fit_grades(self):
        """Open the proposal of ranges that suit the scores of this model."""
        self.ensure_one()
        if not self.version_id:
            raise UserError(self.env._("Train the model first: the ranges are fitted to its scores."))
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Fit the Ranges to This Model"),
            "res_model": "lead.scoring.grade.fit",
            "view_mode": "form",
            "target": "new",
            "context": {"default_model_id": self.id},
        }

    def action_default_grades(self):
        """Put the default ranges A 75, B 50, C 25, D 0 back."""
        self.ensure_one()
        self._set_minimums([grade["min_score"] for grade in self._default_grades()])

    def _set_minimums(self, minimums):
        """Set the lowest scores of the grades, best first, making the four default grades if others exist."""
        if len(self.grade_ids) == len(minimums):
            grades = self.grade_ids.sorted("sequence")
            commands = [Command.update(grade.id, {"min_score": low}) for grade, low in zip(grades, minimums)]
        else:
            commands = [Command.clear()] + [
                Command.create({**grade, "min_score": low}) for grade, low in zip(self._default_grades(), minimums)
            ]
        self.write({"grade_ids": commands})

    def _fit_grades_on_first_publish(self):
        """Where the default ranges would leave nearly all open leads in one grade, fit them once."""
        scores = self._sample_scores()
        if scores and grading.needs_fitting(np.array(scores)):
            minimums = self._fitted_minimums(scores)
            self._set_minimums(minimums)
            self.sales_ready_score = self.sales_ready_score or minimums[0]
