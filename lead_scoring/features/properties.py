"""Features that are properties of leads, as the teams define them now.

A deleted property keeps its values in the leads' jsonb, so a value counts only where the lead's team still
defines the property. Values are read as JSON text and understood in Python, each distinct one once: a value
of a wrong type is missing on that lead, told as a problem, and never stops the others.

=========== =====================================================================================
type        becomes
=========== =====================================================================================
boolean     yes or no; missing where it was never saved
selection   the option; an option that was removed is missing, as on screen
char        the text as a category (see :func:`feature.normalise`); rare ones are "other" in training
integer     a number
float       a number
monetary    a number; amounts are not converted between currencies
many2one    the record
tags        yes or no for each tag of the property
many2many   yes or no for each record that enough leads have
date        days from the moment to the date: negative is past
datetime    days from the moment to it
text, html  number of characters without tags
separator   nothing: it only groups others on screen
=========== =====================================================================================
"""

import json
import math
import re
from datetime import datetime, timezone

import numpy as np

from odoo.tools import SQL

from ..scoring.table import CategoryColumn
from .feature import DAY, Feature, categories, normalise, numbered, numbers
from .tags import MINIMUM_USES, MOST_TAGS

PREFIX = "property."

BROKEN = object()  # a value of the wrong type: missing, where no value may mean an empty list

TYPE_OF_PROPERTY = {
    "boolean": "boolean",
    "selection": "selection",
    "char": "text",
    "integer": "integer",
    "float": "float",
    "monetary": "money",
    "many2one": "many2one",
    "tags": "boolean",
    "many2many": "boolean",
    "date": "moment",
    "datetime": "moment",
    "text": "length",
    "html": "length",
}


# ------------------------------------------------------------
# Catalogue
# ------------------------------------------------------------


def find(env, names, labels, leads=None):
    """Return the features of the teams' properties: all, or those among ``names`` that are still defined."""
    if names is not None and not any(name.startswith(PREFIX) for name in names):
        return {}
    definitions = _definitions(env)
    found = {}
    for definition in definitions.values():
        if definition["type"] == "many2many":
            members = _members_named(definition, names) if names else _members_in_use(env, definition, leads)
        elif definition["type"] == "tags":
            members = definition["choices"]
        else:
            found[PREFIX + definition["name"]] = _feature(env, definition, labels)
            continue
        for member, label in members[:MOST_TAGS]:
            feature = _feature(env, definition, labels, member, label)
            found[feature.name] = feature
    if labels:
        found = _name_members(env, found)
    return {name: feature for name, feature in found.items() if names is None or name in names}


def _feature(env, definition, labels, member="", member_label=""):
    name = PREFIX + definition["name"]
    label = definition["label"] if labels else ""
    if member and labels:
        label = env._("%(property)s: %(value)s", property=label, value=member_label or member)
    return Feature(
        f"{name}.{member}" if member else name,
        label,
        "property",
        TYPE_OF_PROPERTY[definition["type"]],
        comodel=definition["comodel"],
        field=definition["name"],
        choices=() if member else definition["choices"],
        teams=tuple(definition["teams"]),
        member=member,
        source=definition["type"],
    )


def _definitions(env):
    """Return ``{name: definition}`` of all teams, archived ones too.

    Two teams may use one name. They share the feature if the type is the same; else the older team's wins,
    and the leads of the other miss it.
    """
    env["crm.team"].flush_model(["lead_properties_definition"])
    rows = env.execute_query(
        SQL(
            "SELECT id, lead_properties_definition FROM crm_team"
            " WHERE jsonb_typeof(lead_properties_definition) = 'array' ORDER BY id"
        )
    )
    found = {}
    for team_id, definitions in rows:
        for raw in definitions:
            if not _is_usable(raw):
                continue
            known = found.setdefault(raw["name"], _definition(raw))
            if (known["type"], known["comodel"]) == (raw["type"], raw.get("comodel") or ""):
                known["teams"].append(team_id)
                known["choices"] = tuple({**dict(_choices(raw)), **dict(known["choices"])}.items())
    return found


def _is_usable(raw):
    return isinstance(raw, dict) and isinstance(raw.get("name"), str) and raw.get("type") in TYPE_OF_PROPERTY


def _definition(raw):
    return {
        "name": raw["name"],
        "type": raw["type"],
        "label": raw.get("string") or raw["name"],
        "comodel": raw.get("comodel") or "",
        "choices": _choices(raw),
        "teams": [],
    }


def _choices(raw):
    """Return the (key, label) pairs of a selection's options or of the tags of a property."""
    options = raw.get("selection" if raw["type"] == "selection" else "tags") or ()
    return tuple((option[0], option[1]) for option in options if isinstance(option, list) and len(option) > 1)


def _members_named(definition, names):
    start = f"{PREFIX}{definition['name']}."
    return [(name.removeprefix(start), "") for name in sorted(names) if name.startswith(start)]


