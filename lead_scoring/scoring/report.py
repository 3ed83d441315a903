"""A model and all that is known about it: what an admin reads before it goes live."""

import numpy as np

from .evaluation import REPEATS, evaluate
from .training import MINIMUM_CLOSED, learn


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
    forced_in=(),
    forced_out=(),
    ignore_empty=(),
    costly=(),
    champion=None,
    repeats=REPEATS,
):
    """Learn from all leads, and report how such a model does on leads it has not seen.

    :param table, won, weights, groups, seed, minimum, forced_in, forced_out, ignore_empty, costly:
        as in `training.train`
    :param closed_at, created_at, champion, repeats: as in `evaluation.evaluate`
    :param progress: callable(fraction from 0 to 1, text)
    :return: (Scorecard, report), the report a dict for JSON: what `evaluate` returns, and
        features: [{"name", "influence", "filled", "worth", "worth_error", "forced"}], most influential first.
        Influence is the feature's share of the spread (standard deviation) of contributions, 0 to 1; filled
        the share of leads that have a value; worth what the log loss (nats a lead) gains by it on leads that
        were not learned from, with its standard error, both None where it was not measured; forced whether
        it stays by hand.
        left_out: [{"name", "why", "filled", "influence", "worth", "worth_error"}], the influence in the model
        of all features, None where it was not tried
        pairs: [{"features": [name, name], "influence"}], the share of the pair beside all features
        learners: the weights of the learners and what was chosen for them; empty where nothing helped
    :raise NotEnoughLeads: too few won or lost leads
    """
    progress = progress or (lambda fraction, text: None)
    given = {
        "weights": weights,
        "groups": groups,
        "seed": seed,
        "minimum": minimum,
        "forced_in": forced_in,
        "forced_out": forced_out,
        "ignore_empty": ignore_empty,
        "costly": costly,
    }
    card, findings = learn(table, won, progress=lambda fraction, text: progress(0.5 * fraction, text), **given)
    report = evaluate(
        table,
        won,
        closed_at,
        created_at=created_at,
        champion=champion,
        repeats=repeats,
        progress=lambda fraction, text: progress(0.5 + 0.5 * fraction, text),
        **given,
    )
    report["features"] = _features(card, table, weights, findings, set(forced_in))
    report["left_out"] = [_left_out(name, why, table, findings) for name, why in findings.left_out.items()]
    report["pairs"] = _pairs(card, table, weights)
    report["learners"] = findings.learners
    progress(1.0, "Done")
    return card, report


def _features(card, table, weights, findings, forced_in):
    spreads = _spread(card.contributions(card.levels(table)), table, weights)
    total = float(spreads.sum()) or 1.0
    rows = [
        {
            "name": name,
            "influence": float(spread) / total,
            **_measured(name, table, findings),
            "forced": name in forced_in,
        }
        for name, spread in zip(card.names, spreads)
    ]
    return sorted(rows, key=lambda row: -row["influence"])


def _pairs(card, table, weights):
    levels, place = card.levels(table), {name: index for index, name in enumerate(card.names)}
    total = float(_spread(card.contributions(levels), table, weights).sum()) or 1.0
    rows = []
    for pair in card.pairs:
        added = pair.of(*(levels[:, place[name]] for name in pair.names))
        rows.append({"features": list(pair.names), "influence": float(_spread(added, table, weights)) / total})
    return sorted(rows, key=lambda row: -row["influence"])


def _spread(values, table, weights):
    """Root mean square over the rows, which is the standard deviation of what is centred."""
    weights = np.ones(table.n_rows) if weights is None else np.asarray(weights, dtype=np.float64)
    return np.sqrt(np.average(values**2, axis=0, weights=weights))


def _left_out(name, why, table, findings):
    return {"name": name, "why": why, "influence": findings.influence.get(name), **_measured(name, table, findings)}


def _measured(name, table, findings):
    worth, error = findings.worth.get(name, (None, None))
    return {"filled": float(np.mean(~table.columns[name].missing)), "worth": worth, "worth_error": error}
