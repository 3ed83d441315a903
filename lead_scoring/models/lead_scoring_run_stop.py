import logging

from odoo import fields, models
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL

from ..features import pages

_logger = logging.getLogger(__name__)


class LeadScoringRun(models.Model):
    """The other kind of run: one pass over the leads that a stopped model had given a score.

    It deletes the scores or leaves them, as the configuration said when Stop was pressed, and lets other models
    give these leads their score."""

    _inherit = "lead.scoring.run"

    purpose = fields.Selection(
        [("score", "Scoring"), ("stop", "Stopping")], default="score", required=True, readonly=True
    )
    cleanup = fields.Selection(
        [("keep", "Scores stay"), ("scores", "Scores are deleted"), ("all", "Scores and their history are deleted")],
        readonly=True,
    )

    def _start_stopping(self, models_):
        """Begin to stop some models: the scheduled action does it, batch after batch."""
        Score, Config = self.env["crm.lead.score"], self.env["lead.scoring.config"]
        return self.create(
            [
                {
                    "model_id": model.id,
                    "purpose": "stop",
                    "cleanup": Config._settings(model.company_id)._cleanup(),
                    "total_count": Score._count_of_model(model),
                }
                for model in models_
            ]
        )

    def _is_wanted(self):
        return self.model_id.state == "stopping" if self.purpose == "stop" else super()._is_wanted()

    def _go_on(self):
        return self._go_on_stopping() if self.purpose == "stop" else super()._go_on()

    def _go_on_stopping(self):
        """Clean up batch after batch. Return False if the cron's time is over before the run is."""
        try:
            while lead_ids := self._next_leads():
                if self._is_called_off():
                    return True
                self.env.cr.execute(SQL("SET LOCAL synchronous_commit = off"))
                self._clean_up(lead_ids)
                self.read_count += len(lead_ids)
                self.last_lead_id = lead_ids[-1]
                if not self.env["ir.cron"]._commit_progress(len(lead_ids)):
                    return False
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY as error:
            # Somebody else wrote one of these scores; the batch is done again in the next turn, on fresh data.
            _logger.info("Lead scoring run %s: %s; trying the batch again", self.id, error)
            self.env.cr.rollback()
            return False
        except Exception:
            self.env.cr.rollback()
            _logger.exception("Lead scoring run %s failed", self.id)
            reason = self.env._("Stopping failed unexpectedly; the server's log says why. Press Stop again.")
            self._end("failed", reason, lasting=True)
        else:
            self._end("done")
        self._commit_end()
        return True

    def _next_leads(self):
        return self.env["crm.lead.score"]._next_of_model(
            self.model_id, self.last_lead_id, pages.PAGE_SIZE, with_history=self.cleanup == "all"
        )

    def _clean_up(self, lead_ids):
        Score = self.env["crm.lead.score"]
        if self.cleanup == "keep":
            Score._elect_main(lead_ids)
        else:
            Score._delete_of_leads(self.model_id, lead_ids)
        if self.cleanup == "all":
            self.env["crm.lead.score.history"]._delete_of_leads(self.model_id, lead_ids)
