"""A description and its rows -> what each lead will be: typed values, outcome, dates, closed or open.

Pure Python, seeded: the same file, description and seed give the same plan, moved by whole weeks (with real close
dates: by whole days).

Assumptions about time, the same for won and lost so that dates tell nothing of the outcome:

- Real creation dates keep their distances and weekdays; all are moved by whole weeks so that the newest
  event lies in the week before now. An hour after the newest event counts as now for all that is drawn, so that
  nothing depends on the second or the weekday when the plan is made. Rows with nothing but an order are spread evenly over ``span_days``.
- ``time``: the newest leads are open. ``random``: a seeded sample is open and is moved, by whole weeks, to
  ages as open leads have them (a lead that has been open for years would not be like those that closed).
- A lead closes at its real close date where the description names a column that both won and lost leads have.
  Otherwise it closes after a number of days drawn evenly between 0 and ``within_days`` (default: a quarter
  more than the age of the oldest open lead), cut to what lies before now.
- Real close dates say who was open when, and how long a lead lives tells of its end. So no lead is open at an
  age it did not live to see: ``time`` is the state at the latest moment at which enough leads were open (those
  created later are skipped), ``random`` moves a lead to an age drawn from its life.
"""

import bisect
import calendar
import random
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from . import values as cells
from .errors import DescriptionError

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
WEEK = timedelta(weeks=1)
FIELD_KINDS = {
    "expected_revenue": "float",
    "recurring_revenue": "float",
    "date_deadline": "date",
    "tag_ids": "tags",
}
YEARS = range(1900, 2101)  # a creation or close outside of these is a word for "never" or a slip
HOUR_OF_WORK = 8, 10  # dates without a time of day are spread from 8:00 over ten hours


@dataclass
class PlannedColumn:
    """A kept column with typed values: ``kind`` is text, number (integer or float) or boolean, date or tags.

    ``values`` has one entry for a lead: None, str, int, float, bool, datetime, or a list of str for tags.
    """

    column: object
    kind: str
    values: list


@dataclass
class Plan:
    """What is to be loaded. All lists have one entry for a lead, oldest first."""

    description: object
    columns: list[PlannedColumn]
    names: list[str]
    contact_names: list[str | None]
    won: list[bool]
    is_open: list[bool]
    created: list[datetime]
    closed: list[datetime | None]
    now: datetime
    split: str
    notes: list[str] = field(default_factory=list)

    @property
    def n_leads(self):
        return len(self.won)

    def summary(self):
        """One line: how many leads, how they split, and the base rates."""
        closed = [won for won, is_open in zip(self.won, self.is_open) if not is_open]
        opened = [won for won, is_open in zip(self.won, self.is_open) if is_open]
        return (
            f"{self.n_leads:,} leads: {len(closed):,} closed ({_share(closed)} won), "
            f"{len(opened):,} open ({_share(opened)} will be won), split by {self.split}"
        )


def _share(flags):
    return f"{100 * sum(flags) / len(flags):.1f} %" if flags else "none"


