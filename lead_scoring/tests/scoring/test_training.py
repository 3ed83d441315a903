import subprocess
import sys

import numpy as np
import pytest
from made_up import SOURCES, leads, noise
from scoring import process
from scoring.errors import NotEnoughLeads
from scoring.logistic import logistic
from scoring.outcomes import outcomes_of
from scoring.scorecard import Scorecard, sigmoid
from scoring.table import FeatureTable, NumberColumn, category_column, number_column
from scoring.training import train
from sklearn.linear_model import LogisticRegression


@pytest.fixture(scope="module")
def trained():
    table, won, _closed_at = leads(2000)
    return train(table, won)


def test_what_tells_won_from_lost_is_found(trained):
    source = trained.features[trained.names.index("source")]
    scores = dict(zip(source.levels.keys, source.scores))
    assert sorted(SOURCES, key=scores.get) == ["冷电话", "website", "fair", "référence"]
    spread = {feature.name: np.ptp(feature.scores) for feature in trained.features}
    strong = [spread.pop(name) for name in ("source", "visits")]
    assert min(strong) > 3 * max(spread.values(), default=0)


def test_probabilities_of_new_leads_are_true(trained):
    table, won, _closed_at = leads(20_000, seed=1)
    probability = trained.probabilities(trained.levels(table))
    assert abs(probability.mean() - won.mean()) < 0.03
    top = probability > 0.6
    assert abs(probability[top].mean() - won[top].mean()) < 0.05


def test_reasons_are_exact_on_every_lead(trained):
    table, _won, _closed_at = leads(5000, seed=2)
    levels = trained.levels(table)
    total = trained.intercept + trained.contributions(levels).sum(axis=1)
    np.testing.assert_allclose(total, trained.log_odds(levels), rtol=0, atol=1e-9)
    whole = trained.whole_points(levels).sum(axis=1)
    assert (trained.average + whole == trained.scores(levels)).all()


def test_tables_are_centred_on_the_training_leads(trained):
    table, won, _closed_at = leads(2000)
    levels = trained.levels(table)
    np.testing.assert_allclose(trained.contributions(levels).mean(axis=0), 0, atol=1e-9)
    for feature in trained.features:
        assert (feature.closed.sum(), feature.won.sum()) == (2000, won.sum())


def test_the_same_leads_give_the_same_bytes(trained):
    table, won, _closed_at = leads(2000)
    assert train(table, won).to_json() == trained.to_json()
    assert Scorecard.from_json(trained.to_json()).to_json() == trained.to_json()


def test_fewer_than_40_won_or_lost_leads_are_counted_for_the_user():
    table, won, _closed_at = noise(200, share=0.19)
    words = "at least 40 won and 40 lost leads; there are 38 won and 162 lost"
    with pytest.raises(NotEnoughLeads, match=words) as caught:
        train(table, won)
    assert (caught.value.won, caught.value.lost, caught.value.needed) == (38, 162, 40)
    assert train(table, won, minimum=30)


@pytest.mark.parametrize("outcome", [True, False])
def test_one_class_only_is_not_enough_whatever_the_minimum(outcome):
    table, _won, _closed_at = noise(100)
    with pytest.raises(NotEnoughLeads):
        train(table, np.full(100, outcome), minimum=0)


def test_no_leads_at_all():
    with pytest.raises(NotEnoughLeads):
        train(FeatureTable({}, 0), np.zeros(0, dtype=bool))


def test_without_features_everyone_has_the_base_rate():
    card = train(FeatureTable({}, 200), np.arange(200) < 50)
    assert card.scores(card.levels(FeatureTable({}, 1))).tolist() == [25]


def test_pure_noise_comes_back_to_the_base_rate():
    far = []
    for seed in range(6):
        table, won, _closed_at = noise(300, seed=seed)
        card = train(table, won)
        far.append(np.abs(card.probabilities(card.levels(table)) - 0.3).mean())
    assert np.mean(far) < 0.03


def test_columns_that_cannot_tell_anything_are_left_out():
    table, won, _closed_at = leads(300)
    table.columns.update(
        {
            "empty": number_column([None] * 300),
            "blank": category_column([None] * 300),
            "same": category_column(["x"] * 300),
            "five": number_column([5] * 300),
            "id": category_column([str(number) for number in range(300)]),
        }
    )
    card = train(table, won, forced_in=("empty", "five", "size", "noise"))
    assert card.names == ("source", "visits", "size", "noise")


def test_odd_values_do_no_harm():
    table, won, _closed_at = leads(400)
    values = np.linspace(-1, 1, 400)
    values[:40], values[40:80], values[80:120] = np.inf, 1e308, -1e308
    values[120:160] = 5e-324
    table.columns["odd"] = NumberColumn(values)
    keys = ("\N{PILE OF POO}" * 500, "\x00", "")
    table.columns["long"] = category_column([keys[row % 3] for row in range(400)])
    card = train(table, won, forced_in=("odd", "long"))
    assert {"odd", "long"} <= set(card.names)
    assert np.isfinite(card.log_odds(card.levels(table))).all()
    assert Scorecard.from_json(card.to_json()).to_json() == card.to_json()


def test_leads_told_apart_without_fault_do_not_become_certain():
    won = np.arange(100) % 2 == 0
    card = train(FeatureTable({"answer": category_column(["yes" if one else "no" for one in won])}, 100), won)
    probability = card.probabilities(card.levels(FeatureTable({"answer": category_column(["yes"])}, 1)))
    assert 0.9 < probability[0] < 0.995


