from psycopg2.errors import CheckViolation

from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import LeadScoringCommon


@tagged("post_install", "-at_install")
class TestScoringConfiguration(LeadScoringCommon):
    def setUp(self):
        super().setUp()
        self.Config = self.env["lead.scoring.config"]
        self.Config.search([]).active = False

    def test_with_no_configuration_every_switch_is_yes(self):
        settings = self.Config._settings(self.company)
        self.assertTrue(settings.automatic_sales_ready)
        self.assertTrue(settings.automated_marketing_qualification)
        self.assertTrue(settings.automatic_score_cleanup)

    def test_the_most_recently_created_record_takes_effect(self):
        older, newer = self.Config.create(
            [{"name": "Older", "automatic_sales_ready": True}, {"name": "Newer", "automatic_sales_ready": False}]
        )
        self.assertFalse(self.Config._settings(self.company).automatic_sales_ready)
        self.assertEqual((older.in_effect, newer.in_effect), (False, True))

    def test_an_archived_record_has_no_effect(self):
        older, newer = self.Config.create([{"name": "Older"}, {"name": "Newer", "automatic_score_cleanup": False}])
        newer.active = False
        self.assertTrue(self.Config._settings(self.company).automatic_score_cleanup)
        self.assertEqual((older.in_effect, newer.in_effect), (True, False))

    def test_a_company_goes_by_its_own_record_before_the_shared_one(self):
        own, shared = self.Config.create(
            [{"name": "Own", "company_id": self.company.id, "trend_days": 3}, {"name": "Shared", "trend_days": 14}]
        )
        self.assertEqual(self.Config._settings(self.company).trend_days, 3)
        self.assertEqual(self.Config._settings(self.other_company).trend_days, 14)
        self.assertTrue(own.in_effect and shared.in_effect)

    def test_the_trend_looks_back_one_day_to_a_year(self):
        with self.assertRaises(CheckViolation), mute_logger("odoo.sql_db"):
            self.Config.create({"name": "Never", "trend_days": 0})
