"""``python3 -m dev run --on bench -m benchmarks.moves``: what leads that move and saves that score cost people.

See ``benchmarks/README.md`` for what the figures mean.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
import urllib.request
from http.cookiejar import CookieJar

from benchmarks.session import fresh_database, in_child

JOBS = "benchmarks.moves_jobs:"
PEOPLE = 3
PAUSE = 0.15  # seconds between two saves of a person
QUIET_SECONDS = 40
IMPORTED = 10_000
GOAL_MS = 50
GOAL_SAVE_MS = 5
GOAL_IMPORT = 1.2


class Person(threading.Thread):
    """Saves random leads over HTTP until told to stop, and notes how long each took and what went wrong."""

    def __init__(self, address, database, lead_ids, seed):
        super().__init__(daemon=True)
        self.address, self.database, self.lead_ids = address, database, lead_ids
        self.draw = random.Random(seed)
        self.open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar())).open
        self.stopped = threading.Event()
        self.took, self.errors, self.saved = [], [], {}

    def call(self, path, **params):
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}).encode()
        request = urllib.request.Request(self.address + path, body, {"Content-Type": "application/json"})
        with self.open(request, timeout=120) as answer:
            answer = json.load(answer)
        if "error" in answer:
            raise RuntimeError(answer["error"]["data"]["message"])
        return answer["result"]

    def log_in(self):
        self.call("/web/session/authenticate", db=self.database, login="admin", password="admin")

    def run(self):
        while not self.stopped.wait(PAUSE):
            lead_id, value = self.draw.choice(self.lead_ids), float(self.draw.randint(1000, 99_999))
            started = time.perf_counter()
            try:
                self.call(
                    "/web/dataset/call_kw/crm.lead/web_save",
                    model="crm.lead",
                    method="web_save",
                    args=[[lead_id], {"expected_revenue": value}],
                    kwargs={"specification": {"expected_revenue": {}}},
                )
                self.saved[lead_id] = value
            except Exception as error:
                self.errors.append(f"lead {lead_id}: {error}")
            self.took.append(time.perf_counter() - started)


def people_save(address, database, lead_ids, meanwhile):
    """Let people save leads, each its own share of them, while ``meanwhile()`` runs; return what they met."""
    people = [Person(address, database, lead_ids[at::PEOPLE], at) for at in range(PEOPLE)]
    for person in people:
        person.log_in()
        person.start()
    result = meanwhile()
    for person in people:
        person.stopped.set()
    for person in people:
        person.join()
    took = sorted(seconds for person in people for seconds in person.took)
    return {
        "saves": len(took),
        "p50_ms": 1000 * took[len(took) // 2],
        "p99_ms": 1000 * took[int(len(took) * 0.99)],
        "max_ms": 1000 * took[-1],
        "errors": [error for person in people for error in person.errors],
        "saved": {key: value for person in people for key, value in person.saved.items()},
    }, result


def moves(leads, say=print):
    """5,000 leads are moved while people save them."""
    from dev.paths import RUN
    from dev.ports import need_port
    from dev.server import odoo_server

    with fresh_database("moves") as database:
        made = in_child(JOBS + "prepare", database, say, leads=leads)
        say(f"{made['open']:,} open leads, all of them are to move")
        port = need_port()
        log = RUN / "log" / "bench-moves.log"
        with odoo_server(database, port, "127.0.0.1", log, cron=False):
            address = f"http://127.0.0.1:{port}"
            people_save(address, database, made["ids"], lambda: time.sleep(5))  # warm up
            quiet, _nothing = people_save(address, database, made["ids"], lambda: time.sleep(QUIET_SECONDS))
            busy, run = people_save(address, database, made["ids"], lambda: in_child(JOBS + "move", database, say))
        first = in_child(JOBS + "move", database, say)  # what people held just then
        found = in_child(JOBS + "check", database, say, values={**quiet.pop("saved"), **busy.pop("saved")})
        say(f"without the run: {_told(quiet)}")
        say(f"with the run:    {_told(busy)}; {run['qualified'] + run['accepted']:,} moved in {run['seconds']:.0f} s")
        return {"open": made["open"], "quiet": quiet, "busy": busy, "run": run, "rest": first, **found}


def saves(leads, say=print):
    """A single save with the hook and without, and an import of 10,000 leads with the addon and without."""
    with fresh_database("saves") as database:
        in_child(JOBS + "prepare", database, say, leads=leads, move=False)
        in_child(JOBS + "move", database, say)  # all have a score then, and stay where they are
        saved = in_child(JOBS + "saves", database, say)
        with_addon = in_child(JOBS + "load", database, say, rows=IMPORTED)
    with fresh_database("saves_crm", "crm") as database:
        without = in_child(JOBS + "load", database, say, rows=IMPORTED)
    for what in ("read", "not_read"):
        off, on = (1000 * saved[hook][what]["median"] for hook in ("off", "on"))
        say(f"one save, field {what}: {off:.1f} ms off, {on:.1f} ms on")
    say(f"import of {IMPORTED:,}: {without['seconds']:.1f} s without the addon, {with_addon['seconds']:.1f} s with it")
    return {**saved, "import_with": with_addon["seconds"], "import_without": without["seconds"]}


def _told(what):
    return (
        f"{what['saves']} saves, p50 {what['p50_ms']:.0f} ms, p99 {what['p99_ms']:.0f} ms, "
        f"max {what['max_ms']:.0f} ms, {len(what['errors'])} errors"
    )


def verdicts(moved, saved):
    """(met, sentence) for each goal."""
    errors = moved["quiet"]["errors"] + moved["busy"]["errors"]
    yield not errors, f"errors that reached a person: {errors[:3] or 'none'}"
    yield (
        not (moved["lost"] or moved["twice"] or moved["left"]),
        f"values lost: {moved['lost']}, moved twice: {moved['twice']}, left behind: {moved['left']}",
    )
    apart = moved["busy"]["p99_ms"] - moved["quiet"]["p99_ms"]
    yield apart <= GOAL_MS, f"p99 with the run is {apart:+.0f} ms of that without (goal: {GOAL_MS})"
    cost = 1000 * (saved["on"]["read"]["median"] - saved["off"]["read"]["median"])
    yield cost <= GOAL_SAVE_MS, f"scoring adds {cost:.1f} ms to a save (goal: {GOAL_SAVE_MS})"
    ratio = saved["import_with"] / saved["import_without"]
    yield ratio <= GOAL_IMPORT, f"an import takes {ratio:.2f} times as long (goal: {GOAL_IMPORT})"


def main():
    leads = int(os.environ.get("LEADS") or 12_500)
    parts = sys.argv[1:] or ["moves", "saves"]
    saved = saves(leads) if "saves" in parts else None
    moved = moves(leads) if "moves" in parts else None
    print(json.dumps({"moves": moved, "saves": saved}, sort_keys=True))
    if not (saved and moved):
        return 0
    marks = list(verdicts(moved, saved))
    for met, sentence in marks:
        print(f"  {'ok ' if met else 'NOT'} {sentence}")
    return 0 if all(met for met, _sentence in marks) else 1


if __name__ == "__main__":
    sys.exit(main())
