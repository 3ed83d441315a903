"""Odoo's server on a database: started, waited for, followed to its end."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from dev.databases import odoo_command
from dev.process import child
from dev.running import pid_file
from dev.say import Problem, step

START_SECONDS = 180


@contextlib.contextmanager
def odoo_server(database: str, port: int, host: str, log: Path | None, cron: bool = True) -> Iterator[subprocess.Popen]:
    """Odoo serving ``database`` while the block runs. ``log`` is its log file; None shows the log on the terminal."""
    command = odoo_command("server", "-d", database, f"--http-port={port}", f"--http-interface={host}")
    command += [f"--db-filter=^{database}$", f"--max-cron-threads={int(cron)}"]
    if log:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        command.append(f"--logfile={log}")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} if log else {}
    with child(command, stdin=subprocess.DEVNULL, **quiet) as process:
        pid_file(port).write_text(f"{process.pid} {os.getpid()}")
        try:
            _wait(process, f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}/web/login", log)
            yield process
        finally:
            pid_file(port).unlink(missing_ok=True)


def _wait(process: subprocess.Popen, address: str, log: Path | None) -> None:
    """Until the login page answers."""
    with step("Starting Odoo") if log else contextlib.nullcontext():
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise Problem(f"Odoo ended at once: {_last_error(log)}{f' (log: {log})' if log else ''}")
            try:
                urllib.request.urlopen(address, timeout=60).close()
                return
            except urllib.error.HTTPError as error:
                raise Problem(f"Odoo's login page fails with {error.code}: see {log or 'the log above'}") from None
            except OSError:
                time.sleep(0.2)
        raise Problem(f"Odoo did not answer within {START_SECONDS} s: see {log or 'the log above'}")


def _last_error(log: Path | None) -> str:
    if not log or not log.exists():
        return "see the log above"
    lines = log.read_text(errors="replace").splitlines()
    told = [line.split(": ", 1)[-1] for line in lines if " CRITICAL " in line or " ERROR " in line]
    return (told or lines or ["no message"])[-1][:300]
