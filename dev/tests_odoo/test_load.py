"""Loaded leads are what Odoo itself makes. Runs inside Odoo (pytest-odoo, a database with crm)."""

import dataclasses
from datetime import datetime, timedelta

import pytest

from odoo.tests import common

from dev.leads import DescriptionError, make_plan, read_description, read_table
from dev.tests.odd_files import WINDOWS_TOML, survey, survey_toml, windows_export

CSV = "source,tags,place,firm,trade,age,vip,size,amount,made,y\n" + "".join(
    ",".join(
        (
            "Web" if at % 2 else "Fair",
            '"red, blue"',
            "Belgium" if at % 3 else "Atlantis",
            "Acme" if at % 4 else "",
            "Food",
            str(20 + at),
            "yes" if at % 2 else "no",
            "S" if at % 2 else "L",
            '"1,000.50"',
            f"2020-01-{1 + at % 28:02d}",
            "won" if at % 3 else "lost",
        )
    )
    + "\n"
    for at in range(60)
)
TOML = """
late = ["age"]
[file]
path = "leads.csv"
[label]
column = "y"
won = "won"
lost = "lost"
[date]
column = "made"
[columns]
source = "source_id"
tags = "tag_ids"
place = "country_id"
firm = "company"
trade = "company.industry_id"
age = { property = "integer", label = "Age" }
vip = "boolean"
size = "selection"
amount = "expected_revenue"
"""
# What differs from one lead to the next, or with the clock.
OWN = {
    "id",
    "name",
    "create_date",
    "write_date",
    "date_closed",
    "date_open",
    "date_last_stage_update",
    "day_open",
    "day_close",
    "create_uid",
    "write_uid",
    "lead_properties",
    "prorated_revenue",
}


