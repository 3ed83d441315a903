import numpy as np
import pytest
from made_up import card, paired_card, random_levels
from scoring.errors import ScorecardError
from scoring.scorecard import (
    MISSING,
    CategoryLevels,
    FeatureCard,
    NumberLevels,
    PairCard,
    Scorecard,
    round_stored,
    sigmoid,
)
from scoring.table import FeatureTable, category_column, number_column


def table(countries, employees):
    return FeatureTable(
        {"country": category_column(countries), "employees": number_column(employees)},
        len(countries),
    )


def test_levels_of_known_unseen_and_missing_values():
    levels = card().levels(table(["be", "fr", "newly invented", None], [9.99, 10, 1e300, None]))
    assert levels.tolist() == [[0, 0], [1, 1], [2, 2], [MISSING, MISSING]]
    assert levels.dtype == np.uint8


def test_infinite_numbers_are_missing():
    levels = card().levels(table(["be", "be"], [float("inf"), float("-inf")]))
    assert levels[:, 1].tolist() == [MISSING, MISSING]


def test_an_absent_column_and_one_of_the_wrong_kind_are_missing():
    swapped = FeatureTable({"country": number_column([1.0])}, 1)
    assert card().levels(swapped).tolist() == [[MISSING, MISSING]]


def test_leads_without_any_value_get_a_score():
    empty = card()
    scores = empty.scores(empty.levels(FeatureTable({}, 3)))
    assert scores.tolist() == [round(100 * sigmoid(-1.0 + 0.125 + 0.25))] * 3


def test_contributions_add_up_to_the_log_odds():
    scorecard = card()
    levels = random_levels(scorecard, 500)
    total = scorecard.intercept + scorecard.contributions(levels).sum(axis=1)
    np.testing.assert_allclose(total, scorecard.log_odds(levels), rtol=0, atol=1e-9)


def test_bytes_that_are_no_level_count_as_missing():
    scorecard = card()
    odd = np.array([[200, 254]], dtype=np.uint8)
    missing = np.array([[MISSING, MISSING]], dtype=np.uint8)
    assert scorecard.log_odds(odd) == scorecard.log_odds(missing)


def test_scores_round_halves_up_and_stay_in_1_to_99():
    def score(probability):
        scorecard = Scorecard(float(np.log(probability / (1 - probability))))
        return int(scorecard.scores(scorecard.levels(FeatureTable({}, 1)))[0])

    assert [score(p) for p in (1e-9, 0.004, 0.125001, 0.5, 0.994, 1 - 1e-9)] == [1, 1, 13, 50, 99, 99]
    assert Scorecard(0.0).average == 50


