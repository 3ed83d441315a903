"""Databases: templates that are built once, and quick copies of them with their filestore.

``prepared("test")`` starts the server for a purpose and points Odoo at it; inside, ``template()`` names a database to
copy, ``fresh_copy()`` makes one. Templates:

- ``crm``: Odoo with the app CRM, no demo data. Built once for each Odoo and PostgreSQL and kept in the cache
  as a *seed*, a whole stopped cluster, from which every clone's clusters start.
- ``lead_scoring``: that with this clone's addon installed, for each state of the addon's files.
- ``automation``: ``crm`` with Odoo's automation rules, which the addon does not depend on; and ``tested``: that with this
  clone's addon, for its own tests, some of which are about both.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2 import sql

from dev import postgres
from dev.cache import locked, made_once, remove
from dev.odoo_source import odoo_source
from dev.paths import ADDON, ROOT, RUN, cache, clone_key, digest, need_space, tree_digest
from dev.process import follow
from dev.say import FULL, Problem, step
from dev.venv import FILES

# Each is a copy of another one with a module installed.
TEMPLATES = {
    "crm": (None, "crm", "Preparing a database with CRM"),
    "automation": ("crm", "base_automation", "Adding automation rules to a prepared database"),
    "lead_scoring": ("crm", "lead_scoring", "Installing the addon in a prepared database"),
    "tested": ("automation", "lead_scoring", "Installing the addon in a prepared database"),
}
RECIPE = 1  # raise when templates are built differently
NOT_INSTALLED = ("tests", "static")  # parts of the addon that are read when used, not when installed


@dataclass(frozen=True)
class Place:
    """A server in use and the Odoo configuration that goes with it."""

    server: postgres.Server
    data_dir: Path
    config: Path

    @property
    def words(self) -> str:
        return self.server.words

    def filestore(self, database: str) -> Path:
        return self.data_dir / "filestore" / database


_place: Place | None = None


@contextlib.contextmanager
def prepared(purpose: str, kind: str = "embedded") -> Iterator[Place]:
    """The server for ``purpose`` ("demo", "test", "bench") running, PG* and ODOO_RC set for us and our children."""
    global _place
    name = "outside" if postgres.outside() else f"{purpose}-{kind}"
    data_dir = RUN / f"odoo-{name}"
    if not postgres.outside():
        _plant_seed(purpose, kind, data_dir)
    with postgres.serving(purpose, kind) as server:
        _place = Place(server, data_dir, _write_config(RUN / f"odoo-{name}.conf", data_dir))
        os.environ["ODOO_RC"] = str(_place.config)
        try:
            yield _place
        finally:
            _place = None


def place() -> Place:
    """The place in use. A child process of ``python3 -m dev run`` finds it through its environment."""
    if _place:
        return _place
    config = os.environ.get("ODOO_RC")
    if not config:
        raise Problem("no server is prepared: start this program with `python3 -m dev run`")
    words = os.environ.get("LEAD_SCORING_SERVER", "a PostgreSQL server")
    return Place(postgres.Server({}, words, postgres.outside()), _data_dir(Path(config)), Path(config))


def _write_config(path: Path, data_dir: Path) -> Path:
    """Odoo's configuration file; the server's address is in the PG* variables."""
    addons = ",".join(str(folder) for folder in (*odoo_source().addons, ROOT))
    path.parent.mkdir(parents=True, exist_ok=True)
    data_dir.mkdir(parents=True, exist_ok=True)
    text = (
        f"[options]\naddons_path = {addons}\ndata_dir = {data_dir}\n"
        "list_db = False\nhttp_interface = 127.0.0.1\nworkers = 0\nmax_cron_threads = 1\n"
    )
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    return path


def _data_dir(config: Path) -> Path:
    return Path(re.search(r"^data_dir = (.*)$", config.read_text(), re.M)[1])


# ---------------------------------------------------------------- names


def own(name: str) -> str:
    """A database's name: plain on our own server, marked with the clone on one that we share with others."""
    return f"{outside_prefix()}{name}" if place().server.outside else name


def outside_prefix() -> str:
    """What names this clone's databases on a server that is shared with others."""
    return f"lead_scoring_{clone_key()}_"


