"""Values of a lead as they were at a moment, by what Odoo tracked since.

A change tells the value before it: of the first change at or after the moment, that is the value at the moment. Fields
that are not tracked, and leads that nothing was tracked of (imports), keep today's value.

Of a closed lead, what was written within a day of the close is not there either, whatever the moment: who closes a
lead fills in what was missing, and that is no part of the lead as it was open. A caller may say when leads ended, where
that is not when they were won or lost.

The stage is known where something was tracked of the lead since the moment, be it only its end; else it is missing.
Texts of selections are tracked as labels in the language of whoever made the change; one that no language of the
database knows any more is missing.
"""

import numpy as np

from odoo.tools import SQL

from .feature import DAY, asked, epoch, int_array
from .history import CLOSED_AT

# Features made of a tracked field of another name.
MADE_OF = {"has_company": "partner_name", "has_email": "email_from", "has_phone": "phone"}

# The type comes from the date of the conversion, which imports fill in as well.
NOT_THESE = frozenset({"lead.type"})

# Fields of which something is tracked when a lead moves or ends.
LIFE = ("stage_id", "active", "won_status", "lost_reason_id", "type")
STAGE = "lead.stage_id"

_VALUES = {
    "integer": SQL("old_value_integer"),
    "float": SQL("old_value_float"),
    "char": SQL("old_value_char"),
    "text": SQL("length(btrim(old_value_text))"),
    "datetime": epoch(SQL("old_value_datetime")),
}
_PLACE = {name: place for place, name in enumerate(_VALUES)}
_KEPT_IN = {
    "many2one": "integer",
    "selection": "char",
    "boolean": "integer",
    "text": "char",
    "integer": "integer",
    "length": "text",
    "float": "float",
    "money": "float",
    "moment": "datetime",
}

# Lead by lead through the index, see activity.
_CHANGES = """
    FROM %(asked)s
    CROSS JOIN LATERAL (
        SELECT id, date FROM mail_message
        WHERE model = 'crm.lead' AND res_id = asked.lead_id AND date >= asked.moment OFFSET 0
    ) message
    CROSS JOIN LATERAL (
        SELECT * FROM mail_tracking_value
        WHERE mail_message_id = message.id AND field_id = ANY(%(fields)s) OFFSET 0
    ) tracked
"""


def values_then(env, batch, features):
    """Return ``{name: values}`` of the features that had another value at the moments than today, by two queries."""
    sources = _sources(env, features) if batch.past else {}
    if not sources:
        return {}
    fields = _field_ids(env, {*sources.values(), *(LIFE if STAGE in features else ())})
    changes = _changes_since(env, batch, list(fields.values()))
    rolled = {}
    for name, source in sources.items():
        before = changes.get(fields[source], {})
        values = list(batch.rows[name]) if name in batch.rows else None
        if name == STAGE:
            known = {row for field in LIFE for row in changes.get(fields[field], {})}
            closed = np.isfinite(batch.ended)
            values = [
                None if out and row not in known else value for row, (value, out) in enumerate(zip(values, closed))
            ]
        if before:
            understand = _reader(env, features[name], source)
            for row, change in before.items():
                values[row] = understand(change)
        rolled[name] = tuple(values)
    return rolled


def contacts_then(env, batch):
    """Return ``{row: id of the contact, or None}`` of the leads that had another contact at their moment than today."""
    if not batch.past or not _is_tracked(env, "partner_id"):
        return {}
    fields = _field_ids(env, ["partner_id"])
    changes = _changes_since(env, batch, list(fields.values())).get(fields["partner_id"], {})
    return {row: change[_PLACE["integer"]] or None for row, change in changes.items()}


def late_writes(env, lead_ids, names, ended_at=CLOSED_AT):
    """Return ``{name: share of the closed leads of which a value was written within a day of the close, or later}``.

    Of the features among ``names`` that are made of a tracked field of the lead.

    :param ended_at: SQL, when a lead of ``crm_lead l`` closed
    """
    sources = {name: _source(name) for name in names if name.startswith("lead.") and _is_tracked(env, _source(name))}
    if not sources or not len(lead_ids):
        return {}
    fields = _field_ids(env, sources.values())
    rows = env.execute_query(
        SQL(
            """
            SELECT tracked.field_id, count(DISTINCT l.id)
            FROM crm_lead l
            JOIN mail_message message ON message.model = 'crm.lead' AND message.res_id = l.id
            JOIN mail_tracking_value tracked ON tracked.mail_message_id = message.id
            WHERE l.id = ANY(%s) AND tracked.field_id = ANY(%s) AND message.date >= %s - interval '1 day'
            GROUP BY tracked.field_id
            """,
            int_array(np.asarray(lead_ids).tolist()),
            list(fields.values()),
            ended_at,
        )
    )
    counts = dict(rows)
    return {name: counts.get(fields[source], 0) / len(lead_ids) for name, source in sources.items()}


# ------------------------------------------------------------
# Which fields
# ------------------------------------------------------------


def _sources(env, features):
    """Return ``{name of the feature: name of the tracked field of the lead}``."""
    return {
        name: _source(name)
        for name, feature in features.items()
        if feature.subject == "lead" and name not in NOT_THESE and _is_tracked(env, _source(name))
    }


def _source(name):
    column = name.partition(".")[2]
    return MADE_OF.get(column, column)


def _is_tracked(env, name):
    field = env["crm.lead"]._fields.get(name)
    return field is not None and bool(getattr(field, "tracking", None))


def _field_ids(env, names):
    return {name: env["ir.model.fields"]._get("crm.lead", name).id for name in sorted(set(names))}


# ------------------------------------------------------------
# Reading
# ------------------------------------------------------------


def _changes_since(env, batch, field_ids):
    """Return ``{id of the field: {row: old values, by kind}}`` of the first change since each row's moment."""
    moments = np.fmin(batch.moments, batch.ended - DAY)
    env["mail.message"].flush_model(["model", "res_id", "date"])
    env["mail.tracking.value"].flush_model()
    rows = env.execute_query(
        SQL(
            "SELECT DISTINCT ON (asked.row, field_id) asked.row, field_id, %(values)s"
            " %(changes)s ORDER BY asked.row, field_id, message.date, tracked.id",
            values=SQL(", ").join(_VALUES.values()),
            changes=SQL(_CHANGES, asked=asked(batch.ids, moments), fields=field_ids),
        )
    )
    found = {}
    for row, field_id, *values in rows:
        found.setdefault(field_id, {})[row - 1] = values
    return found


def _reader(env, feature, source):
    """Return what turns the old values of a change into the value that the lead's row had."""
    if feature.field in MADE_OF:
        return lambda change: bool(change[_PLACE["char"]])
    place = _PLACE[_KEPT_IN[feature.type]]
    if feature.type == "selection":
        keys = _keys_of_labels(env, source)
        return lambda change: keys.get(change[place])
    if feature.type == "boolean":
        return lambda change: bool(change[place])
    if feature.type == "length":
        return lambda change: change[place] or 0
    if feature.type in ("many2one", "text", "money"):
        return lambda change: change[place] or None
    return lambda change: change[place]


def _keys_of_labels(env, name):
    """Return ``{label in any language: key}`` of a selection."""
    field = env["crm.lead"]._fields[name]
    found = {}
    for lang, _label in env["res.lang"].get_installed():
        for key, label in field._description_selection(env(context={**env.context, "lang": lang})):
            found.setdefault(label, str(key))
    return found
