"""Leads as columns: what features give and scorecards take.

A column is either categories (a key for a lead) or numbers, and any value may be missing. Arrays are stored
the way numpy likes them, so that a hundred thousand leads are a few arrays and never a hundred thousand
objects.
"""

import json
from dataclasses import dataclass

import numpy as np

from .errors import ScoringError


@dataclass(frozen=True, eq=False)
class CategoryColumn:
    """Categories.

    :param keys: the distinct keys, str
    :param codes: int32[n], index into `keys`, -1 where the value is missing
    """

    keys: tuple
    codes: np.ndarray

    kind = "category"

    def __post_init__(self):
        keys = tuple(self.keys)
        codes = np.asarray(self.codes, dtype=np.int32)
        if not all(isinstance(key, str) for key in keys):
            raise TypeError("Keys of a category column are str.")
        if len(set(keys)) != len(keys):
            raise ValueError("Keys of a category column are distinct.")
        if codes.ndim != 1 or (codes.size and (codes.min() < -1 or codes.max() >= len(keys))):
            raise ValueError("Codes of a category column are indices into its keys, or -1.")
        object.__setattr__(self, "keys", keys)
        object.__setattr__(self, "codes", codes)

    def __len__(self):
        return len(self.codes)

    @property
    def missing(self):
        """bool[n], where there is no value."""
        return self.codes < 0

    def take(self, rows):
        """The column of these rows (indices or a bool mask)."""
        return CategoryColumn(self.keys, self.codes[rows])


@dataclass(frozen=True, eq=False)
class NumberColumn:
    """Numbers.

    :param values: float64[n], NaN where the value is missing; infinite values count as missing
    """

    values: np.ndarray

    kind = "number"

    def __post_init__(self):
        values = np.asarray(self.values, dtype=np.float64)
        if values.ndim != 1:
            raise ValueError("Values of a number column have one dimension.")
        infinite = np.isinf(values)
        if infinite.any():
            values = np.where(infinite, np.nan, values)
        object.__setattr__(self, "values", values)

    def __len__(self):
        return len(self.values)

    @property
    def missing(self):
        """bool[n], where there is no value."""
        return np.isnan(self.values)

    def take(self, rows):
        """The column of these rows (indices or a bool mask)."""
        return NumberColumn(self.values[rows])


def category_column(values):
    """A column of the keys of leads.

    :param values: sequence of str, None where missing
    """
    index = {}
    codes = np.fromiter(
        (-1 if value is None else index.setdefault(value, len(index)) for value in values),
        dtype=np.int32,
        count=len(values),
    )
    return CategoryColumn(tuple(index), codes)


def number_column(values):
    """A column of numbers.

    :param values: sequence of int or float (bool: 0 or 1), None where missing. What no float can hold is
        missing.
    """
    try:
        return NumberColumn(np.array(values, dtype=np.float64).reshape(len(values)))
    except OverflowError:
        return NumberColumn(np.array([_float(value) for value in values], dtype=np.float64))


def _float(value):
    try:
        return np.nan if value is None else float(value)
    except OverflowError:
        return np.nan


class FeatureTable:
    """Named columns of the same leads, in the same order.

    :param columns: dict of name -> CategoryColumn | NumberColumn, each of `n_rows` values
    :param n_rows: int; leads without any column are leads too
    """

    def __init__(self, columns, n_rows):
        self.columns = dict(columns)
        self.n_rows = int(n_rows)
        for name, column in self.columns.items():
            if len(column) != self.n_rows:
                raise ValueError(f"Column {name!r} has {len(column)} rows instead of {self.n_rows}.")

    def __len__(self):
        return self.n_rows

    def __repr__(self):
        return f"<FeatureTable {self.n_rows} x {len(self.columns)}>"

    @property
    def names(self):
        return tuple(self.columns)

    def take(self, rows):
        """The table of these rows.

        :param rows: int[m] indices or bool[n] mask
        """
        rows = np.asarray(rows)
        if rows.dtype == bool:
            if rows.shape != (self.n_rows,):
                raise ValueError("A mask has one value for each row.")
            rows = np.flatnonzero(rows)
        rows = rows.astype(np.intp, copy=False)
        return FeatureTable({name: column.take(rows) for name, column in self.columns.items()}, len(rows))

    def select(self, names):
        """The table of these columns, in this order. KeyError where there is none of that name."""
        return FeatureTable({name: self.columns[name] for name in names}, self.n_rows)

    @classmethod
    def concat(cls, tables):
        """The rows of all tables, one table below the other.

        A column that some tables lack is missing in their rows. ValueError where a name is of two kinds.
        """
        tables = list(tables)
        names = dict.fromkeys(name for table in tables for name in table.columns)
        columns = {name: _concat_column(name, tables) for name in names}
        return cls(columns, sum(table.n_rows for table in tables))

    def to_npz(self, path, **arrays):
        """Write the table and named arrays of numbers to `path` (ends in .npz), for `from_npz` to read."""
        header, content = [], {}
        for index, (name, column) in enumerate(self.columns.items()):
            values = column.codes if column.kind == "category" else column.values
            content[f"column_{index}"] = values
            header.append([name, column.kind, getattr(column, "keys", None)])
        content["header"] = text_array(json.dumps([self.n_rows, header]))
        content.update({f"array_{name}": np.asarray(array) for name, array in arrays.items()})
        if any(array.dtype.hasobject for array in content.values()):
            raise TypeError("Only numbers and texts can be written, not objects.")
        np.savez(path, **content)

    @classmethod
    def from_npz(cls, path):
        """What `to_npz` wrote: (table, dict of name -> array). ScoringError where the file is not that."""
        try:
            with np.load(path, allow_pickle=False) as content:
                n_rows, header = json.loads(content["header"].tobytes())
                columns = {
                    name: CategoryColumn(keys, content[f"column_{index}"])
                    if kind == "category"
                    else NumberColumn(content[f"column_{index}"])
                    for index, (name, kind, keys) in enumerate(header)
                }
                arrays = {
                    name.removeprefix("array_"): content[name] for name in content.files if name.startswith("array_")
                }
            return cls(columns, n_rows), arrays
        except OSError:
            raise
        except Exception as error:
            raise ScoringError("The file of leads is damaged.") from error


def text_array(text):
    """Text as bytes: numpy's own text arrays drop trailing NULs and pad every key to the longest one."""
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _concat_column(name, tables):
    parts = [table.columns.get(name) for table in tables]
    kinds = {part.kind for part in parts if part is not None}
    if len(kinds) > 1:
        raise ValueError(f"Column {name!r} holds categories in one table and numbers in another.")
    if kinds == {"number"}:
        return NumberColumn(
            np.concatenate(
                [np.full(table.n_rows, np.nan) if part is None else part.values for part, table in zip(parts, tables)]
            )
        )
    index, codes = {}, []
    for part, table in zip(parts, tables):
        if part is None:
            codes.append(np.full(table.n_rows, -1, dtype=np.int32))
            continue
        own = [index.setdefault(key, len(index)) for key in part.keys]
        codes.append(np.array([*own, -1], dtype=np.int32)[part.codes])
    return CategoryColumn(tuple(index), np.concatenate(codes))
