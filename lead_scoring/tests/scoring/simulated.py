"""Databases whose truth is known: leads come, take their time, and are won or lost.

The probability to win is a logistic function of one number, `taste`. Won leads take 20 days (median, lognormal),
lost ones 35, so that what is open is lost more often than what comes. Times are in seconds.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr
from scoring.table import FeatureTable, NumberColumn
from scoring.weighting import DAY, figures, inflow_correction, moments

WORLDS = ("steady", "growing", "young", "forgotten")
WON, LOST = (20, 0.8), (35, 1.0)  # median in days, and spread of the logarithm


@dataclass
class World:
    """:param chance: float64[n], the true probability of each lead, open at its age, to be won in the end"""

    now: float
    created: np.ndarray
    lifetime: np.ndarray
    taste: np.ndarray
    won: np.ndarray
    fresh_chance: np.ndarray
    chance: np.ndarray
    draws: np.ndarray

    @property
    def closed(self):
        return self.created + self.lifetime <= self.now

    @property
    def age(self):
        return self.now - self.created

    def learned_from(self):
        """(Moments, figures) of the closed leads."""
        closed = self.closed
        lifetimes = self.lifetime[closed]
        correction = inflow_correction(lifetimes, self.created, 0.0, self.now)
        ages = self.age[~closed]
        return (
            moments(lifetimes, ages, correction, self.draws[closed]),
            figures(lifetimes, correction, self.created, ages, self.now),
        )


def world(kind, seed=0, per_day=20, intercept=-2.4):
    """A World: "steady" for two years; "growing" fourfold in them; "young", 120 days old; "forgotten", where 40 %
    of lost leads are never closed."""
    random = np.random.default_rng([seed, WORLDS.index(kind)])
    now = (120 if kind == "young" else 730) * DAY
    count = int(per_day * now / DAY)
    when = random.random(count)
    created = now * (np.log1p(3 * when) / np.log(4) if kind == "growing" else when)
    taste = random.normal(size=count)
    chance = 1 / (1 + np.exp(-(intercept + taste)))
    won = random.random(count) < chance
    lifetime = np.where(won, *(_lifetimes(random, count, *times) for times in (WON, LOST)))
    forgotten = 0.4 if kind == "forgotten" else 0.0
    lifetime[~won & (random.random(count) < forgotten)] = np.inf
    to_win = chance * _open_share(now - created, *WON)
    to_lose = (1 - chance) * (forgotten + (1 - forgotten) * _open_share(now - created, *LOST))
    return World(now, created, lifetime, taste, won, chance, to_win / (to_win + to_lose), random.random(count))


def _lifetimes(random, count, median, spread):
    return DAY * median * np.exp(spread * random.normal(size=count))


def _open_share(age, median, spread):
    return ndtr(-np.log(np.maximum(age, 1.0) / (DAY * median)) / spread)


def table(taste, ages):
    """FeatureTable of the taste and of the age in days."""
    return FeatureTable({"taste": NumberColumn(taste), "age": NumberColumn(ages / DAY)}, len(taste))
