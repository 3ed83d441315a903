"""Any set of leads -> a FeatureTable, as of a moment, by a number of queries that never grows with the leads.

How it works
    1. The names are looked up among what there is now (:func:`find`): fields without a query, properties by
       one, tags by one. What does not exist any more is told in ``missing`` and has no column.
    2. One query reads every column of the lead's row, of its contact and of the contact's company that the
       asked features need. Three fields of the lead: one query in all.
    3. Where moments are in the past, two queries roll the tracked values of the lead's row back to them, and two
       find the contact that each lead had then, with what is asked of it.
    4. Tags, messages (with done activities and stage changes), meetings and earlier leads take one query each
       (earlier leads two), and only when a feature asks for them.
    5. Rows become columns: each distinct value is understood once, each lead costs a dictionary lookup.

Everything is read; nothing is written but what the ORM still holds back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

import numpy as np

from odoo import fields
from odoo.tools import SQL

from ..scoring.table import FeatureTable
from . import activity, history, lead_fields, properties, tags, tracked
from .feature import epoch, int_array
from .outcome import WON

# Each has find(env, names, labels), needs(env, features) from the lead's row, columns(env, batch, features).
GROUPS = (lead_fields, properties, tags, activity, history)


@dataclass
class Extraction:
    """Leads as columns.

    ``ids`` int64 of shape (n,): the leads that exist, in the order asked for. ``table``: n rows, one column
    for each name that exists, in the order asked for. ``problems``: (lead id, text in the reader's language)
    of values that made no sense and count as missing. ``missing``: names of features that do not exist any
    more. ``gone``: ids of leads that do not exist any more (deleted or merged).
    """

    ids: np.ndarray
    table: FeatureTable
    problems: list = field(default_factory=list)
    missing: list = field(default_factory=list)
    gone: list = field(default_factory=list)


@dataclass
class Batch:
    """Leads being read: ids and moments (epoch seconds) of shape (n,), and what their rows hold, by key.

    ``past``: whether moments may lie in the past, so that tracked values are rolled back to them. ``ended``: when each
    lead ended (epoch seconds; NaN while it has not), which such values are rolled back behind.
    """

    ids: np.ndarray
    moments: np.ndarray
    rows: dict
    past: bool
    ended: np.ndarray = None
    problems: list = field(default_factory=list)


def find(env, names=None, leads=None, labels=True):
    """Return ``{name: Feature}`` of all candidates, or of those among ``names`` that exist.

    :param leads: Domain of the leads among which tags must be in use to be candidates
    :param labels: False saves the queries that labels and choices of fields may take
    """
    names = None if names is None else set(names)
    return {
        **lead_fields.find(env, names, labels),
        **history.find(env, names, labels),
        **activity.find(env, names, labels),
        **properties.find(env, names, labels, leads),
        **tags.find(env, names, labels, leads),
    }


def extract(env, lead_ids, names, as_of=None, ended=None):
    """Return an :class:`Extraction` of the leads with the features of these names.

    :param env: environment with the rights to read all that is asked for; leads are filtered by ids alone
    :param lead_ids: ids of shape (n,), in any order; one may come several times, with different moments
    :param names: names of features, see :func:`features.catalogue.catalogue`
    :param as_of: the moment: None (now), a datetime in UTC, or one for each lead (datetimes, or an array of
        numpy.datetime64); only what happened strictly before it counts
    :param ended: float64 of shape (n,), epoch seconds at which each lead ended, NaN where it has not; by default when
        it was won or lost
    """
    names = list(dict.fromkeys(names))
    found = find(env, names, labels=False)
    grouped = {group: _features_of(group, found) for group in GROUPS}
    lead_ids = np.asarray(lead_ids, np.int64).reshape(-1)
    past = as_of is not None
    batch, gone = _read_batch(env, lead_ids, moments_of(as_of, len(lead_ids)), grouped, past, ended)
    columns = {}
    for group, features in grouped.items():
        columns.update(group.columns(env, batch, features))
    table = FeatureTable({name: columns[name] for name in names if name in found}, len(batch.ids))
    missing = [name for name in names if name not in found]
    return Extraction(batch.ids, table, batch.problems, missing, gone)


def _features_of(group, found):
    return {name: feature for name, feature in found.items() if _group_of(feature) is group}


def _group_of(feature):
    if feature.subject == "tag":
        return tags
    if feature.subject == "property":
        return properties
    if feature.subject == "activity":
        return activity
    return history if feature.name in history.HISTORY else lead_fields


# ------------------------------------------------------------
# The moment
# ------------------------------------------------------------


def moments_of(as_of, count):
    """Return epoch seconds (float64) of shape (count,); see :func:`extract`."""
    if as_of is None:
        as_of = fields.Datetime.now()
    if isinstance(as_of, datetime):
        return np.full(count, _epoch_seconds(as_of))
    if isinstance(as_of, np.ndarray) and as_of.dtype.kind == "M":
        moments = as_of.astype("datetime64[us]").astype(np.int64) / 1e6
    elif isinstance(as_of, Sequence) and not isinstance(as_of, str):
        moments = np.array([_epoch_seconds(moment) for moment in as_of], np.float64)
    else:
        raise TypeError(f"as_of must be None, a datetime or one for each lead, not {type(as_of).__name__}")
    if moments.shape != (count,):
        raise ValueError(f"{count} leads need as many moments, not {len(moments)}")
    return moments


def _epoch_seconds(moment):
    """Return seconds since 1970 of a datetime; naive ones are in UTC, as everywhere in Odoo."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


# ------------------------------------------------------------
# The lead's row
# ------------------------------------------------------------


def _read_batch(env, lead_ids, moments, grouped, past, ended):
    """Read the rows of the leads that exist, in the order asked for."""
    wanted = {}
    for group, features in grouped.items():
        wanted.update(group.needs(env, features))
    of_contact = any(subjects for _sql, subjects in wanted.values())
    if past and ended is None:
        wanted["ended"] = (epoch(WON.ended_at), ())
    found, rows = _read_rows(env, np.unique(lead_ids), wanted)
    place = np.minimum(np.searchsorted(found, lead_ids), max(len(found) - 1, 0))
    exists = found[place] == lead_ids if len(found) else np.zeros(len(lead_ids), bool)
    gone = list(dict.fromkeys(lead_ids[~exists].tolist()))
    place = place[exists]
    if not np.array_equal(place, np.arange(len(found))):
        rows = {key: tuple(values[row] for row in place.tolist()) for key, values in rows.items()}
    batch = Batch(lead_ids[exists], moments[exists], rows, past)
    if past:
        batch.ended = np.array(rows.pop("ended"), np.float64) if ended is None else np.asarray(ended)[exists]
        if of_contact:
            _meet_contacts_then(env, batch, wanted)
    return batch, gone


def _meet_contacts_then(env, batch, wanted):
    """Read the rows anew of leads that had another contact at their moment, or none, as if they had it now."""
    then = tracked.contacts_then(env, batch)
    if not then:
        return
    _ids, rows = _read_rows(env, batch.ids[list(then)], wanted, list(then.values()))
    for key, values in rows.items():
        if key in batch.rows:
            changed = list(batch.rows[key])
            for row, value in zip(then, values):
                changed[row] = value
            batch.rows[key] = tuple(changed)


def _read_rows(env, lead_ids, wanted, partners=None):
    """Return the ids that exist, ascending, and ``{key: values}``.

    :param partners: ids of contacts (None is nobody) in the place of the leads' own, of shape (n,); the rows come in the
        order of ``lead_ids`` then, which all exist
    """
    subjects = {subject for _sql, subjects in wanted.values() for subject in subjects}
    env["crm.lead"].flush_model()
    if subjects:
        env["res.partner"].flush_model()
    columns = SQL(", ").join([SQL("l.id"), *(sql for sql, _subjects in wanted.values())])
    ids = int_array(lead_ids.tolist())
    if partners is None:
        joins = _joins(subjects, SQL("l.partner_id"))
        query = SQL("SELECT %s FROM crm_lead l %s WHERE l.id = ANY(%s) ORDER BY l.id", columns, joins, ids)
    else:
        query = SQL(
            "SELECT %s FROM unnest(%s, %s) WITH ORDINALITY AS met(lead_id, partner_id, row)"
            " JOIN crm_lead l ON l.id = met.lead_id %s ORDER BY met.row",
            columns,
            ids,
            int_array(partners),
            _joins(subjects, SQL("met.partner_id")),
        )
    rows = env.execute_query(query)
    found, *values = zip(*rows) if rows else [()] * (1 + len(wanted))
    return np.array(found, np.int64), dict(zip(wanted, values))


def _joins(subjects, contact):
    """Return the joins to a contact and its company, as far as they are asked for."""
    joins = []
    if subjects:
        joins.append(SQL("LEFT JOIN res_partner p ON p.id = %s", contact))
    if "company" in subjects:
        joins.append(SQL("LEFT JOIN res_partner c ON c.id = p.commercial_partner_id"))
    return SQL(" ").join(joins)
