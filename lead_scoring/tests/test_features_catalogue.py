from odoo.fields import Domain
from odoo.tests import new_test_user, tagged

from ..features.catalogue import bin_label, catalogue, find, level_label, level_labels, missing_words
from ..features.extract import extract
from ..features.lead_fields import NEVER
from .common_features import PROPERTIES, FeaturesCommon


@tagged("post_install", "-at_install")
class TestCatalogue(FeaturesCommon):
    """What an admin can choose from, and how people call it."""

    def test_candidates_are_known_under_the_labels_of_their_fields(self):
        features = catalogue(self.env)
        self.assertEqual(features["lead.source_id"].label, self.env["crm.lead"]._fields["source_id"].string)
        self.assertEqual(features["property.staff"].label, "Staff")
        self.assertEqual(features["contact.country_id"].label, "Contact: Country")
        self.assertEqual(features["activity.messages_in"].kind, "number")
        self.assertTrue(all(feature.label for feature in features.values()))

    def test_what_closing_a_lead_writes_is_never_a_candidate(self):
        fields = {feature.field for feature in catalogue(self.env).values() if feature.subject == "lead"}
        self.assertEqual(fields & NEVER, {"stage_id"})  # as of before the close, see features.tracked

    def test_every_type_of_property_is_a_candidate_but_separators(self):
        names = set(catalogue(self.env))
        plain = {f"property.{item['name']}" for item in PROPERTIES} - {
            "property.group",
            "property.topics",
            "property.friends",
        }
        self.assertLessEqual(plain | {"property.topics.erp", "property.topics.web"}, names)
        self.assertNotIn("property.group", names)
        self.assertNotIn("property.topics", names)

    def test_a_deleted_property_is_no_candidate_any_more(self):
        self.team.lead_properties_definition = [item for item in PROPERTIES if item["name"] != "staff"]
        self.assertNotIn("property.staff", catalogue(self.env))

    def test_an_archived_team_still_defines_its_properties(self):
        self.team.active = False
        self.assertIn("property.staff", catalogue(self.env))

    def test_a_tag_is_a_candidate_once_ten_leads_of_the_model_have_it(self):
        rare, common = self.env["crm.tag"].create([{"name": "Rare one"}, {"name": "Common one"}])
        for number in range(10):
            self.lead(name="Tagged", tag_ids=(rare + common).ids if number else common.ids)
        features = catalogue(self.env)
        self.assertNotIn(f"tag.{rare.id}", features)
        self.assertEqual(features[f"tag.{common.id}"].label, "Tag: Common one")
        self.assertNotIn(f"tag.{common.id}", catalogue(self.env, Domain("name", "=", "Somebody else's")))
        # A model that learned from a tag keeps it, also when fewer leads have it by now.
        self.assertIn(f"tag.{rare.id}", find(self.env, [f"tag.{rare.id}"]))

    def test_a_record_in_enough_lists_is_a_candidate(self):
        for _number in range(10):
            self.store_property(self.lead(), "friends", f"[{self.partner.id}]")
        self.assertEqual(catalogue(self.env)[f"property.friends.{self.partner.id}"].label, "Knows: Ada")

    def test_labels_follow_the_readers_language(self):
        french = catalogue(self.env(context={"lang": "fr_FR"}))
        source = self.env["crm.lead"].with_context(lang="fr_FR").fields_get(["source_id"])["source_id"]["string"]
        self.assertEqual(french["lead.source_id"].label, source)


@tagged("post_install", "-at_install")
class TestCustomFields(FeaturesCommon):
    """One test alone: the registry forgets custom fields when the class ends."""

    def test_custom_fields_appear_by_themselves_and_are_read(self):
        company = self.env["res.partner"].create({"name": "Engines Ltd", "is_company": True})
        self.partner.parent_id = company
        self._custom_field("crm.lead", "x_size", "integer")
        self._custom_field("crm.lead", "x_colour", "char")
        self._custom_field("crm.lead", "x_start", "date")
        self._custom_field("crm.lead", "x_story", "html", translate=True)
        self._custom_field("crm.lead", "x_picture", "binary")
        self._custom_field("crm.lead", "x_chance", "float", related="probability", store=True)
        self._custom_field("res.partner", "x_staff", "integer")
        features = catalogue(self.env)
        self.assertEqual(features["lead.x_size"].label, "My x_size")
        self.assertEqual(features["contact.x_staff"].label, "Contact: My x_staff")
        self.assertNotIn("lead.x_picture", features)
        self.assertNotIn("lead.x_chance", features)
        lead = self.lead(
            x_size=12,
            x_colour="  Dark   BLUE ",
            x_start="2026-06-16",
            x_story="<p>Four</p>",
            partner_id=self.partner.id,
        )
        self.partner.x_staff, company.x_staff = 1, 500
        for name, expected in {
            "lead.x_size": 12,
            "lead.x_colour": "dark blue",
            "lead.x_start": 0.5,
            "lead.x_story": 4,
            "contact.x_staff": 1,
            "company.x_staff": 500,
        }.items():
            self.assertEqual(self.value(lead, name), expected, name)

    def _custom_field(self, model, name, ttype, **values):
        self.env["ir.model.fields"].create(
            {
                "name": name,
                "field_description": f"My {name}",
                "model_id": self.env["ir.model"]._get(model).id,
                "ttype": ttype,
                **values,
            }
        )