def make_plan(description, table, *, now=None, split=None, open_share=0.2, seed=0):
    """The :class:`Plan` of a read :class:`~.reading.Table`.

    ``split`` is ``time``, ``random`` or None (time where the description has an order, else random).
    ``now`` is naive UTC. Raises :class:`DescriptionError` when the rows do not fit the description.
    """
    now = (now or datetime.now(timezone.utc).replace(tzinfo=None)).replace(microsecond=0)
    notes = list(table.notes)
    if split not in (None, "time", "random"):
        raise DescriptionError(f"SPLIT must be time or random, not {split!r}")
    if split == "time" and description.when is None:
        raise DescriptionError(f"{description.source}: has no [date], so SPLIT=time cannot be; use SPLIT=random")
    split = split or ("time" if description.when else "random")
    rows, won = _labelled(description, table, notes)
    _check_outcomes(description, table, won)
    created, rows, won = _creation(description, table, rows, won, notes)
    if created is None:
        created = _spread(rows, 365)
        random.Random(f"order {seed}").shuffle(created)  # a file without dates may be sorted by its outcome
    ends = _real_closes(description, table, rows, won, created, notes)
    moment = _moment(created, ends, open_share) if ends and split == "time" else None
    if moment:
        kept = [at for at, date in enumerate(created) if date <= moment]
        if len(kept) < len(rows):
            notes.append(
                f"{len(rows) - len(kept):,} leads created after {moment:%Y-%m-%d}, the moment of the split, were skipped"
            )
        created, ends, rows, won = ([values[at] for at in kept] for values in (created, ends, rows, won))
        is_open = [end > moment for end in ends]
    else:
        is_open = _open_rows(split, len(rows), open_share, seed)
    _check_classes(description, won, is_open)
    created, closed, now = _dates(description, created, ends, moment, is_open, split, now, seed)
    columns = [_column(description, table, column, rows, is_open, notes) for column in description.columns]
    words = description.lead
    names = _titles(description, words.name or "Lead {row}", table, rows, columns)
    contacts = [None] * len(rows)
    if words.contact_name:
        contacts = _titles(description, words.contact_name, table, rows, columns)
    order = sorted(range(len(rows)), key=lambda at: created[at])
    return _ordered(
        Plan(description, columns, names, contacts, won, is_open, created, closed, now, split, notes), order
    )


def _ordered(plan, order):
    """The plan with its leads in order of creation, which is the order of their ids."""
    for column in plan.columns:
        column.values = [column.values[at] for at in order]
    for name in ("names", "contact_names", "won", "is_open", "created", "closed"):
        values = getattr(plan, name)
        setattr(plan, name, [values[at] for at in order])
    return plan


# Outcome


def _labelled(description, table, notes):
    """(row numbers, won flags) of the rows that are won or lost; the others are counted."""
    label = description.label
    won_words, lost_words = ({_fold(word) for word in words} for words in (label.won, label.lost))
    rows, won, skipped = [], [], {}
    for row, text in enumerate(table.columns[label.column]):
        word = _fold(text or "")
        star = "*" if word else None
        if word in won_words or (star in won_words and word not in lost_words):
            rows.append(row)
            won.append(True)
        elif word in lost_words or star in lost_words:
            rows.append(row)
            won.append(False)
        else:
            skipped[text or "empty"] = skipped.get(text or "empty", 0) + 1
    if skipped:
        common = sorted(skipped, key=lambda word: -skipped[word])[:5]
        notes.append(
            f"{sum(skipped.values()):,} rows are neither won nor lost and were skipped "
            f"({label.column}: {', '.join(f'{word} {skipped[word]:,}' for word in common)})"
        )
    present = {_fold(text or "") for text in table.columns[label.column]}
    absent = [word for word in (*label.won, *label.lost) if word != "*" and _fold(word) not in present]
    if absent and rows:
        notes.append(f"no row of {label.column!r} is {' or '.join(repr(word) for word in absent)}")
    return rows, won


def _fold(text):
    """Labels are the same without case, and 1.0 is 1."""
    text = str(text).casefold().strip()
    return text[:-2] if re.fullmatch(r"-?\d+\.0", text) else text


def _check_outcomes(description, table, won):
    """Both outcomes occur in the file."""
    label = description.label
    for flag, words in ((True, label.won), (False, label.lost)):
        if flag not in won:
            counts = Counter(text or "" for text in table.columns[label.column]).most_common(6)
            has = ", ".join(f"{text[:40]!r} ({count:,})" for text, count in counts[:5])
            raise DescriptionError(
                f"{description.source}: [label] no row of {label.column!r} is one of "
                f"{', '.join(repr(word) for word in words)}; it has {has}{' ...' if len(counts) > 5 else ''}"
            )


def _check_classes(description, won, is_open):
    """Both outcomes occur among the closed leads."""
    closed = [flag for flag, opened in zip(won, is_open) if not opened]
    for flag in (True, False):
        if flag not in closed:
            raise DescriptionError(
                f"{description.source}: no {'won' if flag else 'lost'} lead is among the closed "
                "ones of this split; try SPLIT=random"
            )


