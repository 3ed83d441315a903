"""Files of unusual shape, and descriptions that are wrong: no Odoo, no PostgreSQL."""

import gzip
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from dev.leads import DescriptionError, make_plan, read_description, read_table
from dev.tests.odd_files import WINDOWS_TOML, survey, survey_toml, windows_export

NOW = datetime(2026, 3, 4, 15, 30)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def planned(tmp_path):
    """A function that writes a file and its TOML and plans them."""

    def plan(content, toml, name="leads.csv", **options):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        (tmp_path / "set.toml").write_bytes(toml if isinstance(toml, bytes) else toml.encode())
        description = read_description(tmp_path / "set.toml")
        return make_plan(description, read_table(description), now=NOW, **options)

    return plan


def column(plan, name):
    return next(column for column in plan.columns if column.column.name == name)


def toml(columns='a = "source_id"', more="", file="", won="yes"):
    return (
        f'{more}\n[file]\npath = "leads.csv"\n{file}\n[label]\ncolumn = "y"\nwon = "{won}"\nlost = "no"\n'
        f"[columns]\n{columns}\n"
    )


def rows(*cells, header="a;y", n=40, y=("yes", "no")):
    lines = (f"{cells[at % len(cells)]};{y[at // len(cells) % 2]}" for at in range(n))
    return f"{header}\n" + "\n".join(lines) + "\n"


# Whole files


def test_windows_export(planned):
    plan = planned(windows_export(), WINDOWS_TOML, "export.txt")
    assert plan.split == "time"
    assert 3900 < plan.n_leads < 4100
    assert 0.3 < sum(plan.won) / plan.n_leads < 0.5
    assert any("In Progress" in note and "skipped" in note for note in plan.notes)
    assert any("Windows-1252" in note for note in plan.notes)
    assert {planned.column.name: planned.kind for planned in plan.columns} == {
        "Firma": "text",
        "Herkunft": "text",
        "Bemerkung": "text",
        "Projekt": "text",
        "Volumen": "float",
        "Größe (m²)": "float",
        "Fax": "text",
        "Interessen": "tags",
    }
    assert set(column(plan, "Herkunft").values) == {"Messe", "Büro", "Web", None}
    assert next(v for v in column(plan, "Bemerkung").values if v).startswith('Ruft an: "später";\r\n')
    assert 1000.5 <= min(v for v in column(plan, "Volumen").values if v) < 99_000
    assert len(set(column(plan, "Projekt").values)) > 2500
    assert set(column(plan, "Fax").values) == {None}
    assert plan.names[0] == "Müller 0 & Söhne, P-00000"


def test_survey(planned):
    plan = planned(survey(), survey_toml(), "umfrage.csv")
    assert plan.split == "random"
    assert len(plan.columns) == 59
    assert (plan.n_leads, sum(plan.won)) == (650, 50)
    assert any("weiß noch nicht 40" in note for note in plan.notes)
    kinds = {planned.column.name: planned.kind for planned in plan.columns}
    odd = {name: kind for name, kind in kinds.items() if not name.startswith("f")}
    assert odd == {
        "column 1": "integer",
        "Frage 1": "float",
        "Frage 1 (2)": "boolean",
        "a.b": "text",
        "100 %": "integer",
        "#": "text",
        'so "genannt"': "text",
        "schön 🙂": "integer",
        "id": "integer",
        "Name": "text",
        "2nd": "text",
    }
    assert set(column(plan, 'so "genannt"').values) == {"rot; blau", 'er sagt: "ja"', "-"}
    assert max(column(plan, "schön 🙂").values) > 10_000


# Parts of files


def test_a_decimal_comma_does_not_pass_for_a_separator(planned):
    plan = planned(rows("1,5;2,5", header="a;b;y"), toml('a = "property"\nb = "property"'))
    assert column(plan, "a").values[0] == 1.5


def test_numbers_in_doubt_are_told(planned):
    plan = planned(rows("1.234", "12.500"), toml('a = "property"'))
    assert plan.notes == [
        "numbers of 'a' such as '1.234' were read as 1.234: say 'decimal' or 'thousands' if that is wrong"
    ]
    assert planned(rows("1.234", "1.234.567"), toml('a = "property"')).columns[0].values[0] == 1234
    plan = planned(rows("0,234", "7,500"), toml('a = "property"'))
    assert (plan.columns[0].values[0], plan.notes) == (0.234, [])
    assert planned(rows("1.234"), toml('a = { property = "integer", thousands = "." }')).notes == []


@pytest.mark.parametrize("line", ["sep=;\n", '"sep=;"\r\n', "\ufeffsep=;\n"])
def test_a_line_that_names_the_separator(planned, line):
    assert planned(line + rows("1,5"), toml('a = "float"')).columns[0].values[0] == 1.5


def test_blank_lines_before_the_header(planned):
    assert planned("\n;\n" + rows("x"), toml()).n_leads == 40


def test_old_line_ends(planned):
    assert planned(rows("x").replace("\n", "\r"), toml()).n_leads == 40


def test_description_with_a_byte_order_mark(planned):
    assert planned(rows("x"), b"\xef\xbb\xbf" + toml().replace("\n", "\r\n").encode()).n_leads == 40


def test_compressed_under_any_name(planned):
    assert planned(gzip.compress(rows("x").encode()), toml()).n_leads == 40


