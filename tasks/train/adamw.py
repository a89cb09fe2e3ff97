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


def adamw_step(
    value: Tensor,
    gradient: Tensor,
    moments: tuple[Tensor, Tensor],
    rate: float | Tensor,
    decay: float | Tensor,
    number: int,
    betas: tuple[float, float] = BETAS,
) -> None:
    """Move a tensor, in place.

    Parameters
    ----------
    value, gradient
        The tensor, and the loss's gradient by it.
    moments
        Running means of the gradient and of its square, which move too.
    rate, decay
        Learning rate and weight decay; numbers, or tensors that are spread over the first axes of `value`.
    number
        Of the step, from 1.
    betas
        Share of each running mean that stays at a step.
    """
    first, second = moments
    first.lerp_(gradient, 1 - betas[0])
    second.mul_(betas[1]).addcmul_(gradient, gradient, value=1 - betas[1])
    if not isinstance(decay, float) or decay:
        value.mul_(1 - rate * decay)
    bottom = (second.sqrt() / math.sqrt(1 - betas[1] ** number)).add_(EPSILON)
    corrected = rate / (1 - betas[0] ** number)
    if isinstance(corrected, float):
        value.addcdiv_(first, bottom, value=-corrected)
    else:
        value.sub_((first / bottom).mul_(corrected))


class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019), the rate falling to zero along half a cosine.

    Parameters
    ----------
    parameters
        Leaf tensors that require gradients.
    learning_rate, weight_decay
        Of the first step; numbers, or tensors of shape (m,) for the m places of the first axis of each parameter.
    steps
        Length of the schedule.
    decayed
        Whether each of the parameters decays, by ``1 - rate * weight_decay`` a step; None: matrices do, and not biases,
        which hold the class prior.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        learning_rate: float | Tensor,
        weight_decay: float | Tensor,
        steps: int,
        decayed: Sequence[bool] | None = None,
    ) -> None:
        self.parameters = list(parameters)
        self.decayed = [each.ndim > 1 for each in self.parameters] if decayed is None else list(decayed)
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.steps = steps
        self.done = 0
        self.first = [torch.zeros_like(each) for each in self.parameters]
        self.second = [torch.zeros_like(each) for each in self.parameters]

    def step(self, loss: Tensor) -> None:
        """Move the parameters one step against the gradient of `loss`, a scalar."""
        gradients = torch.autograd.grad(loss, self.parameters)
        share = (1 + math.cos(math.pi * self.done / self.steps)) / 2
        self.done += 1
        with torch.no_grad():
            moments = zip(self.first, self.second, strict=True)
            each = zip(self.parameters, gradients, moments, self.decayed, strict=True)
            for parameter, gradient, own, decays in each:
                rate, decay = (_spread(one, parameter) for one in (self.learning_rate, self.weight_decay))
                adamw_step(parameter, gradient, own, rate * share, decay if decays else 0.0, self.done)


def _spread(value: float | Tensor, over: Tensor) -> float | Tensor:
    """A value a place of the first axis, with as many axes as `over`."""
    return value.view(-1, *[1] * (over.ndim - 1)) if isinstance(value, Tensor) else value
