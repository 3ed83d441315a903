"""Debian packages of sid and bookworm through apt, without root and without touching the system's configuration.

apt is given its own sources, lists and cache; the mirror's address and the keyring are the machine's own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from dev.paths import is_full
from dev.process import follow
from dev.say import FULL, Problem, step

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# bookworm beside sid: the last suite with Font Awesome 4.7, which Odoo's icons need.
SOURCES = (
    "Types: deb\nURIs: {mirror}\nSuites: sid bookworm\nComponents: main\nArchitectures: {arch}\nSigned-By: {key}\n"
)
HELP = "or set ODOO_SOURCE to a checkout of Odoo's branch 19.0"
UNREACHABLE = re.compile(r"Failed to fetch|Could not (resolve|connect)|Unable to fetch|Temporary failure|Err:\d+", re.I)


def mirror() -> str:
    """The Debian mirror this machine uses, from its own apt sources."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Problem(f"there is no apt here to fetch Debian's package odoo-19: use a Debian machine, {HELP}")
    for extra in ((), ("--no-release-info",)):  # the second works before the first `apt-get update` too
        found = subprocess.run(
            ["apt-get", "indextargets", *extra, "--format", "$(REPO_URI) $(LABEL)", "Created-By: Packages"],
            capture_output=True,
            text=True,
        ).stdout.splitlines()
        for line in found:
            address, _, label = line.partition(" ")
            if label in ("", "Debian", "$(LABEL)") and re.search(r"/debian/?$", address):
                return address
    raise Problem(f"apt's sources name no Debian mirror: add one to /etc/apt/sources.list, {HELP}")


class PrivateApt:
    """An apt of our own in ``folder``: ``update`` once, then ``download`` packages into a folder."""

    def __init__(self, folder: Path):
        address = mirror()
        self.folder = folder
        self.lists = folder / "lists"
        for part in (self.lists / "partial", folder / "cache" / "archives" / "partial"):
            part.mkdir(parents=True, exist_ok=True)
        if not KEYRING.exists():
            raise Problem(f"{KEYRING} is missing: install the package debian-archive-keyring, {HELP}")
        architecture = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True).stdout.strip()
        sources = folder / "private.sources"
        sources.write_text(SOURCES.format(mirror=address, arch=architecture, key=KEYRING))
        options = {
            "Dir::Etc::sourcelist": sources,
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State::lists": self.lists,
            "Dir::Cache": folder / "cache",
            "APT::Sandbox::User": "",  # the private folders are ours, not _apt's
            "APT::Update::Post-Invoke": "",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
            "Acquire::http::Timeout": "60",
        }
        self.options = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]

    def _run(self, arguments: Sequence[str], at, cwd: Path) -> None:
        """Run apt-get; its status lines become progress, its errors a Problem."""

        def told(line: str) -> None:
            if is_full(self.folder):  # apt would wait for ever
                raise Problem(FULL)
            if match := re.match(r"dlstatus:[^:]*:([\d.]+):", line):
                at.at(float(match[1]) / 100)

        # Status lines go to the same pipe as the output: one stream to follow, in order.
        command = ["apt-get", "-q", *self.options, "-o", "APT::Status-Fd=1", *arguments]
        code, last = follow(command, told, cwd=cwd, env={**os.environ, "LC_ALL": "C.UTF-8"})
        errors = [line for line in last if line.startswith(("E:", "Err:", "W: Failed"))]
        if code or errors:
            raise Problem(self._words(errors or last[-1:]))

    @staticmethod
    def _words(errors: list[str]) -> str:
        text = " ".join(errors)
        if "No space left" in text or "free space" in text:
            return FULL
        if UNREACHABLE.search(text):
            return f"the Debian mirror cannot be reached: check the network and run the same command again, {HELP}"
        return f"apt failed ({errors[-1] if errors else 'no message'}): mend that and run it again, {HELP}"

    def update(self) -> None:
        with step("Reading Debian's package lists") as at:
            self._run(["update"], at, self.folder)

    def newest(self, package: str) -> str:
        """The version that sid offers now."""
        shown = subprocess.run(
            ["apt-cache", *self.options, "show", "--no-all-versions", f"{package}/sid"], capture_output=True, text=True
        ).stdout
        versions = re.findall(r"^Version: (\S+)$", shown, re.M)
        if not versions:
            raise Problem(f"the Debian mirror has no package {package}: {HELP[3:]}")
        return versions[0]

    def download(self, packages: Sequence[str], into: Path, title: str) -> list[Path]:
        """Fetch the named packages (``name`` or ``name/suite``) into ``into``, checked by apt's signatures."""
        into.mkdir(parents=True, exist_ok=True)
        with step(title) as at:
            self._run(["download", *packages], at, into)
        return sorted(into.glob("*.deb"))
