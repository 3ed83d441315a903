"""Rules with points, in the words of those who write them."""

import json

import numpy as np
import pytest
from scoring import trend
from scoring.artefact import sealed
from scoring.cards import card_from_json
from scoring.errors import ScorecardError
from scoring.rules import DAY, Behaviour, Facts, Happened, Rule, RuleCard
from scoring.scorecard import Scorecard


def rule(points=10, key="a", **values):
    values = {"name": key, "kind": "fit", "match": "all", "filter": "", "behaviours": (), "limit": 0, **values}
    return Rule(key=key, points=points, **values)


def happened(*days_of_leads):
    """Happened of leads, each a list of days ago."""
    pairs = [(row, days * DAY) for row, days_ago in enumerate(days_of_leads) for days in days_ago]
    rows, ages = zip(*pairs) if pairs else ((), ())
    return Happened(np.array(rows, np.int64), np.array(ages, np.int64))


def given(one_rule, n_leads, matches=None, **events):
    """Points that a rule gives each lead."""
    matches = np.ones(n_leads, bool) if matches is None else np.array(matches, bool)
    return (one_rule.tenths(matches, events) / 10).tolist()


# ---- conditions


def test_a_filter_gives_its_points_to_those_that_match():
    assert given(rule(filter="big"), 2, [True, False]) == [10, 0]
    assert given(rule(points=-7, filter="big"), 2, [True, False]) == [-7, 0]


def test_at_least_gives_the_points_once():
    twice = rule(behaviours=[Behaviour("message_in", "at_least", count=2)])
    assert given(twice, 4, message_in=happened([], [1], [1, 2], [1, 2, 3, 4])) == [0, 0, 10, 10]


def test_none_gives_the_points_as_long_as_nothing_happened():
    quiet = rule(points=-5, behaviours=[Behaviour("message_in", "none", days=14)])
    assert given(quiet, 3, message_in=happened([], [13], [15])) == [-5, 0, -5]
    assert given(quiet, 2) == [-5, -5]


def test_each_time_counts_every_one_of_them():
    each = rule(points=3, behaviours=[Behaviour("meeting", "each")])
    assert given(each, 3, meeting=happened([], [1], [1, 2, 300])) == [0, 3, 9]


def test_within_the_last_days_leaves_out_what_is_as_old_as_that():
    week = rule(behaviours=[Behaviour("meeting", "each", days=7)])
    ages = Happened(np.array([0, 1, 2]), np.array([7 * DAY - 1, 7 * DAY, 7 * DAY + 1]))
    assert given(week, 3, meeting=ages) == [10, 0, 0]


def test_points_fall_in_a_straight_line_half_after_so_many_days_and_none_after_twice_as_many():
    fading = rule(behaviours=[Behaviour("meeting", "each", half_days=10)])
    ages = [[0], [1], [5], [10], [15], [19], [20], [40]]
    assert given(fading, 8, meeting=happened(*ages)) == [10, 9.5, 7.5, 5, 2.5, 0.5, 0, 0]
    assert given(fading, 1, meeting=happened([0, 10])) == [15]


def test_days_are_whole_so_that_points_change_once_a_day():
    fading = rule(behaviours=[Behaviour("meeting", "each", half_days=10)])
    ages = Happened(np.array([0, 1]), np.array([DAY - 1, DAY]))
    assert given(fading, 2, meeting=ages) == [10, 9.5]


def test_of_at_least_the_newest_one_fades():
    fading = rule(behaviours=[Behaviour("meeting", "at_least", count=2, half_days=10)])
    assert given(fading, 3, meeting=happened([5, 100], [5], [100, 200])) == [7.5, 0, 0]
    within = rule(behaviours=[Behaviour("meeting", "at_least", count=2, days=30, half_days=10)])
    assert given(within, 2, meeting=happened([5, 100], [5, 29])) == [0, 7.5]


def test_all_of_them_means_all():
    both = rule(filter="big", behaviours=[Behaviour("meeting", "at_least")])
    assert given(both, 4, [True, True, False, False], meeting=happened([1], [], [1], [])) == [10, 0, 0, 0]


def test_all_of_them_each_time_counts_for_those_who_match_the_rest():
    both = rule(filter="big", behaviours=[Behaviour("meeting", "each")])
    assert given(both, 3, [True, True, False], meeting=happened([1, 2], [], [1])) == [20, 0, 0]
    kinds = rule(behaviours=[Behaviour("meeting", "each"), Behaviour("message_in", "each")])
    assert given(kinds, 2, meeting=happened([1, 2], [1]), message_in=happened([1], [])) == [30, 0]


def test_any_of_them_means_one_is_enough():
    either = rule(match="any", filter="big", behaviours=[Behaviour("meeting", "at_least")])
    assert given(either, 4, [True, True, False, False], meeting=happened([1], [], [1], [])) == [10, 10, 10, 0]
    each = rule(match="any", behaviours=[Behaviour("meeting", "each"), Behaviour("message_in", "each")])
    assert given(each, 2, meeting=happened([1, 2], []), message_in=happened([1], [])) == [30, 0]


def test_any_of_them_without_a_filter_does_not_match_everybody():
    either = rule(match="any", behaviours=[Behaviour("meeting", "at_least"), Behaviour("message_in", "at_least")])
    assert given(either, 2, meeting=happened([1], [])) == [10, 0]


