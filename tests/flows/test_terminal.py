"""What a person reads of a run: each error once, a line a stage, and what to type next."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import sqlite3
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path

import pytest

from flows import terminal
from flows.graph import Graph
from flows.graph_runner import run_graph
from flows.outcomes import Outcome, Result
from flows.running import offered
from flows.stage_runner import StageRunner


def logged(root: Path) -> str:
    """All that stands in the log of the workspace's Prefect server."""
    with sqlite3.connect(root / ".equipoise/prefect/prefect.db") as database:
        return "\n".join(message for (message,) in database.execute("SELECT message FROM log"))


@pytest.mark.slow
def test_a_failing_stage_tells_its_error_once_and_the_end_says_what_to_type(workspace, equipoise):
    params = workspace / "params.yaml"
    params.write_text(params.read_text().replace("min_images: 20", "min_images: 50"))
    done = equipoise(workspace, "run", "group", PYTHONIOENCODING="ascii", LC_ALL="C", TERM="dumb")
    assert done.returncode == 2
    assert done.stderr == ""
    assert done.stdout.isascii()
    lines = done.stdout.splitlines()
    assert sum("classes with fewer than 50 images" in line for line in lines) == 1
    assert [line.split()[1] for line in lines if "Blocked: waits for ingest" in line] == [
        "embed@efficientnet_lite0",
        "group",
    ]
    assert sum("waits for" in line for line in lines) == 2
    end = done.stdout[done.stdout.index("Failed: ingest") :]
    assert "`equipoise run group`" in end
    (log,) = [line.removeprefix("Logs: ") for line in end.splitlines() if line.startswith("Logs: ")]
    assert "classes with fewer than 50 images" in (workspace / log / "ingest.log").read_text()
    kept = logged(workspace)
    assert "classes with fewer than 50 images" in kept
    assert "NoneType: None" not in kept


def test_a_blocked_stage_names_what_failed_first_and_not_all_that_stands_between():
    names = ["a", "b", "c", "d", "e"]
    upstream = {"a": (), "b": ("a",), "c": ("a", "b"), "d": (), "e": ("b", "c", "d")}
    bad = {"a", "d"}

    def execute(stage: str, workers: int) -> Result:
        return Result(stage, Outcome.FAILED if stage in bad else Outcome.COMPLETED)

    results = run_graph(Graph(upstream, {}), set(names), execute, jobs=1, cancelled=threading.Event())
    messages = {stage: result.message for stage, result in results.items() if result.outcome is Outcome.BLOCKED}
    assert messages == {"b": "waits for a", "c": "waits for a", "e": "waits for a"}


def test_the_end_repeats_the_commands_that_the_error_offers(capsys):
    error = "no test part\n  equipoise run --set a=1\n    then so\n  equipoise run --set a=2\nequipoise is said here"
    assert offered([error, error]) == ["equipoise run --set a=1", "equipoise run --set a=2"]
    ended = {"split": "Failed", "train@plain": "Blocked"}
    terminal.failures(ended, "logs", "equipoise run", input_is_wrong=True, offers=offered([error]))
    said = capsys.readouterr().out
    assert "one of:\n  equipoise run --set a=1\n  equipoise run --set a=2\nOr `equipoise run`" in said
    terminal.failures(ended, "logs", "equipoise run split", input_is_wrong=False)
    assert "Next: `equipoise run split`, to try again from there" in capsys.readouterr().out


def test_an_error_is_told_once_with_the_end_of_its_stage(capsys):
    terminal.stage_ended(Result("split", Outcome.FAILED, 1.0, "the disk is full", 1))
    said = capsys.readouterr().out
    assert said.count("the disk is full") == 1
    assert said.count("Failed in 1.0 s") == 1


SAYS = """
from tasks.progress import speak_anywhere
speak_anywhere()
from flows import terminal
terminal.note("classes: 漢, äß")
terminal.budget({"train@a": 5.0, "explore": 3.0}, 9)
table = terminal.new_table("Strategies")
for title in ("strategy", "balanced accuracy", "macro-F1", "recall of 漢", "difference to plain", "verdict"):
    table.add_column(title)
table.add_row("focal", *["+0.482_[+0.455,_+0.500]"] * 4, "helps")
terminal.print_table(table)
"""


