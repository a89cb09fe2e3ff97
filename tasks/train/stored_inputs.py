"""The inputs of a strategy in its workspace: features that stages stored, and the files of images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import InputError
from tasks.features import differing_facts
from tasks.files import read_json
from tasks.inputs import FeatureFolders, Inputs, StoredSource
from tasks.tables import CATALOG
from tasks.workspace import STATE, Workspace

if TYPE_CHECKING:
    import pandas as pd

    from tasks.params.models import Strategy


def inputs_of(workspace: Workspace, strategy: Strategy, balanced: pd.DataFrame) -> Inputs:
    """Everything that a strategy may see, by `image_id` and, for new images of its recipe, by `row_id`.

    Parameters
    ----------
    workspace
        Where everything stands.
    strategy
        Its family says whether features or images are asked for.
    balanced
        Table `BALANCED` of its recipe.
    """
    recipe = strategy.recipe
    features = FeatureFolders((workspace.path("data", "features"), workspace.path("data", "features_new", recipe)))
    if strategy.family.inputs == "features":
        return Inputs([], StoredSource(features))
    files: dict[str, Path] = {}
    catalog = workspace.read(CATALOG)
    for image_id, path in zip(catalog["image_id"], catalog["path"], strict=True):
        files[image_id] = workspace.path("data", "raw") / path
    new = balanced[balanced["file"].notna()]
    for row_id, file in zip(new["row_id"], new["file"], strict=True):
        files[row_id] = workspace.path("data", "balanced", recipe) / file
    return Inputs([], StoredSource(features, files, workspace.path(STATE, "decoded", recipe)))


def check_features(workspace: Workspace, strategy: Strategy) -> None:
    """Refuse new images that were embedded otherwise than the originals: a classifier could tell them by that alone.

    Raises
    ------
    InputError
        What differs, and what to run.
    """
    backbone, recipe = strategy.family.backbone, strategy.recipe
    if strategy.family.inputs != "features":
        return
    made = read_json(workspace.path("data", "features", backbone, "features.json"))
    new = read_json(workspace.path("data", "features_new", recipe, backbone, "features.json"))
    if differing := differing_facts(made, new):
        ours, theirs = (", ".join(f"{key}: {facts.get(key, 'none')}" for key in differing) for facts in (made, new))
        raise InputError(
            f"data/features_new/{recipe}/{backbone} was made with {theirs}, but data/features/{backbone} with {ours}; "
            "run `equipoise run --force embed embed_new`"
        )
