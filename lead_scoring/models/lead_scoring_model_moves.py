from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import SQL, ormcache

from ..features.feature import int_array
from ..features.pages import pages
from ..features.read import fields_read
from ..scoring.errors import ScoringError
from .lead_scoring_model import SCORING
from .lead_scoring_move import QUALIFIED, SALES_READY

# What decides which leads a live model scores as they are saved, and which of their fields it reads.
DECIDES_MOMENTS = {"state", "active", "version_id", "domain", "team_ids", "company_id", "sequence", "kind"}


class LeadScoringModel(models.Model):
    """When a lead is sales-ready by a model; that going live never floods; what is scored as leads are saved."""

    _inherit = "lead.scoring.model"

    sales_ready_by = fields.Selection(
        [("score", "Score"), ("grade", "Grade")],
        "Sales-Ready by",
        default="score",
        required=True,
        copy=False,
        help="Leads are sales-ready from a score on, or from a grade on.",
    )
    sales_ready_grade_id = fields.Many2one(
        "lead.scoring.grade",
        "Sales-Ready Grade",
        domain="[('model_id', '=', id)]",
        copy=False,
        ondelete="set null",
        help="Leads that reach this grade, or a better one, are sales-ready. Without any it is switched off.",
    )
    moves_since = fields.Datetime(
        readonly=True, copy=False, help="Leads created before the model went live stay where they are."
    )
    move_ids = fields.One2many("lead.scoring.move", "model_id", "Moves", readonly=True)

    @api.constrains("sales_ready_grade_id")
    def _check_sales_ready_grade(self):
        for model in self:
            if model.sales_ready_grade_id and model.sales_ready_grade_id.model_id != model:
                raise ValidationError(
                    self.env._(
                        "%(grade)s is no grade of %(model)s.", grade=model.sales_ready_grade_id.name, model=model.name
                    )
                )

    def _sales_ready_from(self):
        """Return the lowest score that is sales-ready, None where that is switched off."""
        if self.sales_ready_by == "grade":
            return self.sales_ready_grade_id.min_score if self.sales_ready_grade_id else None
        return self.sales_ready_score or None

    # ------------------------------------------------------------
    # Going live never floods
    # ------------------------------------------------------------

    def _ask_before_going_live(self):
        """The button asks first what is to become of the leads that would move."""
        if not self.env.context.get("lead_scoring_ask") or len(self) != 1 or not sum(self._would_move()):
            return super()._ask_before_going_live()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Go Live"),
            "res_model": "lead.scoring.go.live",
            "view_mode": "form",
            "target": "new",
            "context": {"default_model_id": self.id},
        }

    def _start_going_live(self):
        """Whoever is not asked (code, RPC) leaves the leads that there are where they are.

        With ``lead_scoring_move_leads`` in the context they move.
        """
        self.sudo().moves_since = False if self.env.context.get("lead_scoring_move_leads") else fields.Datetime.now()
        return super()._start_going_live()

    def _would_move(self):
        """Return how many open leads going live would move to Automated Marketing Qualification, and to Sales Acceptance.

        Of a model that cannot go live: none.
        """
        if self._filter_problem() or not self._can_preview():
            return 0, 0
        Config, Stage = self.env["lead.scoring.config"], self.env["crm.stage"]
        settings = Config._settings(self.company_id)
        ready_from = self._sales_ready_from() if settings.automatic_sales_ready else None
        ready_to = Stage.sudo()._targets(SALES_READY) if ready_from is not None else {}
        qualified_to = Stage.sudo()._targets(QUALIFIED) if settings.automated_marketing_qualification else {}
        qualified = ready = 0
        if not ready_to and not qualified_to:
            return 0, 0
        for ids in pages(self.sudo().env, self._open_lead_domain()):
            could = {}
            for kind, targets in ((QUALIFIED, qualified_to), (SALES_READY, ready_to)):
                could[kind] = self._movable(ids.tolist(), kind, targets)
            if could[SALES_READY]:
                scored, scores = self._preview_scores(sorted(could[SALES_READY]))
                could[SALES_READY] = set(scored[scores >= ready_from].tolist())
            ready += len(could[SALES_READY])
            qualified += len(could[QUALIFIED] - could[SALES_READY])
        return qualified, ready

    def _can_preview(self):
        """Tell whether the model can say which score a lead would get."""
        return bool(self.version_id)

    def _preview_scores(self, lead_ids):
        """Return ``(ids, scores)``, arrays of shape (m,), of what the model would give to some leads."""
        ids, levels = self._read_levels(lead_ids)
        return ids, self.version_id._load_card().scores(levels)

    def _movable(self, lead_ids, kind, targets):
        """Return the ids of the open leads that stand before their team's target and were never looked at so."""
        if not targets:
            return set()
        for name in ("crm.lead", "crm.stage", "lead.scoring.move"):
            self.env[name].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT lead.id FROM crm_lead lead
                  JOIN %s AS target(team_id, stage_id, sequence) ON target.team_id = coalesce(lead.team_id, 0)
                  LEFT JOIN crm_stage stage ON stage.id = lead.stage_id
                 WHERE lead.id = ANY(%s) AND stage.is_won IS NOT TRUE
                   AND (stage.id IS NULL OR (stage.sequence, stage.id) < (target.sequence, target.stage_id))
                   AND NOT EXISTS (SELECT FROM lead_scoring_move WHERE lead_id = lead.id AND kind = %s)
                """,
                self.env["lead.scoring.move"]._targets_table(kind),
                int_array(lead_ids),
                kind,
            )
        )
        return {lead_id for (lead_id,) in rows}

    # ------------------------------------------------------------
    # What is scored as leads are saved
    # ------------------------------------------------------------

    @api.model
    @ormcache()
    def _read_by_live_models(self):
        """Return ``((model id, names of fields, Domain of the open leads it covers), ...)``.

        Of the live models that score leads as they are saved, in their order; none while scoring is switched off. The
        names are those of the fields of a lead that change its score, None where any may.
        """
        Config = self.env["lead.scoring.config"].sudo()
        if not Config._is_on():
            return ()
        live = self.sudo().search([("state", "in", SCORING)])
        return tuple(
            (model.id, model._fields_read(), model._open_lead_domain())
            for model in live
            if not model._filter_problem() and Config._settings(model.company_id).score_on_save
        )

    def _fields_read(self):
        """Return the names of the fields of a lead that change the score this model gives it; None: any may."""
        if self.kind != "predictive" or not self.version_id:
            return None
        try:
            names = self.version_id._load_card().names
        except ScoringError:  # the run says what is wrong with it
            return frozenset()
        filtered = {condition.field_expr.split(".")[0] for condition in Domain(self._filter()).iter_conditions()}
        return frozenset(fields_read(names) | filtered | {"active", "won_status", "company_id", "team_id"})

    @api.model_create_multi
    def create(self, vals_list):
        created = super().create(vals_list)
        self.env.registry.clear_cache()
        return created

    def write(self, vals):
        result = super().write(vals)
        if DECIDES_MOMENTS & vals.keys():
            self.env.registry.clear_cache()
        return result

    def unlink(self):
        ids = self.ids
        result = super().unlink()
        self.env.cr.execute(
            SQL("UPDATE lead_scoring_move SET model_id = NULL, to_tell = FALSE WHERE model_id = ANY(%s)", ids)
        )
        self.env["lead.scoring.move"].invalidate_model(flush=False)
        self.env.registry.clear_cache()
        return result
