"""Lists by score: what the web client asks for, and what makes it fast where there are very many leads."""

import logging
from unittest.mock import patch

from odoo.sql_db import db_connect
from odoo.tests import tagged
from odoo.tools import SQL

from ..models import crm_lead_score
from .common import LeadScoringCommon

BY_SCORE = "lead_score desc, id desc"


@tagged("post_install", "-at_install")
class TestListsByScore(LeadScoringCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._go_live()
        (cls.hot | cls.cool).user_id = cls.sam
        cls.unscored = cls._leads(2, "open", cls.referral, user_id=cls.sam.id)
        cls.archived = cls._leads(1, "open", cls.referral, user_id=cls.sam.id, active=False)
        cls.env.cr.flush()  # they are scored as they are saved
        cls.env.cr.execute("DELETE FROM crm_lead_score WHERE lead_id = ANY(%s)", [cls.unscored.ids])
        cls.env["crm.lead"]._invalidate_scores()

    def _read(self, domain, order=BY_SCORE, context=None, **options):
        leads = self.env["crm.lead"].with_user(self.sam).with_context(**context or {})
        return leads.web_search_read(domain, {"lead_score": {}}, order=order, **options)

    # ------------------------------------------------------------
    # The leads of a person are counted as they are read
    # ------------------------------------------------------------

    def test_the_leads_of_a_person_are_read_and_counted_as_in_any_list(self):
        somebody = [("user_id", "in", self.sam.ids)]
        pages = (
            {},
            {"limit": 4},
            {"limit": 4, "offset": 4},
            {"limit": 4, "offset": 8, "count_limit": 11},
            {"limit": 4, "count_limit": 6},
            {"limit": 4, "offset": 4, "count_limit": 6},
            {"limit": 4, "offset": 40, "count_limit": 6},
            {"limit": 80, "count_limit": 1001},
            {"limit": 4, "count_limit": 6, "context": {"force_search_count": True}},
        )
        domains = (
            [],
            [("lead_score_trend", "!=", False)],
            [("active", "=", False)],
            [("active", "in", [True, False])],
            ["|", ("lead_score", ">", 50), ("lead_score_trend", "=", False)],
            [("name", "=", "no such lead")],
        )
        for domain in domains:
            for page in pages:
                with self.subTest(domain=domain, page=page):
                    found = self._read([*somebody, *domain], **page)
                    # The same leads, asked for in a way that is left to Odoo alone.
                    expected = self._read([("user_id", "any", [("id", "=", self.sam.id)]), *domain], **page)
                    self.assertEqual(found, expected)

    def test_other_columns_may_be_sorted_by_after_the_score(self):
        """Odoo sorts by My Deadline, which is not stored, in its own way."""
        for then in ("my_activity_date_deadline", "expected_revenue desc, id", "user_id, id"):
            found = self._read([("user_id", "=", self.sam.id)], f"lead_score desc, {then}", limit=4, count_limit=1001)
            scores = [record["lead_score"] for record in found["records"]]
            self.assertEqual(found["length"], 12, then)
            self.assertEqual(len(scores), 4, then)
            self.assertEqual(scores, sorted(scores, reverse=True), then)

    def test_nobody_reads_the_leads_of_others_by_asking_for_them(self):
        self.hot.user_id = self.alma
        self.env.flush_all()
        found = self._read([("user_id", "=", self.alma.id)], limit=80, count_limit=1001)
        self.assertEqual(found, {"length": 0, "records": []})

    def test_the_leads_of_a_person_are_counted_by_the_way(self):
        with patch.object(type(self.env["crm.lead"]), "search_count", side_effect=AssertionError("counted apart")):
            self.assertEqual(self._read([("user_id", "=", self.sam.id)], limit=4, count_limit=1001)["length"], 12)

    def test_who_asks_for_the_leads_of_one_person_waits_for_no_parallel_workers(self):
        sam, alma = self.sam.id, self.alma.id
        page = {"limit": 4, "count_limit": 1001}
        of_one = [
            [("user_id", "=", sam)],
            [("user_id", "in", [sam]), ("lead_score_trend", "!=", False)],
        ]
        others = [
            [],
            [("user_id", "=", False)],
            [("user_id", "in", [sam, alma])],
            [("user_id", "!=", sam)],
            ["|", ("user_id", "=", sam), ("user_id", "=", False)],
            ["|", ("user_id", "=", sam), ("type", "=", "lead")],
        ]
        for domain in of_one:
            self.assertEqual(self._workers_while_reading(domain, **page), {"0"}, domain)
        for domain in others:
            self.assertEqual(self._workers_while_reading(domain, **page), {"3"}, domain)
        self.assertEqual(self._workers_while_reading(of_one[0], order="id desc", **page), {"3"})
        self.assertEqual(self._workers_while_reading(of_one[0], limit=4), {"3"}, "a count of all may be a long one")

    def _workers_while_reading(self, domain, **options):
        """How many workers PostgreSQL might start meanwhile; afterwards it is as before."""
        told = set()

        def search_fetch(leads, *args, **kwargs):
            told.add(self._workers())
            return original(leads, *args, **kwargs)

        Lead = type(self.env["crm.lead"])
        original = Lead.search_fetch
        self.env.cr.execute("SET LOCAL max_parallel_workers_per_gather = 3")
        with patch.object(Lead, "search_fetch", search_fetch):
            self._read(domain, **options)
        self.assertEqual(self._workers(), "3", "what comes after it in the same transaction")
        return told

    def _workers(self):
        return self.env.execute_query(SQL("SHOW max_parallel_workers_per_gather"))[0][0]

    def test_open_leads_of_a_person_have_an_index(self):
        query = (
            self.env["crm.lead"]
            .with_user(self.sam)
            ._search([("user_id", "=", self.sam.id), ("won_status", "=", "pending")], order=BY_SCORE)
        )
        self.env.cr.execute("SET LOCAL enable_seqscan = off")
        plan = "\n".join(row[0] for row in self.env.execute_query(SQL("EXPLAIN %s", query.select())))
        self.assertIn("crm_lead_open_of_user_idx", plan)

    # ------------------------------------------------------------
    # An index by score where there are many scores
    # ------------------------------------------------------------

    def _clean_up(self, many):
        patience = self.env.execute_query(SQL("SHOW lock_timeout"))
        with patch.object(crm_lead_score, "MANY", many):
            self.env["crm.lead.score"]._gc_score_index()
        self.assertEqual(self.env.execute_query(SQL("SHOW lock_timeout")), patience, "what comes after it")
        return bool(self.env.execute_query(SQL("SELECT to_regclass(%s)", crm_lead_score.SCORE_INDEX))[0][0])

    def test_many_scores_have_an_index_and_few_have_none(self):
        count = self.env["crm.lead.score"].search_count([("main", "=", True)])
        self.assertGreaterEqual(count, 10)
        self.assertFalse(self._clean_up(count + 1))
        self.assertTrue(self._clean_up(count))
        self.assertTrue(self._clean_up(count), "it is made once")
        self.assertTrue(self._clean_up(2 * count), "a few less are no reason to drop it")
        self.assertFalse(self._clean_up(2 * count + 2))
        self.assertFalse(self._clean_up(count + 1))

    def test_the_best_of_many_scores_are_found_by_the_index(self):
        self.assertTrue(self._clean_up(1))
        self.env.cr.execute("SET LOCAL enable_seqscan = off")
        self.env.cr.execute("SET LOCAL enable_sort = off")
        domain = [("won_status", "=", "pending"), ("lead_score_trend", "!=", False)]
        query = self.env["crm.lead"].with_user(self.sam)._search(domain, order=BY_SCORE, limit=80)
        plan = "\n".join(row[0] for row in self.env.execute_query(SQL("EXPLAIN %s", query.select())))
        self.assertIn(crm_lead_score.SCORE_INDEX, plan)

    def test_the_clean_up_waits_for_nobody_who_writes_scores(self):
        with db_connect(self.env.cr.dbname).cursor() as elsewhere:
            elsewhere.execute("LOCK TABLE crm_lead_score IN ROW EXCLUSIVE MODE")
            with (
                patch.object(crm_lead_score, "INDEX_LOCK_TIMEOUT", "50ms"),
                self.assertLogs("odoo.addons.lead_scoring.models.crm_lead_score", logging.INFO) as logs,
            ):
                self.assertFalse(self._clean_up(1))
            elsewhere.rollback()
        self.assertIn("left as it is until tomorrow", logs.output[0])
        self.assertTrue(self._clean_up(1), "and makes it the day after")
