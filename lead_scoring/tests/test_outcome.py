import random
from datetime import timedelta

from odoo import fields
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from ..features.moments import count_closed, training_set
from ..features.outcome import QUALIFIED
from .common import LeadScoringCommon
from .common_features import NOW, days
from .test_features_tracked import TrackedCommon


@tagged("post_install", "-at_install")
class TestQualifiedLeads(TrackedCommon):
    """Which leads count as qualified, which as lost, and what was known of them before."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.domain = [("team_id", "=", cls.team.id)]

    def _set(self, *names, **values):
        return training_set(
            self.env,
            self.domain,
            list(names) or ["lead.priority"],
            **{"seed": 1, "now": NOW, "outcome": QUALIFIED, **values},
        )

    def _ended(self, **values):
        """Return ``{lead id: (qualified, when)}``."""
        data = self._set(**values)
        ended = zip(data.ids.tolist(), data.won.tolist(), data.closed_at.tolist())
        return {lead_id: (won, round((NOW.timestamp() - closed_at) / 86400, 3)) for lead_id, won, closed_at in ended}

    def _converted(self, created, when, **values):
        lead = self.lead(created, type="opportunity", **values)
        self.env.cr.execute("UPDATE crm_lead SET date_conversion = %s WHERE id = %s", (when, lead.id))
        lead.invalidate_recordset()
        return lead

    def test_a_converted_lead_counts_as_qualified_whatever_becomes_of_it(self):
        open_ = self._converted(NOW - days(30), NOW - days(20))
        lost = self._converted(NOW - days(30), NOW - days(15), active=False, probability=0)
        won = self._converted(NOW - days(30), NOW - days(10), stage_id=self.won_stage.id)
        self.assertEqual(lost.won_status, "lost")
        self.assertEqual(
            {lead_id: won for lead_id, (won, _when) in self._ended().items()},
            dict.fromkeys([open_.id, lost.id, won.id], True),
        )

    def test_the_moment_is_the_conversion_or_the_loss(self):
        converted = self._converted(NOW - days(30), NOW - days(20), active=False, probability=0)
        self.env.cr.execute("UPDATE crm_lead SET date_closed = %s WHERE id = %s", (NOW - days(1), converted.id))
        lost = self.lead(NOW - days(30), NOW - days(12), "lost", type="lead")
        found = self._ended()
        zone = found[lost.id][1] - 12  # the clock of this machine against UTC
        self.assertEqual(found, {converted.id: (True, 20 + zone), lost.id: (False, 12 + zone)})

    def test_leads_that_came_as_opportunities_are_not_in_it(self):
        self.lead(NOW - days(30), NOW - days(10), "won")
        self.lead(NOW - days(30), NOW - days(10), "lost")
        self.lead(NOW - days(30))
        data = self._set()
        self.assertEqual((len(data.ids), data.figures["open"]), (0, 0))

    def test_a_change_of_type_without_a_date_of_conversion_counts_as_well(self):
        lead = self.lead(NOW - days(30), type="lead")
        self.change(lead, NOW - days(20), type="opportunity")
        self.assertFalse(lead.date_conversion)
        ((qualified, _when),) = self._ended().values()
        self.assertTrue(qualified)
        self.assertEqual(count_closed(self.env, self.domain, now=NOW, outcome=QUALIFIED), (1, 0))
        self.assertEqual(count_closed(self.env, self.domain, now=NOW, months=1, outcome=QUALIFIED), (1, 0))
        self.assertEqual(count_closed(self.env, self.domain, now=NOW + days(90), months=1, outcome=QUALIFIED), (0, 0))

    def test_open_ones_are_leads_still(self):
        self.lead(NOW - days(3), type="lead")
        self.lead(NOW - days(3), type="opportunity")
        self.lead(NOW - days(3), type="lead", active=False, probability=50)
        self.assertEqual(self._set().figures["open"], 1)

    def test_nothing_of_after_the_conversion_is_known(self):
        later = self.env["res.partner"].create({"name": "Later", "country_id": self.env.ref("base.be").id})
        lead = self.lead(NOW - days(30), type="lead", expected_revenue=100)
        self.change(lead, NOW - days(20), type="opportunity", partner_id=later.id, expected_revenue=500)
        self.change(lead, NOW - days(10), stage_id=self.next_stage.id, expected_revenue=900)
        self.change(lead, NOW - days(5), stage_id=self.won_stage.id)
        self.env.cr.execute("UPDATE crm_lead SET date_conversion = %s WHERE id = %s", (NOW - days(20), lead.id))
        lead.invalidate_recordset()
        data = self._set("lead.stage_id", "lead.expected_revenue", "contact.country_id", "activity.stage_changes")
        columns = data.table.columns
        self.assertEqual(columns["lead.stage_id"].keys, (str(self.open_stage.id),))
        self.assertEqual(set(columns["lead.expected_revenue"].values.tolist()), {100})
        self.assertTrue(columns["contact.country_id"].missing.all())
        self.assertEqual(set(columns["activity.stage_changes"].values.tolist()), {0})

    def test_what_was_written_within_a_day_of_the_conversion_is_not_there(self):
        lead = self.lead(NOW - days(20.4), type="lead", expected_revenue=100)
        self.change(lead, NOW - days(20.2), expected_revenue=500)
        self.change(lead, NOW - days(20), type="opportunity")
        self.lead(NOW - days(0.3), type="lead")  # lends an age of after that
        data = self._set("lead.expected_revenue")
        self.assertEqual(set(data.table.columns["lead.expected_revenue"].values.tolist()), {100})

    def test_an_imported_opportunity_has_no_stage_of_when_it_was_a_lead(self):
        self._converted(NOW - days(30), NOW - days(20), stage_id=self.next_stage.id)
        self.assertTrue(self._set("lead.stage_id").table.columns["lead.stage_id"].missing.all())


@tagged("post_install", "-at_install")
class TestOutcomeOfAModel(LeadScoringCommon):
    """A model that predicts which leads are qualified."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model.outcome = "qualified"

    def _converted(self, count, source):
        """Make opportunities that came as leads 20 to 60 days ago and were converted 6 to 19 days later."""
        leads = self._leads(count, "open", source, type="opportunity")
        draw = random.Random(count)
        for lead in leads:
            created = fields.Datetime.now() - timedelta(days=draw.uniform(20, 60))
            converted = created + timedelta(days=draw.uniform(6, 19))
            self.env.cr.execute(
                "UPDATE crm_lead SET create_date = %s, date_conversion = %s WHERE id = %s",
                (created, converted, lead.id),
            )
        leads.invalidate_recordset()
        return leads

    def _train(self):
        """Qualify 40 of 50 referrals, 10 of 50 cold calls; win and lose opportunities the other way round."""
        for source, qualified in ((self.referral, 40), (self.cold, 10)):
            self._converted(qualified, source)
            self._leads(50 - qualified, "lost", source, type="lead")
            self._leads(50 - qualified, "won", source)
            self._leads(qualified, "lost", source)
        self.hot = self._leads(4, "open", self.referral, type="lead")
        self.cool = self._leads(6, "open", self.cold, type="lead")
        self.opportunities = self._leads(3, "open", self.referral)
        return self.model._train()

    def test_it_learns_from_what_came_as_leads_and_scores_what_still_is(self):
        version = self._train()
        self.assertEqual((version.won_count, version.lost_count, version.gate), (50, 50, "ready"))
        self.assertEqual((version.outcome, self.model.open_count), ("qualified", 10))
        self.assertNotIn("lead.type", version.report["specification"]["names"])
        self.model.action_go_live()
        self._run_cron()
        self.assertGreater(min(self.hot.mapped("lead_score")), max(self.cool.mapped("lead_score")))
        self.assertFalse(any(self.opportunities.mapped("lead_score_trend")))

    def _run_cron(self):
        with self.enter_registry_test_mode():
            self.env.ref("lead_scoring.ir_cron_score_leads").method_direct_trigger()
        self.env.invalidate_all()

    def test_a_lead_that_was_converted_loses_its_score(self):
        self._train()
        self.model.action_go_live()
        self._run_cron()
        lead = self.hot[0]
        lead.convert_opportunity(self.env["res.partner"])
        self._run_cron()
        self.assertFalse(lead.lead_score_trend)
        self.assertEqual((self.model.won_count, self.model.lost_count), (51, 50))

    def test_words_say_qualified(self):
        self.assertIn("0 qualified and 0 lost ones", self.model._missing_leads())
        self.env.invalidate_all()
        self._train()
        self.model._score_batch(self.hot.ids)
        told = self.hot[0].lead_score_reasons["reasons"]
        source = next(reason["text"] for reason in told if reason["feature"] == "lead.source_id")
        self.assertIn("80 % of such leads were qualified, 50 % of all", source)

    def test_too_few_qualified_leads_are_said(self):
        self._leads(45, "lost", self.cold, type="lead")
        with self.assertRaisesRegex(UserError, "There are 0 qualified and 45 lost ones"):
            self.model.action_train()

    def test_it_cannot_be_changed_while_live(self):
        self._train()
        self.model.action_go_live()
        with self.assertRaisesRegex(UserError, "stop it first"):
            self.model.with_user(self.mona).outcome = "won"
        self.assertTrue(self.model.version_id)

    def test_a_version_of_another_outcome_cannot_be_published(self):
        version = self._train()
        self.model.with_user(self.mona).outcome = "won"
        self.assertFalse(self.model.version_id)
        with self.assertRaisesRegex(UserError, "another outcome"):
            version.with_user(self.mona).action_publish()
        with self.assertRaises(UserError):
            self.model.action_go_live()
        self.env.invalidate_all()
        other = self.model._train()
        self.assertEqual((other.outcome, self.model.version_id), ("won", other))
        self.assertFalse(other.report["challenge"])

    def test_its_score_cannot_be_the_probability_to_be_won(self):
        with self.assertRaisesRegex(ValidationError, "cannot be used as automated probability"):
            self.model.with_user(self.mona).use_as_probability = True

    def test_a_filter_on_the_type_would_give_the_answer_away(self):
        with self.assertRaisesRegex(ValidationError, "changes when a lead is closed"):
            self.model.domain = "[('type', '=', 'lead')]"
