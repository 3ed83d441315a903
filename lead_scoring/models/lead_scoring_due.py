from odoo import api, fields, models
from odoo.tools import SQL

from ..features.feature import int_array
from .crm_lead_score import UncheckedMany2one
from .lead_scoring_model import SCORING


class LeadScoringDue(models.Model):
    """The mark of a lead that was saved, and with which the scheduled action of saved leads is not done.

    It is due where a model could not score it just then, and scored where its score may move it, or is its automated
    probability: the scheduled action does nothing to leads without a mark, so it never looks at all scores. A mark never fails or keeps waiting whoever
    saves the lead: it is only ever inserted, without a key to check or to be unique. A run scores the leads that are due,
    acts on those that are scored, and deletes the marks that it saw; a lead that was saved since its snapshot has another
    one, which the next run finds. What a daily run scored, and failed before it moved it, has no mark: the next daily run
    moves it.
    """

    _name = "lead.scoring.due"
    _description = "Lead to Be Scored"
    _log_access = False
    _rec_name = "lead_id"

    lead_id = UncheckedMany2one("crm.lead", required=True, readonly=True, ondelete="cascade")
    model_id = UncheckedMany2one("lead.scoring.model", required=True, readonly=True, ondelete="cascade")

    scored = fields.Boolean(
        readonly=True, help="The lead has its score. It is still to be seen what that does to it, and to it alone."
    )

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
            self._insert(model_id, SQL("SELECT lead_id FROM unnest(%s) lead_id", int_array(lead_ids)), scored=False)
        self._wake()

    @api.model
    def _mark_changed(self, model, lead_ids, from_score):
        """Mark those of some leads with new scores to which the scheduled action has something to do.

        It moves those that are due; where the score is the automated probability, it writes that of all of them.

        :param from_score: the lowest score that is sales-ready by the model, None where that is switched off
        """
        if not self.env["lead.scoring.model"]._gives_probabilities():
            lead_ids = self.env["lead.scoring.move"]._may_be_due(model, lead_ids, from_score)
        self._mark_scored(model, lead_ids)

    @api.model
    def _mark_scored(self, model, lead_ids):
        """Have the scheduled action see, in a minute, what the scores of some leads do to them."""
        if lead_ids:
            self._insert(model.id, SQL("SELECT lead_id FROM unnest(%s) lead_id", int_array(lead_ids)), scored=True)
            self.env["crm.lead"].sudo()._trigger_moves()

    @api.model
    def _insert(self, model_id, lead_ids, scored):
        """:param lead_ids: SQL of a table with the column lead_id"""
        self.env.cr.execute(
            SQL(
                "INSERT INTO lead_scoring_due (lead_id, model_id, scored) SELECT lead_id, %s, %s FROM (%s) marked",
                model_id,
                scored,
                lead_ids,
            )
        )

    @api.model
    def _wake(self):
        """Start the scheduled action that scores the leads that are due."""
        cron = self.env.ref("lead_scoring.ir_cron_saved_leads", raise_if_not_found=False)
        if cron:  # somebody may have deleted it
            cron.sudo()._trigger()

    @api.model
    def _next(self, model, after, limit):
        """Return the ids of the next leads that a model is to score, ascending.

        :param after: id of a lead, the last one of the page before
        """
        rows = self.env.execute_query(
            SQL(
                "SELECT DISTINCT lead_id FROM lead_scoring_due WHERE model_id = %s AND lead_id > %s"
                " AND scored IS NOT TRUE ORDER BY lead_id LIMIT %s",
                model.id,
                after,
                limit,
            )
        )
        return [lead_id for (lead_id,) in rows]

    @api.model
    def _count(self, model):
        """Return how many leads a model is to score."""
        ((count,),) = self.env.execute_query(
            SQL(
                "SELECT count(DISTINCT lead_id) FROM lead_scoring_due WHERE model_id = %s AND scored IS NOT TRUE",
                model.id,
            )
        )
        return count

    @api.model
    def _done(self, model, after, last):
        """Note that a model has scored the leads in a range that were due.

        :param after, last: ids of leads; the range begins behind the one and ends with the other
        """
        self.env.cr.execute(
            SQL(
                "UPDATE lead_scoring_due SET scored = TRUE"
                " WHERE model_id = %s AND lead_id > %s AND lead_id <= %s AND scored IS NOT TRUE",
                model.id,
                after,
                last,
            )
        )

    @api.model
    def _scored_leads(self, model):
        """Return SQL of the ids of the leads whose scores by a model may move them."""
        return SQL("(SELECT lead_id FROM lead_scoring_due WHERE model_id = %s AND scored)", model.id)

    @api.model
    def _scored_marks(self, model, limit=None):
        """Return the ids of the marks of these leads."""
        rows = self.env.execute_query(
            SQL("SELECT id FROM lead_scoring_due WHERE model_id = %s AND scored LIMIT %s", model.id, limit)
        )
        return [mark_id for (mark_id,) in rows]

    @api.model
    def _forget(self, mark_ids):
        """Delete marks: nothing is left to be done to their leads, unless they have got another one meanwhile."""
        self.env.cr.execute(SQL("DELETE FROM lead_scoring_due WHERE id = ANY(%s)", int_array(mark_ids)))

    @api.autovacuum
    def _gc_doubles(self):
        """Delete all but the last mark of a lead that was scored again and again while moving failed."""
        self.env.cr.execute(
            SQL(
                "DELETE FROM lead_scoring_due double USING lead_scoring_due last WHERE double.scored AND last.scored"
                " AND (double.model_id, double.lead_id) = (last.model_id, last.lead_id) AND double.id < last.id"
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
