"""Brings leads of a copy of the demo into each state of the widget, by what people do to them.

``python -m dev.states_child DATABASE live|stop`` prints ``{state: id of a lead}`` as its last line; see
``dev.screenshots_states``.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta

from dev.odoo_env import odoo_env

SCORING = "lead_scoring.ir_cron_score_leads"
DAYS = 8  # since when the lead of the story has had its first score


def live(env) -> dict[str, int]:
    """Scored, with a past, by two models, closed, and one that nothing has scored yet."""
    env["lead.scoring.config"].create({"name": "Sales", "score_on_save": False})
    _live_rules(env)
    best, second, won, lost = env["crm.lead"].search([("lead_score", "!=", False)], order="lead_score desc", limit=4)
    _was_another(env, second)
    won.action_set_won()
    lost.action_set_lost()
    fresh = env["crm.lead"].create({"name": "Call back on Monday", "type": "opportunity", "user_id": env.uid})
    return {"scored": best.id, "story": second.id, "won": won.id, "lost": lost.id, "unscored": fresh.id}


def stop(env) -> dict[str, int]:
    """The models stop without the cleanup of their scores."""
    env["lead.scoring.config"].search([]).automatic_score_cleanup = False
    env["lead.scoring.model"].search([("state", "=", "live")]).action_stop()
    _run(env)
    return {"outdated": env["crm.lead"].search([("lead_score", "!=", False)], order="lead_score desc", limit=1).id}


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
        leads = {"live": live, "stop": stop}[what](env)
        env.cr.commit()
    print(json.dumps(leads))


if __name__ == "__main__":
    main(*sys.argv[1:])
