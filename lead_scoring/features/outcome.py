"""What a model predicts: which leads it is about, when one has ended, and how.

- *Won rather than lost*: every lead; it ends when it is won or lost.
- *Qualified rather than lost*: leads that came as a lead, not as an opportunity; they end when they are converted to an
  opportunity, whatever becomes of that, or lost before. Conversions have a date; where somebody changed the type by
  hand or by a merge, Odoo tracked when. Those that the addon converted itself are left out: they would make its scores
  come true.
"""

from dataclasses import dataclass

from odoo.fields import Domain
from odoo.tools import SQL

from .history import CLOSED_AT
from .own_moves import CONVERTED

# A lead that is an opportunity now was a lead before the last tracked change of its type.
_TYPE_CHANGES = SQL("""
    FROM mail_tracking_value tracked JOIN mail_message message ON message.id = tracked.mail_message_id
    WHERE message.model = 'crm.lead'
      AND tracked.field_id IN (SELECT id FROM ir_model_fields WHERE model = 'crm.lead' AND name = 'type')
""")
# Those of whom a change was tracked are looked up once: most opportunities came as such.
CONVERTED_AT = SQL(
    """
    CASE WHEN l.type IS DISTINCT FROM 'opportunity' OR %(ours)s THEN NULL
         WHEN l.date_conversion IS NOT NULL THEN l.date_conversion
         WHEN l.id IN (SELECT message.res_id %(changes)s)
         THEN (SELECT max(message.date) %(changes)s AND message.res_id = l.id)
    END
    """,
    changes=_TYPE_CHANGES,
    ours=CONVERTED,
)


@dataclass(frozen=True)
class Outcome:
    """``came``: SQL, whether a lead is one of those it is about. ``ended_at``: SQL, when it ended; NULL while it has not.
    ``won``: SQL, of one that has ended. ``open``: Domain of the leads to be scored. ``gives_away``: names of features
    that say it. SQL is of ``crm_lead l``.
    """

    name: str
    came: SQL
    ended_at: SQL
    won: SQL
    open: Domain
    gives_away: frozenset = frozenset()


_PENDING = Domain("won_status", "=", "pending") & Domain("active", "=", True)

WON = Outcome(
    "won",
    came=SQL("TRUE"),
    ended_at=SQL("CASE WHEN l.won_status IN ('won', 'lost') THEN %s END", CLOSED_AT),
    won=SQL("l.won_status = 'won'"),
    open=_PENDING,
)

QUALIFIED = Outcome(
    "qualified",
    came=SQL("(l.type = 'lead' OR %s IS NOT NULL)", CONVERTED_AT),
    ended_at=SQL(
        "CASE WHEN l.type = 'lead' AND l.won_status = 'lost' THEN %s WHEN l.type = 'opportunity' THEN %s END",
        CLOSED_AT,
        CONVERTED_AT,
    ),
    won=SQL("l.type = 'opportunity'"),
    open=_PENDING & Domain("type", "=", "lead"),
    gives_away=frozenset({"lead.type"}),
)

OUTCOMES = {outcome.name: outcome for outcome in (WON, QUALIFIED)}
