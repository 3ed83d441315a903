from lxml import etree

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools.safe_eval import safe_eval

from .common_rules import RulesCommon


@tagged("post_install", "-at_install")
class TestBacktest(RulesCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._history()  # 40 of 50 referrals won, 10 of 50 cold calls

    def _backtest(self):
        action = self.model.with_user(self.mona).action_backtest_rules()
        return self.env[action["res_model"]].with_user(self.mona).browse(action["res_id"])

    def test_each_rule_says_how_many_matched_the_win_rate_with_and_without_and_the_lift(self):
        self._rule(20, self.referred)
        backtest = self._backtest()
        self.assertEqual((backtest.closed_count, backtest.win_rate), (100, 0.5))
        line = backtest.line_ids
        self.assertEqual((line.matched_count, line.rate_with, line.rate_without, line.lift), (50, 0.8, 0.2, 1.6))
        self.assertEqual(line.verdict, "telling")

    def test_rules_that_say_nothing_or_repeat_another_are_marked(self):
        self._rule(20, self.referred, name="Referred")
        self._rule(20, [("source_id.name", "=", "Test Referral")], name="Again")
        self.env.cr.execute("UPDATE crm_lead SET color = 5 WHERE company_id = %s AND id %% 2 = 0", [self.company.id])
        self._rule(20, [("color", "=", 5)], name="Chance")
        self._rule(20, [("source_id", "=", self.cold.id)], name="Cold")
        self._rule(20, [("color", "=", 9)], name="Nobody")
        lines = self._backtest().line_ids
        self.assertEqual(lines.mapped("verdict"), ["telling", "repeats", "nothing", "against", "never"])
        self.assertIn("“Referred”", lines[1].note)

    def test_without_closed_leads_it_says_so_and_nothing_else(self):
        self._rule(20, self.referred)
        self.env["crm.lead"].with_context(active_test=False).search([("company_id", "=", self.company.id)]).unlink()
        backtest = self._backtest()
        self.assertEqual((backtest.closed_count, backtest.basis), (0, False))
        self.assertEqual(self._shown(backtest), ["No lead of this model was closed in the last year"])

    def test_where_no_rule_tells_won_from_lost_it_says_that_no_points_are_suggested(self):
        self._rule(20, [("color", "=", 9)], name="Nobody")
        backtest = self._backtest()
        self.assertEqual(backtest.basis, "There are no suggested points: no rule told won leads from lost ones.")
        with self.assertRaisesRegex(UserError, "There are no suggested points"):
            backtest.action_apply()
        self.assertNotIn("They are learned for all rules", self._shown(backtest))

    def _shown(self, backtest):
        """Return which of these sentences and figures its form shows."""
        view = etree.fromstring(backtest.get_view(view_type="form")["arch"])
        values = {name: backtest[name] for name in ("closed_count", "suggestion_count", "model_state")}
        sentences = {
            "No lead of this model was closed in the last year": "//p",
            "leads were closed in the last year": "//p",
            "What happened on a lead": "//p",
            "They are learned for all rules": "//p/span",
        }
        return [
            text
            for text, path in sentences.items()
            for node in view.xpath(f"{path}[contains(., '{text}')]")
            if not any(
                safe_eval(above.get("invisible") or "False", dict(values)) for above in (node, *node.iterancestors())
            )
        ]

    def test_suggested_points_are_taken_with_one_click(self):
        rule = self._rule(20, self.referred)
        backtest = self._backtest()
        suggested = backtest.line_ids.suggested_points
        self.assertGreater(suggested, 50)
        backtest.action_apply()
        self.assertEqual(rule.points, suggested)
        self.model.action_go_live()
        with self.assertRaisesRegex(UserError, "Stop it first"):
            backtest.action_apply()

    def test_what_happens_on_the_day_of_the_close_tells_nothing(self):
        self._rule(20, conditions=[{"event": "message_in", "operator": "at_least"}])
        closed = self.env["crm.lead"].with_context(active_test=False).search([("won_status", "=", "won")])
        ours = closed.filtered(lambda lead: lead.company_id == self.company)
        for lead in ours[:20]:
            self._message(lead).date = lead.date_closed
        self.assertEqual(self._backtest().line_ids.matched_count, 0)
        for lead in ours[:20]:
            message = self._message(lead)
            self.env.flush_all()
            self.env.cr.execute(
                "UPDATE mail_message SET date = %s - interval '25 hours' WHERE id = %s", [lead.date_closed, message.id]
            )
        self.env.invalidate_all()
        line = self._backtest().line_ids
        self.assertEqual((line.matched_count, line.rate_with, line.verdict), (20, 1, "telling"))

    def test_a_rule_on_what_closing_changes_says_that_its_figures_are_worthless(self):
        self._rule(20, [("stage_id.is_won", "=", True)])
        line = self._backtest().line_ids
        self.assertIn("Stage, which closing a lead changes", line.note)

    def test_only_leads_closed_in_the_last_year_are_looked_at(self):
        self._rule(20, self.referred)
        self.env.cr.execute(
            "UPDATE crm_lead SET date_closed = date_closed - interval '1 year' WHERE company_id = %s AND won_status='won'",
            [self.company.id],
        )
        self.assertEqual(self._backtest().closed_count, 50)

    def test_without_closed_leads_it_says_so(self):
        self._rule(20, self.referred)
        self.env["crm.lead"].with_context(active_test=False).search([("company_id", "=", self.company.id)]).unlink()
        backtest = self._backtest()
        self.assertEqual((backtest.closed_count, backtest.line_ids.verdict), (0, "never"))
        with self.assertRaisesRegex(UserError, "no suggested points"):
            backtest.action_apply()
