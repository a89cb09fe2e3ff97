"""Saved models, read back: by the audit, by `equipoise predict` and by MLflow's pyfunc."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from tasks.depth import FULL
from tasks.errors import DamagedError, InputError
from tasks.features.embedding import packages_of
from tasks.files import read_json
from tasks.pretrain.backbone import Pretrained
from tasks.registry import components
from tasks.train.ensembles import EnsembleModel
from tasks.train.families import Family
from tasks.train.models import ABOUT, SEEDS, Model
from tasks.train.packing import MEMBERS

if TYPE_CHECKING:
    from tasks.features.backbones import Backbone

PRETRAINED = Pretrained.model_fields["name"].default
PACKAGES = (
    "joblib",
    "numpy",
    "opencv-python-headless",
    "pandas",
    "pillow",
    "pydantic",
    "simplejpeg",
)  # what any model needs


def load_model(folder: Path) -> Model | EnsembleModel:
    """Load what `save_model` wrote.

    Raises
    ------
    InputError
        There is no model in `folder`, or one that an earlier version saved, or a damaged one.
    """
    if not (folder / ABOUT).is_file():
        raise InputError(f"{folder}: no model here ({ABOUT} is missing); `equipoise run train` makes it")
    try:
        return _loaded(folder)
    except Exception as error:  # every format of a family has errors of its own
        if isinstance(error, InputError) and not isinstance(error, DamagedError):
            raise
        why = error.__cause__ or error
        what = f"{type(why).__name__}: {why}".splitlines()[0]
        raise InputError(
            f"{folder}: the model is damaged ({what}); `equipoise run --force train` makes it anew"
        ) from error


def load_single(folder: Path) -> Model:
    """As `load_model`, where there is known to be no ensemble."""
    model = load_model(folder)
    if not isinstance(model, Model):
        raise InputError(
            f"{folder}: holds an ensemble, where one model is expected; `equipoise run train` makes it anew"
        )
    return model


def _loaded(folder: Path) -> Model | EnsembleModel:
    facts = read_json(folder / ABOUT)
    if MEMBERS in facts:
        weights = facts["weights"] and tuple(facts["weights"])
        return EnsembleModel({name: load_model(folder / name) for name in facts[MEMBERS]}, facts["of"], weights)
    if "fold" not in facts or not (folder / SEEDS).is_dir():
        raise InputError(
            f"{folder}: a model of an earlier version, which can't be read; `equipoise run --force train` makes it anew"
        )
    family, backbone = _family_and_backbone(facts, folder)
    prior: NDArray[np.float64] = np.array(facts["prior"])
    return Model(
        facts["classes"],
        family,
        _made("tasks.train.posthoc", facts["posthoc"]),
        tuple(family.load(folder / SEEDS / str(seed), prior, facts["fold"]) for seed in range(facts["seeds"])),
        facts["fold"],
        backbone,
        facts.get("depth", FULL),  # what models saw before they kept it
        facts.get("vote"),  # before there were votes, none
    )


def packages_of_model(folder: Path) -> tuple[str, ...]:
    """Distributions that a model needs to predict, beside Equipoise itself, in the order of their names.

    Parameters
    ----------
    folder
        Where `save_model` wrote it.
    """
    facts = read_json(folder / ABOUT)
    if MEMBERS in facts:
        return tuple(sorted({name for member in facts[MEMBERS] for name in packages_of_model(folder / member)}))
    family, backbone = _family_and_backbone(facts, folder)
    return tuple(sorted({*PACKAGES, *family.needed(), *(packages_of(backbone) if backbone else ())}))


def family_of_model(folder: Path) -> Family:
    """The family of the model that `save_model` wrote into a folder, with its settings; nothing else is read."""
    family: Family = _made("tasks.train.families", read_json(folder / ABOUT)["family"])
    return family


def _family_and_backbone(facts: dict[str, Any], folder: Path) -> tuple[Family, Backbone | None]:
    """The components that the facts of a model describe that was saved in a folder."""
    family, described = _made("tasks.train.families", facts["family"]), facts["backbone"]
    if described and described["name"] == PRETRAINED:
        found = Pretrained.model_validate({**described, "folder": str(folder)})
        found.weights()  # which looks whether they are whole
        return family, found
    if not described:
        return family, None
    known: Backbone = _made("tasks.features.backbones", described)
    return family, known.kept_in(folder)


def _made(package: str, described: dict[str, Any]) -> Any:
    known = components(package)
    try:
        return known[described["name"]].model_validate(described)
    except (KeyError, ValidationError):
        kind = package.rpartition(".")[2]
        raise InputError(
            f"the model was made with {described} of {kind}, which this installation doesn't know; known are: "
            f"{', '.join(known)}. Install the package that has it, or the version of Equipoise that trained the model"
        ) from None
