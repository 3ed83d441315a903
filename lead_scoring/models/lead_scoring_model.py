import ast
import itertools
import logging
import time
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from dateutil.relativedelta import relativedelta

from odoo import Command, api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL

from ..features.catalogue import catalogue, find
from ..features.extract import extract
from ..features.guard import guard
from ..features.lead_fields import NEVER
from ..features.moments import too_old_domain, training_set
from ..features.pages import pages
from ..scoring import grading, process
from ..scoring.errors import ScoringError
from .lead_scoring_grade import DEFAULT_GRADES

_logger = logging.getLogger(__name__)

# Fewer closed leads of a kind than this cannot tell won from lost.
MINIMUM_CLOSED = 40
# Same leads in, same scores out: one seed for every draw of a training.
SEED = 20_260_101
TRAINING_TIMEOUT = 3600  # seconds
# Rounds of cross-validation, where there are too few leads to test on the newest ones.
REPEATS = 5
# How often a training says how far it is, in seconds.
PROGRESS_INTERVAL = 2
# Leads whose scores the fitting of grade ranges looks at.
GRADE_SAMPLE = 20_000

# Open leads that tell how often a feature is filled in.
FILLED_SAMPLE = 5_000

# What only the model's own buttons and jobs may set.
PROTECTED_FIELDS = {
    "state",
    "version_id",
    "training_requested",
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
    missing: list  # names of features that exist no more
    seconds_read: float
    seconds_score: float
    seconds_write: float


class LeadScoringModel(models.Model):
    """What gives leads a score. Learns from the won and lost leads of its company."""

    _name = "lead.scoring.model"
    _description = "Lead Scoring Model"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    sequence = fields.Integer(
        default=10, help="Of several live models that cover a lead, the first one gives the lead its score."
    )
    kind = fields.Selection([("predictive", "Predictive")], default="predictive", required=True)
    state = fields.Selection(
        [("draft", "Draft"), ("live", "Live"), ("stopped", "Stopped")],
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
    training_months = fields.Selection(
        [("3", "3 months"), ("6", "6 months"), ("12", "1 year"), ("24", "2 years"), ("0", "All of them")],
        "Leads Closed Within",
        default="24",
        required=True,
        help="The model learns from the leads that were won or lost in this time.",
    )
    overlap = fields.Text("Also Covered", compute="_compute_overlap")
    version_id = fields.Many2one(
        "lead.scoring.model.version",
        "Published Version",
        readonly=True,
        copy=False,
        tracking=True,
        domain="[('model_id', '=', id)]",
    )
    version_ids = fields.One2many("lead.scoring.model.version", "model_id", "Versions", readonly=True)
    feature_ids = fields.One2many("lead.scoring.feature", "model_id", "Features")
    grade_ids = fields.One2many("lead.scoring.grade", "model_id", "Grades", copy=True)
    run_ids = fields.One2many("lead.scoring.run", "model_id", "Runs", readonly=True)
    sales_ready_score = fields.Integer(
        help="Leads that reach this score are marked as sales-ready. 0 switches it off.",
    )
    won_count = fields.Integer("Won Leads", compute="_compute_counts", compute_sudo=True)
    lost_count = fields.Integer("Lost Leads", compute="_compute_counts", compute_sudo=True)
    open_count = fields.Integer("Open Leads", compute="_compute_counts", compute_sudo=True)
    training_requested = fields.Datetime(readonly=True, copy=False, help="Waiting for the training to start.")
    training_user_id = fields.Many2one("res.users", readonly=True, copy=False, help="Who asked for the training.")
    training_automatic = fields.Boolean(readonly=True, copy=False)
    training_date = fields.Datetime(readonly=True, copy=False, help="When a training last ended, well or not.")
    training_progress = fields.Float(readonly=True, copy=False, aggregator=None)
    retrain_days = fields.Integer(
        "Train Again Every (Days)",
        default=15,
        help="A live model learns again by itself, with the leads closed since. The new version is published if what was "
        "changed of its fields does not make it worse on the same leads; otherwise it waits for you, with an "
        "activity that says why. 0 switches it off.",
    )
    training_error = fields.Text("Last Training", readonly=True, copy=False)
    message = fields.Text("Status", compute="_compute_message")
    auc = fields.Float(related="version_id.auc")
    gate = fields.Selection(related="version_id.gate")
    warnings = fields.Text(related="version_id.warnings")
    too_old_count = fields.Integer(related="version_id.too_old_count")
    top_features = fields.Char(related="version_id.top_features")
    last_run_date = fields.Datetime("Last Scored", compute="_compute_last_run_date")

    _check_sales_ready_score = models.Constraint(
        "CHECK(sales_ready_score BETWEEN 0 AND 100)",
        "The sales-ready score lies between 0 and 100.",
    )

    _check_retrain_days = models.Constraint(
        "CHECK(retrain_days BETWEEN 0 AND 365)",
        "Training again every 0 (never) to 365 days.",
    )

    # ------------------------------------------------------------
    # What the model covers
    # ------------------------------------------------------------

    def _lead_domain(self):
        """Return the domain of the leads, open and closed, that the model learns from and scores.

        One company's leads never train another's model: leads without company belong to the models without
        one, and in a database with a single company to that company."""
        self.ensure_one()
        companies = [self.company_id.id]
        if self.company_id and self.env["res.company"].sudo().search_count([], limit=2) == 1:
            companies.append(False)
        domain = Domain("company_id", "in", companies) & self._filter()
        return domain & Domain("team_id", "in", self.team_ids.ids) if self.team_ids else domain

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
            self._filter()
        except UserError as error:
            return str(error)
        return False

    @api.constrains("domain")
    def _check_domain(self):
        """:raises ValidationError: when the filter is none, or asks for what closing a lead changes"""
        for model in self:
            if problem := model._filter_problem():
                raise ValidationError(problem)
            domain = model._filter()
            # The model searches with all rights: its admin may only ask for what they may read themselves.
            self.env["crm.lead"].sudo(False)._search(domain)  # constraints are checked with all rights
            names = {condition.field_expr.split(".")[0] for condition in domain.iter_conditions()}
            if outcomes := sorted(
                name for name in names if name in NEVER or name.startswith("lead_s") or name == "lead_grade"
            ):
                raise ValidationError(
                    self.env._(
                        "The filter of %(model)s asks for %(fields)s, which changes when a lead is closed or scored: "
                        "the model would learn from other leads than it scores.",
                        model=model.name,
                        fields=", ".join(self.env["crm.lead"]._fields[name].string for name in outcomes),
                    )
                )

    @api.depends("domain", "team_ids", "company_id", "sequence", "state")
    def _compute_overlap(self):
        live = self.search([("state", "=", "live")])
        for model in self:
            lines = [model._overlap_with(other) for other in live - model._origin]
            model.overlap = "\n".join(line for line in lines if line)

    def _overlap_with(self, other):
        """Say which open leads another live model covers too, and whose score they show; False if there are none."""
        try:
            domain = self._open_lead_domain() & other._lead_domain()
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
        return self._lead_domain() & Domain("active", "=", True) & Domain("won_status", "=", "pending")

    @api.depends("company_id", "domain", "team_ids", "training_months")
    def _compute_counts(self):
        Lead = self.env["crm.lead"].with_context(active_test=False)
        for model in self:
            counts = {}
            if not model._filter_problem():
                closed = model._lead_domain() & Domain("won_status", "in", ["won", "lost"]) & model._window()
                counts = dict(Lead._read_group(closed, ["won_status"], ["__count"]))
            model.won_count = counts.get("won", 0)
            model.lost_count = counts.get("lost", 0)
            model.open_count = model._count_open_leads()

    def _count_open_leads(self):
        """Return how many leads there are to score; 0 where the filter cannot be used, which the run will say."""
        if self._filter_problem():
            return 0
        return self.env["crm.lead"].sudo().search_count(self._open_lead_domain())

    def _window(self):
        """Return the Domain of the closed leads that closed lately enough to be learned from.

        A lead without a date of close counts by its last change, as in training.
        """
        months = int(self.training_months or 0)
        if not months:
            return Domain.TRUE
        since = fields.Datetime.now() - relativedelta(months=months)
        undated = Domain("date_closed", "=", False) & Domain("write_date", ">=", since)
        return Domain("date_closed", ">=", since) | undated

    @api.depends("version_id", "version_ids", "training_requested", "training_progress", "training_error", "state")
    @api.depends_context("lang")
    def _compute_message(self):
        for model in self:
            model.message = model._current_message()

    def _current_message(self):
        _ = self.env._
        if problem := self._filter_problem():
            return problem
        if self.training_progress:
            return _("Training is under way. Reload this page to see how far it is.")
        if self.training_requested:
            return _("Training has been requested and starts within a minute.")
        if self.training_error:
            return self.training_error
        waiting = self._newest_version()
        if waiting and waiting != self.version_id and waiting.gate == "not_ready":
            return _(
                "Version %(number)s is not ready to publish: these fields do not tell won leads from lost ones.",
                number=waiting.number,
            )
        if not self.version_id:
            return self._missing_leads() or _(
                "Ready to learn from %(won)s won and %(lost)s lost leads: press Train.",
                won=self.won_count,
                lost=self.lost_count,
            )
        if self.state == "live":
            return False
        return _("Trained. Press Go Live to score the open leads every day.")

    def _missing_leads(self):
        """Say how many closed leads there are and how many it takes; False if there are enough."""
        if min(self.won_count, self.lost_count) >= MINIMUM_CLOSED:
            return False
        return self.env._(
            "A predictive model needs at least %(needed)s won and %(needed)s lost leads to learn from. "
            "There are %(won)s won and %(lost)s lost ones so far.",
            needed=MINIMUM_CLOSED,
            won=self.won_count,
            lost=self.lost_count,
        )

    @api.depends("run_ids.date_end")
    def _compute_last_run_date(self):
        for model in self:
            model.last_run_date = max(model.run_ids.filtered("date_end").mapped("date_end"), default=False)

    # ------------------------------------------------------------
    # Grades
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
        if {"sequence", "state"} & vals.keys():
            self.env["crm.lead.score"].sudo()._elect_main_of_models(self)
        return result

    def unlink(self):
        self.check_access("unlink")
        # First the scores: the leads that other models score too need another main one.
        for model in self:
            self.env["crm.lead.score"]._delete_of_model(model)
        self.env["crm.lead.score.history"]._delete_of("model_id", self.ids)
        return super().unlink()

    @api.model
    def _default_grades(self):
        return [
            {"name": name, "color": color, "min_score": minimum, "sequence": position}
            for position, (name, color, minimum) in enumerate(DEFAULT_GRADES)
        ]

    @api.onchange("grade_ids")
    def _onchange_grade_ids(self):
        # Shows the neighbour's moved edge before saving.
        self._align_grades()

    def _align_grades(self):
        """Let each grade reach up to the one above it. Takes effect on all leads at once."""
        for model in self:
            top = 100
            for grade in model.grade_ids.sorted("sequence"):
                if grade.max_score != top:
                    grade.max_score = top
                top = grade.min_score - 1
        self.env["crm.lead"]._invalidate_scores()

    def _check_grades(self):
        """:raises ValidationError: unless the grades of each model cover 0-100 from the best down"""
        for model in self:
            ladder = model.grade_ids.sorted("sequence")
            for better, worse in zip(ladder, ladder[1:]):
                if better.min_score <= worse.min_score:
                    raise ValidationError(
                        self.env._(
                            "Grade %(better)s starts at %(better_score)s and the grade below it, %(worse)s, at "
                            "%(worse_score)s: a better grade must start higher.",
                            better=better.name,
                            better_score=better.min_score,
                            worse=worse.name,
                            worse_score=worse.min_score,
                        )
                    )
            if not ladder or ladder[-1].min_score:
                raise ValidationError(
                    self.env._("The lowest grade of a model must start at 0, so that every score has a grade.")
                )

    def _open_leads_by_score(self):
        """Return a list of 101 counts: how many open leads have each score of this model today."""
        counts = [0] * 101
        Score = self.env["crm.lead.score"].sudo()
        for score, count in Score._read_group(
            [("model_id", "=", self.id), ("lead_id.active", "=", True), ("lead_id.won_status", "=", "pending")],
            ["score"],
            ["__count"],
        ):
            counts[score] += count
        return counts

    @api.model
    def _fitted_minimums(self, scores):
        """Return the lowest scores, best grade first, that split scores 10/20/30/40 %."""
        return grading.fit_ranges(np.array(scores, dtype=int))

    def _sample_scores(self):
        """Return the scores that the published version gives to (at most 20,000 of) the open leads."""
        card = self.version_id._load_card()
        scores = []
        for ids in pages(self.sudo().env, self._open_lead_domain()):
            scores.extend(card.scores(self._read_levels(ids)[1]))
            if len(scores) >= GRADE_SAMPLE:
                break
        return scores

    def action_fit_grades(self):
        """Open the proposal of ranges that suit the scores of this model."""
        self.ensure_one()
        if not self.version_id:
            raise UserError(self.env._("Train the model first: the ranges are fitted to its scores."))
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Fit the Ranges to This Model"),
            "res_model": "lead.scoring.grade.fit",
            "view_mode": "form",
            "target": "new",
            "context": {"default_model_id": self.id},
        }

    def action_default_grades(self):
        """Put the default ranges A 75, B 50, C 25, D 0 back."""
        self.ensure_one()
        self._set_minimums([grade["min_score"] for grade in self._default_grades()])

    def _set_minimums(self, minimums):
        """Set the lowest scores of the grades, best first, making the four default grades if others exist."""
        if len(self.grade_ids) == len(minimums):
            grades = self.grade_ids.sorted("sequence")
            commands = [Command.update(grade.id, {"min_score": low}) for grade, low in zip(grades, minimums)]
        else:
            commands = [Command.clear()] + [
                Command.create({**grade, "min_score": low}) for grade, low in zip(self._default_grades(), minimums)
            ]
        self.write({"grade_ids": commands})

    def _fit_grades_on_first_publish(self):
        """Where the default ranges would leave nearly all open leads in one grade, fit them once."""
        scores = self._sample_scores()
        if scores and grading.needs_fitting(np.array(scores)):
            minimums = self._fitted_minimums(scores)
            self._set_minimums(minimums)
            self.sales_ready_score = self.sales_ready_score or minimums[0]

    # ------------------------------------------------------------
    # Training
    # ------------------------------------------------------------

    def action_train(self):
        """Ask for a training; it runs in the background."""
        self.check_access("write")
        for model in self:
            if missing := model._missing_leads():
                raise UserError(missing)
        self.sudo().write(
            {
                "training_requested": fields.Datetime.now(),
                "training_user_id": self.env.uid,
                "training_automatic": False,
                "training_error": False,
            }
        )
        self.env.ref("lead_scoring.ir_cron_train_models").sudo()._trigger()

    @api.model
    def _cron_train_models(self):
        """Train the models that wait for it, one after the other; a failure of one never stops the others."""
        self._request_due_trainings()
        waiting = self.search([("training_requested", "!=", False)])
        cron = self.env["ir.cron"]
        if not cron._commit_progress(remaining=len(waiting)):
            return
        for model in waiting:
            error = model._try_train()
            model.write(
                {
                    "training_requested": False,
                    "training_date": fields.Datetime.now(),
                    "training_progress": 0,
                    "training_error": error,
                }
            )
            if not cron._commit_progress(1):
                return

    @api.model
    def _request_due_trainings(self):
        """Ask for the automatic trainings whose time has come, of live models."""
        for model in self.search([("state", "=", "live"), ("retrain_days", ">", 0)]):
            last = max(model._newest_version().create_date, model.training_date or datetime.min)
            if not model.training_requested and fields.Datetime.now() - last >= timedelta(days=model.retrain_days):
                model.write(
                    {"training_requested": fields.Datetime.now(), "training_user_id": False, "training_automatic": True}
                )

    def _try_train(self):
        """Train and return False, or what went wrong in the user's words."""
        try:
            self._train(commit=True)
        except (ScoringError, UserError) as error:
            self.env.cr.rollback()
            return str(error)
        except Exception:
            self.env.cr.rollback()
            _logger.exception("Training of lead scoring model %s failed", self.id)
            return self.env._("Training failed unexpectedly. The earlier version stays. The server's log says why.")
        return False

    def _train(self, commit=False):
        """Learn from the closed leads and store what was learned as a new version, published if it may be.

        :param bool commit: end the transaction before the fitting, which may take minutes
        :raises ScoringError: when there is nothing to learn from, or the fitting failed
        :return: the new ``lead.scoring.model.version``
        """
        self.ensure_one()
        model = self.sudo()
        if missing := model._missing_leads():
            raise UserError(missing)
        domain = model._lead_domain()
        specification = {
            **model._choices(),
            "names": sorted(catalogue(model.env, domain)),
            "domain": model.domain,
            "months": int(model.training_months),
        }
        data = training_set(
            model.env, domain, specification["names"], seed=SEED, months=specification["months"] or None
        )
        leaks = guard(model.env, domain, data, seed=SEED, trusted=specification["forced_in"])
        filled_open = model._filled_in_open_leads(specification["names"])
        data = data.without(leaks["left_out"])
        if commit:
            self.env["ir.cron"]._commit_progress()
        card, report = process.fit(
            data.table,
            data.won,
            data.closed_at,
            created_at=data.created_at,
            weights=data.weights,
            groups=data.groups,
            seed=SEED,
            repeats=REPEATS,
            timeout=TRAINING_TIMEOUT,
            champion=model._champion(),
            progress=model._progress_teller(commit),
            **{name: specification[name] for name in ("forced_in", "forced_out", "ignore_empty")},
        )
        if report["gate"] == "ready" and data.figures["flags"]:
            report["gate"] = "careful"
        report = {**report, "specification": specification, "training": data.figures, "leaks": leaks}
        version = model.env["lead.scoring.model.version"].create(model._version_values(card, report, data.lead_won))
        model.env["lead.scoring.feature"]._note_training(model, report, filled_open)
        model._publish_if_fit(version)
        return version.with_env(self.env)

    def _progress_teller(self, commit):
        """Return a callable(fraction, text) that shows on the model's form how far its training is.

        :param bool commit: whether it may end the transaction, without which nobody else sees it
        """
        told = time.monotonic()

        def tell(fraction, text):
            nonlocal told
            _logger.info("Training %s: %d %% %s", self.id, 100 * fraction, text)
            if commit and time.monotonic() - told >= PROGRESS_INTERVAL:
                told = time.monotonic()
                try:
                    self.training_progress = 100 * fraction
                    self.env["ir.cron"]._commit_progress()
                except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
                    self.env.cr.rollback()  # somebody saves the model just now; the next one will do

        return tell

    def _choices(self):
        """Return what the admin decided about features: sorted names by parameter of the training."""
        names = lambda features: sorted(features.mapped("name"))
        return {
            "forced_in": names(self.feature_ids.filtered(lambda feature: feature.choice == "in")),
            "forced_out": names(self.feature_ids.filtered(lambda feature: feature.choice == "out")),
            "ignore_empty": names(self.feature_ids.filtered("ignore_empty")),
        }

    def _filled_in_open_leads(self, names):
        """Return ``{name: share of open leads that have a value}``, of at most 5,000 of them."""
        for ids in pages(self.env, self._open_lead_domain(), size=FILLED_SAMPLE):
            table = extract(self.env, ids, names).table
            return {name: float(1 - column.missing.mean()) for name, column in table.columns.items()}
        return {}

    def _champion(self):
        """Return what the published version was trained with, for a fair comparison; None without one."""
        version = self.version_id
        if not version:
            return None
        age = (fields.Datetime.now() - version.create_date).days
        return {**(version.report or {}).get("specification", {}), "age_days": age}

    def _version_values(self, card, report, won):
        text = card.to_json()
        return {
            "model_id": self.id,
            "scorecard": text,
            "sha256": card.sha256,
            "report": report,
            "trained_by_id": self.training_user_id.id,
            "won_count": int(won.sum()),
            "lost_count": int((~won).sum()),
        }

    def _newest_version(self):
        return self.version_ids.sorted("number")[-1:]

    def _publish_if_fit(self, version):
        """Publish a new version unless it tells nothing, or is an automatic one that is worse than the published."""
        _, challenge = self.env._, version.report.get("challenge")
        if version.gate == "not_ready":
            if self.training_automatic:
                self._ask_to_look_at(version, _("Its fields do not tell won leads from lost ones any more."))
        elif self.training_automatic and challenge and not challenge["publish"]:
            self._ask_to_look_at(
                version,
                _(
                    "On the same leads its log loss is %(new).4f, and %(old).4f with the fields of the published "
                    "version (lower is better).",
                    new=challenge["challenger_log_loss"],
                    old=challenge["champion_log_loss"],
                ),
            )
        else:
            self._publish(version)

    def _ask_to_look_at(self, version, why):
        """Leave a version that was trained by itself to whoever looks after the model, with an activity."""
        self.activity_unlink(["mail.mail_activity_data_todo"])  # about an older one
        self.activity_schedule(
            "mail.mail_activity_data_todo",
            user_id=self._responsible().id,
            summary=self.env._("Version %s of this scoring model waits for you", version.number),
            note=self.env._("It was trained by itself and is not published. %s", why),
        )

    def _responsible(self):
        """Return who last asked for a training or made the model; else an administrator of the CRM."""
        known = self.version_ids.sorted("number", reverse=True).trained_by_id | self.create_uid
        managers = self.env.ref("sales_team.group_sale_manager").all_user_ids.filtered(
            lambda user: not self.company_id or self.company_id in user.company_ids
        )
        fitting = (known & managers) or managers
        return fitting.filtered(lambda user: user.active and user._is_internal())[:1]

    def action_recommended_features(self):
        """Take all decisions about features back."""
        self.ensure_one()
        self.feature_ids.write({"choice": "auto", "ignore_empty": False})

    def _publish(self, version):
        """Make a version the one that scores; the first one finds its grade ranges."""
        self.ensure_one()
        first = not self.version_id
        self.version_id = version
        if first:
            self._fit_grades_on_first_publish()
        if self.state == "live":
            self._trigger_scoring()

    def _feature_labels(self, names):
        """Return the labels of features by name, in the language of the reader."""
        return {name: feature.label for name, feature in find(self.sudo().env, names).items()}

    # ------------------------------------------------------------
    # Life
    # ------------------------------------------------------------

    def action_go_live(self):
        """Score the covered open leads from now on, for the first time within a minute."""
        self.check_access("write")
        for model in self:
            if not model.version_id:
                missing = model._missing_leads() or (model._newest_version() and model.message)
                raise UserError(missing or self.env._("Train %s first: it has nothing to score with.", model.name))
        self.sudo().write({"state": "live"})
        self._trigger_scoring()

    def action_stop(self):
        """Stop scoring. The configuration says whether the scores go or stay."""
        self.check_access("write")
        self.sudo().write({"state": "stopped"})
        for model in self:
            if self.env["lead.scoring.config"]._settings(model.company_id).automatic_score_cleanup:
                self.env["crm.lead.score"].sudo()._delete_of_model(model)

    def _trigger_scoring(self):
        self.env.ref("lead_scoring.ir_cron_score_leads").sudo()._trigger()

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

    def action_view_too_old_leads(self):
        """List the open leads that are older than almost any lead that closed, to be marked as lost."""
        self.ensure_one()
        oldest_days = (self.version_id.report or {}).get("training", {}).get("oldest_days")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Older Than Almost Any Lead That Closed"),
            "res_model": "crm.lead",
            "view_mode": "list,kanban,form",
            "views": [(self.env.ref("lead_scoring.crm_lead_view_list_scored").id, "list"), (False, "form")],
            "domain": list(too_old_domain(self._lead_domain(), oldest_days)),
        }

    # ------------------------------------------------------------
    # Scoring
    # ------------------------------------------------------------

    def _read_levels(self, lead_ids):
        """Return ``(ids, levels)`` of some leads under the published version, storing nothing.

        :param lead_ids: sequence of ids
        :return: int64 ids of shape (m,) of the leads that exist, uint8 levels of shape (m, features)
        """
        card = self.version_id._load_card()
        extraction = extract(self.sudo().env, lead_ids, list(card.names))
        return extraction.ids, card.levels(extraction.table)

    def _score_probabilities(self, lead_ids):
        """Return ``{lead id: unrounded probability to win}`` with the published version."""
        ids, levels = self._read_levels(lead_ids)
        return dict(zip(ids.tolist(), self.version_id._load_card().probabilities(levels).tolist()))

    def _score_batch(self, lead_ids):
        """Extract, score and store some leads, without a commit. Return a :class:`BatchResult`."""
        self.ensure_one()
        # The planner takes a batch's steps for dearer than they are, and would compile them for 0.6 s each time.
        self.env.cr.execute(SQL("SET LOCAL jit = off"))
        clock = [time.perf_counter()]
        card = self.version_id._load_card()
        extraction = extract(self.sudo().env, lead_ids, list(card.names))
        clock.append(time.perf_counter())
        levels = card.levels(extraction.table)
        scores = card.scores(levels)
        clock.append(time.perf_counter())
        changed = self.env["crm.lead.score"].sudo()._store(self.version_id, extraction.ids, scores, levels)
        clock.append(time.perf_counter())
        seconds = [later - earlier for earlier, later in itertools.pairwise(clock)]
        return BatchResult(len(extraction.ids), changed, extraction.problems, list(extraction.missing), *seconds)
