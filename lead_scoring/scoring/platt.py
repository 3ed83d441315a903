"""Probabilities of log-odds that are not calibrated."""

import numpy as np
from sklearn.linear_model import LogisticRegression


def sigmoid_of(log_odds, won, weights):
    """Slope and shift that make calibrated log-odds of log-odds of unseen leads.

    J. Platt, Probabilistic outputs for support vector machines, 1999: a logistic regression on one column,
    its targets drawn in a little from 0 and 1, so that leads told apart without fault do not become certain.

    :param log_odds, won, weights: float64[n], int8[n], float64[n]
    """
    target = platt_targets(won, weights)
    scale = max(float(np.std(log_odds)), 1e-9)
    column = np.tile(log_odds / scale, 2)[:, None]
    model = LogisticRegression(C=1e6, tol=1e-8, max_iter=1000)
    model.fit(
        column,
        np.repeat([1, 0], len(won)),
        sample_weight=np.concatenate([weights * target, weights * (1 - target)]),
    )
    return float(model.coef_[0, 0]) / scale, float(model.intercept_[0])


def platt_targets(won, weights):
    """float64[n]: 1 for won and 0 for lost leads, drawn in by what one more of each kind would change."""
    n_won, n_lost = weights[won == 1].sum(), weights[won == 0].sum()
    return np.where(won == 1, (n_won + 1) / (n_won + 2), 1 / (n_lost + 2))
