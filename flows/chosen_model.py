"""Which model is meant by one word of the command line: that of a strategy, of MLflow's registry, or of a folder.

What stands there is read by `tasks.train.classifier`, without pickle and without code of its own. Nothing is fetched
from other places than the workspace, the folder that was named, and the workspace's own MLflow.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from flows.leaderboard import read_leaderboard
from flows.lockfile import present_stages
from flows.masking import masked
from flows.terminal import note
from flows.tracking.findings import HASH_TAG
from flows.tracking.pyfunc import PACKED
from flows.tracking.registry import CHAMPION, STRATEGY_TAG
from flows.tracking.store import TrackingAway, connection, store
from tasks.errors import InputError, did_you_mean
from tasks.params import load_params
from tasks.tables import ENSEMBLES, SPLITS, USED_PARTS

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

    from tasks.calibration import Calibration
    from tasks.train.classifier import Classifier

RECOMMENDED = "recommended"
OWN = ("models", ENSEMBLES)  # folders of the workspace that hold models
ADDRESSES = ("models:/", "runs:/")
WITHOUT_MLFLOW = "name a strategy, whose model stands in the workspace, or try again later"
_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "ENDPOINT_NOT_FOUND")


@dataclass(frozen=True)
class Chosen:
    """A model that was named.

    Attributes
    ----------
    title
        What messages call it.
    classifier
        The model and its rule.
    strategy
        Whose model of this workspace it is, if it is one: the workspace has its training images and their features.
    """

    title: str
    classifier: Classifier
    strategy: str | None


def choose_model(root: Path, name: str, here: Path) -> Chosen:
    """The model that a word names.

    Parameters
    ----------
    root
        The workspace.
    name
        ``champion``, ``recommended``, a strategy, an address of MLflow (``models:/...``, ``runs:/...``) or a folder.
    here
        The folder that a relative folder is below.

    Raises
    ------
    InputError
        There is no such model, with what there is; or it doesn't fit what is installed, or, where it was named as the
        workspace's own, not its classes.
    """
    if name == CHAMPION or name.startswith(ADDRESSES):
        chosen = _of_mlflow(root, name)
    elif name == RECOMMENDED or _is_strategy(root, name):
        chosen = _of_strategy(root, _recommended(root) if name == RECOMMENDED else name)
    else:
        chosen = _of_folder(root, name, here)
    is_own = name == CHAMPION or chosen.strategy is not None
    _check_classes(root, chosen, must_fit=is_own)
    return _told(root, chosen) if is_own else chosen


def trained(root: Path) -> list[str]:
    """The strategies, and ensembles, that have a model in the workspace."""
    folders = [folder for kind in OWN for folder in (root / kind).glob("*")]
    return sorted({folder.name for folder in folders if (folder / "model.json").is_file()})


def _is_strategy(root: Path, name: str) -> bool:
    return name in trained(root)


def _recommended(root: Path) -> str:
    board = read_leaderboard(root)
    if board is None:
        raise InputError("no strategy is recommended yet: run `equipoise run`, or name one" + _there_are(root))
    return str(board[RECOMMENDED])


def _of_strategy(root: Path, strategy: str) -> Chosen:
    from tasks.train.classifier import load_classifier
    from tasks.train.models import model_folder, rule_file

    found = load_classifier(model_folder(root, strategy), rule_file(root, strategy))
    return Chosen(strategy, found, strategy)


def _told(root: Path, chosen: Chosen) -> Chosen:
    """With notes that the rule decides otherwise than the parameters want by now, if it does."""
    rule = chosen.classifier.rule
    if rule is None:
        return chosen
    params = load_params(root / "params.yaml")
    if chosen.strategy is None:
        remedy = "so it decides until another model is promoted"
    else:
        remedy = "`equipoise run evaluate` fits it anew"
    notes = []
    if rule.goal != params.compare.goal.about(str(rule.goal.of_class)):
        notes.append(f"its rule decides for {rule.goal.label}, and compare.goal in params.yaml is another one by now")
    if rule.calibration is not None and not _is_for(rule.calibration, params.evaluate.mix, rule.classes):
        notes.append("its probabilities are for other class shares than evaluate.mix in params.yaml states by now")
    told = tuple(f"{note}: {remedy}" for note in notes)
    return replace(chosen, classifier=replace(chosen.classifier, notes=(*chosen.classifier.notes, *told)))


def _is_for(calibration: Calibration, mix: Mapping[str, float], classes: Sequence[str]) -> bool:
    """Whether probabilities are for a mix, by default the shares of the data; a mix of other classes says nothing."""
    if mix and set(mix) != set(classes):
        return True
    wanted = np.array([mix[label] for label in classes]) if mix else calibration.shares
    return bool(np.allclose(wanted / wanted.sum(), calibration.mix))


def _of_folder(root: Path, name: str, here: Path) -> Chosen:
    from tasks.train.classifier import load_classifier

    path = (here / name).absolute()
    folder = _packed_in(path)
    if folder is not None:
        there = folder.resolve()
        if there.parent in [(root / kind).resolve() for kind in OWN]:
            return _of_strategy(root, there.name)
        return Chosen(str(path), load_classifier(folder), None)
    if path.exists():
        raise InputError(
            f"{path} holds no model; the model is named first: "
            f"equipoise predict {RECOMMENDED} {shlex.quote(name)}{_there_are(root)}"
        )
    if "://" in name:
        raise InputError(f"{masked(name)}: models are taken from here and from MLflow only{_there_are(root)}")
    raise InputError(f"there is no model {name!r}{did_you_mean(name, _names(root))}{_there_are(root)}")


def _packed_in(path: Path) -> Path | None:
    """The folder of the model that stands in a folder, as training, `pack` or MLflow writes it."""
    return next((one for one in (path, path / PACKED) if (one / "model.json").is_file()), None)


def _of_mlflow(root: Path, name: str) -> Chosen:
    from tasks.train.classifier import load_classifier

    experiment = load_params(root / "params.yaml").track.experiment
    address = f"models:/{experiment}@{CHAMPION}" if name == CHAMPION else name
    with _mlflow(root, name, experiment) as client, TemporaryDirectory() as scratch:
        version = _version(client, address)
        title = name if version is None else f"{name} ({_described(version)})"
        source = address if version is None else client.get_model_version_download_uri(version.name, version.version)
        folder = _packed_in(_fetched(root, client, source, scratch))
        if folder is None:
            raise InputError(f"{address}: no model of Equipoise stands there{_there_are(root)}")
        classifier = load_classifier(folder)
    return Chosen(title, classifier, None if version is None else _same_strategy(root, version.tags))


def _fetched(root: Path, client: MlflowClient, source: str, folder: str) -> Path:
    """The artifacts of a run, or those that the registry names, brought into a folder."""
    from mlflow.artifacts import download_artifacts

    if run := re.fullmatch(r"runs:/([^/]+)/(.+)", source):
        return Path(client.download_artifacts(run[1], run[2], folder))
    if source.startswith(ADDRESSES):
        raise InputError(
            f"{source}: an address is models:/NAME/VERSION, models:/NAME@ALIAS or runs:/RUN/FOLDER{_there_are(root)}"
        )
    return Path(download_artifacts(artifact_uri=source, dst_path=folder, tracking_uri=store(root)))


@contextmanager
def _mlflow(root: Path, name: str, experiment: str) -> Iterator[MlflowClient]:
    """A client of the workspace's MLflow; what it has not, or that it is away, is told as `InputError`."""
    try:
        with connection(root, WITHOUT_MLFLOW) as client:
            from mlflow.exceptions import MlflowException

            try:
                yield client
            except (MlflowException, OSError) as error:
                if isinstance(error, MlflowException) and error.error_code not in _ABSENT:
                    raise
                why = masked(str(error).splitlines()[0])
                there = _registered(client, experiment)
                raise InputError(f"{name}: MLflow has no such model ({why}){there}{_there_are(root)}") from error
    except TrackingAway as error:
        raise InputError(f"{name}: {error}{_there_are(root)}") from error


