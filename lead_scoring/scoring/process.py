"""Training in a process of its own.

A worker that serves people must neither import scikit-learn (seconds and 130 MB) nor spend minutes of CPU, and it
may be ended at any moment. So a child process trains, and all there is to know of it lies in a folder: whoever
knows the folder may follow the training, from another process or after a restart too.

    leads.npz      what to learn from, plain arrays
    lock           locked as long as the child lives; it names the child's host and is touched every second
    progress.json  how far it is
    result.json    what came of it, there all at once; read as strictly as any other scorecard
    errors.txt     what the child wrote to stderr

A child whose folder or lock is removed ends by itself. One that dies is an error in a sentence, never half a
scorecard.
"""

import contextlib
import json
import math
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from .errors import MINIMUM_CLOSED, NotEnoughLeads, ScoringError, TrainingError
from .scorecard import Scorecard
from .table import text_array

try:
    import fcntl
except ImportError:  # Windows: the age of the lock alone tells whether the child lives
    fcntl = None

TIMEOUT = 3600.0
# A child on another host that has not touched its lock for so many seconds is taken for dead.
SILENCE = 180.0

_POLL = 0.05
_ADDON = Path(__file__).resolve().parent.parent
_KEPT_ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH", "LANG")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
_NEED_LESS = "Fewer leads or fields need less."
_DETAIL = 4_000
_LONGEST_PROGRESS = 10_000
_LONGEST_RESULT = 64_000_000

# The children of this process by folder: how they ended is known to their parent alone.
_children = {}


def fit(table, won, closed_at, *, timeout=TIMEOUT, progress=None, **given):
    """`report.fit` in a child process that ends with this one: (Scorecard, report).

    :param table, won, closed_at, given: as in `Training.prepare`
    :param timeout: seconds after which the child is ended
    :param progress: callable(fraction from 0 to 1, text), called in this thread; what it raises ends the
        child
    :raise NotEnoughLeads: too few won or lost leads
    :raise TrainingError: the child came to no end; `detail` holds what it wrote to stderr
    """
    with tempfile.TemporaryDirectory(prefix="lead_scoring_") as folder:
        training = Training(folder)
        training.prepare(table, won, closed_at, **given)
        child = training.start(timeout, attached=True)
        try:
            _follow(training, child, timeout, progress or (lambda fraction, text: None))
            return training.result()
        finally:
            training.end()


def _follow(training, child, timeout, progress):
    """Wait for the end of a child of this process, passing on what it tells."""
    deadline, told = time.monotonic() + timeout, None
    while child.poll() is None:
        if time.monotonic() > deadline:
            raise TrainingError(_too_long(timeout), training.errors())
        told = _tell(training.progress(), told, progress)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_POLL)
    _tell(training.progress(), told, progress)


def _tell(said, told, progress):
    if said and said != told:
        progress(*said)
    return said


