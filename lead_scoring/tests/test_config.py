from datetime import timedelta
from unittest.mock import patch

from psycopg2.errors import CheckViolation

from odoo import fields
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import SQL, mute_logger

from ..models import crm_lead_score_history
from .common import LeadScoringCommon


@tagged("post_install", "-at_install")
class TestScoringConfiguration(LeadScoringCommon):
    def setUp(self):
        super().setUp()
        self.Config = self.env["lead.scoring.config"]
        self.Config.search([]).active = False

    def test_seed_with_no_configuration_all_settings_default_to_yes(self):
        """If you have none, then all the settings will default to "yes"."""
        settings = self.Config._settings(self.company)
        self.assertTrue(settings.automatic_sales_ready)
        self.assertTrue(settings.automated_marketing_qualification)
        self.assertTrue(settings.automatic_score_cleanup)

    def test_seed_of_more_than_one_the_most_recently_created_record_takes_effect(self):
        """If you have more than one, then the most recently created record will take effect."""
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

    def test_seed_a_new_record_has_a_name_and_three_switches_that_are_yes(self):
        """Open or create a record; make the settings; save."""
        with Form(self.Config.with_user(self.mona)) as form:
            form.name = "Our lead scoring"
            for switch in ("automatic_sales_ready", "automated_marketing_qualification", "automatic_score_cleanup"):
                self.assertTrue(form[switch])
            form.automatic_sales_ready = False
        config = form.save()
        self.assertEqual((config.display_name, config.in_effect), ("Our lead scoring", True))
        self.assertFalse(self.Config._settings(self.company).automatic_sales_ready)

    def test_the_list_says_which_record_is_in_effect_and_why_the_others_are_not(self):
        older, newer, archived = self.Config.create(
            [{"name": "Older"}, {"name": "Newer"}, {"name": "Old", "active": False}]
        )
        self.assertEqual(newer.effect_note, "In effect")
        self.assertEqual(older.effect_note, "Replaced by Newer")
        self.assertEqual(archived.effect_note, "Archived: not in effect")

    def test_the_history_is_kept_for_two_years_unless_the_configuration_says_otherwise(self):
        self.assertEqual(self.Config._settings(self.company).history_days, 730)
        self.Config.create({"name": "Short", "history_days": 90})
        self.assertEqual(self.Config._settings(self.company).history_days, 90)

    def test_the_history_cannot_be_shorter_than_the_trend_looks_back(self):
        with self.assertRaises(CheckViolation), mute_logger("odoo.sql_db"):
            self.Config.create({"name": "Short", "history_days": 6, "trend_days": 7})

    def test_who_is_told_is_a_sales_administrator(self):
        with self.assertRaisesRegex(ValidationError, "cannot look after scoring models"):
            self.Config.create({"name": "Ours", "responsible_id": self.sam.id})
        self.Config.create({"name": "Ours", "company_id": self.company.id, "responsible_id": self.mona.id})
        self.assertEqual(self.model._responsible(), self.mona)

    def test_only_sales_administrators_of_the_company_configure(self):
        theirs = self.Config.create({"name": "Theirs", "company_id": self.company.id})
        theirs.with_user(self.mona).automatic_sales_ready = False
        for user in (self.sam, self.alma, self.ida, self.otto):
            with (
                self.assertRaises(AccessError, msg=user.login),
                mute_logger("odoo.addons.base.models.ir_model", "odoo.addons.base.models.ir_rule"),
            ):
                theirs.with_user(user).automatic_sales_ready = True


@tagged("post_install", "-at_install")
class TestHistoryIsKept(LeadScoringCommon):
    def test_older_scores_are_deleted_but_for_the_last_one_of_each_lead(self):
        self._go_live()
        self.env["lead.scoring.config"].create({"name": "Short", "company_id": self.company.id, "history_days": 30})
        lead, still = self.hot[0], self.hot[1]
        History = self.env["crm.lead.score.history"]
        dates = lambda lead: History.search([("lead_id", "=", lead.id)], order="date").mapped("date")
        now = fields.Datetime.now().replace(microsecond=0)
        self.env.cr.execute(SQL("UPDATE crm_lead_score_history SET date = %s", now - timedelta(days=100)))
        for days in (50, 40, 10):
            self.env.cr.execute(
                SQL(
                    "INSERT INTO crm_lead_score_history (lead_id, model_id, version_id, date, score)"
                    " VALUES (%s, %s, %s, %s, 50)",
                    lead.id,
                    self.model.id,
                    self.model.version_id.id,
                    now - timedelta(days=days),
                )
            )
        self.env.invalidate_all()
        with patch.object(crm_lead_score_history, "GC_BATCH_SIZE", 1):
            self.assertEqual(History._gc_old(), (1, True))
        self.assertEqual(History._gc_old(), (1, False))
        self.assertEqual(dates(lead), [now - timedelta(days=40), now - timedelta(days=10)])
        self.assertEqual(dates(still), [now - timedelta(days=100)])
