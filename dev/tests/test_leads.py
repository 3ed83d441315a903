"""Descriptions and what is planned from them; no Odoo, no PostgreSQL."""

import gzip
import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dev.leads import DescriptionError, make_plan, read_description, read_table
from dev.leads import values as cells

NOW = datetime(2026, 3, 4, 15, 30)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def described(tmp_path):
    """A function that writes a file and its TOML and plans them."""

    def plan(csv, toml, encoding="utf-8", name="leads.csv", **options):
        content = csv if isinstance(csv, bytes) else csv.encode(encoding)
        (tmp_path / name).write_bytes(content)
        (tmp_path / "set.toml").write_text(toml, encoding="utf-8")
        description = read_description(tmp_path / "set.toml")
        return make_plan(description, read_table(description), now=NOW, **options)

    return plan


def toml(columns='a = "source_id"', label='column = "y"\nwon = ["yes"]\nlost = ["no"]', more="", file=""):
    return f'{more}\n[file]\npath = "leads.csv"\n{file}\n[label]\n{label}\n[columns]\n{columns}\n'


def rows(n=40, extra="x"):
    return "".join(f"{extra};{'yes' if at % 2 else 'no'}\n" for at in range(n))


def column(plan, name):
    return next(planned for planned in plan.columns if planned.column.name == name)


# The shipped set


def test_shipped_leads_are_the_stretch_the_readme_tells_of():
    description = read_description(ROOT / "examples" / "bank_marketing" / "leads.toml")
    plan = make_plan(description, read_table(description), now=NOW, open_share=0.1)
    assert plan.n_leads == 4964
    assert 0.44 < sum(plan.won) / plan.n_leads < 0.45
    assert sum(plan.is_open) == 496
    assert plan.notes == []
    assert not any(planned.column.name == "duration" for planned in plan.columns)
    assert max(plan.created) < NOW
    assert all((end is None) == opened for end, opened in zip(plan.closed, plan.is_open))


def test_descriptions_of_the_page_parse(monkeypatch, tmp_path):
    for path in sorted((ROOT / "benchmarks" / "datasets").glob("*.toml")):
        with pytest.raises(DescriptionError, match="was not found"):
            read_description(path, data_dir=tmp_path)


# Files as they come


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(described, encoding):
    plan = described("a;y\n" + rows(extra="Größe é"), toml(), encoding=encoding)
    assert column(plan, "a").values[0] == "Größe é"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separator_is_found_out(described, separator):
    quoted = "".join(
        f'"x{separator}{separator} ""q"" \n next"{separator}{"yes" if at % 2 else "no"}\n' for at in range(20)
    )
    plan = described(f"a{separator}y\n" + quoted, toml())
    assert column(plan, "a").values[0] == f'x{separator}{separator} "q" \n next'


def test_gzip(described):
    plan = described(
        gzip.compress(("a;y\n" + rows()).encode()),
        toml().replace("leads.csv", "leads.csv.gz"),
        name="leads.csv.gz",
    )
    assert plan.n_leads == 40


def test_wrong_separator_is_told(described):
    with pytest.raises(DescriptionError, match="seems to use ';'"):
        described("a;y\n" + rows(), toml(file='separator = ","'))


def test_short_blank_and_long_rows(described):
    plan = described("a;y;z\n\n;;\nx;yes\nx;no;1;\nx;no;1;surplus\n" + rows(200), toml())
    assert plan.n_leads == 202
    assert any("too many cells" in note for note in plan.notes)


def test_many_long_rows_are_an_error(described):
    with pytest.raises(DescriptionError, match="more cells than the header"):
        described("a;y\n" + "x;yes;1\n" * 20, toml())


def test_header_is_made_distinct(described):
    plan = described("a;a;;y\n" + "1;2;3;yes\n1;2;3;no\n" * 20, toml('"a (2)" = "property"\n"column 3" = "property"'))
    assert column(plan, "a (2)").values[0] == 2
    assert column(plan, "column 3").values[0] == 3


# Labels


def test_rows_without_a_known_label_are_counted(described):
    plan = described("a;y\n" + rows() + "x;\nx;\nx;maybe\n", toml())
    assert plan.n_leads == 40
    assert "3 rows are neither won nor lost" in plan.notes[0]