def addon_key() -> str:
    """Changes when the addon has to be installed or updated anew."""
    return tree_digest(ADDON, NOT_INSTALLED)


def odoo_key() -> str:
    """Changes when what is installed of Odoo or its packages does."""
    return digest(odoo_source().key, FILES["run"], RECIPE)[:8]


def _template_name(template: str) -> str:
    if template not in TEMPLATES:
        raise ValueError(f"template must be one of {tuple(TEMPLATES)}, not {template!r}")
    _from, module, _title = TEMPLATES[template]
    of_addon = f"_{addon_key()[:8]}" if module == "lead_scoring" else ""
    return own(f"tpl_{template}_{odoo_key()}{of_addon}")


# ---------------------------------------------------------------- plain database work


@contextlib.contextmanager
def _admin():
    """A cursor outside of transactions on the server's maintenance database."""
    try:
        connection = psycopg2.connect(dbname=os.environ.get("PGDATABASE") or "postgres")
    except psycopg2.OperationalError as error:
        raise Problem(f"PostgreSQL does not answer: {str(error).strip().splitlines()[-1]}") from None
    connection.autocommit = True
    with contextlib.closing(connection), connection.cursor() as cursor:
        yield cursor


def exists(name: str) -> bool:
    with _admin() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        return bool(cursor.fetchone())


def names() -> list[str]:
    """All databases of the server."""
    with _admin() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE NOT datistemplate")
        return [name for (name,) in cursor.fetchall()]


def drop(name: str) -> None:
    """Drop a database, whoever is connected, and its filestore."""
    with _admin() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    remove(place().filestore(name))


def drop_all() -> list[str]:
    """Drop all databases of this clone on an outside server, and nothing else there; returns their names."""
    mine = [name for name in names() if name.startswith(outside_prefix())]
    for name in mine:
        drop(name)
    return mine


def copy(source: str, target: str) -> None:
    """Copy a database and its filestore. Nobody may be connected to the source."""
    _copy_tree(place().filestore(source), place().filestore(target))
    query = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(target), sql.Identifier(source))
    with _admin() as cursor:
        try:
            cursor.execute(query)
        except psycopg2.errors.DiskFull:
            raise Problem(FULL) from None
        except psycopg2.errors.ObjectInUse:
            raise Problem(f"somebody is connected to the template database {source}: close that connection") from None


def rename(source: str, target: str) -> None:
    """Give a complete database its final name."""
    remove(place().filestore(target))
    if place().filestore(source).exists():
        place().filestore(source).rename(place().filestore(target))
    query = sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(source), sql.Identifier(target))
    with _admin() as cursor:
        cursor.execute(query)


def _copy_tree(source: Path, target: Path) -> None:
    """Copy a folder, sharing blocks where the file system can."""
    remove(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not source.exists():
        return
    done = subprocess.run(["cp", "-a", "--reflink=auto", source, target], capture_output=True, text=True)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1]
        raise Problem(FULL if "No space left" in reason else f"cp failed: {reason}")


# ---------------------------------------------------------------- templates and copies


def template(name: str) -> str:
    """The database of a template, built if there is none. Never connect to it: it could not be copied meanwhile."""
    database = _template_name(name)
    if exists(database):
        return database
    with locked(RUN / "locks" / f"{database}.lock", "it prepares a database"):
        if exists(database):
            return database
        building = f"{database}_part"
        drop(building)
        source, module, title = TEMPLATES[name]
        if source:
            _drop_older(own(f"tpl_{name}_"))
            copy(template(source), building)
        install(building, [module], title)
        rename(building, database)
    return database


def _drop_older(prefix: str) -> None:
    """Templates of earlier states of the addon."""
    for name in names():
        if name.startswith(prefix):
            drop(name)


def fresh_copy(template_name: str, name: str) -> str:
    """A new database ``name`` from a template ("crm", "lead_scoring"...); an older one of that name is dropped."""
    source = template(template_name)
    drop(name)
    with locked(RUN / "locks" / f"{source}.lock"):
        copy(source, name)
    return name


def odoo_command(*arguments: str) -> list[str]:
    """The command line that runs Odoo with the configuration of the place in use."""
    return [sys.executable, "-m", "odoo", *arguments]