# Time


def _creation(description, table, rows, won, notes):
    """(creation dates or None, rows, won) with the rows in order of time, oldest first."""
    when = description.when
    if when is None:
        return None, rows, won
    if when.column:
        created = _dated(description, table, rows, notes)
    else:
        created = _sorted_rows(description, table, rows)
    kept = [at for at, date in enumerate(created) if date is not None]
    name = when.column or when.sort
    bad = [table.columns[name][row] for row, date in zip(rows, created) if date is None]
    unread = [text for text in bad if text]
    if len(bad) > 0.5 * len(rows) or len(unread) > 0.2 * len(rows):
        advice = "check 'format' (as in Python's strptime, such as %d.%m.%Y)" if when.column else "check 'sort'"
        raise DescriptionError(
            f"{description.source}: [date] {len(bad):,} of {len(rows):,} rows have no readable {name!r}, "
            f"such as {(unread or [''])[0]!r}: {advice}"
        )
    if len(kept) < len(rows):
        notes.append(f"{len(rows) - len(kept):,} rows without a readable {when.column or when.sort!r} were skipped")
    kept.sort(key=lambda at: created[at])
    created, rows, won = ([values[at] for at in kept] for values in (created, rows, won))
    if not when.column:
        created = _spread(created, when.span_days)
    return created, rows, won


def _sorted_rows(description, table, rows):
    """What orders the rows: their number, or the column that grows; None where that is empty."""
    when = description.when
    if not when.sort:
        return [-row for row in rows] if when.newest_first else list(rows)
    texts = [table.columns[when.sort][row] for row in rows]
    style = cells.number_style(texts)
    numbers = [None if text is None else cells.number(text, *style) for text in texts]
    present = [text for text in texts if text is not None]
    if sum(value is not None for value in numbers) < len(present):
        if when.newest_first:
            raise DescriptionError(
                f"{description.source}: [date] {when.sort!r} is not a number, so newest_first cannot turn it round"
            )
        return texts
    return [None if value is None else -value if when.newest_first else value for value in numbers]


def _spread(created, span_days):
    """Dates at equal distances; what they are counted from is moved later."""
    step = timedelta(days=span_days) / max(1, len(created))
    return [datetime(2001, 1, 1) + at * step for at in range(len(created))]


def _dated(description, table, rows, notes):
    """Creation dates from the column of dates, None where it cannot be read."""
    when = description.when
    texts = [table.columns[when.column][row] for row in rows]
    formats = _formats(description, "[date]", when.column, texts, when.formats)
    yearless = all(form not in ("iso", "epoch", "epoch_ms") and not re.search("%[yYcxG]", form) for form in formats)
    dates = (
        _yearless(description, texts, formats)
        if yearless
        else [_first_date(text, formats, years=YEARS) for text in texts]
    )
    weekdays = None
    if when.weekday:
        weekdays = [cells.weekday(table.columns[when.weekday][row]) for row in rows]
    if all(not re.search("%[djUWcx]", form) and form not in ("iso", "epoch", "epoch_ms") for form in formats):
        return _within_months(dates, weekdays, in_order=yearless)
    return _within_days(dates)


def _formats(description, where, name, texts, stated):
    """The formats of a column of dates: stated, or the only ones that read it."""
    if stated:
        return stated
    formats = cells.date_formats(texts)
    if not formats:
        example = next((text for text in texts if text), "")
        raise DescriptionError(
            f"{description.source}: {where} the dates of {name!r} such as {example!r} are not "
            'understood: say format = "..." (as in Python\'s strptime)'
        )
    sample = [text for text in texts if text is not None][:5000]
    first = [cells.parse_date(text, formats[0]) for text in sample]
    for other in formats[1:]:
        if any(a and b and a != b for a, b in zip(first, (cells.parse_date(text, other) for text in sample))):
            raise DescriptionError(
                f"{description.source}: {where} {name!r} can be read as {formats[0]!r} or as "
                f"{other!r}: say which with 'format'"
            )
    return tuple(formats[:1])


