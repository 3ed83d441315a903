from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain

# What its author decides; everything else says what was when it was sent.
OPEN_FIELDS = {"expected_score", "comments"}


class CrmLeadScoreFeedback(models.Model):
    """What a person who knows a lead expects of its score. It never changes the score.

    It is visible exactly where its lead is; its author alone changes and withdraws it.
    """

    _name = "crm.lead.score.feedback"
    _description = "Lead Score Feedback"
    _order = "date desc, id desc"
    _rec_name = "lead_id"

    lead_id = fields.Many2one("crm.lead", required=True, ondelete="cascade", index=True, readonly=True)
    company_id = fields.Many2one(related="lead_id.company_id")
    model_id = fields.Many2one("lead.scoring.model", readonly=True, ondelete="set null", index="btree_not_null")
    version_id = fields.Many2one("lead.scoring.model.version", readonly=True, ondelete="set null")
    author_id = fields.Many2one(
        "res.users", required=True, readonly=True, default=lambda self: self.env.user, ondelete="cascade", index=True
    )
    date = fields.Datetime(required=True, readonly=True, default=fields.Datetime.now)
    is_given = fields.Boolean("Had a Score", readonly=True, help="The lead had a score when the feedback was sent.")
    given_score = fields.Integer(readonly=True, aggregator="avg", help="The lead's score when the feedback was sent.")
    expected_score = fields.Integer(required=True, aggregator="avg")
    difference = fields.Integer(
        compute="_compute_difference",
        store=True,
        aggregator="avg",
        help="Expected less given score: above zero, the author finds the lead better than its score.",
    )
    comments = fields.Text()
    outcome = fields.Selection(related="lead_id.won_status", string="Outcome")

    _lead_author_uniq = models.Constraint("UNIQUE(lead_id, author_id)", "You have already sent feedback on this lead.")
    _check_expected_score = models.Constraint(
        "CHECK(expected_score BETWEEN 0 AND 100)", "The expected score lies between 0 and 100."
    )

    @api.depends("expected_score", "given_score", "is_given")
    def _compute_difference(self):
        for feedback in self:
            feedback.difference = feedback.expected_score - feedback.given_score if feedback.is_given else 0

    @api.model_create_multi
    def create(self, vals_list):
        """The reader says what they expect; the rest is written by what the lead's score is now."""
        given = self._given([vals.get("lead_id") for vals in vals_list])
        vals_list = [
            {
                **(vals if self.env.su else {name: vals[name] for name in OPEN_FIELDS & vals.keys()}),
                "lead_id": vals.get("lead_id"),
                **given.get(vals.get("lead_id"), {}),
            }
            for vals in vals_list
        ]
        return super().create(vals_list)

    def write(self, vals):
        if not self.env.su and vals.keys() - OPEN_FIELDS:
            raise AccessError(self.env._("Only the expected score and the comments of a feedback can be changed."))
        if not OPEN_FIELDS & vals.keys():
            return super().write(vals)
        self.check_access("write")
        given = self._given(self.lead_id.ids)
        for feedback in self:  # one in practice: an author's own on one lead
            changed = {**vals, "date": fields.Datetime.now(), **given.get(feedback.lead_id.id, {})}
            super(CrmLeadScoreFeedback, feedback.sudo()).write(changed)
        return True

    def _given(self, lead_ids):
        """Return ``{lead id: values}``: what score some leads have now, and who gave it."""
        rows = self.env["crm.lead.score"].sudo().search([("lead_id", "in", lead_ids), ("main", "=", True)])
        return {
            row.lead_id.id: {
                "is_given": True,
                "given_score": row.score,
                "model_id": row.model_id.id,
                "version_id": row.version_id.id,
            }
            for row in rows
        }

    # ------------------------------------------------------------
    # Visible where the lead is
    # ------------------------------------------------------------

    def _check_access(self, operation):
        result = super()._check_access(operation)
        if self.env.su or not any(self._ids):
            return result
        leads = self.sudo().lead_id.with_env(self.env)
        hidden = leads - leads._filtered_access("read")
        stray = self.filtered(lambda feedback: feedback.sudo().lead_id in hidden.sudo())
        if not stray:
            return result
        forbidden = stray | (result[0] if result else self.browse())
        return forbidden, lambda: self.env["ir.rule"]._make_access_error(operation, forbidden)

    @api.model
    def _search(self, domain, *args, bypass_access=False, **kwargs):
        if not (self.env.su or bypass_access):
            visible = self.env["crm.lead"].with_context(active_test=False)._search([])
            domain = Domain(domain) & Domain("lead_id", "in", visible)
        return super()._search(domain, *args, bypass_access=bypass_access, **kwargs)

    def _told(self):
        return [
            {
                "id": feedback.id,
                "author": feedback.author_id.sudo().name,
                "date": fields.Datetime.to_string(feedback.date),
                "expected": feedback.expected_score,
                "given": feedback.given_score if feedback.is_given else False,
                "comments": feedback.comments or "",
            }
            for feedback in self
        ]

    # ------------------------------------------------------------
    # Merging leads
    # ------------------------------------------------------------

    @api.model
    def _carry_over(self, merged, lead):
        """Give the feedback of leads that are merged to the lead that stays. Of an author's several the newest stays.

        :param merged: the leads that go
        :param lead: the lead that stays
        """
        every = self.sudo().search([("lead_id", "in", (merged | lead).ids)])  # newest first
        newest = self.browse().union(*(own[0] for own in every.grouped("author_id").values()))
        (every - newest).unlink()
        newest.filtered(lambda feedback: feedback.lead_id != lead).write({"lead_id": lead.id})
