"""What became of a stage, as its process writes it down, and how lock and remote errors are told from others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from flows.outcomes import Outcome
from flows.reproduce import failure
from flows.reproduced import ErrorKind, Reproduced, read_reproduced, write_reproduced
from flows.stage_runner import StageRunner


def reproduce(toy, stage: str, *options: str) -> tuple[Reproduced | None, subprocess.CompletedProcess[str]]:
    result = toy.root / ".equipoise" / "result.json"
    result.unlink(missing_ok=True)
    command = [sys.executable, "-m", "flows.reproduce", stage, str(result), *options]
    done = subprocess.run(command, cwd=toy.root, capture_output=True, text=True)
    return read_reproduced(result), done


def test_completed_unchanged_and_restored_are_told_apart_and_only_the_command_is_heard(toy):
    told, done = reproduce(toy, "source")
    assert told is not None
    assert told.outcome is Outcome.COMPLETED
    assert (done.returncode, done.stdout, done.stderr) == (0, "working on source\n", "")
    told, done = reproduce(toy, "source")
    assert told == Reproduced(Outcome.UNCHANGED)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (toy.root / "made/source").unlink()
    told, done = reproduce(toy, "source")
    assert told == Reproduced(Outcome.RESTORED)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (toy.root / "made/source").exists()
    told, done = reproduce(toy, "source", "--force")
    assert told is not None
    assert told.outcome is Outcome.COMPLETED
    assert done.stdout == "working on source\n"


def test_the_memory_of_the_largest_process_of_a_command_is_told(toy):
    little, _ = reproduce(toy, "source")
    toy.switch("source", "import subprocess; subprocess.run([sys.executable, '-c', 'bytes([1]) * 300_000_000'])")
    much, _ = reproduce(toy, "source", "--force")
    assert little is not None
    assert little.peak_memory is not None
    assert much is not None
    assert much.peak_memory is not None
    assert 1_000_000 < little.peak_memory < 150_000_000
    assert 300_000_000 < much.peak_memory < 400_000_000


@pytest.mark.parametrize(
    ("ending", "kind", "code"),
    [("sys.exit(2)", "input", 2), ("sys.exit(3)", "command", 3), ("os.kill(os.getppid(), 9)", "command", -9)],
)
def test_the_exit_code_of_a_failed_command_is_told(toy, ending, kind, code):
    toy.switch("source", ending)
    # A shell that runs one command only is replaced by it; with two, it stays, and can be killed.
    graph = toy.root / "dvc.yaml"
    graph.write_text(graph.read_text().replace("made/source\n    params", "made/source && true\n    params"))
    told, done = reproduce(toy, "source")
    assert done.returncode == 1
    assert told is not None
    assert (told.outcome, told.error, told.exit_code) == (Outcome.FAILED, ErrorKind(kind), code)
    assert told.command_failed
    assert "failed to run" in told.message


def test_an_output_that_is_not_made_is_an_error_of_dvc_and_not_of_the_command(toy):
    toy.switch("source", "sys.exit(0)")
    told, _ = reproduce(toy, "source")
    assert told is not None
    assert (told.outcome, told.error, told.exit_code) == (Outcome.FAILED, ErrorKind.OTHER, 0)
    assert not told.command_failed
    assert "made/source" in told.message


def test_a_stage_that_speaks_like_dvc_is_not_taken_for_it(toy):
    words = [
        "Stage 'source' didn't change, skipping",
        "Running stage 'source':",
        "> python work.py",
        "Stage 'source' is cached - skipping run, checking out outputs",
        "",
        "ERROR: failed to reproduce 'source': failed to run: it, exited with 2",
    ]
    toy.switch("source", f"print({chr(10).join(words)!r}, flush=True); sys.exit(3)")
    heard = []
    runner = StageRunner(toy.root, toy.root / ".equipoise/logs", on_line=lambda stage, line: heard.append(line))
    result = runner.run_stage("source")
    assert heard == words
    assert (toy.root / ".equipoise/logs/source.log").read_text().splitlines() == words
    assert (result.outcome, result.exit_code) == (Outcome.FAILED, 1)
    toy.switch("source", f"print({chr(10).join(words)!r}, flush=True)")
    assert runner.run_stage("source").outcome is Outcome.COMPLETED


def hold(toy, path: str, process: int) -> None:
    """Let DVC believe that a process writes `path`."""
    lock = {"write": {str(toy.root / path): {"pid": process, "cmd": "other"}}, "read": {}}
    (toy.root / ".dvc/tmp/rwlock").write_text(json.dumps(lock))


def test_a_held_lock_is_tried_again_and_the_log_says_why(toy):
    hold(toy, "made/source", os.getpid())
    heard = []

    def on_line(stage: str, line: str) -> None:
        if not heard:
            (toy.root / ".dvc/tmp/rwlock").unlink()  # whoever held it has ended
        heard.append(line)

    logs = toy.root / ".equipoise/logs"
    assert StageRunner(toy.root, logs, on_line=on_line).run_stage("source").outcome is Outcome.COMPLETED
    assert heard == ["DVC's lock or remote did not answer; attempt 2 of 3 follows", "working on source"]
    log = (logs / "source.log").read_text()
    assert log.startswith("ERROR: failed to reproduce 'source'")
    assert "is busy" in log


def test_a_lock_that_stays_held_ends_after_three_attempts_with_dvcs_words(toy):
    hold(toy, "made/source", os.getpid())
    heard = []
    runner = StageRunner(toy.root, toy.root / ".equipoise/logs", on_line=lambda stage, line: heard.append(line))
    result = runner.run_stage("source")
    assert (result.outcome, result.exit_code) == (Outcome.FAILED, 1)
    assert "is busy" in result.message
    assert [line.partition("; ")[2] for line in heard] == ["attempt 2 of 3 follows", "attempt 3 of 3 follows"]
    told = read_reproduced(toy.root / ".equipoise/logs/source.json")
    assert told is not None
    assert told.error is ErrorKind.TRANSIENT


def test_a_failed_command_is_not_tried_again_even_if_it_speaks_of_locks(toy):
    toy.switch("source", "print('ERROR: Unable to acquire lock', flush=True); sys.exit(1)")
    heard = []
    runner = StageRunner(toy.root, toy.root / ".equipoise/logs", on_line=lambda stage, line: heard.append(line))
    result = runner.run_stage("source")
    assert heard == ["ERROR: Unable to acquire lock"]
    assert result.message.startswith("ERROR: Unable to acquire lock\n(log: .equipoise/logs/source.log)")


def test_a_process_that_ends_without_a_word_is_a_failure(toy, tmp_path):
    toy.switch("source", "import psutil; psutil.Process(os.getppid()).parent().kill()")
    graph = toy.root / "dvc.yaml"
    graph.write_text(graph.read_text().replace("made/source\n    params", "made/source && true\n    params"))
    result = StageRunner(toy.root, tmp_path / "logs").run_stage("source")
    assert result.outcome is Outcome.FAILED
    assert result.exit_code == 1
    assert not (tmp_path / "logs/source.json").exists()


def chained(*errors: BaseException) -> BaseException:
    for error, cause in pairwise(errors):
        error.__cause__ = cause
    return errors[0]


def test_what_may_work_again_is_told_by_the_type_of_any_cause():
    from dvc.exceptions import DownloadError, DvcException, ReproductionError
    from dvc.lock import LockError

    for cause in (DownloadError(3), LockError("held"), ConnectionResetError("gone"), TimeoutError("slow")):
        told = failure(chained(ReproductionError("failed"), DvcException("because"), cause))
        assert told.error is ErrorKind.TRANSIENT, cause
        assert told.message.startswith("failed: because: ")
    assert failure(DvcException("Unable to acquire lock, failed to pull")).error is ErrorKind.OTHER


def test_what_became_of_a_stage_comes_back_as_it_was_written(tmp_path: Path):
    assert read_reproduced(tmp_path / "none.json") is None
    for number, told in enumerate(
        [
            Reproduced(Outcome.RESTORED),
            Reproduced(Outcome.COMPLETED, peak_memory=7),
            Reproduced(Outcome.FAILED, ErrorKind.INPUT, 2, "two\nlines, ünd so on"),
        ]
    ):
        write_reproduced(tmp_path / f"{number}.json", told)
        assert read_reproduced(tmp_path / f"{number}.json") == told
