"""A model as one network of torch, from decoded images to scores: what is exported, and what Grad-CAM looks into.

It is put together of what the model's family, backbone and post-hoc rule say of themselves, and knows none of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from tasks.calibration import Calibration
from tasks.errors import InputError
from tasks.features.backbones import Backbone
from tasks.registry import components
from tasks.rules import Rule
from tasks.scores import has_probabilities
from tasks.squaring import Squared
from tasks.train.layers import constant
from tasks.train.models import Model

Scoring = Callable[[Tensor], Tensor]


class Seen(nn.Module):
    """Decoded images, uint8 (n, h, w, 3) of any size, as a backbone's network is shown them, (n, 3, s, s)."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.squared = Squared(backbone.image_size, backbone.resize)
        self.mean, self.deviation = (
            constant(np.reshape(values, (3, 1, 1))) for values in (backbone.mean, backbone.deviation)
        )

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        shown: Tensor = (self.squared(images) - self.mean) / self.deviation
        return shown


class Network(nn.Module):
    """A model.

    Attributes
    ----------
    seen, maps, pool
        From images to the backbone's last maps and to features; they change nothing for a family on images.
    fits
        From features to scores, a network a seed.
    steepness, shift
        What the post-hoc rule multiplies scores by, and what it then adds to each class's, shape (K,).
    mixes
        Whether the mean is that of the seeds' probabilities, not of their scores.
    """

    def __init__(
        self,
        body: tuple[nn.Module, nn.Module, nn.Module],
        fits: list[nn.Module],
        shift: np.ndarray,
        steepness: float = 1.0,
        *,
        mixes: bool = False,
    ) -> None:
        super().__init__()
        self.seen, self.maps, self.pool = body
        self.mixes = mixes
        self.fits = nn.ModuleList(fits)
        self.shift, self.steepness = constant(shift), steepness

    @property
    def cuts(self) -> list[tuple[Scoring, Scoring]]:
        """What makes last maps, (n, c, y, x), of images, and what makes scores of those, before the post-hoc rule.

        One pair of a model on a backbone; of a family on images one a seed, whose scores add up to those of the model.
        None at all where its networks don't show their maps, or where their probabilities are what is added.
        """
        if not isinstance(self.maps, nn.Identity):
            return [(nn.Sequential(self.seen, self.maps), self.of_maps)]
        halves = [tuple(fit) for fit in self.fits if isinstance(fit, nn.Sequential) and len(fit) == 2]
        seeds = len(self.fits)
        return (
            [(maps, partial(_share, scores, seeds)) for maps, scores in halves]
            if not self.mixes and len(halves) == seeds
            else []
        )

    def of_maps(self, maps: Tensor) -> Tensor:
        """Scores before the post-hoc rule, (n, K), the mean of all seeds, of the backbone's last maps."""
        features = self.pool(maps)
        each = torch.stack([fit(features) for fit in self.fits])
        return each.log_softmax(2).logsumexp(0) - math.log(len(each)) if self.mixes else each.mean(0)

    def forward(self, images: Tensor) -> Tensor:
        """Scores as `Model.predict` has them, (n, K), for images uint8 (n, h, w, 3)."""
        scores = self.of_maps(self.maps(self.seen(images)))
        return (scores if self.steepness == 1 else scores * self.steepness) + self.shift


