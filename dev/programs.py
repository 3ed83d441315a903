"""Programs of this project that want Odoo and a database: benchmarks, and anything given to ``run``."""

from __future__ import annotations

import os
import sys

from dev import postgres
from dev.databases import prepared
from dev.process import foreground
from dev.say import Problem, say

USAGE = "usage: python3 -m dev run [--bench] [--on demo|test|bench] script.py|-m module [arguments]"


def run(arguments: list[str]) -> int:
    """A Python program with Odoo on its path and a server running (by default the one for tests)."""
    purpose = "test"
    while arguments and arguments[0] in ("--bench", "--on"):
        if arguments[0] == "--on":
            purpose, arguments = (arguments[1:2] or [""])[0], arguments[1:]
        arguments = arguments[1:]
    if not arguments or purpose not in postgres.SETTINGS:
        raise Problem(USAGE)
    return _run(arguments, purpose)


def bench(arguments: list[str]) -> int:
    """Speed against Odoo's own scoring."""
    return _bench("benchmarks.bench", arguments)


def bench_lists(arguments: list[str]) -> int:
    """What scores cost in lists, against Odoo's own list."""
    return _bench("benchmarks.lists", arguments)


def _bench(module: str, arguments: list[str]) -> int:
    """A measurement on the system's PostgreSQL where there is one: it has pg_trgm."""
    _need_openmp()
    choice = os.environ.get("BENCH_PG") or ("system" if postgres.has_system() else "embedded")
    if choice not in ("system", "embedded"):
        raise Problem(f"BENCH_PG={choice} is neither system nor embedded")
    return _run(["-m", module, *arguments], "bench", choice, told=True)


def quality(arguments: list[str]) -> int:
    """Quality against Odoo's own scoring and against LightGBM and CatBoost."""
    _need_openmp()
    return _run(["-m", "benchmarks.quality", *arguments], "test", told=True)


def fetch(arguments: list[str]) -> None:
    """Only what the bootstrap did: Odoo and the Python packages are in the cache now."""
    say("Odoo and its Python packages are in the cache")


def _run(arguments: list[str], purpose: str, kind: str = "embedded", told: bool = False) -> int:
    with prepared(purpose, kind) as place:
        os.environ["LEAD_SCORING_SERVER"] = place.words
        if told:
            say(f"Database server: {place.words}")
        return foreground([sys.executable, *arguments])


def _need_openmp() -> None:
    """LightGBM's wheel expects the compiler's OpenMP library on the machine."""
    try:
        import lightgbm  # noqa: F401
    except OSError as error:
        raise Problem(f"LightGBM does not load ({error}): apt install libgomp1") from None
