"""What the leak guard finds in X Education's columns that life fills in at the close.

    PYTHONPATH=lead_scoring python -m benchmarks.leaks /path/to/data [seeds]

70 % of the leads are closed, 30 % open; on the open ones the columns that `datasets/x_education_late.toml` calls late
are empty (a tag is "no"). For each seed: which columns are left out and why, which are asked about, and the AUC on the
open leads of a model of what stays, against one of the strict columns alone and one of all columns.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from scoring.leaks import find_leaks
from scoring.scorecard import sigmoid
from scoring.table import CategoryColumn, FeatureTable, NumberColumn
from scoring.training import train
from sklearn.metrics import roc_auc_score

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib

HERE = Path(__file__).parent / "datasets"


def read(folder):
    """(FeatureTable, won, late columns, strict columns); each tag is a column of its own, as in Odoo."""
    said = tomllib.loads((HERE / "x_education_late.toml").read_text())
    with open(Path(folder) / said["file"]["path"], encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    won = np.array([row["Converted"] == "1" for row in rows])
    columns, late = {}, []
    for name, kind in said["columns"].items():
        texts = ["" if row[name].strip() == "Select" else row[name].strip() for row in rows]
        if kind == "tag_ids":
            tags = {text for text in texts if text and texts.count(text) >= 10}
            made = {
                f"Tag: {tag}": _category(["yes" if text == tag else "no" for text in texts]) for tag in sorted(tags)
            }
        elif (kind if isinstance(kind, str) else kind["property"]) in ("integer", "float"):
            made = {name: NumberColumn([float(text) if text else np.nan for text in texts])}
        else:
            made = {name: _category(texts)}
        columns.update(made)
        if name in said["late"]:
            late += made
    return FeatureTable(columns, len(rows)), won, late, [name for name in columns if name not in late]


def _category(texts):
    keys = sorted(set(texts) - {""})
    place = {key: code for code, key in enumerate(keys)} | {"": -1}
    return CategoryColumn(keys, [place[text] for text in texts])


def as_open(table, late):
    """The table as it was before anything late was known."""
    columns = dict(table.columns)
    for name in late:
        column = columns[name]
        if column.kind == "number":
            columns[name] = NumberColumn(np.full(len(column), np.nan))
        else:
            empty = column.keys.index("no") if name.startswith("Tag: ") else -1
            columns[name] = CategoryColumn(column.keys, np.full(len(column), empty))
    return FeatureTable(columns, table.n_rows)


def main(folder, seeds=3):
    table, won, late, strict = read(folder)
    for seed in range(seeds):
        is_open = np.random.default_rng(seed).random(len(won)) < 0.3
        closed, open_ = table.take(~is_open), as_open(table.take(is_open), late)
        families = {name: "tag" for name in late if name.startswith("Tag: ")}
        found = find_leaks(closed, won[~is_open], open_, families=families)
        out = found["left_out"]
        print(f"seed {seed}: {len(out)} left out of {len(late)} late and {len(strict)} strict columns")
        print("  late but kept:", [name for name in late if name not in out])
        print("  strict but left out:", [name for name in strict if name in out])
        for row in found["features"]:
            if row["verdict"] != "in" and (seed == 0 or row["verdict"] == "asked"):
                print(
                    f"  {row['verdict']:6s}{row['reason']:24s}{row['name']:52s} AUC {row['auc']:.3f}  {row['level'] or ''}"
                )
        rest = [name for name in closed.names if name not in out]
        for title, names in (("what stays", rest), ("strict", strict), ("all columns", closed.names)):
            card = train(closed.select(names), won[~is_open], seed=seed)
            ahead = sigmoid(card.log_odds(card.levels(open_.select(names))))
            print(f"  AUC on open leads, {title}: {roc_auc_score(won[is_open], ahead):.4f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
