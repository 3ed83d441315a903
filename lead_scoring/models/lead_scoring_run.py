import logging

from psycopg2.errors import OperationalError

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL

from ..features.pages import pages
from ..scoring.errors import ScoringError

_logger = logging.getLogger(__name__)

# Problems that a run tells in words; more are only counted.
PROBLEMS_TOLD = 100


class LeadScoringRun(models.Model):
    """One pass of a model over its open leads: batch after batch, each committed, resumed where it was cut."""

    _name = "lead.scoring.run"
    _description = "Lead Scoring Run"
    _order = "id desc"
    _rec_name = "date_start"

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
    total_count = fields.Integer("Open Leads", readonly=True, aggregator=None)
    read_count = fields.Integer("Read", readonly=True)
    scored_count = fields.Integer("Scored", readonly=True)
    changed_count = fields.Integer("Changed", readonly=True)
    skipped_count = fields.Integer("Skipped", readonly=True, help="Leads that could not be scored.")
    seconds_read = fields.Float("Seconds Reading", readonly=True, digits=(12, 2))
    seconds_score = fields.Float("Seconds Scoring", readonly=True, digits=(12, 2))
    seconds_write = fields.Float("Seconds Writing", readonly=True, digits=(12, 2))
    message = fields.Text("What Was Left Out", readonly=True)
    last_lead_id = fields.Integer(readonly=True, aggregator=None, help="The run goes on after this lead.")

    # ------------------------------------------------------------
    # The scheduled action
    # ------------------------------------------------------------

    @api.model
    def _cron_score_leads(self):
        """Score the open leads of all live models; go on with what an earlier turn left unfinished."""
        cron = self.env["ir.cron"]
        runs = self._unfinished() or self._start_all()
        if not cron._commit_progress(remaining=runs._leads_left()):
            return
        for run in runs:
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
        running = self.search([("state", "=", "running"), ("moves_only", "=", False)], order="id")
        going = running.filtered(lambda run: run.model_id.state == "live" and run.model_id.version_id == run.version_id)
        (running - going).write({"state": "cancelled", "date_end": fields.Datetime.now()})
        return going

    @api.model
    def _start_all(self):
        live = self.env["lead.scoring.model"].search([("state", "=", "live")])
        return self.create(
            [
                {"model_id": model.id, "version_id": model.version_id.id, "total_count": model._count_open_leads()}
                for model in live
            ]
        )

    def _leads_left(self):
        """Return how many leads are still to be read; at least one for each unfinished run."""
        return sum(max(run.total_count - run.read_count, 1) for run in self)

    def _go_on(self):
        """Score batch after batch. Return False if the cron's time is over before the run is."""
        try:
            Score = self.env["crm.lead.score"]
            for page in pages(self.env, self.model_id._open_lead_domain(), after=self.last_lead_id):
                # A crash of the database may take the last batches with it: the next turn scores them again.
                self.env.cr.execute(SQL("SET LOCAL synchronous_commit = off"))
                ids = page.tolist()
                self._score_ids(ids)
                Score._delete_uncovered(self.model_id, self.last_lead_id, ids[-1], ids)
                self.read_count += len(ids)
                self.last_lead_id = ids[-1]
                if not self.env["ir.cron"]._commit_progress(len(ids)):
                    return False
            Score._delete_uncovered(self.model_id, self.last_lead_id, None, [])
            if not self._move_leads():
                return False
        except (ScoringError, UserError) as error:
            self._end("failed", str(error))
        except Exception:
            self.env.cr.rollback()
            _logger.exception("Lead scoring run %s failed", self.id)
            self._end("failed", self.env._("Scoring failed unexpectedly; the server's log says why."))
        else:
            self._end("done")
        self.env["ir.cron"]._commit_progress()
        return True

    def _end(self, state, message=None):
        self.write({"state": state, "date_end": fields.Datetime.now()})
        if message:
            self._tell(message)

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
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY as error:
            # The whole transaction is lost, but only this batch was in it: score it again on fresh data.
            _logger.info("Lead scoring run %s: %s; trying the batch again", self.id, error)
            self.env.cr.rollback()
            self._note(self.model_id._score_batch(ids))
        except (ScoringError, OperationalError):
            # A broken scorecard or a lost connection is no lead's fault.
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
            self._tell(
                self.env._("The field behind %s exists no more: it counts as not filled in on every lead.", name)
            )
