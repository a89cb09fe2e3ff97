"""What a person sees of a run in the terminal: what it would do, stages as they run, where the time went."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from flows.live import LiveLines
from flows.masking import masked
from flows.outcomes import Outcome, Result
from tasks.progress import Step

if TYPE_CHECKING:
    from flows.checking import Issue

guard = threading.Lock()
_COLOURS = {
    Outcome.COMPLETED: "green",
    Outcome.RESTORED: "cyan",
    Outcome.UNCHANGED: "bright_black",
    Outcome.FAILED: "bold red",
    Outcome.BLOCKED: "yellow",
    Outcome.CANCELLED: "yellow",
}
_WIDTH = 30
_EXAMPLES = 3
WIDE = 152  # columns that tables need for one line a row
# Output that goes to a file has no window whose width would matter.
console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout and sys.stdout.isatty() else WIDE)


def new_table(title: str) -> Table:
    """An empty table without frames, its title on the left."""
    return Table(title=f"[bold]{title}[/]", title_justify="left", title_style="", box=None, pad_edge=False)


def print_table(table: Table) -> None:
    """Print a table; in a window that is too narrow for it as lists, a line a cell, since cut figures say nothing.

    The caller holds `guard`.
    """
    needed = Measurement.get(console, console.options.update(max_width=10_000), table).minimum
    if needed <= console.width:
        console.print(table)
        return
    console.print(table.title or "")
    for row in zip(*(column.cells for column in table.columns), strict=True):
        console.print(row[0])
        for column, cell in zip(table.columns[1:], row[1:], strict=True):
            if cell and column.header:
                console.print(f"  {column.header}: {cell}".replace("\n", " "))


def note(message: str) -> None:
    """Say one thing."""
    with guard:
        console.print(escape(masked(message)))


_live: LiveLines | None = None


@contextmanager
def live(total: int = 0, took: Mapping[str, float] | None = None) -> Iterator[None]:
    """In this block, show what runs as `LiveLines` at the bottom of the terminal; where this is none, lines stay."""
    global _live
    if not console.is_terminal or console.is_dumb_terminal:
        yield
        return
    _live = LiveLines(total, took)
    try:
        with Live(_live, console=console, refresh_per_second=4, transient=True):
            yield
    finally:
        _live = None


def stage_started(stage: str) -> None:
    """A stage's process starts."""
    if _live:
        _live.start(stage)
    else:
        _stage(stage, "started", "bright_black")


def stage_line(stage: str, line: str) -> None:
    """A line that the stage itself printed."""
    step = Step.read(line) if _live else None
    if _live:
        _live.hear(stage, step)
    if step is None:
        _stage(stage, line, "default")


def stage_ended(result: Result) -> None:
    """What became of a stage, in one line; for a failure also why."""
    if _live:
        _live.end(result.stage)
    words = str(result.outcome) + (f" in {result.seconds:.1f} s" if result.seconds else "")
    if result.outcome is Outcome.BLOCKED:
        words = f"{words}: {result.message}"
    _stage(result.stage, words, _COLOURS[result.outcome])
    if result.outcome is Outcome.FAILED:
        for line in masked(result.message).splitlines():
            _stage(result.stage, f"  {line}", _COLOURS[result.outcome])


def _stage(stage: str, text: str, colour: str) -> None:
    with guard:
        clock = time.strftime("%H:%M:%S")
        console.print(f"[bright_black]{clock}[/] {escape(stage):<{_WIDTH}} [{colour}]{escape(text)}[/]")


def budget(took: Mapping[str, float], elapsed: float) -> None:
    """Where the time went: seconds by kind of stage, the longest first."""
    ran = {stage: seconds for stage, seconds in took.items() if seconds}
    if not ran:
        return
    table = new_table("Time by stage")
    for title, justify in (("stage", "left"), ("seconds", "right"), ("share", "right"), ("", "left")):
        table.add_column(title, justify=justify)  # type: ignore[arg-type]
    groups: dict[str, float] = {}
    for stage, seconds in ran.items():
        groups[stage.split("@")[0]] = groups.get(stage.split("@")[0], 0.0) + seconds
    total, room = sum(groups.values()), max(4, min(30, console.width - 35))
    for name, seconds in sorted(groups.items(), key=lambda item: -item[1]):
        several = sum(stage.startswith(f"{name}@") for stage in ran)
        table.add_row(
            f"{escape(name)}" + (f" ({several})" if several else ""),
            f"{seconds:.1f}",
            f"{seconds / total:.0%}",
            _bar() * max(1, round(room * seconds / total)),
        )
    with guard:
        console.print()
        print_table(table)
        console.print(f"{elapsed:.0f} s from start to end; stages that ran at the same time are counted each.")


def _bar() -> str:
    """What bars are drawn with: a block, where the terminal knows it."""
    return "▇" if console.encoding.lower().startswith("utf") else "#"


def issues(found: Sequence[Issue]) -> None:
    """What is wrong with the images: a row an issue, with the worst examples."""
    table = new_table("Issues")
    table.add_column("issue", no_wrap=True)
    table.add_column("images", justify="right")
    table.add_column("examples, the worst first")
    for issue in found:
        colour = "yellow" if issue.paths else "bright_black"
        examples = ", ".join(issue.paths[:_EXAMPLES])
        table.add_row(f"[{colour}]{escape(issue.name)}[/]", f"{len(issue.paths):,}", escape(examples))
    with guard:
        print_table(table)


def failures(
    outcomes: Mapping[str, str], logs: str, command: str, *, input_is_wrong: bool, offers: Sequence[str] = ()
) -> None:
    """The last lines of a run that failed: which stages did, where their words are kept, and what to type next.

    Parameters
    ----------
    outcomes
        What became of each stage.
    logs
        The folder with all that the stages printed, as people may type it.
    command
        What goes on with the run.
    input_is_wrong
        Whether every failed stage said that its input is wrong, so that the same again would fail again.
    offers
        Commands that the errors offer.
    """
    failed = [stage for stage, outcome in outcomes.items() if outcome == Outcome.FAILED]
    waiting = sum(outcome == Outcome.BLOCKED for outcome in outcomes.values())
    how = "once the error above is mended" if input_is_wrong else "to try again from there"
    with guard:
        console.print(f"\n[bold red]Failed: {escape(', '.join(failed) or 'no stage, but the run')}[/]")
        if waiting:
            console.print(f"{waiting} more did not run, because they wait for what failed.")
        console.print(f"Logs: {escape(logs)}")
        if offers:
            console.print("Next, as the error above says" + (", one of:" if len(offers) > 1 else ":"))
            for one in offers:
                console.print(f"  {escape(masked(one))}")
            console.print(f"Or `{escape(command)}`, {how} in another way; what is finished is kept.")
        else:
            console.print(f"Next: `{escape(command)}`, {how}; what is finished is kept.")


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
    with guard:
        console.print(f"{escape(stage):<{_WIDTH}} [{colour}]{word:<10}[/] {escape(why)}")
