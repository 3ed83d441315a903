"""Sentences of what lead scoring promises that need more than one of its parts to be true."""

from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..models.crm_stage import STAGES_MADE
from .common_moves import MovesCommon
from .common_rules import RulesCommon


@tagged("post_install", "-at_install")
class TestPromisesOfMoves(MovesCommon):
    def test_seed_the_way_to_the_configuration(self):
        """Seed: Go to Settings > Lead management > Scoring configuration."""
        menu = self.env.ref("lead_scoring.menu_lead_scoring_config")
        self.assertEqual(menu.complete_name, "CRM/Configuration/Lead Management/Scoring Configuration")
        self.assertEqual(menu.action.res_model, "lead.scoring.config")
        visible = self.env["ir.ui.menu"].with_user(self.mona)._visible_menu_ids()
        self.assertIn(menu.id, visible)

    def test_the_configuration_shows_the_stages_and_the_way_to_give_them_their_roles(self):
        config = self.env["lead.scoring.config"].with_user(self.mona).create({"name": "Ours"})
        self.assertEqual(config.qualified_stage_ids, self.qualification)
        self.assertEqual(config.sales_ready_stage_ids, self.acceptance)
        self.assertEqual(config.action_view_stages()["res_model"], "crm.stage")
        self.called.with_user(self.mona).scoring_role = "sales_ready"
        config.invalidate_recordset()
        self.assertEqual(config.sales_ready_stage_ids, self.called | self.acceptance)

    def test_switching_scoring_on_makes_both_stages(self):
        self.mona.group_ids |= self.env.ref("base.group_system")
        Stage = self.env["crm.stage"]
        Stage.search([("name", "in", ["Automated Marketing Qualification", "Sales Acceptance"])]).unlink()
        Stage.search([]).scoring_role = False
        self.env["ir.config_parameter"].set_param(STAGES_MADE, False)
        for on in (False, True):
            self.env["res.config.settings"].with_user(self.mona).create({"group_use_lead_scoring": on}).execute()
        made = Stage.search([("scoring_role", "!=", False)], order="sequence, id")
        self.assertEqual(made.mapped("name"), ["Automated Marketing Qualification", "Sales Acceptance"])

    def test_a_model_marks_no_lead_as_sales_ready_until_somebody_says_from_which_score_on(self):
        for kind in ("predictive", "rules"):
            model = self.env["lead.scoring.model"].create({"name": kind, "kind": kind})
            self.assertIsNone(model._sales_ready_from(), kind)

    def test_moves_are_writes_as_a_persons_of_those_leads_alone_that_change(self):
        """So that automation rules, activities and followers work."""
        self.cool[0].stage_id = self.called
        self._live()
        Lead, written = type(self.env["crm.lead"]), []
        write = Lead.write

        def told(leads, vals):
            if "stage_id" in vals:
                written.extend((lead_id, vals["stage_id"]) for lead_id in leads.ids)
            return write(leads, vals)

        with patch.object(Lead, "write", told):
            self._run()
            self._run()
        expected = [(lead.id, self.acceptance.id) for lead in self.hot]
        expected += [(lead.id, self.qualification.id) for lead in self.cool[1:]]
        self.assertEqual(sorted(written), sorted(expected))

    def test_a_day_goes_in_order_train_score_move_tell(self):
        crons = self.env["ir.cron"].search([("code", "like", "_cron_train_models")])
        crons |= self.env.ref("lead_scoring.ir_cron_score_leads")
        self.assertEqual(
            crons.sorted("priority"),
            self.env.ref("lead_scoring.ir_cron_train_models") | self.env.ref("lead_scoring.ir_cron_score_leads"),
        )
        self.env["lead.scoring.config"].create({"name": "Tell", "sales_ready_tell": "message"})
        self._give(self.leads, self.sam)
        self._live()
        steps = []
        Run, Move = type(self.env["lead.scoring.run"]), type(self.env["lead.scoring.move"])
        for there, name, step in (
            (Run, "_score_ids", lambda *_: "score"),
            (Move, "_act", lambda _move, _model, kind, *_: kind),
            (Move, "_tell", lambda *_: "tell"),
        ):
            self.startPatcher(patch.object(there, name, self._noting(steps, getattr(there, name), step)))
        run = self._run()
        self.assertEqual(list(dict.fromkeys(steps)), ["score", "sales_ready", "qualified", "tell"])
        self.assertEqual(
            (run.step, run.scored_count, run.sales_ready_count, run.qualified_count, run.told_count),
            ("end", 10, 4, 6, 4),
        )

    @staticmethod
    def _noting(steps, method, step):
        def noted(*args):
            steps.append(step(*args))
            return method(*args)

        return noted

    def test_leads_without_stage_team_or_company_move_as_others_do(self):
        shared = self.env["crm.stage"].create({"name": "Shared", "sequence": 1000, "scoring_role": "sales_ready"})
        self.hot[1].write({"team_id": False, "user_id": False, "company_id": self.company.id})
        self.env.flush_all()
        self.env.cr.execute("UPDATE crm_lead SET stage_id = NULL WHERE id = ANY(%s)", [self.hot[:2].ids])
        self.env.invalidate_all()
        self._live()
        run = self._run()
        self.assertEqual((run.state, run.message), ("done", False))
        self.assertEqual((self.hot[0].stage_id, self.hot[1].stage_id), (self.acceptance, shared))
        model = self.env["lead.scoring.model"].create(
            {
                "name": "Nobody's",
                "kind": "rules",
                "company_id": False,
                "sales_ready_score": 5,
                "rule_ids": [(0, 0, {"name": "Any", "points": 9, "domain": "[('name', '!=', False)]"})],
            }
        )
        lead = self.env["crm.lead"].create({"name": "Stray", "team_id": False, "company_id": False, "user_id": False})
        lead.stage_id = self.new
        model.with_context(lead_scoring_move_leads=True).action_go_live()
        self._run()
        self.assertEqual((lead.lead_score, lead.stage_id, lead.lead_sales_ready), (9, shared, True))

    def test_a_stage_that_is_deleted_is_no_stage_to_move_to_any_more(self):
        self._live()
        self._run()
        self.cool.stage_id = self.new
        self.qualification.unlink()
        late = self.cool[0].copy({"stage_id": self.new.id})
        run = self._run()
        self.assertEqual((run.state, late.stage_id), ("done", self.new))
        self.assertTrue(self._moves(self.cool[0], kind="qualified").exists())

    def test_a_stage_of_an_archived_team_is_no_stage_of_all_teams(self):
        gone = self.env["crm.team"].create({"name": "Gone", "company_id": self.company.id})
        theirs = self.env["crm.stage"].create(
            {"name": "Theirs", "sequence": 900, "scoring_role": "qualified", "team_ids": [(4, gone.id)]}
        )
        gone.active = False
        self.cool[0].team_id = self.env["crm.team"].create({"name": "Other", "company_id": self.company.id})
        self.cool[0].stage_id = self.new
        self._live()
        self._run()
        self.assertEqual(self.cool[0].stage_id, self.new)
        self.assertEqual(self.cool[1].stage_id, self.qualification)
        self.assertNotIn(theirs, self.leads.stage_id)

    def test_a_salesperson_who_is_gone_is_not_told_but_the_leader_of_the_team(self):
        self.env["lead.scoring.config"].create({"name": "Tell", "sales_ready_tell": "activity"})
        self._give(self.leads, self.sam)
        self.team.user_id = self.alma
        self.sam.active = False
        self._live()
        self._run()
        self.assertEqual(self.hot.activity_ids.user_id, self.alma)

    def test_moves_are_no_evidence_even_if_the_clocks_of_odoo_and_the_database_differ(self):
        self._live()
        Message, late = type(self.env["mail.message"]), fields.Datetime.now() - timedelta(minutes=5)
        create = Message.create
        with patch.object(
            Message, "create", lambda model, many: create(model, [{**one, "date": late} for one in many])
        ):
            self._run()
        moves = self._moves(self.leads).filtered("stage_to_id")
        self.assertEqual(len(moves), 10)
        self.assertEqual(len(moves.message_id), 10)

    def test_what_happens_to_the_leads_that_there_are_is_said_by_the_dialog_alone(self):
        for values in ({"moves_since": False}, {"moves_since": "2020-01-01"}):
            self.env["lead.scoring.model"].browse(self.model.id).moves_since = "2026-01-01"
            with self.assertRaises(AccessError):
                self.model.with_user(self.mona).write(values)

    def test_portal_and_public_users_get_nothing(self):
        self._live()
        self._run()
        portal = new_test_user(self.env, login="scoring_portal", groups="base.group_portal")
        portal.partner_id = self.hot[0].partner_id = portal.partner_id
        self.hot[0].message_subscribe(portal.partner_id.ids)
        for user in (portal, self.env.ref("base.public_user")):
            lead = self.hot[0].with_user(user)
            for method in (
                "action_score_now",
                "get_lead_score_details",
                "get_lead_score_story",
                "get_lead_score_proposals",
                "get_lead_score_feedback",
                "withdraw_lead_score_feedback",
            ):
                with self.assertRaises(AccessError, msg=method), mute_logger("odoo.addons.base.models.ir_model"):
                    getattr(lead, method)()
            self.assertFalse(
                [
                    name
                    for name in lead._fields
                    if name.startswith("lead_sc") and lead._has_field_access(lead._fields[name], "read")
                ]
            )


