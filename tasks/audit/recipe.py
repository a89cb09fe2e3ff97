"""The audit of one recipe that makes new images: changed versions, predictions before and after, and the probe."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tasks.audit.effect import CONFIDENCE, Effect, effect, minorities
from tasks.audit.probe import probe_class, probed_rows
from tasks.audit.sheet import write_sheet
from tasks.audit.traces import measure_traces
from tasks.audit.untrained import models_for, untrained_images
from tasks.balance.derive import Copy, Made, Order, Parent
from tasks.balance.make import make
from tasks.errors import InputError
from tasks.features import Features
from tasks.features.embedding import about
from tasks.features.stored import embed_stored
from tasks.files import read_json
from tasks.fingerprints import file_hash
from tasks.rows import Rows
from tasks.shortcuts import FEWEST_GROUPS, NOT_AUDITED, SHORTCUT, judge, without_effect
from tasks.tables import CATALOG, SPLITS
from tasks.train.models import Model
from tasks.workspace import STATE, Workspace

if TYPE_CHECKING:
    from tasks.params.models import Audit


def audit_recipe(
    workspace: Workspace, name: str, balanced: pd.DataFrame, strategies: Sequence[str], folder: Path
) -> dict[str, Any]:
    """Audit the recipe `name`; write a contact sheet into `folder` and return the record.

    Parameters
    ----------
    workspace
        Where everything stands.
    name
        The recipe's.
    balanced
        Its set, table `BALANCED`, which has new images.
    strategies
        Those that train on it.
    folder
        Where to write.
    """
    catalog = CATALOG.read(workspace.path("data", "catalog", "catalog.parquet")).set_index("image_id")
    splits = SPLITS.read(workspace.path("data", "splits", "splits.parquet"))
    kept = read_json(workspace.path("data", "splits", "summary.json"))["audit"]
    first = splits[splits["repeat"] == splits["repeat"].min()]
    images = untrained_images(first, kept).join(catalog[["path", "sha256"]], on="image_id")
    features = Features.load(workspace.path("data", "features"))
    obstacle = why_not(balanced, images, kept, strategies)
    if obstacle:
        found = without_effect(strategies, NOT_AUDITED, obstacle)
    else:
        _check_features(workspace)
        scratch = workspace.path(STATE, "scratch", f"audit-{name}")
        shutil.rmtree(scratch, ignore_errors=True)
        try:
            found = _measure(workspace, name, balanced, strategies, images, features, scratch, folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return found | {
        "probe": _probe(
            workspace, name, balanced, catalog, features, dict(zip(first["image_id"], first["group"], strict=True))
        ),
        "notes": notes(balanced),
    }


def why_not(
    balanced: pd.DataFrame, images: pd.DataFrame, kept: dict[str, Any], strategies: Sequence[str]
) -> str | None:
    """Why the effect on predictions can't be measured, if so."""
    if not (balanced["origin"] == "augmented").any():
        return "its new images are not made by transforms of one image, which alone can be applied to other images"
    if not strategies:
        return "no strategy trains on it"
    if not kept["wanted"]:
        return "split.audit_images is 0"
    groups = images["group"].nunique()
    if groups < FEWEST_GROUPS:
        return (
            f"too few images of {kept['label']}, {len(images):,} in {groups} groups of relatives, where "
            f"{FEWEST_GROUPS} are needed"
        )
    return None


def notes(balanced: pd.DataFrame) -> list[str]:
    """What of a recipe no audit looks at."""
    origins = set(balanced["origin"])
    said = {
        "mixed": "Mixed images are not audited, only the recipe's transforms.",
        "synthetic": "Synthetic images can't be audited: no generator makes them from a given image.",
    }
    return [sentence for origin, sentence in said.items() if origin in origins]


def _measure(
    workspace: Workspace,
    name: str,
    balanced: pd.DataFrame,
    strategies: Sequence[str],
    images: pd.DataFrame,
    features: Features,
    scratch: Path,
    folder: Path,
) -> dict[str, Any]:
    """The effect on each strategy."""
    params = workspace.params
    made = _changed_versions(workspace, name, images, scratch)
    vectors = embed_stored(workspace, [image.sha256 for image in made], [image.file for image in made])
    untouched = features.take(images["image_id"].tolist())
    groups = np.unique(images["group"].to_numpy(str), return_inverse=True)[1]
    audited = str(images["label"].iloc[0])
    minority: list[str] = []
    effects: dict[str, Effect] = {}
    changed = vectors.reshape(len(images), params.audit.copies, -1)
    for strategy in strategies:
        before, after = np.empty(len(images)), np.empty((len(images), params.audit.copies))
        for rows, model in models_for(workspace.path("models", strategy), images):
            minority = minorities(balanced, model.classes, audited)
            before[rows] = taken_for(model, untouched[rows], minority).mean(axis=0)
            for copy in range(params.audit.copies):
                after[rows, copy] = taken_for(model, changed[rows, copy], minority).mean(axis=0)
        effects[strategy] = effect(before, after.mean(axis=1), groups)
    write_sheet(images, made, effects, workspace.path("data", "raw"), folder / "audited.png")
    records = {
        strategy: _record(one, audited, minority, len(images), params.audit) for strategy, one in effects.items()
    }
    return {
        "outcome": SHORTCUT if any(one["outcome"] == SHORTCUT for one in records.values()) else "audited",
        "class": audited,
        "images": len(images),
        "groups": int(groups.max()) + 1,
        "out_of_fold": bool(images["fold"].notna().any()),
        "copies": params.audit.copies,
        "limit": params.audit.limit,
        "confidence": CONFIDENCE,
        "minority": minority,
        "strategies": records,
    }


