import json

import numpy as np
import pytest
from made_up import leads
from scoring.comparison import compare, compare_log_odds, not_worse
from scoring.curves import curves
from scoring.scorecard import sigmoid
from scoring.training import train
from sklearn.metrics import accuracy_score, auc, f1_score, precision_score, recall_score, roc_auc_score


def drawn(count=3000, seed=0):
    random = np.random.default_rng([seed, count])
    odds = random.normal(-1, 1.2, count)
    return random.random(count) < sigmoid(odds), sigmoid(odds)


def test_curves_are_short_and_for_json():
    won, probability = drawn()
    found = curves(won, probability)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert len(json.dumps(found)) < 8_000
    assert all(len(axis) <= 101 for name in ("roc", "gain") for axis in found[name].values())
    assert len(found["calibration"]) == 10 and len(found["histogram"]["won"]) == 20


def test_the_roc_curve_is_scikit_learns():
    won, probability = drawn()
    roc = curves(won, probability)["roc"]
    assert (roc["false_won"][0], roc["true_won"][0], roc["false_won"][-1], roc["true_won"][-1]) == (0, 0, 1, 1)
    assert auc(roc["false_won"], roc["true_won"]) == pytest.approx(roc_auc_score(won, probability), abs=0.002)


def test_the_gain_curve_says_how_many_won_leads_the_best_ones_hold():
    won, probability = drawn()
    gain = curves(won, probability)["gain"]
    best = np.argsort(-probability)[:300]
    assert gain["won"][10] == pytest.approx(won[best].sum() / won.sum(), abs=1e-3)
    assert gain["won"][0] == 0 and gain["won"][100] == 1


def test_true_probabilities_lie_in_the_intervals_of_the_calibration_curve():
    won, probability = drawn(20_000)
    rows = curves(won, probability)["calibration"]
    assert sum(row["low"] <= row["predicted"] <= row["high"] for row in rows) >= 8
    assert sum(row["leads"] for row in rows) == 20_000


def test_the_confusion_is_at_the_threshold_of_the_best_f1():
    won, probability = drawn()
    found = curves(won, probability)["confusion"]
    taken = probability >= found["threshold"] - 1e-6
    assert found["f1"] == pytest.approx(f1_score(won, taken), abs=2e-3)
    assert found["f1"] >= max(f1_score(won, probability >= edge) for edge in np.arange(0.05, 0.9, 0.05)) - 1e-6
    assert found["accuracy"] == pytest.approx(accuracy_score(won, taken), abs=2e-3)
    assert found["precision"] == pytest.approx(precision_score(won, taken), abs=2e-3)
    assert found["recall"] == pytest.approx(recall_score(won, taken), abs=2e-3)
    parts = [found[name] for name in ("true_won", "false_won", "true_lost", "false_lost")]
    assert sum(parts) == pytest.approx(1, abs=1e-5)


def test_the_histogram_counts_every_lead_once():
    won, probability = drawn()
    found = curves(won, probability, np.full(3000, 2.0))["histogram"]
    assert sum(found["won"]) == pytest.approx(won.sum()) and sum(found["lost"]) == pytest.approx((~won).sum())


def test_curves_of_equal_probabilities_and_of_few_leads():
    won = np.array([True, False, False])
    for probability in ([0.3, 0.3, 0.3], [1.0, 0.0, 0.0]):
        found = curves(won, probability)
        assert auc(found["roc"]["false_won"], found["roc"]["true_won"]) == (0.5 if probability[0] < 1 else 1)
        assert len(found["calibration"]) == 3


@pytest.fixture(scope="module")
def cards():
    table, won, _closed_at = leads(2000)
    return train(table, won), train(table, won, forced_out=("source",))


def test_the_better_card_is_found_with_its_interval(cards):
    table, won, _closed_at = leads(3000, seed=5)
    found = compare(*cards, table, won)
    assert found["leads"] == 3000
    assert found["log_loss"]["interval"][1] < 0 < found["auc"]["interval"][0]
    for measure in ("log_loss", "auc"):
        low, high = found[measure]["interval"]
        assert low < found[measure]["difference"] < high
    card = cards[0]
    assert found["auc"]["a"] == pytest.approx(roc_auc_score(won, card.probabilities(card.levels(table))))
    assert found == compare(*cards, table, won)
    turned = compare(cards[1], cards[0], table, won)
    assert turned["auc"]["difference"] == pytest.approx(-found["auc"]["difference"])


def test_a_card_is_as_good_as_itself(cards):
    table, won, _closed_at = leads(500, seed=5)
    found = compare(cards[0], cards[0], table, won)
    assert found["log_loss"]["interval"] == [0, 0] and found["auc"]["interval"] == [0, 0]


def test_the_interval_is_as_wide_as_the_bootstrap_says():
    """Against the plain bootstrap: leads drawn again, both AUC computed again."""
    random = np.random.default_rng(0)
    won, probability = drawn(400)
    one = np.log(probability / (1 - probability))
    two = one + random.normal(0, 1, 400)
    low, high = compare_log_odds(one, two, won)["auc"]["interval"]
    plain = []
    for _round in range(400):
        rows = random.integers(0, 400, 400)
        plain.append(roc_auc_score(won[rows], one[rows]) - roc_auc_score(won[rows], two[rows]))
    assert [low, high] == pytest.approx(np.quantile(plain, [0.025, 0.975]), abs=0.012)


def test_two_half_rows_of_a_lead_are_one_lead():
    random = np.random.default_rng(0)
    won, probability = drawn(400)
    one = np.log(probability / (1 - probability))
    two = one + random.normal(0, 1, 400)
    once = compare_log_odds(one, two, won)
    twice = compare_log_odds(
        np.tile(one, 2), np.tile(two, 2), np.tile(won, 2), weights=np.full(800, 0.5), groups=np.tile(np.arange(400), 2)
    )
    for measure in ("log_loss", "auc"):
        assert once[measure]["interval"] == pytest.approx(twice[measure]["interval"])


def test_a_challenger_that_is_no_worse_may_be_published():
    random = np.random.default_rng(0)
    won, probability = drawn(2000)
    good = np.log(probability / (1 - probability))
    bad = good + random.normal(0, 1.5, 2000)
    slightly = good + random.normal(0, 0.2, 2000)
    assert not_worse(bad, good, won)["reason"] == "not_worse"
    worse = not_worse(good, bad, won, age_days=500)
    assert (worse["publish"], worse["reason"]) == (False, "worse")
    assert worse["gain"] < 0 and worse["auc_gain"] < 0 and worse["auc_gain_interval"][1] < 0
    assert not_worse(slightly, good, won)["publish"] is True


def test_an_old_champion_yields_to_one_that_is_not_worse_on_the_mean():
    random = np.random.default_rng(3)
    won, probability = drawn(60)
    true = np.log(probability / (1 - probability))
    champion, challenger = true + random.normal(0, 2, 60), true + random.normal(0, 2, 60)
    if not_worse(champion, challenger, won)["gain"] < 0:
        champion, challenger = challenger, champion
    young, old = (not_worse(champion, challenger, won, age_days=days) for days in (90, 91))
    assert young["reason"] == "worse" and old["reason"] == "old_and_not_worse_on_mean" and old["publish"]


def test_comparison_needs_both_outcomes():
    with pytest.raises(ValueError):
        compare_log_odds(np.zeros(3), np.zeros(3), [True] * 3)
