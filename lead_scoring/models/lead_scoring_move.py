from odoo import api, fields, models
from odoo.tools import SQL, groupby

from ..features.feature import int_array
from .crm_lead_score import UncheckedMany2one

QUALIFIED, SALES_READY = "qualified", "sales_ready"

# No model has made this lead sales-ready so far.
NOT_YET = SQL("(lead.lead_sales_ready IS NOT TRUE AND remembered.acted IS NOT TRUE)")


class LeadScoringMove(models.Model):
    """What a score has done to a lead: which stage it moved it to, or that it passed it over.

    It is remembered for each lead, so that no score does anything twice, or against a person who moved the lead back:
    with its first score a lead is qualified once; sales-ready it is moved again only when a model gives it a higher
    grade than that model gave it the last time. A lead that was not moved at its time (it was further already, the
    configuration said No, or going live, another sales-ready score or a new version left it where it was) is remembered
    just so, without a stage. Each model passes over its own sales-ready leads: what one leaves, another may move.

    Rows of leads that were passed over are as many as there are leads: they are written by SQL, in sets.
    """

    _name = "lead.scoring.move"
    _description = "Lead Moved by Its Score"
    _log_access = False
    _order = "id desc"
    _rec_name = "lead_id"

    lead_id = UncheckedMany2one("crm.lead", required=True, readonly=True, ondelete="cascade")
    company_id = fields.Many2one(related="lead_id.company_id")
    model_id = UncheckedMany2one("lead.scoring.model", "Scoring Model", readonly=True, ondelete="set null")
    kind = fields.Selection(
        [(QUALIFIED, "Automated Marketing Qualification"), (SALES_READY, "Sales Ready")],
        "Why",
        required=True,
        readonly=True,
    )
    date = fields.Datetime(required=True, readonly=True)
    score = fields.Integer(required=True, readonly=True, aggregator="avg")
    grade = fields.Char(readonly=True)
    stage_from_id = fields.Many2one("crm.stage", "From", readonly=True, ondelete="set null")
    stage_to_id = fields.Many2one("crm.stage", "To", readonly=True, ondelete="set null")
    message_id = fields.Many2one(
        "mail.message",
        readonly=True,
        ondelete="set null",
        index="btree_not_null",
        help="The message in the lead's chatter. By it a model knows that this was no person's move.",
    )
    converted = fields.Boolean(readonly=True, help="The lead was converted to an opportunity.")
    to_tell = fields.Boolean(readonly=True, help="The salesperson is still to be told.")

    _lead_kind_idx = models.Index("(lead_id, kind)")
    _to_tell_idx = models.Index("(model_id) WHERE to_tell")

    # ------------------------------------------------------------
    # Which leads are due
    # ------------------------------------------------------------

    @api.model
    def _due(self, model, kind, lead_ids=None, given=None):
        """Return SQL of the open leads whose score by a model is news: a first one, or a higher grade.

        Its columns: lead_id, score, grade, stage_from_id, stage_to_id (NULL where there is nothing to move: the lead is
        there already, further, won, or its team has no such stage), created, and acts: whether anything is to be done
        to the lead, rather than only to be remembered.

        :param kind: "qualified" or "sales_ready"
        :param lead_ids: look at these leads alone; ids, or SQL of them
        :param given: ``(ids, scores)``, as if the model had given these scores to these leads, and none to others
        """
        from_score = 0 if kind == QUALIFIED else model._sales_ready_from()
        if from_score is None:
            return SQL(
                "SELECT 0 AS lead_id, 0 AS score, '' AS grade, 0 AS stage_from_id, 0 AS stage_to_id,"
                " now()::timestamp AS created, FALSE AS acts WHERE FALSE"
            )
        for name in ("crm.lead", "crm.stage", "lead.scoring.grade", self._name):
            self.env[name].flush_model()
        return SQL(
            """
            SELECT lead.id AS lead_id, row.score, grade.name AS grade, lead.stage_id AS stage_from_id,
                   target.stage_id AS stage_to_id, lead.create_date AS created,
                   %(may_act)s AND (target.stage_id IS NOT NULL OR %(marks)s) AS acts
              FROM %(scores)s AS row(lead_id, score)
              JOIN crm_lead lead ON lead.id = row.lead_id
              LEFT JOIN crm_stage stage ON stage.id = lead.stage_id
              LEFT JOIN %(targets)s AS target(team_id, stage_id, sequence)
                     ON target.team_id = coalesce(lead.team_id, 0)
                    AND (stage.id IS NULL OR (stage.sequence, stage.id) < (target.sequence, target.stage_id))
              LEFT JOIN lead_scoring_grade grade
                     ON grade.model_id = %(model)s AND row.score BETWEEN grade.min_score AND grade.max_score
              LEFT JOIN %(remembered)s AS remembered ON remembered.lead_id = lead.id
              LEFT JOIN lead_scoring_grade reached
                     ON reached.model_id = %(model)s
                    AND remembered.score BETWEEN reached.min_score AND reached.max_score
             WHERE row.score >= %(from_score)s
               AND lead.active AND lead.won_status = 'pending' AND stage.is_won IS NOT TRUE
               AND %(is_news)s
            """,
            model=model.id,
            from_score=from_score,
            remembered=self._remembered(model, kind, lead_ids),
            scores=self._scores(model, kind, lead_ids, given),
            targets=self._targets_table(kind),
            **self._rules_of(kind, from_score),
        )

    def _scores(self, model, kind, lead_ids, given):
        """Return SQL of a table of ids of leads and their scores; with a first score, of those without memory."""
        if given:
            scores = SQL("unnest(%s, %s)", *(int_array(numbers) for numbers in given))
        else:
            among = self._among(SQL("lead_id"), lead_ids)
            scores = SQL("(SELECT lead_id, score FROM crm_lead_score WHERE model_id = %s AND %s)", model.id, among)
        if kind != QUALIFIED:
            return scores
        # Hardly any is left, which PostgreSQL does not guess: OFFSET keeps it from looking at their leads before that.
        return SQL(
            "(SELECT * FROM %s AS given(lead_id, score) WHERE NOT EXISTS (SELECT FROM lead_scoring_move move"
            " WHERE move.lead_id = given.lead_id AND move.kind = %s) OFFSET 0)",
            scores,
            kind,
        )

    def _remembered(self, model, kind, lead_ids):
        """Return SQL of a table of leads that were looked at before: lead_id, the best score then, whether it acted."""
        if kind == QUALIFIED:  # none of those with a memory is asked about
            return SQL("(SELECT NULL::int AS lead_id, NULL::int AS score WHERE FALSE)")
        among = self._among(SQL("lead_id"), lead_ids)
        return SQL(
            "(SELECT lead_id, max(score) FILTER (WHERE model_id = %s) AS score,"
            " bool_or(stage_to_id IS NOT NULL OR message_id IS NOT NULL OR converted) AS acted"
            " FROM lead_scoring_move WHERE kind = %s AND %s GROUP BY lead_id)",
            model.id,
            kind,
            among,
        )

    def _rules_of(self, kind, from_score):
        """Return the SQL conditions of a kind: what is news, when anything may be done, and what is marked."""
        if kind == QUALIFIED:
            return {"is_news": SQL("TRUE"), "may_act": SQL("TRUE"), "marks": SQL("FALSE")}
        higher = SQL("grade.min_score > reached.min_score")
        return {
            # What was remembered below the sales-ready score of today was no sales-ready lead as of today.
            "is_news": SQL("(remembered.score IS NULL OR remembered.score < %s OR %s)", from_score, higher),
            # What another model says of a lead that is sales-ready already is remembered, no more.
            "may_act": SQL("(%s OR coalesce(%s, FALSE))", NOT_YET, higher),
            "marks": SQL("lead.lead_sales_ready IS NOT TRUE"),
        }

    def _targets_table(self, kind):
        targets = self.env["crm.stage"].sudo()._targets(kind)
        stages = targets.values()
        return SQL(
            "unnest(%s, %s, %s)",
            int_array(targets),
            int_array(stage.id for stage in stages),
            int_array(stage.sequence for stage in stages),
        )

    def _among(self, column, lead_ids):
        if isinstance(lead_ids, SQL):
            return SQL("%s IN %s", column, lead_ids)
        return SQL("TRUE") if lead_ids is None else SQL("%s = ANY(%s)", column, int_array(lead_ids))

    @api.model
    def _few_due(self, model, kind, many, among=None):
        """Return the ids of all leads that are due, or None where there are so many.

        :param among: look at these leads alone, see :meth:`_due`
        """
        due = self._due(model, kind, among)
        rows = self.env.execute_query(SQL("SELECT lead_id FROM (%s) due LIMIT %s", due, many))
        return None if len(rows) == many else [lead_id for (lead_id,) in rows]

    @api.model
    def _next_due(self, model, kind, after, limit, before=None, since=None, among=None):
        """Return ids of the next leads to do something to, ascending.

        :param among: look at these leads alone, see :meth:`_due`
        :param before: only leads created before this moment
        :param since: only leads created since this moment
        """
        condition = SQL("TRUE")
        if before or since:
            condition = SQL("created < %s", before) if before else SQL("created >= %s", since)
        rows = self.env.execute_query(
            SQL(
                "SELECT lead_id FROM (%s) due WHERE acts AND lead_id > %s AND %s ORDER BY lead_id LIMIT %s",
                self._due(model, kind, among),
                after,
                condition,
                limit,
            )
        )
        return [lead_id for (lead_id,) in rows]

    @api.model
    def _due_ids(self, model, kind, given=None, moving=False):
        """Return the set of ids of the leads that are due.

        :param given: see :meth:`_due`
        :param moving: only those that would come to another stage
        """
        condition = SQL("acts AND stage_to_id IS NOT NULL") if moving else SQL("TRUE")
        rows = self.env.execute_query(
            SQL("SELECT lead_id FROM (%s) due WHERE %s", self._due(model, kind, given=given), condition)
        )
        return {lead_id for (lead_id,) in rows}

    @api.model
    def _may_be_due(self, model, lead_ids, from_score):
        """Return, at little cost, which of some leads may be due, a list of ids: none that is, is missing.

        :param from_score: the lowest score that is sales-ready by the model, None where that is switched off
        """
        remembered = SQL("FROM lead_scoring_move move WHERE move.lead_id = row.lead_id AND move.kind =")
        rows = self.env.execute_query(
            SQL(
                """
                SELECT row.lead_id FROM crm_lead_score row
                 WHERE row.model_id = %(model)s AND row.lead_id = ANY(%(leads)s)
                   AND (NOT EXISTS (SELECT %(remembered)s %(qualified)s)
                        OR (row.score >= %(from_score)s AND row.score > coalesce(
                            (SELECT max(move.score) %(remembered)s %(sales_ready)s AND move.model_id = row.model_id), -1)))
                """,
                model=model.id,
                leads=int_array(lead_ids),
                remembered=remembered,
                qualified=QUALIFIED,
                sales_ready=SALES_READY,
                from_score=101 if from_score is None else from_score,
            )
        )
        return [lead_id for (lead_id,) in rows]

    @api.model
    def _pass_over(self, model, kind, lead_ids=None, even_due=False, before=None, but=None):
        """Remember the leads that are due, without doing anything to them. Return how many.

        :param lead_ids: see :meth:`_due`
        :param even_due: those too to which something would be done
        :param before: only leads created before this moment
        :param but: SQL of the ids of leads that are left out
        """
        condition = SQL("TRUE") if even_due else SQL("NOT acts")
        if before:
            condition = SQL("%s AND created < %s", condition, before)
        if but:
            # Not NOT IN, which takes as long as leads times ids once these are too many to be hashed.
            condition = SQL(
                "%s AND NOT EXISTS (SELECT FROM %s AS other(id) WHERE other.id = due.lead_id)", condition, but
            )
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO lead_scoring_move (lead_id, model_id, kind, date, score, grade, stage_from_id)
                SELECT lead_id, %s, %s, %s::timestamp, score, grade, stage_from_id FROM (%s) due WHERE %s
                """,
                model.id,
                kind,
                fields.Datetime.now(),
                self._due(model, kind, lead_ids),
                condition,
            )
        )
        count = self.env.cr.rowcount
        self.invalidate_model(flush=False)
        return count

    # ------------------------------------------------------------
    # Leads that stayed where they were
    # ------------------------------------------------------------

    @api.model
    def _stayed_qualified(self, model, but=None):
        """Return SQL of the ids (lead_id) of the open leads with a score of a model that no first score has moved.

        Those only that would move. None that a model ever moved (the stage it came to may be deleted since), or that was
        further when it was passed over, is among them.

        :param but: SQL of the ids (lead_id) of leads that are left out
        """
        for name in ("crm.lead", "crm.stage", self._name):
            self.env[name].flush_model()
        return SQL(
            """
            SELECT lead.id AS lead_id FROM crm_lead_score row
              JOIN crm_lead lead ON lead.id = row.lead_id
              LEFT JOIN crm_stage stage ON stage.id = lead.stage_id
              JOIN %(targets)s AS target(team_id, stage_id, sequence)
                ON target.team_id = coalesce(lead.team_id, 0)
               AND (stage.id IS NULL OR (stage.sequence, stage.id) < (target.sequence, target.stage_id))
             WHERE row.model_id = %(model)s
               AND lead.active AND lead.won_status = 'pending' AND stage.is_won IS NOT TRUE
               AND EXISTS (SELECT FROM lead_scoring_move move WHERE move.lead_id = lead.id AND move.kind = %(kind)s)
               AND NOT EXISTS (
                    SELECT FROM lead_scoring_move move LEFT JOIN crm_stage earlier ON earlier.id = move.stage_from_id
                     WHERE move.lead_id = lead.id
                       AND (move.stage_to_id IS NOT NULL OR move.message_id IS NOT NULL OR move.converted
                            OR move.kind = %(kind)s
                            AND (earlier.sequence, earlier.id) >= (target.sequence, target.stage_id)))
               AND NOT EXISTS (SELECT FROM (%(but)s) other WHERE other.lead_id = lead.id)
            """,
            model=model.id,
            kind=QUALIFIED,
            targets=self._targets_table(QUALIFIED),
            but=but or SQL("SELECT 0 AS lead_id WHERE FALSE"),
        )

    @api.model
    def _stayed_sales_ready(self, model):
        """Return SQL of the ids (lead_id) of the open leads that are sales-ready by a model, and that it passed over.

        None that any model ever made sales-ready is among them: what a person moved back stays there.
        """
        for name in ("crm.lead", "crm.stage", self._name):
            self.env[name].flush_model()
        from_score = model._sales_ready_from()
        return SQL(
            """
            SELECT lead.id AS lead_id FROM crm_lead_score row
              JOIN crm_lead lead ON lead.id = row.lead_id
              LEFT JOIN crm_stage stage ON stage.id = lead.stage_id
              JOIN (SELECT lead_id, bool_or(model_id = %(model)s) AS passed_over,
                           bool_or(stage_to_id IS NOT NULL OR message_id IS NOT NULL OR converted) AS acted
                      FROM lead_scoring_move WHERE kind = %(kind)s GROUP BY lead_id
                   ) AS remembered ON remembered.lead_id = lead.id
             WHERE row.model_id = %(model)s AND row.score >= %(from_score)s
               AND lead.active AND lead.won_status = 'pending' AND stage.is_won IS NOT TRUE
               AND remembered.passed_over AND %(not_yet)s
            """,
            model=model.id,
            kind=SALES_READY,
            from_score=101 if from_score is None else from_score,
            not_yet=NOT_YET,
        )

    @api.model
    def _count_stayed(self, stayed):
        return self.env.execute_query(SQL("SELECT count(*) FROM (%s) stayed", stayed))[0][0]

    @api.model
    def _let_go(self, model, kind, stayed):
        """Forget that leads were passed over: the scheduled action of saved leads moves them.

        :param stayed: SQL of the ids (lead_id) of the leads
        """
        self.env["lead.scoring.due"]._insert(model.id, stayed, scored=True)
        # A first score is the lead's, whichever model passed it over.
        by = SQL("model_id = %s", model.id) if kind == SALES_READY else SQL("TRUE")
        self.env.cr.execute(
            SQL("DELETE FROM lead_scoring_move WHERE %s AND kind = %s AND lead_id IN (%s)", by, kind, stayed)
        )
        self.invalidate_model(flush=False)

    # ------------------------------------------------------------
    # Moving
    # ------------------------------------------------------------

    @api.model
    def _act(self, model, kind, lead_ids, settings):
        """Move, and mark, those of some leads that nobody is saving just now. Return the new moves.

        To be called first after a commit: the leads are locked until the next one.

        :param settings: :class:`ScoringSettings` of the model's company
        """
        leads = self.env["crm.lead"].sudo().browse(lead_ids).try_lock_for_update(allow_referencing=True)
        # Those that somebody saves just now: in a minute.
        self.env["lead.scoring.due"]._mark_scored(model, sorted(set(lead_ids) - set(leads.ids)))
        if not leads:
            return self.browse()
        # Only now is it certain how they stand.
        rows = self.env.execute_query(
            SQL(
                "SELECT lead_id, score, grade, stage_from_id, stage_to_id FROM (%s) due WHERE acts"
                " ORDER BY stage_to_id, lead_id",
                self._due(model, kind, leads.ids),
            )
        )
        converted = self._convert(leads.browse(row[0] for row in rows), kind, settings)
        for stage_to_id, together in groupby(rows, lambda row: row[4]):
            self._write(model, kind, stage_to_id, together)
        messages = self._messages_of({row[0]: row[4] for row in rows if row[4]})
        tells = kind == SALES_READY and settings.sales_ready_tell != "nobody"
        return self.sudo().create(
            [
                {
                    "lead_id": lead_id,
                    "model_id": model.id,
                    "kind": kind,
                    "date": fields.Datetime.now(),
                    "score": score,
                    "grade": grade,
                    "stage_from_id": stage_from_id,
                    "stage_to_id": stage_to_id,
                    "message_id": messages.get(lead_id),
                    "converted": lead_id in converted.ids,
                    "to_tell": tells,
                }
                for lead_id, score, grade, stage_from_id, stage_to_id in rows
            ]
        )

    def _convert(self, leads, kind, settings):
        """Make opportunities of the leads, if the configuration says so of those that are sales-ready."""
        leads = leads.filtered(lambda lead: lead.type == "lead")
        if kind != SALES_READY or not settings.sales_ready_convert:
            return leads.browse()
        for lead in leads:
            lead.convert_opportunity(lead.partner_id)
        return leads

    def _write(self, model, kind, stage_to_id, rows):
        """Write leads that come to the same stage (None: that stay), all of them in another one so far."""
        leads = self.env["crm.lead"].sudo().browse(row[0] for row in rows)
        for lead, (_lead_id, score, grade, *_stages) in zip(leads, rows):
            lead._track_set_log_message(self._line(lead, model, kind, score, grade))
        if kind == SALES_READY:
            leads.filtered(lambda lead: not lead.lead_sales_ready).write(
                {"lead_sales_ready": True, "lead_sales_ready_date": fields.Datetime.now()}
            )
        if stage_to_id:
            leads.write({"stage_id": stage_to_id})

    def _line(self, lead, model, kind, score, grade):
        """Return the one line of the chatter that says which model and score did it, in the salesperson's language."""
        lang = lead.user_id.lang or lead.company_id.partner_id.lang or self.env.lang
        env = self.with_context(lang=lang).env
        values = {"score": score, "grade": grade or "", "model": model.with_env(env).sudo().name}
        if kind == SALES_READY:
            return env._("Sales-ready: score %(score)s (%(grade)s) by %(model)s.", **values)
        return env._("First score: %(score)s (%(grade)s) by %(model)s.", **values)

    def _messages_of(self, stages):
        """Let Odoo track what was written, and return ``{lead id: id of the message that tracks its new stage}``.

        :param stages: ``{lead id: id of the stage it was moved to}``
        """
        self.env.flush_all()
        # The moves of the addon are no evidence: there is nothing to score anew.
        self.env["crm.lead"]._forget_changed(stages)
        self.env.cr.flush()
        if not stages:
            return {}
        rows = self.env.execute_query(
            SQL(
                """
                SELECT message.res_id, max(message.id)
                  FROM mail_message message
                  JOIN mail_tracking_value tracked ON tracked.mail_message_id = message.id
                 WHERE message.model = 'crm.lead' AND message.res_id = ANY(%s)
                   AND tracked.field_id = %s AND tracked.create_date >= %s
                 GROUP BY message.res_id
                """,
                int_array(stages),
                self.env["ir.model.fields"]._get("crm.lead", "stage_id").id,
                self.env.cr.now(),
            )
        )
        return dict(rows)

    # ------------------------------------------------------------
    # Telling
    # ------------------------------------------------------------

    @api.model
    def _next_to_tell(self, model, limit):
        return self.sudo().search([("model_id", "=", model.id), ("to_tell", "=", True)], order="id", limit=limit)

    def _tell(self, how):
        """Tell the salespeople, else the leaders of their teams, of leads that became sales-ready. Return how many.

        :param how: "activity", "message" or "nobody"
        """
        told = 0
        for move in self.filtered(lambda move: move.lead_id.exists()):
            lead = move.lead_id
            user = (lead.user_id | lead.team_id.user_id).filtered("active")[:1]
            if not user or not lead.active or how == "nobody":
                continue
            lead = lead.with_context(lang=user.lang)
            line = move.with_context(lang=user.lang)._line(lead, move.model_id, SALES_READY, move.score, move.grade)
            if how == "activity":
                lead.activity_schedule("lead_scoring.mail_activity_sales_ready", user_id=user.id, summary=line)
            else:
                subject = lead.env._("%(lead)s is sales-ready", lead=lead.name)
                lead.message_notify(partner_ids=user.partner_id.ids, subject=subject, body=line)
            told += 1
        self.to_tell = False
        return told

    @api.model
    def _forget_activity_type(self):
        """Before the addon is uninstalled: what is still to be done becomes a to-do, so that our type can go."""
        ours, to_do = (
            self.env.ref(f"{module}.{name}", raise_if_not_found=False)
            for module, name in (("lead_scoring", "mail_activity_sales_ready"), ("mail", "mail_activity_data_todo"))
        )
        if ours and to_do:
            activities = self.env["mail.activity"].sudo().with_context(active_test=False)
            activities.search([("activity_type_id", "=", ours.id)]).activity_type_id = to_do

    # ------------------------------------------------------------
    # What becomes of it
    # ------------------------------------------------------------

    def action_open_lead(self):
        """Open the lead of a line: what has become of it stands in its chatter."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "crm.lead",
            "res_id": self.lead_id.id,
            "views": [[False, "form"]],
        }

    def _carry(self, leads, lead):
        """Let the memory of leads that are merged into another one be that one's."""
        self.sudo().search([("lead_id", "in", leads.ids)]).lead_id = lead

    @api.autovacuum
    def _gc_doubles(self):
        """Delete what two scheduled actions remembered at the same time of leads that stayed where they were."""
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM lead_scoring_move double USING lead_scoring_move first
                 WHERE (first.lead_id, first.kind, first.model_id, first.score)
                       = (double.lead_id, double.kind, double.model_id, double.score)
                   AND first.id < double.id AND double.message_id IS NULL AND double.stage_to_id IS NULL
                   AND double.converted IS NOT TRUE AND double.to_tell IS NOT TRUE
                """
            )
        )
        self.invalidate_model(flush=False)

    @api.autovacuum
    def _gc_orphans(self):
        """Delete what is remembered of leads that are no more."""
        self.env.cr.execute(
            SQL("DELETE FROM lead_scoring_move move WHERE NOT EXISTS (SELECT FROM crm_lead WHERE id = move.lead_id)")
        )
        self.invalidate_model(flush=False)
