"""The commands of ``python3 -m dev``; what each does is in the module named with it."""

from __future__ import annotations

import importlib
import os
import sys

from dev.asked import check, outside_used
from dev.process import interrupt_on_termination
from dev.say import one_line_problems

STAGE = "LEAD_SCORING_STAGE"  # set to the environment's name once we run inside of it
# Command: (module, function, the virtual environment it runs in, or None for the plain Python that started us).
COMMANDS = {
    "demo": ("dev.demo", "demo", "odoo"),
    "serve": ("dev.demo", "serve", "odoo"),
    "shell": ("dev.demo", "shell", "odoo"),
    "psql": ("dev.demo", "psql", "odoo"),
    "stop": ("dev.stop", "stop", None),
    "clean": ("dev.stop", "clean", None),
    "clean-cache": ("dev.stop", "clean_cache", None),
    "test": ("dev.suite", "test", "odoo"),
    "test-crm": ("dev.suite_crm", "test_crm", "odoo"),
    "lint": ("dev.lint", "lint", None),
    "format": ("dev.lint", "reformat", None),
    "pot": ("dev.translations", "pot", "odoo"),
    "screenshots": ("dev.screenshots", "screenshots", "odoo"),
    "walk": ("dev.walk", "walk", "odoo"),
    "bench": ("dev.programs", "bench", "bench"),
    "bench-lists": ("dev.programs", "bench_lists", "bench"),
    "quality": ("dev.programs", "quality", "bench"),
    "run": ("dev.programs", "run", "odoo"),
    "fetch": ("dev.programs", "fetch", "odoo"),
}


def main(arguments: list[str]) -> int:
    """Run one command; returns its exit code."""
    if not arguments or arguments[0] not in COMMANDS:
        sys.stderr.write(f"usage: python3 -m dev {{{','.join(COMMANDS)}}} (make help says what each does)\n")
        return 2
    interrupt_on_termination()
    os.environ["LC_ALL"] = "C.UTF-8"  # what tar, cp, apt and PostgreSQL complain of is read in English
    module, function, environment = COMMANDS[arguments[0]]
    if arguments[0] == "run" and "--bench" in arguments[1:2]:
        environment = "bench"
    with one_line_problems():
        if arguments[0] == "clean" and outside_used():
            environment = "odoo"  # to speak with that server
        if environment and os.environ.get(STAGE) != environment:
            check(arguments[0])
            _enter(environment, arguments)
        command = getattr(importlib.import_module(module), function)
        return command(arguments[1:]) or 0


def _enter(environment: str, arguments: list[str]) -> None:
    """Start this command again in the virtual environment, with Odoo on the path."""
    from dev.odoo_source import odoo_source
    from dev.paths import ROOT
    from dev.venv import environment as python_of

    source = odoo_source()
    python = str(python_of(environment))
    variables = dict(os.environ)
    variables["PYTHONPATH"] = os.pathsep.join([str(source.python_path), str(ROOT)])
    variables[STAGE] = environment
    variables.pop("PYTHONHOME", None)
    variables.pop("VIRTUAL_ENV", None)
    os.chdir(ROOT)
    os.execve(python, [python, "-m", "dev", *arguments], variables)
