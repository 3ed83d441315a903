import itertools
import logging
import time
from typing import NamedTuple

import numpy as np

from odoo import Command, api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL

from ..features.catalogue import catalogue, find
from ..features.extract import extract
from ..features.moments import training_set
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
# Leads whose scores the fitting of grade ranges looks at.
GRADE_SAMPLE = 20_000

# What only the model's own buttons and jobs may set.
PROTECTED_FIELDS = {"state", "version_id", "training_requested", "training_error"}


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
    )
    company_id = fields.Many2one(
        "res.company",
        default=lambda self: self.env.company,
        help="The model learns from the leads of this company and scores them. "
        "Without a company: leads that belong to no company.",
    )
    version_id = fields.Many2one(
        "lead.scoring.model.version",
        "Published Version",
        readonly=True,
        copy=False,
        domain="[('model_id', '=', id)]",
    )
    version_ids = fields.One2many("lead.scoring.model.version", "model_id", "Versions", readonly=True)
    grade_ids = fields.One2many("lead.scoring.grade", "model_id", "Grades", copy=True)
    run_ids = fields.One2many("lead.scoring.run", "model_id", "Runs", readonly=True)
    sales_ready_score = fields.Integer(
        help="Leads that reach this score are marked as sales-ready. 0 switches it off.",
    )
    won_count = fields.Integer("Won Leads", compute="_compute_counts", compute_sudo=True)
    lost_count = fields.Integer("Lost Leads", compute="_compute_counts", compute_sudo=True)
    open_count = fields.Integer("Open Leads", compute="_compute_counts", compute_sudo=True)
    training_requested = fields.Datetime(readonly=True, copy=False, help="Waiting for the training to start.")
    training_error = fields.Text("Last Training", readonly=True, copy=False)
    message = fields.Text("Status", compute="_compute_message")
    auc = fields.Float(related="version_id.auc")
    top_features = fields.Char(related="version_id.top_features")
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
        one, and in a database with a single company to that company."""
        self.ensure_one()
        companies = [self.company_id.id]
        if self.company_id and self.env["res.company"].sudo().search_count([], limit=2) == 1:
            companies.append(False)
        return Domain("company_id", "in", companies)

    def _open_lead_domain(self):
        return self._lead_domain() & Domain("active", "=", True) & Domain("won_status", "=", "pending")

    @api.depends("company_id")
    def _compute_counts(self):
        Lead = self.env["crm.lead"].with_context(active_test=False)
        for model in self:
            counts = dict(
                Lead._read_group(
                    model._lead_domain() & Domain("won_status", "in", ["won", "lost"]), ["won_status"], ["__count"]
                )
            )
            model.won_count = counts.get("won", 0)
            model.lost_count = counts.get("lost", 0)
            model.open_count = model._count_open_leads()

    def _count_open_leads(self):
        return self.env["crm.lead"].sudo().search_count(self._open_lead_domain())

    @api.depends("version_id", "training_requested", "training_error", "state")
    @api.depends_context("lang")
    def _compute_message(self):
        for model in self:
            model.message = model._current_message()

    def _current_message(self):
        _ = self.env._
        if self.training_requested:
            return _("Training has been requested and starts within a minute.")
        if self.training_error:
            return self.training_error
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
        ids = self.ids
        result = super().unlink()
        self.env["crm.lead.score.history"]._delete_of("model_id", ids)
        return result

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
        self.sudo().write({"training_requested": fields.Datetime.now(), "training_error": False})
        self.env.ref("lead_scoring.ir_cron_train_models").sudo()._trigger()

    @api.model
    def _cron_train_models(self):
        """Train the models that wait for it, one after the other; a failure of one never stops the others."""
        waiting = self.search([("training_requested", "!=", False)])
        cron = self.env["ir.cron"]
        if not cron._commit_progress(remaining=len(waiting)):
            return
        for model in waiting:
            error = model._try_train()
            model.write({"training_requested": False, "training_error": error})
            if not cron._commit_progress(1):
                return

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
        """Learn from the closed leads, store what was learned as a new version and publish it.

        :param bool commit: end the transaction before the fitting, which may take minutes
        :raises ScoringError: when there is nothing to learn from, or the fitting failed
        :return: the new ``lead.scoring.model.version``
        """
        self.ensure_one()
        model = self.sudo()
        if missing := model._missing_leads():
            raise UserError(missing)
        domain = model._lead_domain()
        data = training_set(model.env, domain, list(catalogue(model.env, domain)), seed=SEED)
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
            timeout=TRAINING_TIMEOUT,
            progress=lambda fraction, text: _logger.info("Training %s: %d %% %s", model.id, 100 * fraction, text),
        )
        version = model.env["lead.scoring.model.version"].create(model._version_values(card, report, data.lead_won))
        model._publish(version)
        return version.with_env(self.env)

    def _version_values(self, card, report, won):
        text = card.to_json()
        return {
            "model_id": self.id,
            "scorecard": text,
            "sha256": card.sha256,
            "report": report,
            "won_count": int(won.sum()),
            "lost_count": int((~won).sum()),
        }

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
                raise UserError(
                    model._missing_leads() or self.env._("Train %s first: it has nothing to score with.", model.name)
                )
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
