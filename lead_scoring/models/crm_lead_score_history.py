from datetime import timedelta

import numpy as np

from odoo import api, fields, models
from odoo.tools import SQL

from ..features.feature import int_array
from .crm_lead_score import UncheckedMany2one, add_levels_column

# Old scores that are deleted in one transaction.
GC_BATCH_SIZE = 100_000


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

    _lead_model_date_idx = models.Index("(lead_id, model_id, date DESC, id DESC)")

    def init(self):
        add_levels_column(self)

    def _before(self, model, lead_ids, cutoff, latest):
        """Return how some leads stood at a moment, or as soon after it as is known.

        :param lead_ids: list of lead ids
        :param cutoff: naive UTC datetime
        :param latest: naive UTC datetime; what is known from after it only does not count
        :return: list of ``(version id, positions, levels)``: int array of shape (m,), the places in ``lead_ids``
            of leads that were scored before, and their levels by that version, uint8 of shape (m, features)
        """
        one = SQL(
            "SELECT version_id, levels FROM crm_lead_score_history history"
            " WHERE history.lead_id = wanted.lead_id AND history.model_id = %s",
            model.id,
        )
        rows = self.env.execute_query(
            SQL(
                """
                SELECT version_id, string_agg(int4send(place::int - 1), ''), string_agg(levels, '')
                  FROM (
                    SELECT place,
                           coalesce(before.version_id, after.version_id) AS version_id,
                           coalesce(before.levels, after.levels) AS levels
                      FROM unnest(%(leads)s) WITH ORDINALITY AS wanted(lead_id, place)
                      LEFT JOIN LATERAL (
                        %(one)s AND history.date <= %(cutoff)s ORDER BY history.date DESC, history.id DESC LIMIT 1
                      ) AS before ON TRUE
                      LEFT JOIN LATERAL (
                        %(one)s AND before.version_id IS NULL AND history.date <= %(latest)s
                         ORDER BY history.date, history.id LIMIT 1
                      ) AS after ON TRUE
                  ) AS found
                 WHERE version_id IS NOT NULL
                 GROUP BY version_id
                """,
                leads=int_array(lead_ids),
                one=one,
                cutoff=cutoff,
                latest=latest,
            )
        )
        return [
            (
                version_id,
                np.frombuffer(places, ">i4").astype(np.intp),
                np.frombuffer(levels, np.uint8).reshape(len(places) // 4, -1),
            )
            for version_id, places, levels in rows
        ]

    def _delete_of(self, column, ids):
        """Delete the history of some leads, models or versions: no foreign key does it.

        :param column: "lead_id", "model_id" or "version_id"
        """
        self.env.cr.execute(
            SQL("DELETE FROM crm_lead_score_history WHERE %s = ANY(%s)", SQL.identifier(column), list(ids))
        )
        self.invalidate_model(flush=False)

    def _delete_of_leads(self, model, lead_ids):
        """Delete the earlier scores that a model gave to some leads."""
        self.env.cr.execute(
            SQL(
                "DELETE FROM crm_lead_score_history WHERE model_id = %s AND lead_id = ANY(%s)",
                model.id,
                int_array(lead_ids),
            )
        )
        self.invalidate_model(flush=False)

    def _carry(self, leads, lead):
        """Let the earlier scores of leads that are merged into another one be that one's.

        Those from before its own first one, by each model: a lead had one score at a time, and a later one of
        a lead that is no more would look like a move of the surviving one.
        """
        self.env.cr.execute(
            SQL(
                """
                UPDATE crm_lead_score_history history SET lead_id = %(lead)s
                 WHERE lead_id = ANY(%(leads)s)
                   AND NOT EXISTS (SELECT FROM crm_lead_score_history own
                                     WHERE own.lead_id = %(lead)s AND own.model_id = history.model_id
                                       AND own.date <= history.date)
                """,
                lead=lead.id,
                leads=leads.ids,
            )
        )
        self.invalidate_model(flush=False)

    @api.autovacuum
    def _gc_old(self):
        """Delete what is older than the configuration wants to keep.

        A lead's last score from before that day stays: it is how the lead stood on that day, and all that is
        known of a lead whose score has not moved since.

        :return: how many rows were deleted, and whether there may be more
        """
        deleted, more = 0, False
        Config = self.env["lead.scoring.config"]
        for model in self.env["lead.scoring.model"].search([("active", "in", [True, False])]):
            days = Config._settings(model.company_id).history_days
            if not days:
                continue
            self.env.cr.execute(
                SQL(
                    """
                    DELETE FROM crm_lead_score_history WHERE id IN (
                        SELECT old.id FROM crm_lead_score_history old
                         WHERE old.model_id = %(model)s AND old.date < %(cutoff)s
                           AND EXISTS (SELECT FROM crm_lead_score_history newer
                                        WHERE newer.lead_id = old.lead_id AND newer.model_id = old.model_id
                                          AND (newer.date, newer.id) > (old.date, old.id)
                                          AND newer.date < %(cutoff)s)
                         LIMIT %(limit)s)
                    """,
                    model=model.id,
                    cutoff=fields.Datetime.now() - timedelta(days=days),
                    limit=GC_BATCH_SIZE,
                )
            )
            deleted += self.env.cr.rowcount
            more |= self.env.cr.rowcount == GC_BATCH_SIZE
        self.invalidate_model(flush=False)
        return deleted, more

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
