from unittest.mock import patch

import numpy as np

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import tagged

from ..wizard import lead_scoring_rule_backtest
from .common_rules import RulesCommon


@tagged("post_install", "-at_install")
class TestPointsFromThePredictiveModel(RulesCommon):
    """Of 100 closed leads, 40 of 50 referrals and 10 of 50 cold calls were won; of each half were e-mails, of which 33
    were won and 17 of the others. The predictive model was told to leave e-mails out."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._history()
        cls.email = cls.env["utm.medium"].create({"name": "Test E-mail"})
        closed = cls.env["crm.lead"].with_context(active_test=False)
        closed = closed.search([("company_id", "=", cls.company.id), ("won_status", "!=", "pending")], order="id")
        for source, outcome, emails in (
            (cls.referral, "won", 24),
            (cls.referral, "lost", 1),
            (cls.cold, "won", 9),
            (cls.cold, "lost", 16),
        ):
            kind = closed.filtered(lambda lead, s=source, o=outcome: lead.source_id == s and lead.won_status == o)
            kind[:emails].medium_id = cls.email
        cls.predictive = cls.env["lead.scoring.model"].create(
            {"name": "Foresight", "company_id": cls.company.id, "sequence": 1}
        )
        cls.env["lead.scoring.feature"].create(
            {"model_id": cls.predictive.id, "name": "lead.medium_id", "choice": "out"}
        )
        cls.predictive._train()
        cls.of_referral = cls._rule(10, cls.referred, name="Referred")
        cls.of_email = cls._rule(10, [("medium_id", "=", cls.email.id)], name="E-mail")

    def _backtest(self, user=None):
        action = self.model.with_user(user or self.mona).action_backtest_rules()
        return self.env[action["res_model"]].with_user(user or self.mona).browse(action["res_id"])

    def _points(self, backtest):
        return {line.rule_id: line.suggested_points for line in backtest.line_ids}

    def _says(self, function):
        """Let the predictive model say something else: a function of the leads gives the log-odds."""

        def told(env, _card, closed, _asked, _company):
            return np.array([float(function(lead)) for lead in env["crm.lead"].browse(closed.ids.tolist())])

        return patch.object(lead_scoring_rule_backtest, "log_odds", told)

    def test_it_says_which_model_the_points_are_suggested_from(self):
        backtest = self._backtest()
        self.assertEqual(backtest.predictive_id, self.predictive)
        self.assertEqual(
            backtest.basis,
            "Points suggested from Foresight's probabilities: they repeat what that model knows.",
        )

    def test_what_the_model_does_not_look_at_gets_no_points_even_if_it_tells_won_from_lost(self):
        backtest = self._backtest()
        self.assertEqual(backtest.line_ids.mapped("verdict"), ["telling", "telling"])
        points = self._points(backtest)
        self.assertGreater(points[self.of_referral], 80)
        self.assertLess(abs(points[self.of_email]), 15)
        self.predictive.sudo().version_id = False
        by_outcome = self._points(self._backtest())
        self.assertGreater(by_outcome[self.of_email], 25)

    def test_the_points_follow_the_order_and_the_ratio_of_what_the_model_says(self):
        with self._says(lambda lead: 0.9 * (lead.medium_id == self.email) + 0.3 * (lead.source_id == self.referral)):
            points = self._points(self._backtest())
        self.assertAlmostEqual(points[self.of_email] / points[self.of_referral], 3, delta=0.3)
        self.assertAlmostEqual(sum(points.values()), 100, delta=1)
        with self._says(lambda lead: -2 * (lead.medium_id == self.email) + (lead.source_id == self.referral)):
            points = self._points(self._backtest())
        self.assertLess(points[self.of_email], 0)

    def test_a_rule_whose_leads_the_model_knows_by_another_rule_shares_its_points(self):
        closed = self.env["crm.lead"].with_context(active_test=False)
        referred = closed.search([*self.referred, ("company_id", "=", self.company.id)])
        self.env.cr.execute("UPDATE crm_lead SET color = 5 WHERE id = ANY(%s)", [referred.ids[::2]])
        self.env.invalidate_all()
        redundant = self._rule(10, [("color", "=", 5)], name="Blue, as half of the referrals are")
        with self._says(lambda lead: 2 * (lead.source_id == self.referral)):
            points = self._points(self._backtest())
        self.assertGreater(points[self.of_referral], 3 * points[redundant])

    def test_a_live_model_goes_before_one_that_is_not(self):
        live = self.predictive.copy({"name": "Live one", "sequence": 99})
        live._train()
        live.sudo().state = "live"
        self.assertEqual(self._backtest().predictive_id, live)

    def test_without_a_trained_model_the_points_come_from_the_outcomes_and_it_says_so(self):
        self.predictive.sudo().version_id = False
        backtest = self._backtest()
        self.assertFalse(backtest.predictive_id)
        self.assertEqual(
            backtest.basis,
            "Points suggested from the outcomes of these leads: no trained predictive model covers them.",
        )

    def test_a_model_that_covers_only_some_of_the_leads_is_not_asked(self):
        self.predictive.domain = repr(self.referred)
        self.assertFalse(self._backtest().predictive_id)

    def test_a_model_that_covers_nearly_all_of_the_leads_is_asked_about_these(self):
        closed = self.env["crm.lead"].with_context(active_test=False)
        some = closed.search([("company_id", "=", self.company.id), ("won_status", "=", "lost")], limit=5)
        some.write({"city": "Elsewhere"})
        self.predictive.domain = "['|', ('city', '=', False), ('city', '!=', 'Elsewhere')]"
        backtest = self._backtest()
        self.assertEqual((backtest.closed_count, backtest.asked_count), (100, 95))
        self.assertIn("for the 95 of these leads that it covers", backtest.basis)

    def test_a_model_that_is_not_ready_or_broken_is_not_asked(self):
        version = self.predictive.version_id
        self.env.cr.execute(
            "UPDATE lead_scoring_model_version SET report = jsonb_set(report::jsonb, '{gate}', '\"not_ready\"') WHERE id = %s",
            [version.id],
        )
        self.env.invalidate_all()
        self.assertFalse(self._backtest().predictive_id)
        self.env.cr.execute(
            "UPDATE lead_scoring_model_version SET report = jsonb_set(report::jsonb, '{gate}', '\"ready\"'),"
            " scorecard = '{}' WHERE id = %s",
            [version.id],
        )
        self.env.invalidate_all()
        self.env.registry.clear_cache()
        self.assertFalse(self._backtest().predictive_id)

    def test_another_companys_model_is_never_asked(self):
        theirs = self.env["lead.scoring.model"].create(
            {"name": "Theirs", "company_id": self.other_company.id, "sequence": 0}
        )
        ours = self.predictive.version_id
        version = ours.sudo().create({"model_id": theirs.id, "scorecard": ours.scorecard, "report": ours.report})
        theirs.sudo().version_id = version
        self.mona.company_ids = [Command.link(self.other_company.id)]
        mona = self.mona.with_context(allowed_company_ids=[self.company.id, self.other_company.id])
        # Even if that model covered these leads.
        everything = lambda env, closed, domain: np.ones(len(closed.ids), bool)
        with patch.object(lead_scoring_rule_backtest, "covered", everything):
            model = self.model.with_user(mona).with_context(**mona.env.context)
            backtest = self.env["lead.scoring.rule.backtest"].browse(model.action_backtest_rules()["res_id"])
            self.assertEqual(backtest.predictive_id, self.predictive)
            self.predictive.sudo().version_id = False
            backtest = self.env["lead.scoring.rule.backtest"].browse(model.action_backtest_rules()["res_id"])
            self.assertFalse(backtest.predictive_id)

    def test_only_who_manages_scoring_may_ask(self):
        for user in (self.sam, self.alma, self.ida, self.otto):
            with self.assertRaises(AccessError):
                self._backtest(user)

    def test_what_the_predictive_model_said_is_stored_nowhere(self):
        self._backtest()
        self.assertFalse(self.env["crm.lead.score"].search([("model_id", "=", self.predictive.id)]))
