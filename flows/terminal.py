"""What a person sees in the terminal: stages as they run, the leaderboard, where the time went."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.runner import Outcome, Result
from tasks.workspace import read_json

_console = Console(highlight=False, soft_wrap=True)
_guard = threading.Lock()
_COLOURS = {
    Outcome.COMPLETED: "green",
    Outcome.RESTORED: "cyan",
    Outcome.UNCHANGED: "bright_black",
    Outcome.FAILED: "bold red",
    Outcome.BLOCKED: "yellow",
    Outcome.CANCELLED: "yellow",
}
_VERDICTS = {"helps": "green", "hurts": "red", "no difference": "bright_black", "unclear": "yellow"}
_WIDTH = 30


def note(message: str) -> None:
    """Say one thing."""
    with _guard:
        _console.print(escape(message))


def stage_started(stage: str) -> None:
    """A stage's process starts."""
    _stage(stage, "started", "bright_black")


def stage_line(stage: str, line: str) -> None:
    """A line that the stage itself printed."""
    _stage(stage, line, "default")


def stage_ended(result: Result) -> None:
    """What became of a stage; for a failure, its own last lines."""
    words = str(result.outcome) + (f" in {result.seconds:.1f} s" if result.seconds else "")
    _stage(result.stage, words, _COLOURS[result.outcome])
    if result.message and result.outcome is not Outcome.CANCELLED:
        for line in result.message.splitlines():
            _stage(result.stage, f"  {line}", _COLOURS[result.outcome])


def _stage(stage: str, text: str, colour: str) -> None:
    with _guard:
        clock = time.strftime("%H:%M:%S")
        _console.print(f"[bright_black]{clock}[/] {escape(stage):<{_WIDTH}} [{colour}]{escape(text)}[/]")


def leaderboard(root: Path, seconds: Mapping[str, float]) -> None:
    """The verdicts: a row a strategy, then the held-out confirmation and where to read on.

    Parameters
    ----------
    root
        The project's folder; nothing is printed before `compare` has run.
    seconds
        What each stage took when it last ran, by address.
    """
    path = root / "reports" / "compare" / "leaderboard.json"
    if not path.exists():
        return
    board = read_json(path)
    rarest = f"recall of {board['rarest_class']}"
    columns = {"balanced_accuracy": "balanced accuracy", "macro_f1": "macro-F1", "recall_rarest": rarest}
    table = Table(title="Strategies, out of fold", title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("strategy", overflow="fold")
    for title in columns.values():
        table.add_column(title, justify="right")
    table.add_column("difference to " + board["baseline"], justify="right")
    table.add_column("verdict")
    table.add_column("seconds", justify="right")
    for row in board["rows"]:
        name = row["strategy"]
        marks = {board["baseline"]: " (baseline)", board["recommended"]: " (recommended)"}
        took = seconds.get(f"train@{name}")
        verdict = row["verdict"] or ""
        table.add_row(
            f"[bold]{escape(name)}[/]{marks.get(name, '')}" if name in marks else escape(name),
            *(interval(row[key]) for key in columns),
            "" if row["difference"] is None else interval(row["difference"], signed=True),
            f"[{_VERDICTS.get(verdict, 'default')}]{escape(verdict)}[/]",
            "" if took is None else f"{took:.0f}",
        )
    with _guard:
        _console.print()
        _wide(table)
        _console.print(escape(f"\nRecommended: {board['recommended']}. {board['reason']}"))
        _held_out(board, columns)


def _held_out(board: dict[str, Any], columns: dict[str, str]) -> None:
    table = Table(title="Held-out test part", title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("strategy")
    for title in columns.values():
        table.add_column(title, justify="right")
    for row in board["test"]["rows"]:
        table.add_row(escape(row["strategy"]), *(interval(row[key]) for key in columns))
    _console.print()
    _wide(table)
    _console.print(escape(board["test"]["sentence"]))


def _wide(table: Table) -> None:
    """Print a table at its own width: a line that wraps reads worse than one that is cut by the window."""
    _console.print(table, width=max(_console.width, 150) if not _console.is_terminal else None)


def interval(value: Mapping[str, float], *, signed: bool = False) -> str:
    """A value with its interval, for instance ``.58 [.55, .61]``."""
    sign = "+" if signed else ""
    text = f"{value['value']:{sign}.3f} [{value['low']:{sign}.3f}, {value['high']:{sign}.3f}]"
    return text.replace("0.", ".")


def budget(took: Mapping[str, float], elapsed: float) -> None:
    """Where the time went: seconds by kind of stage, the longest first."""
    ran = {stage: seconds for stage, seconds in took.items() if seconds}
    if not ran:
        return
    table = Table(title="Time by stage", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for title, justify in (("stage", "left"), ("seconds", "right"), ("share", "right"), ("", "left")):
        table.add_column(title, justify=justify)  # type: ignore[arg-type]
    groups: dict[str, float] = {}
    for stage, seconds in ran.items():
        groups[stage.split("@")[0]] = groups.get(stage.split("@")[0], 0.0) + seconds
    total = sum(groups.values())
    for name, seconds in sorted(groups.items(), key=lambda item: -item[1]):
        several = sum(stage.startswith(f"{name}@") for stage in ran)
        table.add_row(
            f"{escape(name)}" + (f" ({several})" if several else ""),
            f"{seconds:.1f}",
            f"{seconds / total:.0%}",
            "▇" * max(1, round(30 * seconds / total)),
        )
    with _guard:
        _console.print()
        _console.print(table)
        _console.print(f"{elapsed:.0f} s from start to end; stages that ran at the same time are counted each.")


def dry_run(stale: Mapping[str, list[str]], may_run: list[str], stages: list[str]) -> None:
    """What a run would do, and why."""
    for stage in stages:
        if stage in stale:
            _line(stage, "runs", "green", ", ".join(stale[stage]))
        elif stage in may_run:
            _line(stage, "may run", "yellow", "if what it waits for comes out different")
        else:
            _line(stage, "unchanged", "bright_black", "")


def _line(stage: str, word: str, colour: str, why: str) -> None:
    with _guard:
        _console.print(f"{escape(stage):<{_WIDTH}} [{colour}]{word:<10}[/] {escape(why)}")
