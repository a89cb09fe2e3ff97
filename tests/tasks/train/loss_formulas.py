"""What papers say of losses, an image at a time: logits, true class, counts -> loss; none of the losses' own code."""

from __future__ import annotations

import math
from collections.abc import Callable

from tasks.train.losses.asymmetric import Asymmetric
from tasks.train.losses.binary_cross_entropy import BinaryCrossEntropy
from tasks.train.losses.class_balanced import ClassBalanced
from tasks.train.losses.focal import Focal
from tasks.train.losses.label_aware_smoothing import LabelAwareSmoothing
from tasks.train.losses.ldam import Ldam
from tasks.train.losses.vs import VectorScaling
from tasks.train.losses.weighted_cross_entropy import WeightedCrossEntropy


def softmax(z: list[float]) -> list[float]:
    most = max(z)
    powers = [math.exp(one - most) for one in z]
    return [power / sum(powers) for power in powers]


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def effective(counts: list[float], beta: float) -> list[float]:
    raw = [(1 - beta) / (1 - beta**n) for n in counts]
    return [len(counts) * one / sum(raw) for one in raw]


def balanced(counts: list[float]) -> list[float]:
    return [sum(counts) / (len(counts) * n) for n in counts]


def of_weighted(loss: WeightedCrossEntropy, z: list[float], y: int, n: list[float]) -> float:
    weights = {
        "balanced": balanced(n),
        "inverse_sqrt": [math.sqrt(min(n) / one) for one in n],
        "inverse_power": [(min(n) / one) ** loss.exponent for one in n],
        "effective_number": effective(n, loss.beta),
    }
    return -weights[loss.weights][y] * math.log(softmax(z)[y])


def of_focal(loss: Focal, z: list[float], y: int, n: list[float]) -> float:
    p = softmax(z)[y]
    return -(balanced(n)[y] if loss.alpha == "balanced" else 1) * (1 - p) ** loss.gamma * math.log(p)


def of_smoothing(loss: LabelAwareSmoothing, z: list[float], y: int, n: list[float]) -> float:
    angle = (n[y] - min(n)) * math.pi / (2 * (max(n) - min(n)))
    e = loss.tail + (loss.head - loss.tail) * math.sin(angle)
    target = [1 - e if c == y else e / (len(z) - 1) for c in range(len(z))]
    return -sum(share * math.log(p) for share, p in zip(target, softmax(z), strict=True))


def of_class_balanced(loss: ClassBalanced, z: list[float], y: int, n: list[float]) -> float:
    if loss.base == "softmax":
        return -effective(n, loss.beta)[y] * math.log(softmax(z)[y])
    gamma, total = loss.gamma if loss.base == "focal" else 0, 0.0
    for c, one in enumerate(z):
        right = sigmoid(one) if c == y else sigmoid(-one)
        total -= (1 - right) ** gamma * math.log(right)
    return effective(n, loss.beta)[y] * total


def of_binary(loss: BinaryCrossEntropy, z: list[float], y: int, n: list[float]) -> float:
    weight = (sum(n) - n[y]) / n[y] if loss.pos_weight == "balanced" else 1
    return -sum(weight * math.log(sigmoid(o)) if c == y else math.log(sigmoid(-o)) for c, o in enumerate(z))


def of_asymmetric(loss: Asymmetric, z: list[float], y: int, n: list[float]) -> float:
    total = 0.0
    for c, one in enumerate(z):
        p = sigmoid(one)
        if c == y:
            total -= (1 - p) ** loss.gamma_pos * math.log(p)
        else:
            shifted = max(p - loss.clip, 0)
            total -= shifted**loss.gamma_neg * math.log(1 - shifted)
    return total


def of_ldam(loss: Ldam, z: list[float], y: int, n: list[float]) -> float:
    largest = max(one**-0.25 for one in n)
    moved = [one - loss.scale * loss.max_margin * n[y] ** -0.25 / largest * (c == y) for c, one in enumerate(z)]
    return -(effective(n, loss.beta)[y] if loss.weights != "none" else 1) * math.log(softmax(moved)[y])


def of_vs(loss: VectorScaling, z: list[float], y: int, n: list[float]) -> float:
    moved = [(c / max(n)) ** loss.gamma * one + loss.tau * math.log(c / sum(n)) for one, c in zip(z, n, strict=True)]
    return -math.log(softmax(moved)[y])


REFERENCE: dict[str, Callable[..., float]] = {
    "asymmetric": of_asymmetric,
    "balanced_softmax": lambda _, z, y, n: (
        -math.log(n[y] * math.exp(z[y]) / sum(c * math.exp(one) for c, one in zip(n, z, strict=True)))
    ),
    "binary_cross_entropy": of_binary,
    "class_balanced": of_class_balanced,
    "cost_sensitive": lambda _, z, y, n: 1 - softmax(z)[y],
    "cross_entropy": lambda _, z, y, n: -math.log(softmax(z)[y]),
    "focal": of_focal,
    "label_aware_smoothing": of_smoothing,
    "ldam": of_ldam,
    "logit_adjusted": lambda loss, z, y, n: (
        -math.log(softmax([one + loss.tau * math.log(c / sum(n)) for one, c in zip(z, n, strict=True)])[y])
    ),
    "vs": of_vs,
    "weighted_cross_entropy": of_weighted,
}
