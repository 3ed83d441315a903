"""Brings leads of a copy of the demo into each state of the widget, by what people do to them.

``python -m dev.states_child DATABASE live|arabic|run|stop`` prints ``{state: id of a lead}`` as its last line; see
``dev.screenshots_states``.
"""

from __future__ import annotations

import json
import random
import sys
from datetime import datetime, timedelta

from dev.odoo_env import odoo_env

SCORING = "lead_scoring.ir_cron_score_leads"
DAYS = 8  # since when the lead of the story has had its first score
READER = "reader"  # login and password of a salesperson who sees the own leads
BATCH = 200  # leads that the run in progress has read
# Closed leads of a team that won most of those it could call: (how many, won of them, with a phone number).
CLOSED = ((120, 90, True), (120, 24, False))


def live(env) -> dict[str, int]:
    """Scored, with a past, by two models, closed, with a proposal, and one that nothing has scored yet."""
    env["lead.scoring.config"].create({"name": "Sales", "score_on_save": False})
    _live_rules(env)
    best, second, won, lost, given = _best(env, 5)
    _was_another(env, second)
    won.action_set_won()
    lost.action_set_lost()
    given.user_id = _reader(env)
    fresh = env["crm.lead"].create({"name": "Call back on Monday", "type": "opportunity", "user_id": env.uid})
    return {
        "scored": best.id,
        "story": second.id,
        "won": won.id,
        "lost": lost.id,
        "given": given.id,
        "callable": _without_phone(env).id,
        "unscored": fresh.id,
    }


def arabic(env) -> dict[str, int]:
    """The administrator reads Arabic, from right to left."""
    language = env["res.lang"].with_context(active_test=False).search([("code", "=", "ar_001")])
    env["base.language.install"].create({"lang_ids": [(6, 0, language.ids)], "overwrite": False}).lang_install()
    env.user.lang = language.code
    return {"scored": _best(env, 1).id}


def run(env) -> dict[str, int]:
    """The first model scores its leads and has come to the end of a batch."""
    env.user.lang = "en_US"
    model = env.ref("lead_scoring.model_default")
    run = env["lead.scoring.run"].sudo()._start(model)
    run._score_page(run._next_ids(BATCH))
    return {"scored": _best(env, 1).id}


def stop(env) -> dict[str, int]:
    """The models stop without the cleanup of their scores."""
    env["lead.scoring.config"].search([]).automatic_score_cleanup = False
    env["lead.scoring.model"].search([("state", "=", "live")]).action_stop()
    _run(env)
    return {"outdated": _best(env, 1).id}


def _best(env, count):
    """The best of the administrator's leads."""
    domain = [("lead_score", "!=", False), ("user_id", "=", env.uid)]
    return env["crm.lead"].search(domain, order="lead_score desc, id", limit=count)


def _reader(env):
    """A salesperson who sees the own leads alone."""
    return env["res.users"].create(
        {
            "name": "Sam Reader",
            "login": READER,
            "password": READER,
            "group_ids": [(4, env.ref("sales_team.group_sale_salesman").id)],
        }
    )


def _without_phone(env):
    """A lead without a phone number, scored by a model that learned in a team where those with one were won far more
    often."""
    team = env["crm.team"].create({"name": "Inside Sales"})
    model = env["lead.scoring.model"].create(
        {"name": "Inside Sales: likely to be won", "team_ids": [(6, 0, team.ids)], "sequence": 1}
    )
    for count, won, has_phone in CLOSED:
        leads = _leads(env, team, count, has_phone)
        leads[:won].action_set_won()
        leads[won:].action_set_lost()
        _let_have_lived(env, leads, timedelta(days=30), timedelta(days=10))
    waiting = _leads(env, team, 20, True) | _leads(env, team, 10, False)
    _let_have_lived(env, waiting, timedelta(days=3))
    model._train()
    model.action_go_live()
    _run(env)
    return waiting[-1]


def _leads(env, team, count, has_phone):
    belgium = env.ref("base.be")
    return env["crm.lead"].create(
        [
            {
                "name": f"Coffee machines for {10 * number} people",
                "type": "opportunity",
                "team_id": team.id,
                "user_id": False,
                "country_id": belgium.id,
                "phone": f"+32 2 290 {number // 100:02} {number % 100:02}" if has_phone else False,
            }
            for number in range(1, count + 1)
        ]
    )


def _let_have_lived(env, leads, age, until_closed=None) -> None:
    """Let leads have come around ``age`` ago and have closed around ``until_closed`` after that."""
    env.flush_all()
    now, draw = datetime.now(), random.Random(len(leads))
    for lead in leads:
        created = now - age * draw.uniform(0.5, 1.5)
        closed = created + until_closed * draw.uniform(0.5, 1.4) if until_closed else None
        env.cr.execute(
            "UPDATE crm_lead SET create_date = %s, date_closed = %s WHERE id = %s", (created, closed, lead.id)
        )
    env.invalidate_all()


def _live_rules(env) -> None:
    rules = [
        {"name": "Reached by cell phone", "points": 25, "domain": [("medium_id.name", "ilike", "cell")]},
        {"name": "Has a phone number", "points": 15, "domain": [("phone", "!=", False)]},
        {"name": "Nobody is in charge", "points": -10, "domain": [("user_id", "=", False)]},
    ]
    model = env["lead.scoring.model"].create(
        {
            "name": "Fit with our customers",
            "kind": "rules",
            "sequence": 50,
            "rule_ids": [(0, 0, {**rule, "domain": repr(rule["domain"])}) for rule in rules],
        }
    )
    model.action_go_live()
    _run(env)


def _was_another(env, lead) -> None:
    """Let a lead have had its score for some days, and change its own values since."""
    env.cr.execute(
        "UPDATE crm_lead_score_history SET date = date - %s WHERE lead_id = %s", (timedelta(days=DAYS), lead.id)
    )
    others = env["utm.medium"].search([("id", "!=", lead.medium_id.id)], limit=1)
    lead.write({"medium_id": others.id, "source_id": False, "tag_ids": [(5,)]})
    env.flush_all()
    lead.action_score_now()


def _run(env) -> None:
    env.cr.commit()
    env.ref(SCORING).method_direct_trigger()
    env.invalidate_all()


def main(database: str, what: str) -> None:
    with odoo_env(database, log_level="error") as env:
        env = env(user=env.ref("base.user_admin"))
        leads = {"live": live, "arabic": arabic, "run": run, "stop": stop}[what](env)
        env.cr.commit()
    print(json.dumps(leads))


if __name__ == "__main__":
    main(*sys.argv[1:])
