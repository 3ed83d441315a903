import json

import numpy as np
import pytest
from scoring.scorecard import sigmoid
from scoring.training import train
from scoring.weighting import DAY, figures, inflow_correction, moments, oldest_age, thinned
from simulated import table, world


def rate(found, won):
    return np.average(won[found.leads], weights=found.weights)


def known(data, told):
    """Open leads of whom a probability is claimed."""
    return ~data.closed & (data.age <= told["oldest_days"] * DAY)


@pytest.mark.parametrize("kind", ["steady", "growing"])
def test_the_weighted_share_of_won_leads_is_that_of_the_open_ones(kind):
    ratios, plain = [], []
    for seed in range(5):
        data = world(kind, seed)
        found, told = data.learned_from()
        truth = data.chance[known(data, told)].mean()
        ratios.append(rate(found, data.won[data.closed]) / truth)
        plain.append(data.won[data.closed].mean() / truth)
        assert told["flags"] == []
    assert 0.95 < np.mean(ratios) < 1.1
    assert np.mean(plain) > 1.8  # what there would be without weights


@pytest.mark.parametrize("kind, flag", [("young", "short_history"), ("forgotten", "unclosed")])
def test_what_closed_leads_cannot_tell_is_said(kind, flag):
    for seed in range(5):
        _found, told = world(kind, seed).learned_from()
        assert flag in told["flags"] and told[flag] is True


@pytest.mark.parametrize("kind", ["steady", "growing"])
def test_the_mean_score_of_open_leads_is_true(kind):
    data = world(kind, 1, per_day=5)
    found, told = data.learned_from()
    closed = np.flatnonzero(data.closed)[found.leads]
    card = train(table(data.taste[closed], found.ages), data.won[closed], weights=found.weights, groups=found.leads)
    some = known(data, told)
    ahead = sigmoid(card.log_odds(card.levels(table(data.taste[some], data.age[some]))))
    assert ahead.mean() == pytest.approx(data.chance[some].mean(), rel=0.1)
    fresh = sigmoid(card.log_odds(card.levels(table(data.taste, 0 * data.age))))
    assert fresh.mean() == pytest.approx(data.fresh_chance.mean(), rel=0.15)


def test_ages_are_those_of_open_leads_that_the_lead_lived_to():
    random = np.random.default_rng(0)
    lifetimes, open_ages = random.exponential(30, 500), random.exponential(30, 80)
    found = moments(lifetimes, open_ages, np.ones(500), random.random(500))
    later = found.ages > 0
    assert set(found.ages[later]) <= set(open_ages)
    assert (found.ages <= lifetimes[found.leads]).all()
    assert found.weights.sum() == pytest.approx(500) and (found.weights > 0).all()


def test_every_lead_has_its_creation_first_and_at_most_one_other_moment():
    random = np.random.default_rng(1)
    lifetimes = np.append(random.exponential(30, 300), [0, 0])
    found = moments(lifetimes, random.exponential(30, 80), np.ones(302), random.random(302))
    leads, first, count = np.unique(found.leads, return_index=True, return_counts=True)
    assert leads.tolist() == list(range(302)) and set(count.tolist()) == {1, 2}
    assert (found.ages[first] == 0).all()
    assert (np.delete(found.ages, first) > 0).all()
    assert count[-2:].tolist() == [1, 1]


def test_of_very_many_leads_some_creations_stand_for_all():
    random = np.random.default_rng(2)
    lifetimes = np.append(random.exponential(30, 39_000), np.zeros(1000))
    found = moments(lifetimes, random.exponential(30, 500), np.ones(40_000), random.random(40_000))
    fresh = found.ages == 0
    assert np.array_equal(np.unique(found.leads), np.arange(40_000))  # a lead has at least one row
    assert len(found.leads) == pytest.approx(40_000 + 39_000 / 4, rel=0.02)
    assert found.weights.sum() == pytest.approx(40_000) and (found.weights > 0).all()
    assert found.weights[fresh].sum() == pytest.approx(0.05 * 40_000)
    assert found.weights[found.leads >= 39_000].sum() == pytest.approx(0.05 * 1000, rel=0.05)
    assert (np.diff(found.leads) >= 0).all()


def test_open_leads_each_put_the_same_weight_on_closed_ones():
    """Two thirds of the open leads are young, so two thirds of the weight is; one closed lead in four gets old."""
    lifetimes = np.repeat([10.0, 100.0], [150, 50])
    found = moments(lifetimes, np.array([5.0, 5.0, 50.0]), np.ones(200), np.random.default_rng(0).random(200))
    later = found.ages > 0
    old = found.weights[found.leads >= 150].sum() / found.weights.sum()
    # Half of the open leads' weight on the young age is shared by all, and the whole of the old one by 50 leads.
    assert old == pytest.approx(0.05 * 0.25 + 0.95 * (2 / 3 * 0.25 + 1 / 3), abs=1e-9)
    assert np.average(found.ages[later] == 50, weights=found.weights[later]) == pytest.approx(1 / 3, abs=0.08)


