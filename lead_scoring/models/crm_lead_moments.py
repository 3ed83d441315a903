import logging
from datetime import timedelta
from functools import partial

from odoo import SUPERUSER_ID, api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..features.feature import int_array

_logger = logging.getLogger(__name__)

# Leads that were changed since the last flush, in the data of the cursor's precommit hooks.
CHANGED = "lead_scoring.changed_leads"
# More leads than this in one flush, as in an import, wait for the scheduled action.
MOST_AT_ONCE = 200
# Whoever saves a lead waits for nobody who scores it: in milliseconds.
LOCK_TIMEOUT = 20
# Moves are left to the scheduled action, which looks at what came together within a minute.
MOVE_DELAY = timedelta(minutes=1)


class CrmLead(models.Model):
    """The moments of a lead at which something becomes of its score: it is saved, merged, deleted.

    A lead is scored before the transaction that saved it ends, all leads of a flush at once, if a field changed that
    a live model reads. That is best effort: whatever goes wrong, the lead is saved and marked due, and the scheduled
    action of the saved leads, which is triggered, scores it. Closed leads are never scored, so they keep their last
    score; one that is opened again is scored afresh, since its status is among the fields that every model reads.
    """

    _inherit = "crm.lead"

    # ------------------------------------------------------------
    # Saved
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        leads = super().create(vals_list)
        leads._note_changed(leads.ids)
        return leads

    def write(self, vals):
        result = super().write(vals)
        if "tag_ids" in vals and self._changes_scores({"tag_ids"}):
            self._note_changed(self.ids)
        return result

    def _write_multi(self, vals_list):
        # What is written here has really changed, computed fields included.
        result = super()._write_multi(vals_list)
        read = self._fields_that_score()
        if read != frozenset():
            self._note_changed(
                record.id for record, vals in zip(self, vals_list) if read is None or not read.isdisjoint(vals)
            )
        return result

    def web_save(self, vals, specification, next_id=None):
        # A form reads what it saved before the transaction ends: it is to show the score of that.
        if "lead_score" not in specification:
            return super().web_save(vals, specification, next_id)
        shown = self.browse([row["id"] for row in super().web_save(vals, {}, next_id)])
        # All of it first, as the user: what fails of other records, such as the contact, must not be taken for our error.
        self.env.flush_all()
        self.env(user=SUPERUSER_ID, context={})["crm.lead"]._score_changed()
        return shown.with_context(bin_size=True).web_read(specification)

    def _fields_that_score(self):
        """Return the names of the fields of a lead that change a score as it is saved; None is any of them."""
        read = [live.names for live in self.env["lead.scoring.model"]._live_models()]
        return None if None in read else frozenset().union(*read)

    def _changes_scores(self, names):
        read = self._fields_that_score()
        return read is None or not read.isdisjoint(names)

    @api.model
    def _note_changed(self, lead_ids):
        """Have some leads scored before the transaction ends, if a live model does that."""
        lead_ids = set(lead_ids)
        if not lead_ids or not self.env["lead.scoring.model"]._live_models():
            return
        precommit = self.env.cr.precommit
        if CHANGED not in precommit.data:
            precommit.data[CHANGED] = set()
            scoring = self.env(user=SUPERUSER_ID, context={})["crm.lead"]
            precommit.add(partial(scoring._score_changed))
        precommit.data[CHANGED] |= lead_ids

    @api.model
    def _forget_changed(self, lead_ids):
        """Leave some leads that changed to the scheduled action."""
        self.env.cr.precommit.data.get(CHANGED, set()).difference_update(lead_ids)

    @api.model
    def _score_changed(self):
        """Score the leads that were changed since the last flush; never let whoever saved them fail or wait."""
        lead_ids = sorted(self.env.cr.precommit.data.pop(CHANGED, ()))
        if not lead_ids:
            return
        due = {live.id: lead_ids for live in self.env["lead.scoring.model"]._live_models()}
        if len(lead_ids) <= MOST_AT_ONCE:
            try:
                with self.env.cr.savepoint(flush=False):
                    due = self._score_at_once(lead_ids)
            except Exception as error:
                _logger.info("Leads %s are scored by the scheduled action: %s", lead_ids[:10], error)
                self._invalidate_scores()
        self.env["lead.scoring.due"]._mark(due)

    def _score_at_once(self, lead_ids):
        """Score leads by each live model that covers them.

        :return: ``{model id: ids of the leads}`` that it could not score, since somebody else holds their scores
        """
        self.env.flush_all()
        self.env.cr.execute(SQL("SET LOCAL lock_timeout = %s", LOCK_TIMEOUT))
        due = {}
        for live in self.env["lead.scoring.model"]._live_models():
            model = self.env["lead.scoring.model"].browse(live.id)
            free, busy = self._free_to_score(model, live.domain & Domain("id", "in", lead_ids))
            self._drop_uncovered(model, set(lead_ids).difference(free, busy))
            due[live.id] = busy
            if free:
                batch = model._score_batch(free, live)
                if batch.changed:
                    self.env["lead.scoring.due"]._mark_changed(model, free, live.sales_ready_from)
        self.env.cr.execute(SQL("SET LOCAL lock_timeout TO DEFAULT"))
        return due

    def _free_to_score(self, model, domain):
        """Look which of some leads have a score by a model that nobody else is writing just now, locking those scores.

        :return: ascending ids of the leads that are free, and of those that are busy
        """
        score = SQL("FROM crm_lead_score WHERE lead_id = crm_lead.id AND model_id = %s", model.id)
        query = self._search(domain).select(
            SQL("crm_lead.id"),
            SQL(
                "EXISTS (SELECT %(score)s) AND (SELECT id %(score)s FOR NO KEY UPDATE SKIP LOCKED) IS NULL", score=score
            ),
        )
        # Not through execute_query: that somebody was quicker is no error for the log.
        self.env.cr.execute(query, log_exceptions=False)
        rows = sorted(self.env.cr.fetchall())
        return [lead_id for lead_id, busy in rows if not busy], [lead_id for lead_id, busy in rows if busy]

    def _drop_uncovered(self, model, lead_ids):
        """Delete the scores of open leads that a model covers no more."""
        if lead_ids:
            self.env["crm.lead.score"]._delete_where(
                SQL(
                    "model_id = %s AND lead_id IN (SELECT id FROM crm_lead WHERE id = ANY(%s) AND active"
                    " AND won_status = 'pending')",
                    model.id,
                    int_array(lead_ids),
                )
            )

    # ------------------------------------------------------------
    # Moves are the scheduled action's
    # ------------------------------------------------------------

    def _trigger_moves(self):
        cron = self.env.ref("lead_scoring.ir_cron_saved_leads", raise_if_not_found=False)
        if not cron:  # somebody may have deleted it
            return
        now = fields.Datetime.now()
        # A trigger of the past may be that of a job which is about to end.
        waiting = [("cron_id", "=", cron.id), ("call_at", ">", now), ("call_at", "<=", now + MOVE_DELAY)]
        if not self.env["ir.cron.trigger"].search_count(waiting, limit=1):
            cron._trigger(at=now + MOVE_DELAY)

    # ------------------------------------------------------------
    # Merged
    # ------------------------------------------------------------

    def _merge_dependences(self, opportunities):
        """The surviving lead keeps what is known of the others: their earlier scores, and what was done to them."""
        result = super()._merge_dependences(opportunities)
        self.env["crm.lead.score.history"].sudo()._carry(opportunities, self)
        self.env["lead.scoring.move"]._carry(opportunities, self)
        self.env["crm.lead.score.feedback"].sudo()._carry_over(opportunities, self)
        head = self.sudo()
        ready = (head | opportunities.sudo()).filtered("lead_sales_ready")
        if ready:
            # Since when it was one of them; whoever merges sees it in the message about the merge.
            dates = [date for date in ready.mapped("lead_sales_ready_date") if date]
            head.write({"lead_sales_ready": True, "lead_sales_ready_date": min(dates, default=False)})
        self._note_changed(self.ids)
        return result
