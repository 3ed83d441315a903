from contextlib import suppress
from unittest.mock import patch

from odoo.exceptions import ValidationError
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from ..features.catalogue import catalogue
from ..features.read import fields_read
from .common_moves import SavedCommon

LOGGER = "odoo.addons.lead_scoring.models.crm_lead_moments"
RUN = "odoo.addons.lead_scoring.models.lead_scoring_run"


@tagged("post_install", "-at_install")
class TestMomentsOfALead(SavedCommon):
    # ------------------------------------------------------------
    # Saved
    # ------------------------------------------------------------

    def test_a_new_lead_has_its_score_when_it_is_saved(self):
        lead = self._new()
        self._save()
        self.assertGreater(lead.lead_score, 60)
        self.assertTrue(lead.lead_score_reasons["reasons"])

    def test_a_form_that_was_saved_shows_the_score_of_what_was_saved(self):
        """Without being opened anew: a form reads what it saved before the transaction ends."""
        shown = {"lead_score": {}, "lead_score_trend": {}}
        Lead = self.env["crm.lead"].with_user(self.alma)
        values = {"name": "Fresh", "type": "opportunity", "team_id": self.team.id, "source_id": self.referral.id}
        (made,) = Lead.web_save({**values, "company_id": self.company.id}, shown)
        self.assertGreater(made["lead_score"], 60)
        (edited,) = Lead.browse(made["id"]).web_save({"source_id": self.cold.id}, shown)
        self.assertLess(edited["lead_score"], made["lead_score"])
        # What is saved at the end is the same.
        self._save()
        self.assertEqual(Lead.browse(made["id"]).lead_score, edited["lead_score"])

    def test_what_fails_of_the_contact_that_a_form_saves_too_is_no_error_of_scoring(self):
        """Taken for one it would be passed over, and the lead saved without what was written to its contact."""
        contact = self.env["res.partner"].create({"name": "Ada", "email": "ada@engines.test"})
        lead = self._new(partner_id=contact.id)
        self._save()
        with (
            patch.object(type(contact), "_write_multi", side_effect=ValidationError("of the contact")),
            mute_logger(LOGGER),
            self.assertRaisesRegex(ValidationError, "of the contact"),
        ):
            contact.function = "Countess"
            lead.web_save({"source_id": self.cold.id}, {"lead_score": {}})

    def test_a_salesperson_without_any_right_on_models_gets_the_score(self):
        lead = self._new(self.sam, user_id=self.sam.id)
        self._save()
        self.assertEqual(lead.with_user(self.sam).read(["lead_score"])[0]["lead_score"], lead.lead_score)
        self.assertTrue(lead.lead_score)

    def test_an_edited_lead_is_scored_anew(self):
        before = self.hot[0].lead_score
        self.hot[0].with_user(self.alma).source_id = self.cold
        self._save()
        self.assertLess(self.hot[0].lead_score, before)

    def test_all_leads_saved_at_once_are_scored_in_one_batch(self):
        calls = []
        score_batch = type(self.model)._score_batch
        with patch.object(
            type(self.model),
            "_score_batch",
            lambda model, ids, *known: calls.append(ids) or score_batch(model, ids, *known),
        ):
            self.hot.source_id = self.cold
            self._save()
        self.assertEqual(calls, [sorted(self.hot.ids)])

    def test_a_field_that_no_live_model_reads_scores_nothing(self):
        with patch.object(type(self.model), "_score_batch", side_effect=AssertionError):
            self.hot[0].write({"referred": "by a friend", "name": "Other name", "color": 3})
            self._save()
        self.assertFalse(self._triggered())

    def test_every_feature_knows_which_fields_of_a_lead_it_is_made_of(self):
        for name in catalogue(self.env):
            read = fields_read([name])
            self.assertLessEqual(read, set(self.env["crm.lead"]._fields), name)
            if not name.startswith("activity."):
                self.assertTrue(read, name)

    def test_what_a_lead_has_already_scores_nothing(self):
        with patch.object(type(self.model), "_score_batch", side_effect=AssertionError):
            self.hot[0].source_id = self.hot[0].source_id
            self._save()

    def test_tags_and_properties_count_at_once(self):
        read = {"tag_ids", "lead_properties"}
        Model = type(self.model)
        with patch.object(Model, "_fields_read", lambda model: frozenset(read)):
            self.env.registry.clear_cache()
            self.team.lead_properties_definition = [{"name": "size", "type": "char", "string": "Size"}]
            self._save()
            for values in ({"tag_ids": [(0, 0, {"name": "Fair"})]}, {"lead_properties": {"size": "big"}}):
                with patch.object(Model, "_score_batch", side_effect=KeyError("scored")), mute_logger(LOGGER):
                    self.hot[0].write(values)
                    self._save()
                self.assertTrue(self._triggered("saved"), values)
                self.triggers.search([]).unlink()
        self.env.registry.clear_cache()

    def test_each_live_model_that_covers_the_lead_scores_it(self):
        other = self.model.copy({"name": "Second", "sequence": 99})
        other._train()
        other.action_go_live()
        lead = self._new()
        self._save()
        rows = self.env["crm.lead.score"].search([("lead_id", "=", lead.id)])
        self.assertEqual(rows.model_id, self.model | other)
        self.assertEqual(rows.filtered("main").model_id, self.model)

    def test_a_lead_that_no_live_model_covers_gets_no_score(self):
        lead = self._new(self.otto, company_id=self.other_company.id, team_id=False)
        self._save()
        self.assertFalse(lead.lead_score_trend)

    def test_a_lead_that_leaves_the_model_loses_its_score(self):
        self.hot[0].write({"team_id": False, "user_id": False, "company_id": self.other_company.id})
        self._save()
        self.assertFalse(self.hot[0].lead_score_trend)

    def test_no_live_model_nothing_to_do(self):
        self.model.sudo().state = "stopped"
        with patch.object(type(self.model), "_score_batch", side_effect=AssertionError):
            lead = self._new()
            self._save()
        self.assertFalse(lead.lead_score_trend)
        self.assertFalse(self._triggered())

    def test_scoring_on_save_can_be_switched_off(self):
        self.env["lead.scoring.config"].create({"name": "Nightly", "score_on_save": False})
        lead = self._new()
        self._save()
        self.assertFalse(lead.lead_score_trend)
        self._run()
        self.assertTrue(lead.lead_score_trend)

    def test_with_scoring_switched_off_nothing_is_scored(self):
        with patch.object(type(self.env["lead.scoring.config"]), "_is_on", lambda config: False):
            self.env.registry.clear_cache()
            lead = self._new()
            self._save()
        self.env.registry.clear_cache()
        self.assertFalse(lead.lead_score_trend)

    def test_an_error_of_ours_never_keeps_a_lead_from_being_saved(self):
        def broken(model, ids, known):
            model.env.cr.execute("SELECT 1 / 0")

        with patch.object(type(self.model), "_score_batch", broken), mute_logger(LOGGER, "odoo.sql_db"):
            lead = self._new()
            self._save()
        self.assertEqual(lead.name, "Fresh")
        self.assertFalse(lead.lead_score_trend)
        self.assertEqual((self._due(), self._triggered("saved")), ({(lead, self.model)}, 1))
        self._run("saved")
        self.assertTrue(lead.lead_score_trend)
        self.assertFalse(self._due())

    def test_a_rolled_back_save_leaves_no_score(self):
        self.env.cr.flush()
        with suppress(KeyError), self.env.cr.savepoint():
            lead = self._new()
            self.env.cr.flush()
            self.assertTrue(lead.lead_score)
            raise KeyError
        self.assertFalse(self.env["crm.lead.score"].search([("lead_id", "=", lead.id)]))

    # ------------------------------------------------------------
    # Won, lost, restored, archived
    # ------------------------------------------------------------

    def _closed_keeps_its_score(self, close):
        lead = self.hot[0]
        score, date = lead.lead_score, lead.lead_score_date
        close(lead)
        lead.source_id = self.cold
        self._save()
        self._run()
        self.assertEqual((lead.lead_score, lead.lead_score_date), (score, date))
        return lead

    def test_a_won_lead_keeps_its_last_score(self):
        self._closed_keeps_its_score(lambda lead: lead.action_set_won())

    def test_a_lost_lead_keeps_its_last_score(self):
        self._closed_keeps_its_score(lambda lead: lead.action_set_lost())

    def test_an_archived_lead_keeps_its_last_score(self):
        self._closed_keeps_its_score(lambda lead: lead.action_archive())

    def test_a_restored_lead_is_scored_afresh(self):
        lead = self._closed_keeps_its_score(lambda lead: lead.action_set_lost())
        score = lead.lead_score
        lead.action_restore()
        self._save()
        self.assertEqual(lead.won_status, "pending")
        self.assertLess(lead.lead_score, score)

    def test_a_won_lead_that_goes_back_to_an_open_stage_is_scored_afresh(self):
        lead = self._closed_keeps_its_score(lambda lead: lead.action_set_won())
        score = lead.lead_score
        lead.write({"stage_id": self.new.id, "probability": 20})
        self._save()
        self.assertLess(lead.lead_score, score)

    # ------------------------------------------------------------
    # Copied, converted, merged, deleted
    # ------------------------------------------------------------

    def test_a_copy_starts_unscored_and_gets_a_score_of_its_own(self):
        self.hot[0].write({"lead_sales_ready": True, "lead_sales_ready_date": "2026-01-01"})
        copy = self.hot[0].copy()
        self.assertFalse(copy.lead_score_trend)
        self.assertFalse(copy.lead_sales_ready)
        self.assertFalse(copy.lead_sales_ready_date)
        self._save()
        self.assertTrue(copy.lead_score)
        self.assertEqual(copy.lead_score_trend, "unknown")
        self.assertEqual(len(self._earlier(copy)), 1)

    def test_a_converted_lead_keeps_its_history_and_is_scored_as_what_it_is_now(self):
        lead = self._new(type="lead")
        self._save()
        before = self._earlier(lead)
        lead.convert_opportunity(self.env["res.partner"])
        self._save()
        self.assertEqual(lead.type, "opportunity")
        self.assertTrue(lead.lead_score)
        self.assertLessEqual(before, self._earlier(lead))

    def test_merging_carries_history_and_memory_to_the_surviving_lead_and_scores_it_anew(self):
        head, tail = self.hot[0], self.cool[0]
        head.stage_id = self.offer  # the most advanced one survives
        tail.write({"lead_sales_ready": True, "lead_sales_ready_date": "2026-01-01 00:00:00"})
        self._save()
        self._run()
        older = self._ago(days=40).replace(microsecond=0)
        self.env.cr.execute(
            SQL(
                "INSERT INTO crm_lead_score_history (lead_id, model_id, version_id, score, date, levels)"
                " SELECT lead_id, model_id, version_id, 7, %s, levels FROM crm_lead_score WHERE lead_id = %s",
                older,
                tail.id,
            )
        )
        own = self._earlier(head)
        newer = self._earlier(tail) - self._earlier(tail).filtered(lambda row: row.score == 7)
        remembered = self._moves(tail)
        self.assertTrue(newer and remembered)
        calls = []
        score_batch = type(self.model)._score_batch
        with patch.object(
            type(self.model),
            "_score_batch",
            lambda model, ids, *known: calls.append(ids) or score_batch(model, ids, *known),
        ):
            survivor = (head | tail).merge_opportunity()
            self._save()
        self.assertEqual(survivor, head)
        self.assertFalse(tail.exists())
        self.assertIn(head.id, [lead_id for ids in calls for lead_id in ids])
        self.assertLessEqual(own, self._earlier(head))
        self.assertIn((7, older), [(row.score, row.date) for row in self._earlier(head)])
        self.assertFalse(newer.exists(), "a lead has one score at a time")
        self.assertEqual(remembered.lead_id, head)
        self.assertTrue(head.lead_sales_ready)
        self.assertEqual(str(head.lead_sales_ready_date), "2026-01-01 00:00:00")

    def test_merging_works_for_a_salesperson(self):
        self._give(self.hot[0] | self.hot[1], self.sam)
        survivor = (self.hot[0] | self.hot[1]).with_user(self.sam).merge_opportunity()
        self._save()
        self.assertTrue(survivor.lead_score)

    def test_a_deleted_lead_leaves_nothing(self):
        self._run()
        lead = self.hot[0]
        self.assertTrue(self._moves(lead))
        ids = lead.ids
        lead.unlink()
        self._save()
        for model in ("crm.lead.score", "crm.lead.score.history", "lead.scoring.move"):
            self.assertFalse(self.env[model].search([("lead_id", "in", ids)]), model)
