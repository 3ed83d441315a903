"""Databases to measure in, and jobs in processes of their own whose memory is measured."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULT = "RESULT "


@contextlib.contextmanager
def fresh_database(name, template="lead_scoring"):
    """A new copy of the prepared database with the addon installed (or of ``crm``, without); dropped in the end."""
    from dev.databases import drop, fresh_copy, own

    name = own(f"{name}_{os.getpid()}")  # several measurements may run at once
    fresh_copy(template, name)
    try:
        yield name
    finally:
        drop(name)


def in_child(job, database, say=print, **arguments):
    """Run ``job`` (``module:function``) in a process of its own and return what it returns (JSON).

    The function gets (env, say, **arguments). Its peak memory over what the loaded registry took is added to
    the result as ``peak_mb``. Lines it says are passed on.
    """
    command = [sys.executable, "-m", "benchmarks.session", job, database, json.dumps(arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        result = None
        for line in child.stdout:
            if line.startswith(RESULT):
                result = json.loads(line[len(RESULT) :])
            else:
                say(line.rstrip())
    if result is None:
        raise RuntimeError(f"{job} ended without a result (exit code {child.returncode})")
    return result


def memory_mb(key):
    """A figure of this process in megabytes: VmRSS (now) or VmHWM (peak)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def _main(job, database, arguments):
    from dev.odoo_env import odoo_env

    module, function = job.split(":")
    with odoo_env(database, log_level="error") as env:
        run = getattr(importlib.import_module(module), function)
        env["crm.lead"].search([], limit=1).mapped("name")
        base = memory_mb("VmRSS")
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
        result = run(env, lambda text: print(text, flush=True), **json.loads(arguments))
        result["peak_mb"] = round(memory_mb("VmHWM") - base, 1)
        result["base_mb"] = round(base, 1)
    print(RESULT + json.dumps(result), flush=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
