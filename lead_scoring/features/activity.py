"""Features of what happened on a lead, as of the moment: only what was there before it counts.

Messages in come from outside: incoming e-mails, and messages whose author is no internal user. Messages out
are what internal users sent: messages and e-mails that followers get, mailings, SMS, letters. Internal notes,
system notifications, automatic answers and out-of-office messages are neither. Their time is the message's
date. A meeting counts once it is over. A done activity is the message that Odoo posts when it is marked as
done (``mail.activity`` itself keeps the day only). Stage changes come from the tracked values of the stage. What the
addon itself did counts as none of these (:mod:`own_moves`), nor does an activity of the type by which it tells that a
lead is sales-ready.

Every count is a number, 0 when there was nothing; days since the last one are missing then.
"""

import numpy as np

from odoo.tools import SQL
from odoo.tools.translate import LazyTranslate

from ..scoring.table import NumberColumn
from .feature import DAY, Feature, asked, epoch
from .own_moves import NOT_OURS

_lt = LazyTranslate(__name__)

# name: (label, type, what is counted, 0 for the count and 1 for the time of the last one)
ACTIVITY = {
    "activity.age_days": (_lt("Age"), "days", None, None),
    "activity.messages_in": (_lt("Messages received"), "count", "message_in", 0),
    "activity.days_since_message_in": (_lt("Since the last message received"), "days", "message_in", 1),
    "activity.messages_out": (_lt("Messages sent"), "count", "message_out", 0),
    "activity.days_since_message_out": (_lt("Since the last message sent"), "days", "message_out", 1),
    "activity.meetings": (_lt("Meetings held"), "count", "meeting", 0),
    "activity.days_since_meeting": (_lt("Since the last meeting"), "days", "meeting", 1),
    "activity.activities_done": (_lt("Activities done"), "count", "activity_done", 0),
    "activity.days_since_activity_done": (
        _lt("Since the last activity was done"),
        "days",
        "activity_done",
        1,
    ),
    "activity.stage_changes": (_lt("Stage changes"), "count", "stage_change", 0),
    "activity.days_since_stage_change": (_lt("Since the last stage change"), "days", "stage_change", 1),
}


def find(env, names, labels):
    """Return the features by name: all, or those among ``names``."""
    return {
        name: Feature(name, env._(label) if labels else "", "activity", type_)
        for name, (label, type_, _kind, _part) in ACTIVITY.items()
        if names is None or name in names
    }


def needs(env, features):
    """Return ``{key: (expression, ())}`` of each lead's row."""
    return {"created": (epoch(SQL("l.create_date")), ())} if "activity.age_days" in features else {}


def columns(env, batch, features):
    """Return ``{name: column}`` by at most one query each for messages and meetings."""
    kinds = {ACTIVITY[name][2] for name in features} - {None}
    counted = {kind: [] for kind in kinds}
    for query in happened(env, kinds, batch.ids, batch.moments):
        for row, kind, is_change, *counts in env.execute_query(
            SQL(_COUNTED, happened=query, last=epoch(SQL("max(date)")))
        ):
            for one in {kind, is_change and "stage_change"} & kinds:
                counted[one].append((row, *counts))
    found = {kind: _counted(batch, rows) for kind, rows in counted.items()}
    return {name: _column(batch, name, found) for name in features}


def _column(batch, name, found):
    _label, _type, kind, part = ACTIVITY[name]
    if kind is None:
        since = np.array(batch.rows["created"], np.float64)
    elif part == 0:
        return NumberColumn(found[kind][0])
    else:
        since = found[kind][1]
    return NumberColumn(np.maximum(batch.moments - since, 0) / DAY)


def _counted(batch, rows):
    """Return counts (0 where no row) and epoch seconds of the last one (NaN), both of shape (n,)."""
    counts, last = np.zeros(len(batch.ids)), np.full(len(batch.ids), np.nan)
    if rows:
        position, count, latest = zip(*rows)
        position = np.array(position) - 1
        np.add.at(counts, position, count)
        np.fmax.at(last, position, np.array(latest, np.float64))
    return counts, last


# ------------------------------------------------------------
# What happened
# ------------------------------------------------------------

MESSAGE_KINDS = frozenset({"message_in", "message_out", "activity_done"})

_COUNTED = """
    SELECT row, kind, is_change, count(*), %(last)s FROM (%(happened)s) happened GROUP BY row, kind, is_change
"""


