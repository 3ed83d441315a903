"""The addon's own moves are no evidence for any model: else a score would make itself come true.

The messages of these moves are in ``lead_scoring_move``. A stage change tracked by one of them counts as none, a lead
that one of them moved stands where it stood before, and a lead that one of them converted is still a lead.
"""

import numpy as np

from odoo.tools import SQL

from .feature import asked

# Of a mail_message named "message": it tracks no move of the addon.
NOT_OURS = SQL("NOT EXISTS (SELECT FROM lead_scoring_move move WHERE move.message_id = message.id)")

# Of a crm_lead named "l": the addon converted it.
CONVERTED = SQL("EXISTS (SELECT FROM lead_scoring_move move WHERE move.lead_id = l.id AND move.converted)")

# Of a crm_lead named "l": the addon moved it some time.
MOVED = SQL("EXISTS (SELECT FROM lead_scoring_move move WHERE move.lead_id = l.id AND move.message_id IS NOT NULL)")

_STAGE_CHANGES = """
    SELECT asked.row, tracked.old_value_integer, tracked.new_value_integer, %(not_ours)s
    FROM %(asked)s
    CROSS JOIN LATERAL (
        SELECT id FROM mail_message
        WHERE model = 'crm.lead' AND res_id = asked.lead_id AND date < asked.moment OFFSET 0
    ) message
    CROSS JOIN LATERAL (
        SELECT id, old_value_integer, new_value_integer FROM mail_tracking_value
        WHERE mail_message_id = message.id AND field_id = %(stage)s OFFSET 0
    ) tracked
    ORDER BY asked.row, tracked.id DESC
"""


def stages_without(env, batch, stages):
    """Return the stage ids that leads would have without the addon's moves, by one query if there were any.

    :param stages: tuple of n ids (None is none), as they are or were at the moments
    """
    rows = np.flatnonzero(batch.rows["moved"])
    if not len(rows):
        return stages
    env["mail.message"].flush_model(["model", "res_id", "date"])
    env["mail.tracking.value"].flush_model()
    changes = env.execute_query(
        SQL(
            _STAGE_CHANGES,
            not_ours=NOT_OURS,
            asked=asked(batch.ids[rows], batch.moments[rows]),
            stage=env["ir.model.fields"]._get("crm.lead", "stage_id").id,
        )
    )
    stages, settled = list(stages), set()
    for position, old, new, not_ours in changes:  # the last one first
        row = rows[position - 1]
        if row in settled:
            continue
        if not_ours or stages[row] != new:
            settled.add(row)
        else:
            stages[row] = old or None
    return tuple(stages)
