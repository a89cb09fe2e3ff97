"""The command line: ``equipoise``.

Exit codes: 0 done, 1 a stage failed, 2 the input or the parameters are wrong. Heavy libraries are imported by the
commands that use them, so that what needs none answers at once.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import click
import typer

from flows.addresses import file_address
from flows.commands import models, presets, services, versions
from flows.commands.options import CLOSER, FIRST, Jobs, MlflowPort, PrefectPort, Stages, enter
from flows.errors import ServerError, error_of_the_place
from flows.masking import masked
from tasks.errors import InputError
from tasks.progress import clear_line, speak_anywhere

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Finds out which remedies for class imbalance help on your images, with confidence intervals.",
)


@app.command(rich_help_panel=FIRST)
def run(
    stages: Stages = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Write into params.yaml.")
    ] = None,
    jobs: Jobs = None,
    force: Annotated[bool, typer.Option("--force", help="Run stages even if nothing changed.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would run and why; run nothing.")] = False,
    commit: Annotated[bool, typer.Option("--commit", help="Commit dvc.lock to git afterwards.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="A first answer: three strategies, one fit each.")] = False,
) -> None:
    """Bring the pipeline up to date and print the verdicts."""
    start = time.monotonic()
    root = enter()
    if quick:
        if stages or dry_run or force or commit:
            raise InputError("--quick makes nothing that is kept: of the other options it takes --set and --jobs")
        from flows.quick import run_quickly

        code = run_quickly(root, set_ or (), jobs)
    elif dry_run:
        if set_:
            raise InputError("--set writes into params.yaml and --dry-run changes nothing: use one of them")
        _show_plan(root, stages, force=force)
        return
    else:
        from flows.running import run_pipeline

        code = run_pipeline(root, stages, set_ or (), jobs, force=force, commit=commit, started=start)
    if code:
        raise typer.Exit(code)
    if not quick:
        _where_next(root)


def _show_plan(root: Path, stages: list[str] | None, *, force: bool = False) -> None:
    from flows import terminal
    from flows.plan import make_plan

    plan = make_plan(root, stages or (), force=force, tidy=False)
    terminal.dry_run(plan.stale, plan.may_run, list(plan.graph.upstream))
    for line in plan.costs:
        terminal.note(line)


REPORTS = {"compare": "Report: ", "explore": "Data:   "}  # stages whose pages people read


def _page_of(root: Path, stage: str) -> Path:
    return root / "reports" / stage / "report.html"


def _where_next(root: Path) -> None:
    from flows import terminal

    terminal.note("")
    for stage, words in REPORTS.items():
        if _page_of(root, stage).exists():
            terminal.note(f"{words}{_page_of(root, stage)}  (equipoise report{' --data' * (stage == 'explore')})")
    terminal.note("Runs:   equipoise ui  (Prefect and MLflow on this machine)")


@app.command(rich_help_panel=CLOSER)
def explore(
    open_: Annotated[bool, typer.Option("--open", help="Open the report in the browser.")] = False,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Write into params.yaml.")
    ] = None,
    jobs: Jobs = None,
) -> None:
    """Bring the report on the images up to date: what is in them, what to watch, before anything is trained."""
    start = time.monotonic()
    root = enter()
    from flows.running import run_pipeline

    if code := run_pipeline(root, ["explore"], set_ or (), jobs, force=False, commit=False, started=start):
        raise typer.Exit(code)
    _where_next(root)
    if open_:
        _open(_page_of(root, "explore"))


@app.command(rich_help_panel=CLOSER)
def status(stages: Stages = None) -> None:
    """Say what is stale, and why."""
    _show_plan(enter(), stages)


@app.command(rich_help_panel=FIRST)
def new(
    folder: Annotated[Path, typer.Argument(help="The workspace's folder, new or empty, outside of others.")],
) -> None:
    """Make a workspace for another dataset, which shares the installed code."""
    from flows.workspaces.making import make_workspace

    make_workspace(folder)


@app.command(rich_help_panel=FIRST)
def sample() -> None:
    """Put the sample photos of solar cells into data/raw."""
    root = enter()
    from flows import dataset

    dataset.sample(root)


@app.command(rich_help_panel=FIRST)
def add(
    path: Annotated[
        Path, typer.Argument(help="Class folders, a ZIP or TAR of them, or a table (CSV, Excel, Parquet).")
    ],
    replace: Annotated[bool, typer.Option("--replace", help="Put them in the place of the present images.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Let them join the present images, the sample too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what was found and stop.")] = False,
    columns: Annotated[
        str,
        typer.Option("--columns", metavar="NAMES", help="A table's names: path=filename,label=class,..."),
    ] = "",
    one_hot: Annotated[bool, typer.Option("--one-hot", help="Columns of 0 and 1 are the table's classes.")] = False,
    strip: Annotated[str, typer.Option("--strip", metavar="PREFIX", help="Take it away from a table's paths.")] = "",
    follow_links: Annotated[bool, typer.Option("--follow-links", help="Links count as what they lead to.")] = False,
    copy: Annotated[bool, typer.Option("--copy", help="Copies: twice their size, with DVC's cache.")] = False,
    link: Annotated[bool, typer.Option("--link", help="Hard links: no disk, but your files become read-only.")] = False,
    reflink: Annotated[bool, typer.Option("--reflink", help="Share blocks with yours, where the disk can.")] = False,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Write into params.yaml.")
    ] = None,
) -> None:
    """Bring your own images into data/raw and version them."""
    source = path.resolve() if ".." in path.parts else path.absolute()
    root = enter()
    from flows import dataset

    named = dataset.column_names(columns)
    ways = [way for way, wanted in zip(dataset.Way, (reflink, link, copy), strict=True) if wanted]
    if len(ways) > 1 or (replace and keep):
        raise InputError("of --copy, --link and --reflink one can be used, and of --replace and --keep")
    if not (replace or keep or dry_run) and sys.stdin.isatty() and dataset.holds_sample(root):
        question = f"{dataset.SAMPLE_THERE}: replace them by your images, keep both as one dataset, or stop?"
        choice = typer.prompt(question, default="stop", type=click.Choice(["replace", "keep", "stop"]))
        replace, keep = choice == "replace", choice == "keep"
    dataset.add(
        root,
        source,
        replace=replace,
        keep=keep,
        way=ways[0] if ways else None,
        columns=dataset.Columns(named, one_hot, strip),
        follow_links=follow_links,
        dry_run=dry_run,
        settings=set_ or (),
    )


@app.command(rich_help_panel=CLOSER)
def check(
    fail_on: Annotated[
        str,
        typer.Option("--fail-on", metavar="ISSUES", help="Exit with 1 if one of these has images: leaks,corrupt, ..."),
    ] = "",
) -> None:
    """Say what is wrong with the images, as `explore` found it; for continuous integration with --fail-on."""
    root = enter()
    from flows import terminal
    from flows.checking import failing, find_issues

    found = find_issues(root)
    failed = failing(found, fail_on)
    terminal.issues(found)
    if failed:
        terminal.note("failed on: " + ", ".join(f"{issue.name} ({len(issue.paths):,})" for issue in failed))
        raise typer.Exit(1)


@app.command(rich_help_panel=CLOSER)
def freeze(
    discard: Annotated[bool, typer.Option("--discard", help="Empty the file: draw every image anew.")] = False,
) -> None:
    """Keep every image where the present split has it, also when new ones come (data/frozen.csv)."""
    root = enter()
    from flows import dataset

    if discard:
        dataset.discard(root)
    else:
        dataset.freeze(root)


@app.command(rich_help_panel=FIRST)
def ui(
    prefect_port: PrefectPort = None,
    mlflow_port: MlflowPort = None,
) -> None:
    """Start the Prefect and MLflow servers on this machine; Ctrl-C ends both."""
    root = enter()
    from flows.serving import serve_uis

    serve_uis(root, prefect_port, mlflow_port)


@app.command(rich_help_panel=FIRST)
def report(
    data: Annotated[bool, typer.Option("--data", help="That on the images, in place of the verdicts.")] = False,
) -> None:
    """Open the report in the browser, and print where it stands."""
    root = enter()
    from flows import terminal

    stage = "explore" if data else "compare"
    page = _page_of(root, stage)
    if not page.exists():
        raise InputError(f"there is no such report yet: `equipoise run {stage}` makes it")
    terminal.note(str(page))
    _open(page)


def _open(page: Path) -> None:
    import webbrowser

    from flows import terminal

    if not webbrowser.open(file_address(page)):
        terminal.note("no browser could be started here: open that file in one")


for panel in (presets, versions, models, services):
    app.add_typer(panel.app)


def main() -> None:
    """Entry point: errors that people can mend end with exit code 2 and without a traceback."""
    speak_anywhere()
    try:
        app()
    except InputError as error:
        code, message = 2, str(error)
    except ServerError as error:
        code, message = 1, str(error)
    except OSError as error:
        code, message = 1, error_of_the_place(error)
        if not message:
            raise
    else:
        return
    clear_line()
    for line in masked(message).splitlines():
        sys.stderr.write(f"error: {line}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
