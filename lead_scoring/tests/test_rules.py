from unittest.mock import patch

from psycopg2.errors import CheckViolation

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from ..features import rules
from .common_rules import RulesCommon


@tagged("post_install", "-at_install")
class TestRules(RulesCommon):
    # ---- points

    def test_several_rules_add_up(self):
        self._rule(30, self.referred)
        self._rule(12, [("type", "=", "opportunity")])
        self._live()
        self.assertEqual(self._scores(), [42, 42, 12, 12])

    def test_a_lead_that_meets_no_rule_has_score_0_and_the_lowest_grade(self):
        self._rule(30, self.referred)
        self._live()
        self.assertEqual((self.leads[2].lead_score, self.leads[2].lead_grade), (0, "D"))
        self.assertEqual(self.leads[2].lead_score_trend, "unknown")

    def test_what_several_rules_ask_for_is_looked_up_once(self):
        self.leads.priority = "2"
        self.leads[0].color = 7
        urgent = [("priority", "in", ["1", "2"])]
        self._rule(10, urgent + self.referred)
        self._rule(20, urgent + [("color", "=", 7)])
        self._rule(30, urgent)
        with patch.object(rules, "_read", wraps=rules._read) as read:
            self._live()
        self.assertEqual(self._scores(), [60, 40, 30, 30])
        self.assertEqual({len(call.args[2]) for call in read.mock_calls}, {3})

    def test_the_score_is_held_in_0_to_100_and_raw_points_are_kept(self):
        self._rule(80, self.referred, name="Referred")
        self._rule(45, [("type", "=", "opportunity")], name="Opportunity")
        self._rule(-90, [("source_id", "=", self.cold.id)], name="Cold")
        self._live()
        self.assertEqual(self._scores(), [100, 100, 0, 0])
        explanation = self.leads[0].lead_score_reasons
        self.assertEqual((explanation["score"], explanation["raw"]), (100, 125))
        self.assertEqual(self.leads[2].lead_score_reasons["raw"], -45)

    def test_reasons_are_the_rules_that_fired_and_add_up_to_the_raw_points(self):
        self._rule(80, self.referred, name="Referred")
        self._rule(5, [("type", "=", "lead")], name="Not met")
        self._rule(-3, [("type", "=", "opportunity")], name="Opportunity")
        self._rule(4, conditions=[{"event": "meeting", "operator": "each", "half_days": 7}], name="Met us")
        self._meeting(self.leads[0], 1)
        self._meeting(self.leads[0], 2)
        self._live()
        explanation = self.leads[0].lead_score_reasons
        told = [(reason["text"], reason["points"]) for reason in explanation["reasons"]]
        self.assertEqual(told, [("Referred", 80), ("Met us", 7.1), ("Opportunity", -3)])
        self.assertAlmostEqual(sum(points for _name, points in told), explanation["raw"])

    def test_a_rule_takes_no_more_than_at_most(self):
        self._rule(4, conditions=[{"event": "meeting", "operator": "each"}], max_points=10)
        for days in (1, 2, 3):
            self._meeting(self.leads[0], days)
        self._live()
        self.assertEqual(self._scores(), [10, 0, 0, 0])

    # ---- conditions

    def test_all_conditions_of_a_group_or_any_of_them_by_choice(self):
        meeting = {"event": "meeting", "operator": "at_least"}
        rule = self._rule(10, self.referred, [meeting])
        self._meeting(self.leads[0])
        self._meeting(self.leads[2])
        self._live()
        self.assertEqual(self._scores(), [10, 0, 0, 0])
        self._stop(self.model)
        rule.match = "any"
        self._live()
        self.assertEqual(self._scores(), [10, 10, 10, 0])

    def test_filters_reach_related_records(self):
        belgium, france = self.env.ref("base.be"), self.env.ref("base.fr")
        partners = self.env["res.partner"].create(
            [{"name": "B", "country_id": belgium.id}, {"name": "F", "country_id": france.id}]
        )
        tag = self.env["crm.tag"].create({"name": "Fair"})
        self.leads[0].write({"partner_id": partners[0].id, "tag_ids": tag.ids})
        self.leads[1].partner_id = partners[1]
        domains = [
            [("partner_id.country_id.code", "=", "BE")],
            [("tag_ids.name", "ilike", "fair")],
            ["!", ("partner_id.country_id", "=", belgium.id)],
            ["|", ("partner_id", "ilike", "F"), ("source_id", "=", self.cold.id)],
            [("team_id.name", "=", "Scored Team"), ("tag_ids", "=", False)],
            [("partner_id.opportunity_ids.tag_ids", "!=", tag.id), ("create_date", ">", "-3650d")],
            [("stage_id", "not any", [("is_won", "=", True)])],
        ]
        for place, domain in enumerate(domains):
            self._rule(2**place, domain)
        self._live()
        found = [self.env["crm.lead"].search(domain) for domain in domains]
        expected = [sum(2**place for place, leads in enumerate(found) if lead in leads) for lead in self.leads]
        self.assertEqual([lead.lead_score_reasons["raw"] for lead in self.leads], expected)
        self.assertEqual(expected, [67, 124, 92, 92])

    def test_messages_received_and_sent_are_told_apart(self):
        self._rule(1, conditions=[{"event": "message_in", "operator": "each"}])
        self._rule(10, conditions=[{"event": "message_out", "operator": "each"}])
        self._message(self.leads[0])
        self._message(self.leads[0], 2)
        self._message(self.leads[1], author=self.sam)
        self._message(self.leads[2], author=self.sam, subtype_id=self.env.ref("mail.mt_note").id)  # a note
        self._live()
        self.assertEqual(self._scores(), [2, 10, 0, 0])

    def test_done_activities_and_stage_changes_count(self):
        self._rule(1, conditions=[{"event": "activity_done", "operator": "each"}])
        self._rule(10, conditions=[{"event": "stage_change", "operator": "each"}])
        activity = self.env.ref("mail.mail_activity_data_call")
        self._message(self.leads[0], message_type="notification", mail_activity_type_id=activity.id)
        message = self._message(self.leads[1], message_type="notification")
        stage = self.env["ir.model.fields"]._get("crm.lead", "stage_id")
        self.env["mail.tracking.value"].create({"mail_message_id": message.id, "field_id": stage.id})
        self._live()
        self.assertEqual(self._scores(), [1, 10, 0, 0])

    def test_a_message_that_tells_of_a_stage_change_counts_as_both(self):
        self._rule(1, conditions=[{"event": "message_in", "operator": "each"}])
        self._rule(10, conditions=[{"event": "stage_change", "operator": "each"}])
        stage = self.env["ir.model.fields"]._get("crm.lead", "stage_id")
        for lead in (self.leads[0], self.leads[1]):
            message = self._message(lead)
        self.env["mail.tracking.value"].create({"mail_message_id": message.id, "field_id": stage.id})
        self._live()
        self.assertEqual(self._scores(), [1, 11, 0, 0])

    def test_none_within_the_last_days(self):
        self._rule(7, conditions=[{"event": "message_in", "operator": "none", "days": 14}])
        self._message(self.leads[0], 3)
        self._message(self.leads[1], 20)
        self._live()
        self.assertEqual(self._scores(), [0, 7, 7, 7])

    def test_a_meeting_to_come_does_not_count_yet(self):
        self._rule(7, conditions=[{"event": "meeting", "operator": "at_least"}])
        self._meeting(self.leads[0], -2)
        self._live()
        self.assertEqual(self._scores(), [0, 0, 0, 0])

    def test_many_rules_take_no_more_queries_than_one(self):
        def count():
            self.model._freeze_rules()
            self.env.invalidate_all()
            self.model._score_batch(self.leads.ids)  # caches
            before = self.env.cr.sql_log_count
            self.model._score_batch(self.leads.ids)
            return self.env.cr.sql_log_count - before

        events = ("message_in", "message_out", "meeting", "activity_done", "stage_change")
        for event in events:
            self._rule(1, self.referred, [{"event": event, "operator": "each"}])
        self._rule(1, [("partner_id.country_id.code", "=", "BE")])
        few = count()
        for days in range(1, 7):
            self._rule(1, [("partner_id.color", "=", days)])
            for event in events:
                self._rule(1, [("color", "=", days)], [{"event": event, "operator": "at_least", "days": days}])
        self.assertEqual(count(), few)

    # ---- points that fall, and the trend

    def test_old_points_fall_by_themselves_and_the_trend_declines(self):
        self._rule(40, conditions=[{"event": "message_in", "operator": "at_least", "half_days": 10}])
        message = self._message(self.leads[0], 0)
        self._live()
        self.assertEqual(self.leads[0].lead_score, 40)
        message.date = message.date.replace(year=message.date.year)  # touched, not changed
        self._days_pass(message, 10)
        self.assertEqual((self.leads[0].lead_score, self.leads[0].lead_score_trend), (20, "down"))
        self.assertEqual(self.leads[0].lead_score_earlier, 40)
        self._days_pass(message, 10)
        self.assertEqual(self.leads[0].lead_score, 0)

    def _days_pass(self, message, days):
        self.env.flush_all()
        interval = SQL("%s::interval", f"{days} days")
        self.env.cr.execute(SQL("UPDATE mail_message SET date = date - %s WHERE id = %s", interval, message.id))
        self.env.cr.execute(SQL("UPDATE crm_lead_score_history SET date = date - %s", interval))
        self.env.invalidate_all()
        self._score_all()

    def test_two_points_are_a_move_and_one_is_not(self):
        self._rule(1, [("color", "=", 1)])
        self._rule(2, [("color", "=", 2)])
        self._live()
        self.env.cr.execute("UPDATE crm_lead_score_history SET date = date - interval '8 days'")
        self.leads[0].color, self.leads[1].color = 1, 2
        self._score_all()
        self.assertEqual(self.leads.mapped("lead_score_trend"), ["steady", "up", "steady", "steady"])

    def test_other_rules_are_never_a_trend_and_the_same_rules_are_the_same_version(self):
        rule = self._rule(30, self.referred)
        self._live()
        first = self.model.version_id
        self.assertEqual(first.number, 1)
        self.env.cr.execute("UPDATE crm_lead_score_history SET date = date - interval '8 days'")
        self._stop(self.model)
        rule.points = 50
        self._live()
        self.assertEqual(self.model.version_id.number, 2)
        self.assertEqual((self.leads[0].lead_score, self.leads[0].lead_score_trend), (50, "unknown"))
        self._stop(self.model)
        rule.points = 30
        self._live()
        self.assertEqual(self.model.version_id, first)
        self.assertEqual((self.leads[0].lead_score, self.leads[0].lead_score_trend), (30, "steady"))

    def test_nothing_changed_writes_nothing(self):
        self._rule(30, self.referred, [{"event": "meeting", "operator": "none"}])
        self._live()
        self._score_all()
        self.assertEqual(self.model._score_batch(self.leads.ids).changed, 0)

    # ---- the model's life

    def test_a_model_of_rules_needs_no_training(self):
        self._rule(30, self.referred)
        self._take_live(self.model.with_user(self.mona))
        self.assertEqual(self.model.state, "live")
        self.assertFalse(self.model.message)
        with self.assertRaisesRegex(UserError, "nothing to train"):
            self.model.action_train()
        self.model._request_due_trainings()
        self.assertFalse(self.model.training_requested)

    def test_without_rules_it_says_so_and_does_not_go_live(self):
        self.assertIn("Add rules", self.model.message)
        with self.assertRaisesRegex(UserError, "no rules yet"):
            self.model.action_go_live()
        self.assertEqual(self.model.state, "draft")

    def test_rules_of_a_live_model_are_locked_until_it_is_stopped(self):
        rule = self._rule(30, self.referred, [{"event": "meeting", "operator": "at_least"}])
        self._live()
        as_mona = rule.with_user(self.mona)
        for change in (
            lambda: as_mona.write({"points": 3}),
            lambda: as_mona.condition_ids.write({"days": 3}),
            lambda: as_mona.condition_ids.unlink(),
            lambda: as_mona.unlink(),
            lambda: as_mona.copy(),
            lambda: self._rule(1, self.referred),
            lambda: as_mona.write({"condition_ids": [Command.create({"event": "meeting"})]}),
            lambda: self.model.with_user(self.mona).write({"rule_ids": [Command.update(rule.id, {"points": 3})]}),
        ):
            with self.assertRaisesRegex(UserError, "Stop it first"), self.cr.savepoint():
                change()
        self._stop(self.model)
        as_mona.points = 3
        self._live()
        self.assertEqual(self._scores(), [0, 0, 0, 0])

    def test_the_daily_action_scores_by_rules_and_marks_sales_ready_leads(self):
        self._rule(70, self.referred)
        self.model.sales_ready_score = 70
        self._take_live(self.model.with_context(lead_scoring_move_leads=True))
        run = self.model.run_ids[0]
        self.assertEqual((run.state, run.scored_count, run.sales_ready_count, run.message), ("done", 4, 2, False))
        self.assertEqual(self.leads.mapped("lead_sales_ready"), [True, True, False, False])

    def test_a_copy_has_the_rules_and_is_a_draft(self):
        self._rule(30, self.referred, [{"event": "meeting", "operator": "each", "days": 9}])
        self._live()
        copy = self.model.copy()
        self.assertEqual((copy.state, copy.version_id.id, len(copy.rule_ids)), ("draft", False, 1))
        self.assertEqual(copy.rule_ids.condition_ids.days, 9)
        copy.rule_ids.points = 5  # not locked with the original

    def test_a_field_that_is_gone_gives_no_points_and_the_run_says_so(self):
        field = self.env["ir.model.fields"].create(
            {
                "name": "x_size",
                "model_id": self.env["ir.model"]._get_id("crm.lead"),
                "ttype": "integer",
                "field_description": "Size",
            }
        )
        self._rule(30, [("x_size", ">", 5)], name="Large")
        self._rule(12, self.referred)
        self.leads[0].x_size = 6
        self._live()
        self.assertEqual(self._scores(), [42, 12, 0, 0])
        with mute_logger("odoo.registry", "odoo.schema"):
            field.unlink()
        batch = self.model._score_batch(self.leads.ids)
        self.env.invalidate_all()
        self.assertEqual(self._scores(), [12, 12, 0, 0])
        self.assertEqual(batch.missing, ["Large"])
        self.assertIn("“Large” asks for exists no more", self.model._missing_words("Large"))
        self._stop(self.model)
        with self.assertRaisesRegex(UserError, "“Large” cannot be used"):
            self.model.action_go_live()

    def test_the_kind_of_a_model_that_was_live_stays(self):
        self.model.kind = "predictive"
        self.model.kind = "rules"
        self._rule(1, self.referred)
        self._live()
        self._stop(self.model)
        with self.assertRaisesRegex(UserError, "make another model"):
            self.model.kind = "predictive"

    def test_points_are_never_used_as_a_probability(self):
        with self.assertRaisesRegex(ValidationError, "no probability"):
            self.model.use_as_probability = True
        predictive = self.env["lead.scoring.model"].create({"name": "Learns", "use_as_probability": True})
        with self.assertRaisesRegex(ValidationError, "no probability"):
            predictive.kind = "rules"

    def test_a_predictive_model_takes_no_rules(self):
        predictive = self.env["lead.scoring.model"].create({"name": "Learns"})
        with self.assertRaisesRegex(ValidationError, "learns what counts by itself"):
            self._rule(1, self.referred, model_id=predictive.id)

    def test_the_list_of_rules_says_what_each_is_on(self):
        domain = ["|", ("source_id", "=", self.referral.id), ("partner_id.country_id.code", "=", "BE")]
        rule = self._rule(1, domain, [{"event": "meeting", "days": 30}])
        self.assertEqual(rule.summary, "a filter on Source, Contact and Meeting held: at least 1 in the last 30 days")
        rule.match = "any"
        self.assertIn("Contact or Meeting held", rule.summary)
        self.env.cr.execute("UPDATE lead_scoring_rule SET domain = '[(' WHERE id = %s", (rule.id,))
        rule.invalidate_recordset()
        self.assertIn("a filter or Meeting held", rule.summary)

    # ---- what cannot be asked

    def test_a_rule_without_a_condition_is_refused(self):
        with self.assertRaisesRegex(ValidationError, "no condition yet"):
            self._rule(1)
        rule = self._rule(1, conditions=[{"event": "meeting"}])
        with self.assertRaisesRegex(ValidationError, "no condition yet"):
            rule.condition_ids.unlink()

    def test_a_rule_that_asks_for_scores_is_refused(self):
        for domain in ([("lead_score", ">", 5)], [("partner_id.opportunity_ids.lead_grade", "=", "A")]):
            with self.assertRaisesRegex(ValidationError, "asks for a lead's score"):
                self._rule(1, domain)

    def test_a_filter_that_is_none_is_refused_in_words(self):
        for text in ("[('nothing', '=', 1)]", "[(", "__import__('os')", "[('stage_id.nothing', '=', 1)]"):
            with self.assertRaisesRegex(ValidationError, "cannot be used"):
                self._rule(1, self.referred, name="Odd").domain = text

    @mute_logger("odoo.sql_db")
    def test_numbers_beyond_sense_are_refused(self):
        rule = self._rule(1, self.referred, [{"event": "meeting"}])
        for record, values in (
            (rule, {"points": 0}),
            (rule, {"points": 1001}),
            (rule, {"max_points": -1}),
            (rule.condition_ids, {"count": 0}),
            (rule.condition_ids, {"days": -1}),
            (rule.condition_ids, {"operator": "none", "half_days": 3}),
        ):
            with self.assertRaises(CheckViolation), self.cr.savepoint():
                record.write(values)
                self.env.flush_all()

    # ---- rights

    def test_salespeople_see_reasons_and_no_rules(self):
        rule = self._rule(30, self.referred, name="Referred")
        self._live()
        self.leads[0].user_id = self.sam
        lead = self.leads[0].with_user(self.sam)
        self.assertEqual(lead.lead_score_reasons["reasons"][0]["text"], "Referred")
        for user in (self.sam, self.alma, self.ida):
            for record in (rule, self.model):
                with self.assertRaises(AccessError):
                    record.with_user(user).read(["name"])
            with self.assertRaises(AccessError):
                self.model.with_user(user).action_preview_rules()

    def test_no_one_sees_the_rules_of_another_company(self):
        rule = self._rule(30, self.referred, [{"event": "meeting"}])
        env = self.env["lead.scoring.rule"].with_user(self.otto).env
        self.assertFalse(env["lead.scoring.rule"].search([("id", "=", rule.id)]))
        self.assertFalse(env["lead.scoring.rule.condition"].search([("rule_id", "=", rule.id)]))
        for wizard in ("lead.scoring.rule.preview", "lead.scoring.rule.backtest"):
            with self.assertRaises(AccessError):
                env[wizard].create({"model_id": self.model.id})

    def test_what_another_company_hides_shows_in_no_score(self):
        hidden = self.env["crm.team"].create({"name": "Secret Plan", "company_id": self.other_company.id})
        partner = self.env["res.partner"].create({"name": "Shared"})
        self.env["crm.lead"].create(
            {"name": "Theirs", "company_id": self.other_company.id, "team_id": hidden.id, "partner_id": partner.id}
        )
        self.leads[0].partner_id = partner
        self.env["crm.lead"].create({"name": "Ours", "company_id": self.company.id, "partner_id": partner.id})
        self._rule(10, [("partner_id.opportunity_ids.name", "=", "Theirs")])
        self._rule(5, [("partner_id.opportunity_ids.name", "=", "Ours")])
        self._rule(1, [("partner_id.opportunity_ids", "any", [("team_id.name", "ilike", "Secret")])])
        self._live()
        self.assertEqual(self._scores(), [5, 0, 0, 0])

    def test_the_score_is_the_same_whoever_asks(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.leads[0].country_id = self.env.ref("base.de")
        self.env.ref("base.de").with_context(lang="fr_FR").name = "Allemagne"
        self._rule(10, [("country_id.name", "=", "Germany")])
        self._take_live(self.model.with_context(lang="fr_FR", allowed_company_ids=self.other_company.ids))
        self.model.with_context(lang="fr_FR", tz="Asia/Tokyo")._score_batch(self.leads.ids)
        self.env.invalidate_all()
        self.assertEqual(self._scores(), [10, 0, 0, 0])

    def test_a_filter_asks_only_for_what_its_author_may_read(self):
        field = self.env["crm.lead"]._fields["description"]
        self.patch(field, "groups", "base.group_system")
        self.env.invalidate_all()
        with self.assertRaises(AccessError):
            self.env["lead.scoring.rule"].with_user(self.mona).create(
                {"name": "Odd", "model_id": self.model.id, "domain": "[('description', 'ilike', 'x')]"}
            )


@tagged("post_install", "-at_install")
class TestRelatedScores(RulesCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.second = cls.env["lead.scoring.model"].create(
            {"name": "Engagement", "kind": "rules", "company_id": cls.company.id, "sequence": 5}
        )
        cls._rule(30, cls.referred)
        cls._rule(80, cls.referred, model_id=cls.second.id)
        cls._take_live(cls.model)

    def test_the_first_model_in_order_gives_the_lead_its_score_and_all_are_listed(self):
        self.assertFalse(self.leads[0].lead_related_scores)
        self._take_live(self.second)
        self.assertEqual(self.leads[0].lead_score, 80)
        told = [
            (score["model"], score["kind"], score["score"], score["grade"], score["trend"], score["own"])
            for score in self.leads[0].lead_related_scores
        ]
        self.assertEqual(
            told,
            [("Engagement", "Rules", 80, "A", "unknown", True), ("Points", "Rules", 30, "C", "unknown", False)],
        )

    def test_scores_of_a_stopped_model_that_stayed_say_that_they_are_out_of_date(self):
        self.env["lead.scoring.config"].create({"name": "Keep", "automatic_score_cleanup": False})
        self._take_live(self.second)
        self._stop(self.second)
        told = [(score["model"], score["own"], score["outdated"]) for score in self.leads[0].lead_related_scores]
        self.assertEqual(told, [("Points", True, False), ("Engagement", False, True)])

    def test_whoever_may_read_the_lead_reads_them_and_nobody_else(self):
        self._take_live(self.second)
        self.leads[0].user_id, self.leads[1].user_id = self.sam, self.alma
        (values,) = self.leads[0].with_user(self.sam).read(["lead_related_scores"])
        self.assertEqual(len(values["lead_related_scores"]), 2)
        with self.assertRaises(AccessError):
            self.leads[1].with_user(self.sam)._get_lead_related_scores()

    def test_each_model_has_its_own_sales_ready_score(self):
        self.model.sales_ready_score, self.second.sales_ready_score = 30, 0
        self._take_live(self.second)
        self.model.action_move_stayed()
        self._run_jobs()
        self.assertEqual(self.leads.mapped("lead_sales_ready"), [True, True, False, False])


@tagged("post_install", "-at_install")
class TestPreview(RulesCommon):
    def test_it_says_how_many_leads_would_be_in_each_grade_before_going_live(self):
        self._rule(80, self.referred)
        self.model.sales_ready_score = 60
        preview = self._preview()
        self.assertEqual(preview.summary, "Of 4 open leads, 2 would be A, 0 would be B, 0 would be C, 2 would be D.")
        self.assertEqual((preview.open_count, preview.sales_ready_count), (4, 2))
        self.assertEqual(preview.line_ids.mapped("open_count"), [2])
        self.assertEqual(preview.line_ids.open_share, 0.5)
        self.assertEqual(self.model.state, "draft")
        self.assertFalse(any(self.leads.mapped("lead_score_trend")))

    def test_it_says_which_rules_fire_on_a_lead_and_the_same_points_come_when_live(self):
        self._rule(80, self.referred)
        self._rule(5, conditions=[{"event": "meeting", "operator": "each", "half_days": 10}])
        self._rule(-70, [("type", "=", "lead")])
        self._meeting(self.leads[0], 1)
        preview = self._preview()
        preview.lead_id = self.leads[0]
        self.assertEqual(preview.line_ids.mapped("lead_points"), [80, 4.8, 0])
        self.assertEqual((preview.lead_points, preview.lead_score, preview.lead_grade), (84.8, 85, "A"))
        self._live()
        self.assertEqual(self.leads[0].lead_score, 85)
        self.assertEqual(self.leads[0].lead_score_reasons["raw"], 84.8)

    def test_a_lead_that_the_model_does_not_cover_is_said_to_be_none_of_it(self):
        self._rule(80, self.referred)
        stray = self._leads(1, "open", self.referral, self.other_company)
        preview = self._preview()
        preview.lead_id = stray
        self.assertIn("does not cover this lead", preview.sudo().lead_message)
        self.assertEqual(preview.sudo().lead_points, 0)

    def test_no_rules_and_no_leads_are_said(self):
        with self.assertRaisesRegex(UserError, "no rules yet"):
            self._preview()
        self._rule(1, self.referred)
        self.leads.unlink()
        self.assertIn("no open leads", self._preview().summary)

    def _preview(self):
        action = self.model.with_user(self.mona).action_preview_rules()
        return self.env[action["res_model"]].with_user(self.mona).browse(action["res_id"])
