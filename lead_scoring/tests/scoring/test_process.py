"""The child process: what it gives, and every way it may die."""

import subprocess
import sys

import numpy as np
import pytest
from made_up import leads, noise
from scoring import process, report
from scoring.errors import NotEnoughLeads, TrainingError


def test_a_child_gives_what_this_process_would():
    table, won, closed_at = leads(1500)
    told = []
    hands = {"forced_in": ("noise",), "forced_out": ("size", "été"), "ignore_empty": ("visits",)}
    card, found = process.fit(
        table,
        won,
        closed_at,
        created_at=closed_at,
        seed=3,
        progress=lambda fraction, text: told.append(fraction),
        **hands,
    )
    here, report_here = report.fit(table, won, closed_at, created_at=closed_at, seed=3, **hands)
    assert card.to_json() == here.to_json()
    assert found == report_here
    assert "noise" in card.names and "size" not in card.names
    assert told == sorted(told) and told[-1] == 1


def test_too_few_leads_are_told_with_their_numbers():
    table, won, closed_at = noise(100, share=0.05)
    with pytest.raises(NotEnoughLeads) as caught:
        process.fit(table, won, closed_at)
    assert (caught.value.won, caught.value.lost) == (5, 95)


def test_a_training_that_takes_too_long_is_ended():
    table, won, closed_at = leads(500)
    with pytest.raises(TrainingError, match="longer than 1 seconds"):
        process.fit(table, won, closed_at, timeout=0.2)


def test_what_the_follower_raises_ends_the_child(monkeypatch):
    started, popen = [], subprocess.Popen

    def start(*args, **options):
        started.append(popen(*args, **options))
        return started[0]

    monkeypatch.setattr(process.subprocess, "Popen", start)
    table, won, closed_at = leads(500)

    def stop(fraction, text):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process.fit(table, won, closed_at, progress=stop)
    assert started[0].returncode is not None


@pytest.fixture
def child(monkeypatch):
    """Replace the child by a line of Python; `target` is where its result belongs."""

    def replace(code):
        monkeypatch.setattr(
            process,
            "_command",
            lambda source, target: [sys.executable, "-c", f"target = {target!r}\n{code}"],
        )
        table, won, closed_at = leads(100)
        return process.fit(table, won, closed_at, timeout=20)

    return replace


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os; os.kill(os.getpid(), 9)", "most likely because memory ran out"),
        ("import os; os.kill(os.getpid(), 11)", "signal 11"),
        ("raise SystemExit('secret detail')", "server's log"),
        ("pass", "no usable result"),
        ("open(target, 'w').write('{')", "no usable result"),
        ("open(target, 'wb').write(bytes(range(256)))", "no usable result"),
        ("open(target, 'w').write('[]')", "no usable result"),
        ("open(target, 'w').write('{}')", "no usable result"),
        ('open(target, \'w\').write(\'{"report": {}, "scorecard": "{}"}\')', "no usable result"),
        ("open(target, 'w').write('{\"report\": NaN}')", "no usable result"),
        ("open(target, 'w').write('{\"error\": \"memory\"}')", "not enough memory"),
        ("open(target, 'w').write('{\"error\": \"import\"}')", "scikit-learn is missing"),
        ("open(target, 'w').write('{\"error\": \"not_enough_leads\"}')", "no usable result"),
        ("open(target, 'w').write('{\"error\": [1]}')", "no usable result"),
    ],
)
def test_a_child_that_dies_or_talks_nonsense_is_an_error_in_a_sentence(child, code, message):
    with pytest.raises(TrainingError, match=message) as caught:
        child(code)
    assert "secret" not in str(caught.value)
    if "secret" in code:
        assert "secret detail" in caught.value.detail


def test_nonsense_on_the_way_is_passed_over(child):
    with pytest.raises(TrainingError, match="no usable result"):
        child("print('hello\\n{}\\n[1]\\n{\"fraction\": 7, \"text\": 1}\\n' + 'x' * 100_000)")


def test_a_python_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr(process, "_command", lambda source, target: ["/no/such/python"])
    table, won, closed_at = leads(100)
    with pytest.raises(TrainingError, match="could not be started"):
        process.fit(table, won, closed_at)


def test_the_child_sees_little_of_this_process(monkeypatch):
    monkeypatch.setenv("PYTHONSTARTUP", "/x")
    monkeypatch.setenv("PGPASSWORD", "x")
    environment = process._environment()
    assert not {"PYTHONSTARTUP", "PGPASSWORD"} & set(environment)
    assert environment["OMP_NUM_THREADS"] == "1"


def test_the_child_ends_with_its_parent(tmp_path):
    table, won, _closed_at = leads(2000)
    path = str(tmp_path / "in.npz")
    table.to_npz(path, won=won, closed_at=np.zeros(2000), seed=0, minimum=40)
    child = subprocess.Popen(
        process._command(path, str(tmp_path / "out.json")),
        env=process._environment(),
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdout.readline()
        child.stdin.close()
        assert child.wait(20) == 3
