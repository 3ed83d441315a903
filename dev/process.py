"""Child processes that end with us: in a group of their own, stopped politely first, killed if they do not listen."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence

PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    """Ask the kernel to end this child when its parent dies, even by SIGKILL (Linux; elsewhere a no-op)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def interrupt_on_termination() -> None:
    """Let SIGTERM and SIGHUP unwind like Ctrl-C, so that whatever was started is stopped; once, whoever is impatient."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # background jobs of a shell ignore SIGINT otherwise

    def raise_interrupt(_number, _frame):
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C would cut off the stopping of what was started
        with contextlib.suppress(OSError):  # the terminal may be gone
            os.write(2, b"\nstopping ...\n")
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, raise_interrupt)


@contextlib.contextmanager
def child(command: Sequence[str], **options) -> Iterator[subprocess.Popen]:
    """Start ``command`` in its own group, so that Ctrl-C reaches us alone; on the way out end the group."""
    options.setdefault("start_new_session", True)
    options.setdefault("preexec_fn", _end_with_parent)
    process = subprocess.Popen([str(part) for part in command], **options)
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen, patience: float = 10) -> None:
    """SIGINT, then SIGTERM, then SIGKILL to a child's whole group, until it is gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)


def follow(command: Sequence[str], on_line: Callable[[str], None], **options) -> tuple[int, list[str]]:
    """Run ``command``, hand each line of its output (both streams) over as it comes; (exit code, last 60 lines)."""
    last: list[str] = []
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL, **options}
    with child(command, text=True, errors="replace", **options) as process:
        for line in process.stdout:
            last = [*last[-59:], line.rstrip("\n")]
            on_line(line.rstrip("\n"))
        process.wait()
    return process.returncode, last


def foreground(command: Sequence[str], **options) -> int:
    """Run a program that talks with the person; Ctrl-C is the program's own affair. Returns its exit code."""
    process = subprocess.Popen([str(part) for part in command], **options)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return process.wait()
    except KeyboardInterrupt:  # SIGTERM or SIGHUP to us
        process.terminate()
        process.wait()
        raise
    finally:
        signal.signal(signal.SIGINT, before)
