from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain

# Remembers that our stages were made: whoever deletes them does not find them again after an update.
STAGES_MADE = "lead_scoring.stages_made"


class CrmStage(models.Model):
    """A stage may be the one that scored, or sales-ready, leads are moved to; the order is ``(sequence, id)``."""

    _inherit = "crm.stage"

    scoring_role = fields.Selection(
        [("qualified", "Automated Marketing Qualification"), ("sales_ready", "Sales Acceptance")],
        "Role in Lead Scoring",
        help="Automated Marketing Qualification: leads come here with the first score that a scoring model gives them. "
        "Sales Acceptance: leads come here when they reach a sales-ready score. "
        "Of several stages of a role, a team's own one comes before those of all teams, then the first in order.",
    )

    @api.constrains("scoring_role", "is_won")
    def _check_scoring_role(self):
        if any(stage.scoring_role and stage.is_won for stage in self):
            raise ValidationError(
                self.env._("Scoring never wins a lead: a won stage can have no role in lead scoring.")
            )

    @api.model
    def _targets(self, role):
        """Return ``{id of the team, 0 for none: stage}``: where the leads of each team are moved to."""
        # With archived teams: a stage of theirs is no stage of all teams.
        stages = self.with_context(active_test=False).search([("scoring_role", "=", role)], order="sequence, id")
        shared = stages.filtered(lambda stage: not stage.team_ids)[:1]
        teams = self.env["crm.team"].with_context(active_test=False).search(Domain.TRUE)
        targets = {team.id: stages.filtered(lambda stage, team=team: team in stage.team_ids)[:1] for team in teams}
        found = {team: stage or shared for team, stage in targets.items()} | {0: shared}
        return {team: stage for team, stage in found.items() if stage}

    # ------------------------------------------------------------
    # Our own two stages
    # ------------------------------------------------------------

    @api.model
    def _make_scoring_stages(self):
        """Make both stages, once in the life of a database; roles that are given already need no stage."""
        Parameter = self.env["ir.config_parameter"].sudo()
        stages = self.sudo().with_context(active_test=False).search(Domain.TRUE, order="sequence, id")
        if Parameter.get_param(STAGES_MADE) or not stages:
            return
        Parameter.set_param(STAGES_MADE, "True")
        stages._take_roles_by_name()
        # Without a stage that all teams share, ours would be the first one of leads without a team.
        teams = self.browse() if any(not stage.team_ids for stage in stages) else stages.team_ids
        place = max(stages.ids.index(first.id) for first in stages._first_of_each_team()) + 1
        names, taken = self._scoring_stage_names(), set(stages.mapped("scoring_role"))
        made = self.sudo().create(
            [
                {"name": name(self.env(context={})), "scoring_role": role, "team_ids": teams.ids}
                for role, name in names.items()
                if role not in taken
            ]
        )
        for stage in made:
            for lang, _label in self.env["res.lang"].get_installed():
                stage.with_context(lang=lang).name = names[stage.scoring_role](stage.with_context(lang=lang).env)
        (stages[:place] + made + stages[place:])._space_out(place)

    @api.model
    def _scoring_stage_names(self):
        """Return ``{role: function of an environment that returns its stage's name in that language}``."""
        return {
            "qualified": lambda env: env._("Automated Marketing Qualification"),
            "sales_ready": lambda env: env._("Sales Acceptance"),
        }

    def _take_roles_by_name(self):
        """Give the roles to stages that are called like ours: they stayed when the addon was uninstalled."""
        stages = self.with_context(lang=None).filtered(lambda stage: not stage.is_won)
        for role, name in self._scoring_stage_names().items():
            if role not in self.mapped("scoring_role"):
                stages.filtered(lambda stage, name=name: stage.name == name(stage.env))[:1].scoring_role = role

    @api.model
    def _forget_scoring_stages(self):
        """Before the addon is uninstalled: the stages stay, with their leads, and the next installation finds them."""
        self.env["ir.config_parameter"].sudo().search([("key", "=", STAGES_MADE)]).unlink()

    def _first_of_each_team(self):
        """Return where the new leads of each team begin, and those without a team, among stages in their order."""
        firsts = self.browse()
        for team in [self.env["crm.team"], *self.team_ids]:
            theirs = self.filtered(lambda stage, team=team: not stage.team_ids or team in stage.team_ids)
            firsts |= theirs.filtered(lambda stage: not stage.fold)[:1] or theirs[:1]
        return firsts

    def _space_out(self, place):
        """Let the sequences of stages rise with their place from one place on; no more of them change than must."""
        last = self[place - 1].sequence
        for stage in self[place:]:
            last = max(last + 1, stage.sequence)
            if stage.sequence != last:
                stage.sequence = last
