import random
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import TransactionCase, new_test_user

from ..models import lead_scoring_model_training

NO_NOISE = {
    "tracking_disable": True,
    "mail_create_nolog": True,
    "mail_create_nosubscribe": True,
    "mail_notrack": True,
    "no_reset_password": True,
}


class LeadScoringCommon(TransactionCase):
    """A company of its own whose referred leads are won four times out of five, cold ones once out of five.

    | user       | groups                        | sees leads        |
    |------------|-------------------------------|-------------------|
    | sam        | User: Own Documents Only      | own, unassigned   |
    | alma       | User: All Documents           | all of company    |
    | mona       | Administrator (sales)         | all, configures   |
    | otto       | Administrator, other company  | other company's   |
    | ida        | internal user, no CRM         | none              |
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(context={**cls.env.context, **NO_NOISE})
        # One round of cross-validation instead of five: these tests are about what becomes of a report.
        cls.startClassPatcher(patch.object(lead_scoring_model_training, "REPEATS", 1))
        cls.company = cls.env["res.company"].create({"name": "Scored Ltd"})
        cls.other_company = cls.env["res.company"].create({"name": "Other Ltd"})
        cls.sam = cls._user("sam", "sales_team.group_sale_salesman")
        cls.alma = cls._user("alma", "sales_team.group_sale_salesman_all_leads")
        cls.mona = cls._user("mona", "sales_team.group_sale_manager")
        cls.otto = cls._user("otto", "sales_team.group_sale_manager", cls.other_company)
        cls.ida = cls._user("ida", "base.group_user")
        cls.team = cls.env["crm.team"].create({"name": "Scored Team", "company_id": cls.company.id})
        cls.referral, cls.cold = cls.env["utm.source"].create([{"name": "Test Referral"}, {"name": "Test Cold Call"}])
        cls.won_stage = cls.env["crm.stage"].search([("is_won", "=", True)], limit=1)
        cls.open_stage = cls.env["crm.stage"].search([("is_won", "=", False), ("team_ids", "=", False)], limit=1)
        cls.model = cls.env["lead.scoring.model"].create({"name": "Test model", "company_id": cls.company.id})

    @classmethod
    def _user(cls, login, group, company=None):
        company = company or cls.company
        return new_test_user(
            cls.env,
            login=f"scoring_{login}",
            groups=f"base.group_user,{group}",
            company_id=company.id,
            company_ids=[(6, 0, company.ids)],
        )

    @classmethod
    def _leads(cls, count, outcome, source, company=None, **values):
        """Make leads of an outcome (won, lost, open) and source.

        Open ones are 1 to 6 days old; closed ones came 20 to 60 days ago and lived for longer than the open ones yet.
        """
        company = company or cls.company
        outcome_values = {
            "won": {"stage_id": cls.won_stage.id, "probability": 100},
            "lost": {"stage_id": cls.open_stage.id, "probability": 0, "active": False},
            "open": {"stage_id": cls.open_stage.id},
        }[outcome]
        leads = cls.env["crm.lead"].create(
            [
                {
                    "name": f"{outcome} {source.name} {number}",
                    "type": "opportunity",
                    "company_id": company.id,
                    "team_id": cls.team.id if company == cls.company else False,
                    "user_id": False,
                    "source_id": source.id,
                    **outcome_values,
                    **values,
                }
                for number in range(count)
            ]
        )
        leads.flush_recordset()
        now = fields.Datetime.now()
        # Nothing of an outcome may show in the dates; fixed draws, so that a test never fails by chance.
        draw = random.Random(f"{outcome}{int(source == cls.cold)}{count}")
        for lead in leads:
            created = now - timedelta(days=draw.uniform(1, 6) if outcome == "open" else draw.uniform(20, 60))
            closed = created + timedelta(days=draw.uniform(6, 19)) if outcome != "open" else None
            cls.env.cr.execute(
                "UPDATE crm_lead SET create_date = %s, date_closed = %s WHERE id = %s", (created, closed, lead.id)
            )
        leads.invalidate_recordset(["create_date", "date_closed"])
        return leads

    @classmethod
    def _history(cls, scale=1, company=None):
        """Close 100 leads (times scale): 40 of 50 referrals won, 10 of 50 cold calls."""
        for count, outcome, source in (
            (40, "won", cls.referral),
            (10, "lost", cls.referral),
            (10, "won", cls.cold),
            (40, "lost", cls.cold),
        ):
            cls._leads(count * scale, outcome, source, company)

    @classmethod
    def _trained(cls):
        """Train the model on the history and open leads of both sources."""
        cls._history()
        cls.hot = cls._leads(4, "open", cls.referral)
        cls.cool = cls._leads(6, "open", cls.cold)
        return cls.model._train()

    @classmethod
    def _go_live(cls):
        """Train, go live, and score the open leads."""
        cls._trained()
        cls._take_live(cls.model)
        return cls.hot | cls.cool

    @classmethod
    def _take_live(cls, models):
        """Press Go Live and let the scheduled action do it."""
        models.action_go_live()
        cls._run_jobs()

    @classmethod
    def _stop(cls, models):
        """Press Stop and let the scheduled action do it."""
        models.action_stop()
        cls._run_jobs()

    @classmethod
    def _run_jobs(cls):
        """Run the scheduled action that scores and stops, without its commits."""
        cls.env.flush_all()
        with patch.object(type(cls.env["ir.cron"]), "_commit_progress", lambda *_, **__: float("inf")):
            cls.env["lead.scoring.run"].sudo()._cron_score_leads()
        cls.env.flush_all()
        cls.env.invalidate_all()

    @classmethod
    def _score(cls):
        """Score the open leads as the scheduled action would, without its commits."""
        cls.model._score_batch((cls.hot | cls.cool).ids)
        return cls.hot | cls.cool
