"""Features that are columns of the lead, of its contact and of the contact's company.

Contacts and companies keep no history: their values are those of today, also where a moment in the past is
asked for, but they are those of the contact that the lead had then, missing where it had none yet (:mod:`extract`).
The untracked columns of a lead are those of today too; the tracked ones are rolled back (:mod:`tracked`).

A job position is free text: "Sales Manager", "sales manager " and "SALES-MANAGER" are one category, and
training puts the rare ones together as "other". An expected revenue of 0 is Odoo's default, so it means
"nobody said" and counts as missing. The salesperson and the priority are in: both are known while a lead is
open, and who handles a lead and how a person judged it tell a lot. The type is as of the moment by the date
of the conversion: else every lead that was ever converted would give away that it went on. The industry is
the company's alone: Odoo copies it to the company's contacts.

Out, being the outcome or its shadow: :data:`NEVER`; the stage is in as of a moment before the close, where its
history is known. Out as well: who may see what (company), names, addresses and other texts that hardly ever repeat.
"""

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from odoo.tools import SQL
from odoo.tools.translate import LazyTranslate

from odoo.addons.iap.tools.iap_tools import _MAIL_PROVIDERS

from . import tracked
from .feature import DAY, Feature, categories, epoch, normalise, numbers, text_length
from .own_moves import CONVERTED, MOVED, stages_without

_lt = LazyTranslate(__name__)

# What closing a lead writes, and what is computed from it: never an input, nor by way of a related field.
NEVER = frozenset(
    {
        "active",
        "automated_probability",
        "date_automation_last",
        "date_closed",
        "date_conversion",
        "date_deadline",
        "date_last_stage_update",
        "date_open",
        "day_close",
        "day_open",
        "duration_tracking",
        "is_automated_probability",
        "lost_reason_id",
        "probability",
        "prorated_revenue",
        "recurring_revenue_monthly_prorated",
        "recurring_revenue_prorated",
        "stage_id",
        "won_status",
        "write_date",
        "write_uid",
    }
)

# Types of custom fields that can be a feature. Not supported: binary, reference, properties of other models,
# many2many and one2many (a field made by hand rarely has few values there).
TYPE_OF_FIELD = {
    "boolean": "boolean",
    "char": "text",
    "date": "moment",
    "datetime": "moment",
    "float": "float",
    "html": "length",
    "integer": "integer",
    "many2one": "many2one",
    "monetary": "money",
    "selection": "selection",
    "text": "length",
}

MODELS = {"lead": "crm.lead", "contact": "res.partner", "company": "res.partner"}
ALIASES = {"lead": SQL("l"), "contact": SQL("p"), "company": SQL("c")}


class Own(NamedTuple):
    """A feature that every database has: a field by its own name, or an expression of its own."""

    type: str
    label: object = None
    sql: object = None
    choices: tuple = ()


def _filled(column):
    return Own("boolean", sql=SQL("coalesce(%s, '') <> ''", SQL.identifier("l", column)))


_DOMAIN = SQL("split_part(l.email_normalized, '@', 2)")
_FREE = SQL("%s = ANY(%s)", _DOMAIN, sorted({provider.strip() for provider in _MAIL_PROVIDERS}))

