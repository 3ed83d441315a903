"""What is refused, and in which words; what a full disk, an impatient Ctrl-C and an old Python do."""

import io
import logging
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from dev import apt, asked, chromium, odoo_source, paths, ports, postgres, stop, venv
from dev.asked import outside_used
from dev.say import FULL, Problem, Step, one_line_problems

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ("3.10.0", "3.11.0", "3.11.2", "3.11.5", "3.12.1", "3.13.0")  # 3.11.2 is Debian 12's


def refusal(call, *arguments):
    """The one line of the Problem that ``call`` raises."""
    with pytest.raises(Problem) as caught:
        call(*arguments)
    line = str(caught.value)
    assert "\n" not in line
    return line


# What is asked for


def test_unknown_leads_are_refused_before_anything_is_fetched(monkeypatch):
    monkeypatch.setenv("LEADS", "some")
    assert "LEADS=all" in refusal(asked.check, "demo")


def test_bench_has_leads_of_its_own(monkeypatch):
    monkeypatch.setenv("LEADS", "200000")
    monkeypatch.delenv("SUDO_USER", raising=False)
    asked.check("bench")


@pytest.mark.parametrize("command", ["serve", "shell", "psql", "screenshots"])
def test_without_a_demo_its_name_is_said_before_anything_is_fetched(command, monkeypatch, tmp_path):
    monkeypatch.setattr(asked, "STAMPS", tmp_path / "demo.json")
    monkeypatch.delenv("SUDO_USER", raising=False)
    assert "make demo" in refusal(asked.check, command)


