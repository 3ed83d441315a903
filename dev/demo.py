"""The demo database: made, filled, updated and served; and the developer's ways into it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from dev import databases
from dev.asked import STAMPS, need_demo, wanted_leads
from dev.cache import locked
from dev.databases import install, own, prepared, stamp, stamps
from dev.demo_job import PASSING
from dev.paths import RUN
from dev.ports import host, need_port
from dev.process import follow, foreground
from dev.say import FULL, Problem, say, step
from dev.server import odoo_server

NAME = "demo"
WHERE = "CRM > Sales > My Open Leads Scored"


def demo(arguments: list[str]) -> None:
    """Make the demo database if there is none, bring it up to date, show its result and serve it."""
    leads = wanted_leads()
    port = need_port()
    with prepared("demo") as place:
        database = own(NAME)
        with locked(RUN / "locks" / "demo.lock", "it makes the demo"):
            if _must_make(database, leads):
                _make(database)
                stamp(STAMPS, database=database, odoo=databases.odoo_key(), leads=leads or "recent", result=None)
            update(database)
            if stamps(STAMPS)["result"] is None:
                stamp(STAMPS, result=_fill(database, stamps(STAMPS)["leads"]))
        say("\n".join(stamps(STAMPS)["result"]))
        log = RUN / "log" / "odoo.log"
        with odoo_server(database, port, host(), log) as process:
            _tell(port, place.words, log)
            process.wait()
        raise Problem(f"Odoo ended by itself: see {log}")


def _must_make(database: str, leads: str | None) -> bool:
    """Whether the demo database has to be made anew: missing, of another Odoo, or of other leads than asked for."""
    known = stamps(STAMPS)
    if known.get("database") != database or not databases.exists(database):
        return True
    if known.get("result") is None:  # the numbers that a cut off load used up are gone, and trainings draw by them
        say("The last run did not come to its end: the demo database is made anew.")
        return True
    if known.get("odoo") != databases.odoo_key():
        say("The demo database is of another version of Odoo: it is made anew.")
        return True
    if leads and known.get("leads") != leads:
        say(f"The demo database holds LEADS={known.get('leads')}: it is made anew with LEADS={leads}.")
        return True
    return bool(os.environ.get("FRESH"))


def _make(database: str) -> None:
    """A database with CRM, and the addon installed into it as the Apps screen does. Named when it is complete."""
    building = own(f"{NAME}_part")
    STAMPS.unlink(missing_ok=True)
    databases.drop(database)
    with step("Copying a prepared database with CRM"):
        databases.fresh_copy("crm", building)
    install(building, ["lead_scoring"], "Installing the addon (-i lead_scoring)")
    databases.rename(building, database)
    stamp(STAMPS, addon=databases.addon_key())


def update(database: str) -> None:
    """Update the addon in the database if its files changed."""
    key = databases.addon_key()
    if stamps(STAMPS).get("addon") != key:
        install(database, ["lead_scoring"], "Updating the addon (-u lead_scoring)", update=True)
        stamp(STAMPS, addon=key)


def _fill(database: str, leads: str) -> list[str]:
    """Load the shipped leads, train, go live, score; returns the lines of the result, which follow an empty line."""
    result: list[str] = []
    titles = {"all": "some 41,000 real leads", "recent": "some 5,000 real leads"}
    with step(f"Loading {titles[leads]}, training, scoring") as at:

        def told(line: str) -> None:
            if result or not line:
                result.append(line)
            elif at.live or line.startswith(PASSING):
                at.at(text=line.removeprefix(PASSING).strip()[:100])
            else:
                say(f"    {line}")

        command = [sys.executable, "-m", "dev.demo_child", database, leads]
        code, last = follow(command, told)
        if code:
            raise Problem(_reason(last))
    return result


def _reason(last: list[str]) -> str:
    """Why the leads could not be loaded: the last line that says something, in words that say what to do."""
    if any("No space left" in line for line in last):
        return FULL
    reason = next((line.strip() for line in reversed(last) if line.strip()), "no message")
    return f"the demo's leads could not be loaded and scored ({reason[:200]}): run it again, with FRESH=1 if it repeats"


def _tell(port: int, server: str, log: Path) -> None:
    shown = "localhost" if host() in ("127.0.0.1", "0.0.0.0") else host()
    say()
    say(f"  Odoo          http://{shown}:{port}")
    say("  Log in        admin / admin")
    say(f"  Look at       {WHERE}")
    say(f"  Server        {server}; log {log}")
    say("  Stop          Ctrl-C")
    say()


def existing() -> str:
    """The demo database, for commands that need one."""
    need_demo()
    if not databases.exists(own(NAME)) or stamps(STAMPS).get("result") is None:
        raise Problem("there is no demo database yet: run `make demo` first")
    return own(NAME)


def serve(arguments: list[str]) -> None:
    """Serve the demo database with Odoo's log on the terminal and assets in debug mode; for developers."""
    port = need_port()
    with prepared("demo"):
        database = existing()
        update(database)
        with odoo_server(database, port, host(), None) as process:
            say(f"http://localhost:{port}  admin / admin  {WHERE}  (Ctrl-C stops)")
            process.wait()


def shell(arguments: list[str]) -> int:
    """Odoo's shell on the demo database."""
    with prepared("demo"):
        return foreground(databases.odoo_command("shell", "-d", existing(), "--no-http", "--log-level=warn"))


def psql(arguments: list[str]) -> int:
    """psql on the demo database: the system's, or the one that comes with the embedded server."""
    from dev.postgres import embedded

    with prepared("demo"):
        program = shutil.which("psql") or embedded().folder / "psql"
        return foreground([program, "-d", existing(), *arguments])
