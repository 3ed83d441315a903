from odoo import Command, api, fields, models

from ..models.lead_scoring_grade import DEFAULT_GRADES


class LeadScoringGradeFit(models.TransientModel):
    """Propose grade ranges that suit the scores of a model, and take them over with one click."""

    _name = "lead.scoring.grade.fit"
    _description = "Fit Grade Ranges to a Model"

    model_id = fields.Many2one("lead.scoring.model", required=True, ondelete="cascade")
    line_ids = fields.One2many(
        "lead.scoring.grade.fit.line", "fit_id", compute="_compute_line_ids", store=True, readonly=False
    )

    @api.depends("model_id")
    def _compute_line_ids(self):
        for fit in self:
            fit.line_ids = [Command.clear()] + [Command.create(line) for line in fit._proposal()]

    def _proposal(self):
        """Return one dict for each proposed grade, best first, with what it would hold."""
        if not self.model_id.version_id:
            return []
        scores = self.model_id._sample_scores()
        closed, won = self.model_id.version_id._closed_leads_by_score()
        lines, top = [], 100
        for (name, color, _default), low in zip(DEFAULT_GRADES, self.model_id._fitted_minimums(scores)):
            inside = slice(low, top + 1)
            n_closed, n_won = sum(closed[inside]), sum(won[inside])
            n_open = sum(low <= score <= top for score in scores)
            lines.append(
                {
                    "name": name,
                    "color": color,
                    "min_score": low,
                    "max_score": top,
                    "open_count": n_open,
                    "open_share": n_open / len(scores) if scores else 0.0,
                    "closed_count": n_closed,
                    "win_rate": n_won / n_closed if n_closed else 0.0,
                }
            )
            top = low - 1
        return lines

    def action_apply(self):
        """Give the model the proposed ranges, effective at once on all its leads."""
        self.ensure_one()
        self.model_id._set_minimums(self.line_ids.mapped("min_score"))
        return {"type": "ir.actions.act_window_close"}


class LeadScoringGradeFitLine(models.TransientModel):
    _name = "lead.scoring.grade.fit.line"
    _description = "Proposed Grade Range"
    _order = "min_score desc"

    fit_id = fields.Many2one("lead.scoring.grade.fit", required=True, ondelete="cascade")
    name = fields.Char(readonly=True)
    color = fields.Integer(readonly=True, aggregator=None)
    min_score = fields.Integer("From", readonly=True, aggregator=None)
    max_score = fields.Integer("To", readonly=True, aggregator=None)
    open_count = fields.Integer("Open Leads", readonly=True)
    open_share = fields.Float("Of All", readonly=True, aggregator=None)
    closed_count = fields.Integer(
        "Closed Leads", readonly=True, help="Closed leads in this range, scored without having learned from them."
    )
    win_rate = fields.Float(
        readonly=True,
        aggregator=None,
        help="Share of won leads among those closed leads. Of a handful of leads it says little.",
    )
