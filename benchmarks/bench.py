"""``make bench LEADS=200000``: the daily scoring against Odoo's own, on the same leads in the same database.

Each measured run is a process of its own. See ``benchmarks/README.md`` for what the figures mean.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from datetime import datetime, timezone

from benchmarks.session import fresh_database, in_child

RUNS = 3
MARK = 5.0  # times Odoo's leads/s when every score changes
GROWTH_MB = 25  # what four times the leads may add to the peak: noise of the allocator
JOBS = "benchmarks.bench_jobs:"
# Tables that hold what a run finds out; its log (lead_scoring_run) is written every time.
RESULT_TABLES = ("crm_lead", "crm_lead_score", "crm_lead_score_history")


def run(leads, say=print):
    """Measure with ``leads`` leads and with a quarter of them. Returns a dictionary that JSON can hold."""
    with fresh_database("bench_quarter") as database:
        quarter = _prepare(database, leads // 4, say)
        small = [_ours(database, quarter["versions"][at % 2], say) for at in range(2)]
    with fresh_database("bench") as database:
        full = _prepare(database, leads, say)
        first = _ours(database, full["versions"][0], say, "first run")
        odoo, ours, moment = (
            [],
            [],
            datetime.now(timezone.utc).replace(tzinfo=None, microsecond=0).isoformat(),
        )
        for at in range(RUNS):
            odoo.append(_odoos(database, say))
            ours.append(_ours(database, full["versions"][(at + 1) % 2], say, moment=moment))
        idle, written = _idle(database, full["versions"][RUNS % 2], say, moment)
    speed = statistics.median(one["leads"] / one["seconds"] for one in ours)
    odoo_speed = statistics.median(one["leads"] / one["seconds"] for one in odoo)
    return {
        "leads": leads,
        "open": full["open"],
        "server": full["server"],
        "features": full["features"],
        "seconds_fill": full["seconds_fill"],
        "seconds_train": full["seconds_train"],
        "first": first,
        "ours": ours,
        "odoo": odoo,
        "idle": idle,
        "written_when_idle": written,
        "ours_leads_per_second": speed,
        "odoo_leads_per_second": odoo_speed,
        "ratio": speed / odoo_speed,
        "peak_mb_quarter": max(one["peak_mb"] for one in small),
        "peak_mb": max(one["peak_mb"] for one in ours),
        "quarter": small,
    }


def _prepare(database, leads, say):
    say(f"Making {leads:,} leads by SQL")
    made = in_child(JOBS + "fill", database, say, leads=leads)
    say(f"  {made['open']:,} of them open, after {made['seconds']:.0f} s; training")
    trained = in_child(JOBS + "train", database, say)
    say(
        f"  trained after {trained['seconds']:.0f} s, in {trained['turns']} turns of the scheduled action, "
        f"the longest of {trained['longest_turn']:.0f} s"
    )
    return {
        "open": made["open"],
        "server": json.loads(made["server"]),
        "seconds_fill": made["seconds"],
        "seconds_train": trained["seconds"],
        "versions": trained["versions"],
        "features": trained["features"],
    }


def _ours(database, version, say, what="every score changes", moment=None):
    result = in_child(JOBS + "ours", database, say, version=version, moment=moment)
    say(
        f"Lead Scoring, {what}: {_speed(result)}: read {result['read']:.1f}, score {result['score']:.1f}, "
        f"write {result['write']:.1f} s; {result['changed']:,} rows written; "
        f"peak {result['peak_mb']:.0f} MB over base"
    )
    return result


def _odoos(database, say):
    result = in_child(JOBS + "odoos", database, say)
    say(
        f"Odoo's own scoring:                {_speed(result)}: count closed leads {result['count']:.1f}, "
        f"score and write {result['score_and_write']:.1f} s; peak {result['peak_mb']:.0f} MB over base"
    )
    return result


def _speed(result):
    leads, seconds = result["leads"], result["seconds"]
    return f"{leads:,} leads in {seconds:.1f} s = {leads / seconds:,.0f} leads/s"


def _idle(database, version, say, moment):
    """A run in which no lead changed since the last; returns it and the rows that PostgreSQL saw written."""
    before = _settled(database, say)
    result = _ours(database, version, say, "nothing changed", moment)
    after = _settled(database, say)
    return result, {name: after.get(name, 0) - before.get(name, 0) for name in RESULT_TABLES}


def _settled(database, say):
    """PostgreSQL's counts of written rows, once they stand still (they come with a delay)."""
    rows = None
    while True:
        now = in_child(JOBS + "writes", database, say)["rows"]
        if now == rows:
            return now
        rows = now
        time.sleep(1)


def verdicts(result):
    """(met, sentence) for each mark."""
    rows = {name: count for name, count in result["written_when_idle"].items() if count}
    growth = result["peak_mb"] - result["peak_mb_quarter"]
    unchanged = min(one["changed"] / max(1, one["leads"]) for one in result["ours"])
    yield (
        result["ratio"] >= MARK,
        f"{result['ratio']:.1f} times Odoo's leads/s when every row is written (mark: {MARK:.0f})",
    )
    yield unchanged == 1, f"{unchanged:.0%} of the rows were really written in those runs"
    yield not rows, f"rows written when nothing changed: {rows or 'none'}"
    yield (
        growth <= GROWTH_MB,
        (
            f"peak memory over base {result['peak_mb_quarter']:.0f} MB with a quarter of the leads, "
            f"{result['peak_mb']:.0f} MB with all"
        ),
    )


def report(result, say=print):
    """Print the result; returns whether all marks are met."""
    say("")
    # Which ones the model keeps depends on the leads, whose ages are counted to today; some are dearer to read.
    names = result["features"]
    say(f"{result['leads']:,} leads, {result['open']:,} open, {len(names)} features: {', '.join(names)}")
    say(
        os.environ.get("LEAD_SCORING_SERVER", "PostgreSQL")
        + ": "
        + ", ".join(f"{key} {value}" for key, value in result["server"].items())
    )
    say(
        f"Lead Scoring {result['ours_leads_per_second']:,.0f} leads/s, "
        f"Odoo {result['odoo_leads_per_second']:,.0f} leads/s "
        f"(medians of {RUNS} runs, taken in turn)"
    )
    marks = list(verdicts(result))
    for met, sentence in marks:
        say(f"  {'ok ' if met else 'NOT'} {sentence}")
    say(json.dumps(result, sort_keys=True))
    return all(met for met, _sentence in marks)


def main():
    try:
        leads = int(os.environ.get("LEADS") or 200_000)
    except ValueError:
        leads = 0
    if leads < 1000:
        print(f"error: LEADS must be a number of at least 1000, not {os.environ['LEADS']!r}", file=sys.stderr)
        return 1
    return 0 if report(run(leads)) else 1


if __name__ == "__main__":
    sys.exit(main())
