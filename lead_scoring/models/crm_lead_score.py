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
    model_id = fields.Many2one("lead.scoring.model", required=True, readonly=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="lead_id.company_id")
    version_id = fields.Many2one("lead.scoring.model.version", required=True, readonly=True, ondelete="cascade")
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
        model, ids, now = version.model_id, lead_ids.tolist(), self.env.cr.now().replace(microsecond=0)
        trends, earlier = self._trends(version, ids, levels, now)
        stored = {row[0]: tuple(row[1:5]) + (bytes(row[5]),) for row in self._rows(model, ids)}
        rows = [
            (lead_id, version.id, score, before, direction, level.tobytes())
            for lead_id, score, before, direction, level in zip(ids, scores.tolist(), earlier, trends, levels)
        ]
        changed = [row for row in rows if stored.get(row[0]) != row[1:]]
        if changed:
            self._upsert(model, changed, now)
            # History keeps the scores; a trend that only grew old is no change of the score.
            self._remember(model, [row for row in changed if stored.get(row[0], (None, None))[:2] != row[1:3]], now)
        self._elect_main(ids)
        self.env["crm.lead"]._invalidate_scores()
        return len(changed)

    def _rows(self, model, lead_ids):
        """Return ``(lead_id, version_id, score, earlier_score, trend, levels)`` of the stored rows."""
        return self.env.execute_query(
            SQL(
                "SELECT lead_id, version_id, score, earlier_score, trend, levels"
                " FROM crm_lead_score WHERE model_id = %s AND lead_id = ANY(%s)",
                model.id,
                lead_ids,
            )
        )

    def _upsert(self, model, rows, now):
        lead, version, score, earlier, direction, levels = (list(column) for column in zip(*rows))
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO crm_lead_score AS stored
                       (lead_id, model_id, version_id, score, earlier_score, trend, date, levels, main)
                SELECT new.lead_id, %(model)s, new.version_id, new.score, new.earlier_score, new.trend, %(now)s,
                       new.levels,
                       NOT EXISTS (SELECT FROM crm_lead_score other WHERE other.lead_id = new.lead_id AND other.main)
                  FROM unnest(%(lead)s, %(version)s, %(score)s, %(earlier)s, %(trend)s, %(levels)s)
                       AS new(lead_id, version_id, score, earlier_score, trend, levels)
                  JOIN crm_lead ON crm_lead.id = new.lead_id  -- it may have been deleted meanwhile
                    ON CONFLICT (lead_id, model_id) DO UPDATE
                   SET version_id = EXCLUDED.version_id,
                       score = EXCLUDED.score,
                       earlier_score = EXCLUDED.earlier_score,
                       trend = EXCLUDED.trend,
                       levels = EXCLUDED.levels,
                       date = CASE WHEN stored.score = EXCLUDED.score THEN stored.date ELSE EXCLUDED.date END
                """,
                model=model.id,
                now=now,
                lead=array(lead, "int"),
                version=array(version, "int"),
                score=array(score, "int"),
                earlier=array(earlier, "int"),
                trend=array(direction, "text"),
                levels=array(levels, "bytea"),
            )
        )

    def _remember(self, model, rows, now):
        if not rows:
            return
        lead, version, score, _earlier, _direction, levels = (list(column) for column in zip(*rows))
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO crm_lead_score_history (lead_id, model_id, version_id, score, date, levels)
                SELECT new.lead_id, %(model)s, new.version_id, new.score, %(now)s, new.levels
                  FROM unnest(%(lead)s, %(version)s, %(score)s, %(levels)s)
                       AS new(lead_id, version_id, score, levels)
                  JOIN crm_lead ON crm_lead.id = new.lead_id
                """,
                model=model.id,
                now=now,
                lead=array(lead, "int"),
                version=array(version, "int"),
                score=array(score, "int"),
                levels=array(levels, "bytea"),
            )
        )

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
        lead_ids = self._without_clear_main(lead_ids)
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

    def _without_clear_main(self, lead_ids):
        """Return the leads among these whose only row is not the main one, or that have several rows.

        Hardly ever any: this look at one index saves the election, which reads and joins the rows.
        """
        rows = self.env.execute_query(
            SQL(
                "SELECT lead_id FROM crm_lead_score WHERE lead_id = ANY(%s)"
                " GROUP BY lead_id HAVING count(*) > 1 OR NOT bool_or(main)",
                array(lead_ids, "int"),
            )
        )
        return [lead_id for (lead_id,) in rows]

    def _leads_of_model(self, model):
        """Return the ids of the leads that a model has given a score."""
        rows = self.env.execute_query(SQL("SELECT lead_id FROM crm_lead_score WHERE model_id = %s", model.id))
        return [lead_id for (lead_id,) in rows]

    def _elect_main_of_model(self, model):
        """Elect anew where the order or the state of a model has changed."""
        self._elect_main(self._leads_of_model(model))
        self.env["crm.lead"]._invalidate_scores()

    def _delete_of_model(self, model):
        """Delete the scores that a model gave; its history stays, for when it goes live again."""
        leads = self._leads_of_model(model)
        self.env.cr.execute(SQL("DELETE FROM crm_lead_score WHERE model_id = %s", model.id))
        self._elect_main(leads)
        self.env["crm.lead"]._invalidate_scores()

    def _delete_uncovered(self, model, covered):
        """Delete the scores of open leads that a model covers no more.

        :param covered: a ``Query`` of the leads that it covers
        """
        rows = self.env.execute_query(
            SQL(
                """
                DELETE FROM crm_lead_score USING crm_lead
                 WHERE crm_lead_score.lead_id = crm_lead.id
                   AND crm_lead_score.model_id = %s
                   AND crm_lead.active AND crm_lead.won_status = 'pending'
                   AND crm_lead.id NOT IN %s
             RETURNING crm_lead_score.lead_id
                """,
                model.id,
                covered.subselect(),
            )
        )
        self._elect_main([lead_id for (lead_id,) in rows])
        self.env["crm.lead"]._invalidate_scores()
