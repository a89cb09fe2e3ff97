"""Keeping `dvc.lock` to the stages that exist: entries and outputs of removed ones go, the order is the graph's.

DVC itself leaves the entry and the folder of a stage that was taken out of `params.yaml`. Pruned outputs stay in DVC's
cache, so that ``git checkout`` and ``dvc checkout`` bring them back.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from flows.graph import Graph
from flows.lock_writing import modify_lock
from flows.lockfile import LOCK, present_stages


def prune(repo: Any, graph: Graph) -> list[str]:
    """Drop from `dvc.lock` and from the disk what belongs to stages that are not in `graph`, the whole graph.

    Parameters
    ----------
    repo
        DVC's repository, open.
    graph
        Its whole graph.

    Returns
    -------
    list of str
        The stages that were dropped.
    """
    root = Path(repo.root_dir)
    with repo.lock:
        known = list(present_stages(root))
        if known == [name for name in graph.upstream if name in known]:
            return []
        gone = [name for name in known if name not in graph.upstream]
        kept_outputs = {out for outs in graph.outputs.values() for out in outs}
        with modify_lock(str(root / LOCK)) as locked:
            stages = locked["stages"]
            for name in gone:
                for out in stages[name].get("outs", []):
                    _remove(root, out["path"], kept_outputs)
                del stages[name]
            _sort(stages, list(graph.upstream))
    return gone


def _remove(root: Path, out: str, kept: set[str]) -> None:
    """Delete an output below `root`, unless it is, holds, or lies in one that is kept."""
    path = (root / out).resolve()
    inside = path != root.resolve() and path.is_relative_to(root.resolve())
    others = [(root / other).resolve() for other in kept]
    if not inside or any(path.is_relative_to(other) or other.is_relative_to(path) for other in others):
        return
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sort(stages: Any, order: list[str]) -> None:
    """Put the entries into the graph's order, whatever order the stages ended in: diffs stay small."""
    for name in order:
        if name in stages:
            stages[name] = stages.pop(name)
