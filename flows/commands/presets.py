"""The command that writes a preset's strategies into `params.yaml`."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.options import FIRST, enter

if TYPE_CHECKING:
    from tasks.params.models import Params

app = typer.Typer()


@app.command(rich_help_panel=FIRST)
def preset(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Of a preset; none: list them.")] = None,
) -> None:
    """Write a list of strategies into params.yaml, with the recipes and backbones that they need."""
    root = enter()
    from flows import terminal
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
    for package in missing_packages(params):
        terminal.note(f"  not installed, and needed: {package}")
    terminal.note("`equipoise run` brings the results up to date; `equipoise run --dry-run` says what would run")


def missing_packages(params: Params) -> list[str]:
    """Distributions that strategies and backbones of these parameters need and that aren't installed."""
    needed = {package for one in params.strategies.values() for package in one.family.needed()}
    needed |= {package for one in params.backbones.values() for package in one.packages}
    return sorted(package for package in needed if not _is_installed(package))


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
