"""``make test-crm``: Odoo's own tests of CRM with the addon installed, against the same in a stock database.

What passes in stock has to pass with the addon. pytest-odoo loads the full registry first, so that the addon is there
for the tests which Odoo's own runner would run before loading it.
"""

from __future__ import annotations

import json
import os
import subprocess
import xml.etree.ElementTree as xml
from pathlib import Path

from dev import databases
from dev.chromium import chromium
from dev.databases import prepared
from dev.odoo_source import odoo_source
from dev.paths import ROOT, RUN, cache, digest
from dev.say import Problem, say
from dev.suite import odoo_tests, run_database
from dev.venv import FILES

BAD = ("failed", "error")


def test_crm(arguments: list[str]) -> int:
    """Compare all tests, or what the expression K selects; returns 1 when something passes in stock alone."""
    browser = chromium()
    chosen = os.environ.get("K")
    with prepared("test"):
        stock = _stock(browser)
        ours = _results("crm, with the addon", "lead_scoring", [chosen] if chosen else None)
        if chosen:
            stock = {test: state for test, state in stock.items() if test in ours}
        worse = _worse(stock, ours)
        if worse:
            say(f"\nAgain, to tell a failure from a slow machine: {', '.join(name for _, name in worse)}")
            again = _results("crm, with the addon, again", "lead_scoring", [name for _, name in worse])
            ours |= {test: state for test, state in again.items() if test in worse}
    return _report(stock, ours)


def _stock(browser: str) -> dict[tuple[str, str], str]:
    """The results without the addon: of this Odoo, these packages and this browser; kept in the cache."""
    version = subprocess.run([browser, "--version"], capture_output=True, text=True).stdout.strip()
    key = digest(databases.odoo_key(), FILES["test"], version)
    file = cache() / f"crm-stock-{key}.json"
    if file.exists() and not os.environ.get("FRESH"):
        return {(group, name): state for group, name, state in json.loads(file.read_text())}
    results = _results("crm, stock", "crm")
    part = file.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps([[*test, state] for test, state in results.items()]))
    part.replace(file)
    return results


def _results(title: str, template: str, only: list[str] | None = None) -> dict[tuple[str, str], str]:
    """{(class, test): passed, failed, error or skipped} of crm's tests in a copy of a template."""
    tests = next(folder / "crm" / "tests" for folder in odoo_source().addons if (folder / "crm").exists())
    report = RUN / "log" / f"{title.replace(', ', '-').replace(' ', '-')}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    options = ["-c", ROOT / "pyproject.toml", "--rootdir", tests.parent, f"--junitxml={report}", "-q", tests]
    if only:
        options += ["-k", " or ".join(only)]
    with run_database(template) as database:
        odoo_tests(title, database, options)
    results = _read(report)
    if not results:
        raise Problem("not one test of crm was collected: see the output above")
    return results


def _read(report: Path) -> dict[tuple[str, str], str]:
    if not report.exists():
        return {}
    results = {}
    for case in xml.parse(report).iter("testcase"):
        states = {"failure": "failed", "error": "error", "skipped": "skipped"}
        state = next((states[child.tag] for child in case if child.tag in states), "passed")
        results[case.get("classname", ""), case.get("name", "")] = state
    return results


def _worse(stock: dict, ours: dict) -> list[tuple[str, str]]:
    return sorted(test for test, state in stock.items() if state == "passed" and ours.get(test) != "passed")


def _report(stock: dict, ours: dict) -> int:
    """Print what differs and the verdict."""
    say()
    for test in sorted(stock.keys() | ours.keys()):
        before, after = stock.get(test, "absent"), ours.get(test, "absent")
        if before != after or after in BAD:
            say(f"  {test[0].rsplit('.', 1)[-1]}.{test[1]}: {before} in stock, {after} with the addon")
    worse = _worse(stock, ours)
    passed = sum(state == "passed" for state in stock.values())
    say(f"crm's tests: {passed} of {len(stock)} pass in stock; {len(worse)} of those do not pass with the addon")
    return int(bool(worse))
