import logging
from datetime import timedelta

import numpy as np
from psycopg2.errors import LockNotAvailable

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..features.feature import int_array
from ..scoring import trend

_logger = logging.getLogger(__name__)

# A daily run that starts a little earlier than the day before still finds that day's scores.
RUN_JITTER = timedelta(hours=1)
# Percent of a page that is filled at first: the rest has room for a new version of every row.
FILL_FACTOR = 45
# An index by score is there from so many scores on: the best of 50,000 are found in 0.02 s without one, of 400,000 in 0.2 s.
SCORE_INDEX, MANY = "crm_lead_score_best_idx", 100_000
# So long the clean-up waits for those who write scores. Who comes after it waits as long, and until the index is made:
# 0.2 to 0.3 s for 400,000 scores.
INDEX_LOCK_TIMEOUT = "2s"


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
    # No index on what a run changes, but for the one of `_gc_score_index`: then PostgreSQL writes a new score into the
    # row's own page and touches no index at all (a heap-only tuple), if the page has room. 80,000 scores are updated
    # in 0.1 s instead of 0.45.

    def init(self):
        add_levels_column(self)
        self.env.cr.execute(
            SQL("ALTER TABLE %s SET (fillfactor = %s)", SQL.identifier(self._table), SQL(str(FILL_FACTOR)))
        )

    # ------------------------------------------------------------
    # Writing in sets
    # ------------------------------------------------------------

    def _store(self, model, version, lead_ids, scores, levels):
        """Write what changed of some scores, with trend and history.

        :param model: the model that scored
        :param version: its version; no field of it is read, as one saved lead has to be scored in a few milliseconds
        :param lead_ids: int64 array of shape (n,), ascending
        :param scores: int array of shape (n,)
        :param levels: uint8 array of shape (n, features)
        :return: the number of rows written
        """
        if not len(lead_ids):
            return 0
        now = self.env.cr.now().replace(microsecond=0)
        trends, earlier = self._trends(model, version, lead_ids.tolist(), levels, now)
        written, to_elect = self._write_changed(model, version, lead_ids, scores, earlier, trends, levels, now)
        if to_elect:
            self._elect_main(to_elect)
        if written:
            self.env["crm.lead"]._invalidate_scores()
        return written

    def _write_changed(self, model, version, lead_ids, scores, earlier, trends, levels, now):
        """Compare scores with what is stored and write the differences, all in one statement.

        History keeps the scores; a trend that only grew old is no change of the score.

        :return: the number of rows written, and the leads that got a row beside another model's main one
        """
        ((written, to_elect),) = self.env.execute_query(
            SQL(
                """
                WITH new AS (
                    SELECT lead_id, score, earlier_score, trend,
                           substring(%(levels)s FROM %(width)s * (place::int - 1) + 1 FOR %(width)s) AS levels
                      FROM unnest(%(lead)s, %(score)s, %(earlier)s, %(trend)s::text[])
                           WITH ORDINALITY AS new(lead_id, score, earlier_score, trend, place)
                ), stored AS (
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
                     WHERE row.id = changed.id AND row.lead_id BETWEEN %(first)s AND %(last)s
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
                model=model.id,
                version=version.id,
                now=SQL("%s::timestamp", now),
                first=int(lead_ids[0]),
                last=int(lead_ids[-1]),
                lead=int_array(lead_ids.tolist()),
                score=int_array(scores.tolist()),
                earlier=int_array(earlier),
                trend=f"{{{','.join(trends)}}}",
                # All rows in one: a value for each would be quoted by itself.
                levels=np.ascontiguousarray(levels).tobytes(),
                width=levels.shape[1],
            )
        )
        return written, to_elect

    # ------------------------------------------------------------
    # Trend
    # ------------------------------------------------------------

    def _trends(self, model, version, lead_ids, levels, now):
        """Compare present levels with those of some days ago, both by the present version's tables.

        A new version is never a trend: the earlier score is what this version would have given then.

        :return: list of n trend codes and list of n earlier scores (None where not known)
        """
        card = version._load_card()
        days, sensitivity = self.env["lead.scoring.config"]._trend_settings(model.id)
        cutoff = now - timedelta(days=days) + RUN_JITTER
        # A lead is scored whenever it is saved: what it scored a minute ago is no trend, a run of the day before is.
        latest = now - timedelta(days=1) + RUN_JITTER
        earlier_standing = np.full(len(lead_ids), np.nan)
        earlier = np.full(len(lead_ids), None)
        for rows, old_levels in self._levels_before(model, version, lead_ids, cutoff, latest):
            earlier_standing[rows] = card.standing(old_levels)
            earlier[rows] = card.scores(old_levels).tolist()
        moves = trend.trends(card.standing(levels), earlier_standing, card.scale, sensitivity)
        return moves.tolist(), earlier.tolist()

    def _levels_before(self, model, version, lead_ids, cutoff, latest):
        """Yield ``(row positions, levels)`` of earlier levels, in terms of the present version."""
        Version = self.env["lead.scoring.model.version"]
        History = self.env["crm.lead.score.history"]
        for version_id, rows, levels in History._before(model, lead_ids, cutoff, latest):
            old = Version.browse(version_id)
            if old != version:
                levels, mappable = version._load_card().translate(levels, old._load_card())
                rows, levels = rows[mappable], levels[mappable]
            yield rows, levels

    # ------------------------------------------------------------
    # Which row gives the lead its score
    # ------------------------------------------------------------

    def _elect_main(self, lead_ids):
        """Mark for each lead the row of the first scoring model in order, else of the first stopped one."""
        self.env["lead.scoring.model"].flush_model(["state", "sequence"])
        self.env["crm.lead"]._invalidate_scores()
        if not lead_ids:
            return
        elected = SQL(
            """
            SELECT row.id, row_number() OVER (
                       PARTITION BY row.lead_id
                       ORDER BY model.state NOT IN ('going_live', 'live'), model.sequence, model.id
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
        """Elect anew where the order of some models has changed, or one of them fell out, all in one statement."""
        rows = self.env.execute_query(
            SQL("SELECT DISTINCT lead_id FROM crm_lead_score WHERE model_id = ANY(%s)", models.ids)
        )
        self._elect_main([lead_id for (lead_id,) in rows])

    # ------------------------------------------------------------
    # Stopping, and going live again
    # ------------------------------------------------------------

    def _count_of_model(self, model):
        """Return how many leads a model has given a score."""
        return self.search_count([("model_id", "=", model.id)])

    def _next_of_model(self, model, after, limit, with_history=False):
        """Return the ids of the next leads that a model gave a score, ascending.

        :param after: id of a lead, the last one of the page before
        :param with_history: leads of which only earlier scores are left, too
        """
        tables = ["crm_lead_score"] + ["crm_lead_score_history"] * with_history
        # Each side stops at the limit by its index on leads; a union of all would sort all of them for each page.
        pages = SQL(" UNION ").join(
            SQL(
                "(SELECT DISTINCT lead_id FROM %s WHERE model_id = %s AND lead_id > %s ORDER BY lead_id LIMIT %s)",
                SQL.identifier(table),
                model.id,
                after,
                limit,
            )
            for table in tables
        )
        rows = self.env.execute_query(SQL("SELECT lead_id FROM (%s) page ORDER BY lead_id LIMIT %s", pages, limit))
        return [lead_id for (lead_id,) in rows]

    def _delete_of_leads(self, model, lead_ids):
        """Delete the scores that a model gave to some leads; their history stays."""
        self._delete_where(SQL("model_id = %s AND lead_id = ANY(%s)", model.id, int_array(lead_ids)))

    def _bring_back_closed(self, model, after, last):
        """Give the closed leads in a range their last score by a model again: they are never scored anew.

        :param after, last: as for :meth:`_delete_uncovered`
        """
        is_open = Domain("active", "=", True) & Domain("won_status", "=", "pending")
        closed = model._lead_domain() & ~is_open & Domain("id", ">", after)
        if last is not None:
            closed &= Domain("id", "<=", last)
        rows = self.env.execute_query(
            SQL(
                """
                INSERT INTO crm_lead_score (lead_id, model_id, version_id, score, trend, date, levels, main)
                SELECT closed.id, %(model)s, earlier.version_id, earlier.score, 'unknown', earlier.date,
                       earlier.levels, FALSE
                  FROM (%(closed)s) closed
                 CROSS JOIN LATERAL (
                    SELECT version_id, score, date, levels FROM crm_lead_score_history history
                     WHERE history.lead_id = closed.id AND history.model_id = %(model)s
                     ORDER BY history.date DESC, history.id DESC LIMIT 1
                 ) AS earlier
                    ON CONFLICT DO NOTHING
             RETURNING lead_id
                """,
                model=model.id,
                closed=self.env["crm.lead"].with_context(active_test=False)._search(closed).select(),
            )
        )
        self._elect_main([lead_id for (lead_id,) in rows])

    def _delete_of_model(self, model):
        """Delete the scores that a model gave; its history stays, for when it goes live again."""
        self._delete_where(SQL("model_id = %s", model.id))

    def _delete_of_versions(self, version_ids):
        """Delete the scores of versions that are no more; a stopped model may have left some of an older one."""
        self._delete_where(SQL("version_id = ANY(%s)", list(version_ids)))

    def _delete_where(self, condition):
        rows = self.env.execute_query(SQL("DELETE FROM crm_lead_score WHERE %s RETURNING lead_id", condition))
        self._elect_main([lead_id for (lead_id,) in rows])

    def _delete_uncovered(self, model, after, last, covered):
        """Delete the scores of the open leads in a range that a model covers no more.

        :param after, last: ids of leads; the range begins behind the one and ends with the other, None is open
        :param covered: ids of the leads in this range that it covers
        """
        self._delete_where(
            SQL(
                """
                id IN (
                    WITH stray AS MATERIALIZED (  -- hardly ever any: leads are looked at after that
                        SELECT id, lead_id FROM crm_lead_score
                         WHERE model_id = %s AND lead_id > %s AND %s AND lead_id <> ALL (%s)
                    )
                    SELECT stray.id FROM stray JOIN crm_lead ON crm_lead.id = stray.lead_id
                     WHERE crm_lead.active AND crm_lead.won_status = 'pending'
                )
                """,
                model.id,
                after,
                SQL("TRUE") if last is None else SQL("lead_id <= %s", last),
                int_array(covered),
            )
        )

    # ------------------------------------------------------------
    # An index where it pays
    # ------------------------------------------------------------

    @api.autovacuum
    def _gc_score_index(self):
        """Keep an index by score where there are many scores, and none where there are few."""
        ((count, indexed),) = self.env.execute_query(
            SQL(
                "SELECT (SELECT count(*) FROM (SELECT FROM crm_lead_score WHERE main LIMIT %s) page),"
                " to_regclass(%s) IS NOT NULL",
                MANY,
                SCORE_INDEX,
            )
        )
        wanted = count >= (MANY // 2 if indexed else MANY)  # not there one day and gone the next
        if wanted == indexed:
            return
        name = SQL.identifier(SCORE_INDEX)
        change = (
            SQL("CREATE INDEX %s ON crm_lead_score (score DESC NULLS LAST, lead_id DESC) WHERE main", name)
            if wanted
            else SQL("DROP INDEX %s", name)
        )
        try:
            with self.env.cr.savepoint():
                self.env.cr.execute(SQL("SET LOCAL lock_timeout = %s", INDEX_LOCK_TIMEOUT))
                self.env.cr.execute(change, log_exceptions=False)
                self.env.cr.execute(SQL("SET LOCAL lock_timeout TO DEFAULT"))
        except LockNotAvailable:
            _logger.info("Scores are being read or written: their index is left as it is until tomorrow.")
