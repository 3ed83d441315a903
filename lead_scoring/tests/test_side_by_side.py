from datetime import timedelta
from unittest.mock import patch

from psycopg2.errors import SerializationFailure

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .. import uninstall_hook
from ..features import pages
from ..models import lead_scoring_run, lead_scoring_run_moves
from ..models.crm_stage import STAGES_MADE
from .common_moves import MovesCommon

MOVES = "odoo.addons.lead_scoring.models.lead_scoring_run_moves"


@tagged("post_install", "-at_install")
class TestSideBySide(MovesCommon):
    """Scheduled actions and people at work at the same time."""

    def test_leads_that_were_to_stay_stay_when_leads_are_moved_while_the_model_still_goes_live(self):
        self._live(move=False)
        Cron, turns = type(self.env["ir.cron"]), []

        def cut(cron, processed=0, *, remaining=None, deactivate=False):
            cron.env.cr.commit()
            turns.append(processed)
            return 0 if processed else 1

        with patch.object(pages, "PAGE_SIZE", 3), patch.object(Cron, "_commit_progress", cut):
            self._run()
        self.assertEqual((self.model.state, sum(turns)), ("going_live", 3))
        self._run("saved")  # somebody saved a lead
        self._run()
        self.assertEqual(self.model.state, "live")
        self.assertEqual(self.leads.stage_id, self.new)
        self._run("saved")
        self._run()
        self.assertEqual(self.leads.stage_id, self.new)

    def test_a_conflict_with_somebody_who_saves_ends_no_run(self):
        self._live()
        Run, conflicts = type(self.env["lead.scoring.run"]), [1, 2]
        step = Run._write_probabilities

        def write_probabilities(run):
            if conflicts:
                conflicts.pop()
                raise SerializationFailure
            return step(run)

        with patch.object(Run, "_write_probabilities", write_probabilities):
            run = self._run()
            while conflicts:
                self.assertEqual((run.state, self.model.state), ("running", "live"))
                run = self._run()
            run = self._run()
        runs = self.env["lead.scoring.run"].search([("model_id", "=", self.model.id)])
        self.assertEqual(set(runs.mapped("state")), {"done"})
        self.assertFalse(self.model.state_reason)
        self.assertEqual((runs[-1].qualified_count, runs[-1].accepted_count), (6, 4))

    def test_a_lead_that_is_saved_again_and_again_does_not_keep_the_others_from_being_scored(self):
        Model = type(self.model)
        score_batch, busy, sizes = Model._score_batch, self.hot[0], []

        def conflicting(model, ids):
            sizes.append(len(ids))
            if busy.id in ids and len(ids) > 2:
                raise SerializationFailure
            return score_batch(model, ids)

        self._live()
        with patch.object(Model, "_score_batch", conflicting), patch.object(lead_scoring_run, "FEWEST", 2):
            run = self._run()
        self.assertEqual((run.state, run.read_count, run.scored_count, self.model.state), ("done", 10, 10, "live"))
        self.assertEqual(sizes, [10, 2, 4, 4])
        self.assertTrue(all(self.leads.mapped("lead_score")))

    def test_stopping_a_model_stops_its_moves(self):
        self._live()
        Move = type(self.env["lead.scoring.move"])
        act, batches = Move._act, []

        def stopping(moves, model, kind, lead_ids, settings):
            batches.append(lead_ids)
            if len(batches) == 2:
                model.action_stop()
            return act(moves, model, kind, lead_ids, settings)

        with patch.object(lead_scoring_run_moves, "MOST_LOCKED", 2), patch.object(Move, "_act", stopping):
            self._run()
        self.assertEqual(len(batches), 2)
        moved = self.leads.filtered(lambda lead: lead.stage_id != self.new)
        self.assertEqual(sorted(moved.ids), sorted(lead_id for ids in batches for lead_id in ids))
        self.assertEqual(self._run().purpose, "stop")
        self.assertEqual((self.model.state, self._moves(self.leads).lead_id), ("stopped", moved))

    def test_a_lead_that_somebody_saves_just_then_moves_in_a_minute_and_not_the_next_day(self):
        Lead, Move = type(self.env["crm.lead"]), type(self.env["lead.scoring.move"])
        lock, act, busy = Lead.try_lock_for_update, Move._act, self.hot[0]

        def locked(leads, **options):
            return lock(leads, **options) - busy

        def conflict(moves, model, kind, lead_ids, settings):
            if busy.id in lead_ids:
                raise SerializationFailure
            return act(moves, model, kind, lead_ids, settings)

        self._live()
        for name, there in (("try_lock_for_update", (Lead, locked)), ("_act", (Move, conflict))):
            self.env["ir.cron.trigger"].search([]).unlink()
            with patch.object(there[0], name, there[1]):
                self.assertEqual(self._run().state, "done")
            self.assertEqual(busy.stage_id, self.new, name)
            cron = self.env.ref("lead_scoring.ir_cron_saved_leads")
            trigger = self.env["ir.cron.trigger"].search([("cron_id", "=", cron.id)])
            self.assertEqual(len(trigger), 1, name)
            self.assertAlmostEqual(trigger.call_at, self._ago(minutes=-1), delta=timedelta(seconds=30))
        self._run("saved")
        self.assertEqual(busy.stage_id, self.acceptance)

    def test_every_batch_of_moves_is_said_to_be_work_done(self):
        """A scheduled action that was cut short a few times with nothing done is taken to have failed."""
        self._live()
        Cron, done = type(self.env["ir.cron"]), []
        commit = Cron._commit_progress

        def told(cron, processed=0, *, remaining=None, deactivate=False):
            done.append(processed)
            return commit(cron, processed, remaining=remaining, deactivate=deactivate)

        with patch.object(Cron, "_commit_progress", told):
            self._run()
        self.assertEqual(sum(done), 10 + 10, "scored, and moved")

    def test_what_was_remembered_twice_at_the_same_time_is_once_enough(self):
        self._live(move=False)
        self._run()
        Move, before = self.env["lead.scoring.move"], self._moves(self.leads)
        self.env.cr.execute(
            "INSERT INTO lead_scoring_move (lead_id, model_id, kind, date, score, grade, stage_from_id)"
            " SELECT lead_id, model_id, kind, date, score, grade, stage_from_id FROM lead_scoring_move"
        )
        Move.invalidate_model()
        self.assertEqual(len(self._moves(self.leads)), 2 * len(before))
        Move._gc_doubles()
        self.assertEqual(self._moves(self.leads), before)

    @mute_logger(MOVES)
    def test_a_salesperson_who_cannot_be_told_is_said_and_stops_no_other(self):
        self.env["lead.scoring.config"].create({"name": "Tell", "sales_ready_tell": "activity"})
        self._give(self.leads, self.sam)
        self._live()
        Lead, lead = type(self.env["crm.lead"]), self.hot[1]
        schedule, reason = Lead.activity_schedule, "not to him"

        def refusing(leads, *args, **values):
            if lead in leads:
                raise UserError(reason)
            return schedule(leads, *args, **values)

        with patch.object(Lead, "activity_schedule", refusing):
            run = self._run()
        self.assertEqual((run.state, run.told_count), ("done", 3))
        self.assertIn(f"Nobody could be told of lead {lead.id}: not to him", run.message)
        self.assertFalse(self.model.state_reason)
        self.assertFalse(self._run().told_count, "once, as any other")

    def test_a_run_that_moves_nothing_leaves_the_model_as_it_is(self):
        self._live()
        self._run()
        self.env.cr.execute("UPDATE lead_scoring_model SET write_date = '2026-01-01' WHERE id = %s", [self.model.id])
        self.env.invalidate_all()
        self._run()
        self.assertEqual(str(self.model.write_date), "2026-01-01 00:00:00", "somebody may be editing it")

    def test_a_lead_is_saved_even_if_somebody_deleted_the_scheduled_action(self):
        self._live()
        self._run()
        self.env.ref("lead_scoring.ir_cron_score_leads").unlink()
        with (
            patch.object(type(self.model), "_score_batch", side_effect=KeyError),
            mute_logger("odoo.addons.lead_scoring.models.crm_lead_moments"),
        ):
            self.hot[0].source_id = self.cold
            self._save()
        self.assertEqual(self.hot[0].source_id, self.cold)

    def test_old_runs_are_deleted_but_for_the_last_one(self):
        self._live()
        first = self._run()
        Run = self.env["lead.scoring.run"]
        values = {"model_id": self.model.id, "version_id": self.model.version_id.id, "state": "done"}
        old, moves, kept, going = Run.create(
            [
                {**values, "date_start": self._ago(days=100)},
                {**values, "date_start": self._ago(days=10), "saved_only": True},
                {**values, "date_start": self._ago(days=10)},
                {**values, "date_start": self._ago(days=100), "state": "running"},
            ]
        )
        first.date_start = first.date_end = self._ago(days=120)
        last, last_moves = Run.create(
            [
                {**values, "date_start": self._ago(days=100), "date_end": self._ago(days=100)},
                {**values, "date_start": self._ago(days=9), "saved_only": True},
            ]
        )
        Run._gc_old()
        self.assertFalse((first | old | moves).exists())
        self.assertEqual((kept | going | last | last_moves).exists(), kept | going | last | last_moves)
        self.assertEqual(self.model.last_run_date, last.date_end)


