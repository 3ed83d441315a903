from typing import NamedTuple

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..features.catalogue import find
from ..scoring.errors import ScoringError
from .lead_scoring_model import SCORING

# States in which what would change the scores of a model cannot be edited.
LOCKED = (*SCORING, "stopping")


class Finding(NamedTuple):
    """What the check for errors found out about a model, in the user's words."""

    text: str
    blocking: bool = True  # it cannot go live like this


class LeadScoringModel(models.Model):
    """The life of a model: Draft -> Going live -> Live -> Stopping -> Stopped, or Error with its reason.

    Buttons only begin a step; ``lead.scoring.run`` does it in the background, batch after batch, and says when it
    is over (:meth:`_run_ended`). A model whose first run fails is in Error, and so is a live one whose next run would
    fail as well (its filter or its version cannot be used any more). A live model whose run failed for once stays
    live, says why, and tries again the next day."""

    _inherit = "lead.scoring.model"

    state_reason = fields.Text("What Went Wrong", readonly=True, copy=False)
    scored_until = fields.Datetime(
        "Scores True Until",
        readonly=True,
        copy=False,
        help="The scores of a model that is not live any more were last refreshed on that day.",
    )
    progress = fields.Float(compute="_compute_progress", aggregator=None)

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

    def action_go_live(self):
        """Score the covered open leads from now on, for the first time within a minute."""
        self.check_access("write")
        self._check_scoring_is_on()
        waiting = self.filtered(lambda model: model.state not in SCORING)
        for model in waiting:
            model._check_can_go_live()
        return waiting._ask_before_going_live() or waiting._start_going_live()

    def _ask_before_going_live(self):
        """Return the action of a dialog that calls :meth:`_start_going_live` itself; False to go live at once."""
        return False

    def _start_going_live(self):
        """Let the scheduled action score all leads; the model is live when it has."""
        self.sudo().write({"state": "going_live", "state_reason": False})
        self.env["lead.scoring.run"].sudo()._start(self)
        self._trigger_scoring()

    def action_stop(self):
        """Stop scoring. The configuration says whether the scores go or stay; the scheduled action sees to it."""
        self.check_access("write")
        self._check_scoring_is_on()
        models_ = self.filtered(lambda model: model.state in (*SCORING, "error")).sudo()
        for model in models_:
            model.write({"state": "stopping", "state_reason": False, "scored_until": model._last_true()})
        models_.env["lead.scoring.run"]._start_stopping(models_)
        self._trigger_scoring()

    def action_score_now(self):
        """Score the open leads within a minute, not only at the next daily run."""
        self.check_access("write")
        self._check_scoring_is_on()
        if not self.filtered(lambda model: model.state in SCORING):
            raise UserError(self.env._("No scoring model is live: there is nothing to score with."))
        self._trigger_scoring()
        return self._notification("success", self.env._("Scoring starts within a minute."))

    def action_check_for_errors(self):
        """Say what keeps the model from going live, and what to bear in mind."""
        self.ensure_one()
        self.check_access("write")
        _, findings = self.env._, self._check_for_errors()
        if not findings:
            return self._notification("success", _("No errors: %s can go live.", self.name))
        errors = [finding.text for finding in findings if finding.blocking]
        texts = errors + [finding.text for finding in findings if not finding.blocking]
        if errors:
            return self._notification("danger", "\n".join(texts), _("%s cannot go live yet", self.name))
        return self._notification("warning", "\n".join(texts), _("%s can go live", self.name))

    def _notification(self, kind, message, title=""):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": kind,
                "title": title,
                "message": message,
                "sticky": kind != "success",
                "className": "o_lead_scoring_lines",
            },
        }

    def _trigger_scoring(self):
        self.env.ref("lead_scoring.ir_cron_score_leads").sudo()._trigger()

    def _check_scoring_is_on(self):
        if not self.env["lead.scoring.config"]._is_on():
            raise UserError(
                self.env._("Lead scoring is switched off. An administrator switches it on in Settings > CRM.")
            )

    # ------------------------------------------------------------
    # Check for errors
    # ------------------------------------------------------------

    def _check_can_go_live(self):
        """:raises UserError: with all that keeps the model from going live"""
        if self.state == "stopping":
            raise UserError(self.env._("%s is being stopped. It can go live again when it has stopped.", self.name))
        if errors := [finding.text for finding in self._check_for_errors() if finding.blocking]:
            raise UserError("\n".join(errors))

    def _check_for_errors(self):
        """Return a list of :class:`Finding`, empty when there is nothing to say."""
        self.ensure_one()
        if problem := self._filter_problem():
            return [Finding(problem)]
        found = [*self._check_what_it_scores_with(), *self._check_ranges(), *self._check_leads()]
        return found + [Finding(line, blocking=False) for line in (self.overlap or "").splitlines()]

    def _check_what_it_scores_with(self):
        """Findings about the trained version."""
        _, version = self.env._, self.version_id
        if not version:
            not_ready = self._newest_version() and self.message
            return [
                Finding(
                    self._missing_leads() or not_ready or _("Train %s first: it has nothing to score with.", self.name)
                )
            ]
        try:
            names = version._load_card().names
        except ScoringError as error:
            return [Finding(str(error))]
        found = []
        if version.gate == "not_ready":
            text = _("Version %s is not ready: its fields do not tell won leads from lost ones.", version.number)
            found.append(Finding(text, blocking=False))
        for name in sorted(set(names) - find(self.sudo().env, list(names)).keys()):
            text = _("The field behind %s exists no more: it counts as not filled in on every lead.", name)
            found.append(Finding(text, blocking=False))
        return found

    def _check_ranges(self):
        try:
            self._check_grades()
        except ValidationError as error:
            return [Finding(str(error))]
        return []

    def _check_leads(self):
        """Findings about the leads that the filter covers."""
        if self.open_count:
            return []
        _, Lead = self.env._, self.env["crm.lead"].sudo().with_context(active_test=False)
        if Lead.search_count(self._lead_domain(), limit=1):
            return [
                Finding(
                    _("No lead that is open now matches the filter: there is nothing to score yet."), blocking=False
                )
            ]
        return [Finding(_("No lead matches the filter, open or closed."))]

    # ------------------------------------------------------------
    # In the background
    # ------------------------------------------------------------

    def _run_ended(self, run, message=None, lasting=False):
        """Take the next step of life after a run.

        :param message: what went wrong
        :param lasting: the next run would fail as well
        """
        if run.saved_only and not lasting:
            return  # the daily run says how the model is
        if run.state == "done":
            kept = run.purpose == "stop" and run.cleanup == "keep"
            done = {"state": "live" if run.purpose == "score" else "stopped", "state_reason": False}
            self._write_if_changed(done if kept else {**done, "scored_until": False})
        elif run.state == "failed" and (lasting or self.state != "live"):
            self._fail(message)
        elif run.state == "failed":
            first_time = not self.state_reason
            self.state_reason = message
            if first_time:
                self._tell_responsible(self.env._("%s could not score today", self.name), message)

    def _all_scored(self):
        """Be live as soon as every lead has its score: to move thousands of them may take an hour more."""
        if self.state == "going_live":
            self.write({"state": "live", "scored_until": False, "state_reason": False})

    def _write_if_changed(self, values):
        # A daily run that went well leaves the model alone: somebody may be editing it.
        changed = {name: value for name, value in values.items() if self[name] != value}
        if changed:
            self.write(changed)

    def _fail(self, reason):
        """Put the model into Error: its scores stay, out of date, and other models go before it."""
        self.write({"state": "error", "state_reason": reason, "scored_until": self._last_true()})
        self.env["crm.lead.score"]._elect_main_of_models(self)
        self._tell_responsible(self.env._("%s scores no more", self.name), reason)

    def _last_true(self):
        """Return when the scores of the model were last true."""
        return self.scored_until or self.last_run_date or fields.Datetime.now()

    def _tell_responsible(self, summary, note):
        """Leave an activity to whoever looks after the model."""
        self.activity_schedule(
            "mail.mail_activity_data_todo", user_id=self._responsible().id, summary=summary, note=note
        )

    # ------------------------------------------------------------
    # How far it is
    # ------------------------------------------------------------

    def _unfinished_run(self):
        # Runs are many: not through run_ids, which reads them all.
        return self.env["lead.scoring.run"].search(
            [("model_id", "=", self._origin.id), ("state", "=", "running"), ("saved_only", "=", False)], limit=1
        )

    @api.depends("state", "run_ids.state", "run_ids.read_count", "run_ids.total_count")
    def _compute_progress(self):
        for model in self:
            run = model._unfinished_run()
            model.progress = 100 * min(run.read_count / run.total_count, 1) if run.total_count else 0

    @api.depends("state_reason", "run_ids.state", "run_ids.read_count", "run_ids.total_count")
    def _compute_message(self):
        return super()._compute_message()

    def _current_message(self):
        _, run = self.env._, self._unfinished_run()
        numbers = {"done": run.read_count, "total": run.total_count}
        if self.state == "going_live":
            return _(
                "Going live: %(done)s of %(total)s open leads are scored so far.",
                **numbers,
            )
        if self.state == "stopping" and run.cleanup == "keep":
            return _("Stopping. Its scores stay: they are shown as out of date, and not refreshed any more.")
        if self.state == "stopping":
            return _(
                "Stopping: the scores of %(done)s of %(total)s leads are deleted so far.",
                **numbers,
            )
        return super()._current_message()

    # ------------------------------------------------------------
    # Records
    # ------------------------------------------------------------

    def _locked_fields(self):
        """Return the names of what would change the scores of a live model."""
        return {"kind", "outcome", "company_id", "domain", "team_ids", "training_months"}

    def write(self, vals):
        self._check_locked(vals)
        return super().write(vals)

    def _check_locked(self, vals):
        """:raises UserError: when a model in life would be changed under the leads it scores, or put away"""
        _, changed = self.env._, self._locked_fields() & vals.keys()
        for model in self.filtered(lambda model: model.state in LOCKED) if changed else ():
            raise UserError(
                _(
                    "%(model)s is live: stop it first. What would change its scores cannot be edited meanwhile: %(fields)s.",
                    model=model.name,
                    fields=", ".join(sorted(self._fields[name]._description_string(self.env) for name in changed)),
                )
            )
        if "company_id" in vals:
            for model in self.filtered(lambda model: model.company_id.id != (vals["company_id"] or False)):
                if model.version_ids:
                    raise UserError(
                        _(
                            "%s has learned from the leads of its company, or scored them: make another model for "
                            "another company.",
                            model.name,
                        )
                    )
        if "active" in vals and not vals["active"]:
            for model in self.filtered(lambda model: model.state not in ("draft", "stopped")):
                raise UserError(_("%s cannot be archived as it is: stop it first.", model.name))

    def copy_data(self, default=None):
        """A copy is a draft with a name of its own."""
        vals_list = super().copy_data(default=default)
        if not (default or {}).get("name"):
            for model, vals in zip(self, vals_list):
                vals["name"] = self.env._("%s (copy)", model.name)
        return vals_list

    def copy(self, default=None):
        """What was decided about features goes along; what a training found out does not."""
        copies = super().copy(default)
        Feature = self.env["lead.scoring.feature"].sudo()  # nobody makes features by hand
        for model, copied in zip(self, copies):
            decided = model.feature_ids.filtered(lambda feature: feature.choice != "auto" or feature.ignore_empty)
            Feature.create(
                [
                    {
                        "model_id": copied.id,
                        "name": feature.name,
                        "choice": feature.choice,
                        "ignore_empty": feature.ignore_empty,
                    }
                    for feature in decided
                ]
            )
        return copies

    @api.ondelete(at_uninstall=False)
    def _unlink_except_in_life(self):
        for model in self.filtered(lambda model: model.state not in ("draft", "stopped")):
            raise UserError(self.env._("%s cannot be deleted as it is: stop it first.", model.name))
