from datetime import datetime, timezone

import numpy as np

from odoo.tests import tagged

from ..features.catalogue import catalogue
from ..features.extract import extract
from .common_features import NOW, PROPERTIES, FeaturesCommon, days


@tagged("post_install", "-at_install")
class TestLeadColumns(FeaturesCommon):
    """What a lead says about itself, its contact and its company."""

    def test_what_is_filled_in_is_read(self):
        source = self.env["utm.source"].create({"name": "Trade fair"})
        belgium = self.env.ref("base.be")
        lead = self.lead(
            source_id=source.id,
            country_id=belgium.id,
            priority="2",
            function=" Sales-Manager ",
            expected_revenue=1500,
            email_from="bob@workshop.test",
            website="https://workshop.test",
            partner_name="Workshop",
            description="<p>Wants <b>two</b></p><p><br></p>",
        )
        for name, expected in {
            "lead.source_id": str(source.id),
            "lead.country_id": str(belgium.id),
            "lead.priority": "2",
            "lead.function": "sales manager",
            "lead.expected_revenue": 1500,
            "lead.has_email": "yes",
            "lead.has_phone": "no",
            "lead.has_website": "yes",
            "lead.has_company": "yes",
            "lead.email_domain_kind": "business",
            "lead.email_state": "correct",
            "lead.description_length": 9,
            "lead.team_id": str(self.team.id),
        }.items():
            self.assertEqual(self.value(lead, name), expected, name)

    def test_job_positions_that_differ_in_case_and_punctuation_are_one(self):
        leads = (
            self.lead(function="Sales Manager")
            + self.lead(function="sales-manager ")
            + self.lead(function="SALES  MANAGER")
        )
        self.assertEqual(set(self.values(leads, "lead.function")), {"sales manager"})

    def test_an_address_at_a_mail_provider_is_no_business_address(self):
        self.assertEqual(self.value(self.lead(email_from="bob@gmail.com"), "lead.email_domain_kind"), "free")

    def test_an_empty_lead_is_all_missing_and_never_fails(self):
        lead = self.lead(team_id=False, type="lead")
        names = list(catalogue(self.env))
        extraction = extract(self.env, lead.ids, names, NOW)
        self.assertEqual(list(extraction.table.columns), names)
        for name in (
            "lead.source_id",
            "lead.expected_revenue",
            "lead.function",
            "lead.email_domain_kind",
            "contact.country_id",
            "contact.earlier_won",
            "property.staff",
            "property.topics.erp",
            "activity.days_since_meeting",
        ):
            self.assertTrue(extraction.table.columns[name].missing.all(), name)
        self.assertFalse(extraction.problems)

    def test_null_in_every_column_of_the_database_is_missing(self):
        lead = self.lead()
        self.env.cr.execute(
            """UPDATE crm_lead SET create_date = NULL, team_id = NULL, priority = NULL, website = NULL,
               won_status = NULL, lead_properties = NULL, active = NULL, description = NULL WHERE id = %s""",
            [lead.id],
        )
        lead.invalidate_recordset()
        table = extract(self.env, lead.ids, list(catalogue(self.env)), NOW).table
        for name in ("lead.priority", "lead.created_weekday", "activity.age_days", "property.demo"):
            self.assertTrue(table.columns[name].missing.all(), name)

    def test_properties_that_are_no_object_are_missing(self):
        lead = self.lead()
        for broken in ('"text"', "[1]", "7", "null"):
            self.env.cr.execute("UPDATE crm_lead SET lead_properties = %s WHERE id = %s", (broken, lead.id))
            lead.invalidate_recordset()
            self.assertIsNone(self.value(lead, "property.staff"))

    def test_a_country_nobody_has_seen_is_just_another_value(self):
        atlantis = self.env["res.country"].create({"name": "Atlantis", "code": "QX"})
        self.assertEqual(self.value(self.lead(country_id=atlantis.id), "lead.country_id"), str(atlantis.id))

    def test_contact_and_its_company_are_read(self):
        industry = self.env["res.partner.industry"].create({"name": "Engines"})
        company = self.env["res.partner"].create(
            {
                "name": "Engines Ltd",
                "is_company": True,
                "industry_id": industry.id,
                "country_id": self.env.ref("base.uk").id,
            }
        )
        # A contact with an address of its own; others share the company's.
        self.partner.write({"type": "other", "parent_id": company.id})
        self.partner.country_id = self.env.ref("base.be")
        lead = self.lead(partner_id=self.partner.id)
        self.assertEqual(self.value(lead, "contact.country_id"), str(self.env.ref("base.be").id))
        self.assertEqual(self.value(lead, "company.country_id"), str(self.env.ref("base.uk").id))
        self.assertEqual(self.value(lead, "company.industry_id"), str(industry.id))
        self.assertEqual(self.value(lead, "contact.is_company"), "no")
        self.assertEqual(self.value(lead, "lead.has_company"), "yes")

    def test_an_opportunity_was_a_lead_until_it_was_converted(self):
        lead = self.lead(type="opportunity", date_conversion=NOW - days(5))
        self.assertEqual(self.value(lead, "lead.type", NOW - days(6)), "lead")
        self.assertEqual(self.value(lead, "lead.type", NOW), "opportunity")
        self.assertEqual(self.value(self.lead(), "lead.type", NOW - days(20)), "opportunity")

    def test_the_weekday_is_that_of_the_companys_clock(self):
        company = self.env["res.company"].create({"name": "Far East"})
        company.resource_calendar_id = self.env["resource.calendar"].create({"name": "East", "tz": "Asia/Tokyo"})
        sunday_evening = datetime(2026, 6, 14, 20)  # Monday morning in Tokyo
        team = self.env["crm.team"].create({"name": "East", "company_id": company.id})
        far = self.lead(sunday_evening, company_id=company.id, team_id=team.id)
        near = self.lead(sunday_evening, team_id=False, company_id=False)
        self.assertEqual(self.values(far + near, "lead.created_weekday"), ["1", "7"])

    def test_what_was_just_typed_is_read(self):
        lead = self.lead()
        lead.expected_revenue = 77
        self.partner.country_id = self.env.ref("base.be")
        lead.partner_id = self.partner
        self.assertEqual(self.value(lead, "lead.expected_revenue"), 77)
        self.assertEqual(self.value(lead, "contact.country_id"), str(self.env.ref("base.be").id))

    def test_archived_leads_are_read(self):
        self.assertEqual(self.value(self.lead(priority="3", active=False), "lead.priority"), "3")

    def test_tags_are_yes_or_no(self):
        tag = self.env["crm.tag"].create({"name": "Features VIP"})
        leads = self.lead(tag_ids=tag.ids) + self.lead()
        self.assertEqual(self.values(leads, f"tag.{tag.id}"), ["yes", "no"])

    def test_a_deleted_tag_is_told_and_stops_nothing(self):
        tag = self.env["crm.tag"].create({"name": "Features VIP"})
        name = f"tag.{tag.id}"
        tag.unlink()
        extraction = extract(self.env, self.lead().ids, [name, "lead.priority"])
        self.assertEqual(extraction.missing, [name])
        self.assertEqual(list(extraction.table.columns), ["lead.priority"])