def test_a_lead_told_in_two_half_rows_counts_once():
    table, won, _closed_at = leads(300)
    twice = FeatureTable.concat([table, table])
    card = train(twice, np.tile(won, 2), weights=np.full(600, 0.5), groups=np.tile(np.arange(300), 2))
    source = card.features[0]
    assert (source.closed.sum(), source.won.sum()) == (300, won.sum())
    plain = train(table, won)
    difference = card.log_odds(card.levels(table)) - plain.log_odds(plain.levels(table))
    assert np.abs(difference).mean() < 0.15
    with pytest.raises(NotEnoughLeads):
        train(twice, np.tile(won, 2), groups=np.tile(np.arange(300), 2), minimum=250)


def test_weights_shift_the_average():
    table, won, _closed_at = leads(600)
    heavy = train(table, won, weights=np.where(won, 3.0, 1.0))
    expected = 3 * won.sum() / (3 * won.sum() + (~won).sum())
    levels = heavy.levels(table)
    mean = np.average(heavy.probabilities(levels), weights=np.where(won, 3.0, 1.0))
    assert abs(mean - expected) < 0.03
    for wrong in (np.full(600, np.nan), np.full(600, -1.0), np.ones(3)):
        with pytest.raises(ValueError):
            train(table, won, weights=wrong)


def test_rows_without_weight_are_no_leads():
    table, won, _closed_at = leads(100)
    with pytest.raises(NotEnoughLeads):
        train(table, won, weights=np.zeros(100))


def test_progress_rises_from_0_to_1():
    told = []
    table, won, _closed_at = leads(300)
    train(table, won, progress=lambda fraction, text: told.append((fraction, text)))
    fractions = [fraction for fraction, _text in told]
    assert fractions == sorted(fractions) and fractions[0] >= 0 and fractions[-1] <= 1
    assert all(text for _fraction, text in told)


def test_a_large_set_is_learned_from_a_sample_of_penalties(monkeypatch):
    monkeypatch.setattr("scoring.training.SAMPLE_ROWS", 500)
    monkeypatch.setattr("scoring.training.SAMPLE_OF_RARE", 200)
    table, won, _closed_at = leads(2000)
    card = train(table, won)
    probability = card.probabilities(card.levels(table))
    assert abs(probability.mean() - won.mean()) < 0.03
    assert sigmoid(card.intercept) > 0.1


def test_newtons_method_finds_what_scikit_learn_finds():
    random = np.random.default_rng(0)
    matrix = random.normal(size=(200, 15)) * (random.random((200, 15)) < 0.3)
    won, weights = random.random(200) < sigmoid(matrix[:, 0]), random.random(200)
    found, intercept = logistic(matrix, won.astype(float), weights, 2.0)
    model = LogisticRegression(C=0.5, tol=1e-10, max_iter=5000).fit(matrix, won, weights)
    np.testing.assert_allclose(found, model.coef_[0], atol=1e-6)
    assert intercept == pytest.approx(model.intercept_[0], abs=1e-6)
    pulled, _intercept = logistic(matrix, won.astype(float), weights, 1e9, 0.5)
    np.testing.assert_allclose(pulled, 0.5, atol=1e-6)


def test_separable_leads_do_not_make_newtons_method_run_away():
    won = np.arange(50) < 25
    found, intercept = logistic(np.where(won, 1.0, -1.0)[:, None], won.astype(float), np.ones(50), 1e-6)
    assert np.isfinite(found).all() and np.isfinite(intercept)


def test_rare_won_leads_get_a_larger_sample(monkeypatch):
    monkeypatch.setattr("scoring.training.SAMPLE_ROWS", 300)
    table, won, _closed_at = leads(6000, average=-5)
    assert 0 < won.mean() < 0.06
    card = train(table, won)
    assert abs(card.probabilities(card.levels(table)).mean() - won.mean()) < 0.01
    assert "source" in card.names


def test_scoring_does_not_import_what_training_needs():
    code = (
        "import sys, scoring, scoring.additive, scoring.comparison, scoring.curves, scoring.scorecard, scoring.table, scoring.grading, scoring.trend, "
        "scoring.process, scoring.errors, scoring.binning; "
        "sys.exit(any(name.split('.')[0] in ('sklearn', 'scipy', 'odoo') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=process._environment(), check=False)
    assert done.returncode == 0


def test_features_are_learned_by_roots_of_the_leads_weights():
    """A lead that counts four times as much for what is chosen counts twice as much for what is learned."""
    weights, groups = np.array([1.0, 3.0, 0.5, 0.5, 1.0, 1.0, 0.0]), np.array([0, 0, 1, 1, 2, 3, 4])
    data = outcomes_of(7, np.array([1, 1, 0, 0, 1, 0, 0]), weights, groups, 2).tempered()
    np.testing.assert_allclose(data.weights / data.weights[4], [0.5, 1.5, 0.5, 0.5, 1.0, 1.0, 0.0])
    assert data.weights.sum() == pytest.approx(4)


def test_weights_decide_the_level_of_the_probabilities():
    """Won leads count for nine times as many open ones as lost ones: the mean probability says so."""
    table, won, _closed_at = leads(2000)
    weights = np.where(won, 9.0, 1.0)
    card = train(table, won, weights=weights)
    expected = np.average(won, weights=weights)
    assert np.average(card.probabilities(card.levels(table)), weights=weights) == pytest.approx(expected, abs=0.01)
