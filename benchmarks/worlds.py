"""Simulated databases whose truth is known, end to end through Odoo.

    python3 -m dev run -m benchmarks.worlds [seeds] [leads a day]

The worlds are those of `lead_scoring/tests/scoring/simulated.py`: leads come, take their time, and are won or lost. They
are loaded into a fresh database each, the out-of-the-box model is trained and goes live, and its scheduled action scores
the open leads. Compared are the mean score of the open leads and their mean true probability, without those older than
almost any lead that closed (no probability is claimed for them); and what the version warns of. The exit code is not 0
where a mean score is more than a tenth off and the version neither has a doubtful history nor tells of a drift.
"""

import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from benchmarks.session import fresh_database, in_child

ROOT = Path(__file__).resolve().parent.parent
WORLDS = ("steady", "growing", "young", "forgotten")
# From here on the mean score counts as wrong, and a warning is due.
FAR = 0.10


def measure(env, say, kind, seed, per_day):
    """Load a world, train, go live, score: a dict of figures."""
    sys.path[:0] = [str(ROOT / "lead_scoring"), str(ROOT / "lead_scoring/tests/scoring")]
    from simulated import world

    data = world(kind, seed, per_day)
    ids = _load(env, data)
    model = env.ref("lead_scoring.model_default")
    version = model._train()
    if not model.version_id:
        model._publish(version)  # not ready: measured all the same
    model.action_go_live()
    env.cr.commit()
    env.ref("lead_scoring.ir_cron_score_leads").method_direct_trigger()
    env.cr.commit()
    env.invalidate_all()
    truth = dict(zip(ids, data.chance.tolist()))
    env.cr.execute("SELECT lead_id, score FROM crm_lead_score WHERE model_id = %s", [model.id])
    scores = dict(env.cr.fetchall())
    too_old = set(env["crm.lead"].search(model.action_view_too_old_leads()["domain"]).ids)
    known = [lead_id for lead_id in scores if lead_id not in too_old]
    exact = model._score_probabilities(known)
    return {
        "closed": int(data.closed.sum()),
        "open": len(scores),
        "too_old": len(too_old),
        "truth": float(np.mean([truth[lead_id] for lead_id in known])),
        "score": float(np.mean([scores[lead_id] for lead_id in known])) / 100,
        "probability": float(np.mean([exact[lead_id] for lead_id in known])),
        "gate": version.gate,
        "auc": version.auc,
        "features": list(version._load_card().names),
        "doubted": bool(version.report["training"]["flags"] or version.report["drift"]),
        "warnings": version.warnings or "",
    }


def _load(env, data):
    """Store the leads of a world, the present being now; return their ids in its order."""
    team = env["crm.team"].create(
        {
            "name": "World",
            "company_id": False,
            "lead_properties_definition": [{"name": "taste", "string": "Taste", "type": "float"}],
        }
    )
    won_stage = env["crm.stage"].search([("is_won", "=", True)], limit=1)
    open_stage = env["crm.stage"].search([("is_won", "=", False), ("team_ids", "=", False)], limit=1)
    now = datetime.now()
    at = lambda seconds: now - timedelta(seconds=float(data.now - seconds))
    rows = []
    for number in range(len(data.created)):
        closed, won = bool(data.closed[number]), bool(data.won[number])
        outcome = ("won" if won else "lost") if closed else "pending"
        rows.append(
            (
                f"Lead {number}",
                at(data.created[number]),
                at(data.created[number] + data.lifetime[number]) if closed else None,
                outcome != "lost",
                outcome,
                won_stage.id if outcome == "won" else open_stage.id,
                {"won": 100, "lost": 0, "pending": 10}[outcome],
                float(data.taste[number]),
            )
        )
    env.cr.execute(
        """
        INSERT INTO crm_lead (name, type, company_id, team_id, create_date, write_date, date_closed, active, won_status,
                              stage_id, probability, automated_probability, lead_properties)
        SELECT name, 'opportunity', %s, %s, created, coalesce(closed, created), closed, active, outcome, stage,
               probability, probability, jsonb_build_object('taste', taste)
        FROM unnest(%s::text[], %s::timestamp[], %s::timestamp[], %s::bool[], %s::text[], %s::int[], %s::float8[],
                    %s::float8[]) AS world(name, created, closed, active, outcome, stage, probability, taste)
        RETURNING id
        """,
        [env.ref("base.main_company").id, team.id, *map(list, zip(*rows))],
    )
    ids = [lead_id for (lead_id,) in env.cr.fetchall()]
    env.cr.commit()
    env.invalidate_all()
    return ids


def main(seeds=3, per_day=20):
    print(
        "world      seed  closed   open  too old   truth   score  score/truth  probability/truth  AUC  gate; warnings"
    )
    missed = False
    for kind in WORLDS:
        for seed in range(seeds):
            with fresh_database("worlds") as database:
                found = in_child("benchmarks.worlds:measure", database, kind=kind, seed=seed, per_day=per_day)
            ratio = found["score"] / found["truth"]
            missed |= abs(ratio - 1) > FAR and not found["doubted"]
            print(
                f"{kind:11s}{seed:4d}{found['closed']:8d}{found['open']:7d}{found['too_old']:9d}{found['truth']:8.3f}"
                f"{found['score']:8.3f}{ratio:13.2f}{found['probability'] / found['truth']:19.2f}"
                f"  {found['auc']:.3f}  {found['gate']}; {found['warnings'].replace(chr(10), ' ')}",
                flush=True,
            )
            print(f"           features: {', '.join(found['features'])}", flush=True)
    if missed:
        sys.exit("A mean score is more than a tenth off, and nothing warns of it.")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