def _first_date(text, formats, year=2000, years=range(1, 10000)):
    if text is None:
        return None
    dates = (cells.parse_date(text, form, year) for form in formats)
    return next((date for date in dates if date is not None and date.year in years), None)


def _yearless(description, texts, formats):
    """Dates without a year in rows in order of time: a year ends where the month goes back."""
    year = description.when.first_year or 2000
    before, dates = 0, []
    for text in texts:
        date = _first_date(text, formats, year)
        if date is None:
            dates.append(None)
            continue
        if date.month < before:
            year += 1
            date = _first_date(text, formats, year)
        before = date.month
        dates.append(date)
    return dates


def _within_months(dates, weekdays, in_order):
    """Dates of which only the month is known: spread over it, then on their weekday.

    In the order of rows where that is known to be time, else shuffled: a file may be sorted by its outcome.
    """
    result = list(dates)
    for month, members in _groups(dates).items():
        if not in_order:
            random.Random(str(month)).shuffle(members)
        length = calendar.monthrange(month.year, month.month)[1]
        for place, at in enumerate(members):
            date = month + (place + 0.5) / len(members) * length * DAY
            day = weekdays[at] if weekdays else None
            if day is not None:
                date = _nearest_weekday(date, day, length)
            result[at] = date
    return _at_work(result, in_order)


def _nearest_weekday(date, day, length):
    move = (day - date.weekday() + 3) % 7 - 3
    if not 1 <= date.day + move <= length:
        move += 7 if move < 0 else -7
    return date + move * DAY


def _within_days(dates):
    """Dates without a time of day are spread over a working day."""
    if any(date and (date.hour or date.minute or date.second) for date in dates):
        return dates
    return _at_work(dates, in_order=False)


def _at_work(dates, in_order):
    result = [date and datetime(date.year, date.month, date.day) for date in dates]
    first, hours = HOUR_OF_WORK
    for day, members in _groups(result).items():
        if not in_order:
            random.Random(str(day)).shuffle(members)
        for place, at in enumerate(members):
            result[at] = day + timedelta(hours=first + hours * (place + 0.5) / len(members))
    return result


def _groups(dates):
    groups = {}
    for at, date in enumerate(dates):
        if date is not None:
            groups.setdefault(date, []).append(at)
    return groups


def _open_rows(split, n_rows, share, seed):
    """Which rows, oldest first, are open: the newest or a sample."""
    n_open = round(n_rows * share)
    if split == "time":
        return [at >= n_rows - n_open for at in range(n_rows)]
    chosen = set(random.Random(f"open {seed}").sample(range(n_rows), n_open))
    return [at in chosen for at in range(n_rows)]


def _moment(created, ends, open_share):
    """The latest moment at which so large a share of the leads created by then had not closed.

    It is sought from the end back to where half of the leads are not created yet; where the share is never
    reached, the moment of the largest one is taken.
    """
    finished = sorted(ends)
    found, most = None, 0.0
    for moment in sorted({*created, *finished}, reverse=True):
        so_far = bisect.bisect_right(created, moment)
        if so_far < len(created) / 2:
            break
        share = 1 - bisect.bisect_right(finished, moment) / so_far
        if share > most:
            found, most = moment, share
        if share >= open_share:
            break
    return found


def _dates(description, created, ends, moment, is_open, split, now, seed):
    """(creation dates, close dates or None, now) of all leads, moved to lie just before now."""
    real_now = now
    if moment:
        shift = (now - HOUR - moment) // DAY * DAY
        now = moment + shift + HOUR
    else:
        newest = max(list(created) + [end for end, opened in zip(ends or [], is_open) if not opened])
        shift = (now - HOUR - newest) // WEEK * WEEK
        now = newest + shift + HOUR
    lives = [end - start for start, end in zip(created, ends)] if ends else None
    created = [(date + shift).replace(microsecond=0) for date in created]
    if lives:
        closed = [None if opened else date + life for date, life, opened in zip(created, lives, is_open)]
        # By the real clock: a lead that lives for an hour must not be a day old when it is loaded.
        return _alive(created, lives, is_open, real_now, seed) if split == "random" else created, closed, now
    reach = _reach(description, created, is_open, split, now)
    if split == "random":
        created = _young(created, is_open, reach, now, seed)
    return created, _drawn_closes(created, is_open, reach, now, seed), now