@tagged("post_install", "-at_install")
class TestBorders(MovesCommon):
    """What of one company, or model, never comes to another one."""

    def test_a_model_that_has_learned_from_one_company_is_not_given_to_another(self):
        for company in (self.other_company.id, False):
            with self.assertRaisesRegex(UserError, "make another model for another company"):
                self.model.company_id = company
        self.model.company_id = self.company
        fresh = self.model.copy({"name": "Fresh"})
        fresh.company_id = self.other_company
        self.assertFalse(fresh.version_ids)

    def test_the_sales_ready_grade_is_one_of_the_models_own(self):
        other = self.model.copy({"name": "Other"})
        with self.assertRaisesRegex(ValidationError, "A is no grade of Test model"):
            self.model.sales_ready_grade_id = other.grade_ids[0]

    def test_the_preview_of_rules_tells_nothing_of_another_companys_rules(self):
        rules = self.env["lead.scoring.model"].create(
            {
                "name": "Theirs",
                "kind": "rules",
                "company_id": self.company.id,
                "rule_ids": [(0, 0, {"name": "Secret", "points": 7, "domain": "[('type', '=', 'lead')]"})],
            }
        )
        as_otto = self.env(user=self.otto.id)
        preview = as_otto["lead.scoring.rule.preview"].browse()
        line = self.env["lead.scoring.rule.preview.line"].with_user(self.otto)
        with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_rule"):
            preview.create({"model_id": rules.id})
        own = self.env["lead.scoring.model"].create(
            {
                "name": "Otto's",
                "kind": "rules",
                "company_id": self.other_company.id,
                "rule_ids": [(0, 0, {"name": "Mine", "points": 3, "domain": "[('type', '=', 'lead')]"})],
            }
        )
        mine = preview.create({"model_id": own.id})
        stray = line.create({"preview_id": mine.id, "rule_id": rules.rule_ids.id})
        stray.invalidate_recordset()
        with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_rule"):
            stray.read(["points", "summary"])


