"""DVC's graph: which stages there are, what each waits for, and which are stale and why.

`dvc.yaml` is the only place where the order of stages is written; this module reads it through DVC itself and knows
nothing of images, so the runner can run any DVC project.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.repository import open_repo
from tasks.errors import InputError


@dataclass(frozen=True)
class Graph:
    """The stages of a project.

    Attributes
    ----------
    upstream
        For each stage, by address (``train@focal``, ``data/raw.dvc``), the stages that it directly waits for; the
        keys are in a topological order that follows `dvc.yaml`.
    outputs
        For each stage, the paths it makes, relative to the project's root.
    """

    upstream: dict[str, tuple[str, ...]]
    outputs: dict[str, tuple[str, ...]]

    def restrict(self, targets: Iterable[str]) -> Graph:
        """The part of the graph that `targets` need, themselves included.

        A target is an address, or the name of a group of stages (``train`` for every ``train@...``).

        Raises
        ------
        InputError
            A target is no stage; the message lists those there are.
        """
        wanted: set[str] = set()
        for target in targets:
            found = [name for name in self.upstream if name == target or name.split("@")[0] == target]
            if not found:
                known = ", ".join(dict.fromkeys(name.split("@")[0] for name in self.upstream))
                raise InputError(f"there is no stage {target!r}; there are {known}")
            wanted.update(found)
        for name in reversed(self.upstream):
            if name in wanted:
                wanted.update(self.upstream[name])
        keep = [name for name in self.upstream if name in wanted]
        return Graph({name: self.upstream[name] for name in keep}, {name: self.outputs[name] for name in keep})

    def downstream(self, names: Iterable[str]) -> list[str]:
        """Every stage that directly or indirectly waits for one of `names`, in topological order."""
        reached = set(names)
        found = []
        for name, waits_for in self.upstream.items():
            if reached.intersection(waits_for):
                reached.add(name)
                found.append(name)
        return found


def read_graph(root: Path) -> Graph:
    """The graph of the project at `root`."""
    with open_repo(root) as repo:
        return graph_of(repo)


def stale_stages(repo: Any, graph: Graph) -> dict[str, list[str]]:
    """For each stage that is itself stale the reasons, asked of DVC in one call.

    A stage below a stale one is not listed: whether it changes is known when the upper one has run.
    """
    status = repo.status()
    stale = {_address(stage): status[stage.addressing] for stage in repo.index.stages if stage.addressing in status}
    known = {_address(stage) for stage in repo.index.stages if any(out.hash_info for out in stage.outs)}
    return {name: list(_reasons(stale[name], name in known)) for name in graph.upstream if name in stale}


def graph_of(repo: Any) -> Graph:
    """The graph of an open repository."""
    import networkx as nx

    dvc_graph = repo.index.graph
    stages = list(repo.index.stages)
    position = {_address(stage): number for number, stage in enumerate(stages)}
    order = nx.lexicographical_topological_sort(dvc_graph.reverse(), key=lambda stage: position[_address(stage)])
    upstream, outputs = {}, {}
    for stage in order:
        waits_for = sorted(map(_address, dvc_graph.successors(stage)), key=position.__getitem__)
        upstream[_address(stage)] = tuple(waits_for)
        outputs[_address(stage)] = tuple(sorted(out.def_path for out in stage.outs))
    return Graph(upstream, outputs)


def _address(stage: Any) -> str:
    """What DVC calls a stage when asked in the project's root, whatever the current folder is."""
    file = Path(stage.path).relative_to(stage.repo.root_dir).as_posix()
    name = getattr(stage, "name", None)
    if name is None:
        return file
    return str(name) if file == "dvc.yaml" else f"{file}:{name}"


def _reasons(entries: list[Any], is_known: bool) -> Iterator[str]:
    """DVC's status of one stage, whose entry in the lock file may be known, as short phrases."""
    if not is_known:  # DVC would name all that it depends on
        yield "has not run yet"
        return
    for entry in entries:
        if isinstance(entry, str):
            yield entry
            continue
        for kind, changes in entry.items():
            for path, change in changes.items():
                if isinstance(change, dict):
                    yield from (f"{key} {what}" for key, what in change.items())
                elif kind == "changed outs" and change in ("deleted", "not in cache"):
                    yield f"{path} is {'missing' if change == 'deleted' else change}"
                else:
                    yield f"{path} {change}"
