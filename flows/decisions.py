"""The gate's decision in the terminal: a row a condition, and what came of it."""

from __future__ import annotations

from rich.markup import escape

from flows.terminal import console, guard, new_table, print_table
from flows.tracking.gate import HEADINGS, Decision


def show_decision(decision: Decision) -> None:
    """What was wanted of a model, what was found, and whether it is champion."""
    table = new_table(f"The gate, for {escape(decision.strategy)} (version {decision.version})")
    for heading in HEADINGS:
        table.add_column(heading)
    for one in decision.conditions:
        *cells, held = map(escape, one.cells)
        table.add_row(*cells, f"[{'green' if one.held else 'bold red'}]{held}[/]")
    with guard:
        console.print()
        print_table(table)
        console.print(escape(_told(decision)))


def _told(decision: Decision) -> str:
    this = f"version {decision.version} ({decision.strategy})"
    if decision.champion == decision.version:
        return f"{this} is champion already."
    if decision.passed:
        former = f", in the place of version {decision.champion}" if decision.champion else ""
        against = "" if decision.held else ", against the gate"
        return f"{this} is champion now{former}{against}; `equipoise promote --back` undoes it."
    stays = f"version {decision.champion} stays champion" if decision.champion else "there is no champion yet"
    return (
        f"{this} is held back, {stays}; `equipoise promote {decision.strategy} --force --because TEXT` promotes it all "
        "the same."
    )
