from odoo import models


class ResGroups(models.Model):
    _inherit = "res.groups"

    def write(self, vals):
        """Scoring is switched by what the group of all employees implies, in Settings or in the form of a group.

        Switched on, it goes on at once where it was left.
        """
        # While the addon is installed the groups do not exist yet, and its hook does the rest.
        if self.env.context.get("install_mode") or not {"implied_ids", "implied_by_ids"} & vals.keys():
            return super().write(vals)
        Config = self.env["lead.scoring.config"].sudo()
        was_on = Config._is_on()
        result = super().write(vals)
        if was_on != Config._is_on():
            self.env.registry.clear_cache()  # what is scored as leads are saved
            if not was_on:
                Config._switched_on()
        return result