OWN = {
    "lead.source_id": Own("many2one"),
    "lead.medium_id": Own("many2one"),
    "lead.campaign_id": Own("many2one"),
    "lead.country_id": Own("many2one"),
    "lead.state_id": Own("many2one"),
    "lead.lang_id": Own("many2one"),
    "lead.team_id": Own("many2one"),
    "lead.user_id": Own("many2one"),
    "lead.stage_id": Own("many2one"),
    "lead.type": Own("selection"),
    "lead.priority": Own("selection"),
    "lead.function": Own("text"),
    "lead.expected_revenue": Own("money", sql=SQL("nullif(l.expected_revenue, 0)::float8")),
    "lead.recurring_revenue": Own("money", sql=SQL("nullif(l.recurring_revenue, 0)::float8")),
    "lead.email_state": Own("selection"),
    "lead.phone_state": Own("selection"),
    "lead.has_email": _filled("email_from")._replace(label=_lt("Has an e-mail address")),
    "lead.has_phone": _filled("phone")._replace(label=_lt("Has a phone number")),
    "lead.has_website": _filled("website")._replace(label=_lt("Has a website")),
    # The name of one; whether the contact is one, or of one, is added.
    "lead.has_company": _filled("partner_name")._replace(label=_lt("Has a company")),
    "lead.email_domain_kind": Own(
        "selection",
        _lt("Kind of e-mail domain"),
        SQL("CASE WHEN %s THEN 'free' WHEN %s <> '' THEN 'business' END", _FREE, _DOMAIN),
        choices=(("free", _lt("Free mail provider")), ("business", _lt("Business domain"))),
    ),
    "lead.description_length": Own(
        "length", _lt("Length of the notes"), SQL("coalesce(%s, 0)", text_length(SQL("l.description")))
    ),
    "lead.created_weekday": Own("weekday", _lt("Day of the week of its creation")),
    "contact.country_id": Own("many2one"),
    "contact.is_company": Own("boolean", _lt("Is a company")),
    "company.country_id": Own("many2one"),
    "company.industry_id": Own("many2one"),
}


# ------------------------------------------------------------
# Catalogue
# ------------------------------------------------------------


def find(env, names, labels):
    """Return the features by name: all of them, or those among ``names``; without queries unless labels."""
    found = {}
    for name, own in OWN.items():
        if names is None or name in names:
            found[name] = _own_feature(env, name, own, labels)
    for subject, model in MODELS.items():
        for field in env[model]._fields.values():
            name = f"{subject}.{field.name}"
            if (names is None or name in names) and name not in found and _is_candidate(field):
                found[name] = _custom_feature(env, name, subject, field, labels)
    return found


def _own_feature(env, name, own, labels):
    subject, column = name.split(".", 1)
    field = env[MODELS[subject]]._fields.get(column)
    return Feature(
        name,
        _label(env, subject, own.label or field, labels),
        subject,
        own.type,
        comodel=field.comodel_name if own.type == "many2one" else "",
        field=column,
        choices=_choices(env, own.choices or field, labels) if own.type == "selection" else (),
    )


def _custom_feature(env, name, subject, field, labels):
    type_ = TYPE_OF_FIELD[field.type]
    return Feature(
        name,
        _label(env, subject, field, labels),
        subject,
        type_,
        comodel=field.comodel_name if type_ == "many2one" else "",
        field=field.name,
        choices=_choices(env, field, labels) if type_ == "selection" else (),
        source=field.type,
    )


def _is_candidate(field):
    """Tell whether a custom field can be an input.

    One that differs by company has no one value for a lead, and one related to an outcome gives it away.
    """
    path = (field.related or "").split(".")
    return (
        field.manual
        and field.store
        and field.type in TYPE_OF_FIELD
        and not field.company_dependent
        and NEVER.isdisjoint(path)
    )


def _label(env, subject, label, labels):
    if not labels:
        return ""
    text = label._description_string(env) if hasattr(label, "_description_string") else env._(label)
    if subject == "contact":
        return env._("Contact: %(feature)s", feature=text)
    if subject == "company":
        return env._("Customer company: %(feature)s", feature=text)
    return text


def _choices(env, choices, labels):
    if not labels:
        return ()
    if isinstance(choices, tuple):
        return tuple((key, env._(label)) for key, label in choices)
    return tuple((str(key), label) for key, label in choices._description_selection(env))


# ------------------------------------------------------------
# Reading
# ------------------------------------------------------------


def needs(env, features):
    """Return ``{key: (expression, subjects it joins)}``: what to read of each lead's row."""
    wanted = {}
    for feature in features.values():
        if feature.name == "lead.created_weekday":
            wanted["created"] = (epoch(SQL("l.create_date")), ())
            wanted["company"] = (SQL("l.company_id"), ())
        else:
            wanted[feature.name] = _expression(env, feature)
        if feature.name == "lead.stage_id":
            wanted["moved"] = (MOVED, ())
        if feature.name == "lead.type":
            # A lead that the addon converted is one at every moment.
            converted = SQL("CASE WHEN %s THEN 'infinity' ELSE %s END", CONVERTED, epoch(SQL("l.date_conversion")))
            wanted["converted"] = (converted, ())
        if feature.name == "lead.has_company":
            wanted["of_company"] = (SQL("coalesce(c.is_company, false)"), {"company"})
    return wanted