class Training:
    """A training in a child process, known by its folder. It is prepared, started, perhaps again, read and ended.

    :param folder: path of a folder for this training alone; made when it is prepared
    """

    def __init__(self, folder):
        self.folder = str(folder)

    def prepare(
        self,
        table,
        won,
        closed_at,
        *,
        created_at=None,
        weights=None,
        groups=None,
        seed=0,
        minimum=MINIMUM_CLOSED,
        **hands,
    ):
        """Write what to learn from into the folder, for this user's eyes alone.

        :param table, won, closed_at, created_at, weights, groups, seed, minimum: as in `report.fit`
        :param hands: of `report.fit`, what JSON can hold: forced_in, forced_out, ignore_empty, costly, champion,
            repeats
        :raise TrainingError: when it cannot be written
        """
        arrays = {
            "won": np.asarray(won, dtype=bool),
            "closed_at": np.asarray(closed_at, dtype=np.float64),
            "created_at": created_at,
            "weights": weights,
            "groups": groups,
            "seed": seed,
            "minimum": minimum,
            "hands": text_array(json.dumps(hands)),
        }
        part = self._path("part.npz")
        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            table.to_npz(part, **{name: array for name, array in arrays.items() if array is not None})
            os.replace(part, self._path("leads.npz"))
        except OSError as error:
            message = "The leads to learn from could not be written to the server's disk."
            raise TrainingError(message, str(error)) from error

    def prepared(self):
        return os.path.exists(self._path("leads.npz"))

    def start(self, timeout=TIMEOUT, attached=False):
        """Start a child process that learns from what was prepared. Return its Popen.

        :param timeout: seconds after which it ends by itself
        :param attached: whether it ends with this process; otherwise it outlives it
        :raise TrainingError: when it cannot be started, or another one is at work
        """
        try:
            with _locked(self._path("lock")) as lock, open(self._path("errors.txt"), "wb") as stderr:
                child = subprocess.Popen(
                    _command(self.folder, timeout, attached),
                    cwd=self.folder,
                    env=_environment(),
                    stdin=subprocess.PIPE if attached else subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=stderr,
                    start_new_session=not attached,
                    # The child holds the lock from its first moment to its last, however it ends.
                    pass_fds=(lock,) if fcntl else (),
                )
        except (OSError, TypeError) as error:
            raise TrainingError("The training process could not be started.", str(error)) from error
        _children[self.folder] = child
        if not attached:
            # Waited for, or it would stay as a zombie until this process ends.
            threading.Thread(target=child.wait, name="lead_scoring training", daemon=True).start()
        return child

    def running(self):
        """Whether a child is at work, on this host or on another one that shares the folder."""
        path = self._path("lock")
        try:
            with open(path, "rb") as lock:
                if fcntl and lock.read() == _host():
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    return False
            return time.time() - os.path.getmtime(path) < SILENCE
        except BlockingIOError:
            return True
        except OSError:
            return False

    def finished(self):
        """Whether there is a result to read, good or bad."""
        return os.path.exists(self._path("result.json"))

    def progress(self):
        """How far it is, (fraction from 0 to 1, text), or None; nonsense is passed over."""
        try:
            with open(self._path("progress.json"), "rb") as file:
                said = json.loads(file.read(_LONGEST_PROGRESS))
            fraction, text = float(said["fraction"]), str(said["text"])
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        return (fraction, text) if 0 <= fraction <= 1 else None

    def result(self):
        """(Scorecard, report) of a training that is over, or the error that it ended with.

        :raise NotEnoughLeads: too few won or lost leads
        :raise TrainingError: there is no usable result
        """
        code = self._exit_code()
        if code or (code is None and not self.finished()):
            raise self.death()
        return _read(self._path("result.json"), self.errors())

    def death(self):
        """The TrainingError that says how a child without a result ended."""
        return TrainingError(_died(self._exit_code()), self.errors())

    def errors(self):
        """The end of what the child wrote to stderr."""
        try:
            with open(self._path("errors.txt"), "rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(file.tell() - _DETAIL, 0))
                return file.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def end(self):
        """End the child, if there is one, and remove the folder. Children of other processes end within seconds."""
        child = _children.pop(self.folder, None)
        if child:
            child.kill()
            child.wait()
            if child.stdin:
                child.stdin.close()
        with contextlib.suppress(OSError):
            os.unlink(self._path("lock"))
        shutil.rmtree(self.folder, ignore_errors=True)

    def _exit_code(self):
        """How the last child ended; None if it is another process's, or still on its way out."""
        child = _children.get(self.folder)
        try:
            return child and child.wait(0 if self.finished() else 5)
        except subprocess.TimeoutExpired:
            return None

    def _path(self, name):
        return os.path.join(self.folder, name)


@contextlib.contextmanager
def _locked(path):
    """A file descriptor on a new lock, held by whoever has it open."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if fcntl:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.truncate(path, 0)
        os.write(lock, _host())
        yield lock
    finally:
        os.close(lock)


def _host():
    return socket.gethostname().encode()


def _command(folder, timeout, attached):
    # As a package of its own: under its name in Odoo the child would have to import Odoo.
    return [sys.executable, "-m", "scoring", folder, str(timeout), *(["attached"] if attached else [])]


def _environment():
    """Little of this process's environment: what Odoo was started with is no business of the child."""
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    return {
        **kept,
        **dict.fromkeys(_THREADS, "1"),
        "PYTHONPATH": str(_ADDON),
        "PYTHONSAFEPATH": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _died(code):
    if not code:
        return (
            "Training was cut short: its process is gone, because the server was restarted or memory ran out. "
            f"{_NEED_LESS}"
        )
    if code in (-9, 137):
        return f"Training was ended by the system, most likely because memory ran out. {_NEED_LESS}"
    if code < 0:
        return f"Training was ended by the system (signal {-code})."
    return "Training ended with an error. The server's log has the details."


def _too_long(seconds):
    return f"Training took longer than {_duration(seconds)} and was ended. Fewer leads or fewer fields make it faster."


def _read(target, detail):
    """(Scorecard, report) of the child's file, or the error it holds."""
    result = _load(target, detail)
    if "error" in result:
        raise _error(result, detail)
    try:
        report = result["report"]
        card = Scorecard.from_json(result["scorecard"])
        if not isinstance(report, dict):
            raise TypeError("report")
    except (KeyError, TypeError, ScoringError) as error:
        raise TrainingError("Training gave no usable result.", f"{error}\n{detail}") from error
    return card, report


def _load(target, detail):
    try:
        if os.path.getsize(target) > _LONGEST_RESULT:
            raise ValueError("The result is too long.")
        with open(target, encoding="ascii") as file:
            result = json.load(file, parse_constant=_refuse)
        if not isinstance(result, dict):
            raise TypeError("The result is not an object.")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise TrainingError("Training gave no usable result.", f"{error}\n{detail}") from error
    return result


def _refuse(constant):
    raise ValueError(f"{constant} is not a number.")


def _error(result, detail):
    """The exception that the child's error stands for."""
    kind, message = result["error"], str(result.get("message", ""))
    if kind == "not_enough_leads":
        try:
            return NotEnoughLeads(int(result["won"]), int(result["lost"]), int(result["needed"]))
        except (KeyError, TypeError, ValueError):
            kind = "unknown"
    if kind == "training":
        return TrainingError(message, detail)
    if kind == "timeout":
        try:
            return TrainingError(_too_long(float(result["seconds"])), detail)
        except (KeyError, TypeError, ValueError, OverflowError):
            kind = "unknown"
    if kind == "memory":
        return TrainingError(f"There was not enough memory to train. {_NEED_LESS}", detail)
    if kind == "import":
        return TrainingError(
            "The Python package scikit-learn is missing or does not work on this server.",
            f"{message}\n{detail}",
        )
    return TrainingError("Training gave no usable result.", detail)


def _duration(seconds):
    return f"{math.ceil(seconds)} seconds" if seconds < 120 else f"{round(seconds / 60)} minutes"
