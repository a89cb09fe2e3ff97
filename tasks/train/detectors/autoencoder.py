"""An autoencoder on pixels: what it never saw it can't put together again (Sakurada and Yairi, MLSDA 2014)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.statistics.scaling import Standardisation
from tasks.train.detecting.settings import Settings
from tasks.train.detectors import Arrays, Detector, FittedDetector, Looked

if TYPE_CHECKING:
    from tasks.train.detecting.pixels import Network
    from tasks.train.detecting.shown import Shown
    from tasks.train.families import Log

READ = 256  # images that are read at a time
WEIGHT = "network."  # begins the names of the network's weights


class Autoencoder(Settings, Detector):
    """The squared error of the standardised pixels, of squares of 8 by 8 of them: their mean, or the largest.

    Convolutions halve the sides three times, to `code` numbers for each 8 by 8 pixels, and others double them again;
    AdamW, the rate falling along half a cosine.
    """

    name: Literal["autoencoder"] = "autoencoder"
    inputs: ClassVar[str] = "images"
    packages: ClassVar[tuple[str, ...]] = ("safetensors", "torch")

    def fit(self, normal: Shown, seed: int, log: Log, folder: Path | None = None) -> FittedAutoencoder:
        """See `Detector`; with a checkpoint after every epoch."""
        from tasks.train.detecting.pixels import Training

        training = Training(self, normal, seed, log, folder)
        training.run()
        weights = {WEIGHT + name: one.numpy().copy() for name, one in training.network.state_dict().items()}
        colour = {"pixel_mean": training.seen[0], "pixel_deviation": training.seen[1]}
        made = FittedAutoencoder(self, weights | colour)
        codes = np.stack([code for _, code in made.each(normal)])
        return FittedAutoencoder(self, {**made.arrays, **vars(Standardisation.of(codes))})

    def load(self, folder: Path, arrays: Arrays) -> FittedAutoencoder:
        """See `Detector`."""
        return FittedAutoencoder(self, arrays)


@dataclass(frozen=True)
class FittedAutoencoder(FittedDetector):
    """What came of an `Autoencoder`.

    Attributes
    ----------
    component
        What was chosen.
    arrays
        The weights, by names that begin with ``network.``; ``pixel_mean`` and ``pixel_deviation`` of the normal images'
        RGB values; ``mean`` and ``deviation`` of what `tasks.train.detecting.pixels.looks` says of their worst places.
    """

    component: Autoencoder
    arrays: Arrays

    @cached_property
    def _network(self) -> Network:
        import torch

        from tasks.train.detecting.pixels import fitted_network

        own = {name: one for name, one in self.arrays.items() if name.startswith(WEIGHT)}
        state = {name.removeprefix(WEIGHT): torch.tensor(one) for name, one in own.items()}
        return fitted_network(self.component.width, self.component.code, state)

    def each(self, shown: Shown) -> list[tuple[NDArray[np.float64], NDArray[np.float32]]]:
        """The errors of squares, (y, x), and what the worst one looks like, of each image."""
        from tasks.train.detecting.pixels import looks

        found: list[tuple[NDArray[np.float64], NDArray[np.float32]]] = []
        for batch in shown.batches(READ):
            images = batch.inputs.images(self.component.image_size, self.component.resize)
            found += looks(self._network, images, self.arrays["pixel_mean"], self.arrays["pixel_deviation"])
        return found

    def look(self, shown: Shown) -> Looked:
        """See `FittedDetector`; vectors are what the worst places look like."""
        found = self.each(shown)
        degrees = [cells.mean() if self.component.error == "mean" else cells.max() for cells, _ in found]
        standard = Standardisation(self.arrays["mean"], self.arrays["deviation"])
        codes = np.array([code for _, code in found], dtype=np.float32).reshape(-1, len(standard.mean))
        return Looked(np.array(degrees, dtype=np.float64), standard(codes))

    def places(self, shown: Shown) -> NDArray[np.float64]:
        """See `FittedDetector`."""
        return np.stack([cells for cells, _ in self.each(shown)])