class TestLoad(common.TransactionCase):
    test_tags = frozenset({"standard", "post_install"})  # Odoo sets these for tests inside an addon
    test_module = "lead_scoring"

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.folder = tmp_path

    def plan(self, toml=TOML, csv=CSV):
        (self.folder / "leads.csv").write_text(csv, encoding="utf-8")
        (self.folder / "set.toml").write_text(toml, encoding="utf-8")
        description = read_description(self.folder / "set.toml")
        return make_plan(description, read_table(description), split="time")

    def load(self, plan, said=None):
        from dev.leads.load import load

        said = [] if said is None else said
        loaded = load(self.env, plan, say=said.append, commit=False)
        return loaded, self.env["crm.lead"].with_context(active_test=False).browse(loaded.ids)

    def test_outcomes_and_values(self):
        plan = self.plan()
        said = []
        loaded, leads = self.load(plan, said)
        self.assertEqual(len(leads), 60)
        for row, lead in enumerate(leads):
            outcome = "pending" if plan.is_open[row] else "won" if plan.won[row] else "lost"
            self.assertEqual(lead.won_status, outcome)
            self.assertEqual(lead.create_date, plan.created[row])
            self.assertEqual(lead.date_closed or None, plan.closed[row])
            self.assertEqual(lead.company_id, self.env.company)
            self.assertEqual(set(lead.tag_ids.mapped("name")), {"red", "blue"})
            self.assertEqual(lead.expected_revenue, 1000.5)
            values = {
                prop["string"]: prop.get("value") for prop in lead.read(["lead_properties"])[0]["lead_properties"]
            }
            self.assertEqual(bool(values["Age"]), not plan.is_open[row])
        self.assertEqual(set(leads.mapped("source_id.name")), {"Web", "Fair"})
        self.assertEqual(leads.partner_id.mapped("name"), ["Acme"])
        self.assertEqual(leads.partner_id.industry_id.name, "Food")
        self.assertTrue(any("Atlantis" in line for line in said))
        self.assertEqual(set(leads.mapped("user_id")), {self.env.ref("base.user_admin")})
        self.assertFalse(leads.message_ids)
        self.assertEqual(loaded.open_outcomes(plan).keys(), {lead.id for lead in leads if lead.won_status == "pending"})

    def test_rows_are_as_the_buttons_leave_them(self):
        """Every stored column of a loaded lead equals that of one made and closed by Odoo's own methods."""
        plan = self.plan()
        _loaded, leads = self.load(plan)
        columns = [
            name for name, field in leads._fields.items() if field.store and field.column_type and name not in OWN
        ]
        for outcome, close in (("won", "action_set_won"), ("lost", "action_set_lost"), ("pending", None)):
            lead = leads.filtered(lambda lead, outcome=outcome: lead.won_status == outcome)[0]
            twin = self.env["crm.lead"].create(
                {
                    "name": "twin",
                    "type": "opportunity",
                    "team_id": lead.team_id.id,
                    "user_id": lead.user_id.id,
                    "source_id": lead.source_id.id,
                    "country_id": lead.country_id.id,
                    "partner_id": lead.partner_id.id,
                    "expected_revenue": lead.expected_revenue,
                    "tag_ids": lead.tag_ids.ids,
                    **({"stage_id": lead.stage_id.id} if outcome != "won" else {}),
                }
            )
            if close:
                getattr(twin, close)()
            (lead + twin).flush_recordset()
            self.env.cr.execute(
                f"SELECT {', '.join(columns)} FROM crm_lead WHERE id IN %s ORDER BY id", [(lead.id, twin.id)]
            )
            ours, theirs = self.env.cr.fetchall()
            different = {name: (a, b) for name, a, b in zip(columns, ours, theirs) if a != b}
            if outcome == "pending":  # computed from what was closed at the time
                different = {name: pair for name, pair in different.items() if "probability" not in name}
            self.assertFalse(different, outcome)
            self.assertEqual(bool(lead.date_closed), bool(twin.date_closed))
            stored = (lead.day_open, lead.day_close, lead.prorated_revenue)
            lead._compute_day_open(), lead._compute_day_close(), lead._compute_prorated_revenue()
            self.assertEqual(stored, (lead.day_open, lead.day_close, lead.prorated_revenue))

    def test_mistakes(self):
        for field, message in (
            ("sorce_id", "did you mean 'source_id'"),
            ("won_status", "cannot be loaded"),
            ("message_ids", "cannot be loaded"),
            ("recurring_plan", "not made by the loader"),
            ("priority", "of type selection: 60 of 60 values, such as"),
            ("color", "of type integer: 60 of 60 values"),
            ("lost_reason_id", None),
        ):
            plan = self.plan(TOML.replace('"source_id"', f'"{field}"'))
            if message is None:
                with self.env.cr.savepoint():
                    self.load(plan)
                continue
            with self.assertRaisesRegex(DescriptionError, message):
                self.load(plan)

    def test_loading_twice_finds_the_records_again(self):
        plan = self.plan()
        _one, first = self.load(plan)
        _two, second = self.load(plan)
        self.assertEqual(first.source_id, second.source_id)
        self.assertEqual(first.tag_ids, second.tag_ids)
        self.assertNotEqual(first.team_id, second.team_id)

    def test_many_values_and_odd_names(self):
        csv = "Ключ,b b,y\n" + "".join(
            f"v{at},{'a,b'[at % 3]}é,{'won' if at % 2 else 'lost'}\n" for at in range(300)
        ).replace(",,é", ',"я,é"')
        toml = TOML.split("[columns]")[0].replace('late = ["age"]', "").replace('[date]\ncolumn = "made"', "")
        toml += '[columns]\n"Ключ" = "property"\n"b b" = "selection"\n'
        (self.folder / "leads.csv").write_text(csv, encoding="utf-8")
        (self.folder / "set.toml").write_text(toml, encoding="utf-8")
        description = read_description(self.folder / "set.toml")
        plan = make_plan(description, read_table(description))
        loaded, leads = self.load(plan)
        types = {prop["name"]: prop["type"] for prop in loaded.team.lead_properties_definition}
        self.assertEqual(types, {"column": "char", "b_b": "selection"})
        now = datetime.now()
        self.assertTrue(all(lead.create_date < now + timedelta(minutes=1) for lead in leads))

    def test_the_database_does_not_know_how_open_leads_end(self):
        """Whatever becomes of the open leads, the same rows are stored."""
        plan = self.plan()
        turned = dataclasses.replace(
            plan, won=[won != opened for won, opened in zip(plan.won, plan.is_open)], names=list(plan.names)
        )
        self.load(plan)  # makes what both loads find
        one, other = self.stored(plan), self.stored(turned)
        self.assertEqual(len(one), plan.n_leads)
        self.assertEqual(one, other)

    def stored(self, plan):
        """The rows of a load, without the ids of the records it makes anew; the load is undone."""
        anew = {"id", "team_id", "partner_id", "commercial_partner_id", "partner_company_id"}
        with self.env.cr.savepoint() as savepoint:
            _loaded, leads = self.load(plan)
            leads.flush_recordset()
            columns = [name for name, field in leads._fields.items() if field.store and field.column_type]
            columns = sorted(set(columns) - anew)
            self.env.cr.execute(
                f"SELECT {', '.join(columns)},"
                " (SELECT array_agg(tag_id ORDER BY tag_id) FROM crm_tag_rel WHERE lead_id = l.id)"
                " FROM crm_lead l WHERE id = ANY(%s) ORDER BY id",
                [leads.ids],
            )
            rows = self.env.cr.fetchall()
            savepoint.rollback()
        self.env.invalidate_all()
        return rows

    def test_odd_files(self):
        """What two strangers bring is loaded as it is planned."""
        for name, content, text in (
            ("export.txt", windows_export(300), WINDOWS_TOML),
            ("umfrage.csv", survey(), survey_toml()),
        ):
            (self.folder / name).write_bytes(content)
            (self.folder / "set.toml").write_text(text, encoding="utf-8")
            description = read_description(self.folder / "set.toml")
            plan = make_plan(description, read_table(description))
            loaded, leads = self.load(plan)
            self.assertEqual(len(leads), plan.n_leads)
            planned = {column.column.label: column for column in plan.columns if column.column.target == "property"}
            types = {prop["string"]: prop["type"] for prop in loaded.team.lead_properties_definition}
            self.assertEqual(types.keys(), planned.keys())
            for row in (0, plan.n_leads // 2, plan.n_leads - 1):
                for prop in leads[row].read(["lead_properties"])[0]["lead_properties"]:
                    value, wanted = prop.get("value"), planned[prop["string"]].values[row]
                    if prop["type"] == "selection" and value:
                        value = dict(prop["selection"])[value]
                    self.assertEqual(value or None, wanted or None, prop["string"])
        self.assertEqual(types["Schön 🙂"], "integer")
