"""What ``make demo`` does inside Odoo: load the shipped leads, train, go live, score, show the result.

Run twice, it goes on with what is missing: leads are loaded once, a live model is not trained again.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from dev.leads import make_plan, read_description, read_table

DESCRIPTION = Path(__file__).resolve().parent.parent / "examples" / "bank_marketing" / "leads.toml"
OPEN_SHARE = 0.1
LOADED = "lead_scoring.demo_leads"  # config parameter: which leads are in this database
ODOO_SAID = "lead_scoring.demo_odoo"  # config parameter: what Odoo's own scoring said of the open ones, by lead
CHOICES = ("recent", "all")
PASSING = "~ "  # begins a line that is of interest only until the next one
# More open leads than this stay where they are.
MOST_MOVED = 1_000


def run(env, leads="recent", say=print):
    """Load, train, score and print. ``leads`` is ``recent`` (June 2009 - November 2010) or ``all`` (from May
    2008).

    ``env`` is of the superuser, outside of a request; the job commits. ``say`` takes one line of text.
    """
    if leads not in CHOICES:
        raise ValueError(f"LEADS must be one of {', '.join(CHOICES)}, not {leads!r}")
    env = env(su=True, context={**env.context, "lang": "en_US"})
    plan = shipped_plan(leads)
    outcomes = _load_once(env, plan, leads, say)
    model = env.ref("lead_scoring.model_default")
    _odoo_scores_once(env, plan, outcomes, say)
    _train_once(env, model, say)
    _score(env, say)
    for line in report(env, outcomes):
        say(line)


def shipped_plan(leads="recent", open_share=OPEN_SHARE):
    """The plan of the shipped leads, the newest ``open_share`` of them open."""
    description = read_description(DESCRIPTION)
    if leads == "all":
        description = replace(description, file=replace(description.file, first_row=1))
    return make_plan(description, read_table(description), split="time", open_share=open_share)


def _load_once(env, plan, leads, say):
    """{id of an open lead: will it be won}; loads the leads unless they are there, all of them or none."""
    from dev.leads.load import load  # imports odoo

    stored = json.loads(env["ir.config_parameter"].get_param(LOADED) or "{}")
    if stored:
        ids = _ids_of(env, stored["team"])
        if stored["leads"] == leads and len(ids) == plan.n_leads:
            say(f"The {plan.n_leads:,} shipped leads are in this database.")
        else:
            say(f"This database holds the {stored['leads']} leads, partly changed; they stay as they are.")
            return {}
    else:
        say(f"Loading {plan.summary()}")
        loaded = load(env, plan, say=say, commit=False)
        ids = loaded.ids
        env["ir.config_parameter"].set_param(LOADED, json.dumps({"leads": leads, "team": loaded.team.id}))
        env.cr.commit()
        say(f"  loaded in {loaded.seconds:.0f} s, into the sales team {loaded.team.name!r}")
    return {lead_id: won for lead_id, won, opened in zip(ids, plan.won, plan.is_open) if opened}


def _ids_of(env, team_id):
    """Ids of a team's leads in the order they were made, which is the order of the plan."""
    leads = env["crm.lead"].with_context(active_test=False).search([("team_id", "=", team_id)], order="id")
    return leads.ids


def _train_once(env, model, say):
    """Train the out-of-box model and take it live, unless it is."""
    if model.state in ("going_live", "live") and model.version_id:
        say(f"The model {model.name!r} is live; it is not trained again.")
        return
    started = time.monotonic()
    say(f"Training {model.name!r} on {model.won_count:,} won and {model.lost_count:,} lost leads")
    with _log_told(say):
        model._train()
    if not model.version_id:
        say(f"  {model.message}")
        env.cr.commit()
        return
    # Each move is a tracked one: some hundred leads show what it is like, thousands would take minutes.
    moves = model.open_count <= MOST_MOVED
    model.with_context(lead_scoring_move_leads=moves).action_go_live()
    env.cr.commit()
    say(f"  trained and live after {time.monotonic() - started:.0f} s")


@contextlib.contextmanager
def _log_told(say):
    """What the addon notes in Odoo's log meanwhile, how far a training is, told as PASSING lines."""
    handler = logging.Handler()
    handler.emit = lambda record: say(f"{PASSING}{record.getMessage()}")
    logger = logging.getLogger("odoo.addons.lead_scoring")
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


