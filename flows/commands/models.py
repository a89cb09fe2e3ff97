"""Commands on trained models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import MODELS, Jobs, enter

app = typer.Typer()

Model = Annotated[str, typer.Option("--model", help="A strategy's name, or recommended.")]


@app.command(rich_help_panel=MODELS)
def predict(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Images, or folders of them.")],
    strategy: Annotated[str, typer.Option("--strategy", help="Whose model; else the recommended one's.")] = "",
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the table goes.")] = Path("predictions.csv"),
    jobs: Jobs = None,
) -> None:
    """Classify images with a trained strategy: a CSV of labels and scores."""
    wanted, target = [path.absolute() for path in paths], out.absolute()
    root = enter()
    from flows import predicting, terminal

    chosen = strategy or predicting.chosen_strategy(root)
    files = predicting.image_files(wanted)
    terminal.note(f"{len(files):,} files, by the model of {chosen}")
    failed = predicting.predict(root, chosen, files, target, workers=jobs or 1)
    for line in failed[:20]:
        terminal.note(f"not read: {line}")
    terminal.note(f"{target}: {len(files) - len(failed):,} predictions, {len(failed):,} files that can't be read")


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
    from flows.trained import strategy_named

    strategy = strategy_named(root, model)
    target = here / (to or f"{strategy}.{format_}")
    example = exporting.export_model(root, strategy, target, format_)
    terminal.note(f"{target}: the model of {strategy}. To use it:\n\n{example}")


@app.command(rich_help_panel=MODELS)
def explain(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files.")],
    model: Model = "recommended",
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Where the pages go.")] = Path("explanations"),
    class_: Annotated[str, typer.Option("--class", help="Whose heat map; else the decided one's and the next.")] = "",
) -> None:
    """Say why a model decides on an image as it does: heat maps, scores, the nearest training images; a page each."""
    files, folder = [image.absolute() for image in images], to.absolute()
    root = enter()
    from flows import explaining, terminal
    from flows.trained import strategy_named

    strategy = strategy_named(root, model)
    for label, page in explaining.explain(root, strategy, files, folder, class_):
        terminal.note(f"{label}: {page}")
