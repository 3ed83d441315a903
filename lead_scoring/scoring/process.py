"""Training in a process of its own.

A worker that serves people must neither import scikit-learn (seconds and 130 MB) nor spend minutes of CPU.
So a child process does it: the leads go in as a file of arrays, progress comes back as lines, and the
scorecard as JSON that is read as strictly as any other. The child ends with its parent, and a child that
dies is an error in a sentence, never a half scorecard.
"""

import json
import math
import os
import queue
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

TIMEOUT = 3600.0

_ADDON = Path(__file__).resolve().parent.parent
_KEPT_ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH", "LANG")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
_NEED_LESS = "Fewer leads or fields need less."
_DETAIL = 4_000
_LONGEST_RESULT = 64_000_000


def fit(
    table,
    won,
    closed_at,
    *,
    created_at=None,
    weights=None,
    groups=None,
    seed=0,
    minimum=MINIMUM_CLOSED,
    forced_in=(),
    forced_out=(),
    ignore_empty=(),
    champion=None,
    repeats=None,
    timeout=TIMEOUT,
    progress=None,
):
    """`report.fit` in a child process: (Scorecard, report).

    :param table, won, closed_at, created_at, weights, groups, seed, minimum, forced_in, forced_out,
        ignore_empty, champion, repeats: as in `report.fit`
    :param timeout: seconds after which the child is ended
    :param progress: callable(fraction from 0 to 1, text), called in this thread; what it raises ends the
        child
    :raise NotEnoughLeads: too few won or lost leads
    :raise TrainingError: the child came to no end; `detail` holds what it wrote to stderr
    """
    arrays = {
        "won": np.asarray(won, dtype=bool),
        "closed_at": np.asarray(closed_at, dtype=np.float64),
        "created_at": created_at,
        "weights": weights,
        "groups": groups,
        "seed": seed,
        "minimum": minimum,
        "hands": text_array(
            json.dumps(
                {
                    "forced_in": list(forced_in),
                    "forced_out": list(forced_out),
                    "ignore_empty": list(ignore_empty),
                    "champion": champion,
                    **({"repeats": repeats} if repeats else {}),
                }
            )
        ),
    }
    with tempfile.TemporaryDirectory(prefix="lead_scoring_") as folder:
        source, target, errors = (os.path.join(folder, name) for name in ("in.npz", "out.json", "errors.txt"))
        _write(table, source, {name: array for name, array in arrays.items() if array is not None})
        progress = progress or (lambda fraction, text: None)
        code = _run(_command(source, target), folder, errors, timeout, progress)
        detail = _tail(errors)
        if code:
            raise TrainingError(_died(code), detail)
        return _read(target, detail)


def _write(table, path, arrays):
    try:
        table.to_npz(path, **arrays)
    except OSError as error:
        message = "The leads to learn from could not be written to the server's disk."
        raise TrainingError(message, str(error)) from error


def _command(source, target):
    # As a package of its own: under its name in Odoo the child would have to import Odoo.
    return [sys.executable, "-m", "scoring", source, target]


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


def _run(command, folder, errors, timeout, progress):
    """Run the child and pass its progress on: its exit code. TrainingError if it cannot start or end."""
    with open(errors, "wb") as stderr:
        try:
            child = subprocess.Popen(
                command,
                cwd=folder,
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        except (OSError, TypeError) as error:
            raise TrainingError("The training process could not be started.", str(error)) from error
        try:
            _follow(child, time.monotonic() + timeout, progress)
            return child.returncode
        except TimeoutError:
            raise TrainingError(
                f"Training took longer than {_duration(timeout)} and was ended. "
                "Fewer leads or fewer fields make it faster.",
                _tail(errors),
            ) from None
        finally:
            _end(child)


def _follow(child, deadline, progress):
    """Wait for the child's end, passing its lines on. TimeoutError at the deadline (of time.monotonic)."""
    lines = queue.Queue()
    reader = threading.Thread(target=_read_lines, args=(child.stdout, lines), daemon=True)
    reader.start()
    while True:
        try:
            line = lines.get(timeout=max(deadline - time.monotonic(), 0))
        except queue.Empty:
            raise TimeoutError from None
        if line is None:
            break
        _pass_on(line, progress)
    try:
        child.wait(max(deadline - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None


def _read_lines(stream, lines):
    with stream:
        for line in iter(lambda: stream.readline(10_000), b""):
            lines.put(line)
    lines.put(None)


def _pass_on(line, progress):
    """Call `progress` with what a line says; a line that says nothing of the kind is passed over."""
    try:
        said = json.loads(line)
        fraction, text = float(said["fraction"]), str(said["text"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return
    if 0 <= fraction <= 1:
        progress(fraction, text)


def _end(child):
    if child.poll() is None:
        child.kill()
        child.wait()
    child.stdin.close()


def _died(code):
    if code in (-9, 137):
        return f"Training was ended by the system, most likely because memory ran out. {_NEED_LESS}"
    if code < 0:
        return f"Training was ended by the system (signal {-code})."
    return "Training ended with an error. The server's log has the details."


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


def _tail(path):
    """The end of what the child wrote to stderr."""
    try:
        with open(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(file.tell() - _DETAIL, 0))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
