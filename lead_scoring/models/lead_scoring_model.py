import ast
import itertools
import time
from typing import NamedTuple

from odoo import SUPERUSER_ID, Command, api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL

from ..features.lead_fields import NEVER
from ..features.levels import read_levels
from ..features.outcome import OUTCOMES
from ..features.rules import bounded

# States in which a model scores leads.
SCORING = ("going_live", "live")
# What only the model's own buttons and jobs may set.
PROTECTED_FIELDS = {
    "state",
    "state_reason",
    "scored_until",
    "moves_since",
    "moves_by_id",
    "version_id",
    "training_requested",
    "training_claim",
    "training_user_id",
    "training_date",
    "training_automatic",
    "training_progress",
    "training_error",
}


class BatchResult(NamedTuple):
    """What became of one batch of leads."""

    scored: int
    changed: int
    problems: list  # of (lead id, text): values that could not be read
    missing: list  # names of features that exist no more, or are of another type now
    seconds_read: float
    seconds_score: float
    seconds_write: float


class LeadScoringModel(models.Model):
    """What gives leads a score: which leads it covers, and how it scores them.

    Its life is in ``lead_scoring_model_lifecycle.py``, how it learns in ``lead_scoring_model_training.py``, its grades
    are in ``lead_scoring_model_grades.py``."""

    _name = "lead.scoring.model"
    _description = "Lead Scoring Model"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    sequence = fields.Integer(
        default=10, help="Of several live models that cover a lead, the first one gives the lead its score."
    )
    kind = fields.Selection(
        [("predictive", "Predictive"), ("rules", "Rules")],
        default="predictive",
        required=True,
        help="Predictive: learns from won and lost leads. Rules: adds up the points that you give for conditions.",
    )
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("going_live", "Going live"),
            ("live", "Live"),
            ("stopping", "Stopping"),
            ("stopped", "Stopped"),
            ("error", "Error"),
        ],
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )
    company_id = fields.Many2one(
        "res.company",
        default=lambda self: self.env.company,
        help="The model learns from the leads of this company and scores them. "
        "Without a company: leads that belong to no company.",
    )
    outcome = fields.Selection(
        [("won", "Won rather than lost"), ("qualified", "Qualified rather than lost")],
        "Outcome to Predict",
        default="won",
        required=True,
        help="Won rather than lost: the score says how likely an open lead or opportunity is to be won.\n"
        "Qualified rather than lost: it says how likely a lead is to be converted to an opportunity, whatever becomes of "
        "that. The model learns from records that came as leads, and scores those that still are.",
    )
    domain = fields.Char(
        "Which Leads",
        default="[]",
        required=True,
        help="The model learns from and scores the leads that match this filter.",
    )
    team_ids = fields.Many2many(
        "crm.team",
        string="Sales Teams",
        context={"active_test": False},  # an archived team is still the one that was asked for
        ondelete="restrict",
        help="The model learns from and scores the leads of these teams. Without any: those of all teams.",
    )
    overlap = fields.Text("Also Covered", compute="_compute_overlap")
    run_ids = fields.One2many("lead.scoring.run", "model_id", "Runs", readonly=True)
    sales_ready_score = fields.Integer(
        help="Leads that reach this score are marked as sales-ready. 0 switches it off.",
    )
    open_count = fields.Integer("Open Leads", compute="_compute_open_count", compute_sudo=True)
    message = fields.Text("Status", compute="_compute_message")
    last_run_date = fields.Datetime("Last Scored", compute="_compute_last_run_date")

    _check_sales_ready_score = models.Constraint(
        "CHECK(sales_ready_score BETWEEN 0 AND 100)",
        "The sales-ready score lies between 0 and 100.",
    )

    # ------------------------------------------------------------
    # What the model covers
    # ------------------------------------------------------------

    def _lead_domain(self):
        """Return the domain of the leads, open and closed, that the model learns from and scores.

        One company's leads never train another's model: leads without company belong to the models without
        one, and in a database with a single company to that company. Nor does what another company hides of related
        records: the filter sees those alone that the global record rules show in the model's company.

        :raises UserError: when the filter cannot be used, see :meth:`_filter_problem`
        """
        self.ensure_one()
        companies = [self.company_id.id]
        if self.company_id and self.env["res.company"].sudo().search_count([], limit=2) == 1:
            companies.append(False)
        domain = Domain("company_id", "in", companies) & self._bounded_filter()
        return domain & Domain("team_id", "in", self.team_ids.ids) if self.team_ids else domain

    def _bounded_filter(self):
        """Return the filter as it sees related records in the model's company.

        :raises UserError: as :meth:`_filter`, and when a record rule, which may be another module's, cannot be applied
        """
        domain = self._filter()
        env = self.env(user=SUPERUSER_ID, context={"allowed_company_ids": self.company_id.ids})
        try:
            return bounded(env, domain, self.company_id)
        except Exception as error:
            raise UserError(
                self.env._(
                    "The filter of %(model)s cannot be applied in its company: %(reason)s",
                    model=self.name,
                    reason=error,
                )
            ) from error

    def _filter(self):
        """Return the Domain that the admin has set.

        :raises UserError: when it is none, or a field in it does not exist any more
        """
        try:
            domain = Domain(ast.literal_eval(self.domain or "[]"))
            domain.validate(self.env["crm.lead"])
        except (ValueError, TypeError, SyntaxError, KeyError, RecursionError) as error:
            raise UserError(
                self.env._("The filter of %(model)s cannot be used: %(reason)s", model=self.name, reason=error)
            ) from error
        return domain

    def _filter_problem(self):
        """Return what is wrong with the filter, in words; False if nothing is."""
        try:
            self._bounded_filter()
        except UserError as error:
            return str(error)
        return False

    @api.constrains("domain", "outcome")
    def _check_domain(self):
        """:raises ValidationError: when the filter is none, or asks for what closing a lead changes"""
        for model in self:
            if problem := model._filter_problem():
                raise ValidationError(problem)
            domain = model._filter()
            # The model searches with all rights: its admin may only ask for what they may read themselves.
            self.env["crm.lead"].sudo(False)._search(domain)  # constraints are checked with all rights
            names = {condition.field_expr.split(".")[0] for condition in domain.iter_conditions()}
            never = NEVER | {name.partition(".")[2] for name in model._outcome().gives_away}
            if outcomes := sorted(
                name for name in names if name in never or name.startswith("lead_s") or name == "lead_grade"
            ):
                raise ValidationError(
                    self.env._(
                        "The filter of %(model)s asks for %(fields)s, which changes when a lead is closed or scored: "
                        "the model would learn from other leads than it scores.",
                        model=model.name,
                        fields=", ".join(self.env["crm.lead"]._fields[name].string for name in outcomes),
                    )
                )

    @api.depends("domain", "team_ids", "company_id", "outcome", "sequence", "state")
    def _compute_overlap(self):
        live = self.search([("state", "in", SCORING)])
        for model in self:
            lines = [model._overlap_with(other) for other in live - model._origin]
            model.overlap = "\n".join(line for line in lines if line)

    def _overlap_with(self, other):
        """Say which open leads another live model covers too, and whose score they show; False if there are none."""
        try:
            domain = self._open_lead_domain() & other._open_lead_domain()
            count = self.env["crm.lead"].sudo().search_count(domain)
        except UserError:
            return False
        if not count:
            return False
        first = self if (self.sequence, self._origin.id) < (other.sequence, other.id) else other
        return self.env._(
            "%(other)s covers %(count)s of these open leads too. They show the score of %(first)s, "
            "which comes first in the list of models.",
            other=other.name,
            count=count,
            first=first.name,
        )

    def _open_lead_domain(self):
        return self._lead_domain() & self._outcome().open

    def _outcome(self):
        """Return the ``Outcome`` that the model predicts."""
        return OUTCOMES[self.outcome if self.kind == "predictive" else "won"]

    def _by_outcome(self, won, qualified):
        """Return the words that fit what the model predicts."""
        return qualified if self._outcome().name == "qualified" else won

    @api.depends("company_id", "domain", "team_ids", "outcome")
    def _compute_open_count(self):
        for model in self:
            model.open_count = model._count_open_leads()

    def _count_open_leads(self):
        """Return how many leads there are to score; 0 where the filter cannot be used, which the run will say."""
        if self._filter_problem():
            return 0
        return self.env["crm.lead"].sudo().search_count(self._open_lead_domain())

    @api.depends("version_id", "version_ids", "training_requested", "training_progress", "training_error", "state")
    @api.depends("outcome")
    @api.depends_context("lang")
    def _compute_message(self):
        for model in self:
            model.message = model._current_message()

    def _current_message(self):
        _ = self.env._
        if problem := self._filter_problem():
            return problem
        if self.training_progress:
            return _("Training is under way.")
        if self.training_requested:
            return _("Training has been requested and starts within a minute.")
        if self.training_error:
            return self.training_error
        waiting = self._newest_version()
        if waiting and waiting != self.version_id and waiting.gate == "not_ready" and waiting.outcome == self.outcome:
            return self._by_outcome(
                _(
                    "Version %(number)s is not ready to publish: these fields do not tell won leads from lost ones.",
                    number=waiting.number,
                ),
                _(
                    "Version %(number)s is not ready to publish: these fields do not tell qualified leads from lost ones.",
                    number=waiting.number,
                ),
            )
        if not self.version_id:
            counts = {"won": self.won_count, "lost": self.lost_count}
            return self._missing_leads() or self._by_outcome(
                _("Ready to learn from %(won)s won and %(lost)s lost leads: press Train.", **counts),
                _("Ready to learn from %(won)s qualified and %(lost)s lost leads: press Train.", **counts),
            )
        if self.state in SCORING:
            return False
        return _("Trained. Press Go Live to score the open leads every day.")

    @api.depends("run_ids.state")
    def _compute_last_run_date(self):
        ended = self.env["lead.scoring.run"]._read_group(
            [
                ("model_id", "in", self.ids),
                ("purpose", "=", "score"),
                ("saved_only", "=", False),
                ("state", "=", "done"),
            ],
            ["model_id"],
            ["date_end:max"],
        )
        dates = {model.id: date for model, date in ended}
        for model in self:
            model.last_run_date = dates.get(model._origin.id, False)

    # ------------------------------------------------------------
    # Records
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            if not self.env.su and any(vals.get(name) for name in PROTECTED_FIELDS - {"state"}):
                raise AccessError(self.env._("The state of a scoring model is changed by its buttons alone."))
            if not self.env.su and vals.get("state", "draft") != "draft":
                raise AccessError(self.env._("The state of a scoring model is changed by its buttons alone."))
            if not vals.get("grade_ids"):
                vals["grade_ids"] = [Command.create(grade) for grade in self._default_grades()]
        created = super(LeadScoringModel, self.with_context(check_grades_later=True)).create(vals_list)
        created._check_grades()
        return created.with_env(self.env)

    def write(self, vals):
        if not self.env.su and PROTECTED_FIELDS & vals.keys():
            raise AccessError(self.env._("The state of a scoring model is changed by its buttons alone."))
        result = super(LeadScoringModel, self.with_context(check_grades_later=True)).write(vals)
        if "grade_ids" in vals:
            self._check_grades()
        if "sequence" in vals:
            self.env["crm.lead.score"].sudo()._elect_main_of_models(self)
        return result

    def unlink(self):
        self.check_access("unlink")
        # First the scores: the leads that other models score too need another main one.
        for model in self:
            self.env["crm.lead.score"]._delete_of_model(model)
        self.env["crm.lead.score.history"]._delete_of("model_id", self.ids)
        return super().unlink()

    def action_view_scored_leads(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Scored Leads"),
            "res_model": "crm.lead",
            "view_mode": "list,kanban,form",
            "views": [(self.env.ref("lead_scoring.crm_lead_view_list_scored").id, "list"), (False, "form")],
            "domain": [("lead_score_model_id", "=", self.id), ("won_status", "=", "pending")],
        }

    # ------------------------------------------------------------
    # Scoring
    # ------------------------------------------------------------

    def _read_levels(self, lead_ids):
        """Return ``(ids, levels)`` of some leads under the published version, storing nothing.

        :param lead_ids: sequence of ids
        :return: int64 ids of shape (m,) of the leads that exist, uint8 levels of shape (m, width)
        """
        reading = read_levels(self.version_id._load_card(), self.sudo().env, lead_ids, self.company_id)
        return reading.ids, reading.levels

    def _missing_words(self, name):
        """Say what it means that a feature of this name, or what a rule asks for, exists no more."""
        return self.env._(
            "The field behind %s exists no more or is of another type now: it counts as not filled in on every lead.",
            name,
        )

    def _score_probabilities(self, lead_ids):
        """Return ``{lead id: unrounded probability to win}`` with the published version."""
        ids, levels = self._read_levels(lead_ids)
        return dict(zip(ids.tolist(), self.version_id._load_card().probabilities(levels).tolist()))

    def _score_batch(self, lead_ids, known=None):
        """Extract, score and store some leads, without a commit. Return a :class:`BatchResult`.

        :param known: the :class:`LiveModel` where the caller has it: then no field of the model is read
        """
        self.ensure_one()
        if known:
            version = self.env["lead.scoring.model.version"].browse(known.version_id)
            company = self.env["res.company"].browse(known.company_id)
        else:
            version, company = self.version_id, self.company_id
        # The planner takes a batch's steps for dearer than they are, and would compile them for 0.6 s each time.
        self.env.cr.execute(SQL("SET LOCAL jit = off"))
        clock = [time.perf_counter()]
        card = version._load_card()
        reading = read_levels(card, self.sudo().env, lead_ids, company)
        clock.append(time.perf_counter())
        scores = card.scores(reading.levels)
        clock.append(time.perf_counter())
        changed = self.env["crm.lead.score"].sudo()._store(self, version, reading.ids, scores, reading.levels)
        clock.append(time.perf_counter())
        seconds = [later - earlier for earlier, later in itertools.pairwise(clock)]
        return BatchResult(len(reading.ids), changed, reading.problems, reading.missing, *seconds)
