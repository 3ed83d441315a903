from odoo.tests import tagged

from .common_screens import ScoredScreens


@tagged("post_install", "-at_install")
class TestScreens(ScoredScreens):
    def test_a_salesperson_finds_the_best_lead_first_and_sees_why(self):
        self.start_tour("/odoo/crm", "lead_scoring_my_open_leads", login=self.sam.login)

    def test_a_salesperson_reads_the_widget_and_sends_feedback_that_a_manager_finds(self):
        lead = self.hot[0]
        self.start_tour(f"/odoo/crm/{lead.id}", "lead_scoring_widget", login=self.sam.login)
        feedback = self.env["crm.lead.score.feedback"].search([("lead_id", "=", lead.id)])
        self.assertEqual((feedback.expected_score, feedback.author_id), (80, self.sam))
        lead.action_set_won()
        self.start_tour("/odoo/crm", "lead_scoring_feedback_list", login=self.mona.login)

    def test_a_salesperson_sees_why_without_leaving_the_list(self):
        self.start_tour("/odoo/my-open-leads-scored", "lead_scoring_popover", login=self.sam.login)

    def test_a_new_user_is_shown_why_a_lead_is_scored(self):
        self.start_tour("/odoo/my-open-leads-scored", "lead_scoring_see_why", login=self.sam.login)

    def test_a_salesperson_scores_leads_now_and_sees_them_in_every_view(self):
        self.start_tour("/odoo/my-open-leads-scored", "lead_scoring_score_now", login=self.sam.login)

    def test_a_manager_filters_and_groups_the_list(self):
        self.start_tour("/odoo/my-open-leads-scored", "lead_scoring_manager_list", login=self.mona.login)

    def test_the_pipeline_shows_scores_and_their_average(self):
        self.start_tour("/odoo/crm", "lead_scoring_pipeline", login=self.sam.login)

    def test_a_user_without_crm_has_no_list(self):
        self.start_tour("/odoo/my-open-leads-scored", "lead_scoring_no_rights", login=self.ida.login)

    def test_an_administrator_moves_the_edge_of_a_grade(self):
        self.start_tour("/odoo/lead-scoring-models", "lead_scoring_admin", login=self.mona.login)
        self.model.invalidate_recordset()
        self.assertEqual(self.model.grade_ids.mapped("max_score")[:2], [100, 65])

    def test_an_administrator_reads_the_report_of_a_version(self):
        self.start_tour("/odoo/lead-scoring-models", "lead_scoring_version_report", login=self.mona.login)

    def test_every_view_of_ours_opens_for_those_who_may(self):
        for user, models in (
            (self.sam, {"crm.lead": ["list", "form", "kanban", "search"]}),
            (
                self.mona,
                {
                    "lead.scoring.model": ["list", "form"],
                    "lead.scoring.config": ["list", "form"],
                    "lead.scoring.grade": ["list"],
                    "lead.scoring.run": ["list", "form"],
                    "lead.scoring.action": ["list", "form", "search"],
                    "crm.lead.score.feedback": ["list", "form", "search"],
                    "lead.scoring.model.version": ["list", "form"],
                },
            ),
        ):
            for model, kinds in models.items():
                views = self.env[model].with_user(user).get_views([(False, kind) for kind in kinds])
                self.assertEqual(set(views["views"]), set(kinds))
