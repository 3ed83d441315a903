from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import LeadScoringCommon

FIELDS = ["lead_score", "lead_grade", "lead_score_trend", "lead_score_reasons"]
MODELS = [
    "lead.scoring.model",
    "lead.scoring.model.version",
    "lead.scoring.grade",
    "lead.scoring.config",
    "lead.scoring.run",
    "lead.scoring.move",
    "crm.lead.score",
    "crm.lead.score.history",
]


@tagged("post_install", "-at_install")
class TestAccess(LeadScoringCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._go_live()
        cls.hot[0].user_id = cls.sam
        cls.hot[1].user_id = cls.alma
        cls.env["lead.scoring.run"].create({"model_id": cls.model.id, "version_id": cls.model.version_id.id})
        cls.env["lead.scoring.config"].create({"name": "Ours", "company_id": cls.company.id})
        cls.env["lead.scoring.move"]._pass_over(cls.model, "qualified", even_due=True)

    def test_a_salesperson_reads_the_scores_of_the_leads_he_can_read(self):
        (values,) = self.hot[0].with_user(self.sam).read(FIELDS)
        self.assertEqual(values["lead_score"], self.hot[0].lead_score)
        self.assertTrue(values["lead_score_reasons"]["reasons"])
        with self.assertRaises(AccessError):
            self.hot[1].with_user(self.sam).read(FIELDS)

    def test_a_salesperson_finds_by_score_his_own_leads_alone(self):
        found = self.env["crm.lead"].with_user(self.sam).search([("lead_score", ">", 0)])
        self.assertIn(self.hot[0], found)
        self.assertNotIn(self.hot[1], found)
        found = self.env["crm.lead"].with_user(self.alma).search([("lead_score", ">", 0)])
        self.assertIn(self.hot[1], found)

    def test_a_salesperson_has_no_way_past_the_leads_to_the_scores(self):
        for user in (self.sam, self.alma, self.ida):
            for model in MODELS:
                with self.assertRaises(AccessError, msg=f"{user.login} {model}"):
                    self.env[model].with_user(user).search([]).mapped("display_name")

    def test_reasons_of_a_lead_that_one_may_not_read_are_not_told(self):
        with self.assertRaises(AccessError):
            self.hot[1].with_user(self.sam)._get_lead_score_reasons()
        with self.assertRaises(AccessError):
            self.hot[0].with_user(self.ida).read(FIELDS)

    def test_a_manager_configures_but_does_not_write_scores_versions_or_runs(self):
        env = self.env["lead.scoring.model"].with_user(self.mona).env
        env["lead.scoring.model"].create({"name": "Hers", "company_id": self.company.id}).unlink()
        env["lead.scoring.config"].create({"name": "Hers", "company_id": self.company.id}).unlink()
        self.model.grade_ids[0].with_user(self.mona).min_score = 80
        row = env["crm.lead.score"].search([("lead_id", "=", self.hot[0].id)])
        self.assertTrue(row)
        for record, values in (
            (row, {"score": 99}),
            (self.model.version_id.with_user(self.mona), {"sha256": "x"}),
            (env["lead.scoring.run"].search([], limit=1), {"state": "done"}),
        ):
            with self.assertRaises(AccessError):
                record.write(values)

    def test_no_one_sees_the_models_runs_and_scores_of_another_company(self):
        for model in MODELS:
            records = self.env[model].with_user(self.otto).search([])
            self.assertFalse(records.filtered(lambda record: record.sudo().company_id == self.company), model)
            self.assertTrue(self.env[model].with_user(self.mona).search([("company_id", "=", self.company.id)]), model)

    def test_a_salesperson_cannot_press_the_buttons(self):
        for button in ("action_train", "action_go_live", "action_stop", "action_default_grades"):
            with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_model"):
                getattr(self.model.with_user(self.alma), button)()
