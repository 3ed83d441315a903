"""The engine alone, offline: how good and how fast `scoring/` is on described sets, without Odoo.

    python -m benchmarks.engine quality DATA_DIR [seeds]   all leads, random 70/30 and the newest 30 %; beside
                                                           LightGBM and CatBoost where they are installed
    python -m benchmarks.engine few DATA_DIR [seeds]       40, 100, 300 and 1,000 leads, against naive Bayes
    python -m benchmarks.engine speed                      training, scoring, memory, size

`naive Bayes` is Odoo's arithmetic (a tenth of a lead for each value, no shrinking) with every column, numbers cut
into tenths.
"""

import resource
import sys
import time
from importlib.util import find_spec

import numpy as np

from benchmarks.leads_as_tables import SETS, described
from benchmarks.measures import measure

from scoring.report import fit  # isort: skip  # found by leads_as_tables
from scoring.scorecard import PairCard, Scorecard, sigmoid  # isort: skip
from scoring.table import CategoryColumn, FeatureTable, NumberColumn  # isort: skip
from scoring.training import learn  # isort: skip

SIZES = (40, 100, 300, 1_000)
MOST_TESTED = 10_000


# ---- ways to score


def engine(train, won, test, seed):
    """(probabilities float64[m], note)."""
    card, _findings = learn(train, won, seed=seed, minimum=2)
    return card.probabilities(card.levels(test)), f"{len(card.names)} features, {len(card.pairs)} pairs"


def naive_bayes(train, won, test, seed):
    """(probabilities float64[m], note) by Odoo's arithmetic."""
    odds = np.full(test.n_rows, np.log(won.sum() / (~won).sum()))
    for name, column in train.columns.items():
        seen, unseen = _as_keys(column, test.columns[name])
        length = max(seen.max(), unseen.max()) + 2
        won_at, lost_at = (np.bincount(seen[seen >= 0], rows[seen >= 0], minlength=length) for rows in (won, ~won))
        known = (won_at + lost_at) > 0
        won_at, lost_at = won_at + 0.1, lost_at + 0.1
        table = np.log(won_at / won_at[known].sum()) - np.log(lost_at / lost_at[known].sum()) if known.any() else 0
        odds += np.where(known, table, 0.0)[unseen]
    return np.clip(sigmoid(odds), 1e-4, 1 - 1e-4), f"{len(train.columns)} columns"


def _as_keys(column, test):
    """(codes of the training column, codes of the tested one), -1 where missing."""
    if column.kind == "category":
        index = {key: code for code, key in enumerate(column.keys)}
        new = len(column.keys)
        of_test = np.array([*(index.get(key, new) for key in test.keys), -1])
        return column.codes.astype(np.int64), of_test[test.codes]
    filled = column.values[~column.missing]
    edges = np.unique(np.quantile(filled, np.arange(0.1, 1, 0.1))) if len(filled) else np.zeros(0)
    return tuple(
        np.where(side.missing, -1, np.searchsorted(edges, side.values, side="right")) for side in (column, test)
    )


def reference(train, won, test, seed):
    """(probabilities float64[m], note): LightGBM and CatBoost, as in `make quality`."""
    from benchmarks import reference as marks

    values, categories = [], []
    both = FeatureTable.concat([train, test])
    for column in both.columns.values():
        category = column.kind == "category"
        categories.append(category)
        if category:
            values.append([None if code < 0 else column.keys[code] for code in column.codes])
        else:
            values.append([None if np.isnan(value) else value for value in column.values])
    is_open = np.arange(both.n_rows) >= train.n_rows
    quiet = lambda text: None
    results = []
    for title, learner in (("LightGBM", marks._Lightgbm), ("CatBoost", marks._Catboost)):
        data = learner.encode(values, categories)
        results.append(marks._tuned(title, learner, data, is_open, won, categories, seed, quiet))
    return np.mean(results, axis=0), "LightGBM + CatBoost"


# ---- quality


def quality(data_dir, seeds):
    ways = (engine, naive_bayes, *([reference] if find_spec("lightgbm") and find_spec("catboost") else []))
    for name in SETS:
        table, won, _closed_at = described(name, data_dir)
        for split in ("random", "newest"):
            results = {}
            for seed in range(1, seeds + 1 if split == "random" else 2):
                train, test = _parts(len(won), split, seed)
                for way in ways:
                    started = time.perf_counter()
                    probability, note = way(table.take(train), won[train], table.take(test), seed)
                    found = measure(won[test], probability)
                    found["seconds"] = time.perf_counter() - started
                    results.setdefault(way.__name__, []).append((found, note))
            for way, found in results.items():
                _tell(name, split, way, [row for row, _note in found], found[0][1])


def _parts(count, split, seed):
    order = np.random.default_rng(seed).permutation(count) if split == "random" else np.arange(count)
    cut = int(0.7 * count)
    return order[:cut], order[cut:]


