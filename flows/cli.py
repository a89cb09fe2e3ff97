"""The command line: ``equipoise``.

Exit codes: 0 done, 1 a stage failed, 2 the input or the parameters are wrong. Heavy libraries are imported by the
commands that use them, so that what needs none answers at once.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Annotated

import click
import typer

from flows.addresses import file_address, require_usable_path
from flows.environment import MLFLOW_PORT, PREFECT_PORT, settle_environment
from flows.errors import ServerError, error_of_the_place
from flows.masking import mask_logs, masked
from flows.workspaces import workspace_above
from tasks.errors import InputError
from tasks.progress import clear_line, speak_anywhere

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Finds out which remedies for class imbalance help on your images, with confidence intervals.",
)

# Panels of the list of commands.
FIRST, CLOSER = "First steps", "A closer look"
VERSIONS, SERVICES = "Versions of balanced datasets", "Schedules and records"

Jobs = Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Stages at the same time; as many as cores.")]
Stages = Annotated[
    list[str] | None, typer.Argument(help="Stages to bring up to date, with all they need; all if none.")
]

Recipe = Annotated[
    str | None, typer.Option("--recipe", help="A recipe; by default the recommended one, or that of the release.")
]


PrefectPort = Annotated[
    int | None, typer.Option(min=1, max=65535, help=f"By default {PREFECT_PORT}, or a free one if that is taken.")
]
MlflowPort = Annotated[
    int | None, typer.Option(min=1, max=65535, help=f"By default {MLFLOW_PORT}, or a free one if that is taken.")
]


def project_root() -> Path:
    """The project's folder: the current one or the nearest above that holds `params.yaml` and `dvc.yaml`."""
    here = Path.cwd()
    root = workspace_above(here)
    if root is None:
        raise InputError(
            f"{here} is no Equipoise project: there is no params.yaml with a dvc.yaml here or above. "
            "`equipoise new FOLDER` makes one"
        )
    return root


def _enter() -> Path:
    """Settle in the project's folder; every command starts so."""
    root = project_root()
    require_usable_path(root)
    mask_logs()
    os.chdir(root)
    settle_environment(root)
    return root


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
    root = _enter()
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
    root = _enter()
    from flows.running import run_pipeline

    if code := run_pipeline(root, ["explore"], set_ or (), jobs, force=False, commit=False, started=start):
        raise typer.Exit(code)
    _where_next(root)
    if open_:
        _open(_page_of(root, "explore"))


@app.command(rich_help_panel=CLOSER)
def status(stages: Stages = None) -> None:
    """Say what is stale, and why."""
    _show_plan(_enter(), stages)


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
    root = _enter()
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
    root = _enter()
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
    root = _enter()
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
    root = _enter()
    from flows import dataset

    if discard:
        dataset.discard(root)
    else:
        dataset.freeze(root)


@app.command(rich_help_panel=VERSIONS)
def release(
    name: Annotated[str, typer.Argument(help="What it is called, for instance v1.")],
    recipe: Recipe = None,
    message: Annotated[str, typer.Option("--message", "-m", help="What git's tag says.")] = "",
    push: Annotated[bool, typer.Option("--push/--no-push", help="Push its data to DVC's default remote.")] = True,
) -> None:
    """Name the present version of a balanced dataset: a git tag with a dataset card (data/releases)."""
    root = _enter()
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
    root = _enter()
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
    root = _enter()
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
    root = _enter()
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
    root = _enter()
    from flows.releases import showing
    from flows.releases.restoring import restore as bring_back

    showing.restored(root, name, bring_back(root, name, force=force))


@app.command(rich_help_panel=VERSIONS)
def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be freed; delete nothing.")] = False,
) -> None:
    """Free what no release, tag, branch nor the working tree needs from DVC's cache."""
    root = _enter()
    from flows.releases import showing
    from flows.releases.collecting import collect

    showing.freed(collect(root, dry_run=dry_run), dry_run=dry_run)


@app.command(rich_help_panel=CLOSER)
def predict(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Images, or folders of them.")],
    strategy: Annotated[str, typer.Option("--strategy", help="Whose model; else the recommended one's.")] = "",
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the table goes.")] = Path("predictions.csv"),
    jobs: Jobs = None,
) -> None:
    """Classify images with a trained strategy: a CSV of labels and scores."""
    wanted, target = [path.absolute() for path in paths], out.absolute()
    root = _enter()
    from flows import predicting, terminal

    chosen = strategy or predicting.chosen_strategy(root)
    files = predicting.image_files(wanted)
    terminal.note(f"{len(files):,} files, by the model of {chosen}")
    failed = predicting.predict(root, chosen, files, target, workers=jobs or 1)
    for line in failed[:20]:
        terminal.note(f"not read: {line}")
    terminal.note(f"{target}: {len(files) - len(failed):,} predictions, {len(failed):,} files that can't be read")


@app.command(rich_help_panel=FIRST)
def ui(
    prefect_port: PrefectPort = None,
    mlflow_port: MlflowPort = None,
) -> None:
    """Start the Prefect and MLflow servers on this machine; Ctrl-C ends both."""
    root = _enter()
    from flows.serving import serve_uis

    serve_uis(root, prefect_port, mlflow_port)


@app.command(rich_help_panel=FIRST)
def report(
    data: Annotated[bool, typer.Option("--data", help="That on the images, in place of the verdicts.")] = False,
) -> None:
    """Open the report in the browser, and print where it stands."""
    root = _enter()
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


@app.command(rich_help_panel=SERVICES)
def serve(
    cron: Annotated[str, typer.Option(help="When to run, in cron's words, for instance '0 2 * * *'.")],
    jobs: Jobs = None,
    commit: Annotated[bool, typer.Option("--commit", help="Commit dvc.lock to git after each run.")] = False,
    prefect_port: PrefectPort = None,
) -> None:
    """Run the pipeline on a schedule until Ctrl-C; starts the Prefect server that this needs if none runs."""
    root = _enter()
    from flows.serving import serve_schedule

    serve_schedule(root, cron, jobs=jobs, commit=commit, port=prefect_port)


@app.command(rich_help_panel=SERVICES)
def track() -> None:
    """Record the last run in MLflow again, for instance after the tracking server was away."""
    root = _enter()
    from flows import terminal
    from flows.journal import last_run, versions_digest
    from flows.tracking import FlowRun, TrackingAway, record
    from flows.tracking.addresses import require_usable_addresses
    from tasks.params import load_params

    last = last_run(root)
    if last is None:
        raise InputError("there is no run to record yet: `equipoise run` first")
    if last["versions"] != versions_digest(root):
        raise InputError("the results have changed since the last run: `equipoise run` records what is there now")
    flow_run = FlowRun(**last["flow_run"]) if last["flow_run"] else None
    require_usable_addresses()
    times = {key: last[key] for key in ("run_id", "started", "ended")}
    try:
        recorded = record(root, load_params(root / "params.yaml"), last["outcomes"], last["seconds"], flow_run, **times)
    except TrackingAway as error:
        sys.stderr.write(masked(f"error: {error}\n"))
        raise typer.Exit(1) from None
    terminal.note(f"recorded as MLflow run {recorded.parent_run_id} {recorded.url or ''}")


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
