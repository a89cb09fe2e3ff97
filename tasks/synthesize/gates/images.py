"""The images that the gates take: synthetic and real ones, and who is compared with whom.

A model's *seen* images are the real ones that it was fitted to; *unseen* are those that neither they nor a relative
are. Everything follows from these two: nothing asks whether there is a model a fold or one for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tasks.statistics.scaling import Standardisation

MOST = 1000  # images of a class, synthetic and real, that are compared in pairs: 1,000,000 pairs are held at once


@dataclass(frozen=True)
class Real:
    """Real images: the training rows of a split, never the test part. In ascending order of ids, hashes of content.

    Attributes
    ----------
    ids, labels, groups
        Shape (n,), texts; no id twice.
    folds
        Shape (n,), integers; relatives share a fold.
    pixels
        Shape (n, side, side, 3), uint8, at the size of the synthetic ones.
    features
        Shape (n, d), float32, of one backbone.
    files
        What was measured of each image's file, by its name in words: each of shape (n, m). Empty: nothing was.
    """

    ids: NDArray[np.str_]
    labels: NDArray[np.str_]
    groups: NDArray[np.str_]
    folds: NDArray[np.int64]
    pixels: NDArray[np.uint8]
    features: NDArray[np.float32]
    files: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_order(self.ids)

    @cached_property
    def group_codes(self) -> NDArray[np.int64]:
        """The groups as integers from 0, shape (n,)."""
        return codes(self.groups)


@dataclass(frozen=True)
class Made:
    """Synthetic images of one generator, in ascending order of ids.

    Attributes
    ----------
    ids, labels
        Shape (n,), texts; no id twice.
    parents
        The ids of the real images that each was made from; all of a class where it was made from noise.
    fitted_on
        The ids of all real images that each one's model was fitted to; images of one model have equal sets.
    folds
        Shape (n,): the fold that each lies in, -1 where its model was fitted to more than one.
    pixels, features, files
        As `Real` has them.
    """

    ids: NDArray[np.str_]
    labels: NDArray[np.str_]
    parents: Sequence[Sequence[str]]
    fitted_on: Sequence[frozenset[str]]
    folds: NDArray[np.int64]
    pixels: NDArray[np.uint8]
    features: NDArray[np.float32]
    files: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_order(self.ids)


@dataclass(frozen=True)
class Sight:
    """What each of the k models saw of n real images.

    Attributes
    ----------
    model
        The model of each synthetic image, shape (m,), integers from 0.
    seen, unseen
        Shape (k, n), bool.
    kin
        The group (`Real.group_codes`) of the parents of each synthetic image, the first of several; -1 for an image
        from noise, which has all of its class that its model saw. Shape (m,).
    """

    model: NDArray[np.int64]
    seen: NDArray[np.bool_]
    unseen: NDArray[np.bool_]
    kin: NDArray[np.int64]

    @property
    def units(self) -> NDArray[np.int64]:
        """Synthetic images of one group of parents share a number, one from noise stands alone; shape (m,), from 0."""
        alone = -1 - np.arange(len(self.kin))
        return codes(np.where(self.kin < 0, alone, self.kin))

    @classmethod
    def of(cls, made: Made, real: Real) -> Sight:
        """Work it out from what the synthetic images say of their models and parents."""
        sets = list(dict.fromkeys(made.fitted_on))
        number = {one: at for at, one in enumerate(sets)}
        seen = np.array([[image in one for image in real.ids] for one in sets], dtype=bool).reshape(len(sets), -1)
        related = np.zeros_like(seen)
        for at, own in enumerate(seen):
            related[at] = np.isin(real.group_codes, real.group_codes[own])
        model = np.array([number[one] for one in made.fitted_on], dtype=np.int64)
        return cls(model, seen, ~related, _kin(made, real))


@dataclass(frozen=True)
class OfClass:
    """The images of one class in feature space.

    Attributes
    ----------
    made, real
        Their `standardised` features, shape (m, d) and (n, d).
    model, units
        Of each synthetic image, shape (m,): see `Sight`.
    groups, folds
        Of each real image, shape (n,), integers.
    seen, unseen
        Shape (k, n): see `Sight`.
    """

    made: NDArray[np.float32]
    real: NDArray[np.float32]
    model: NDArray[np.int64]
    units: NDArray[np.int64]
    groups: NDArray[np.int64]
    folds: NDArray[np.int64]
    seen: NDArray[np.bool_]
    unseen: NDArray[np.bool_]

    def take(self, made: NDArray[np.bool_]) -> OfClass:
        """The same with some of its synthetic images."""
        units = codes(self.units[made])
        return OfClass(
            self.made[made], self.real, self.model[made], units, self.groups, self.folds, self.seen, self.unseen
        )

    def head(self, most: int = MOST) -> OfClass:
        """The same with its first images of each kind only; ids are hashes, so that they are a fair sample."""
        return OfClass(
            self.made[:most],
            self.real[:most],
            self.model[:most],
            codes(self.units[:most]),
            codes(self.groups[:most]),
            self.folds[:most],
            self.seen[:, :most],
            self.unseen[:, :most],
        )


def of_class(made: Made, real: Real, sight: Sight, label: str) -> OfClass:
    """The images of the class `label`, with features on the scale of all real images."""
    scale = Standardisation.of(real.features)
    ours, theirs = made.labels == label, real.labels == label
    return OfClass(
        scale(made.features[ours]),
        scale(real.features[theirs]),
        sight.model[ours],
        codes(sight.units[ours]),
        codes(real.groups[theirs]),
        real.folds[theirs],
        sight.seen[:, theirs],
        sight.unseen[:, theirs],
    )


def codes(names: NDArray[np.str_] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Names as integers from 0, in their order."""
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def require_order(ids: NDArray[np.str_]) -> None:
    """Refuse ids that do not ascend (`ValueError`): what is kept of equals, and every fair sample, hangs on it."""
    if (ids[1:] <= ids[:-1]).any():
        raise ValueError("the ids must be in ascending order, and none may be there twice")


def _kin(made: Made, real: Real) -> NDArray[np.int64]:
    """See `Sight.kin`."""
    group_of = dict(zip(real.ids.tolist(), real.group_codes.tolist(), strict=True))
    class_of = dict(zip(real.ids.tolist(), real.labels.tolist(), strict=True))
    whole: dict[tuple[frozenset[str], str], int] = {}
    kin = []
    for label, parents, seen in zip(made.labels.tolist(), made.parents, made.fitted_on, strict=True):
        if (seen, label) not in whole:
            whole[seen, label] = sum(class_of.get(one) == label for one in seen)
        from_noise = len(parents) >= whole[seen, label]
        kin.append(-1 if from_noise else min(group_of[one] for one in parents))
    return np.array(kin, dtype=np.int64)
