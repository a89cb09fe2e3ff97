"""SGD with Nesterov's momentum, and AdamW, as `torch.optim` has them (the tests hold them together).

Written out because the first use of `torch.optim` imports torch's compiler, which takes seconds in every process, and
because all that they know is then a table of tensors that a checkpoint can hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from tasks.train.adamw import adamw_step

Kind = Literal["sgd", "adamw"]
MOMENTUM = 0.9


@dataclass(frozen=True)
class Optimiser:
    """Moves parameters against gradients.

    Attributes
    ----------
    kind
        ``sgd`` adds the weight decay to the gradient, ``adamw`` shrinks weights by it (Loshchilov and Hutter 2019).
    parameters
        Leaf tensors by name.
    factors
        By name, the parameter's share of the learning rate.
    weight_decay
        Of matrices and convolutions; biases and batch norms don't decay.
    moments
        By name, what it remembers of earlier gradients.
    """

    kind: Kind
    parameters: Mapping[str, Tensor]
    factors: Mapping[str, float]
    weight_decay: float
    moments: Mapping[str, Tensor]

    @classmethod
    def of(
        cls, kind: Kind, parameters: Mapping[str, Tensor], factors: Mapping[str, float], weight_decay: float
    ) -> Optimiser:
        """One that remembers nothing yet."""
        kept = ("first",) if kind == "sgd" else ("first", "second")
        moments = {f"{one}.{name}": torch.zeros_like(value) for one in kept for name, value in parameters.items()}
        return cls(kind, parameters, factors, weight_decay, moments)

    def step(self, gradients: Sequence[Tensor], rate: float, number: int) -> None:
        """Move the parameters.

        Parameters
        ----------
        gradients
            In the order of the parameters.
        rate
            Learning rate.
        number
            Of the step, from 1.
        """
        move = self._sgd if self.kind == "sgd" else self._adamw
        with torch.no_grad():
            for (name, value), gradient in zip(self.parameters.items(), gradients, strict=True):
                decay = self.weight_decay if value.ndim > 1 else 0.0
                move(name, value, gradient, rate * self.factors[name], decay, number)

    def _sgd(self, name: str, value: Tensor, gradient: Tensor, rate: float, decay: float, number: int) -> None:
        if decay:
            gradient = gradient.add(value, alpha=decay)
        moment = self.moments[f"first.{name}"].mul_(MOMENTUM).add_(gradient)
        value.add_(gradient.add(moment, alpha=MOMENTUM), alpha=-rate)

    def _adamw(self, name: str, value: Tensor, gradient: Tensor, rate: float, decay: float, number: int) -> None:
        moments = self.moments[f"first.{name}"], self.moments[f"second.{name}"]
        adamw_step(value, gradient, moments, rate, decay, number)
