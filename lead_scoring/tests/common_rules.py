from datetime import timedelta

from odoo import Command, fields

from .common import LeadScoringCommon


class RulesCommon(LeadScoringCommon):
    """A model of rules, four open leads, and ways to let things happen on them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["lead.scoring.model"].search([("state", "=", "live")]).sudo().state = "stopped"
        cls.model = cls.env["lead.scoring.model"].create(
            {"name": "Points", "kind": "rules", "company_id": cls.company.id}
        )
        cls.leads = cls._leads(2, "open", cls.referral) | cls._leads(2, "open", cls.cold)
        cls.referred = [("source_id", "=", cls.referral.id)]

    @classmethod
    def _rule(cls, points=10, domain=(), conditions=(), **values):
        return cls.env["lead.scoring.rule"].create(
            {
                "name": f"Rule of {points}",
                "model_id": cls.model.id,
                "points": points,
                "domain": repr(list(domain)),
                "condition_ids": [Command.create(condition) for condition in conditions],
                **values,
            }
        )

    def _live(self):
        """Go live, which scores in the background."""
        self._take_live(self.model)

    def _score_all(self):
        self.model._score_batch(self.leads.ids)
        self.env.invalidate_all()

    def _scores(self):
        return self.leads.mapped("lead_score")

    @classmethod
    def _message(cls, lead, days_ago=1, author=None, **values):
        """Post a message: received from outside, unless an internal user is its author."""
        return cls.env["mail.message"].create(
            {
                "model": "crm.lead",
                "res_id": lead.id,
                "message_type": "comment" if author else "email",
                "subtype_id": cls.env.ref("mail.mt_comment").id,
                "author_id": author.partner_id.id if author else False,
                "date": fields.Datetime.now() - timedelta(days=days_ago, minutes=5),
                "body": "Hello",
                **values,
            }
        )

    @classmethod
    def _meeting(cls, lead, days_ago=1):
        stop = fields.Datetime.now() - timedelta(days=days_ago, minutes=5)
        return cls.env["calendar.event"].create(
            {"name": "Meeting", "opportunity_id": lead.id, "start": stop - timedelta(hours=1), "stop": stop}
        )