def taken_for(model: Model, features: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Whether each fit takes an image for one of `classes`, shape (seeds, n), 0 or 1."""
    among = np.isin(model.classes, classes)
    taken: np.ndarray = among[model.predict_each(features).argmax(axis=2)].astype(np.float64)
    return taken


def _record(found: Effect, audited: str, minority: Sequence[str], images: int, settings: Audit) -> dict[str, Any]:
    outcome = judge(found.difference, settings.limit)
    return {
        "outcome": outcome,
        "reason": reason(outcome, found, audited, minority, images, settings.limit),
        "untouched": found.untouched.as_json(),
        "changed": found.changed.as_json(),
        "difference": found.difference.as_json(),
    }


def reason(outcome: str, found: Effect, audited: str, minority: Sequence[str], images: int, limit: float) -> str:
    """What was measured, as a sentence."""
    it, share = found.difference, minority[0] if len(minority) == 1 else "a minority"
    return (
        f"{outcome}: {images:,} unseen images of {audited} are taken for {share} in {found.untouched.value:.1%} of "
        f"cases, and in {found.changed.value:.1%} once changed as the recipe does: {it.value:+.3f} "
        f"({CONFIDENCE:.0%} interval {it.low:+.3f} to {it.high:+.3f}, limit {limit:g})"
    )


def _changed_versions(workspace: Workspace, name: str, images: pd.DataFrame, scratch: Path) -> list[Made]:
    """The images as the recipe changes them, `audit.copies` of each, one image after the other."""
    params = workspace.params
    numbers = range(1, params.audit.copies + 1)
    orders = [
        Order(
            Parent(workspace.path("data", "raw") / row.path, row.sha256),
            tuple(Copy(number, scratch / f"{row.image_id}-{number}") for number in numbers),
        )
        for row in images.itertuples()
    ]
    specification = params.recipes[name].part("transforms").specification()
    return list(make(orders, specification, params.balance.seed, workspace.workers))


def _check_features(workspace: Workspace) -> None:
    """Refuse feature vectors that were made otherwise than those that the audit makes, which would look like traces.

    Raises
    ------
    InputError
        What differs, and what to do.
    """
    there = read_json(workspace.path("data", "features", "features.json"))
    here = about(workspace.params.embed)
    differing = sorted(key for key in there | here if there.get(key) != here.get(key))
    if differing:
        raise InputError(
            f"data/features was made otherwise than feature vectors are made now ({', '.join(differing)}); "
            "run `equipoise run --force embed embed_new`"
        )


def _probe(
    workspace: Workspace,
    name: str,
    balanced: pd.DataFrame,
    catalog: pd.DataFrame,
    features: Features,
    groups: dict[str, str],
) -> dict[str, Any]:
    """The probe of each class with enough new images."""
    rows = probed_rows(balanced, groups)
    if rows.empty:
        return {}
    recipe, raw = workspace.path("data", "balanced", name), workspace.path("data", "raw")
    paths = [recipe / row.file if row.is_new else raw / catalog.loc[row.parent, "path"] for row in rows.itertuples()]
    keys = [
        file_hash(path) if row.is_new else catalog.loc[row.parent, "sha256"]
        for path, row in zip(paths, rows.itertuples(), strict=True)
    ]
    store = Rows.of(
        workspace,
        "traces",
        code=["tasks.audit.traces"],
        packages=["numpy", "opencv-python-headless", "pillow", "simplejpeg"],
    )
    traces = measure_traces(paths, keys, store, workspace.workers)
    vectors = np.empty((len(rows), features.values.shape[1]), np.float32)
    is_new = rows["is_new"].to_numpy(dtype=bool)
    vectors[~is_new] = features.take(rows.loc[~is_new, "parent"].tolist())
    new = Features.load(workspace.path("data", "features_new", name))
    vectors[is_new] = new.take(rows.loc[is_new, "row_id"].tolist())
    return {str(label): probe_class(own, vectors[own.index], traces[own.index]) for label, own in rows.groupby("label")}
