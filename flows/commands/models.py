"""Commands on trained models."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import MODELS, Jobs, enter
from flows.masking import masked
from tasks.errors import InputError

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
    from flows.tracking.findings import Findings
    from flows.tracking.model_card import describe_model, markdown, write_card

    findings = Findings.present(root)
    card = describe_model(findings, findings.chosen(model))
    if target is None:
        typer.echo(markdown(card), nl=False)
        return
    if target.suffix != ".md" or target.is_dir():
        raise InputError(f"{target}: the card is Markdown: name a file that ends in .md")
    terminal.note(f"{target}, and for programs {write_card(card, target).name}")
