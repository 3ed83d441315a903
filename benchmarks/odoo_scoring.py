"""Odoo's own predictive lead scoring, run as its scheduled action runs it, with three choices of fields.

- *as shipped*: the fields a new database has chosen;
- *every field*: those and every other field of crm.lead that the leads have values in and that names
  something (its
  settings offer all fields of crm.lead; it counts each distinct value, so amounts and free titles are of no
  use to it);
- *every column*: in addition a custom field for each property and each of the company's fields, numbers cut
  into
  tenths. Nobody does that in real life; it shows what Odoo's arithmetic could reach.
"""

from datetime import timedelta

import numpy as np

from odoo.tools import SQL

SHIPPED = "phone_state,email_state,state_id,country_id,source_id,lang_id,tag_ids"
NOT_TO_CHOOSE = {
    "stage_id",
    "team_id",
    "user_id",
    "company_id",
    "create_uid",
    "write_uid",
    "won_status",
    "lost_reason_id",
    "active",
    "name",
    "type",
    "recurring_plan",
    "iap_enrich_done",
    "lead_sales_ready",
    "reveal_id",
    "email_domain_criterion",
    "email_normalized",
    "phone_sanitized",
    "color",
}
LIMIT = 1000  # distinct values of a text above which it names each lead and not a kind of lead


def run(env, fields, oldest):
    """Run the scheduled action with the chosen ``fields`` (a,b,c), counting closed leads since ``oldest``."""
    params = env["ir.config_parameter"].sudo()
    params.set_param("crm.pls_start_date", (oldest - timedelta(days=1)).date().isoformat())
    params.set_param("crm.pls_fields", fields)
    env.cr.commit()
    env["crm.lead"]._cron_update_automated_probabilities()
    env.cr.commit()
    env.invalidate_all()


def probabilities(env, ids):
    """{lead id: probability 0-1} as that action left it."""
    env.cr.execute(SQL("SELECT id, automated_probability FROM crm_lead WHERE id = ANY(%s)", list(ids)))
    return {lead_id: (value or 0.0) / 100 for lead_id, value in env.cr.fetchall()}


def every_field(env, ids):
    """The shipped fields and all others worth choosing."""
    chosen = SHIPPED.split(",")
    for name, field in env["crm.lead"]._fields.items():
        if name in chosen or name in NOT_TO_CHOOSE or not field.store or not field.column_type:
            continue
        if field.type not in ("many2one", "selection", "char", "boolean", "integer"):
            continue
        column = SQL.identifier(name)
        env.cr.execute(SQL("SELECT count(DISTINCT %s) FROM crm_lead WHERE id = ANY(%s)", column, list(ids)))
        count = env.cr.fetchone()[0]
        if 1 < count <= LIMIT:
            chosen.append(name)
    return ",".join(chosen)


def add_every_column(env, plan, ids):
    """Make custom fields of all columns that are no field of crm.lead; return their names (a,b,c)."""
    model = env["ir.model"]._get("crm.lead")
    planned = [p for p in plan.columns if p.column.target != "field" or p.kind in ("integer", "float")]
    columns = {f"x_column_{at}": _as_text(p, plan.is_open) for at, p in enumerate(planned)}
    env["ir.model.fields"].create(
        [
            {
                "model_id": model.id,
                "name": name,
                "field_description": name,
                "ttype": "char",
                "state": "manual",
            }
            for name in columns
        ]
    )
    env.cr.commit()
    for name, texts in columns.items():
        env.cr.execute(
            SQL(
                "UPDATE crm_lead SET %s = v.value FROM unnest(%s::int[], %s::text[]) AS v(id, value)"
                " WHERE crm_lead.id = v.id",
                SQL.identifier(name),
                ids,
                texts,
            )
        )
    env.cr.commit()
    env.invalidate_all()
    return ",".join(columns)


def _as_text(planned, is_open):
    """One text for a lead; numbers as their tenth among the closed leads."""
    values = planned.values
    if planned.kind in ("integer", "float"):
        closed = [value for value, opened in zip(values, is_open) if value is not None and not opened]
        edges = np.unique(np.quantile(closed, np.linspace(0, 1, 11)[1:-1])) if closed else []
        return [None if value is None else f"tenth {np.searchsorted(edges, value, side='right')}" for value in values]
    return [None if value is None else str(value)[:200] for value in values]
