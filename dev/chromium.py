"""The browser that Odoo's browser tests and the screenshots drive: Debian's Chromium."""

from __future__ import annotations

import os
import shutil

from dev.process import follow
from dev.say import Problem, step

NAMES = ("google-chrome", "chromium", "chromium-browser", "google-chrome-stable")  # as Odoo looks for it
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str:
    """Its program; root installs it where it is missing, others are told how."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return found
    if os.geteuid() or not shutil.which("apt-get"):
        raise Problem("Chromium is missing, the browser tests need it: apt install chromium")
    return _installed()


def _installed() -> str:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with step("Installing Chromium (apt-get install chromium)") as at:
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            command = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *arguments]
            code, last = follow(command, lambda line: at.at(text=line.strip()[:60]), env=environment)
        found = next(filter(None, map(shutil.which, NAMES)), None)
        if code or not found:
            errors = [line for line in last if line.startswith("E:")] or last[-1:]
            raise Problem(f"Chromium cannot be installed ({' '.join(errors)[:200]}): apt install chromium, then again")
    return found
