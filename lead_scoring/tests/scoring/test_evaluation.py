import json

import numpy as np
import pytest
from made_up import DAY, leads, noise
from scoring.errors import NotEnoughLeads
from scoring.evaluation import evaluate, gate, metrics
from scoring.report import fit


def test_metrics_of_an_oracle_and_of_a_coin():
    won = np.arange(200) % 2 == 0
    best = metrics(won, np.where(won, 0.99, 0.01))
    assert (best["auc"], best["lift_top_tenth"]) == (1.0, 2.0)
    assert best["log_loss_skill"] > 0.9
    coin = metrics(won, np.full(200, 0.5))
    assert coin["auc"] == 0.5 and coin["log_loss_skill"] == pytest.approx(0)
    assert coin["calibration_error"] == pytest.approx(0) and coin["lift_top_tenth"] == pytest.approx(1)
    assert coin["auc_interval"][0] < 0.5 < coin["auc_interval"][1]


def test_calibration_error_is_how_far_probabilities_are_off():
    won = np.arange(1000) % 10 == 0
    assert metrics(won, np.full(1000, 0.3))["calibration_error"] == pytest.approx(0.2)


def test_the_order_of_leads_decides_nothing():
    random = np.random.default_rng(0)
    won, probability = random.random(500) < 0.4, np.round(random.random(500), 1)
    order = random.permutation(500)
    first, second = metrics(won, probability), metrics(won[order], probability[order])
    for name in ("auc_interval", "log_loss_skill_interval"):
        assert first.pop(name) == pytest.approx(second.pop(name))
    assert first == pytest.approx(second)


def test_the_interval_of_the_auc_is_hanley_and_mcneils():
    # AUC 0.8 of 50 and 50: a standard error of 0.0446 by their formula.
    random = np.random.default_rng(3)
    won = np.arange(100) < 50
    result = metrics(won, 1 / (1 + np.exp(-np.where(won, 1.2, 0) - random.normal(size=100))))
    auc = result["auc"]
    spread = auc * (1 - auc) + 49 * (auc / (2 - auc) - auc**2) + 49 * (2 * auc**2 / (1 + auc) - auc**2)
    assert result["auc_interval"][1] - auc == pytest.approx(1.96 * np.sqrt(spread / 2500), rel=1e-3)


def test_weights_count_like_repeated_leads():
    random = np.random.default_rng(0)
    won, probability, times = random.random(200) < 0.4, random.random(200), random.integers(1, 4, 200)
    weighted = metrics(won, probability, times.astype(float))
    repeated = metrics(np.repeat(won, times), np.repeat(probability, times))
    for name in ("auc", "log_loss", "brier", "lift_top_tenth", "base_rate", "log_loss_skill"):
        assert weighted[name] == pytest.approx(repeated[name])


def test_one_class_has_no_metrics():
    with pytest.raises(ValueError):
        metrics([True, True], [0.5, 0.6])


def test_the_report_is_out_of_time_and_cut_between_days():
    table, won, closed_at = leads(1500)
    result = evaluate(table, won, closed_at, created_at=closed_at - 30 * DAY)
    assert result["method"] == "out_of_time"
    assert result["train"]["won"] + result["train"]["lost"] == 1200
    assert result["test"]["won"] + result["test"]["lost"] == 300
    assert 0 < result["test"]["open_at_cut"] < 100
    low, high = result["metrics"]["auc_interval"]
    assert 0.65 < low < result["metrics"]["auc"] < high


def test_leads_of_one_day_are_never_on_both_sides():
    table, won, _closed_at = leads(1500)
    day = np.repeat([10, 11, 12], 500)
    result = evaluate(table, won, day * DAY + np.arange(1500))
    assert result["train"]["won"] + result["train"]["lost"] == 1000


def test_what_is_learned_later_does_not_reach_the_test():
    table, won, closed_at = leads(1500)
    first = evaluate(table, won, closed_at)
    flipped = won.copy()
    flipped[1200:] = ~flipped[1200:]
    second = evaluate(table, flipped, closed_at)
    assert first["train"] == second["train"]
    assert first["metrics"]["auc"] == pytest.approx(1 - second["metrics"]["auc"])


@pytest.mark.parametrize(
    "closed_at",
    [
        lambda count: np.arange(count) * DAY,
        lambda count: np.zeros(count),
        lambda count: np.full(count, np.nan),
    ],
)
def test_few_leads_are_cross_validated(closed_at):
    table, won, _closed_at = leads(150)
    told = []
    result = evaluate(table, won, closed_at(150), repeats=2, progress=lambda fraction, text: told.append(fraction))
    assert result["method"] == "cross_validation"
    assert result["train"] == result["test"]
    assert result["metrics"]["n_won"] == won.sum()
    assert len(told) == 10 and told == sorted(told)


def test_noise_has_no_skill():
    table, won, closed_at = noise(1200, share=0.5)
    result = evaluate(table, won, closed_at)
    low, high = result["metrics"]["auc_interval"]
    assert low < 0.5 < high or result["metrics"]["auc"] == 0.5
    assert result["metrics"]["log_loss_skill"] < 0.03


