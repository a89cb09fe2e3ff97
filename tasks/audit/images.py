"""The images that are audited, untouched and changed, and what a model sees of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from tasks.balance.derive import Copy, Made, Order, Parent
from tasks.balance.known import known_images
from tasks.balance.make import make_once
from tasks.balance.presets import Preset
from tasks.features import Features, place_of, require_alike
from tasks.features.backbones import Backbone
from tasks.features.embedding import about
from tasks.features.stored import embed_stored
from tasks.inputs import Inputs, StoredSource
from tasks.train.models import Model
from tasks.workspace import Workspace

STORE = "audited-"  # and the recipe's name: the row store of the changed versions, which its strategies share


def audited_images(splits: pd.DataFrame, catalog: pd.DataFrame, most: int) -> pd.DataFrame:
    """Choose the images: training images of the largest class, the first by id, which is a hash of content.

    Parameters
    ----------
    splits
        Table `SPLITS`, one repeat.
    catalog
        Table `CATALOG`.
    most
        How many at most.

    Returns
    -------
    pandas.DataFrame
        `image_id`, `label`, `group`, `fold`, `path`, `sha256` and `depth`, in order of `image_id`.
    """
    training = splits[splits["part"] == "train"]
    label = training["label"].value_counts(sort=False).sort_index().idxmax()
    chosen = training[training["label"] == label].sort_values("image_id").head(most)
    files = catalog.set_index("image_id")[["path", "sha256", "depth"]]
    return chosen[["image_id", "label", "group", "fold"]].join(files, on="image_id").reset_index(drop=True)


def changed_versions(
    workspace: Workspace, recipe: str, preset: Preset, images: pd.DataFrame, copies: int, folder: Path
) -> list[Made]:
    """The images as a recipe changes them, `copies` of each, one image after the other, written into `folder`."""
    orders = [
        Order(
            Parent(workspace.path("data", "raw") / row.path, row.sha256, row.depth),
            tuple(Copy(number, folder / f"{row.image_id}-{number}") for number in range(1, copies + 1)),
        )
        for row in images.itertuples()
    ]
    folder.mkdir(parents=True, exist_ok=True)
    known = known_images(workspace, STORE + recipe, preset, int(images["depth"].max()))
    return make_once(orders, preset.specification(), workspace.params.balance.seed, workspace.workers, known)


def changed_inputs(workspace: Workspace, made: Sequence[Made], models: Mapping[int, Model]) -> Inputs:
    """The changed images as the models of each fold see them; ids are file names.

    All are embedded at once, and once only where the folds' models have one backbone.

    Raises
    ------
    InputError
        The feature vectors that the models know were made otherwise than is done here, which would look like traces.
    """
    files = {one.file.name: one.file for one in made}
    hashes = [one.sha256 for one in made]
    [depth] = {model.depth for model in models.values()}  # folds of one strategy
    embedded: list[tuple[Backbone, Features]] = []
    features: dict[tuple[str, int | None], list[Features]] = {}
    for fold, model in models.items():
        if model.backbone is None:
            continue
        known = [vectors for backbone, vectors in embedded if backbone == model.backbone]
        if not known:
            there = place_of(workspace.path("data", "features", model.family.backbone), fold)
            require_alike(there, about(model.backbone), "feature vectors are now")
            values = embed_stored(workspace, model.backbone, hashes, list(files.values()), depth)
            vectors = Features(list(files), values)
            embedded.append((model.backbone, vectors))
            known = [vectors]
        features[model.family.backbone, fold] = known
    return Inputs([], StoredSource(features, files, depth=depth))
