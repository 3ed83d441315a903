from odoo import api, fields, models
from odoo.fields import Domain
from odoo.orm.utils import parse_field_expr
from odoo.tools import SQL, Query

from ..features.reasons import reasons
from ..scoring.errors import ScoringError

# Fields of crm.lead that show a column of another table: the lead's main score row, or the grade it falls in.
SCORE_COLUMNS = {
    "lead_score": "score",
    "lead_score_trend": "trend",
    "lead_score_earlier": "earlier_score",
    "lead_score_date": "date",
    "lead_score_model_id": "model_id",
}
GRADE_COLUMNS = {"lead_grade": "name", "lead_grade_color": "color"}
MODEL_COLUMNS = {"lead_score_outdated_since": "scored_until"}
SCORE_FIELDS = (*SCORE_COLUMNS, *GRADE_COLUMNS, *MODEL_COLUMNS)
# Everybody has it while scoring is switched on in Settings.
USED = "lead_scoring.group_use_lead_scoring"
# Sorted by trend, the improving leads stand at one end and the unknown ones at the other.
TREND_ORDER = ["unknown", "down", "steady", "up"]


def _search_by(fname):
    """Return a search method for one of the score fields."""
    return lambda leads, operator, value: leads._search_score_field(fname, operator, value)


class Score(fields.Integer):
    """A score that a lead may lack: then it is False, shown and exported blank, and no average counts it as 0."""

    def convert_to_cache(self, value, record, validate=True):
        return None if value is None or value is False else int(value)

    def convert_to_record(self, value, record):
        return False if value is None else value

    def convert_to_export(self, value, record):
        return "" if value is False else value


