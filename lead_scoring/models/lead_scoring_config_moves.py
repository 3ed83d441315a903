from odoo import fields, models

from .lead_scoring_move import QUALIFIED, SALES_READY


class LeadScoringConfig(models.Model):
    """What happens when a lead becomes sales-ready, and whether leads are scored as they are saved."""

    _inherit = "lead.scoring.config"

    sales_ready_tell = fields.Selection(
        [("nobody", "Nobody is told"), ("activity", "With an activity"), ("message", "With a message")],
        "Tell the Salesperson",
        default="nobody",
        required=True,
        help="Tell the salesperson of a lead that becomes sales-ready; the leader of its sales team where it has none.",
    )
    sales_ready_convert = fields.Boolean(
        "Convert to Opportunity", help="Convert a lead to an opportunity when it becomes sales-ready."
    )
    score_on_save = fields.Boolean(
        "Score Leads as They Are Saved",
        default=True,
        help="Yes: a lead has its score as soon as it is saved, from its own fields, tags and properties. Contacts, "
        "messages and meetings count with the next daily run. No: leads are scored by the daily run alone.",
    )

    qualified_stage_ids = fields.Many2many(
        "crm.stage",
        string="Scored Leads Move To",
        compute="_compute_stage_ids",
        help="The stages with the role Automated Marketing Qualification.",
    )
    sales_ready_stage_ids = fields.Many2many(
        "crm.stage",
        string="Sales-Ready Leads Move To",
        compute="_compute_stage_ids",
        help="The stages with the role Sales Acceptance.",
    )

    def _compute_stage_ids(self):
        stages = self.env["crm.stage"].search([("scoring_role", "!=", False)])
        for config in self:
            config.qualified_stage_ids = stages.filtered(lambda stage: stage.scoring_role == QUALIFIED)
            config.sales_ready_stage_ids = stages.filtered(lambda stage: stage.scoring_role == SALES_READY)

    def action_view_stages(self):
        """Open the stages, where their roles are given."""
        return self.env["ir.actions.act_window"]._for_xml_id("crm.crm_stage_action")
