from odoo import api, fields, models


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

    # Whether leads are scored as they are saved is asked with every lead that is: the answer is cached.

    @api.model_create_multi
    def create(self, vals_list):
        created = super().create(vals_list)
        self.env.registry.clear_cache()
        return created

    def write(self, vals):
        result = super().write(vals)
        self.env.registry.clear_cache()
        return result

    def unlink(self):
        result = super().unlink()
        self.env.registry.clear_cache()
        return result
