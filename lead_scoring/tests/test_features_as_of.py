from unittest.mock import patch

from odoo.tests import new_test_user, tagged

from ..features import history
from ..features.extract import extract
from ..features.pages import pages
from .common_features import NOW, FeaturesCommon, days


@tagged("post_install", "-at_install")
class TestActivity(FeaturesCommon):
    """What happened on a lead until a moment."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sam = new_test_user(cls.env, "features_sam", groups="base.group_user,sales_team.group_sale_manager")

    def _post(self, lead, when, **values):
        message = lead.message_post(body="Hello", **{"subtype_xmlid": "mail.mt_comment", **values})
        message.sudo().date = when
        return message

    def test_messages_of_customers_and_of_users_are_told_apart(self):
        lead = self.lead(partner_id=self.partner.id)
        self._post(lead, NOW - days(9), message_type="email", author_id=self.partner.id)
        self._post(lead, NOW - days(4), message_type="email", author_id=False, email_from="who@else.test")
        self._post(lead, NOW - days(2), message_type="comment", author_id=self.sam.partner_id.id)
        self._post(lead, NOW - days(1), message_type="email_outgoing", author_id=self.sam.partner_id.id)
        self.assertEqual(self.value(lead, "activity.messages_in"), 2)
        self.assertEqual(self.value(lead, "activity.days_since_message_in"), 4)
        self.assertEqual(self.value(lead, "activity.messages_out"), 2)
        self.assertEqual(self.value(lead, "activity.days_since_message_out"), 1)

    def test_notes_and_notifications_are_no_messages(self):
        lead = self.lead(partner_id=self.partner.id)
        author = self.sam.partner_id.id
        self._post(lead, NOW - days(2), message_type="comment", author_id=author, subtype_xmlid="mail.mt_note")
        self._post(lead, NOW - days(2), message_type="notification", author_id=author)
        self._post(lead, NOW - days(2), message_type="auto_comment", author_id=author)
        self._post(lead, NOW - days(2), message_type="out_of_office", author_id=self.partner.id)
        self.assertEqual(self.value(lead, "activity.messages_in"), 0)
        self.assertEqual(self.value(lead, "activity.messages_out"), 0)
        self.assertIsNone(self.value(lead, "activity.days_since_message_in"))

    def test_a_message_after_the_moment_does_not_count(self):
        lead = self.lead()
        self._post(lead, NOW - days(5), message_type="email", author_id=self.partner.id)
        self._post(lead, NOW - days(1), message_type="email", author_id=self.partner.id)
        self.assertEqual(self.value(lead, "activity.messages_in", NOW - days(2)), 1)
        self.assertEqual(self.value(lead, "activity.days_since_message_in", NOW - days(2)), 3)
        self.assertEqual(self.value(lead, "activity.messages_in", NOW - days(5)), 0)

    def test_messages_of_other_leads_and_models_do_not_count(self):
        lead, other = self.lead(), self.lead()
        self._post(other, NOW - days(1), message_type="email", author_id=self.partner.id)
        message = self._post(self.partner, NOW - days(1), message_type="email", author_id=self.partner.id)
        message.sudo().res_id = lead.id
        self.assertEqual(self.value(lead, "activity.messages_in"), 0)

    def test_a_meeting_counts_once_it_is_over(self):
        lead = self.lead()
        for start, active in ((NOW - days(6), True), (NOW - days(3), True), (NOW - days(2), False)):
            self.env["calendar.event"].create(
                {
                    "name": "Visit",
                    "start": start,
                    "stop": start + days(0.125),
                    "opportunity_id": lead.id,
                    "active": active,
                }
            )
        self.assertEqual(self.value(lead, "activity.meetings"), 2)
        self.assertEqual(self.value(lead, "activity.days_since_meeting"), 2.875)
        self.assertEqual(self.value(lead, "activity.meetings", NOW - days(2.99)), 1)
        self.assertEqual(self.value(lead, "activity.meetings", NOW - days(7)), 0)

    def test_done_activities_count_from_when_they_were_done(self):
        lead = self.lead()
        for _number in range(2):
            lead.activity_schedule("mail.mail_activity_data_call", user_id=self.sam.id)
        done = lead.activity_ids[0]._action_done()[0]
        done.sudo().date = NOW - days(3)
        self.assertEqual(self.value(lead, "activity.activities_done"), 1)
        self.assertEqual(self.value(lead, "activity.days_since_activity_done"), 3)
        self.assertEqual(self.value(lead, "activity.activities_done", NOW - days(4)), 0)
        self.assertEqual(self.value(lead, "activity.messages_out"), 0)

    def test_stage_changes_count_from_when_they_were_made(self):
        lead = self.lead()
        self.cr.precommit.run()
        for stage in (self.next_stage, self.open_stage):
            lead.stage_id = stage
            lead.expected_revenue += 10  # tracked too, and no stage change
            self.env.flush_all()
            self.cr.precommit.run()
        changes = (
            self.env["mail.tracking.value"]
            .sudo()
            .search([("mail_message_id", "in", lead.message_ids.ids), ("field_id.name", "=", "stage_id")])
        )
        self.assertEqual(len(changes), 2)
        for change, when in zip(changes, (NOW - days(8), NOW - days(2))):
            change.mail_message_id.date = when
        self.assertEqual(self.value(lead, "activity.stage_changes"), 2)
        self.assertEqual(self.value(lead, "activity.days_since_stage_change"), 2)
        self.assertEqual(self.value(lead, "activity.stage_changes", NOW - days(5)), 1)

    def test_a_message_that_tells_of_a_stage_change_counts_as_both(self):
        lead = self.lead()
        for number, when in enumerate((NOW - days(8), NOW - days(2))):
            message = self._post(lead, when, message_type="email", author_id=self.partner.id)
            self._post(lead, when - days(1), message_type="email", author_id=self.partner.id)
            if number == 0:
                stage = self.env["ir.model.fields"]._get("crm.lead", "stage_id")
                values = {"mail_message_id": message.id, "field_id": stage.id, "new_value_integer": self.next_stage.id}
                self.env["mail.tracking.value"].sudo().create(values)
        names = ("messages_in", "days_since_message_in", "stage_changes", "days_since_stage_change")
        names = [f"activity.{name}" for name in names]
        for asked in (names, *([name] for name in names)):  # read in one pass, and each by itself
            columns = extract(self.env, lead.ids, asked, NOW).table.columns
            expected = dict(zip(names, (4, 2, 1, 8)))
            self.assertEqual(
                {name: columns[name].values[0] for name in asked}, {name: expected[name] for name in asked}
            )

    def test_one_lead_at_two_moments(self):
        lead = self.lead()
        self._post(lead, NOW - days(5), message_type="email", author_id=self.partner.id)
        extraction = extract(
            self.env, [lead.id, lead.id], ["activity.messages_in", "activity.age_days"], [NOW - days(6), NOW]
        )
        self.assertEqual(extraction.table.columns["activity.messages_in"].values.tolist(), [0, 1])
        self.assertEqual(extraction.table.columns["activity.age_days"].values.tolist(), [24, 30])


@tagged("post_install", "-at_install")
class TestEarlierLeads(FeaturesCommon):
    """What became of earlier leads of the same people."""

    def test_earlier_leads_of_the_contact_are_counted(self):
        self.lead(NOW - days(90), NOW - days(80), "won", partner_id=self.partner.id)
        self.lead(NOW - days(90), NOW - days(70), "lost", partner_id=self.partner.id)
        self.lead(NOW - days(90), None, None, partner_id=self.partner.id)
        lead = self.lead(partner_id=self.partner.id)
        self.assertEqual(self.value(lead, "contact.earlier_won"), 1)
        self.assertEqual(self.value(lead, "contact.earlier_lost"), 1)

    def test_a_lead_won_after_the_moment_is_no_earlier_win(self):
        self.lead(NOW - days(90), NOW - days(10), "won", partner_id=self.partner.id)
        lead = self.lead(partner_id=self.partner.id)
        self.assertEqual(self.value(lead, "contact.earlier_won", NOW - days(11)), 0)
        self.assertEqual(self.value(lead, "contact.earlier_won", NOW - days(10)), 0)
        self.assertEqual(self.value(lead, "contact.earlier_won", NOW - days(9)), 1)

    def test_a_lead_is_not_its_own_earlier_lead(self):
        lead = self.lead(
            NOW - days(30), NOW - days(10), "won", partner_id=self.partner.id, email_from="ada@engines.test"
        )
        for name in ("contact.earlier_won", "company.earlier_won"):
            self.assertEqual(self.value(lead, name, NOW), 0)
        self.lead(NOW - days(90), NOW - days(80), "won", partner_id=self.partner.id)
        self.assertEqual(self.value(lead, "contact.earlier_won", NOW), 1)

    def test_the_same_address_is_the_same_contact_and_counts_once(self):
        self.lead(NOW - days(90), NOW - days(80), "won", partner_id=self.partner.id, email_from="ada@engines.test")
        self.lead(NOW - days(90), NOW - days(80), "won", email_from="Ada <ADA@engines.test>")
        lead = self.lead(partner_id=self.partner.id, email_from="ada@engines.test")
        self.assertEqual(self.value(lead, "contact.earlier_won"), 2)

    def test_colleagues_and_addresses_of_the_same_domain_are_the_same_company(self):
        company = self.env["res.partner"].create({"name": "Engines Ltd", "is_company": True})
        colleague = self.env["res.partner"].create({"name": "Charles", "parent_id": company.id})
        self.partner.parent_id = company
        self.lead(NOW - days(90), NOW - days(80), "won", partner_id=colleague.id)
        self.lead(NOW - days(90), NOW - days(80), "lost", email_from="mary@engines.test")
        lead = self.lead(partner_id=self.partner.id, email_from="ada@engines.test")
        self.assertEqual(self.value(lead, "company.earlier_won"), 1)
        self.assertEqual(self.value(lead, "company.earlier_lost"), 1)
        self.assertEqual(self.value(lead, "contact.earlier_won"), 0)

    def test_people_at_a_mail_provider_are_not_colleagues(self):
        self.lead(NOW - days(90), NOW - days(80), "won", email_from="bob@gmail.com")
        self.assertEqual(self.value(self.lead(email_from="eve@gmail.com"), "company.earlier_won"), 0)
        self.assertEqual(self.value(self.lead(email_from="bob@gmail.com"), "company.earlier_won"), 1)

    def test_nobody_to_know_anything_about_is_missing(self):
        self.assertIsNone(self.value(self.lead(), "contact.earlier_won"))
        self.assertEqual(self.value(self.lead(partner_id=self.partner.id), "contact.earlier_won"), 0)

    def test_another_company_of_the_database_tells_nothing(self):
        ours, theirs = self.env["res.company"].create([{"name": "Ours"}, {"name": "Theirs"}])
        teams = {
            company: self.env["crm.team"].create({"name": company.name, "company_id": company.id})
            for company in (ours, theirs)
        }

        def lead(company, *args):
            owner = {"company_id": company.id, "team_id": teams[company].id} if company else {"team_id": False}
            made = self.lead(*args, partner_id=self.partner.id, **owner)
            self.assertEqual(made.company_id, company or self.env["res.company"])
            return made

        for company in (ours, theirs, theirs, None):
            lead(company, NOW - days(90), NOW - days(80), "won")
        self.assertEqual(self.value(lead(ours), "contact.earlier_won"), 2)
        self.assertEqual(self.value(lead(theirs), "contact.earlier_won"), 3)
        self.assertEqual(self.value(lead(None), "contact.earlier_won"), 1)

    def test_many_leads_of_one_customer_agree_with_counting_by_hand(self):
        outcomes = ["won", "lost", "won", None, "lost", "won"]
        leads = self.env["crm.lead"]
        for number, outcome in enumerate(outcomes):
            closed = NOW - days(50 - number) if outcome else None
            leads += self.lead(NOW - days(60), closed, outcome, partner_id=self.partner.id)
        moments = [NOW - days(50 - number) for number in range(len(outcomes))]
        expected = [outcomes[:number].count("won") for number in range(len(outcomes))]
        self.assertEqual(self.values(leads, "contact.earlier_won", moments), expected)


class TestEarlierLeadsOfAllCustomers(TestEarlierLeads):
    """The same, where the closed leads of all customers are read at once, as in the pass of a model over its leads."""

    @classmethod
    def values(cls, *args):
        with patch.object(history, "MANY_LEADS", 0), history.read_once():
            return super().values(*args)

    def _earlier_won(self, lead):
        return extract(self.env, lead.ids, ["contact.earlier_won"], NOW).table.columns["contact.earlier_won"].values[0]

    def test_a_pass_reads_the_closed_leads_once_for_all_its_batches(self):
        self.lead(NOW - days(90), NOW - days(80), "won", partner_id=self.partner.id)
        leads = [self.lead(partner_id=self.partner.id), self.lead(email_from="ada@engines.test"), self.lead()]
        read, events = [], history._events
        with (
            patch.object(history, "_events", lambda *args: read.append(args) or events(*args)),
            patch.object(history, "MANY_LEADS", 0),
            history.read_once(),
        ):
            found = [self._earlier_won(lead) for lead in leads]
        self.assertEqual((found[:2], len(read)), ([1, 1], 1))
        self.assertNotEqual(found[2], found[2], "nobody is known: not a number")

    def test_a_few_leads_do_not_read_those_of_all_customers(self):
        lead = self.lead(partner_id=self.partner.id)
        with history.read_once(), patch.object(history, "_events", wraps=history._events) as events:
            self.assertEqual(self._earlier_won(lead), 0)
        self.assertEqual([len(call.args) for call in events.mock_calls], [3], "by contact and by domain")


@tagged("post_install", "-at_install")
class TestPages(FeaturesCommon):
    """Walking through leads."""

    def test_every_lead_comes_once_in_order_archived_ones_too(self):
        leads = self.lead() + self.lead(active=False) + self.lead() + self.lead() + self.lead()
        domain = [("team_id", "=", self.team.id)]
        found = list(pages(self.env, domain, size=2))
        self.assertEqual([page.tolist() for page in found], [leads.ids[:2], leads.ids[2:4], leads.ids[4:]])
        self.assertEqual(
            [page.tolist() for page in pages(self.env, domain, size=2, after=leads.ids[2])], [leads.ids[3:]]
        )
        self.assertEqual(list(pages(self.env, [("id", "=", 0)])), [])

    def test_a_lead_deleted_on_the_way_shifts_nobody(self):
        leads = self.lead() + self.lead() + self.lead() + self.lead()
        ids = leads.ids
        seen = []
        for page in pages(self.env, [("team_id", "=", self.team.id)], size=2):
            seen += page.tolist()
            leads[0].exists().unlink()
        self.assertEqual(seen, ids)
