"""Which server of this clone runs, and how to stop it from elsewhere. Plain Python."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from dev.paths import RUN


def pid_file(port: int) -> Path:
    """Holds the pid of Odoo on that port and that of the command that started it."""
    return RUN / f"server-{port}.pid"


def running() -> list[tuple[int, int]]:
    """(pid of Odoo, pid of the command that started it) for each server of this clone that runs."""
    found = []
    for file in RUN.glob("server-*.pid"):
        with contextlib.suppress(OSError, ValueError):
            odoo, command = (int(part) for part in file.read_text().split())
            words = Path(f"/proc/{odoo}/cmdline").read_bytes()
            if b"odoo" in words and b"--http-port" in words:  # else the number is another process's by now
                found.append((odoo, command))
    return found


def stop_running() -> bool:
    """Stop this clone's servers through the commands that started them; False when none runs."""
    servers = running()
    for odoo, command in servers:
        for pid in (command, odoo):  # the command first: it stops Odoo, and PostgreSQL if nobody else uses it
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline and Path(f"/proc/{pid}").exists():
                time.sleep(0.1)
    return bool(servers)
