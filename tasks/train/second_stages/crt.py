"""cRT: the classifier is trained anew on class-balanced draws, and nothing below it (Kang et al. 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.statistics.scaling import Standardisation
from tasks.train.second_stages import Classifier, SecondStage

if TYPE_CHECKING:
    from tasks.train.rows import Rows


class ClassifierRetraining(SecondStage):
    """Cross-entropy, a classifier that starts by chance, AdamW; features are standardised as in the family `head`."""

    name: Literal["crt"] = "crt"
    changes: ClassVar[Literal["nothing", "classifier", "network"]] = "classifier"
    needs_features_below: ClassVar[bool] = True
    steps: int = Field(320, ge=1, le=1_000_000, description="Optimiser steps.")
    batch_size: int = Field(256, ge=1, le=100_000, description="Rows a step, drawn class by class.")
    learning_rate: float = Field(0.0015, gt=0, le=10, description="Peak learning rate of AdamW.")
    weight_decay: float = Field(0.1, ge=0, le=10, description="Decoupled weight decay of AdamW.")

    def refit(self, found: Classifier, features: NDArray[np.float32], rows: Rows, seed: int) -> Classifier:
        """See `SecondStage`."""
        import torch

        from tasks.train.balanced_steps import balanced_prior, balanced_steps
        from tasks.train.dense import forward, initial_weights

        standard = Standardisation.of(features)
        values = torch.from_numpy(standard(features))
        weights = initial_weights([features.shape[1], len(rows.classes)], np.zeros(len(rows.classes)), seed)
        learnt = [one.requires_grad_() for one in weights.values()]
        balanced_steps(
            lambda batch: forward(weights, values[batch]),
            learnt,
            rows,
            seed,
            steps=self.steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
        )
        weight = weights["weight0"].detach().numpy() / standard.deviation  # so that it takes features as they are
        bias = weights["bias0"].detach().numpy() - weight @ standard.mean
        return Classifier(weight.astype(np.float32), bias.astype(np.float32), balanced_prior(rows))
