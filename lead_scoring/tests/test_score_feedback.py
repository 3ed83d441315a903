from psycopg2.errors import CheckViolation, UniqueViolation

from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import LeadScoringCommon


@tagged("post_install", "-at_install")
class TestScoreFeedback(LeadScoringCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._go_live()
        cls.lead = cls.hot[0]
        cls.lead.user_id = cls.sam

    def _send(self, user, expected, comments="", lead=None):
        return (lead or self.lead).with_user(user).send_lead_score_feedback(expected, comments)

    def _feedback(self, user):
        return self.env["crm.lead.score.feedback"].with_user(user).search([("lead_id", "=", self.lead.id)])

    def test_a_salesperson_sends_feedback_with_the_score_that_was_given(self):
        told = self._send(self.sam, 90, "They want it.")
        self.assertEqual(told["mine"]["expected"], 90)
        feedback = self._feedback(self.sam)
        self.assertEqual(feedback.author_id, self.sam)
        self.assertEqual((feedback.given_score, feedback.is_given), (self.lead.lead_score, True))
        self.assertEqual(feedback.sudo().model_id, self.model)
        self.assertEqual(feedback.sudo().version_id, self.model.version_id)
        self.assertEqual(feedback.difference, 90 - self.lead.lead_score)
        self.assertEqual(self.lead.with_user(self.sam).get_lead_score_details()["feedback_count"], 1)

    def test_feedback_never_changes_the_score(self):
        before = self.lead.lead_score
        self._send(self.sam, 1)
        self._score()
        self.assertEqual(self.lead.lead_score, before)

    def test_its_author_changes_and_withdraws_it(self):
        self._send(self.sam, 90)
        told = self._send(self.sam, 10, "I was wrong.")
        self.assertEqual((told["mine"]["expected"], told["mine"]["comments"]), (10, "I was wrong."))
        self.assertEqual(len(self._feedback(self.sam)), 1)
        self.assertEqual(self.lead.with_user(self.sam).withdraw_lead_score_feedback(), {"mine": False, "others": []})

    def test_others_read_it_with_author_and_date_but_do_not_touch_it(self):
        self._send(self.sam, 90, "They want it.")
        (other,) = self.lead.with_user(self.alma).get_lead_score_feedback()["others"]
        self.assertEqual((other["author"], other["comments"]), (self.sam.name, "They want it."))
        self.assertTrue(other["date"])
        for user in (self.alma, self.mona):
            foreign = self._feedback(user)
            with self.assertRaises(AccessError):
                foreign.expected_score = 5
            with self.assertRaises(AccessError):
                foreign.unlink()
            foreign.sudo().lead_id.with_user(user).withdraw_lead_score_feedback()
        self.assertEqual(self._feedback(self.sam).expected_score, 90)

    def test_feedback_is_seen_where_the_lead_is(self):
        self._send(self.sam, 90)
        self.assertTrue(self._feedback(self.mona))
        self.assertFalse(self._feedback(self.otto))
        feedback = self._feedback(self.sam)
        self.lead.user_id = self.alma  # not Sam's any more
        self.env.flush_all()
        self.assertFalse(self._feedback(self.sam))
        with self.assertRaises(AccessError):
            feedback.read(["comments"])
        with self.assertRaises(AccessError):
            self._send(self.sam, 20)
        with self.assertRaises(AccessError):
            self.env["crm.lead.score.feedback"].with_user(self.ida).search([])

    def test_nobody_writes_in_another_s_name_or_another_score(self):
        Feedback = self.env["crm.lead.score.feedback"].with_user(self.sam)
        feedback = Feedback.create(
            {"lead_id": self.lead.id, "expected_score": 50, "author_id": self.mona.id, "given_score": 3}
        )
        self.assertEqual((feedback.author_id, feedback.given_score), (self.sam, self.lead.lead_score))
        for values in ({"author_id": self.mona.id}, {"given_score": 3}, {"lead_id": self.hot[1].id}):
            with self.assertRaises(AccessError):
                feedback.write(values)
        foreign = self.hot[1]
        foreign.user_id = self.alma
        with self.assertRaises(AccessError):
            Feedback.create({"lead_id": foreign.id, "expected_score": 50})

    def test_an_expected_score_lies_between_0_and_100(self):
        for expected in (-1, 101):
            with self.assertRaises(CheckViolation), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                self._send(self.sam, expected)

    @mute_logger("odoo.sql_db")
    def test_an_author_has_one_feedback_on_a_lead(self):
        self._send(self.sam, 50)
        with self.assertRaises(UniqueViolation), self.env.cr.savepoint():
            self.env["crm.lead.score.feedback"].with_user(self.sam).create(
                {"lead_id": self.lead.id, "expected_score": 60}
            )

    def test_an_unscored_lead_takes_feedback_too(self):
        new = self._leads(1, "open", self.cold)
        told = self._send(self.sam, 50, lead=new)
        self.assertEqual((told["mine"]["expected"], told["mine"]["given"]), (50, False))

    def test_a_manager_s_list_shows_what_became_of_it(self):
        self._send(self.sam, 90)
        env = self.env["crm.lead.score.feedback"].with_user(self.mona)
        domain = [("lead_id", "=", self.lead.id)]
        self.assertFalse(env.search(domain + [("outcome", "=", "won")]))
        self.lead.action_set_won()
        self.env.flush_all()
        self.assertEqual(env.search(domain + [("outcome", "=", "won")]).expected_score, 90)
        self.assertEqual(env._read_group(domain, ["outcome"], ["expected_score:avg"]), [("won", 90)])
        self.lead.stage_id = self.open_stage
        self.lead.action_set_lost()  # archived leads keep theirs in the list
        self.assertEqual(env.search(domain).outcome, "lost")

    def test_merged_leads_keep_the_newest_feedback_of_each_author(self):
        other = self.hot[1]
        self._send(self.sam, 10, lead=other)
        self._send(self.alma, 30, lead=other)
        self.env.cr.execute("UPDATE crm_lead_score_feedback SET date = date - interval '1 day'")
        self.env.invalidate_all()
        self._send(self.sam, 20)
        self.env["crm.lead.score.feedback"]._carry_over(other, self.lead)
        self.assertEqual(
            {one.author_id: one.expected_score for one in self._feedback(self.mona)},
            {
                self.sam: 20,
                self.alma: 30,
            },
        )
        other.unlink()
        self.assertEqual(len(self._feedback(self.mona)), 2)

    def test_a_deleted_lead_takes_its_feedback_along(self):
        self._send(self.sam, 90)
        feedback = self._feedback(self.mona).sudo()
        self.lead.unlink()
        self.assertFalse(feedback.exists())
