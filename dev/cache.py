"""Folders that are made once, whole or not at all, by one process at a time.

A maker works in a temporary neighbour that is renamed into place when it is complete, under a lock of the kernel
(``flock``): an interrupted run leaves nothing that looks finished and no lock, and of two runs one waits.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from dev.say import step


@contextlib.contextmanager
def locked(path: Path, waiting_for: str = "") -> Iterator[None]:
    """Hold the lock file ``path`` exclusively; says what it waits for when another run holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with step(f"Waiting for another run{f': {waiting_for}' if waiting_for else ''}"):
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def made_once(target: Path, make: Callable[[Path], None], what: str = "") -> Path:
    """``target``, made by ``make(temporary folder)`` unless it is there already. Safe against kills and races."""
    if target.exists():
        return target
    with locked(target.parent / f".{target.name}.lock", what):
        if target.exists():
            return target
        building = target.parent / f".{target.name}.part"
        remove(building)  # left by a run that was killed; nobody else is in here
        building.mkdir(parents=True)
        try:
            make(building)
            building.rename(target)
        finally:
            remove(building)
    return target


def remove(path: Path) -> None:
    """Delete a folder or file, if there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