def test_without_open_leads_they_are_taken_to_be_as_at_steady_inflow():
    lifetimes = np.repeat([10.0, 30.0], 100)
    for open_ages in ([], [1000.0]):  # or where all are older than any that closed
        found = moments(lifetimes, np.array(open_ages), np.ones(200), np.random.default_rng(0).random(200))
        assert found.weights[found.leads >= 100].sum() / 200 == pytest.approx(0.05 / 2 + 0.95 * 0.75)
        assert (found.ages <= lifetimes[found.leads]).all()


def test_leads_that_closed_younger_than_any_open_one_count_at_their_creation():
    found = moments(np.repeat([1.0, 90.0], 50), np.full(9, 60.0), np.ones(100), np.full(100, 0.5))
    assert found.leads.tolist() == [*range(50), *np.repeat(range(50, 100), 2)]
    assert found.weights[:50].sum() == pytest.approx(0.05 / 2 * 100)


def test_few_old_leads_do_not_carry_all_the_weight():
    lifetimes = np.append(np.full(198, 10.0), [100.0, 100.0])
    found = moments(lifetimes, np.append(np.full(50, 5.0), np.full(50, 99.0)), np.ones(200), np.full(200, 0.5))
    assert found.weights[found.leads >= 198].sum() < 0.2 * 200
    assert found.effective() > 50


def test_nothing_closed_is_no_moment():
    found = moments(np.zeros(0), np.array([1.0]), np.zeros(0), np.zeros(0))
    assert len(found.leads) == len(found.ages) == len(found.weights) == found.effective() == 0


def test_all_that_closed_at_once_is_looked_at_at_its_creation():
    found = moments(np.zeros(5), np.array([3.0]), np.ones(5), np.zeros(5))
    assert found.ages.tolist() == [0] * 5 and found.weights.tolist() == [1] * 5


def test_the_same_draws_make_the_same_moments_whatever_the_order_of_open_leads():
    random = np.random.default_rng(0)
    lifetimes, ages, draws = random.exponential(30, 50), random.exponential(30, 20), random.random(50)
    first, again = (moments(lifetimes, order, np.ones(50), draws) for order in (ages, ages[::-1]))
    assert first.ages.tolist() == again.ages.tolist() and first.weights.tolist() == again.weights.tolist()


def test_steady_inflow_needs_no_correction_and_growing_inflow_does():
    created = np.arange(-1000.0, 1000.0)
    assert inflow_correction(np.array([0, 10, 500]), created, 0, 999) == pytest.approx([1, 1, 1])
    assert inflow_correction(np.array([0, 500, 999, 2000]), created[1000:], 0, 999) == pytest.approx([1, 2, 10, 10])


def test_figures_are_for_json_and_nothing_closed_has_some():
    found = figures(np.array([10.0, 20.0]) * DAY, np.ones(2), -np.array([30.0, 60.0]) * DAY, np.array([70.0]) * DAY, 0)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["too_old"] == 1 and found["never_closed"] is None
    empty = figures(np.zeros(0), np.zeros(0), np.zeros(0), np.array([3.0]), 10.0)
    assert json.loads(json.dumps(empty, allow_nan=False)) == empty
    assert (empty["too_old"], empty["oldest_days"], empty["flags"]) == (0, None, [])
    assert oldest_age(np.zeros(0)) == np.inf


def test_a_sample_keeps_the_shares_of_outcomes_and_times():
    random = np.random.default_rng(0)
    won, closed_at, draws = random.random(10_000) < 0.1, random.exponential(100, 10_000), random.random(10_000)
    rows = thinned(won, closed_at, 1000, draws)
    assert len(rows) == len(set(rows.tolist())) == 1000 and (np.diff(rows) > 0).all()
    assert won[rows].mean() == pytest.approx(won.mean(), abs=0.001)
    for share in (0.25, 0.5, 0.75):
        assert (closed_at[rows] < np.quantile(closed_at, share)).mean() == pytest.approx(share, abs=0.005)
    assert rows.tolist() == thinned(won, closed_at, 1000, draws).tolist()
    assert thinned(won, closed_at, 10_000, draws).tolist() == list(range(10_000))
    assert len(thinned(np.ones(30, bool), closed_at[:30], 7, draws[:30])) == 7
