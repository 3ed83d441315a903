"""The child process that trains: `python -m scoring <in.npz> <out.json>`. Started and followed by `process`.

In: a table of closed leads with the arrays won, closed_at, perhaps created_at, weights, groups, and seed, minimum,
and perhaps hands (JSON: forced_in, forced_out, ignore_empty, champion).
Out: a JSON object with `scorecard` (text) and `report`, or with `error` and what belongs to it.
On stdout a JSON object a line: {"fraction": 0..1, "text": "..."}.
"""

import json
import os
import sys
import threading


def main(source, target):
    _lift_limits()
    _end_with_parent()
    result = _result(source)
    text = json.dumps(result, allow_nan=False)
    with open(target, "w", encoding="ascii") as file:
        file.write(text)


def _result(source):
    from .errors import NotEnoughLeads, ScoringError

    try:
        return _train(source)
    except NotEnoughLeads as error:
        return {"error": "not_enough_leads", "won": error.won, "lost": error.lost, "needed": error.needed}
    except ScoringError as error:
        return {"error": "training", "message": str(error)}
    except MemoryError:
        return {"error": "memory"}
    except ImportError as error:
        return {"error": "import", "message": str(error)}


def _train(source):
    from .report import fit
    from .table import FeatureTable

    table, arrays = FeatureTable.from_npz(source)
    settings = {name: int(arrays.pop(name)) for name in ("seed", "minimum")}
    if "hands" in arrays:
        settings.update(json.loads(arrays.pop("hands").tobytes()))
    card, report = fit(table, **arrays, **settings, progress=_tell)
    return {"scorecard": card.to_json(), "report": report}


def _tell(fraction, text):
    print(json.dumps({"fraction": round(fraction, 4), "text": text}), flush=True)


def _lift_limits():
    """Shake off the limits of CPU time and memory of Odoo's workers, which a child inherits."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for limit in (resource.RLIMIT_CPU, resource.RLIMIT_AS):
        _soft, hard = resource.getrlimit(limit)
        resource.setrlimit(limit, (hard, hard))


def _end_with_parent():
    """End when the parent ends: it holds the other side of stdin, and never writes."""

    def watch():
        while os.read(0, 1):
            pass
        os._exit(3)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
