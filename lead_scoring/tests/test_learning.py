import random
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from ..scoring import process
from .common import LeadScoringCommon


@tagged("post_install", "-at_install")
class TestLearning(LeadScoringCommon):
    """What an admin sees and steers of what a model learned."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._history()
        cls._noise()
        cls.hot, cls.cool = cls._leads(4, "open", cls.referral), cls._leads(6, "open", cls.cold)
        cls.version = cls.model._train()

    @classmethod
    def _noise(cls):
        """Give the closed leads values that have nothing to do with what became of them."""
        draw = random.Random(4)
        media = cls.env["utm.medium"].create([{"name": f"Noise {number}"} for number in range(3)]).ids
        countries = cls.env["res.country"].search([], limit=3).ids
        for lead in cls.env["crm.lead"].with_context(active_test=False).search([("company_id", "=", cls.company.id)]):
            lead.write(
                {
                    "medium_id": draw.choice(media),
                    "country_id": draw.choice(countries),
                    "priority": draw.choice("0123"),
                    "expected_revenue": draw.randrange(1000, 90000),
                    "function": draw.choice(["Buyer", "Owner", "Clerk"]),
                }
            )

    def _feature(self, name, model=None):
        return (model or self.model).feature_ids.filtered(lambda feature: feature.name == name)

    # ------------------------------------------------------------
    # Features
    # ------------------------------------------------------------

    def test_every_candidate_is_listed_with_its_influence_or_why_it_is_left_out(self):
        source = self._feature("lead.source_id")
        self.assertEqual((source.used, source.why, source.label), (True, False, "Source"))
        self.assertGreater(source.influence, 0.5)
        self.assertEqual((source.filled_closed, source.filled_open), (1, 1))
        self.assertEqual(self._feature("lead.campaign_id").why, "empty")
        left_out = self.model.feature_ids.filtered(lambda feature: not feature.used)
        self.assertTrue(all(left_out.mapped("why")))

    def test_the_win_rate_of_each_value_is_told(self):
        rates = self._feature("lead.source_id").values
        self.assertEqual(rates["overall"], 0.5)
        self.assertEqual(
            {row["label"]: (row["won"], row["closed"]) for row in rates["values"]},
            {"Test Referral": (40, 50), "Test Cold Call": (10, 50)},
        )

    def test_features_are_forced_in_and_out_and_back_to_recommended(self):
        self._feature("lead.source_id").with_user(self.mona).choice = "out"
        self._feature("lead.medium_id").with_user(self.mona).choice = "in"
        names = self.model._train()._load_card().names
        self.assertTrue("lead.source_id" not in names and "lead.medium_id" in names)
        self.assertEqual(self._feature("lead.source_id").why, "by_hand")
        self.model.with_user(self.mona).action_recommended_features()
        self.assertFalse(any(self.model._choices().values()))

    def test_an_admin_decides_and_cannot_alter_what_was_found_out(self):
        with self.assertRaises(AccessError):
            self._feature("lead.source_id").with_user(self.mona).influence = 0.1
        for user in (self.alma, self.otto):
            with self.assertRaises(AccessError):
                self._feature("lead.source_id").with_user(user).choice = "out"

    def test_a_feature_that_is_no_more_says_so(self):
        self._feature("lead.source_id").sudo().name = "lead.x_gone"
        self.model._train()
        self.assertEqual(self._feature("lead.x_gone").why, "gone")

    # ------------------------------------------------------------
    # Versions
    # ------------------------------------------------------------

    def test_a_version_that_tells_nothing_is_not_published(self):
        self.assertEqual((self.version.gate, self.model.version_id), ("ready", self.version))
        self._feature("lead.source_id").choice = "out"
        version = self.model._train()
        self.assertEqual(version.gate, "not_ready")
        self.assertEqual(self.model.version_id, self.version)
        self.assertIn("these fields do not tell won leads from lost ones", self.model.message)

    def test_a_model_that_never_told_anything_cannot_go_live(self):
        model = self.env["lead.scoring.model"].create({"name": "Blind", "company_id": self.other_company.id})
        for outcome in ("won", "lost"):
            self._leads(45, outcome, self.referral, self.other_company)
        model._train()
        self.assertFalse(model.version_id)
        with self.assertRaisesRegex(UserError, "do not tell won leads from lost ones"):
            model.action_go_live()

    def test_an_admin_publishes_an_older_version_again(self):
        newer = self.model._train()
        self.assertEqual(self.model.version_id, newer)
        self.version.with_user(self.mona).action_publish()
        self.assertEqual(self.model.version_id, self.version)
        with self.assertRaises(AccessError):
            newer.with_user(self.alma).action_publish()

    def test_a_version_knows_what_it_was_trained_with(self):
        specification = self.version.report["specification"]
        self.assertIn("lead.source_id", specification["names"])
        self.assertEqual((specification["domain"], specification["forced_in"]), ("[]", []))

    # ------------------------------------------------------------
    # What was known only at the close
    # ------------------------------------------------------------

    def test_a_field_that_is_filled_in_at_the_close_is_left_out_says_why_and_is_put_back_by_hand(self):
        signed, given_up = self.env["utm.campaign"].create([{"title": "Signed"}, {"title": "Given up"}])
        closed = (
            self.env["crm.lead"]
            .with_context(active_test=False)
            .search([("company_id", "=", self.company.id), ("won_status", "in", ["won", "lost"])])
        )
        for lead in closed:
            lead.campaign_id = signed if lead.won_status == "won" else given_up
        self._leads(20, "open", self.referral)  # it takes some open leads to see what they lack
        version = self.model._train()
        campaign = self._feature("lead.campaign_id")
        self.assertEqual((campaign.used, campaign.why), (False, "separates_alone"))
        self.assertNotIn("lead.campaign_id", version._load_card().names)
        campaign.choice = "in"
        self.assertIn("lead.campaign_id", self.model._train()._load_card().names)

    # ------------------------------------------------------------
    # Leads unlike those that it learned from
    # ------------------------------------------------------------

    def test_won_leads_alone_teach_nothing_and_the_model_says_what_is_missing(self):
        model = self.env["lead.scoring.model"].create({"name": "Winners", "company_id": self.other_company.id})
        self._leads(50, "won", self.referral, self.other_company)
        with self.assertRaisesRegex(UserError, "There are 50 won and 0 lost"):
            model._train()
        self.assertEqual(model.state, "draft")

    def test_a_source_and_a_country_never_seen_before_count_as_something_else(self):
        lead = self._leads(1, "open", self.env["utm.source"].create({"name": "Brand new"}))
        lead.country_id = self.env["res.country"].create({"name": "Newland", "code": "XN"})
        self.model._score_batch(lead.ids)
        self.assertTrue(1 <= lead.lead_score <= 99)
        told = {row["feature"]: row["value"] for row in lead.lead_score_reasons["reasons"]}
        self.assertEqual(told.get("lead.source_id", "something else"), "something else")

    def test_a_lead_with_nothing_filled_in_has_a_score_too(self):
        lead = self.env["crm.lead"].create({"name": "?", "company_id": self.company.id, "team_id": self.team.id})
        lead.write({"source_id": False, "user_id": False, "priority": False})
        self.model._score_batch(lead.ids)
        self.assertTrue(1 <= lead.lead_score <= 99)

    # ------------------------------------------------------------
    # Training again by itself
    # ------------------------------------------------------------

    def _days_later(self, days):
        self.version.flush_recordset()
        self.env.cr.execute(
            "UPDATE lead_scoring_model_version SET create_date = create_date - %s * interval '1 day' WHERE id = %s",
            (days, self.version.id),
        )
        self.env.invalidate_all()

    def test_a_live_model_is_trained_again_when_its_time_has_come(self):
        self._days_later(15)
        self.env["lead.scoring.model"]._request_due_trainings()
        self.assertFalse(self.model.training_requested)
        self._days_later(-15)
        self._take_live(self.model)
        self.env["lead.scoring.model"]._request_due_trainings()
        self.assertFalse(self.model.training_requested)
        self._days_later(15)
        self.env["lead.scoring.model"]._request_due_trainings()
        self.assertTrue(self.model.training_requested and self.model.training_automatic)

    def test_a_training_that_failed_is_not_tried_again_at_once(self):
        self.model.action_go_live()
        self._days_later(20)
        self.model.training_date = fields.Datetime.now()
        self.env["lead.scoring.model"]._request_due_trainings()
        self.assertFalse(self.model.training_requested)

    def test_it_is_not_trained_again_by_itself_where_that_is_off(self):
        self.model.action_go_live()
        self._days_later(400)
        self.model.retrain_days = 0
        self.env["lead.scoring.model"]._request_due_trainings()
        self.assertFalse(self.model.training_requested)

    def _train_by_itself(self, publish):
        """Train as the scheduled action would, with a verdict of the comparison."""
        fit = process.fit

        def with_verdict(*args, **kwargs):
            card, report = fit(*args, **kwargs)
            return card, {**report, "challenge": {**report["challenge"], "publish": publish}}

        self.model.training_automatic = True
        with patch.object(process, "fit", with_verdict):
            return self.model._train()

    def test_a_new_version_that_is_not_worse_is_published_by_itself(self):
        self.assertEqual(self._train_by_itself(publish=True), self.model.version_id)

    def test_a_worse_one_waits_for_the_admin_with_an_activity_that_says_why(self):
        newer = self._train_by_itself(publish=False)
        self.assertEqual(self.model.version_id, self.version)
        self.assertIn(f"Version {newer.number}", self.model.activity_ids.summary)
        self.assertIn("log loss", self.model.activity_ids.note)
        self.assertTrue(self.model.activity_ids.user_id.has_group("sales_team.group_sale_manager"))
        self._train_by_itself(publish=False)
        self.assertEqual(len(self.model.activity_ids), 1)

    # ------------------------------------------------------------
    # Which leads
    # ------------------------------------------------------------

    def test_a_filter_says_which_leads_a_model_learns_from_and_scores(self):
        self.assertEqual((self.model.won_count, self.model.open_count), (50, 10))
        self.model.domain = f"[('source_id', '=', {self.referral.id})]"
        self.assertEqual((self.model.won_count, self.model.lost_count, self.model.open_count), (40, 10, 4))
        self.model.write({"domain": "[]", "team_ids": self.team.copy({"name": "Nobody's"}).ids})
        self.assertEqual((self.model.won_count, self.model.open_count), (0, 0))
        with self.assertRaisesRegex(UserError, "There are 0 won and 0 lost"):
            self.model._train()

    def test_a_filter_that_is_none_is_refused_in_words(self):
        for domain in ("[('source_id',", "[('no_such_field', '=', 1)]", "[('user_id', '=', uid)]", "1"):
            with self.assertRaisesRegex(ValidationError, "The filter of Test model cannot be used"):
                self.model.domain = domain

    def test_a_filter_whose_field_is_gone_says_so_and_stops_no_other_model(self):
        self.model.action_go_live()
        second = self.model.copy({"name": "Second"})
        second.sudo().write({"version_id": self.version.id, "state": "live"})
        self.env.cr.execute(
            "UPDATE lead_scoring_model SET domain = %s WHERE id = %s", ("[('x_gone', '=', 1)]", second.id)
        )
        self.env.invalidate_all()
        self.assertIn("The filter of Second cannot be used", second.message)
        with self.assertRaisesRegex(UserError, "The filter of Second cannot be used"):
            second.action_train()
        self.assertEqual((second.open_count, second.won_count), (0, 0))
        with self.enter_registry_test_mode():
            self.env.ref("lead_scoring.ir_cron_score_leads").method_direct_trigger()
        runs = self.env["lead.scoring.run"].search([("model_id", "in", [self.model.id, second.id])])
        self.assertEqual({run.model_id: run.state for run in runs}, {self.model: "done", second: "failed"})
        self.assertIn("The filter of Second", runs.filtered(lambda run: run.model_id == second).message)

    def test_an_admin_cannot_ask_for_what_they_may_not_read(self):
        with self.assertRaises(AccessError):
            self.model.with_user(self.mona).domain = "[('create_uid.log_ids.create_date', '>', '2020-01-01')]"

    def test_an_archived_team_never_widens_a_model_to_all_teams(self):
        self.model.team_ids = self.team
        count = self.model.open_count
        self.team.active = False
        self.env.invalidate_all()
        self.assertEqual((self.model.team_ids, self.model.open_count), (self.team, count))

    def test_leads_that_closed_before_the_window_are_not_counted(self):
        self.env.cr.execute(
            "UPDATE crm_lead SET date_closed = date_closed - interval '5 months'"
            " WHERE company_id = %s AND won_status = 'won'",
            [self.company.id],
        )
        self.env.invalidate_all()
        self.model.training_months = "3"
        self.assertEqual((self.model.won_count, self.model.lost_count), (0, 50))
        with self.assertRaisesRegex(UserError, "There are 0 won and 50 lost"):
            self.model._train()

    def test_where_a_model_is_deleted_the_next_one_gives_its_leads_their_score(self):
        self.model.action_go_live()
        second = self.model.copy({"name": "Second", "sequence": 20})
        second.sudo().write({"version_id": self.version.copy({"model_id": second.id}).id, "state": "live"})
        for model in (self.model, second):
            model._score_batch(self.hot.ids)
        self.assertEqual(self.hot.lead_score_model_id, self.model)
        self.model.sudo().state = "stopped"
        self.model.with_user(self.mona).unlink()
        self.assertEqual(self.hot.lead_score_model_id, second)

    def test_a_filter_on_what_closing_a_lead_changes_is_refused(self):
        for name, value in (("won_status", "won"), ("stage_id", 1), ("lead_score", 5), ("active", True)):
            with self.assertRaisesRegex(ValidationError, "changes when a lead is closed or scored"):
                self.model.domain = str([(name, "=", value)])

    def test_two_live_models_that_cover_the_same_leads_say_which_goes_first(self):
        self.model.action_go_live()
        second = self.model.copy({"name": "Second", "sequence": 20})
        self.assertIn("Test model covers 10 of these open leads too", second.overlap)
        self.assertIn("the score of Test model", second.overlap)
        second.domain = f"[('source_id', '=', {self.referral.id})]"
        self.assertIn("covers 4 of", second.overlap)
        self.assertFalse(self.model.overlap)

    def test_no_training_is_due_while_one_is_asked_for(self):
        self._days_later(20)
        asked = fields.Datetime.now() - timedelta(hours=1)
        self.model.write({"training_requested": asked, "training_automatic": False})
        self.env["lead.scoring.model"]._request_due_trainings()
        self.assertEqual((self.model.training_requested, self.model.training_automatic), (asked, False))
