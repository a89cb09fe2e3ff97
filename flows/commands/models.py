"""Commands on trained models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import MODELS, enter

app = typer.Typer()

SHOWN = 20  # files that can't be read


@app.command(rich_help_panel=MODELS)
def predict(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="champion, recommended, a strategy, an address of MLflow (models:/name/3, runs:/...), or a folder.",
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
