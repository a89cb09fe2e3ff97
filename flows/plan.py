"""What a run will do: the checked parameters, the graph, and what in it is stale. Nothing here needs Prefect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from flows.dataset.place import finish_interrupted
from flows.dvc_locks import release_dead_locks
from flows.graph import Graph, graph_of, stale_stages
from flows.graph_file import follow_code
from flows.layout import require_present_layout
from flows.packages import STAGE_OF, require_packages
from flows.prune import prune
from flows.repository import open_repo
from flows.stand_ins import write_stand_ins
from tasks.errors import InputError
from tasks.files import read_json
from tasks.model_folders.pinned import PinnedFolder
from tasks.model_folders.trying import refusal
from tasks.params import Params, load_params
from tasks.params.checks import NamedModel, model_folders, pinned_folders

AnyFolder = TypeVar("AnyFolder", bound=PinnedFolder)


@dataclass(frozen=True)
class Plan:
    """A run that could start now.

    Attributes
    ----------
    params
        The checked parameters.
    graph
        The stages that the run is about.
    stale
        Why a stage must run, for each that must whatever the others do.
    forced
        Stages that run even if nothing changed.
    pruned
        Stages that were dropped because they are gone from `dvc.yaml` and `params.yaml`.
    """

    params: Params
    graph: Graph
    stale: dict[str, list[str]]
    forced: frozenset[str]
    pruned: list[str]

    @property
    def may_run(self) -> list[str]:
        """Stages that run if what they wait for turns out different."""
        return [name for name in self.graph.downstream(self.stale) if name not in self.stale]

    @property
    def costs(self) -> list[str]:
        """What takes so long that one wants to know before it begins, a sentence each."""
        folds, stages = self.params.split.folds, {*self.stale, *self.may_run}
        known = {f"synthesize@{name}": one.cost(folds) for name, one in self.params.generators.items()}
        return [f"{stage}: {cost}" for stage, cost in known.items() if cost and stage in stages]


def make_plan(root: Path, targets: Iterable[str] = (), *, force: bool = False, tidy: bool = True) -> Plan:
    """Check everything that can be checked beforehand and say what a run would do.

    Stand-ins of code are brought up to date for it, always: DVC knows of a change in that code by them only.

    Parameters
    ----------
    root
        The project's folder.
    targets
        Stages to bring up to date, with all that they need; empty for the whole graph.
    force
        Count the targets (all stages if there are none) as stale.
    tidy
        Mend what a killed run left and prune what belongs to removed stages; only while holding the workspace.

    Raises
    ------
    InputError
        The parameters are wrong or name a class that there isn't, a package is missing, a model has other files than
        they say or can't do what they say, there are no images, DVC can't read the project, its layout is an earlier
        one, or a `dvc.yaml` that follows the installed code was edited.
    """
    follow_code(root)
    require_present_layout(root)
    params = load_params(root / "params.yaml")
    _require_written(params)
    _require_pinned(root, params)
    write_stand_ins(root, params)
    targets, pruned = list(targets), list[str]()
    if tidy:
        release_dead_locks(root)
        finish_interrupted(root)
    with open_repo(root) as repo:
        whole = graph_of(repo)
        _check_data(root, whole)
        graph = whole.restrict(targets) if targets else whole  # refuses unknown names before anything is pruned
        if tidy:
            pruned = prune(repo, whole)
        stale = stale_stages(repo, whole)
    _require_classes(root, params, {*stale, *whole.downstream(stale)})
    if targets:
        stale = {name: why for name, why in stale.items() if name in graph.upstream}
    forced = frozenset(
        name for name in graph.upstream if force and (not targets or {name, name.split("@")[0]} & set(targets))
    )
    stale |= {name: stale.get(name, ["forced"]) for name in forced}
    running = {*stale, *graph.downstream(stale)}
    require_packages(params, running)
    _require_fit(root, params, running)
    return Plan(params, graph, stale, forced, pruned)


def _require_written(params: Params) -> None:
    """Refuse a strategy without a key that has a default, but that `dvc.yaml` refers to: DVC would name that only."""
    for name, one in params.strategies.items():
        if "backbone" not in one.family.model_fields_set:
            raise InputError(
                f"params.yaml: strategies.{name}.family.backbone: missing, and dvc.yaml refers to it; add backbone: "
                f"{one.family.backbone}"
            )


def _require_pinned(root: Path, params: Params) -> None:
    """Refuse a folder of the user's that has other files than the parameters say: DVC looks at parameters only.

    One that isn't there is no mistake here: what was made with it may be up to date.
    """
    pinned = pinned_folders(params.backbones, params.strategies, params.pretrain, params.generators)
    for loc, one in pinned:
        here = _seen_from(root, one)
        if here.folder and Path(here.folder).is_dir() and (found := here.unpinned()):
            key = ".".join(loc)
            raise InputError(
                f"params.yaml: {key}: {one.mismatch}; if they are those that you want, "
                f"run `equipoise run --set {key}.digest={found}`"
            )


def _require_fit(root: Path, params: Params, stages: Set[str]) -> None:
    """Refuse to run stages, by address, whose model can't look at images of the size, or has too few stages."""
    for one in _models(params):
        section, name, *_ = one.loc
        if f"{STAGE_OF[section]}@{name}" not in stages:
            continue
        if why := refusal(_seen_from(root, one.model), one.image_size, one.frozen):
            raise InputError(f"params.yaml: {section}.{name}: {why}")


def _models(params: Params) -> Iterator[NamedModel]:
    return model_folders(params.backbones, params.strategies, params.pretrain)


def _seen_from(root: Path, one: AnyFolder) -> AnyFolder:
    """One whose folder is found from anywhere."""
    return one.model_copy(update={"folder": str(root / one.folder)}) if one.folder else one


def _require_classes(root: Path, params: Params, changing: Set[str]) -> None:
    """Refuse a class that there isn't where the split stays as it is; else stage `split` itself does."""
    summary = root / "data" / "splits" / "summary.json"
    if "split" not in changing and summary.is_file():
        params.require(sorted({label for counts in read_json(summary)["counts"].values() for label in counts}))


def _check_data(root: Path, graph: Graph) -> None:
    """Outside sources of the graph must be there; DVC's own message would name a path only."""
    raw = root / "data" / "raw"
    if "ingest" not in graph.upstream or raw.exists():
        return
    if (root / "data" / "raw.dvc").exists():
        raise InputError("data/raw is versioned but not here: bring it with `dvc pull` or `dvc checkout data/raw.dvc`")
    raise InputError(
        "there are no images yet: `equipoise add PATH` takes your own (class folders or a table), "
        "`equipoise sample` fetches photos of solar cells to try with"
    )
