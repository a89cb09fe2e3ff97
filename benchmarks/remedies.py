"""Whether trying many remedies was worth it, on three sets: ``python benchmarks/remedies.py FOLDER --of textures``.

    python benchmarks/remedies.py /tmp/cells --of cells
    python benchmarks/remedies.py /tmp/fashion --of fashion
    python benchmarks/remedies.py /tmp/textures --of textures

Makes a workspace of a set, writes a preset's strategies and two gradient-boosted ensembles on the same features and
folds into it, runs it, and prints every strategy's row with its cost; then what the recommended strategy has over plain
training, over what many a page advises (rotate the minority, weigh the classes), and over the boosted ones: differences
out of fold, whose intervals hold together, and on the held-out test part, at which no choice has looked. `cells` is the
sample, `fashion` Fashion-MNIST cut to a long tail (`benchmarks/long_tail.py`), `textures` those of a game
(`benchmarks/image_sets.py`).

The recommended one is the best of many by these very images, so what it has out of fold flatters it; the promise that
the run prints is what is left without that.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from image_sets import textures
from long_tail import equipoise, long_tail

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from flows.costs import costs
from flows.leaderboard import LEADERBOARD
from flows.markdown import table as markdown
from flows.price import prices_of
from flows.wording import interval
from tasks.compare.changes import paired_changes
from tasks.evaluate.scored import Scored, read_scored
from tasks.files import read_json
from tasks.params import load_params
from tasks.params.editing import on_one_line, set_values
from tasks.params.presets import catalogue
from tasks.tables import SPLITS, predictions_file

RIVALS = ("plain", "tutorial", "xgboost", "lightgbm")


def make(home: Path, of: str, preset: str, largest: int | None) -> Path:
    """A workspace with the images and the strategies; one that is there stays as it is but for the strategies."""
    workspace = home / "workspace"
    if not workspace.exists():
        if of == "textures":
            print(", ".join(f"{name} {number}" for name, number in textures(home / "images").items()), flush=True)
        elif of == "fashion":
            factor = 20 if largest is None else largest / 20
            print(long_tail(home / "images", factor, seed=0, largest=largest), flush=True)
        equipoise(workspace, "new", str(workspace))
        equipoise(workspace, *(["sample"] if of == "cells" else ["add", str((home / "images").resolve())]))
    equipoise(workspace, "preset", preset)
    params = load_params(workspace / "params.yaml")
    known = catalogue("strategies").values
    missing = [name for name in RIVALS if name not in params.strategies]
    set_values(workspace / "params.yaml", [f"strategies.{name}={on_one_line(known[name])}" for name in missing])
    return workspace


def show(workspace: Path, part: str) -> None:
    """Print what the recommended strategy has over each rival on one part of the images."""
    params, board = load_params(workspace / "params.yaml"), read_json(workspace / LEADERBOARD)
    best, splits = board["recommended"], SPLITS.read(workspace / "data" / "splits" / SPLITS.file)
    rivals = [name for name in RIVALS if name != best]
    scored = {name: read_scored(predictions_file(workspace, name), splits, part) for name in (best, *rivals)}
    judged = np.isin(scored[best].classes, board["judged_classes"])
    goal = params.compare.goal.about(board["rarest_class"])
    found = paired_changes([scored[best], *(scored[name] for name in rivals)], goal, params.evaluate, judged)
    print(f"\n{part}, {len(scored[best].image_ids):,} images: {best} over")
    for name, change in zip(rivals, found.metric, strict=True):
        recalls = _recalls(scored[best], board) - _recalls(scored[name], board)
        print(
            f"  {name:<10} {-change.value:+.3f} [{-change.high:+.3f}, {-change.low:+.3f}]   "
            f"recall of {board['rarest_class']} {recalls:+.3f}"
        )


def table(workspace: Path) -> str:
    """Every strategy's row as Markdown: what it reached, its difference, verdict and cost."""
    board = read_json(workspace / LEADERBOARD)
    found = prices_of(workspace, board, costs(workspace))
    head = ("strategy", board["judged_by"], f"difference to {board['baseline']}", "verdict", "seconds", "memory")
    rows = [
        (
            row["strategy"],
            interval(row["reached"]),
            interval(row["difference"], signed=True),
            row["verdict"],
            found[row["strategy"]].of_time,
            found[row["strategy"]].of_memory,
        )
        for row in board["rows"]
    ]
    return "\n".join(markdown(head, rows))


def _recalls(scored: Scored, board: Mapping[str, object]) -> float:
    """The recall of the rarest class, over all fits."""
    code = scored.classes.index(str(board["rarest_class"]))
    of_class = scored.labels == code
    return float((scored.scores.argmax(axis=2) == code)[:, of_class].mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="for the images and the workspace; with those of before it goes on")
    parser.add_argument("--of", choices=("cells", "fashion", "textures"), required=True)
    parser.add_argument("--preset", default="thorough")
    parser.add_argument("--largest", type=int, help="clothes of the largest class, for a smaller set; 20 of the rarest")
    parser.add_argument("--seeds", type=int, help="fits of every model, if not as params.yaml comes")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    workspace = make(asked.folder, asked.of, asked.preset, asked.largest)
    if asked.seeds:
        set_values(workspace / "params.yaml", [f"train.seeds={asked.seeds}"])
    equipoise(workspace, "run")
    print(table(workspace))
    for part in ("train", "test"):
        show(workspace, part)


if __name__ == "__main__":
    main()
