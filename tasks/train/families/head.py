"""A linear classifier, or a small network, on frozen features: the default, because a fit takes well under a second."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from tasks.scores import Scores, has_probabilities
from tasks.statistics.scaling import BoundedStandardisation, unit_vectors
from tasks.train.dense import SCALE, forward, layers_of
from tasks.train.families import Components, Family, Fit, Fitted, Log
from tasks.train.heads.settings import Settings
from tasks.train.safe_arrays import read_arrays, write_arrays
from tasks.train.tunable import Setting

if TYPE_CHECKING:
    from torch import nn

    from tasks.inputs import Inputs
    from tasks.train.heads.together import Fitting
    from tasks.train.rows import Rows

# What rate and decay are chosen from where nothing else is written; the first of each stands where nothing is chosen.
TUNED: dict[str, list[Setting]] = {"learning_rate": [0.0015, 0.005], "weight_decay": [0.1, 3.0, 30.0]}
ARRAYS = "model.safetensors"
SIGMOIDS = "sigmoids"  # the array by which a model says that its outputs are read as sigmoids
CHUNK = 4096  # rows a forward pass of `predict`


class Head(Settings, Family):
    """Standardised features, AdamW, cosine decay of the learning rate to zero.

    Feature means, deviations and ranges are those of the model's own training rows. One thread: several strategies run
    at once.
    """

    name: Literal["head"] = "head"
    packages: ClassVar[tuple[str, ...]] = ("safetensors", "torch")
    is_network: ClassVar[bool] = True
    reads_sigmoids: ClassVar[bool] = True
    takes: ClassVar[frozenset[str]] = frozenset({"loss", "sampler", "mixing", "schedule"})

    @model_validator(mode="after")
    def _tuned_unless_written(self) -> Self:
        """Let rate and decay be chosen inside the folds, unless they, or `tune`, are written."""
        if "tune" not in self.model_fields_set and has_probabilities(self.score):
            left = {key: values for key, values in TUNED.items() if key not in self.model_fields_set}
            self.__dict__["tune"] = left  # as a default is, which nobody wrote
        return self

    def fit(
        self, rows: Rows, inputs: Inputs, components: Components, seed: int, fold: int | None, log: Log
    ) -> FittedHead:
        """See `Family`."""
        [fitted] = self.fit_all([Fit(rows, inputs, components, seed, fold, log)])
        return fitted

    def fit_all(self, fits: Iterable[Fit]) -> Iterator[FittedHead]:
        """See `Family`; seeds of the same rows are fitted together."""
        from tasks.train.heads.together import fit_together

        for _, same in itertools.groupby(fits, key=_together):
            wanted = list(same)
            yield from self._fitted(wanted, fit_together([self] * len(wanted), self.backbone, wanted))

    def fit_candidates(self, fit: Fit) -> Iterator[FittedHead]:
        """See `Family`; those that differ in rates and decays alone are fitted together."""
        from tasks.train.heads.together import fit_together

        alone = {"learning_rate", "weight_decay"}
        for _, alike in itertools.groupby(self.candidates, key=lambda one: one.model_dump(exclude=alone)):
            heads = list(alike)
            fits = [replace(fit, log=Log()) for _ in heads]
            yield from self._fitted(fits, fit_together(heads, self.backbone, fits))

    def _fitted(self, fits: list[Fit], made: Fitting) -> Iterator[FittedHead]:
        mark = {SIGMOIDS: np.ones(1, dtype=np.float32)} if fits[0].components.loss.one_vs_rest else {}
        for one, arrays in zip(fits, made.arrays, strict=True):
            yield FittedHead(self.backbone, one.fold, made.prior, arrays | mark)

    def load(self, folder: Path, prior: NDArray[np.float64], fold: int | None) -> FittedHead:
        """See `Family`."""
        return FittedHead(self.backbone, fold, prior, read_arrays(folder / ARRAYS))


def _together(fit: Fit) -> tuple[object, ...]:
    """What fits share that are fitted together; rows that a sampler makes hang on the seed."""
    alone = fit.seed if fit.components.sampler.inputs == "features" else None
    return fit.rows, fit.components, fit.fold, alone


@dataclass(frozen=True)
class FittedHead(Fitted):
    """A fitted head.

    Attributes
    ----------
    backbone, fold
        Whose features it takes.
    prior
        See `Fitted`.
    arrays
        Weights and biases a layer (`tasks.train.dense`), what a `BoundedStandardisation` of features is made of,
        float32; one named `SIGMOIDS` where outputs are read as sigmoids.
    """

    backbone: str
    fold: int | None
    prior: NDArray[np.float64]
    arrays: Mapping[str, NDArray[np.float32]]

    def predict(self, inputs: Inputs) -> Scores:
        """Logits, or the logarithms of sigmoids; see `Fitted`."""
        import torch

        torch.set_num_threads(1)
        features = inputs.features(self.backbone, self.fold)
        standard = BoundedStandardisation.kept(self.arrays)
        weights = {name: torch.tensor(value) for name, value in self.arrays.items()}
        chunks = np.split(features, range(CHUNK, len(features), CHUNK))
        outputs = torch.cat([forward(weights, torch.from_numpy(standard(chunk))) for chunk in chunks]).double()
        scores = torch.nn.functional.logsigmoid(outputs) if SIGMOIDS in self.arrays else outputs
        return Scores("logit", scores.numpy(), self.prior)

    def save(self, folder: Path) -> None:
        """See `Fitted`; safetensors."""
        write_arrays(dict(self.arrays), folder / ARRAYS)  # `save_file`'s could be read by their owner only

    def module(self) -> nn.Module:
        """See `Fitted`."""
        from torch import nn

        from tasks.train.layers import Directions, LogSigmoids, Standardised, linear

        layers: list[nn.Module] = [Standardised(BoundedStandardisation.kept(self.arrays))]
        last = layers_of(self.arrays) - 1
        for layer in range(last + 1):
            weight, bias = self.arrays[f"weight{layer}"], self.arrays[f"bias{layer}"]
            layers += [nn.ReLU()] if layer else []
            if layer == last and SCALE in self.arrays:
                layers.append(Directions(np.zeros(weight.shape[1], dtype=np.float32)))
                weight = np.exp(self.arrays[SCALE]) * unit_vectors(weight)
            layers.append(linear(weight, bias))
        layers += [LogSigmoids()] if SIGMOIDS in self.arrays else []
        return nn.Sequential(*layers)
