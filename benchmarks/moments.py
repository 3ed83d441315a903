"""How true the mean score of open leads is, in simulated databases whose truth is known.

    PYTHONPATH=lead_scoring:lead_scoring/tests/scoring python -m benchmarks.moments [seeds] [leads a day]

The worlds are those of `lead_scoring/tests/scoring/simulated.py`. For each way to weigh closed leads, over the truth:
the weighted share of won leads ("share", the mean score of a model that tells nothing apart), the mean score of all
open leads ("mean"), of those younger than three days, and of leads that have just come ("new"), by a model of taste
and age; and its divergence from the true probabilities, in thousandths of a nat. Open leads older than the 99th
percentile of what closed are left out: no probability is claimed for them.
"""

import sys

import numpy as np
from scoring.scorecard import sigmoid
from scoring.training import train
from scoring.weighting import DAY, Moments, inflow_correction
from simulated import WORLDS, table, world


def unweighted(data):
    """One moment of a lead, at an age of an open lead that it lived to; all count the same."""
    drawn, _share = _drawn(data)
    return Moments(np.arange(len(drawn)), drawn, np.ones(len(drawn)))


def shared(data):
    """The same and its creation, each half of the lead's weight: G(T) x correction for inflow."""
    drawn, share = _drawn(data)
    weights = share * inflow_correction(data.lifetime[data.closed], data.created, 0.0, data.now)
    weights = weights * len(weights) / weights.sum() / 2
    leads = np.repeat(np.arange(len(drawn)), 2)
    return Moments(leads, np.column_stack([0 * drawn, drawn]).ravel(), np.repeat(weights, 2))


def _drawn(data):
    lifetimes, ages = data.lifetime[data.closed], np.sort(data.age[~data.closed])
    ages = ages[ages <= np.quantile(lifetimes, 0.99)]
    within = np.searchsorted(ages, lifetimes, "right")
    place = (data.draws[data.closed] * within).astype(int)
    return np.where(within > 0, ages[np.minimum(place, len(ages) - 1)], 0), within / len(ages)


WAYS = {
    "unweighted": unweighted,
    "G(T), shared": shared,
    "matched": lambda data: data.learned_from()[0],
}


def measure(data, found):
    told = data.learned_from()[1]
    closed = np.flatnonzero(data.closed)[found.leads]
    won = data.won[closed]
    card = train(table(data.taste[closed], found.ages), won, weights=found.weights, groups=found.leads)
    says = lambda taste, ages: sigmoid(card.log_odds(card.levels(table(taste, ages))))
    known = ~data.closed & (data.age <= told["oldest_days"] * DAY)
    truth, said = data.chance[known], says(data.taste[known], data.age[known])
    young = data.age[known] < 3 * DAY
    distance = truth * np.log(truth / said) + (1 - truth) * np.log((1 - truth) / (1 - said))
    return [
        truth.mean(),
        np.average(won, weights=found.weights) / truth.mean(),
        said.mean() / truth.mean(),
        said[young].mean() / truth[young].mean(),
        says(data.taste, 0 * data.age).mean() / data.fresh_chance.mean(),
        1000 * distance.mean(),
    ], told


def main(seeds=3, per_day=20):
    print("world      way           truth  share   mean  young    new  divergence  flags")
    for kind in WORLDS:
        for way, moments_of in WAYS.items():
            rows = []
            for seed in range(seeds):
                data = world(kind, seed, per_day)
                figures, told = measure(data, moments_of(data))
                rows.append(figures)
            mean = "{:7.3f}{:7.3f}{:7.3f}{:7.3f}{:7.3f}{:12.2f}".format(*np.mean(rows, axis=0))
            print(f"{kind:11s}{way:12s}{mean}  {', '.join(told['flags'])}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
