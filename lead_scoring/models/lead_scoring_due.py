from odoo import api, models
from odoo.tools import SQL

from ..features.feature import int_array
from .crm_lead_score import UncheckedMany2one
from .lead_scoring_model import SCORING


class LeadScoringDue(models.Model):
    """The mark of a lead that was saved, and that a model could not score just then: it is due.

    A mark never fails or keeps waiting whoever saves the lead: it is only ever inserted, without a key to check or to
    be unique. A run deletes the marks that it sees; a lead that was saved since its snapshot has another one, which
    the next run finds.
    """

    _name = "lead.scoring.due"
    _description = "Lead to Be Scored"
    _log_access = False
    _rec_name = "lead_id"

    lead_id = UncheckedMany2one("crm.lead", required=True, readonly=True, ondelete="cascade")
    model_id = UncheckedMany2one("lead.scoring.model", required=True, readonly=True, ondelete="cascade")

    _model_lead_idx = models.Index("(model_id, lead_id)")

    @api.model
    def _mark(self, due):
        """Have the scheduled action score some leads as soon as it can.

        :param due: ``{model id: ids of leads}``
        """
        due = {model_id: lead_ids for model_id, lead_ids in due.items() if lead_ids}
        if not due:
            return
        for model_id, lead_ids in due.items():
            self.env.cr.execute(
                SQL(
                    "INSERT INTO lead_scoring_due (lead_id, model_id) SELECT lead_id, %s FROM unnest(%s) lead_id",
                    model_id,
                    int_array(lead_ids),
                )
            )
        self._wake()

    @api.model
    def _wake(self):
        """Start the scheduled action that scores the leads that are due."""
        cron = self.env.ref("lead_scoring.ir_cron_saved_leads", raise_if_not_found=False)
        if cron:  # somebody may have deleted it
            cron.sudo()._trigger()

    @api.model
    def _next(self, model, after, limit):
        """Return the ids of the next leads that are due by a model, ascending.

        :param after: id of a lead, the last one of the page before
        """
        rows = self.env.execute_query(
            SQL(
                "SELECT DISTINCT lead_id FROM lead_scoring_due WHERE model_id = %s AND lead_id > %s"
                " ORDER BY lead_id LIMIT %s",
                model.id,
                after,
                limit,
            )
        )
        return [lead_id for (lead_id,) in rows]

    @api.model
    def _count(self, model):
        ((count,),) = self.env.execute_query(
            SQL("SELECT count(DISTINCT lead_id) FROM lead_scoring_due WHERE model_id = %s", model.id)
        )
        return count

    @api.model
    def _done(self, model, after, last):
        """Forget that leads in a range were due by a model: it has scored them.

        :param after, last: ids of leads; the range begins behind the one and ends with the other
        """
        self.env.cr.execute(
            SQL(
                "DELETE FROM lead_scoring_due WHERE model_id = %s AND lead_id > %s AND lead_id <= %s",
                model.id,
                after,
                last,
            )
        )

    @api.autovacuum
    def _gc_of_others(self):
        """Delete the marks by models that score no more."""
        self.env.cr.execute(
            SQL(
                "DELETE FROM lead_scoring_due due WHERE NOT EXISTS"
                " (SELECT FROM lead_scoring_model model WHERE model.id = due.model_id AND model.state = ANY(%s))",
                list(SCORING),
            )
        )