def test_a_rule_gives_and_takes_no_more_than_its_limit():
    assert given(
        rule(points=30, limit=50, behaviours=[Behaviour("meeting", "each")]), 1, meeting=happened([1] * 9)
    ) == [50]
    assert given(
        rule(points=-30, limit=50, behaviours=[Behaviour("meeting", "each")]), 1, meeting=happened([1] * 9)
    ) == [-50]
    assert given(rule(points=900, behaviours=[Behaviour("meeting", "each")]), 1, meeting=happened([1] * 99)) == [3000]


# ---- scores


def card_of(*points):
    return RuleCard(tuple(rule(point, key=f"r{at}", filter=f"f{at}") for at, point in enumerate(points)))


def levels_of(card, *rows):
    return card.levels(Facts(np.array(rows, bool).reshape(len(rows), len(card.rules)), {}))


def test_what_rules_give_adds_up_and_the_score_is_held_in_0_to_100():
    card = card_of(60, 52, -30, -20)
    levels = levels_of(card, [1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 0, 0, 0])
    assert levels.shape == (4, 8) and levels.dtype == np.uint8
    assert card.raw(levels).tolist() == [112, -50, 30, 0]
    assert card.scores(levels).tolist() == [100, 0, 30, 0]
    assert card.tenths(levels).sum(axis=1).tolist() == [1120, -500, 300, 0]


def test_levels_are_bytes_that_are_read_back():
    card = RuleCard((rule(points=-1, behaviours=[Behaviour("meeting", "each", half_days=3)]), *card_of(7).rules))
    ages = Happened(np.array([0, 1]), np.array([1, 3]) * DAY)
    levels = card.levels(Facts(np.ones((2, 2), bool), {"meeting": ages}))
    again = np.frombuffer(levels.tobytes(), np.uint8).reshape(2, -1)
    assert card.tenths(again).tolist() == [[-8, 70], [-5, 70]]
    assert card.scores(again).tolist() == [6, 7]  # 6.2, and 6.5 rounded up


def test_a_move_of_two_points_of_the_raw_score_is_a_trend():
    before = np.array([50.0, 50, 50, 112, np.nan])
    found = trend.trends(np.array([52.0, 48, 51.9, 110, 50]), before, "points")
    assert found.tolist() == ["up", "down", "steady", "down", "unknown"]


def test_levels_are_carried_over_to_the_same_rules_alone():
    card, levels = card_of(1, 2), levels_of(card_of(1, 2), [1, 1])
    renamed = RuleCard(tuple(rule(r.points, key=r.key, name="other", filter=r.filter) for r in card.rules[::-1]))
    moved, mappable = renamed.translate(levels, card)
    assert mappable.all() and renamed.tenths(moved).tolist() == [[20, 10]]
    for other in (card_of(1, 3), card_of(1), card_of(1, 2, 3), Scorecard(0.0)):
        moved, mappable = card.translate(levels_of(card_of(1, 2), [1, 1]), other)
        assert not mappable.any() and moved.shape == (1, 4)


def test_reach_says_how_far_back_to_look():
    card = RuleCard(
        (
            rule(key="a", behaviours=[Behaviour("meeting", "each", days=30), Behaviour("message_in", "at_least")]),
            rule(key="b", behaviours=[Behaviour("meeting", "each", half_days=20)]),
        )
    )
    assert (card.reach("meeting"), card.reach("message_in"), card.reach("message_out")) == (40, None, 0)


# ---- text


def full_card():
    behaviours = [Behaviour("meeting", "at_least", 2, 30, 10), Behaviour("message_in", "none", days=5)]
    return RuleCard((rule(filter="[]x", behaviours=behaviours, limit=5), rule(key="Ü", points=-3, filter="☃")))


def test_a_card_survives_the_way_through_text():
    text = full_card().to_json()
    read = card_from_json(text)
    assert isinstance(read, RuleCard) and read.rules == full_card().rules
    assert read.to_json() == text and json.loads(text)["sha256"] == read.sha256


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.update(schema=2),
        lambda made: made.update(kind="scores"),
        lambda made: made.update(more=1),
        lambda made: made.update(rules=[]),
        lambda made: made.update(rules={}),
        lambda made: made["rules"].append(made["rules"][0]),
        lambda made: made["rules"][0].pop("limit"),
        lambda made: made["rules"][0].update(points=0),
        lambda made: made["rules"][0].update(points=True),
        lambda made: made["rules"][0].update(points=1001),
        lambda made: made["rules"][0].update(points=1.5),
        lambda made: made["rules"][0].update(limit=-1),
        lambda made: made["rules"][0].update(match="some"),
        lambda made: made["rules"][0].update(kind=["fit"]),
        lambda made: made["rules"][0].update(filter=None),
        lambda made: made["rules"][1].update(filter=""),
        lambda made: made["rules"][0].update(behaviours=None),
        lambda made: made["rules"][0]["behaviours"][0].update(event="sun"),
        lambda made: made["rules"][0]["behaviours"][0].update(count=0),
        lambda made: made["rules"][0]["behaviours"][0].update(days="1"),
        lambda made: made["rules"][0]["behaviours"][1].update(half_days=3),
        lambda made: made["rules"][0]["behaviours"].append(3),
    ],
)
def test_what_is_no_card_is_refused_in_a_sentence(change):
    made = json.loads(full_card().to_json())
    made.pop("sha256")
    change(made)
    with pytest.raises(ScorecardError, match="This scorecard cannot be used"):
        RuleCard.from_json(sealed(made))


def test_a_changed_text_is_refused():
    text = full_card().to_json()
    with pytest.raises(ScorecardError, match="checksum"):
        card_from_json(text.replace('"points":10', '"points":99'))
    with pytest.raises(ScorecardError):
        card_from_json(text[:-5])
