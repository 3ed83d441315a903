"""Odoo's automated probability from the score, for the models that say so: the option, how Odoo's own computations
are kept from overwriting it, and how a run writes it."""

import logging

import numpy as np

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL, ormcache

from ..features.feature import int_array
from ..scoring.errors import ScoringError
from .lead_scoring_model import SCORING

_logger = logging.getLogger(__name__)

# Leads compared at a time, and leads written at a time: a written lead is locked until the commit some 40 ms later.
READ_BATCH_SIZE = 20_000
WRITE_BATCH_SIZE = 200
# As in Odoo: percent of two decimals, and an open lead is never sure.
LEAST, MOST = 0.01, 99.99
ROUNDING = 0.005


def percent_of(probabilities):
    """Return probabilities as Odoo stores them, in percent."""
    return np.clip(np.round(100 * probabilities, 2), LEAST, MOST)


class LeadScoringModel(models.Model):
    _inherit = "lead.scoring.model"

    use_as_probability = fields.Boolean(
        "Use as Automated Probability",
        help="The automated probability of the leads that show this model's score is that of the score, before it is "
        "rounded to a whole number. A probability that somebody set by hand stays. Switched off, Odoo's own "
        "computation takes over again the next time it runs.",
    )

    @api.constrains("use_as_probability", "outcome", "kind")
    def _check_use_as_probability(self):
        """:raises ValidationError: when a score that is no probability to be won would be used as one"""
        for model in self:
            if model.use_as_probability and (model.outcome != "won" or model.kind != "predictive"):
                raise ValidationError(
                    self.env._(
                        "Odoo's probability is the one to be won: the score of %s, which says something else, "
                        "cannot be used as automated probability.",
                        model.name,
                    )
                )

    @api.model
    @ormcache()
    def _gives_probabilities(self):
        """Whether the score of any live model is an automated probability: Odoo asks on every save of a lead."""
        return bool(self.sudo().search_count([("use_as_probability", "=", True), ("state", "in", SCORING)], limit=1))

    def write(self, vals):
        result = super().write(vals)
        if "use_as_probability" in vals:
            self.env.registry.clear_cache()
        if vals.get("use_as_probability") and self.filtered(lambda model: model.state in SCORING):
            self._trigger_scoring()
        return result


class CrmLead(models.Model):
    _inherit = "crm.lead"

    def _pls_get_naive_bayes_probabilities(self, batch_mode=False, is_tooltip=False):
        """Where the score is the automated probability, whoever asks Odoo for one gets that of the last score."""
        scored = self._get_score_probabilities()
        if not scored:
            return super()._pls_get_naive_bayes_probabilities(batch_mode, is_tooltip)
        # Odoo's naive Bayes has no reasons for it; those of the score stand on the lead.
        tooltip = {"probability": scored[self.id], "scores": []} if is_tooltip else {}
        if others := self.filtered(lambda lead: lead.id not in scored):
            # Odoo returns an empty dict alone where none of the leads is to be computed.
            found = super(CrmLead, others)._pls_get_naive_bayes_probabilities(batch_mode, is_tooltip)
            scored |= found[0] if found else {}
        return scored, tooltip

    def _get_score_probabilities(self):
        """Return ``{id: percent}`` of the open leads among self whose score is their automated probability."""
        if not self.env["lead.scoring.model"]._gives_probabilities():
            return {}
        self.env["lead.scoring.model"].flush_model(["state", "use_as_probability"])
        rows = self.env.execute_query(
            SQL(
                """
                SELECT row.version_id, array_agg(row.lead_id), string_agg(row.levels, '')
                  FROM crm_lead_score row
                  JOIN lead_scoring_model model ON model.id = row.model_id
                 WHERE row.main AND row.lead_id = ANY(%s) AND model.use_as_probability
                   AND model.state = ANY(%s)
              GROUP BY row.version_id
                """,
                int_array(self._origin.ids),
                list(SCORING),
            )
        )
        found = {}
        for version_id, lead_ids, levels in rows:
            try:
                found.update(zip(lead_ids, self._percent_of_levels(version_id, len(lead_ids), levels)))
            except ScoringError as error:
                _logger.warning("Probabilities are Odoo's own: %s", error)  # saving a lead must not fail
        return {
            lead.id: found[lead._origin.id]
            for lead in (self if found else ())
            if lead._origin.id in found and lead.active and not lead.stage_id.is_won
        }

    @api.model
    def _percent_of_levels(self, version_id, count, levels):
        """Return a list of percents by the packed levels of so many leads.

        :raises ScorecardError: when the version cannot be used
        """
        card = self.env["lead.scoring.model.version"].sudo().browse(version_id)._load_card()
        return percent_of(card.probabilities(np.frombuffer(levels, np.uint8).reshape(count, len(card.names)))).tolist()


