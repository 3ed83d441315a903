"""Delimited text files -> columns of text, forgiving in form and strict in sense."""

import codecs
import csv
import gzip
import io
from dataclasses import dataclass

from .errors import DescriptionError

SEPARATORS = (",", ";", "\t", "|")

csv.field_size_limit(2**31 - 1)


@dataclass
class Table:
    """Columns of equal length. An empty cell is ``None``; all others are stripped text."""

    columns: dict[str, list]
    n_rows: int
    notes: list[str]


def _content(path):
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as stream:
            return stream.read()
    except (OSError, EOFError) as error:
        raise DescriptionError(f"{path}: cannot be read: {error}") from None


def _decode(content, file, notes):
    """The text of a file; if no encoding is stated UTF-8, what a byte order mark says, or Windows-1252."""
    if file.encoding:
        try:
            return content.decode(file.encoding).removeprefix("\ufeff")
        except UnicodeError as error:
            raise DescriptionError(f"{file.path}: is not {file.encoding}: {error}") from None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        notes.append(f'{file.path.name} is not UTF-8; read as Windows-1252 (say encoding = "..." if wrong)')
        return content.decode("cp1252", errors="replace")


def guess_separator(text, quote='"'):
    """The separator of a text: the one that splits the first lines into most, equally many cells."""
    sample = "\n".join(text.splitlines()[:50])
    best, best_count = ",", 1
    for separator in SEPARATORS:
        counts = [len(row) for row in _rows(sample, separator, quote) if row]
        if not counts:
            continue
        usual = max(set(counts), key=counts.count)
        if usual > best_count and counts.count(usual) >= 0.8 * len(counts):
            best, best_count = separator, usual
    return best


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
    separator = file.separator or guess_separator(text, file.quote)
    rows = _rows(text, separator, file.quote)
    try:
        header = _header(next(rows))
    except StopIteration:
        raise DescriptionError(f"{file.path}: is empty") from None
    if len(header) == 1:
        guess = guess_separator(text, file.quote)
        if guess != separator:
            raise DescriptionError(
                f"{file.path}: separator {separator!r} gives a single column; the file seems to use {guess!r}"
            )
    try:
        body = [row for row in rows if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise DescriptionError(f"{file.path}: line {rows.line_num}: {error}") from None
    body = body[file.first_row - 1 : file.last_row]
    if not body:
        raise DescriptionError(f"{file.path}: has no rows{' in first_row..last_row' if file.first_row > 1 else ''}")
    body = _even(body, len(header), file, notes)
    columns = {name: [row[at].strip() or None for row in body] for at, name in enumerate(header)}
    return Table(columns, len(body), notes)


def _even(rows, width, file, notes):
    """Rows of the header's width: short ones are filled up, long ones dropped if they are few."""
    wide = [row for row in rows if len(row) > width and any(cell.strip() for cell in row[width:])]
    if len(wide) > max(1, len(rows) // 100):
        raise DescriptionError(
            f"{file.path}: {len(wide)} of {len(rows)} rows have more cells than the header's {width}: "
            "check 'separator' and 'quote'"
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
            raise DescriptionError(f"{source}: [[join]] column {name!r} is not in {where}: {_some(columns)}")
    wanted = join.columns if join.columns is not None else [n for n in other.columns if n != join.right]
    for name in wanted:
        if name not in other.columns:
            raise DescriptionError(
                f"{source}: [[join]] {join.file.path.name} has no column {name!r}: {_some(other.columns)}"
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
                f"{description.source}: {where} the file has no column {name!r}: {_some(table.columns)}"
            )
    spoken = {name for _where, name in wanted} | {join.left for join in description.joins}
    rest = [name for name in table.columns if name not in spoken]
    if rest:
        table.notes.append(
            f"columns neither kept nor left out, so left out: {', '.join(rest[:8])}{' ...' if len(rest) > 8 else ''}"
        )


def _some(columns):
    names = list(columns)
    return "it has " + ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
