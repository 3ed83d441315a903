import logging
import time

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..features import pages
from .lead_scoring_move import QUALIFIED, SALES_READY

_logger = logging.getLogger(__name__)

# Leads are locked while they are moved, so that whoever saves one hardly waits: batches grow and shrink to this time.
SECONDS_LOCKED = 0.04
MOST_LOCKED = 10
# Leads whose turn is found out at once.
LOOK_AHEAD = 1000
TELL_BATCH_SIZE = 20


class LeadScoringRun(models.Model):
    """What a run does once the leads are scored: it moves those that are due, and tells whoever is to know.

    Each batch is committed together with what is remembered of it, so a run that is killed anywhere goes on without
    doing anything twice.
    """

    _inherit = "lead.scoring.run"

    step = fields.Selection(
        [("score", "Scoring"), ("move", "Moving"), ("tell", "Telling"), ("end", "Done")],
        default="score",
        readonly=True,
        help="How far the run is: it scores the leads, moves those that are due, and tells their salespeople.",
    )
    sales_ready_count = fields.Integer("Sales Ready", readonly=True, help="Leads newly marked as sales-ready.")
    accepted_count = fields.Integer(
        "To Sales Acceptance", readonly=True, help="Sales-ready leads that were moved to the stage Sales Acceptance."
    )
    qualified_count = fields.Integer(
        "To Marketing Qualification",
        readonly=True,
        help="Leads that were moved to the stage Automated Marketing Qualification with their first score.",
    )
    passed_over_count = fields.Integer(
        "Left in Their Stage",
        readonly=True,
        help="Leads whose score was due to move them, and that stay: they were further already, the configuration "
        "says No, or they were there before the model went live and were to stay.",
    )
    told_count = fields.Integer("Told", readonly=True, help="Salespeople told that a lead became sales-ready.")

    def _move_leads(self):
        """Move, mark and tell. Return False if the cron's time is over before."""
        self.step = "move"
        settings = self.env["lead.scoring.config"]._settings(self.model_id.company_id)
        # Sales-ready leads skip what lies between: they go first.
        for kind, on in (
            (SALES_READY, settings.automatic_sales_ready),
            (QUALIFIED, settings.automated_marketing_qualification),
        ):
            if not self._move_due(kind, on, settings):
                return False
        if self.model_id.moves_since and not self.saved_only:
            self.model_id.write({"moves_since": False, "moves_by_id": False})
        self.step = "tell"
        if not self._tell_salespeople(settings):
            return False
        self.step = "end"
        return True

    def _move_due(self, kind, on, settings):
        """Move the leads that are due in small batches, and remember those that stay where they are."""
        Move, model = self.env["lead.scoring.move"], self.model_id
        # On most days a handful is due: then all leads are gone through once, and after that only these.
        few = Move._few_due(model, kind, LOOK_AHEAD, self._among())
        if few == []:
            return bool(self.env["ir.cron"]._commit_progress())
        among = self._among() if few is None else few
        if not on:
            self.passed_over_count += Move._pass_over(model, kind, among, even_due=True)
        elif model.moves_since and not self._let_stay(kind, among):
            return False
        if not self.env["ir.cron"]._commit_progress():
            return False
        after, size = 0, MOST_LOCKED // 2
        # What another model decides for itself about leads that this one leaves where they are is not done for it.
        since = None if model.moves_by_id else model.moves_since
        while ids := Move._next_due(model, kind, after, LOOK_AHEAD, since=since, among=among) if on else []:
            after = ids[-1]
            # Leads are locked by the first statement of a transaction: only then is nothing of them older than the lock.
            if not self.env["ir.cron"]._commit_progress():
                return False
            while ids:
                started = time.monotonic()
                self._move_some(kind, ids[:size], settings)
                # Said to be done: a job that is cut short again and again with nothing done waits for the next day.
                if self._is_called_off() or not self.env["ir.cron"]._commit_progress(len(ids[:size])):
                    return False
                ids = ids[size:]
                size = round(size * SECONDS_LOCKED / max(time.monotonic() - started, 0.001))
                size = min(max(size, 1), MOST_LOCKED)
        self.passed_over_count += Move._pass_over(model, kind, among)
        return bool(self.env["ir.cron"]._commit_progress())

    def _let_stay(self, kind, among):
        """Remember the leads that stay where they are. Return False if the cron's time is over before.

        Those that there were when the model went live, unless somebody wanted them to move; or those that are sales-ready
        by its new version alone.
        """
        Move, model = self.env["lead.scoring.move"], self.model_id
        before = model.moves_since
        if not model.moves_by_id:
            but = model._deciding_themselves() if kind == QUALIFIED else None
            self.passed_over_count += Move._pass_over(model, kind, among, even_due=True, before=before, but=but)
            return True
        after, size = 0, pages.PAGE_SIZE
        while kind == SALES_READY and (ids := Move._next_due(model, kind, after, size, before, among=among)):
            after = ids[-1]
            staying = sorted(set(ids) - model._sales_ready_before(ids))
            self.passed_over_count += Move._pass_over(model, kind, staying, even_due=True)
            if not self.env["ir.cron"]._commit_progress():
                return False
        return True

    def _move_some(self, kind, lead_ids, settings):
        """Move some leads; one that cannot be moved is told, and stops nobody else."""
        try:
            with self.env.cr.savepoint():
                moves = self.env["lead.scoring.move"]._act(self.model_id, kind, lead_ids, settings)
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY as error:
            # Whoever is saving one of these leads goes first; in a minute it is found again.
            _logger.info("Lead scoring run %s: %s", self.id, error)
            self.env.cr.rollback()
            self.env["lead.scoring.due"]._mark_scored(self.model_id, lead_ids)
        except Exception as error:
            if len(lead_ids) > 1:
                middle = len(lead_ids) // 2
                self._move_some(kind, lead_ids[:middle], settings)
                # Whatever becomes of the others, these have moved.
                self.env["ir.cron"]._commit_progress()
                self._move_some(kind, lead_ids[middle:], settings)
                return
            level = logging.INFO if isinstance(error, UserError) else logging.WARNING
            _logger.log(level, "Lead %s could not be moved", lead_ids[0], exc_info=True)
            self._tell(self.env._("Lead %(lead)s could not be moved: %(reason)s", lead=lead_ids[0], reason=error))
        else:
            moved = len(moves.filtered("stage_to_id"))
            if kind == QUALIFIED:
                self.qualified_count += moved
            else:
                self.sales_ready_count += len(moves)
                self.accepted_count += moved

    def _tell_salespeople(self, settings):
        Move = self.env["lead.scoring.move"]
        while moves := Move._next_to_tell(self.model_id, TELL_BATCH_SIZE):
            self._tell_of(moves, settings.sales_ready_tell)
            if not self.env["ir.cron"]._commit_progress(len(moves)):
                return False
        return True

    def _tell_of(self, moves, how):
        """Tell of some moves; one that nobody can be told of is said in the run, and stops no other."""
        try:
            with self.env.cr.savepoint():
                self.told_count += moves._tell(how)
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except Exception as error:
            if len(moves) > 1:
                middle = len(moves) // 2
                self._tell_of(moves[:middle], how)
                self._tell_of(moves[middle:], how)
                return
            lead_id = moves.lead_id.id
            _logger.warning("Nobody could be told of lead %s", lead_id, exc_info=True)
            moves.to_tell = False
            self._tell(self.env._("Nobody could be told of lead %(lead)s: %(reason)s", lead=lead_id, reason=error))
