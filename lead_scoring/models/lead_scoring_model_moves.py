from contextlib import contextmanager
from typing import NamedTuple

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL, ormcache

from ..features.feature import int_array
from ..features.levels import read_levels
from ..features.pages import pages
from ..features.read import fields_read
from ..scoring.errors import ScoringError
from . import (  # noqa: F401  before this part, which overrides some of them
    lead_scoring_model_grades,
    lead_scoring_model_lifecycle,
    lead_scoring_model_training,
)
from .lead_scoring_grade import DEFAULT_GRADES
from .lead_scoring_model import SCORING
from .lead_scoring_move import QUALIFIED, SALES_READY

# What decides which leads a live model scores as they are saved, and which of their fields it reads.
DECIDES_MOMENTS = {"state", "active", "version_id", "domain", "team_ids", "company_id", "sequence", "kind"}

# What decides from which score on leads are sales-ready, and in which grade.
DECIDES_SALES_READY = {"sales_ready_by", "sales_ready_score", "sales_ready_grade_id", "grade_ids"}
# In the context of what is written meanwhile.
LEADS_STAY = {"lead_scoring_leads_stay": True}


class LiveModel(NamedTuple):
    """What scoring a lead as it is saved takes of a live model, which is not read for it: that alone took a millisecond.

    ``names`` are those of the fields of a lead that change its score, None where any may; ``domain`` that of the open
    leads it covers; ``sales_ready_from`` see :meth:`LeadScoringModel._sales_ready_from`.
    """

    id: int
    names: frozenset | None
    domain: Domain
    version_id: int
    company_id: int
    sales_ready_from: int | None


