"""The probe: can a small classifier tell a class's new images from its originals, and by what?

Information, not a verdict: traces that no strategy reads do no harm. The classifier is linear discriminant analysis on
principal components of the features, and on the traces and their squares (a property that only spreads more in new
images is found, too). It is cross-validated with an original, its relatives and all their descendants in one fold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tasks.audit.traces import COLUMNS, PROPERTIES
from tasks.statistics.auc import auc_within_folds
from tasks.statistics.discriminant import Moments
from tasks.statistics.folds import deal_folds
from tasks.statistics.groups import FEWEST_GROUPS
from tasks.statistics.interval import CONFIDENCE, Interval
from tasks.statistics.principal_components import principal_components
from tasks.statistics.scaling import Standardisation

MOST = 200  # originals, and new images, of a class that the probe looks at
COMPONENTS = 32  # of the features: fewer than the images by far


def probed_rows(balanced: pd.DataFrame, groups: dict[str, str]) -> pd.DataFrame:
    """The rows that are probed: of each class with new images up to `MOST` originals and `MOST` new images.

    Originals that have descendants come first, and new images of those that were chosen; equals in the order of their
    ids, which are hashes. Only new images of one parent take part: a mixed one has none whose class it keeps.

    Parameters
    ----------
    balanced
        Table `BALANCED`.
    groups
        The group of relatives of each original.

    Returns
    -------
    pandas.DataFrame
        `row_id`, `label`, `file`, `parent`, `is_new` and `group`, from 0 within a class; classes with fewer than
        `FEWEST_GROUPS` groups in either kind are left out.
    """
    rows = balanced[(balanced["parents"].str.len() == 1) & balanced["second_label"].isna()]
    rows = rows.assign(parent=rows["parents"].str[0], is_new=rows["file"].notna())
    rows = rows[rows["is_new"] | (rows["origin"] == "original")].sort_values("row_id")
    found = []
    for _, own in rows.groupby("label"):
        new, old = own[own["is_new"]], own[~own["is_new"]]
        barren = ~old["parent"].isin(new["parent"])
        old = old.assign(barren=barren).sort_values("barren", kind="stable").drop(columns="barren").head(MOST)
        new = new[new["parent"].isin(old["parent"])]
        new = new.assign(turn=new.groupby("parent").cumcount()).sort_values("turn", kind="stable").head(MOST)
        chosen = pd.concat([old, new.drop(columns="turn")])
        names = chosen["parent"].map(groups)
        if min(names[chosen["is_new"] == kind].nunique() for kind in (True, False)) >= FEWEST_GROUPS:
            chosen = chosen.assign(group=np.unique(names.to_numpy(str), return_inverse=True)[1])
            found.append(chosen)
    columns = ["row_id", "label", "file", "parent", "is_new", "group"]
    return pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns)


@dataclass(frozen=True)
class Probed:
    """The images of one class: which are new, their groups of relatives, and the fold of each; shape (n,)."""

    is_new: np.ndarray
    groups: np.ndarray
    folds: np.ndarray

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Probed:
        """Images of one class, as `probed_rows` has them."""
        is_new = rows["is_new"].to_numpy(dtype=bool)
        groups = rows["group"].to_numpy(dtype=np.int64)
        return cls(is_new, groups, deal_folds(is_new.astype(np.int64), groups))


@dataclass(frozen=True)
class Told:
    """How well new images are told from originals: areas under the ROC curve, .5 where they can't be.

    Attributes
    ----------
    features, traces, all
        By the features, by all properties, and by both.
    properties
        By each of the properties alone; their intervals hold together (Bonferroni).
    """

    features: Interval
    traces: Interval
    all: Interval
    properties: dict[str, Interval]

    @property
    def tell(self) -> str | None:
        """The property that tells most; None where no interval lies above one half."""
        above = [name for name, area in self.properties.items() if area.low > 0.5]
        return max(above, key=lambda name: (self.properties[name].value, self.properties[name].low), default=None)

    def as_json(self) -> dict[str, Any]:
        """The areas as {value, low, high}, and `tell`."""
        return {
            "features": self.features.as_json(),
            "traces": self.traces.as_json(),
            "all": self.all.as_json(),
            "properties": {name: area.as_json() for name, area in self.properties.items()},
            "tell": self.tell,
        }


def probe_class(rows: pd.DataFrame, features: np.ndarray, traces: np.ndarray) -> dict[str, Any]:
    """Tell a class's new images from its originals.

    Parameters
    ----------
    rows
        Images of one class, as `probed_rows` has them.
    features, traces
        Of each image, shape (n, d) and (n, len(`COLUMNS`)).

    Returns
    -------
    dict
        `originals`, `new`, `groups`, and what `Told` says.
    """
    images = Probed.of(rows)
    columns = {name: [COLUMNS.index(column) for column in own] for name, own in PROPERTIES.items()}
    told = tell_apart(images, features, {name: traces[:, own] for name, own in columns.items()})
    return {
        "originals": int((~images.is_new).sum()),
        "new": int(images.is_new.sum()),
        "groups": int(images.groups.max()) + 1,
        **told.as_json(),
    }


def tell_apart(images: Probed, features: np.ndarray, properties: Mapping[str, np.ndarray]) -> Told:
    """Tell new images from originals by features and by properties.

    Parameters
    ----------
    images
        Which are new, and who belongs together.
    features
        Of each image, shape (n, d).
    properties
        What was measured of each image, by its name in words: each of shape (n, m).
    """
    seen = {name: values[:, values.std(axis=0) > 1e-9] for name, values in properties.items()}
    traces = np.hstack(list(seen.values()))
    single = 1 - (1 - CONFIDENCE) / len(seen)
    return Told(
        _area(images, features, None, CONFIDENCE),
        _area(images, None, traces, CONFIDENCE),
        _area(images, features, traces, CONFIDENCE),
        {name: _area(images, None, values, single) for name, values in seen.items()},
    )


def _area(images: Probed, features: np.ndarray | None, traces: np.ndarray | None, level: float) -> Interval:
    scores = out_of_fold(images, features, traces)
    return auc_within_folds(scores, images.is_new, images.groups, images.folds, level)


def out_of_fold(images: Probed, features: np.ndarray | None, traces: np.ndarray | None) -> np.ndarray:
    """How new each image looks to a classifier that saw neither it nor its relatives, shape (n,); 0 without inputs."""
    scores = np.zeros(len(images.is_new))
    labels = images.is_new.astype(np.int64)
    for fold in np.unique(images.folds):
        inside = images.folds != fold
        if len(np.unique(labels[inside])) < 2:
            continue
        blocks = []
        if features is not None:
            blocks.append(principal_components(features[inside], COMPONENTS)(features))
        if traces is not None and traces.shape[1]:
            standard = Standardisation.of(traces[inside])(traces)
            blocks += [standard, Standardisation.of(standard[inside] ** 2)(standard**2)]
        if not blocks:
            continue
        together = np.hstack(blocks)
        values = Standardisation.of(together[inside])(together).astype(np.float64)
        weights, offsets = Moments.of(values[inside], labels[inside], 2).discriminant()
        likelihood = values[~inside] @ weights + offsets
        scores[~inside] = likelihood[:, 1] - likelihood[:, 0]
    return scores