@pytest.mark.parametrize(
    ("won", "lost", "cells_"),
    [
        ("1", "0", ("1", "0")),
        ('["1"]', "[0]", ("1.0", "0.0")),
        ("true", "false", ("TRUE", "False")),
        ('"*"', '""', ("2020-01-01", "")),
        ('"Won"', '"*"', ("won", "anything")),
    ],
)
def test_label_words(described, won, lost, cells_):
    csv = "a;y\n" + "".join(f"x;{cells_[at % 2]}\n" for at in range(40))
    plan = described(csv, toml(label=f'column = "y"\nwon = {won}\nlost = {lost}'))
    assert sum(plan.won) == 20
    assert plan.n_leads == 40


def test_label_is_not_emptied_by_missing_words(described):
    plan = described("a;y\n0;1\n5;0\n" * 20, toml(label='column = "y"\nwon = 1\nlost = 0', file='missing = ["0"]'))
    assert plan.n_leads == 40
    assert column(plan, "a").values.count(None) == 20


# Mistakes: each one line that says what to change


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[file", "is not valid TOML"),
        ("", "lacks the section \\[file\\]"),
        (toml(more='tittle = "x"'), "unknown setting 'tittle'; did you mean 'title'"),
        (toml(file='seperator = ","'), "did you mean 'separator'"),
        (toml(file='separator = ";;"'), "one character"),
        (toml(file='encoding = "utf-9"'), "not known to Python"),
        (toml(label='column = "y"\nwon = ["yes"]'), "lacks 'lost'"),
        (toml(label='column = "y"\nwon = ["yes"]\nlost = ["YES"]'), "both won and lost"),
        (toml(label='column = "outcome"\nwon = ["yes"]\nlost = ["no"]'), "no column 'outcome'"),
        (toml(label='column = "y"\nwon = ["ja"]\nlost = ["no"]'), "no row of 'y' is one of 'ja'"),
        (toml(columns='b = "source_id"'), "no column 'b'"),
        (toml(columns="a = 3"), "must be a table"),
        (toml(columns='a = { property = "number" }'), "not one of auto"),
        (toml(columns='a = { field = "source_id", property = "char" }'), "either field"),
        (toml(columns='a = "company.employees"'), "not one of company.name"),
        (toml(columns='a = "company.city"'), "none is its name"),
        (toml(columns='y = "char"'), "label column"),
        (toml(more='leave_out = ["a"]'), "both kept and left out"),
        (toml(more='late = ["b"]'), "not among the kept"),
        (toml(columns='a = "integer"'), "is not integer"),
        (toml(more='[date]\ncolumn = "a"'), "are not understood"),
        (toml(more="[date]\nspan_days = 3"), "needs 'column'"),
        (toml(more='[date]\ncolumn = "a"\nrow_order = true'), "keep one of them"),
        (toml(more="[close]\nwithin_days = 0"), "more than 0"),
        (toml(more='[[join]]\npath = "leads.csv"'), "lacks 'on'"),
        (toml(more='[[join]]\npath = "other.csv"\non = "a"'), "was not found"),
        (toml(more='[[join]]\npath = "leads.csv"\non = "b"'), "'b' is not in the rows so far"),
    ],
)
def test_mistakes_are_one_clear_line(described, text, message):
    with pytest.raises(DescriptionError, match=message) as caught:
        described("a;y\n" + rows(), text)
    assert "\n" not in str(caught.value)


def test_missing_description():
    with pytest.raises(DescriptionError, match="no such description"):
        read_description("/nowhere/set.toml")


def test_empty_file(described):
    with pytest.raises(DescriptionError, match="is empty"):
        described("", toml())
    with pytest.raises(DescriptionError, match="has no rows"):
        described("a;y\n", toml())


# Values


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1234.5", "2"], [1234.5, 2]),
        (["1,234.5", "12,000"], [1234.5, 12000]),
        (["1.234,5", "2"], [1234.5, 2]),
        (["0,5", "12,25"], [0.5, 12.25]),
        (["€ 1 234,50", "3 €"], [1234.5, 3]),
        (["12 %", "-3%"], [12, -3]),
        (["(1,200)", "5"], [-1200, 5]),
        (["-$5.50", "USD 7"], [-5.5, 7]),
        (["1e3", "oops"], [1000, None]),
        (["v12", "12v"], [None, None]),
        (["1.234.567", "5"], [1234567, 5]),
        (["1.5", "2.5", "1,5"], [1.5, 2.5, None]),
        (["1,00,000", "2.5"], [100000, 2.5]),
    ],
)
def test_numbers(texts, expected):
    style = cells.number_style(texts)
    assert [cells.number(text, *style) for text in texts] == expected


