"""``LEADS=5000 python3 -m dev run --on bench -m benchmarks.form``: what the widget costs when a lead is opened.

A click on a lead in the list, in a real browser, until the form is painted: Odoo's own, and with a score. In turn, on
two servers. Odoo's log tells the queries of each request. See ``benchmarks/README.md``.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import statistics
import sys

from benchmarks import synthetic
from benchmarks.session import fresh_database, in_child

TURNS = 25
GOAL_QUERIES, GOAL_MS = 2, 30
REQUEST = re.compile(r'"POST /web/dataset/call_kw/([\w./]+)\S* HTTP/[\d.]+" 200 - (\d+) ([\d.]+) ([\d.]+)')
FIRST = "crm.lead/web_read"  # what the first paint waits for
# From the click until the frame after everything in ``shown`` is there, in milliseconds.
OPEN = """([row, shown]) => new Promise((resolve) => {
    const began = performance.now();
    document.querySelectorAll(".o_data_row td[name=name]")[row].click();
    const look = () =>
        shown.every((selector) => document.querySelector(selector))
            ? requestAnimationFrame(() => resolve(performance.now() - began))
            : requestAnimationFrame(look);
    look();
})"""
FORM = ".o_form_view .o_field_widget[name=partner_id]"
SCORE = ".o_form_view .o_lead_score_number"


def prepare(env, say, leads, scored):
    """Make leads; train, go live and score them if asked."""
    synthetic.fill(env, leads, say)
    synthetic.analyze(env)
    if scored:
        model = env.ref("lead_scoring.model_default")
        model._train()
        model.action_go_live()
        env.cr.commit()
        env.ref("lead_scoring.ir_cron_score_leads").method_direct_trigger()
    env.cr.commit()
    return {}


class Odoo:
    """A server with a browser before its list of opportunities."""

    def __init__(self, stack, database, port, shown):
        from dev.paths import RUN
        from dev.server import odoo_server

        self.shown, self.took, self.requests = shown, [], {}
        self.log = RUN / "log" / f"bench-form-{port}.log"
        stack.enter_context(odoo_server(database, port, "127.0.0.1", self.log, cron=False))

    def show(self, context, address):
        self.page = context.new_page()
        self.page.goto(f"{address}/odoo/crm?view_type=list")
        self.page.wait_for_selector(".o_data_row")

    def open(self, row, counted):
        """Open the lead of a row and go back."""
        self.page.wait_for_timeout(500)
        start = self.log.stat().st_size
        took = self.page.evaluate(OPEN, [row, self.shown])
        self.page.wait_for_timeout(1500)
        if counted:
            self.took.append(took)
            with self.log.open() as lines:
                lines.seek(start)
                for name, queries, *_seconds in REQUEST.findall(lines.read()):
                    self.requests.setdefault(name, []).append(int(queries))
        self.page.go_back()
        self.page.wait_for_selector(".o_data_row")

    def told(self):
        return {
            "ms": statistics.median(self.took),
            "queries": {name: statistics.median(counts) for name, counts in self.requests.items()},
        }


def measure(leads):
    """Return ``(stock, with the addon)``, each a dict of ms and of queries by request."""
    from playwright.sync_api import sync_playwright

    from dev.browser import log_in
    from dev.chromium import FLAGS, chromium
    from dev.ports import need_port

    port = need_port()
    with contextlib.ExitStack() as stack:
        sides = []
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path=chromium(), args=[flag for flag in FLAGS if flag != "--headless"]
        )
        stack.callback(browser.close)
        for at, (template, shown) in enumerate((("crm", [FORM]), ("lead_scoring", [FORM, SCORE]))):
            database = stack.enter_context(fresh_database(f"form_{template}", template))
            in_child("benchmarks.form:prepare", database, leads=leads, scored=template == "lead_scoring")
            side = Odoo(stack, database, port + at, shown)
            context = browser.new_context(viewport={"width": 1400, "height": 900})
            log_in(context, f"http://127.0.0.1:{port + at}")
            side.show(context, f"http://127.0.0.1:{port + at}")
            sides.append(side)
        for turn in range(TURNS + 2):  # the first two load what later ones have at hand
            for side in sides:
                side.open(turn, counted=turn >= 2)
        return [side.told() for side in sides]


def main():
    stock, ours = measure(int(os.environ.get("LEADS") or 5_000))
    print(json.dumps({"stock": stock, "ours": ours}, sort_keys=True))
    more_queries = ours["queries"][FIRST] - stock["queries"][FIRST]
    more_ms = ours["ms"] - stock["ms"]
    marks = (
        (more_queries <= GOAL_QUERIES, f"{more_queries:+.0f} queries at first paint (goal: {GOAL_QUERIES})"),
        (more_ms <= GOAL_MS, f"{stock['ms']:.0f} ms in stock, {more_ms:+.0f} ms with a score (goal: {GOAL_MS})"),
    )
    for met, sentence in marks:
        print(f"  {'ok ' if met else 'NOT'} {sentence}")
    return 0 if all(met for met, _sentence in marks) else 1


if __name__ == "__main__":
    sys.exit(main())
