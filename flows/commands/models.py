"""Commands on trained models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import MODELS, Jobs, enter

app = typer.Typer()


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