def test_stated_number_style_wins(described):
    plan = described("a;y\n1.234;yes\n2.500;no\n" * 20, toml('a = { property = "integer", thousands = "." }'))
    assert sorted(set(column(plan, "a").values)) == [1234, 2500]


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["Yes", "no"], "boolean"),
        (["1", "0"], "boolean"),
        (["1", "2", "3"], "integer"),
        (["1.5", "2"], "float"),
        (["01234", "99999"], "text"),
        (["a", "b"], "text"),
        (["1", "b"], "text"),
        (["", ""], "text"),
    ],
)
def test_property_types_are_found_out(described, texts, kind):
    csv = "a;y\n" + "".join(f"{texts[at % len(texts)]};{'yes' if at % 3 else 'no'}\n" for at in range(60))
    assert column(described(csv, toml('a = "property"')), "a").kind == kind


def test_missing_words_and_replace(described):
    csv = "a;y\nSelect;yes\n999;no\n999.0;yes\nphone;no\nN/A;yes\nTEL;no\n" * 10
    plan = described(
        csv,
        toml(
            'a = { field = "source_id", missing = ["999"], replace = { tel = "Phone", phone = "Phone" } }',
            file='missing = ["select"]',
        ),
    )
    assert sorted(set(map(str, column(plan, "a").values))) == ["None", "Phone"]


def test_bad_values_stay_empty_and_are_counted(described):
    csv = "a;y\n" + "".join(f"{at if at % 10 else 'x'};{'yes' if at % 2 else 'no'}\n" for at in range(60))
    plan = described(csv, toml('a = "integer"'))
    assert column(plan, "a").values.count(None) == 6
    assert any("6 values of 'a'" in note for note in plan.notes)


def test_tags(described):
    plan = described("a;y\nred, big;yes\n;no\n" * 20, toml('a = "tag_ids"'))
    assert {str(value) for value in column(plan, "a").values} == {"['red', 'big']", "None"}


def test_late_columns_are_empty_on_open_leads_alone(described):
    plan = described("a;y\n" + rows(), toml(more='late = ["a"]'), split="random")
    for value, opened in zip(column(plan, "a").values, plan.is_open):
        assert (value is None) == opened


def test_titles(described):
    plan = described("a;y\n" + rows(), toml() + '[lead]\nname = "{a}, {row}"\n')
    assert plan.names[0].startswith("x, ")
    late = described("a;y\n" + rows(), toml(more='late = ["a"]') + '[lead]\nname = "{a} {row}"\n')
    assert "x" not in late.names[0]


def test_joins(described, tmp_path):
    (tmp_path / "more.csv").write_text("key,b\nX,1\nx,2\nz,3\n", encoding="utf-8")
    more = '[[join]]\npath = "more.csv"\nleft = "a"\nright = "key"\nseparator = ","\nreplace = { xx = "x" }'
    plan = described("a;y\n" + "xx;yes\nnone such;no\n" * 20, toml('b = "property"', more=more))
    assert column(plan, "b").values.count(1) == 20
    assert column(plan, "b").values.count(None) == 20


# Time


def dated(n, first=datetime(2019, 1, 1)):
    return "".join(f"{first + at * timedelta(days=1):%d.%m.%Y};{'yes' if at % 3 else 'no'}\n" for at in range(n))


def test_dates_keep_distance_and_weekday(described):
    plan = described("a;y\n" + dated(100), toml('a = "date"', more='[date]\ncolumn = "a"\nformat = "%d.%m.%Y"'))
    real = [value.date() for value in column(plan, "a").values]
    moved = [date.date() for date in plan.created]
    assert {(new - old).days % 7 for new, old in zip(moved, real)} == {0}
    assert len({new - old for new, old in zip(moved, real)}) == 1
    assert timedelta(0) < NOW - max(plan.created) < timedelta(days=8)
    assert plan.is_open == [False] * 80 + [True] * 20


