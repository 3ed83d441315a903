from odoo import api, fields, models
from odoo.fields import Domain

from .lead_scoring_move import QUALIFIED, SALES_READY


class LeadScoringRun(models.Model):
    """The small kind of run, for leads that were saved: it scores those that are due, and moves what is to move.

    It looks at no other leads than those with a mark, see ``lead.scoring.due``. The daily run scores and moves all leads,
    so it makes an end of the marks, too.
    """

    _inherit = "lead.scoring.run"

    saved_only = fields.Boolean(
        "Only Saved Leads",
        readonly=True,
        help="It scored the leads that were due since they were saved, and moved those that were scored as they were "
        "saved. The other runs score all open leads.",
    )

    @api.model
    def _cron_saved_leads(self):
        """Score the leads that are due since they were saved, and move leads that got their score meanwhile."""
        cron = self.env["ir.cron"]
        if not self.env["lead.scoring.config"]._is_on() or not cron._commit_progress(remaining=1):
            return
        # While a model goes live its run is not done with the leads that there are; it wakes this action in the end.
        unfinished = self.search([("state", "=", "running"), ("saved_only", "=", True)])
        unfinished.filtered(lambda run: not run._is_wanted()).write(
            {"state": "cancelled", "date_end": fields.Datetime.now()}
        )
        for model in self.env["lead.scoring.model"].search([("state", "=", "live")]):
            run = self._of_saved_leads(model)
            # Committed first: whoever saves one of the leads meanwhile makes it begin its batch again, not vanish.
            if run and not (cron._commit_progress() and run._go_on()):
                self.env["lead.scoring.due"]._wake()
                cron._commit_progress()
                return
        cron._commit_progress(remaining=0)

    @api.model
    def _of_saved_leads(self, model):
        """Return the unfinished run of a model's saved leads, else a new one; none if there is nothing to do."""
        unfinished = [("model_id", "=", model.id), ("state", "=", "running"), ("saved_only", "=", True)]
        if run := self.search(unfinished, limit=1):
            return run
        Due = self.env["lead.scoring.due"]
        due = Due._count(model)
        if not due and not self._has_to_act(model):
            return self.browse()
        return self.create(
            {"model_id": model.id, "version_id": model.version_id.id, "saved_only": True, "total_count": due}
        )

    @api.model
    def _has_to_act(self, model):
        """Whether a run would do anything to scored leads. Marks of leads that only might have been due are forgotten."""
        Due, Move = self.env["lead.scoring.due"], self.env["lead.scoring.move"]
        marks = Due._scored_marks(model)
        if not marks or model.use_as_probability:
            return bool(marks)
        if any(Move._few_due(model, kind, 1, Due._scored_leads(model)) != [] for kind in (SALES_READY, QUALIFIED)):
            return True
        Due._forget(marks)
        return False

    def _next_ids(self, size):
        if self.saved_only:
            return self.env["lead.scoring.due"]._next(self.model_id, self.last_lead_id, size)
        return super()._next_ids(size)

    def _score_page(self, ids):
        after = self.last_lead_id
        result = self._score_due(ids) if self.saved_only else super()._score_page(ids)
        self.env["lead.scoring.due"]._done(self.model_id, after, ids[-1])
        return result

    def _score_due(self, ids):
        """Score those of some leads that the model covers still."""
        Lead = self.env["crm.lead"]
        covered = sorted(Lead._search(self.model_id._open_lead_domain() & Domain("id", "in", ids)))
        Lead._drop_uncovered(self.model_id, set(ids) - set(covered))
        if covered:
            self._score_ids(covered)
        self.read_count += len(ids)
        self.last_lead_id = ids[-1]

    def _all_pages_done(self):
        return None if self.saved_only else super()._all_pages_done()

    def _act_on_scores(self):
        marks = self.env["lead.scoring.due"]._scored_marks(self.model_id)
        if not super()._act_on_scores():
            return False
        # These alone: a lead that is saved just now, or that somebody holds, has got another one.
        self.env["lead.scoring.due"]._forget(marks)
        return True

    def _among(self):
        return self.env["lead.scoring.due"]._scored_leads(self.model_id) if self.saved_only else super()._among()

    def _end(self, state, message=None, lasting=False):
        result = super()._end(state, message, lasting)
        # Leads that were saved behind the run's back; one that failed would find them again and again.
        if state == "done" and self.purpose == "score":
            Due = self.env["lead.scoring.due"]
            if Due._next(self.model_id, 0, 1):
                Due._wake()
            elif Due._scored_marks(self.model_id, limit=1):
                self.env["crm.lead"]._trigger_moves()
        return result
