"""The plan of a balanced set: which rows it has and what each descends from, before a pixel is touched.

A recipe's components act in a fixed order: resample the originals, augment what is left, mix. Each gives an account of
what it was asked for and what it reached.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.balance.accounts import Account
from tasks.balance.augment import Augment
from tasks.balance.mixed import MixedImages
from tasks.balance.originals import Originals
from tasks.balance.partners import candidate_codes, choose_partner
from tasks.balance.presets import Preset
from tasks.balance.resample import Resample
from tasks.balance.spread import spread_by_class
from tasks.errors import InputError
from tasks.lineage import TrainingSet
from tasks.tables import BALANCED

MOST_ROWS = 5_000_000


@dataclass(frozen=True)
class Plan:
    """What will be made.

    Attributes
    ----------
    rows
        Table `BALANCED` without `file`s; a further column `copy_number` (from 1 for exact copies and for new images, 0
        for originals). Originals come first, then copies, augmented and mixed images.
    accounts
        What each component was asked for and reached, in their order; those named `none` are left out.
    """

    rows: pd.DataFrame
    accounts: list[Account]


def plan(
    training: TrainingSet,
    resample: Resample,
    augment: Augment,
    preset: Preset,
    mixed_images: MixedImages,
    seed: int,
    features: NDArray[np.float32] | None = None,
) -> Plan:
    """The rows of a balanced set.

    Where not all images of a class get the same, chance decides by content: by the hash of the seed and the image's own
    hash, after the copy number. So a larger target adds rows and changes none, a new image changes only what the counts
    force, and the folds, which know nothing of this order, stay balanced but for the odd row.

    Parameters
    ----------
    training
        The images that may be used, n of them.
    resample, augment, preset, mixed_images
        The components of the recipe.
    seed
        ``balance.seed``.
    features
        Feature vectors of the images, shape (n, d); only for a rule that needs them.

    Raises
    ------
    InputError
        A target names a class that the training set has not, or asks for more than `MOST_ROWS` rows.
    """
    images = training.rows
    originals = Originals(
        labels=images["label"].to_numpy(dtype=object),
        folds=images["fold"].to_numpy(dtype=np.int64),
        order=np.array([_salted(seed, sha256) for sha256 in images["sha256"]]),
        features=features,
    )
    times = resample.times(originals)
    new = augment.new_images(originals, times)
    before, kept, filled = originals.counts(), originals.counts(times), originals.counts(times + new)
    _check_size(sum(filled.values()) + sum(mixed_images.quota(filled).values()))
    mixed = _mixed_rows(training, originals, times, mixed_images, filled, seed)
    made = Counter(row["label"] for row in mixed)
    reached = {name: filled[name] + made[name] for name in filled}
    accounts = [
        Account.of("resample", resample, before, resample.asked(before), kept),
        Account.of("augment", augment, kept, augment.asked(kept), filled),
        Account.of("mixed", mixed_images, filled, mixed_images.asked(filled), reached).with_note(
            _by_label_shares(filled, mixed)
        ),
    ]
    parents = list(images.itertuples())
    rows = [_row(image, image.image_id, "original") for image, often in zip(parents, times, strict=True) if often]
    for image, often in zip(parents, times, strict=True):
        rows += [_row(image, f"{image.image_id}-c{n}", "copy", copy=n) for n in range(1, often)]
    operation, digest = preset.name, preset.digest()
    for image, often in zip(parents, new, strict=True):
        rows += [_augmented(image, n, operation, digest, seed) for n in range(1, often + 1)]
    return Plan(
        pd.DataFrame([*rows, *mixed], columns=[*BALANCED.schema.names, "copy_number"]),
        [account for account in accounts if account.rule != "none"],
    )


def _by_label_shares(counts: dict[str, int], mixed: list[dict[str, Any]]) -> str:
    """What the classes come to where a mixed row counts for both of its labels."""
    mass = {name: float(count) for name, count in counts.items()}
    for row in mixed:
        second = row["second_share"] or 0.0
        mass[row["label"]] += 1 - second
        if second:
            mass[row["second_label"]] += second
    return "by shares of labels: " + ", ".join(f"{name} {total:,.1f}" for name, total in mass.items())


def _check_size(rows: int) -> None:
    """Refuse a set of more rows than a table of this kind is for, which a mistyped target would ask for."""
    if rows > MOST_ROWS:
        raise InputError(
            f"params.yaml: the recipe asks for {rows:,} rows, more than {MOST_ROWS:,}: look at its targets "
            "(to) and copies"
        )


def _mixed_rows(
    training: TrainingSet,
    originals: Originals,
    times: NDArray[np.int64],
    mixed: MixedImages,
    counts: dict[str, int],
    seed: int,
) -> list[dict[str, Any]]:
    """A row for every mixed image: a base of the class that lacks it, and a partner from the base's fold.

    A fold that holds one image only has no partners, so nothing is mixed there.
    """
    specification = mixed.specification()
    digest = hashlib.sha256(specification.encode()).hexdigest()[:8]
    used = times > 0
    partners = {fold: np.flatnonzero(used & (originals.folds == fold)) for fold in np.unique(originals.folds)}
    codes = candidate_codes(training.rows["sha256"].tolist())
    codes_of = {fold: codes[places] for fold, places in partners.items()}
    mixable = used & np.array([len(partners[fold]) > 1 for fold in originals.folds], dtype=bool)
    places = spread_by_class(mixed.quota(counts), originals, among=mixable)
    images = list(training.rows.itertuples())
    rows = []
    for place in np.flatnonzero(places):
        base = images[place]
        itself = int(np.searchsorted(partners[base.fold], place))
        for copy in range(1, int(places[place]) + 1):
            choice = choose_partner((specification, base.sha256, copy, seed), codes_of[base.fold], itself)
            partner = images[partners[base.fold][choice]]
            drawn = mixed.drawn((base.width, base.height), [base.sha256, partner.sha256], copy, seed)
            share = mixed.label_share(drawn, counts[base.label], counts[partner.label])
            row = _row(base, f"{base.image_id}-m{digest}-{copy}-{partner.image_id[:8]}", "mixed", copy=copy)
            soft = {"second_label": partner.label, "second_share": 1 - share} if partner.label != base.label else {}
            told = {"copy": copy, "seed": seed, "specification": digest, "image_share": round(drawn.share, 6)}
            rows.append(
                row
                | soft
                | {
                    "parents": [base.image_id, partner.image_id],
                    "operation": mixed.name,
                    "parameters": json.dumps(told, sort_keys=True),
                }
            )
    return rows


def _augmented(image: Any, copy: int, operation: str, digest: str, seed: int) -> dict[str, Any]:
    told = {"copy": copy, "seed": seed, "specification": digest}
    return _row(image, f"{image.image_id}-a{digest}-{copy}", "augmented", copy=copy) | {
        "operation": operation,
        "parameters": json.dumps(told, sort_keys=True),
    }


def _row(image: Any, row_id: str, origin: str, copy: int = 0) -> dict[str, Any]:
    """A row of the table `BALANCED` that shows `image`."""
    return {
        "row_id": row_id,
        "label": image.label,
        "origin": origin,
        "parents": [image.image_id],
        "operation": origin,
        "parameters": json.dumps({"copy": copy} if copy else {}),
        "file": None,
        "fold": int(image.fold),
        "fitted_on": None,
        "second_label": None,
        "second_share": None,
        "copy_number": copy,
    }


def _salted(seed: int, sha256: str) -> str:
    """A random number that hangs on the image's content alone, and on nothing else that was drawn from it."""
    return hashlib.sha256(f"{seed}:{sha256}".encode()).hexdigest()
