"""Rules looked up on leads: one query for all filters, and one each for messages and meetings.

How it works
    1. Filters are Odoo's own domains. What each asks for becomes expressions of the lead's row, what several ask for one
       in common, and all are read in one pass over the leads: paths over many2one fields are joined, other related
       records are asked for by subqueries.
    2. Nothing is read with more rights than an administrator of the model's company has: related records are bound by
       the global record rules as of that company, so that what another company hides shows in no score.
    3. What happened (see ``activity``) comes as packed bytes, event by event, whatever the number of rules; counting,
       windows and fading are ``scoring.rules``.
"""

import ast

import numpy as np

from odoo import SUPERUSER_ID
from odoo.fields import Domain
from odoo.orm.domains import DomainAnd
from odoo.tools import SQL, Query
from odoo.tools.safe_eval import safe_eval

from ..scoring.rules import EVENTS, Facts, Happened
from .activity import happened
from .feature import int_array

# Whole numbers of 8 bytes carry as many yes and no without the sign.
BITS = 62
# Added to the number of a message's kind: it tells of a change of stage, too.
IS_CHANGE = 8


def look_up(env, card, lead_ids, company, moments):
    """Return ``(kept, Facts, broken)`` of some leads: what the rules of a card are looked up in.

    :param env: environment with all rights
    :param card: RuleCard
    :param lead_ids: int64 ids of shape (n,); a lead may come several times
    :param company: the model's ``res.company``; none is "records without company"
    :param moments: epoch seconds of shape (n,): only what happened before counts. Filters ask for what leads are now
    :return: kept, bool of shape (n,), says which leads exist: the facts are of these. broken holds ``{key: reason}``
        of rules whose filter cannot be used any more; no lead matches them
    """
    kept, matches, broken = _matches(env, card, lead_ids, company)
    events = _happened(env, card, lead_ids[kept], moments[kept])
    return kept, Facts(matches[kept], events), broken


# ------------------------------------------------------------
# Filters
# ------------------------------------------------------------


def parse(text):
    """Return the Domain of a filter's text.

    :raises ValueError, TypeError, SyntaxError: when it is none
    """
    return Domain(ast.literal_eval(text or "[]"))


def fields_of(domain, model):
    """Return the set of fields ``(model name, field name)`` that a domain asks for, over related records too."""
    found = set()
    for condition in domain.iter_conditions():
        current, rest = model, condition.field_expr
        while rest:
            name, _dot, rest = rest.partition(".")
            found.add((current._name, name))
            field = current._fields.get(name)
            if field is None or not field.relational:
                break
            current = current.env[field.comodel_name]
        if condition.operator in ("any", "not any") and current is not model:
            found |= fields_of(Domain(condition.value), current)
    return found


def bounded(env, domain, company, known=None):
    """Return a domain on leads that sees of related records those that a company may see.

    :param known: dict ``{model: domain of what it may see of it}`` to remember them in, for many domains in a row
    """
    known = {} if known is None else known
    return _bounded(domain.optimize(env["crm.lead"]), env["crm.lead"], company, known)


def _bounded(domain, model, company, known):
    def bound(condition):
        # Odoo has turned paths, and names of related records, into "any".
        if condition.operator not in ("any", "not any") or not isinstance(condition.value, Domain):
            return condition
        comodel = model.env[condition._field(model).comodel_name]
        if comodel._name not in known:
            known[comodel._name] = _company_domain(comodel, company)
        inner = _bounded(condition.value, comodel, company, known) & known[comodel._name]
        return Domain(condition.field_expr, condition.operator, inner)

    return domain.map_conditions(bound)


def _company_domain(model, company):
    """Return the Domain of the records of a model that the global record rules show in a company."""
    rules = model.env["ir.rule"].search(
        [
            ("model_id.model", "=", model._name),
            ("global", "=", True),
            ("perm_read", "=", True),
            ("domain_force", "!=", False),
        ]
    )
    # As Odoo evaluates them, with this company as the only one switched on.
    known = {**rules._eval_context(), "company_ids": company.ids, "company_id": company.id}
    domains = [Domain(safe_eval(rule.domain_force, known)) for rule in rules]
    return Domain.AND(domains).optimize(model)