def happened(env, kinds, lead_ids, moments, days=None):
    """Return queries of what happened on leads before their moments: at most one each for messages and meetings, with
    columns row (from 1, in the order of the leads), moment, date, kind and is_change.

    The one for messages tells all of :data:`MESSAGE_KINDS`, and whether a message, also one of no kind, tells of a
    change of stage: messages are read once for all of these.

    :param kinds: set of message_in, message_out, activity_done, meeting, stage_change
    :param lead_ids, moments: int64 and epoch seconds of shape (n,); a lead may come several times
    :param days: what is older than so many days at the moment may be left out; None is nothing
    """
    leads = asked(lead_ids, moments)
    since = SQL("asked.moment - %s::interval", f"{days} days") if days else SQL("'-infinity'::timestamp")
    queries = []
    if kinds & (MESSAGE_KINDS | {"stage_change"}):
        kind = _message_kind(env) if kinds & MESSAGE_KINDS else SQL("NULL::text")
        is_change = _is_stage_change(env) if "stage_change" in kinds else SQL("FALSE")
        queries.append(_messages(env, leads, since, kind, is_change))
    if "meeting" in kinds:
        queries.append(_meetings(env, leads, since))
    return queries


# OFFSET 0 makes the planner go lead by lead through the index: left to itself it reads and sorts whole tables
# for each page of leads (stage changes of 5,000 leads among 600,000 messages: 386 ms instead of 38).
_MESSAGES_BEFORE = """
    SELECT id, date, message_type, subtype_id, author_id, is_internal, mail_activity_type_id FROM mail_message
    WHERE model = 'crm.lead' AND res_id = asked.lead_id AND date < asked.moment AND date >= %(since)s OFFSET 0
"""

# A message without a subtype is internal, as in Odoo; a subtype that says nothing is not.
_IS_NOTE = SQL("(message.is_internal IS TRUE OR subtype.id IS NULL OR subtype.internal IS TRUE)")

_MESSAGE_KIND = """
    CASE
        WHEN message.mail_activity_type_id = %(ours)s THEN NULL
        WHEN message.mail_activity_type_id IS NOT NULL THEN 'activity_done'
        WHEN message.message_type IN ('email_outgoing', 'sms', 'snailmail') THEN 'message_out'
        WHEN message.message_type NOT IN ('comment', 'email', 'whatsapp_message') THEN NULL
        WHEN message.author_id IN (SELECT partner_id FROM res_users WHERE share IS NOT TRUE) THEN
            CASE WHEN NOT %(is_note)s THEN 'message_out' END
        WHEN message.message_type = 'comment' AND %(is_note)s THEN NULL
        ELSE 'message_in'
    END
"""

# OFFSET 0: what kind a message is of is found once for each, not once more for each condition on it.
_MESSAGES = """
    SELECT * FROM (
        SELECT asked.row, asked.moment, message.date, %(kind)s AS kind, %(is_change)s AS is_change
        FROM %(asked)s
        CROSS JOIN LATERAL (%(messages)s) message
        LEFT JOIN mail_message_subtype subtype ON subtype.id = message.subtype_id
        OFFSET 0
    ) told
    WHERE kind IS NOT NULL OR is_change
"""


def _messages(env, leads, since, kind, is_change):
    env["mail.message"].flush_model()
    messages = SQL(_MESSAGES_BEFORE, since=since)
    return SQL(_MESSAGES, asked=leads, messages=messages, kind=kind, is_change=is_change)


def _message_kind(env):
    """Return the kind of a mail_message named "message", NULL where it is of none."""
    env["res.users"].flush_model(["partner_id", "share"])
    ours = env["ir.model.data"]._xmlid_to_res_id("lead_scoring.mail_activity_sales_ready") or 0
    return SQL(_MESSAGE_KIND, ours=ours, is_note=_IS_NOTE)


def _is_stage_change(env):
    """Return the condition that a mail_message named "message" tracks a change of stage that is not our own."""
    env["mail.tracking.value"].flush_model(["mail_message_id", "field_id"])
    env["lead.scoring.move"].flush_model(["message_id"])
    # The first one, since the planner makes a join of EXISTS, and reads all tracked values that there are. Of FALSE, not
    # of NULL, it knows the rest without looking: at our moves for each message.
    return SQL(
        "coalesce((SELECT TRUE FROM mail_tracking_value WHERE mail_message_id = message.id AND field_id = %s LIMIT 1),"
        " FALSE) AND %s",
        env["ir.model.fields"]._get("crm.lead", "stage_id").id,
        NOT_OURS,
    )


def _meetings(env, leads, since):
    env["calendar.event"].flush_model(["opportunity_id", "stop", "active"])
    return SQL(
        """
        SELECT asked.row, asked.moment, event.stop AS date, 'meeting' AS kind, FALSE AS is_change
        FROM %(asked)s
        CROSS JOIN LATERAL (
            SELECT stop FROM calendar_event
            WHERE opportunity_id = asked.lead_id AND active AND stop < asked.moment AND stop >= %(since)s OFFSET 0
        ) event
        """,
        asked=leads,
        since=since,
    )
