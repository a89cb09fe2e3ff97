"""What the runner costs, as ratios in one run on the sample: ``python benchmarks/overhead.py [--keep FOLDER]``.

Three clones of this checkout's files, each with the sample's photos and no cache: one runs ``equipoise run``, one plain
``dvc repro``; the first then runs again unchanged, against ``dvc status``. Prints

- the time of ``equipoise run`` over that of ``dvc repro`` (below 1: faster, by running stages at the same time),
- the time of an unchanged ``equipoise run`` over that of ``dvc status``,
- the share of each kind of stage in the time of the run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def make_workspace(root: Path) -> None:
    """A copy of the checkout's files with its own git history and the sample's photos."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listing.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    (root / ".venv").symlink_to(BIN.parent)
    for command in (["git", "init", "-q"], ["git", "add", "-A"]):
        subprocess.run(command, cwd=root, check=True)
    timed(root, str(BIN / "equipoise"), "sample")


def timed(root: Path, *command: str) -> float:
    """Seconds that a command took; its output goes to a log beside the workspace."""
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    start = time.monotonic()
    with root.with_suffix(".log").open("a") as log:
        subprocess.run(command, cwd=root, env=environment, stdout=log, stderr=log, check=True)
    return time.monotonic() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, help="folder for the workspaces, which are kept there")
    keep = parser.parse_args().keep
    home = keep or Path(tempfile.mkdtemp(prefix="equipoise-benchmark-"))
    ours, plain = home / "equipoise", home / "dvc"
    for root in (ours, plain):
        make_workspace(root)
    run = timed(ours, str(BIN / "equipoise"), "run")
    repro = timed(plain, str(BIN / "dvc"), "repro")
    unchanged = min(timed(ours, str(BIN / "equipoise"), "run") for _ in range(3))
    status = min(timed(ours, str(BIN / "dvc"), "status") for _ in range(3))
    print(f"cores                        {os.cpu_count()}")
    print(f"equipoise run / dvc repro    {run / repro:.2f}   ({run:.0f} s / {repro:.0f} s)")
    print(f"unchanged run / dvc status   {unchanged / status:.2f}   ({unchanged:.1f} s / {status:.1f} s)")
    took = json.loads((ours / ".equipoise" / "runs" / "last.json").read_text())["costs"]
    groups: dict[str, float] = {}
    for stage, cost in took.items():
        groups[stage.split("@")[0]] = groups.get(stage.split("@")[0], 0.0) + cost["seconds"]
    total = sum(groups.values())
    print("share of each stage in the time of all stages:")
    for name, seconds in sorted(groups.items(), key=lambda item: -item[1]):
        print(f"  {name:<12} {seconds / total:6.1%}")
    if keep is None:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