def _real_closes(description, table, rows, won, created, notes):
    """Close dates of all leads from the column of the description if both outcomes have them, else None."""
    name = description.close.column
    if not name:
        return None
    texts = [table.columns[name][row] for row in rows]
    formats = _formats(description, "[close]", name, texts, description.close.formats)
    closed = [_first_date(text, formats, years=YEARS) for text in texts]
    closed = [
        None if date is None or date < start.replace(hour=0, minute=0, second=0) else max(date, start + DAY / 8)
        for date, start in zip(closed, created)
    ]
    for outcome in (True, False):
        members = [date is not None for date, flag in zip(closed, won) if flag == outcome]
        lacking = 100 - 100 * sum(members) / len(members)
        if lacking > 10:
            notes.append(
                f"{name!r} is not a date after the creation for {lacking:.0f} %"
                f" of {'won' if outcome else 'lost'} leads: close dates are drawn instead"
            )
            return None
    usual = sorted(end - start for start, end in zip(created, closed) if end)
    middle = usual[len(usual) // 2]
    return [(end or start + middle).replace(microsecond=0) for end, start in zip(closed, created)]


def _reach(description, created, is_open, split, now):
    """The longest time a lead stays open, for close dates that are drawn."""
    if description.close.within_days:
        return description.close.within_days * DAY
    if split == "time":
        ages = [now - date for date, opened in zip(created, is_open) if opened]
        return max(1.25 * max(ages, default=30 * DAY), DAY)
    return max((now - min(created)) / 5, DAY)


def _young(created, is_open, reach, now, seed):
    """Open leads moved by whole weeks to ages that leads have which stay open for up to ``reach``."""
    draw = random.Random(f"age {seed}")
    result = []
    for date, opened in zip(created, is_open):
        if opened:
            age = (1 - draw.random() ** 0.5) * reach
            date += round((now - age - date) / WEEK) * WEEK
            while date > now - timedelta(minutes=5):
                date -= WEEK
        result.append(date)
    return result


def _alive(created, lives, is_open, now, seed):
    """Open leads moved to an age drawn evenly from their life: by whole weeks if one of them lies in it."""
    draw = random.Random(f"age {seed}")
    result = []
    for date, life, opened in zip(created, lives, is_open):
        if opened:
            share, youngest = draw.random(), max((now - date) % WEEK, timedelta(minutes=5))
            if youngest <= life:
                age = youngest + int(share * ((life - youngest) // WEEK + 1)) * WEEK
            else:
                age = max(share * life, timedelta(minutes=5))
            date = (now - age).replace(microsecond=0)
        result.append(date)
    return result


def _drawn_closes(created, is_open, reach, now, seed):
    """Close dates that know nothing of the outcome, all before now."""
    draw = random.Random(f"close {seed}")
    closed = []
    for date, opened in zip(created, is_open):
        share = draw.random()
        longest = min(reach, now - date - timedelta(minutes=2))
        closed.append(None if opened else (date + timedelta(minutes=1) + share * longest).replace(microsecond=0))
    return closed


# Values


def _column(description, table, column, rows, is_open, notes):
    """The :class:`PlannedColumn` of one kept column, emptied on open leads where it is late."""
    tokens = {token.casefold() for token in description.file.missing + column.missing}
    texts = [table.columns[column.name][row] for row in rows]
    texts = [None if cells.is_missing(text, tokens) else text for text in texts]
    if column.replace:
        texts = [text and column.replace.get(text.casefold(), text) for text in texts]
        texts = [text or None for text in texts]
    kind = column.field if column.target == "property" else FIELD_KINDS.get(column.field, "text")
    if kind in ("selection", "char"):
        kind = "text"
    if kind == "auto":
        kind = _guess(column, texts)
    values = _typed(description, column, kind, texts, notes)
    if column.late:
        values = [None if opened else value for value, opened in zip(values, is_open)]
    if column.late and not any(value is not None for value in values):
        notes.append(f"late column {column.name!r} is empty on closed leads too")
    return PlannedColumn(column, kind, values)


def _guess(column, texts):
    """The property type that all values allow: boolean, integer, float, else text."""
    distinct = {text for text in texts if text is not None}
    true, false = _words(column)
    if 0 < len(distinct) <= 2 and all(cells.boolean(text, true, false) is not None for text in distinct):
        return "boolean"
    style = cells.number_style(distinct, column.decimal, column.thousands)
    numbers = [cells.number(text, *style) for text in distinct]
    if numbers and all(value is not None for value in numbers) and not _is_code(distinct):
        return "integer" if all(value.is_integer() for value in numbers) else "float"
    return "text"


def _is_code(distinct):
    """Digits with a leading zero (a zip code, an article number) name something; they count nothing."""
    return any(re.fullmatch(r"0\d+", text) for text in distinct)


def _words(column):
    true = frozenset(word.casefold() for word in column.true) or cells.TRUE_WORDS
    false = frozenset(word.casefold() for word in column.false) or cells.FALSE_WORDS
    return true, false


def _typed(description, column, kind, texts, notes):
    if kind == "text":
        return texts
    present = [text for text in texts if text is not None]
    if kind == "boolean":
        true, false = _words(column)
        read = lambda text: cells.boolean(text, true, false)
    elif kind in ("integer", "float"):
        style = cells.number_style(present, column.decimal, column.thousands)
        whole = kind == "integer"
        doubt = None if column.decimal or column.thousands else cells.in_doubt(present)
        if doubt:
            notes.append(
                f"numbers of {column.name!r} such as {doubt!r} were read as {cells.number(doubt, *style):g}: "
                "say 'decimal' or 'thousands' if that is wrong"
            )

        def read(text):
            value = cells.number(text, *style)
            return round(value) if whole and value is not None else value
    elif kind == "date":
        formats = _formats(description, f"[columns] {column.name!r}:", column.name, present, column.formats)
        read = lambda text: _first_date(text, formats)
    else:
        separator = column.separator or ","
        read = lambda text: [part.strip() for part in text.split(separator) if part.strip()] or None
    known = {text: read(text) for text in set(present)}
    bad = [text for text in present if known[text] is None]
    if len(bad) > 0.5 * len(present):
        raise DescriptionError(
            f"{description.source}: [columns] {column.name!r} is not {kind}: "
            f"{len(bad):,} of {len(present):,} values, such as {bad[0]!r}, cannot be read so"
        )
    if bad:
        notes.append(f"{len(bad):,} values of {column.name!r} such as {bad[0]!r} are not {kind} and stay empty")
    return [None if text is None else known[text] for text in texts]


def _titles(description, template, table, rows, columns):
    """One title for a lead from ``{column}`` in a template; late columns are not to be told there."""
    late = {planned.column.name for planned in columns if planned.column.late}
    secret = {description.label.column, description.close.column}
    replace = {planned.column.name: planned.column.replace for planned in columns}
    parts = re.split(r"\{([^{}]+)\}", template)
    for name in parts[1::2]:
        if name in secret:
            raise DescriptionError(f"{description.source}: [lead] {{{name}}} would tell how open leads end")
        if name != "row" and name not in table.columns:
            raise DescriptionError(f"{description.source}: [lead] {{{name}}} is no column of the file")
    names = [name for name in parts[1::2] if name in table.columns and name not in late]
    titles = []
    for row in rows:
        words = {name: table.columns[name][row] or "unknown" for name in names}
        words = {name: replace.get(name, {}).get(text.casefold(), text) for name, text in words.items()}
        words.setdefault("row", str(row + 1))
        text = "".join(part if at % 2 == 0 else words.get(part, "") for at, part in enumerate(parts))
        titles.append(text.strip() or f"Lead {row + 1}")
    return titles
