import numpy as np
import pytest
from scoring.errors import ScoringError
from scoring.table import CategoryColumn, FeatureTable, NumberColumn, category_column, number_column


def test_missing_values_are_told_from_empty_and_zero():
    assert category_column(["a", None, ""]).missing.tolist() == [False, True, False]
    assert number_column([0, None, 2.5]).missing.tolist() == [False, True, False]


def test_infinite_and_enormous_numbers_count_as_missing():
    column = number_column([float("inf"), float("-inf"), 10**400, float("nan"), True])
    assert column.missing.tolist() == [True, True, True, True, False]


def test_codes_must_be_indices_into_distinct_text_keys():
    with pytest.raises(ValueError):
        CategoryColumn(("a",), [1])
    with pytest.raises(ValueError):
        CategoryColumn(("a", "a"), [0])
    with pytest.raises(TypeError):
        CategoryColumn((1,), [0])


def test_a_column_of_another_length_is_refused():
    with pytest.raises(ValueError, match="'a' has 1 rows instead of 2"):
        FeatureTable({"a": number_column([1])}, 2)


def test_rows_are_taken_by_index_and_by_mask():
    table = FeatureTable({"a": number_column([1, 2, 3]), "b": category_column(["x", "y", None])}, 3)
    assert table.take([2, 0]).columns["a"].values.tolist() == [3, 1]
    assert table.take(np.array([False, True, False])).columns["b"].codes.tolist() == [1]
    assert table.take([]).n_rows == 0
    assert table.select(["b"]).names == ("b",)


def test_pages_are_joined_by_key_and_absent_columns_are_missing():
    first = FeatureTable({"a": category_column(["x", "y"])}, 2)
    second = FeatureTable({"a": category_column(["y", None]), "n": number_column([1, 2])}, 2)
    joined = FeatureTable.concat([first, second])
    column = joined.columns["a"]
    assert [column.keys[code] if code >= 0 else None for code in column.codes] == ["x", "y", "y", None]
    assert joined.columns["n"].missing.tolist() == [True, True, False, False]
    assert FeatureTable.concat([]).n_rows == 0


def test_one_name_of_two_kinds_is_refused():
    with pytest.raises(ValueError, match="categories in one table"):
        FeatureTable.concat(
            [
                FeatureTable({"a": category_column(["x"])}, 1),
                FeatureTable({"a": number_column([1])}, 1),
            ]
        )


def test_a_file_gives_back_the_same_table(tmp_path):
    keys = ["köln", "東京", "a\x00", "", "\N{PILE OF POO}"]
    cities, numbers = category_column([*keys, None]), number_column([1, None, 3, 4, 5, 6])
    table = FeatureTable({"lead.città": cities, "n": numbers}, 6)
    path = tmp_path / "leads.npz"
    table.to_npz(path, won=np.array([True] * 6))
    read, arrays = FeatureTable.from_npz(path)
    assert read.columns["lead.città"].keys == tuple(keys)
    assert read.columns["lead.città"].codes.tolist() == [0, 1, 2, 3, 4, -1]
    np.testing.assert_array_equal(read.columns["n"].values, table.columns["n"].values)
    assert arrays["won"].all()


def test_nothing_is_pickled_either_way(tmp_path):
    with pytest.raises(TypeError):
        FeatureTable({}, 0).to_npz(tmp_path / "a.npz", objects=np.array([{}], dtype=object))
    np.savez(tmp_path / "b.npz", header=np.array([{}], dtype=object))
    with pytest.raises(ScoringError):
        FeatureTable.from_npz(tmp_path / "b.npz")


def test_a_cut_file_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    FeatureTable({"n": NumberColumn(np.arange(100.0))}, 100).to_npz(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ScoringError, match="damaged"):
        FeatureTable.from_npz(path)
