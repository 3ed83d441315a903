"""Where things are: the clone, what belongs to it, and the cache that all clones share."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from dev.say import Problem

ROOT = Path(__file__).resolve().parent.parent
ADDON = ROOT / "lead_scoring"
RUN = ROOT / ".run"  # clusters, filestores, logs and stamps of this clone; git-ignored
SYSTEM_HOME = Path("/var/lib/lead_scoring")  # for root: where PostgreSQL's unprivileged user can reach its files


def cache() -> Path:
    """Downloads, Odoo, virtual environments and prepared databases, shared by all clones of this user."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(base) / "lead_scoring"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def digest(*parts: object) -> str:
    """Twelve hex digits that change when any part does; a Path stands for its file's content."""
    state = hashlib.sha256()
    for part in parts:
        state.update(part.read_bytes() if isinstance(part, Path) else str(part).encode())
        state.update(b"\0")
    return state.hexdigest()[:12]


def clone_key() -> str:
    """Tells this clone's things from another's where both share a place (an outside server, /var/lib, /tmp)."""
    return digest(str(ROOT))[:8]


def tree_digest(folder: Path, leave_out: tuple[str, ...] = ()) -> str:
    """Digest of the names and contents of a folder's files, without caches and the top folders left out."""
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and path.relative_to(folder).parts[0] not in leave_out
    ]
    return digest(*[part for path in files for part in (str(path.relative_to(folder)), path)])


def is_full(folder: Path) -> bool:
    """Whether nothing can be written there any more."""
    return shutil.disk_usage(folder).free < 1_000_000


def need_space(folder: Path, megabytes: int, what: str) -> None:
    """Refuse early, in words, what would fill the disk half-way through."""
    free = shutil.disk_usage(folder).free // 1_000_000
    if free < megabytes:
        elsewhere = "clone" if folder.is_relative_to(ROOT) else "set XDG_CACHE_HOME"
        raise Problem(
            f"{what} needs {megabytes} MB in {folder}, {free} MB are free: make room, or {elsewhere} to another disk"
        )
