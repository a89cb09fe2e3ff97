"""The verdicts in the terminal: a row a strategy, and the held-out confirmation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from flows.costs import Cost
from flows.price import Price, price_sentence, prices_of
from flows.terminal import WIDE, console, guard, new_table, print_table
from flows.wording import bet, interval
from tasks.errors import DamagedError
from tasks.files import read_json

LEADERBOARD = Path("reports", "compare", "leaderboard.json")
_VERDICTS = {
    "helps": "green",
    "hurts": "red",
    "no difference": "bright_black",
    "unclear": "yellow",
    "held back": "magenta",
}


def read_leaderboard(root: Path) -> dict[str, Any] | None:
    """What `compare` concluded (`tasks.compare.leaderboard.leaderboard`); None before it has run."""
    path = root / LEADERBOARD
    if not path.is_file():
        return None
    board = read_json(path)
    if not isinstance(board, dict) or "recommended" not in board:
        raise DamagedError(f"{path}: is no leaderboard; delete it, and `equipoise run` makes it anew")
    return board


def show_leaderboard(root: Path, costs: Mapping[str, Cost]) -> None:
    """The verdicts: a row a strategy, then the held-out confirmation and where to read on.

    Parameters
    ----------
    root
        The project's folder; nothing is printed before `compare` has run.
    costs
        What each stage cost when it last ran, by address.
    """
    board = read_leaderboard(root)
    if board is None:
        return
    with guard:
        console.print()
        found = prices_of(root, board, costs)
        print_table(_strategies(board, found))
        _print_sentences(board)
        console.print(f"  {escape(price_sentence(board, found))}")
        console.print()
        print_table(_held_out(board))
        console.print(escape(board["test"]["sentence"]))
        _print_next(board)


def show_preliminary(board: Mapping[str, Any]) -> None:
    """A quick run's table, and that it proves nothing yet."""
    with guard:
        console.print()
        console.print(_strategies(dict(board), {}))
        console.print("\nPreliminary, from one fit a strategy:", end="")
        _print_sentences(board)
        console.print("\nNothing of this is kept; `equipoise run` tries every strategy and gives the verdicts.")


def _print_sentences(board: Mapping[str, Any]) -> None:
    """What to take, and below it why."""
    first, *others = board["sentences"]
    console.print(f"\n[bold]{escape(first)}[/]")
    for one in others:
        console.print(f"  {escape(one)}")


def _print_next(board: Mapping[str, Any]) -> None:
    """What to do next, each step with the line to type."""
    steps = board.get("next", [])  # boards of earlier versions have none
    if steps:
        console.print("\n[bold]What to do next[/]")
    for number, step in enumerate(steps, start=1):
        console.print(f"  {number}. {escape(step['sentence'])}")
        if step["command"]:
            console.print(f"     {escape(step['command'])}", soft_wrap=True)


def columns(board: Mapping[str, Any]) -> dict[str, str]:
    """The measures of a strategy that are shown, and their headings: that which is judged, if it is another, first."""
    rarest = f"recall of {board['rarest_class']}"
    shown = {"balanced_accuracy": "balanced accuracy", "macro_f1": "macro-F1", "recall_rarest": rarest}
    return shown if board["metric"] in shown else {"reached": board["judged_by"], **shown}


def _cells(row: dict[str, Any], board: dict[str, Any]) -> list[str]:
    """A strategy's metrics; in a narrow window the interval stands below its value."""
    return [interval(row[key], join=_joint()) for key in columns(board)]


def _joint() -> str:
    return " " if console.width >= WIDE else "\n"


def _strategies(board: dict[str, Any], found: Mapping[str, Price]) -> Table:
    table = new_table("Strategies, out of fold")
    table.add_column("strategy", no_wrap=True)
    for title in columns(board).values():
        table.add_column(escape(title), justify="right")
    table.add_column(f"difference to {escape(board['baseline'])}", justify="right")
    table.add_column("bet", justify="right")
    table.add_column("verdict")
    if found:
        table.add_column("seconds", justify="right")
        table.add_column("memory", justify="right")
    for row in board["rows"]:
        name, verdict = row["strategy"], row["verdict"] or ""
        mark = "bold" if name == board["recommended"] else "default"
        table.add_row(
            f"[{mark}]{escape(name)}[/]",
            *_cells(row, board),
            interval(row["difference"], signed=True, join=_joint()),
            bet(row["bet"], join=_joint()),
            f"[{_VERDICTS.get(verdict, 'default')}]{escape(verdict)}[/]",
            *([found[name].of_time, found[name].of_memory] if found else []),
        )
    return table


def _held_out(board: dict[str, Any]) -> Table:
    table = new_table("Held-out test part")
    table.add_column("strategy", no_wrap=True)
    for title in columns(board).values():
        table.add_column(escape(title), justify="right")
    for row in board["test"]["rows"]:
        table.add_row(escape(row["strategy"]), *_cells(row, board))
    return table