def _expression(env, feature):
    own = OWN.get(feature.name)
    if own and own.sql:
        return own.sql, ()
    column = SQL("%s.%s", ALIASES[feature.subject], SQL.identifier(feature.field))
    if env[MODELS[feature.subject]]._fields[feature.field].translate:
        column = SQL("(%s ->> 'en_US')", column)
    if feature.type == "moment":
        column = epoch(column)
    elif feature.type == "length":
        column = text_length(column)
    elif feature.type in ("float", "money"):
        column = SQL("%s::float8", column)
    return column, {feature.subject} - {"lead"}


def columns(env, batch, features):
    """Return ``{name: column}`` from the rows that were read, rolled back to their moments."""
    rows = {**batch.rows, **tracked.values_then(env, batch, features)}
    if "lead.stage_id" in features:
        rows["lead.stage_id"] = stages_without(env, batch, rows["lead.stage_id"])
    return {name: _column(env, replace(batch, rows=rows), feature) for name, feature in features.items()}


def _column(env, batch, feature):
    if feature.name == "lead.created_weekday":
        return _weekdays(env, batch)
    values = batch.rows[feature.name]
    if feature.name == "lead.type":
        return _types_then(batch, values)
    if feature.name == "lead.has_company":
        values = [named or of_company for named, of_company in zip(values, batch.rows["of_company"])]
    if feature.type == "moment":
        return numbers((np.array(values, np.float64) - batch.moments) / DAY)
    return DECODERS.get(feature.type, numbers)(values)


DECODERS = {
    "many2one": categories,
    "selection": lambda values: categories(values, lambda value: value or None),
    "boolean": lambda values: categories(values, lambda value: "yes" if value else "no"),
    "text": lambda values: categories(values, normalise),
}


def _types_then(batch, types):
    """Return the type that each lead had: an opportunity that was converted later was still a lead."""
    converted = np.array(batch.rows["converted"], np.float64)
    later = converted >= batch.moments  # False where it never was converted
    return categories(["lead" if was_lead else type_ for type_, was_lead in zip(types, later.tolist())])


def _weekdays(env, batch):
    """Return the day of the week of each creation, on the clock of the lead's company."""
    created = np.array(batch.rows["created"], np.float64)
    known = np.isfinite(created)
    seconds = np.where(known, created, 0)
    seconds = seconds + _clock_offsets(env, batch.rows["company"], seconds)
    weekday = (seconds // DAY + 3) % 7 + 1  # 1970-01-01 was a Thursday
    return categories(np.where(known, weekday, 0).astype(int).tolist(), lambda day: str(day) if day else None)


def _clock_offsets(env, companies, seconds):
    """Return seconds to add to UTC for each lead; without company it is UTC, or the only company's clock."""
    rows = env.execute_query(
        SQL(
            "SELECT company.id, calendar.tz FROM res_company company"
            " JOIN resource_calendar calendar ON calendar.id = company.resource_calendar_id"
        )
    )
    zones = dict(rows)
    zones.setdefault(None, rows[0][1] if len(rows) == 1 else "UTC")
    offsets = np.zeros(len(seconds))
    company_of = np.array([company or 0 for company in companies])
    for company in np.unique(company_of).tolist():
        mine = company_of == company
        offsets[mine] = _zone_offsets(zones.get(company or None), seconds[mine])
    return offsets


def _zone_offsets(zone, seconds):
    """Return the offset from UTC at each time, looked up once an hour; unknown zones have none."""
    try:
        clock = ZoneInfo(zone or "UTC")
    except (KeyError, ValueError, OSError):
        return 0
    hours, position = np.unique(seconds // 3600, return_inverse=True)
    offsets = [datetime.fromtimestamp(hour * 3600, clock).utcoffset().total_seconds() for hour in hours.tolist()]
    return np.array(offsets)[position] if offsets else 0
