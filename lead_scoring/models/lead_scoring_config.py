from typing import NamedTuple

from odoo import api, fields, models


class ScoringSettings(NamedTuple):
    """What is in effect for a company. Without any configuration every automation is on."""

    automatic_sales_ready: bool = True
    automated_marketing_qualification: bool = True
    automatic_score_cleanup: bool = True
    trend_days: int = 7
    sales_ready_tell: str = "nobody"
    sales_ready_convert: bool = False
    score_on_save: bool = True


class LeadScoringConfig(models.Model):
    """Switches of the automations. Any number of records may exist: the newest active one takes effect."""

    _name = "lead.scoring.config"
    _description = "Lead Scoring Configuration"
    # "The most recently created record takes effect" is also the order of the list.
    _order = "id desc"

    name = fields.Char(required=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company",
        help="Leave empty to share this configuration between all companies that have none of their own.",
    )
    automatic_sales_ready = fields.Boolean(
        default=True,
        help="Mark leads as sales-ready, and move them to the Sales Acceptance stage, "
        "as soon as they reach the sales-ready score of a scoring model.",
    )
    automated_marketing_qualification = fields.Boolean(
        default=True,
        help="Move leads to the Automated Marketing Qualification stage "
        "as soon as any scoring model gives them a score.",
    )
    automatic_score_cleanup = fields.Boolean(
        "Automatic Lead Scores Cleanup",
        default=True,
        help="Yes: stopping a live model deletes its scores, and they come back when it goes live again. "
        "No: the scores of a stopped model stay, and slowly fall out of date.",
    )
    trend_days = fields.Integer(
        "Trend Compares With (Days Ago)",
        default=7,
        required=True,
        help="The trend compares the present score with the score of this many days ago. "
        "1 compares with the run of the day before.",
    )
    in_effect = fields.Boolean(compute="_compute_in_effect")

    _check_trend_days = models.Constraint(
        "CHECK(trend_days BETWEEN 1 AND 365)",
        "The trend can look back 1 to 365 days.",
    )

    def _compute_in_effect(self):
        for config in self:
            config.in_effect = config.active and config == self._in_effect(config.company_id)

    @api.model
    def _in_effect(self, company):
        """Return the record that takes effect for a company (possibly none): its own newest active one,
        else the newest that is shared between companies."""
        configs = self.sudo().search([("company_id", "in", [company.id, False])])
        return (configs.filtered("company_id") or configs)[:1]

    @api.model
    def _settings(self, company):
        """Return the :class:`ScoringSettings` in effect for a company."""
        config = self._in_effect(company)
        if not config:
            return ScoringSettings()
        return ScoringSettings(*(config[name] for name in ScoringSettings._fields))

    @api.model
    def _is_on(self):
        """PLACEHOLDER until the branch with the settings is merged: whether scoring is switched on."""
        return True
