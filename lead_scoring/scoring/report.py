"""A model and all that is known about it: what an admin reads before it goes live."""

import numpy as np

from .binning import fit_levels
from .evaluation import evaluate
from .training import MINIMUM_CLOSED, train


def fit(
    table,
    won,
    closed_at,
    *,
    created_at=None,
    weights=None,
    groups=None,
    seed=0,
    progress=None,
    minimum=MINIMUM_CLOSED,
):
    """Learn from all leads, and report how such a model does on leads it has not seen.

    :param table, won, weights, groups, seed, minimum: as in `training.train`
    :param closed_at, created_at: as in `evaluation.evaluate`
    :param progress: callable(fraction from 0 to 1, text)
    :return: (Scorecard, report), the report a dict for JSON: what `evaluate` returns, and
        features: [{"name", "influence", "filled"}], most influential first. Influence is the feature's share
        of the spread (standard deviation) of contributions, 0 to 1; filled the share of leads that have a
        value. left_out: [{"name", "why"}]
    :raise NotEnoughLeads: too few won or lost leads
    """
    progress = progress or (lambda fraction, text: None)
    card = train(
        table,
        won,
        weights=weights,
        groups=groups,
        seed=seed,
        minimum=minimum,
        progress=lambda fraction, text: progress(0.5 * fraction, text),
    )
    report = evaluate(
        table,
        won,
        closed_at,
        created_at=created_at,
        weights=weights,
        groups=groups,
        seed=seed,
        minimum=minimum,
        progress=lambda fraction, text: progress(0.5 + 0.5 * fraction, text),
    )
    report["features"] = _features(card, table, weights)
    report["left_out"] = [{"name": name, "why": why} for name, why in fit_levels(table)[1].items()]
    progress(1.0, "Done")
    return card, report


def _features(card, table, weights):
    levels = card.levels(table)
    weights = np.ones(table.n_rows) if weights is None else np.asarray(weights, dtype=np.float64)
    spreads = [
        float(np.sqrt(np.average(feature.lookup[levels[:, index]] ** 2, weights=weights)))
        for index, feature in enumerate(card.features)
    ]
    total = sum(spreads) or 1.0
    rows = [
        {
            "name": feature.name,
            "influence": spread / total,
            "filled": float(np.mean(~table.columns[feature.name].missing)),
        }
        for feature, spread in zip(card.features, spreads)
    ]
    return sorted(rows, key=lambda row: -row["influence"])