def _version(client: MlflowClient, address: str) -> ModelVersion | None:
    """The registered version at an address; None for what is not registered."""
    registered = re.fullmatch(r"models:/([^/@]+)(?:/(\d+)|@(.+))", address)
    if registered is None:
        return None
    name, number, alias = registered.groups()
    return client.get_model_version(name, number) if number else client.get_model_version_by_alias(name, alias)


def _described(version: ModelVersion) -> str:
    return ", ".join(filter(None, (f"version {version.version}", version.tags.get(STRATEGY_TAG))))


def _same_strategy(root: Path, tags: Mapping[str, str]) -> str | None:
    """The strategy whose model in this workspace a registered version is, by DVC's hash."""
    strategy = tags.get(STRATEGY_TAG, "")
    stages = present_stages(root)
    known = [
        stages.get(f"{stage}@{strategy}", {}).get(f"{folder}/{strategy}")
        for stage, folder in zip(("train", "ensemble"), OWN, strict=True)
    ]
    digest = next(filter(None, known), None)
    return strategy if digest is not None and digest == tags.get(HASH_TAG) else None


def _check_classes(root: Path, chosen: Chosen, *, must_fit: bool) -> None:
    """Refuse, or where the model is not the workspace's own tell, classes that are not those of the present data."""
    if not SPLITS.place(root).is_file():
        return
    splits = SPLITS.read(SPLITS.place(root))
    present = set(splits.loc[splits["part"].isin(USED_PARTS), "label"].dropna())
    known = set(chosen.classifier.classes)
    gone, new = sorted(known - present), sorted(present - known)
    if not gone and not new:
        return
    differing = "; ".join(
        f"{words} {', '.join(names)}" for words, names in (("only the model has", gone), ("it lacks", new)) if names
    )
    if must_fit:
        raise InputError(
            f"the model {chosen.title} has other classes than the present data: {differing}. `equipoise run` trains "
            "anew; to use this model all the same, name its folder or its address in MLflow"
        )
    note(f"{chosen.title} has other classes than this workspace's data: {differing}")


def _names(root: Path) -> list[str]:
    return [RECOMMENDED, CHAMPION, *trained(root)]


def _there_are(root: Path) -> str:
    """What can be named, to be put behind a message."""
    return (
        f"\nthere are: {', '.join(trained(root)) or 'no trained strategies yet'}; {RECOMMENDED}, {CHAMPION}, an "
        "address of MLflow (models:/name/3, runs:/...), or a folder that holds a model"
    )


def _registered(client: MlflowClient, name: str) -> str:
    """What the registry has of this workspace's models, to be put behind a message."""
    versions = client.search_model_versions(f"name = '{name}'")
    if not versions:
        return f"; no model is registered as {name} yet"
    return "; registered are: " + ", ".join(
        f"models:/{name}/{number}" for number in sorted(int(one.version) for one in versions)
    )
