"""Described data sets as columns, without Odoo: what `scoring/` alone can be measured on.

The columns are those that a description keeps and does not call late, and the weekday of creation where the
file has dates. Rows are in order of time, oldest first.
"""

import sys
from pathlib import Path

import numpy as np

from dev.leads import make_plan, read_description, read_table

ROOT = Path(__file__).resolve().parent.parent
SETS = ("x_education", "olist", "bank_marketing", "maven")

sys.path.insert(0, str(ROOT / "lead_scoring"))

from scoring.table import FeatureTable, category_column, number_column  # noqa: E402


def described(name, data_dir=None):
    """(FeatureTable[n], won bool[n], closed_at float64[n]) of a set of `datasets/`."""
    description = read_description(str(ROOT / f"benchmarks/datasets/{name}.toml"), data_dir=data_dir)
    plan = make_plan(description, read_table(description), split="time")
    columns = {}
    for planned in plan.columns:
        if not planned.column.late:
            columns.update(_columns(planned))
    if description.when and description.when.column and not description.when.weekday:
        columns["weekday"] = category_column([str(date.weekday()) for date in plan.created])
    won = np.array(plan.won, dtype=bool)
    closed_at = np.array([date.timestamp() for date in plan.created])
    return FeatureTable(columns, len(won)), won, closed_at


def _columns(planned):
    name, values = planned.column.name, planned.values
    if planned.kind in ("integer", "float"):
        return {name: number_column(values)}
    if planned.kind == "date":
        return {name: number_column([value and value.timestamp() for value in values])}
    return {name: category_column([None if value is None else str(value) for value in values])}


def with_noise(table, count, seed=0):
    """The table with so many columns that tell nothing: numbers and categories of several shapes, with gaps."""
    random = np.random.default_rng(seed)
    columns = dict(table.columns)
    for index in range(count):
        gaps = random.random(table.n_rows) < random.choice([0.0, 0.3, 0.9])
        if index % 2:
            values = np.where(gaps, np.nan, random.lognormal(size=table.n_rows) // random.choice([1e-9, 0.5]))
            columns[f"noise_{index}"] = number_column(values)
        else:
            kinds = random.integers(0, random.choice([2, 6, 30]), table.n_rows)
            columns[f"noise_{index}"] = category_column([None if gap else f"k{kind}" for gap, kind in zip(gaps, kinds)])
    return FeatureTable(columns, table.n_rows)
