"""Three learners, one sum of tables, which is the learners and not their copy."""

import numpy as np
import pytest
from made_up import crossed_leads, leads, noise, with_noise
from scoring.additive import Additive, Pair, positions_of
from scoring.binning import fit_levels
from scoring.boosting import Boosting
from scoring.outcomes import folds_of, outcomes_of
from scoring.scorecard import Scorecard, loss_of, sigmoid
from scoring.stack import Stack, stack_weights
from scoring.training import learn, train


def prepared(table, won):
    """(Outcomes, levels, positions)."""
    levels, _left_out = fit_levels(table)
    return outcomes_of(table.n_rows, won, None, None, 2), levels, positions_of(levels, table)


def fresh(seed=9):
    """Leads with values that nobody learned from, unseen keys and gaps."""
    table, won, _closed_at = crossed_leads(3000, seed=seed)
    campaign = table.columns["campaign"]
    keys = [f"new {key}" if place % 7 == 0 else key for place, key in enumerate(campaign.keys)]
    table.columns["campaign"] = type(campaign)(keys, campaign.codes)
    table.columns["size"].values[:50] = 1e12
    return table, won


@pytest.mark.parametrize("pairs", [[], [(0, 1)], [(0, 1), (1, 3), (2, 3)]])
@pytest.mark.parametrize("rounds", [None, 30])
def test_tables_are_the_trees(pairs, rounds):
    table, won, _closed_at = crossed_leads(4000)
    data, levels, positions = prepared(table, won)
    boosted = Boosting(levels, positions, 0).fit(data, np.arange(4000), np.ones(4, dtype=bool), 60, pairs)
    new = positions_of(levels, fresh()[0])
    for places in (positions, new):
        by_trees = boosted.log_odds(places) if rounds is None else next(boosted.staged(places, [rounds]))
        by_tables = boosted.additive(rounds).log_odds(places)
        np.testing.assert_allclose(by_tables, by_trees, rtol=0, atol=1e-9)
    assert len(boosted.additive().pairs) == len(pairs)


def test_the_card_is_the_stack_of_its_learners(monkeypatch):
    table, won, _closed_at = crossed_leads(4000)
    plans = []

    def told(self, plan, learn=Stack.learn):
        plans.append((self, plan))
        return learn(self, plan)

    monkeypatch.setattr(Stack, "learn", told)
    card = train(table, won)
    stack, plan = plans[0]
    assert [pair.names for pair in card.pairs] == [("region", "size")]
    pseudo, bins, slope, shift = plan.bayes
    rows = np.arange(4000)
    bayes = stack.bayes.fit(stack.bayes.counts(stack.data, rows), stack.data.base, plan.used, pseudo, bins)
    ridge = stack.ridge.fit(stack.data, rows, plan.penalty, plan.used, precise=True)
    trees = stack.boosting.fit(stack.data, rows, plan.seen_by_trees, plan.rounds, plan.pairs, plan.setting)
    levels, _left_out = fit_levels(table)
    for some in (table, fresh()[0]):
        places = positions_of(levels, some)
        by_learners = np.stack(
            [slope * bayes.log_odds(places) + shift, ridge.log_odds(places), trees.log_odds(places)], axis=1
        )
        expected = by_learners @ plan.weights + plan.shift
        np.testing.assert_allclose(card.log_odds(card.levels(some)), expected, rtol=0, atol=1e-9)


def test_reasons_are_exact_with_pairs_and_survive_the_text():
    table, won, _closed_at = crossed_leads(4000)
    card = train(table, won)
    read = Scorecard.from_json(card.to_json())
    some = fresh()[0]
    levels = read.levels(some)
    assert (levels == card.levels(some)).all()
    total = read.intercept + read.contributions(levels).sum(axis=1)
    np.testing.assert_allclose(total, card.log_odds(levels), rtol=0, atol=1e-9)
    assert train(table, won).to_json() == card.to_json()


