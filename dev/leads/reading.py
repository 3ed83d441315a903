"""Delimited text files -> columns of text, forgiving in form and strict in sense."""

import codecs
import csv
import difflib
import gzip
import io
import itertools
import re
import zlib
from dataclasses import dataclass

from .errors import DescriptionError

SEPARATORS = (",", ";", "\t", "|")

csv.field_size_limit(2**31 - 1)


@dataclass
class Table:
    """Columns of equal length. An empty cell is ``None``; all others are stripped text.

    ``hint``: what may be wrong when a column is not found, in words that end an error.
    """

    columns: dict[str, list]
    n_rows: int
    notes: list[str]
    hint: str = ""


def _content(path):
    try:
        content = path.read_bytes()
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DescriptionError(f"{path}: cannot be read: {error}") from None
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise DescriptionError(f"{path}: is a workbook or a zip archive, not a text file: save it as CSV")
    return content


def _decode(content, file, notes):
    """The text of a file; if no encoding is stated UTF-8, what a byte order mark says, or Windows-1252."""
    if file.encoding:
        try:
            return content.decode(file.encoding).removeprefix("\ufeff")
        except UnicodeError as error:
            raise DescriptionError(f"{file.path}: is not {file.encoding}: {error}") from None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        notes.append(f'{file.path.name} is not UTF-8; read as Windows-1252 (say encoding = "..." if wrong)')
        return content.decode("cp1252", errors="replace")


def guess_separator(text, quote='"'):
    """The separator of a text: the one that splits the first rows into most, equally many cells.

    One that splits the header as it splits the rows goes first: a decimal comma is in the rows alone.
    """
    best, best_found = ",", (False, 1)
    for separator in SEPARATORS:
        counts = [len(row) for row in itertools.islice(_rows(text, separator, quote), 50) if row]
        if not counts:
            continue
        usual = max(set(counts), key=counts.count)
        found = counts[0] == usual > 1, usual
        if found > best_found and counts.count(usual) >= 0.8 * len(counts):
            best, best_found = separator, found
    return best


def _stated_inside(text):
    """(text, separator) of a text whose first line is ``sep=;``, as spreadsheets write it."""
    match = re.match(r'"?sep=(.)"?[;,\t]*\r?\n', text, re.I)
    return (text[match.end() :], match[1]) if match else (text, None)


def _rows(text, separator, quote):
    stream = io.StringIO(text, newline="")
    if quote:
        return csv.reader(stream, delimiter=separator, quotechar=quote)
    return csv.reader(stream, delimiter=separator, quoting=csv.QUOTE_NONE)


def _header(names):
    """Names made distinct: an empty one becomes ``column 3``, a second ``a`` becomes ``a (2)``."""
    seen, result = {}, []
    for number, name in enumerate(names, 1):
        name = name.strip() or f"column {number}"
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return result


def read_file(file):
    """The :class:`Table` of one described file; raises :class:`DescriptionError`."""
    notes = []
    text = _decode(_content(file.path), file, notes).replace("\0", "")
    text, inside = _stated_inside(text)
    guess = inside or guess_separator(text, file.quote)
    separator = file.separator or guess
    rows = _filled_rows(text, separator, file)
    if not rows:
        raise DescriptionError(f"{file.path}: is empty")
    header, body = _header(rows[0]), rows[1:]
    if len(header) == 1 and guess != separator:
        raise DescriptionError(
            f"{file.path}: separator {separator!r} gives a single column; the file seems to use {guess!r}"
        )
    body = body[file.first_row - 1 : file.last_row]
    if not body:
        stretch = file.first_row > 1 or file.last_row is not None
        raise DescriptionError(f"{file.path}: has no rows{' in first_row..last_row' if stretch else ''}")
    hint = f"; the file seems to be separated by {guess!r}, not {separator!r}" if guess != separator else ""
    body = _even(body, len(header), file, notes, hint)
    columns = {name: [row[at].strip() or None for row in body] for at, name in enumerate(header)}
    return Table(columns, len(body), notes, hint)


