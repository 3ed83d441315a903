from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from ..features import pages
from .common import LeadScoringCommon

LOGGER = "odoo.addons.lead_scoring.models.lead_scoring_run"


@tagged("post_install", "-at_install")
class TestLifecycle(LeadScoringCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["lead.scoring.model"].search([("state", "=", "live")]).sudo().state = "stopped"
        cls._trained()
        cls.leads = cls.hot | cls.cool
        cls.as_mona = cls.model.with_user(cls.mona)
        cls.Config = cls.env["lead.scoring.config"]
        cls.Config.search([]).active = False

    def _run(self, model=None, purpose="score"):
        domain = [("model_id", "=", (model or self.model).id), ("purpose", "=", purpose)]
        return self.env["lead.scoring.run"].search(domain, limit=1)

    def _scored(self, model=None):
        return self.env["crm.lead.score"].search_count([("model_id", "=", (model or self.model).id)])

    def _keep_scores(self):
        self.Config.create({"name": "Keep", "automatic_score_cleanup": False})

    def _break_filter(self, model=None):
        """What the filter asks for is gone, as when a custom field was deleted."""
        self.env.cr.execute(
            SQL(
                "UPDATE lead_scoring_model SET domain = %s WHERE id = %s",
                "[('x_gone', '=', 1)]",
                (model or self.model).id,
            )
        )
        self.env.invalidate_all()

    def _trains_another(self, name="Second model", **values):
        second = self.model.copy({"name": name, **values})
        second._train()
        return second

    def _cut_after(self, batches):
        """Let the scheduled action's time be over after some batches, as when its worker is stopped."""
        left = [batches]

        def commit_progress(_cron, processed=0, *, remaining=None, deactivate=False):
            if processed:
                left[0] -= 1
            return left[0]

        return patch.object(type(self.env["ir.cron"]), "_commit_progress", commit_progress)

    def _run_cut(self, batches):
        self.env.flush_all()
        with self._cut_after(batches), patch.object(pages, "PAGE_SIZE", 3):
            self.env["lead.scoring.run"].sudo()._cron_score_leads()
        self.env.invalidate_all()

    def _run_cron(self):
        """Run the scheduled action with its commits and rollbacks."""
        with self.enter_registry_test_mode():
            self.env.ref("lead_scoring.ir_cron_score_leads").method_direct_trigger()
        self.env.invalidate_all()

    # ------------------------------------------------------------
    # Going live
    # ------------------------------------------------------------

    def test_a_draft_goes_live_in_the_background_and_is_live_when_its_leads_are_scored(self):
        self.assertEqual(self.model.state, "draft")
        self.as_mona.action_go_live()
        self.assertEqual(self.model.state, "going_live")
        self.assertFalse(any(self.leads.mapped("lead_score_trend")))
        self._run_jobs()
        self.assertEqual(self.model.state, "live")
        self.assertTrue(all(self.leads.mapped("lead_score_trend")))

    def test_going_live_can_be_followed(self):
        self.as_mona.action_go_live()
        self.assertIn("0 of 10 open leads are scored so far", self.as_mona.message)
        self._run_cut(batches=2)
        self.assertEqual((self.model.state, self.as_mona.progress), ("going_live", 60))
        self.assertIn("6 of 10 open leads", self.as_mona.message)
        self._run_jobs()
        self.assertEqual((self.model.state, self.as_mona.progress, self.as_mona.message), ("live", 0, False))

    def test_killed_while_going_live_the_next_turn_goes_on_and_scores_no_lead_twice(self):
        self.as_mona.action_go_live()
        scored = []
        score_batch = type(self.model)._score_batch

        def watched(model, ids):
            scored.extend(ids)
            return score_batch(model, ids)

        with patch.object(type(self.model), "_score_batch", watched):
            self._run_cut(batches=1)
            self._run_jobs()
        self.assertEqual(sorted(scored), sorted(self.leads.ids))
        self.assertEqual(len(self.model.run_ids), 1)

    def test_what_is_left_of_the_work_wakes_the_scheduler_again(self):
        self.as_mona.action_go_live()
        cron = self.env.ref("lead_scoring.ir_cron_score_leads")
        self.env["ir.cron.trigger"].search([("cron_id", "=", cron.id)]).unlink()
        self._run_cut(batches=1)
        self.assertTrue(self.env["ir.cron.trigger"].search([("cron_id", "=", cron.id)]))

    def test_a_first_run_that_fails_ends_in_error_with_the_reason_and_tells_someone(self):
        self.Config.create({"name": "Ours", "company_id": self.company.id, "responsible_id": self.mona.id})
        self.as_mona.action_go_live()
        self._break_filter()
        self._run_jobs()
        self.assertEqual(self.model.state, "error")
        self.assertIn("The filter of Test model cannot be used", self.model.state_reason)
        self.assertEqual(self.model.activity_ids.user_id, self.mona)
        self.assertIn("scores no more", self.model.activity_ids.summary)

    def test_from_error_it_goes_live_again_when_it_is_mended(self):
        self.as_mona.action_go_live()
        self._break_filter()
        self._run_jobs()
        self.as_mona.domain = "[]"
        self.as_mona.action_go_live()
        self._run_jobs()
        self.assertEqual((self.model.state, self.model.state_reason), ("live", False))

    def test_pressing_go_live_twice_does_it_once(self):
        self.as_mona.action_go_live()
        self.as_mona.action_go_live()
        self.assertEqual(len(self.model.run_ids), 1)

    def test_one_model_that_goes_live_does_not_make_the_others_score_again(self):
        self._take_live(self.model)
        self._take_live(self._trains_another())
        self.assertEqual(len(self.model.run_ids), 1)

    def test_the_daily_run_of_the_others_is_not_lost_when_one_goes_live_at_that_moment(self):
        self._take_live(self.model)
        self._run().date_start -= timedelta(days=1)
        self._take_live(self._trains_another())
        self.assertEqual(self.model.run_ids.mapped("state"), ["done", "done"])

    # ------------------------------------------------------------
    # Live
    # ------------------------------------------------------------

    @mute_logger(LOGGER)
    def test_a_live_model_that_cannot_score_for_once_stays_live_says_so_and_tries_again(self):
        self._take_live(self.model)
        with patch.object(pages, "pages", side_effect=RuntimeError("full disk")):
            self._run_cron()
            self._run_cron()
        self.assertEqual((self.model.state, self._run().state), ("live", "failed"))
        self.assertIn("failed unexpectedly", self.model.state_reason)
        self.assertEqual(len(self.model.activity_ids), 1)  # not one more every night
        self._run_jobs()
        self.assertEqual((self.model.state, self.model.state_reason), ("live", False))

    def test_a_live_model_with_a_broken_filter_ends_in_error_and_its_scores_are_out_of_date(self):
        self._take_live(self.model)
        scores, last = self.hot.mapped("lead_score"), self.model.last_run_date
        self._break_filter()
        self._run_jobs()
        self.assertEqual(self.model.state, "error")
        self.assertEqual(self.hot.mapped("lead_score"), scores)
        self.assertEqual(set(self.hot.mapped("lead_score_outdated_since")), {last})

    def test_the_score_of_a_live_model_goes_before_the_old_one_of_a_model_in_error(self):
        second = self._trains_another(sequence=20)
        self._take_live(self.model | second)
        self.assertEqual(self.hot.lead_score_model_id, self.model)
        self._break_filter()
        self._run_jobs()
        self.assertEqual(self.hot.lead_score_model_id, second)
        self.assertFalse(any(self.hot.mapped("lead_score_outdated_since")))

    def test_one_failing_model_never_stops_the_others(self):
        second = self._trains_another()
        (self.model | second).action_go_live()
        self._break_filter(second)
        self._run_jobs()
        self.assertEqual((self.model.state, second.state), ("live", "error"))

    def test_a_live_model_is_locked(self):
        values = {
            "domain": "[('priority', '=', '1')]",
            "team_ids": self.team.ids,
            "company_id": False,
            "kind": "predictive",
            "training_months": "3",
        }
        for state in ("going_live", "live", "stopping"):
            self.model.state = state
            for name, value in values.items():
                with self.assertRaisesRegex(UserError, "Test model is live: stop it first"):
                    self.as_mona.write({name: value})

    def test_name_order_and_grades_of_a_live_model_can_be_changed(self):
        self._take_live(self.model)
        self.as_mona.write({"name": "Renamed", "sequence": 3, "sales_ready_score": 80, "retrain_days": 30})
        self.as_mona.grade_ids[0].min_score = 60
        self.assertEqual(self.model.name, "Renamed")

    def test_a_stopped_model_can_be_changed(self):
        self._take_live(self.model)
        self._stop(self.model)
        self.as_mona.domain = f"[('source_id', '=', {self.referral.id})]"
        self.as_mona.action_go_live()
        self._run_jobs()
        self.assertEqual(self._scored(), 4)

    # ------------------------------------------------------------
    # Stopping: automatic lead scores cleanup
    # ------------------------------------------------------------

    def test_seed_cleanup_yes_deletes_all_scores_of_the_stopped_model(self):
        """Automatic lead scores cleanup, Yes: delete all scores calculated by the stopped lead-scoring model."""
        second = self._trains_another(sequence=20)
        self._take_live(self.model | second)
        self.as_mona.action_stop()
        self.assertEqual(self.model.state, "stopping")
        self._run_jobs()
        self.assertEqual((self.model.state, self._scored(), self._scored(second)), ("stopped", 0, 10))
        self.assertEqual(self.leads.lead_score_model_id, second)

    def test_seed_cleanup_yes_scores_are_recalculated_when_the_model_goes_live_again(self):
        """They will automatically be recalculated if you go live again with the model."""
        self._take_live(self.model)
        scores = self.leads.mapped("lead_score")
        self._stop(self.model)
        self.assertFalse(any(self.leads.mapped("lead_score_trend")))
        self.assertFalse(any(self.leads.mapped("lead_grade")))
        self._take_live(self.model)
        self.assertEqual(self.leads.mapped("lead_score"), scores)

    def test_seed_cleanup_no_continues_to_show_the_scores_of_stopped_models(self):
        """Automatic lead scores cleanup, No: continue to show the scores for stopped models."""
        self._keep_scores()
        self._take_live(self.model)
        scores, last = self.leads.mapped("lead_score"), self.model.last_run_date
        self._stop(self.model)
        self.assertEqual(self.model.state, "stopped")
        self.assertEqual(self.leads.mapped("lead_score"), scores)
        self.assertTrue(all(self.leads.mapped("lead_score_reasons")))
        self.assertEqual(set(self.leads.mapped("lead_score_outdated_since")), {last})

    def test_seed_cleanup_no_the_scores_slowly_fall_out_of_date(self):
        """These scores will slowly fall out of date if the model remains stopped."""
        self._keep_scores()
        self._take_live(self.model)
        self._stop(self.model)
        scores = self.hot.mapped("lead_score")
        self.hot.source_id = self.cold
        self._run_jobs()
        self.assertEqual(self.hot.mapped("lead_score"), scores)
        self._take_live(self.model)
        self.assertLess(self.hot[0].lead_score, scores[0])
        self.assertFalse(any(self.leads.mapped("lead_score_outdated_since")))

    def test_scores_out_of_date_are_found_and_are_seen_by_salespeople(self):
        self._keep_scores()
        self._take_live(self.model)
        self._stop(self.model)
        self.hot.user_id = self.sam
        domain = [("lead_score_outdated_since", "!=", False), ("company_id", "=", self.company.id)]
        found = self.env["crm.lead"].with_user(self.sam).search([*domain, ("user_id", "=", self.sam.id)])
        self.assertEqual(found, self.hot)
        self.assertTrue(found[0].lead_score_outdated_since)

    def test_a_lead_with_a_kept_score_takes_the_score_of_a_model_that_is_live(self):
        self._keep_scores()
        second = self._trains_another(sequence=20)
        self._take_live(self.model | second)
        self._stop(self.model)
        self.assertEqual(self.leads.lead_score_model_id, second)
        self._take_live(self.model)
        self.assertEqual(self.leads.lead_score_model_id, self.model)

    def test_the_history_of_scores_stays_unless_it_is_asked_for(self):
        History = self.env["crm.lead.score.history"]
        self._take_live(self.model)
        self._stop(self.model)
        self.assertEqual(History.search_count([("model_id", "=", self.model.id)]), 10)
        self.Config.create({"name": "All", "delete_history": True})
        self._take_live(self.model)
        self._stop(self.model)
        self.assertFalse(History.search_count([("model_id", "=", self.model.id)]))

    def test_a_closed_lead_has_its_last_score_again_when_the_model_goes_live_again(self):
        self._take_live(self.model)
        closed, score = self.hot[0], self.hot[0].lead_score
        closed.action_set_lost()
        self._stop(self.model)
        self.assertFalse(closed.lead_score_trend)
        self._take_live(self.model)
        self.assertEqual((closed.lead_score, closed.lead_score_trend), (score, "unknown"))

    def test_stopping_many_leads_goes_batch_by_batch_and_can_be_followed(self):
        self._take_live(self.model)
        self.as_mona.action_stop()
        self._run_cut(batches=2)
        self.assertEqual((self.model.state, self._scored(), self.as_mona.progress), ("stopping", 4, 60))
        self.assertIn("6 of 10 leads are deleted", self.as_mona.message)
        self._run_cut(batches=9)
        self.assertEqual((self.model.state, self._scored()), ("stopped", 0))
        run = self._run(purpose="stop")
        self.assertEqual((run.state, run.read_count), ("done", 10))

    def test_the_choice_is_that_of_the_moment_when_stop_was_pressed(self):
        self._take_live(self.model)
        self.as_mona.action_stop()
        self._keep_scores()
        self._run_jobs()
        self.assertFalse(self._scored())

    def test_a_model_is_stopped_while_it_goes_live(self):
        self.as_mona.action_go_live()
        self._run_cut(batches=1)
        self.assertEqual(self._scored(), 3)
        self.as_mona.action_stop()
        self._run_jobs()
        self.assertEqual((self.model.state, self._scored(), self._run().state), ("stopped", 0, "cancelled"))

    def test_a_model_that_is_being_stopped_cannot_go_live(self):
        self._take_live(self.model)
        self.as_mona.action_stop()
        with self.assertRaisesRegex(UserError, "is being stopped"):
            self.as_mona.action_go_live()

    @mute_logger("odoo.addons.lead_scoring.models.lead_scoring_run_stop")
    def test_stopping_that_fails_ends_in_error_and_is_done_by_pressing_stop_again(self):
        self._take_live(self.model)
        self.as_mona.action_stop()
        Score = type(self.env["crm.lead.score"])
        with patch.object(Score, "_delete_of_leads", side_effect=RuntimeError("full disk")):
            self._run_cron()
        self.assertEqual(self.model.state, "error")
        self.assertIn("Press Stop again", self.model.state_reason)
        self._stop(self.as_mona)
        self.assertEqual((self.model.state, self._scored()), ("stopped", 0))

    # ------------------------------------------------------------
    # Check for errors
    # ------------------------------------------------------------

    def _found(self, model=None):
        return [(finding.text, finding.blocking) for finding in (model or self.as_mona)._check_for_errors()]

    def test_check_for_errors_finds_nothing_in_a_model_that_can_go_live(self):
        self.assertEqual(self._found(), [])
        self.assertEqual(self.as_mona.action_check_for_errors()["params"]["type"], "success")

    def test_check_for_errors_missing_fields_in_the_filter(self):
        self._break_filter()
        ((text, blocking),) = self._found()
        self.assertTrue(blocking)
        self.assertIn("The filter of Test model cannot be used", text)
        self.assertEqual(self.as_mona.action_check_for_errors()["params"]["type"], "danger")
        with self.assertRaisesRegex(UserError, "cannot be used"):
            self.as_mona.action_go_live()
        self.assertEqual(self.model.state, "draft")

    def test_check_for_errors_a_filter_that_no_lead_matches(self):
        self.as_mona.domain = "[('name', '=', 'nobody has this name')]"
        self.assertIn(("No lead matches the filter, open or closed.", True), self._found())
        with self.assertRaisesRegex(UserError, "No lead matches the filter"):
            self.as_mona.action_go_live()

    def test_check_for_errors_no_open_lead_is_a_warning(self):
        self.leads.action_archive()
        ((text, blocking),) = self._found()
        self.assertFalse(blocking)
        self.assertIn("No lead that is open now", text)
        self.assertEqual(self.as_mona.action_check_for_errors()["params"]["type"], "warning")

    def test_check_for_errors_ranges(self):
        self.env.cr.execute(
            SQL("UPDATE lead_scoring_grade SET min_score = 10 WHERE model_id = %s AND min_score = 0", self.model.id)
        )
        self.env.invalidate_all()
        self.assertIn(
            ("The lowest grade of a model must start at 0, so that every score has a grade.", True), self._found()
        )

    def test_check_for_errors_nothing_trained(self):
        fresh = self.model.copy()
        self.assertIn(("Train Test model (copy) first: it has nothing to score with.", True), self._found(fresh))

    def test_check_for_errors_a_version_that_cannot_be_used(self):
        self.env.cr.execute(
            SQL("UPDATE lead_scoring_model_version SET scorecard = '{' WHERE model_id = %s", self.model.id)
        )
        self.env.invalidate_all()
        self.env.registry.clear_cache()
        self.assertIn("Version 1 of Test model cannot be used", self._found()[0][0])
        self.env.registry.clear_cache()

    def test_check_for_errors_a_field_behind_a_feature_that_is_gone_is_a_warning(self):
        with patch("odoo.addons.lead_scoring.models.lead_scoring_model_lifecycle.find", return_value={}):
            found = self._found()
        self.assertIn(
            ("The field behind lead.source_id exists no more: it counts as not filled in on every lead.", False), found
        )

    def test_check_for_errors_overlaps_are_a_warning(self):
        self._take_live(self.model)
        second = self._trains_another(sequence=20)
        ((text, blocking),) = self._found(second)
        self.assertFalse(blocking)
        self.assertIn("Test model covers 10 of these open leads too", text)

    # ------------------------------------------------------------
    # Duplicate, archive, delete
    # ------------------------------------------------------------

    def test_a_duplicate_is_a_draft_with_grades_and_choices_of_features_but_no_versions(self):
        self._take_live(self.model)
        self.as_mona.grade_ids[0].min_score = 66
        self.model.feature_ids.filtered(lambda feature: feature.name == "lead.source_id").choice = "in"
        copied = self.as_mona.copy()
        self.assertEqual((copied.name, copied.state, copied.version_ids.ids), ("Test model (copy)", "draft", []))
        self.assertEqual(copied.grade_ids.mapped("min_score"), self.model.grade_ids.mapped("min_score"))
        self.assertEqual([(f.name, f.choice) for f in copied.feature_ids], [("lead.source_id", "in")])
        self.assertFalse(copied.run_ids)
        self.assertFalse(copied.activity_ids)
        copied.sudo()._train()
        self.assertTrue(copied.version_id)

    def test_only_a_draft_or_stopped_model_is_archived_or_deleted(self):
        for state in ("going_live", "live", "stopping", "error"):
            self.model.state = state
            with self.assertRaisesRegex(UserError, "cannot be archived as it is: stop it first"):
                self.as_mona.active = False
            with self.assertRaisesRegex(UserError, "cannot be deleted as it is: stop it first"):
                self.as_mona.unlink()
        self.model.state = "stopped"
        self.as_mona.active = False
        self.as_mona.unlink()

    # ------------------------------------------------------------
    # Who may
    # ------------------------------------------------------------

    def test_only_sales_administrators_of_the_company_press_the_buttons(self):
        buttons = ("action_go_live", "action_stop", "action_check_for_errors", "action_score_now")
        for user in (self.sam, self.alma, self.ida, self.otto):
            for button in buttons:
                with (
                    self.assertRaises(AccessError, msg=f"{user.login} {button}"),
                    mute_logger("odoo.addons.base.models.ir_model", "odoo.addons.base.models.ir_rule"),
                ):
                    getattr(self.model.with_user(user), button)()

    def test_the_state_its_reason_and_date_are_set_by_buttons_alone(self):
        for values in ({"state": "live"}, {"state_reason": "?"}, {"scored_until": fields.Datetime.now()}):
            with self.assertRaisesRegex(AccessError, "by its buttons alone"):
                self.as_mona.write(values)

    def test_score_now_needs_a_live_model(self):
        with self.assertRaisesRegex(UserError, "No scoring model is live"):
            self.as_mona.action_score_now()
        self._take_live(self.model)
        self.assertIn("within a minute", self.as_mona.action_score_now()["params"]["message"])