def few(data_dir, seeds):
    ways = (engine, naive_bayes)
    for name in SETS:
        table, won, _closed_at = described(name, data_dir)
        for size in SIZES:
            results = {}
            for seed in range(1, seeds + 1):
                order = np.random.default_rng(seed).permutation(len(won))
                train, test = order[:size], order[size:][:MOST_TESTED]
                if min(won[train].sum(), (~won[train]).sum()) < 2:
                    continue
                for way in ways:
                    started = time.perf_counter()
                    probability, note = way(table.take(train), won[train], table.take(test), seed)
                    found = measure(won[test], probability)
                    found["seconds"] = time.perf_counter() - started
                    results.setdefault(way.__name__, []).append((found, note))
            for way, found in results.items():
                _tell(name, f"{size} leads", way, [row for row, _note in found], found[0][1])


def _tell(name, what, way, rows, note):
    mean = {key: np.mean([row[key] for row in rows]) for key in rows[0]}
    print(
        f"{name:15s} {what:11s} {way:12s} AUC {mean['auc']:.4f}  Brier {mean['brier']:.4f}  log loss "
        f"{mean['log_loss']:.4f}  calibration {mean['calibration_error']:.3f}  {mean['seconds']:5.1f} s  "
        f"({len(rows)} seeds; {note})",
        flush=True,
    )


# ---- speed


def made_up(count, features, seed=0):
    """(FeatureTable[count], won, closed_at): half numbers and half categories, six matter, two together."""
    random = np.random.default_rng([seed, count])
    columns, odds = {}, np.full(count, -1.0)
    for index in range(features):
        gaps = random.random(count) < random.choice([0.0, 0.2] if index < 6 else [0.0, 0.2, 0.7])
        if index % 2:
            values = random.lognormal(size=count)
            odds += 0.4 * np.where(gaps, 0, np.log(values)) if index < 6 else 0
            columns[f"f{index}"] = NumberColumn(np.where(gaps, np.nan, values))
        else:
            kinds = random.integers(0, random.choice([3, 10, 60]), count)
            odds += np.where(gaps, 0, random.normal(0, 0.6, 60)[kinds]) if index < 6 else 0
            columns[f"f{index}"] = CategoryColumn([f"k{kind}" for kind in range(60)], np.where(gaps, -1, kinds))
    first, second = (np.nan_to_num(np.log(columns[name].values)) for name in ("f1", "f3"))
    odds += 0.7 * np.sign(first) * np.sign(second)
    return FeatureTable(columns, count), random.random(count) < sigmoid(odds), np.arange(count) * 3600.0


def speed():
    for count in (5_000, 100_000, 200_000):
        table, won, closed_at = made_up(count, 20)
        started = time.perf_counter()
        card, report = fit(table, won, closed_at)
        print(
            f"fit and report of {count:,} x 20: {time.perf_counter() - started:.1f} s, peak {_peak():.0f} MB, "
            f"{len(card.names)} features, {len(card.pairs)} pairs, {len(card.to_json()) / 1e3:.0f} kB, "
            f"{report['method']}, AUC {report['metrics']['auc']:.3f}",
            flush=True,
        )
    every = learn(table, won, forced_in=table.names)[0]
    table, _won, _closed_at = made_up(1_000_000, 20)
    for card in (every, with_ten_pairs(every)):
        started = time.perf_counter()
        levels = card.levels(table)
        encoded = time.perf_counter()
        card.contributions(levels)
        print(
            f"1,000,000 leads by {len(card.names)} features and {len(card.pairs)} pairs "
            f"({len(card.to_json()) / 1e3:.0f} kB): levels {encoded - started:.2f} s, contributions "
            f"{time.perf_counter() - encoded:.2f} s, peak {_peak():.0f} MB"
        )


def with_ten_pairs(card):
    """The card with ten random pairs instead of its own, each of as many groups as may be."""
    random, pairs = np.random.default_rng(0), []
    for first in range(0, 20, 2):
        features = card.features[first : first + 2]
        groups = [np.minimum(np.arange(len(feature.scores)), 32) for feature in features]
        cells = random.normal(0, 0.1, [side.max() + 1 for side in groups]).round(12)
        pairs.append(PairCard(tuple(feature.name for feature in features), groups, cells))
    return Scorecard(card.intercept, card.features, pairs)


def _peak():
    """Most memory so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments):
    if arguments[:1] == ["speed"]:
        return speed()
    if len(arguments) in (2, 3) and arguments[0] in ("quality", "few"):
        seeds = int(arguments[2]) if len(arguments) > 2 else {"quality": 5, "few": 20}[arguments[0]]
        return {"quality": quality, "few": few}[arguments[0]](arguments[1], seeds)
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
