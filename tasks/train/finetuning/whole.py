"""A network with its classifier, and as it is shown: from decoded images to scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tasks.errors import InputError
from tasks.model_folders.last_maps import LastMaps
from tasks.squaring import Squared
from tasks.train.layers import Directions, constant
from tasks.train.networks import Network

CENTRE = "scores.2.centre"  # in the state of a network whose last layer takes directions from there
PREDICTED = 16  # images a forward pass; short batches are padded, since last bits may follow the size of a batch


class Whole(nn.Module):
    """Stages, the mean over all places, and a linear classifier.

    Attributes
    ----------
    mean, deviation
        Of the RGB values, 0 to 255, as the stages want them; no weights.
    stages, scores
        From normalised images to the last maps, and from those to scores.
    stage_of
        To which stage, from 0, each parameter of the stages belongs, by its name here.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, stages: nn.Sequential | LastMaps, channels: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(3))
        self.register_buffer("deviation", torch.ones(3))
        self.stages = stages
        self.scores = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))

    @property
    def stage_of(self) -> dict[str, int]:
        """See the class."""
        if isinstance(self.stages, LastMaps):
            numbers = self.stages.numbers
        else:
            numbers = {name: int(name.partition(".")[0]) for name, _ in self.stages.named_parameters()}
        return {f"stages.{name}": number for name, number in numbers.items()}

    @property
    def depth(self) -> int:
        """Number of stages."""
        return 1 + max(self.stage_of.values())

    def freeze(self, stages: int) -> None:
        """Let the first stages stay as in evaluation (`InputError` where there are not so many)."""
        if stages > self.depth:
            raise InputError(f"frozen: {stages}, but the network has {self.depth} stages; write at most that")
        stage_of = self.stage_of
        for name, one in self.named_parameters():
            if stage_of.get(name, stages) < stages:
                one.requires_grad_(False)
        for module in self.stages.modules():
            own = list(module.parameters())
            if own and not any(one.requires_grad for one in own):
                module.eval()

    def forward(self, images: Tensor) -> Tensor:
        """RGB values, float32 (n, 3, s, s), to scores, (n, K)."""
        scores: Tensor = self.scores(self.stages(self.normalised(images)))
        return scores

    def laid_out(self, layout: torch.memory_format) -> Whole:
        """Itself, the weights of its convolutions in this order of numbers."""
        for one in self.parameters():
            if one.ndim == 4:
                one.data = one.data.contiguous(memory_format=layout)
        return self

    def begin_with(self, weights: Mapping[str, Tensor]) -> None:
        """Take the stages, and the colours that they want, of another network of the kind; its classifier stays."""
        kept = {name: value for name, value in self.state_dict().items() if name.startswith("scores.")}
        self.load_state_dict({**weights, **kept})

    def normalised(self, images: Tensor) -> Tensor:
        """RGB values as the stages want them."""
        return (images - self.mean[:, None, None]) / self.deviation[:, None, None]


def new_network(
    network: Network, prior: NDArray[np.float64], shown: tuple[NDArray[np.float64], NDArray[np.float64]], seed: int
) -> Whole:
    """A network as training begins with it.

    The classifier's bias is the log prior and its weights are near 0, as in the family `head`.

    Parameters
    ----------
    network
        Its stages.
    prior
        Shape (K,).
    shown
        Mean and deviation of the training images' RGB values, for networks that were not pretrained with others.
    seed
        Of all that starts by chance.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = Whole(network.stages(), network.channels, len(prior))
        weight, bias = made.scores.parameters()
        with torch.no_grad():
            weight.uniform_(-1, 1).div_(10 * network.channels**0.5)
            bias.copy_(torch.tensor(np.log(prior)))
    mean, deviation = network.normalisation or shown
    made.mean.copy_(torch.tensor(mean))
    made.deviation.copy_(torch.tensor(deviation))
    return made


def last_layer(state: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Weights, (K, d), and biases, (K,), of a network's classifier."""
    own = "scores.3" if CENTRE in state else "scores.2"
    return state[f"{own}.weight"], state[f"{own}.bias"]


def fitted_network(network: Network, state: Mapping[str, Tensor], described: Mapping[str, Any]) -> Whole:
    """A network with the weights that training left, in evaluation mode; `described` is the network's own."""
    classes, channels = last_layer(state)[0].shape
    with torch.random.fork_rng(devices=[]):
        made = Whole(network.rebuilt(described), channels, classes)
    if CENTRE in state:  # a classifier of cosines
        made.scores.insert(2, Directions(state[CENTRE].numpy()))
    made.load_state_dict(state)
    return made.eval().requires_grad_(False)


def batches_of(images: NDArray[np.uint8], layout: torch.memory_format) -> Iterator[tuple[Tensor, int]]:
    """Images, uint8 (n, s, s, 3), as full batches for a `Whole`, and how many of each are real."""
    for start in range(0, len(images), PREDICTED):
        part = images[start : start + PREDICTED]
        batch = torch.zeros((PREDICTED, *part.shape[1:]))
        batch[: len(part)] = torch.from_numpy(part)
        yield batch.permute(0, 3, 1, 2).contiguous(memory_format=layout), len(part)


class Shown(nn.Module):
    """Decoded images, uint8 (n, h, w, 3) of any size, as the stages of a fitted `Whole` want them."""

    def __init__(self, whole: Whole, size: int, resize: str) -> None:
        super().__init__()
        self.squared = Squared(size, resize)
        self.mean, self.deviation = (constant(one.numpy()[:, None, None]) for one in (whole.mean, whole.deviation))

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        shown: Tensor = (self.squared(images) - self.mean) / self.deviation
        return shown


def as_module(whole: Whole, size: int, resize: str) -> nn.Sequential:
    """A fitted network as two: from decoded images to the last maps, and from those to scores."""
    return nn.Sequential(nn.Sequential(Shown(whole, size, resize), whole.stages), whole.scores).eval()
