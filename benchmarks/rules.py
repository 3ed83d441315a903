"""Thirty rules on what happened against a predictive model: the daily scoring of the same leads.

    LEADS=125000 python3 -m dev run --bench --on bench -m benchmarks.rules        (50,000 of them open)

Each measured run is a process of its own after VACUUM ANALYZE, and changes every score: two versions of each model
take turns. The predictive model is measured with the features that it picks, and with those of what happened besides.
Exit code 1 when the rules take more than twice the time of the former.
"""

import json
import os
import statistics
import sys
import time

from odoo.tools import SQL

from benchmarks import synthetic
from benchmarks.session import fresh_database, in_child

RUNS = 3
KINDS = ("predictive", "predictive_of_events", "rules")
MARK = 2.0
JOBS = "benchmarks.rules:"
CRON = "lead_scoring.ir_cron_score_leads"
SHIFT = 0.5  # in log-odds
EVENTS = ("message_in", "message_out", "meeting", "activity_done", "stage_change")
TABLES = ("crm_lead", "crm_lead_score", "crm_lead_score_history", "mail_message", "mail_tracking_value")


def run(leads, say=print):
    with fresh_database("bench_rules") as database:
        say(f"Making {leads:,} leads, with what happened on them")
        made = in_child(JOBS + "fill", database, say, leads=leads)
        say(f"  {made['open']:,} of them open; {made['events']}; training")
        versions = in_child(JOBS + "prepare", database, say)
        times = {kind: [] for kind in KINDS}
        for at in range(RUNS + 1):  # the very first run of each inserts its rows
            for kind, found in times.items():
                found.append(in_child(JOBS + "score", database, say, version=versions[kind][at % 2]))
                say(f"  {kind}: {found[-1]}")
    return {
        "leads": leads,
        "open": made["open"],
        "events": made["events"],
        "n_rules": versions["n_rules"],
        "features": versions["n_features"],
        **times,
        "seconds": {kind: statistics.median(one["seconds"] for one in found[1:]) for kind, found in times.items()},
    }


# ------------------------------------------------------------
# Jobs
# ------------------------------------------------------------


def fill(env, say, leads):
    """Make leads; on open ones five messages, on every third a meeting, on every second a change of stage."""
    opened = synthetic.fill(env, leads, say)
    env.cr.execute(
        SQL(
            """
            INSERT INTO mail_message (model, res_id, message_type, subtype_id, author_id, date, create_date, write_date,
                                      create_uid, write_uid, is_internal, mail_activity_type_id)
            SELECT 'crm.lead', lead.id, CASE WHEN n %% 2 = 0 THEN 'email' ELSE 'comment' END, %(subtype)s,
                   CASE WHEN n %% 2 = 1 THEN %(author)s END, moment, moment, moment, 1, 1, false,
                   CASE WHEN n = 4 THEN %(activity)s END
              FROM crm_lead lead CROSS JOIN generate_series(0, 4) n,
                   LATERAL (SELECT now() at time zone 'UTC' - ((lead.id * 7 + n * 31) %% 90 + 1) * interval '1 day')
                           AS t(moment)
             WHERE lead.won_status = 'pending' AND lead.create_uid = 1
            """,
            subtype=env.ref("mail.mt_comment").id,
            author=env.ref("base.partner_admin").id,
            activity=env.ref("mail.mail_activity_data_call").id,
        )
    )
    messages = env.cr.rowcount
    env.cr.execute(
        SQL(
            """
            INSERT INTO calendar_event (name, opportunity_id, start, stop, active, privacy, show_as, create_date, user_id)
            SELECT 'Meeting', id, moment - interval '1 hour', moment, true, 'public', 'busy', moment, 1
              FROM crm_lead,
                   LATERAL (SELECT now() at time zone 'UTC' - (id %% 90 + 1) * interval '1 day') AS t(moment)
             WHERE won_status = 'pending' AND id %% 3 = 0
            """
        )
    )
    meetings = env.cr.rowcount
    env.cr.execute(
        SQL(
            """
            INSERT INTO mail_tracking_value (mail_message_id, field_id, old_value_integer, new_value_integer)
            SELECT min(message.id), %s, 1, 2 FROM mail_message message JOIN crm_lead lead ON lead.id = message.res_id
             WHERE message.model = 'crm.lead' AND lead.won_status = 'pending' AND lead.id %% 2 = 0 GROUP BY lead.id
            """,
            env["ir.model.fields"]._get("crm.lead", "stage_id").id,
        )
    )
    events = f"{messages:,} messages, {meetings:,} meetings and {env.cr.rowcount:,} changes of stage on open leads"
    env.cr.commit()
    synthetic.analyze(env)
    return {"open": opened, "events": events}


