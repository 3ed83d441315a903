import logging
from datetime import datetime, timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..features.catalogue import catalogue, find
from ..features.extract import extract
from ..features.guard import guard
from ..features.history import HISTORY
from ..features.moments import count_closed, too_old_domain, training_set
from ..features.outcome import OUTCOMES
from ..features.pages import pages
from ..scoring import process
from .lead_scoring_model import SCORING

_logger = logging.getLogger(__name__)

# Fewer closed leads of a kind than this cannot tell won from lost.
MINIMUM_CLOSED = 40
# Same leads in, same scores out: one seed for every draw of a training.
SEED = 20_260_101
TRAINING_TIMEOUT = 3600  # seconds
# Rounds of cross-validation, where there are too few leads to test on the newest ones.
REPEATS = 5
# Open leads that tell how often a feature is filled in.
FILLED_SAMPLE = 5_000


class LeadScoringModel(models.Model):
    """How a predictive model learns from closed leads: its training, its versions, which of them is published.

    How a training that was asked for lives through the turns of its scheduled action is in
    ``lead_scoring_model_turns.py``."""

    _inherit = "lead.scoring.model"

    training_months = fields.Selection(
        [("3", "3 months"), ("6", "6 months"), ("12", "1 year"), ("24", "2 years"), ("0", "All of them")],
        "Leads Closed Within",
        default="24",
        required=True,
        help="The model learns from the leads that were won or lost in this time.",
    )
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
    won_count = fields.Integer("Won Leads", compute="_compute_closed_counts", compute_sudo=True)
    lost_count = fields.Integer("Lost Leads", compute="_compute_closed_counts", compute_sudo=True)
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
        "activity that says why. Leads that are sales-ready by its scores alone stay where they are. 0 switches it off.",
    )
    training_error = fields.Text("Last Training", readonly=True, copy=False)
    auc = fields.Float(related="version_id.auc")
    gate = fields.Selection(related="version_id.gate")
    warnings = fields.Text(related="version_id.warnings")
    too_old_count = fields.Integer(related="version_id.too_old_count")
    top_features = fields.Char(related="version_id.top_features")

    _check_retrain_days = models.Constraint(
        "CHECK(retrain_days BETWEEN 0 AND 365)",
        "Training again every 0 (never) to 365 days.",
    )

    def write(self, vals):
        others = self.filtered(lambda model: model.outcome != vals.get("outcome", model.outcome))
        result = super().write(vals)
        if others:
            others.sudo().version_id = False  # it is about the outcome before
        return result

    @api.depends("company_id", "domain", "team_ids", "training_months", "outcome")
    def _compute_closed_counts(self):
        for model in self:
            model.won_count, model.lost_count = model._count_closed_leads()

    def _count_closed_leads(self):
        """Return how many won (or qualified) and lost leads there are to learn from; none by an unusable filter."""
        if self._filter_problem():
            return 0, 0
        months = int(self.training_months or 0) or None
        return count_closed(self.sudo().env, self._lead_domain(), months=months, outcome=self._outcome())

    def _missing_leads(self):
        """Say how many closed leads are missing to learn from, and what serves meanwhile; False if there are enough."""
        _ = self.env._
        if problem := self._filter_problem():
            return problem
        won, lost = (max(MINIMUM_CLOSED - count, 0) for count in (self.won_count, self.lost_count))
        if not (won or lost):
            return False
        needed = {
            "needed": MINIMUM_CLOSED,
            "won": self.won_count,
            "lost": self.lost_count,
            "missing": self._still_missing(won, lost),
        }
        return self._by_outcome(
            _(
                "A predictive model needs at least %(needed)s won and %(needed)s lost leads to learn from. "
                "There are %(won)s won and %(lost)s lost ones so far. %(missing)s "
                "Until then a model with rules can score the leads.",
                **needed,
            ),
            _(
                "This model needs at least %(needed)s qualified and %(needed)s lost leads to learn from: leads that were "
                "converted to an opportunity, and leads that were lost before. "
                "There are %(won)s qualified and %(lost)s lost ones so far. %(missing)s "
                "Until then a model with rules can score the leads.",
                **needed,
            ),
        )

    def _still_missing(self, won, lost):
        """Say how many leads of each kind are missing."""
        _ = self.env._
        if won and lost:
            return self._by_outcome(
                _("It still takes %(won)s won and %(lost)s lost ones.", won=won, lost=lost),
                _("It still takes %(won)s qualified and %(lost)s lost ones.", won=won, lost=lost),
            )
        if won:
            return self._by_outcome(_("It still takes %s won ones.", won), _("It still takes %s qualified ones.", won))
        return _("It still takes %s lost ones.", lost)

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
    def _request_due_trainings(self):
        """Ask for the automatic trainings whose time has come, of live models."""
        for model in self.search([("kind", "=", "predictive"), ("state", "=", "live"), ("retrain_days", ">", 0)]):
            last = max(model._newest_version().create_date, model.training_date or datetime.min)
            if not model.training_requested and fields.Datetime.now() - last >= timedelta(days=model.retrain_days):
                model.write(
                    {"training_requested": fields.Datetime.now(), "training_user_id": False, "training_automatic": True}
                )

    def _train(self):
        """Learn from the closed leads at once, and wait for it. What a person asks for goes by turns instead.

        :raises ScoringError: when there is nothing to learn from, or the fitting failed
        :return: the new ``lead.scoring.model.version``, published if it may be
        """
        given, notes = self._snapshot()
        card, report = process.fit(**given, timeout=TRAINING_TIMEOUT, progress=self._log_progress)
        return self._store_version(card, report, notes)

    def _snapshot(self):
        """Read what there is to learn from.

        :raises UserError: when there is too little of it
        :return: ``(given, notes)``: the arguments of ``process.Training.prepare``, and what :meth:`_store_version`
            needs to know of them, a dict that JSON can hold
        """
        self.ensure_one()
        model = self.sudo()
        if missing := model._missing_leads():
            raise UserError(missing)
        domain = model._lead_domain()
        names = sorted(set(catalogue(model.env, domain)) - model._outcome().gives_away)
        specification = {
            **model._choices(),
            "names": names,
            # All closed leads are read for these each time that leads are scored.
            "costly": [name for name in names if name in HISTORY],
            "outcome": model.outcome,
            "beside": model.version_id.number,  # the version that this one is compared with
            "domain": model.domain,
            "months": int(model.training_months),
        }
        data = training_set(
            model.env,
            domain,
            specification["names"],
            seed=SEED,
            months=specification["months"] or None,
            outcome=OUTCOMES[specification["outcome"]],
        )
        leaks = guard(model.env, domain, data, seed=SEED, trusted=specification["forced_in"])
        notes = {
            "specification": specification,
            "training": data.figures,
            "leaks": leaks,
            "filled_open": model._filled_in_open_leads(specification["names"]),
            "won": int(data.lead_won.sum()),
            "lost": int((~data.lead_won).sum()),
        }
        data = data.without(leaks["left_out"])
        given = {
            "table": data.table,
            "won": data.won,
            "closed_at": data.closed_at,
            "created_at": data.created_at,
            "weights": data.weights,
            "groups": data.groups,
            "seed": SEED,
            "repeats": REPEATS,
            "champion": model._champion(),
            **{name: specification[name] for name in ("forced_in", "forced_out", "ignore_empty", "costly")},
        }
        return given, notes

    def _store_version(self, card, report, notes):
        """Make a version of what was learned, note what was found out about features, and publish it if it may be.

        :param dict notes: of :meth:`_snapshot`
        :return: the new ``lead.scoring.model.version``
        """
        model = self.sudo()
        if report["gate"] == "ready" and notes["training"]["flags"]:
            report = {**report, "gate": "careful"}
        report = {**report, **{name: notes[name] for name in ("specification", "training", "leaks")}}
        version = model.env["lead.scoring.model.version"].create(model._version_values(card, report, notes))
        model.env["lead.scoring.feature"]._note_training(model, report, notes["filled_open"])
        model._publish_if_fit(version)
        return version.with_env(self.env)

    def _log_progress(self, fraction, text):
        _logger.info("Training %s: %d %% %s", self.id, 100 * fraction, text)

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
        if not version or version.outcome != self.outcome:
            return None
        age = (fields.Datetime.now() - version.create_date).days
        return {**(version.report or {}).get("specification", {}), "age_days": age}

    def _version_values(self, card, report, notes):
        text = card.to_json()
        return {
            "model_id": self.id,
            "scorecard": text,
            "sha256": card.sha256,
            "report": report,
            "trained_by_id": self.training_user_id.id,
            "won_count": notes["won"],
            "lost_count": notes["lost"],
        }

    def _newest_version(self):
        return self.version_ids.sorted("number")[-1:]

    def _publish_if_fit(self, version):
        """Publish a new version unless it tells nothing, or is an automatic one that is worse than the published."""
        _, challenge = self.env._, version.report.get("challenge")
        if version.outcome != self.outcome:
            return  # somebody changed it meanwhile
        if version.gate == "not_ready":
            if self.training_automatic:
                self._ask_to_look_at(
                    version,
                    self._by_outcome(
                        _("Its fields do not tell won leads from lost ones any more."),
                        _("Its fields do not tell qualified leads from lost ones any more."),
                    ),
                )
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
        """Return whom the configuration names, who last asked for a training or made the model; else an administrator
        of the CRM."""
        named = self.env["lead.scoring.config"]._settings(self.company_id).responsible_id or self.env["res.users"]
        known = named | self.version_ids.sorted("number", reverse=True).trained_by_id | self.create_uid
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
        if self.state in SCORING:
            self._trigger_scoring()

    def _feature_labels(self, names):
        """Return the labels of features by name, in the language of the reader."""
        return {name: feature.label for name, feature in find(self.sudo().env, names).items()}

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
            "domain": list(too_old_domain(self._lead_domain(), oldest_days, outcome=self._outcome())),
        }
