from lxml import etree

from odoo import api, models


class CrmLead(models.Model):
    """A filter for each grade there is: their names are the admin's to choose."""

    _inherit = "crm.lead"

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        arch, view = super()._get_view(view_id, view_type, **options)
        if view_type == "search":
            for place in arch.findall(".//filter[@name='lead_grades']"):
                for name in self._lead_grade_names():
                    place.addprevious(self._lead_grade_filter(name))
                place.getparent().remove(place)
        return arch, view

    @api.model
    def _get_view_cache_key(self, view_id=None, view_type="form", **options):
        key = super()._get_view_cache_key(view_id, view_type, **options)
        return (*key, self._lead_grade_names()) if view_type == "search" else key

    @api.model
    def _lead_grade_names(self):
        """Return the names of the grades of live models, best first."""
        grades = self.env["lead.scoring.grade"].sudo()
        found = grades.search(
            [("model_id.state", "=", "live"), ("company_id", "in", [*self.env.companies.ids, False])],
            order="sequence, id",
        )
        return tuple(dict.fromkeys(found.mapped("name")))

    @api.model
    def _lead_grade_filter(self, name):
        return etree.Element(
            "filter",
            name=f"lead_grade_{name}",
            string=self.env._("Grade %s", name),
            domain=repr([("lead_grade", "=", name)]),
        )
