from datetime import timedelta

import numpy as np

from odoo import fields, models
from odoo.tools import SQL

from ..scoring import trend

# A daily run that starts a little earlier than the day before still finds that day's scores.
RUN_JITTER = timedelta(hours=1)


def add_levels_column(model):
    """Give a table its ``levels``: which level each feature of the version had, a byte each.

    It is read by SQL alone, so it is no field: ``fields.Binary`` stores base64 and breaks RPC.
    """
    model.env.cr.execute(
        SQL(
            "ALTER TABLE %(table)s ADD COLUMN IF NOT EXISTS levels bytea NOT NULL DEFAULT ''"
            " CONSTRAINT %(check)s CHECK (octet_length(levels) <= 4096)",
            table=SQL.identifier(model._table),
            check=SQL.identifier(f"{model._table}_levels_length"),
        )
    )


def array(values, kind):
    """Return values as one array constant of SQL; None is NULL.

    Handed over as a list, each value would be adapted by itself, which takes longer than to store it.
    """
    return SQL("%s::%s[]", "{" + ",".join(map(_ARRAY_ITEM[kind], values)) + "}", SQL(kind))


_ARRAY_ITEM = {
    "int": lambda value: "NULL" if value is None else str(value),
    "text": str,  # codes of ours: letters alone
    "bytea": lambda value: f'"\\\\x{value.hex()}"',
}


class UncheckedMany2one(fields.Many2one):
    """A many2one without a foreign key, for columns that are written for every lead at once.

    The check of a key takes longer than to store the row, and locks the row it points at: scoring would lock
    every lead. What points at nothing any more is deleted with its target, see ``unlink`` of leads and versions.
    """

    def update_db_foreign_key(self, model, column):
        pass


