import json

import numpy as np

from odoo.tests import tagged

from ..features.moments import too_old_domain, training_set
from .common_features import NOW, FeaturesCommon, days


@tagged("post_install", "-at_install")
class TestMoments(FeaturesCommon):
    """Which leads a model learns from, as they looked when, and what they count."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.domain = [("team_id", "=", cls.team.id)]
        for number in range(6):
            cls.lead(NOW - days(40 + number), NOW - days(10), "won" if number % 2 else "lost", priority="1")

    def _set(self, **values):
        return training_set(
            self.env, self.domain, ["lead.priority", "activity.age_days"], **{"seed": 1, "now": NOW, **values}
        )

    def test_closed_leads_are_learned_from_archived_ones_too(self):
        self.lead()
        data = self._set()
        self.assertEqual(len(set(data.ids.tolist())), 6)
        self.assertEqual((data.figures["won"], data.figures["lost"], data.figures["open"]), (3, 3, 1))
        self.assertEqual(set(((NOW.timestamp() - data.closed_at) / 86400).round().tolist()), {10})

    def test_rows_are_by_lead_its_creation_first(self):
        for age in range(1, 30):
            self.lead(NOW - days(age))
        data = self._set()
        self.assertEqual(data.groups.tolist(), np.repeat(range(6), 2).tolist())
        self.assertEqual(data.ids[::2].tolist(), sorted(set(data.ids.tolist())))
        self.assertEqual(data.ids[::2].tolist(), data.ids[1::2].tolist())
        self.assertEqual(data.won[::2].tolist(), [False, True] * 3)
        self.assertEqual(data.as_of[::2].tolist(), data.created_at[::2].tolist())
        self.assertTrue((data.as_of[1::2] > data.created_at[1::2]).all())
        ages = data.table.columns["activity.age_days"].values
        self.assertEqual(ages[::2].tolist(), [0] * 6)
        self.assertLessEqual(set(ages[1::2].round(6).tolist()), set(range(1, 30)))
        self.assertAlmostEqual(data.weights.sum(), 6)
        self.assertEqual(data.table.n_rows, len(data.weights))

    def test_an_archived_open_lead_is_neither_won_nor_lost(self):
        self.lead(active=False, probability=50)
        data = self._set()
        self.assertEqual((data.figures["won"] + data.figures["lost"], data.figures["open"]), (6, 0))

    def test_a_lead_older_than_any_that_closed_lends_no_age_and_can_be_listed(self):
        for age in (3, 8):
            self.lead(NOW - days(age))
        old = self.lead(NOW - days(400))
        self.lead(NOW - days(400), active=False, probability=50)
        self.lead(NOW - days(400), NOW - days(390), "lost")
        data = self._set()
        self.assertLessEqual(set(data.table.columns["activity.age_days"].values.round(6).tolist()), {0, 3, 8})
        self.assertEqual(data.too_old, 1)
        self.assertEqual(
            self.env["crm.lead"].search(too_old_domain(self.domain, data.figures["oldest_days"], NOW)), old
        )
        self.assertFalse(self.env["crm.lead"].search(too_old_domain(self.domain, None)))

    def test_without_open_leads_an_age_is_drawn_from_its_own_time_open(self):
        data = self._set()
        age, open_time = data.as_of - data.created_at, data.closed_at - data.created_at
        self.assertTrue((age >= 0).all() and (age < open_time).all())
        self.assertGreater(len(set(age.tolist())), 2)

    def test_the_same_leads_make_the_same_rows(self):
        for age in range(1, 30):
            self.lead(NOW - days(age))
        first, again, other = self._set(), self._set(), self._set(seed=2)
        self.assertEqual(first.as_of.tolist(), again.as_of.tolist())
        self.assertEqual(first.weights.tolist(), again.weights.tolist())
        self.assertNotEqual(first.as_of.tolist(), other.as_of.tolist())

    def test_a_window_is_of_leads_that_closed_in_it(self):
        late = self.lead(NOW - days(300), NOW - days(20), "won")
        early = self.lead(NOW - days(80), NOW - days(75), "won")
        self.assertNotIn(early.id, self._set(months=2).ids)
        self.assertIn(late.id, self._set(months=2).ids)
        self.assertIn(early.id, self._set(months=3).ids)
        self.assertIn(early.id, self._set().ids)
        self.assertEqual(self._set(months=2).figures["months"], 2)

    def test_of_very_many_leads_a_sample_is_learned_from(self):
        data = self._set(most=4)
        self.assertEqual(len(set(data.ids.tolist())), 4)
        self.assertEqual((data.figures["won"], data.figures["lost"], data.figures["sampled_from"]), (2, 2, 6))
        self.assertEqual(data.ids.tolist(), self._set(most=4).ids.tolist())
        self.assertIsNone(self._set().figures["sampled_from"])

    def test_leads_count_more_where_the_database_is_too_young_for_them(self):
        """Of leads that came every day for 50 days, those that took 40 could be seen in the first ten alone."""
        self.env["crm.lead"].search(self.domain).unlink()
        self.env["crm.lead"].with_context(active_test=False).search(self.domain).unlink()
        for age in range(50, 2, -1):
            self.lead(NOW - days(age), NOW - days(age - 2), "won")
        for age in range(50, 40, -1):
            self.lead(NOW - days(age), NOW - days(age - 40), "lost")
        for age in range(40, 0, -1):
            self.lead(NOW - days(age))
        data = self._set()
        created = data.as_of == data.created_at
        won = data.weights[created & data.won].sum() / data.weights[created].sum()
        self.assertAlmostEqual(won, 48 / (48 + 10 * 5), delta=0.1)
        self.assertIn("short_history", data.figures["flags"])

    def test_a_lost_lead_without_a_date_of_close_closed_when_it_was_last_written(self):
        lead = self.lead(NOW - days(50), None, "lost")
        self.env.cr.execute("UPDATE crm_lead SET write_date = %s WHERE id = %s", (NOW - days(20), lead.id))
        data = self._set()
        closed_at = dict(zip(data.ids.tolist(), data.closed_at.tolist()))[lead.id]
        self.assertEqual(round((NOW - days(20)).timestamp() - closed_at) % 3600, 0)

    def test_a_lead_that_closed_before_it_was_created_does_not_fail(self):
        lead = self.lead(NOW - days(5), NOW - days(9), "won")
        data = self._set()
        as_of = dict(zip(data.ids.tolist(), (data.as_of - data.closed_at).tolist()))[lead.id]
        self.assertEqual(as_of, 0)

    def test_nothing_closed_is_an_empty_set(self):
        data = training_set(self.env, [("id", "=", 0)], ["lead.priority"], seed=0, months=3)
        self.assertEqual((len(data.ids), data.table.n_rows, data.won.dtype, len(data.weights)), (0, 0, bool, 0))
        self.assertEqual(json.loads(json.dumps(data.figures, allow_nan=False)), data.figures)

    def test_figures_are_for_json(self):
        self.lead()
        figures = self._set().figures
        self.assertEqual(json.loads(json.dumps(figures, allow_nan=False)), figures)

    def test_a_deleted_field_is_told(self):
        data = training_set(self.env, self.domain, ["lead.priority", "property.gone"], seed=0)
        self.assertEqual(data.missing, ["property.gone"])

    def test_a_number_of_queries_that_does_not_grow_with_the_leads(self):
        self._set()
        count = self.cr.sql_log_count
        self._set()
        few = self.cr.sql_log_count - count
        for number in range(20):
            self.lead(NOW - days(40 + number), NOW - days(10), "won")
        count = self.cr.sql_log_count
        self._set()
        self.assertLessEqual(self.cr.sql_log_count - count, few)
