from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form, tagged

from .common import LeadScoringCommon


@tagged("post_install", "-at_install")
class TestGrades(LeadScoringCommon):
    def _ranges(self):
        return [(grade.name, grade.min_score, grade.max_score) for grade in self.model.grade_ids]

    def _grade(self, name):
        return self.model.grade_ids.filtered(lambda grade: grade.name == name)

    def test_a_new_model_starts_with_a_b_c_d(self):
        self.assertEqual(self._ranges(), [("A", 75, 100), ("B", 50, 74), ("C", 25, 49), ("D", 0, 24)])
        green, purple, yellow, red = 10, 11, 3, 1
        self.assertEqual(self.model.grade_ids.mapped("color"), [green, purple, yellow, red])

    def test_moving_the_lower_edge_moves_the_neighbour_below(self):
        self._grade("A").min_score = 70
        self.assertEqual(self._ranges()[:2], [("A", 70, 100), ("B", 50, 69)])

    def test_the_form_shows_the_moved_neighbour_before_saving(self):
        with Form(self.model) as form:
            with form.grade_ids.edit(0) as line:
                line.min_score = 90
            with form.grade_ids.edit(1) as line:
                self.assertEqual(line.max_score, 89)

    def test_two_edges_may_be_moved_in_one_save_though_one_alone_would_be_wrong(self):
        a, b = self._grade("A"), self._grade("B")
        self.model.write(
            {
                "grade_ids": [
                    Command.update(a.id, {"min_score": 40}),
                    Command.update(b.id, {"min_score": 30}),
                ]
            }
        )
        self.assertEqual(self._ranges()[:3], [("A", 40, 100), ("B", 30, 39), ("C", 25, 29)])

    def test_a_better_grade_cannot_start_below_a_worse_one(self):
        with self.assertRaisesRegex(ValidationError, "a better grade must start higher"):
            self._grade("A").min_score = 50

    def test_every_score_keeps_a_grade(self):
        with self.assertRaisesRegex(ValidationError, "must start at 0"):
            self._grade("D").min_score = 5
        self.assertEqual(self._ranges()[0][2], 100)

    def test_a_grade_cannot_be_moved_to_another_model_whose_leads_and_ours_it_would_regrade(self):
        other = self.model.copy({"name": "Other"})
        best = self._grade("A").with_user(self.mona)
        ranges = self._ranges()
        for moved in (
            lambda: best.write({"model_id": other.id}),
            lambda: best.write({"model_id": other.id, "min_score": 90}),
            lambda: other.with_user(self.mona).write({"grade_ids": [Command.link(best.id)]}),
        ):
            with self.assertRaisesRegex(UserError, "A grade stays with its scoring model"):
                moved()
        best.write({"model_id": self.model.id, "name": "A"})
        self.assertEqual(self._ranges(), ranges)

    def test_deleting_a_grade_leaves_no_hole(self):
        self._grade("D").unlink()
        self.assertEqual(self._ranges(), [("A", 75, 100), ("B", 50, 74), ("C", 0, 49)])
        self._grade("B").unlink()
        self.assertEqual(self._ranges(), [("A", 75, 100), ("C", 0, 74)])

    def test_a_changed_range_takes_effect_at_once_on_all_leads(self):
        leads = self._go_live()
        self.assertTrue(all(leads.mapped("lead_grade")))
        lowest = min(leads.mapped("lead_score"))
        grades = [grade.id for grade in self.model.grade_ids]
        minimums = [lowest, 2, 1, 0] if lowest > 2 else [3, 2, 1, 0]
        self.model.write({"grade_ids": [Command.update(g, {"min_score": low}) for g, low in zip(grades, minimums)]})
        self.assertEqual(set(leads.mapped("lead_grade")), {"A"})
        found = self.env["crm.lead"].search([("lead_grade", "=", "A"), ("id", "in", leads.ids)])
        self.assertEqual(found, leads.search([("id", "in", leads.ids)]))

    def test_a_grade_of_ones_own_name_is_shown_on_leads(self):
        leads = self._go_live()
        self.model.grade_ids.write({"name": "Hot"})
        self.assertEqual(set(leads.mapped("lead_grade")), {"Hot"})

    def test_ranges_fit_a_model_that_would_call_nearly_every_lead_a_d(self):
        # 80 of 680 won: under the default ranges hardly any open lead would be better than D.
        self._leads(70, "won", self.referral)
        self._leads(300, "lost", self.referral)
        self._leads(10, "won", self.cold)
        self._leads(300, "lost", self.cold)
        hot, cool = self._leads(30, "open", self.referral), self._leads(70, "open", self.cold)
        self.model._train()
        self.model._score_batch((hot | cool).ids)
        self.assertNotEqual(self._ranges()[0], ("A", 75, 100))
        best = max(hot.mapped("lead_score"))
        self.assertLess(best, 50)
        self.assertEqual(self.model.sales_ready_score, self._grade("A").min_score)
        self.assertGreater(min(hot.mapped("lead_score")), max(cool.mapped("lead_score")))
        self.assertNotIn("D", hot.mapped("lead_grade"))

    def test_training_again_never_moves_the_ranges(self):
        self._trained()
        self._grade("A").min_score = 81
        self.model._train()
        self.assertEqual(self._grade("A").min_score, 81)

    def test_the_proposal_tells_open_leads_and_win_rate_and_one_click_takes_it(self):
        self._go_live()
        fit = self.env["lead.scoring.grade.fit"].with_user(self.mona).create({"model_id": self.model.id})
        self.assertEqual(fit.line_ids.mapped("name"), ["A", "B", "C", "D"])
        self.assertEqual(sum(fit.line_ids.mapped("open_count")), 10)
        self.assertGreater(fit.line_ids[0].min_score, fit.line_ids[1].min_score)
        fit.action_apply()
        self.assertEqual(self.model.grade_ids.mapped("min_score"), fit.line_ids.mapped("min_score"))
        self.model.with_user(self.mona).action_default_grades()
        self.assertEqual(self.model.grade_ids.mapped("min_score"), [75, 50, 25, 0])

    def test_each_grade_tells_how_many_open_leads_it_has_and_how_many_were_won(self):
        self._go_live()
        self.assertEqual(sum(self.model.grade_ids.mapped("open_count")), 10)
        rates = self.model.grade_ids.mapped("win_rate")
        self.assertTrue(any(rates))
        self.assertTrue(all(0 <= rate <= 1 for rate in rates))
