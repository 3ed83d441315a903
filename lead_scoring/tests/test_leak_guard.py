import json
import random

from odoo.tests import tagged

from ..features.guard import guard
from ..features.moments import training_set
from .common_features import NOW, FeaturesCommon, days

NAMES = [
    "property.segment",
    "property.staff",
    "property.demo",
    "property.topics.erp",
    "lead.priority",
    "activity.messages_in",
    "activity.age_days",
    "lead.created_weekday",
]


@tagged("post_install", "-at_install")
class TestLeakGuard(FeaturesCommon):
    """What gives the answer away is left out and said why.

    Of 120 closed leads, staff is filled in at the close, most get the topic ERP then, and demo is asked for by all
    that are won; segment is known from the beginning.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.domain = [("team_id", "=", cls.team.id)]
        draw = random.Random(3)
        leads = []
        for number in range(200):
            outcome = None if number >= 120 else "won" if draw.random() < 0.4 else "lost"
            properties = {"segment": draw.choice("sb"), "demo": outcome == "won" or (not outcome and number % 3 == 0)}
            if outcome:
                properties["staff"] = draw.randrange(9)
            if outcome and draw.random() < 0.7:
                properties["topics"] = ["erp"]
            age = draw.uniform(5, 100) if outcome else draw.uniform(1, 50)
            created = NOW - days(age)
            closed = created + days(draw.uniform(1, min(age, 50))) if outcome else None
            ended = {
                None: {"stage_id": cls.open_stage.id},
                "won": {"stage_id": cls.won_stage.id},
                "lost": {"active": False, "probability": 0, "stage_id": cls.open_stage.id},
            }[outcome]
            values = {
                "name": f"Lead {number}",
                "type": "opportunity",
                "user_id": False,
                "team_id": cls.team.id,
                "priority": draw.choice("0123"),
                "lead_properties": properties,
                **ended,
            }
            leads.append((values, created, closed))
        records = cls.env["crm.lead"].create([values for values, _created, _closed in leads])
        cls.env.flush_all()
        for lead, (_values, created, closed) in zip(records, leads):
            cls.env.cr.execute(
                "UPDATE crm_lead SET create_date = %s, date_closed = %s WHERE id = %s", (created, closed, lead.id)
            )
        records.invalidate_recordset()
        cls.data = training_set(cls.env, cls.domain, NAMES, seed=0, now=NOW)

    def _verdicts(self, **values):
        found = guard(self.env, self.domain, self.data, **{"now": NOW, **values})
        self.assertEqual(json.loads(json.dumps(found, allow_nan=False)), found)
        return found, {row["name"]: row for row in found["features"]}

    def test_what_is_filled_in_at_the_close_is_left_out_and_said_why(self):
        found, rows = self._verdicts()
        self.assertTrue(found["checked"])
        self.assertEqual(
            {name: row["reason"] for name, row in rows.items() if row["verdict"] == "out"},
            {
                "property.staff": "empty_on_open",
                "property.topics.erp": "level_missing_on_open",
                "property.demo": "separates_alone",
            },
        )
        self.assertEqual((rows["property.staff"]["filled_open"], rows["property.staff"]["filled_closed"]), (0, 1))
        self.assertEqual(rows["property.topics.erp"]["level"]["key"], "yes")
        self.assertEqual(set(found["left_out"]), {"property.staff", "property.topics.erp", "property.demo"})

    def test_what_was_known_before_stays(self):
        _found, rows = self._verdicts()
        for name in ("property.segment", "lead.priority", "activity.messages_in", "lead.created_weekday"):
            self.assertEqual((rows[name]["verdict"], rows[name]["reason"]), ("in", None), name)

    def test_a_person_puts_it_back_or_takes_it_out(self):
        found, rows = self._verdicts(trusted=["property.staff"], distrusted=["lead.priority"])
        self.assertEqual(rows["property.staff"]["verdict"], "in")
        self.assertEqual(rows["property.staff"]["reason"], "empty_on_open")
        self.assertTrue(rows["property.staff"]["by_hand"])
        self.assertIn("lead.priority", found["left_out"])
        kept = self.data.without(found["left_out"])
        self.assertIn("property.staff", kept.table.names)
        self.assertNotIn("property.demo", kept.table.names)

    def test_without_open_leads_it_cannot_be_checked(self):
        domain = [*self.domain, ("won_status", "!=", "pending")]
        data = training_set(self.env, domain, NAMES, seed=0, now=NOW)
        found = guard(self.env, domain, data, now=NOW)
        self.assertEqual((found["checked"], found["open"]), (False, 0))
        rows = {row["name"]: row for row in found["features"]}
        self.assertFalse(rows["property.staff"]["checked"])
        self.assertEqual(rows["property.staff"]["verdict"], "in")
        self.assertEqual(rows["property.demo"]["reason"], "separates_alone")

    def test_nothing_closed_leaves_nothing_out(self):
        domain = [("id", "=", 0)]
        data = training_set(self.env, domain, NAMES, seed=0)
        self.assertEqual(guard(self.env, domain, data)["left_out"], [])
