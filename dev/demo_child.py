"""Runs ``dev.demo_job`` on a database, in a process of its own: ``python -m dev.demo_child DATABASE LEADS``."""

from __future__ import annotations

import sys

from dev.demo_job import run
from dev.odoo_env import odoo_env


def main(database: str, leads: str) -> None:
    with odoo_env(database, log_level="error") as env:
        run(env, leads=leads, say=lambda text="": print(text, flush=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
