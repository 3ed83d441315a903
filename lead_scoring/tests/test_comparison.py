from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from .common import LeadScoringCommon


@tagged("post_install", "-at_install")
class TestComparison(LeadScoringCommon):
    """Two versions side by side."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.older = cls._trained()
        # One that knows nothing of the source, published all the same.
        cls.env["lead.scoring.feature"].search(
            [("model_id", "=", cls.model.id), ("name", "=", "lead.source_id")]
        ).choice = "out"
        cls.newer = cls.model._train()

    def _compare(self, user=None):
        action = (self.newer | self.older).with_user(user or self.mona).action_compare()
        return self.env["lead.scoring.comparison"].browse(action["res_id"])

    def _close_since(self, won, lost):
        """Close leads after both versions were trained, referrals won and cold calls lost."""
        leads = self._leads(won, "won", self.referral) | self._leads(lost, "lost", self.cold)
        self.env.cr.execute(
            "UPDATE crm_lead SET date_closed = now() + interval '1 hour' WHERE id = ANY(%s)", (leads.ids,)
        )
        leads.invalidate_recordset()

    def test_the_older_one_stands_first_with_the_figures_of_both(self):
        found = self._compare().found
        self.assertEqual([side["name"] for side in found["sides"]], ["Version 1", "Version 2"])
        self.assertEqual(found["sides"][0]["report"]["metrics"], self.older.report["metrics"])
        self.assertIn("roc", found["sides"][1]["report"]["curves"])

    def test_before_enough_leads_closed_the_trainings_own_comparison_is_shown(self):
        self._close_since(39, 50)
        comparison = self._compare()
        self.assertEqual(comparison.found["basis"], "challenge")
        self.assertIn("Version 2 ranks worse than Version 1: AUC -0.", comparison.verdict)
        self.assertIn("Only 39 won and 50 lost leads closed since", comparison.basis)
        self.assertIn("this is what the training of Version 2 found", comparison.basis)

    def test_once_enough_leads_closed_since_both_are_judged_by_those(self):
        self._close_since(40, 40)
        comparison = self._compare()
        paired = comparison.found["paired"]
        self.assertEqual((comparison.found["basis"], paired["leads"]), ("closed_since", 80))
        self.assertGreater(paired["auc"]["b"], 0.9)
        low, high = paired["auc"]["interval"]
        self.assertTrue(low < paired["auc"]["difference"] < high < 0)
        self.assertIn("Version 2 ranks worse than Version 1", comparison.verdict)
        self.assertIn("The probabilities of Version 2 are worse", comparison.verdict)
        self.assertIn("40 won and 40 lost leads that closed since both were trained", comparison.basis)

    def test_two_that_do_the_same_differ_by_chance_at_most(self):
        self._close_since(40, 40)
        comparison = self.env["lead.scoring.comparison"].create(
            {"first_id": self.older.id, "second_id": self.older.copy().id}
        )
        self.assertIn("Neither ranks better beyond chance", comparison.verdict)

    def test_where_nothing_compares_them_it_says_so(self):
        other = self.older.copy({"report": {**self.older.report, "challenge": None}})
        comparison = self.env["lead.scoring.comparison"].create({"first_id": self.older.id, "second_id": other.id})
        self.assertFalse(comparison.verdict)
        self.assertIn("No comparison on the same leads is possible before there are 40 of each", comparison.basis)

    def test_a_version_is_compared_with_the_published_one(self):
        action = self.newer.with_user(self.mona).action_compare()
        comparison = self.env["lead.scoring.comparison"].browse(action["res_id"])
        self.assertEqual(comparison.first_id | comparison.second_id, self.newer | self.model.version_id)
        with self.assertRaisesRegex(UserError, "Select two versions"):
            self.model.version_id.with_user(self.mona).action_compare()

    def test_versions_of_two_models_cannot_be_compared(self):
        other = self.older.copy({"model_id": self.model.copy().id})
        with self.assertRaisesRegex(ValidationError, "Two versions of one model"):
            (self.older | other).action_compare()

    def test_only_who_may_see_the_versions_compares_them(self):
        for user in (self.alma, self.otto):
            with self.assertRaises(AccessError):
                self._compare(user)
