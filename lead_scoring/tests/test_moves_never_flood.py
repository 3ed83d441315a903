from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged
from odoo.tools import SQL

from .common_moves import MovesCommon


@tagged("post_install", "-at_install")
class TestNothingFloods(MovesCommon):
    """A live model whose leads have moved: 4 hot ones to Ours Accepted, 6 cool ones to Ours Qualified."""

    def setUp(self):
        super().setUp()
        self._live()
        self._run()
        self.assertEqual((self.hot.stage_id, self.cool.stage_id), (self.acceptance, self.qualification))
        self.by_mona = self.model.with_user(self.mona)

    def _score_as_saved(self, leads):
        self.model._score_batch(leads.ids)
        self.env["lead.scoring.due"]._mark_scored(self.model, leads.ids)

    def _ready_moves(self):
        return self._moves(self.leads, kind="sales_ready").filtered("stage_to_id")

    # ------------------------------------------------------------
    # Another sales-ready score
    # ------------------------------------------------------------

    def test_lowering_the_sales_ready_score_of_a_live_model_moves_no_lead_and_says_how_many_stay(self):
        self.by_mona.sales_ready_score = 1
        self.assertEqual(self.by_mona.stayed_count, 6)
        for cron in ("saved", "score", "saved"):
            self._run(cron)
        self.assertEqual(self.cool.stage_id, self.qualification)
        self.assertFalse(any(self.cool.mapped("lead_sales_ready")))
        self.assertEqual(self.by_mona.stayed_count, 6)

    def test_the_leads_that_stayed_move_when_somebody_says_so_once(self):
        self.by_mona.sales_ready_score = 1
        notification = self.by_mona.action_move_stayed()
        self.assertEqual(notification["params"]["message"], "6 leads move in the background.")
        self.assertEqual(self.cool.stage_id, self.qualification, "not while somebody waits")
        self._run("saved")
        self.assertEqual(self.cool.stage_id, self.acceptance)
        self.assertTrue(all(self.cool.mapped("lead_sales_ready")))
        self.assertEqual(self.by_mona.stayed_count, 0)
        moves = self._ready_moves()
        self.assertEqual(len(moves), 10)
        for cron in ("saved", "score"):
            self._run(cron)
        self.assertEqual(self._ready_moves(), moves)
        with self.assertRaisesRegex(UserError, "No sales-ready lead of Test model stayed"):
            self.by_mona.action_move_stayed()

    def test_a_lead_that_stayed_moves_when_it_comes_to_a_higher_grade(self):
        with self._scores(dict.fromkeys(self.cool, 30)):
            self._run()
        self.by_mona.sales_ready_score = 28
        with self._scores({**dict.fromkeys(self.cool, 30), self.cool[0]: 45, self.cool[1]: 55}):  # C, C, B
            self._run()
        self.assertEqual((self.cool[0].stage_id, self.cool[1].stage_id), (self.qualification, self.acceptance))

    def test_leads_that_become_sales_ready_afterwards_move_as_ever(self):
        with self._scores(dict.fromkeys(self.cool, 30)):
            self._run()
        self.by_mona.sales_ready_score = 40
        self.assertEqual(self.by_mona.stayed_count, 0)
        with self._scores({**dict.fromkeys(self.cool, 30), self.cool[0]: 41}):
            self._run()
        self.assertEqual((self.cool[0].stage_id, self.cool[1].stage_id), (self.acceptance, self.qualification))

    def test_leads_that_were_about_to_move_move_all_the_same(self):
        with self._scores({self.cool[0]: 61}):
            self._score_as_saved(self.cool[0])
        self.by_mona.sales_ready_score = 50
        self._run("saved")
        self.assertEqual(self.cool[0].stage_id, self.acceptance)

    def test_raising_it_again_forgets_who_stayed_below_it(self):
        with self._scores(dict.fromkeys(self.cool, 52)):
            self._run()
        self.by_mona.sales_ready_score = 50
        self.assertEqual(self.by_mona.stayed_count, 6)
        self.by_mona.sales_ready_score = 60
        self.assertEqual(self.by_mona.stayed_count, 0)
        with self._scores({**dict.fromkeys(self.cool, 52), self.cool[0]: 63}):  # B like 52
            self._run()
        self.assertEqual((self.cool[0].stage_id, self.cool[1].stage_id), (self.acceptance, self.qualification))

    def test_what_a_person_moved_back_is_not_among_those_that_stayed(self):
        self.hot.stage_id = self.new
        self.by_mona.sales_ready_score = 1
        self.assertEqual(self.by_mona.stayed_count, 6)
        self.by_mona.action_move_stayed()
        self._run("saved")
        self.assertEqual(self.hot.stage_id, self.new)

    def test_from_a_score_to_a_grade_moves_no_lead_either(self):
        lowest = self.model.grade_ids.sorted("sequence")[-1]
        self.by_mona.write({"sales_ready_by": "grade", "sales_ready_grade_id": lowest.id})
        self._run()
        self.assertEqual((self.cool.stage_id, self.by_mona.stayed_count), (self.qualification, 6))

    def test_the_form_of_the_model_says_it_after_saving(self):
        with Form(self.by_mona) as form:
            self.assertEqual(form.stayed_count, 0)
            form.sales_ready_score = 1
        self.assertEqual(form.stayed_count, 6)

    def test_all_leads_that_are_due_are_passed_over_but_those_that_were_due_before(self):
        Move, missing = self.env["lead.scoring.move"], 2**31 - 1
        self.env.cr.execute("DELETE FROM lead_scoring_move WHERE lead_id = ANY(%s)", [self.leads.ids])
        due = Move._due_ids(self.model, "qualified")
        self.assertEqual(due, set(self.leads.ids))
        for but in (set(), {missing}, {self.hot[0].id}, {self.hot[0].id, self.cool[0].id, missing}, due):
            with self.subTest(but), self.env.cr.savepoint() as savepoint:
                ids = SQL("(SELECT unnest(%s::int[]))", sorted(but))
                count = Move._pass_over(self.model, "qualified", even_due=True, but=ids)
                self.assertEqual(count, len(due - but))
                self.assertEqual(set(self._moves(self.leads, kind="qualified").lead_id.ids), due - but)
                self.assertEqual(Move._due_ids(self.model, "qualified"), due & but)
                savepoint.rollback()
                self.env.invalidate_all()

    def test_before_it_is_live_nothing_is_passed_over(self):
        self.by_mona.action_stop()
        self._run()
        moves = self._moves(self.leads)
        self.by_mona.sales_ready_score = 1
        self.assertEqual(self._moves(self.leads), moves)
        self.assertEqual(self.by_mona.stayed_count, 0)

    def test_switched_off_by_the_configuration_nobody_is_offered_to_move_them(self):
        self.by_mona.sales_ready_score = 1
        self.env["lead.scoring.config"].create({"name": "No", "automatic_sales_ready": False})
        self.env.invalidate_all()
        self.assertEqual(self.by_mona.stayed_count, 0)
        with self.assertRaises(UserError):
            self.by_mona.action_move_stayed()

    def test_only_who_manages_the_model_may_move_them(self):
        self.by_mona.sales_ready_score = 1
        for user in (self.sam, self.alma, self.ida, self.otto):
            with self.assertRaises(AccessError):
                self.model.with_user(user).action_move_stayed()
        with self.assertRaises(AccessError):
            self.by_mona.write({"moves_by_id": self.model.version_id.id})

    # ------------------------------------------------------------
    # Other grades
    # ------------------------------------------------------------

    def test_other_ranges_of_the_sales_ready_grade_move_no_lead(self):
        best = self.model.grade_ids.sorted("sequence")[0]
        self.by_mona.write({"sales_ready_by": "grade", "sales_ready_grade_id": best.id})
        with self._scores(dict.fromkeys(self.cool, 55)):
            self._run()
        self.by_mona._set_minimums([50, 40, 20, 0])
        self.assertEqual(self.cool[0].lead_grade, best.name)
        self._run("saved")
        self.assertEqual((self.cool.stage_id, self.by_mona.stayed_count), (self.qualification, 6))
        self.by_mona.action_move_stayed()
        self._run("saved")
        self.assertEqual(self.cool.stage_id, self.acceptance)

    def test_one_edge_moved_in_the_list_of_grades_moves_no_lead(self):
        best = self.model.grade_ids.sorted("sequence")[0]
        self.by_mona.write({"sales_ready_by": "grade", "sales_ready_grade_id": best.id})
        with self._scores(dict.fromkeys(self.cool, 55)):
            self._run()
        best.with_user(self.mona).min_score = 53
        self._run("saved")
        self.assertEqual((self.cool.stage_id, self.by_mona.stayed_count), (self.qualification, 6))

    def test_a_grade_that_is_higher_only_because_its_range_changed_pushes_no_lead_again(self):
        with self._scores(dict.fromkeys(self.hot, 62)):
            self._run()
            self.hot.stage_id = self.new
            self._save()
        with self._scores(dict.fromkeys(self.hot, 70)):
            self._run()
        self.env.cr.execute("UPDATE lead_scoring_move SET score = 62 WHERE lead_id = ANY(%s)", [self.hot.ids])
        best = self.model.grade_ids.sorted("sequence")[0]
        best.with_user(self.mona).min_score = 66  # 62 was B, 70 is A now
        self._run("saved")
        self.assertEqual(self.hot.stage_id, self.new)

    def test_the_sales_ready_grade_cannot_be_deleted_which_would_switch_it_off(self):
        second = self.model.grade_ids.sorted("sequence")[1]
        self.by_mona.write({"sales_ready_by": "grade", "sales_ready_grade_id": second.id})
        with self.assertRaisesRegex(
            UserError, f"sales-ready from grade {second.name} of Test model on: choose another"
        ):
            second.with_user(self.mona).unlink()
        self.by_mona.sales_ready_by = "score"
        second.with_user(self.mona).unlink()
        self.assertFalse(self.model.sales_ready_grade_id)

    # ------------------------------------------------------------
    # A new version
    # ------------------------------------------------------------

    def _another_version(self, publish=True):
        version = self.model.version_id
        newer = version.sudo().create(
            {"model_id": self.model.id, "scorecard": version.scorecard, "report": version.report}
        )
        if publish:
            newer.with_user(self.mona).action_publish()
        return newer

    def _of_versions(self, before, after):
        """Let the version before the newest give some scores, and the newest others."""
        preview, Model = type(self.model)._preview_scores, type(self.model)

        def scores(model, lead_ids, version=None):
            ids, given = preview(model, lead_ids, version)
            wanted = {lead.id: score for lead, score in before.items()} if version else {}
            for place, lead_id in enumerate(ids.tolist()):
                given[place] = wanted.get(lead_id, given[place])
            return ids, given

        stack = self.enterContext
        stack(patch.object(Model, "_preview_scores", scores))
        stack(self._scores(after))

    def test_leads_that_only_a_new_version_makes_sales_ready_stay(self):
        self._another_version()
        self._of_versions(before={}, after=dict.fromkeys(self.cool, 80))
        run = self._run()
        self.assertEqual((run.sales_ready_count, run.passed_over_count), (0, 6))
        self.assertEqual(self.cool.stage_id, self.qualification)
        self.assertEqual(self.by_mona.stayed_count, 6)
        self.assertEqual((self.model.moves_since, self.model.moves_by_id.id), (False, False))
        self._run()
        self.assertEqual(self.cool.stage_id, self.qualification)

    def test_leads_that_the_version_before_finds_sales_ready_too_move(self):
        """What happened on a lead since yesterday counts, also on the day of a new version."""
        self._another_version()
        self._of_versions(before={self.cool[0]: 61}, after=dict.fromkeys(self.cool, 80))
        run = self._run()
        self.assertEqual((run.sales_ready_count, run.passed_over_count), (1, 5))
        self.assertEqual((self.cool[0].stage_id, self.cool[1].stage_id), (self.acceptance, self.qualification))

    def test_a_new_version_that_was_trained_by_itself_floods_nothing(self):
        self.model.sudo().training_automatic = True
        self.model.sudo()._publish_if_fit(self._another_version(publish=False))
        self._of_versions(before={}, after=dict.fromkeys(self.cool, 80))
        self._run()
        self.assertEqual((self.cool.stage_id, self.by_mona.stayed_count), (self.qualification, 6))
        self.by_mona.action_move_stayed()
        self._run("saved")
        self.assertEqual(self.cool.stage_id, self.acceptance)

    def test_a_lead_saved_before_the_first_run_of_a_new_version_is_treated_alike(self):
        self._another_version()
        self._of_versions(before={self.cool[1]: 61}, after=dict.fromkeys(self.cool, 80))
        self._score_as_saved(self.cool[:2])
        self._run("saved")
        self.assertEqual((self.cool[0].stage_id, self.cool[1].stage_id), (self.qualification, self.acceptance))
        self.assertTrue(self.model.moves_since, "its first run is still to come")

    def test_leads_that_came_since_move_by_the_new_version(self):
        self._another_version()
        late = self.cool[0].copy({"stage_id": self.new.id})
        self._save()
        # In a test all happens in one transaction, and so at the same time.
        self.env.cr.execute("UPDATE crm_lead SET create_date = %s WHERE id = %s", [self._ago(minutes=-1), late.id])
        self._of_versions(before={}, after={late: 80})
        self._run()
        self.assertEqual(late.stage_id, self.acceptance)

    def test_the_first_scores_of_leads_still_qualify_them_on_the_day_of_a_new_version(self):
        late = self.cool[0].copy({"stage_id": self.new.id})
        self._another_version()
        self.env.cr.execute("DELETE FROM lead_scoring_move WHERE lead_id = %s", [late.id])
        self._run()
        self.assertEqual(late.stage_id, self.qualification)

    def test_with_a_higher_grade_by_a_new_version_alone_no_lead_is_pushed_again(self):
        with self._scores(dict.fromkeys(self.hot, 62)):
            self._run()
        self.env.cr.execute("UPDATE lead_scoring_move SET score = 62 WHERE lead_id = ANY(%s)", [self.hot.ids])
        self.hot.stage_id = self.new
        self._save()
        self._another_version()
        self._of_versions(before=dict.fromkeys(self.hot, 62), after=dict.fromkeys(self.hot, 90))
        self._run()
        self.assertEqual(self.hot.stage_id, self.new)

    def test_of_two_versions_within_a_minute_the_word_of_the_first_counts(self):
        first = self.model.version_id
        self._another_version()
        since = self.model.moves_since
        self._another_version()
        self.assertEqual((self.model.moves_by_id, self.model.moves_since), (first, since))

    def test_a_version_before_that_cannot_be_read_any_more_moves_nobody(self):
        first = self.model.version_id
        self._another_version()
        self.env.cr.execute("UPDATE lead_scoring_model_version SET scorecard = '{}' WHERE id = %s", [first.id])
        self.env.invalidate_all()
        self.env.registry.clear_cache()
        with self._scores(dict.fromkeys(self.cool, 80)):
            run = self._run()
        self.assertEqual((run.state, self.cool.stage_id), ("done", self.qualification))

    def test_killed_anywhere_the_leads_of_a_new_version_stay_and_none_is_moved_twice(self):
        self._another_version()
        self._of_versions(before={self.cool[0]: 61}, after=dict.fromkeys(self.cool, 80))
        _run, turns = self._run_in_short_turns()
        self.assertGreater(turns, 1)
        self.assertEqual((self.cool[0].stage_id, self.cool[1:].stage_id), (self.acceptance, self.qualification))
        self.assertEqual(len(self._moves(self.cool, kind="sales_ready")), 6)


