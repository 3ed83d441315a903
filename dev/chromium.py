"""The browser that Odoo's browser tests and the screenshots drive: Debian's Chromium."""

from __future__ import annotations

import os
import shutil

from dev.apt import UNREACHABLE
from dev.process import follow
from dev.say import FULL, Problem, step

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
            raise Problem(_words([line for line in last if line.startswith("E:")] or last[-1:]))
    return found


def _words(errors: list[str]) -> str:
    """What went wrong with apt, in a line that says what to do."""
    text = " ".join(errors)
    if "No space left" in text or "free space" in text:
        return FULL
    if UNREACHABLE.search(text):
        return "Chromium cannot be fetched, the Debian mirror does not answer: check the network and run it again"
    return f"Chromium cannot be installed ({text[:200]}): apt install chromium, then again"
