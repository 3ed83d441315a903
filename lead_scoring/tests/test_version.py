from odoo.tests import tagged

from .common import LeadScoringCommon


@tagged("post_install", "-at_install")
class TestVersion(LeadScoringCommon):
    """What a version tells of its report beside the report itself."""

    def _version(self, report):
        return self.env["lead.scoring.model.version"].create(
            {"model_id": self.model.id, "scorecard": "{}", "report": report}
        )

    def test_the_gate_and_the_labels_of_features_come_from_the_report(self):
        version = self._trained()
        self.assertEqual(version.gate, version.report["gate"])
        self.assertEqual(version.gate, "ready")
        named = {row["name"] for row in version.report["features"] + version.report["left_out"]}
        self.assertEqual(set(version.feature_labels), named)
        self.assertEqual(version.feature_labels["lead.source_id"], "Source")

    def test_labels_are_in_the_language_of_the_reader(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        field = self.env["ir.model.fields"]._get("crm.lead", "source_id")
        field.with_context(lang="fr_FR").field_description = "Origine"
        version = self._version({"features": [{"name": "lead.source_id", "influence": 1.0}]})
        self.assertEqual(version.with_context(lang="fr_FR").feature_labels, {"lead.source_id": "Origine"})

    def test_a_history_that_is_too_short_is_told_and_one_that_was_imported_in_other_words(self):
        flags = {"flags": ["short_history"], "slow_days": 30.2}
        self.assertIn("reach back only 20 days", self._version({"training": {**flags, "history_days": 20.4}}).warnings)
        imported = self._version({"training": {**flags, "history_days": 0.01, "slow_days": 0.0}}).warnings
        self.assertIn("as an import leaves them", imported)
        self.assertNotIn("0 days", imported)

    def test_a_report_without_a_verdict_or_features_is_no_error(self):
        for report in (False, {}, {"metrics": {"auc": 0.7}}):
            version = self._version(report)
            self.assertFalse(version.gate)
            self.assertFalse(version.feature_labels)

    def test_a_feature_that_exists_no_more_has_no_label(self):
        version = self._version({"features": [{"name": "lead.x_gone", "influence": 1.0}]})
        self.assertFalse(version.feature_labels)
