from odoo import api, fields, models, tools
from odoo.exceptions import UserError

from ..scoring.errors import ScorecardError
from ..scoring.scorecard import Scorecard


class LeadScoringModelVersion(models.Model):
    """One trained state of a predictive model: its scorecard and the report of how good it is. Immutable."""

    _name = "lead.scoring.model.version"
    _description = "Lead Scoring Model Version"
    _order = "id desc"
    _rec_name = "number"

    model_id = fields.Many2one("lead.scoring.model", required=True, ondelete="cascade", index=True, readonly=True)
    company_id = fields.Many2one(related="model_id.company_id")
    number = fields.Integer("Version", readonly=True, aggregator=None)
    scorecard = fields.Text(readonly=True, required=True, help="The tables that are added up, as canonical JSON.")
    sha256 = fields.Char("Fingerprint", readonly=True, help="SHA-256 of the scorecard.")
    report = fields.Json(readonly=True)
    is_published = fields.Boolean("Published", compute="_compute_is_published")
    won_count = fields.Integer("Won Leads", readonly=True)
    lost_count = fields.Integer("Lost Leads", readonly=True)
    auc = fields.Float(
        "AUC",
        compute="_compute_from_report",
        digits=(4, 3),
        aggregator=None,
        help="How well the scores put won leads above lost ones, on leads the model had not learned from: "
        "0.5 is chance, 1 is perfect.",
    )
    method = fields.Selection(
        [("out_of_time", "On the newest leads"), ("cross_validation", "By cross-validation")],
        compute="_compute_from_report",
        string="Measured",
    )
    gate = fields.Selection(
        [("ready", "Ready"), ("careful", "Usable with care"), ("not_ready", "Not ready")],
        compute="_compute_from_report",
        help="Whether it tells won leads from lost ones surely enough to go live. Its report says why.",
    )
    feature_labels = fields.Json(compute="_compute_feature_labels", help="Of the features that the report names.")
    top_features = fields.Char("Top Factors", compute="_compute_top_features")

    @api.depends("number")
    def _compute_display_name(self):
        for version in self:
            version.display_name = self.env._("Version %s", version.number)

    @api.depends("model_id.version_id")
    def _compute_is_published(self):
        for version in self:
            version.is_published = version.model_id.version_id == version

    @api.depends("report")
    def _compute_from_report(self):
        for version in self:
            report = version.report or {}
            version.auc = report.get("metrics", {}).get("auc") or 0.0
            version.method = report.get("method")
            version.gate = report.get("gate")

    @api.depends("report")
    @api.depends_context("lang")
    def _compute_top_features(self):
        for version in self:
            names = [feature["name"] for feature in (version.report or {}).get("features", [])[:5]]
            labels = version.model_id._feature_labels(names)
            version.top_features = ", ".join(labels.get(name, name) for name in names)

    @api.depends("report")
    @api.depends_context("lang")
    def _compute_feature_labels(self):
        for version in self:
            report = version.report or {}
            rows = [*report.get("features", []), *report.get("left_out", [])]
            version.feature_labels = version.model_id._feature_labels([row["name"] for row in rows])

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            newest = self.search([("model_id", "=", vals["model_id"])], limit=1, order="number desc")
            vals["number"] = newest.number + 1
        return super().create(vals_list)

    def write(self, vals):
        if {"scorecard", "report", "model_id"} & vals.keys():
            raise UserError(self.env._("A version cannot be changed. Train the model to make a new one."))
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_published(self):
        if any(version.is_published for version in self):
            raise UserError(self.env._("The published version of a model cannot be deleted."))

    def unlink(self):
        ids = self.ids
        result = super().unlink()
        self.env["crm.lead.score"]._delete_of_versions(ids)
        self.env["crm.lead.score.history"]._delete_of("version_id", ids)
        return result

    @tools.ormcache("self.id")
    def _card(self):
        """Return the :class:`Scorecard` of this version.

        :raises ScorecardError: in the user's words, when the stored text is not a scorecard it was
        """
        # Loading checks the whole text; a version never changes, so once per process is enough.
        return Scorecard.from_json(self.scorecard)

    def _load_card(self):
        """Like :meth:`_card`, with the name of the model and version in the error."""
        self.ensure_one()
        try:
            return self._card()
        except ScorecardError as error:
            raise ScorecardError(
                self.env._(
                    "Version %(number)s of %(model)s cannot be used: %(reason)s Its earlier scores stay. "
                    "Train the model again.",
                    number=self.number,
                    model=self.model_id.name,
                    reason=error,
                )
            ) from error

    def _closed_leads_by_score(self):
        """Return two lists of 101 counts, closed and won leads by the score they got when they were not learned
        from; zeros for no version."""
        by_score = (self.report or {}).get("by_score") or {}
        empty = [0] * 101
        return by_score.get("closed", empty), by_score.get("won", empty)
