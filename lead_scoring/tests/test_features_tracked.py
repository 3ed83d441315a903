from odoo.tests import new_test_user, tagged

from ..features.extract import extract
from ..features.guard import guard
from ..features.moments import training_set
from ..features.tracked import late_writes
from .common_features import NOW, FeaturesCommon, days


class TrackedCommon(FeaturesCommon):
    """A way to change leads at a certain time."""

    @classmethod
    def change(cls, lead, when, **values):
        """Write as a person would at that time; Odoo tracks it."""
        cls.env.flush_all()
        cls.env.cr.precommit.run()
        known = set(lead.message_ids.ids)
        lead.write(values)
        cls.env.flush_all()
        cls.env.cr.precommit.run()
        lead.invalidate_recordset(["message_ids"])
        lead.sudo().message_ids.filtered(lambda message: message.id not in known).date = when
        cls.env.flush_all()


@tagged("post_install", "-at_install")
class TestTracked(TrackedCommon):
    """Tracked values as they were at a moment."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sam, cls.mona = (
            new_test_user(cls.env, f"tracked_{name}", groups="base.group_user,sales_team.group_sale_manager")
            for name in ("sam", "mona")
        )

    def test_a_value_is_that_of_the_moment(self):
        lead = self.lead(user_id=self.sam.id, expected_revenue=100)
        self.change(lead, NOW - days(20), user_id=self.mona.id, expected_revenue=0)
        self.change(lead, NOW - days(10), user_id=False, expected_revenue=300)
        moments = [NOW - days(25), NOW - days(20), NOW - days(15), NOW]
        rows = self.env["crm.lead"].browse(lead.ids * 4)
        seen = extract(self.env, lead.ids * 4, ["lead.user_id", "lead.expected_revenue"], moments).table.columns
        users = [None if code < 0 else int(seen["lead.user_id"].keys[code]) for code in seen["lead.user_id"].codes]
        self.assertEqual(users, [self.sam.id, self.sam.id, self.mona.id, None])
        money = [None if number != number else number for number in seen["lead.expected_revenue"].values.tolist()]
        self.assertEqual(money, [100, 100, None, 300])
        self.assertEqual(len(rows), 4)

    def test_the_team_and_whether_there_was_a_phone_number(self):
        other = self.env["crm.team"].create({"name": "Other"})
        lead = self.lead(phone=False)
        self.change(lead, NOW - days(5), team_id=other.id, phone="+32 2 290 34 90")
        for when, team, phone in ((NOW - days(6), self.team, "no"), (NOW, other, "yes")):
            self.assertEqual(self.value(lead, "lead.team_id", when), str(team.id))
            self.assertEqual(self.value(lead, "lead.has_phone", when), phone)

    def test_now_is_not_rolled_back_and_asks_nothing_more(self):
        lead = self.lead(user_id=self.sam.id)
        self.change(lead, NOW + days(20_000), user_id=self.mona.id)
        self.assertEqual(self.value(lead, "lead.user_id", NOW), str(self.sam.id))
        with self.assertQueryCount(1):
            found = extract(self.env, lead.ids, ["lead.user_id"])
        self.assertEqual(found.table.columns["lead.user_id"].keys, (str(self.mona.id),))

    def test_what_was_written_within_a_day_of_the_close_is_not_there(self):
        lead = self.lead(user_id=self.sam.id, expected_revenue=0)
        self.change(lead, NOW - days(15), user_id=self.mona.id)
        self.change(lead, NOW - days(10.5), expected_revenue=900)
        self.change(lead, NOW - days(10), stage_id=self.won_stage.id)
        self.env.cr.execute("UPDATE crm_lead SET date_closed = %s WHERE id = %s", (NOW - days(10), lead.id))
        lead.invalidate_recordset()
        moment = NOW - days(10.2)
        self.assertIsNone(self.value(lead, "lead.expected_revenue", moment))
        self.assertEqual(self.value(lead, "lead.user_id", moment), str(self.mona.id))
        self.assertEqual(
            late_writes(self.env, lead.ids, ["lead.expected_revenue", "lead.user_id", "lead.source_id"]),
            {"lead.expected_revenue": 1.0, "lead.user_id": 0.0},
        )

    def test_the_stage_is_that_of_the_moment_where_it_is_known(self):
        lead = self.lead()
        self.change(lead, NOW - days(20), stage_id=self.next_stage.id)
        self.change(lead, NOW - days(5), stage_id=self.won_stage.id)
        imported = self.lead(NOW - days(30), NOW - days(5), "won")
        open_ = self.lead()
        for when, stage in ((NOW - days(25), self.open_stage), (NOW - days(15), self.next_stage)):
            self.assertEqual(self.value(lead, "lead.stage_id", when), str(stage.id))
            self.assertIsNone(self.value(imported, "lead.stage_id", when))
            self.assertEqual(self.value(open_, "lead.stage_id", when), str(self.open_stage.id))

    def test_a_lost_lead_that_never_moved_had_the_stage_it_has(self):
        lead = self.lead()
        self.change(lead, NOW - days(5), active=False, probability=0)
        self.assertEqual(lead.won_status, "lost")
        self.assertEqual(self.value(lead, "lead.stage_id", NOW - days(15)), str(self.open_stage.id))

    def test_a_contact_that_came_later_says_nothing(self):
        self.partner.country_id = self.env.ref("base.be")
        lead = self.lead()
        self.change(lead, NOW - days(5), partner_id=self.partner.id)
        self.assertIsNone(self.value(lead, "contact.country_id", NOW - days(6)))
        self.assertIsNone(self.value(lead, "contact.is_company", NOW - days(6)))
        self.assertEqual(self.value(lead, "contact.country_id", NOW), str(self.env.ref("base.be").id))

    def test_a_lead_with_another_contact_then_tells_of_that_one(self):
        belgium, france = self.env.ref("base.be"), self.env.ref("base.fr")
        then = self.env["res.partner"].create({"name": "Then", "country_id": belgium.id, "is_company": True})
        now = self.env["res.partner"].create({"name": "Now", "country_id": france.id})
        self.lead(NOW - days(90), NOW - days(80), "won", partner_id=then.id)
        self.lead(NOW - days(90), NOW - days(80), "lost", partner_id=now.id)
        lead, never = self.lead(partner_id=then.id), self.lead()
        self.change(lead, NOW - days(5), partner_id=now.id)
        self.change(never, NOW - days(5), partner_id=now.id)
        for name, before, nobody, after in (
            ("contact.country_id", str(belgium.id), None, str(france.id)),
            ("company.country_id", str(belgium.id), None, str(france.id)),
            ("contact.is_company", "yes", None, "no"),
            ("contact.earlier_won", 1, None, 0),
            ("contact.earlier_lost", 0, None, 1),
            ("company.earlier_won", 1, None, 0),
        ):
            with self.subTest(name):
                self.assertEqual(self.values(lead | never, name, NOW - days(6)), [before, nobody])
                self.assertEqual(self.values(lead | never, name, NOW), [after, after])

    def test_whether_there_was_a_company_then(self):
        company = self.env["res.partner"].create({"name": "Works", "is_company": True})
        named, met, changed = self.lead(), self.lead(), self.lead(partner_id=company.id, partner_name=False)
        self.change(named, NOW - days(5), partner_name="Works")
        self.change(met, NOW - days(5), partner_id=company.id)
        self.change(changed, NOW - days(5), partner_id=self.partner.id)
        leads = named | met | changed
        self.assertEqual(self.values(leads, "lead.has_company", NOW - days(6)), ["no", "no", "yes"])
        self.assertEqual(self.values(named | met, "lead.has_company"), ["yes", "yes"])

    def test_a_contact_that_was_deleted_since_says_nothing(self):
        gone = self.env["res.partner"].create({"name": "Gone", "country_id": self.env.ref("base.be").id})
        lead = self.lead(partner_id=gone.id)
        self.change(lead, NOW - days(5), partner_id=self.env["res.partner"].create({"name": "Now"}).id)
        gone.unlink()
        self.assertIsNone(self.value(lead, "contact.country_id", NOW - days(6)))
        self.assertIsNone(self.value(lead, "contact.earlier_won", NOW - days(6)))

    def test_a_constant_number_of_queries(self):
        names = ["lead.user_id", "lead.stage_id", "lead.expected_revenue", "lead.has_email", "contact.country_id"]
        leads = self.env["crm.lead"]
        for _number in range(5):
            leads += self.lead(user_id=self.sam.id)
            self.change(leads[-1], NOW - days(3), user_id=self.mona.id)
        extract(self.env, leads.ids, names, NOW - days(4))
        counts = []
        for ids in (leads.ids[:1], leads.ids * 50):
            before = self.env.cr.sql_log_count
            extract(self.env, ids, names, NOW - days(4))
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(counts, [3, 3])

    def test_a_stage_of_which_half_the_history_is_missing_is_left_out(self):
        domain = [("team_id", "=", self.team.id)]
        for number in range(6):
            lead = self.lead()
            self.change(lead, NOW - days(5), stage_id=self.won_stage.id)
            if number < 4:
                lead.sudo().message_ids.unlink()
            self.env.cr.execute("UPDATE crm_lead SET date_closed = %s WHERE id = %s", (NOW - days(5), lead.id))
        data = training_set(self.env, domain, ["lead.stage_id"], seed=0, now=NOW)
        (row,) = guard(self.env, domain, data, now=NOW)["features"]
        self.assertEqual((row["verdict"], row["reason"]), ("out", "little_history"))


@tagged("post_install", "-at_install")
class TestTrackedCustomField(TrackedCommon):
    """One test alone: the registry forgets custom fields when the class ends."""

    def test_labels_of_every_language_are_understood(self):
        field = self.env["ir.model.fields"].create(
            {
                "name": "x_size",
                "model_id": self.env["ir.model"]._get("crm.lead").id,
                "field_description": "Size",
                "ttype": "selection",
                "tracking": 5,
                "selection_ids": [
                    (0, 0, {"value": "s", "name": "Small"}),
                    (0, 0, {"value": "b", "name": "Big"}),
                ],
            }
        )
        field.selection_ids[0].with_context(lang="fr_FR").name = "Petit"
        lead = self.lead(x_size="s")
        self.change(lead.with_context(lang="fr_FR"), NOW - days(9), x_size="b")
        self.change(lead, NOW - days(5), x_size=False)
        moments = (NOW - days(10), NOW - days(6), NOW)
        self.assertEqual([self.value(lead, "lead.x_size", when) for when in moments], ["s", "b", None])
