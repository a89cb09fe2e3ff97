"""Models that answer together: the fold models of one strategy, or the models of several strategies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.errors import InputError
from tasks.inputs import FileSource, Inputs
from tasks.scores import Kind, Scores
from tasks.train.models import Model
from tasks.train.voting import Of, kind_of, vote

if TYPE_CHECKING:
    from tasks.features.backbones import Backbone


@dataclass(frozen=True)
class EnsembleModel:
    """Models of the same classes, each with its own rule, whose answers are combined.

    Attributes
    ----------
    members
        By where each stands, relative to the ensemble's folder.
    of
        Of what the mean is taken.
    weights
        What each member counts for; None: all alike.
    """

    members: Mapping[str, Model | EnsembleModel]
    of: Of
    weights: tuple[float, ...] | None = None

    @property
    def _first(self) -> Model | EnsembleModel:
        return next(iter(self.members.values()))

    @property
    def classes(self) -> list[str]:
        """Names, in the order of the scores."""
        return self._first.classes

    @property
    def depth(self) -> int:
        """Bits of 16-bit values that were shown when its members were fitted."""
        return self._first.depth

    @property
    def kind(self) -> Kind:
        """Of its scores."""
        return kind_of([one.kind for one in self.members.values()], self.of)

    @property
    def models(self) -> Iterator[Model]:
        """The models that it is made of, those of members that are ensembles among them."""
        for one in self.members.values():
            yield from [one] if isinstance(one, Model) else one.models

    @property
    def backbones(self) -> dict[str, Backbone]:
        """By name, how features are made of images."""
        return {name: backbone for one in self.members.values() for name, backbone in one.backbones.items()}

    def predict_each(self, inputs: Inputs) -> Scores:
        """The one score that all come to, values of shape (1, n, K)."""
        one = self.predict(inputs)
        return one.with_values(one.values[None])

    def predict(self, inputs: Inputs) -> Scores:
        """What the members say together, values of shape (n, K)."""
        return vote([one.predict(inputs) for one in self.members.values()], self.of, self.weights)

    def cosines(self, inputs: Inputs) -> NDArray[np.float64]:
        """The mean of the members' `Model.cosines`, shape (n, n); errors as there."""
        cosines: NDArray[np.float64] = np.mean([one.cosines(inputs) for one in self.members.values()], axis=0)
        return cosines

    def inputs(self, images: Sequence[Path | bytes], workers: int = 1, *, patient: bool = False) -> Inputs:
        """See `Model.inputs`; each member takes what it was fitted on."""
        shared = self.backbones
        of_folds = {
            (one.family.backbone, one.fold): one.backbone
            for one in self.models
            if one.backbone is not None and one.backbone.settings() != shared[one.family.backbone].settings()
        }
        source = FileSource(images, shared, self.depth, workers, patient, of_folds)
        return Inputs([str(row) for row in range(len(images))], source)


def require_single(model: Model | EnsembleModel, title: str, verb: str) -> Model:
    """The model, where it is one.

    Parameters
    ----------
    model
        A classifier's.
    title, verb
        What messages call it, and what an ensemble can't be: "exported".

    Raises
    ------
    InputError
        It is an ensemble.
    """
    if isinstance(model, Model):
        return model
    raise InputError(
        f"{title}: {len(model.members)} models answer together, so it can't be {verb}; name a strategy whose final "
        "model is one (without vote.folds), for instance a member of the ensemble"
    )
