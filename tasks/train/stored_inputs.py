"""The inputs of a strategy in its workspace: features that stages stored, and the files of images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.depth import depth_of
from tasks.features import ABOUT, require_alike
from tasks.files import read_json
from tasks.inputs import FeatureFolders, Inputs, StoredSource
from tasks.pretrain.backbone import BACKBONES, read_backbone
from tasks.tables import CATALOG
from tasks.workspace import STATE, Workspace

if TYPE_CHECKING:
    import pandas as pd

    from tasks.features.backbones import Backbone
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
    source = StoredSource(features, files, workspace.path(STATE, "decoded", recipe), depth_of(catalog))
    return Inputs([], source, workspace.path(*BACKBONES))


def backbone_of(workspace: Workspace, strategy: Strategy) -> Backbone | None:
    """How a strategy's features are made, of its section of `params.yaml`; None for a family on images."""
    name, params = strategy.family.backbone, workspace.params
    if strategy.family.inputs != "features":
        return None
    return read_backbone(workspace.path(*BACKBONES, name)) if name in params.pretrain else params.backbones[name]


def check_features(workspace: Workspace, strategy: Strategy) -> None:
    """Refuse new images that were embedded otherwise than the originals (`InputError`)."""
    backbone, recipe = strategy.family.backbone, strategy.recipe
    if strategy.family.inputs != "features":
        return
    new = read_json(workspace.path("data", "features_new", recipe, backbone, ABOUT))
    require_alike(workspace.path("data", "features", backbone), new, f"data/features_new/{recipe}/{backbone} was")


def features_made(workspace: Workspace, strategy: Strategy) -> dict[str, Any] | None:
    """How the features that a strategy learns from were made, for its model to keep; None for a family on images."""
    if strategy.family.inputs != "features":
        return None
    found: dict[str, Any] = read_json(workspace.path("data", "features", strategy.family.backbone, ABOUT))
    return found