class LeadScoringModel(models.Model):
    """When a lead is sales-ready by a model; that nothing floods the pipeline; what is scored as leads are saved.

    Nothing that a person or a training does to a model moves many leads at once unless somebody says so. Going live
    asks. Another sales-ready score, other grades and a new version leave where they are the leads that they alone make
    sales-ready, and :meth:`action_move_stayed` moves these when somebody wants it. So it does, by its sibling, those that
    going live left where they were with their first score.
    """

    _inherit = "lead.scoring.model"

    sales_ready_by = fields.Selection(
        [("score", "Score"), ("grade", "Grade")],
        "Sales-Ready by",
        default="score",
        required=True,
        copy=False,
        help="Leads are sales-ready from a score on, or from a grade on.",
    )
    sales_ready_score = fields.Integer(
        help="Leads that reach this score are marked as sales-ready, and moved. 0 switches it off. A change while the model "
        "is live leaves the leads that have reached it already where they are, until you press Move Them Now.",
    )
    sales_ready_grade_id = fields.Many2one(
        "lead.scoring.grade",
        "Sales-Ready Grade",
        domain="[('model_id', '=', id)]",
        copy=False,
        ondelete="set null",
        help="Leads that reach this grade, or a better one, are sales-ready. Without any it is switched off. A change while "
        "the model is live leaves the leads that have reached it already where they are, until you press Move Them Now.",
    )
    moves_since = fields.Datetime(
        readonly=True,
        copy=False,
        help="Leads created before the model went live, or got a new version, stay where they are in its first run.",
    )
    moves_by_id = fields.Many2one(
        "lead.scoring.model.version",
        readonly=True,
        copy=False,
        ondelete="set null",
        help="The version before the new one: leads that are sales-ready by both move even so.",
    )
    stayed_count = fields.Integer(
        "Sales-Ready, Not Moved",
        compute="_compute_stayed_count",
        help="Open leads that this model finds sales-ready now and that stayed where they were: going live, a switch of "
        "the configuration, another sales-ready score, other grades or a new version left them there.",
    )
    stayed_qualified_count = fields.Integer(
        "First Score, Not Moved",
        compute="_compute_stayed_count",
        help="Open leads scored by this model that no score has moved so far, and that their first score would have moved to "
        "the stage Automated Marketing Qualification: going live or a switch of the configuration left them where they "
        "were.",
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
        if not self.env.context.get("lead_scoring_ask") or len(self) != 1:
            return super()._ask_before_going_live()
        qualified, accepted = self._would_move()
        if not qualified + accepted:
            return super()._ask_before_going_live()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Go Live"),
            "res_model": "lead.scoring.go.live",
            "view_mode": "form",
            "target": "new",
            # Counted once: the dialog is given what was found.
            "context": {
                "default_model_id": self.id,
                "default_qualified_count": qualified,
                "default_accepted_count": accepted,
            },
        }

    def _start_going_live(self):
        """Whoever is not asked (code, RPC) leaves the leads that there are where they are.

        With ``lead_scoring_move_leads`` in the context they move.
        """
        since = False if self.env.context.get("lead_scoring_move_leads") else fields.Datetime.now()
        self.sudo().write({"moves_since": since, "moves_by_id": False})
        return super()._start_going_live()

    def _would_move(self):
        """Return how many open leads going live would move to Automated Marketing Qualification, and to Sales Acceptance.

        Of a model that cannot go live: none.
        """
        if self._filter_problem() or not self._can_preview():
            return 0, 0
        Move, settings = self.env["lead.scoring.move"], self.env["lead.scoring.config"]._settings(self.company_id)
        qualified = accepted = 0
        for ids in pages(self.sudo().env, self._open_lead_domain()):
            ready = set()
            if settings.automatic_sales_ready:
                # Whose score is worth finding out: those that would move if they had the best one.
                ready = Move._due_ids(self, SALES_READY, (ids, [100] * len(ids)), moving=True)
                if ready:
                    ready = Move._due_ids(self, SALES_READY, self._preview_scores(sorted(ready)), moving=True)
            accepted += len(ready)
            if settings.automated_marketing_qualification:
                qualified += len(Move._due_ids(self, QUALIFIED, (ids, [0] * len(ids)), moving=True) - ready)
        return qualified, accepted

    def _can_preview(self):
        """Tell whether the model can say which score a lead would get."""
        return bool(self.version_id)

    def _preview_scores(self, lead_ids, version=None):
        """Return ``(ids, scores)``, arrays of shape (m,), of what the model would give to some leads.

        :param version: one of its versions, the published one by default
        """
        card = (version or self.version_id)._load_card()
        reading = read_levels(card, self.sudo().env, lead_ids, self.company_id)
        return reading.ids, card.scores(reading.levels)

    def _deciding_themselves(self):
        """Return SQL of the open leads that other live models cover and do not leave where they are.

        With their first score these move by them, whichever of the models is the first to end.
        """
        others = self.search(
            [
                ("id", "!=", self.id),
                ("state", "in", SCORING),
                "|",
                ("moves_since", "=", False),
                ("moves_by_id", "!=", False),
            ]
        ).filtered(lambda other: not other._filter_problem())
        domain = Domain.OR(other._open_lead_domain() for other in others)
        return self.env["crm.lead"].sudo()._search(domain).subselect()

    # ------------------------------------------------------------
    # Nor does what changes while it is live
    # ------------------------------------------------------------

    @contextmanager
    def _leads_stay(self):
        """What is done meanwhile changes which leads are sales-ready; those that it alone makes due are passed over."""
        if self.env.context.get("lead_scoring_leads_stay"):
            yield  # inside of a change that sees to it when all of it is done
            return
        Move = self.env["lead.scoring.move"]
        # One that goes live has been told what is to become of the leads.
        due = {model: Move._due_ids(model, SALES_READY) for model in self.sudo().filtered(lambda m: m.state == "live")}
        yield
        for model, earlier in due.items():
            Move._pass_over(
                model, SALES_READY, even_due=True, but=SQL("(SELECT unnest(%s))", int_array(sorted(earlier)))
            )

    def _publish(self, version):
        """In its first run a new version of a live model moves the leads that the one before finds sales-ready, too."""
        before = self.version_id
        result = super()._publish(version)
        # Where the first run of an earlier one is not over yet, that one's word still counts.
        if self.state == "live" and before and before != version and not self.moves_since:
            self.sudo().write({"moves_since": fields.Datetime.now(), "moves_by_id": before.id})
        return result

    def _sales_ready_before(self, lead_ids):
        """Return which of some leads would be due by the version before the new one, a set of ids."""
        try:
            scores = self._preview_scores(lead_ids, self.moves_by_id)
        except ScoringError:  # it cannot be read any more: nobody knows
            return set()
        return self.env["lead.scoring.move"]._due_ids(self, SALES_READY, scores)

    def _fit_grades_on_first_publish(self):
        """Grades of one's own stay, where one of them makes leads sales-ready."""
        if self.sales_ready_by == "grade" and self.sales_ready_grade_id and len(self.grade_ids) != len(DEFAULT_GRADES):
            return
        super()._fit_grades_on_first_publish()

    # ------------------------------------------------------------
    # Until somebody moves them
    # ------------------------------------------------------------

    @api.depends("state", "version_id", "moves_since", *sorted(DECIDES_SALES_READY))
    def _compute_stayed_count(self):
        for model in self:
            stored = model._origin  # what is not saved yet has left no lead anywhere
            model.stayed_count = stored._count_stayed(SALES_READY)
            model.stayed_qualified_count = stored._count_stayed(QUALIFIED)

    def _count_stayed(self, kind):
        stayed = self._stayed(kind)
        return self.env["lead.scoring.move"]._count_stayed(stayed) if stayed else 0

    def _stayed(self, kind):
        """Return SQL of the ids (lead_id) of the leads that stayed where they were.

        None where that is none of the model's business: it is not live, a run is about to decide about its leads, or the
        configuration says that none is to move.

        :param kind: "sales_ready", or "qualified": those that are not among the sales-ready ones
        """
        Move, settings = self.env["lead.scoring.move"], self.env["lead.scoring.config"]._settings(self.company_id)
        if self.state != "live" or self.moves_since:
            return None
        ready = Move._stayed_sales_ready(self.sudo()) if settings.automatic_sales_ready else None
        if kind == SALES_READY:
            return ready
        return Move._stayed_qualified(self, ready) if settings.automated_marketing_qualification else None

    def action_move_stayed(self):
        """Mark and move, in the background, the sales-ready leads that stayed where they were."""
        return self._move_stayed(SALES_READY, self.env._("No sales-ready lead of %s stayed where it was.", self.name))

    def action_move_stayed_qualified(self):
        """Move, in the background, the leads that stayed where they were with their first score."""
        nothing = self.env._("No lead of %s stayed where it was with its first score.", self.name)
        return self._move_stayed(QUALIFIED, nothing)

    def _move_stayed(self, kind, nothing):
        """:raises UserError: with this sentence, where there is nothing to move"""
        self.ensure_one()
        self.check_access("write")
        self._check_scoring_is_on()
        count = self._count_stayed(kind)
        if not count:
            raise UserError(nothing)
        self.env["lead.scoring.move"].sudo()._let_go(self, kind, self._stayed(kind))
        self.env["crm.lead"].sudo()._trigger_moves()
        notification = self._notification("success", self.env._("%s leads move in the background.", count))
        notification["params"]["next"] = {"type": "ir.actions.client", "tag": "soft_reload"}
        return notification

    # ------------------------------------------------------------
    # What is scored as leads are saved
    # ------------------------------------------------------------

    @api.model
    @ormcache()
    def _live_models(self):
        """Return the :class:`LiveModel` of each model that scores leads as they are saved, in their order.

        None while scoring is switched off.
        """
        Config = self.env["lead.scoring.config"].sudo()
        if not Config._is_on():
            return ()
        live = self.sudo().search([("state", "in", SCORING)])
        return tuple(
            LiveModel(
                model.id,
                model._fields_read(),
                model._open_lead_domain(),
                model.version_id.id,
                model.company_id.id,
                model._sales_ready_from(),
            )
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
        if DECIDES_SALES_READY & vals.keys():
            with self._leads_stay():
                result = super(LeadScoringModel, self.with_context(**LEADS_STAY)).write(vals)
        else:
            result = super().write(vals)
        if (DECIDES_MOMENTS | DECIDES_SALES_READY) & vals.keys():
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
