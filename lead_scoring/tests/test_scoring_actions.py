import numpy as np

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import tagged

from ..scoring.scorecard import MISSING, CategoryLevels, FeatureCard, NumberLevels, Scorecard
from .common import LeadScoringCommon


@tagged("post_install", "-at_install")
class TestScoringActions(LeadScoringCommon):
    """What would raise a score."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lead = cls._leads(1, "open", cls.cold, user_id=cls.sam.id)
        cls.meeting = cls.env.ref("lead_scoring.action_first_meeting")
        cls.phone = cls.env.ref("lead_scoring.action_phone")
        cls.phone_correct = cls.env.ref("lead_scoring.action_phone_correct")
        cls.answer = cls.env.ref("lead_scoring.action_answer")

    def _card(self, meeting=1.0, phone=0.5, closed=40):
        """A scorecard that knows meetings and phone numbers; missing, which stands last, is what leads start with."""
        counts = np.full(3, closed)
        return Scorecard(
            0.0,
            (
                FeatureCard(NumberLevels("activity.meetings", (1,)), [-0.5, meeting, 0.0], counts, counts // 2),
                FeatureCard(
                    CategoryLevels("lead.has_phone", ("no", "yes")), [-0.5, phone, 0, 0], [closed] * 4, [0] * 4
                ),
                FeatureCard(
                    CategoryLevels("lead.phone_state", ("correct", "incorrect")),
                    [0.3, -0.3, 0, 0],
                    [closed] * 4,
                    [0] * 4,
                ),
            ),
        )

    def _proposals(self, levels, actions=None, card=None, user=None):
        actions = (self.meeting | self.phone | self.phone_correct) if actions is None else actions
        lead = self.lead.with_user(user or self.sam)
        return actions.sudo()._proposals(lead, card or self._card(), np.array(levels, np.uint8))

    def test_what_it_changes_is_called_as_everywhere_else(self):
        self.assertIn("Meetings held", self.meeting.change_ids.mapped("display_name"))

    def test_it_says_what_leads_like_this_score_with_a_meeting(self):
        (proposal,) = self._proposals([0, 1, 0])
        self.assertEqual((proposal["kind"], proposal["name"]), ("meeting", "Schedule a meeting"))
        self.assertEqual(proposal["text"], f"Leads like this with a meeting score about {proposal['score']}.")
        card = self._card()
        self.assertEqual(proposal["score"], int(card.scores(np.array([[1, 1, 0]], np.uint8))[0]))

    def test_what_raises_the_score_most_comes_first_and_all_its_values_change(self):
        meeting, phone = self._proposals([0, 0, MISSING])
        self.assertEqual((meeting["kind"], phone["field"]), ("meeting", "phone"))
        # With a phone number its state is known, too.
        after = self._card().scores(np.array([[0, 1, 0]], np.uint8))[0]
        self.assertEqual(phone["score"], int(after))

    def test_an_invalid_number_is_to_be_corrected_an_empty_one_to_be_filled_in(self):
        (proposal,) = self._proposals([1, 1, 1])
        self.assertEqual(proposal["name"], "Correct the phone number")
        (proposal,) = self._proposals([1, 0, MISSING])
        self.assertEqual(proposal["name"], "Fill in the phone number")

    def test_two_ways_to_fill_in_the_same_field_are_offered_once(self):
        (proposal,) = self._proposals([1, 0, MISSING], actions=self.phone | self.phone.copy())
        self.assertEqual(proposal["field"], "phone")

    def test_nothing_is_offered_that_does_not_raise_the_score(self):
        self.assertFalse(self._proposals([1, 1, 0]))  # it is like that already
        self.assertFalse(self._proposals([0, 1, 0], card=self._card(meeting=-1.0)))

    def test_nothing_is_offered_that_fewer_than_30_closed_leads_were(self):
        self.assertFalse(self._proposals([0, 0, MISSING], card=self._card(closed=29)))
        self.assertTrue(self._proposals([0, 0, MISSING], card=self._card(closed=30)))

    def test_nothing_is_offered_that_the_model_does_not_know_or_that_was_removed(self):
        self.assertFalse(self._proposals([0, 0, MISSING], self.env.ref("lead_scoring.action_company")))
        self.meeting.change_ids = False
        self.assertFalse(self._proposals([0, 1, 0]))

    def test_an_answer_is_offered_only_while_the_last_message_is_unanswered(self):
        counts = np.full(3, 40)
        card = Scorecard(
            0.0,
            (
                FeatureCard(
                    NumberLevels("activity.days_since_message_out", (3,)), [0.9, -0.5, -0.5], counts, counts // 2
                ),
            ),
        )
        levels = [MISSING]
        self.assertFalse(self._proposals(levels, self.answer, card))
        customer = self.env["res.partner"].create({"name": "Cora", "email": "cora@example.com"})
        lead = self.lead.with_context(mail_create_nosubscribe=True)

        def post(author, hours_ago):
            message = lead.message_post(
                body="Hello", message_type="comment", subtype_xmlid="mail.mt_comment", author_id=author.id
            )
            message.flush_recordset()
            self.env.cr.execute(
                "UPDATE mail_message SET date = date - make_interval(hours => %s) WHERE id = %s",
                (hours_ago, message.id),
            )

        post(customer, 5)
        (proposal,) = self._proposals(levels, self.answer, card)
        self.assertEqual(proposal["kind"], "message")
        post(self.sam.partner_id, 2)
        self.assertFalse(self._proposals(levels, self.answer, card))
        post(customer, 1)
        self.assertTrue(self._proposals(levels, self.answer, card))

    def test_a_field_that_the_reader_may_not_write_is_not_offered(self):
        self.patch(self.env["crm.lead"]._fields["phone"], "groups", "base.group_system")
        self.assertFalse(self._proposals([1, 0, MISSING]))

    def test_a_closed_lead_and_one_without_a_score_are_offered_nothing(self):
        nothing = {"proposals": []}
        self.assertEqual(self.lead.with_user(self.sam).get_lead_score_proposals(), nothing)
        self._go_live()
        lead = self.hot[0]
        lead.user_id = self.sam
        self.assertIn("proposals", lead.with_user(self.sam).get_lead_score_proposals())
        lead.action_set_lost()
        self.assertEqual(lead.with_user(self.sam).get_lead_score_proposals(), nothing)

    def test_an_admin_edits_the_list_and_what_is_no_one_s_to_change_cannot_be_chosen(self):
        Action = self.env["lead.scoring.action"].with_user(self.mona)
        values = {"name": "Add a website", "phrase": "a website", "kind": "field"}
        change = {"feature": "lead.has_website", "value": "yes"}
        field = self.env.ref("crm.field_crm_lead__website").id
        action = Action.create({**values, "field_id": field, "change_ids": [(0, 0, change)]})
        self.assertEqual(action.with_user(self.mona).change_ids.feature, "lead.has_website")
        choices = dict(self.env["lead.scoring.action.change"]._selection_feature())
        for feature in ("activity.age_days", "lead.created_weekday", "contact.country_id", "company.earlier_won"):
            self.assertNotIn(feature, choices)
        with self.assertRaises(ValidationError):
            Action.create(values)  # which field?
        with self.assertRaises(ValidationError):
            action.change_ids = [(0, 0, {"feature": "activity.meetings", "comparison": "at_least", "value": "many"})]
        with self.assertRaises(AccessError):
            self.env["lead.scoring.action"].with_user(self.alma).search([])