@tagged("post_install", "-at_install")
class TestProperties(FeaturesCommon):
    """What the teams ask about a lead."""

    def test_every_type_is_read_by_its_rule(self):
        lead = self.lead(
            lead_properties={
                "segment": "b",
                "staff": 12,
                "ratio": 0.5,
                "demo": True,
                "product": "  Big   MACHINE ",
                "partner": self.partner.id,
                "topics": ["erp"],
                "start": "2026-06-25",
                "call": "2026-06-14 12:00:00",
                "notes": "twelve chars",
            }
        )
        for name, expected in {
            "segment": "b",
            "staff": 12,
            "ratio": 0.5,
            "demo": "yes",
            "product": "big machine",
            "partner": str(self.partner.id),
            "topics.erp": "yes",
            "topics.web": "no",
            "start": 9.5,
            "call": -1,
            "notes": 12,
        }.items():
            self.assertEqual(self.value(lead, f"property.{name}"), expected, name)

    def test_a_list_of_records_is_yes_or_no_for_each(self):
        lead = self.lead()
        self.store_property(lead, "friends", f"[{self.partner.id}]")
        self.assertEqual(self.value(lead, f"property.friends.{self.partner.id}"), "yes")
        self.assertEqual(self.value(lead, "property.friends.999999"), "no")

    def test_zero_is_a_value_and_empty_is_not(self):
        leads = self.lead(lead_properties={"staff": 0, "demo": False}) + self.lead()
        self.store_property(leads[1], "staff", "false")
        self.assertEqual(self.values(leads, "property.staff"), [0, None])
        self.assertEqual(self.values(leads, "property.demo"), ["no", None])

    def test_a_broken_value_is_missing_and_told_and_the_others_are_read(self):
        bad, good = self.lead(), self.lead(lead_properties={"staff": 5, "start": "2026-06-16"})
        for name, broken in {
            "staff": '"many"',
            "ratio": '{"a": 1}',
            "segment": "3",
            "demo": '"maybe"',
            "partner": '"Ada"',
            "topics": '"erp"',
            "start": '"next week"',
            "budget": "[1]",
            "friends": '{"1": 2}',
        }.items():
            self.store_property(bad, name, broken)
            name = f"property.{name}" + {"topics": ".erp", "friends": ".1"}.get(name, "")
            extraction = extract(self.env, (bad + good).ids, [name], NOW)
            self.assertTrue(extraction.table.columns[name].missing[0], name)
            self.assertEqual([lead_id for lead_id, _text in extraction.problems], bad.ids, name)
        self.assertEqual(self.values(bad + good, "property.staff"), [None, 5])
        self.assertEqual(self.values(bad + good, "property.start"), [None, 0.5])
        self.assertIn("many", extract(self.env, bad.ids, ["property.staff"]).problems[0][1])

    def test_an_option_that_was_removed_is_missing_as_on_screen(self):
        lead = self.lead()
        self.store_property(lead, "segment", '"huge"')
        extraction = extract(self.env, lead.ids, ["property.segment"])
        self.assertTrue(extraction.table.columns["property.segment"].missing.all())
        self.assertFalse(extraction.problems)

    def test_a_property_deleted_after_training_is_told_and_its_old_values_do_not_count(self):
        lead = self.lead(lead_properties={"staff": 5, "product": "x"})
        self.team.lead_properties_definition = [item for item in PROPERTIES if item["name"] != "staff"]
        extraction = extract(self.env, lead.ids, ["property.staff", "property.product"])
        self.assertEqual(extraction.missing, ["property.staff"])
        self.assertEqual(list(extraction.table.columns), ["property.product"])

    def test_a_value_left_over_from_another_team_does_not_count(self):
        lead = self.lead(team_id=self.env["crm.team"].create({"name": "No properties"}).id)
        self.store_property(lead, "staff", "5")
        self.store_property(lead, "topics", '["erp"]')
        self.assertIsNone(self.value(lead, "property.staff"))
        self.assertIsNone(self.value(lead, "property.topics.erp"))

    def test_two_teams_share_a_property_of_the_same_name_and_type(self):
        second = self.env["crm.team"].create(
            {
                "name": "Second",
                "lead_properties_definition": [
                    {
                        "name": "segment",
                        "type": "selection",
                        "string": "Size",
                        "selection": [["m", "Medium"]],
                    },
                    {"name": "staff", "type": "char", "string": "Staff"},
                ],
            }
        )
        lead = self.lead(team_id=second.id, lead_properties={"segment": "m", "staff": "a few"})
        self.assertEqual(self.value(lead, "property.segment"), "m")
        # Of another type there: the older team's property is the feature, and this lead misses it.
        self.assertIsNone(self.value(lead, "property.staff"))
        self.assertFalse(extract(self.env, lead.ids, ["property.staff"]).problems)