def _filled_rows(text, separator, file):
    """All rows in which any cell is filled. A quote that opens and never closes would swallow the rest."""
    rows, kept, last, number = _rows(text, separator, file.quote), [], [], 0
    try:
        for row in rows:
            if any(cell.strip() for cell in row):
                kept.append(row)
            last, number, before = row, rows.line_num, number
    except csv.Error as error:
        raise DescriptionError(f"{file.path}: line {rows.line_num}: {error}") from None
    if file.quote and last and number > before + 1:
        rest = "".join(itertools.islice(io.StringIO(text, newline=""), before, None))
        try:
            list(csv.reader(io.StringIO(rest, newline=""), delimiter=separator, quotechar=file.quote, strict=True))
        except csv.Error as error:
            if "end of data" in str(error):
                raise DescriptionError(
                    f"{file.path}: the quote {file.quote} that opens in line {before + 1} is never closed: "
                    'mend that line, or say quote = "" if cells are not quoted'
                ) from None
    return kept


def _even(rows, width, file, notes, hint):
    """Rows of the header's width: short ones are filled up, long ones dropped if they are few."""
    wide = [row for row in rows if len(row) > width and any(cell.strip() for cell in row[width:])]
    if len(wide) > max(1, len(rows) // 100):
        raise DescriptionError(
            f"{file.path}: {len(wide)} of {len(rows)} rows have more cells than the header's {width}: "
            f"check 'separator' and 'quote'{hint}"
        )
    if wide:
        notes.append(f"{len(wide)} rows of {file.path.name} with too many cells were skipped")
        skip = {id(row) for row in wide}
        rows = [row for row in rows if id(row) not in skip]
    return [row[:width] + [""] * (width - len(row)) for row in rows]


def read_table(description):
    """The rows of the described file with the columns of the joined files added."""
    table = read_file(description.file)
    for join in description.joins:
        _join(table, join, description.source)
    _check_names(table, description)
    return table


def _join(table, join, source):
    other = read_file(join.file)
    table.notes.extend(other.notes)
    for name, columns, where in (
        (join.left, table.columns, "the rows so far"),
        (join.right, other.columns, join.file.path.name),
    ):
        if name not in columns:
            raise DescriptionError(f"{source}: [[join]] column {name!r} is not in {where}: {_some(columns, name)}")
    wanted = join.columns if join.columns is not None else [n for n in other.columns if n != join.right]
    for name in wanted:
        if name not in other.columns:
            raise DescriptionError(
                f"{source}: [[join]] {join.file.path.name} has no column {name!r}: "
                f"{_some(other.columns, name)}{other.hint}"
            )
    first_row = {}
    for row, key in enumerate(other.columns[join.right]):
        if key is not None:
            first_row.setdefault(key.casefold(), row)
    keys = [join.replace.get(key.casefold(), key).casefold() if key else None for key in table.columns[join.left]]
    matches = [first_row.get(key) for key in keys]
    if not any(match is not None for match in matches):
        raise DescriptionError(
            f"{source}: no row of {join.file.path.name} has a {join.right!r} that is also a {join.left!r}"
        )
    for name in wanted:
        values = other.columns[name]
        target = join.prefix + name
        if target in table.columns:
            raise DescriptionError(
                f"{source}: [[join]] {join.file.path.name} brings a second column {target!r}: "
                "choose others with 'columns' or give it a 'prefix'"
            )
        table.columns[target] = [None if match is None else values[match] for match in matches]


def _check_names(table, description):
    """Every column the description speaks of must exist."""
    wanted = [("[label]", description.label.column)]
    wanted += [("[columns]", column.name) for column in description.columns]
    wanted += [("leave_out", name) for name in description.leave_out]
    when = description.when
    if when:
        wanted += [("[date]", name) for name in (when.column, when.weekday, when.sort) if name]
    if description.close.column:
        wanted.append(("[close]", description.close.column))
    for where, name in wanted:
        if name not in table.columns:
            raise DescriptionError(
                f"{description.source}: {where} the file has no column {name!r}: "
                f"{_some(table.columns, name)}{table.hint}"
            )
    spoken = {name for _where, name in wanted} | {join.left for join in description.joins}
    rest = [name for name in table.columns if name not in spoken]
    if rest:
        table.notes.append(
            f"columns neither kept nor left out, so left out: {', '.join(rest[:8])}{' ...' if len(rest) > 8 else ''}"
        )


def _some(columns, wanted):
    """What to take instead of a column that is not there."""
    names = list(columns)
    by_word = {name.casefold(): name for name in names}
    if near := difflib.get_close_matches(wanted.casefold(), by_word, 1, 0.7):
        return f"did you mean {by_word[near[0]]!r}?"
    return "it has " + ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
