"""The measures of `make quality`."""

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("sklearn")

from benchmarks.measures import calibration_error, lift, measure  # noqa: E402


def test_equal_probabilities_are_in_no_order():
    """One probability for all: what is off is the mean, however the leads are sorted."""
    won = np.array([1] * 30 + [0] * 70)
    assert calibration_error(won, np.full(100, 0.3)) == pytest.approx(0)
    assert calibration_error(won, np.full(100, 0.5)) == pytest.approx(0.2)
    assert lift(won, np.full(100, 0.3)) == pytest.approx(1)
    draw = np.random.default_rng(1)
    probability = draw.integers(0, 5, 100) / 5
    order = draw.permutation(100)
    assert calibration_error(won, probability) == pytest.approx(calibration_error(won[order], probability[order]))


def test_calibration_error_by_hand():
    probability = np.repeat([0.1, 0.9], 50)
    won = np.array([True] * 10 + [False] * 40 + [True] * 50)
    assert calibration_error(won, probability, bins=2) == pytest.approx((0.1 + 0.1) / 2)


def test_certain_and_right():
    won = np.array([True] * 10 + [False] * 90)
    result = measure(won, won.astype(float))
    assert (result["auc"], result["lift_top_tenth"], result["brier"]) == (1, 10, 0)
    assert result["log_loss"] == pytest.approx(1e-4, rel=0.01)  # held in 0.0001-0.9999
