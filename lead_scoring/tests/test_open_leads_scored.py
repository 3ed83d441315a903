"""My Open Leads Scored: what its list, filters, export, API and Score Now do for whom."""

import json
from ast import literal_eval
from datetime import timedelta
from unittest.mock import patch

from lxml import etree

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import HttpCase, tagged
from odoo.tools import SQL

from ..models import crm_lead_score_now
from .common import LeadScoringCommon

LIST = "lead_scoring.crm_lead_view_list_scored"
SEARCH = "lead_scoring.crm_lead_view_search_scored"


@tagged("post_install", "-at_install")
class TestOpenLeadsScored(LeadScoringCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._go_live()
        (cls.hot | cls.cool).write({"user_id": cls.sam.id, "team_id": cls.team.id})
        cls.sam.group_ids += cls.env.ref("base.group_allow_export")
        cls.unscored = cls._leads(1, "open", cls.referral, user_id=cls.sam.id)

    def test_odoos_own_lists_offer_score_grade_and_trend(self):
        for name in ("crm.crm_case_tree_view_leads", "crm.crm_case_tree_view_oppor"):
            with self.subTest(list=name):
                arch = self.env["crm.lead"].with_user(self.sam).get_view(self.env.ref(name).id, "list")["arch"]
                columns = {node.get("name"): node for node in etree.fromstring(arch).iter("field")}
                for column in ("lead_score", "lead_grade", "lead_score_trend", "lead_score_first_reason"):
                    self.assertEqual(columns[column].get("optional"), "hide", column)
                    self.assertFalse(columns[column].get("column_invisible"), column)
                self.assertEqual(columns["lead_score"].get("widget"), "lead_score")
                self.assertEqual(columns["lead_grade"].get("widget"), "badge")
                self.assertEqual(columns["lead_score_trend"].get("widget"), "lead_score_trend")

    def _filters(self, user):
        arch = self.env["crm.lead"].with_user(user).get_view(self.env.ref(SEARCH).id, "search")["arch"]
        return {node.get("name"): node for node in etree.fromstring(arch).iter("filter")}

    def _found(self, name, user=None):
        """The leads of the team that a filter of the list finds."""
        node = self._filters(user or self.sam)[name]
        domain = literal_eval(node.get("domain").replace("uid", str(self.sam.id)))
        return (
            self.env["crm.lead"]
            .with_user(user or self.sam)
            .search([*domain, ("team_id", "=", self.team.id), ("won_status", "=", "pending")])
        )

    # ------------------------------------------------------------
    # The list
    # ------------------------------------------------------------

    def test_the_menu_opens_ones_scored_leads_best_first(self):
        action = self.env.ref("lead_scoring.action_my_open_leads_scored")
        self.assertEqual(literal_eval(action.context), {"search_default_my_leads": 1, "search_default_scored": 1})
        self.assertEqual(action.view_mode, "list,kanban,graph,pivot,calendar,form,activity")
        arch = etree.fromstring(self.env["crm.lead"].with_user(self.sam).get_view(self.env.ref(LIST).id)["arch"])
        order = arch.get("default_order")
        leads = self.env["crm.lead"].with_user(self.sam).search([("user_id", "=", self.sam.id)], order=order)
        self.assertEqual(leads[:10].mapped("lead_score"), sorted(leads[:10].mapped("lead_score"), reverse=True))
        self.assertEqual(set(leads[:4].ids), set(self.hot.ids))
        self.assertEqual(leads[-1].id, self.unscored.id, "what has no score comes last")

    def test_every_view_of_the_entry_opens_for_a_salesperson(self):
        action = self.env.ref("lead_scoring.action_my_open_leads_scored")
        views = self.env["crm.lead"].with_user(self.sam).get_views([*action.views, (self.env.ref(SEARCH).id, "search")])
        self.assertEqual(
            set(views["views"]), {"list", "kanban", "graph", "pivot", "calendar", "form", "activity", "search"}
        )

    def test_first_reason_is_the_strongest_and_costs_no_query_for_each_lead(self):
        leads = self.hot.with_user(self.sam)
        for lead in leads:
            self.assertEqual(lead.lead_score_first_reason, lead.lead_score_reasons["reasons"][0]["text"])
        self.assertIn("Source is Test Referral", leads[0].lead_score_first_reason)
        self.assertFalse(self.unscored.lead_score_first_reason)

        def queries(leads):
            self.env.invalidate_all()
            leads.mapped("lead_score")  # what the list reads anyway
            before = self.env.cr.sql_log_count
            leads.mapped("lead_score_first_reason")
            return self.env.cr.sql_log_count - before

        queries(leads)  # caches of the registry
        self.assertEqual(queries(leads), queries(leads[:1]))

    def test_first_reason_tells_nothing_that_the_reader_may_not_see(self):
        field = self.env["crm.lead"]._fields["source_id"]
        with patch.object(field, "groups", "base.group_system"):
            self.env.invalidate_all()
            self.assertNotIn("Referral", self.hot[0].with_user(self.sam).lead_score_first_reason or "")

    def test_a_broken_version_leaves_the_list_readable(self):
        self.env.cr.execute(
            SQL("UPDATE lead_scoring_model_version SET scorecard = '{}' WHERE id = %s", self.model.version_id.id)
        )
        self.env.registry.clear_cache()
        self.env.invalidate_all()
        self.assertFalse(self.hot[0].with_user(self.sam).lead_score_first_reason)
        self.assertTrue(self.hot[0].with_user(self.sam).lead_score)
        self.env.registry.clear_cache()

    def test_a_lead_without_score_is_blank_and_no_zero(self):
        self.assertIs(self.unscored.lead_score, False)
        [row] = self.unscored.with_user(self.sam).export_data(["lead_score", "lead_grade", "lead_score_trend"])["datas"]
        self.assertEqual(row, ["", "", ""])
        [row] = self.unscored.with_user(self.sam).web_read({"lead_score": {}, "lead_score_first_reason": {}})
        self.assertIs(row["lead_score"], False)

    def test_scores_are_exported(self):
        lead = self.hot[0].with_user(self.sam)
        names = ["name", "lead_score", "lead_grade", "lead_score_trend", "lead_score_first_reason"]
        [row] = lead.export_data(names)["datas"]
        self.assertEqual(
            row, [lead.name, lead.lead_score, lead.lead_grade, "Not enough info", lead.lead_score_first_reason]
        )

    # ------------------------------------------------------------
    # Filters and groups
    # ------------------------------------------------------------

    def test_filters(self):
        scored = self.hot | self.cool
        self.assertEqual(self._found("my_leads"), (scored | self.unscored).sorted(lambda lead: -lead.id))
        self.assertEqual(self._found("scored"), scored.sorted(lambda lead: -lead.id))
        self.assertEqual(self._found("not_scored"), self.unscored)
        self.assertEqual(set(self._found("trend_unknown")), set(scored))
        self.assertFalse(self._found("trend_up") | self._found("trend_steady") | self._found("trend_down"))
        self.hot[0].lead_sales_ready = True
        self.assertEqual(self._found("sales_ready"), self.hot[0])

    def test_filter_of_what_changed_since_yesterday(self):
        old = self.cool[:2]
        self.env.cr.execute(
            SQL(
                "UPDATE crm_lead_score SET date = %s WHERE lead_id = ANY(%s)",
                fields.Datetime.now() - timedelta(days=3),
                old.ids,
            )
        )
        self.env["crm.lead"]._invalidate_scores()
        self.assertEqual(set(self._found("score_changed")), set(self.hot | self.cool - old))

    def test_filters_of_different_questions_are_joined_by_and(self):
        """Odoo joins the filters between two separators by OR."""
        arch = self.env["crm.lead"].with_user(self.sam).get_view(self.env.ref(SEARCH).id, "search")["arch"]
        group_of, number = {}, 0
        for node in etree.fromstring(arch).iter("separator", "filter"):
            number += node.tag == "separator"
            group_of[node.get("name")] = number
        apart = ("my_leads", "scored", "score_changed", "trend_up", "sales_ready", "score_out_of_date")
        self.assertEqual(len({group_of[name] for name in apart}), len(apart))
        self.assertEqual(group_of["trend_up"], group_of["trend_down"])
        self.assertEqual(group_of["scored"], group_of["not_scored"])

    def test_there_is_a_filter_for_each_grade_whatever_its_name(self):
        self.model.grade_ids[0].write({"name": "Hot'\"", "min_score": min(self.hot.mapped("lead_score"))})
        filters = self._filters(self.sam)
        names = [name for name in filters if name.startswith("lead_grade_")]
        self.assertEqual(names, ["lead_grade_Hot'\"", "lead_grade_B", "lead_grade_C", "lead_grade_D"])
        self.assertEqual(filters["lead_grade_B"].get("string"), "Grade B")
        self.assertEqual(set(self._found("lead_grade_Hot'\"")), set(self.hot))
        self.assertNotIn("lead_grades", filters)

    def test_groups_by_grade_trend_and_model(self):
        filters = self._filters(self.mona)
        leads = self.env["crm.lead"].with_user(self.mona)
        for name, values in (
            ("group_by_grade", set((self.hot | self.cool).mapped("lead_grade"))),
            ("group_by_trend", {"unknown"}),
            ("group_by_model", {self.model.with_user(self.mona)}),
        ):
            group_by = literal_eval(filters[name].get("context"))["group_by"]
            domain = [("id", "in", (self.hot | self.cool).ids)]
            found = leads._read_group(domain, [group_by], ["__count"])
            self.assertEqual({value for value, _count in found}, values)
            self.assertEqual(sum(count for _value, count in found), 10)
        self.assertNotIn("group_by_model", self._filters(self.sam))

    # ------------------------------------------------------------
    # Score Now
    # ------------------------------------------------------------

    def _score_now(self, leads, user=None):
        """Press Score Now as the menu does; return the words of the notice."""
        action = self.env.ref("lead_scoring.action_score_now").with_user(user or self.sam)
        action = action.with_context(active_model="crm.lead", active_ids=leads.ids, active_id=leads[:1].id)
        return action.run()["params"]["message"]

    def test_score_now_of_one_lead_tells_its_score(self):
        self.assertEqual(self._score_now(self.unscored), f"The first score is {self.unscored.lead_score}.")
        self.assertGreater(self.unscored.lead_score, max(self.cool.mapped("lead_score")))
        self.assertIn("The score is still", self._score_now(self.unscored))
        before = self.unscored.lead_score
        self.unscored.source_id = self.cold
        message = self._score_now(self.unscored)
        self.assertEqual(message, f"The score is {self.unscored.lead_score}, it was {before}.")
        self.assertLess(self.unscored.lead_score, before)

    def test_score_now_of_many_leads_tells_what_changed(self):
        self.hot[:2].source_id = self.cold
        self.cool[0].source_id = self.referral
        leads = self.hot | self.cool | self.unscored
        self.assertEqual(self._score_now(leads), "11 leads scored: 1 for the first time, 1 went up, 2 down.")
        self.assertEqual(self._score_now(leads), "11 leads scored: none changed.")

    def test_score_now_says_what_cannot_be_scored(self):
        won = self._leads(1, "won", self.referral, user_id=self.sam.id)
        elsewhere = self._leads(2, "open", self.referral, user_id=self.sam.id, team_id=False)
        self.model.sudo().write({"state": "draft"})
        self.model.team_ids = self.team
        self.model.sudo().write({"state": "live"})
        message = self._score_now(self.hot | won | elsewhere)
        self.assertIn("4 leads scored", message)
        self.assertIn("1 won, lost or archived: only open leads are scored.", message)
        self.assertIn("2 not scored: no live scoring model covers them.", message)
        self._stop(self.model)
        self.assertIn("no live scoring model", self._score_now(self.hot))

    def test_score_now_of_many_leads_says_so_where_no_model_is_live(self):
        self._stop(self.model)
        with patch.object(crm_lead_score_now, "SCORED_AT_ONCE", 3):
            self.assertIn("4 not scored: no live scoring model covers them.", self._score_now(self.hot))

    def test_a_score_of_zero_and_no_score_are_told_apart(self):
        zero, none = self.hot[:2]
        self.env.cr.execute("UPDATE crm_lead_score SET score = 0 WHERE lead_id = %s", [zero.id])
        self.env.cr.execute("DELETE FROM crm_lead_score WHERE lead_id = %s", [none.id])
        for leads in (zero + none, none + zero):
            self.env.invalidate_all()
            found = dict(zip(leads.ids, leads.mapped("lead_score")))
            self.assertEqual((str(found[zero.id]), str(found[none.id])), ("0", "False"))

    def test_score_now_is_for_those_who_may_read_the_leads(self):
        self.hot.user_id = self.alma
        with self.assertRaises(AccessError):
            self._score_now(self.hot)
        with self.assertRaises(AccessError):
            self._score_now(self.hot, self.ida)
        with self.assertRaises(AccessError):
            self.hot.with_user(self.otto).action_score_now()
        self.assertIn("4 leads scored", self._score_now(self.hot, self.alma))

    def test_score_now_of_very_many_leads_is_left_to_the_scheduled_action(self):
        triggers = self.env["ir.cron.trigger"].search_count([])
        with patch.object(crm_lead_score_now, "SCORED_AT_ONCE", 3):
            message = self._score_now(self.hot)
        self.assertIn("4 leads are more than can be waited for", message)
        self.assertEqual(self.env["ir.cron.trigger"].search_count([]), triggers + 1)

    def test_score_now_goes_on_where_a_model_is_broken(self):
        self.env.cr.execute(
            SQL("UPDATE lead_scoring_model_version SET scorecard = '{}' WHERE id = %s", self.model.version_id.id)
        )
        self.env.registry.clear_cache()
        self.env.invalidate_all()
        self.assertIn("cannot be used", self._score_now(self.hot))
        self.env.registry.clear_cache()


@tagged("post_install", "-at_install")
class TestScoresThroughTheApi(HttpCase, LeadScoringCommon):
    def _call(self, user, method, **arguments):
        expiry = fields.Datetime.now() + timedelta(days=1)
        key = self.env(user=user)["res.users.apikeys"]._generate("rpc", "test", expiry)
        self.env.flush_all()
        return self.url_open(
            f"/json/2/crm.lead/{method}",
            data=json.dumps(arguments),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )

    def test_scores_are_read_sorted_and_refreshed_through_json_2(self):
        self._go_live()
        leads = self.hot | self.cool
        leads.user_id = self.sam
        names = ["lead_score", "lead_grade", "lead_score_trend", "lead_score_first_reason"]
        domain = [("id", "in", leads.ids), ("lead_score", ">", 0)]
        answer = self._call(self.sam, "search_read", domain=domain, fields=names, order="lead_score desc, id", limit=5)
        self.assertEqual(answer.status_code, 200, answer.text)
        rows = answer.json()
        best = self.hot.sorted(lambda lead: (-lead.lead_score, lead.id))
        self.assertEqual([row["id"] for row in rows[:4]], best.ids)
        self.assertEqual(rows[0]["lead_score"], best[0].lead_score)
        self.assertEqual(rows[0]["lead_grade"], best[0].lead_grade)
        self.env.invalidate_all()
        self.assertEqual(rows[0]["lead_score_trend"], best[0].lead_score_trend)
        self.assertIn("Test Referral", rows[0]["lead_score_first_reason"])
        answer = self._call(self.sam, "action_score_now", ids=leads.ids)
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertIn("10 leads scored", answer.json()["params"]["message"])
        answer = self._call(
            self.sam,
            "formatted_read_group",
            domain=[("id", "in", leads.ids)],
            groupby=["lead_grade"],
            aggregates=["lead_score:avg"],
        )
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertEqual({row["lead_grade"] for row in answer.json()}, set(leads.mapped("lead_grade")))

    def test_no_score_through_json_2_for_those_who_may_not_read_the_lead(self):
        self._go_live()
        self.hot.user_id = self.alma
        answer = self._call(self.sam, "search_read", domain=[("id", "in", self.hot.ids)], fields=["lead_score"])
        self.assertEqual(answer.json(), [])
        answer = self._call(self.ida, "read", ids=self.hot.ids, fields=["lead_score"])
        self.assertEqual(answer.status_code, 403)
        answer = self._call(self.ida, "action_score_now", ids=self.hot.ids)
        self.assertEqual(answer.status_code, 403)
