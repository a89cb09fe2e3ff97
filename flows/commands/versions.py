"""Commands on versions of balanced datasets: release, compare, export, restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import VERSIONS, Recipe, enter
from tasks.errors import InputError

app = typer.Typer()


@app.command(rich_help_panel=VERSIONS)
def release(
    name: Annotated[str, typer.Argument(help="What it is called, for instance v1.")],
    recipe: Recipe = None,
    message: Annotated[str, typer.Option("--message", "-m", help="What git's tag says.")] = "",
    push: Annotated[bool, typer.Option("--push/--no-push", help="Push its data to DVC's default remote.")] = True,
) -> None:
    """Name the present version of a balanced dataset: a git tag with a dataset card (data/releases)."""
    root = enter()
    from flows import terminal
    from flows.releases.naming import card_path
    from flows.releases.releasing import release as make

    made = make(root, name, recipe, message, push=push)
    terminal.note(f"Card: {root / card_path(name, '.md')}")
    if made.pushed is False:
        raise typer.Exit(1)


@app.command(rich_help_panel=VERSIONS)
def releases(
    push: Annotated[bool, typer.Option("--push", help="Push what they need to DVC's default remote.")] = False,
) -> None:
    """List the releases."""
    root = enter()
    from flows import terminal
    from flows.git import require_commits
    from flows.releases import showing
    from flows.releases.naming import known, list_releases
    from flows.releases.pushing import push_all, pushed_to

    require_commits(root)
    if push and not push_all(root):
        raise typer.Exit(1)
    found = list_releases(root)
    if found:
        showing.releases(found, pushed_to(root, found))
    else:
        terminal.note(known(root))


@app.command(rich_help_panel=VERSIONS)
def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="A release or any git revision.")],
    second: Annotated[str | None, typer.Argument(metavar="B", help="Another; the working tree if none.")] = None,
    recipe: Recipe = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Also write a page.")] = None,
) -> None:
    """Say how two versions differ: images, labels, parameters, class counts, parts."""
    page = html.absolute() if html else None
    root = enter()
    from flows import terminal
    from flows.releases import showing
    from flows.releases.comparing import diff as compare

    found = compare(root, first, second, recipe)
    showing.difference(found)
    if page:
        from flows.releases.difference_page import difference_page
        from tasks.files import write_text

        try:
            write_text(page, difference_page(found))
        except OSError as error:
            raise InputError(f"{page}: the page can't be written there: {error}") from error
        terminal.note(f"\nPage: {page}")


@app.command(rich_help_panel=VERSIONS)
def export(
    version: Annotated[str, typer.Argument(metavar="RELEASE", help="A release or any git revision.")],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="A folder that is new or empty.")],
    format_: Annotated[str, typer.Option("--format", help="imagefolder, webdataset, parquet or csv.")] = "imagefolder",
    part: Annotated[str, typer.Option("--part", help="train, test or all; audit of releases that have it.")] = "all",
    recipe: Recipe = None,
    strip_exif: Annotated[bool, typer.Option("--strip-exif", help="Take EXIF out of the originals, too.")] = False,
) -> None:
    """Write a version for other tools; originals are linked where that is safe."""
    target = to.absolute()
    root = enter()
    from flows import terminal
    from flows.releases.exporting.export import export as write

    try:
        images = write(root, version, format_, target, part=part, recipe=recipe, strip_exif=strip_exif)
    except KeyboardInterrupt:
        terminal.note("ended by Ctrl-C; nothing was left behind")
        raise typer.Exit(130) from None
    counts = ", ".join(f"{number:,} in {name}" for name, number in images.items())
    terminal.note(f"{target}: {counts}")


@app.command(rich_help_panel=VERSIONS)
def restore(
    name: Annotated[str, typer.Argument(help="A release.")],
    force: Annotated[bool, typer.Option("--force", help="Put unsaved results aside instead of refusing.")] = False,
) -> None:
    """Bring a release back into the workspace."""
    root = enter()
    from flows.releases import showing
    from flows.releases.restoring import restore as bring_back

    showing.restored(root, name, bring_back(root, name, force=force))


@app.command(rich_help_panel=VERSIONS)
def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be freed; delete nothing.")] = False,
) -> None:
    """Free what no release, tag, branch nor the working tree needs from DVC's cache."""
    root = enter()
    from flows.releases import showing
    from flows.releases.collecting import collect

    showing.freed(collect(root, dry_run=dry_run), dry_run=dry_run)
