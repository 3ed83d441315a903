"""A plan -> leads in Odoo.

Records are made by the ORM, so that every computed field is Odoo's own; then SQL sets the dates, which
``create`` takes from the clock. What is won, lost or open is written as Odoo's own buttons would leave it.
Leads are not tracked and nobody is mailed. The outcome of open leads stays in the plan: the database does
not know it.
"""

import difflib
import re
import time
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime

from odoo.tools import SQL

from . import values as cells
from .errors import DescriptionError

BATCH = 1000
SELECTION_LIMIT = 100
QUIET = {
    "tracking_disable": True,
    "mail_create_nolog": True,
    "mail_create_nosubscribe": True,
    "mail_notrack": True,
    "mail_auto_subscribe_no_notify": True,
    "no_reset_password": True,
}
CREATED_BY_NAME = (
    "utm.source",
    "utm.medium",
    "utm.campaign",
    "crm.tag",
    "crm.lost.reason",
    "res.partner.industry",
)
NOT_TO_BE_SET = (
    "active",
    "stage_id",
    "probability",
    "automated_probability",
    "won_status",
    "date_closed",
    "team_id",
    "lead_properties",
    "create_date",
    "write_date",
    "date_open",
    "date_last_stage_update",
    "user_id",
    "company_id",
    "partner_id",
    "name",
    "type",
)


@dataclass
class Loaded:
    """What a load made: ``ids`` in the order of the plan, and the team that carries the properties."""

    ids: list[int]
    team: object
    seconds: float

    def open_outcomes(self, plan):
        """{id of an open lead: whether it will be won}."""
        return {lead_id: won for lead_id, won, opened in zip(self.ids, plan.won, plan.is_open) if opened}


def load(env, plan, *, user=None, say=print, commit=True):
    """Load all leads of a plan; ``user`` (res.users) owns every one of them, won, lost and open alike.

    :raises DescriptionError: a column becomes a field that crm.lead does not have, or one that is not to be
    set
    """
    started = time.monotonic()
    env = env(context={**env.context, **QUIET, "lang": "en_US"}, su=True)
    user = user or env.ref("base.user_admin")
    team = make_team(env, plan, user)
    fields = [_Field(env, plan, planned) for planned in plan.columns if planned.column.target == "field"]
    properties = _Properties(plan)
    team.lead_properties_definition = properties.definition
    companies = _Companies(env, plan)
    stages = _Stages(env, team)
    ids, told = [], time.monotonic()
    for first in range(0, plan.n_leads, BATCH):
        rows = range(first, min(first + BATCH, plan.n_leads))
        leads = env["crm.lead"].create(
            [
                {
                    **_common(plan, row, team, user, stages),
                    **{f.name: f.value(row) for f in fields if f.has(row)},
                    **companies.lead_values(row),
                    **properties.lead_values(row),
                }
                for row in rows
            ]
        )
        _set_dates(env, leads.ids, plan, rows)
        ids.extend(leads.ids)
        env.invalidate_all()
        if commit:
            env.cr.commit()
        if time.monotonic() - told > 2:
            told = time.monotonic()
            say(f"  {len(ids):,} of {plan.n_leads:,} leads loaded")
    for each in fields:
        each.tell(say)
    return Loaded(ids, team, time.monotonic() - started)


def make_team(env, plan, user):
    """A sales team of its own for the leads, led by ``user`` (leads stay in teams of their salesperson)."""
    return env["crm.team"].create(
        {
            "name": plan.description.lead.team,
            "user_id": user.id,
            "company_id": False,
            "use_leads": True,
            "use_opportunities": True,
        }
    )


def _common(plan, row, team, user, stages):
    """What every lead has, and how its outcome is written: as action_set_won and action_set_lost leave it."""
    values = {
        "name": plan.names[row][:250],
        "type": plan.description.lead.type,
        "team_id": team.id,
        "user_id": user.id,
        "stage_id": stages.first,
    }
    if plan.contact_names[row]:
        values["contact_name"] = plan.contact_names[row]
    if plan.is_open[row]:
        return values
    if plan.won[row]:
        return {**values, "stage_id": stages.won, "probability": 100, "automated_probability": 100}
    return {**values, "active": False, "probability": 0, "automated_probability": 0}