def test_points_add_up_to_the_distance_from_the_average_lead():
    scorecard = card()
    levels = random_levels(scorecard, 300)
    expected = 100 * (scorecard.probabilities(levels) - sigmoid(scorecard.intercept))
    np.testing.assert_allclose(scorecard.points(levels).sum(axis=1), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("intercept", [0.0, -3.0, 30.0, -30.0, 800.0, -800.0])
@pytest.mark.parametrize("size", [0.0, 1e-300, 1e-14, 1e-8, 1.0, 700.0])
def test_points_are_right_at_both_ends_of_the_curve(intercept, size):
    feature = FeatureCard(CategoryLevels("a", ("x", "y")), [size, -size, 0, 0], [1] * 4, [0] * 4)
    scorecard = Scorecard(intercept, (feature,))
    levels = np.array([[0], [1]], dtype=np.uint8)
    expected = 100 * (scorecard.probabilities(levels) - sigmoid(intercept))
    np.testing.assert_allclose(scorecard.points(levels)[:, 0], expected, rtol=0, atol=1e-9)


def test_points_of_equal_and_opposite_reasons_keep_the_slope_of_the_curve():
    features = [
        FeatureCard(CategoryLevels(name, ("x",)), [score, 0, 0], [1] * 3, [0] * 3)
        for name, score in (("good", 1.0), ("bad", -1.0))
    ]
    points = Scorecard(0.0, features).points(np.zeros((1, 2), dtype=np.uint8))
    np.testing.assert_allclose(points, [[25, -25]])


@pytest.mark.parametrize("seed", range(5))
def test_whole_points_lead_from_the_average_score_to_the_score(seed):
    random = np.random.default_rng(seed)
    features = [
        FeatureCard(NumberLevels(f"n{index}", (0.0, 1.0)), random.normal(0, 1.5, 4), [1] * 4, [0] * 4)
        for index in range(7)
    ]
    scorecard = Scorecard(random.normal(), features)
    levels = random_levels(scorecard, 400, seed)
    whole, points = scorecard.whole_points(levels), scorecard.points(levels)
    assert (scorecard.average + whole.sum(axis=1) == scorecard.scores(levels)).all()
    assert np.abs(whole - points).max() < 3


def test_a_feature_that_adds_nothing_shows_no_points():
    nothing = FeatureCard(CategoryLevels("nothing", ()), [0, 0], [1, 1], [0, 0])
    scorecard = Scorecard(-1.0, (*card().features, nothing))
    whole = scorecard.whole_points(random_levels(scorecard, 200))
    assert (whole[:, 2] == 0).all()


def test_a_card_without_features_gives_everyone_the_average():
    scorecard = Scorecard(-1.0)
    levels = scorecard.levels(FeatureTable({}, 4))
    assert scorecard.scores(levels).tolist() == [27] * 4
    assert scorecard.whole_points(levels).shape == (4, 0)


def one(levels):
    size = levels.n_levels + 1
    return Scorecard(0.0, (FeatureCard(levels, [0.0] * size, [1] * size, [0] * size),))


def translate(new, old, levels):
    translated, mappable = one(new).translate(np.array(levels, dtype=np.uint8)[:, None], one(old))
    return [int(level) if fits else None for level, fits in zip(translated[:, 0], mappable)]


def test_old_keys_find_their_place_on_a_new_card():
    old, new = CategoryLevels("a", ("x", "y")), CategoryLevels("a", ("w", "x"))
    # y has no level of its own any more; "other" might be w.
    assert translate(new, old, [0, 1, 2, MISSING]) == [1, 2, None, MISSING]


def test_other_is_carried_over_when_no_key_is_new():
    old, new = CategoryLevels("a", ("x", "y")), CategoryLevels("a", ("y",))
    assert translate(new, old, [0, 1, 2]) == [1, 0, 1]
    assert translate(old, old, [0, 1, 2, MISSING]) == [0, 1, 2, MISSING]


def test_old_bins_find_their_place_where_they_lie_inside_a_new_one():
    old, new = NumberLevels("a", (1.0, 5.0, 10.0)), NumberLevels("a", (5.0, 7.0))
    assert translate(new, old, [0, 1, 2, 3, MISSING]) == [0, 0, None, 2, MISSING]


def test_a_feature_that_the_old_card_lacked_cannot_be_translated():
    _levels, mappable = card().translate(np.zeros((2, 0), dtype=np.uint8), Scorecard(0.0))
    assert not mappable.any()


def test_a_feature_of_another_kind_is_translated_where_it_was_missing():
    assert translate(NumberLevels("a", (1.0,)), CategoryLevels("a", ("x",)), [0, MISSING]) == [None, MISSING]


def test_a_feature_that_was_dropped_does_not_matter():
    fewer = Scorecard(0.0, card().features[1:])
    translated, mappable = fewer.translate(np.array([[0, 2]], dtype=np.uint8), card())
    assert translated.tolist() == [[2]] and mappable.all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CategoryLevels("a", ["x", "x"]), "twice"),
        (lambda: CategoryLevels("", ["x"]), "no name"),
        (lambda: CategoryLevels("a", [str(key) for key in range(254)]), "more than 253"),
        (lambda: NumberLevels("a", [2, 1]), "do not rise"),
        (lambda: NumberLevels("a", [1, 1]), "do not rise"),
        (lambda: NumberLevels("a", [float("nan")]), "finite"),
        (lambda: FeatureCard(CategoryLevels("a", ["x"]), [0, 0], [1, 1], [0, 0]), "3 levels"),
        (lambda: FeatureCard(CategoryLevels("a", []), [0, 0], [1, 1], [0, 2]), "more won"),
        (lambda: FeatureCard(CategoryLevels("a", []), [0, 1e9], [1, 1], [0, 0]), "beyond"),
        (lambda: Scorecard(0.0, card().features * 2), "twice"),
        (lambda: Scorecard(float("inf")), "finite"),
    ],
)
def test_a_card_that_cannot_score_cannot_be_made(make, message):
    with pytest.raises(ScorecardError, match=message):
        make()


