"""Learning a scorecard from closed leads.

A ridge (L2) logistic regression on levels: a 0/1 column for each category, a staircase for the bins of
numbers (each edge is a step up or down, so the penalty pulls neighbouring bins towards each other; against
0/1 columns of bins this gave 0.01 AUC with 600 leads of X Education and 0.008 with 600 of Bank Marketing,
and 0.001 with all). The strength of the penalty is the one with the least cross-validated log loss. A
sigmoid on predictions of leads that were not learned from makes probabilities of the log-odds (Platt 1999),
and where those predictions are worth nothing the card says the base rate for everyone.

The regression is linear in the levels, so tables are the regression itself: nothing is approximated.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from threadpoolctl import threadpool_limits

from .binning import fit_levels
from .errors import MINIMUM_CLOSED, NotEnoughLeads, TrainingError
from .scorecard import FeatureCard, Scorecard, round_stored, sigmoid

# C of LogisticRegression, from "hardly anything is learned" on.
PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
USUAL_PENALTY = 0.3

# How a step between two bins counts in the penalty, against a category: of 1, 0.4 and 0.25, 0.4 did best
# overall.
STEP = 0.4

FOLDS = 5
FEW_ROWS, REPEATS_OF_FEW = 400, 3

# Above this the penalty is chosen on a sample: the best one hardly depends on the number of leads.
SAMPLE_ROWS = 20_000


def train(table, won, *, weights=None, groups=None, seed=0, progress=None, minimum=MINIMUM_CLOSED):
    """Learn a scorecard.

    :param table: FeatureTable[n] of closed leads
    :param won: bool[n]
    :param weights: float64[n], what each row counts; default 1
    :param groups: int[n], rows of one lead share a number and are never learned from and predicted at once;
        default one row for each lead
    :param seed: int, of the random folds
    :param progress: callable(fraction from 0 to 1, text)
    :param minimum: how many won and how many lost leads it takes, at least 2
    :return: Scorecard
    :raise NotEnoughLeads: fewer than that
    """
    data = _prepare(table, won, weights, groups, minimum)
    progress = progress or (lambda fraction, text: None)
    levels, _left_out = fit_levels(table)
    positions = _positions(levels, table)
    # The problems are small: threads would wait for each other, ten times as long on a busy machine.
    with threadpool_limits(1):
        entries, intercept = _learn(data, positions, levels, seed, progress)
    return _compile(data, positions, levels, entries, intercept)


@dataclass
class _Leads:
    """Outcomes of rows: won int8[n], weights float64[n] summing to the number of leads, groups int[n]."""

    won: np.ndarray
    weights: np.ndarray
    groups: np.ndarray
    grouped: bool

    def take(self, rows):
        return _Leads(self.won[rows], self.weights[rows], self.groups[rows], self.grouped)

    def count(self, rows):
        """(closed, won): number of leads among these rows."""
        first = np.unique(self.groups[rows], return_index=True)[1] if self.grouped else slice(None)
        won = self.won[rows][first]
        return len(won), int(won.sum())


def _prepare(table, won, weights, groups, minimum):
    """The outcomes, checked."""
    n_rows = table.n_rows
    won = np.asarray(won).astype(bool)
    weights = np.ones(n_rows) if weights is None else np.asarray(weights, dtype=np.float64)
    grouped = groups is not None
    groups = np.asarray(groups) if grouped else np.arange(n_rows)
    if not won.shape == weights.shape == groups.shape == (n_rows,):
        raise ValueError("Outcomes, weights and groups have one value for each row.")
    if n_rows and not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError("Weights are finite and not negative.")
    data = _Leads(won.astype(np.int8), weights, groups, grouped)
    closed, n_won = data.count(weights > 0)
    needed = max(minimum, 2)
    if n_won < needed or closed - n_won < needed:
        raise NotEnoughLeads(n_won, closed - n_won, needed)
    kept = np.where(weights > 0, weights, 0.0)
    data.weights = kept * (closed / kept.sum())
    return data


# ---- levels -> regression


def _positions(levels, table):
    """int64[n, f]: each row's place in the tables of the features; missing is the last place."""
    positions = np.empty((table.n_rows, len(levels)), dtype=np.int64, order="F")
    for index, feature in enumerate(levels):
        encoded = feature.encode(table.columns[feature.name])
        positions[:, index] = np.minimum(encoded, feature.n_levels)
    return positions