class _Stages:
    """The stages of new and of won leads of a team."""

    def __init__(self, env, team):
        lead = env["crm.lead"].new({"team_id": team.id})
        self.first = lead._stage_find(team_id=team.id, domain=[("fold", "=", False), ("is_won", "=", False)]).id
        self.won = lead._stage_find(team_id=team.id, domain=[("is_won", "=", True)]).id
        if not self.first or not self.won:
            raise DescriptionError("the database lacks an open or a won stage in CRM > Configuration > Stages")


def _set_dates(env, ids, plan, rows):
    """Creation, assignment, stage and close dates, and what Odoo computes from them.

    A closed lead's ``write_date`` is its close. ``day_open`` is 0: every lead has its salesperson from the
    start.
    """
    env["crm.lead"].flush_model()
    created = [plan.created[row] for row in rows]
    closed = [plan.closed[row] for row in rows]
    staged = [plan.closed[row] if plan.won[row] and plan.closed[row] else plan.created[row] for row in rows]
    env.cr.execute(
        SQL(
            """UPDATE crm_lead AS lead
              SET create_date = v.created, date_open = v.created, date_last_stage_update = v.staged,
                  date_closed = v.closed, write_date = COALESCE(v.closed, v.created), day_open = 0,
                  day_close = floor(extract(epoch FROM v.closed - v.created) / 86400)
             FROM unnest(%s::int[], %s::timestamp[], %s::timestamp[], %s::timestamp[]) AS v(id, created,
             closed, staged)
            WHERE lead.id = v.id""",
            ids,
            created,
            closed,
            staged,
        )
    )


class _Field:
    """A column that becomes a field of crm.lead; records it names are found or made once for all leads."""

    def __init__(self, env, plan, planned):
        column = planned.column
        self.env = env
        self.name = column.field
        self.column = column
        self.where = f"{plan.description.source}: [columns] {column.name!r}:"
        self.field = self._checked()
        self.unknown = {}
        self.known = self._convert(planned)
        self.values = planned.values
        self._not_too_many_unknown()

    def _not_too_many_unknown(self):
        """Numbers, dates, choices: more than half of the cells can be read (names of records are another matter)."""
        if self.field.type in ("many2one", "many2many"):
            return
        present = [value for value in self.values if value is not None]
        bad = [value for value in present if value in self.unknown]
        if len(bad) > 0.5 * len(present):
            raise DescriptionError(
                f"{self.where} the field {self.name!r} of crm.lead is of type {self.field.type}: {len(bad):,} of "
                f"{len(present):,} values, such as {bad[0]!r}, cannot be read so"
            )

    def _checked(self):
        fields = self.env["crm.lead"]._fields
        if self.name not in fields:
            near = difflib.get_close_matches(self.name, fields, 1)
            raise DescriptionError(
                f"{self.where} crm.lead has no field {self.name!r}{f'; did you mean {near[0]!r}?' if near else ''}"
            )
        if (
            self.name in NOT_TO_BE_SET
            or not fields[self.name].store
            or fields[self.name].type in ("one2many", "properties", "binary", "json", "reference", "many2one_reference")
        ):
            raise DescriptionError(
                f"{self.where} the field {self.name!r} of crm.lead cannot be loaded from a column; make it a property"
            )
        return fields[self.name]

    def _convert(self, planned):
        """{cell: value for create} of the distinct cells."""
        values = [value for value in planned.values if value is not None]
        kind = self.field.type
        if kind == "many2many":
            parts = {part for value in values for part in (value if isinstance(value, list) else [value])}
            return self._records(parts)
        distinct = list(dict.fromkeys(values))
        if kind == "many2one":
            return self._records(distinct)
        if kind == "selection":
            return self._selected(distinct)
        if kind in ("integer", "float", "monetary"):
            style = cells.number_style([str(value) for value in distinct], self.column.decimal, self.column.thousands)
            return self._read(distinct, lambda text: cells.number(text, *style), round if kind == "integer" else float)
        if kind == "boolean":
            return self._read(distinct, cells.boolean, bool)
        if kind in ("date", "datetime"):
            return self._dates(distinct)
        size = getattr(self.field, "size", None)
        return {value: str(value)[:size] for value in distinct}

    def _read(self, distinct, read, cast):
        known = {}
        for value in distinct:
            number = value if isinstance(value, (int, float)) else read(str(value))
            if number is None or (cast is round and abs(number) >= 2**31):
                self.unknown[value] = 1
            else:
                known[value] = cast(number)
        return known

    def _dates(self, distinct):
        forms = self.column.formats or tuple(cells.date_formats([v for v in distinct if isinstance(v, str)]))[:1]
        known = {}
        for value in distinct:
            when = (
                value
                if isinstance(value, (date, datetime))
                else next((d for form in forms if (d := cells.parse_date(value, form))), None)
            )
            if when is None:
                self.unknown[value] = 1
            else:
                known[value] = when if self.field.type == "datetime" else when.date()
        return known

    def _selected(self, distinct):
        choices = self.field.get_description(self.env, ["selection"])["selection"]
        by_word = {str(word).casefold(): key for key, label in choices for word in (key, label)}
        known = {value: by_word.get(str(value).casefold()) for value in distinct}
        self.unknown = {value: 1 for value, key in known.items() if key is None}
        return {value: key for value, key in known.items() if key is not None}

    def _records(self, names):
        """{name: record id}; missing ones are made where a name is all they need."""
        found = _find_or_make(self.env, self.field.comodel_name, names, self.where)
        self.unknown = {name: 1 for name in names if name not in found}
        return found

    def has(self, row):
        return self.values[row] is not None and self.value(row) is not None

    def value(self, row):
        value = self.values[row]
        if self.field.type == "many2many":
            parts = value if isinstance(value, list) else [value]
            return [(6, 0, [self.known[part] for part in parts if part in self.known])]
        return self.known.get(value)

    def tell(self, say):
        if self.unknown:
            names = [str(name) for name in self.unknown]
            say(
                f"  {self.column.name}: {len(names):,} values are not known to {self.name} "
                f"and were left empty: {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}"
            )