def test_home_folder(planned, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert planned(rows("x"), toml().replace("leads.csv", "~/leads.csv")).n_leads == 40


def test_a_joined_file_is_read_as_the_first(planned, tmp_path):
    (tmp_path / "more.csv").write_text("a;b\n'x;y';'1;2'\n", encoding="utf-8")
    more = '[[join]]\npath = "more.csv"\non = "a"'
    plan = planned(rows("'x;y'"), toml('b = "char"', more=more, file='separator = ";"\nquote = "\'"'))
    assert column(plan, "b").values[0] == "1;2"


def test_never_is_no_date(planned):
    dates = ["2020-01-01"] * 9 + ["9999-12-31"]
    plan = planned(rows(*dates), toml('a = "property"', more='[date]\ncolumn = "a"'))
    assert plan.n_leads == 36
    assert any("4 rows without a readable 'a'" in note for note in plan.notes)


def test_a_label_word_that_does_not_occur_is_told(planned):
    plan = planned(rows("x"), toml().replace('won = "yes"', 'won = ["yes", "Signd"]'))
    assert any("no row of 'y' is 'Signd'" in note for note in plan.notes)


# Mistakes: each one line that says what to change


GOOD = rows("x")


@pytest.mark.parametrize(
    ("content", "text", "message"),
    [
        # names of columns
        (GOOD, toml('A = "source_id"'), "did you mean 'a'"),
        (rows("x", header="Source;y"), toml('Sorce = "source_id"'), "did you mean 'Source'"),
        (GOOD, toml('zzz = "source_id"'), "it has a, y"),
        (GOOD, toml() + '[lead]\nname = "{b}"', r"\[lead\] {b} is no column"),
        (GOOD, toml() + '[lead]\nname = "{y}"', "would tell how open leads end"),
        (rows("x", header="a.b;y"), toml('a.b = "char"'), "if 'a.b' is one name, put it in quotes"),
        (GOOD, toml('a = { propety = "char" }'), "did you mean 'property'"),
        # labels
        (GOOD, toml(won="Closed won"), r"no row of 'y' is one of 'Closed won'; it has 'yes' \(20\), 'no' \(20\)"),
        # files
        (GOOD, toml().replace("leads.csv", "leeds.csv"), "'leeds.csv' was not found; tried .*DATA_DIR=.* is not set"),
        (b"PK\x03\x04" + b"x" * 99, toml(), "save it as CSV"),
        (b"\x1f\x8b" + b"x" * 99, toml(), "cannot be read"),
        (gzip.compress(GOOD.encode() * 99)[:60], toml(), "cannot be read"),
        (GOOD + '"never closed;yes\nx;no\nx;yes\n', toml(), "opens in line 42 is never closed"),
        (b"\xff\xfea\x00;", toml(), "it has a|has no rows|no column"),
        (GOOD.encode("utf-16"), toml(file='encoding = "utf-8"'), "is not utf-8"),
        # separators
        (GOOD, toml(file='separator = ","'), "seems to use ';'"),
        (
            rows("1,5;x", header="a,b;c;y"),
            toml('"a,b" = "float"', file='separator = ","'),
            "separated by ';', not ','",
        ),
        (rows("1,5;2", header="a;b;y"), toml(file='separator = ","'), "seems to use ';'"),
        (GOOD, toml(file='separator = "\\n"'), "cannot be a line end"),
        (GOOD, toml(file='separator = ";"\nquote = ";"'), "cannot be the separator"),
        # dates
        (rows("31.12.2020"), toml(more='[date]\ncolumn = "a"\nformat = "%m/%d/%Y"'), "40 of 40 rows have no readable"),
        (
            rows(*(f"01/{day:02d}/2020" for day in range(1, 31))),
            toml(more='[date]\ncolumn = "a"\nformat = "%d/%m/%Y"'),
            "such as '01/13/2020'",
        ),
        (rows("31.12.2020"), toml(more='[date]\ncolumn = "a"\nformat = "dd.mm.yyyy"'), "strptime, such as %d.%m.%Y"),
        (rows("31.12.2020"), toml(more='[date]\ncolumn = "a"\nformat = "%d%d%"'), "no readable 'a'"),
        (rows("31.12.2020"), toml(more='[date]\ncolumn = "a"\nformat = "%d.%d.%Y"'), "no readable 'a'"),
        (rows("März 2020"), toml(more='[date]\ncolumn = "a"'), "'März 2020' are not understood"),
        (rows("31.12.2020"), toml(more='[date]\ncolumn = "b"'), "no column 'b'"),
        (rows("31.12.2020"), toml('a = { property = "date", format = "%Y" }'), "is not date"),
        # numbers
        (GOOD, toml('a = { property = "float", decimal = "comma" }'), "must be one character"),
        (GOOD, toml('a = { property = "float", decimal = ",", thousands = "," }'), "cannot be the same"),
    ],
)
def test_mistakes_are_one_clear_line(planned, monkeypatch, content, text, message):
    monkeypatch.delenv("DATA_DIR", raising=False)
    with pytest.raises(DescriptionError, match=message) as caught:
        planned(content, text)
    assert "\n" not in str(caught.value)


def test_description_that_is_not_text(planned):
    with pytest.raises(DescriptionError, match="is not UTF-8"):
        planned(GOOD, toml('"Größe" = "char"').encode("cp1252"))


def test_command_line_shows_or_refuses(planned, tmp_path):
    planned(GOOD, toml())
    command = [sys.executable, "-m", "dev.leads", str(tmp_path / "set.toml")]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert shown.returncode == 0
    assert "40 leads: 32 closed" in shown.stdout
    refused = subprocess.run([*command, "both"], cwd=ROOT, capture_output=True, text=True)
    assert refused.returncode == 1
    assert refused.stderr == "error: SPLIT must be time or random, not 'both'\n"
