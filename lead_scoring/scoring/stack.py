"""Several learners, combined: their log-odds of unseen leads, weighted by a logistic regression.

The weights are not negative and pulled to equal ones: with few leads that is the mean of the learners, with
many it is what the leads say. (Choosing the best learner instead loses at every size.) It calibrates as well:
D. Wolpert, Stacked Generalization, 1992; L. Breiman, Stacked Regressions, 1996, for the sign.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize

from .boosting import Boosting, setting_of
from .interactions import candidates
from .naive_bayes import BINS, PSEUDO_COUNTS, NaiveBayes
from .platt import platt_targets, sigmoid_of
from .ridge import Ridge
from .scorecard import loss_of, sigmoid

LEARNERS = ("naive_bayes", "ridge", "boosting")

PULL = 5.0

# Naive Bayes is too sure of itself: with few leads its log-odds are about halved. (Against a free slope: log loss
# 0.0007 less with 40 leads of X Education and of Olist, 0.0016 with 100 of Olist, no difference from 300 on.)
PULL_OF_BAYES, SLOPE_OF_BAYES = 20.0, 0.5

# Log-odds beyond that are taken for that while weights are fitted: one certain error must not decide.
CLIP = 6.0

# With fewer won or lost leads than that, a stack that looks worse than the base rate by no more than this share
# is kept: what unseen leads say of so few is chance, and the learners are careful themselves. (40 leads of
# X Education: AUC 0.63 instead of 0.59 and a log loss of 0.665 instead of 0.666.)
FEW, DOUBT_OF_FEW = 100, 0.02

# With more leads, the log loss of all together must fall by so much: what fitting three weights and a shift to
# nothing but chance is worth (H. Akaike, 1974).
LEAST_GAIN = 4.0

# The number of trees is chosen in steps.
ROUNDS_STEP = 10

# Pairs are looked for from so many won and lost leads on; at most so many are tried; and they are taken if the
# log loss falls by this share: a card without them is easier to read, and on the newest 30 % of X Education
# pairs that gained 0.5 % in folds lost 0.5 %, while Bank Marketing's gain 2 % in folds and on new leads.
FEWEST_FOR_PAIRS = 200
MOST_PAIRS = 10
PAIRS_GAIN = 0.0075

# Fewer pairs are taken for a log loss (nats a lead) that is worse by no more than this.
HAIR = 0.0005


def stack_weights(log_odds, won, weights):
    """How to combine learners.

    :param log_odds: float64[n, k], of leads that the learners had not learned from
    :param won: int8[n]
    :param weights: float64[n]
    :return: (float64[k] not negative, float shift): log-odds @ weights + shift are calibrated
    """
    clipped = np.clip(log_odds, -CLIP, CLIP)
    target = platt_targets(won, weights)
    equal = 1 / clipped.shape[1]

    def loss(parameters):
        pull = parameters[:-1] - equal
        z = clipped @ parameters[:-1] + parameters[-1]
        gap = weights * (sigmoid(z) - target)
        value = weights @ (np.logaddexp(0.0, z) - target * z) + PULL / 2 * (pull @ pull)
        return value, np.append(clipped.T @ gap + PULL * pull, gap.sum())

    start = np.append(np.full(clipped.shape[1], equal), 0.0)
    bounds = [(0.0, None)] * clipped.shape[1] + [(None, None)]
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-8})
    return found.x[:-1], float(found.x[-1])


@dataclass
class Plan:
    """What is to be learned from all leads, as unseen leads of the folds had it.

    :param used: bool[f], features that tell something alone
    :param penalty: of the ridge regression
    :param bayes: (pseudo-count, bins, slope, shift)
    :param rounds: of boosting
    :param setting: of boosting
    :param pairs: list of (a, b) that boosting may use
    :param weights: float64[3] of naive Bayes, ridge, boosting
    :param shift: float
    :param loss: float, log loss of the stack on unseen leads
    """

    used: np.ndarray
    penalty: float
    bayes: tuple
    rounds: int
    setting: object
    pairs: list
    weights: np.ndarray = None
    shift: float = 0.0
    loss: float = math.inf

    @property
    def seen_by_trees(self):
        """bool[f]: the features, and those that tell something in a pair alone."""
        seen = self.used.copy()
        seen[[index for pair in self.pairs for index in pair]] = True
        return seen

    def summary(self):
        """A dict for the report."""
        return {
            "weights": dict(zip(LEARNERS, self.weights.tolist())),
            "penalty": self.penalty,
            "pseudo_count": self.bayes[0],
            "rounds": self.rounds,
            "pairs": len(self.pairs),
        }


class Stack:
    """The three learners on one set of leads.

    :param levels: list of CategoryLevels | NumberLevels, f of them
    :param positions: int64[n, f]
    :param data: Outcomes[n]
    :param silent: indices of features whose missing level says nothing
    :param seed: int
    """

    def __init__(self, levels, positions, data, silent, seed):
        self.positions, self.data, self.silent = positions, data, silent
        self.tempered = data.tempered()  # what learners learn from; all that is chosen by unseen leads is by `data`
        self.bayes = NaiveBayes(levels, positions)
        self.ridge = Ridge(levels, positions)
        self.boosting = Boosting(levels, positions, seed)

    # ---- folds -> plan

    def plan(self, folds, choice, influence, progress):
        """How to learn: a Plan, or None where nothing helps on unseen leads.

        :param folds: list of (seen, rest)
        :param choice: used, masks (the features of each fold), penalty, and parts: (rows, log-odds, ...) of
            the ridge regression in each fold
        :param influence: float64[f], of the model of all features
        :param progress: callable(fraction from 0 to 1, text)
        """
        rows = np.concatenate([rest for _seen, rest in folds])
        won, weights = self.data.won[rows], self.data.weights[rows]
        progress(0.0, "Counting (naive Bayes)")
        bayes, by_bayes = self._plan_bayes(folds, choice.masks, won, weights)
        by_ridge = np.concatenate([part[1] for part in choice.parts])
        setting = setting_of(min(len(seen) for seen, _rest in folds))
        progress(0.1, "Growing trees")
        rounds, by_trees = self._plan_boosting(folds, choice.masks, setting, won, weights)
        plan = Plan(choice.used, choice.penalty, bayes, rounds, setting, [])
        plan = self._weighted(plan, [by_bayes, by_ridge, by_trees], won, weights)
        progress(0.6, "Looking for pairs of features that say more together")
        plan = self._with_pairs(plan, folds, choice.masks, influence, [by_bayes, by_ridge, by_trees], won, weights)
        return plan if self._helps(plan, won, weights) else None

    def _helps(self, plan, won, weights):
        """Whether unseen leads say that the plan is better than the base rate, or are too few to say."""
        of_base_rate = np.average(loss_of(np.full(len(won), self.data.base), won), weights=weights)
        closed, n_won = self.data.count()
        if min(n_won, closed - n_won) < FEW:
            return plan.loss < (1 + DOUBT_OF_FEW) * of_base_rate
        return closed * (of_base_rate - plan.loss) > LEAST_GAIN

    def _weighted(self, plan, log_odds, won, weights):
        """The plan with weights for these log-odds of unseen leads."""
        together = np.stack(log_odds, axis=1)
        shares, shift = stack_weights(together, won, weights)
        loss = np.average(loss_of(together @ shares + shift, won), weights=weights)
        return replace(plan, weights=shares, shift=shift, loss=float(loss))

    def _unseen(self, additive, seen, rest):
        """Log-odds of the rows that were kept apart."""
        if self.silent:
            additive = additive.centred(self.positions[seen], self.data.weights[seen], self.silent)
        return additive.log_odds(self.positions[rest])

    def _plan_bayes(self, folds, masks, won, weights):
        """((pseudo-count, bins, slope, shift), log-odds of unseen leads)."""
        counts = [self.bayes.counts(self.tempered, seen) for seen, _rest in folds]
        bases = [self.tempered.take(seen).base for seen, _rest in folds]
        best = None
        for bins in BINS:
            for pseudo in PSEUDO_COUNTS:
                odds = np.concatenate(
                    [
                        self._unseen(self.bayes.fit(count, base, mask, pseudo, bins), seen, rest)
                        for count, base, mask, (seen, rest) in zip(counts, bases, masks, folds)
                    ]
                )
                slope, shift = sigmoid_of(odds, won, weights, PULL_OF_BAYES, SLOPE_OF_BAYES)
                slope = max(slope, 0.0)
                loss = np.average(loss_of(slope * odds + shift, won), weights=weights)
                if best is None or loss < best[0]:
                    best = loss, (pseudo, bins, slope, shift), slope * odds + shift
        return best[1:]

    def _plan_boosting(self, folds, masks, setting, won, weights):
        """(rounds, log-odds of unseen leads)."""
        rounds, fits, odds = self._boosted(folds, masks, [], setting, won, weights)
        if self.silent:
            odds = [self._unseen(fit.additive(rounds), *fold) for fit, fold in zip(fits, folds)]
        return rounds, np.concatenate(odds)

    def _boosted(self, folds, masks, pairs, setting, won, weights):
        """(number of trees of the least log loss on unseen leads, a Boosted for each fold, their log-odds)."""
        grid = range(ROUNDS_STEP, setting.rounds + 1, ROUNDS_STEP)
        fits = [
            self.boosting.fit(self.tempered, seen, mask, pairs=pairs, setting=setting)
            for mask, (seen, _rest) in zip(masks, folds)
        ]
        staged = [list(fit.staged(self.positions[rest], grid)) for fit, (_seen, rest) in zip(fits, folds)]
        losses = [np.average(loss_of(np.concatenate(odds), won), weights=weights) for odds in zip(*staged)]
        place = int(np.argmin(losses))
        return grid[place], fits, [odds[place] for odds in staged]

    # ---- pairs

    def _with_pairs(self, plan, folds, masks, influence, log_odds, won, weights):
        """The plan with the pairs that help, or as it is."""
        closed, n_won = self.data.count()
        if min(n_won, closed - n_won) < FEWEST_FOR_PAIRS:
            return plan
        rows = np.concatenate([rest for _seen, rest in folds])
        odds = np.stack(log_odds, axis=1) @ plan.weights + plan.shift
        # Also of features that tell nothing alone: together they may.
        pairs = candidates(self.positions[rows], odds, won, weights, influence, MOST_PAIRS)
        best = plan
        while pairs:
            tried, kept = self._try_pairs(replace(plan, pairs=pairs), folds, masks, log_odds, won, weights)
            if tried.loss < (1 - PAIRS_GAIN) * plan.loss and (best is plan or tried.loss < best.loss + HAIR):
                best = tried
            if len(kept) == len(pairs):
                break
            pairs = kept
        return best

    def _try_pairs(self, plan, folds, masks, log_odds, won, weights):
        """(the plan with rounds and weights for boosting with its pairs, those pairs that pay)."""
        masks = [mask | plan.seen_by_trees for mask in masks]
        rounds, fits, _odds = self._boosted(folds, masks, plan.pairs, plan.setting, won, weights)
        odds, added = [], {pair: [] for pair in plan.pairs}
        for fit, (seen, rest) in zip(fits, folds):
            card = fit.additive(rounds).centred(self.positions[seen], self.data.weights[seen], self.silent)
            odds.append(card.log_odds(self.positions[rest]))
            for (first, second), parts in added.items():
                own = card.pairs.get((first, second))
                places = self.positions[rest, first], self.positions[rest, second]
                parts.append(own.of(*places) if own else np.zeros(len(rest)))
        together = [*log_odds[:2], np.concatenate(odds)]
        learned = self._weighted(replace(plan, rounds=rounds), together, won, weights)
        z = np.stack(together, axis=1) @ learned.weights + learned.shift
        return learned, [
            pair
            for pair, parts in added.items()
            if _pays(loss_of(z - learned.weights[2] * np.concatenate(parts), won) - loss_of(z, won), weights)
        ]

    # ---- plan -> tables

    def learn(self, plan):
        """The Additive of all leads."""
        rows = np.arange(len(self.data))
        pseudo, bins, slope, shift = plan.bayes
        counts = self.bayes.counts(self.tempered, rows)
        learned = [
            self.bayes.fit(counts, self.tempered.base, plan.used, pseudo, bins).scaled(slope, shift),
            self.ridge.fit(self.tempered, rows, plan.penalty, plan.used, precise=True),
            self.boosting.fit(
                self.tempered, rows, plan.seen_by_trees, plan.rounds, plan.pairs, plan.setting
            ).additive(),
        ]
        total = None
        for weight, additive in zip(plan.weights, learned):
            if weight:
                additive = additive.scaled(weight)
                total = additive if total is None else total.plus(additive)
        return total.scaled(1.0, plan.shift)


def _pays(growth, weights):
    """Whether the mean of what a log loss grows by is above its standard error."""
    mean = np.average(growth, weights=weights)
    return mean > np.sqrt(weights**2 @ (growth - mean) ** 2) / weights.sum()
