"""What ``benchmarks/moves.py`` runs, each in a process of its own (see ``session.in_child``)."""

import statistics
import time

from benchmarks import synthetic

MOVES = "lead_scoring.ir_cron_score_leads"
SAVES = 200  # single saves that are timed, in each of so many rounds
ROUNDS = 3


def prepare(env, say, leads, move=True):
    """Make leads, train and go live; no open lead is scored yet, and all are to move, or none."""
    opened = synthetic.fill(env, leads, say)
    synthetic.analyze(env)
    model = env.ref("lead_scoring.model_default")
    model._train()
    model.with_context(lead_scoring_move_leads=move).action_go_live()
    env["ir.cron.trigger"].search([]).unlink()
    # Saved over HTTP are the leads that move: whoever works on one waits for it, if for any.
    ids = env["crm.lead"].search([("won_status", "=", "pending")], order="id").ids
    env.cr.commit()
    return {"open": opened, "ids": ids, "version": model.version_id.id}


def move(env, say):
    """The daily action: score, then move everything that is due."""
    started, turns = time.monotonic(), 0
    while True:
        error = env.ref(MOVES).method_direct_trigger()
        env.cr.commit()
        env.invalidate_all()
        if isinstance(error, dict):
            raise RuntimeError(error["params"]["data"]["message"])
        turns += 1
        run = env["lead.scoring.run"].search([], order="id desc", limit=1)
        if run.state != "running":
            break
    return {
        "seconds": time.monotonic() - started,
        "turns": turns,
        "state": run.state,
        "qualified": run.qualified_count,
        "accepted": run.accepted_count,
        "message": run.message or "",
    }


def check(env, say, values):
    """How many of the values saved over HTTP are not in the database, and leads that moved without or twice a row."""
    ids = [int(lead_id) for lead_id in values]
    rows = {row["id"]: row["expected_revenue"] for row in env["crm.lead"].browse(ids).read(["expected_revenue"])}
    lost = sum(rows[lead_id] != values[str(lead_id)] for lead_id in ids)
    env.cr.execute(
        "SELECT count(*) FROM (SELECT lead_id FROM lead_scoring_move WHERE stage_to_id IS NOT NULL"
        " GROUP BY lead_id, kind HAVING count(*) > 1) twice"
    )
    twice = env.cr.fetchone()[0]
    roles = env["crm.stage"].search([("scoring_role", "!=", False)])
    left = env["crm.lead"].search_count([("won_status", "=", "pending"), ("stage_id", "not in", roles.ids)])
    return {"lost": lost, "twice": twice, "left": left}


def saves(env, say):
    """Seconds of single saves of an open lead, with the hook on and off, taken in turn.

    :return: ``{"on" | "off": {"read" | "not_read": {"median", "p95"}}}``: of a field that the model reads, and of one that
        it does not
    """
    env["lead.scoring.config"].search([]).unlink()
    config = env["lead.scoring.config"].create({"name": "Saves"})
    leads = env["crm.lead"].search([("won_status", "=", "pending")], order="id", limit=SAVES)
    values = {"source_id": env["utm.source"].search([], limit=2).ids, "referred": ["somebody", "nobody"]}
    taken = {(on, field): [] for on in (False, True) for field in values}
    for _round in range(ROUNDS):
        for (on, field), seconds in taken.items():
            config.score_on_save = on
            env.cr.commit()
            # The first one loads what later ones have at hand.
            seconds += [_save(env, lead, field, values[field]) for lead in [leads[0], *leads]][1:]
    return {
        name: {what: _spread(taken[on, field]) for what, field in (("read", "source_id"), ("not_read", "referred"))}
        for name, on in (("off", False), ("on", True))
    }


def _save(env, lead, field, values):
    """Give a lead the other of two values; returns the seconds until it is committed."""
    value = values[lead.read([field], load=None)[0][field] == values[0]]
    started = time.perf_counter()
    lead[field] = value
    env.cr.commit()
    seconds = time.perf_counter() - started
    env.invalidate_all()
    return seconds


def _spread(seconds):
    return {"median": statistics.median(seconds), "p95": statistics.quantiles(seconds, n=20)[-1]}


def load(env, say, rows):
    """Seconds of an import of ``rows`` leads through Odoo's own import, in its batches."""
    source = env["utm.source"].search([], limit=1)
    data = [[f"Imported {at}", f"buyer{at}@firm{at % 500}.example", source.id, "3"] for at in range(rows)]
    fields = ["name", "email_from", "source_id/.id", "priority"]
    env.cr.commit()
    started = time.monotonic()
    for start in range(0, rows, 2000):  # what the import screen does by default
        result = env["crm.lead"].load(fields, data[start : start + 2000])
        if not result["ids"]:
            raise RuntimeError(result["messages"])
        env.cr.commit()
        env.invalidate_all()
    return {"seconds": time.monotonic() - started}
