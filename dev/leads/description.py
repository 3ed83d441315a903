"""The description of a data set: a TOML file becomes a :class:`Description`.

Pure Python: no Odoo, nothing read but the TOML. The format is told for people in
``benchmarks/datasets/README.md``; every rule of this module is told there too.
"""

import difflib
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from .errors import DescriptionError

if sys.version_info >= (3, 11):
    import tomllib
else:
    try:
        import tomli as tomllib
    except ModuleNotFoundError:
        sys.exit("error: Python 3.10 reads no TOML by itself: pip install tomli, or take a newer Python")

PROPERTY_TYPES = ("auto", "selection", "boolean", "integer", "float", "char", "date", "tags")
COMPANY_FIELDS = ("name", "industry_id", "country_id", "city", "website")


@dataclass(frozen=True)
class File:
    """One delimited text file. `None` means: find out from the file itself."""

    path: Path
    separator: str | None = None
    encoding: str | None = None
    quote: str = '"'
    missing: tuple[str, ...] = ()
    first_row: int = 1
    last_row: int | None = None


@dataclass(frozen=True)
class Join:
    """A second file whose columns are added to the rows with the same key (a left join)."""

    file: File
    left: str
    right: str
    columns: tuple[str, ...] | None = None
    prefix: str = ""
    replace: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Label:
    """The outcome. A value is compared without case; "" is an empty cell, "*" any other cell."""

    column: str
    won: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True)
class When:
    """When a lead was created: a column of dates, or nothing but the order of the rows."""

    column: str | None = None
    formats: tuple[str, ...] = ()
    first_year: int | None = None
    weekday: str | None = None
    sort: str | None = None
    newest_first: bool = False
    span_days: int = 365


@dataclass(frozen=True)
class Close:
    """When a lead was closed: a column, or a number of days drawn without looking at the outcome."""

    column: str | None = None
    formats: tuple[str, ...] = ()
    within_days: float | None = None


@dataclass(frozen=True)
class Column:
    """One kept column and what it becomes.

    ``target`` is ``field`` (of crm.lead), ``property`` (of the team) or ``company`` (of the partner).
    """

    name: str
    target: str
    field: str
    label: str
    late: bool = False
    missing: tuple[str, ...] = ()
    replace: dict[str, str] = field(default_factory=dict)
    true: tuple[str, ...] = ()
    false: tuple[str, ...] = ()
    decimal: str | None = None
    thousands: str | None = None
    formats: tuple[str, ...] = ()
    separator: str | None = None


@dataclass(frozen=True)
class LeadWords:
    """What the leads are called. ``{column}`` in ``name`` stands for the value of a column."""

    team: str
    name: str | None = None
    contact_name: str | None = None
    type: str = "opportunity"


@dataclass(frozen=True)
class Description:
    """All that a TOML file says."""

    source: Path
    title: str
    file: File
    label: Label
    columns: tuple[Column, ...]
    lead: LeadWords
    joins: tuple[Join, ...] = ()
    when: When | None = None
    close: Close = Close()
    leave_out: tuple[str, ...] = ()


class _Section:
    """A table of the TOML from which keys are taken; what is left over at the end is a mistake."""

    def __init__(self, values, where, source):
        self.where = where
        self.source = source
        if not isinstance(values, dict):
            self.fail(f"must be a table of settings, not {values!r}")
        self.values = dict(values)
        self.known = []

    def fail(self, message):
        raise DescriptionError(f"{self.source}: {self.where + ' ' if self.where else ''}{message}")

    def take(self, key, kind, default=None, required=False, hint=""):
        self.known.append(key)
        if key not in self.values:
            if required:
                self.fail(f"lacks {key!r}{': ' + hint if hint else ''}")
            return default
        value = self.values.pop(key)
        return self._checked(key, value, kind)

    def _checked(self, key, value, kind):
        if kind is tuple:
            values = value if isinstance(value, list) else [value]
            for item in values:
                if isinstance(item, (dict, list)):
                    self.fail(f"{key!r} must be a text or a list of texts")
            return tuple(as_text(item) for item in values)
        if kind is dict:
            if not isinstance(value, dict):
                self.fail(f'{key!r} must be a table such as {{old = "new"}}')
            return {as_text(name).casefold(): as_text(item) for name, item in value.items()}
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if (kind is not bool and isinstance(value, bool)) or not isinstance(value, kind):
            words = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
            self.fail(f"{key!r} must be {words[kind]}, not {value!r}")
        return value

    def section(self, key, required=False, hint=""):
        self.known.append(key)
        if key not in self.values:
            if required:
                self.fail(f"lacks the section [{key}]{': ' + hint if hint else ''}")
            return None
        return _Section(self.values.pop(key), f"[{key}]", self.source)

    def finish(self):
        for key in self.values:
            close = difflib.get_close_matches(key, self.known, 1)
            guess = f"; did you mean {close[0]!r}?" if close else f"; known here: {', '.join(self.known)}"
            self.fail(f"has an unknown setting {key!r}{guess}")


