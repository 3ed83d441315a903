import json

import numpy as np
import pytest
from scoring.leaks import created_lately, find_leaks
from scoring.table import CategoryColumn, FeatureTable, NumberColumn

N, OPEN = 2000, 500


@pytest.fixture
def random():
    return np.random.default_rng(7)


@pytest.fixture
def won(random):
    return random.random(N) < 0.3


def choice(random, count, shares=(0.5, 0.3, 0.2), keys=("a", "b", "c")):
    return CategoryColumn(keys, random.choice(len(keys), count, p=shares))


def look(closed, won, open_, **values):
    size = lambda column: len(column)
    found = find_leaks(
        FeatureTable({"feature": closed}, size(closed)), won, FeatureTable({"feature": open_}, size(open_)), **values
    )
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found["features"][0]


def emptied(column, mask):
    if column.kind == "category":
        return CategoryColumn(column.keys, np.where(mask, -1, column.codes))
    return NumberColumn(np.where(mask, np.nan, column.values))


def test_an_honest_feature_stays(random, won):
    row = look(choice(random, N), won, choice(random, OPEN))
    assert (row["verdict"], row["reason"], row["by_hand"], row["checked"]) == ("in", None, False, True)
    assert row["auc"] < 0.6 and row["filled_open"] == row["filled_closed"] == 1


def test_what_alone_separates_won_from_lost_is_left_out(random, won):
    told = won ^ (random.random(N) < 0.02)
    row = look(CategoryColumn(("no", "yes"), told), won, choice(random, OPEN, (0.7, 0.3), ("no", "yes")))
    assert (row["verdict"], row["reason"]) == ("out", "separates_alone")
    assert row["auc"] > 0.95


def test_values_of_one_lead_each_separate_nothing(random, won):
    """Out of fold: levels that are known from the lead itself alone say nothing."""
    keys = tuple(map(str, range(100)))
    row = look(CategoryColumn(keys, random.integers(0, 100, N)), won, CategoryColumn(keys, np.arange(100)))
    assert row["verdict"] == "in" and row["auc"] < 0.6


def test_a_column_that_is_filled_in_at_the_close_is_left_out(random, won):
    open_ = emptied(choice(random, OPEN), random.random(OPEN) < 0.95)
    row = look(emptied(choice(random, N), random.random(N) < 0.5), won, open_)
    assert (row["verdict"], row["reason"]) == ("out", "empty_on_open")
    assert row["filled_open"] < 0.1 and row["filled_closed"] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("share, reason", [(0.25, None), (0.05, "empty_on_open")])
def test_a_third_is_what_decides(random, won, share, reason):
    open_ = emptied(choice(random, OPEN), random.random(OPEN) > share)
    assert look(emptied(choice(random, N), random.random(N) < 0.5), won, open_)["reason"] == reason


def test_few_open_leads_prove_nothing(random, won):
    closed = emptied(choice(random, N), random.random(N) < 0.8)
    row = look(closed, won, emptied(choice(random, 25), np.ones(25, bool)))
    assert row["checked"] and row["verdict"] == "in"


@pytest.mark.parametrize("count", [0, 19])
def test_without_open_leads_it_cannot_be_checked(random, won, count):
    closed = FeatureTable({"feature": choice(random, N)}, N)
    found = find_leaks(closed, won, FeatureTable({"feature": choice(random, count)}, count))
    assert found["checked"] is False and found["features"][0]["checked"] is False
    assert found["features"][0]["verdict"] == "in" and found["features"][0]["filled_open"] is None


def test_a_level_that_comes_with_the_close_is_left_out(random, won):
    row = look(choice(random, N), won, choice(random, OPEN, (0.7, 0.29, 0.01)))
    assert (row["verdict"], row["reason"]) == ("out", "level_missing_on_open")
    assert row["level"]["key"] == "c" and row["level"]["open"] < 0.03 < row["level"]["closed"]


def test_a_level_that_is_out_of_use_is_no_leak(random, won):
    """A campaign of last year: leads created lately do not have it, closed or open."""
    lately = np.arange(N) > N // 2
    codes = np.where(lately, random.integers(0, 2, N), 2)
    row = look(CategoryColumn(("a", "b", "c"), codes), won, choice(random, OPEN, (0.5, 0.5, 0)), lately=lately)
    assert row["verdict"] == "in"
    row = look(CategoryColumn(("a", "b", "c"), codes), won, choice(random, OPEN, (0.5, 0.5, 0)))
    assert row["reason"] == "level_missing_on_open"


def test_a_level_goes_out_of_use_where_no_closed_lead_is_as_new_as_an_open_one(random, won):
    """Everything older is closed: the newest closed leads say that a campaign ended, and a level of the close is there."""
    created = np.arange(N + OPEN)
    lately = created_lately(created[:N], created[N:])
    assert lately.tolist() == [False] * (N - 200) + [True] * 200
    ended = np.where(np.arange(N) < 1500, random.integers(0, 3, N), random.integers(0, 2, N))
    open_ = choice(random, OPEN, (0.5, 0.5, 0))
    assert look(CategoryColumn(("a", "b", "c"), ended), won, open_, lately=lately)["verdict"] == "in"
    assert look(choice(random, N), won, open_, lately=lately)["reason"] == "level_missing_on_open"


def test_closed_leads_as_new_as_open_ones_say_what_is_in_use():
    assert created_lately(np.arange(100), np.array([10, 50, 90])).sum() == 50
    assert created_lately(np.arange(100), np.zeros(0)).all() and not len(created_lately(np.zeros(0), np.ones(3)))


