"""Stopping what this clone started, and removing what it made. Plain Python: works without the environment."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from dev import postgres
from dev.asked import OUTSIDE, outside_used
from dev.cache import remove
from dev.paths import RUN, cache
from dev.running import stop_running
from dev.say import Problem, say, step


def stop(arguments: list[str]) -> None:
    """Stop this clone's Odoo and PostgreSQL."""
    with step("Stopping", only_if_long=True):
        stopped = ["Odoo"] if stop_running() else []
        stopped += [f"PostgreSQL ({home.name})" for home in postgres.homes() if _stop_cluster(home / "data")]
    say(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")


def clean(arguments: list[str]) -> None:
    """Remove this clone's clusters, databases, filestores, logs and stamps; the shared cache stays."""
    stop(arguments)
    if outside_used():
        _clean_outside()
    with step("Removing databases", only_if_long=True):
        for home in postgres.homes():
            remove(home)
        remove(RUN)
    say("removed this clone's databases; what is shared stays in the cache (make clean-cache)")


def _clean_outside() -> None:
    """Drop this clone's databases on the server that PG* names."""
    if not postgres.outside():
        raise Problem(
            f"this clone has databases on a server that PG* named: set PG* as then, or remove {OUTSIDE} to leave them"
        )
    from dev.databases import drop_all, prepared

    with prepared("demo") as place:
        dropped = drop_all()
        say(f"dropped {len(dropped)} databases from {place.words}")


def clean_cache(arguments: list[str]) -> None:
    """Remove Odoo, the Python packages and prepared databases that all clones of this user share."""
    folders = [cache()] + ([postgres.within_reach(cache())] if os.geteuid() == 0 else [])
    with step("Removing what is shared", only_if_long=True):
        for folder in folders:
            remove(folder)
    for copied in postgres.SYSTEM_HOME.glob("pgserver-*") if os.access(postgres.SYSTEM_HOME, os.W_OK) else ():
        remove(copied)
    say(f"removed {', '.join(map(str, folders))}")


def _stop_cluster(data: Path) -> bool:
    """Fast shutdown of the server on ``data``, by its pid file."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        pid = int((data / "postmaster.pid").read_text().split()[0])
        if str(data).encode() not in Path(f"/proc/{pid}/cmdline").read_bytes():
            return False  # left behind by a crash; the number is another process's now
        os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + 30
        while Path(f"/proc/{pid}").exists() and (data / "postmaster.pid").exists():
            if time.monotonic() > deadline:
                raise Problem(f"PostgreSQL (pid {pid}) does not stop: end it with kill {pid}")
            time.sleep(0.1)
        return True
    return False