@tagged("post_install", "-at_install")
class TestLeadsLeftAtGoLive(MovesCommon):
    """A model that went live and left its leads where they were: 4 hot ones, which are sales-ready, and 6 cool ones."""

    def setUp(self):
        super().setUp()
        self._live(move=False)
        self._run()
        self.assertEqual(self.leads.stage_id, self.new)
        self.by_mona = self.model.with_user(self.mona)

    def _counts(self):
        self.env.invalidate_all()
        return self.by_mona.stayed_count, self.by_mona.stayed_qualified_count

    def test_the_model_counts_those_that_their_first_score_left_and_the_sales_ready_ones_apart(self):
        self.assertEqual(self._counts(), (4, 6))
        self._run()
        self._run("saved")
        self.assertEqual(self._counts(), (4, 6))
        self.assertEqual(self.leads.stage_id, self.new)

    def test_they_move_in_the_background_when_somebody_says_so_once(self):
        notification = self.by_mona.action_move_stayed_qualified()
        self.assertEqual(notification["params"]["message"], "6 leads move in the background.")
        self.assertEqual(self.cool.stage_id, self.new, "not while somebody waits")
        run = self._run("saved")
        self.assertEqual((run.qualified_count, run.sales_ready_count), (6, 0))
        self.assertEqual((self.cool.stage_id, self.hot.stage_id), (self.qualification, self.new))
        self.assertTrue(self._messages(self.cool[0], "First score"))
        self.assertEqual(self._counts(), (4, 0))
        moves = self._moves(self.leads)
        self._run()
        self.assertEqual(self._moves(self.leads), moves)
        with self.assertRaisesRegex(UserError, "No lead of Test model stayed where it was with its first score"):
            self.by_mona.action_move_stayed_qualified()

    def test_the_sales_ready_ones_skip_that_stage_by_their_own_button(self):
        self.by_mona.action_move_stayed()
        self._run("saved")
        self.assertEqual((self.cool.stage_id, self.hot.stage_id), (self.new, self.acceptance))
        self.assertEqual(self._counts(), (0, 6))

    def test_where_no_lead_is_sales_ready_all_wait_for_the_first_stage(self):
        self.env["lead.scoring.config"].create({"name": "No", "automatic_sales_ready": False})
        self.assertEqual(self._counts(), (0, 10))
        self.by_mona.action_move_stayed_qualified()
        self._run("saved")
        self.assertEqual(self.leads.stage_id, self.qualification)

    def test_what_a_person_moved_or_closed_is_not_among_them(self):
        self.cool[0].stage_id = self.called
        self.cool[1].action_set_lost()
        self.assertEqual(self._counts(), (4, 4))
        self.by_mona.action_move_stayed_qualified()
        self._run("saved")
        self.cool[2].stage_id = self.new
        self._save()
        self.assertEqual(self._counts(), (4, 0), "what was moved back stays there")

    def test_a_lead_that_was_moved_to_a_stage_that_is_no_more_is_not_among_them(self):
        self.by_mona.action_move_stayed_qualified()
        self._run("saved")
        self.cool.stage_id = self.new
        self._save()
        self.qualification.scoring_role = False
        self.qualification.unlink()
        self.env["crm.stage"].create(
            {"name": "Other", "sequence": -5, "scoring_role": "qualified"}
        ).team_ids = self.team
        self.assertEqual(self._counts(), (4, 0))

    def test_a_lead_that_was_further_when_it_was_scored_first_and_came_back_stays(self):
        late = self.cool[0].copy({"stage_id": self.called.id})
        self._save()
        self._run()
        late.stage_id = self.new
        self._save()
        self.assertEqual(self._counts(), (4, 6))

    def test_a_lead_that_became_sales_ready_and_was_moved_back_stays(self):
        self.by_mona.action_move_stayed()
        self._run("saved")
        self.hot[0].stage_id = self.new
        self._save()
        self.assertEqual(self._counts(), (0, 6))

    def test_switched_off_stopped_or_about_to_be_decided_nobody_is_offered_to_move_them(self):
        config = self.env["lead.scoring.config"].create({"name": "No", "automated_marketing_qualification": False})
        self.assertEqual(self._counts(), (4, 0))
        config.active = False
        self.assertEqual(self._counts(), (4, 6))
        self.model.sudo().moves_since = self._ago(minutes=1)
        self.assertEqual(self._counts(), (0, 0))
        self.model.sudo().write({"moves_since": False, "state": "stopped"})
        self.assertEqual(self._counts(), (0, 0))
        with self.assertRaises(UserError):
            self.by_mona.action_move_stayed_qualified()

    def test_another_model_that_scores_them_too_counts_and_moves_them(self):
        second = self.model.copy({"name": "Second", "sequence": 99, "sales_ready_score": 0})
        second._train()
        second.with_context(lead_scoring_move_leads=False).action_go_live()
        self._run()
        by_mona = second.with_user(self.mona)
        self.assertEqual((by_mona.stayed_count, by_mona.stayed_qualified_count), (0, 10))
        by_mona.action_move_stayed_qualified()
        self._run("saved")
        self.assertEqual(self.leads.stage_id, self.qualification)
        self.assertEqual(self._moves(self.leads).filtered("stage_to_id").model_id, second)

    def test_only_who_manages_the_model_may_move_them(self):
        for user in (self.sam, self.alma, self.ida, self.otto):
            with self.assertRaises(AccessError):
                self.model.with_user(user).action_move_stayed_qualified()
        self.assertIn("action_move_stayed_qualified", self.by_mona.get_view(view_type="form")["arch"])


