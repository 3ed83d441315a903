from typing import NamedTuple

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import ormcache


class ScoringSettings(NamedTuple):
    """What is in effect for a company. Without any configuration every automation is on."""

    automatic_sales_ready: bool = True
    automated_marketing_qualification: bool = True
    automatic_score_cleanup: bool = True
    trend_days: int = 7
    trend_sensitivity: str = "normal"
    history_days: int = 730
    delete_history: bool = False
    responsible_id: object = None
    sales_ready_tell: str = "nobody"
    sales_ready_convert: bool = False
    score_on_save: bool = True

    def _cleanup(self):
        """Return what becomes of the scores of a model that is stopped: a value of ``cleanup`` of a run."""
        if not self.automatic_score_cleanup:
            return "keep"
        return "all" if self.delete_history else "scores"


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
    trend_sensitivity = fields.Selection(
        [("low", "Low"), ("normal", "Normal"), ("high", "High")],
        "Sensitivity of the Trend",
        default="normal",
        required=True,
        help="How much a score has to move to be Improving or Declining. Around 50: Low "
        "about 12 points, Normal 6, High 3. Near 0 and 100, where scores move less: Low 5 points, Normal 2, High 1.",
    )
    history_days = fields.Integer(
        "Keep History For (Days)",
        default=730,
        required=True,
        help="Earlier scores that are older are deleted, but for the last one of each lead. 0 keeps all of them.",
    )
    delete_history = fields.Boolean(
        "Delete the History Too",
        help="Yes: stopping a model also deletes the earlier scores that it gave. Trends and the last scores of "
        "closed leads are lost then. No: they stay, and come back when the model goes live again.",
    )
    responsible_id = fields.Many2one(
        "res.users",
        "Whom to Tell",
        domain=lambda self: [("all_group_ids", "in", self.env.ref("sales_team.group_sale_manager").ids)],
        help="Gets an activity when a scoring model ends in error, cannot score, or has a version that waits. Nobody: "
        "whoever last trained or made the model.",
    )
    in_effect = fields.Boolean(compute="_compute_in_effect")
    effect_note = fields.Char("In Effect?", compute="_compute_in_effect")

    _check_trend_days = models.Constraint(
        "CHECK(trend_days BETWEEN 1 AND 365)",
        "The trend can look back 1 to 365 days.",
    )
    _check_history_days = models.Constraint(
        "CHECK(history_days = 0 OR history_days >= trend_days)",
        "The history has to be kept for as many days as the trend looks back, or for ever (0).",
    )

    @api.constrains("responsible_id", "company_id")
    def _check_responsible(self):
        """:raises ValidationError: when whoever is to be told could not open a scoring model"""
        for config in self.filtered("responsible_id"):
            user = config.responsible_id
            is_manager = user.has_group("sales_team.group_sale_manager")
            if not is_manager or (config.company_id and config.company_id not in user.company_ids):
                raise ValidationError(
                    self.env._(
                        "%s cannot look after scoring models: choose a sales administrator of the company.", user.name
                    )
                )

    def _compute_in_effect(self):
        for config in self:
            winner = self._in_effect(config.company_id)
            config.in_effect = config.active and config == winner
            config.effect_note = config._note_on_effect(winner)

    def _note_on_effect(self, winner):
        """Say whether a record takes effect, and if not, why."""
        _ = self.env._
        if self == winner:
            return _("In effect")
        if not self.active:
            return _("Archived: not in effect")
        if winner:
            return _("Replaced by %s", winner.name)
        return False  # being typed

    @api.model
    def _is_on(self):
        """Whether scoring is switched on in Settings: read at the start of each batch, never from a cache."""
        # The group's own column: which groups it implies by way of others is cached for each process.
        return self.env.ref("lead_scoring.group_use_lead_scoring") in self.env.ref("base.group_user").sudo().implied_ids

    @api.model
    def _switched_on(self):
        """Go on where scoring was left, or begin."""
        self.env["crm.stage"]._make_scoring_stages()
        self.env.ref("lead_scoring.ir_cron_score_leads")._trigger()

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
    @ormcache("model_id")
    def _trend_settings(self, model_id):
        """Return ``(trend_days, trend_sensitivity)`` for the company of a model: asked with every lead that is saved."""
        settings = self._settings(self.env["lead.scoring.model"].sudo().browse(model_id).company_id)
        return settings.trend_days, settings.trend_sensitivity

    # Whether leads are scored as they are saved, and how a trend is found, is asked with every lead that is saved: the
    # answers are cached.

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
