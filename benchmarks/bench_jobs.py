"""What ``make bench`` runs, each in a process of its own (see ``session.in_child``)."""

import dataclasses
import time
from contextlib import nullcontext
from datetime import datetime, timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tools import SQL

from benchmarks import synthetic

CRON = "lead_scoring.ir_cron_score_leads"
TRAINING_CRON = "lead_scoring.ir_cron_train_models"
# In log-odds: moves every score between 3 and 97, so that each row has something to write.
SHIFT = 0.5


def fill(env, say, leads):
    """Make the leads; say which server it is."""
    started = time.monotonic()
    opened = synthetic.fill(env, leads, say)
    synthetic.analyze(env)
    return {"open": opened, "seconds": time.monotonic() - started, "server": synthetic.describe_server(env)}


def train(env, say):
    """Train, go live without scoring, and add a second version whose log-odds are all ``SHIFT`` higher."""
    model = env.ref("lead_scoring.model_default")
    seconds, turns = _train_through_cron(env, model)
    version = model._newest_version()
    model.version_id = version
    model.action_go_live()
    card = version._load_card()
    other = dataclasses.replace(card, intercept=card.intercept + SHIFT)
    shifted = version.copy({"scorecard": other.to_json(), "sha256": other.sha256})
    model.version_id = version
    env["ir.cron.trigger"].search([]).unlink()
    env.cr.commit()
    return {
        "seconds": seconds,
        "turns": len(turns),
        "longest_turn": max(turns),
        "versions": [version.id, shifted.id],
        "features": list(card.names),
    }


def _train_through_cron(env, model):
    """Train as its button does: wall time in seconds, and that of each turn of the scheduled action."""
    model.action_train()
    env.cr.commit()
    started, turns = time.monotonic(), []
    while model.training_requested:
        begun = time.monotonic()
        env.ref(TRAINING_CRON).method_direct_trigger()
        turns.append(time.monotonic() - begun)
        env.cr.commit()
        env.invalidate_all()
    if model.training_error:
        raise RuntimeError(model.training_error)
    return time.monotonic() - started, turns


def ours(env, say, version, moment=None):
    """The daily scheduled action with that version published; counts of rows written come from the run.

    ``moment`` (ISO, UTC) holds the clock still: ages are counted to it. Otherwise leads grow older between
    two runs, which is a change that has to be written.
    """
    model = env.ref("lead_scoring.model_default")
    if model.version_id.id != version:
        model.version_id = version
    env["crm.lead.score"]._gc_score_index()  # as Odoo's daily clean-up does
    env.cr.commit()
    synthetic.analyze(env)
    env.invalidate_all()
    still = patch.object(fields.Datetime, "now", staticmethod(lambda *_: datetime.fromisoformat(moment)))
    started = time.monotonic()
    while True:
        with still if moment else nullcontext():
            error = env.ref(CRON).method_direct_trigger()
        env.cr.commit()  # the job had a cursor of its own: without a new snapshot its run is not to be seen
        env.invalidate_all()
        if isinstance(error, dict):
            raise RuntimeError(error["params"]["data"]["message"])
        run = env["lead.scoring.run"].search([("model_id", "=", model.id)], order="id desc", limit=1)
        if run.state != "running":
            break
    seconds = time.monotonic() - started
    if run.state != "done":
        raise RuntimeError(f"the run ended as {run.state}: {run.message}")
    env.cr.commit()
    return {
        "seconds": seconds,
        "leads": run.scored_count,
        "changed": run.changed_count,
        "skipped": run.skipped_count,
        "read": run.seconds_read,
        "score": run.seconds_score,
        "write": run.seconds_write,
    }


def odoos(env, say):
    """Odoo's scheduled action with the fields it ships with, counting all closed leads, without our index on leads."""
    oldest = env["crm.lead"].with_context(active_test=False).search([], order="create_date", limit=1).create_date
    env["ir.config_parameter"].set_param("crm.pls_start_date", (oldest - timedelta(days=1)).date().isoformat())
    index = env["crm.lead"]._open_of_user_idx
    env.cr.execute(SQL("DROP INDEX IF EXISTS %s", SQL.identifier(index.full_name(env["crm.lead"]))))
    env.cr.commit()
    synthetic.analyze(env)
    env.invalidate_all()
    leads = env["crm.lead"].search_count(
        [
            ("won_status", "=", "pending"),
            ("stage_id", "!=", False),
            ("create_date", "<=", fields.Datetime.now()),
        ]
    )
    env.invalidate_all()
    Lead = type(env["crm.lead"])
    rebuild, parts = Lead._rebuild_pls_frequency_table, {}

    def timed(self):
        started = time.monotonic()
        rebuild(self)
        parts["count"] = time.monotonic() - started

    started = time.monotonic()
    with patch.object(Lead, "_rebuild_pls_frequency_table", timed):
        env["crm.lead"]._cron_update_automated_probabilities()
    env.cr.commit()
    seconds = time.monotonic() - started
    index.apply_to_database(env["crm.lead"])
    env.cr.commit()
    return {
        "seconds": seconds,
        "leads": leads,
        "count": parts["count"],
        "score_and_write": seconds - parts["count"],
    }


def writes(env, say):
    """Rows written so far, by table, as PostgreSQL counts them."""
    env.cr.execute("SELECT pg_stat_force_next_flush()" if env.cr._cnx.server_version >= 150000 else "SELECT 1")
    env.cr.commit()
    env.cr.execute(
        "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables"
        " WHERE relname LIKE 'crm_lead%' OR relname LIKE 'lead_scoring%'"
    )
    return {"rows": dict(env.cr.fetchall())}
