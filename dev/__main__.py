"""Entry: ``python3 -m dev <command>``. Written so that any Python, even 2, can read it, to refuse in plain words."""

import os
import subprocess
import sys

OLDEST, NEWEST = (3, 10), (3, 13)
TRIED = "LEAD_SCORING_PYTHON_TRIED"


def supported(version):
    """Whether Odoo 19 and our pinned packages run on this (major, minor)."""
    return OLDEST <= tuple(version) <= NEWEST


def other_python():
    """The newest supported Python on the PATH that really starts (a pyenv shim may not), or None."""
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        name = "python3.%d" % minor
        try:
            with open(os.devnull, "w") as nowhere:
                answer = subprocess.check_output(
                    [name, "-c", "import sys; print(*sys.version_info[:2])"], stderr=nowhere
                )
        except (OSError, subprocess.CalledProcessError):
            continue
        if supported([int(part) for part in answer.split()]):
            return name
    return None


def start():
    """Hand over to the command line, with another Python where this one is not supported."""
    if supported(sys.version_info[:2]):
        from dev.cli import main

        return main(sys.argv[1:])
    other = None if os.environ.get(TRIED) else other_python()
    if other:
        os.environ[TRIED] = "1"
        os.execvp(other, [other, "-m", "dev"] + sys.argv[1:])
    sys.stderr.write(
        "Python %d.%d cannot run Odoo 19: install a Python from 3.10 to 3.13 and name it, e.g. PYTHON=python3.12\n"
        % sys.version_info[:2]
    )
    return 1


if __name__ == "__main__":
    sys.exit(start())
