import logging
from datetime import timedelta

from psycopg2.errors import OperationalError

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL, format_datetime

from ..features import pages
from ..features.history import read_once
from ..scoring.errors import ScoringError
from .lead_scoring_model import SCORING

_logger = logging.getLogger(__name__)

# A model that started within this time has had its run of the day.
A_DAY = timedelta(hours=20)
# Leads that are scored at once where people save many of them at the same time.
FEWEST = 50
# Problems that a run tells in words; more are only counted.
PROBLEMS_TOLD = 100
# Runs that ended are kept for so long; those of saved leads, of which there may be one a minute, for less.
KEPT, SAVED_KEPT = timedelta(days=90), timedelta(days=7)


class LeadScoringRun(models.Model):
    """One pass of a model over its open leads: batch after batch, each committed, resumed where it was cut."""

    _name = "lead.scoring.run"
    _description = "Lead Scoring Run"
    _order = "id desc"

    model_id = fields.Many2one("lead.scoring.model", required=True, ondelete="cascade", index=True, readonly=True)
    company_id = fields.Many2one(related="model_id.company_id")
    version_id = fields.Many2one("lead.scoring.model.version", ondelete="cascade", readonly=True)
    state = fields.Selection(
        [("running", "Running"), ("done", "Done"), ("failed", "Failed"), ("cancelled", "Cancelled")],
        default="running",
        required=True,
        readonly=True,
        index=True,
    )
    date_start = fields.Datetime("Started", default=fields.Datetime.now, readonly=True)
    date_end = fields.Datetime("Ended", readonly=True)
    total_count = fields.Integer(
        "Leads to Score",
        readonly=True,
        aggregator=None,
        help="All open leads of the model; in a run of saved leads only those that were due.",
    )
    read_count = fields.Integer("Read", readonly=True)
    scored_count = fields.Integer("Scored", readonly=True)
    changed_count = fields.Integer("Changed", readonly=True)
    skipped_count = fields.Integer("Skipped", readonly=True, help="Leads that could not be scored.")
    seconds_read = fields.Float("Seconds Reading", readonly=True, digits=(12, 2))
    seconds_score = fields.Float("Seconds Scoring", readonly=True, digits=(12, 2))
    seconds_write = fields.Float("Seconds Writing", readonly=True, digits=(12, 2))
    message = fields.Text("What Was Left Out", readonly=True)
    last_lead_id = fields.Integer(readonly=True, aggregator=None, help="The run goes on after this lead.")

    @api.depends_context("lang", "tz")
    @api.depends("model_id", "date_start")
    def _compute_display_name(self):
        for run in self:
            started = format_datetime(self.env, run.date_start, self.env.context.get("tz"), "short")
            run.display_name = f"{run.model_id.display_name}, {started}"

    # ------------------------------------------------------------
    # The scheduled action
    # ------------------------------------------------------------

    @api.model
    def _cron_score_leads(self):
        """Score the open leads of all live models; go on with what an earlier turn left unfinished."""
        if not self.env["lead.scoring.config"]._is_on():
            return
        cron = self.env["ir.cron"]
        runs = self._unfinished()
        runs |= self._start(self._due_models(runs))
        if not cron._commit_progress(remaining=runs._leads_left()):
            return
        for run in runs.sorted(lambda run: run._urgency()):
            if not run._go_on():
                # Being put in the queue again wakes no worker; a trigger does.
                self.env.ref("lead_scoring.ir_cron_score_leads")._trigger()
                cron._commit_progress()
                return
        # A run that failed leaves leads unread; said to remain, they would make the action start all over at once.
        cron._commit_progress(remaining=0)

    @api.model
    def _unfinished(self):
        """Return the runs to go on with; those whose model stopped or got another version are cancelled."""
        running = self.search([("state", "=", "running"), ("saved_only", "=", False)], order="id")
        going = running.filtered(lambda run: run._is_wanted())
        (running - going).write({"state": "cancelled", "date_end": fields.Datetime.now()})
        return going

    def _is_wanted(self):
        """Whether the model still scores, and with the version that the run began with."""
        return self.model_id.state in SCORING and self.model_id.version_id == self.version_id

    @api.model
    def _due_models(self, unfinished):
        """Return the models to start with: all that are live, or beside unfinished runs those whose time has come."""
        models = self.env["lead.scoring.model"].search([("state", "in", SCORING)]) - unfinished.model_id
        return models.filtered(lambda model: not self._started_lately(model)) if unfinished else models

    def _started_lately(self, model):
        """Whether the present version of a model has scored today."""
        return self.search_count(
            [
                ("model_id", "=", model.id),
                ("version_id", "=", model.version_id.id),
                ("purpose", "=", "score"),
                ("saved_only", "=", False),
                ("state", "!=", "cancelled"),
                ("date_start", ">", fields.Datetime.now() - A_DAY),
            ],
            limit=1,
        )

    @api.model
    def _start(self, models):
        return self.create(
            [
                {"model_id": model.id, "version_id": model.version_id.id, "total_count": model._count_open_leads()}
                for model in models
            ]
        )

    def _urgency(self):
        """Return a key to sort by who waits: a person that stops a model, one that takes it live, then the daily work."""
        return (self.purpose != "stop", self.model_id.state != "going_live", self.id)

    def _leads_left(self):
        """Return how many leads are still to be read; at least one for each unfinished run."""
        return sum(max(run.total_count - run.read_count, 1) for run in self)

    @read_once()
    def _go_on(self):
        """Score batch after batch. Return False if the cron's time is over before the run is."""
        try:
            size = pages.PAGE_SIZE
            while ids := self._next_ids(size):
                if self._is_called_off():
                    return True
                try:
                    self._score_page(ids)
                    done, size = len(ids), min(2 * size, pages.PAGE_SIZE)
                except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY as error:
                    # Somebody saved one of these leads meanwhile; a few at a time hardly ever meet anybody.
                    _logger.info("Lead scoring run %s: %s; trying fewer leads at once", self.id, error)
                    self.env.cr.rollback()
                    done, size = 0, max(len(ids) // 4, FEWEST)
                if not self.env["ir.cron"]._commit_progress(done):
                    return False
            self._all_pages_done()
            if self._is_called_off():
                return True
            if not self.saved_only:
                self.model_id._all_scored()
            if not self._act_on_scores():
                return False
        except (ScoringError, UserError) as error:
            self._end("failed", str(error), lasting=True)
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY as error:
            # Somebody else was quicker to write the same row: the next turn goes on after what was committed.
            _logger.info("Lead scoring run %s: %s; going on in the next turn", self.id, error)
            self.env.cr.rollback()
            return False
        except Exception:
            self.env.cr.rollback()
            _logger.exception("Lead scoring run %s failed", self.id)
            self._end("failed", self.env._("Scoring failed unexpectedly; the server's log says why."))
        else:
            self._end("done")
        self._commit_end()
        return True

    def _act_on_scores(self):
        """Move leads, and write probabilities. Return False if the cron's time is over before."""
        return self._move_leads() and self._write_probabilities()

    def _among(self):
        """Return SQL of the ids of the leads whose scores the run acts on; None: all of the model's."""

    def _next_ids(self, size):
        """Return the ids of the next leads to score, ascending; none at the end."""
        page = next(pages.pages(self.env, self.model_id._open_lead_domain(), size, self.last_lead_id), None)
        return [] if page is None else page.tolist()

    def _score_page(self, ids):
        """Score the next leads, and clear away what lies between them."""
        # A crash of the database may take the last batches with it: the next turn scores them again.
        self.env.cr.execute(SQL("SET LOCAL synchronous_commit = off"))
        self._score_ids(ids)
        self.env["crm.lead.score"]._delete_uncovered(self.model_id, self.last_lead_id, ids[-1], ids)
        self._bring_back(self.last_lead_id, ids[-1], ids)
        self.read_count += len(ids)
        self.last_lead_id = ids[-1]

    def _all_pages_done(self):
        """Clear away what lies behind the last lead."""
        self.env["crm.lead.score"]._delete_uncovered(self.model_id, self.last_lead_id, None, [])
        self._bring_back(self.last_lead_id, None, [])

    def _is_called_off(self):
        """Whether to leave off before the next batch: scoring was switched off, or the model stopped meanwhile.

        Switched off, the run stays as it is, and goes on when scoring is switched on again.
        """
        if not self.env["lead.scoring.config"]._is_on():
            return True
        if not self._is_wanted():
            self._end("cancelled")
            return True
        return False

    def _bring_back(self, after, last, scored):
        """Show the scores of a model that goes live, also those that were kept or deleted when it was stopped."""
        model = self.model_id
        stopped = [("model_id", "=", model.id), ("purpose", "=", "stop")]
        if model.state == "going_live" and self.search_count(stopped, limit=1):
            self.env["crm.lead.score"]._elect_main(scored)
            self.env["crm.lead.score"]._bring_back_closed(model, after, last)

    def _end(self, state, message=None, lasting=False):
        """End the run and tell its model.

        :param message: what went wrong, in the user's words
        :param lasting: the next run would fail as well
        """
        # What was done stays done, whatever becomes of the rest: somebody may be saving the model just now.
        self.env["ir.cron"]._commit_progress()
        try:
            self._write_end(state, message, lasting)
            self.env.flush_all()
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            self.env.cr.rollback()
            self._write_end(state, message, lasting)

    def _write_end(self, state, message, lasting):
        self.write({"state": state, "date_end": fields.Datetime.now()})
        if message:
            self._tell(message)
        self.model_id._run_ended(self, message, lasting)

    def _commit_end(self):
        """Let other processes hear of it now, not when this job is over: a model that failed scores no lead on saving."""
        self.env["ir.cron"]._commit_progress()
        self.env.registry.signal_changes()

    def _tell(self, line):
        """Add a line to what was left out, once."""
        lines = (self.message or "").splitlines()
        if line not in lines and len(lines) < PROBLEMS_TOLD:
            self.message = "\n".join([*lines, line])

    # ------------------------------------------------------------
    # Scoring
    # ------------------------------------------------------------

    def _score_ids(self, ids):
        """Score some leads; if that fails, their halves, down to the one lead that is to blame."""
        try:
            with self.env.cr.savepoint():
                self._note(self.model_id._score_batch(ids))
        except (ScoringError, OperationalError):
            # A broken scorecard, somebody who was quicker, or a lost connection is no lead's fault.
            raise
        except Exception as error:
            if len(ids) == 1:
                _logger.warning("Lead %s could not be scored", ids[0], exc_info=True)
                self.skipped_count += 1
                self._tell(self.env._("Lead %(lead)s was skipped: %(reason)s", lead=ids[0], reason=error))
                return
            middle = len(ids) // 2
            self._score_ids(ids[:middle])
            self._score_ids(ids[middle:])

    def _note(self, batch):
        self.scored_count += batch.scored
        self.changed_count += batch.changed
        self.seconds_read += batch.seconds_read
        self.seconds_score += batch.seconds_score
        self.seconds_write += batch.seconds_write
        for lead_id, text in batch.problems[:PROBLEMS_TOLD]:
            self._tell(self.env._("Lead %(lead)s: %(problem)s", lead=lead_id, problem=text))
        for name in batch.missing:
            self._tell(self.model_id._missing_words(name))

    # ------------------------------------------------------------
    # Old runs
    # ------------------------------------------------------------

    @api.autovacuum
    def _gc_old(self):
        """Delete runs that ended long ago, but for the last one of each kind that was done: dates are read from it."""
        now = fields.Datetime.now()
        lasts = self._read_group([("state", "=", "done")], ["model_id", "purpose", "saved_only"], ["id:max"])
        self.search(
            Domain("state", "!=", "running")
            & Domain("id", "not in", [last for *_kind, last in lasts])
            & (
                Domain("date_start", "<", now - KEPT)
                | Domain([("saved_only", "=", True), ("date_start", "<", now - SAVED_KEPT)])
            )
        ).unlink()
