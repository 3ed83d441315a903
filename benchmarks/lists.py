"""``make bench-lists LEADS=1000000``: what scores cost in lists, against Odoo's own list of the same leads.

Read as the web client reads a list: one ``web_search_read`` of 80 leads with the fields of the view. See
``benchmarks/README.md`` for what the figures mean.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time

from benchmarks.session import fresh_database, in_child

MARK = 1.2  # times the stock list
PAGE = 80
COUNT_LIMIT = 10_000  # the web client counts so far, unless the list says otherwise
ROUNDS = 25  # of all lists in turn
TRAINED_ON = 20_000  # leads: what a model learned from is not what is measured here
SALESPEOPLE = 200
JOBS = "benchmarks.lists:"
STOCK = "crm.crm_case_tree_view_oppor"
SCORED = "lead_scoring.crm_lead_view_list_scored"
OUR_COLUMNS = ("lead_score", "lead_grade", "lead_score_trend")
BY_SCORE = "lead_score desc, id desc"


# What is run in a process of its own, in Odoo


def fill(env, say, leads):
    """Make the leads, dealt out to the salespeople, and score the open ones."""
    from odoo import Command

    from benchmarks import synthetic

    started = time.monotonic()
    group = env.ref("sales_team.group_sale_salesman_all_leads")
    people = env["res.users"].create(
        [
            {"name": f"Salesperson {at}", "login": f"salesperson{at}", "group_ids": [Command.link(group.id)]}
            for at in range(SALESPEOPLE)
        ]
    )
    opened = synthetic.fill(env, leads, say, people)
    synthetic.analyze(env)
    say(f"  {opened:,} of them open, after {time.monotonic() - started:.0f} s; training and scoring")
    model = env.ref("lead_scoring.model_default")
    some = env["crm.lead"].with_context(active_test=False).search([], order="id", limit=1, offset=TRAINED_ON)
    model.domain = f"[('id', '<', {some.id or 2**31})]"
    model._train()
    model.domain = "[]"
    model.action_go_live()
    env.cr.commit()
    while True:
        error = env.ref("lead_scoring.ir_cron_score_leads").method_direct_trigger()
        env.cr.commit()
        env.invalidate_all()
        if isinstance(error, dict):
            raise RuntimeError(error["params"]["data"]["message"])
        run = env["lead.scoring.run"].search([("model_id", "=", model.id)], order="id desc", limit=1)
        if run.state != "running":
            break
    if run.state != "done":
        raise RuntimeError(f"the run ended as {run.state}: {run.message}")
    env["crm.lead.score"]._gc_score_index()  # as Odoo's daily clean-up does
    env.cr.commit()
    synthetic.analyze(env)
    return {
        "open": opened,
        "scored": run.scored_count,
        "seconds": time.monotonic() - started,
        "server": synthetic.describe_server(env),
    }


def measure(env, say, rounds=ROUNDS):
    """Median milliseconds of each list, for a salesperson's own leads and for all of them."""
    person = env["res.users"].search([("login", "=", "salesperson0")])
    env = env(user=person, su=False)
    env = env(
        context={**env["res.users"].context_get(), "allowed_company_ids": env.user.company_id.ids, "bin_size": True}
    )
    medians = {}
    for whose, mine in (("own", [("user_id", "=", person.id)]), ("all", [])):
        lists = _lists(env, mine)
        times = {name: [] for name in lists}
        for round_number in range(rounds + 3):
            for name, read in lists.items():
                env.invalidate_all()
                started = time.perf_counter()
                read()
                if round_number >= 3:  # before that, caches are filled
                    times[name].append(1000 * (time.perf_counter() - started))
        medians[whose] = {name: statistics.median(found) for name, found in times.items()}
        for name, found in medians[whose].items():
            say(f"  {whose:4} {name:32} {found:7.1f} ms  {found / medians[whose]['stock']:5.2f}")
    return {"milliseconds": medians}


def _lists(env, mine):
    """``{name: function that reads that list}`` of the leads of a domain."""
    with_columns, ours = _fields_shown(env, STOCK, OUR_COLUMNS), _fields_shown(env, SCORED)
    stock = {name: asked for name, asked in with_columns.items() if not name.startswith("lead_")}
    pipeline = [("type", "=", "opportunity"), *mine]
    open_leads = [("won_status", "=", "pending"), *mine]
    scored = [*open_leads, ("lead_score_trend", "!=", False)]

    def reading(domain, specification, order=None, count_limit=COUNT_LIMIT):
        return lambda: env["crm.lead"].web_search_read(
            domain, specification, limit=PAGE, order=order, count_limit=count_limit + 1
        )

    return {
        "stock": reading(pipeline, stock),
        "stock, our columns": reading(pipeline, with_columns),
        "stock, open leads": reading(open_leads, stock),
        "scored, by score": reading(scored, ours, BY_SCORE, _count_limit(env, SCORED)),
        "the same, counted to 10,000": reading(scored, ours, BY_SCORE),
        "stock, by score": reading(pipeline, with_columns, BY_SCORE),
        "open and unscored, by score": reading(open_leads, ours, BY_SCORE, _count_limit(env, SCORED)),
    }


def _arch(env, view):
    from lxml import etree

    return etree.fromstring(env["crm.lead"].get_view(env.ref(view).id, "list")["arch"])


def _count_limit(env, view):
    return int(_arch(env, view).get("count_limit"))


def _fields_shown(env, view, more=()):
    """What the web client asks for: the fields of a list that are not hidden until somebody wants them."""
    specification = {}
    for node in _arch(env, view).iter("field"):
        name, field = node.get("name"), env["crm.lead"]._fields[node.get("name")]
        if node.get("optional") == "hide" and name not in more:
            continue
        specification[name] = {}
        if field.type == "many2one":
            specification[name] = {"fields": {"display_name": {}}}
        elif node.get("widget") == "list_activity":
            specification |= {
                name: {}
                for name in (
                    "activity_exception_decoration",
                    "activity_exception_icon",
                    "activity_state",
                    "activity_summary",
                    "activity_type_icon",
                    "activity_type_id",
                )
            }
        elif node.get("widget") == "many2many_tags":
            specification[name] = {"fields": {"display_name": {}, "color": {}}}
        elif field.type == "properties":
            del specification[name]  # asked for when a team's pipeline is open
    return specification


# What runs them


def run(leads, say=print):
    """Measure with ``leads`` leads. Returns a dictionary that JSON can hold."""
    with fresh_database("bench_lists") as database:
        say(f"Making {leads:,} leads by SQL")
        made = in_child(JOBS + "fill", database, say, leads=leads)
        say(f"  {made['scored']:,} scored, after {made['seconds']:.0f} s. Reading {PAGE} of them:")
        return {"leads": leads, **made, **in_child(JOBS + "measure", database, say)}


def verdicts(result):
    """(met, sentence) for each mark."""
    for whose, times in result["milliseconds"].items():
        for name in ("stock, our columns", "scored, by score"):
            ratio = times[name] / times["stock"]
            yield ratio <= MARK, f"{name}, {whose} leads: {ratio:.2f} times the stock list (mark: {MARK})"


def main():
    leads = int(os.environ.get("LEADS") or 1_000_000)
    result = run(leads)
    print("")
    marks = list(verdicts(result))
    for met, sentence in marks:
        print(f"  {'ok ' if met else 'NOT'} {sentence}")
    print(json.dumps(result, sort_keys=True))
    return 0 if all(met for met, _sentence in marks) else 1


if __name__ == "__main__":
    sys.exit(main())
