from odoo import fields, models


class LeadScoringGoLive(models.TransientModel):
    """Asks what is to become of the leads that going live would move."""

    _name = "lead.scoring.go.live"
    _description = "Go Live With a Scoring Model"

    model_id = fields.Many2one("lead.scoring.model", required=True, readonly=True, ondelete="cascade")
    # Found out by whoever opens the dialog: it takes the scores of all open leads.
    qualified_count = fields.Integer("To Automated Marketing Qualification", readonly=True)
    accepted_count = fields.Integer("To Sales Acceptance", readonly=True)
    choice = fields.Selection(
        [("stay", "Leave them where they are"), ("move", "Move these leads too")],
        "These Leads",
        default="stay",
        required=True,
        help="Leave them: only leads that are scored first, or become sales-ready, from now on are moved.",
    )

    def action_confirm(self):
        self.ensure_one()
        return self.model_id.with_context(
            lead_scoring_ask=False, lead_scoring_move_leads=self.choice == "move"
        ).action_go_live()