def _find_or_make(env, model, names, where):
    """{name: id} of records of ``model`` by name (some by code too), made where a name is enough."""
    names = sorted(str(name) for name in names)
    if model not in CREATED_BY_NAME and model not in ("res.country", "res.country.state", "res.lang"):
        raise DescriptionError(f"{where} records of {model} are not made by the loader; make it a property")
    records = env[model].with_context(active_test=False)
    keys = {
        "res.country": ("name", "code"),
        "res.country.state": ("name", "code"),
        "res.lang": ("name", "code", "iso_code"),
        "utm.campaign": ("title", "name"),
    }.get(model, ("name",))
    by_word = {}
    for record in records.search([("active", "=", True)] if model == "res.lang" else []):
        for key in reversed(keys):
            if record[key]:
                by_word.setdefault(_plain(record[key]), record.id)
    for name, alias in COUNTRY_NAMES.items() if model == "res.country" else ():
        by_word.setdefault(name, by_word.get(_plain(alias)))
    if model in CREATED_BY_NAME:
        new = {}
        for name in names:
            if _plain(name) not in by_word:
                new.setdefault(_plain(name), name)
        key = "title" if model == "utm.campaign" else "name"
        made = records.create([{key: name} for name in new.values()])
        by_word.update(zip(new, made.ids))
    return {name: by_word[_plain(name)] for name in names if by_word.get(_plain(name))}


COUNTRY_NAMES = {
    "usa": "United States",
    "us": "United States",
    "united states of america": "United States",
    "uk": "United Kingdom",
    "great britain": "United Kingdom",
    "england": "United Kingdom",
    "korea": "South Korea",
    "philipines": "Philippines",
    "russia": "Russian Federation",
    "czechia": "Czech Republic",
    "viet nam": "Vietnam",
    "holland": "Netherlands",
    "uae": "United Arab Emirates",
    "hongkong": "Hong Kong",
    "turkey": "Türkiye",
    "ivory coast": "Côte d'Ivoire",
}


