"""Probabilities of log-odds that are not calibrated."""

import numpy as np

from .logistic import logistic


def sigmoid_of(log_odds, won, weights, pull=1e-6, centre=0.0):
    """Slope and shift that make calibrated log-odds of log-odds of unseen leads.

    J. Platt, Probabilistic outputs for support vector machines, 1999: a logistic regression on one column,
    its targets drawn in a little from 0 and 1, so that leads told apart without fault do not become certain.

    :param log_odds, won, weights: float64[n], int8[n], float64[n]
    :param pull, centre: the slope is pulled to this centre, as by so much variance of log-odds among the leads
    """
    slopes, shift = logistic(log_odds[:, None], platt_targets(won, weights), weights, pull, centre)
    return float(slopes[0]), shift


def platt_targets(won, weights):
    """float64[n]: 1 for won and 0 for lost leads, drawn in by what one more of each kind would change."""
    n_won, n_lost = weights[won == 1].sum(), weights[won == 0].sum()
    return np.where(won == 1, (n_won + 1) / (n_won + 2), 1 / (n_lost + 2))
