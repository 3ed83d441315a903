"""Programs of the npm registry, installed on first use beside the lint environment's Node.js, in the cache."""

from __future__ import annotations

from pathlib import Path

from dev.cache import made_once
from dev.paths import cache
from dev.process import follow
from dev.say import Problem, step
from dev.venv import environment


def node() -> Path:
    """The program that runs them."""
    return environment("lint").parent / "node"


def modules(name: str, packages: dict[str, str]) -> Path:
    """The ``node_modules`` that hold ``packages`` (name: version); ``name`` is what people know them by."""
    folder = cache() / "-".join([name, *packages.values()])
    return made_once(folder, lambda part: _install(name, packages, part), f"it installs {name}") / "node_modules"


def _install(name: str, packages: dict[str, str], part: Path) -> None:
    npm = [str(node().with_name("npm")), "install", "--no-audit", "--no-fund", "--ignore-scripts"]
    named = [f"{package}@{version}" for package, version in packages.items()]
    part.mkdir(parents=True, exist_ok=True)
    with step(f"Installing {name}"):
        code, last = follow([*npm, "--prefix", str(part), *named], lambda line: None)
        if code:
            raise Problem(f"{name} could not be installed ({' '.join(last)[-200:]}): is the npm registry reachable?")
