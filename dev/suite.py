"""``make test``: three runs of pytest, one verdict.

- the tests of ``dev/`` and the pure ones of ``lead_scoring/scoring``, which import no Odoo, each in a process of
  their own: the latter with the addon's folder on the path, so that ``import scoring`` works without Odoo;
- the tests of the addon inside Odoo, by pytest-odoo on a copy of a prepared database, with a browser.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from dev import databases
from dev.chromium import chromium
from dev.databases import own, place, prepared
from dev.paths import ADDON, ROOT
from dev.process import child, follow
from dev.say import Problem, say

PURE = ADDON / "tests" / "scoring"
LOADING = ROOT / "dev" / "tests_odoo"  # of what loads leads into Odoo, which is no part of the addon
NONE_COLLECTED = 5  # pytest's exit code
KINDS = ("failed", "error", "passed", "skipped", "xfailed", "xpassed", "deselected")


@dataclass
class Outcome:
    """What one run of pytest said."""

    title: str
    code: int
    summary: str = "no summary"
    counts: Counter = field(default_factory=Counter)

    @property
    def ran(self) -> int:
        return sum(self.counts[kind] for kind in KINDS[:-1])

    def hear(self, line: str) -> None:
        """Show a line of pytest's, and learn from it if it is the last one, which sums up."""
        print(line, flush=True)
        plain = re.sub(r"\x1b\[[\d;]*m", "", line).strip("= ")
        if re.fullmatch(r".* in [\d.]+s( \(.*\))?", plain):
            found = re.findall(rf"(\d+) ({'|'.join(KINDS)})", plain)
            if found or plain.startswith("no tests"):
                self.summary = plain
                self.counts = Counter({kind: int(number) for number, kind in found})


def test(arguments: list[str]) -> int:
    """The whole suite, or what the expression K selects."""
    began = time.monotonic()
    chosen = os.environ.get("K")
    extra = [*(["-k", chosen] if chosen else []), *arguments]
    outcomes = [dev_tests(extra)]
    with pure_tests(extra) as pure:  # beside those in Odoo, which leave half of two cores idle
        chromium()
        with prepared("test"), run_database("tested") as database:
            outcomes.append(odoo_tests("the addon in Odoo", database, [str(ADDON / "tests"), str(LOADING), *extra]))
        outcomes.append(pure())
    return verdict(outcomes, time.monotonic() - began, bool(chosen))


def dev_tests(extra: Sequence[str] = ()) -> Outcome:
    return _pytest("dev", ["-c", ROOT / "dev/pytest.ini", "--rootdir", ROOT, ROOT / "dev/tests", *extra], str(ROOT))


def pure_tests(extra: Sequence[str] = ()) -> AbstractContextManager[Callable[[], Outcome]]:
    """Run in the block beside what it does; what is yielded waits for their end, then shows what they said."""
    # Cut off at their own folder, or pytest would import lead_scoring/__init__.py above, and with it Odoo.
    options = ["-c", ROOT / "dev/pytest.ini", "--rootdir", PURE, "--confcutdir", PURE]
    return _pytest_beside("scoring, without Odoo", [*options, PURE, *extra], str(ADDON))


def odoo_tests(title: str, database: str, arguments: Sequence[str]) -> Outcome:
    options = [
        "--odoo-http",
        "--odoo-log-level=error",  # shown where a test fails: which Hoot test it was is told nowhere else
        f"--odoo-config={place().config}",
        f"--odoo-database={database}",
    ]
    return _pytest(title, [*options, *arguments], os.environ["PYTHONPATH"])


@contextlib.contextmanager
def run_database(template: str) -> Iterator[str]:
    """A database for this run alone, dropped at its end; what killed runs left is dropped first."""
    for name in databases.names():
        match = re.fullmatch(re.escape(own("test_run_")) + r"(\d+)", name)
        if match and not Path(f"/proc/{match[1]}").exists():
            databases.drop(name)
    name = databases.fresh_copy(template, own(f"test_run_{os.getpid()}"))
    try:
        yield name
    finally:
        databases.drop(name)


def _pytest(title: str, arguments: Sequence, python_path: str) -> Outcome:
    """Run pytest with its output shown as it comes."""
    say(f"\n-- tests: {title}")
    outcome = Outcome(title, 0)
    outcome.code, _last = follow(_command(arguments), outcome.hear, **_place(python_path))
    return outcome


@contextlib.contextmanager
def _pytest_beside(title: str, arguments: Sequence, python_path: str) -> Iterator[Callable[[], Outcome]]:
    """Run pytest while the block runs, with its output shown once it is asked for."""
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        to_file = {"stdin": subprocess.DEVNULL, "stdout": said, "stderr": subprocess.STDOUT}
        with child(_command(arguments), **to_file, **_place(python_path)) as process:

            def outcome() -> Outcome:
                found = Outcome(title, process.wait())
                say(f"\n-- tests: {title}")
                said.seek(0)
                for line in said:
                    found.hear(line.rstrip("\n"))
                return found

            yield outcome


def _command(arguments: Sequence) -> list[str]:
    color = ["--color=yes"] if sys.stdout.isatty() else []
    return [sys.executable, "-m", "pytest", *map(str, arguments), *color]


def _place(python_path: str) -> dict:
    return {"cwd": ROOT, "env": {**os.environ, "PYTHONPATH": python_path, "PYTHONUNBUFFERED": "1"}}


def verdict(outcomes: list[Outcome], seconds: float, selected: bool) -> int:
    """Say what each run found and the sum in pytest's words; 0 when all is well.

    A run that collects nothing is a failure: a suite that is not found must not look green. Only an expression K may
    leave some runs without a test, not all of them.
    """
    total = Counter()
    bad = False
    say()
    for outcome in outcomes:
        empty = outcome.code == NONE_COLLECTED or not outcome.ran
        failed = (not selected) if empty else outcome.code != 0
        bad |= failed
        total.update(outcome.counts)
        say(f"{'FAILED' if failed else 'ok    '}  {outcome.title}: {outcome.summary}")
    if not any(outcome.ran for outcome in outcomes):
        raise Problem("not one test was collected: mend the expression K" if selected else "not one test was collected")
    words = ", ".join(f"{total[kind]} {kind}" for kind in KINDS if total[kind])
    say(f"{'=' * 20} {words} in {seconds:.2f}s {'=' * 20}")
    return int(bad)
