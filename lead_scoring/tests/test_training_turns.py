import contextlib
import os
import signal
import sys
import time
from unittest.mock import patch

import psutil

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import SQL, config, mute_logger

from ..models import lead_scoring_model_turns as turns
from ..scoring import process
from .common import LeadScoringCommon

LOGGER = "odoo.addons.lead_scoring.models.lead_scoring_model_turns"


@tagged("post_install", "-at_install")
class TestTrainingTurns(LeadScoringCommon):
    """A training that was asked for goes on over any number of turns of the scheduled action, whatever ends them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Models of the database's demo data would train along.
        cls.env["lead.scoring.model"].search([]).sudo().write({"training_requested": False, "retrain_days": 0})
        cls._history()
        cls._leads(4, "open", cls.referral)
        cls.version = cls.model._train()
        cls.cron = cls.env.ref("lead_scoring.ir_cron_train_models")

    def setUp(self):
        super().setUp()
        self.startPatcher(patch.object(turns, "TURN_SECONDS", 0))  # a turn begins, looks once, and is over
        self.addCleanup(self._end_all)

    def _end_all(self):
        for folder in list(process._children):
            process.Training(folder).end()

    def _turn(self):
        """One turn of the scheduled action, as the scheduler runs it."""
        with self.enter_registry_test_mode():
            self.cron.method_direct_trigger()
        self.env.invalidate_all()

    def _turns_until_it_ended(self, model=None):
        for turn in range(1, 600):
            self._turn()
            if not (model or self.model).training_requested:
                return turn
            time.sleep(0.1)
        raise AssertionError("The training came to no end.")

    def _folder(self, model=None):
        return self.env["lead.scoring.model"]._training_folder((model or self.model).sudo().training_claim["token"])

    def _start(self, model=None):
        (model or self.model).action_train()
        self._turn()
        return process._children[self._folder(model)]

    def _child(self, code):
        """Let the child be a line of Python; ``folder`` is its folder."""
        command = lambda folder, *arguments: [sys.executable, "-c", f"import time; folder = {folder!r}\n{code}"]
        self.startPatcher(patch.object(process, "_command", command))

    def _kill(self, child):
        os.kill(child.pid, signal.SIGKILL)
        child.wait(10)

    # ------------------------------------------------------------
    # Going on
    # ------------------------------------------------------------

    def test_a_training_goes_on_over_several_turns_and_makes_one_version(self):
        self.model.action_train()
        self._turn()
        self.assertIn("under way", self.model.message)
        self.assertGreaterEqual(self.model.training_progress, 1)
        self.assertEqual(self.model.version_id, self.version)
        folder = self._folder()
        self.assertTrue(folder.startswith(os.path.join(config["data_dir"], "lead_scoring")))
        self.assertGreater(self._turns_until_it_ended(), 1)
        self.assertFalse(self.model.training_error)
        self.assertEqual((self.model.version_id.number, len(self.model.version_ids)), (2, 2))
        self.assertEqual((self.model.version_id.won_count, self.model.version_id.lost_count), (50, 50))
        self.assertEqual((self.model.training_progress, self.model.sudo().training_claim), (0, False))
        self.assertFalse(os.path.exists(folder))
        self._turn()
        self.assertEqual(len(self.model.version_ids), 2)

    def test_by_turns_it_learns_what_it_learns_at_once(self):
        self.model.action_train()
        self._turns_until_it_ended()
        by_turns = self.model.version_id
        self.assertNotEqual(by_turns, self.version)
        self.assertEqual(by_turns.scorecard, self.version.scorecard)

    def test_a_small_training_is_over_in_its_first_turn(self):
        self.startPatcher(patch.object(turns, "TURN_SECONDS", 60))
        self.model.action_train()
        self._turn()
        self.assertEqual(self.model.version_id.number, 2)

    def test_as_long_as_it_goes_on_the_next_turn_is_asked_for(self):
        Trigger = self.env["ir.cron.trigger"].sudo()
        ours = [("cron_id", "=", self.cron.id)]
        self.model.action_train()
        Trigger.search(ours).unlink()
        self._turn()
        self.assertTrue(Trigger.search([*ours, ("call_at", "<=", fields.Datetime.now())]))
        self._turns_until_it_ended()
        Trigger.search(ours).unlink()
        self._turn()
        self.assertFalse(Trigger.search(ours))

    def test_a_turn_stays_below_what_a_worker_may_take(self):
        Model = self.env["lead.scoring.model"]
        self.startPatcher(patch.object(turns, "TURN_SECONDS", 15))
        for cron_limit, limit, seconds in ((-1, 120, 15), (40, 120, 10), (-1, 20, 5), (0, 20, 15)):
            options = {"limit_time_real_cron": cron_limit, "limit_time_real": limit}
            with patch.object(turns, "config", options):
                self.assertEqual(Model._turn_seconds(), seconds)

    def test_other_processes_hear_of_the_new_version_at_once_not_when_the_job_is_over(self):
        """They score leads as they are saved, by the version that they know of."""
        signal_changes, heard = self.registry.signal_changes, []

        def watched():
            (number,) = self.env.execute_query(
                SQL(
                    "SELECT version.number FROM lead_scoring_model model"
                    " JOIN lead_scoring_model_version version ON version.id = model.version_id WHERE model.id = %s",
                    self.model.id,
                )
            )[0]
            heard.append((number, os.path.exists(folder), "default" in self.registry.cache_invalidated))
            signal_changes()

        self.model.action_train()
        self._turn()
        folder = self._folder()
        with patch.object(self.registry, "signal_changes", watched):
            self._turns_until_it_ended()
        at_once = [told for number, ours, told in heard if number == 2 and ours]
        self.assertEqual(at_once, [True], "the folder goes behind it")

    def test_how_far_it_is_shows_on_the_form(self):
        self._child(
            "import os\nopen(folder + '/p', 'w').write('{\"fraction\": 0.42, \"text\": \"Learning\"}')\n"
            "os.replace(folder + '/p', folder + '/progress.json')\ntime.sleep(60)"
        )
        self._start()
        while not process.Training(self._folder()).progress():
            time.sleep(0.05)
        self._turn()
        self.assertEqual(self.model.training_progress, 42)

    def test_two_models_wait_one_after_the_other(self):
        second = self.model.copy({"name": "Second", "sequence": 1})
        self.model.action_train()
        self._turn()
        second.action_train()
        self._turn()
        self.assertFalse(second.sudo().training_claim)
        self._turns_until_it_ended()
        self._turns_until_it_ended(second)
        self.assertEqual((self.model.version_id.number, second.version_id.number), (2, 1))

    def test_asked_for_twice_it_trains_once(self):
        child = self._start()
        self.model.action_train()
        self._turn()
        self.assertIsNone(child.poll())
        self._turns_until_it_ended()
        self.assertEqual(len(self.model.version_ids), 2)

    # ------------------------------------------------------------
    # Cut short
    # ------------------------------------------------------------

    def test_a_turn_that_is_cut_short_while_it_reads_the_leads_is_gone_on_with(self):
        """The claim is committed before; the server goes down in the middle of the reading."""
        self.model.action_train()

        def down(model):
            raise KeyboardInterrupt

        with patch.object(type(self.model), "_snapshot", down), contextlib.suppress(KeyboardInterrupt):
            self._turn()
        self.env.invalidate_all()
        self.assertEqual(self.model.sudo().training_claim["starts"], 1)
        self.assertFalse(self.model.sudo().training_claim["notes"])
        self._turns_until_it_ended()
        self.assertEqual(self.model.version_id.number, 2)

    @mute_logger(LOGGER)
    def test_cut_short_twice_while_it_reads_the_leads_it_says_so(self):
        self.model.action_train()

        def down(model):
            raise KeyboardInterrupt

        with patch.object(type(self.model), "_snapshot", down):
            for _turn in range(2):
                with contextlib.suppress(KeyboardInterrupt):
                    self._turn()
            self._turn()
        self.env.invalidate_all()
        self.assertIn("cut short while it read the leads", self.model.training_error)
        self.assertEqual((self.model.training_requested, self.model.version_id), (False, self.version))

    def test_a_restarted_server_takes_the_training_up(self):
        child = self._start()
        process._children.clear()  # what the earlier server knew
        self._turn()
        self.assertTrue(psutil.pid_exists(child.pid))
        self._turns_until_it_ended()
        self.assertEqual((self.model.version_id.number, self.model.training_error), (2, False))

    def test_a_process_that_was_killed_is_started_again(self):
        child = self._start()
        self._kill(child)
        self._turn()
        again = process._children[self._folder()]
        self.assertNotEqual(again.pid, child.pid)
        self._turns_until_it_ended()
        self.assertEqual((self.model.version_id.number, self.model.training_error), (2, False))

    @mute_logger(LOGGER)
    def test_killed_twice_it_says_so_and_the_old_version_stays(self):
        self._kill(self._start())
        self._turn()
        folder = self._folder()
        self._kill(process._children[folder])
        self._turn()
        self.assertFalse(self.model.training_requested)
        self.assertIn("most likely because memory ran out", self.model.message)
        self.assertEqual((self.model.version_id, len(self.model.version_ids)), (self.version, 1))
        self.assertFalse(os.path.exists(folder))
        self.model.action_train()  # and it may be asked for again
        self._turns_until_it_ended()
        self.assertEqual(self.model.version_id.number, 2)

    def test_a_training_on_another_server_is_left_alone_until_its_time_is_over(self):
        child = self._start()
        claim = self.model.sudo().training_claim
        self._kill(child)
        process.Training(self._folder()).end()
        self.model.sudo().training_claim = {**claim, "host": "elsewhere"}
        second = self.model.copy({"name": "Second"})
        second.action_train()
        self._turns_until_it_ended(second)  # others go on meanwhile
        self.assertEqual(self.model.sudo().training_claim["starts"], 1)
        self.model.sudo().training_claim = {**claim, "host": "elsewhere", "until": time.time() - 1}
        self._turns_until_it_ended()
        self.assertEqual(self.model.version_id.number, 2)

    @mute_logger(LOGGER)
    def test_a_process_that_never_ends_is_ended(self):
        self._child("time.sleep(600)")
        child = self._start()
        claim = self.model.sudo().training_claim
        self.model.sudo().training_claim = {**claim, "until": time.time() - turns.GRACE - 1}
        self._turn()
        self.assertIn("did not come to its end in time", self.model.training_error)
        self.assertIsNotNone(child.poll())

    @mute_logger(LOGGER)
    def test_a_broken_result_is_refused_and_the_old_version_stays(self):
        for result in ("{", "[]", '{"report": {}, "scorecard": "{}"}', '{"error": "import"}'):
            with self.subTest(result=result):
                code = f"import os\nopen(folder + '/p', 'w').write({result!r})\nos.replace(folder + '/p', folder + '/result.json')"
                command = lambda folder, *rest: [sys.executable, "-c", f"folder = {folder!r}\n{code}"]  # noqa: B023
                with patch.object(process, "_command", command):
                    self.model.action_train()
                    self._turns_until_it_ended()
                self.assertRegex(self.model.message, "no usable result|scikit-learn is missing")
                self.assertEqual((self.model.version_id, len(self.model.version_ids)), (self.version, 1))

    @mute_logger(LOGGER)
    def test_an_error_while_the_version_is_made_leaves_no_half_of_it(self):
        def fails(model, version):
            raise ValueError("no")

        with patch.object(type(self.model), "_publish_if_fit", fails):
            self.model.action_train()
            self._turns_until_it_ended()
        self.assertIn("failed unexpectedly", self.model.training_error)
        self.assertEqual((self.model.version_id, len(self.model.version_ids)), (self.version, 1))

    # ------------------------------------------------------------
    # Not wanted any more
    # ------------------------------------------------------------

    def _assert_ended(self, child, folder):
        self._turn()
        child.wait(20)
        self.assertFalse(os.path.exists(folder))

    def test_a_training_is_cancelled_by_its_button(self):
        child, folder = self._start(), self._folder()
        self.model.with_user(self.mona).action_cancel_training()
        self.assertIn("was cancelled", self.model.message)
        self._assert_ended(child, folder)
        self.assertEqual((self.model.version_id, len(self.model.version_ids)), (self.version, 1))
        self.assertFalse(self.model.training_requested)

    def test_who_may_not_train_may_not_cancel(self):
        self.model.action_train()
        for user in (self.alma, self.otto):
            with self.assertRaises(AccessError):
                self.model.with_user(user).action_cancel_training()
        with self.assertRaises(AccessError):
            self.model.with_user(self.mona).training_claim = {"token": "../.."}
        with self.assertRaises(AccessError):
            self.model.with_user(self.mona).read(["training_claim"])

    def test_a_training_that_waits_is_cancelled_before_it_begins(self):
        self.model.action_train()
        self.model.action_cancel_training()
        self._turn()
        self.assertEqual(len(self.model.version_ids), 1)

    def test_cancelled_just_as_its_process_died_it_is_not_started_again(self):
        child, folder = self._start(), self._folder()
        training = self.model._claimed_training()
        self._kill(child)
        self.model.action_cancel_training()
        with patch.object(type(self.model), "_claimed_training", lambda model: training):
            self.assertTrue(self.model.sudo()._train_until(time.monotonic()))
        self._assert_ended(child, folder)
        self.assertFalse(self.model.sudo().training_claim)

    def test_cancelled_by_hand_a_due_training_is_not_asked_for_again_at_once(self):
        self._take_live(self.model)
        self.model.retrain_days = 15
        self.env.cr.execute(
            "UPDATE lead_scoring_model_version SET create_date = create_date - interval '20 days' WHERE id = %s",
            [self.version.id],
        )
        self.env.invalidate_all()
        self.env["lead.scoring.model"]._request_due_trainings()
        self.assertTrue(self.model.training_requested)
        self.model.action_cancel_training()
        self.env["lead.scoring.model"]._request_due_trainings()
        self.assertFalse(self.model.training_requested)

    def test_cancelled_in_the_middle_of_a_turn_its_result_is_not_taken(self):
        child, folder = self._start(), self._folder()
        while not process.Training(folder).finished():
            time.sleep(0.05)
        training = self.model._claimed_training()
        self.model.action_cancel_training()
        self.model.sudo()._take_result(training)
        self.assertEqual(len(self.model.version_ids), 1)
        self._assert_ended(child, folder)

    def test_the_training_of_a_model_that_is_archived_ends(self):
        child, folder = self._start(), self._folder()
        self.model.with_user(self.mona).active = False
        self._assert_ended(child, folder)
        self.model.active = True
        self.assertFalse(self.model.training_requested)

    def test_the_training_of_a_model_that_is_deleted_ends(self):
        child, folder = self._start(), self._folder()
        self.model.with_user(self.mona).unlink()
        self._assert_ended(child, folder)

    def test_what_a_dead_training_left_behind_is_removed(self):
        folder = self.env["lead.scoring.model"]._training_folder("0123")
        os.makedirs(folder)
        self._turn()
        self.assertFalse(os.path.exists(folder))

    def test_a_company_without_leads_says_what_is_missing(self):
        model = self.env["lead.scoring.model"].create({"name": "None", "company_id": self.other_company.id})
        self.assertIn("There are 0 won and 0 lost", model.message)
        model.training_requested = fields.Datetime.now()
        with mute_logger(LOGGER):
            self._turn()
        self.assertIn("There are 0 won and 0 lost", model.training_error)
        self.assertFalse(model.training_requested or model.sudo().training_claim)

    def test_a_filter_that_matches_nothing_says_what_is_missing(self):
        self.model.domain = "[('name', '=', 'no such lead')]"
        self.assertEqual((self.model.open_count, self.model.won_count), (0, 0))
        self.assertIn("There are 0 won and 0 lost", self.model._missing_leads())
        self.model.training_requested = fields.Datetime.now()
        with mute_logger(LOGGER):
            self._turn()
        self.assertIn("There are 0 won and 0 lost", self.model.training_error)
        self.assertEqual(self.model.version_id, self.version)
