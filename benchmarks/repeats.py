"""Whether more draws of the folds narrow the intervals: ``python benchmarks/repeats.py WORKSPACE``.

WORKSPACE has run, with the sample for instance; it stays as it is. In a copy the split is drawn with 1, 2 and 3
repeats, and with several repeats of one fit in the place of one repeat of several, and some strategies that need no new
images are trained on it. Prints, for each, the half-width of the intervals of their differences to the baseline, how
much narrower they are, and the processor's seconds that training took.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tasks.compare.changes import paired_changes
from tasks.evaluate.scored import read_scored
from tasks.params.editing import set_values
from tasks.tables import PREDICTIONS, SPLITS
from tasks.workspace import Workspace

SETTINGS = ((1, 3), (2, 3), (3, 3), (3, 1), (6, 1))  # repeats of the cross-validation, fits of each fold
STRATEGIES = ["logit_adjusted", "balanced_weights", "balanced_sampling"]


def stage(root: Path, *words: str) -> float:
    """Run a stage, and return the seconds of processors that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = str(Path(__file__).resolve().parent.parent)
    environment = {**os.environ, "PYTHONPATH": code, "EQUIPOISE_WORKERS": "1"}
    command = [sys.executable, "-m", "tasks", *words]
    subprocess.run(command, cwd=root, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument(
        "--strategies", nargs="+", default=STRATEGIES, help="of the recipe natural, beside the baseline"
    )
    asked = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="equipoise-repeats-"))
    (root / "data").mkdir()
    for name in ("raw", "catalog", "features", "groups"):
        (root / "data" / name).symlink_to((asked.workspace / "data" / name).resolve())
    shutil.copy(asked.workspace / "data" / "frozen.csv", root / "data")
    shutil.copy(asked.workspace / "params.yaml", root)
    params = Workspace(root).params
    names = [params.compare.baseline, *asked.strategies]
    base = np.array([])
    print("repeats  fits   half-widths of " + ", ".join(asked.strategies) + "   narrower by   seconds of training")
    for repeats, seeds in SETTINGS:
        set_values(root / "params.yaml", [f"split.repeats={repeats}", f"train.seeds={seeds}"])
        for words in (["split"], ["balance", "natural"], ["embed_new", "natural"]):
            stage(root, *words)
        seconds = sum(stage(root, "train", name) for name in names)
        splits = SPLITS.read(SPLITS.place(root))
        scored = [read_scored(PREDICTIONS.place(root, name), splits, "train") for name in names]
        changes = paired_changes(scored, params.compare.goal, params.evaluate).metric
        widths = np.array([change.high - change.low for change in changes]) / 2
        base = base if len(base) else widths
        print(
            f"{repeats:7d}  {seeds:4d}   {', '.join(f'{width:.4f}' for width in widths):<60}"
            f"{1 - (widths / base).mean():11.1%}   {seconds:8.0f}",
            flush=True,
        )
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
