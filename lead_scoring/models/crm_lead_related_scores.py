from collections import Counter

from odoo import api, fields, models
from odoo.tools import SQL

from .crm_lead import USED
from .lead_scoring_model import SCORING


class CrmLead(models.Model):
    """A lead that several models score: all of its scores, side by side, never added up or averaged."""

    _inherit = "crm.lead"

    lead_related_scores = fields.Json(
        "Related Lead Scores", compute="_compute_lead_related_scores", exportable=False, groups=USED
    )

    def _compute_lead_related_scores(self):
        related = self._get_lead_related_scores()
        for lead in self:
            lead.lead_related_scores = related.get(lead._origin.id, False)

    def _get_lead_related_scores(self):
        """Return ``{lead id: scores}`` of the leads among self that several models score.

        Scores are dicts of model, kind, score, grade, color, trend, own (it is the lead's own score, which comes first)
        and outdated (its model is not live any more), in the reader's language. Whoever may read a lead may read its
        scores.
        """
        self.check_access("read")
        Model = self.env["lead.scoring.model"].sudo()
        Model.flush_model(["sequence"])
        self.env["lead.scoring.grade"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT row.lead_id, row.model_id, row.score, grade.name, grade.color, row.trend, row.main
                  FROM crm_lead_score row
                  JOIN lead_scoring_model model ON model.id = row.model_id
                  LEFT JOIN lead_scoring_grade grade ON grade.model_id = row.model_id
                                                    AND row.score BETWEEN grade.min_score AND grade.max_score
                 WHERE row.lead_id = ANY(%s)
                 ORDER BY row.main DESC, model.sequence, model.id
                """,
                list(self._origin._ids),
            )
        )
        several = {lead_id for lead_id, count in Counter(row[0] for row in rows).items() if count > 1}
        rows = [row for row in rows if row[0] in several]
        kinds = dict(Model._fields["kind"]._description_selection(self.env))
        trends = dict(self.env["crm.lead.score"]._fields["trend"]._description_selection(self.env))
        scoring_models = Model.browse({row[1] for row in rows})
        known = {
            model.id: {
                "id": model.id,
                "model": model.name,
                "kind": kinds[model.kind],
                "outdated": model.state not in SCORING,
            }
            for model in scoring_models
        }
        related = {}
        for lead_id, model_id, score, grade, color, trend, main in rows:
            related.setdefault(lead_id, []).append(
                {
                    **known[model_id],
                    "score": score,
                    "grade": grade,
                    "color": color or 0,
                    "trend": trend,
                    "trend_words": trends[trend],
                    "own": bool(main),
                }
            )
        return related

    @api.model
    def _invalidate_scores(self):
        self.invalidate_model(["lead_related_scores"], flush=False)
        return super()._invalidate_scores()
