"""The model picks the features that help; an admin may overrule it."""

import numpy as np
import pytest
from made_up import leads, noise, with_noise
from scoring.outcomes import outcomes_of
from scoring.scorecard import loss_of, sigmoid
from scoring.selection import worth_of
from scoring.training import BY_HAND, NO_HELP, learn, train


def test_worth_is_what_the_log_loss_grows_by_without_the_feature():
    random = np.random.default_rng(0)
    contributions = random.normal(size=(3000, 2)) * [1.5, 0.0]
    won = random.random(3000) < sigmoid(contributions.sum(axis=1))
    data = outcomes_of(3000, won, None, None, 2)
    rows = np.array_split(np.arange(3000), 3)
    parts = [(part, contributions[part].sum(axis=1), contributions[part]) for part in rows]
    worth = worth_of(parts, data)
    with_it, without = (np.logaddexp(0, np.where(won, -odds, odds)) for odds in (contributions.sum(axis=1), 0.0))
    assert worth.gains[0] == pytest.approx(np.mean(without - with_it), abs=0.01)
    assert worth.errors[0] == pytest.approx(np.std(without - with_it) / np.sqrt(3000), rel=0.1)
    assert worth.gains[1] == worth.errors[1] == 0


def test_rows_dealt_out_twice_do_not_look_like_more_leads():
    random = np.random.default_rng(0)
    contributions = random.normal(size=(400, 2))
    data = outcomes_of(400, random.random(400) < sigmoid(contributions.sum(axis=1)), None, None, 2)
    part = (np.arange(400), contributions.sum(axis=1), contributions)
    once, twice = worth_of([part], data), worth_of([part, part], data)
    np.testing.assert_allclose(once.errors, twice.errors, rtol=0.02)


@pytest.mark.parametrize("count", [300, 3000])
def test_few_of_many_columns_that_tell_nothing_stay(count):
    table, won, _closed_at = leads(count)
    card, findings = learn(with_noise(table, 30), won)
    assert {"source", "visits"} <= set(card.names)
    assert len(card.names) <= 8
    left = [name for name, why in findings.left_out.items() if why == NO_HELP]
    assert len(left) == 34 - len(card.names)
    assert findings.worth["source"][0] > 5 * findings.worth["noise_3"][0]


def test_what_takes_long_to_read_stays_only_if_it_pays_beyond_doubt():
    kept = {(): 0, "all": 0}
    for seed in range(4):
        table, won, _closed_at = leads(3000, seed=seed)
        wide = with_noise(table, 30, seed=seed)
        for costly in kept:
            card = train(wide, won, seed=seed, costly=wide.names if costly else ())
            assert {"source", "visits"} <= set(card.names)
            kept[costly] += sum(name.startswith("noise") for name in card.names)
    assert kept["all"] < kept[()] / 2


def test_few_features_are_as_good_as_all_of_them():
    fresh, outcome, _closed_at = leads(5000, seed=9)
    fresh = with_noise(fresh, 30, seed=1)

    def loss(card):
        return loss_of(card.log_odds(card.levels(fresh)), outcome).mean()

    costs = []
    for seed in range(3, 6):
        table, won, _closed_at = leads(400, seed=seed)
        wide = with_noise(table, 30, seed=seed)
        chosen, everything = train(wide, won), train(wide, won, forced_in=wide.names)
        assert len(everything.names) == 34 and len(chosen.names) <= 8
        costs.append(loss(chosen) - loss(everything))
    assert np.mean(costs) < 0.003


def test_of_noise_alone_nothing_stays_that_matters():
    table, won, _closed_at = noise(600)
    card = train(with_noise(table, 10), won)
    probability = card.probabilities(card.levels(with_noise(table, 10)))
    assert np.abs(probability - 0.3).mean() < 0.03


def test_an_admin_forces_features_in_and_out():
    table, won, _closed_at = leads(1500)
    card, findings = learn(table, won, forced_in=("noise", "gone"), forced_out=("source", "unheard of"))
    assert "noise" in card.names and "source" not in card.names
    assert findings.left_out["source"] == BY_HAND
    assert "unheard of" not in findings.left_out
    every = train(table, won, forced_in=table.names)
    assert every.names == table.names


def test_with_all_forced_out_everyone_has_the_base_rate():
    table, won, _closed_at = leads(300)
    card = train(table, won, forced_out=table.names)
    assert card.names == ()
    assert card.average == round(100 * won.mean())


def test_empty_values_that_are_to_be_ignored_contribute_nothing():
    table, won, _closed_at = leads(2000)
    # Only lost leads have no visits: a strong reason, if one lets it.
    values = np.where(~won & (np.arange(2000) % 2 == 0), np.nan, table.columns["visits"].values)
    table.columns["visits"] = table.columns["visits"].__class__(values)
    plain, ignoring = train(table, won), train(table, won, ignore_empty=("visits", "gone"))

    def missing(card):
        return card.features[card.names.index("visits")].scores[-1]

    assert missing(plain) < -0.8
    assert missing(ignoring) == pytest.approx(0, abs=1e-9)
    levels = ignoring.levels(table)
    np.testing.assert_allclose(ignoring.contributions(levels).mean(axis=0), 0, atol=1e-9)
    assert abs(ignoring.probabilities(levels).mean() - won.mean()) < 0.02


def test_the_choice_is_the_same_every_time():
    table, won, _closed_at = leads(500)
    wide = with_noise(table, 20)
    assert train(wide, won, seed=5).to_json() == train(wide, won, seed=5).to_json()


def test_what_tells_nothing_is_no_company_for_the_one_that_does():
    """Few leads cannot say which features help, and some stay on suspicion; many can."""
    table, won, _closed_at = leads(3000)
    assert train(table.select(["source", "size", "noise"]), won).names == ("source",)
    table, won, _closed_at = leads(300)
    assert len(train(with_noise(table, 6), won).names) >= 3
