"""Probing: what a fast classifier makes of the features of training images that it has not seen, relatives together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.statistics.discriminant import Moments
from tasks.statistics.folds import FOLDS, deal_folds
from tasks.statistics.groups import groups_by_class
from tasks.statistics.principal_components import principal_components

if TYPE_CHECKING:
    from tasks.explore.dataset import Dataset


@dataclass(frozen=True)
class Labelled:
    """The training images of all classes that can be cross-validated: those with two groups of relatives or more.

    Attributes
    ----------
    image_ids
        In ascending order, shape (n,).
    classes
        In the order of `Dataset.classes`, K of them.
    labels, groups, folds
        Class, group of relatives and fold of each image, shape (n,), integers from 0. Relatives share a fold, and the
        images of each class are spread over the folds as evenly as its groups allow.
    """

    image_ids: np.ndarray
    classes: list[str]
    labels: np.ndarray
    groups: np.ndarray
    folds: np.ndarray

    @classmethod
    def of(cls, dataset: Dataset) -> Labelled:
        """The training images of `dataset`."""
        independent = dataset.training.groupby("label")["group"].nunique().to_dict()
        classes = [label for label in dataset.classes if independent.get(label, 0) >= 2]
        rows = dataset.training[dataset.training["label"].isin(classes)]
        number = {label: position for position, label in enumerate(classes)}
        labels = rows["label"].map(number).to_numpy(dtype=np.int64)
        groups = np.unique(rows["group"].to_numpy(dtype=str), return_inverse=True)[1]
        return cls(rows["image_id"].to_numpy(dtype=object), classes, labels, groups, deal_folds(labels, groups))

    @property
    def groups_by_class(self) -> np.ndarray:
        """How many groups hold images of each class, shape (K,)."""
        return groups_by_class(self.labels, self.groups, len(self.classes))


def out_of_fold(features: np.ndarray, rows: Labelled) -> np.ndarray:
    """Log-likelihood of each class for each image, by a classifier that saw neither the image nor its relatives.

    Parameters
    ----------
    features
        Shape (n, d), in the order of `rows`.

    Returns
    -------
    numpy.ndarray
        Shape (n, K), up to a number an image. Its largest is the answer that counts all classes as equally frequent.
    """
    scores = np.empty((len(features), len(rows.classes)))
    for fold in range(FOLDS):
        inside = rows.folds != fold
        if inside.all():
            continue
        project = principal_components(features[inside])
        moments = Moments.of(project(features[inside]), rows.labels[inside], len(rows.classes))
        weights, offsets = moments.discriminant()
        scores[~inside] = project(features[~inside]) @ weights + offsets
    return scores