def _basis(levels):
    """float64[n_levels + 1, columns]: what the regression sees of each level of a feature."""
    size = levels.n_levels
    if levels.kind == "category":
        return np.eye(size + 1)
    # Steps are counted from the middle bin: few entries are not zero, and "missing" is compared with it.
    middle = size // 2
    upper = np.arange(size)[:, None] >= np.arange(1, size)
    staircase = upper.astype(np.float64) - (np.arange(1, size) <= middle)
    basis = np.zeros((size + 1, size))
    basis[:size, :-1] = STEP * staircase
    basis[size, -1] = 1
    return basis


def _offsets(levels):
    """int64[f + 1]: where each feature's table begins when all stand below each other."""
    return np.concatenate([[0], np.cumsum([feature.n_levels + 1 for feature in levels])]).astype(np.int64)


def _design(positions, levels):
    """(CSR matrix [n, columns], CSR matrix [all levels, columns]): what the regression sees."""
    basis = sparse.block_diag([_basis(feature) for feature in levels], format="csr")
    n_rows, n_features = positions.shape
    chosen = sparse.csr_matrix(
        (
            np.ones(n_rows * n_features),
            (positions + _offsets(levels)[:-1]).ravel(),
            np.arange(0, n_rows * n_features + 1, n_features),
        ),
        shape=(n_rows, basis.shape[0]),
    )
    return (chosen @ basis).tocsr(), basis


# ---- learning


def _learn(data, positions, levels, seed, progress):
    """(float64[all levels], float): entries of the tables and the intercept, calibrated."""
    base = np.log(data.weights[data.won == 1].sum() / data.weights[data.won == 0].sum())
    if not levels:
        return np.zeros(0), base
    matrix, basis = _design(positions, levels)
    penalty, unseen = _choose_penalty(matrix, data, seed, progress)
    if unseen is None:
        progress(0.8, "Checking the chosen penalty")
        unseen = _unseen(matrix, data, penalty, _folds(data, seed)[:1])
    slope, shift = _sigmoid_of(*unseen)
    if slope <= 0:
        return np.zeros(basis.shape[0]), base
    progress(0.9, "Learning from all leads")
    model = _regression(penalty, precise=True)
    _fit(model, matrix, data)
    return slope * (basis @ model.coef_[0]), slope * float(model.intercept_[0]) + shift


def _choose_penalty(matrix, data, seed, progress):
    """The C of the least cross-validated log loss, and what `_sigmoid_of` needs (None after sampling)."""
    sampled = len(data.won) > SAMPLE_ROWS
    if sampled:
        rows = _sample(data.groups, seed)
        matrix, data = matrix[rows], data.take(rows)
    folds = _folds(data, seed)
    parts = [(matrix[seen], data.take(seen), matrix[rest]) for seen, rest in folds]
    models = [_regression(PENALTIES[0]) for _fold in folds]
    order = np.concatenate([rest for _seen, rest in folds])
    outcome, weights = data.won[order], data.weights[order]

    def unseen(penalty):
        log_odds = np.concatenate(
            [
                _fit(model.set_params(C=penalty), *seen).decision_function(rest)
                for model, (*seen, rest) in zip(models, parts)
            ]
        )
        return log_odds, outcome, weights

    best = _least(unseen, lambda fraction: progress(0.8 * fraction, "Trying how much may be learned"))
    return best[0], None if sampled else best[1]


def _least(unseen, progress):
    """The penalty of the least log loss and its predictions, searched from the usual one on, both ways."""
    usual, tried = PENALTIES.index(USUAL_PENALTY), {}

    def loss(place):
        if place not in range(len(PENALTIES)):
            return np.inf
        if place not in tried:
            progress(len(tried) / len(PENALTIES))
            log_odds, outcome, weights = found = unseen(PENALTIES[place])
            tried[place] = log_loss(outcome, sigmoid(log_odds), sample_weight=weights, labels=[0, 1]), found
        return tried[place][0]

    best = usual
    for step in (1, -1):
        while loss(best + step) < loss(best):
            best += step
    return PENALTIES[best], tried[best][1]