@tagged("post_install", "-at_install")
class TestExtraction(FeaturesCommon):
    """The way leads are asked for."""

    def test_rows_come_in_the_order_asked_for(self):
        leads = self.lead(priority="1") + self.lead(priority="2") + self.lead(priority="3")
        ids = [leads[2].id, leads[0].id, leads[1].id, leads[0].id]
        extraction = extract(self.env, ids, ["lead.priority", "activity.age_days"], [NOW, NOW, NOW, NOW - days(1)])
        column = extraction.table.columns["lead.priority"]
        self.assertEqual(extraction.ids.tolist(), ids)
        self.assertEqual([column.keys[code] for code in column.codes], ["3", "1", "2", "1"])
        self.assertEqual(extraction.table.columns["activity.age_days"].values.tolist(), [30, 30, 30, 29])

    def test_deleted_leads_are_left_out_and_told(self):
        lead, gone = self.lead(priority="1"), self.lead()
        gone_id = gone.id
        gone.unlink()
        extraction = extract(self.env, [gone_id, lead.id], ["lead.priority"])
        self.assertEqual(extraction.ids.tolist(), lead.ids)
        self.assertEqual(extraction.gone, [gone_id])
        self.assertEqual(extract(self.env, [gone_id], ["lead.priority"]).table.n_rows, 0)

    def test_merged_leads_are_left_out_and_told(self):
        leads = self.lead(email_from="a@b.test") + self.lead(email_from="a@b.test")
        ids = leads.ids
        head = leads.merge_opportunity(auto_unlink=True)
        extraction = extract(self.env, ids, ["lead.priority"])
        self.assertEqual(extraction.ids.tolist(), head.ids)
        self.assertEqual(extraction.gone, [lead_id for lead_id in ids if lead_id != head.id])

    def test_no_leads_make_an_empty_table(self):
        names = list(catalogue(self.env))
        extraction = extract(self.env, [], names)
        self.assertEqual(extraction.table.n_rows, 0)
        self.assertEqual(list(extraction.table.columns), names)

    def test_unknown_names_are_told(self):
        names = ["lead.x_gone", "property.gone", "tag.x", "lead.probability", "lead.won_status", "nonsense"]
        self.assertEqual(extract(self.env, self.lead().ids, names).missing, names)

    def test_moments_are_taken_in_every_form(self):
        lead = self.lead(NOW - days(3))
        for as_of in (
            NOW,
            NOW.replace(tzinfo=timezone.utc),
            [NOW],
            np.array([NOW], "datetime64[us]"),
        ):
            column = extract(self.env, lead.ids, ["activity.age_days"], as_of).table.columns["activity.age_days"]
            self.assertEqual(column.values.tolist(), [3])
        with self.assertRaises(ValueError):
            extract(self.env, lead.ids, ["activity.age_days"], [NOW, NOW])
        with self.assertRaises(TypeError):
            extract(self.env, lead.ids, ["activity.age_days"], "yesterday")

    def test_three_fields_of_the_lead_are_one_query(self):
        leads = self.lead() + self.lead()
        with self.assertQueryCount(1):
            extract(self.env, leads.ids, ["lead.source_id", "lead.priority", "lead.has_phone"])

    def test_the_number_of_queries_does_not_grow_with_the_leads(self):
        tag = self.env["crm.tag"].create({"name": "Features VIP"})
        for _number in range(3):
            self.lead(tag_ids=tag.ids, partner_id=self.partner.id, lead_properties={"staff": 5})
        many = self.env["crm.lead"].create(
            [{"name": str(number), "team_id": self.team.id, "email_from": f"{number}@x.test"} for number in range(300)]
        )
        self.env.flush_all()
        names = [*catalogue(self.env), f"tag.{tag.id}"]
        extract(self.env, many.ids[:1], names)
        counts = []
        for leads in (many[:1], many):
            before = self.env.cr.sql_log_count
            extract(self.env, leads.ids, names)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(counts[0], counts[1])
        self.assertLessEqual(counts[1], 10)
