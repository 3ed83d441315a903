"""What a feature is, and the small tools all groups of features share."""

import re
import unicodedata
from dataclasses import dataclass

import numpy as np

from odoo.tools import SQL

from ..scoring.table import CategoryColumn, NumberColumn

CATEGORY = "category"
NUMBER = "number"

# How the values of a feature are read and said, and which kind of column that makes.
KIND_OF_TYPE = {
    "many2one": CATEGORY,  # key: the id of a record of ``comodel``
    "selection": CATEGORY,  # key: one of ``choices``
    "boolean": CATEGORY,  # key: "yes" or "no"
    "text": CATEGORY,  # key: the text in small letters, see :func:`normalise`
    "weekday": CATEGORY,  # key: "1" (Monday) to "7" (Sunday)
    "integer": NUMBER,
    "count": NUMBER,
    "length": NUMBER,  # characters of a text without its tags
    "float": NUMBER,
    "money": NUMBER,
    "days": NUMBER,  # a stretch of time in days
    "moment": NUMBER,  # days from the moment to a date: negative is past
}

# Keys are stored in scorecards and shown on screens: longer texts are told apart by their beginning.
LONGEST_KEY = 80

DAY = 86400.0


@dataclass(frozen=True)
class Feature:
    """One input of a model.

    ``name`` is stable for good: scorecards refer to it. ``label`` is in the language of the environment the
    feature was made for. ``subject`` is lead, contact, company, activity, property or tag.
    """

    name: str
    label: str
    subject: str
    type: str
    comodel: str = ""
    field: str = ""  # column, name of the property, or id of the tag
    choices: tuple = ()  # (key, label) pairs
    teams: tuple = ()  # ids of the teams that define a property
    member: str = ""  # the one tag or record of a list that this feature asks for
    source: str = ""  # type of the field or property that the value comes from

    @property
    def kind(self):
        return KIND_OF_TYPE[self.type]


def normalise(text):
    """Return free text as a category: small letters, one space, no punctuation; None when nothing is left."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[^\w&/+#]+", " ", text).strip()[:LONGEST_KEY].strip() or None


# ------------------------------------------------------------
# Columns
# ------------------------------------------------------------


class _Numbering(dict):
    """Numbers values in the order they are met."""

    def __missing__(self, value):
        self[value] = number = len(self)
        return number


def numbered(values):
    """Return the distinct values, and the number of the value of each row (int32 of shape (n,))."""
    numbering = _Numbering()
    codes = np.fromiter(map(numbering.__getitem__, values), np.int32, len(values))
    return list(numbering), codes


def categories(values, key=str):
    """Return a column of the rows' values; ``key`` turns a distinct value into its key, None is missing.

    Keys are sorted, so that the same leads make the same column whatever order the database gives them in.
    """
    distinct, codes = numbered(values)
    keys = [None if value is None else key(value) for value in distinct]
    names = sorted({name for name in keys if name is not None})
    position = {name: number for number, name in enumerate(names)}
    lookup = np.array([-1 if name is None else position[name] for name in keys], np.int32)
    return CategoryColumn(tuple(names), lookup[codes])


def numbers(values):
    """Return a column of floats; None is missing."""
    return NumberColumn(np.array(values, np.float64))


def yes_no(mask):
    """Return a column of yes and no without missing rows."""
    return CategoryColumn(("no", "yes"), np.asarray(mask, np.int32))


# ------------------------------------------------------------
# SQL
# ------------------------------------------------------------


def int_array(values):
    """Return whole numbers as one array constant: the planner knows its length, the parser reads it at once.

    None is NULL. Handed over as a list, each value would be adapted by itself, which takes longer than to store it.
    """
    return SQL("%s::int[]", "{" + ",".join(map(str, values)).replace("None", "NULL") + "}")


def moment_array(moments):
    """Return epoch seconds as one array constant of timestamps."""
    stamps = (np.asarray(moments) * 1e6).round().astype("datetime64[us]").astype(str).tolist()
    if len(set(stamps)) == 1:  # as in a run of today's scores: read at once
        return SQL("array_fill(%s::timestamp, ARRAY[%s])", stamps[0], len(stamps))
    return SQL("%s::timestamp[]", "{" + ",".join(stamps) + "}")


def asked(lead_ids, moments):
    """Return leads and moments (epoch seconds) as rows of a FROM clause; a lead may be asked for several times."""
    return SQL(
        "unnest(%s, %s) WITH ORDINALITY AS asked(lead_id, moment, row)",
        int_array(lead_ids.tolist()),
        moment_array(moments),
    )


def epoch(column):
    """Return seconds since 1970 of a timestamp or date."""
    return SQL("date_part('epoch', %s)", column)


def text_length(column):
    """Return the number of characters of HTML without its tags and outer spaces."""
    bare = SQL("replace(regexp_replace(%s, '<[^>]*>', '', 'g'), '&nbsp;', ' ')", column)
    return SQL("length(btrim(%s, E' \\t\\r\\n'))", bare)
