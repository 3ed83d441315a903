from itertools import pairwise

import numpy as np
import pytest
from scoring.errors import ScoringError
from scoring.grading import fit_ranges, needs_fitting
from scoring.scorecard import sigmoid
from scoring.trend import trends


def shares(scores, minimums):
    grade = [next(place for place, low in enumerate(minimums) if score >= low) for score in scores]
    return np.bincount(grade, minlength=len(minimums)) / len(scores)


def test_ranges_split_leads_into_10_20_30_40_percent():
    scores = np.random.default_rng(0).integers(1, 100, 5000)
    np.testing.assert_allclose(shares(scores, fit_ranges(scores)), [0.1, 0.2, 0.3, 0.4], atol=0.02)


def test_ranges_follow_low_base_rates():
    scores = np.clip(np.random.default_rng(0).lognormal(2, 0.7, 5000), 1, 99).astype(int)
    minimums = fit_ranges(scores)
    assert minimums[0] < 30
    np.testing.assert_allclose(shares(scores, minimums), [0.1, 0.2, 0.3, 0.4], atol=0.05)


@pytest.mark.parametrize(
    "scores",
    [
        [7] * 50,
        [1] * 50,
        [99] * 50,
        [0, 100],
        [5] * 90 + [60] * 10,
        [50, 51],
        [3],
    ],
)
def test_every_grade_keeps_scores_of_its_own_however_leads_tie(scores):
    minimums = fit_ranges(scores)
    assert len(minimums) == 4 and minimums[-1] == 0 and minimums[0] <= 100
    assert all(better > worse for better, worse in pairwise(minimums))


def test_two_distinct_scores_are_told_apart():
    minimums = fit_ranges([5] * 90 + [60] * 10)
    assert shares([5, 60], minimums)[0] == 0.5


def test_any_number_of_grades():
    scores = np.random.default_rng(0).integers(1, 100, 1000)
    assert fit_ranges(scores, (1.0,)) == (0,)
    assert len(fit_ranges(scores, (0.2,) * 5)) == 5
    assert fit_ranges(scores, (1 / 101,) * 101) == tuple(range(100, -1, -1))


def test_ranges_need_scores_and_shares_that_make_sense():
    with pytest.raises(ScoringError, match="no scored leads"):
        fit_ranges([])
    for wrong in ((0.5, 0.4), (-0.5, 1.5), ()):
        with pytest.raises(ValueError):
            fit_ranges([5], wrong)
    with pytest.raises(ValueError):
        fit_ranges([101])


def test_defaults_are_kept_where_the_better_half_of_grades_holds_10_to_50_percent():
    assert needs_fitting([10] * 91 + [60] * 9)
    assert not needs_fitting([10] * 90 + [60] * 10)
    assert not needs_fitting([10] * 50 + [90] * 50)
    assert needs_fitting([10] * 49 + [90] * 51)
    assert not needs_fitting([])
    assert not needs_fitting([1, 2, 3], (0,))


def log_odds(*scores):
    return np.log(np.array(scores) / (100 - np.array(scores)))


def test_65_yesterday_and_45_today_is_declining():
    assert trends(log_odds(45), log_odds(65)).tolist() == ["down"]
    assert trends(log_odds(65), log_odds(45)).tolist() == ["up"]


def test_without_an_earlier_score_nothing_is_known():
    assert trends([0.0, np.nan], [np.nan, 0.0]).tolist() == ["unknown", "unknown"]


def test_a_move_needs_both_a_quarter_of_log_odds_and_two_points():
    # 52 to 54 is two points and 0.08 log-odds; 1 to 2 is one point and 0.7 log-odds.
    assert trends(log_odds(54, 2), log_odds(52, 1)).tolist() == ["steady", "steady"]
    assert trends([0.25], [0.0]).tolist() == ["up"]
    edge = np.log(0.02 / 0.98)
    assert 100 * abs(sigmoid(edge) - sigmoid(log_odds(4)[0])) == pytest.approx(2)
    assert trends(log_odds(4), [edge]).tolist() == ["up"]


def test_no_leads_no_trends():
    assert trends([], []).tolist() == []


def test_the_trend_is_as_sensitive_as_one_wants():
    before = np.zeros(3)
    now = np.array([0.15, 0.3, 0.6])
    assert trends(now, before, sensitivity="low").tolist() == ["steady", "steady", "up"]
    assert trends(now, before, sensitivity="normal").tolist() == ["steady", "up", "up"]
    assert trends(now, before, sensitivity="high").tolist() == ["up", "up", "up"]