def prepare(env, say):
    """Train the predictive model twice, write the rules, and make two versions of each."""
    predictive = env.ref("lead_scoring.model_default")
    picked = _two_versions(predictive)
    predictive.feature_ids.filtered(lambda feature: feature.name.startswith("activity.")).choice = "in"
    of_events = _two_versions(predictive)
    rules = env["lead.scoring.model"].create({"name": "Rules", "kind": "rules", "company_id": predictive.company_id.id})
    found = []
    filters = _filters(env)
    for turn in range(2):
        rules.rule_ids.unlink()
        env["lead.scoring.rule"].create([_rule(rules, at, turn, filters) for at in range(30)])
        rules._freeze_rules()
        found.append(rules.version_id.id)
    # What is measured is scoring: nothing moves to another stage.
    env["lead.scoring.config"].create(
        {"name": "Benchmark", "automatic_sales_ready": False, "automated_marketing_qualification": False}
    )
    env.cr.commit()
    return {
        "predictive": picked.ids,
        "predictive_of_events": of_events.ids,
        "rules": found,
        "n_rules": len(rules.rule_ids),
        "n_features": [len(versions[0]._load_card().features) for versions in (picked, of_events)],
    }


def _two_versions(model):
    """Train a model; returns its version and one whose log-odds are all ``SHIFT`` higher."""
    version = model._train()
    card = version._load_card()
    other = card.__class__(card.intercept + SHIFT, card.features, card.pairs)
    return version + version.copy({"scorecard": other.to_json(), "sha256": other.sha256})


def _filters(env):
    """Filters of the lead's own fields, of its contact and of its tags."""
    tag = env["crm.tag"].search([("name", "=like", "Benchmark%")], limit=1)
    countries = env["res.country"].search([], order="id", limit=30)
    return [
        [("country_id", "in", countries[:12].ids)],
        [("partner_id.country_id", "in", countries[5:20].ids)],
        [("tag_ids", "in", tag.ids)],
        [("expected_revenue", ">", 9000), ("email_from", "!=", False)],
        [("source_id.name", "ilike", "source 1"), ("phone", "!=", False)],
        [("partner_id.industry_id", "!=", False)],
    ]


def _rule(model, at, turn, filters):
    behaviour = {
        "event": EVENTS[at % 5],
        "operator": ("each", "at_least", "none")[at % 3],
        "days": (0, 14, 30, 60)[at % 4],
        "half_days": (0, 20)[at % 2] if at % 3 != 2 else 0,
    }
    return {
        "name": f"Rule {at}",
        "model_id": model.id,
        "points": (at % 7 + 1 + turn) * (-1 if at % 3 == 2 else 1),
        "match": "any" if at % 5 == 4 else "all",
        "domain": repr(filters[at % len(filters)] + [("color", "<", 50 + at)]),
        "condition_ids": [(0, 0, behaviour)],
    }


def score(env, say, version):
    """The daily scheduled action with that version's model alone live."""
    version = env["lead.scoring.model.version"].browse(version)
    model = version.model_id
    env["lead.scoring.model"].search([("id", "!=", model.id)]).state = "stopped"
    model.write({"state": "live", "version_id": version.id})
    env["ir.cron.trigger"].search([]).unlink()
    synthetic.analyze(env)
    env.invalidate_all()
    started = time.monotonic()
    while True:
        env.ref(CRON).method_direct_trigger()
        env.cr.commit()
        env.invalidate_all()
        done = env["lead.scoring.run"].search([("model_id", "=", model.id)], order="id desc", limit=1)
        if done.state != "running":
            break
    seconds = time.monotonic() - started
    if done.state != "done":
        raise RuntimeError(f"the run ended as {done.state}: {done.message}")
    return {
        "seconds": seconds,
        "leads": done.scored_count,
        "changed": done.changed_count,
        "read": done.seconds_read,
        "score": done.seconds_score,
        "write": done.seconds_write,
    }


def main():
    result = run(int(os.environ.get("LEADS") or 125_000))
    seconds = result["seconds"]
    ratio = seconds["rules"] / seconds["predictive"]
    picked, of_events = result["features"]
    print(
        f"{result['open']:,} open leads: {result['n_rules']} rules {seconds['rules']:.1f} s, a predictive model "
        f"of {picked} features {seconds['predictive']:.1f} s: {ratio:.1f} times (mark: {MARK:.0f}); one of {of_events}, "
        f"of what happened, too, {seconds['predictive_of_events']:.1f} s: "
        f"{seconds['rules'] / seconds['predictive_of_events']:.1f} times"
    )
    print(json.dumps(result, sort_keys=True))
    return 0 if ratio <= MARK else 1


if __name__ == "__main__":
    sys.exit(main())
