"""The child process that trains: `python -m scoring <folder> <seconds> [attached]`. Started by `process`.

In: leads.npz, a table of closed leads with the arrays won, closed_at, perhaps created_at, weights, groups, and seed,
minimum, and perhaps hands (JSON: forced_in, forced_out, ignore_empty, costly, champion, repeats).
Out: result.json, an object with `scorecard` (text) and `report`, or with `error` and what belongs to it.
Meanwhile: progress.json, {"fraction": 0..1, "text": "..."}.

It ends by itself after so many seconds, when its lock is removed, and, attached, when its parent ends.
"""

import json
import os
import sys
import threading
import time

# How nice a child that nobody waits for is to the processes that serve people.
NICE = 10
BEAT = 1.0


def main(folder, seconds, *attached):
    _lift_limits()
    _in_background(_watch, folder, float(seconds))
    if attached:
        _in_background(_end_with_parent)
    else:
        _be_nice()
    _give(folder, "result.json", _result(folder))


def _result(folder):
    from .errors import NotEnoughLeads, ScoringError

    try:
        return _train(folder)
    except NotEnoughLeads as error:
        return {"error": "not_enough_leads", "won": error.won, "lost": error.lost, "needed": error.needed}
    except ScoringError as error:
        return {"error": "training", "message": str(error)}
    except MemoryError:
        return {"error": "memory"}
    except ImportError as error:
        return {"error": "import", "message": str(error)}


def _train(folder):
    from .report import fit
    from .table import FeatureTable

    table, arrays = FeatureTable.from_npz(os.path.join(folder, "leads.npz"))
    settings = {name: int(arrays.pop(name)) for name in ("seed", "minimum")}
    if "hands" in arrays:
        settings.update(json.loads(arrays.pop("hands").tobytes()))
    tell = lambda fraction, text: _give(folder, "progress.json", {"fraction": round(fraction, 4), "text": text})
    card, report = fit(table, **arrays, **settings, progress=tell)
    return {"scorecard": card.to_json(), "report": report}


def _give(folder, name, content):
    """Write a file of JSON: who reads it finds all of it or nothing."""
    text = json.dumps(content, allow_nan=False)
    part = os.path.join(folder, f"{name}.{threading.get_ident()}")
    with open(part, "w", encoding="ascii") as file:
        file.write(text)
    os.replace(part, os.path.join(folder, name))


def _in_background(function, *arguments):
    threading.Thread(target=function, args=arguments, daemon=True).start()


def _watch(folder, seconds):
    """Show that this process lives, and end it when its time is over or nobody wants its result any more."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if _is_gone(os.path.join(folder, "lock")):
            os._exit(4)
        time.sleep(min(BEAT, left))
    _give(folder, "result.json", {"error": "timeout", "seconds": seconds})
    os._exit(0)


def _is_gone(path):
    """Touch a file; whether it is not there any more. A shared folder that cannot be reached just now is not gone."""
    try:
        os.utime(path)
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    return False


def _lift_limits():
    """Shake off the limits of CPU time and memory of Odoo's workers, which a child inherits."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for limit in (resource.RLIMIT_CPU, resource.RLIMIT_AS):
        _soft, hard = resource.getrlimit(limit)
        resource.setrlimit(limit, (hard, hard))


def _be_nice():
    if hasattr(os, "nice"):  # not on Windows
        os.nice(max(NICE - os.nice(0), 0))


def _end_with_parent():
    """The parent holds the other side of stdin, and never writes."""
    while os.read(0, 1):
        pass
    os._exit(3)


if __name__ == "__main__":
    main(*sys.argv[1:])
