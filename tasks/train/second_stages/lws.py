"""LWS, learnable weight scaling: one scale a class is learnt on class-balanced draws (Kang et al. 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.train.second_stages import Classifier, SecondStage

if TYPE_CHECKING:
    from tasks.train.rows import Rows


class LearnableWeightScaling(SecondStage):
    """``s_c (w_c x + b_c)``: the scales start at 1, and cross-entropy moves them, by AdamW without weight decay."""

    name: Literal["lws"] = "lws"
    changes: ClassVar[Literal["nothing", "classifier", "network"]] = "classifier"
    steps: int = Field(320, ge=1, le=1_000_000, description="Optimiser steps.")
    batch_size: int = Field(256, ge=1, le=100_000, description="Rows a step, drawn class by class.")
    learning_rate: float = Field(0.01, gt=0, le=10, description="Peak learning rate of AdamW.")

    def refit(self, found: Classifier, features: NDArray[np.float32], rows: Rows, seed: int) -> Classifier:
        """See `SecondStage`."""
        import torch

        from tasks.train.balanced_steps import balanced_prior, balanced_steps

        outputs = torch.from_numpy(features @ found.weight.T + found.bias)
        scales = torch.ones(len(found.bias), requires_grad=True)
        balanced_steps(
            lambda batch: scales * outputs[batch],
            [scales],
            rows,
            seed,
            steps=self.steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=0.0,
        )
        learnt = scales.detach().numpy()
        return Classifier(learnt[:, None] * found.weight, learnt * found.bias, balanced_prior(rows))
