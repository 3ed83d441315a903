from odoo import api, fields, models, tools
from odoo.exceptions import UserError

from ..scoring.cards import card_from_json
from ..scoring.errors import ScorecardError


class LeadScoringModelVersion(models.Model):
    """One state of a model that scored: what a predictive model learned, with the report of how good it is, or the
    rules of a model as they were when it went live. Immutable."""

    _name = "lead.scoring.model.version"
    _description = "Lead Scoring Model Version"
    _order = "id desc"
    _rec_name = "number"

    model_id = fields.Many2one("lead.scoring.model", required=True, ondelete="cascade", index=True, readonly=True)
    company_id = fields.Many2one(related="model_id.company_id")
    number = fields.Integer("Version", readonly=True, aggregator=None)
    # The two long ones are read where they are asked for alone.
    scorecard = fields.Text(
        readonly=True, required=True, prefetch=False, help="The tables that are added up, as canonical JSON."
    )
    sha256 = fields.Char("Fingerprint", readonly=True, help="SHA-256 of the scorecard.")
    report = fields.Json(readonly=True, prefetch=False)
    is_published = fields.Boolean("Published", compute="_compute_is_published")
    trained_by_id = fields.Many2one(
        "res.users",
        readonly=True,
        help="Who asked for the training. Nobody: it was trained by itself.",
    )
    won_count = fields.Integer("Won Leads", readonly=True, help="Or qualified ones, where that is what it predicts.")
    lost_count = fields.Integer("Lost Leads", readonly=True)
    auc = fields.Float(
        "AUC",
        compute="_compute_from_report",
        digits=(4, 3),
        aggregator=None,
        help="How well the scores put won leads above lost ones, on leads the model had not learned from: "
        "0.5 is chance, 1 is perfect.",
    )
    outcome = fields.Selection(
        lambda self: self.env["lead.scoring.model"]._fields["outcome"]._description_selection(self.env),
        "Predicts",
        compute="_compute_from_report",
    )
    method = fields.Selection(
        [("out_of_time", "On the newest leads"), ("cross_validation", "By cross-validation")],
        compute="_compute_from_report",
        string="Measured",
    )
    gate = fields.Selection(
        [("ready", "Ready"), ("careful", "Usable with care"), ("not_ready", "Not ready")],
        compute="_compute_from_report",
        string="Readiness",
        help="Ready: the scores put won leads above lost ones and their probabilities are better than the average, "
        "both beyond doubt. Usable with care: one of the two, or both with too short a history or too many leads that "
        "were never closed. Not ready: none.",
    )
    warnings = fields.Text("To Bear in Mind", compute="_compute_warnings")
    too_old_count = fields.Integer("Oldest Open Leads", compute="_compute_from_report")
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
            version.outcome = report.get("specification", {}).get("outcome") or "won"
            version.too_old_count = report.get("training", {}).get("too_old") or 0
            version.gate = report.get("gate")

    @api.depends("report")
    @api.depends_context("lang")
    def _compute_warnings(self):
        for version in self:
            version.warnings = "\n".join(version._warnings())

    def _warnings(self):
        """Return sentences on what to bear in mind with the scores of this version."""
        _, report = self.env._, self.report or {}
        found, percent = report.get("training", {}), lambda share: round(100 * share)
        sentences = []
        if report.get("drift"):
            rates = {
                "before": percent(report["train"]["base_rate"]),
                "after": percent(report["test"]["base_rate"]),
            }
            sentences.append(
                _(
                    "The share of qualified leads has changed: %(before)s %% of the older leads and %(after)s %% of the "
                    "newest ones were qualified. The order of the leads holds better than the scores themselves.",
                    **rates,
                )
                if self.outcome == "qualified"
                else _(
                    "The share of won leads has changed: %(before)s %% of the older leads and %(after)s %% of the "
                    "newest ones were won. The order of the leads holds better than the scores themselves.",
                    **rates,
                )
            )
        if "short_history" in found.get("flags", ()) and found["history_days"] < 1:
            sentences.append(
                _(
                    "All leads were made within a day, as an import leaves them: how long they take to close is not known "
                    "yet, so the scores may be too high or too low."
                )
            )
        elif "short_history" in found.get("flags", ()):
            sentences.append(
                _(
                    "The leads reach back only %(history)s days, and one in ten takes longer than %(slow)s days to "
                    "close: slow leads are hardly known yet, so the scores may be too high or too low.",
                    history=round(found["history_days"]),
                    slow=round(found["slow_days"]),
                )
            )
        if "unclosed" in found.get("flags", ()):
            sentences.append(
                _(
                    "%(share)s %% of the leads that are old enough were never closed. If most of them are lost, the "
                    "scores are too high: mark them as lost.",
                    share=percent(found["never_closed"]),
                )
            )
        elif found.get("too_old"):
            sentences.append(
                _(
                    "%(count)s open leads are older than almost any lead that closed (%(days)s days): no probability "
                    "is known for them. Mark them as lost if they are.",
                    count=found["too_old"],
                    days=round(found["oldest_days"]),
                )
            )
        return sentences

    def action_publish(self):
        """Let this version score from now on, an older one too."""
        self.ensure_one()
        self.model_id.check_access("write")
        if self.outcome != self.model_id.outcome:
            raise UserError(
                self.env._(
                    "Version %(number)s was trained for another outcome than %(model)s predicts now.",
                    number=self.number,
                    model=self.model_id.name,
                )
            )
        self.model_id.sudo()._publish(self.sudo())

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
        """Return the Scorecard or RuleCard of this version.

        :raises ScorecardError: in the user's words, when the stored text is not a scorecard it was
        """
        # Loading checks the whole text; a version never changes, so once per process is enough.
        return card_from_json(self.scorecard)

    @tools.ormcache("self.id")
    def _predicts(self):
        """Return the outcome that this version predicts, without reading its whole report each time."""
        return self.outcome

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