def _matches(env, card, lead_ids, company):
    """Return ``(exists, matches, broken)``: bool of shape (n,) and (n, r), and ``{key: reason}``."""
    # Whoever asks, the answer is the same: no language, time zone or "my" of the reader.
    leads = env(user=SUPERUSER_ID, context={"allowed_company_ids": company.ids})["crm.lead"]
    query = Query(env, leads._table, leads._table_sql)
    places, known, conditions, broken, bounds = {}, [], [], {}, {}
    for rule in card.rules:
        if not rule.filter or rule.filter in places:
            continue
        try:
            parts = _parts(bounded(leads.env, parse(rule.filter), company, bounds))
            for part in parts:
                if part not in known:  # compared one by one: domains of sets have no hash
                    conditions.append(part.optimize_full(leads)._to_sql(leads, leads._table, query))
                    known.append(part)
        except Exception as error:  # whatever fields and their searches raise once something of them is gone
            broken[rule.key] = str(error)
            continue
        places[rule.filter] = [known.index(part) for part in parts]
    exists, found = _read(env, query, conditions, lead_ids)
    matches = np.ones((len(lead_ids), len(card.rules)), bool)
    for column, rule in enumerate(card.rules):
        if rule.filter:
            matches[:, column] = found[:, places[rule.filter]].all(axis=1) if rule.filter in places else False
    return exists, matches, broken


def _parts(domain):
    """Return the domains that all have to hold: what several rules ask for is then looked up once."""
    return domain.children if isinstance(domain, DomainAnd) else (domain,)


def _read(env, query, conditions, lead_ids):
    """Return bool arrays of shape (n,) and (n, conditions): which leads exist, and meet which SQL conditions."""
    # A bit for each condition: as many columns of their own would take longer to receive than to find.
    words = [conditions[start : start + BITS] for start in range(0, len(conditions), BITS)]
    columns = [
        SQL(" + ").join(SQL("CASE WHEN %s THEN %s ELSE 0 END::int8", one, 1 << bit) for bit, one in enumerate(word))
        for word in words
    ]
    id_column = SQL.identifier("crm_lead", "id")
    query.add_where(SQL("%s = ANY(%s)", id_column, int_array(np.unique(lead_ids).tolist())))
    packed_columns = [SQL("string_agg(int8send(%s), '')", column) for column in [SQL("%s::int8", id_column), *columns]]
    (packed,) = env.execute_query(query.select(*packed_columns))
    ids, *masks = (np.frombuffer(column or b"", ">i8").astype(np.int64) for column in packed)
    order = np.argsort(ids)
    ids = ids[order]
    if len(ids) > 1 and (ids[1:] == ids[:-1]).any():
        raise ValueError("a filter joins several records to one lead")
    place = np.minimum(np.searchsorted(ids, lead_ids), max(len(ids) - 1, 0))
    exists = ids[place] == lead_ids if len(ids) else np.zeros(len(lead_ids), bool)
    found = np.zeros((len(lead_ids), len(conditions)), bool)
    for number, (word, mask) in enumerate(zip(words, masks)):
        bits = mask[order][place[exists]]
        for bit in range(len(word)):
            found[exists, BITS * number + bit] = bits >> bit & 1
    return exists, found


# ------------------------------------------------------------
# Behaviour
# ------------------------------------------------------------


def _happened(env, card, lead_ids, moments):
    """Return Happened by event, of the events that some rule asks for and as far back as they matter."""
    reach = {event: card.reach(event) for event in EVENTS}
    reach = {event: days for event, days in reach.items() if days != 0}
    days = None if None in reach.values() else max(reach.values(), default=None)
    events = {}
    for query in happened(env, set(reach), lead_ids, moments, days):
        # Kinds are told apart here: PostgreSQL would sort all events by them.
        packed = env.execute_query(
            SQL(
                """
                SELECT string_agg(int4send(coalesce(array_position(%(kinds)s, kind), 0)
                                           + CASE WHEN is_change THEN %(change)s ELSE 0 END), ''),
                       string_agg(int4send(row::int - 1), ''),
                       string_agg(int4send(floor(date_part('epoch', moment - date))::int), '')
                  FROM (%(query)s) happened
                 WHERE kind = ANY(%(kinds)s) OR is_change
                """,
                query=query,
                kinds=SQL("%s::text[]", list(reach)),
                change=IS_CHANGE,
            )
        )[0]
        numbers, places, ages = (np.frombuffer(part or b"", ">i4").astype(np.int64) for part in packed)
        for number, kind in enumerate(reach, start=1):
            chosen = numbers & IS_CHANGE > 0 if kind == "stage_change" else numbers % IS_CHANGE == number
            if chosen.any():
                events[kind] = Happened(places[chosen], ages[chosen])
    return events