def _score(env, say):
    """The daily scheduled action, as the scheduler runs it."""
    started = time.monotonic()
    say("Running the daily scheduled action")
    unfinished = True
    while unfinished:  # a turn lasts some seconds; the scheduler would begin the next one
        error = env.ref("lead_scoring.ir_cron_score_leads").method_direct_trigger()
        if isinstance(error, dict):
            raise RuntimeError(f"the scheduled action failed: {error['params']['data']['message']}")
        env.cr.commit()
        env.invalidate_all()
        unfinished = env["lead.scoring.run"].search_count([("state", "=", "running")])
    say(f"  done after {time.monotonic() - started:.1f} s")


def _odoo_scores_once(env, plan, outcomes, say):
    """Odoo's own predictive scoring on the same leads, counting all of the closed ones.

    Before ours moves leads: to Odoo's own, a stage that no closed lead was in tells much, and nothing true.
    """
    if env["ir.config_parameter"].get_param(ODOO_SAID):
        return
    started = time.monotonic()
    say("Running Odoo's own predictive lead scoring on the same leads")
    oldest = min(plan.created) - timedelta(days=1)
    env["ir.config_parameter"].set_param("crm.pls_start_date", oldest.date().isoformat())
    env["crm.lead"]._cron_update_automated_probabilities()
    env.invalidate_all()
    said = {lead.id: lead.automated_probability for lead in env["crm.lead"].browse(outcomes)}
    env["ir.config_parameter"].set_param(ODOO_SAID, json.dumps(said))
    env.cr.commit()
    say(f"  done after {time.monotonic() - started:.1f} s")


# The result


def report(env, outcomes):
    """Lines of the result: leads scored, by grade, the ten best, AUC of both scorings."""
    leads = env["crm.lead"].search([("lead_score", ">", 0)], order="lead_score desc, id")
    yield ""
    yield f"{len(leads):,} open leads have a score."
    yield from _grades(env, leads)
    yield ""
    yield "The ten best leads"
    yield from _best(env, leads[:10])
    yield ""
    yield from _comparison(env, outcomes)


def _grades(env, leads):
    counts = dict(env["crm.lead"]._read_group([("id", "in", leads.ids)], ["lead_grade"], ["__count"]))
    model = env.ref("lead_scoring.model_default")
    for grade in model.grade_ids.sorted("min_score", reverse=True):
        count = counts.get(grade.name, 0)
        bar = "#" * round(40 * count / max(1, len(leads)))
        yield f"  {grade.name}  {grade.min_score:3d}-{grade.max_score:<3d} {count:7,d}  {bar}"


def _best(env, leads):
    trends = dict(env["crm.lead"]._fields["lead_score_trend"]._description_selection(env))
    reasons = leads._get_lead_score_reasons()
    for lead in leads:
        trend = trends.get(lead.lead_score_trend, "")
        why = [reason["text"] for reason in (reasons.get(lead.id) or {}).get("reasons", [])[:1]]
        yield (
            f"  {lead.lead_score:3d} {lead.lead_grade or '-'}  {trend:15.15s}  {lead.name:48.48s}  "
            f"{why[0] if why else ''}"
        )


def _comparison(env, outcomes):
    said = json.loads(env["ir.config_parameter"].get_param(ODOO_SAID) or "{}")
    leads = env["crm.lead"].browse(outcomes)
    leads = leads.filtered(lambda lead: lead.won_status == "pending" and lead.lead_score and str(lead.id) in said)
    won = [outcomes[lead.id] for lead in leads]
    if not any(won) or all(won):
        yield "The outcome of the open leads is not known, so nothing can be compared."
        return
    ours = auc(won, [lead.lead_score for lead in leads])
    theirs = auc(won, [said[str(lead.id)] for lead in leads])
    yield f"What became of these {len(leads):,} open leads is known outside of the database."
    yield "How well each scoring ranks the won ones above the lost ones (AUC; 0.5 is chance, 1 is perfect):"
    yield f"  Lead Scoring          {ours:.3f}"
    yield f"  Odoo's own scoring    {theirs:.3f}"


def auc(won, scores):
    """Area under the ROC curve; equal scores share their ranks. ``won`` has both outcomes."""
    order = sorted(range(len(scores)), key=lambda at: scores[at])
    ranks, at = 0.0, 0
    while at < len(order):
        end = at
        while end < len(order) and scores[order[end]] == scores[order[at]]:
            end += 1
        ranks += sum(won[row] for row in order[at:end]) * (at + end + 1) / 2
        at = end
    n_won = sum(won)
    return (ranks - n_won * (n_won + 1) / 2) / (n_won * (len(won) - n_won))
