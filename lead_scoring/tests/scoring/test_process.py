"""The child process: what it gives, how it is followed from elsewhere, and every way it may die."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

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


def python(code):
    """Replace the child by a line of Python; `folder` is its folder, `target` where its result belongs."""
    return lambda folder, timeout, attached: [
        sys.executable,
        "-c",
        f"import os, time; folder = {folder!r}; target = {folder!r} + '/result.json'\n{code}",
    ]


@pytest.fixture
def child(monkeypatch):
    def replace(code):
        monkeypatch.setattr(process, "_command", python(code))
        table, won, closed_at = leads(100)
        return process.fit(table, won, closed_at, timeout=20)

    return replace


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("os.kill(os.getpid(), 9)", "most likely because memory ran out"),
        ("os.kill(os.getpid(), 11)", "signal 11"),
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
        ('open(target, \'w\').write(\'{"error": "timeout", "seconds": 3600}\')', "longer than 60 minutes"),
        ('open(target, \'w\').write(\'{"error": "timeout", "seconds": 1e999}\')', "no usable result"),
    ],
)
def test_a_child_that_dies_or_talks_nonsense_is_an_error_in_a_sentence(child, code, message):
    with pytest.raises(TrainingError, match=message) as caught:
        child(code)
    assert "secret" not in str(caught.value)
    if "secret" in code:
        assert "secret detail" in caught.value.detail


def test_nonsense_on_the_way_is_passed_over(tmp_path):
    training = process.Training(tmp_path)
    assert training.progress() is None
    for nonsense in (b"hello", b"{}", b"[1]", b'{"fraction": 7, "text": 1}', b'{"fraction": 0.5', bytes(range(256))):
        (tmp_path / "progress.json").write_bytes(nonsense)
        assert training.progress() is None


def test_a_python_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr(process, "_command", lambda *arguments: ["/no/such/python"])
    table, won, closed_at = leads(100)
    with pytest.raises(TrainingError, match="could not be started"):
        process.fit(table, won, closed_at)


def test_the_child_sees_little_of_this_process(monkeypatch):
    monkeypatch.setenv("PYTHONSTARTUP", "/x")
    monkeypatch.setenv("PGPASSWORD", "x")
    environment = process._environment()
    assert not {"PYTHONSTARTUP", "PGPASSWORD"} & set(environment)
    assert environment["OMP_NUM_THREADS"] == "1"


# ------------------------------------------------------------
# A child that outlives its parent
# ------------------------------------------------------------


@pytest.fixture
def training(tmp_path):
    """A training that is prepared in a folder of its own; whatever is left of it is ended."""
    made = process.Training(tmp_path / "base" / "training")
    made.prepare(*leads(1500), seed=3)
    yield made
    made.end()


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def again(training):
    """The same training as another process sees it, which knows the folder and nothing else."""
    process._children.clear()
    return process.Training(training.folder)


def test_the_child_ends_with_its_parent_where_it_is_attached(training):
    child = training.start(attached=True)
    until(training.progress)
    child.stdin.close()
    assert child.wait(20) == 3


def test_a_child_is_followed_by_its_folder_alone(training):
    assert training.prepared() and not training.running() and not training.finished()
    child = training.start()
    assert os.getsid(child.pid) == child.pid  # a session of its own: what ends its parent does not end it
    other = again(training)
    assert other.running()
    until(other.progress)
    until(other.finished)
    until(lambda: not other.running())
    assert other.progress()[0] == 1
    table, won, closed_at = leads(1500)
    card, found = other.result()
    here, report_here = report.fit(table, won, closed_at, seed=3)
    assert (card.to_json(), found) == (here.to_json(), report_here)
    other.end()
    assert not os.path.exists(training.folder)


def test_what_leads_say_is_for_no_other_user(training):
    assert os.stat(training.folder).st_mode & 0o077 == 0


def test_a_child_outlives_the_process_that_started_it(training):
    code = f"from scoring import process; process.Training({training.folder!r}).start()"
    subprocess.run([sys.executable, "-c", code], env=process._environment(), check=True)
    assert training.running()
    until(training.finished)
    card, _report = training.result()
    assert card.names


def test_no_zombie_is_left(training, monkeypatch):
    monkeypatch.setattr(process, "_command", python("pass"))
    child = training.start()
    until(lambda: child.returncode is not None)
    assert not os.path.exists(f"/proc/{child.pid}")


def test_a_second_child_is_refused_while_one_is_at_work(training):
    training.start()
    with pytest.raises(TrainingError, match="could not be started"):
        training.start()


def test_a_killed_child_is_seen_to_be_gone_and_may_be_started_again(training):
    child = training.start()
    until(training.progress)
    os.kill(child.pid, signal.SIGKILL)
    until(lambda: not training.running())
    assert not training.finished()
    with pytest.raises(TrainingError, match="memory ran out"):
        training.result()
    with pytest.raises(TrainingError, match="its process is gone"):
        again(training).result()
    training.start()
    until(training.finished)
    assert training.result()


def test_a_child_whose_folder_is_removed_ends(training):
    child = training.start()
    until(training.progress)
    again(training).end()
    assert not os.path.exists(training.folder)
    until(lambda: child.returncode is not None, seconds=20)
    assert child.returncode  # it found its lock, or the place for its progress, gone


def test_a_child_ends_by_itself_when_its_time_is_over(training):
    training.start(timeout=0.5)
    until(training.finished)
    with pytest.raises(TrainingError, match="longer than 1 seconds"):
        training.result()


def test_on_another_host_the_age_of_the_lock_tells_whether_the_child_lives(training):
    lock = Path(training.folder, "lock")
    lock.write_text("elsewhere")
    assert training.running()
    os.utime(lock, (0, time.time() - process.SILENCE - 1))
    assert not training.running()


def test_a_result_that_is_half_written_is_none(training, monkeypatch):
    monkeypatch.setattr(process, "_command", python("open(folder + '/result.json.1', 'w').write('{'); time.sleep(60)"))
    training.start()
    until(lambda: Path(training.folder, "result.json.1").exists())
    assert training.running() and not training.finished()


def test_leads_that_cannot_be_written_are_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="could not be written"):
        process.Training(tmp_path / "file" / "folder").prepare(*leads(100))


@pytest.fixture(scope="module")
def result():
    return json.dumps({"report": {}, "scorecard": report.fit(*leads(300), repeats=1)[0].to_json()})


@pytest.mark.parametrize("seed", range(60))
def test_a_mangled_result_is_refused(tmp_path, result, seed):
    chance, text, training = np.random.default_rng(seed), result, process.Training(tmp_path)
    at, length = int(chance.integers(len(text) - 20)), int(chance.integers(1, 20))
    mangled = text[:at] + ["", "9", "NaN", "-", '\\"', "[]"][seed % 6] + text[at + length :]
    Path(training.folder, "result.json").write_text(mangled)
    with pytest.raises(TrainingError, match="no usable result"):
        training.result()
