"""What the widget in the lead's form asks for, part by part: each public method here is one RPC of one lead."""

import numpy as np

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..features.reasons import reasons
from ..features.story import story
from ..scoring.errors import ScorecardError
from ..scoring.scorecard import Scorecard
from .crm_lead import USED

# So many changes of a score are drawn.
CHANGES_TOLD = 200


class CrmLead(models.Model):
    _inherit = "crm.lead"

    lead_score_feedback_ids = fields.One2many("crm.lead.score.feedback", "lead_id", "Score Feedback", groups=USED)

    def get_lead_score_details(self):
        """Return what the widget shows at once.

        :return: dict of ``status`` and ``message`` (why there is no score, or what is to be known about the one
            there is), ``basics`` (score, grade, trend and the like), ``model`` (name), ``scored_on``,
            ``feedback_count``, ``links`` (ids of the contact and the company that the reader may open) and
            ``explanation``, see :func:`features.reasons.reasons`
        """
        self._check_may_see_score()
        row = self._main_score_row()
        status, message = self._lead_score_status(row)
        details = {"status": status, "message": message, "feedback_count": len(self.lead_score_feedback_ids)}
        if row:
            model = row.model_id
            details |= {
                "basics": self._lead_score_basics(),
                "model": model.name,
                "scored_on": self._lead_score_read_on(row),
                "explanation": self._explain_score(row),
                "links": self._lead_score_links(),
            }
        return details

    def get_lead_score_story(self):
        """Return how the score went.

        :return: dict of ``changes``, see :func:`features.story.story`, each with its ``date`` and ``score``, oldest
            first; ``stages``, dicts of date, before and after; ``grades``, dicts of name, color, min and max
        """
        self._check_may_see_score()
        row = self._main_score_row()
        if not row:
            return {"changes": [], "stages": [], "grades": []}
        rows = self._score_history(row.model_id)
        told = story(
            self.env,
            self.id,
            [(score, version_id, bytes(levels)) for _date, score, version_id, levels in rows],
            self._cards_of({version_id for _date, _score, version_id, _levels in rows}).get,
        )
        for change, (date, score, _version, _levels) in zip(told, rows):
            change.update(date=fields.Datetime.to_string(date), score=score)
        return {
            "changes": told,
            "stages": self._stage_moves(since=rows[0][0] if rows else None),
            "grades": [
                {"name": grade.name, "color": grade.color, "min": grade.min_score, "max": grade.max_score}
                for grade in row.model_id.grade_ids
            ],
        }

    def get_lead_score_proposals(self):
        """Return ``{"proposals"}``: what the reader can do that leads with a higher score have had done; see
        :meth:`lead.scoring.action._proposals`. Nothing for closed leads and for readers who may not change the lead."""
        self._check_may_see_score()
        row = self._main_score_row()
        card = row and self._cards_of([row.version_id.id]).get(row.version_id.id)
        # Rules say themselves what would give points.
        if (
            not isinstance(card, Scorecard)
            or not self.active
            or self.won_status != "pending"
            or not self.has_access("write")
        ):
            return {"proposals": []}
        actions = (
            self.env["lead.scoring.action"]
            .sudo()
            .search([("model_id", "in", [row.model_id.id, False])])
            .with_context(lang=self.env.lang)
        )
        levels = np.frombuffer(self._stored_levels(row), np.uint8)
        return {"proposals": actions._proposals(self, card, levels)}

    def get_lead_score_feedback(self):
        """Return ``{"mine", "others"}``: the reader's own feedback on this lead (False if none) and the others', as
        dicts of id, author, date, expected, given (False if there was no score), comments."""
        self._check_may_see_score()
        feedback = self.env["crm.lead.score.feedback"].search([("lead_id", "=", self.id)])
        mine = feedback.filtered(lambda one: one.author_id == self.env.user)
        return {
            "mine": mine._told()[0] if mine else False,
            "others": (feedback - mine)._told(),
        }

    def send_lead_score_feedback(self, expected, comments):
        """Send, or change, the reader's own feedback on this lead. Return what ``get_lead_score_feedback`` does."""
        self._check_may_see_score()
        Feedback = self.env["crm.lead.score.feedback"]
        values = {"expected_score": expected, "comments": comments}
        mine = Feedback.search([("lead_id", "=", self.id), ("author_id", "=", self.env.uid)])
        if mine:
            mine.write(values)
        else:
            Feedback.create({"lead_id": self.id, **values})
        return self.get_lead_score_feedback()

    def withdraw_lead_score_feedback(self):
        """Delete the reader's own feedback on this lead. Return what ``get_lead_score_feedback`` does."""
        self._check_may_see_score()
        self.env["crm.lead.score.feedback"].search(
            [("lead_id", "=", self.id), ("author_id", "=", self.env.uid)]
        ).unlink()
        return self.get_lead_score_feedback()

    # ------------------------------------------------------------
    # Basic information
    # ------------------------------------------------------------

    def _check_may_see_score(self):
        """Whoever may read a lead may see its score."""
        self.ensure_one()
        self.check_access("read")
        self._check_field_access(self._fields["lead_score"], "read")

    def _lead_score_basics(self):
        words = dict(self._fields["lead_score_trend"]._description_selection(self.env))
        return {
            "score": self.lead_score,
            "grade": self.lead_grade,
            "color": self.lead_grade_color,
            "trend": self.lead_score_trend,
            "word": words[self.lead_score_trend],
            "earlier": self.lead_score_earlier,
            "ready": self.lead_sales_ready,
            "ready_since": fields.Datetime.to_string(self.lead_sales_ready_date),
            "outdated_since": fields.Datetime.to_string(self.lead_score_outdated_since),
        }

    def _main_score_row(self):
        return self.env["crm.lead.score"].sudo().search([("lead_id", "=", self.id), ("main", "=", True)])

    def _lead_score_status(self, row):
        """Return a code and a sentence (False if there is nothing to say) about the state of the lead's score."""
        _ = self.env._
        if self.won_status != "pending":
            return "closed", (
                _("This lead is closed: it keeps its last score.")
                if row
                else _("This lead was closed before it was scored.")
            )
        if row and row.model_id.state not in ("live", "going_live"):
            return "stopped", _("%(model)s is not live any more: this score grows old.", model=row.model_id.name)
        if not self.active:
            return "archived", _("Archived leads are not scored.")
        covering = self._covering_models()
        if not covering:
            return "uncovered", self._why_uncovered(row)
        scoring = [("purpose", "=", "score"), ("saved_only", "=", False), ("state", "=", "running")]
        if running := covering.env["lead.scoring.run"].search([("model_id", "in", covering.ids), *scoring]):
            return "running", _(
                "Scoring runs: %(read)s of %(total)s leads so far.",
                read=sum(running.mapped("read_count")),
                total=sum(running.mapped("total_count")),
            )
        if not row:
            return "waiting", _("This lead is scored with the next run, within a day.")
        return "scored", False

    def _covering_models(self):
        """Return the models, live or going live, that score this lead while it is open."""
        lead = self.sudo()
        live = self.env["lead.scoring.model"].sudo().search([("state", "in", ["live", "going_live"])])
        return live.filtered(lambda model: not model._filter_problem() and lead.filtered_domain(model._lead_domain()))

    def _why_uncovered(self, row):
        if row:
            return self.env._("No live scoring model covers this lead any more: this score grows old.")
        if self.env["lead.scoring.model"].sudo().search_count([("state", "=", "live")], limit=1):
            return self.env._("No score: no live scoring model covers this lead.")
        return self.env._("No score yet: open leads are scored every day once a scoring model is live.")

    def _lead_score_read_on(self, row):
        """Return when the lead was last scored: a run writes only what changed."""
        of_all_leads = [("purpose", "=", "score"), ("saved_only", "=", False), ("state", "=", "done")]
        last_run = (
            self.env["lead.scoring.run"].sudo().search([("model_id", "=", row.model_id.id), *of_all_leads], limit=1)
        )
        is_open = self.active and self.won_status == "pending"
        dates = [row.date, last_run.date_end if is_open and last_run.date_end else row.date]
        return fields.Datetime.to_string(max(dates))

    def _lead_score_links(self):
        """Return the ids of what reasons link to, as far as the reader may open it."""
        contact = self.sudo().partner_id.with_env(self.env)
        company = contact.sudo().commercial_partner_id.with_env(self.env)
        return {
            "contact": contact.id if contact and contact.has_access("read") else False,
            "company": company.id if company and company.has_access("read") else False,
        }

    def _explain_score(self, row):
        """Return all reasons of the score; False where its version cannot be read, its sentence is the message."""
        card = self._cards_of([row.version_id.id]).get(row.version_id.id)
        if card is None:
            return False
        return reasons(
            self.env, card, self.ids, [self._stored_levels(row)], row.version_id._predicts(), everything=True
        )[self.id]

    def _stored_levels(self, row):
        ((levels,),) = self.env.execute_query(SQL("SELECT levels FROM crm_lead_score WHERE id = %s", row.id))
        return bytes(levels)

    def _cards_of(self, version_ids):
        """Return ``{version id: Scorecard}`` of those that can be loaded."""
        cards = {}
        for version in self.env["lead.scoring.model.version"].sudo().browse(version_ids).exists():
            try:
                cards[version.id] = version._load_card()
            except (ScorecardError, UserError):
                continue
        return cards

    # ------------------------------------------------------------
    # How it went
    # ------------------------------------------------------------

    def _score_history(self, model):
        """Return ``(date, score, version id, levels)`` of the last changes by a model, oldest first."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT date, score, version_id, levels FROM crm_lead_score_history
                 WHERE lead_id = %s AND model_id = %s ORDER BY date DESC, id DESC LIMIT %s
                """,
                self.id,
                model.id,
                CHANGES_TOLD,
            )
        )
        return rows[::-1]

    def _stage_moves(self, since):
        """Return the moves between stages, from the tracked values that everybody reads in the lead's chatter."""
        if not since or not self._has_field_access(self._fields["stage_id"], "read"):
            return []
        field = self.env["ir.model.fields"]._get("crm.lead", "stage_id")
        values = (
            self.env["mail.tracking.value"]
            .sudo()
            .search(
                [
                    ("mail_message_id.model", "=", "crm.lead"),
                    ("mail_message_id.res_id", "=", self.id),
                    ("mail_message_id.date", ">=", since),
                    ("field_id", "=", field.id),
                ],
                order="id",
            )
        )
        stages = self.env["crm.stage"].browse(
            {*values.mapped("old_value_integer"), *values.mapped("new_value_integer")}
        )
        names = {stage.id: stage.name for stage in stages.exists()}
        return [
            {
                "date": fields.Datetime.to_string(value.mail_message_id.date),
                "before": names.get(value.old_value_integer, value.old_value_char),
                "after": names.get(value.new_value_integer, value.new_value_char),
            }
            for value in values
        ]
