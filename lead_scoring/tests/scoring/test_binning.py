import numpy as np
import pytest
from scoring.binning import CONSTANT, EMPTY, UNIQUE, fit_levels
from scoring.table import CategoryColumn, FeatureTable, NumberColumn, category_column, number_column


def fit(column):
    """Levels of one column, or why it was left out."""
    levels, left_out = fit_levels(FeatureTable({"a": column}, len(column)))
    return levels[0] if levels else left_out["a"]


@pytest.mark.parametrize("size", [1, 100])
def test_two_leads_are_enough_however_many_there_are(size):
    levels = fit(category_column(["be"] * 60 * size + ["fr"] * 38 * size + ["lu"] * 2 + ["nl"]))
    assert levels.keys == ("be", "fr", "lu")


def test_two_leads_are_counted_not_two_rows():
    column = category_column(["be", "be", "fr", "fr", "lu", "lu"] + ["be", "fr"] * 7)
    levels, _left_out = fit_levels(FeatureTable({"a": column}, len(column)), rows_per_lead=2.0)
    assert levels[0].keys == ("be", "fr")


def test_a_text_that_is_no_key_is_other():
    assert fit(category_column(["be", "fr", "x" * 5000] * 5)).keys == ("be", "fr")


def test_of_very_many_keys_the_most_frequent_are_kept():
    counts = np.arange(20, 320)
    column = CategoryColumn([f"k{count}" for count in counts], np.repeat(np.arange(300), counts))
    levels = fit(column)
    assert len(levels.keys) == 253
    assert "k319" in levels.keys and "k66" not in levels.keys


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (category_column([None] * 9), EMPTY),
        (number_column([None, float("inf")]), EMPTY),
        (category_column(["x"] * 9), CONSTANT),
        (number_column([5] * 9), CONSTANT),
        (category_column(list("abcdefghi")), UNIQUE),
        (category_column([*"abcdefghi", *[None] * 20]), UNIQUE),
    ],
)
def test_columns_that_cannot_tell_anything(column, why):
    assert fit(column) == why


def test_one_value_or_none_tells_something():
    assert fit(category_column(["x", "x", None])).keys == ("x",)
    assert fit(number_column([5, 5, None])).edges == ()


def test_few_distinct_numbers_get_an_edge_between_each():
    assert fit(number_column([0, 1, 2, 5] * 3)).edges == (1.0, 2.0, 5.0)
    assert fit(number_column([False, True] * 3)).edges == (1.0,)


def test_bins_hold_about_equally_many_leads():
    values = np.random.default_rng(0).normal(size=1000)
    levels = fit(NumberColumn(values))
    counts = np.bincount(levels.encode(NumberColumn(values)))
    assert len(counts) == 20 and counts.min() >= 40 and counts.max() <= 60


def test_few_leads_have_few_bins():
    assert fit(NumberColumn(np.arange(50.0))).n_levels == 10
    assert fit(NumberColumn(np.arange(15.0))).n_levels == 3


def test_a_value_of_most_leads_leaves_bins_to_the_others():
    values = np.concatenate([np.zeros(800), np.arange(1, 201)])
    counts = np.bincount(fit(NumberColumn(values)).encode(NumberColumn(values)))
    assert counts[0] == 800 and len(counts) >= 9 and counts[1:].min() >= 5


def test_edges_are_round_where_they_can_be():
    assert fit(number_column([9_870.0] * 5 + [10_230.0] * 5)).edges == (10_000.0,)
    assert fit(number_column([-5] * 5 + [3] * 5)).edges == (0.0,)
    close = (0.1, np.nextafter(0.1, 1))
    assert fit(number_column([*close] * 5)).edges == (close[1],)


@pytest.mark.parametrize("scale", [1e-300, 1e-9, 1.0, 1e12, 1e300])
def test_an_edge_always_lies_between_its_values(scale):
    values = np.sort(np.random.default_rng(0).normal(size=8)) * scale
    assert fit(NumberColumn(values)).encode(NumberColumn(values)).tolist() == list(range(8))
