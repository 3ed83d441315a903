from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import SQL

from .common import LeadScoringCommon

SHOWN = ("lead_score", "lead_grade", "lead_grade_color", "lead_score_trend", "lead_score_earlier", "lead_score_date")


@tagged("post_install", "-at_install")
class TestScoreWidget(LeadScoringCommon):
    """What the widget in the lead's form is told."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._go_live()
        cls.lead = cls.hot[0]
        cls.lead.user_id = cls.sam

    def _days_pass(self, days):
        self.env.cr.execute(SQL("UPDATE crm_lead_score_history SET date = date - %s::interval", f"{days} days"))
        self.env.invalidate_all()

    def _details(self, lead=None, user=None):
        return (lead or self.lead).with_user(user or self.sam).get_lead_score_details()

    # ------------------------------------------------------------
    # Basic information and reasons
    # ------------------------------------------------------------

    def test_a_salesperson_is_told_score_grade_model_and_when(self):
        details = self._details()
        self.assertEqual((details["status"], details["message"]), ("scored", False))
        self.assertEqual(details["basics"]["score"], self.lead.lead_score)
        words = dict(self.env["crm.lead.score"]._fields["trend"]._description_selection(self.env))
        self.assertEqual(details["basics"]["word"], words[self.lead.lead_score_trend])
        self.assertEqual((details["model"], details["feedback_count"]), ("Test model", 0))
        self.assertGreaterEqual(details["scored_on"], fields.Datetime.to_string(self.lead.lead_score_date))

    def test_a_run_that_changed_nothing_scored_the_lead_all_the_same(self):
        later = fields.Datetime.now() + timedelta(hours=1)
        self.env["lead.scoring.run"].create(
            {"model_id": self.model.id, "version_id": self.model.version_id.id, "state": "done", "date_end": later}
        )
        self.assertEqual(self._details()["scored_on"], fields.Datetime.to_string(later))

    def test_a_run_of_other_leads_that_were_saved_did_not_score_the_lead(self):
        before, later = self._details()["scored_on"], fields.Datetime.now() + timedelta(hours=1)
        run = {"model_id": self.model.id, "version_id": self.model.version_id.id, "state": "done", "date_end": later}
        self.env["lead.scoring.run"].create([{**run, "saved_only": True}, {**run, "purpose": "stop"}])
        self.assertEqual(self._details()["scored_on"], before)

    def test_all_reasons_add_up_and_show_their_rounding(self):
        found = self._details()["explanation"]
        whole = sum(reason["points"] for reason in found["reasons"]) + found["hidden"]["points"]
        exact = sum(reason["exact"] for reason in found["reasons"]) + found["hidden"]["exact"]
        self.assertEqual(whole, found["score"] - found["average"])
        self.assertAlmostEqual(exact, found["exact_score"] - found["exact_average"], delta=0.06 * len(found["reasons"]))
        self.assertEqual(len(found["reasons"]), len(self.model.version_id._load_card().names))
        self.assertEqual(found["hidden"]["count"], 0)

    def test_what_the_reader_may_not_see_is_summed_up_but_not_told(self):
        self.patch(self.env["crm.lead"]._fields["source_id"], "groups", "base.group_system")
        found = self._details()["explanation"]
        self.assertNotIn("lead.source_id", [reason["feature"] for reason in found["reasons"]])
        self.assertEqual(found["hidden"]["count"], 1)
        self.assertGreater(found["hidden"]["points"], 0)

    def test_reasons_link_to_a_contact_that_the_reader_may_open(self):
        company = self.env["res.partner"].create({"name": "Customer", "is_company": True})
        contact = self.env["res.partner"].create({"name": "Cora", "parent_id": company.id})
        self.lead.partner_id = contact
        self.assertEqual(self._details()["links"], {"contact": contact.id, "company": company.id})
        self.env["ir.rule"].create(
            {
                "name": "Cora is nobody's",
                "model_id": self.env.ref("base.model_res_partner").id,
                "domain_force": repr([("id", "!=", contact.id)]),
            }
        )
        self.env.invalidate_all()
        self.assertEqual(self._details()["links"], {"contact": False, "company": company.id})

    def test_who_may_not_read_the_lead_is_told_nothing(self):
        foreign = self.hot[1]
        foreign.user_id = self.alma
        for method in (
            "get_lead_score_details",
            "get_lead_score_story",
            "get_lead_score_proposals",
            "get_lead_score_feedback",
            "withdraw_lead_score_feedback",
        ):
            for user in (self.sam, self.ida, self.otto):
                with self.assertRaises(AccessError, msg=f"{method} {user.login}"):
                    getattr(foreign.with_user(user), method)()

    # ------------------------------------------------------------
    # Why there is no score
    # ------------------------------------------------------------

    def test_a_lead_without_a_score_says_why(self):
        new = self._leads(1, "open", self.cold)
        self.assertEqual(self._details(new)["status"], "waiting")
        self.assertNotIn("explanation", self._details(new))
        self.model.state = "draft"
        self.model.domain = "[('source_id', '=', %d)]" % self.referral.id
        self.model.state = "live"
        self.assertEqual(self._details(new)["message"], "No score: no live scoring model covers this lead.")
        self.model.state = "draft"
        self.env["lead.scoring.model"].search([("state", "=", "live")]).state = "stopped"
        self.assertIn("once a scoring model is live", self._details(new)["message"])

    def test_while_scoring_runs_it_says_how_far_it_is(self):
        self.env["lead.scoring.run"].create(
            {
                "model_id": self.model.id,
                "version_id": self.model.version_id.id,
                "read_count": 4,
                "total_count": 10,
            }
        )
        details = self._details(self._leads(1, "open", self.cold))
        self.assertEqual((details["status"], details["message"]), ("running", "Scoring runs: 4 of 10 leads so far."))

    def test_a_closed_lead_keeps_its_last_score_and_says_so(self):
        score = self.lead.lead_score
        self.lead.action_set_lost()
        details = self._details()
        self.assertEqual((details["status"], details["basics"]["score"]), ("closed", score))
        self.assertIn("keeps its last score", details["message"])
        closed = self._leads(1, "won", self.cold)
        self.assertEqual(self._details(closed)["message"], "This lead was closed before it was scored.")

    def test_the_score_of_a_stopped_model_grows_old(self):
        self.env["lead.scoring.config"].create({"name": "Keep", "automatic_score_cleanup": False})
        self.model.action_stop()
        details = self._details()
        self.assertEqual(
            (details["status"], details["message"]),
            ("stopped", "Test model is not live any more: this score grows old."),
        )
        self.assertTrue(details["explanation"]["reasons"])
        self.assertTrue(details["basics"]["outdated_since"])

    # ------------------------------------------------------------
    # First paint
    # ------------------------------------------------------------

    def test_the_score_costs_the_form_two_queries_at_most(self):
        Lead = self.env["crm.lead"].with_user(self.sam)
        names = Lead.get_views([(self.env.ref("crm.crm_lead_view_form").id, "form")])["models"]["crm.lead"]["fields"]
        self.assertTrue(set(SHOWN) <= set(names))
        spec = {name: {"fields": {"display_name": {}}} if Lead._fields[name].relational else {} for name in names}
        ours = [name for name in spec if name.startswith(("lead_score", "lead_sales_ready"))]
        ours.append("lead_related_scores")

        def queries(wanted):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            Lead.browse(self.lead.id).web_read(wanted)
            return self.env.cr.sql_log_count - before

        stock = {name: value for name, value in spec.items() if name not in ours}
        queries(spec)  # what is cached once for all
        self.assertLessEqual(queries(spec) - queries(stock), 2)

    # ------------------------------------------------------------
    # How it went
    # ------------------------------------------------------------

    def test_the_story_says_what_changed_the_score_in_points_that_add_up(self):
        before = self.lead.lead_score
        self._days_pass(8)
        self.lead.source_id = self.cold
        self._score()
        story = self.lead.with_user(self.sam).get_lead_score_story()
        first, second = story["changes"]
        self.assertEqual((first["change"], first["score"]), (None, before))
        self.assertEqual(second["change"], self.lead.lead_score - before)
        self.assertEqual(second["data"] + second["ageing"] + second["version"], second["change"])
        named = {row["label"]: (row["before"], row["after"]) for row in second["named"]}
        self.assertEqual(named["Source"], ("Test Referral", "Test Cold Call"))
        self.assertLess(second["data"], 0)
        self.assertEqual(second["version"], 0)
        self.assertEqual([grade["name"] for grade in story["grades"]], ["A", "B", "C", "D"])

    def test_a_new_version_is_not_the_lead_s_doing(self):
        self._days_pass(8)
        self._leads(30, "lost", self.referral)
        self.model._train()
        self.model.version_ids[0].action_publish()  # whether it is good enough by itself is another story
        self._score()
        changes = self.lead.with_user(self.sam).get_lead_score_story()["changes"]
        self.assertEqual(len(changes), 2)
        self.assertEqual((changes[1]["data"], changes[1]["ageing"]), (0, 0))
        self.assertEqual(changes[1]["version"], changes[1]["change"])
        self.assertLess(changes[1]["change"], 0)

    def test_the_story_knows_the_moves_between_stages(self):
        self._days_pass(8)
        self.cr.precommit.run()  # tracking of what the class made ends here
        lead = self.lead.with_context(tracking_disable=False, mail_notrack=False)
        stage = self.env["crm.stage"].search(
            [("is_won", "=", False), ("team_ids", "=", False), ("id", "!=", self.open_stage.id)], limit=1
        )
        lead.stage_id = stage
        self.env.flush_all()
        self.cr.precommit.run()
        (move,) = self.lead.with_user(self.sam).get_lead_score_story()["stages"]
        self.assertEqual((move["before"], move["after"]), (self.open_stage.name, stage.name))

    def test_an_unscored_lead_has_no_story(self):
        new = self._leads(1, "open", self.cold)
        self.assertEqual(new.with_user(self.sam).get_lead_score_story(), {"changes": [], "stages": [], "grades": []})