def _plain(text):
    """Names are the same without case and outer spaces."""
    return unicodedata.normalize("NFC", " ".join(str(text).split())).casefold()


class _Properties:
    """The property definitions of the team and their values of each lead.

    A property's name and the keys of its choices are made of the labels' letters and digits, so that the same
    description gives the same names every time.
    """

    def __init__(self, plan):
        taken = set()
        self.columns = []
        self.definition = []
        for planned in plan.columns:
            if planned.column.target != "property":
                continue
            name = _key(planned.column.name, taken, "column")
            kind, keys, definition = _property(planned)
            self.definition.append({"name": name, "string": planned.column.label, "type": kind, **definition})
            self.columns.append((name, kind, keys, planned.values))

    def lead_values(self, row):
        values = {
            name: _property_value(kind, keys, cells_[row])
            for name, kind, keys, cells_ in self.columns
            if cells_[row] is not None
        }
        return {"lead_properties": values} if values else {}


def _property(planned):
    """(type, {value: key} for choices, what the definition needs) of a property."""
    kind = {"text": "selection"}.get(planned.kind, planned.kind)
    if planned.column.field == "char":
        return "char", None, {}
    if kind == "selection":
        distinct = sorted({value for value in planned.values if value is not None})
        if len(distinct) > SELECTION_LIMIT and planned.column.field != "selection":
            return "char", None, {}
        keys = _keys(distinct)
        return "selection", keys, {"selection": [[key, value] for value, key in keys.items()]}
    if kind == "tags":
        keys = _keys(sorted({part for value in planned.values if value for part in value}))
        return (
            "tags",
            keys,
            {"tags": [[key, value, 1 + at % 11] for at, (value, key) in enumerate(keys.items())]},
        )
    return kind, None, {}


def _property_value(kind, keys, value):
    if kind == "selection":
        return keys[value]
    if kind == "tags":
        return [keys[part] for part in value]
    if kind == "date":
        return value.date().isoformat()
    return value


def _keys(distinct):
    taken = set()
    return {value: _key(value, taken, "value") for value in distinct}


def _key(text, taken, spare):
    """A key of lower-case letters, digits and underscores, distinct among ``taken``."""
    text = unicodedata.normalize("NFKD", str(text)).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "_", text).strip("_")[:60] or spare
    key, number = base, 2
    while key in taken:
        key, number = f"{base}_{number}", number + 1
    taken.add(key)
    return key


class _Companies:
    """Partners (companies) that columns describe; the first row that names a company says what it is like."""

    def __init__(self, env, plan):
        columns = {p.column.field: p for p in plan.columns if p.column.target == "company"}
        self.names = columns["name"].values if columns else None
        if not columns:
            return
        first = {}
        for row, name in enumerate(self.names):
            if name is not None:
                first.setdefault(_plain(name), row)
        values = [{"name": self.names[row], "is_company": True, "company_id": False} for row in first.values()]
        for field, planned in columns.items():
            if field != "name":
                self._describe(env, plan, field, planned, list(first.values()), values)
        made = env["res.partner"].create(values)
        env.cr.execute(SQL("UPDATE res_partner SET create_date = %s WHERE id = ANY(%s)", min(plan.created), made.ids))
        self.ids = dict(zip(first, made.ids))

    def _describe(self, env, plan, field, planned, rows, values):
        known = None
        if field.endswith("_id"):
            model = env["res.partner"]._fields[field].comodel_name
            distinct = {planned.values[row] for row in rows if planned.values[row] is not None}
            known = _find_or_make(env, model, distinct, f"{plan.description.source}: [columns]")
        for row, company in zip(rows, values):
            value = planned.values[row]
            value = known.get(value) if known is not None and value is not None else value
            if value is not None:
                company[field] = value

    def lead_values(self, row):
        if self.names is None or self.names[row] is None:
            return {}
        return {"partner_id": self.ids[_plain(self.names[row])]}
