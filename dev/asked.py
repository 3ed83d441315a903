"""What a person asked for, looked at in plain Python: what cannot be is refused before minutes of downloading."""

from __future__ import annotations

import os

from dev.paths import RUN
from dev.say import Problem

LEADS = ("recent", "all")
OUTSIDE = RUN / "odoo-outside.conf"  # Odoo's configuration for the server that PG* names
STAMPS = RUN / "demo.json"  # of the demo database


def check(command: str) -> None:
    """Refuse what can be refused before Odoo and its Python packages are here."""
    if os.geteuid() == 0 and os.environ.get("SUDO_USER"):
        raise Problem("run this without sudo: nothing here needs root")
    if command == "demo":
        wanted_leads()
    if command in ("serve", "shell", "psql", "screenshots"):
        need_demo()
    if command in ("demo", "serve", "screenshots"):
        from dev.ports import need_port

        need_port()
    if command in ("test", "test-crm", "screenshots"):
        from dev.chromium import chromium

        chromium()


def wanted_leads() -> str | None:
    """Which leads the demo is to hold, or None where whatever is there will do."""
    leads = os.environ.get("LEADS") or None
    if leads not in (None, *LEADS):
        raise Problem(f"LEADS={leads} is not known: LEADS=recent (June 2009 - November 2010) or LEADS=all (from 2008)")
    return leads


def outside_used() -> bool:
    """Whether this clone made databases on a server that PG* named."""
    return OUTSIDE.exists()


def need_demo() -> None:
    if not STAMPS.exists():
        raise Problem("there is no demo database yet: run `make demo` first")
