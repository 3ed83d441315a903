"""How the tools talk: a line for each step, with what it does and how far it is; one line for what went wrong."""

from __future__ import annotations

import contextlib
import errno
import sys
import threading
import time

SPINNER = "|/-\\"
QUIET_SECONDS = 10  # without a terminal: how often a long step says how far it is
SHORT_SECONDS = 1.5  # what takes no longer than this may pass without a word


FULL = "the disk is full: free some space and run the same command again"


class Problem(Exception):
    """Something the person can mend. Its text is the one line that is shown: what is wrong and what to do."""


def say(text: str = "") -> None:
    """Print a line of the result."""
    print(text, flush=True)


class Step:
    """A piece of work under way. ``at`` tells how far it is; threads and callbacks may call it at any time."""

    def __init__(self, title: str, stream=None, only_if_long: bool = False):
        self.title = title
        self.only_if_long = only_if_long
        self.stream = stream or sys.stderr
        self.began = time.monotonic()
        self.share: float | None = None
        self.text = ""
        self.live = self.stream.isatty()
        self._told = self.began
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def at(self, share: float | None = None, text: str = "") -> None:
        """Note progress: ``share`` from 0 to 1 where it is known, and what is being done."""
        if share is not None:
            self.share = min(max(share, 0.0), 1.0)
        self.text = text or self.text
        if not self.live and time.monotonic() - self._told >= QUIET_SECONDS:
            self._told = time.monotonic()
            self._line()

    def seconds(self) -> float:
        return time.monotonic() - self.began

    def _state(self) -> str:
        parts = [self.title]
        if self.share is not None:
            parts.append(f"{self.share:.0%}")
        if self.text:
            parts.append(self.text)
        return "  ".join(parts)

    def _line(self) -> None:
        print(f"... {self._state()}  ({self.seconds():.0f} s)", file=self.stream, flush=True)

    def _spin(self) -> None:
        """Redraw one terminal line until the step ends; without a terminal, a line now and then."""
        turn = 0
        if self.only_if_long and not self._stop.wait(SHORT_SECONDS) and not self.live:
            self._begin()
        while not self._stop.wait(0.12 if self.live else 1):
            if self.live:
                turn += 1
                line = f"{SPINNER[turn % 4]} {self._state()}  {self.seconds():.0f} s"[:150]
                self.stream.write(f"\r\x1b[K{line}")
                self.stream.flush()
            elif time.monotonic() - self._told >= QUIET_SECONDS:
                self._told = time.monotonic()
                self._line()

    def __enter__(self) -> Step:
        if not self.live and not self.only_if_long:
            self._begin()
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()
        return self

    def _begin(self) -> None:
        print(f"... {self.title}", file=self.stream, flush=True)

    def __exit__(self, kind, error, trace) -> None:
        self._stop.set()
        self._thread.join()
        if self.live:
            self.stream.write("\r\x1b[K")
        if kind is None and not (self.only_if_long and self.seconds() < SHORT_SECONDS):
            print(f"ok  {self.title}  ({self.seconds():.1f} s)", file=self.stream, flush=True)


def step(title: str, only_if_long: bool = False) -> Step:
    """``with step("Fetching Odoo") as at: ... at.at(0.5, "60 of 120 MB")``. What is usually quick may be silent then."""
    return Step(title, only_if_long=only_if_long)


@contextlib.contextmanager
def one_line_problems():
    """Turn what a person can mend into one line and a non-zero end; everything else stays a traceback."""
    try:
        yield
    except Problem as problem:
        sys.stderr.write(f"error: {problem}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        sys.exit(130)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            sys.stderr.write(f"error: {FULL}\n")
            sys.exit(1)
        if isinstance(error, FileNotFoundError) and error.filename and "/" not in str(error.filename):
            sys.stderr.write(f"error: the program {error.filename} is missing here: install it\n")
            sys.exit(1)
        if error.errno == errno.EACCES and error.filename:
            sys.stderr.write(f"error: {error.filename} cannot be read or written: give yourself access to it\n")
            sys.exit(1)
        raise