def _unseen(matrix, data, penalty, folds):
    """(log-odds, outcome, weights) of the rows that each fold kept apart."""
    log_odds = [
        _fit(_regression(penalty), matrix[seen], data.take(seen)).decision_function(matrix[rest])
        for seen, rest in folds
    ]
    rest = np.concatenate([rest for _seen, rest in folds])
    return np.concatenate(log_odds), data.won[rest], data.weights[rest]


def _sigmoid_of(log_odds, won, weights):
    """Slope and shift that make calibrated log-odds of log-odds of unseen leads.

    J. Platt, Probabilistic outputs for support vector machines, 1999: a logistic regression on one column,
    its targets drawn in a little from 0 and 1, so that leads told apart without fault do not become certain.
    """
    n_won, n_lost = weights[won == 1].sum(), weights[won == 0].sum()
    target = np.where(won == 1, (n_won + 1) / (n_won + 2), 1 / (n_lost + 2))
    scale = max(float(np.std(log_odds)), 1e-9)
    column = np.tile(log_odds / scale, 2)[:, None]
    model = LogisticRegression(C=1e6, tol=1e-8, max_iter=1000)
    model.fit(
        column,
        np.repeat([1, 0], len(won)),
        sample_weight=np.concatenate([weights * target, weights * (1 - target)]),
    )
    return float(model.coef_[0, 0]) / scale, float(model.intercept_[0])


def _regression(penalty, precise=False):
    # While choosing, fits go on from one penalty to the next; the final one is run to the end, so that the
    # digits that are stored do not depend on where the solver gave up.
    if precise:
        return LogisticRegression(C=penalty, tol=1e-8, max_iter=5000)
    return LogisticRegression(C=penalty, max_iter=300, warm_start=True)


def _fit(model, matrix, data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(matrix, data.won, sample_weight=data.weights)


def _folds(data, seed):
    """List of (seen, rest) rows; few leads are dealt out several times."""
    closed, n_won = data.count(slice(None))
    splits = min(FOLDS, n_won, closed - n_won)
    repeats = REPEATS_OF_FEW if len(data.won) < FEW_ROWS else 1
    kind, groups = (StratifiedGroupKFold, data.groups) if data.grouped else (StratifiedKFold, None)
    folds = [
        fold
        for repeat in range(repeats)
        for fold in kind(splits, shuffle=True, random_state=seed + repeat).split(data.won, data.won, groups)
    ]
    usable = [(seen, rest) for seen, rest in folds if len(rest) and 0 < data.won[seen].mean() < 1]
    if not usable:
        raise TrainingError("The won and lost leads cannot be divided into parts to check the model with.")
    return usable


def _sample(groups, seed):
    """Rows of so many random leads that there are about SAMPLE_ROWS rows."""
    leads, lead = np.unique(groups, return_inverse=True)
    share = SAMPLE_ROWS / len(groups)
    return np.flatnonzero((np.random.default_rng(seed).random(len(leads)) < share)[lead])


# ---- regression -> tables


def _compile(data, positions, levels, entries, intercept):
    """The scorecard: tables centred on the weighted training leads, with what supports each level."""
    offsets = _offsets(levels)
    features = []
    for index, feature in enumerate(levels):
        place, length = positions[:, index], feature.n_levels + 1
        scores = entries[offsets[index] : offsets[index + 1]]
        mean = np.average(scores[place], weights=data.weights)
        intercept += mean
        closed, won = _support(data, place, length)
        features.append(FeatureCard(feature, round_stored(scores - mean), closed, won))
    return Scorecard(float(round_stored(intercept)[0]), tuple(features))


def _support(data, place, length):
    """int64[length] twice: closed and won leads at each level; a lead with rows at two supports both."""
    if data.grouped:
        _pairs, first = np.unique(np.stack([data.groups, place], axis=1), axis=0, return_index=True)
        place, outcome = place[first], data.won[first]
    else:
        outcome = data.won
    return np.bincount(place, minlength=length), np.bincount(place[outcome == 1], minlength=length)
