from datetime import datetime, timedelta

from odoo.tests import TransactionCase

from ..features.extract import extract

NOW = datetime(2026, 6, 15, 12)

PROPERTIES = [
    {
        "name": "segment",
        "type": "selection",
        "string": "Segment",
        "selection": [["s", "Small"], ["b", "Big"]],
    },
    {"name": "staff", "type": "integer", "string": "Staff"},
    {"name": "ratio", "type": "float", "string": "Ratio"},
    {"name": "budget", "type": "monetary", "string": "Budget", "currency_field": "company_currency"},
    {"name": "demo", "type": "boolean", "string": "Demo asked"},
    {"name": "product", "type": "char", "string": "Product"},
    {"name": "partner", "type": "many2one", "string": "Reseller", "comodel": "res.partner"},
    {
        "name": "topics",
        "type": "tags",
        "string": "Topics",
        "tags": [["erp", "ERP", 1], ["web", "Web shop", 2]],
    },
    {"name": "start", "type": "date", "string": "Wanted start"},
    {"name": "call", "type": "datetime", "string": "Call back"},
    {"name": "notes", "type": "text", "string": "Notes"},
    {"name": "group", "type": "separator", "string": "Details"},
    {"name": "friends", "type": "many2many", "string": "Knows", "comodel": "res.partner"},
]


def days(number):
    return timedelta(days=number)


class FeaturesCommon(TransactionCase):
    """A team with properties of every type, ways to make leads of a certain past and to read one value."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("fr_FR")
        cls.team = cls.env["crm.team"].create({"name": "Features", "lead_properties_definition": PROPERTIES})
        cls.open_stage = cls.env["crm.stage"].create({"name": "Talking", "sequence": 0})
        cls.next_stage = cls.env["crm.stage"].create({"name": "Offer sent", "sequence": 1})
        cls.won_stage = cls.env["crm.stage"].create({"name": "Signed", "sequence": 99, "is_won": True})
        cls.partner = cls.env["res.partner"].create({"name": "Ada", "email": "ada@engines.test"})

    @classmethod
    def lead(cls, created=NOW - days(30), closed=None, outcome=None, **values):
        """Make a lead created, and won or lost, at these times."""
        ended = {
            None: {"stage_id": cls.open_stage.id},
            "won": {"stage_id": cls.won_stage.id},
            "lost": {"active": False, "probability": 0, "stage_id": cls.open_stage.id},
        }[outcome]
        values = {
            "name": "Lead",
            "type": "opportunity",
            "user_id": False,
            "team_id": cls.team.id,
            **ended,
            **values,
        }
        lead = cls.env["crm.lead"].create(values)
        cls.env.flush_all()
        cls.env.cr.execute(
            "UPDATE crm_lead SET create_date = %s, date_closed = %s WHERE id = %s", (created, closed, lead.id)
        )
        lead.invalidate_recordset()
        return lead

    @classmethod
    def value(cls, lead, name, as_of=NOW):
        """Return the key or number that a feature has on a lead, None if missing."""
        return cls.values(lead, name, as_of)[0]

    @classmethod
    def values(cls, leads, name, as_of=NOW):
        column = extract(cls.env, leads.ids, [name], as_of).table.columns[name]
        if column.kind == "category":
            return [None if code < 0 else column.keys[code] for code in column.codes]
        return [None if number != number else number for number in column.values.tolist()]  # NaN differs from itself

    @classmethod
    def store_property(cls, lead, name, json_text):
        """Store a property as an import gone wrong would: straight into the database."""
        cls.env.flush_all()
        cls.env.cr.execute(
            "UPDATE crm_lead SET lead_properties = jsonb_set(coalesce(lead_properties, '{}'), %s, %s) WHERE id = %s",
            ([name], json_text, lead.id),
        )
        lead.invalidate_recordset()