def test_a_number_that_is_zero_until_the_close_is_left_out(random, won):
    row = look(NumberColumn(random.integers(0, 9, N)), won, NumberColumn(np.zeros(OPEN)))
    assert (row["verdict"], row["reason"]) == ("out", "level_missing_on_open")
    assert row["level"]["low"] is not None and row["level"]["closed"] > row["level"]["open"]


def test_open_leads_are_compared_with_closed_ones_of_their_age(random, won):
    """What is filled in late is missing on the young; weights say which closed leads are as young."""
    young = random.random(N) < 0.8
    filled_late = emptied(choice(random, N), young)
    open_ = emptied(choice(random, OPEN), random.random(OPEN) < 0.98)
    assert look(filled_late, won, open_)["verdict"] == "out"
    assert look(filled_late, won, open_, weights=np.where(young, 1, 0.02))["verdict"] == "in"


def test_what_is_dated_is_not_compared(random, won):
    row = look(NumberColumn(random.integers(0, 9, N)), won, NumberColumn(np.zeros(OPEN)), dated={"feature"})
    assert row["verdict"] == "in" and row["checked"]


def test_what_needs_a_history_is_left_out_where_half_of_it_is_missing(random, won):
    for share, verdict in ((0.4, "out"), (0.6, "in")):
        column = emptied(choice(random, N), random.random(N) > share)
        row = look(column, won, choice(random, OPEN), needs_history={"feature"})
        assert row["verdict"] == verdict and row["reason"] == (None if verdict == "in" else "little_history")


def test_the_parts_of_a_list_that_is_empty_on_open_leads_are_left_out_together(random, won):
    """A tag of ten leads proves nothing, the list of tags does."""
    tag = random.choice(2, N, p=[0.2, 0.8])
    parts = {"often": tag, "seldom": np.arange(N) < 10}
    closed = FeatureTable({name: CategoryColumn(("no", "yes"), value) for name, value in parts.items()}, N)
    none = FeatureTable({name: CategoryColumn(("no", "yes"), np.zeros(OPEN, int)) for name in parts}, OPEN)
    assert find_leaks(closed, won, none)["left_out"] == ["often"]
    found = find_leaks(closed, won, none, families=dict.fromkeys(parts, "tag"))
    assert found["left_out"] == ["often", "seldom"]
    assert find_leaks(closed, won, closed, families=dict.fromkeys(parts, "tag"))["left_out"] == []


@pytest.mark.parametrize("share, verdict", [(0.04, "asked"), (0.15, "out")])
def test_rare_levels_of_many_do_not_cost_the_column(random, won, share, verdict):
    shares = np.array([0.5, 0.5 - share, share])
    row = look(choice(random, N, shares), won, choice(random, 2 * N, (0.5, 0.5, 0)))
    assert (row["verdict"], row["reason"], row["level"]["key"]) == (verdict, "level_missing_on_open", "c")


def test_what_tells_a_lot_is_asked_about(random, won):
    told = np.where(random.random(N) < 0.3, random.random(N) < 0.5, won)
    row = look(CategoryColumn(("no", "yes"), told.astype(int)), won, choice(random, OPEN, (0.7, 0.3), ("no", "yes")))
    assert (row["verdict"], row["reason"]) == ("asked", "strong_alone")
    assert 0.75 < row["auc"] < 0.95


def test_levels_that_decide_are_asked_about(random, won):
    never = ~won & (random.random(N) < 0.4)
    codes = np.where(never, 0, 1)
    row = look(CategoryColumn(("never", "other"), codes), won, choice(random, OPEN, (0.3, 0.7), ("never", "other")))
    assert (row["verdict"], row["reason"]) == ("asked", "decides_levels")
    assert row["decided"] == pytest.approx(never.mean())


def test_a_person_has_the_last_word(random, won):
    empty = emptied(choice(random, OPEN), np.ones(OPEN, bool))
    row = look(choice(random, N), won, empty, trusted={"feature"})
    assert (row["verdict"], row["reason"], row["by_hand"]) == ("in", "empty_on_open", True)
    row = look(choice(random, N), won, choice(random, OPEN), distrusted={"feature"})
    assert (row["verdict"], row["reason"], row["by_hand"]) == ("out", "by_hand", True)
    row = look(choice(random, N), won, choice(random, OPEN), trusted={"feature"})
    assert (row["verdict"], row["by_hand"]) == ("in", False)


def test_odd_columns_do_not_fail(random, won):
    for column in (
        CategoryColumn((), np.full(N, -1)),
        CategoryColumn(("a",), np.zeros(N, int)),
        CategoryColumn(tuple(map(str, range(N))), np.arange(N)),
        NumberColumn(np.full(N, np.nan)),
        NumberColumn(np.full(N, 1e300)),
        NumberColumn(random.normal(size=N) * 1e307),
    ):
        assert look(column, won, column)["verdict"] == "in"
    row = look(choice(random, N), np.ones(N, bool), choice(random, OPEN))
    assert (row["verdict"], row["auc"]) == ("in", None)
    found = find_leaks(FeatureTable({"feature": NumberColumn([])}, 0), [], FeatureTable({}, 0))
    assert found["features"][0]["verdict"] == "in" and found["left_out"] == []


def test_what_was_written_at_the_close_is_told(random, won):
    assert look(choice(random, N), won, choice(random, OPEN), late_writes={"feature": 0.4})["late_writes"] == 0.4
