"""Metric learning: features are turned so that images of a class lie in one direction and those of others do not.

What is learnt is a similarity, and classes follow from it: so two images can be compared, and a class be added from a
few images (`tasks.similarity`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.errors import InputError
from tasks.registry import OneOf
from tasks.scores import Scores
from tasks.statistics.scaling import BoundedStandardisation, unit_vectors
from tasks.train.families import Components, Family, Fitted, Log
from tasks.train.metric_losses import MetricLoss
from tasks.train.metric_losses.supervised_contrastive import SupervisedContrastive
from tasks.train.safe_arrays import read_arrays, write_arrays

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tasks.inputs import Inputs
    from tasks.train.rows import Rows

ARRAYS = "model.safetensors"
CHUNK = 512  # rows at a time: `nearest` compares each with all training rows


class Similarity(Family):
    """Standardised features, one or two linear maps to directions, a metric loss on class-balanced batches, AdamW.

    A batch is up to `classes_per_batch` classes with `rows_per_class` rows each, of a class with fewer rows some more
    than once: a sampler would change nothing, and the prior is uniform. Chance follows the order of the rows, not that
    of the classes. A mixed row counts as the class of its larger share.
    """

    name: Literal["similarity"] = "similarity"
    takes: ClassVar[frozenset[str]] = frozenset()
    packages: ClassVar[tuple[str, ...]] = ("safetensors", "torch")
    is_network: ClassVar[bool] = True
    compares: ClassVar[bool] = True
    dimensions: int = Field(64, ge=2, le=4096, description="Of the space in which images are compared.")
    hidden: int = Field(0, ge=0, le=4096, description="Units of one hidden layer (ReLU); 0: a linear map.")
    metric_loss: Annotated[MetricLoss, OneOf()] = Field(
        default=SupervisedContrastive.model_validate({"name": "supervised_contrastive"}),
        description="What is minimised, with its settings.",
    )
    decide: Literal["class_means", "nearest"] = Field(
        "class_means", description="By the similarity to a class's mean, or to its nearest training rows."
    )
    neighbours: int = Field(5, ge=1, le=1000, description="Rows of a class that count; of decide: nearest only.")
    scale: float = Field(10.0, gt=0, le=1000, description="Factor of the similarities: larger is surer of itself.")
    steps: int = Field(80, ge=1, le=1_000_000, description="Optimiser steps of every fit.")
    classes_per_batch: int = Field(16, ge=2, le=256, description="Most classes of a batch.")
    rows_per_class: int = Field(8, ge=2, le=256, description="Rows of each.")
    learning_rate: float = Field(0.0015, gt=0, le=10, description="Peak learning rate of AdamW.")
    weight_decay: float = Field(0.1, ge=0, le=10, description="Decoupled weight decay of AdamW.")

    def fit(
        self, rows: Rows, inputs: Inputs, components: Components, seed: int, fold: int | None, log: Log
    ) -> FittedSimilarity:
        """See `Family`.

        Raises
        ------
        InputError
            No row is mostly of some class.
        """
        import torch

        from tasks.train.adamw import AdamW

        torch.set_num_threads(1)
        torch.set_deterministic_debug_mode("error")
        values = inputs.features(self.backbone, fold)
        labels = rows.mostly
        members = _members(labels, rows.classes)
        standard = BoundedStandardisation.of(values)
        features, targets = torch.from_numpy(standard(values)), torch.tensor(labels)

        weights = self._initial_weights(values.shape[1], seed)
        optimiser = AdamW(list(weights.values()), self.learning_rate, self.weight_decay, self.steps)
        chance = np.random.default_rng(seed)
        losses = []
        while optimiser.done < self.steps:
            batch = torch.from_numpy(self._batch(members, chance))
            units = embedded(weights, features.index_select(0, batch))
            loss = self.metric_loss.of_batch(units, targets.index_select(0, batch))
            optimiser.step(loss)
            losses.append(loss.item())
        epoch = max(1, round(len(labels) / len(batch)))  # as many steps as draw as many rows as there are
        for at in range(0, len(losses), epoch):
            log.end_epoch(float(np.mean(losses[at : at + epoch])))

        arrays = {name: value.detach().numpy() for name, value in weights.items()} | vars(standard)
        prior = np.full(len(rows.classes), 1 / len(rows.classes))
        untaught = FittedSimilarity(self, fold, prior, arrays)
        order = np.argsort(labels, kind="stable")
        known = untaught.of_features(values[order])
        return untaught.with_known(known, np.bincount(labels, minlength=len(rows.classes)))

    def _batch(self, members: list[NDArray[np.int64]], chance: np.random.Generator) -> NDArray[np.int64]:
        """Numbers of the rows of a batch, those of a class side by side."""
        chosen = chance.permutation(len(members))[: self.classes_per_batch]
        own = [members[number] for number in chosen]
        size = self.rows_per_class
        return np.concatenate([one[chance.choice(len(one), size, replace=len(one) < size)] for one in own])

    def _initial_weights(self, features: int, seed: int) -> dict[str, Tensor]:
        """Uniform within ``1 / sqrt(inputs)``: a random projection, which keeps distances about as they are."""
        import torch

        generator = torch.Generator().manual_seed(seed)

        def matrix(outputs: int, inputs: int) -> Tensor:
            drawn: Tensor = (2 * torch.rand(outputs, inputs, generator=generator) - 1) / inputs**0.5
            return drawn.requires_grad_()

        if not self.hidden:
            return {"weight": matrix(self.dimensions, features)}
        return {
            "hidden_weight": matrix(self.hidden, features),
            "hidden_bias": torch.zeros(self.hidden).requires_grad_(),
            "weight": matrix(self.dimensions, self.hidden),
        }

    def load(self, folder: Path, prior: NDArray[np.float64], fold: int | None) -> FittedSimilarity:
        """See `Family`."""
        return FittedSimilarity(self, fold, prior, read_arrays(folder / ARRAYS))


@dataclass(frozen=True)
class FittedSimilarity(Fitted):
    """A fitted similarity.

    Attributes
    ----------
    family
        Its settings.
    fold
        Whose features it takes.
    prior
        Uniform: all classes are drawn alike.
    arrays
        What a `BoundedStandardisation` of features is made of; ``weight``, and ``hidden_weight`` and ``hidden_bias``
        where there is a hidden layer; ``known``, unit vectors: the mean direction of each class, (K, d), or with
        `decide: nearest` all rows, (N, d), those of a class side by side; ``counts``, (K,): rows of each class, int64.
    """

    family: Similarity
    fold: int | None
    prior: NDArray[np.float64]
    arrays: Mapping[str, NDArray[Any]]

    def predict(self, inputs: Inputs) -> Scores:
        """Logits; see `Fitted`."""
        features = inputs.features(self.family.backbone, self.fold)
        return Scores("logit", _in_chunks(self.module(), features), self.prior)

    def directions(self, inputs: Inputs) -> NDArray[np.float64]:
        """See `Fitted`."""
        return self.of_features(inputs.features(self.family.backbone, self.fold))

    def of_features(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """The directions of feature vectors, shape (n, dimensions)."""
        return _in_chunks(self._embedding(), features)

    def with_known(self, units: NDArray[np.float64], counts: NDArray[np.int64]) -> FittedSimilarity:
        """The same similarity, which knows classes by directions of images of theirs.

        Parameters
        ----------
        units
            Shape (N, d), those of a class side by side, in the order of the classes.
        counts
            Images of each class, shape (K,).
        """
        known = units
        if self.family.decide == "class_means":
            known = unit_vectors(np.add.reduceat(units, np.cumsum(counts) - counts, axis=0))
        arrays = {**self.arrays, "known": known.astype(np.float32), "counts": counts}
        return FittedSimilarity(self.family, self.fold, np.full(len(counts), 1 / len(counts)), arrays)

    def with_class(self, inputs: Inputs) -> FittedSimilarity | None:
        """See `Fitted`; not with `decide: nearest`, where a few rows hardly ever beat the nearest of all others."""
        if self.family.decide == "nearest":
            return None
        more = self.with_known(self.directions(inputs), np.array([len(inputs)]))
        joined = {name: np.concatenate([self.arrays[name], more.arrays[name]]) for name in ("known", "counts")}
        classes = len(joined["counts"])
        return FittedSimilarity(self.family, self.fold, np.full(classes, 1 / classes), {**self.arrays, **joined})

    def save(self, folder: Path) -> None:
        """See `Fitted`; safetensors."""
        write_arrays(dict(self.arrays), folder / ARRAYS)

    def module(self) -> nn.Module:
        """See `Fitted`."""
        from torch import nn

        from tasks.train.layers import NearestOfEach, linear

        known, scale = self.arrays["known"], self.family.scale
        if self.family.decide == "class_means":
            return nn.Sequential(self._embedding(), linear((scale * known).astype(np.float32)))
        counts = [int(count) for count in self.arrays["counts"]]
        return nn.Sequential(self._embedding(), NearestOfEach(known, counts, self.family.neighbours, scale))

    def _embedding(self) -> nn.Module:
        """From features to directions."""
        from torch import nn

        from tasks.train.layers import Directions, Standardised, linear

        layers: list[nn.Module] = [Standardised(BoundedStandardisation.kept(self.arrays))]
        if "hidden_weight" in self.arrays:
            layers += [linear(self.arrays["hidden_weight"], self.arrays["hidden_bias"]), nn.ReLU()]
        weight = self.arrays["weight"]
        return nn.Sequential(*layers, linear(weight), Directions(np.zeros(len(weight), dtype=np.float32)))


def embedded(weights: Mapping[str, Tensor], rows: Tensor) -> Tensor:
    """Unit vectors of shape (n, dimensions) for standardised `rows` of shape (n, d); one of length 0 stays."""
    from torch.nn.functional import linear, normalize

    if "hidden_weight" in weights:
        rows = linear(rows, weights["hidden_weight"], weights["hidden_bias"]).relu()
    return normalize(linear(rows, weights["weight"]))


def _members(labels: NDArray[np.int64], classes: list[str]) -> list[NDArray[np.int64]]:
    """The rows of each class; the classes in the order of their first rows, so that their names don't matter."""
    found = [np.flatnonzero(labels == code) for code in range(len(classes))]
    for name, own in zip(classes, found, strict=True):
        if not len(own):
            raise InputError(
                f"class {name!r} has only mixed rows that are mostly of others, which family 'similarity' takes for "
                "those; choose a recipe with mixed: {name: none}"
            )
    return sorted(found, key=lambda own: int(own[0]))


def _in_chunks(module: nn.Module, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """What a network makes of rows of features, on one thread."""
    import torch

    torch.set_num_threads(1)
    chunks = np.split(np.asarray(features, dtype=np.float32), range(CHUNK, len(features), CHUNK))
    with torch.no_grad():
        made: NDArray[np.float64] = torch.cat([module(torch.from_numpy(one)) for one in chunks]).double().numpy()
    return made