@tagged("post_install", "-at_install")
class TestEachModelDecidesForItsOwn(MovesCommon):
    def setUp(self):
        super().setUp()
        self.second = self.model.copy({"name": "Second", "sequence": 99, "sales_ready_score": 1})
        self.second._train()

    def _both_live(self, first_moves, second_moves):
        for model, moves in ((self.model, first_moves), (self.second, second_moves)):
            model.with_context(lead_scoring_move_leads=moves).action_go_live()
        self._run()

    def test_the_first_leaves_its_leads_and_the_second_moves_its_own(self):
        self._both_live(False, True)
        self.assertEqual(self.leads.stage_id, self.acceptance)
        self.assertEqual(self._moves(self.leads).filtered("stage_to_id").model_id, self.second)

    def test_the_first_moves_its_own_and_the_second_leaves_the_others(self):
        self._both_live(True, False)
        self.assertEqual((self.hot.stage_id, self.cool.stage_id), (self.acceptance, self.qualification))

    def test_with_their_first_score_leads_move_if_one_of_the_two_is_to_move_them(self):
        self.second.sales_ready_score = 0
        self._both_live(False, True)
        self.assertEqual(self.leads.stage_id, self.qualification)

    def test_both_leave_them(self):
        self._both_live(False, False)
        self.assertEqual(self.leads.stage_id, self.new)
        self.assertFalse(any(self.leads.mapped("lead_sales_ready")))

    def test_what_one_left_moves_when_it_becomes_sales_ready_by_the_other(self):
        self.second.sales_ready_score = 70
        with self._scores(dict.fromkeys(self.leads, 65)):
            self._both_live(False, False)
        self.assertEqual(self.leads.stage_id, self.new)
        with self._scores({**dict.fromkeys(self.leads, 65), self.hot[0]: 72}):
            self._run()
        self.assertEqual((self.hot[0].stage_id, self.hot[1].stage_id), (self.acceptance, self.new))

    def test_going_live_asks_once_and_scores_the_leads_once(self):
        calls, Model = [], type(self.model)
        preview = Model._preview_scores

        def counted(model, lead_ids, version=None):
            calls.append(len(lead_ids))
            return preview(model, lead_ids, version)

        with patch.object(Model, "_preview_scores", counted):
            action = self.model.with_user(self.mona).with_context(lead_scoring_ask=True).action_go_live()
            form = Form(self.env[action["res_model"]].with_user(self.mona).with_context(**action["context"]))
            self.assertEqual((form.accepted_count, form.qualified_count), (4, 6))
            form.save().action_confirm()
        self.assertEqual(calls, [10])