def test_stored_numbers_are_rounded_and_zero_has_no_sign():
    assert round_stored([0.1 + 0.2, -0.0, 1 / 3 * 1e-7]).tolist() == [0.3, 0.0, 3.33333333333e-08]
    assert "-0.0" not in str(round_stored([-0.0]).tolist())


def test_the_widest_feature_still_fits_in_a_byte():
    keys = tuple(f"k{index:03}" for index in range(253))
    scorecard = one(CategoryLevels("a", keys))
    levels = scorecard.levels(FeatureTable({"a": category_column([*keys, "new", None])}, 255))
    assert levels[:, 0].tolist() == [*range(254), MISSING]


def test_what_a_pair_adds_is_shared_half_and_half():
    scorecard, plain = paired_card(), card()
    levels = np.array([[0, 2], [1, 0], [2, MISSING], [MISSING, 1], [200, 254]], dtype=np.uint8)
    places = [np.minimum(levels[:, column], 3) for column in (0, 1)]
    added = scorecard.pairs[0].scores[tuple(places)]
    assert added[0] == 2.0 and added[1] == 4.0 and added[2] == 7.0
    np.testing.assert_allclose(scorecard.log_odds(levels), plain.log_odds(levels) + added)
    gap = scorecard.contributions(levels) - plain.contributions(levels)
    np.testing.assert_allclose(gap, np.stack([added / 2, added / 2], axis=1))


def test_reasons_of_a_card_with_pairs_are_exact():
    scorecard = paired_card()
    levels = random_levels(scorecard, 500)
    total = scorecard.intercept + scorecard.contributions(levels).sum(axis=1)
    np.testing.assert_allclose(total, scorecard.log_odds(levels), rtol=0, atol=1e-9)
    expected = 100 * (scorecard.probabilities(levels) - sigmoid(scorecard.intercept))
    np.testing.assert_allclose(scorecard.points(levels).sum(axis=1), expected, rtol=0, atol=1e-9)
    whole = scorecard.whole_points(levels).sum(axis=1)
    assert (scorecard.average + whole == scorecard.scores(levels)).all()


def test_a_pair_does_not_change_levels_or_their_translation():
    assert paired_card().levels(table(["be"], [5])).tolist() == card().levels(table(["be"], [5])).tolist()
    translated, mappable = paired_card().translate(np.array([[0, 1]], dtype=np.uint8), card())
    assert translated.tolist() == [[0, 1]] and mappable.all()


def test_a_pair_of_other_features_cannot_be():
    with pytest.raises(ScorecardError, match="not there"):
        Scorecard(0.0, card().features[:1], paired_card().pairs)
    with pytest.raises(ScorecardError, match="with itself"):
        PairCard(("a", "a"), ([0, 1], [0, 1]), [[0, 0], [0, 0]])


def test_changes_add_up_and_are_those_of_the_features_that_changed():
    scorecard = paired_card()
    before, after = random_levels(scorecard, 400), random_levels(scorecard, 400, seed=1)
    after[:, 0] = before[:, 0]
    changes = scorecard.changes(before, after)
    np.testing.assert_allclose(
        changes.sum(axis=1), scorecard.log_odds(after) - scorecard.log_odds(before), rtol=0, atol=1e-9
    )
    # The first feature stayed as it was: what its pairs add now is the other feature's doing.
    assert not changes[:, 0].any()


def test_whole_changes_lead_from_one_score_to_the_other():
    scorecard = paired_card()
    before, after = random_levels(scorecard, 400), random_levels(scorecard, 400, seed=1)
    after[0] = before[0]
    whole = scorecard.whole_changes(before, after)
    moved = scorecard.scores(after).astype(int) - scorecard.scores(before)
    assert whole.sum(axis=1).tolist() == moved.tolist()
    assert not whole[0].any()