@pytest.mark.parametrize("split", ["time", "random"])
def test_closed_before_now_and_after_creation(described, split):
    plan = described("a;y\n" + dated(300), toml(more='[date]\ncolumn = "a"'), split=split)
    for start, end, opened in zip(plan.created, plan.closed, plan.is_open):
        assert start < NOW
        assert end is None if opened else start < end < NOW


def test_open_leads_are_no_older_than_leads_that_closed(described):
    for split in ("time", "random"):
        plan = described("a;y\n" + dated(1000), toml(more='[date]\ncolumn = "a"'), split=split)
        longest = max(end - start for start, end in zip(plan.created, plan.closed) if end)
        oldest = max(NOW - start for start, opened in zip(plan.created, plan.is_open) if opened)
        assert oldest < longest * 1.1


def test_close_dates_know_nothing_of_the_outcome(described):
    plan = described("a;y\n" + dated(4000, datetime(2010, 1, 1)), toml(more='[date]\ncolumn = "a"'))
    took = {
        flag: [
            (end - start).days for start, end, won in zip(plan.created, plan.closed, plan.won) if end and won == flag
        ]
        for flag in (True, False)
    }
    means = [sum(days) / len(days) for days in took.values()]
    assert abs(means[0] - means[1]) < 0.06 * means[0]


def test_a_close_date_that_only_won_leads_have_is_not_used(described):
    csv = "a;c;y\n" + "".join(
        f"2020-01-{1 + at % 28:02d};{'2020-03-01' if at % 2 else ''};{'yes' if at % 2 else 'no'}\n" for at in range(200)
    )
    more = '[date]\ncolumn = "a"\n[close]\ncolumn = "c"'
    plan = described(csv, toml(more=more))
    assert any("drawn instead" in note for note in plan.notes)
    assert len({end for end in plan.closed if end}) > 100


@pytest.mark.parametrize("split", ["time", "random"])
def test_no_lead_is_open_at_an_age_it_did_not_live_to_see(described, split):
    draw = random.Random(4)
    csv, first = "n;a;c;y\n", datetime(2020, 1, 1, 12)
    lives = [timedelta(days=draw.expovariate(1 / 30), minutes=draw.randrange(600)) for _ in range(2000)]
    for at, life in enumerate(lives):
        start = first + at * timedelta(hours=6)
        csv += f"{at};{start};{(start + life).replace(microsecond=0)};{'yes' if life.days > 20 else 'no'}\n"
    more = '[date]\ncolumn = "a"\nformat = "iso"\n[close]\ncolumn = "c"\nformat = "iso"'
    plan = described(csv, toml('n = "integer"', more=more), split=split)
    ages = [
        (NOW - start, lives[number])
        for number, start, opened in zip(column(plan, "n").values, plan.created, plan.is_open)
        if opened
    ]
    assert len(ages) == 400 if split == "random" else 100 < len(ages) < 200  # some 120 are open at a time
    slack = timedelta(days=1, hours=1) if split == "time" else timedelta(0)
    assert all(timedelta(0) < age <= max(life, timedelta(hours=3)) + slack for age, life in ages)
    assert all(start < end < NOW for start, end in zip(plan.created, plan.closed) if end)


def test_real_close_dates_are_kept(described):
    csv = "a;c;y\n" + "".join(
        f"2020-01-{1 + at % 28:02d};2020-03-{1 + at % 28:02d};{'yes' if at % 2 else 'no'}\n" for at in range(200)
    )
    plan = described(csv, toml(more='[date]\ncolumn = "a"\n[close]\ncolumn = "c"'))
    assert {round((end - start) / timedelta(days=1)) for start, end in zip(plan.created, plan.closed) if end} <= {
        59,
        60,
    }


def test_ambiguous_dates_are_asked_about(described):
    csv = "a;y\n" + "".join(f"{1 + at % 9:02d}/0{1 + at % 5}/2020;{'yes' if at % 2 else 'no'}\n" for at in range(40))
    with pytest.raises(DescriptionError, match="say which"):
        described(csv, toml(more='[date]\ncolumn = "a"'))
    assert described(csv, toml(more='[date]\ncolumn = "a"\nformat = "%d/%m/%Y"')).n_leads == 40


