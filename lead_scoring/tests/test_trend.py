from unittest.mock import patch

from odoo.tests import tagged
from odoo.tools import SQL

from ..scoring.trend import SENSITIVITIES
from .common import LeadScoringCommon


@tagged("post_install", "-at_install")
class TestTrend(LeadScoringCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._go_live()
        cls.lead = cls.hot[0]

    def _days_pass(self, days):
        """Move all that is known of the scores into the past."""
        self.env.cr.execute(SQL("UPDATE crm_lead_score_history SET date = date - %s::interval", f"{days} days"))
        self.env.invalidate_all()

    def test_a_first_score_has_no_trend(self):
        self.assertEqual(self.lead.lead_score_trend, "unknown")
        self.assertFalse(self.lead.lead_score_earlier)

    def test_a_score_of_a_moment_ago_is_no_trend(self):
        self.lead.source_id = self.cold
        self._score()
        self.assertEqual(self.lead.lead_score_trend, "unknown")
        self.assertFalse(self.lead.lead_score_earlier)

    def test_the_same_score_again_is_steady(self):
        self._days_pass(1)
        self._score()
        self.assertEqual(self.lead.lead_score_trend, "steady")
        self.assertEqual(self.lead.lead_score_earlier, self.lead.lead_score)

    def test_a_lead_that_got_worse_is_declining_with_its_earlier_score(self):
        before = self.lead.lead_score
        self._days_pass(8)
        self.lead.source_id = self.cold
        self._score()
        self.assertEqual((self.lead.lead_score_trend, self.lead.lead_score_earlier), ("down", before))
        self.assertLess(self.lead.lead_score, before)

    def test_a_lead_that_got_better_is_improving(self):
        lead = self.cool[0]
        self._days_pass(8)
        lead.source_id = self.referral
        self._score()
        self.assertEqual(lead.lead_score_trend, "up")

    def test_a_move_is_told_until_it_is_as_old_as_the_configuration_says(self):
        self._days_pass(8)
        self.lead.source_id = self.cold
        self._score()
        for days, trend in ((3, "down"), (3, "down"), (2, "steady")):
            self._days_pass(days)
            self._score()
            self.assertEqual(self.lead.lead_score_trend, trend, days)

    def test_the_configuration_says_how_sensitive_the_trend_is(self):
        self._days_pass(8)
        self.lead.source_id = self.cold
        with patch.dict(SENSITIVITIES, low=(0.5, 90)):  # a move of 90 points
            for sensitivity, told in (("low", "steady"), ("normal", "down"), ("high", "down")):
                self.env["lead.scoring.config"].create({"name": sensitivity, "trend_sensitivity": sensitivity})
                self._score()
                self.assertEqual(self.lead.lead_score_trend, told, sensitivity)

    def test_the_configuration_can_compare_with_the_run_of_the_day_before(self):
        self.env["lead.scoring.config"].create({"name": "Daily", "trend_days": 1})
        self._days_pass(8)
        self.lead.source_id = self.cold
        self._score()
        self.assertEqual(self.lead.lead_score_trend, "down")
        self._days_pass(1)
        self._score()
        self.assertEqual(self.lead.lead_score_trend, "steady")

    def test_a_new_version_is_never_a_trend(self):
        before = self.lead.lead_score
        self._days_pass(8)
        self._leads(20, "lost", self.referral)
        self._leads(80, "lost", self.cold)
        self.model._train()
        self._score()
        self.assertLess(self.lead.lead_score, before - 5)
        self.assertIn(self.lead.lead_score_trend, ("steady", "unknown"))
        self.assertNotEqual(self.lead.lead_score_earlier, before)

    def test_history_keeps_each_score_once(self):
        History = self.env["crm.lead.score.history"]
        domain = [("lead_id", "=", self.lead.id)]
        self._score()
        self._days_pass(1)
        self._score()
        self.assertEqual(History.search_count(domain), 1)
        self.lead.source_id = self.cold
        self._score()
        self.assertEqual(History.search(domain).mapped("score")[0], self.lead.lead_score)
        self.assertEqual(History.search_count(domain), 2)

    def test_history_goes_with_its_lead_its_version_and_its_model(self):
        self.lead.source_id = self.cold
        first = self.model.version_id
        second = self.model._train()
        self._score()
        self.env.cr.execute("SELECT count(DISTINCT lead_id), count(DISTINCT version_id) FROM crm_lead_score_history")
        self.assertEqual(self.env.cr.fetchone(), (10, 2))
        (self.hot | self.cool)[4:].unlink()
        first.unlink()
        self.env.cr.execute("SELECT count(DISTINCT lead_id), min(version_id) FROM crm_lead_score_history")
        self.assertEqual(self.env.cr.fetchone(), (4, second.id))
        self.model.state = "stopped"
        self.model.unlink()
        self.env.cr.execute("SELECT count(*) FROM crm_lead_score_history")
        self.assertEqual(self.env.cr.fetchone(), (0,))

    def test_history_of_leads_deleted_by_sql_is_swept_up(self):
        self.env.cr.execute(SQL("DELETE FROM crm_lead WHERE id = %s", self.lead.id))
        self.env["crm.lead.score.history"]._gc_orphans()
        self.env.cr.execute(
            "SELECT count(*), count(*) FILTER (WHERE lead_id = %s) FROM crm_lead_score_history", [self.lead.id]
        )
        self.assertEqual(self.env.cr.fetchone(), (9, 0))
