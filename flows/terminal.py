"""What a person sees in the terminal: stages as they run, the leaderboard, where the time went."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.outcomes import Outcome, Result
from tasks.workspace import read_json

if TYPE_CHECKING:
    from flows.checking import Issue

_guard = threading.Lock()
_COLOURS = {
    Outcome.COMPLETED: "green",
    Outcome.RESTORED: "cyan",
    Outcome.UNCHANGED: "bright_black",
    Outcome.FAILED: "bold red",
    Outcome.BLOCKED: "yellow",
    Outcome.CANCELLED: "yellow",
}
_VERDICTS = {
    "helps": "green",
    "hurts": "red",
    "no difference": "bright_black",
    "unclear": "yellow",
    "held back": "magenta",
}
_WIDTH = 30
_EXAMPLES = 3
WIDE = 132  # columns that the leaderboard needs for one line a strategy
# Output that goes to a file has no window whose width would matter.
_console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDE)


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
    with _guard:
        _console.print()
        _console.print(_strategies(board, seconds))
        _console.print(f"\nRecommended: [bold]{escape(board['recommended'])}[/]. {escape(board['reason'])}\n")
        _console.print(_held_out(board))
        _console.print(escape(board["test"]["sentence"]))


def _table(title: str) -> Table:
    return Table(title=f"[bold]{title}[/]", title_justify="left", title_style="", box=None, pad_edge=False)


def _columns(board: dict[str, Any]) -> dict[str, str]:
    rarest = f"recall of {board['rarest_class']}"
    return {"balanced_accuracy": "balanced accuracy", "macro_f1": "macro-F1", "recall_rarest": rarest}


def _cells(row: dict[str, Any], board: dict[str, Any]) -> list[str]:
    """A strategy's metrics; in a narrow window the interval stands below its value."""
    return [interval(row[key], join=_joint()) for key in _columns(board)]


def _joint() -> str:
    return " " if _console.width >= WIDE else "\n"


def _strategies(board: dict[str, Any], seconds: Mapping[str, float]) -> Table:
    table = _table("Strategies, out of fold")
    table.add_column("strategy", no_wrap=True)
    for title in _columns(board).values():
        table.add_column(escape(title), justify="right")
    table.add_column(f"difference to {escape(board['baseline'])}", justify="right")
    table.add_column("verdict")
    table.add_column("seconds", justify="right")
    for row in board["rows"]:
        name, verdict = row["strategy"], row["verdict"] or ""
        took = seconds.get(f"train@{name}")
        mark = "bold" if name == board["recommended"] else "default"
        table.add_row(
            f"[{mark}]{escape(name)}[/]",
            *_cells(row, board),
            "" if row["difference"] is None else interval(row["difference"], signed=True, join=_joint()),
            f"[{_VERDICTS.get(verdict, 'default')}]{escape(verdict)}[/]",
            "" if took is None else f"{took:.0f}",
        )
    return table


def _held_out(board: dict[str, Any]) -> Table:
    table = _table("Held-out test part")
    table.add_column("strategy", no_wrap=True)
    for title in _columns(board).values():
        table.add_column(escape(title), justify="right")
    for row in board["test"]["rows"]:
        table.add_row(escape(row["strategy"]), *_cells(row, board))
    return table


def interval(value: Mapping[str, float], *, signed: bool = False, join: str = " ") -> str:
    """A value with its interval, for instance ``.581 [.553, .610]``."""
    sign = "+" if signed else ""
    text = f"{value['value']:{sign}.3f}{join}[{value['low']:{sign}.3f}, {value['high']:{sign}.3f}]"
    return re.sub(r"\b0\.", ".", text)


def budget(took: Mapping[str, float], elapsed: float) -> None:
    """Where the time went: seconds by kind of stage, the longest first."""
    ran = {stage: seconds for stage, seconds in took.items() if seconds}
    if not ran:
        return
    table = _table("Time by stage")
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


def issues(found: Sequence[Issue]) -> None:
    """What is wrong with the images: a row an issue, with the worst examples."""
    table = _table("Issues")
    table.add_column("issue", no_wrap=True)
    table.add_column("images", justify="right")
    table.add_column("examples, the worst first")
    for issue in found:
        colour = "yellow" if issue.paths else "bright_black"
        examples = ", ".join(issue.paths[:_EXAMPLES])
        table.add_row(f"[{colour}]{escape(issue.name)}[/]", f"{len(issue.paths):,}", escape(examples))
    with _guard:
        _console.print(table)


def failures(messages: Mapping[str, str]) -> None:
    """The failed stages again, at the end, where they are seen; stages that waited for them in one line each."""
    with _guard:
        _console.print("\n[bold red]Not everything could be done:[/]")
        for stage, message in messages.items():
            _console.print(f"[bold]{escape(stage)}[/]: {escape(message)}")


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