def in_window(code: str, columns: int, **environment: str) -> str:
    """What a program prints in a terminal that is so wide."""
    mine, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=its, stdout=its, stderr=its, env={**kept, "TERM": "xterm", **environment}
    )
    os.close(its)
    text = b""
    with contextlib.suppress(OSError):  # Linux says so once the other side is closed
        while part := os.read(mine, 65536):
            text += part
    os.close(mine)
    assert process.wait() == 0, text
    return text.decode()


def test_a_terminal_that_knows_ascii_only_gets_codes_and_plain_bars():
    said = in_window(SAYS, 200, PYTHONIOENCODING="ascii", NO_COLOR="1")
    assert said.isascii()
    assert r"classes: \u6f22, \xe4\xdf" in said
    assert "####" in said
    assert "\x1b[3" not in said  # no colour


def test_figures_are_whole_in_a_window_of_40_columns():
    said = in_window(SAYS, 40)
    assert said.count("+0.482_[+0.455,_+0.500]") == 4
    assert "macro-F1: +0.482_[+0.455,_+0.500]" in said
    assert "verdict: helps" in said
    assert "…" not in said
    assert "▇" in said


RUNS = """
import time
from flows import terminal
from flows.outcomes import Outcome, Result
from flows.running import offered
with terminal.live(3, {"evaluate": 41.0}):
    terminal.stage_started("embed@lite")
    terminal.stage_started("evaluate")
    for number in range(100, 400, 100):
        terminal.stage_line("embed@lite", f"{number} of 1,000 images ({number // 10}%), 90 s left")
        time.sleep(0.4)
    terminal.stage_line("embed@lite", "1,000 images in 9.9 s")
    time.sleep(0.4)
    terminal.stage_ended(Result("embed@lite", Outcome.COMPLETED, 9.9))
    time.sleep(0.4)
print("over")
"""


def test_in_a_terminal_each_running_stage_is_one_line_that_is_drawn_again():
    said = in_window(RUNS, 100)
    kept = last_screen(said)
    assert [line.split(maxsplit=1)[-1].split() for line in kept] == [
        ["embed@lite", "1,000", "images", "in", "9.9", "s"],
        ["embed@lite", "Completed", "in", "9.9", "s"],
        ["over"],
    ]
    for words in ("300 of 1,000 images (30%), 90 s left", "took 41 s last time", "0 of 3 stages", "1 of 3 stages"):
        assert words in said
    assert "started" not in said
    assert "300 of 1,000" not in said.partition("1,000 images in 9.9 s")[2]


def test_a_live_line_is_cut_at_the_edge_of_a_narrow_window():
    assert last_screen(in_window(RUNS, 40))[-1] == "over"


def test_what_is_no_terminal_gets_lines_that_stay():
    done = subprocess.run([sys.executable, "-c", RUNS], capture_output=True, text=True, check=True)
    words = [line.split(maxsplit=2)[1:] for line in done.stdout.splitlines()]
    assert words[:3] == [["embed@lite", "started"], ["evaluate", "started"], ["embed@lite", words[2][1]]]
    assert words[2][1].strip() == "100 of 1,000 images (10%), 90 s left"
    assert "\x1b" not in done.stdout


def last_screen(said: str) -> list[str]:
    """What stands in the terminal at the end, drawn by the control sequences that rich's live lines use."""
    lines, row = [""], 0
    for piece in re.findall(r"\x1b\[[0-9;?]*[a-zA-Z]|\r\n|\r|\n|[^\x1b\r\n]+", said):
        if piece in ("\n", "\r\n"):
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif piece == "\x1b[1A":
            row -= 1
        elif piece == "\x1b[2K":
            lines[row] = ""
        elif not piece.startswith(("\x1b", "\r")):
            lines[row] += piece
    return [line.rstrip() for line in lines if line.strip()]


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "</dev/null"])
def test_without_any_output_nothing_breaks(closed):
    command = ["sh", "-c", f'"$0" -c "$1" {closed}', sys.executable, SAYS]
    assert subprocess.run(command, check=False).returncode == 0


def test_what_stages_print_is_read_whatever_the_terminal_knows(toy, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    toy.switch("source", "print('classes: 漢, äß', flush=True)")
    heard = []
    runner = StageRunner(toy.root, toy.root / ".equipoise/logs", on_line=lambda stage, line: heard.append(line))
    assert runner.run_stage("source").outcome is Outcome.COMPLETED
    assert "classes: 漢, äß" in heard