def _members_in_use(env, definition, leads):
    """Return the ids (as text) of the records that enough leads have in a many2many property."""
    env["crm.lead"].flush_model(["lead_properties"])
    among = SQL("true")
    if leads is not None:
        among = SQL("id IN %s", env["crm.lead"].with_context(active_test=False)._search(leads).subselect())
    rows = env.execute_query(
        SQL(
            """
            SELECT member FROM (SELECT lead_properties -> %(name)s AS list FROM crm_lead WHERE %(among)s) lead
            CROSS JOIN LATERAL jsonb_array_elements_text(
                CASE WHEN jsonb_typeof(list) = 'array' THEN list ELSE '[]' END) member
            GROUP BY member HAVING count(*) >= %(uses)s ORDER BY count(*) DESC, member LIMIT %(most)s
            """,
            name=definition["name"],
            among=among,
            uses=MINIMUM_USES,
            most=MOST_TAGS,
        )
    )
    return [(member, "") for (member,) in rows if member.isdecimal()]


def _name_members(env, found):
    """Replace ids by names in the labels of many2many properties; records that are gone keep the id."""
    for name, feature in found.items():
        if feature.source == "many2many" and feature.comodel in env:
            record = env[feature.comodel].browse(int(feature.member)).exists()
            if record:
                label = feature.label.removesuffix(feature.member) + record.display_name
                found[name] = Feature(**{**feature.__dict__, "label": label})
    return found


# ------------------------------------------------------------
# Reading
# ------------------------------------------------------------


def needs(env, features):
    """Return ``{key: (expression, ())}``: the JSON text of each property, once for all its tags."""
    if not features:
        return {}
    return {"team": (SQL("l.team_id"), ())} | {
        PREFIX + feature.field: (
            SQL(
                "CASE WHEN l.team_id = ANY(%s) THEN (l.lead_properties -> %s)::text END",
                list(feature.teams),
                feature.field,
            ),
            (),
        )
        for feature in features.values()
    }


def columns(env, batch, features):
    """Return ``{name: column}``; values that make no sense go to ``batch.problems``."""
    read = {}
    for feature in features.values():
        key = PREFIX + feature.field
        if key not in read:
            read[key] = _understand(env, batch, feature, batch.rows[key])
    return {name: _column(batch, feature, *read[PREFIX + feature.field]) for name, feature in features.items()}


def _understand(env, batch, feature, texts):
    """Return the understood distinct values and the number of the value of each lead."""
    distinct, codes = numbered(texts)
    values, broken = [], {}
    for number, text in enumerate(distinct):
        try:
            values.append(None if text is None else PARSERS[feature.source](json.loads(text)))
        except (ValueError, OverflowError):
            values.append(BROKEN)
            broken[number] = text
    if broken:
        for row in np.flatnonzero(np.isin(codes, list(broken))).tolist():
            batch.problems.append((int(batch.ids[row]), _problem(env, feature, broken[int(codes[row])])))
    return values, codes


def _problem(env, feature, text):
    return env._(
        "Property %(property)s: %(value)s is not a value of type %(type)s, it counts as empty.",
        property=feature.field,
        value=text[:60],
        type=feature.source,
    )


def _column(batch, feature, values, codes):
    if feature.member:
        # No list on a lead of the team is an empty list; on a lead of another team it is missing.
        has = [-1 if value is BROKEN else value is not None and feature.member in value for value in values]
        defined = np.isin(np.array([team or 0 for team in batch.rows["team"]]), feature.teams)
        return CategoryColumn(("no", "yes"), np.where(defined, np.array(has, np.int32)[codes], -1))
    values = [None if value is BROKEN else value for value in values]
    if feature.type == "moment":
        seconds = np.array(values, np.float64)[codes]
        return numbers((seconds - batch.moments) / DAY)
    if feature.kind == "number":
        return numbers(np.array(values, np.float64)[codes])
    if feature.type == "selection":
        options = {key for key, _label in feature.choices}
        values = [value if value in options else None for value in values]
    column = categories(values)
    return CategoryColumn(column.keys, column.codes[codes])


# ------------------------------------------------------------
# Understanding values. Odoo stores False where nothing is chosen.
# ------------------------------------------------------------


def _boolean(value):
    if value is None or value in (True, False):  # 0 and 1 as well, as in Odoo
        return None if value is None else "yes" if value else "no"
    raise ValueError(value)


def _of(kind, convert=lambda value: value):
    def parse(value):
        if value is None or value is False:
            return None
        if not isinstance(value, kind) or value is True:
            raise ValueError(value)
        return convert(value)

    return parse


def _finite(value):
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(value)
    return number


def _seconds(text):
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _length(text):
    return float(len(re.sub(r"<[^>]*>", "", text).replace("&nbsp;", " ").strip()))


def _members(values):
    if not all(isinstance(value, (str, int)) for value in values):
        raise ValueError(values)
    return frozenset(map(str, values))


PARSERS = {
    "boolean": _boolean,
    "selection": _of(str, lambda value: value or None),
    "char": _of(str, normalise),
    "integer": _of((int, float), _finite),
    "float": _of((int, float), _finite),
    "monetary": _of((int, float), _finite),
    "many2one": _of(int, str),
    "tags": _of(list, _members),
    "many2many": _of(list, _members),
    "date": _of(str, _seconds),
    "datetime": _of(str, _seconds),
    "text": _of(str, _length),
    "html": _of(str, _length),
}
