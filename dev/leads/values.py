"""Cells of text -> numbers, booleans, dates. Nothing here raises: what cannot be read is ``None``."""

import re
from datetime import datetime, timedelta

NOT_A_VALUE = frozenset(("", "na", "n/a", "nan", "null", "none", "#n/a", "<na>"))
TRUE_WORDS = frozenset(["yes", "y", "true", "t", "1", "on", "x", "oui", "si", "sì", "sí", "ja", "sim", "да"])
FALSE_WORDS = frozenset(["no", "n", "false", "f", "0", "off", "non", "nein", "não", "nee", "нет"])
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
_COMMA_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$")
_POINT_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?$")
_COMMA_DECIMAL = re.compile(r"[+-]?\d+,\d+$")
_MONEY = r"(?:[$€£¥₹₽₩₺฿%]|R\$|US\$|Rs\.?|kr\.?|zł|Kč|USD|EUR|GBP|CHF|JPY|CNY|INR|BRL|CAD|AUD|SEK|NOK|DKK|PLN)"
_AROUND = re.compile(rf"^{_MONEY}|{_MONEY}$")
_SIGN_THEN_MONEY = re.compile(rf"^([+-]){_MONEY}")
_SPACES = re.compile(r"[\s\u00a0\u202f']")

DATE_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d",
    "%d-%m-%Y %H:%M",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%Y%m%d",
    "%Y-%m",
    "%m/%Y",
    "%b %Y",
    "%B %Y",
)


def is_missing(text, tokens):
    """Whether a cell stands for no value: empty, a usual word for it, or one of the described ``tokens``."""
    if text is None:
        return True
    folded = text.casefold()
    return folded in NOT_A_VALUE or folded in tokens or (folded.endswith(".0") and folded[:-2] in tokens)


def _core(text):
    """The number without spaces, currency or percent signs around it; (1,200) is negative."""
    text = _SPACES.sub("", text)
    if text.startswith("(") and text.endswith(")"):
        text = "-" + text[1:-1]
    return _AROUND.sub("", _SIGN_THEN_MONEY.sub(r"\1", text))


def number_style(values, decimal=None, thousands=None):
    """(decimal, thousands) that reads most of the texts: stated, or found out; a point if in doubt."""
    if decimal or thousands:
        return decimal or ("," if thousands == "." else "."), thousands or ("." if decimal == "," else ",")
    cores = [_core(text) for text in values if text is not None]
    point, comma = _decimal_points(cores), _decimal_commas(cores)
    return (",", ".") if len(comma) > len(point) else (".", ",")


def in_doubt(values):
    """A text that has two readings where no text of the column decides between them, such as 1.234; or None."""
    cores = {text: _core(text) for text in sorted(set(values) - {None})}
    point, comma = _decimal_points(cores.values()), _decimal_commas(cores.values())
    if len(point) != len(comma):
        return None
    return next(
        (text for text, core in cores.items() if re.search("[.,]", core) and core in point and core in comma), None
    )


def _decimal_points(cores):
    return [core for core in cores if _PLAIN.match(core) or _COMMA_GROUPS.match(core)]


def _decimal_commas(cores):
    return [
        core
        for core in cores
        if (_PLAIN.match(core) and "." not in core) or _COMMA_DECIMAL.match(core) or _POINT_GROUPS.match(core)
    ]


def number(text, decimal=".", thousands=","):
    """A finite float, or None."""
    text = _core(text)
    if thousands and thousands in text:
        if not re.match(r"[+-]?\d{1,3}(T\d{2,3})*T\d{3}(?!\d)".replace("T", re.escape(thousands)), text):
            return None  # 1,5 is not 15; 1,00,000 is a lakh
        text = text.replace(thousands, "")
    if decimal != ".":
        text = text.replace(decimal, ".")
    if not _PLAIN.match(text):
        return None
    value = float(text)
    return value if abs(value) < 1e300 else None


def boolean(text, true=TRUE_WORDS, false=FALSE_WORDS):
    """True, False or None."""
    folded = text.casefold()
    folded = folded[:-2] if folded in ("1.0", "0.0") else folded
    return True if folded in true else False if folded in false else None


def parse_date(text, form, default_year=2000):
    """A naive datetime by one format (``iso``, ``epoch``, ``epoch_ms`` or strptime's), or None."""
    try:
        if form == "epoch":
            return datetime(1970, 1, 1) + timedelta(seconds=float(text))
        if form == "epoch_ms":
            return datetime(1970, 1, 1) + timedelta(milliseconds=float(text))
        if form == "iso":
            value = datetime.fromisoformat(text.removesuffix("Z"))
            return (value - value.utcoffset()).replace(tzinfo=None) if value.tzinfo else value
        if "%Y" not in form and "%y" not in form:
            return datetime.strptime(f"{default_year} {text}", f"%Y {form}")
        value = datetime.strptime(text, form)
        return (value - value.utcoffset()).replace(tzinfo=None) if value.tzinfo else value
    except (ValueError, OverflowError, re.error):  # the last: a format that names a part twice
        return None


def date_formats(values):
    """The formats that read 95 % of the texts (a sample of distinct ones) or more, best first."""
    distinct = list({text for text in values if text is not None})[:2000]
    counts = {}
    for form in ("iso", *DATE_FORMATS):
        count = sum(parse_date(text, form) is not None for text in distinct)
        if distinct and count >= 0.95 * len(distinct):
            counts[form] = count
    return sorted(counts, key=lambda form: -counts[form])


def weekday(text):
    """0 (Monday) - 6 for an English name or its first three letters, else None."""
    short = text.strip().casefold()[:3] if text else ""
    return WEEKDAYS.index(short) if short in WEEKDAYS else None