def test_two_features_that_tell_nothing_alone_are_found_together():
    table, won, _closed_at = crossed_leads(4000)
    card, findings = learn(with_noise(table, 8), won)
    unseen, outcome = fresh()
    with_pairs = loss_of(card.log_odds(card.levels(unseen)), outcome).mean()
    alone = Scorecard(card.intercept, card.features)
    assert findings.learners["pairs"] == 1 and "region" not in findings.left_out
    assert with_pairs < loss_of(alone.log_odds(alone.levels(unseen)), outcome).mean() - 0.1


def test_leads_without_pairs_get_none():
    for seed in range(3):
        table, won, _closed_at = leads(3000, seed=seed)
        assert train(with_noise(table, 6, seed=seed), won).pairs == ()


def test_a_pair_is_pure_and_what_it_was_is_still_there():
    random = np.random.default_rng(0)
    positions = np.stack([random.integers(0, 5, 900), random.integers(0, 4, 900)], axis=1)
    positions[:, 1] = np.where(positions[:, 0] == 4, 3, positions[:, 1])
    weights = random.random(900)
    groups = (np.array([0, 1, 1, 2, 3]), np.array([0, 1, 2, 3]))
    pair = Pair(groups, random.normal(size=(4, 4)))
    plain = Additive(0.3, [random.normal(size=5), random.normal(size=4)], {(0, 1): pair})
    pure = plain.centred(positions, weights)
    np.testing.assert_allclose(pure.log_odds(positions), plain.log_odds(positions), rtol=0, atol=1e-12)
    pair = pure.pairs[0, 1]
    first, second = (side[positions[:, place]] for place, side in enumerate(pair.groups))
    mass = np.zeros((4, 4))
    np.add.at(mass, (first, second), weights)
    np.testing.assert_allclose((mass * pair.cells).sum(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose((mass * pair.cells).sum(axis=1), 0, atol=1e-9)
    for place, table in enumerate(pure.mains):
        assert np.average(table[positions[:, place]], weights=weights) == pytest.approx(0, abs=1e-12)


def test_a_silent_feature_says_nothing_in_pairs_either():
    table, won, _closed_at = crossed_leads(4000)
    card = train(table, won, ignore_empty=("size",))
    assert card.pairs
    levels = card.levels(table)
    missing = table.columns["size"].missing
    added = card.contributions(levels)[missing, card.names.index("size")]
    np.testing.assert_allclose(added, 0, atol=1e-9)


def test_weights_of_few_leads_are_equal_and_of_many_those_of_the_best():
    random = np.random.default_rng(0)

    def found(count):
        good = random.normal(size=count) * 1.5
        won = (random.random(count) < sigmoid(good)).astype(np.int8)
        return stack_weights(np.stack([good, random.normal(size=count)], axis=1), won, np.ones(count))[0]

    np.testing.assert_allclose(found(6), [0.5, 0.5], atol=0.3)
    many = found(20_000)
    assert many[0] == pytest.approx(1, abs=0.06) and many[1] == pytest.approx(0, abs=0.05)
    assert (many >= 0).all()


def test_folds_never_hold_a_lead_on_both_sides():
    groups = np.repeat(np.arange(60), 2)
    won = np.repeat(np.arange(60) < 30, 2)
    for seen, rest in folds_of(outcomes_of(120, won, None, groups, 2), 0):
        assert not set(groups[seen]) & set(groups[rest])


def test_many_levels_of_a_pair_are_put_together():
    table, won, _closed_at = crossed_leads(4000)
    _data, levels, positions = prepared(table, won)
    boosting = Boosting(levels, positions, 0)
    assert levels[3].n_levels > 32 and boosting.groups(3).max() == 32
    assert boosting.groups(3)[-1] == 32 and boosting.groups(0).tolist() == list(range(levels[0].n_levels + 1))


@pytest.mark.parametrize("seed", range(3))
def test_without_signal_everyone_has_about_the_base_rate(seed):
    table, won, _closed_at = noise(2000, seed=seed)
    card = train(with_noise(table, 8, seed=seed), won)
    assert card.names == () and card.average == 30
