import logging
import math
import os
import secrets
import shutil
import socket
import time
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import config

from ..scoring import process
from ..scoring.errors import ScoringError, TrainingError
from .lead_scoring_model_training import TRAINING_TIMEOUT

_logger = logging.getLogger(__name__)

# How long a turn of the scheduled action lasts at most, in seconds. Whoever runs it is ended after 120 by default, of
# which its sleep before the turn may have taken 70.
TURN_SECONDS = 15
POLL_SECONDS = 0.2
# How often a training says how far it is and looks whether it is still wanted, in seconds.
PROGRESS_INTERVAL = 2
# A training that was cut short is started once more.
MOST_STARTS = 2
# A process that should have ended by itself is given so many seconds more.
GRACE = 60
CUT_SHORT = (
    "Training was cut short while it read the leads, because the server was restarted or the time of its scheduled "
    "actions was over. Fewer leads or fields need less."
)


class LeadScoringModel(models.Model):
    """How a training lives through the turns of its scheduled action, none longer than a worker may take.

    A turn may be cut short anywhere. What goes on is known by the claim, which is committed before anything is done:

    1. The claim names a folder; nobody else works there, so two trainings of a model exclude each other.
    2. What to learn from is read and written into the folder; what the version has to tell of it goes into the claim.
    3. A process of its own learns. It outlives the turn and its worker (``scoring.process``).
    4. Turns follow it. Where it is gone without a result, it is started once more, then it is an error.
    5. Version, features, publishing and the end of the claim are one transaction; then the folder goes.

    A folder that no model claims is a training that was cancelled, or whose model is gone: its process is ended.
    """

    _inherit = "lead.scoring.model"

    training_claim = fields.Json(
        readonly=True,
        copy=False,
        groups=fields.NO_ACCESS,
        help="The training under way: token (name of its folder), host, until (epoch seconds), starts, and notes, "
        "what its version has to tell of the leads it learns from; None until they are read.",
    )

    # ------------------------------------------------------------
    # The scheduled action
    # ------------------------------------------------------------

    @api.model
    def _cron_train_models(self):
        """Train the models that wait for it, one after the other; a failure of one never stops the others."""
        if not self.env["lead.scoring.config"]._is_on():
            return
        until = time.monotonic() + self._turn_seconds()
        self._request_due_trainings()
        self._end_unclaimed_trainings()
        waiting = self._waiting_for_training()
        elsewhere = waiting.filtered(lambda model: model._trains_elsewhere())
        cron = self.env["ir.cron"]
        if not cron._commit_progress(remaining=len(waiting)):
            return
        for model in waiting - elsewhere:
            if not model._train_until(until) or not cron._commit_progress(1):
                break
        if left := self._waiting_for_training():
            later = fields.Datetime.now() + timedelta(minutes=1)
            self._training_cron()._trigger(later if left <= elsewhere else None)
        # What is said to remain would be gone on with in this same turn.
        cron._commit_progress(remaining=0)

    @api.model
    def _turn_seconds(self):
        """Return how long a turn may last: well below what a worker of the scheduled actions may take."""
        limit = config["limit_time_real_cron"]
        if limit < 0:
            limit = config["limit_time_real"]
        return min(TURN_SECONDS, limit / 4) if limit else TURN_SECONDS

    def _training_cron(self):
        return self.env.ref("lead_scoring.ir_cron_train_models").sudo()

    @api.model
    def _waiting_for_training(self):
        """Return the models whose training was asked for, those under way first."""
        waiting = self.sudo().search([("training_requested", "!=", False)])
        return waiting.sorted(lambda model: (not model.training_claim, model.training_requested, model.id))

    @api.model
    def _end_unclaimed_trainings(self):
        """End the processes that nobody waits for any more, and remove their folders."""
        root = self._training_folder()
        claimed = {model.training_claim["token"] for model in self._waiting_for_training() if model.training_claim}
        for name in set(os.listdir(root) if os.path.isdir(root) else ()) - claimed:
            process.Training(os.path.join(root, name)).end()

    @api.model
    def _forget_trainings(self):
        """Before the addon is uninstalled: end what learns, and remove its folder."""
        self._waiting_for_training()._cancel_training()
        self._end_unclaimed_trainings()
        shutil.rmtree(self._training_folder(), ignore_errors=True)

    @api.model
    def _training_folder(self, token=""):
        return os.path.join(config["data_dir"], "lead_scoring", self.env.cr.dbname, token)

    def _trains_elsewhere(self):
        """Return whether another server is at the training. After its time is over it is begun anew here."""
        claim = self.training_claim
        return (
            bool(claim)
            and claim["host"] != socket.gethostname()
            and not os.path.isdir(self._training_folder(claim["token"]))
            and time.time() < claim["until"]
        )

    # ------------------------------------------------------------
    # One training
    # ------------------------------------------------------------

    def _train_until(self, until):
        """Go on with the training, until a time of ``time.monotonic()`` at most. Return whether it has ended."""
        self.ensure_one()
        try:
            return self._go_on_training(until)
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            self.env.cr.rollback()  # somebody saves the model just now; nothing is lost, the next turn goes on
            return False

    def _go_on_training(self, until):
        try:
            return self._follow_training(until)
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except (ScoringError, UserError) as error:
            self.env.cr.rollback()
            _logger.info("Training %s came to nothing: %s\n%s", self.id, error, getattr(error, "detail", ""))
            self._give_up_training(str(error))
        except Exception:
            self.env.cr.rollback()
            _logger.exception("Training of lead scoring model %s failed", self.id)
            self._give_up_training(
                self.env._("Training failed unexpectedly. The earlier version stays. The server's log says why.")
            )
        return True

    def _follow_training(self, until):
        """Like :meth:`_train_until`, and raise what went wrong."""
        training, told = self._claimed_training(), -math.inf
        while True:
            if not (training and (training.running() or training.finished())):
                if not self.exists().training_requested:
                    return True  # cancelled while another one was trained, or just as its process died
                training = self._start_training()
            if training.finished():
                self._take_result(training)
                return True
            now = time.monotonic()
            if now >= min(until, told + PROGRESS_INTERVAL):
                told = now
                if not self._tell_progress(training):
                    return True
            if now >= until:
                return False
            time.sleep(POLL_SECONDS)

    def _claimed_training(self):
        """Return the ``process.Training`` of the claim, or None."""
        claim = self.training_claim
        return process.Training(self._training_folder(claim["token"])) if claim else None

    def _still_wants(self, training):
        claimed = self.exists() and self._claimed_training()
        return bool(claimed) and claimed.folder == training.folder

    def _start_training(self):
        """Claim the training, read what to learn from unless that is done, and start the process. Commits each step.

        :raises TrainingError: when it was started often enough
        """
        claim = self.training_claim or {"token": secrets.token_hex(16), "starts": 0, "notes": None}
        training = process.Training(self._training_folder(claim["token"]))
        if claim["starts"] >= MOST_STARTS:
            raise training.death() if claim["notes"] else TrainingError(CUT_SHORT)
        claim |= {
            "starts": claim["starts"] + 1,
            "host": socket.gethostname(),
            "until": time.time() + TRAINING_TIMEOUT,
        }
        # Some progress from the start: it tells people that the training is under way.
        self.write({"training_claim": claim, "training_progress": self.training_progress or 1})
        self.env["ir.cron"]._commit_progress(1)
        if not (claim["notes"] and training.prepared()):
            given, notes = self._snapshot()
            training.prepare(**given)
            self.training_claim = {**claim, "notes": notes}
            self.env["ir.cron"]._commit_progress()
        training.start(TRAINING_TIMEOUT)
        return training

    def _tell_progress(self, training):
        """Show on the model's form how far the training is, and commit. Return whether it is still wanted.

        :raises TrainingError: when it should have ended long ago
        """
        wanted = self._still_wants(training)
        if wanted:
            if time.time() > self.training_claim["until"] + GRACE:
                raise TrainingError("Training did not come to its end in time.")
            fraction, text = training.progress() or (0, "")
            progress = max(round(100 * fraction), 1)
            if progress != self.training_progress:
                self._log_progress(fraction, text)
                self.training_progress = progress
        else:
            training.end()
        # Something done: a job that was cut short again and again with nothing done waits for the next day.
        self.env["ir.cron"]._commit_progress(1)
        return wanted

    def _take_result(self, training):
        """Make the version of what was learned: all of it or nothing, and once."""
        if self._still_wants(training):
            card, report = training.result()
            notes = self.training_claim["notes"]
            # First of all: where somebody cancels just now, the database refuses one of the two.
            self._close_training()
            self._store_version(card, report, notes)
            self.env["ir.cron"]._commit_progress()
            # Other processes hear of the new version now, not when this job is over: they score leads as they are saved.
            self.env.registry.signal_changes()
        training.end()

    def _give_up_training(self, error):
        """Say on the model what went wrong, and end what is left of the training."""
        if self.exists():
            training = self._claimed_training()
            self._close_training(error)
            self.env["ir.cron"]._commit_progress()
            if training:
                training.end()

    def _close_training(self, error=False):
        self.write(
            {
                "training_requested": False,
                "training_claim": False,
                "training_date": fields.Datetime.now(),
                "training_progress": 0,
                "training_error": error,
            }
        )
        self.flush_recordset()

    # ------------------------------------------------------------
    # Cancelling
    # ------------------------------------------------------------

    def action_cancel_training(self):
        """Give up the trainings that wait or are under way; their processes are ended within seconds."""
        self.check_access("write")
        self.sudo()._cancel_training()

    def _cancel_training(self):
        if asked := self.filtered("training_requested"):
            asked._close_training(self.env._("The training was cancelled. What was published stays."))
            self._training_cron()._trigger()

    def write(self, vals):
        result = super().write(vals)
        if not vals.get("active", True):
            self.sudo()._cancel_training()
        return result

    def unlink(self):
        under_way = any(model.training_claim for model in self.sudo())
        result = super().unlink()
        if under_way:
            self._training_cron()._trigger()
        return result