class LeadScoringRun(models.Model):
    _inherit = "lead.scoring.run"

    probability_count = fields.Integer(
        "Probabilities", readonly=True, help="Leads whose automated probability was set to that of their score."
    )

    def _write_probabilities(self):
        """Set the automated probabilities that differ from the score's. Return False if the cron's time is over before.

        As in Odoo's own scheduled action nobody is noted as having changed the leads; what Odoo computes from the
        probability, such as the prorated revenue, follows.
        """
        if not self.model_id.use_as_probability:
            return True
        after = 0
        while page := self._next_probabilities(after):
            after, differing = page
            for start in range(0, len(differing), WRITE_BATCH_SIZE):
                # Each batch begins with the leads as they are now: the commit ends what was seen before.
                if not self.env["ir.cron"]._commit_progress(min(start, WRITE_BATCH_SIZE)):
                    return False
                batch = differing[start : start + WRITE_BATCH_SIZE]
                try:
                    written = self._set_probabilities(batch)
                except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY as error:
                    _logger.info("Lead scoring run %s: %s; these probabilities wait for the next run", self.id, error)
                    self.env.cr.rollback()
                    written = []
                left = {lead_id for lead_id, _percent in batch}.difference(written)
                self.env["lead.scoring.due"]._mark_scored(self.model_id, sorted(left))
        return True

    def _next_probabilities(self, after):
        """Return the last lead id of the next page of scores and its (lead id, percent) that differ; None at the end."""
        self.env["crm.lead"].flush_model(["active", "won_status", "automated_probability", "probability", "stage_id"])
        among = self._among()
        ((last, ids, stored, levels),) = self.env.execute_query(
            SQL(
                """
                SELECT max(lead_id), array_agg(lead_id), array_agg(coalesce(automated_probability, -1)),
                       string_agg(levels, '')
                  FROM (
                    SELECT row.lead_id, lead.automated_probability, row.levels
                      FROM crm_lead_score row
                      JOIN crm_lead lead ON lead.id = row.lead_id
                     WHERE row.main AND row.model_id = %(model)s AND row.version_id = %(version)s
                       AND lead.active AND lead.won_status = 'pending' AND lead.id > %(after)s AND %(among)s
                  ORDER BY lead.id
                     LIMIT %(limit)s
                  ) page
                """,
                model=self.model_id.id,
                version=self.version_id.id,
                after=after,
                among=SQL("lead.id IN %s", among) if among else SQL("TRUE"),
                limit=READ_BATCH_SIZE,
            )
        )
        if not ids:
            return None
        percents = self.env["crm.lead"]._percent_of_levels(self.version_id.id, len(ids), levels)
        differing = [
            (lead_id, percent) for lead_id, percent, old in zip(ids, percents, stored) if abs(percent - old) >= ROUNDING
        ]
        return last, differing

    def _set_probabilities(self, percents):
        """Write (lead id, percent) pairs; leads that somebody saves just now wait for the next run.

        :return: list of the ids of the leads that were written
        """
        rows = self.env.execute_query(
            SQL(
                """
                WITH free AS (
                    SELECT lead.id, new.percent
                      FROM unnest(%(ids)s::int[], %(percents)s::float8[]) AS new(id, percent)
                      JOIN crm_lead lead ON lead.id = new.id
                     WHERE lead.active AND lead.won_status = 'pending'
                  ORDER BY lead.id
                       FOR NO KEY UPDATE OF lead SKIP LOCKED
                )
                UPDATE crm_lead
                   SET automated_probability = free.percent,
                       probability = CASE
                           WHEN abs(probability - automated_probability) >= %(rounding)s THEN probability
                           ELSE free.percent
                       END
                  FROM free
                 WHERE crm_lead.id = free.id
             RETURNING crm_lead.id
                """,
                ids=[lead_id for lead_id, _percent in percents],
                percents=[percent for _lead_id, percent in percents],
                rounding=ROUNDING,
            )
        )
        leads = self.env["crm.lead"].browse([lead_id for (lead_id,) in rows])
        leads.invalidate_recordset(["probability", "automated_probability"])
        leads.modified(["probability", "automated_probability"])
        self.probability_count += len(leads)
        self.env.flush_all()
        return leads.ids
