"""AdamW with a cosine schedule, as `torch.optim` has it (the tests hold the two together).

Written out because the first use of `torch.optim` imports torch's compiler, which takes longer than fitting a strategy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019), the rate falling to zero along half a cosine.

    Parameters
    ----------
    parameters
        Leaf tensors that require gradients.
    learning_rate
        Rate of the first step.
    weight_decay
        Each step multiplies matrices by ``1 - rate * weight_decay``; biases, which hold the class prior, don't decay.
    steps
        Length of the schedule.
    """

    def __init__(self, parameters: Sequence[Tensor], learning_rate: float, weight_decay: float, steps: int) -> None:
        self.parameters = list(parameters)
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.steps = steps
        self.done = 0
        self.first = [torch.zeros_like(each) for each in self.parameters]
        self.second = [torch.zeros_like(each) for each in self.parameters]

    def step(self, loss: Tensor) -> None:
        """Move the parameters one step against the gradient of `loss`, a scalar."""
        gradients = torch.autograd.grad(loss, self.parameters)
        rate = self.learning_rate * (1 + math.cos(math.pi * self.done / self.steps)) / 2
        self.done += 1
        scale = rate / (1 - BETAS[0] ** self.done)
        correction = math.sqrt(1 - BETAS[1] ** self.done)
        with torch.no_grad():
            for parameter, gradient, first, second in zip(
                self.parameters, gradients, self.first, self.second, strict=True
            ):
                first.lerp_(gradient, 1 - BETAS[0])
                second.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
                if parameter.ndim > 1:
                    parameter.mul_(1 - rate * self.weight_decay)
                parameter.addcdiv_(first, (second.sqrt() / correction).add_(EPSILON), value=-scale)
