"""Which features help to tell won leads from lost ones.

In a sum of tables the worth of a feature is exact without learning anything again: how much the log loss of
leads that were not learned from grows when the feature's contribution is replaced by its mean. A feature
stays when that pays beyond its own standard error (of leads, paired), one that takes long to read beyond two.
Several features that say the same share what it is worth, so each of them stays: nothing is lost by dropping
what does not pay.

What was chosen by looking at leads looks better on those leads than it is. So whoever compares a selection
with something makes it again inside of each fold (`Selector.choose` on the rows seen there).
"""

from dataclasses import dataclass

import numpy as np

from .outcomes import folds_of
from .platt import sigmoid_of
from .scorecard import loss_of

# A feature's worth must be above so many of its standard errors: of 0, 0.5, 1 and 1.5, 1 is best where many
# features are noise, and no worse where none is.
ERRORS = 1.0

# Of one that takes long to read, above so many: one in seven hundred that are noise stays then, not one in six. What
# this loses where it is no noise is not known: none of the real data sets at hand has customers that come again and tell.
ERRORS_OF_COSTLY = 3.0

# With fewer won or lost leads than that, what single features are worth is chance.
FEWEST = 25

# Where there is anything to learn, the best ones stay, so many at least; with fewer won or lost leads than that, when
# good ones are taken for noise, some more. On 300 leads AUC is 0.003 (X Education) and 0.02 (Olist) higher by it; in the
# young world of benchmarks/moments.py the age, which matters, was dropped with 220 won leads; on all of Olist, which
# has 690, it costs 0.002.
FEWEST_KEPT, HANDFUL, FEW = 1, 3, 500


@dataclass
class Worth:
    """What features are worth on leads that were not learned from.

    :param gains: float64[f], mean growth of the log loss (nats a lead) without the feature
    :param errors: float64[f], standard errors of the gains
    """

    gains: np.ndarray
    errors: np.ndarray

    def kept(self, candidates, forced, fewest, costly=False):
        """bool[f]: those that pay, of these candidates (bool[f]), so many at least, and those forced in.

        :param costly: bool[f], or of all: which have to pay beyond doubt
        """
        pays = self.gains > np.where(costly, ERRORS_OF_COSTLY, ERRORS) * self.errors
        ranked = np.argsort(-np.where(candidates & ~forced, self.gains, -np.inf), kind="stable")
        best = np.zeros(len(pays), dtype=bool)
        best[ranked[:fewest]] = True
        return candidates & (pays | best | forced)


def worth_of(parts, data):
    """Worth of features by predictions of leads that were not learned from.

    :param parts: list of (rows int[m], log-odds float64[m], contributions float64[m, f]) of the folds
    :param data: Outcomes[n]
    """
    rows = np.concatenate([part[0] for part in parts])
    log_odds = np.concatenate([part[1] for part in parts])
    slope, shift = sigmoid_of(log_odds, data.won[rows], data.weights[rows])
    if slope <= 0:
        # Worth nothing altogether; perhaps a few good ones drown in noise.
        slope, shift = 1.0, 0.0
    growth = np.zeros((len(data), parts[0][2].shape[1]))
    for part, odds, contributions in parts:
        odds, won = slope * odds + shift, data.won[part]
        growth[part] += loss_of(odds[:, None] - slope * contributions, won) - loss_of(odds, won)[:, None]
    # Rows that were dealt out several times count once.
    times = np.bincount(rows, minlength=len(data))
    dealt = times > 0
    growth, share = growth[dealt] / times[dealt, None], data.weights[dealt] / data.weights[dealt].sum()
    gains = share @ growth
    return Worth(gains, np.sqrt(share**2 @ (growth - gains) ** 2))


class Selector:
    """Chooses features by the ridge regression.

    :param ridge: Ridge of all candidates
    :param positions: int64[n, f]
    :param data: Outcomes[n]
    :param forced: bool[f], features that stay whatever they are worth
    :param costly: bool[f], features that take long to read
    :param silent: indices of features whose missing level says nothing
    :param seed: int
    """

    def __init__(self, ridge, positions, data, forced, costly, silent, seed):
        self.ridge, self.positions, self.data = ridge, positions, data
        self.tempered = data.tempered()
        self.forced, self.costly, self.silent, self.seed = forced, costly, silent, seed

    def choose(self, rows, penalty):
        """The features to learn from some rows with.

        :param rows: int[m]
        :return: (bool[f], Worth, or None where there are too few leads to tell)
        """
        data = self.data.take(rows)
        every = np.ones(self.positions.shape[1], dtype=bool)
        closed, won = data.count()
        if min(won, closed - won) < FEWEST:
            return every, None
        folds = folds_of(data, self.seed, repeats=1)
        parts = self.parts([(rows[seen], rows[rest]) for seen, rest in folds], penalty, [every] * len(folds))
        place = np.empty(len(self.data), dtype=np.int64)
        place[rows] = np.arange(len(rows))
        worth = worth_of([(place[rest], *rest_of) for rest, *rest_of in parts], data)
        fewest = HANDFUL if min(won, closed - won) < FEW else FEWEST_KEPT
        return worth.kept(every, self.forced, fewest, self.costly), worth

    def parts(self, folds, penalty, used):
        """Predictions of the rows that each fold kept apart, by what it learned from the others.

        :param folds: list of (seen, rest)
        :param used: list of bool[f], the features of each fold
        :return: list of (rows int[m], log-odds float64[m], contributions float64[m, f])
        """
        parts = []
        for (seen, rest), mask in zip(folds, used):
            card = self.ridge.fit(self.tempered, seen, penalty, mask)
            card = card.centred(self.positions[seen], self.data.weights[seen], self.silent)
            parts.append((rest, card.log_odds(self.positions[rest]), card.contributions(self.positions[rest])))
        return parts
