"""What became of the leads to learn from, and how they are dealt out so that none is judged by itself."""

from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from .errors import NotEnoughLeads, TrainingError

FOLDS = 5

# Weights make what is learned true of the open leads, and unsteady: of 6,400 leads of Olist they leave as much as 3,100
# equal ones tell. So features are learned with this power of a lead's weight, and the full weights decide what is
# chosen, how learners are put together, and the level of the probabilities (H. Shimodaira, Improving Predictive
# Inference under Covariate Shift by Weighting the Log-Likelihood, 2000). Of 0, 0.5 and 1, 0.5 is nearest to the truth in
# the simulated worlds of benchmarks/moments.py; AUC on Olist is 0.002 higher than with 1.
POWER = 0.5

# Below this many rows folds are dealt out three times: what one deal says of so few is chance.
FEW_ROWS, REPEATS_OF_FEW = 400, 3


@dataclass
class Outcomes:
    """Outcomes of rows.

    :param won: int8[n]
    :param weights: float64[n], summing to the number of leads
    :param groups: int[n], the lead of each row
    :param grouped: whether a lead may have several rows
    """

    won: np.ndarray
    weights: np.ndarray
    groups: np.ndarray
    grouped: bool

    def __len__(self):
        return len(self.won)

    def take(self, rows):
        """Those of some rows."""
        return Outcomes(self.won[rows], self.weights[rows], self.groups[rows], self.grouped)

    def count(self, rows=slice(None)):
        """(closed, won): number of leads among these rows."""
        first = np.unique(self.groups[rows], return_index=True)[1] if self.grouped else slice(None)
        won = self.won[rows][first]
        return len(won), int(won.sum())

    def tempered(self):
        """The same to learn features from: a lead counts by a root of its weight, shared by its rows as before."""
        lead = np.unique(self.groups, return_inverse=True)[1].ravel()
        total = np.bincount(lead, self.weights)
        factors = np.zeros(len(total))
        np.power(total, POWER - 1, out=factors, where=total > 0)
        weights = self.weights * factors[lead]
        return Outcomes(self.won, weights * (self.weights.sum() / weights.sum()), self.groups, self.grouped)

    @property
    def base(self):
        """Log-odds of the weighted share of won leads."""
        return float(np.log(self.weights[self.won == 1].sum() / self.weights[self.won == 0].sum()))


def outcomes_of(n_rows, won, weights, groups, minimum):
    """Outcomes, checked.

    :param n_rows: int, of the table
    :param won, weights, groups, minimum: as in `training.train`
    :raise NotEnoughLeads: too few won or lost leads
    """
    won = np.asarray(won).astype(bool)
    weights = np.ones(n_rows) if weights is None else np.asarray(weights, dtype=np.float64)
    grouped = groups is not None
    groups = np.asarray(groups) if grouped else np.arange(n_rows)
    if not won.shape == weights.shape == groups.shape == (n_rows,):
        raise ValueError("Outcomes, weights and groups have one value for each row.")
    if n_rows and not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError("Weights are finite and not negative.")
    data = Outcomes(won.astype(np.int8), weights, groups, grouped)
    closed, n_won = data.count(weights > 0)
    needed = max(minimum, 2)
    if n_won < needed or closed - n_won < needed:
        raise NotEnoughLeads(n_won, closed - n_won, needed)
    data.weights = weights * (closed / weights.sum())
    return data


def folds_of(data, seed, repeats=None):
    """List of (seen, rest) rows, int[m] each; few leads are dealt out several times.

    :raise TrainingError: no fold has leads of both kinds to learn from
    """
    closed, n_won = data.count()
    splits = min(FOLDS, n_won, closed - n_won)
    if splits >= 2:
        repeats = repeats or (REPEATS_OF_FEW if len(data) < FEW_ROWS else 1)
        kind, groups = (StratifiedGroupKFold, data.groups) if data.grouped else (StratifiedKFold, None)
        folds = [
            fold
            for repeat in range(repeats)
            for fold in kind(splits, shuffle=True, random_state=seed + repeat).split(data.won, data.won, groups)
        ]
        usable = [(seen, rest) for seen, rest in folds if len(rest) and _both(data, seen)]
        if usable:
            return usable
    raise TrainingError("The won and lost leads cannot be divided into parts to check the model with.")


def _both(data, rows):
    """Whether won and lost leads of some weight are among these rows."""
    won = data.won[rows][data.weights[rows] > 0]
    return len(won) > 0 and 0 < won.mean() < 1


def sample_of(data, seed, about):
    """Rows, int[m], of so many random leads that there are about as many rows; all if there are no more."""
    if len(data) <= about:
        return np.arange(len(data))
    leads, lead = np.unique(data.groups, return_inverse=True)
    share = about / len(data)
    return np.flatnonzero((np.random.default_rng([seed, about]).random(len(leads)) < share)[lead])