@tagged("post_install", "-at_install")
class TestUninstalling(MovesCommon):
    def test_the_stages_stay_and_have_their_roles_again_when_the_addon_is_installed_again(self):
        Stage = self.env["crm.stage"]
        Stage.search([]).scoring_role = False
        names = Stage.search([], order="sequence, id").mapped("name")
        self.assertIn("Automated Marketing Qualification", names)
        uninstall_hook(self.env)
        self.assertFalse(self.env["ir.config_parameter"].get_param(STAGES_MADE))
        Stage._make_scoring_stages()
        self.assertEqual(Stage.search([], order="sequence, id").mapped("name"), names)
        roles = Stage.search([("scoring_role", "!=", False)], order="sequence, id")
        self.assertEqual(roles.mapped("scoring_role"), ["qualified", "sales_ready"])
        self.assertEqual(roles.mapped("name"), ["Automated Marketing Qualification", "Sales Acceptance"])

    def test_a_won_stage_of_that_name_is_given_no_role(self):
        Stage = self.env["crm.stage"]
        Stage.search([]).scoring_role = False
        Stage.search([("name", "=", "Sales Acceptance")]).name = "Accepted"
        self.won_stage.name = "Sales Acceptance"
        uninstall_hook(self.env)
        Stage._make_scoring_stages()
        self.assertFalse(self.won_stage.scoring_role)
        self.assertEqual(len(Stage.search([("scoring_role", "=", "sales_ready")])), 1)

    def test_what_is_to_be_done_becomes_a_to_do(self):
        self.env["lead.scoring.config"].create({"name": "Tell", "sales_ready_tell": "activity"})
        self._give(self.hot, self.sam)
        self._live()
        self._run()
        activities = self.hot.activity_ids
        self.assertEqual(len(activities), 4)
        uninstall_hook(self.env)
        self.assertEqual(activities.activity_type_id, self.env.ref("mail.mail_activity_data_todo"))
        self.env.ref("lead_scoring.mail_activity_sales_ready").unlink()
