from datetime import timedelta
from unittest import SkipTest

from odoo import Command, fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common_moves import MovesCommon


@tagged("post_install", "-at_install")
class TestAutomationRulesActivitiesFollowers(MovesCommon):
    """Automation rules, activities and followers work as for a person's move.

    `make test` has Odoo's automation rules in its database; the addon does not depend on them.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if "base.automation" not in cls.env:
            raise SkipTest("Automation Rules (base_automation) are not installed in this database.")

    def setUp(self):
        super().setUp()
        # Rules patch the methods of leads; they are made anew by the next who asks.
        self.addCleanup(self.env["base.automation"]._unregister_hook)

    def _rule(self, code, **values):
        """Make an automation rule on leads that runs some code."""
        model = self.env["ir.model"]._get("crm.lead")
        action = {"name": "Do it", "model_id": model.id, "state": "code", "code": code}
        return self.env["base.automation"].create(
            {"name": "Rule", "model_id": model.id, "action_server_ids": [Command.create(action)], **values}
        )

    def _on_acceptance(self, code):
        """As made in the browser: Stage is set to Ours Accepted."""
        return self._rule(
            code,
            trigger="on_stage_set",
            trigger_field_ids=[Command.set(self.env.ref("crm.field_crm_lead__stage_id").ids)],
            trg_field_ref=self.acceptance.id,
        )

    def _fired(self):
        """Return how often the rule was run, by lead id."""
        calls = self.env["res.partner"].search([("name", "=like", "Call of %")])
        counts = {}
        for name in calls.mapped("name"):
            lead_id = int(name.removeprefix("Call of "))
            counts[lead_id] = counts.get(lead_id, 0) + 1
        return counts

    CALL = 'for lead in records: env["res.partner"].create({"name": "Call of %s" % lead.id})'

    def test_stage_is_set_to_sales_acceptance_runs_once_for_each_lead_that_moved_there(self):
        self._on_acceptance(self.CALL)
        self._live()
        run = self._run()
        self.assertEqual(run.accepted_count, 4)
        self.assertEqual(self._fired(), dict.fromkeys(self.hot.ids, 1))
        for cron in ("saved", "score"):
            self._run(cron)
        self.assertEqual(self._fired(), dict.fromkeys(self.hot.ids, 1))

    def test_it_runs_as_when_a_person_moves_the_lead(self):
        self._on_acceptance(self.CALL)
        self.cool[0].with_user(self.mona).stage_id = self.acceptance
        self._save()
        self.assertEqual(self._fired(), {self.cool[0].id: 1})

    def test_a_rule_on_leads_that_become_sales_ready_runs_once_for_each(self):
        self._rule(
            self.CALL,
            trigger="on_create_or_write",
            trigger_field_ids=[Command.set(self.env.ref("lead_scoring.field_crm_lead__lead_sales_ready").ids)],
            filter_pre_domain="[('lead_sales_ready', '=', False)]",
            filter_domain="[('lead_sales_ready', '=', True)]",
        )
        self._live()
        self._run()
        self._run()
        self.assertEqual(self._fired(), dict.fromkeys(self.hot.ids, 1))

    def test_what_a_rule_writes_on_a_lead_stays(self):
        self._on_acceptance("records.write({'priority': '3'})")
        self._live()
        self._run()
        self.assertEqual(set(self.hot.mapped("priority")), {"3"})
        self.assertEqual(self.hot.stage_id, self.acceptance)
        self.assertEqual(len(self._moves(self.hot, kind="sales_ready")), 4)

    @mute_logger("odoo.addons.lead_scoring.models.lead_scoring_run_moves", "odoo.addons.base.models.ir_actions")
    def test_a_rule_that_fails_on_one_lead_keeps_that_one_and_no_other(self):
        self._on_acceptance(f"if record.id == {self.hot[1].id}: raise UserError('not this one')")
        self._live()
        run = self._run()
        self.assertEqual((run.state, run.accepted_count), ("done", 3))
        self.assertIn(f"Lead {self.hot[1].id} could not be moved: not this one", run.message)
        self.assertEqual((self.hot[1].stage_id, self.hot[1].lead_sales_ready), (self.qualification, False))

    def test_planned_activities_stay(self):
        deadline = fields.Date.today() + timedelta(days=3)
        activity = self.hot[0].activity_schedule(
            "mail.mail_activity_data_call", date_deadline=deadline, user_id=self.sam.id, summary="Ask for the budget"
        )
        self._live()
        self._run()
        self.assertEqual(self.hot[0].stage_id, self.acceptance)
        self.assertEqual(self.hot[0].activity_ids, activity)
        self.assertEqual((activity.date_deadline, activity.user_id, activity.active), (deadline, self.sam, True))

    def test_followers_get_the_message_of_the_new_stage_as_for_a_persons_move(self):
        """One follows new stages, one everything, one nothing of it."""
        stage, note = self.env.ref("crm.mt_lead_stage"), self.env.ref("mail.mt_note")
        for lead in (self.hot[0], self.cool[0]):
            lead.message_subscribe(self.alma.partner_id.ids, subtype_ids=stage.ids)
            lead.message_subscribe(self.sam.partner_id.ids)
            lead.message_subscribe(self.ida.partner_id.ids, subtype_ids=note.ids)
        self._save()
        self.cool[0].with_user(self.mona).stage_id = self.acceptance
        self._live()
        self._run()

        def told(lead):
            message = lead.message_ids.filtered(
                lambda message: "stage_id" in message.tracking_value_ids.field_id.mapped("name")
            )
            self.assertEqual(len(message), 1)
            value = message.tracking_value_ids.filtered(lambda value: value.field_id.name == "stage_id")
            return message.subtype_id, message.notified_partner_ids, value.old_value_char, value.new_value_char

        self.assertEqual(told(self.hot[0]), told(self.cool[0]))
        self.assertEqual(told(self.hot[0])[0], stage)
        self.assertIn(self.alma.partner_id, told(self.hot[0])[1])
        self.assertNotIn(self.ida.partner_id, told(self.hot[0])[1])
