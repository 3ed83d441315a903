from odoo import api, fields, models

from .lead_scoring_model import SCORING


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    group_use_lead_scoring = fields.Boolean(
        "Lead Scoring",
        implied_group="lead_scoring.group_use_lead_scoring",
        help="Off: nothing is scored, and nobody sees scores. What is there stays, and comes back when it is on again.",
    )
    lead_scoring_next_run = fields.Datetime("Next Run", compute="_compute_lead_scoring")
    lead_scoring_status = fields.Text("What Is Live", compute="_compute_lead_scoring")

    @api.depends("group_use_lead_scoring")
    def _compute_lead_scoring(self):
        cron = self.env.ref("lead_scoring.ir_cron_score_leads").sudo()
        is_live = self.env["lead.scoring.model"].search_count([("state", "in", SCORING)], limit=1)
        for settings in self:
            settings.lead_scoring_next_run = is_live and cron.active and cron.nextcall
            settings.lead_scoring_status = settings._lead_scoring_sentences()

    def _lead_scoring_sentences(self):
        """Say which models are live, and which need a person."""
        _, Model = self.env._, self.env["lead.scoring.model"]
        states = dict(Model._fields["state"]._description_selection(self.env))
        lines = []
        for model in Model.search([("state", "not in", ["draft", "stopped"])]):
            words = {"model": model.name, "state": states[model.state], "count": model.open_count}
            if reason := model.state_reason:
                lines.append(_("%(model)s: %(state)s. %(reason)s", reason=reason, **words))
            elif model.open_count == 1:
                lines.append(_("%(model)s: %(state)s, 1 open lead.", **words))
            else:
                lines.append(_("%(model)s: %(state)s, %(count)s open leads.", **words))
        return "\n".join(lines) or _("No scoring model is live.")

    def action_lead_scoring_run_now(self):
        """Score the open leads of all live models within a minute."""
        return self.env["lead.scoring.model"].search([("state", "in", SCORING)]).action_score_now()
