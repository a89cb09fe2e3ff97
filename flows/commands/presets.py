"""The command that writes a preset's strategies into `params.yaml`."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.commands.options import FIRST, enter

app = typer.Typer()


@app.command(rich_help_panel=FIRST)
def preset(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Of a preset; none: list them.")] = None,
) -> None:
    """Write a list of strategies into params.yaml, with the recipes, generators and backbones that they need."""
    root = enter()
    from flows import terminal
    from flows.packages import missing_packages, what_brings
    from tasks.files import write_text
    from tasks.params import load_params
    from tasks.params.presets import presets, with_preset
    from tasks.params.reading import read_text

    if name is None:
        for one in presets().values():
            terminal.note(f"{one.name:<11} {len(one.strategies):>3} strategies: {one.about}")
        return
    path = root / "params.yaml"
    before = read_text(path)
    made = with_preset(before, name, path)
    if made.text != before:
        write_text(path, made.text)
    params = load_params(path)
    fits = params.train.seeds * (params.split.folds * params.split.repeats + 1)
    terminal.note(f"params.yaml: {len(params.strategies)} strategies, each fitted {fits} times")
    for word, changes in (("added", made.added), ("removed", made.removed)):
        for section, names in changes.items():
            if names:
                terminal.note(f"  {section} {word}: {', '.join(names)}")
    if made.kept:
        terminal.note(f"  not the preset's, so they stay as you wrote them: {', '.join(made.kept)}")
    for package, parts in missing_packages(params).items():
        terminal.note(f"  not installed, and needed by {', '.join(parts)}: {package} ({what_brings(package)})")
    terminal.note("`equipoise run` brings the results up to date; `equipoise run --dry-run` says what would run")
