"""``make quality``: how well the addon ranks leads it has never seen, against Odoo's own scoring and a
reference.

``DATA=description.toml SEED=n SPLIT=time|random``; see ``benchmarks/README.md``. Runs in a fresh database.
"""

from __future__ import annotations

import json
import os
import sys
import time

import numpy as np

from benchmarks import reference
from benchmarks.measures import auc_gap, measure
from benchmarks.session import fresh_database
from dev.leads import DescriptionError, make_plan, read_description, read_table

OPEN_SHARE = 0.2
HEADINGS = {
    "lead_scoring": "Lead Scoring",
    "odoo_as_shipped": "Odoo, as shipped",
    "odoo_every_field": "Odoo, every field",
    "odoo_every_column": "Odoo, every column",
    "reference": "LightGBM + CatBoost",
    "base_rate": "base rate of the closed",
}
COLUMNS = ("auc", "brier", "log_loss", "calibration_error", "lift_top_tenth")


def plan_of(data, split=None, seed=0):
    """The plan of a described data set: older 80 % closed, newest 20 % open; or a seeded fifth open."""
    description = read_description(data)
    return make_plan(description, read_table(description), split=split or None, open_share=OPEN_SHARE, seed=seed)


def run(env, plan, seed=0, say=print):
    """Load, score in every way, measure. Returns a dictionary that JSON can hold."""
    from dev.leads.load import load  # these import odoo

    _check_counts(plan)
    seconds = {}
    env = env(su=True, context={**env.context, "lang": "en_US"})
    for note in plan.notes:
        say(f"  {note}")
    say(f"Loading {plan.summary()}")
    loaded = load(env, plan, say=say)
    seconds["load"] = loaded.seconds
    outcomes = loaded.open_outcomes(plan)
    opened = list(outcomes)
    won = np.array([outcomes[lead_id] for lead_id in opened])
    result, notes = {}, []
    result["lead_scoring"] = _timed(seconds, "lead_scoring", _ours, env, plan, opened, notes, say)
    odoos, chosen = _odoos(env, plan, loaded.ids, opened, seconds, say)
    result.update(odoos)
    say("Fitting the reference (LightGBM, CatBoost)")
    result["reference"] = _timed(seconds, "reference", reference.predict, plan, seed, say)
    closed_won = [flag for flag, is_open in zip(plan.won, plan.is_open) if not is_open]
    result["base_rate"] = np.full(len(opened), np.mean(closed_won))
    return {
        "data": plan.description.source.stem,
        "split": plan.split,
        "seed": seed,
        "closed": len(closed_won),
        "open": len(opened),
        "base_rate_closed": float(np.mean(closed_won)),
        "base_rate_open": float(won.mean()),
        "methods": {name: measure(won, values) for name, values in result.items() if values is not None},
        "gap_to_reference": auc_gap(won, result["reference"], result["lead_scoring"]),
        "odoo_fields": chosen,
        "notes": plan.notes + notes,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
    }


def _check_counts(plan):
    """Refuse before loading what cannot be trained on or measured."""
    from odoo.addons.lead_scoring.scoring.errors import MINIMUM_CLOSED

    for flag, word in ((True, "won"), (False, "lost")):
        closed, opened = (
            sum(won is flag for won, is_open in zip(plan.won, plan.is_open) if is_open is part)
            for part in (False, True)
        )
        if closed < MINIMUM_CLOSED:
            raise DescriptionError(
                f"{plan.description.source}: {closed} {word} leads are among the closed ones of this split; "
                f"the addon learns from {MINIMUM_CLOSED} at least"
                + ("; another SEED may leave more" if plan.split == "random" else "; try SPLIT=random")
            )
        if not opened:
            raise DescriptionError(
                f"{plan.description.source}: no {word} lead is among the {sum(plan.is_open):,} open ones of this "
                "split, so nothing can be measured; try SPLIT=random or another SEED"
            )


def _timed(seconds, name, function, *arguments):
    started = time.monotonic()
    value = function(*arguments)
    seconds[name] = time.monotonic() - started
    return value


