from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..features.moments import count_closed, training_set
from ..features.outcome import OUTCOMES
from ..scoring.comparison import compare

# Fewer leads of a kind than this cannot tell two versions apart.
MINIMUM_CLOSED = 40
SEED = 20_260_101
# What of the reports is shown side by side.
SHOWN = ("method", "metrics", "train", "test", "gate", "curves")


class LeadScoringComparison(models.TransientModel):
    """Two versions of a model side by side, and which one is better on the same leads.

    Both are judged by leads that closed since both were trained: all others at least one has learned from. Until there
    are enough of them, the newer version's own training may have compared them, by models of both specifications that
    learned from the same older leads.
    """

    _name = "lead.scoring.comparison"
    _description = "Comparison of Two Versions"

    first_id = fields.Many2one("lead.scoring.model.version", required=True, ondelete="cascade")
    second_id = fields.Many2one("lead.scoring.model.version", required=True, ondelete="cascade")
    found = fields.Json(compute="_compute_found", store=True)
    verdict = fields.Text(compute="_compute_words")
    basis = fields.Text("How It Was Compared", compute="_compute_words")

    @api.constrains("first_id", "second_id")
    def _check_versions(self):
        for comparison in self:
            first, second = comparison.first_id, comparison.second_id
            if first == second or first.model_id != second.model_id or first.outcome != second.outcome:
                raise ValidationError(
                    self.env._("Two versions of one model that predict the same outcome can be compared.")
                )

    @api.depends("first_id", "second_id")
    def _compute_found(self):
        for comparison in self:
            versions = (comparison.first_id | comparison.second_id).sorted("number")
            versions.check_access("read")
            comparison.found = len(versions) == 2 and {
                "outcome": versions[0].outcome,
                "sides": [comparison._side(version) for version in versions],
                **comparison._paired(*versions),
            }

    @api.model
    def _side(self, version):
        report = version.report or {}
        shown = {name: report[name] for name in SHOWN if name in report}
        return {"name": version.display_name, "report": shown | {"specification": {"outcome": version.outcome}}}

    @api.model
    def _paired(self, older, newer):
        """Return the paired comparison, newer less older, with where it is from: "closed_since", "challenge" or none."""
        model, outcome = older.model_id.sudo(), OUTCOMES[older.outcome]
        since = max(older.create_date, newer.create_date)
        domain = model._lead_domain()
        won, lost = count_closed(model.env, domain, since=since, outcome=outcome)
        found = {"won": won, "lost": lost, "needed": MINIMUM_CLOSED}
        if min(won, lost) >= MINIMUM_CLOSED:
            cards = newer._load_card(), older._load_card()
            names = sorted({name for card in cards for name in card.names})
            data = training_set(model.env, domain, names, seed=SEED, since=since, outcome=outcome)
            paired = compare(*cards, data.table, data.won, weights=data.weights, groups=data.groups, seed=SEED)
            return {**found, "basis": "closed_since", "paired": paired}
        report = newer.report or {}
        challenge = report.get("challenge")
        if challenge and report.get("specification", {}).get("beside") == older.number:
            return {**found, "basis": "challenge", "paired": self._of_challenge(challenge)}
        return {**found, "basis": "none", "paired": None}

    @api.model
    def _of_challenge(self, challenge):
        """Return a version's challenge as a comparison of the newer with the older."""
        low, high = challenge["gain_interval"]
        return {
            "auc": {"difference": challenge["auc_gain"], "interval": challenge["auc_gain_interval"]},
            "log_loss": {"difference": -challenge["gain"], "interval": [-high, -low]},
        }

    @api.depends("found")
    @api.depends_context("lang")
    def _compute_words(self):
        for comparison in self:
            found = comparison.found
            paired = found and found["paired"]
            comparison.verdict = paired and "\n".join(comparison._verdict(found, paired))
            comparison.basis = found and comparison._basis(found)

    @api.model
    def _verdict(self, found, paired):
        """Return two sentences: which one ranks better, and whose probabilities are better."""
        _ = self.env._
        names = [side["name"] for side in found["sides"]]
        auc = {**self._figures(paired["auc"]), "older": names[0], "newer": names[1]}
        loss = {**self._figures(paired["log_loss"]), "older": names[0], "newer": names[1]}
        return [
            {
                1: _("%(newer)s ranks better: AUC %(difference)s (between %(low)s and %(high)s).", **auc),
                0: _(
                    "Neither ranks better beyond chance: AUC of %(newer)s less that of %(older)s is %(difference)s "
                    "(between %(low)s and %(high)s).",
                    **auc,
                ),
                -1: _(
                    "%(newer)s ranks worse than %(older)s: AUC %(difference)s (between %(low)s and %(high)s).", **auc
                ),
            }[self._sign(paired["auc"])],
            {
                -1: _(
                    "The probabilities of %(newer)s are better: log loss %(difference)s (between %(low)s and %(high)s; "
                    "lower is better).",
                    **loss,
                ),
                0: _(
                    "Neither has better probabilities beyond chance: log loss of %(newer)s less that of %(older)s is "
                    "%(difference)s (between %(low)s and %(high)s).",
                    **loss,
                ),
                1: _(
                    "The probabilities of %(newer)s are worse: log loss %(difference)s (between %(low)s and %(high)s; "
                    "lower is better).",
                    **loss,
                ),
            }[self._sign(paired["log_loss"])],
        ]

    @api.model
    def _sign(self, figures):
        """Return 1 or -1 where the difference is beyond chance, else 0."""
        low, high = figures["interval"]
        return (low > 0) - (high < 0)

    @api.model
    def _figures(self, figures):
        low, high = figures["interval"]
        return {
            name: f"{value:+.4f}"
            for name, value in (("difference", figures["difference"]), ("low", low), ("high", high))
        }

    @api.model
    def _basis(self, found):
        _ = self.env._
        older, newer = (side["name"] for side in found["sides"])
        counts = {"won": found["won"], "lost": found["lost"], "needed": found["needed"]}
        if found["basis"] == "closed_since":
            return (
                _(
                    "Compared on the %(won)s qualified and %(lost)s lost leads that closed since both were trained: "
                    "neither has learned from them. Intervals: 95 %%.",
                    **counts,
                )
                if found["outcome"] == "qualified"
                else _(
                    "Compared on the %(won)s won and %(lost)s lost leads that closed since both were trained: neither "
                    "has learned from them. Intervals: 95 %%.",
                    **counts,
                )
            )
        few = (
            _("Only %(won)s qualified and %(lost)s lost leads closed since both were trained.", **counts)
            if found["outcome"] == "qualified"
            else _("Only %(won)s won and %(lost)s lost leads closed since both were trained.", **counts)
        )
        if found["basis"] == "challenge":
            return (
                few
                + " "
                + _(
                    "So this is what the training of %(newer)s found: two models, with the fields of %(newer)s and with those "
                    "of %(older)s, learned from the same leads and were tested on the same others. Intervals: 95 %%.",
                    newer=newer,
                    older=older,
                )
            )
        return (
            few
            + " "
            + _(
                "No comparison on the same leads is possible before there are %(needed)s of each: from older ones at least "
                "one of the two has learned. Below is what each training found out for itself, on different leads.",
                **counts,
            )
        )


class LeadScoringModelVersion(models.Model):
    _inherit = "lead.scoring.model.version"

    def action_compare(self):
        """Show two versions side by side: the two selected ones, or this one and the published one."""
        versions = self if len(self) == 2 else self | self.model_id.version_id
        if len(versions) != 2 or versions.model_id.filtered(lambda model: model.kind != "predictive"):
            raise UserError(self.env._("Select two versions of one predictive model to compare them."))
        comparison = self.env["lead.scoring.comparison"].create(
            {"first_id": versions[0].id, "second_id": versions[1].id}
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Two Versions Side by Side"),
            "res_model": "lead.scoring.comparison",
            "res_id": comparison.id,
            "view_mode": "form",
            "target": "new",
            "context": {"dialog_size": "extra-large"},
        }
