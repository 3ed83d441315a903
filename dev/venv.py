"""Virtual environments in the cache, one for each Python and set of pinned requirements."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

from dev.apt import PrivateApt
from dev.cache import made_once, remove
from dev.paths import ROOT, cache, digest, is_full, need_space
from dev.process import follow
from dev.say import FULL, Problem, step

FILES = {name: ROOT / "dev" / f"requirements-{name}.txt" for name in ("run", "test", "bench", "lint")}
# An environment, what it installs, the environment it stands on, and its size in MB.
SETS = {
    "odoo": (("run", "test"), None, 1200),
    "bench": (("bench",), "odoo", 1500),
    "lint": (("lint",), None, 600),
}
TITLES = {
    "odoo": "Installing the Python packages of Odoo and scikit-learn",
    "bench": "Installing LightGBM and CatBoost",
    "lint": "Installing ruff, pylint-odoo and prettier's Node",
}


def environment(name: str) -> Path:
    """The Python of environment ``name`` (a key of SETS), made on first use."""
    folder = _folder(name)
    made_once(folder, lambda part: _make(name, part, folder), "it installs Python packages")
    return folder / "bin" / "python"


def _folder(name: str) -> Path:
    """Keyed by the interpreter and the pins: a change of either is another environment."""
    files, below, _size = SETS[name]
    parts = [Path(os.path.realpath(sys.executable)), platform.machine(), *(FILES[file] for file in files)]
    parts = [platform.python_version(), str(parts[0]), *parts[1:]]
    if below:
        parts.append(_folder(below).name)
    return cache() / f"venv-{name}-{digest(*parts)}"


def _make(name: str, part: Path, final: Path) -> None:
    """Make the environment in ``part``; ``final`` is where it will be renamed to."""
    files, below, size = SETS[name]
    need_space(part, size, TITLES[name])
    pins = [line for file in files for line in FILES[file].read_text().splitlines() if re.match(r"\w", line)]
    with step(TITLES[name]) as at:
        pip = _bare(part)
        seen: set[str] = set()

        def told(line: str) -> None:
            if match := re.match(r"(?:Collecting|Processing) (\S+)", line.strip()):
                name = re.split(r"==|-\d", os.path.basename(match[1]))[0]
                seen.add(name)
                at.at(0.8 * len(seen) / len(pins), name)
            elif line.startswith("Installing collected"):
                at.at(0.85, "installing")

        # The files hold the whole closure, so that nothing is resolved and every machine has the same.
        arguments = [
            *pip,
            "install",
            "--no-deps",
            "--no-input",
            "--disable-pip-version-check",
            "--no-warn-script-location",
        ]
        for file in files:
            arguments += ["-r", str(FILES[file])]
        code, last = follow(arguments, told)
        if code:
            raise Problem(_words(last))
    if below:
        _stand_on(part, below)
    _point_scripts(part / "bin", str(part), str(final))


def _bare(part: Path) -> list[str]:
    """An empty environment in ``part``; returns the command that is its pip."""
    python = str(part / "bin" / "python")
    bundled = subprocess.run([sys.executable, "-c", "import ensurepip"], capture_output=True).returncode == 0
    made = subprocess.run(
        [sys.executable, "-m", "venv", *([] if bundled else ["--without-pip"]), str(part)],
        capture_output=True,
        text=True,
    )
    if made.returncode and is_full(part):
        raise Problem(FULL)
    if made.returncode:
        reason = (made.stderr or made.stdout).strip().splitlines()
        raise Problem(
            f"a virtual environment cannot be made ({reason[-1] if reason else 'no message'}): apt install python3-venv"
        )
    # Debian keeps ensurepip in python3-venv; pip's own wheel, which is a package too, runs as it is.
    return [python, "-m", "pip"] if bundled else [python, str(_debian_pip() / "pip")]


def _debian_pip() -> Path:
    """pip's wheel from Debian's python3-pip-whl, for a Python without ensurepip."""

    def fetch(part: Path) -> None:
        apt = PrivateApt(part / "apt")
        apt.update()
        (package,) = apt.download(["python3-pip-whl/bookworm"], part / "debs", "Downloading pip")
        subprocess.run(["dpkg-deb", "-x", package, part], check=True)
        for used in ("apt", "debs"):
            remove(part / used)

    folder = made_once(cache() / "pip", fetch)
    return next(folder.glob("usr/share/python-wheels/pip-*.whl"))


def _stand_on(part: Path, below: str) -> None:
    """Let the environment see another one's packages behind its own."""
    lower = environment(below).parent.parent / site_packages()
    (part / site_packages() / "below.pth").write_text(f"{lower}\n")


def site_packages() -> str:
    """The folder of packages inside an environment of this Python."""
    return os.path.relpath(sysconfig.get_path("purelib", "venv", vars={"base": "/x", "installed_base": "/x"}), "/x")


def _point_scripts(folder: Path, before: str, after: str) -> None:
    """Scripts name their interpreter by its path: write the final one into them."""
    for script in folder.iterdir():
        if script.is_symlink() or not script.is_file():
            continue
        content = script.read_bytes()
        if before.encode() in content[:4096] and b"\0" not in content[:4096]:
            script.write_bytes(content.replace(before.encode(), after.encode()))


def _words(last: list[str]) -> str:
    """What went wrong with pip, in a line that says what to do."""
    text = "\n".join(last)
    if re.search(r"No space left|disk quota", text, re.I):
        return FULL
    if re.search(
        r"Failed to establish|Temporary failure|NewConnectionError|timed out|Connection(Error| refused)", text
    ):
        return "Python's package index cannot be reached: check the network (or pip's settings) and run it again"
    errors = [line for line in last if line.lstrip().upper().startswith("ERROR")]
    # The last: pip's first error may be a list of the versions that it ignored.
    reason = (errors or last or ["no message"])[-1].strip()
    return f"pip failed ({reason[:200]}): mend that and run the same command again"