def test_months_without_a_year_go_on_in_row_order(described):
    months = ["nov"] * 20 + ["dec"] * 20 + ["feb"] * 20
    csv = "a;d;y\n" + "".join(
        f"{month};{'mon' if at % 2 else 'fri'};{'yes' if at % 3 else 'no'}\n" for at, month in enumerate(months)
    )
    more = '[date]\ncolumn = "a"\nformat = "%b"\nfirst_year = 2010\nweekday = "d"'
    plan = described(csv, toml('d = "char"', more=more))
    span = max(plan.created) - min(plan.created)
    assert timedelta(days=85) < span < timedelta(days=125)
    days = {date.weekday() for date in plan.created}
    assert days == {0, 4}
    assert all((date.weekday() == 0) == (day == "mon") for date, day in zip(plan.created, column(plan, "d").values))


@pytest.mark.parametrize(
    ("more", "first"),
    [
        ("row_order = true", 0),
        ("row_order = true\nnewest_first = true", 99),
        ('sort = "n"', 0),
        ('sort = "n"\nnewest_first = true', 99),
    ],
)
def test_order_without_dates(described, more, first):
    csv = "n;y\n" + "".join(f"{at};{'yes' if at % 3 else 'no'}\n" for at in range(100))
    plan = described(csv, toml('n = "integer"', more=f"[date]\n{more}\nspan_days = 50"))
    assert column(plan, "n").values[0] == first
    assert timedelta(days=49) < plan.created[-1] - plan.created[0] < timedelta(days=50)


def test_a_file_sorted_by_outcome_gives_nothing_away(described):
    csv = "a;y\n" + "x;yes\n" * 500 + "x;no\n" * 500
    plan = described(csv, toml())
    assert plan.split == "random"
    half = plan.won[:500]
    assert 200 < sum(half) < 300
    same_day = "a;y\n" + "2020-01-01;yes\n" * 500 + "2020-01-01;no\n" * 500
    plan = described(same_day, toml(more='[date]\ncolumn = "a"'))
    assert 200 < sum(plan.won[:500]) < 300


def test_time_split_needs_a_date(described):
    with pytest.raises(DescriptionError, match="SPLIT=random"):
        described("a;y\n" + rows(), toml(), split="time")
    with pytest.raises(DescriptionError, match="time or random"):
        described("a;y\n" + rows(), toml(), split="both")


def test_seeds(described):
    def outcome(seed):
        return described("a;y\n" + rows(400), toml(), seed=seed).is_open

    assert outcome(1) == outcome(1) != outcome(2)
    assert sum(outcome(1)) == 80


def test_unreadable_dates_are_skipped_and_counted(described):
    plan = described("a;y\n" + dated(100) + ";yes\nsoon;no\n", toml(more='[date]\ncolumn = "a"\nformat = "%d.%m.%Y"'))
    assert plan.n_leads == 100
    assert any("2 rows without a readable 'a'" in note for note in plan.notes)


# AUC of the demo


def test_auc_agrees_with_scikit_learn():
    from dev.demo_job import auc

    metrics = pytest.importorskip("sklearn.metrics")
    draw = random.Random(3)
    won = [draw.random() < 0.3 for _ in range(500)]
    scores = [draw.randrange(20) + 3 * flag for flag in won]
    assert auc(won, scores) == pytest.approx(metrics.roc_auc_score(won, scores))


def test_the_shipped_plan_is_the_same_on_another_day():
    """A second ``make demo`` finds the outcomes of the leads it loaded by their order."""
    description = read_description(ROOT / "examples" / "bank_marketing" / "leads.toml")
    table = read_table(description)
    one, *others = (
        make_plan(description, table, now=NOW + later)
        for later in (timedelta(0), timedelta(seconds=1), timedelta(days=100))
    )
    for other in others:
        assert (one.names, one.won, one.is_open) == (other.names, other.won, other.is_open)
        moved = {
            end - start
            for start, end in zip(one.created + one.closed, other.created + other.closed)
            if start is not None
        }
        assert len(moved) == 1, "leads keep their distances, or the same leads would be scored otherwise"
        assert moved.pop() % timedelta(weeks=1) == timedelta(0)
