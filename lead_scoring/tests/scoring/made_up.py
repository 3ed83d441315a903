"""Leads that nobody had: made from a seed, with a known truth."""

import numpy as np
from scoring.scorecard import CategoryLevels, FeatureCard, NumberLevels, PairCard, Scorecard, sigmoid
from scoring.table import CategoryColumn, FeatureTable, NumberColumn, category_column

SOURCES = ("fair", "référence", "website", "冷电话")
EFFECTS = {"fair": 0.3, "référence": 1.6, "website": -0.4, "冷电话": -1.5}
DAY = 86_400


def leads(count, *, seed=0, average=-0.5):
    """(table, won, closed_at): source and visits tell something, size and noise nothing; visits have gaps."""
    random = np.random.default_rng(seed)
    source = random.choice(SOURCES, count)
    visits = random.lognormal(1, 1, count)
    log_odds = average + np.array([EFFECTS[key] for key in source]) + 0.8 * (np.log(visits) - 1)
    won = random.random(count) < sigmoid(log_odds)
    table = FeatureTable(
        {
            "source": category_column(source.tolist()),
            "visits": NumberColumn(np.where(random.random(count) < 0.2, np.nan, visits)),
            "size": category_column(random.choice(["s", "m", "l"], count).tolist()),
            "noise": NumberColumn(random.normal(size=count)),
        },
        count,
    )
    return table, won, np.arange(count) * DAY / 3


def crossed_leads(count, *, seed=0):
    """(table, won, closed_at): what size means depends on the region, and visits tell something by
    themselves; campaigns are many; all have gaps."""
    random = np.random.default_rng([seed, count])
    region, size = random.integers(0, 4, count), random.lognormal(3, 1, count)
    visits, campaign = random.lognormal(1, 1, count), random.integers(0, 60, count)
    sign = np.where(region < 2, 1.0, -1.0)
    log_odds = -0.5 + 1.2 * sign * np.sign(np.log(size) - 3) + 0.6 * (np.log(visits) - 1) + 0.01 * (campaign - 30)
    won = random.random(count) < sigmoid(log_odds)
    gap = random.random((4, count)) < 0.1
    table = FeatureTable(
        {
            "region": CategoryColumn(list("nesw"), np.where(gap[0], -1, region)),
            "size": NumberColumn(np.where(gap[1], np.nan, size)),
            "visits": NumberColumn(np.where(gap[2], np.nan, visits)),
            "campaign": CategoryColumn([f"c{key}" for key in range(60)], np.where(gap[3], -1, campaign)),
        },
        count,
    )
    return table, won, np.arange(count) * DAY / 20


def noise(count, *, seed=0, share=0.3):
    """(table, won, closed_at): nothing tells anything."""
    random = np.random.default_rng(seed)
    table = FeatureTable(
        {
            "color": category_column(random.choice(list("rgb"), count).tolist()),
            "number": NumberColumn(random.normal(size=count)),
        },
        count,
    )
    won = np.zeros(count, dtype=bool)
    won[random.permutation(count)[: round(share * count)]] = True
    return table, won, np.arange(count) * DAY / 3


def card(intercept=-1.0):
    """A small scorecard written by hand."""
    return Scorecard(
        intercept,
        (
            FeatureCard(
                CategoryLevels("country", ("be", "fr")),
                [0.5, -0.25, -1.0, 0.125],
                [9, 5, 3, 1],
                [5, 1, 0, 0],
            ),
            FeatureCard(
                NumberLevels("employees", (10.0, 100.0)),
                [-0.5, 0.0, 2.0, 0.25],
                [4, 5, 6, 3],
                [1, 1, 4, 0],
            ),
        ),
    )


def paired_card():
    """The same with a pair: countries but the first are one group."""
    pair = PairCard(
        ("country", "employees"),
        ([0, 1, 1, 2], [0, 1, 2, 3]),
        [[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0], [-1.0, -2.0, -3.0, -4.0]],
    )
    return Scorecard(card().intercept, card().features, (pair,))


def random_levels(scorecard, count, seed=0):
    """uint8[count, f], any level of each feature and missing."""
    random = np.random.default_rng(seed)
    columns = [random.choice([*range(feature.levels.n_levels), 255], count) for feature in scorecard.features]
    return np.stack(columns, axis=1).astype(np.uint8)


def with_noise(table, count, *, seed=0):
    """The table with so many columns that tell nothing: numbers and categories, with gaps."""
    random = np.random.default_rng([seed, count])
    columns = dict(table.columns)
    for index in range(count):
        gaps = random.random(table.n_rows) < random.choice([0.0, 0.3, 0.9])
        if index % 2:
            columns[f"noise_{index}"] = NumberColumn(np.where(gaps, np.nan, random.lognormal(size=table.n_rows)))
        else:
            keys = random.integers(0, random.choice([2, 6, 30]), table.n_rows)
            columns[f"noise_{index}"] = CategoryColumn([f"k{key}" for key in range(30)], np.where(gaps, -1, keys))
    return FeatureTable(columns, table.n_rows)
