from unittest.mock import patch

from psycopg2.errors import SerializationFailure

from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..features.extract import extract
from ..models import lead_scoring_run_moves
from .common_moves import MovesCommon


@tagged("post_install", "-at_install")
class TestLeadsThatMove(MovesCommon):
    # ------------------------------------------------------------
    # The configuration, in the words of Dynamics
    # ------------------------------------------------------------

    def test_automated_marketing_qualification_yes_a_lead_that_receives_any_score_advances_to_that_stage(self):
        """Seed: Automated marketing qualification, Yes."""
        self._live()
        run = self._run()
        self.assertEqual(self.cool.stage_id, self.qualification)
        self.assertEqual((run.qualified_count, run.accepted_count), (6, 4))

    def test_automated_marketing_qualification_no_leads_stay(self):
        """Seed: Automated marketing qualification, No."""
        self.env["lead.scoring.config"].create({"name": "No", "automated_marketing_qualification": False})
        self._live()
        run = self._run()
        self.assertEqual(self.cool.stage_id, self.new)
        self.assertEqual(self.hot.stage_id, self.acceptance)
        self.assertEqual((run.qualified_count, run.passed_over_count), (0, 10))

    def test_automatic_sales_ready_yes_a_lead_that_reaches_the_sales_ready_score_is_marked_and_promoted(self):
        """Seed: Automatic sales ready, Yes."""
        self._live()
        run = self._run()
        self.assertTrue(all(self.hot.mapped("lead_sales_ready")))
        self.assertTrue(all(self.hot.mapped("lead_sales_ready_date")))
        self.assertEqual(self.hot.stage_id, self.acceptance)
        self.assertFalse(any(self.cool.mapped("lead_sales_ready")))
        self.assertEqual((run.sales_ready_count, run.accepted_count), (4, 4))

    def test_automatic_sales_ready_no_leads_are_neither_marked_nor_promoted(self):
        """Seed: Automatic sales ready, No."""
        self.env["lead.scoring.config"].create({"name": "No", "automatic_sales_ready": False})
        self._live()
        self._run()
        self.assertFalse(any(self.hot.mapped("lead_sales_ready")))
        self.assertEqual(self.hot.stage_id, self.qualification)

    def test_without_any_configuration_both_are_yes(self):
        """Seed: If you have none, then all the settings will default to "yes"."""
        self.assertFalse(self.env["lead.scoring.config"].search([]))
        self._live()
        self._run()
        self.assertEqual((self.cool.stage_id, self.hot.stage_id), (self.qualification, self.acceptance))

    def test_a_line_of_moved_leads_opens_its_lead(self):
        self._live()
        self._run()
        move = self.env["lead.scoring.move"].with_user(self.mona).search([("lead_id", "=", self.cool[0].id)], limit=1)
        action = move.action_open_lead()
        self.assertEqual((action["res_model"], action["res_id"]), ("crm.lead", self.cool[0].id))

    def test_switching_to_yes_later_moves_the_leads_scored_from_then_on(self):
        config = self.env["lead.scoring.config"].create({"name": "No", "automated_marketing_qualification": False})
        self._live()
        self._run()
        config.automated_marketing_qualification = True
        late = self.cool[0].copy({"stage_id": self.new.id})
        self._run()
        self.assertEqual(self.cool.stage_id, self.new)
        self.assertEqual(late.stage_id, self.qualification)

    # ------------------------------------------------------------
    # Which leads move, and where to
    # ------------------------------------------------------------

    def test_a_sales_ready_lead_skips_what_lies_between_in_one_move(self):
        self._live()
        self._run()
        changes = self.hot[0].message_ids.tracking_value_ids.filtered(lambda value: value.field_id.name == "stage_id")
        self.assertEqual(changes.mapped("old_value_char"), ["Incoming"])
        self.assertEqual(changes.mapped("new_value_char"), ["Ours Accepted"])

    def test_a_grade_can_make_a_lead_sales_ready_instead_of_a_score(self):
        lowest = int(self.model._preview_scores(self.hot.ids)[1].min())
        grade = self.model.grade_ids.filtered(lambda grade: grade.min_score <= lowest <= grade.max_score)
        self.model.write({"sales_ready_by": "grade", "sales_ready_grade_id": grade.id, "sales_ready_score": 0})
        self._live()
        self._run()
        self.assertEqual(self.hot.stage_id, self.acceptance)
        self.assertEqual(self.cool.stage_id, self.qualification)

    def _score_of_hot(self):
        return int(self.model._preview_scores(self.hot.ids)[1].min())

    def test_without_a_sales_ready_score_or_grade_no_lead_is_sales_ready(self):
        self.model.sales_ready_score = 0
        self._live()
        self._run()
        self.assertFalse(any(self.hot.mapped("lead_sales_ready")))
        self.model.sales_ready_by = "grade"
        self._run()
        self.assertFalse(any(self.hot.mapped("lead_sales_ready")))

    def test_closed_leads_never_move(self):
        self.hot[0].action_set_lost()
        self.cool[0].action_set_won()
        self.cool[1].active = False
        self._live()
        self._run()
        self.assertEqual(self.hot[0].stage_id, self.new)
        self.assertEqual(self.cool[0].stage_id, self.won_stage)
        self.assertEqual(self.cool[1].stage_id, self.new)
        self.assertFalse(self.hot[0].lead_sales_ready)

    def test_leads_move_forward_only(self):
        self.hot[0].stage_id = self.offer
        self.cool[0].stage_id = self.called
        self._live()
        self._run()
        self.assertEqual(self.hot[0].stage_id, self.offer)
        self.assertTrue(self.hot[0].lead_sales_ready)
        self.assertEqual(self.cool[0].stage_id, self.called)

    def test_stages_of_equal_sequence_are_in_the_order_they_were_made(self):
        (self.new | self.qualification | self.called).sequence = -6
        self.cool[0].stage_id = self.called
        self._live()
        self._run()
        self.assertEqual(self.cool[0].stage_id, self.called)
        self.assertEqual(self.cool[1].stage_id, self.qualification)

    def test_no_lead_moves_into_or_out_of_a_won_stage(self):
        with self.assertRaises(ValidationError):
            self.won_stage.scoring_role = "sales_ready"
        self.hot[0].action_set_won()
        self.won_stage.sequence = -10  # "before" all others
        self._live()
        self._run()
        self.assertEqual(self.hot[0].stage_id, self.won_stage)

    def test_each_team_has_its_own_stages_and_leads_of_others_go_to_the_shared_ones(self):
        shared = self.env["crm.stage"].create({"name": "Shared", "sequence": 1000, "scoring_role": "qualified"})
        other = self.env["crm.team"].create({"name": "Other", "company_id": self.company.id})
        first = self.env["crm.stage"].create({"name": "First", "sequence": -50, "team_ids": [(4, other.id)]})
        self.cool[0].team_id = other
        self.cool[1].write({"team_id": False, "company_id": self.company.id, "stage_id": first.id})
        self.cool[0].stage_id = first
        self._live()
        self._run()
        self.assertEqual(self.cool[0].stage_id, shared)
        self.assertEqual(self.cool[1].stage_id, shared)
        self.assertEqual(self.cool[2].stage_id, self.qualification)

    def test_without_a_stage_of_the_role_sales_ready_leads_are_marked_where_they_are(self):
        self.acceptance.scoring_role = False
        self.qualification.scoring_role = False
        self._live()
        run = self._run()
        self.assertEqual(self.leads.stage_id, self.new)
        self.assertTrue(all(self.hot.mapped("lead_sales_ready")))
        self.assertEqual((run.sales_ready_count, run.accepted_count), (4, 0))

    def test_a_lead_is_sales_ready_when_any_live_model_says_so(self):
        other = self.model.copy({"name": "Second", "sequence": 99, "sales_ready_score": 1})
        other._train()
        self._live()
        other.with_context(lead_scoring_move_leads=True).action_go_live()
        self._run()
        self.assertTrue(all(self.cool.mapped("lead_sales_ready")))
        self.assertEqual(self.cool.stage_id, self.acceptance)
        self.assertEqual(self._moves(self.cool[0], kind="sales_ready").model_id, other)

    def test_switched_off_no_lead_moves(self):
        self._live()
        with patch.object(type(self.env["lead.scoring.config"]), "_is_on", lambda config: False):
            self._run("saved")
        self.assertEqual(self.leads.stage_id, self.new)

    # ------------------------------------------------------------
    # Never against a person, never twice
    # ------------------------------------------------------------

    def test_a_lead_that_someone_moved_back_is_not_pushed_again_by_the_same_score(self):
        self._live()
        self._run()
        self.hot[0].stage_id = self.new
        self.cool[0].stage_id = self.new
        run = self._run()
        self.assertEqual((self.hot[0] | self.cool[0]).stage_id, self.new)
        self.assertEqual((run.qualified_count, run.accepted_count, run.sales_ready_count), (0, 0, 0))

    def test_a_later_higher_grade_may_push_it_again(self):
        self._live()
        with self._scores({self.hot[0]: 62}):
            self._run()
        self.assertEqual(self.hot[0].stage_id, self.acceptance)
        since = self.hot[0].lead_sales_ready_date
        self.hot[0].stage_id = self.new
        with self._scores({self.hot[0]: 70}):  # B like 62
            self._run()
        self.assertEqual(self.hot[0].stage_id, self.new)
        with self._scores({self.hot[0]: 80}):  # A
            run = self._run()
        self.assertEqual(self.hot[0].stage_id, self.acceptance)
        self.assertEqual((run.accepted_count, run.sales_ready_count), (1, 1))
        self.assertEqual(self.hot[0].lead_sales_ready_date, since)

    def test_a_higher_grade_that_came_while_the_lead_stood_there_pushes_nobody_later(self):
        self._live()
        with self._scores({self.hot[0]: 62}):
            self._run()
        with self._scores({self.hot[0]: 80}):
            self._run()
            self.hot[0].stage_id = self.new
            self._run()
        self.assertEqual(self.hot[0].stage_id, self.new)

    def test_another_model_does_not_push_it_again_either(self):
        self._live()
        self._run()
        self.hot[0].stage_id = self.new
        other = self.model.copy({"name": "Second", "sequence": 99, "sales_ready_score": 1})
        other._train()
        other.with_context(lead_scoring_move_leads=True).action_go_live()
        self._run()
        self.assertEqual(self.hot[0].stage_id, self.new)

    def test_a_lead_that_falls_below_again_keeps_its_stage_and_says_since_when_it_was_sales_ready(self):
        self._live()
        self._run()
        since = self.hot[0].lead_sales_ready_date
        with self._scores({self.hot[0]: 5}):
            self._run()
        self.assertEqual(self.hot[0].lead_score, 5)
        self.assertEqual(self.hot[0].stage_id, self.acceptance)
        self.assertTrue(self.hot[0].lead_sales_ready)
        self.assertEqual(self.hot[0].lead_sales_ready_date, since)

    def test_a_lead_that_someone_saves_just_now_is_left_to_the_next_run(self):
        self._live()
        Lead = type(self.env["crm.lead"])
        lock, busy = Lead.try_lock_for_update, self.hot[0]

        def locked(leads, **options):
            return lock(leads, **options) - busy

        with patch.object(Lead, "try_lock_for_update", locked):
            run = self._run()
        self.assertEqual(busy.stage_id, self.new)
        self.assertEqual((run.state, run.accepted_count), ("done", 3))
        self.assertEqual(self._run().accepted_count, 1)
        self.assertEqual(busy.stage_id, self.acceptance)

    @mute_logger("odoo.addons.lead_scoring.models.lead_scoring_run_moves")
    def test_a_lead_that_cannot_be_moved_is_told_and_stops_no_other(self):
        self._live()
        Lead, stubborn = type(self.env["crm.lead"]), self.hot[1]
        write, reason = Lead.write, "not this one"

        def refusing(leads, vals):
            if vals.get("stage_id") and stubborn in leads:
                raise UserError(reason)
            return write(leads, vals)

        with patch.object(Lead, "write", refusing):
            run = self._run()
        self.assertEqual((run.state, run.accepted_count), ("done", 3))
        self.assertIn(f"Lead {stubborn.id} could not be moved: not this one", run.message)
        self.assertEqual(stubborn.stage_id, self.new)

    @mute_logger("odoo.addons.lead_scoring.models.lead_scoring_run_moves")
    def test_leads_that_moved_before_one_that_somebody_saves_have_moved(self):
        self._live()
        Move, act = type(self.env["lead.scoring.move"]), type(self.env["lead.scoring.move"])._act
        order = self.hot.sorted("id")

        def refusing(moves, model, kind, lead_ids, settings):
            if len(lead_ids) > 1:
                raise ValueError("one of them")
            if lead_ids == order[-1].ids:
                raise SerializationFailure("somebody was quicker")
            return act(moves, model, kind, lead_ids, settings)

        with patch.object(Move, "_act", refusing):
            run = self._run()
        self.assertEqual((run.state, run.accepted_count), ("done", 3))
        self.assertEqual((order[:-1].stage_id, order[-1].stage_id), (self.acceptance, self.new))
        self._run("saved")
        self.assertEqual(order.stage_id, self.acceptance)

    def test_killed_anywhere_the_next_turn_goes_on_without_doing_anything_twice(self):
        self.env["lead.scoring.config"].create({"name": "Tell", "sales_ready_tell": "message"})
        self._give(self.leads, self.sam)
        self._live()
        with (
            patch.object(lead_scoring_run_moves, "MOST_LOCKED", 2),
            patch.object(lead_scoring_run_moves, "TELL_BATCH_SIZE", 1),
        ):
            run, turns = self._run_in_short_turns()
        self.assertGreater(turns, 3)
        self.assertEqual((run.accepted_count, run.qualified_count, run.told_count), (4, 6, 4))
        self.assertEqual(len(self.env["lead.scoring.run"].search([("model_id", "=", self.model.id)])), 1)
        for lead in self.hot:
            self.assertEqual(len(self._moves(lead, kind="sales_ready")), 1)
            self.assertEqual(len(self._messages(lead, "Sales-ready: score")), 1)
            told = self.env["mail.message"].search(
                [("model", "=", "crm.lead"), ("res_id", "=", lead.id), ("message_type", "=", "user_notification")]
            )
            self.assertEqual(len(told.filtered(lambda message: "Sales-ready: score" in message.body)), 1)
        for lead in self.cool:
            self.assertEqual(len(self._messages(lead, "First score")), 1)

    def test_killed_in_the_middle_of_a_batch_nothing_of_it_stays_and_the_next_turn_does_it(self):
        self._live()
        Move, calls = type(self.env["lead.scoring.move"]), []
        messages_of = Move._messages_of

        def killed(moves, stages):
            calls.append(stages)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return messages_of(moves, stages)

        with patch.object(lead_scoring_run_moves, "MOST_LOCKED", 2), patch.object(Move, "_messages_of", killed):
            with self.assertRaises(KeyboardInterrupt):
                self._run()
            self.env.invalidate_all()
            moved = self.leads.filtered(lambda lead: lead.stage_id != self.new)
            self.assertEqual(moved, self._moves(self.leads).lead_id)
            self.assertLess(len(moved), 10)
            run = self._run()
        self.assertEqual((run.state, run.accepted_count, run.qualified_count), ("done", 4, 6))
        self.assertEqual(len(self._moves(self.leads).filtered("stage_to_id")), 10)

    # ------------------------------------------------------------
    # As a person's move
    # ------------------------------------------------------------

    def test_the_chatter_says_in_one_line_which_model_and_score_moved_it(self):
        self._live()
        self._run()
        lead = self.hot[0]
        (message,) = self._messages(lead, "Sales-ready")
        self.assertEqual(
            message.body, f"<p>Sales-ready: score {lead.lead_score} ({lead.lead_grade}) by Test model.</p>"
        )
        self.assertEqual(message.subtype_id, self.env.ref("crm.mt_lead_stage"))
        self.assertEqual(set(message.tracking_value_ids.field_id.mapped("name")), {"stage_id", "lead_sales_ready"})
        (message,) = self._messages(self.cool[0], "First score")
        self.assertIn("by Test model", message.body)

    def test_followers_of_stage_changes_are_told_as_of_a_persons_move(self):
        self.hot[0].message_subscribe(self.mona.partner_id.ids, subtype_ids=self.env.ref("crm.mt_lead_stage").ids)
        self._live()
        self._run()
        (message,) = self._messages(self.hot[0], "Sales-ready")
        self.assertIn(self.mona.partner_id, message.notified_partner_ids)

    def test_moves_set_the_date_of_the_last_stage_change_only_of_leads_that_moved(self):
        self.cool[0].stage_id = self.called
        self.env.flush_all()
        old = self._ago(days=9).replace(microsecond=0)
        self.env.cr.execute("UPDATE crm_lead SET date_last_stage_update = %s", (old,))
        self.env.invalidate_all()
        self._live()
        self._run()
        self.assertEqual(self.cool[0].date_last_stage_update, old)
        self.assertGreater(self.cool[1].date_last_stage_update, old)

    def test_the_salesperson_can_be_told_with_an_activity(self):
        self.env["lead.scoring.config"].create({"name": "Tell", "sales_ready_tell": "activity"})
        self._give(self.hot[0], self.sam)
        self.team.user_id = self.alma
        self._live()
        run = self._run()
        activity = self.hot[0].activity_ids
        self.assertEqual((activity.user_id, activity.activity_type_id.name), (self.sam, "Sales-Ready Lead"))
        self.assertIn("Sales-ready: score", activity.summary)
        self.assertEqual(self.hot[1].activity_ids.user_id, self.alma, "the leader of the team where nobody has it")
        self.assertEqual(run.told_count, 4)
        self._run()
        self.assertEqual(len(self.hot[0].activity_ids), 1)

    def test_the_salesperson_can_be_told_with_a_message(self):
        self.env["lead.scoring.config"].create({"name": "Tell", "sales_ready_tell": "message"})
        self._give(self.hot[0], self.sam)
        self._live()
        self._run()
        messages = self.env["mail.message"].search(
            [("model", "=", "crm.lead"), ("res_id", "=", self.hot[0].id), ("message_type", "=", "user_notification")]
        )
        self.assertIn(self.sam.partner_id, messages.notified_partner_ids)

    def test_nobody_is_told_unless_the_configuration_says_so(self):
        self._give(self.hot, self.sam)
        self._live()
        self.assertFalse(self._run().told_count)
        self.assertFalse(self.hot.activity_ids)

    def test_a_lead_can_be_converted_to_an_opportunity_when_it_becomes_sales_ready(self):
        self.env["lead.scoring.config"].create({"name": "Convert", "sales_ready_convert": True})
        (self.hot[0] | self.cool[0]).type = "lead"
        self._live()
        self._run()
        self.assertEqual((self.hot[0].type, self.cool[0].type), ("opportunity", "lead"))
        self.assertTrue(self.hot[0].date_conversion)
        self.assertEqual(self.hot[0].stage_id, self.acceptance)

    def test_odoos_own_assignment_can_go_by_score_and_grade(self):
        self._live()
        self._run()
        self.env["ir.config_parameter"].set_param("crm.lead.auto.assignment", True)
        self.leads.write({"user_id": False})
        self.env.flush_all()
        self.env.cr.execute("UPDATE crm_lead SET date_open = NULL WHERE id = ANY(%s)", (self.leads.ids,))
        self.env.invalidate_all()
        members = self.env["crm.team.member"].create(
            [
                {"crm_team_id": self.team.id, "user_id": user.id, "assignment_max": 300, "assignment_domain": domain}
                for user, domain in (
                    (self.alma, "[('lead_score', '>=', 60)]"),
                    (self.mona, "[('lead_grade', 'in', ['C', 'D'])]"),
                )
            ]
        )
        grades = dict.fromkeys(self.cool.mapped("lead_grade"))
        self.assertTrue(set(grades) <= {"C", "D"}, grades)
        self.team._assign_and_convert_leads(force_quota=True)
        self.assertEqual((self.hot.user_id, self.cool.user_id), (self.alma, self.mona))
        self.assertEqual(len(members), 2)
        # Teams choose unassigned leads by the same words.
        self.leads.write({"user_id": False, "team_id": False})
        self.team.assignment_domain = "[('lead_score', '>=', 60)]"
        self.team._allocate_leads()
        self.assertEqual(self.hot.team_id, self.team)
        self.assertFalse(self.cool.team_id)

    # ------------------------------------------------------------
    # No evidence
    # ------------------------------------------------------------

    NAMES = (
        "activity.stage_changes",
        "activity.days_since_stage_change",
        "activity.messages_in",
        "activity.messages_out",
        "activity.activities_done",
        "lead.stage_id",
        "lead.type",
    )

    def _evidence(self, lead, as_of=None):
        table = extract(self.env, lead.ids, self.NAMES, as_of).table
        values = {}
        for name, column in table.columns.items():
            if column.kind == "category":
                values[name] = column.keys[column.codes[0]] if column.codes[0] >= 0 else None
            else:
                values[name] = None if column.values[0] != column.values[0] else column.values[0]
        return values

    def test_the_addons_own_moves_and_messages_are_no_evidence_for_any_model(self):
        self.env["lead.scoring.config"].create(
            {"name": "All", "sales_ready_tell": "activity", "sales_ready_convert": True}
        )
        lead = self.hot[0]
        lead.type = "lead"
        self._give(lead, self.sam)
        self._save()
        before = self._evidence(lead)
        self._live()
        self._run()
        lead.activity_ids.action_feedback(feedback="called")
        self._save()
        self.assertEqual((lead.stage_id, lead.type), (self.acceptance, "opportunity"))
        self._long_ago(self.env.cr, lead.message_ids)
        self.assertEqual(self._evidence(lead), before)
        self.assertEqual(before["lead.stage_id"], str(self.new.id))
        self.assertEqual(before["activity.stage_changes"], 0)

    def test_a_persons_move_after_ours_is_evidence(self):
        self._live()
        self._run()
        lead = self.hot[0]
        lead.stage_id = self.offer
        self._save()
        self._long_ago(self.env.cr, lead.message_ids)
        found = self._evidence(lead)
        self.assertEqual(found["lead.stage_id"], str(self.offer.id))
        self.assertEqual(found["activity.stage_changes"], 1)

    def test_a_lead_that_we_moved_twice_stands_where_a_person_left_it(self):
        self._live()
        with self._scores({self.hot[0]: 10}):
            self._run()
        self._run()
        self.assertEqual(self.hot[0].stage_id, self.acceptance)
        self.assertEqual(len(self._moves(self.hot[0], message_id=False)), 0)
        self._long_ago(self.env.cr, self.hot[0].message_ids)
        self.assertEqual(self._evidence(self.hot[0])["lead.stage_id"], str(self.new.id))

    def test_moves_change_no_score(self):
        self._live()
        self._run()
        scores = self.leads.mapped("lead_score")
        run = self._run()
        self.assertEqual(self.leads.mapped("lead_score"), scores)
        self.assertEqual(run.sales_ready_count + run.qualified_count, 0)

    def test_saving_a_lead_never_moves_it(self):
        self._live()
        self._run()
        lead = self.cool[0].copy({"stage_id": self.new.id})
        self._save()
        self.assertTrue(lead.lead_score_trend)
        self.assertEqual(lead.stage_id, self.new)
        self._run("saved")
        self.assertEqual(lead.stage_id, self.qualification)
