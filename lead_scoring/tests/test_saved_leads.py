from unittest.mock import patch

from lxml import etree
from psycopg2.errors import SerializationFailure

from odoo import fields
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from ..models import crm_lead_moments
from .common_moves import SavedCommon

LOGGER = "odoo.addons.lead_scoring.models.crm_lead_moments"
RUN = "odoo.addons.lead_scoring.models.lead_scoring_run"


@tagged("post_install", "-at_install")
class TestSavedLeads(SavedCommon):
    """Leads that could not be scored as they were saved, or that are to move: marks, and the runs that they make."""

    def test_a_lead_that_only_might_have_moved_makes_no_run(self):
        self.hot[0].source_id = self.cold
        self._save()
        self.env["lead.scoring.due"].sudo()._mark_scored(self.model, self.hot[1].ids)
        runs = self.env["lead.scoring.run"].search([])
        self._run("saved")
        self.assertEqual((self.env["lead.scoring.run"].search([]), self._due()), (runs, set()))

    def test_marks_of_the_same_lead_do_not_pile_up(self):
        Due = self.env["lead.scoring.due"].sudo()
        for lead in (self.hot[0], self.hot[0], self.hot[1]):
            Due._mark_scored(self.model, lead.ids)
        Due._mark({self.model.id: self.hot[0].ids})
        Due._gc_doubles()
        self.env.invalidate_all()
        left = sorted((mark.lead_id.id, mark.scored) for mark in Due.search([]))
        self.assertEqual(left, sorted([(self.hot[0].id, False), (self.hot[0].id, True), (self.hot[1].id, True)]))

    def test_a_score_that_somebody_else_is_writing_is_left_to_the_scheduled_action(self):
        busy, free, before = self.hot[0], self.hot[1], self.hot[0].lead_score
        with patch.object(type(self.env["crm.lead"]), "_free_to_score", lambda *_args: (free.ids, busy.ids)):
            (busy | free).source_id = self.cold
            self._save()
        self.assertEqual((self._due(), self._triggered("saved")), ({(busy, self.model)}, 1))
        self.assertLess(free.lead_score, before)
        self.assertEqual(busy.lead_score, before)
        self._run("saved")
        self.assertLess(busy.lead_score, before)

    def test_many_leads_at_once_as_in_an_import_are_left_to_the_scheduled_action(self):
        with patch.object(crm_lead_moments, "MOST_AT_ONCE", 3):
            leads = self._new() | self._new() | self._new() | self._new()
            self._save()
        self.assertFalse(any(leads.mapped("lead_score_trend")))
        self.assertEqual((self._triggered("saved"), self._triggered()), (1, 0))
        run = self._run("saved")
        self.assertTrue(all(leads.mapped("lead_score")))
        self.assertTrue(run.saved_only)
        self.assertEqual((run.total_count, run.read_count, run.scored_count), (4, 4, 4), "and no others")
        self.assertEqual(leads.stage_id, self.acceptance, "and moved")

    def test_a_run_counts_leads_to_score_not_open_ones_and_one_that_stops_a_model_scored_ones(self):
        with patch.object(crm_lead_moments, "MOST_AT_ONCE", 0):
            self._new()
            self._save()
        run = self._run("saved").with_user(self.mona)
        self.assertLess(run.total_count, self.model.open_count)
        form = etree.fromstring(run.get_view(view_type="form")["arch"])
        labels = {
            node.get("invisible"): node.get("string") or run.fields_get(["total_count"])["total_count"]["string"]
            for node in form.iterfind(".//field[@name='total_count']")
        }
        self.assertEqual(labels, {"purpose == 'stop'": "Leads to Score", "purpose != 'stop'": "Scored Leads"})

    def test_each_live_model_scores_the_leads_that_are_due_by_it(self):
        other = self.model.copy({"name": "Second", "sequence": 99})
        other._train()
        other.action_go_live()
        self._run()
        with patch.object(crm_lead_moments, "MOST_AT_ONCE", 0):
            lead = self._new()
            self._save()
        self.assertEqual(self._due(), {(lead, self.model), (lead, other)})
        self._run("saved")
        self.assertEqual(self.env["crm.lead.score"].search([("lead_id", "=", lead.id)]).model_id, self.model | other)

    def test_the_daily_run_scores_what_is_due_too(self):
        with patch.object(crm_lead_moments, "MOST_AT_ONCE", 0):
            lead = self._new()
            self._save()
        self._run()
        self.assertTrue(lead.lead_score)
        self.assertFalse(self._due())

    def test_what_a_daily_run_that_failed_has_scored_is_moved_all_the_same(self):
        with patch.object(crm_lead_moments, "MOST_AT_ONCE", 0):
            lead = self._new()
            self._save()
        with (
            patch.object(type(self.env["lead.scoring.run"]), "_all_pages_done", side_effect=KeyError),
            mute_logger(RUN),
        ):
            self.assertEqual(self._run().state, "failed")
        self.assertEqual((lead.stage_id, self._due()), (self.new, {(lead, self.model)}))
        self._run("saved")
        self.assertEqual((lead.stage_id, self._due()), (self.acceptance, set()))

    def test_a_lead_that_was_closed_or_deleted_meanwhile_is_due_no_more(self):
        with patch.object(crm_lead_moments, "MOST_AT_ONCE", 0):
            lost, gone = self._new(), self._new()
            self._save()
            lost.action_set_lost()
            gone.sudo().unlink()
            self._save()
        self._run("saved")
        self.assertFalse(lost.lead_score_trend)
        self.assertFalse(self._due())

    def test_a_lead_that_left_the_model_loses_its_score_in_the_run_too(self):
        with patch.object(crm_lead_moments, "MOST_AT_ONCE", 0):
            self.hot[0].write({"team_id": False, "user_id": False, "company_id": self.other_company.id})
            self._save()
        self.assertTrue(self.hot[0].lead_score)
        self._run("saved")
        self.assertFalse(self.hot[0].lead_score_trend)
        self.assertTrue(all(self.hot[1:].mapped("lead_score")), "those behind it keep theirs")

    def test_a_lead_saved_while_its_run_is_under_way_is_due_again(self):
        Due, other = type(self.env["lead.scoring.due"]), self.hot[0]
        done, saved = Due._done, []
        with patch.object(crm_lead_moments, "MOST_AT_ONCE", 0):
            self._new()
            self._save()

        def and_meanwhile(due, model, after, last):
            done(due, model, after, last)
            if not saved:
                saved.append(due._mark({model.id: other.ids}))  # behind the lead that the run is at

        with patch.object(Due, "_done", and_meanwhile):
            self._run("saved")
        self.assertEqual(self._due(), {(other, self.model)})
        self.assertTrue(self._triggered("saved"))
        self._run("saved")
        self.assertFalse(self._due())

    def test_a_lead_saved_in_the_last_moment_of_going_live_wakes_the_action_that_scores_it(self):
        """Before, that action passes over the model, which is not live yet: nobody else would wake it."""
        second = self.model.copy({"name": "Second", "sequence": 1})
        second._train()
        second.with_context(lead_scoring_move_leads=False).action_go_live()
        Run, lead = type(self.env["lead.scoring.run"]), self.cool[0]
        write_end = Run._write_end

        def and_meanwhile(run, state, message, lasting):
            if run.model_id == second:
                self.env.cr.execute("UPDATE crm_lead SET source_id = %s WHERE id = %s", [self.referral.id, lead.id])
                self.env.cr.execute(
                    "INSERT INTO lead_scoring_due (lead_id, model_id) VALUES (%s, %s)", [lead.id, second.id]
                )
                self.env.cr.execute("DELETE FROM ir_cron_trigger")
            write_end(run, state, message, lasting)

        with patch.object(Run, "_write_end", and_meanwhile):
            self._run()
        self.assertEqual((second.state, self._due()), ("live", {(lead, second)}))
        self.assertTrue(self._triggered("saved"))
        before = lead.lead_score
        self._run("saved")
        self.assertGreater(lead.lead_score, before)

    def test_whoever_saves_one_of_the_leads_just_then_does_not_end_the_run(self):
        score, conflicts = type(self.model)._score_batch, []
        with patch.object(crm_lead_moments, "MOST_AT_ONCE", 0):
            lead = self._new()
            self._save()

        def at_first(model, ids):
            if not conflicts:
                conflicts.append(ids)
                raise SerializationFailure
            return score(model, ids)

        with patch.object(type(self.model), "_score_batch", at_first):
            run = self._run("saved")
        self.assertEqual((run.state, run.scored_count, self.model.state), ("done", 1, "live"))
        self.assertTrue(conflicts and lead.lead_score)

    def test_a_run_of_saved_leads_whose_model_was_stopped_is_cancelled(self):
        run = self.env["lead.scoring.run"].create(
            {"model_id": self.model.id, "version_id": self.model.version_id.id, "saved_only": True}
        )
        self.model.sudo().state = "stopped"
        self._run("saved")
        self.assertEqual(run.state, "cancelled")

    def test_without_the_scheduled_action_a_lead_is_scored_and_saved_all_the_same(self):
        self.env.ref("lead_scoring.ir_cron_saved_leads").unlink()
        lead = self._new()
        self._save()
        self.assertTrue(lead.lead_score)
        self._run()
        self.assertEqual(lead.stage_id, self.acceptance, "moved by the daily run")
        self.assertFalse(self._due())

    def test_a_run_of_saved_leads_leaves_alone_whatever_was_not_saved(self):
        self.model.use_as_probability = True
        self.cool[0].stage_id = self.offer
        self._run()
        self.env.cr.execute("UPDATE crm_lead SET automated_probability = 1.23 WHERE id = ANY(%s)", [self.leads.ids])
        # This one the next daily run moves.
        self.env.cr.execute("DELETE FROM lead_scoring_move WHERE lead_id = %s", [self.hot[0].id])
        with patch.object(crm_lead_moments, "MOST_AT_ONCE", 0):
            self.cool[0].source_id = self.referral
            self._save()
        before = self._row_versions(self.leads - self.cool[0])
        run = self._run("saved")
        self.assertEqual((run.scored_count, run.sales_ready_count, run.qualified_count), (1, 1, 0))
        self.assertEqual((run.passed_over_count, run.probability_count), (0, 1))
        self.assertEqual(self._row_versions(self.leads - self.cool[0]), before)
        self.assertEqual(self._run().probability_count, 8, "and one more as it moves")
        self.assertEqual(self.hot[0].stage_id, self.acceptance)

    def _row_versions(self, leads):
        return self.env.execute_query(
            SQL(
                "SELECT lead.id, lead.xmin, row.xmin, lead.ctid, row.ctid,"
                " (SELECT count(*) FROM lead_scoring_move move WHERE move.lead_id = lead.id)"
                " FROM crm_lead lead JOIN crm_lead_score row ON row.lead_id = lead.id WHERE lead.id = ANY(%s)"
                " ORDER BY lead.id",
                leads.ids,
            )
        )

    def test_where_no_lead_was_saved_the_action_looks_at_no_score(self):
        runs, asked = self.env["lead.scoring.run"].search_count([]), []
        query = type(self.env.cr).execute

        def watched(cr, statement, *args, **kwargs):
            asked.append(statement.code if isinstance(statement, SQL) else str(statement))
            return query(cr, statement, *args, **kwargs)

        with patch.object(type(self.env.cr), "execute", watched):
            self._run("saved")
        self.assertTrue([code for code in asked if "lead_scoring_due" in code])
        self.assertFalse([code for code in asked if "crm_lead_score" in code or "lead_scoring_move" in code])
        self.assertEqual(self.env["lead.scoring.run"].search_count([]), runs)

    def test_a_lead_that_somebody_holds_is_moved_in_a_minute(self):
        lead = self._new()
        self._save()
        with patch.object(type(lead), "try_lock_for_update", lambda leads, **_: leads.browse()):
            self._run("saved")
        self.assertEqual((lead.stage_id, self._due()), (self.new, {(lead, self.model)}))
        self.assertTrue(self.triggers.search([("call_at", ">", fields.Datetime.now())]))
        self._run("saved")
        self.assertEqual((lead.stage_id, self._due()), (self.acceptance, set()))

    def test_the_trigger_of_a_job_that_is_about_to_end_is_not_relied_on(self):
        cron = self.env.ref("lead_scoring.ir_cron_saved_leads")
        cron._trigger(at=self._ago(seconds=5))
        self._new()
        self._save()
        self.assertTrue(self.triggers.search([("cron_id", "=", cron.id), ("call_at", ">", self._ago(seconds=1))]))

    def test_what_a_model_that_was_stopped_left_due_is_forgotten(self):
        self.env["lead.scoring.due"]._mark({self.model.id: self.hot.ids})
        self.env["lead.scoring.due"]._gc_of_others()
        self.assertEqual(len(self._due()), len(self.hot))
        self.model.sudo().state = "stopped"
        self.env.flush_all()
        self.env["lead.scoring.due"]._gc_of_others()
        self.assertFalse(self._due())

    def test_a_lead_that_is_to_move_wakes_the_action_that_moves(self):
        self._new()
        self._save()
        self.assertEqual((self._triggered("saved"), self._triggered()), (1, 0))
        self._new()
        self._save()
        self.assertEqual(self._triggered("saved"), 1, "once for all leads of a minute")

    def test_what_is_sales_ready_today_decides_whether_a_save_wakes_the_action_that_moves(self):
        best = self.model.grade_ids.sorted("min_score")[-1]
        changes = (
            (lambda: self.model.write({"sales_ready_score": 99}), 0),
            (lambda: self.model.write({"sales_ready_score": 60}), 1),
            (lambda: self.model.write({"sales_ready_by": "grade", "sales_ready_grade_id": best.id}), 0),
            (lambda: self.model.write({"grade_ids": [(1, best.id, {"min_score": 60})]}), 1),
        )
        self.model.write({"grade_ids": [(1, best.id, {"min_score": 99})]})
        for lead, (change, woken) in zip(self.cool, changes):
            change()
            self.triggers.search([]).unlink()
            lead.source_id = self.referral
            self._save()
            self.assertTrue(60 <= lead.lead_score < 99)
            self.assertEqual(self._triggered("saved"), woken)
