"""What several runs of ``make quality`` say together, against the marks.

    python -m benchmarks.quality_summary LOG...     what the runs printed, a file for each

A line for each set, split and seed; then, of all of them, the gap in AUC to the reference, and where Odoo's own scoring
is better.
"""

import json
import sys
from pathlib import Path

import numpy as np

MEAN_GAP, LARGEST_GAP = 0.005, 0.012
CALIBRATION = 0.03
ODOO_AHEAD = 0.005
DRIFT = 1 / 3  # where the base rates differ by more, probabilities are told and not judged
NO_SIGNAL = "maven"
ODOOS = ("odoo_as_shipped", "odoo_every_field")


def read(path):
    """What one run found: its last line."""
    return json.loads(Path(path).read_text(encoding="utf-8").strip().splitlines()[-1])


def steady(run):
    return abs(run["base_rate_open"] - run["base_rate_closed"]) < DRIFT * run["base_rate_closed"]


def line(run):
    ours, gap, error = run["methods"]["lead_scoring"], *run["gap_to_reference"]
    best = max(run["methods"][name]["auc"] for name in ODOOS)
    missed = [
        *(["gap"] if gap > LARGEST_GAP + error else []),
        *(["Odoo"] if best - ours["auc"] > ODOO_AHEAD else []),
        *(["calibration"] if steady(run) and ours["calibration_error"] > CALIBRATION else []),
        *(["signal"] if run["data"] == NO_SIGNAL and not any("Not ready" in note for note in run["notes"]) else []),
    ]
    return (
        f"{run['data']:16s}{run['split']:8s}{run['seed']:4d}{ours['auc']:8.3f}{gap:+8.3f} ({error:.3f})"
        f"{best:8.3f}{ours['brier']:8.3f}{ours['log_loss']:8.3f}{ours['calibration_error']:8.3f}  {', '.join(missed)}"
    )


def summary(runs):
    """Lines on all runs together."""
    gaps = [run["gap_to_reference"][0] for run in runs]
    yield f"AUC behind the reference: mean {np.mean(gaps):+.4f} (mark {MEAN_GAP}), most {max(gaps):+.4f}"
    judged = [run["methods"] for run in runs if steady(run)]
    for name in ODOOS:
        for measure, sign in (("auc", 1), ("log_loss", -1), ("brier", -1)):
            ahead = [sign * (run["lead_scoring"][measure] - run[name][measure]) for run in judged]
            yield f"{measure} better than {name}: mean {np.mean(ahead):+.4f}, least {min(ahead):+.4f}"
    errors = [run["lead_scoring"]["calibration_error"] for run in judged]
    yield f"calibration error: mean {np.mean(errors):.3f} (mark {CALIBRATION}), most {max(errors):.3f}"


def main(paths):
    if not paths:
        print(__doc__, file=sys.stderr)
        return 2
    runs = sorted(map(read, paths), key=lambda run: (run["data"], run["split"], run["seed"]))
    print(
        f"{'set':16s}{'split':8s}{'seed':4s}{'AUC':>8s}{'gap (error)':>16s}{'Odoo':>8s}{'Brier':>8s}{'loss':>8s}{'calib.':>8s}"
    )
    for row in (*map(line, runs), *summary(runs)):
        print(row)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
