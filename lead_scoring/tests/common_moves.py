from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from odoo import fields

from .common import LeadScoringCommon


class MovesCommon(LeadScoringCommon):
    """A pipeline New, Automated Marketing Qualification, Called, Sales Acceptance, Offer, Won of a team, with tracking.

    Referrals are sales-ready (their score is above 60), cold calls are not.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["lead.scoring.model"].search([("state", "=", "live")]).sudo().state = "stopped"
        cls.env["lead.scoring.config"].search([]).active = False
        cls.env["crm.stage"].search([("scoring_role", "!=", False)]).scoring_role = False
        cls.new, cls.qualification, cls.called, cls.acceptance, cls.offer, cls.won_stage = cls.env["crm.stage"].create(
            [
                {"name": "Incoming", "sequence": -6},
                {"name": "Ours Qualified", "sequence": -5, "scoring_role": "qualified"},
                {"name": "Called", "sequence": -4},
                {"name": "Ours Accepted", "sequence": -3, "scoring_role": "sales_ready"},
                {"name": "Offer", "sequence": -2},
                {"name": "Signed", "sequence": -1, "is_won": True},
            ]
        )
        cls.stages = cls.new + cls.qualification + cls.called + cls.acceptance + cls.offer + cls.won_stage
        cls.stages.team_ids = cls.team
        cls.open_stage = cls.new
        cls._trained()
        cls.model.sales_ready_score = 60
        # From here on as in life: tracked, followed, told.
        cls.env = cls.env(context={})
        for name in ("model", "hot", "cool", "team", "company", *cls.stages_named):
            setattr(cls, name, getattr(cls, name).with_env(cls.env))
        cls.env.cr.flush()

    stages_named = ("new", "qualification", "called", "acceptance", "offer", "won_stage", "referral", "cold")

    def setUp(self):
        super().setUp()
        # Ages in days are a feature: held still, a lead scored twice has the same score.
        self.leads = self.hot | self.cool

    @classmethod
    def _live(cls, move=True):
        cls.model.with_context(lead_scoring_move_leads=move).action_go_live()

    def _run(self, cron="score"):
        """Run the scheduled action; return the last run of the model."""
        self.env.cr.flush()
        with self.enter_registry_test_mode():
            self.env.ref(f"lead_scoring.ir_cron_{cron}_leads").method_direct_trigger()
        self.env.invalidate_all()
        return self.env["lead.scoring.run"].search([("model_id", "=", self.model.id)], limit=1)

    def _run_in_short_turns(self):
        """Run the scheduled action turn after turn, each over after a few commits, until its run is done.

        :return: the run, and how many turns it took
        """
        left, turns, run = 0, 0, self.env["lead.scoring.run"]

        def cut(cron, processed=0, *, remaining=None, deactivate=False):
            nonlocal left
            left -= 1
            cron.env.cr.commit()
            return max(left, 0)

        with patch.object(type(self.env["ir.cron"]), "_commit_progress", cut):
            while run.state != "done":
                left, turns = 6, turns + 1
                run = self._run()
                self.assertLess(turns, 50)
        return run, turns

    def _save(self):
        """End the transaction of whoever saved something, as far as a test can."""
        self.env.cr.flush()
        self.env.invalidate_all()

    @contextmanager
    def _scores(self, scores, version=None):
        """Let the model give leads these scores instead of its own.

        :param scores: ``{lead: score}``; other leads keep theirs
        """
        Score = type(self.env["crm.lead.score"])
        store, wanted = Score._store, {lead.id: score for lead, score in scores.items()}

        def other(rows, model, version, lead_ids, given, levels):
            for place, lead_id in enumerate(lead_ids.tolist()):
                given[place] = wanted.get(lead_id, given[place])
            return store(rows, model, version, lead_ids, given, levels)

        with patch.object(Score, "_store", other):
            yield

    def _give(self, leads, user):
        """Make somebody the salesperson of leads; their team stays."""
        leads.write({"user_id": user.id, "team_id": self.team.id})

    def _moves(self, leads, **conditions):
        domain = [("lead_id", "in", leads.ids), *((name, "=", value) for name, value in conditions.items())]
        return self.env["lead.scoring.move"].search(domain)

    def _messages(self, lead, text=""):
        return lead.message_ids.filtered(lambda message: text in (message.body or ""))

    @staticmethod
    def _long_ago(cr, messages):
        cr.execute("UPDATE mail_message SET date = date - interval '1 day' WHERE id = ANY(%s)", (messages.ids,))

    def _ago(self, **delta):
        return fields.Datetime.now() - timedelta(**delta)


class SavedCommon(MovesCommon):
    """A live model whose leads have scores and stayed where they were; nothing waits for a scheduled action."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._live(move=False)
        cls.env.cr.flush()
        cls._run_jobs()
        cls.triggers = cls.env["ir.cron.trigger"]
        cls.triggers.search([]).unlink()

    def _new(self, user=None, **values):
        Lead = self.env["crm.lead"].with_user(user or self.sam)
        return Lead.create(
            {
                "name": "Fresh",
                "type": "opportunity",
                "team_id": self.team.id,
                "company_id": self.company.id,
                "source_id": self.referral.id,
                **values,
            }
        )

    def _earlier(self, lead):
        return self.env["crm.lead.score.history"].search([("lead_id", "=", lead.id)])

    def _triggered(self, cron="score"):
        """Return how often the scheduled action is to run."""
        return self.triggers.search_count([("cron_id", "=", self.env.ref(f"lead_scoring.ir_cron_{cron}_leads").id)])

    def _due(self):
        """Return ``{(lead, model)}`` of the leads that are marked due."""
        return {(mark.lead_id, mark.model_id) for mark in self.env["lead.scoring.due"].sudo().search([])}