@tagged("post_install", "-at_install")
class TestLabels(FeaturesCommon):
    """What people read for values."""

    def test_records_are_called_by_name_also_archived_ones(self):
        source = self.env["utm.source"].create({"name": "Trade fair"})
        self.team.active = False
        labels = level_labels(self.env, {"lead.source_id": [str(source.id)], "lead.team_id": [str(self.team.id)]})
        self.assertEqual(labels["lead.source_id"], {str(source.id): "Trade fair"})
        self.assertEqual(labels["lead.team_id"], {str(self.team.id): "Features"})

    def test_a_deleted_record_says_so(self):
        source = self.env["utm.source"].create({"name": "Gone"})
        key = str(source.id)
        source.unlink()
        self.assertEqual(level_label(self.env, "lead.source_id", key), f"#{key} (deleted)")

    def test_a_record_that_the_reader_may_not_see_keeps_its_name(self):
        other = self.env["res.company"].create({"name": "Other Ltd"})
        team = self.env["crm.team"].create({"name": "Secret team", "company_id": other.id})
        sam = new_test_user(self.env, "features_sam", groups="base.group_user,sales_team.group_sale_salesman")
        label = level_label(self.env(user=sam), "lead.team_id", str(team.id))
        self.assertNotIn("Secret", label)
        self.assertNotIn("deleted", label)

    def test_choices_tags_and_yes_no_are_said_in_words(self):
        labels = level_labels(
            self.env,
            {
                "property.segment": ["s", "x"],
                "lead.email_domain_kind": ["free"],
                "property.topics.erp": ["yes", "no"],
                "lead.function": ["sales manager"],
                "lead.created_weekday": ["1"],
                "lead.nothing": ["k"],
            },
        )
        self.assertEqual(labels["property.segment"], {"s": "Small", "x": "x (deleted)"})
        self.assertEqual(labels["lead.email_domain_kind"], {"free": "Free mail provider"})
        self.assertEqual(labels["property.topics.erp"], {"yes": "Yes", "no": "No"})
        self.assertEqual(labels["lead.function"], {"sales manager": "Sales manager"})
        self.assertEqual(labels["lead.created_weekday"], {"1": "Monday"})
        self.assertEqual(labels["lead.nothing"], {"k": "k"})

    def test_every_value_of_every_lead_has_words(self):
        self.lead(partner_id=self.partner.id, lead_properties={"segment": "s", "partner": self.partner.id})
        names = list(catalogue(self.env))
        leads = self.env["crm.lead"].with_context(active_test=False).search([])
        columns = extract(self.env, leads.ids, names).table.columns
        labels = level_labels(
            self.env, {name: column.keys for name, column in columns.items() if column.kind == "category"}
        )
        for name, words in labels.items():
            for key, text in words.items():
                self.assertTrue(text and "deleted" not in text, (name, key, text))

    def test_ranges_of_counts_are_said_without_overlap(self):
        count = catalogue(self.env)["activity.messages_in"]
        for low, high, text in (
            (None, 2.0, "fewer than 2"),
            (None, 1.5, "fewer than 2"),
            (2.5, 9.5, "3 to 9"),
            (3.0, 4.0, "3"),
            (10.0, None, "10 or more"),
        ):
            self.assertEqual(bin_label(count, low, high, self.env), text)

    def test_ranges_of_days_and_amounts_have_their_units(self):
        features = catalogue(self.env)
        age, money, length = (
            features[name] for name in ("activity.age_days", "lead.expected_revenue", "lead.description_length")
        )
        self.assertEqual(bin_label(age, 3.0, 10.0, self.env), "3 to 10 days")
        self.assertEqual(bin_label(age, None, 0.4217, self.env), "less than 0.42 days")
        self.assertEqual(bin_label(age, 10.0, None, self.env), "10 or more days")
        self.assertEqual(bin_label(money, 1200.4, 25000.0, self.env), "1,200 to 25,000")
        self.assertEqual(bin_label(length, 1.0, 80.0, self.env), "1 to 79 characters")
        self.assertEqual(bin_label(age, None, None, self.env), "any value")
        self.assertEqual(bin_label(None, 1.5, 2.5), "1.5 to 2.5")

    def test_a_missing_time_since_something_is_never(self):
        features = catalogue(self.env)
        self.assertEqual(missing_words(features["activity.days_since_meeting"], self.env), "never")
        self.assertEqual(missing_words(features["lead.source_id"], self.env), "not filled in")