class CrmLead(models.Model):
    _inherit = "crm.lead"

    lead_score = Score(
        compute="_compute_lead_score",
        search=_search_by("lead_score"),
        aggregator="avg",
        help="How likely the lead is to be won, or qualified where its scoring model predicts that: 0 to 100, refreshed "
        "every day.",
        groups=USED,
    )
    lead_grade = fields.Char(
        compute="_compute_lead_score",
        search=_search_by("lead_grade"),
        help="The range that the score falls in.",
        groups=USED,
    )
    lead_grade_color = fields.Integer(
        "Grade Color",
        compute="_compute_lead_score",
        search=_search_by("lead_grade_color"),
        aggregator=None,
        groups=USED,
    )
    lead_score_trend = fields.Selection(
        selection=lambda self: self.env["crm.lead.score"]._fields["trend"]._description_selection(self.env),
        compute="_compute_lead_score",
        search=_search_by("lead_score_trend"),
        help="Where the score is going, compared with the score of some days ago.",
        groups=USED,
    )
    lead_score_earlier = Score(
        "Earlier Score",
        compute="_compute_lead_score",
        search=_search_by("lead_score_earlier"),
        aggregator=None,
        help="The score that the trend compares with.",
        groups=USED,
    )
    lead_score_date = fields.Datetime(
        "Score Changed On", compute="_compute_lead_score", search=_search_by("lead_score_date"), groups=USED
    )
    lead_score_outdated_since = fields.Datetime(
        "Score Out of Date Since",
        compute="_compute_lead_score",
        search=_search_by("lead_score_outdated_since"),
        help="The scoring model of this lead scores no more: its score was last true on that day.",
        groups=USED,
    )
    lead_score_model_id = fields.Many2one(
        "lead.scoring.model",
        "Scoring Model",
        compute="_compute_lead_score",
        search=_search_by("lead_score_model_id"),
        groups="sales_team.group_sale_manager",
    )
    lead_score_reasons = fields.Json(
        "Reasons Behind the Score", compute="_compute_lead_score_reasons", exportable=False, groups=USED
    )
    lead_score_first_reason = fields.Char(
        "First Reason",
        compute="_compute_lead_score_first_reason",
        help="What moves the score most, up or down.",
        groups=USED,
    )
    # What automation rules can react to, and what happens rarely: stored and tracked on the lead itself.
    lead_sales_ready = fields.Boolean(
        "Sales Ready",
        readonly=True,
        copy=False,
        tracking=True,
        help="The lead reached a sales-ready score.",
        groups=USED,
    )
    lead_sales_ready_date = fields.Datetime("Sales Ready Since", readonly=True, copy=False, groups=USED)

    def unlink(self):
        ids = self.ids
        result = super().unlink()
        self.env["crm.lead.score.history"]._delete_of("lead_id", ids)
        self.env["lead.scoring.move"].sudo().search([("lead_id", "in", ids)]).unlink()
        return result

    def _has_field_access(self, field, operation):
        # Asked for each value of each lead in a list: the answer of super() for one group, at a third of its time.
        if field.groups == USED:
            return self.env.su or self.env.user.has_group(USED)
        # It is the managers' while scoring is on: groups of a field are any-of, so the rest is said here.
        if field.name == "lead_score_model_id" and not (self.env.su or self.env.user.has_group(USED)):
            return False
        return super()._has_field_access(field, operation)

    # ------------------------------------------------------------
    # Reading
    # ------------------------------------------------------------

    def _compute_lead_score(self):
        rows = self._read_score_rows()
        unscored = dict.fromkeys(SCORE_FIELDS, False)
        values = [rows.get(lead._origin.id, unscored) for lead in self]
        for fname in SCORE_FIELDS:
            # Leads of one grade, trend or model together: to assign is dearer than to group.
            alike = {}
            for lead_id, found in zip(self._ids, values):
                # For a dictionary the score 0 and False, which is no score, are the same.
                alike.setdefault((found[fname] is False, found[fname]), []).append(lead_id)
            for (_none, value), ids in alike.items():
                self.browse(ids)[fname] = value

    def _read_score_rows(self):
        """Return ``{lead id: {field: value}}`` of the scored leads among self, in one query.

        The caller has already been let at the leads: whoever may read a lead may read its score.
        """
        if not self._origin:
            return {}
        query = Query(self.env, self._table, self._table_sql)
        columns = [self.sudo()._score_field_to_sql(self._table, fname, query) for fname in SCORE_FIELDS]
        query.add_where(SQL("%s IN %s", SQL.identifier(self._table, "id"), tuple(self._origin._ids)))
        query.add_where(SQL("%s IS NOT NULL", columns[0]))
        rows = self.env.execute_query(query.select(SQL.identifier(self._table, "id"), *columns))
        return {row[0]: dict(zip(SCORE_FIELDS, row[1:])) for row in rows}

    def _compute_lead_score_reasons(self):
        explained = self._get_lead_score_reasons()
        for lead in self:
            lead.lead_score_reasons = explained.get(lead._origin.id, False)

    @api.depends_context("lang", "uid")
    def _compute_lead_score_first_reason(self):
        try:
            explained = self._get_lead_score_reasons(limit=1)
        except ScoringError:
            explained = {}  # a broken version is told in its lead's form: the list goes on without reasons
        for lead in self:
            found = explained.get(lead._origin.id, {}).get("reasons")
            lead.lead_score_first_reason = found[0]["text"] if found else False

    def _get_lead_score_reasons(self, limit=None):
        """Return ``{lead id: explanation}`` of the scored leads among self; see :func:`features.reasons.reasons`."""
        self.check_access("read")
        rows = self.env.execute_query(
            SQL(
                "SELECT version_id, array_agg(lead_id), array_agg(levels) FROM crm_lead_score"
                " WHERE main AND lead_id = ANY(%s) GROUP BY version_id",
                list(self._origin._ids),
            )
        )
        explained = {}
        for version_id, lead_ids, packed in rows:
            version = self.env["lead.scoring.model.version"].sudo().browse(version_id)
            levels = [bytes(level) for level in packed]
            explained.update(reasons(self.env, version._load_card(), lead_ids, levels, version._predicts(), limit))
        return explained

    @api.model
    def _invalidate_scores(self):
        """Forget cached scores, after they were written by SQL."""
        self.env["crm.lead.score"].invalidate_model(flush=False)
        self.env["crm.lead.score.history"].invalidate_model(flush=False)
        self.invalidate_model([*SCORE_FIELDS, "lead_score_reasons", "lead_score_first_reason"], flush=False)

    # ------------------------------------------------------------
    # Searching, sorting, grouping
    # ------------------------------------------------------------

    def _search_score_field(self, fname, operator, value):
        """Search like a stored field would, on the joined table: SQL and Python agree for every operator."""
        field = self._fields[fname]
        positive = operator.removeprefix("not ")

        def to_sql(model, alias, query):
            if fname == "lead_score_trend" and operator in ("in", "not in") and set(value) == {False}:
                return model._has_score_to_sql(alias, operator == "not in", query)
            return field.condition_to_sql(fname, operator, value, model, alias, query)

        def predicate(lead):
            found = bool(field.filter_function(lead, fname, positive, value)(lead))
            return found == (positive == operator)

        return Domain.custom(to_sql=to_sql, predicate=predicate)

    def _field_to_sql(self, alias, field_expr, query=None):
        fname, property_name = parse_field_expr(field_expr)
        if fname not in SCORE_FIELDS:
            return super()._field_to_sql(alias, field_expr, query)
        field = self._fields[fname]
        self._check_field_access(field, "read")
        sql = self._score_field_to_sql(alias, fname, query)
        return field.property_to_sql(sql, property_name, self, alias, query) if property_name else sql

    def _has_score_to_sql(self, alias, scored, query):
        """Return the condition that a lead has a score, or none: it takes the index alone."""
        self._field_to_sql(alias, "lead_score_trend", query)  # joins the table
        lead_id = SQL.identifier(query.make_alias(alias, "lead_score"), "lead_id")
        return SQL("%s IS NOT NULL" if scored else "%s IS NULL", lead_id)

    def _score_field_to_sql(self, alias, fname, query):
        """Return the column behind a score field, joining what it takes to a query.

        The join passes by the rules of the joined tables: a score is visible exactly when its lead is.
        """
        if query is None:
            raise ValueError(f"{fname} lies in a joined table and cannot be read without a query")
        Score = self.env["crm.lead.score"]
        score_alias = query.make_alias(alias, "lead_score")
        query.add_join(
            "LEFT JOIN",
            score_alias,
            Score._table,
            # Without `main` a lead with two models would come twice.
            SQL(
                "%s = %s AND %s",
                SQL.identifier(score_alias, "lead_id", to_flush=Score._fields["lead_id"]),
                SQL.identifier(alias, "id"),
                SQL.identifier(score_alias, "main", to_flush=Score._fields["main"]),
            ),
        )
        if fname in SCORE_COLUMNS:
            column = SCORE_COLUMNS[fname]
            return SQL.identifier(score_alias, column, to_flush=Score._fields[column])
        if fname in MODEL_COLUMNS:
            return self._model_column_to_sql(score_alias, MODEL_COLUMNS[fname], query)
        return self._grade_column_to_sql(score_alias, GRADE_COLUMNS[fname], query)

    def _model_column_to_sql(self, score_alias, column, query):
        Model = self.env["lead.scoring.model"]
        model_alias = query.make_alias(score_alias, "model")
        query.add_join(
            "LEFT JOIN",
            model_alias,
            Model._table,
            SQL("%s = %s", SQL.identifier(model_alias, "id"), SQL.identifier(score_alias, "model_id")),
        )
        return SQL.identifier(model_alias, column, to_flush=Model._fields[column])

    def _grade_column_to_sql(self, score_alias, column, query):
        Grade = self.env["lead.scoring.grade"]
        grade_alias = query.make_alias(score_alias, "grade")
        query.add_join(
            "LEFT JOIN",
            grade_alias,
            Grade._table,
            SQL(
                "%s = %s AND %s BETWEEN %s AND %s",
                SQL.identifier(grade_alias, "model_id", to_flush=Grade._fields["model_id"]),
                SQL.identifier(score_alias, "model_id"),
                SQL.identifier(score_alias, "score"),
                SQL.identifier(grade_alias, "min_score", to_flush=Grade._fields["min_score"]),
                SQL.identifier(grade_alias, "max_score", to_flush=Grade._fields["max_score"]),
            ),
        )
        return SQL.identifier(grade_alias, column, to_flush=Grade._fields[column])

    def _order_field_to_sql(self, alias, field_name, direction, nulls, query):
        """Sort unscored leads last, whatever the direction; grades from best to worst; trends by direction."""
        if field_name not in SCORE_FIELDS or self._fields[field_name].type == "many2one":
            return super()._order_field_to_sql(alias, field_name, direction, nulls, query)
        sql = self._field_to_sql(alias, field_name, query)
        if field_name == "lead_score_trend":
            sql = SQL("array_position(%s::text[], %s::text)", TREND_ORDER, sql)
        query._order_groupby.append(sql)
        return SQL("%s %s %s", sql, direction, nulls if nulls.code else SQL("NULLS LAST"))
