"""Which port the server may take, and who has it where it may not. Plain /proc: Linux."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from pathlib import Path

from dev.say import Problem

DEFAULT = 8069


def host() -> str:
    """The address to serve on: this machine alone, unless HOST says otherwise."""
    return os.environ.get("HOST") or "127.0.0.1"


def wanted_port() -> int:
    text = os.environ.get("PORT") or str(DEFAULT)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise Problem(f"PORT={text} is no port: give a number from 1024 to 65535, e.g. PORT=8070")
    return int(text)


def need_port() -> int:
    """The wanted port, or a Problem that says who has it and which one is free."""
    port = wanted_port()
    if is_free(port):
        return port
    free = next((other for other in range(port + 1, port + 200) if other < 65536 and is_free(other)), None)
    who = owner(port)
    raise Problem(
        f"port {port} is taken{f' by {who}' if who else ''}: stop that, or choose another: PORT={free or 18069}"
    )


def is_free(port: int) -> bool:
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host(), port))
        except PermissionError:
            raise Problem(f"port {port} needs root: choose one from 1024 on, e.g. PORT={DEFAULT}") from None
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise Problem(
                f"HOST={host()} is no address of this machine: 127.0.0.1 is this machine alone, 0.0.0.0 all"
            ) from None
    return True


def owner(port: int) -> str:
    """Name and pid of the process that listens on ``port``, as far as we may see it; else an empty text."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                parts = line.split()
                if parts[3] == "0A" and int(parts[1].rsplit(":", 1)[1], 16) == port:
                    inodes.add(f"socket:[{parts[9]}]")
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(os.readlink(handle) in inodes for handle in (process / "fd").iterdir()):
                words = (process / "cmdline").read_bytes().split(b"\0")
                name = " ".join(word.decode(errors="replace") for word in words if word)[:70]
                return f"{name} (pid {process.name})"
    return ""
