"""What rules would have told about leads whose end is known."""

import numpy as np
import pytest
from scoring.backtest import difference_interval, findings


def leads(n_leads=2000, seed=1):
    """Fired (float64[n, 3]) and won: the first rule raises the odds, the second lowers them, the third is noise."""
    draw = np.random.default_rng(seed)
    fired = draw.random((n_leads, 3)) < 0.3
    odds = -0.5 + 1.5 * fired[:, 0] - 1.0 * fired[:, 1]
    return fired, draw.random(n_leads) < 1 / (1 + np.exp(-odds))


def found(fired, won, points):
    return findings((10 * np.array(points) * fired).astype(np.int16), points, won)


def test_a_rule_tells_how_many_matched_and_how_many_of_them_were_won():
    fired = np.array([[1]] * 40 + [[0]] * 60)
    won = np.array([1] * 30 + [0] * 10 + [1] * 20 + [0] * 40, bool)
    (one,) = found(fired, won, [5])
    assert (one.matched, one.rate_with, one.rate_without, one.lift) == (40, 0.75, 1 / 3, 1.5)
    assert one.verdict == "telling" and 0 < one.low < 0.75 - 1 / 3 < one.high


def test_rules_that_say_nothing_are_marked_and_get_no_points():
    fired, won = leads()
    raises, lowers, noise = found(fired, won, [10, -10, 10])
    assert [raises.verdict, lowers.verdict, noise.verdict] == ["telling", "telling", "nothing"]
    assert raises.points > 0 > lowers.points and noise.points == 0


def test_points_that_go_the_wrong_way_are_marked_and_turned():
    fired, won = leads()
    raises, _lowers, _noise = found(fired, won, [-10, -10, 10])
    assert raises.verdict == "against" and raises.points > 0


def test_a_rule_that_repeats_an_earlier_one_is_marked():
    fired, won = leads()
    again = fired[:, [0]] & (np.arange(len(won)) % 50 != 0)[:, None]
    first, _lowers, _noise, second = found(np.hstack([fired, again]), won, [10, -10, 10, 10])
    assert (first.verdict, second.verdict, second.repeats) == ("telling", "repeats", 0)
    assert 0.9 < second.overlap < 1 and second.points == 0


def test_a_rule_that_gives_to_nobody_or_to_all_tells_nothing():
    fired, won = leads()
    never, always = found(np.column_stack([0 * fired[:, 0], 0 * fired[:, 0] + 1]), won, [10, 10])
    assert (never.verdict, never.matched, never.rate_with, never.lift) == ("never", 0, None, None)
    assert (always.verdict, always.rate_without) == ("nothing", None)


def test_suggested_points_bring_the_best_leads_to_100():
    fired, won = leads()
    points = [one.points for one in found(fired, won, [10, -10, 10])]
    assert np.quantile(fired @ points, 0.99) == pytest.approx(100, abs=1)
    # as the odds that the leads were drawn with
    assert points[1] / points[0] == pytest.approx(-1.0 / 1.5, abs=0.15)


def test_of_what_counts_each_time_the_suggestion_is_for_once():
    draw = np.random.default_rng(3)
    times = draw.integers(0, 4, 3000)
    won = draw.random(3000) < 1 / (1 + np.exp(1.5 - times))
    (one,) = findings((10 * 5 * times[:, None]).astype(np.int16), [5], won)
    assert one.points == pytest.approx(33, abs=1)  # three times are 100


def test_no_leads_or_one_outcome_alone_are_no_error():
    (one,) = found(np.zeros((0, 1)), np.zeros(0, bool), [5])
    assert (one.verdict, one.points) == ("never", 0)
    for won in (np.zeros(50, bool), np.ones(50, bool)):
        (one,) = found(np.arange(50)[:, None] < 20, won, [5])
        assert (one.verdict, one.points) == ("nothing", 0)


def test_the_interval_is_newcombes():
    # the worked example of Newcombe (1998): 56/70 against 48/80
    assert difference_interval(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def told(fired, won, points, log_odds):
    return findings((10 * np.array(points) * fired).astype(np.int16), points, won, log_odds)


def test_points_come_from_a_models_log_odds_where_there_is_one():
    fired, won = leads()
    raises, lowers, noise = told(fired, won, [10, -10, 10], 1.0 + 0.5 * fired[:, 0] - 2.0 * fired[:, 1])
    assert lowers.points / raises.points == pytest.approx(-4, abs=0.1)  # and not -1.0 / 1.5, as they ended
    assert noise.points == 0  # no outcome speaks for it
    assert np.quantile(fired @ [raises.points, lowers.points, 0], 0.99) == pytest.approx(100, abs=1)


def test_figures_and_verdicts_are_of_the_outcomes_whatever_the_model_says():
    fired, won = leads()
    plain, asked = found(fired, won, [10, -10, 10]), told(fired, won, [10, -10, 10], 0.0 * won)
    for one, other in zip(plain, asked):
        assert (one.verdict, one.rate_with, one.low, one.high) == (
            other.verdict,
            other.rate_with,
            other.low,
            other.high,
        )
    assert [one.points for one in asked] == [0, 0, 0]  # it tells no lead from another


def test_leads_that_the_model_was_not_asked_about_do_not_count():
    fired, won = leads()
    log_odds = 1.0 * fired[:, 0] - 3.0 * fired[:, 1]
    some = np.where(np.arange(len(won)) % 2, log_odds, np.nan)
    raises, lowers, _noise = told(fired, won, [10, -10, 10], some)
    assert lowers.points / raises.points == pytest.approx(-3, abs=0.1)
    assert [one.points for one in told(fired, won, [10, -10, 10], np.full(len(won), np.nan))] == [0, 0, 0]


def test_what_few_leads_show_gets_fewer_points():
    draw = np.random.default_rng(5)
    fired = np.column_stack([draw.random(4000) < 0.3, np.arange(4000) < 12])
    won = draw.random(4000) < 1 / (1 + np.exp(0.5 - 1.5 * fired[:, 0] - 4.0 * fired[:, 1]))
    often, seldom = told(fired, won, [10, 10], 1.5 * fired[:, 0] + 1.5 * fired[:, 1] - 0.5)
    assert seldom.verdict == "telling" and 0 < seldom.points < 0.7 * often.points
