from odoo import fields, models
from odoo.tools import SQL

from .crm_lead_score import add_levels_column


class CrmLeadScoreHistory(models.Model):
    """The scores a lead had before, one row for each change."""

    _name = "crm.lead.score.history"
    _description = "Earlier Lead Score"
    _log_access = False
    _order = "date desc, id desc"
    _rec_name = "score"

    lead_id = fields.Many2one("crm.lead", required=True, readonly=True, ondelete="cascade")
    model_id = fields.Many2one("lead.scoring.model", required=True, readonly=True, ondelete="cascade")
    company_id = fields.Many2one(related="lead_id.company_id")
    version_id = fields.Many2one("lead.scoring.model.version", required=True, readonly=True, ondelete="cascade")
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
        return self.env.execute_query(
            SQL(
                """
                SELECT wanted.lead_id, before.version_id, before.levels
                  FROM unnest(%(leads)s) AS wanted(lead_id)
                  JOIN LATERAL (
                    SELECT version_id, levels
                      FROM crm_lead_score_history AS history
                     WHERE history.lead_id = wanted.lead_id AND history.model_id = %(model)s
                     ORDER BY history.date > %(cutoff)s,
                              CASE WHEN history.date <= %(cutoff)s THEN history.date END DESC,
                              history.date
                     LIMIT 1
                  ) AS before ON TRUE
                """,
                leads=lead_ids,
                model=model.id,
                cutoff=cutoff,
            )
        )
