from unittest.mock import patch

from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from ..features import pages
from ..scoring.errors import ScorecardError
from .common import LeadScoringCommon

LOGGER = "odoo.addons.lead_scoring.models.lead_scoring_run"


@tagged("post_install", "-at_install")
class TestRuns(LeadScoringCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Live models of the database's demo data would run along.
        cls.env["lead.scoring.model"].search([("state", "=", "live")]).sudo().state = "stopped"
        cls._trained()
        cls.leads = cls.hot | cls.cool

    def _run_cron(self):
        with self.enter_registry_test_mode():
            self.env.ref("lead_scoring.ir_cron_score_leads").method_direct_trigger()
        self.env.invalidate_all()
        return self.env["lead.scoring.run"].search([("model_id", "=", self.model.id)], limit=1)

    def test_the_daily_action_scores_all_open_leads_of_live_models_and_logs_it(self):
        self.model.action_go_live()
        run = self._run_cron()
        self.assertEqual(
            (run.state, run.total_count, run.read_count, run.scored_count, run.changed_count, run.skipped_count),
            ("done", 10, 10, 10, 10, 0),
        )
        self.assertTrue(all(self.leads.mapped("lead_score")))
        self.assertTrue(run.date_end)
        self.assertFalse(run.message)
        self.assertEqual(self.model.last_run_date, run.date_end)

    def test_a_run_is_named_after_its_model_and_when_it_started_where_the_reader_lives(self):
        run = self.env["lead.scoring.run"].create({"model_id": self.model.id, "date_start": "2026-11-25 23:30:00"})
        name = run.with_context(lang="en_US", tz="Asia/Tokyo").display_name
        self.assertTrue(name.startswith(f"{self.model.name}, 11/26/26"), name)

    def test_it_runs_every_day_by_itself(self):
        cron = self.env.ref("lead_scoring.ir_cron_score_leads")
        self.assertEqual((cron.active, cron.interval_number, cron.interval_type), (True, 1, "days"))

    def test_models_that_are_not_live_score_nothing(self):
        self.assertFalse(self._run_cron())
        self.assertFalse(any(self.leads.mapped("lead_score_trend")))

    def test_closed_and_archived_leads_are_not_scored(self):
        self.model.action_go_live()
        self.hot[0].action_set_won()
        self.hot[1].action_set_lost()
        self.hot[2].active = False
        run = self._run_cron()
        self.assertEqual(run.scored_count, 7)
        self.assertFalse(any(self.hot[:3].mapped("lead_score_trend")))

    def test_nothing_changed_writes_nothing(self):
        self.model.action_go_live()
        self._run_cron()
        self._run_cron()  # first trends
        before = self._row_versions()
        run = self._run_cron()
        self.assertEqual((run.scored_count, run.changed_count), (10, 0))
        self.assertEqual(self._row_versions(), before)

    def _row_versions(self):
        return self.env.execute_query(
            SQL("SELECT id, xmin, ctid FROM crm_lead_score WHERE lead_id = ANY(%s) ORDER BY id", self.leads.ids)
        )

    def test_a_closed_lead_keeps_its_last_score(self):
        self.model.action_go_live()
        self._run_cron()
        score = self.hot[0].lead_score
        self.hot[0].source_id = self.cold
        self.hot[0].action_set_lost()
        self._run_cron()
        self.assertEqual(self.hot[0].lead_score, score)

    def test_a_lead_that_left_the_company_loses_the_score_of_its_model(self):
        self.model.action_go_live()
        self._run_cron()
        self.hot[0].write({"team_id": False, "user_id": False, "company_id": self.other_company.id})
        self._run_cron()
        self.assertFalse(self.hot[0].lead_score_trend)
        self.assertTrue(self.hot[1].lead_score_trend)

    @mute_logger(LOGGER)
    def test_one_broken_lead_is_left_out_and_told(self):
        self.model.action_go_live()
        broken = self.hot[2].id
        score_batch = type(self.model)._score_batch

        def failing(model, ids):
            # The database refuses the whole batch as long as this lead is in it.
            if broken in ids:
                model.env.cr.execute("SELECT 1 / 0")
            return score_batch(model, ids)

        with patch.object(type(self.model), "_score_batch", failing), mute_logger("odoo.sql_db"):
            run = self._run_cron()
        self.assertEqual((run.state, run.scored_count, run.skipped_count), ("done", 9, 1))
        self.assertIn(f"Lead {broken} was skipped", run.message)
        self.assertFalse(self.hot[2].lead_score_trend)
        self.assertEqual(len(self.leads.filtered("lead_score_trend")), 9)

    def test_one_broken_model_does_not_stop_the_others(self):
        other = self.model.copy({"name": "Broken model", "sequence": 1})
        other._train()
        (other | self.model).action_go_live()
        text = other.version_id.scorecard
        self.env.cr.execute(
            SQL("UPDATE lead_scoring_model_version SET scorecard = %s WHERE id = %s", text[:-9], other.version_id.id)
        )
        self.env.invalidate_all()
        self.env.registry.clear_cache()
        run = self._run_cron()
        self.assertEqual((run.state, run.scored_count), ("done", 10))
        failed = other.run_ids[0]
        self.assertEqual(failed.state, "failed")
        self.assertIn("Version 1 of Broken model cannot be used", failed.message)

    def test_other_processes_hear_of_a_model_that_failed_before_the_next_one_is_scored(self):
        """They score leads as they are saved, by the models that are live as far as they have heard."""
        other = self.model.copy({"name": "Broken model", "sequence": 1})
        other._train()
        other.action_go_live()
        self.model.action_go_live()
        broken, score_batch, heard = other.version_id, type(self.model)._score_batch, []
        before = self.registry.cache_sequences["default"]

        def watched(model, ids):
            if model.version_id == broken:
                raise ScorecardError("It is broken.")
            untold = "default" in self.registry.cache_invalidated
            heard.append((model.browse(other.id).state, self.registry.cache_sequences["default"] > before, untold))
            return score_batch(model, ids)

        self.registry.signal_changes()  # what the test itself has changed
        before = self.registry.cache_sequences["default"]
        with patch.object(type(self.model), "_score_batch", watched):
            self._run_cron()
        self.assertEqual(heard, [("error", True, False)])

    def test_a_run_that_was_cut_goes_on_where_it_was(self):
        self.model.action_go_live()
        scored = []
        score_batch = type(self.model)._score_batch

        def watched(model, ids):
            scored.extend(ids)
            return score_batch(model, ids)

        halfway = self.leads.sorted("id")[4].id
        run = self.model.run_ids
        self.assertEqual((run.state, run.total_count), ("running", 10))
        run.write({"read_count": 5, "last_lead_id": halfway})
        with patch.object(type(self.model), "_score_batch", watched):
            self._run_cron()
        self.assertEqual(sorted(scored), sorted(self.leads.ids)[5:])
        self.assertEqual((run.state, run.read_count), ("done", 10))

    def test_many_leads_are_scored_batch_by_batch(self):
        self.model.action_go_live()
        with patch.object(pages, "PAGE_SIZE", 3):
            run = self._run_cron()
        self.assertEqual((run.read_count, run.changed_count), (10, 10))
        self.assertTrue(all(self.leads.mapped("lead_score_trend")))

    def test_a_run_of_an_older_version_is_cancelled_and_begun_anew(self):
        self.model.action_go_live()
        old = self.model.run_ids
        self.model._train()
        run = self._run_cron()
        self.assertEqual((old.state, run.state, run.version_id), ("cancelled", "done", self.model.version_id))
        self.assertNotEqual(old, run)

    def test_leads_that_reach_the_sales_ready_score_are_marked_once_with_the_date(self):
        self.model.sales_ready_score = 60
        self.model.with_context(lead_scoring_move_leads=True).action_go_live()
        run = self._run_cron()
        self.assertEqual(run.sales_ready_count, 4)
        self.assertTrue(all(self.hot.mapped("lead_sales_ready")))
        self.assertTrue(all(self.hot.mapped("lead_sales_ready_date")))
        self.assertFalse(any(self.cool.mapped("lead_sales_ready")))
        self.assertEqual(self._run_cron().sales_ready_count, 0)

    def test_automatic_sales_ready_can_be_switched_off(self):
        """Seed: Automatic sales ready, No."""
        self.env["lead.scoring.config"].create({"name": "Off", "automatic_sales_ready": False})
        self.model.sales_ready_score = 60
        self.model.action_go_live()
        self.assertFalse(self._run_cron().sales_ready_count)
        self.assertFalse(any(self.hot.mapped("lead_sales_ready")))

    def test_a_property_deleted_after_training_counts_as_empty_and_is_told(self):
        self.team.lead_properties_definition = [
            {"name": "size", "type": "selection", "string": "Size", "selection": [["s", "Small"], ["l", "Large"]]}
        ]
        won, lost = (
            self.env["crm.lead"]
            .with_context(active_test=False)
            .search([("company_id", "=", self.company.id), ("won_status", "=", status)])
            for status in ("won", "lost")
        )
        won[:40].lead_properties = {"size": "l"}
        (won[40:] | lost).lead_properties = {"size": "s"}
        self.model._train()
        self.assertIn("property.size", self.model.version_id._card().names)
        self.team.lead_properties_definition = []
        self.model.action_go_live()
        run = self._run_cron()
        self.assertEqual((run.state, run.scored_count), ("done", 10))
        self.assertIn("The field behind property.size exists no more", run.message)

    def test_a_property_of_another_type_than_in_training_counts_as_empty_and_is_told(self):
        self.team.lead_properties_definition = [{"name": "size", "type": "integer", "string": "Size"}]
        closed = (
            self.env["crm.lead"]
            .with_context(active_test=False)
            .search([("company_id", "=", self.company.id), ("won_status", "in", ["won", "lost"])])
        )
        for number, lead in enumerate(closed):
            lead.lead_properties = {"size": (20 if lead.won_status == "won" else 1) + number % 40}
        self.leads.lead_properties = {"size": 55}
        self.model._train()
        self.assertIn("property.size", self.model.version_id._card().names)
        before = self.model._score_probabilities(self.leads.ids)
        self.team.lead_properties_definition = [
            {"name": "size", "type": "selection", "string": "Size", "selection": [["s", "Small"], ["l", "Large"]]}
        ]
        self.leads.lead_properties = {"size": "l"}
        self.model.action_go_live()
        run = self._run_cron()
        self.assertEqual((run.state, run.scored_count), ("done", 10))
        self.assertIn("The field behind property.size exists no more or is of another type now", run.message)
        after = self.model._score_probabilities(self.leads.ids)
        self.assertTrue(all(after[lead] < before[lead] for lead in before))