class CrmLeadScore(models.Model):
    """The present score of a lead by a model: a narrow row beside ``crm_lead``.

    Scores change every night for many leads at once. On ``crm_lead`` with its two dozen indexes that is slow
    and collides with people who save leads; here it is a set written in one statement. Rows are read and
    written by SQL; ``crm.lead`` shows them through computed fields that join the row marked ``main``.
    """

    _name = "crm.lead.score"
    _description = "Lead Score"
    _log_access = False
    _rec_name = "score"

    lead_id = fields.Many2one("crm.lead", required=True, readonly=True, ondelete="cascade")
    model_id = fields.Many2one("lead.scoring.model", required=True, readonly=True, ondelete="cascade")
    company_id = fields.Many2one(related="lead_id.company_id")
    version_id = UncheckedMany2one("lead.scoring.model.version", required=True, readonly=True, ondelete="cascade")
    score = fields.Integer(required=True, readonly=True, aggregator="avg")
    earlier_score = fields.Integer(readonly=True, help="The score the trend compares with, by the present version.")
    trend = fields.Selection(
        [("up", "Improving"), ("steady", "Steady"), ("down", "Declining"), ("unknown", "Not enough info")],
        required=True,
        readonly=True,
    )
    date = fields.Datetime("Score Changed On", required=True, readonly=True)
    main = fields.Boolean(readonly=True, help="This row gives the lead its own score.")

    _lead_model_uniq = models.Constraint("UNIQUE(lead_id, model_id)", "A model gives a lead one score.")
    _main_uniq = models.UniqueIndex("(lead_id) WHERE main", "A lead has one score of its own.")
    _main_score_idx = models.Index("(score) WHERE main")

    def init(self):
        add_levels_column(self)

    # ------------------------------------------------------------
    # Writing in sets
    # ------------------------------------------------------------

    def _store(self, version, lead_ids, scores, levels):
        """Write what changed of some scores, with trend and history.

        :param version: the version that scored
        :param lead_ids: int64 array of shape (n,), ascending
        :param scores: int array of shape (n,)
        :param levels: uint8 array of shape (n, features)
        :return: the number of rows written
        """
        if not len(lead_ids):
            return 0
        now = self.env.cr.now().replace(microsecond=0)
        trends, earlier = self._trends(version, lead_ids.tolist(), levels, now)
        written, to_elect = self._write_changed(version, lead_ids, scores, earlier, trends, levels, now)
        if to_elect:
            self._elect_main(to_elect)
        if written:
            self.env["crm.lead"]._invalidate_scores()
        return written

    def _write_changed(self, version, lead_ids, scores, earlier, trends, levels, now):
        """Compare scores with what is stored and write the differences, all in one statement.

        History keeps the scores; a trend that only grew old is no change of the score.

        :return: the number of rows written, and the leads that got a row beside another model's main one
        """
        ((written, to_elect),) = self.env.execute_query(
            SQL(
                """
                WITH new AS MATERIALIZED (
                    SELECT * FROM unnest(%(lead)s, %(score)s, %(earlier)s, %(trend)s, %(levels)s)
                        AS new(lead_id, score, earlier_score, trend, levels)
                ), stored AS MATERIALIZED (
                    SELECT id, lead_id, version_id, score, earlier_score, trend, levels
                      FROM crm_lead_score
                     WHERE model_id = %(model)s AND lead_id BETWEEN %(first)s AND %(last)s
                ), changed AS MATERIALIZED (
                    SELECT new.*, stored.id,
                           stored.score IS DISTINCT FROM new.score AS is_move,
                           stored.version_id IS DISTINCT FROM %(version)s AS is_other_version
                      FROM new LEFT JOIN stored USING (lead_id)
                     WHERE (stored.version_id, stored.score, stored.earlier_score, stored.trend, stored.levels)
                           IS DISTINCT FROM
                           (%(version)s, new.score, new.earlier_score, new.trend, new.levels)
                       -- it may have been deleted meanwhile
                       AND (stored.id IS NOT NULL OR EXISTS (SELECT FROM crm_lead WHERE id = new.lead_id))
                ), remembered AS (
                    INSERT INTO crm_lead_score_history (lead_id, model_id, version_id, score, date, levels)
                    SELECT lead_id, %(model)s, %(version)s, score, %(now)s, levels
                      FROM changed WHERE is_move OR is_other_version
                ), updated AS (
                    UPDATE crm_lead_score row
                       SET version_id = %(version)s,
                           score = changed.score,
                           earlier_score = changed.earlier_score,
                           trend = changed.trend,
                           levels = changed.levels,
                           date = CASE WHEN is_move THEN %(now)s ELSE row.date END
                      FROM changed
                     WHERE row.id = changed.id
                ), inserted AS (
                    INSERT INTO crm_lead_score
                           (lead_id, model_id, version_id, score, earlier_score, trend, date, levels, main)
                    SELECT lead_id, %(model)s, %(version)s, score, earlier_score, trend, %(now)s, levels,
                           NOT EXISTS (SELECT FROM crm_lead_score other
                                        WHERE other.lead_id = changed.lead_id AND other.main)
                      FROM changed WHERE id IS NULL
                        ON CONFLICT DO NOTHING  -- somebody else scored it meanwhile
                 RETURNING lead_id, main
                )
                SELECT (SELECT count(*) FROM changed), (SELECT array_agg(lead_id) FROM inserted WHERE NOT main)
                """,
                model=version.model_id.id,
                version=version.id,
                now=SQL("%s::timestamp", now),
                first=int(lead_ids[0]),
                last=int(lead_ids[-1]),
                lead=array(lead_ids.tolist(), "int"),
                score=array(scores.tolist(), "int"),
                earlier=array(earlier, "int"),
                trend=array(trends, "text"),
                levels=array((level.tobytes() for level in levels), "bytea"),
            )
        )
        return written, to_elect

    # ------------------------------------------------------------
    # Trend
    # ------------------------------------------------------------

    def _trends(self, version, lead_ids, levels, now):
        """Compare present levels with those of some days ago, both by the present version's tables.

        A new version is never a trend: the earlier score is what this version would have given then.

        :return: list of n trend codes and list of n earlier scores (None where not known)
        """
        card = version._load_card()
        settings = self.env["lead.scoring.config"]._settings(version.model_id.company_id)
        cutoff = now - timedelta(days=settings.trend_days) + RUN_JITTER
        before = self._levels_before(version, lead_ids, levels.shape[1], cutoff)
        earlier_log_odds = np.full(len(lead_ids), np.nan)
        earlier = np.full(len(lead_ids), None)
        for rows, old_levels in before:
            earlier_log_odds[rows] = card.log_odds(old_levels)
            earlier[rows] = card.scores(old_levels).tolist()
        return trend.trends(card.log_odds(levels), earlier_log_odds).tolist(), earlier.tolist()

    def _levels_before(self, version, lead_ids, width, cutoff):
        """Yield ``(row positions, levels)`` of earlier levels, in terms of the present version."""
        position = {lead_id: row for row, lead_id in enumerate(lead_ids)}
        by_version = {}
        for lead_id, version_id, levels in self.env["crm.lead.score.history"]._before(
            version.model_id, lead_ids, cutoff
        ):
            by_version.setdefault(version_id, []).append((position[lead_id], bytes(levels)))
        for old in self.env["lead.scoring.model.version"].browse(by_version):
            rows, stored = zip(*by_version[old.id])
            rows = np.array(rows)
            levels = np.frombuffer(b"".join(stored), dtype=np.uint8).reshape(len(rows), -1)
            if old != version:
                levels, mappable = version._load_card().translate(levels, old._load_card())
                rows, levels = rows[mappable], levels[mappable]
            yield rows, levels

    # ------------------------------------------------------------
    # Which row gives the lead its score
    # ------------------------------------------------------------

    def _elect_main(self, lead_ids):
        """Mark for each lead the row of the first live model in order, else of the first stopped one."""
        self.env["lead.scoring.model"].flush_model(["state", "sequence"])
        self.env["crm.lead"]._invalidate_scores()
        if not lead_ids:
            return
        elected = SQL(
            """
            SELECT row.id, row_number() OVER (
                       PARTITION BY row.lead_id ORDER BY model.state <> 'live', model.sequence, model.id
                   ) = 1 AS main
              FROM crm_lead_score row
              JOIN lead_scoring_model model ON model.id = row.model_id
             WHERE row.lead_id = ANY(%s)
            """,
            lead_ids,
        )
        # First the old one down, then the new one up: the unique index is checked row by row.
        for main in (False, True):
            self.env.cr.execute(
                SQL(
                    """
                    UPDATE crm_lead_score SET main = elected.main
                      FROM (%(elected)s) AS elected
                     WHERE crm_lead_score.id = elected.id
                       AND elected.main = %(main)s
                       AND crm_lead_score.main IS DISTINCT FROM elected.main
                    """,
                    elected=elected,
                    main=main,
                )
            )

    def _elect_main_of_models(self, models):
        """Elect anew where the order or the state of some models has changed."""
        rows = self.env.execute_query(
            SQL("SELECT DISTINCT lead_id FROM crm_lead_score WHERE model_id = ANY(%s)", models.ids)
        )
        self._elect_main([lead_id for (lead_id,) in rows])

    def _delete_of_model(self, model):
        """Delete the scores that a model gave; its history stays, for when it goes live again."""
        self._delete_where(SQL("model_id = %s", model.id))

    def _delete_of_versions(self, version_ids):
        """Delete the scores of versions that are no more; a stopped model may have left some of an older one."""
        self._delete_where(SQL("version_id = ANY(%s)", list(version_ids)))

    def _delete_where(self, condition):
        rows = self.env.execute_query(
            SQL("DELETE FROM crm_lead_score WHERE %s RETURNING lead_id", condition)
        )
        self._elect_main([lead_id for (lead_id,) in rows])

    def _delete_uncovered(self, model, covered):
        """Delete the scores of open leads that a model covers no more.

        :param covered: a ``Query`` of the leads that it covers
        """
        self._delete_where(
            SQL(
                """
                model_id = %s
                AND lead_id IN (SELECT id FROM crm_lead WHERE active AND won_status = 'pending')
                AND lead_id NOT IN %s
                """,
                model.id,
                covered.subselect(),
            )
        )
