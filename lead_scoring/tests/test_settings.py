from lxml import etree

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import LeadScoringCommon

FIELDS = ["lead_score", "lead_grade", "lead_score_trend", "lead_score_reasons", "lead_sales_ready"]


@tagged("post_install", "-at_install")
class TestSettings(LeadScoringCommon):
    """The block in CRM's Settings: the switch for the organisation."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._go_live()
        cls.hot.user_id = cls.sam
        cls.mona.group_ids |= cls.env.ref("base.group_system")

    def _settings(self, **values):
        return self.env["res.config.settings"].with_user(self.mona).create(values)

    def _switch(self, on):
        self._settings(group_use_lead_scoring=on).execute()

    def test_scoring_is_on_after_the_installation(self):
        self.assertTrue(self._settings().group_use_lead_scoring)
        self.assertTrue(self.env["lead.scoring.config"]._is_on())

    def test_off_means_that_nothing_is_scored(self):
        self._switch(on=False)
        runs = self.env["lead.scoring.run"].search_count([])
        self.hot.source_id = self.cold
        scores = self.hot.mapped("lead_score")
        self._run_jobs()
        self.assertEqual((self.env["lead.scoring.run"].search_count([]), self.hot.mapped("lead_score")), (runs, scores))
        self.model.sudo().training_requested = "2026-01-01"
        self.env["lead.scoring.model"]._cron_train_models()
        self.assertEqual(len(self.model.version_ids), 1)

    def test_off_means_that_nobody_sees_scores(self):
        for user in (self.sam, self.mona):
            Lead = self.env["crm.lead"].with_user(user)
            for kind in ("form", "list", "search"):
                self.assertIn("lead_score", Lead.get_views([(False, kind)])["models"]["crm.lead"]["fields"])
        self._switch(on=False)
        self.env.invalidate_all()
        for user in (self.sam, self.mona):
            Lead = self.env["crm.lead"].with_user(user)
            views = Lead.get_views([(False, "form"), (False, "list"), (False, "kanban"), (False, "search")])
            for kind, view in views["views"].items():
                self.assertNotIn("lead_score", view["arch"], kind)
            self.assertFalse(
                [name for name in Lead.fields_get() if name.startswith(("lead_score", "lead_grade", "lead_sales"))]
            )
            with self.assertRaises(AccessError), mute_logger("odoo.models"):
                self.hot.with_user(user).read(FIELDS)

    def test_off_means_that_the_menus_are_hidden(self):
        menus = {
            self.env.ref(f"lead_scoring.{name}").id for name in ("menu_my_open_leads_scored", "menu_lead_management")
        }
        self.assertTrue(menus <= set(self.env["ir.ui.menu"].with_user(self.mona)._visible_menu_ids()))
        self._switch(on=False)
        self.assertFalse(menus & set(self.env["ir.ui.menu"].with_user(self.mona)._visible_menu_ids()))

    def test_off_means_that_nothing_is_lost(self):
        scores = self.hot.mapped("lead_score")
        self._switch(on=False)
        self._run_jobs()
        self._switch(on=True)
        (values,) = self.hot[0].with_user(self.sam).read(FIELDS)
        self.assertEqual((values["lead_score"], self.model.state), (scores[0], "live"))
        self._run_jobs()
        self.assertEqual(self.hot.mapped("lead_score"), scores)

    def test_switched_off_in_the_middle_of_a_run_it_leaves_off_and_goes_on_when_it_is_on_again(self):
        second = self.model.copy({"name": "Second"})
        second._train()
        second.action_go_live()
        run = second.run_ids
        self._switch(on=False)
        run._go_on()
        self.assertEqual((run.state, run.read_count, second.state), ("running", 0, "going_live"))
        self._switch(on=True)
        self._run_jobs()
        self.assertEqual((run.state, run.read_count, second.state), ("done", 10, "live"))

    def test_switched_by_the_form_of_a_group_saving_a_lead_scores_nothing_and_then_again(self):
        everybody, users = self.env.ref("base.group_user"), self.env.ref("lead_scoring.group_use_lead_scoring")
        cron = self.env.ref("lead_scoring.ir_cron_score_leads")
        changes = (
            (False, everybody, {"implied_ids": [Command.unlink(users.id)]}),
            (True, everybody, {"implied_ids": [Command.link(users.id)]}),
            (False, users, {"implied_by_ids": [Command.unlink(everybody.id)]}),
            (True, users, {"implied_by_ids": [Command.link(everybody.id)]}),
        )
        for lead, (on, group, values) in zip(self.hot, changes):
            self.env["ir.cron.trigger"].search([]).unlink()
            self.env["lead.scoring.model"]._live_models()  # as known to whoever saved a lead before
            group.with_user(self.mona).write(values)
            before = lead.lead_score
            lead.source_id = self.cold
            self.env.cr.flush()
            self.env.invalidate_all()
            self.assertEqual(lead.lead_score < before, on)
            triggers = self.env["ir.cron.trigger"].search([("cron_id", "=", cron.id)])
            self.assertEqual(bool(triggers), on, "it goes on where it was left")

    def test_a_lead_can_be_saved_won_and_merged_while_scoring_is_off(self):
        self._switch(on=False)
        lead = self.hot[0].with_user(self.sam)
        lead.write({"name": "Another name", "source_id": self.cold.id})
        lead.action_set_won()
        copied = lead.copy()
        (copied | self.hot[1].with_user(self.sam)).merge_opportunity()

    def test_go_live_and_stop_say_that_scoring_is_off(self):
        self._switch(on=False)
        for button in ("action_stop", "action_go_live", "action_score_now"):
            with self.assertRaisesRegex(UserError, "switched off"):
                getattr(self.model.with_user(self.mona), button)()

    def test_the_block_says_what_is_live_and_when_the_next_run_is(self):
        settings = self._settings()
        self.assertEqual(settings.lead_scoring_status, "Test model: Live, 10 open leads.")
        self.assertEqual(settings.lead_scoring_next_run, self.env.ref("lead_scoring.ir_cron_score_leads").nextcall)
        (self.hot | self.cool)[1:].active = False
        self.model.invalidate_recordset(["open_count"])
        self.assertEqual(self._settings().lead_scoring_status, "Test model: Live, 1 open lead.")
        self.model.sudo().write({"state": "error", "state_reason": "It is broken."})
        self.assertEqual(self._settings().lead_scoring_status, "Test model: Error. It is broken.")
        self.model.sudo().state = "stopped"
        settings = self._settings()
        self.assertEqual(settings.lead_scoring_status, "No scoring model is live.")
        self.assertFalse(settings.lead_scoring_next_run, "there is nothing to run, neither then nor now")

    def test_run_now_starts_the_scheduled_action(self):
        cron = self.env.ref("lead_scoring.ir_cron_score_leads")
        self.env["ir.cron.trigger"].search([("cron_id", "=", cron.id)]).unlink()
        self._settings().action_lead_scoring_run_now()
        self.assertTrue(self.env["ir.cron.trigger"].search([("cron_id", "=", cron.id)]))

    def test_the_block_links_to_models_and_configuration(self):
        view = (
            self.env["res.config.settings"]
            .with_user(self.mona)
            .get_view(self.env.ref("crm.res_config_settings_view_form").id, "form")
        )
        buttons = etree.fromstring(view["arch"]).xpath("//block[@name='lead_management']//button[@type='action']/@name")
        actions = self.env["ir.actions.act_window"].browse(int(button) for button in buttons)
        self.assertEqual(actions.mapped("res_model"), ["lead.scoring.model", "lead.scoring.config"])

    def test_the_block_is_one_of_its_own_among_those_of_crm(self):
        """Blocks without a title belong to the one above: none of CRM's comes to stand under ours."""
        view = self.env["res.config.settings"].get_view(self.env.ref("crm.res_config_settings_view_form").id, "form")
        blocks = etree.fromstring(view["arch"]).xpath("//app[@name='crm']/block")
        titles = [block.get("title") for block in blocks]
        self.assertTrue(titles[titles.index("Lead Management") + 1])

    def test_only_administrators_switch_scoring(self):
        with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_model"):
            self.env["res.config.settings"].with_user(self.alma).create({"group_use_lead_scoring": False}).execute()
