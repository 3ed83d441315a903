"""Checks of the code (`make lint`) and what mends them (`make format`): ruff, pylint-odoo, prettier for XML."""

from __future__ import annotations

import subprocess

from dev import npm
from dev.paths import ROOT
from dev.process import foreground
from dev.say import Problem, say
from dev.venv import environment

PRETTIER = {"prettier": "3.6.2", "@prettier/plugin-xml": "3.4.2"}
PRETTIER_OPTIONS = [
    "--plugin=@prettier/plugin-xml",
    "--print-width=120",
    "--tab-width=4",
    "--xml-whitespace-sensitivity=preserve",
]
# Odoo's rules alone. Not: env._ under the name _ (the same, and shorter where used often), a README of the addon's own
# (the repository has one), print in scoring/__main__.py (a program whose standard output tells its progress).
PYLINT_MESSAGES = [
    "--disable=all",
    "--enable=odoolint",
    "--disable=prefer-env-translation,missing-readme,print-used,consider-merging-classes-inherited",
]
PYTHON_FOLDERS = ["lead_scoring", "dev", "benchmarks"]


def lint(_arguments: list[str]) -> int:
    """Check everything; the exit code is not 0 when a check found something."""
    failed = [name for name, command in _checks().items() if _run(name, command)]
    if failed:
        raise Problem(f"{', '.join(failed)} found something to mend, see above (make format mends what can be)")
    say("All checks passed.")
    return 0


def reformat(_arguments: list[str]) -> int:
    """Mend what the tools can mend by themselves."""
    python, prettier = environment("lint"), _prettier()
    code = foreground([str(python), "-m", "ruff", "check", "--fix", *PYTHON_FOLDERS], cwd=ROOT)
    code |= foreground([str(python), "-m", "ruff", "format", *PYTHON_FOLDERS], cwd=ROOT)
    return code | foreground([*prettier, "--write", *_xml_files()], cwd=ROOT)


def _checks() -> dict[str, list[str]]:
    python, prettier = str(environment("lint")), _prettier()
    return {
        "ruff": [python, "-m", "ruff", "check", *PYTHON_FOLDERS],
        "ruff's format": [python, "-m", "ruff", "format", "--check", *PYTHON_FOLDERS],
        "pylint-odoo": [python, "-m", "pylint", *PYLINT_MESSAGES, "lead_scoring"],
        "prettier": [*prettier, "--check", *_xml_files()],
    }


def _run(name: str, command: list[str]) -> int:
    say(f"{name} ...")
    return foreground(command, cwd=ROOT)


def _xml_files() -> list[str]:
    """The XML of the addon that git knows or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "lead_scoring/*.xml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


def _prettier() -> list[str]:
    """The command that runs prettier with its XML plugin, installed on first use."""
    modules = npm.modules("prettier", PRETTIER)
    plugin = modules / "@prettier" / "plugin-xml" / "src" / "plugin.js"
    options = [f"--plugin={plugin}", *PRETTIER_OPTIONS[1:]]
    return [str(npm.node()), str(modules / "prettier" / "bin" / "prettier.cjs"), *options]
