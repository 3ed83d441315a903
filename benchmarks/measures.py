"""How well probabilities told who was won."""

import numpy as np
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

EDGE = 1e-4  # Odoo's probabilities go to 0 and 1, where a log loss has no end


def measure(won, probability):
    """The measures of ``probability`` (0-1) against ``won``; both of one length, both outcomes present.

    ``calibration_error``: mean distance of predicted and real share over ten bins of equal count.
    ``lift_top_tenth``: share won in the best tenth, in multiples of the base rate; equal probabilities share
    it.
    """
    won = np.asarray(won, dtype=bool)
    probability = np.asarray(probability, dtype=float)
    clipped = np.clip(probability, EDGE, 1 - EDGE)
    return {
        "auc": float(roc_auc_score(won, probability)),
        "brier": float(brier_score_loss(won, np.clip(probability, 0, 1))),
        "log_loss": float(log_loss(won, clipped)),
        "calibration_error": calibration_error(won, probability),
        "lift_top_tenth": lift(won, probability),
    }


def calibration_error(won, probability, bins=10):
    """Mean of |predicted - real share| over bins of equal count, weighted by count.

    Equal probabilities share what became of them: the order in which they stand tells nothing.
    """
    _values, place, count = np.unique(probability, return_inverse=True, return_counts=True)
    won = (np.bincount(place, won) / count)[place]
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [abs(probability[part].mean() - won[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / len(order))


def lift(won, probability, share=0.1):
    """Share won among the best ``share`` by probability, over the share won of all."""
    n_best = max(1, round(share * len(won)))
    edge = np.sort(probability)[-n_best]
    above = probability > edge
    equal = probability == edge
    hits = won[above].sum() + won[equal].mean() * (n_best - above.sum())
    return float(hits / n_best / won.mean())
