import random
import re

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from ..models import lead_scoring_model_training
from ..scoring.errors import ScorecardError
from .common import LeadScoringCommon


@tagged("post_install", "-at_install")
class TestScoringModel(LeadScoringCommon):
    def test_the_out_of_the_box_model_is_there_and_asleep(self):
        model = self.env.ref("lead_scoring.model_default")
        self.assertEqual((model.kind, model.company_id), ("predictive", self.env.ref("base.main_company")))

    def test_no_closed_leads_says_how_many_are_missing_and_stays_draft(self):
        for action in (self.model.action_train, self.model.action_go_live, self.model._train):
            with self.assertRaisesRegex(UserError, "at least 40 won and 40 lost.*There are 0 won and 0 lost"):
                action()
        self.assertIn("There are 0 won and 0 lost", self.model.message)
        self.assertIn("It still takes 40 won and 40 lost ones.", self.model.message)
        self.assertIn("Until then a model with rules can score the leads.", self.model.message)
        self.assertEqual(self.model.state, "draft")

    def test_one_class_only_says_how_many_are_missing(self):
        self._leads(60, "won", self.referral)
        with self.assertRaisesRegex(UserError, "There are 60 won and 0 lost"):
            self.model.action_train()
        self._leads(39, "lost", self.cold)
        self.model.invalidate_recordset()
        with self.assertRaisesRegex(UserError, "There are 60 won and 39 lost ones so far. It still takes 1 lost ones."):
            self.model.action_train()
        self.assertFalse(self.model.version_ids)

    def _contacts(self):
        """Four open leads with a contact named Buyer, which is of our company, shared, another company's, or no one's."""
        leads = self._leads(4, "open", self.referral)
        for lead, company in zip(leads, (self.company, self.company.browse(), self.other_company)):
            lead.partner_id = self.env["res.partner"].create({"name": "Buyer"})
            self.env.flush_all()
            # As it is when a contact is given to another company afterwards.
            self.env.cr.execute(
                "UPDATE res_partner SET company_id = %s WHERE id = %s", [company.id or None, lead.partner_id.id]
            )
        self.env.invalidate_all()
        return leads

    def test_what_another_company_hides_of_a_contact_decides_no_score(self):
        leads = self._contacts()
        ours, shared, theirs, none = leads
        for domain, covered in (
            ([("partner_id.name", "=", "Buyer")], ours | shared),
            ([("partner_id", "ilike", "buy")], ours | shared),
            ([("partner_id", "any", [("name", "=", "Buyer")])], ours | shared),
            ([("partner_id", "not any", [("name", "=", "Buyer")])], theirs | none),
            (["!", ("partner_id.name", "=", "Buyer")], theirs | none),
            ([("partner_id.company_id", "!=", self.company.id), ("partner_id", "!=", False)], shared),
            ([("partner_id", "!=", False)], ours | shared | theirs),
            ([("source_id.name", "=", "Test Referral")], leads),
        ):
            self.model.domain = str(domain)
            with self.subTest(domain):
                found = self.env["crm.lead"].sudo().search(self.model._open_lead_domain())
                self.assertEqual(found, covered)
                self.assertEqual(leads.sudo().filtered_domain(self.model._lead_domain()), covered)
                self.assertEqual(self.model.with_user(self.mona).open_count, len(covered))

    def test_a_lead_whose_contact_is_another_companys_has_no_score_by_a_filter_on_contacts(self):
        self._trained()
        self.env.cr.execute("UPDATE crm_lead SET active = FALSE WHERE id = ANY(%s)", [(self.hot | self.cool).ids])
        ours, shared, theirs, none = self._contacts()
        self.model.domain = "[('partner_id.name', '=', 'Buyer')]"
        self._take_live(self.model)
        self.assertTrue(ours.lead_score and shared.lead_score)
        self.assertFalse(theirs.lead_score or none.lead_score)
        theirs.source_id = self.cold  # scored as it is saved, were it covered
        self.env.cr.flush()
        self.env.invalidate_all()
        self.assertFalse(theirs.lead_score)
        self.assertIn("no live scoring model covers", theirs._lead_score_status(theirs._main_score_row())[1])

    def test_a_shared_model_sees_no_contact_of_any_company(self):
        shared = self.model.copy({"company_id": False, "domain": "[('partner_id.name', '=', 'Buyer')]"})
        leads = self._contacts()
        self.env.cr.execute("UPDATE crm_lead SET company_id = NULL, team_id = NULL WHERE id = ANY(%s)", [leads.ids])
        self.env.invalidate_all()
        found = self.env["crm.lead"].sudo().search(shared._open_lead_domain())
        self.assertEqual(found & leads, leads[1])

    def test_a_record_rule_that_cannot_be_applied_keeps_nobody_from_saving_leads(self):
        shared = self.model.copy({"company_id": False, "domain": "[('partner_id.name', '=', 'Buyer')]"})
        shared.sudo().state = "live"
        self.env["ir.rule"].create(
            {
                "name": "Contacts of the first company",
                "model_id": self.env["ir.model"]._get("res.partner").id,
                "domain_force": "[('company_id', 'in', [False, company_ids[0]])]",
            }
        )
        lead = self._leads(1, "open", self.referral)
        lead.source_id = self.cold
        self.env.cr.flush()
        self.assertIn("cannot be applied in its company", shared.message)
        scored, problems = lead._score_by_live_models()
        self.assertFalse(scored)
        self.assertIn("cannot be applied in its company", problems[0])

    def test_training_makes_a_version_that_says_what_it_learned_from(self):
        version = self._trained()
        self.assertEqual((version.number, version.won_count, version.lost_count), (1, 50, 50))
        self.assertEqual(self.model.version_id, version)
        self.assertEqual(version.method, "cross_validation")  # too few leads for a hold-out
        self.assertGreater(version.auc, 0.6)
        self.assertIn("Source", version.top_features)
        self.assertIn("Go Live", self.model.message)

    def test_the_same_leads_in_give_the_same_scorecard_out(self):
        first = self._trained()
        second = self.model._train()
        self.assertEqual(second.number, 2)
        self.assertEqual(first.scorecard, second.scorecard)

    def test_referred_leads_score_higher_and_the_reason_says_why(self):
        self._go_live()
        self.assertGreater(min(self.hot.mapped("lead_score")), max(self.cool.mapped("lead_score")))
        explanation = self.hot[0].lead_score_reasons
        reason = explanation["reasons"][0]
        self.assertEqual(
            (reason["feature"], reason["label"], reason["value"]), ("lead.source_id", "Source", "Test Referral")
        )
        self.assertIn("80 % of such leads were won, 50 % of all", reason["text"])
        self.assertGreater(reason["points"], 0)
        self.assertEqual(
            sum(reason["points"] for reason in explanation["reasons"]),
            explanation["score"] - explanation["average"],
        )
        self.assertEqual(explanation["score"], self.hot[0].lead_score)

    def test_the_button_asks_and_the_scheduled_action_trains(self):
        self._history()
        self.model.with_user(self.mona).action_train()
        self.assertTrue(self.model.training_requested)
        self.assertIn("starts within a minute", self.model.message)
        with self.enter_registry_test_mode():
            self.env.ref("lead_scoring.ir_cron_train_models").method_direct_trigger()
        self.model.invalidate_recordset()
        self.assertFalse(self.model.training_requested)
        self.assertFalse(self.model.training_error)
        self.assertTrue(self.model.version_id)

    @mute_logger("odoo.addons.lead_scoring.models.lead_scoring_model_turns")
    def test_a_training_that_fails_says_so_and_the_next_model_trains(self):
        self._history()
        broken = self.env["lead.scoring.model"].create({"name": "No leads", "company_id": self.other_company.id})
        (broken | self.model).training_requested = fields.Datetime.now()
        with self.enter_registry_test_mode():
            for _turn in (1, 2):  # on a slow machine one training fills a turn
                self.env.ref("lead_scoring.ir_cron_train_models").method_direct_trigger()
        (broken | self.model).invalidate_recordset()
        self.assertIn("There are 0 won and 0 lost", broken.training_error)
        self.assertTrue(self.model.version_id)

    def test_a_version_cannot_be_altered(self):
        version = self._trained()
        with self.assertRaisesRegex(UserError, "cannot be changed"):
            version.sudo().scorecard = "{}"
        with self.assertRaisesRegex(UserError, "published version"):
            version.with_user(self.mona).unlink()

    def test_a_scorecard_cut_short_altered_or_of_a_future_is_refused_and_nothing_is_lost(self):
        self._go_live()
        version, scores = self.model.version_id, self.hot.mapped("lead_score")
        text = version.scorecard
        for mangled in (
            text[:-20],
            text.replace('"intercept":', '"intercept":1'),
            re.sub(r'"schema":\d+', '"schema":99', text),
            "",
            "null",
        ):
            self.env.cr.execute(
                SQL("UPDATE lead_scoring_model_version SET scorecard = %s WHERE id = %s", mangled, version.id)
            )
            self.env.invalidate_all()
            self.env.registry.clear_cache()
            with self.assertRaisesRegex(ScorecardError, "Version 1 of Test model cannot be used"):
                self._score()
            self.assertEqual(self.hot.mapped("lead_score"), scores)
        self.env.cr.execute(SQL("UPDATE lead_scoring_model_version SET scorecard = %s WHERE id = %s", text, version.id))
        self.env.invalidate_all()
        self.env.registry.clear_cache()
        self._score()
        self.assertEqual(self.hot.mapped("lead_score"), scores)

    def test_two_hundred_mangled_scorecards_are_refused_and_the_scores_stay(self):
        self._go_live()
        version, scores = self.model.version_id, self.hot.mapped("lead_score")
        text, chance = version.scorecard, random.Random(7)
        for number in range(200):
            at, length = chance.randrange(len(text) - 20), chance.randrange(1, 20)
            junk = ("", "9", "-1", "NaN", "1e999", "[]", text[at + length : at + 2 * length])[number % 7]
            mangled = text[:at] + junk + text[at + length :]
            if mangled == text:
                continue
            self.env.cr.execute(
                SQL("UPDATE lead_scoring_model_version SET scorecard = %s WHERE id = %s", mangled, version.id)
            )
            self.env.invalidate_all()
            self.env.registry.clear_cache()
            with self.assertRaisesRegex(ScorecardError, "Version 1 of Test model cannot be used"):
                self._score()
        self.assertEqual((self.model.version_id, self.hot.mapped("lead_score")), (version, scores))

    def test_live_models_train_only_on_the_leads_of_their_company(self):
        self._history(company=self.other_company)
        self.assertEqual((self.model.won_count, self.model.lost_count), (0, 0))
        theirs = self.env["lead.scoring.model"].create({"name": "Theirs", "company_id": self.other_company.id})
        self.assertEqual((theirs.won_count, theirs.lost_count), (50, 50))

    def test_leads_without_company_belong_to_models_without_company(self):
        shared = self.env["lead.scoring.model"].create({"name": "Shared", "company_id": False})
        before = shared.open_count, self.model.open_count
        lead = self._leads(1, "open", self.referral)
        lead.write({"team_id": False, "company_id": False})
        (shared | self.model).invalidate_recordset()
        self.assertEqual((shared.open_count, self.model.open_count), (before[0] + 1, before[1]))

    def test_going_live_takes_a_trained_model(self):
        self._history()
        with self.assertRaisesRegex(UserError, "Train Test model first"):
            self.model.with_user(self.mona).action_go_live()
        self.model._train()
        self.model.with_user(self.mona).action_go_live()
        self.assertEqual(self.model.state, "going_live")

    def test_the_state_is_changed_by_buttons_alone(self):
        with self.assertRaisesRegex(AccessError, "by its buttons alone"):
            self.model.with_user(self.mona).state = "live"

    def test_a_new_version_is_published_and_the_live_model_scores_with_it(self):
        self._go_live()
        # Still told apart beyond doubt: 40 of 70 referrals won, 10 of 130 cold calls.
        self._leads(20, "lost", self.referral)
        self._leads(80, "lost", self.cold)
        before = self.hot[0].lead_score
        self.model._train()
        self._score()
        self.assertLess(self.hot[0].lead_score, before)
        self.assertEqual(lead_scoring_model_training.MINIMUM_CLOSED, 40)
