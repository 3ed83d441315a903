from odoo.tests import tagged

from ..models.crm_stage import STAGES_MADE
from .common_moves import MovesCommon


@tagged("post_install", "-at_install")
class TestScoringStages(MovesCommon):
    def test_stages_are_found_by_a_sales_administrator_without_developer_mode(self):
        menu = self.env.ref("lead_scoring.menu_crm_stage")
        menus = self.env["ir.ui.menu"]
        self.assertIn(menu.id, menus.with_user(self.mona).load_menus(False))
        self.assertNotIn(menu.id, menus.with_user(self.sam).load_menus(False))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Stage = cls.env["crm.stage"]

    def _make(self, *values):
        """Make our stages in a database with these stages alone; return the names in their order."""
        self.leads.with_context(active_test=False).search([]).unlink()
        self.Stage.search([]).unlink()
        self.Stage.create(list(values))
        self.env["ir.config_parameter"].set_param(STAGES_MADE, False)
        self.Stage._make_scoring_stages()
        return self.Stage.search([], order="sequence, id").mapped("name")

    def test_both_stages_stand_between_the_existing_ones_never_first(self):
        names = self._make(
            {"name": "New", "sequence": 1},
            {"name": "Qualified", "sequence": 2},
            {"name": "Proposition", "sequence": 3},
            {"name": "Won", "sequence": 70, "is_won": True},
        )
        self.assertEqual(
            names, ["New", "Automated Marketing Qualification", "Sales Acceptance", "Qualified", "Proposition", "Won"]
        )
        sequences = self.Stage.search([], order="sequence, id").mapped("sequence")
        self.assertEqual(sequences, sorted(set(sequences)))
        roles = self.Stage.search([("scoring_role", "!=", False)], order="sequence")
        self.assertEqual(roles.mapped("scoring_role"), ["qualified", "sales_ready"])
        self.assertFalse(any(roles.get_external_id().values()))

    def test_stages_of_equal_sequence_keep_their_order(self):
        names = self._make(*({"name": name, "sequence": 5} for name in ("Zero", "Alpha", "Middle")))
        self.assertEqual(names, ["Zero", "Automated Marketing Qualification", "Sales Acceptance", "Alpha", "Middle"])

    def test_new_leads_of_every_team_still_land_where_they_did(self):
        other = self.env["crm.team"].create({"name": "Other"})
        self._make(
            {"name": "New", "sequence": 1, "team_ids": [(4, self.team.id)]},
            {"name": "Theirs", "sequence": 20, "team_ids": [(4, other.id)]},
            {"name": "Done", "sequence": 30, "is_won": True},
        )
        for team, stage in ((self.team, "New"), (other, "Theirs")):
            lead = self.env["crm.lead"].create({"name": "Lead", "team_id": team.id})
            self.assertEqual(lead.stage_id.name, stage)

    def test_where_no_stage_is_shared_ours_are_the_teams_too(self):
        self._make({"name": "New", "team_ids": [(4, self.team.id)]})
        ours = self.Stage.search([("scoring_role", "!=", False)])
        self.assertEqual(ours.team_ids, self.team)

    def test_deleted_they_do_not_come_back(self):
        self._make({"name": "New"}, {"name": "Won", "is_won": True, "sequence": 9})
        self.Stage.search([("scoring_role", "!=", False)]).unlink()
        self.Stage._make_scoring_stages()
        self.assertFalse(self.Stage.search([("scoring_role", "!=", False)]))

    def test_installing_made_both(self):
        self.assertTrue(self.env["ir.config_parameter"].get_param(STAGES_MADE))

    def test_their_names_are_translated(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self._make({"name": "New"})
        stage = self.Stage.search([("scoring_role", "=", "sales_ready")])
        self.assertTrue(stage.with_context(lang="fr_FR").name)
