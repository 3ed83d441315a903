from odoo.fields import Domain
from odoo.tests import tagged
from odoo.tools import SQL

from .common import LeadScoringCommon

OPERATORS = {
    "lead_score": [
        ("=", 0), ("=", False), ("!=", False), ("!=", 0), (">", 0), (">=", 50), ("<", 50), ("<=", 99), ("in", [0, 81]),
        ("not in", [0]), ("not in", [81]), ("!=", 50),
    ],
    "lead_grade": [
        ("=", "A"), ("!=", "A"), ("=", False), ("!=", False), ("in", ["A", "D"]), ("not in", ["A"]), ("ilike", "a"),
        ("not ilike", "a"), ("like", "A"), ("in", ["A", False]), ("not in", ["A", False]), ("=ilike", "a"),
    ],
    "lead_score_trend": [
        ("=", "up"), ("!=", "up"), ("=", False), ("!=", False), ("in", ["unknown", False]), ("not in", ["unknown"]),
    ],
    "lead_grade_color": [("=", 10), ("!=", 10), ("=", False), (">", 3)],
}  # fmt: skip


@tagged("post_install", "-at_install")
class TestLeadFields(LeadScoringCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scored = cls._go_live()
        cls.unscored = cls._leads(2, "open", cls.cold)
        cls.open = cls.scored | cls.unscored
        cls.ours = Domain("id", "in", cls.open.ids)
        cls.Lead = cls.env["crm.lead"]

    def test_each_open_lead_has_a_score_a_grade_and_a_trend(self):
        for lead in self.scored:
            self.assertTrue(1 <= lead.lead_score <= 99)
            self.assertIn(lead.lead_grade, ("A", "B", "C", "D"))
            self.assertEqual(lead.lead_score_trend, "unknown")

    def test_an_unscored_lead_shows_nothing(self):
        for lead in self.unscored:
            self.assertEqual(
                (lead.lead_score, lead.lead_grade, lead.lead_score_trend, lead.lead_score_reasons),
                (0, False, False, False),
            )

    def test_searching_finds_what_a_stored_field_would_in_sql_and_in_python(self):
        for fname, conditions in OPERATORS.items():
            for operator, value in conditions:
                with self.subTest(field=fname, operator=operator, value=value):
                    condition = Domain(fname, operator, value)
                    found = self.Lead.search(self.ours & condition)
                    self.assertEqual(set(found.ids), set(self._stored_like(fname, operator, value).ids))
                    self.assertEqual(set(found.ids), set(self.open.filtered_domain(condition).ids))
                    rest = self.Lead.search(self.ours & ~condition)
                    self.assertEqual(set(rest.ids), set(self.open.filtered_domain(~condition).ids))
                    self.assertEqual(set((found | rest).ids), set(self.open.ids))
                    self.assertFalse(found & rest)

    def _stored_like(self, fname, operator, value):
        """Return what a stored field of the same type finds when it holds the same values."""
        # color and referred are plain stored fields of crm.lead; Selection searches like Char.
        stored = "color" if self.Lead._fields[fname].type == "integer" else "referred"
        for lead in self.open:
            # NULL, as no row has no value.
            self.env.cr.execute(
                SQL("UPDATE crm_lead SET %s = %s WHERE id = %s", SQL.identifier(stored), lead[fname] or None, lead.id)
            )
        self.env.invalidate_all()
        return self.Lead.search(self.ours & Domain(stored, operator, value))

    def test_unscored_leads_come_last_whichever_way_one_sorts(self):
        for order in ("lead_score", "lead_score desc", "lead_score_trend desc", "lead_score_trend", "lead_grade desc"):
            found = self.Lead.search(self.ours, order=order + ", id")
            self.assertEqual(found[-2:], self.unscored, order)
        best_first = self.Lead.search(self.ours & Domain("lead_score", ">", 0), order="lead_score desc, id")
        self.assertEqual(best_first[: len(self.hot)], self.hot)

    def test_grouping_counts_each_lead_once_and_averages_the_scores(self):
        second = self.model.copy({"name": "Second model"})
        second._train()
        second.action_go_live()
        second._score_batch(self.scored.ids)
        self.assertEqual(self.env["crm.lead.score"].search_count([("lead_id", "in", self.scored.ids)]), 20)
        groups = self.Lead._read_group(self.ours, ["lead_grade"], ["__count", "lead_score:avg"])
        self.assertEqual(sum(count for _grade, count, _average in groups), 12)
        by_trend = dict(self.Lead._read_group(self.ours, ["lead_score_trend"], ["__count"]))
        self.assertEqual(by_trend, {"unknown": 10, False: 2})
        (average,) = self.Lead._read_group(self.ours, [], ["lead_score:avg"])[0]
        self.assertAlmostEqual(average, sum(self.scored.mapped("lead_score")) / 10)
        by_month = self.Lead._read_group(self.ours, ["lead_score_date:month"], ["__count"])
        self.assertEqual(sum(count for _month, count in by_month), 12)

    def test_lists_pivots_and_exports_know_the_fields(self):
        described = self.Lead.with_user(self.sam).fields_get(["lead_score", "lead_grade", "lead_score_trend"])
        for fname, description in described.items():
            self.assertTrue(description["sortable"] and description["groupable"] and description["searchable"], fname)
        self.assertEqual(described["lead_score"]["aggregator"], "avg")
        exported = self.hot[0].export_data(["lead_score", "lead_grade", "lead_score_trend"])["datas"]
        self.assertEqual(exported, [[self.hot[0].lead_score, self.hot[0].lead_grade, "Not enough info"]])
        result = self.Lead.web_read_group(self.ours, ["lead_grade"], ["lead_score:avg"])
        self.assertEqual(sum(group["__count"] for group in result["groups"]), 12)

    def test_reading_the_list_takes_a_constant_number_of_queries(self):
        def queries(leads):
            self.env.invalidate_all()
            start = self.env.cr.sql_log_count
            leads.read(["lead_score", "lead_grade", "lead_score_trend"])
            return self.env.cr.sql_log_count - start

        queries(self.scored)  # whatever is cached for good
        self.assertEqual(queries(self.scored[:1]), queries(self.scored))

    def test_a_copy_starts_unscored_and_a_deleted_lead_takes_its_score_along(self):
        copied = self.hot[0].copy()
        self.assertFalse(copied.lead_score_trend)
        lead_id = self.hot[1].id
        self.hot[1].unlink()
        self.assertFalse(self.env["crm.lead.score"].search([("lead_id", "=", lead_id)]))

    def test_of_several_models_the_first_in_order_gives_the_lead_its_score(self):
        second = self.model.copy({"name": "Second model", "sequence": 1})
        second._train()
        second.action_go_live()
        second._score_batch(self.scored.ids)
        self.assertEqual(self.scored.mapped("lead_score_model_id"), second)
        self.model.sequence = 0
        self.model._score_batch(self.scored.ids)
        self.assertEqual(self.scored.mapped("lead_score_model_id"), self.model)
        self._stop(self.model)
        self.assertEqual(self.scored.mapped("lead_score_model_id"), second)

    def test_a_new_lead_in_a_form_has_no_score_yet(self):
        lead = self.Lead.new({"name": "being typed"})
        self.assertFalse(lead.lead_score_trend)
        self.assertFalse(lead.lead_score_reasons)
