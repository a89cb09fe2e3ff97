"""Releases and differences in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from flows.terminal import console, note, print_table

if TYPE_CHECKING:
    import pandas as pd

    from flows.releases.collecting import Freed
    from flows.releases.difference import Difference
    from flows.releases.naming import Release
    from flows.releases.restoring import Restored

SHOWN = 10  # rows of a list; the page has more


def releases(found: Sequence[Release], pushed: Mapping[str, str]) -> None:
    """A row a release."""
    table = _table("", ("release", "recipe", "date"), ("classes", "training images", "original", "new"), ("pushed to",))
    for release in found:
        card = release.card
        origins = card.get("origins", {})
        new = sum(number for origin, number in origins.items() if origin not in ("original", "copy"))
        table.add_row(
            f"[bold]{escape(release.name)}[/]",
            escape(str(card.get("recipe", "no card"))),
            release.date,
            f"{len(card.get('classes', {})):,}",
            f"{card.get('images', 0):,}",
            f"{origins.get('original', 0):,}",
            f"{new:,}",
            escape(pushed.get(release.name, "")),
        )
    print_table(table)


def restored(root: Path, name: str, done: Restored) -> None:
    """What a restore brought, and what is stale now."""
    from flows.plan import make_plan
    from flows.releases.naming import TAG
    from tasks.errors import InputError

    note(f"{name} is back: {len(done.outputs)} outputs")
    if done.gone:
        shown = ", ".join(done.gone[:SHOWN]) + (" ..." if len(done.gone) > SHOWN else "")
        note(f"not kept anywhere, `equipoise run` makes them again: {shown}")
    try:
        stale = make_plan(root, tidy=False).stale
    except InputError as error:
        note(f"the present code can't run it, `git checkout {TAG}{name}` brings the code as well: {error}")
        return
    if stale:
        stages = ", ".join(dict.fromkeys(address.split("@")[0] for address in stale))
        note(
            f"{len(stale)} stages are stale, because code or data beside the release differ (`equipoise status` says "
            f"why): {stages}"
        )
    else:
        note("everything is up to date")


def freed(done: Freed, *, dry_run: bool) -> None:
    """What `equipoise gc` freed, or would."""
    from tasks.disk import readable_size

    would = "would be freed" if dry_run else "freed"
    note(f"DVC's cache: {readable_size(done.cache_bytes)} {would} ({done.objects:,} objects that nothing needs)")
    if done.scratch_bytes:
        note(f"scratch of ended runs: {readable_size(done.scratch_bytes)} {would}")


def difference(found: Difference) -> None:
    """What differs between two versions, the counts first."""
    console.print(f"[bold]{escape(found.first)}[/] → [bold]{escape(found.second)}[/]")
    for sentence in found.lacks:
        console.print(f"[yellow]{escape(sentence)}: it counts as empty[/]")
    _summary(found)
    if found.parameters:
        table = _table("Parameters", ("parameter", found.first, found.second))
        for key, before, after in found.parameters:
            table.add_row(escape(key), _value(before), _value(after))
        _print(table)
    if len(found.training):
        table = _table("Training images a class, as they came", ("class",), (found.first, found.second, "change"))
        _add_counts(table, found.training, ["label"])
        _print(table)
    _recipes(found)
    _list("Images added", found.added, ("path", "label"))
    _list("Images removed", found.removed, ("path", "label"))
    _list("Other content at the same path", found.replaced, ("path", "label"))
    _list("Relabelled", found.relabelled, ("path", "first", "second"))
    _list("Renamed", found.renamed, ("first", "second"))
    _list("Moved in the split", found.moved, ("path", "label", "first", "second"))


def _summary(found: Difference) -> None:
    table = _table("", ("what differs",), ("images",))
    rows = {
        "added": found.added,
        "removed": found.removed,
        "other content at the same path": found.replaced,
        "relabelled": found.relabelled,
        "renamed": found.renamed,
    }
    for what, frame in rows.items():
        table.add_row(what, _number(len(frame)))
    if not found.moves:
        table.add_row("moved in the split", _number(0))
    for kind, number in found.moves.items():
        table.add_row(f"moved {escape(kind)}", _number(number))
    _print(table)


def _recipes(found: Difference) -> None:
    """What changed in the balanced sets, and the class counts of those that changed."""
    if not found.recipes:
        return
    numbers = ("new images made", "dropped", "with other content", "originals and copies in", "out")
    table = _table("Balanced sets", ("recipe",), numbers)
    for recipe in found.recipes:
        table.add_row(escape(recipe.title), *(_number(number) for number in recipe.numbers))
    _print(table)
    for recipe in found.recipes:
        if any(recipe.numbers):
            sides = (found.first, found.second, "change")
            table = _table(f"Balanced set of {recipe.title}", ("class", "origin"), sides)
            _add_counts(table, recipe.counts, ["label", "origin"])
            _print(table)


def _add_counts(table: Table, counts: pd.DataFrame, names: list[str]) -> None:
    for row in counts.to_dict("records"):
        change = row["second"] - row["first"]
        table.add_row(
            *(escape(str(row[name])) for name in names),
            f"{row['first']:,}",
            f"{row['second']:,}",
            f"{change:+,}" if change else "[bright_black]0[/]",
        )


def _list(title: str, frame: pd.DataFrame, columns: Iterable[str]) -> None:
    if frame.empty:
        return
    columns = list(columns)
    heads = {"first": "before", "second": "now", "label": "class"}
    more = f", the first {SHOWN} of {len(frame):,}; --html has more" if len(frame) > SHOWN else ""
    table = _table(f"{title}{more}", [heads.get(name, name) for name in columns])
    for values in frame[columns].head(SHOWN).fillna("").itertuples(index=False):
        table.add_row(*(escape(str(value)) for value in values))
    _print(table)


def _table(title: str, texts: Iterable[str], numbers: Iterable[str] = (), after: Iterable[str] = ()) -> Table:
    table = Table(
        title=f"[bold]{escape(title)}[/]" if title else None,
        title_justify="left",
        title_style="",
        box=None,
        pad_edge=False,
    )
    for name in texts:
        table.add_column(escape(name))
    for name in numbers:
        table.add_column(escape(name), justify="right")
    for name in after:
        table.add_column(escape(name))
    return table


def _print(table: Table) -> None:
    console.print()
    print_table(table)


def _number(number: int) -> str:
    return f"[bold]{number:,}[/]" if number else "[bright_black]0[/]"


def _value(value: object) -> str:
    return "[bright_black]absent[/]" if value is None else escape(str(value))
