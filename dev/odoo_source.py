"""Odoo 19's source: Debian's package odoo-19 unpacked into the cache, or the checkout that ODOO_SOURCE names."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from dev.apt import PrivateApt
from dev.cache import locked, made_once, remove
from dev.paths import cache, digest, need_space
from dev.say import FULL, Problem, step

DIST = Path("usr/lib/python3/dist-packages")
# Odoo's package links some front-end files to these packages' /usr/share; without jquery every page is a 500.
FRONT_END = (
    "libjs-jquery/sid",
    "libjs-underscore/sid",
    "libjs-jquery-form/sid",
    "fonts-roboto-unhinted/sid",
    "fonts-montserrat/sid",
    "fonts-glyphicons-halflings/sid",
    "fonts-ocr-b/sid",
    "fonts-inconsolata/sid",
    "fonts-font-awesome/bookworm",  # 4.7; sid's 6 has other file names
)
# Left out of Debian's package; its absence is a console error that fails every tour. Empty is enough.
MISSING_SCRIPT = DIST / "odoo/addons/mail/static/lib/selfie_segmentation/selfie_segmentation.js"
RECIPE = 1  # raise when the way of unpacking changes


@dataclass(frozen=True)
class Source:
    """Where Odoo is: what goes on PYTHONPATH, its addons, and a key that changes when it does."""

    python_path: Path
    addons: tuple[Path, ...]
    key: str


def odoo_source() -> Source:
    """Odoo's source, fetched on first use."""
    named = os.environ.get("ODOO_SOURCE")
    return _checkout(Path(named).expanduser().resolve()) if named else _packaged()


def _checkout(folder: Path) -> Source:
    """ODOO_SOURCE: a git checkout or an unpacked release of 19.0."""
    release = folder / "odoo" / "release.py"
    if not release.exists():
        raise Problem(f"ODOO_SOURCE={folder} holds no Odoo (no odoo/release.py): name a checkout of branch 19.0")
    if not re.search(r"^version_info = \(19, 0,", release.read_text(), re.M):
        raise Problem(f"ODOO_SOURCE={folder} is not Odoo 19.0: check out branch 19.0 there")
    addons = [path for path in (folder / "odoo" / "addons", folder / "addons") if (path / "base").exists()]
    if (folder / "addons" / "crm").exists() and folder / "addons" not in addons:
        addons.append(folder / "addons")
    if not any((path / "crm").exists() for path in addons):
        raise Problem(f"ODOO_SOURCE={folder} has no addon crm: name a whole checkout of branch 19.0")
    head = folder / ".git" / "HEAD"
    commit = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True).stdout
    return Source(folder, tuple(addons), "checkout-" + digest(str(folder), commit if head.exists() else release))


def _packaged() -> Source:
    """The newest unpacked package of the cache; fetched when there is none."""
    shelf = cache() / "odoo"
    present = sorted(path for path in shelf.glob(f"19.*-r{RECIPE}") if path.is_dir())
    if not present:
        with locked(shelf / ".fetch.lock", "it fetches Odoo"):
            present = sorted(path for path in shelf.glob(f"19.*-r{RECIPE}") if path.is_dir()) or [_fetch(shelf)]
    root = present[-1] / DIST
    # The sibling usr/lib/python3/dist-packages/addons is an incomplete copy: it stays off the addons path.
    return Source(root, (root / "odoo" / "addons",), present[-1].name)


def _fetch(shelf: Path) -> Path:
    """Download and unpack into ``shelf/<version>``."""
    need_space(shelf, 2500, "Fetching Odoo 19")
    private = shelf / ".apt"
    apt = PrivateApt(private)
    apt.update()
    version = apt.newest("odoo-19")
    folder = made_once(shelf / f"{version}-r{RECIPE}", lambda part: _unpacked(apt, private / "debs", part))
    remove(private)  # package lists and archives: 250 MB nobody needs again
    return folder


def _unpacked(apt: PrivateApt, debs: Path, into: Path) -> None:
    """Odoo and what its front end links to, in ``into``."""
    remove(debs)
    packages = apt.download(["odoo-19/sid", *FRONT_END], debs, "Downloading Odoo 19 (125 MB)")
    with step("Unpacking Odoo 19 (1.2 GB)") as at:
        for package in packages:
            _unpack(package, into, at if package.name.startswith("odoo-19") else None)
    script = into / MISSING_SCRIPT
    script.parent.mkdir(parents=True, exist_ok=True)
    script.touch()
    jquery = into / DIST / "odoo/addons/web/static/lib/jquery/jquery.js"
    if not jquery.exists():
        raise Problem("Debian's odoo-19 no longer finds its jquery: please report it, or set ODOO_SOURCE meanwhile")


def _unpack(package: Path, into: Path, at) -> None:
    """What ``dpkg -x`` does, with the bytes counted on their way."""
    size = 1024 * int(subprocess.check_output(["dpkg-deb", "-f", package, "Installed-Size"], text=True) or 1)
    reader = subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    writer = subprocess.Popen(
        ["tar", "-x", "--no-same-owner", "-C", into], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    message: list[str] = []
    listener = threading.Thread(target=_listen, args=(writer, message), daemon=True)
    listener.start()
    done = 0
    try:
        while block := reader.stdout.read(1 << 20):
            writer.stdin.write(block)
            done += len(block)
            if at:
                at.at(done / size, f"{done // 1_000_000} of {size // 1_000_000} MB")
    except BrokenPipeError:
        pass  # tar gave up; its own words follow
    finally:
        reader.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            writer.stdin.close()
        listener.join()
        writer.wait()
    if writer.returncode or reader.wait() not in (0, None):
        if any("No space left" in line for line in message):
            raise Problem(FULL)
        raise Problem(f"{package.name} cannot be unpacked ({message[0] if message else 'bad archive'}): try again")


def _listen(tar: subprocess.Popen, message: list[str]) -> None:
    """Take down tar's complaints as they come. The first error ends it: on a full disk it has one for every file."""
    for line in tar.stderr:
        text = line.decode(errors="replace").strip()
        if "Cannot" in text:  # else a warning, as of a clock that is behind
            message.append(text)
            tar.kill()
