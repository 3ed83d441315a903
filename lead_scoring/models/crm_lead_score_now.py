from collections import Counter

from odoo import models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..scoring.errors import ScoringError

# More leads than this are left to the scheduled action: nobody waits longer than some seconds.
SCORED_AT_ONCE = 2_000


class CrmLead(models.Model):
    """*Score Now*: for those who cannot wait for the daily scheduled action."""

    _inherit = "crm.lead"

    def action_score_now(self):
        """Score these leads by all live models that cover them; return a notice of what changed.

        Whoever may read a lead may have it scored. More than SCORED_AT_ONCE leads are left to a scheduled action.
        """
        self.check_access("read")
        self._check_field_access(self._fields["lead_score"], "read")
        leads = self.exists()
        if len(leads) > SCORED_AT_ONCE:
            live = self.env["lead.scoring.model"].sudo().search([("state", "=", "live")])
            if not live:
                uncovered = self.env._("%(count)s not scored: no live scoring model covers them.", count=len(leads))
                return self._score_notice(uncovered, warning=True)
            self.env["lead.scoring.due"]._mark(dict.fromkeys(live.ids, leads.ids))
            return self._score_notice(
                self.env._(
                    "%(count)s leads are more than can be waited for: they are scored in the background, starting "
                    "within a minute.",
                    count=len(leads),
                )
            )
        before = dict(zip(leads._ids, leads.mapped("lead_score")))
        scored, problems = leads._score_by_live_models()
        return self._score_notice(
            "\n".join([*leads._score_changes(before, scored), *problems]),
            warning=bool(problems) or not scored,
            reload=bool(scored),
        )

    def _score_by_live_models(self):
        """Score what of self is open by the live models that cover it, with all rights and without a commit.

        The caller has checked that the leads may be read.

        :return: set of the ids that some model scored, and sentences on models that could not
        """
        scored, problems = set(), []
        for model in self.env["lead.scoring.model"].sudo().search([("state", "=", "live")]):
            try:
                covered = self.sudo().search(model._open_lead_domain() & Domain("id", "in", self.ids), order="id")
                if covered:
                    with self.env.cr.savepoint():
                        batch = model._score_batch(covered.ids)
                    scored.update(covered.ids)
                    if batch.changed:
                        self.env["lead.scoring.due"]._mark_changed(model, covered.ids, model._sales_ready_from())
            except (ScoringError, UserError) as error:
                problems.append(str(error))
        return scored, problems

    def _score_changes(self, before, scored):
        """Return sentences on what became of the scores.

        :param before: ``{lead id: its score before, False if it had none}``
        :param scored: set of the ids that were scored
        """
        _ = self.env._
        done = self.filtered(lambda lead: lead.id in scored and lead.lead_score is not False)
        if len(self) == 1 and done:
            old, new = before[self.id], self.lead_score
            if old is False:
                return [_("The first score is %(score)s.", score=new)]
            if old == new:
                return [_("The score is still %(score)s.", score=new)]
            return [_("The score is %(score)s, it was %(earlier)s.", score=new, earlier=old)]
        moves = Counter(lead._score_move(before[lead.id]) for lead in done)
        sentences = []
        if done:
            parts = [
                text
                for move, text in (
                    ("new", _("%(count)s for the first time", count=moves["new"])),
                    ("up", _("%(count)s went up", count=moves["up"])),
                    ("down", _("%(count)s down", count=moves["down"])),
                )
                if moves[move]
            ]
            sentences.append(
                _(
                    "%(count)s leads scored: %(changes)s.",
                    count=len(done),
                    changes=", ".join(parts) or _("none changed"),
                )
            )
        left = self - done
        if closed := left.filtered(lambda lead: not lead.active or lead.won_status != "pending"):
            sentences.append(_("%(count)s won, lost or archived: only open leads are scored.", count=len(closed)))
        if uncovered := left - closed:
            sentences.append(_("%(count)s not scored: no live scoring model covers them.", count=len(uncovered)))
        return sentences

    def _score_move(self, before):
        if before is False:
            return "new"
        return "up" if self.lead_score > before else "down" if self.lead_score < before else "same"

    def _score_notice(self, message, warning=False, reload=False):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.env._("Lead scores"),
                "type": "warning" if warning else "success",
                "message": message,
                "className": "o_lead_scoring_lines",
                "next": {"type": "ir.actions.client", "tag": "soft_reload"} if reload else None,
            },
        }