def test_the_report_says_what_was_learned_from_and_what_was_left_out():
    table, won, closed_at = leads(1500)
    table.columns["same"] = table.columns["size"].__class__(("x",), np.zeros(1500))
    told = []
    card, report = fit(table, won, closed_at, progress=lambda fraction, text: told.append(fraction))
    left_out = {row["name"]: row for row in report["left_out"]}
    assert left_out["same"] == {
        "name": "same",
        "why": "always the same",
        "influence": None,
        "filled": 1.0,
        "worth": None,
        "worth_error": None,
    }
    assert left_out["noise"]["why"] == "does not help to tell won from lost"
    assert left_out["noise"]["worth"] < left_out["noise"]["worth_error"]
    assert 0 <= left_out["noise"]["influence"] < 0.1
    names = [feature["name"] for feature in report["features"]]
    assert set(names) == set(card.names) and set(names[:2]) == {"source", "visits"}
    assert sum(feature["influence"] for feature in report["features"]) == pytest.approx(1)
    filled = {feature["name"]: feature["filled"] for feature in report["features"]}
    assert 0.75 < filled["visits"] < 0.85 and filled["source"] == 1
    assert all(feature["worth"] > 2 * feature["worth_error"] > 0 for feature in report["features"][:2])
    assert told == sorted(told) and told[-1] == 1
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def figures(auc_low, skill_low):
    return {"auc_interval": [auc_low, 0.9], "log_loss_skill_interval": [skill_low, 0.5]}


@pytest.mark.parametrize(
    ("auc_low", "skill_low", "state", "reason"),
    [
        (0.6, 0.01, "ready", "order_and_probabilities"),
        (0.6, -0.01, "careful", "order_alone"),
        (0.5, 0.01, "careful", "probabilities_alone"),
        (0.49, 0.0, "not_ready", "no_signal"),
    ],
)
def test_the_gate_asks_for_order_and_for_probabilities(auc_low, skill_low, state, reason):
    assert gate(figures(auc_low, skill_low)) == {
        "gate": state,
        "gate_reason": reason,
        "gate_figures": {"auc_low": auc_low, "log_loss_skill_low": skill_low},
    }


def test_a_good_model_is_ready_and_noise_is_not():
    table, won, closed_at = leads(1500)
    assert evaluate(table, won, closed_at)["gate"] == "ready"
    table, won, closed_at = noise(1500, share=0.4)
    assert evaluate(table, won, closed_at)["gate"] == "not_ready"


def test_a_base_rate_that_moved_is_told():
    table, won, closed_at = leads(3000)
    report = evaluate(table, won, closed_at)
    assert report["drift"] is False
    late = np.arange(3000) >= 2400
    kept = ~late | won | (np.arange(3000) % 4 == 0)
    report = evaluate(table.take(kept), won[kept], closed_at[kept])
    assert report["drift"] is True and report["test"]["base_rate"] > 1.34 * report["train"]["base_rate"]


def test_two_half_rows_of_a_lead_are_as_sure_as_one():
    random = np.random.default_rng(0)
    won, probability = random.random(300) < 0.4, random.uniform(0.2, 0.6, 300)
    once = metrics(won, probability)
    twice = metrics(np.tile(won, 2), np.tile(probability, 2), np.full(600, 0.5), groups=np.tile(np.arange(300), 2))
    for name in once.keys() - {"n_won", "n_lost"}:
        assert once[name] == pytest.approx(twice[name]), name


def test_a_new_version_is_compared_with_the_old_ones_specification():
    table, won, closed_at = leads(1500)
    blind = evaluate(table, won, closed_at, forced_out=("source",), champion={})["challenge"]
    assert blind["publish"] is False and blind["reason"] == "worse" and blind["gain_interval"][1] < 0
    better = evaluate(table, won, closed_at, champion={"names": ["visits", "gone"], "forced_in": []})["challenge"]
    assert better["publish"] is True and better["gain"] > 0 and better["auc_gain_interval"][0] > 0
    same = evaluate(table, won, closed_at, champion={"names": list(table.names)})["challenge"]
    assert same["publish"] is True and same["gain"] == 0 and same["gain_interval"] == [0, 0]
    assert evaluate(table, won, closed_at)["challenge"] is None


def test_rows_of_one_lead_stay_together(monkeypatch):
    monkeypatch.setattr("scoring.evaluation.REPEATS", 1)
    table, won, closed_at = leads(120)
    twice = np.tile(np.arange(120), 2)
    _card, report = fit(
        table.take(twice),
        won[twice],
        closed_at[twice],
        weights=np.full(240, 0.5),
        groups=twice,
    )
    assert report["test"]["won"] == won.sum()
    # Copies of a lead on both sides would look like an oracle.
    assert report["metrics"]["auc"] < 0.95


def test_too_few_leads_have_no_report():
    table, won, closed_at = leads(60)
    with pytest.raises(NotEnoughLeads):
        fit(table, won, closed_at)
