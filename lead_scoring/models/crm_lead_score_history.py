from odoo import api, fields, models
from odoo.tools import SQL

from .crm_lead_score import UncheckedMany2one, add_levels_column, array


class CrmLeadScoreHistory(models.Model):
    """The scores a lead had before, one row for each change. Written by :meth:`crm.lead.score._store`."""

    _name = "crm.lead.score.history"
    _description = "Earlier Lead Score"
    _log_access = False
    _order = "date desc, id desc"
    _rec_name = "score"

    lead_id = UncheckedMany2one("crm.lead", required=True, readonly=True, ondelete="cascade")
    model_id = UncheckedMany2one("lead.scoring.model", required=True, readonly=True, ondelete="cascade")
    company_id = fields.Many2one(related="lead_id.company_id")
    version_id = UncheckedMany2one("lead.scoring.model.version", required=True, readonly=True, ondelete="cascade")
    date = fields.Datetime(required=True, readonly=True)
    score = fields.Integer(required=True, readonly=True)

    _lead_model_date_idx = models.Index("(lead_id, model_id, date DESC)")

    def init(self):
        add_levels_column(self)

    def _before(self, model, lead_ids, cutoff):
        """Return how some leads stood at a moment, or as soon after it as is known.

        :param lead_ids: list of lead ids
        :param cutoff: naive UTC datetime
        :return: list of ``(lead id, version id, levels)`` of the leads that were scored before
        """
        one = SQL(
            "SELECT version_id, levels FROM crm_lead_score_history history"
            " WHERE history.lead_id = wanted.lead_id AND history.model_id = %s",
            model.id,
        )
        return self.env.execute_query(
            SQL(
                """
                SELECT wanted.lead_id,
                       coalesce(before.version_id, after.version_id), coalesce(before.levels, after.levels)
                  FROM unnest(%(leads)s) AS wanted(lead_id)
                  LEFT JOIN LATERAL (
                    %(one)s AND history.date <= %(cutoff)s ORDER BY history.date DESC LIMIT 1
                  ) AS before ON TRUE
                  LEFT JOIN LATERAL (
                    %(one)s AND before.version_id IS NULL ORDER BY history.date LIMIT 1
                  ) AS after ON TRUE
                 WHERE coalesce(before.version_id, after.version_id) IS NOT NULL
                """,
                leads=array(lead_ids, "int"),
                one=one,
                cutoff=cutoff,
            )
        )

    def _delete_of(self, column, ids):
        """Delete the history of some leads, models or versions: no foreign key does it.

        :param column: "lead_id", "model_id" or "version_id"
        """
        self.env.cr.execute(
            SQL("DELETE FROM crm_lead_score_history WHERE %s = ANY(%s)", SQL.identifier(column), list(ids))
        )
        self.invalidate_model(flush=False)

    @api.autovacuum
    def _gc_orphans(self):
        """Delete the history of leads, models and versions that were deleted by SQL."""
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM crm_lead_score_history history
                 WHERE NOT EXISTS (SELECT FROM crm_lead WHERE id = history.lead_id)
                    OR NOT EXISTS (SELECT FROM lead_scoring_model WHERE id = history.model_id)
                    OR NOT EXISTS (SELECT FROM lead_scoring_model_version WHERE id = history.version_id)
                """
            )
        )