def as_text(value):
    """The text that a cell of the file would have for a TOML value (``true`` -> ``true``, 1.0 -> ``1``)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def read_description(path, data_dir=None):
    """The description in the TOML file ``path``; raises :class:`DescriptionError`, one line.

    Files it names are looked for beside the TOML, then in ``data_dir`` (default: ``$DATA_DIR``).
    """
    path = Path(path)
    try:
        values = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise DescriptionError(f"{path}: there is no such description") from None
    except IsADirectoryError:
        raise DescriptionError(f"{path}: is a folder; name the TOML file in it") from None
    except OSError as error:
        raise DescriptionError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DescriptionError(f"{path}: is not UTF-8; save it so") from None
    except tomllib.TOMLDecodeError as error:
        raise DescriptionError(f"{path}: is not valid TOML: {' '.join(str(error).split())}") from None
    return parse_description(values, path, data_dir)


def parse_description(values, source, data_dir=None):
    """The :class:`Description` in the parsed TOML ``values``."""
    source = Path(source)
    top = _Section(values, "", source)
    data_dir = data_dir or os.environ.get("DATA_DIR") or None
    title = top.take("title", str, source.stem.replace("_", " ").title())
    file = _file(top.section("file", True, 'say path = "..." in it'), source, data_dir)
    joins = _joins(top, source, data_dir, file)
    label = _label(top.section("label", True, "name the column and its won and lost values"))
    when = _when(top.section("date"))
    close = _close(top.section("close"))
    lead = _lead(top.section("lead"), title)
    leave_out = top.take("leave_out", tuple, ())
    late = top.take("late", tuple, ())
    columns = _columns(top, late)
    top.finish()
    description = Description(source, title, file, label, columns, lead, joins, when, close, leave_out)
    _check_columns(description, late)
    return description


def _locate(section, text, source, data_dir):
    """The file ``text`` names, beside the TOML or in the data folder."""
    tried = []
    for folder in (source.parent, data_dir):
        if folder is None:
            continue
        candidate = Path(os.path.expanduser(folder), os.path.expanduser(text))
        if candidate.is_file():
            return candidate
        if str(candidate) not in tried:
            tried.append(str(candidate))
    advice = "" if data_dir else " (DATA_DIR=/path/to/data is not set)"
    return section.fail(f"path {text!r} was not found; tried {' and '.join(tried)}{advice}")


def _file(section, source, data_dir, inherit=None):
    path = section.take("path", str, required=True)
    separator = section.take("separator", str, inherit and inherit.separator)
    if separator is not None and len(separator) != 1:
        names = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
        if separator.casefold() not in names:
            section.fail(f"'separator' must be one character (or \"tab\"), not {separator!r}")
        separator = names[separator.casefold()]
    if separator in ("\n", "\r"):
        section.fail("'separator' cannot be a line end")
    encoding = section.take("encoding", str, inherit and inherit.encoding)
    if encoding is not None:
        try:
            "".encode(encoding)
        except (LookupError, ValueError):
            section.fail(f"'encoding' {encoding!r} is not known to Python")
    quote = section.take("quote", str, inherit.quote if inherit else '"')
    if len(quote) > 1:
        section.fail("'quote' must be one character, or \"\" for none")
    if quote and (quote == separator or quote in "\r\n "):
        section.fail("'quote' cannot be the separator, a space or a line end")
    first = last = None
    missing = ()
    if inherit is None:
        missing = section.take("missing", tuple, ())
        first = section.take("first_row", int, 1)
        last = section.take("last_row", int)
        if first < 1 or (last is not None and last < first):
            section.fail("'first_row' counts from 1 and 'last_row' is not before it")
        section.finish()
    return File(_locate(section, path, source, data_dir), separator, encoding, quote, missing, first or 1, last)


def _joins(top, source, data_dir, file):
    joins = []
    entries = top.take("join", list, [])
    for number, entry in enumerate(entries, 1):
        section = _Section(entry, f"[[join]] number {number}", source)
        on = section.take("on", str)
        left = section.take("left", str, on)
        right = section.take("right", str, on)
        if not left or not right:
            section.fail("lacks 'on', the column that both files share (or 'left' and 'right')")
        columns = section.take("columns", tuple)
        prefix = section.take("prefix", str, "")
        replace = section.take("replace", dict, {})
        joined = _file(section, source, data_dir, inherit=file)
        section.finish()
        joins.append(Join(joined, left, right, columns, prefix, replace))
    return tuple(joins)


def _label(section):
    column = section.take("column", str, required=True)
    won = section.take("won", tuple, required=True, hint='the values that mean won, such as won = ["yes"]')
    lost = section.take("lost", tuple, required=True, hint='the values that mean lost, such as lost = ["no"]')
    section.finish()
    both = {value.casefold() for value in won} & {value.casefold() for value in lost}
    if both:
        section.fail(f"the value {sorted(both)[0]!r} cannot be both won and lost")
    return Label(column, won, lost)


def _when(section):
    if section is None:
        return None
    column = section.take("column", str)
    formats = section.take("format", tuple, ())
    first_year = section.take("first_year", int)
    weekday = section.take("weekday", str)
    row_order = section.take("row_order", bool, False)
    sort = section.take("sort", str)
    newest_first = section.take("newest_first", bool, False)
    span_days = section.take("span_days", int, 365)
    section.finish()
    if column and (row_order or sort):
        section.fail("names a column of dates and the order of rows: keep one of them")
    if not column and not row_order and not sort:
        section.fail("needs 'column' (a column of dates), 'row_order = true' or 'sort' (a column that grows)")
    if span_days < 1:
        section.fail("'span_days' must be at least 1")
    return When(column, formats, first_year, weekday, sort, newest_first, span_days)


def _close(section):
    if section is None:
        return Close()
    column = section.take("column", str)
    formats = section.take("format", tuple, ())
    within_days = section.take("within_days", float)
    section.finish()
    if within_days is not None and within_days <= 0:
        section.fail("'within_days' must be more than 0")
    return Close(column, formats, within_days)


def _lead(section, title):
    if section is None:
        return LeadWords(team=title)
    team = section.take("team", str, title)
    name = section.take("name", str)
    contact_name = section.take("contact_name", str)
    kind = section.take("type", str, "opportunity")
    section.finish()
    if kind not in ("lead", "opportunity"):
        section.fail(f'\'type\' must be "lead" or "opportunity", not {kind!r}')
    return LeadWords(team, name, contact_name, kind)


def _columns(top, late):
    section = top.section("columns", True, 'say for each kept column what it becomes, e.g. Source = "source_id"')
    late = set(late)
    return tuple(_column(section, name, value, name in late) for name, value in section.values.items())


def _column(columns, name, value, late):
    if isinstance(value, str):
        value = {"property": value} if value in PROPERTY_TYPES else {"becomes": value}
    section = _Section(value, f"[columns] {name!r}", columns.source)
    becomes = section.take("becomes", str)
    lead_field = section.take("field", str)
    kind = section.take("property", str)
    given = [item for item in (becomes, lead_field, kind) if item]
    if len(given) != 1:
        for key in section.values if not given else ():
            if close := difflib.get_close_matches(key, ("field", "property"), 1):
                section.fail(f"has an unknown setting {key!r}; did you mean {close[0]!r}?")
        dotted = [key for key in section.values if not given and isinstance(section.values[key], (str, dict))]
        hint = f"; if {name + '.' + dotted[0]!r} is one name, put it in quotes" if dotted else ""
        section.fail(f'needs either field = "a field of crm.lead" or property = "a type"{hint}')
    target, what = _target(section, becomes or lead_field, kind)
    options = {key: section.take(key, tuple, ()) for key in ("missing", "true", "false")}
    options["formats"] = section.take("format", tuple, ())
    options.update({key: section.take(key, str) for key in ("decimal", "thousands", "separator")})
    for key in ("decimal", "thousands"):
        if options[key] is not None and len(options[key]) != 1:
            section.fail(f"'{key}' must be one character, not {options[key]!r}")
    if options["decimal"] and options["decimal"] == options["thousands"]:
        section.fail("'decimal' and 'thousands' cannot be the same")
    label = section.take("label", str, _words(name))
    replace = section.take("replace", dict, {})
    late = section.take("late", bool, late)
    section.finish()
    return Column(name, target, what, label, late, replace=replace, **options)


def _target(section, lead_field, kind):
    """(target, field or property type) of a column."""
    if kind == "property":
        return "property", "auto"
    if kind:
        if kind not in PROPERTY_TYPES:
            section.fail(f"'property' {kind!r} is not one of {', '.join(PROPERTY_TYPES)}")
        return "property", kind
    if lead_field == "property":
        return "property", "auto"
    if lead_field in ("company", "partner_id"):
        return "company", "name"
    if lead_field.startswith(("company.", "partner.")):
        name = lead_field.split(".", 1)[1]
        if name not in COMPANY_FIELDS:
            section.fail(f"'{lead_field}' is not one of {', '.join('company.' + item for item in COMPANY_FIELDS)}")
        return "company", name
    return "field", lead_field


def _words(name):
    """``marital_status`` -> ``Marital status``; a name with capitals of its own is kept."""
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def _check_columns(description, late):
    """Contradictions between the parts."""
    kept = [column.name for column in description.columns]
    source = description.source
    for name in late:
        if name not in kept:
            raise DescriptionError(f"{source}: late column {name!r} is not among the kept columns")
    for name in description.leave_out:
        if name in kept:
            raise DescriptionError(f"{source}: column {name!r} is both kept and left out")
    if description.label.column in kept:
        raise DescriptionError(f"{source}: the label column {description.label.column!r} must not be kept")
    if not kept:
        raise DescriptionError(f"{source}: [columns] keeps no column")
    singles = [c.field for c in description.columns if c.target == "field" and c.field != "tag_ids"]
    singles += ["company." + c.field for c in description.columns if c.target == "company"]
    for name in singles:
        if singles.count(name) > 1:
            raise DescriptionError(f"{source}: two columns become {name!r}; make one of them a property")
    company = [c for c in description.columns if c.target == "company"]
    if company and not any(c.field == "name" for c in company):
        raise DescriptionError(
            f'{source}: columns become fields of the company but none is its name (somecolumn = "company")'
        )