@tagged("post_install", "-at_install")
class TestPromisesOfRules(RulesCommon):
    def test_rules_are_evaluated_in_sets_never_a_lead_at_a_time(self):
        self._rule(5, [("partner_id.country_id.code", "=", "DE")], [{"event": "message_in", "operator": "each"}])
        self._rule(5, conditions=[{"event": "meeting", "operator": "none", "days": 9}])
        self.model._freeze_rules()

        def count(leads):
            self.model._score_batch(leads.ids)  # caches
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.model._score_batch(leads.ids)
            return self.env.cr.sql_log_count - before

        few = count(self.leads)
        self.assertEqual(count(self.leads | self._leads(60, "open", self.cold)), few)

    def test_each_rule_is_of_a_kind_fit_or_engagement(self):
        self._rule(5, self.referred)
        self._rule(5, conditions=[{"event": "message_in", "operator": "each"}], kind="engagement")
        action = self.model.with_user(self.mona).action_preview_rules()
        lines = self.env[action["res_model"]].with_user(self.mona).browse(action["res_id"]).line_ids
        self.assertEqual(lines.mapped("kind"), ["fit", "engagement"])

    def test_messages_meetings_and_the_contact_wait_for_the_daily_run(self):
        lead = self.leads[0]
        lead.partner_id = self.env["res.partner"].create({"name": "Anna"})
        self._rule(10, conditions=[{"event": "message_in", "operator": "at_least"}])
        self._rule(20, conditions=[{"event": "meeting", "operator": "at_least"}])
        self._rule(40, [("partner_id.city", "=", "Rome")])
        self._live()
        self.env.cr.flush()
        self.env["ir.cron.trigger"].search([]).unlink()
        before = lead.lead_score
        with patch.object(type(self.model), "_score_batch", side_effect=AssertionError):
            self._message(lead)
            self._meeting(lead)
            lead.partner_id.city = "Rome"
            self.env.cr.flush()
        self.env.invalidate_all()
        self.assertEqual(lead.lead_score, before)
        self._run_jobs()
        self.assertEqual(lead.lead_score, 70)
