from odoo import api, fields, models
from odoo.exceptions import AccessError

from ..features.catalogue import find
from ..features.reasons import value_rates
from ..scoring.binning import BY_HAND, CONSTANT, EMPTY, NO_HELP, UNIQUE

# What a training says of a feature that it left out, and the code that is translated on screen.
WHY = {EMPTY: "empty", CONSTANT: "constant", UNIQUE: "unique", NO_HELP: "no_help", BY_HAND: "by_hand"}


class LeadScoringFeature(models.Model):
    """A candidate input of a model: what its last training found out about it, and what an admin decided."""

    _name = "lead.scoring.feature"
    _description = "Scoring Feature"
    _order = "used desc, influence desc, filled_closed desc, name"
    _rec_name = "label"

    model_id = fields.Many2one("lead.scoring.model", required=True, ondelete="cascade", index=True, readonly=True)
    company_id = fields.Many2one(related="model_id.company_id")
    name = fields.Char("Technical Name", required=True, readonly=True)
    label = fields.Char("Feature", compute="_compute_label")
    choice = fields.Selection(
        [("auto", "Recommended"), ("in", "Always in"), ("out", "Always out")],
        default="auto",
        required=True,
        help="Recommended: the training keeps the feature if it helps to tell won (or qualified) from lost. "
        "Takes effect with the next training.",
    )
    ignore_empty = fields.Boolean(
        "Leave Empty Values Out",
        help="A lead without this value is neither raised nor lowered. Takes effect with the next training.",
    )
    used = fields.Boolean("In the Model", readonly=True)
    why = fields.Selection(
        [
            ("empty", "Always empty"),
            ("constant", "Always the same"),
            ("unique", "Nearly every lead has its own value"),
            ("no_help", "Does not help to tell won from lost"),
            ("by_hand", "Left out by hand"),
            ("gone", "Does not exist any more"),
            ("separates_alone", "Tells won from lost all by itself: known only at the close?"),
            ("empty_on_open", "Filled in closed leads, hardly ever in open ones"),
            ("level_missing_on_open", "Has values that open leads hardly ever have"),
            ("little_history", "Too few leads have a history of it"),
        ],
        "Why It Is Left Out",
        readonly=True,
    )
    suspicion = fields.Selection(
        [
            ("strong_alone", "Tells a lot all by itself"),
            ("decides_levels", "Some of its values decide nearly alone"),
            ("level_missing_on_open", "Some of its values are rare in open leads"),
        ],
        readonly=True,
        help="It is in, but make sure that it is known while a lead is open. If it is not, leave it out.",
    )
    influence = fields.Float(
        readonly=True, aggregator=None, help="Share of this feature in what tells the leads' scores apart."
    )
    filled_closed = fields.Float("Filled in Closed Leads", readonly=True, aggregator=None)
    filled_open = fields.Float("Filled in Open Leads", readonly=True, aggregator=None)
    values = fields.Json("Win Rates", compute="_compute_values", exportable=False)

    _model_name_uniq = models.Constraint("UNIQUE(model_id, name)", "A model lists a feature once.")

    @api.depends("name")
    @api.depends_context("lang")
    def _compute_label(self):
        labels = {name: feature.label for name, feature in find(self.sudo().env, self.mapped("name")).items()}
        for feature in self:
            feature.label = labels.get(feature.name, feature.name)

    @api.depends("name", "model_id.version_id")
    @api.depends_context("lang", "uid")
    def _compute_values(self):
        for version, features in self.grouped(lambda feature: feature.model_id._newest_version()).items():
            rates = value_rates(self.env, version._load_card(), features.mapped("name")) if version else {}
            for feature in features:
                found = rates.get(feature.name)
                feature.values = found and {**found, "outcome": version.outcome}

    def write(self, vals):
        if not self.env.su and vals.keys() - {"choice", "ignore_empty"}:
            raise AccessError(self.env._("What a training found out cannot be changed by hand."))
        return super().write(vals)

    def _note_training(self, model, report, filled_open):
        """Write what a training found out; candidates appear by themselves, and what is gone says so.

        :param report: the version's report
        :param filled_open: ``{name: share of open leads that have a value}``
        """
        found = {row["name"]: self._values_of(row, filled_open) for row in report["features"] + report["left_out"]}
        for row in report["leaks"]["features"]:
            if row["verdict"] == "out":
                found[row["name"]] = self._values_of(row, filled_open)
            elif row["verdict"] == "asked":
                found[row["name"]]["suspicion"] = row["reason"]
        known = {feature.name: feature for feature in self.search([("model_id", "=", model.id)])}
        for name, feature in known.items():
            feature.write(found.get(name) or {"used": False, "why": "gone", "influence": 0, "suspicion": False})
        self.create([{"model_id": model.id, "name": name, **found[name]} for name in found if name not in known])

    def _values_of(self, row, filled_open):
        """Return what to write for a row of a report: of its features, of what it left out, or of the leak guard."""
        why = row.get("why") or row.get("reason")
        return {
            "used": not why,
            "why": WHY.get(why, why or False),
            "suspicion": False,
            "influence": 0 if why else row["influence"],
            "filled_closed": row["filled"] if "filled" in row else row["filled_closed"],
            "filled_open": filled_open.get(row["name"], 0),
        }