class Answers(nn.Module):
    """What an exported network answers: scores, probabilities where there are some, and the code of the decision.

    Attributes
    ----------
    network
        The model.
    kind
        Of its scores.
    rule
        How they are read (`tasks.rules.Rule`); None: the largest score is the decision, and probabilities are its
        softmax.
    """

    def __init__(self, network: Network, kind: str, rule: Rule | None) -> None:
        super().__init__()
        self.network, self.kind, self.rule = network, kind, rule
        self.names = ["scores", *(["probabilities"] if has_probabilities(kind) else []), "label"]

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """See `names`."""
        scores = self.network(images)
        if not has_probabilities(self.kind):
            return scores, self._decided(scores, scores, scores)
        if self.rule is None or self.rule.calibration is None:
            return scores, scores.softmax(1), self._decided(scores, scores, scores.softmax(1))
        probabilities = _corrected(scores, self.rule.calibration)
        return scores, probabilities, self._decided(scores, probabilities.log(), probabilities)

    def _decided(self, scores: Tensor, logs: Tensor, probabilities: Tensor) -> Tensor:
        """As `Rule.decide`."""
        rule = self.rule
        if rule is None:
            return scores.argmax(1)
        costs = rule.goal.costs(rule.classes)
        if costs is not None and rule.calibration is not None:
            return (probabilities @ _numbers(costs)).argmin(1)
        if rule.goal.of_class is None or rule.cutoff is None:
            return scores.argmax(1)
        code = rule.classes.index(rule.goal.of_class)
        others = [other for other in range(len(rule.classes)) if other != code]
        evidence = logs[:, code]
        if has_probabilities(self.kind):
            evidence = evidence - logs[:, others].logsumexp(1)
        best = torch.tensor(others)[scores[:, others].argmax(1)]
        return torch.where(evidence >= rule.cutoff, code, best)


def _share(scores: nn.Module, seeds: int, maps: Tensor) -> Tensor:
    """What one seed adds to a model's scores."""
    share: Tensor = scores(maps) / seeds
    return share


def _corrected(scores: Tensor, calibration: Calibration) -> Tensor:
    """As `Calibration.probabilities`."""
    shares = (scores / calibration.temperature + _numbers(calibration.offsets)).softmax(1)
    mixed = calibration.floor + (1 - calibration.floor * scores.shape[1]) * shares
    mixed = mixed * _numbers(calibration.mix / calibration.shares)
    return mixed / mixed.sum(1, keepdim=True)


def _numbers(values: np.ndarray) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


def network_of(model: Model, strategy: str, verb: str) -> Network:
    """A model as a network in evaluation mode, all of whose numbers stay as they are.

    Parameters
    ----------
    model
        The model.
    strategy, verb
        What messages call it, and what it can't be: "exported".

    Raises
    ------
    InputError
        Its family, backbone or post-hoc rule is no network.
    """
    fits = [fitted.module() for fitted in model.fits]
    networks = [fit for fit in fits if fit is not None]
    if len(networks) < len(fits):
        able = [name for name, one in components("tasks.train.families").items() if one.is_network]
        raise InputError(
            f"{strategy}: a model of the family {model.family.name!r} is no network, so it can't be {verb}; "
            f"those of {', '.join(able[:-1])} and {able[-1]} can: name a strategy with one of them"
        )
    shift = model.posthoc.shift(model.fits[0].prior)
    if shift is None:
        raise InputError(
            f"{strategy}: its post-hoc rule {model.posthoc.name!r} does more than scale scores and add a "
            f"number to each class's, so it can't be {verb}; name a strategy with another one"
        )
    body: tuple[nn.Module, nn.Module, nn.Module] = (nn.Identity(), nn.Identity(), nn.Identity())
    if model.backbone is not None:
        made = model.backbone.module()
        if made is None:
            raise InputError(
                f"{strategy}: the backbone {model.backbone.name!r} does not show its network, so the model can't be "
                f"{verb}; name a strategy with another one"
            )
        if model.backbone.precision != "float32":
            raise InputError(
                f"{strategy}: its features were computed as {model.backbone.precision}, and a network of float32 would "
                f"give others, so it can't be {verb}: set precision: float32 for the backbone, and `equipoise run`"
            )
        body = (Seen(model.backbone), made[0], made[1])
    network = Network(body, networks, shift, model.posthoc.steepness(), mixes=model.vote == "probabilities").eval()
    return network.requires_grad_(False)