def install(database: str, modules: list[str], title: str, update: bool = False) -> None:
    """Install or update modules as the Apps screen does; progress and errors come from Odoo's log."""
    log = RUN / "log" / "install.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    option = "-u" if update else "-i"
    command = odoo_command(
        "server", "-d", database, option, ",".join(modules), "--stop-after-init", "--no-http", "--log-level=info"
    )
    with step(title) as at, log.open("w") as copy_of_log:

        def told(line: str) -> None:
            copy_of_log.write(line + "\n")
            if match := re.search(r"Loading module (\S+) \((\d+)/(\d+)\)", line):
                at.at(int(match[2]) / int(match[3]), match[1])

        code, last = follow(command, told)
        wrong = _not_installed(database, modules) if code == 0 else modules
        if wrong:
            raise Problem(f"{', '.join(wrong)} cannot be installed: {_reason(log, last)} (log: {log})")


def _not_installed(database: str, modules: list[str]) -> list[str]:
    with contextlib.closing(psycopg2.connect(dbname=database)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT name FROM ir_module_module WHERE state = 'installed'")
        return sorted(set(modules) - {name for (name,) in cursor.fetchall()})


def _reason(log: Path, last: list[str]) -> str:
    """The line of a log that says why: the last exception, else the last error."""
    if any("No space left" in line for line in last):
        return "the disk is full: free some space"
    lines = log.read_text().splitlines()
    raised = [line for line in lines if re.match(r"[\w.]*(Error|Exception|Warning)\b", line)]
    errors = [line.split(": ", 1)[-1] for line in lines if re.search(r" (ERROR|CRITICAL) ", line)]
    return (raised or errors or last or ["no message"])[-1].strip()[:300]


# ---------------------------------------------------------------- seeds


def _plant_seed(purpose: str, kind: str, data_dir: Path) -> None:
    """Let a cluster that does not exist yet begin as a copy of the seed."""
    binaries = postgres.system() if kind == "system" else postgres.embedded()
    cluster = postgres.Cluster(purpose, binaries)
    if (cluster.data / "PG_VERSION").exists():
        return
    seed = _seed(binaries)
    with locked(RUN / "locks" / f"{cluster.home.name}.seed", "it makes a database cluster"):
        if (cluster.data / "PG_VERSION").exists():
            return
        need_space(RUN, 1000, "A database cluster")
        with step("Copying the prepared database cluster", only_if_long=True):
            remove(data_dir)
            _copy_tree(seed / "filestore", data_dir / "filestore")
            remove(cluster.home)
            part = cluster.home.with_name(f"{cluster.home.name}.part")
            remove(part)
            part.mkdir(parents=True)
            _copy_tree(seed / "data", part / "data")
            postgres.owned(part)
            part.rename(cluster.home)


def _seed(binaries: postgres.Binaries) -> Path:
    """A stopped cluster with the template ``crm``, in the cache."""
    key = digest(odoo_key(), binaries.version, binaries.kind)[:8]
    return made_once(
        postgres.within_reach(cache()) / f"seed-{key}", lambda part: _grow(part, binaries), "it prepares a database"
    )


def _grow(part: Path, binaries: postgres.Binaries) -> None:
    """Make the seed: ``data`` and ``filestore`` in ``part``."""
    global _place
    part.chmod(0o755)
    need_space(part, 1500, "Preparing a database")
    cluster = postgres.Cluster("test", binaries, part / "cluster")
    with cluster.used() as server, _environment(server.environment):
        config = _write_config(part / "odoo.conf", part)
        with _environment({"ODOO_RC": str(config)}):
            _place = Place(server, part, config)
            try:
                template("crm")
            finally:
                _place = None
    cluster.data.rename(part / "data")
    remove(part / "cluster")


@contextlib.contextmanager
def _environment(values: dict[str, str]):
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


# ---------------------------------------------------------------- stamps


def stamps(path: Path) -> dict:
    """What a file of stamps says; nothing when it is missing or damaged."""
    with contextlib.suppress(OSError, ValueError):
        return json.loads(path.read_text())
    return {}


def stamp(path: Path, **values) -> None:
    """Write stamps, whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps({**stamps(path), **values}, indent=1))
    part.replace(path)