def test_without_chromium_a_person_is_told_before_anything_is_fetched(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("SUDO_USER", raising=False)
    assert "apt install chromium" in refusal(asked.check, "test")


# Ports


def test_a_taken_port_is_told_with_its_owner_and_a_free_one(monkeypatch):
    monkeypatch.delenv("HOST", raising=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        line = refusal(ports.need_port)
    assert f"port {port} is taken" in line
    assert f"pid {os.getpid()}" in line
    assert re.search(r"PORT=\d+$", line)


@pytest.mark.parametrize("port", ["abc", "0", "65536", "-1"])
def test_what_is_no_port(port, monkeypatch):
    monkeypatch.setenv("PORT", port)
    assert f"PORT={port}" in refusal(ports.need_port)


def test_an_address_of_another_machine_is_not_a_taken_port(monkeypatch):
    monkeypatch.setenv("HOST", "203.0.113.1")
    assert "HOST=203.0.113.1" in refusal(ports.need_port)


# A full disk


def test_a_folder_with_too_little_space(tmp_path):
    assert "make room" in refusal(paths.need_space, tmp_path, 10**12, "This")


def test_unpacking_ends_at_the_first_error(tmp_path):
    """tar complains about each file; nobody who reads that would let it wait for us for ever."""
    package = deb(tmp_path / "made", files=3000)
    into = tmp_path / "into"
    into.mkdir()
    for name in range(3000):  # folders where files should go, each with something in it: an error for each
        (into / f"{name:0100d}" / "x").mkdir(parents=True)
    assert "cannot be unpacked" in refusal(odoo_source._unpack, package, into, None)


def test_unpacking(tmp_path):
    into = tmp_path / "into"
    into.mkdir()
    odoo_source._unpack(deb(tmp_path / "made", files=3), into, None)
    assert len(list(into.iterdir())) == 3


def deb(folder, files):
    """A Debian package of empty files with long names."""
    (folder / "DEBIAN").mkdir(parents=True)
    (folder / "DEBIAN" / "control").write_text(
        "Package: made-up\nVersion: 1\nArchitecture: all\nMaintainer: nobody <n@example.com>\nInstalled-Size: 1\n"
        "Description: for a test\n"
    )
    for name in range(files):
        (folder / f"{name:0100d}").touch()
    package = folder.with_suffix(".deb")
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", folder, package], check=True, capture_output=True)
    return package


# pip


@pytest.mark.parametrize(
    "output, words",
    [
        (["ERROR: Could not install packages: [Errno 28] No space left on device"], FULL),
        (["WARNING: Retrying after NewConnectionError(...)", "ERROR: No matching distribution"], "check the network"),
        (
            ["ERROR: Ignored the following versions: 1.0", "ERROR: No matching distribution found for x==1", ""],
            "No matching distribution found for x==1",
        ),
        ([], "no message"),
    ],
)
def test_what_pip_says_in_a_line(output, words):
    line = venv._words(output)
    assert words in line
    assert "\n" not in line


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", venv.FILES)
def test_pins_name_one_version_of_a_package(name, python):
    """A package with markers has one version for each Python, and no package two."""
    requirements = pytest.importorskip("packaging.requirements")
    pins = [line.partition(" #")[0] for line in venv.FILES[name].read_text().splitlines() if re.match(r"\w", line)]
    pins = [requirements.Requirement(line) for line in pins]
    of_python = {"python_version": python.rpartition(".")[0], "python_full_version": python}
    chosen = [pin.name for pin in pins if not pin.marker or pin.marker.evaluate(of_python)]
    twice = {pin.name for pin in pins if sum(other.name == pin.name for other in pins) > 1}
    assert sorted(chosen) == sorted(set(chosen))
    assert twice <= set(chosen), "two pins with markers, and none for this Python"


# Ctrl-C, and a Python that is too old


def test_a_second_ctrl_c_does_not_cut_off_the_stopping():
    program = """
        import sys, time
        from dev.process import interrupt_on_termination
        from dev.say import one_line_problems
        interrupt_on_termination()
        with one_line_problems():
            try:
                print("ready", flush=True)
                time.sleep(30)
            finally:
                time.sleep(0.4)
                print("stopped what was started", flush=True)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline() + process.stderr.readline() == "\nstopping ...\n"
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert (out, err, process.returncode) == ("stopped what was started\n", "stopped\n", 130)


def test_an_unsupported_python_is_refused_in_a_line():
    """``dev.__main__`` with the versions that it takes moved away from all there are."""
    program = "import dev.__main__ as entry; entry.OLDEST = entry.NEWEST = (9, 9); raise SystemExit(entry.start())"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.fullmatch(r"Python 3\.\d+ cannot run Odoo 19: .*PYTHON=python3.12\n", done.stderr)


# Databases on an outside server


def test_clean_does_not_forget_databases_on_an_outside_server(monkeypatch, tmp_path):
    (tmp_path / "odoo-outside.conf").touch()
    monkeypatch.setattr(asked, "OUTSIDE", tmp_path / "odoo-outside.conf")
    monkeypatch.setattr(stop, "RUN", tmp_path)
    monkeypatch.setattr(stop, "stop", lambda arguments: None)
    for name in postgres.OUTSIDE:
        monkeypatch.delenv(name, raising=False)
    assert "set PG*" in refusal(stop.clean, [])
    assert outside_used()


def test_on_an_outside_server_only_databases_of_this_clone_are_dropped(monkeypatch):
    databases = pytest.importorskip("dev.databases")
    mine = [f"lead_scoring_{paths.clone_key()}_demo", f"lead_scoring_{paths.clone_key()}_tpl_crm_1"]
    dropped = []
    monkeypatch.setattr(databases, "names", lambda: ["postgres", "lead_scoring_0_demo", "lead_scoring", *mine, "demo"])
    monkeypatch.setattr(databases, "drop", dropped.append)
    assert databases.drop_all() == dropped == mine


# Missing programs


def test_without_apt_a_person_is_told_of_odoo_source(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "/nowhere")
    assert "ODOO_SOURCE" in refusal(apt.PrivateApt, tmp_path)


def test_a_missing_program_is_a_line(capsys):
    with pytest.raises(SystemExit) as caught, one_line_problems():
        subprocess.run(["no-such-program"])
    assert caught.value.code == 1
    assert capsys.readouterr().err == "error: the program no-such-program is missing here: install it\n"


# Steps


@pytest.mark.parametrize(
    "short, only_if_long, told",
    [(60, True, ""), (60, False, "... Working\nok  Working"), (0, True, "... Working\nok  Working")],
)
def test_a_step_says_that_it_begins_and_ends(short, only_if_long, told, monkeypatch):
    monkeypatch.setattr("dev.say.SHORT_SECONDS", short)
    stream = io.StringIO()
    with Step("Working", stream, only_if_long):
        time.sleep(0.02)
    assert stream.getvalue().split("  (")[0] == told


def test_a_step_that_failed_is_not_ok():
    stream = io.StringIO()
    with pytest.raises(Problem), Step("Working", stream):
        raise Problem("no")
    assert stream.getvalue() == "... Working\n"


def test_what_a_training_logs_is_told_in_passing():
    from dev.demo_job import PASSING, _log_told

    logger, told = logging.getLogger("odoo.addons.lead_scoring.models.x"), []
    with _log_told(told.append):
        logger.info("Training %s: %d %%", 1, 40)
    logger.info("Training 1: 80 %%")
    assert told == [f"{PASSING}Training 1: 40 %"]


# PostgreSQL


def test_an_outside_server_that_is_too_old(monkeypatch):
    pytest.importorskip("psycopg2")
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=greet, args=(server, b"12.22"), daemon=True).start()
        monkeypatch.setenv("PGHOST", "127.0.0.1")
        monkeypatch.setenv("PGPORT", str(server.getsockname()[1]))
        monkeypatch.setenv("PGUSER", "odoo")
        line = refusal(postgres._outside_server)
    assert "is version 12, Odoo 19 needs 13 or newer" in line


def greet(server, version):
    """As much of PostgreSQL's protocol as a client needs to believe that it is connected to ``version``."""

    def message(kind, body):
        return kind + struct.pack("!I", len(body) + 4) + body

    told = {b"server_version": version, b"client_encoding": b"UTF8", b"server_encoding": b"UTF8"}
    told |= {b"DateStyle": b"ISO, MDY", b"standard_conforming_strings": b"on"}
    client, _address = server.accept()
    with client:
        while True:
            size, code = struct.unpack("!II", client.recv(8))
            if code == 3 << 16:  # the start; before it a client may ask for encryption
                client.recv(size - 8)
                break
            client.sendall(b"N")
        parameters = b"".join(message(b"S", name + b"\0" + value + b"\0") for name, value in told.items())
        client.sendall(message(b"R", struct.pack("!I", 0)) + parameters + message(b"Z", b"I"))
        client.recv(100)


@pytest.mark.parametrize(
    "error, words",
    [
        ("E: Failed to fetch http://deb.example.org/c.deb  Temporary failure resolving", "check the network"),
        ("E: You don't have enough free space in /var/cache/apt/archives/.", FULL),
        ("E: Unmet dependencies.", "apt install chromium"),
    ],
)
def test_what_apt_says_in_a_line(error, words):
    assert words in chromium._words([error])
    assert words in apt.PrivateApt._words([error]) or "chromium" in words


# The demo database


@pytest.mark.parametrize(
    "known, leads, anew",
    [
        ({}, None, False),
        ({}, "all", True),
        ({"result": None}, None, True),  # a run that was cut off
        ({"odoo": "older"}, None, True),
        ({"database": None}, None, True),
    ],
)
def test_when_the_demo_is_made_anew(known, leads, anew, monkeypatch):
    demo = pytest.importorskip("dev.demo")
    whole = {"database": "demo", "odoo": "this", "leads": "recent", "result": ["a line"]}
    monkeypatch.setattr(demo, "stamps", lambda path: whole | known)
    monkeypatch.setattr(demo.databases, "exists", lambda name: True)
    monkeypatch.setattr(demo.databases, "odoo_key", lambda: "this")
    monkeypatch.delenv("FRESH", raising=False)
    assert demo._must_make("demo", leads) is anew


# ODOO_SOURCE


def test_a_checkout_of_odoo(monkeypatch, tmp_path):
    for name in ("odoo/addons/base", "addons/crm"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "odoo" / "release.py").write_text("version_info = (19, 0, 0, FINAL, 0, '')\n")
    monkeypatch.setenv("ODOO_SOURCE", str(tmp_path))
    source = odoo_source.odoo_source()
    assert source.python_path == tmp_path
    assert source.addons == (tmp_path / "odoo" / "addons", tmp_path / "addons")


@pytest.mark.parametrize(
    "release, words",
    [
        (None, "holds no Odoo"),
        ("version_info = (18, 0, 0)", "not Odoo 19.0"),
        ("version_info = (19, 0, 0)", "no addon crm"),
    ],
)
def test_what_is_no_checkout_of_odoo(release, words, monkeypatch, tmp_path):
    (tmp_path / "odoo").mkdir()
    if release:
        (tmp_path / "odoo" / "release.py").write_text(release)
    monkeypatch.setenv("ODOO_SOURCE", str(tmp_path))
    assert words in refusal(odoo_source.odoo_source)