def _ours(env, plan, opened, notes, say):
    """Probabilities by the addon: its own model is trained and scores through its scheduled action.

    A random split takes its open leads from all times and makes them young, so all closed leads are learned from, as
    the others do: of leads that came two years ago, the model as shipped would know nothing.
    """
    from odoo.exceptions import UserError

    from odoo.addons.lead_scoring.scoring.errors import ScoringError

    model = env.ref("lead_scoring.model_default")
    if plan.split == "random":
        model.training_months = "0"
    say(f"Training {model.name!r}")
    try:
        model._train()
    except (ScoringError, UserError) as error:
        raise DescriptionError(f"the addon cannot learn from these leads: {error}") from None
    version = model._newest_version()
    notes.append(f"The addon calls its model: {dict(version._fields['gate'].selection)[version.gate]}")
    notes.extend(version._warnings())
    if not model.version_id:
        say("The model is not ready and would not be published; it is published by hand to be measured")
        version.action_publish()
    model.action_go_live()
    env.cr.commit()
    say("Running the daily scheduled action")
    error = env.ref("lead_scoring.ir_cron_score_leads").method_direct_trigger()
    if isinstance(error, dict):
        raise RuntimeError(f"the scheduled action failed: {error['params']['data']['message']}")
    env.cr.commit()
    env.invalidate_all()
    env.cr.execute("SELECT lead_id, score FROM crm_lead_score WHERE main")
    scores = dict(env.cr.fetchall())
    missing = [lead_id for lead_id in opened if lead_id not in scores]
    if missing:
        raise RuntimeError(f"{len(missing)} of {len(opened)} open leads got no score")
    if hasattr(model, "_score_probabilities"):
        exact = model._score_probabilities(opened)
        wrong = [i for i in opened if abs(100 * exact[i] - min(max(scores[i], 1), 99)) > 0.5 and 0.01 < exact[i] < 0.99]
        if wrong:
            notes.append(f"{len(wrong)} stored scores differ from the model's probability")
        return np.array([exact[lead_id] for lead_id in opened])
    notes.append("Lead Scoring is measured by its rounded score")
    return np.array([scores[lead_id] / 100 for lead_id in opened])


def _odoos(env, plan, ids, opened, seconds, say):
    """Probabilities by Odoo's own scoring, and the fields it had chosen, by name."""
    from benchmarks import odoo_scoring

    oldest = min(plan.created)
    chosen = {"odoo_as_shipped": odoo_scoring.SHIPPED, "odoo_every_field": odoo_scoring.every_field(env, ids)}
    result = {}
    for name in (*chosen, "odoo_every_column"):
        if name not in chosen:
            more = odoo_scoring.add_every_column(env, plan, ids)
            chosen[name] = f"{chosen['odoo_every_field']},{more}" if more else chosen["odoo_every_field"]
        count = len(chosen[name].split(","))
        say(f"Running Odoo's own scoring: {HEADINGS[name].split(', ')[1]} ({count} fields)")
        _timed(seconds, name, odoo_scoring.run, env, chosen[name], oldest)
        probability = odoo_scoring.probabilities(env, opened)
        result[name] = np.array([probability[lead_id] for lead_id in opened])
    return result, chosen


def table(result):
    """Lines that people read."""
    yield ""
    yield (
        f"{result['data']}, split by {result['split']}, seed {result['seed']}: trained on "
        f"{result['closed']:,} closed leads ({result['base_rate_closed']:.1%} won), "
        f"measured on {result['open']:,} open ones ({result['base_rate_open']:.1%} won)"
    )
    yield ""
    yield f"{'':24s}{'AUC':>8s}{'Brier':>9s}{'log loss':>10s}{'calib.':>9s}{'lift 10 %':>11s}"
    for name, heading in HEADINGS.items():
        if name in result["methods"]:
            auc, brier, loss, error, best = (result["methods"][name][column] for column in COLUMNS)
            yield f"{heading:24s}{auc:8.4f}{brier:9.4f}{loss:10.4f}{error:9.4f}{best:11.2f}"
    gap, error = result["gap_to_reference"]
    yield f"The reference's AUC is higher by {gap:.4f} (standard error {error:.4f})"
    for note in result["notes"]:
        yield f"note: {note}"
    yield ""


def report(result, say=print):
    for line in table(result):
        say(line)
    say(json.dumps(result, sort_keys=True))


def main():
    from dev.odoo_env import odoo_env

    data, split, seed = (os.environ.get(name) or "" for name in ("DATA", "SPLIT", "SEED"))
    if not data:
        print(
            "error: say which data: make quality DATA=path/to/description.toml "
            "(benchmarks/datasets/README.md tells how to write one)",
            file=sys.stderr,
        )
        return 1
    if not (seed or "0").isdecimal():
        print(f"error: SEED must be a whole number, not {seed!r}", file=sys.stderr)
        return 1
    seed = int(seed or 0)
    try:
        plan = plan_of(data, split, seed)
        with fresh_database("quality") as database, odoo_env(database, log_level="error") as env:
            report(run(env, plan, seed))
    except DescriptionError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
