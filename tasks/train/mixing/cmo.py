"""CMO: boxes of rare classes pasted on images as they come (Park et al. 2022)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.mixing_formulas import cmo_class_probabilities
from tasks.train.mixing import ALPHA, Mixing, paste

if TYPE_CHECKING:
    from torch import Tensor

    from tasks.train.labels import Labels


class Cmo(Mixing):
    """CutMix whose foreground is a row of the batch of class c with chance ``~ 1 / n_c``; needs images."""

    name: Literal["cmo"] = "cmo"
    inputs: ClassVar[str] = "images"
    alpha: float = Field(1.0, gt=0, le=100, description=ALPHA)

    def mix(
        self, inputs: Tensor, labels: Labels, counts: NDArray[np.float64], chance: np.random.Generator
    ) -> tuple[Tensor, Labels]:
        """See `Mixing`; the last two dimensions are height and width. Classes that the batch lacks are not drawn."""
        import torch

        from tasks.train.labels import Labels

        classes = labels.first.numpy()
        chances = (cmo_class_probabilities(counts) / np.bincount(classes, minlength=len(counts)).clip(min=1))[classes]
        partner = torch.from_numpy(chance.choice(len(inputs), size=len(inputs), p=chances / chances.sum()))
        mixed, kept = paste(inputs, partner, self.alpha, chance)
        return mixed, Labels(labels.first, (labels.first[partner], inputs.new_full((len(inputs),), kept)))

    def effective_counts(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """``N ((1 - a) pi_c + a q_c)``: q are the foreground's probabilities, a the share that is cut on average.

        A side of share s loses ``s^2 / 4`` to clipping, so a is the mean of ``(s - s^2 / 4)^2`` with ``s^2`` from
        Beta(alpha, alpha). Batches are taken to hold all classes; whole pixels and absent rare classes leave less.
        """
        from scipy.special import beta

        alpha = self.alpha
        moments = {power: float(beta(alpha + power, alpha) / beta(alpha, alpha)) for power in (1, 1.5, 2)}
        cut = moments[1] - moments[1.5] / 2 + moments[2] / 16
        effective: NDArray[np.float64] = (1 - cut) * counts + cut * counts.sum() * cmo_class_probabilities(counts)
        return effective
