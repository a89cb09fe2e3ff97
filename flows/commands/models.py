"""Commands on trained models."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import MODELS, enter
from flows.masking import masked
from tasks.errors import InputError

app = typer.Typer()

SHOWN = 20  # files that can't be read
WHICH = "champion, recommended, a strategy, an address of MLflow (models:/name/3, runs:/...), or a folder."
Model = Annotated[str, typer.Option("--model", help=WHICH)]


@app.command(rich_help_panel=MODELS)
def predict(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help=WHICH,
        ),
    ],
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH...", help="Images, folders of them, or tables with a column path."),
    ] = None,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="A .csv or .parquet.")] = Path("predictions.csv"),
    nearest: Annotated[
        bool, typer.Option("--nearest", help="Also the nearest training image, and how far it is.")
    ] = False,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes; as many as cores.")] = None,
) -> None:
    """Classify images: a table of labels, probabilities and scores."""
    here, target = Path.cwd(), to.absolute()
    wanted = [path.absolute() for path in paths or ()]
    root = enter()
    from flows import predicting, terminal
    from flows.chosen_model import choose_model
    from tasks.workspace import Workspace

    predicting.require_images(model, here, wanted)
    chosen = choose_model(root, model, here)
    images = predicting.images_of(wanted, target)
    terminal.note(f"{len(images):,} images, by the model {chosen.title}")
    for sentence in chosen.classifier.notes:
        terminal.note(sentence)
    workers = jobs or Workspace(root).workers
    summary = predicting.predict(root, chosen, images, target, workers, nearest=nearest)
    for line in summary.failed[:SHOWN]:
        terminal.note(f"not read: {line}")
    terminal.note(f"{target}: {summary}")


@app.command(rich_help_panel=MODELS)
def promote(
    model: Annotated[str, typer.Argument(help="A strategy, or a version's number; else the recommended one.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Even if the gate holds it back; needs --because.")] = False,
    because: Annotated[str, typer.Option("--because", metavar="TEXT", help="Why; kept with the change.")] = "",
    back: Annotated[bool, typer.Option("--back", help="Put the champion before this one back.")] = False,
) -> None:
    """Make a model MLflow's champion if the gate lets it; exits with 1 if it doesn't."""
    root = enter()
    if back and (model or force):
        raise InputError("--back puts the champion before this one back: it takes no model and no --force")
    if force and not because.strip():
        raise InputError('--force needs a reason, which is kept: --because "..."')
    if because and not (force or back):
        raise InputError("--because says why of --force or --back: add one of them")
    from flows import terminal
    from flows.decisions import show_decision
    from flows.locks import workspace_lock
    from flows.tracking import TrackingAway
    from flows.tracking.addresses import require_usable_addresses
    from flows.tracking.findings import Findings
    from flows.tracking.promoting import go_back
    from flows.tracking.promoting import promote as promote_model

    require_usable_addresses()
    try:
        with workspace_lock(root):
            if back:
                terminal.note(go_back(root, because))
                return
            decision = promote_model(Findings.present(root), model, because)
    except TrackingAway as error:
        sys.stderr.write(masked(f"error: {error}\n"))
        raise typer.Exit(1) from None
    show_decision(decision)
    if not decision.passed:
        raise typer.Exit(1)


@app.command("model-card", rich_help_panel=MODELS)
def model_card(
    model: Annotated[str, typer.Argument(help="A strategy; else the recommended one.")] = "",
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Where it goes, with a JSON beside.")] = None,
) -> None:
    """The card of a model: what it is for, what it learnt from, how it was judged, where it fails."""
    target = to and to.absolute()
    root = enter()
    from flows import terminal
    from flows.output_place import require_place
    from flows.tracking.findings import Findings
    from flows.tracking.model_card import describe_model, markdown, write_card

    if target is not None:
        if target.suffix != ".md":
            raise InputError(f"{target}: the card is Markdown: name a file that ends in .md")
        require_place(root, target)
    findings = Findings.present(root)
    card = describe_model(findings, findings.chosen(model))
    if target is None:
        typer.echo(markdown(card), nl=False)
        return
    terminal.note(f"{target}, and for programs {write_card(card, target).name}")


@app.command("export-model", rich_help_panel=MODELS)
def export_model(
    model: Model = "recommended",
    format_: Annotated[
        str, typer.Option("--format", help="onnx: preprocessing, network and decision in one.")
    ] = "onnx",
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="By default STRATEGY.onnx.")] = None,
) -> None:
    """Write a model as one file that other programs run, and say how far it differs on real images."""
    here = Path.cwd()
    root = enter()
    from flows import exporting, terminal
    from flows.chosen_model import choose_model
    from tasks.slugs import slug

    if to is not None and to.suffix != f".{format_}":
        raise InputError(f"{to}: is no name of such a file: let it end in .{format_}")
    chosen = choose_model(root, model, here)
    target = here / (to or f"{slug(chosen.title)}.{format_}")
    for sentence in chosen.classifier.notes:
        terminal.note(sentence)
    example = exporting.export_model(root, chosen, target, format_)
    terminal.note(f"{target}: the model {chosen.title}. To use it:\n\n{example}")


@app.command(rich_help_panel=MODELS)
def explain(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files.")],
    model: Model = "recommended",
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Where the pages go.")] = Path("explanations"),
    class_: Annotated[str, typer.Option("--class", help="Whose heat map; else the decided one's and the next.")] = "",
) -> None:
    """Say why a model decides on an image as it does: heat maps, scores, the nearest training images; a page each."""
    here = Path.cwd()
    files, folder = [image.absolute() for image in images], to.absolute()
    root = enter()
    from flows import explaining, terminal
    from flows.chosen_model import choose_model

    chosen = choose_model(root, model, here)
    for sentence in chosen.classifier.notes:
        terminal.note(sentence)
    for label, page in explaining.explain(root, chosen, files, folder, class_):
        terminal.note(f"{label}: {page}")


@app.command(rich_help_panel=MODELS)
def similar(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=WHICH)],
    first: Annotated[Path, typer.Argument(metavar="IMAGE", help="An image file.")],
    second: Annotated[Path, typer.Argument(metavar="IMAGE", help="Another one.")],
    false_accepts: Annotated[
        float, typer.Option("--false-accepts", help="Share of pairs of two classes that may be called the same.")
    ] = 0.01,
) -> None:
    """Say how alike two images are to a model, and whether they are of one class."""
    here = Path.cwd()
    images = first.absolute(), second.absolute()
    root = enter()
    from flows import comparing, terminal
    from flows.chosen_model import choose_model

    chosen = choose_model(root, model, here)
    for sentence in comparing.compare(chosen, *images, false_accepts):
        terminal.note(sentence)


@app.command(rich_help_panel=MODELS)
def enroll(
    name: Annotated[str, typer.Argument(metavar="CLASS", help="The new class.")],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files of it.")],
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where the copy goes; new or empty.")],
    model: Model = "recommended",
) -> None:
    """Add a class that was never trained on to a copy of a model, by a few images of it."""
    here = Path.cwd()
    files, folder = [image.absolute() for image in images], to.absolute()
    root = enter()
    from flows import comparing, terminal
    from flows.chosen_model import choose_model
    from tasks.workspace import Workspace

    chosen = choose_model(root, model, here)
    number = comparing.enroll(root, chosen, name, files, folder, Workspace(root).workers)
    images_ = "1 image" if number == 1 else f"{number:,} different images"
    terminal.note(f"{folder}: the model {chosen.title}, which knows {name!r} too, from {images_}. To use it:")
    terminal.note(f"equipoise predict {shlex.quote(str(folder))} PATH...")
