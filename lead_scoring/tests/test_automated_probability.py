from unittest.mock import patch

from psycopg2.errors import SerializationFailure

from odoo.tests import Form, tagged
from odoo.tools import SQL, mute_logger

from ..scoring.errors import ScorecardError
from .common import LeadScoringCommon

LOGGER = "odoo.addons.lead_scoring.models.lead_scoring_run_probability"


@tagged("post_install", "-at_install")
class TestAutomatedProbability(LeadScoringCommon):
    """A model's score as Odoo's automated probability, for those who want it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["lead.scoring.model"].search([("state", "=", "live")]).sudo().state = "stopped"
        cls._trained()
        cls.leads = cls.hot | cls.cool
        # Odoo's own guesses, 79.88 and 20.12, are what the model says of some lead on some days.
        cls.env.flush_all()
        cls.env.cr.execute(
            "UPDATE crm_lead SET automated_probability = 0.5, probability = 0.5 WHERE id = ANY(%s)", [cls.leads.ids]
        )
        cls.leads.invalidate_recordset(["automated_probability", "probability"])
        cls.env["ir.config_parameter"].sudo().set_param("crm.pls_start_date", "2000-01-01")

    def _run_cron(self, leads="score"):
        with self.enter_registry_test_mode():
            self.env.ref(f"lead_scoring.ir_cron_{leads}_leads").method_direct_trigger()
        self.env.invalidate_all()
        return self.env["lead.scoring.run"].search([("model_id", "=", self.model.id)], limit=1)

    def _live(self, **values):
        self.model.with_user(self.mona).write({"use_as_probability": True, **values})
        self.model.action_go_live()
        return self._run_cron()

    def _score_percent(self, lead):
        return round(100 * self.model._score_probabilities(lead.ids)[lead.id], 2)

    def test_it_is_off_unless_asked_for(self):
        before = self.leads.mapped("automated_probability")
        self.model.action_go_live()
        run = self._run_cron()
        self.assertFalse(self.model.use_as_probability)
        self.assertEqual((self.leads.mapped("automated_probability"), run.probability_count), (before, 0))

    def test_probabilities_are_those_of_the_score_before_it_is_rounded(self):
        run = self._live()
        for lead in self.leads:
            self.assertAlmostEqual(lead.automated_probability, self._score_percent(lead), 2)
            self.assertEqual(lead.probability, lead.automated_probability)
            self.assertTrue(lead.is_automated_probability)
            self.assertAlmostEqual(lead.automated_probability, lead.lead_score, delta=0.51)
        self.assertEqual((run.state, run.probability_count), ("done", 10))

    def test_a_probability_set_by_hand_stays(self):
        self.hot[0].probability = 33
        self._live()
        self.assertEqual(self.hot[0].probability, 33)
        self.assertAlmostEqual(self.hot[0].automated_probability, self._score_percent(self.hot[0]), 2)
        self.assertFalse(self.hot[0].is_automated_probability)

    def test_the_expected_revenue_follows(self):
        self.hot[0].expected_revenue = 1000
        self._live()
        self.assertAlmostEqual(self.hot[0].prorated_revenue, 10 * self.hot[0].probability, 2)

    def test_what_does_not_differ_is_not_written(self):
        self._live()
        versions = lambda: self.env.execute_query(
            SQL("SELECT id, xmin FROM crm_lead WHERE id = ANY(%s) ORDER BY id", self.leads.ids)
        )
        before = versions()
        self.assertEqual(self._run_cron().probability_count, 0)
        self.assertEqual(versions(), before)

    def test_nobody_is_noted_as_having_changed_the_leads(self):
        self.env.cr.execute("UPDATE crm_lead SET write_date = '2020-01-01' WHERE id = ANY(%s)", (self.leads.ids,))
        self._live()
        self.assertEqual({date.year for date in self.leads.mapped("write_date")}, {2020})

    def test_odoos_own_daily_action_keeps_them(self):
        self._live()
        scored = self.leads.mapped("automated_probability")
        self.env["crm.lead"]._cron_update_automated_probabilities()
        self.assertEqual(self.leads.mapped("automated_probability"), scored)

    def test_saving_a_lead_keeps_it(self):
        self._live()
        before = self.hot[0].automated_probability
        with Form(self.hot[0].with_user(self.mona)) as form:
            form.tag_ids.add(self.env["crm.tag"].create({"name": "Saved"}))
            form.email_from = "somebody@example.com"
        self.assertEqual(self.hot[0].automated_probability, before)

    def test_the_probability_of_a_saved_lead_follows_its_score_in_a_minute(self):
        self._live()
        self.hot[0].source_id = self.cold
        self.env.cr.flush()
        self.env.invalidate_all()
        others = self.hot[1:].mapped("automated_probability")
        self.assertGreater(self.hot[0].automated_probability - self._score_percent(self.hot[0]), 1)
        run = self._run_cron("saved")
        self.assertEqual((run.saved_only, run.probability_count), (True, 1))
        self.assertAlmostEqual(self.hot[0].automated_probability, self._score_percent(self.hot[0]), 2)
        self.assertEqual(self.hot[1:].mapped("automated_probability"), others)

    def test_the_button_beside_a_probability_brings_the_score_back(self):
        self._live()
        lead = self.hot[0].with_user(self.mona)
        lead.probability = 12
        lead.action_set_automated_probability()
        self.assertAlmostEqual(lead.probability, self._score_percent(self.hot[0]), 2)
        told = lead.prepare_pls_tooltip_data()
        self.assertEqual(told["probability"], lead.automated_probability)
        self.assertEqual((told["top_3_data"], told["low_3_data"]), ([], []))

    def test_leads_without_a_score_of_this_model_have_odoos_own(self):
        self._live()
        other = self._leads(1, "open", self.cold, self.other_company)
        scored = self.hot[0].automated_probability
        found = (self.hot[0] | other)._pls_get_naive_bayes_probabilities()[0]
        self.assertEqual(found[self.hot[0].id], scored)
        self.assertEqual(found[other.id], other._pls_get_naive_bayes_probabilities()[0][other.id])
        self.assertNotEqual(found[other.id], scored)

    def test_a_won_lead_is_at_100_and_a_lost_one_at_0(self):
        self._live()
        self.hot[0].action_set_won()
        self.hot[1].action_set_lost()
        self.hot[1].source_id = self.cold
        self._run_cron()
        self.assertEqual((self.hot[0].probability, self.hot[0].automated_probability), (100, 100))
        self.assertEqual((self.hot[1].probability, self.hot[1].won_status), (0, "lost"))

    def test_switched_off_odoos_next_run_sets_its_own(self):
        self.env["crm.lead"]._cron_update_automated_probabilities()
        own = self.leads.mapped("automated_probability")
        self._live()
        self.assertNotEqual(self.leads.mapped("automated_probability"), own)
        self.model.use_as_probability = False
        self.env["crm.lead"]._cron_update_automated_probabilities()
        self.assertEqual(self.leads.mapped("automated_probability"), own)

    def test_a_stopped_model_leaves_probabilities_to_odoo(self):
        self._live()
        self.env["lead.scoring.config"].create({"name": "Keep", "automatic_score_cleanup": False})
        self.model.action_stop()
        self.assertTrue(self.hot[0].lead_score)
        self.assertFalse(self.hot._get_score_probabilities())

    def test_a_model_that_gives_no_lead_its_own_score_sets_no_probability(self):
        self.model.action_go_live()
        second = self.model.copy({"name": "Second", "sequence": 20, "use_as_probability": True})
        second.sudo().version_id = self.model.version_id.copy({"model_id": second.id})
        second.action_go_live()
        before = self.leads.mapped("automated_probability")
        self._run_cron()
        self.assertEqual(self.leads.mapped("automated_probability"), before)

    def test_switched_on_while_live_it_takes_effect_within_a_minute(self):
        self.model.action_go_live()
        self._run_cron()
        triggers = [("cron_id", "=", self.env.ref("lead_scoring.ir_cron_score_leads").id)]
        before = self.env["ir.cron.trigger"].search_count(triggers)
        self.model.with_user(self.mona).use_as_probability = True
        self.assertEqual(self.env["ir.cron.trigger"].search_count(triggers), before + 1)

    def test_a_version_that_cannot_be_used_never_keeps_a_lead_from_being_saved(self):
        self._live()
        Version = self.env.registry["lead.scoring.model.version"]
        with patch.object(Version, "_load_card", side_effect=ScorecardError("broken")), mute_logger(LOGGER):
            self.hot[0].email_from = "somebody@example.com"
            self.env.flush_all()
        self.assertEqual(self.hot[0].email_from, "somebody@example.com")

    def test_leads_that_somebody_saves_just_now_wait_for_the_next_run(self):
        Run = self.env.registry["lead.scoring.run"]
        with patch.object(Run, "_set_probabilities", side_effect=SerializationFailure), mute_logger(LOGGER):
            run = self._live()
        self.assertEqual((run.state, run.probability_count), ("done", 0))
        self.assertEqual(self._run_cron().probability_count, 10)