@tagged("post_install", "-at_install")
class TestGoingLiveAsks(MovesCommon):
    """A draft model: 4 of its leads would be sales-ready, 6 not."""

    def _ask(self):
        action = self.model.with_user(self.mona).with_context(lead_scoring_ask=True).action_go_live()
        self.assertEqual(action["res_model"], "lead.scoring.go.live")
        self.assertEqual(self.model.state, "draft")
        return Form(self.env[action["res_model"]].with_user(self.mona).with_context(**action["context"]))

    def test_going_live_says_how_many_leads_would_move_and_asks(self):
        form = self._ask()
        self.assertEqual((form.accepted_count, form.qualified_count, form.choice), (4, 6, "stay"))

    def test_going_live_leaves_the_leads_that_there_are_where_they_are(self):
        self._ask().save().action_confirm()
        run = self._run()
        self.assertTrue(all(self.leads.mapped("lead_score_trend")))
        self.assertEqual(self.leads.stage_id, self.new)
        self.assertFalse(any(self.leads.mapped("lead_sales_ready")))
        self.assertEqual((run.qualified_count, run.accepted_count, run.passed_over_count), (0, 0, 14))
        late = self.cool[0].copy({"stage_id": self.new.id})
        self._run()
        self.assertEqual((late.stage_id, self.cool.stage_id), (self.qualification, self.new))
        with self._scores({self.cool[0]: 61}):
            self._run()
        self.assertEqual(self.cool[0].stage_id, self.acceptance, "it became sales-ready from then on")

    def test_going_live_moves_them_too_if_one_says_so(self):
        form = self._ask()
        form.choice = "move"
        form.save().action_confirm()
        self._run()
        self.assertEqual((self.cool.stage_id, self.hot.stage_id), (self.qualification, self.acceptance))

    def test_going_live_asks_nothing_where_no_lead_would_move(self):
        self.leads.stage_id = self.offer
        self.model.with_user(self.mona).with_context(lead_scoring_ask=True).action_go_live()
        self.assertIn(self.model.state, ("going_live", "live"))

    def test_going_live_counts_by_the_configuration(self):
        self.env["lead.scoring.config"].create({"name": "No", "automated_marketing_qualification": False})
        self.assertEqual(self.model._would_move(), (0, 4))
