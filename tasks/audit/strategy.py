"""The audit of one strategy whose recipe makes new images: its predictions before and after, and the probe."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.audit.effect import effect, minorities
from tasks.audit.images import audited_images, changed_inputs, changed_versions
from tasks.audit.probing import probe_recipe
from tasks.audit.sheet import write_sheet
from tasks.audit.wording import notes, reason, why_not
from tasks.inputs import Inputs
from tasks.shortcuts import NOT_AUDITED, judge, without_effect
from tasks.statistics.interval import CONFIDENCE
from tasks.tables import CATALOG, SPLITS, first_repeat
from tasks.train.loading import load_single
from tasks.train.models import Model, fold_folder
from tasks.train.stored_inputs import inputs_of
from tasks.workspace import STATE, Workspace


def audit_strategy(workspace: Workspace, name: str, balanced: pd.DataFrame, folder: Path) -> dict[str, Any]:
    """Audit the strategy `name`; write a contact sheet into `folder` and return the record.

    Parameters
    ----------
    workspace
        Where everything stands.
    name
        The strategy's.
    balanced
        Table `BALANCED` of its recipe, which has new images.
    folder
        Where to write.
    """
    catalog = workspace.read(CATALOG)
    splits = workspace.read(SPLITS)
    first = first_repeat(splits)
    images = audited_images(first, catalog, workspace.params.audit.images)
    obstacle = why_not(balanced, images)
    if obstacle:
        found = without_effect(NOT_AUDITED, obstacle)
    else:
        scratch = workspace.path(STATE, "scratch", f"audit-{name}")
        shutil.rmtree(scratch, ignore_errors=True)
        try:
            found = _measure(workspace, name, balanced, images, scratch, folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    groups = dict(zip(first["image_id"], first["group"], strict=True))
    return found | {"probe": probe_recipe(workspace, name, balanced, catalog, groups), "notes": notes(balanced)}


def _measure(
    workspace: Workspace, name: str, balanced: pd.DataFrame, images: pd.DataFrame, scratch: Path, folder: Path
) -> dict[str, Any]:
    """The effect on the strategy's predictions."""
    params = workspace.params
    strategy, copies = params.strategies[name], params.audit.copies
    preset = params.recipes[strategy.recipe].preset
    made = changed_versions(workspace, strategy.recipe, preset, images, copies, scratch)
    folds = sorted(images["fold"].astype(int).unique().tolist())
    models = {fold: load_single(fold_folder(workspace.path("models", name), fold)) for fold in folds}
    untouched, changed = inputs_of(workspace, strategy, balanced), changed_inputs(workspace, made, models)
    audited = str(images["label"].iloc[0])
    minority: list[str] = []
    before, after = np.empty(len(images)), np.empty((len(images), copies))
    for fold, model in models.items():
        minority = minorities(balanced, model.classes, audited)
        rows = np.flatnonzero(images["fold"] == fold)
        before[rows] = taken_for(model, untouched.take(images.loc[rows, "image_id"].tolist()), minority).mean(axis=0)
        own = [made[row * copies + copy].file.name for row in rows for copy in range(copies)]
        after[rows] = taken_for(model, changed.take(own), minority).mean(axis=0).reshape(-1, copies)
    groups = np.unique(images["group"].to_numpy(str), return_inverse=True)[1]
    found = effect(before, after.mean(axis=1), groups)
    write_sheet(images, made, name, found, workspace.path("data", "raw"), folder / "audited.png")
    limit = params.audit.limit
    outcome = judge(found.difference, limit)
    return {
        "outcome": outcome,
        "reason": reason(outcome, found, audited, minority, len(images), limit),
        "untouched": found.untouched.as_json(),
        "changed": found.changed.as_json(),
        "difference": found.difference.as_json(),
        "class": audited,
        "images": len(images),
        "groups": int(groups.max()) + 1,
        "copies": copies,
        "limit": limit,
        "confidence": CONFIDENCE,
        "minority": minority,
    }


def taken_for(model: Model, inputs: Inputs, classes: Sequence[str]) -> NDArray[np.float64]:
    """Whether each fit takes an image for one of `classes`, shape (seeds, n), 0 or 1."""
    among = np.isin(model.classes, classes)
    taken: NDArray[np.float64] = among[model.predict_each(inputs).decisions].astype(np.float64)
    return taken
