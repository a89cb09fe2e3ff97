"""Tell-tales: can a classifier tell a class's synthetic images from its real ones, and by what?

What tells them apart can be learnt as a sign of the class where only rare classes have synthetic images. The classifier
is that of the audit's probe (`tasks.audit.probe`); a two-sample test by a classifier is that of Lopez-Paz and Oquab,
Revisiting classifier two-sample tests, ICLR 2017. It is cross-fitted over the folds of the split, so that an image
is judged by a classifier that has seen neither it, nor its relatives, nor what the same model made of them or they of
the model: what it says is what the models of all folds have in common.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.audit.probe import MOST, Probed, Told, tell_apart
from tasks.audit.traces import OF_PIXELS, traces_of_pixels
from tasks.statistics.folds import deal_folds
from tasks.statistics.groups import FEWEST_GROUPS
from tasks.synthesize.gates.images import Made, Real, Sight, codes

SPECTRUM = "frequency spectrum"
RINGS = 12  # of equal width, from the lowest frequency to that of every second pixel


@dataclass(frozen=True)
class TellTale:
    """How well a class's synthetic images are told from its real ones.

    Attributes
    ----------
    real, synthetic
        How many images took part.
    told
        The areas under the ROC curve, .5 where they can't be told.
    """

    real: int
    synthetic: int
    told: Told

    def as_json(self) -> dict[str, Any]:
        """All of it; what `told` says beside the numbers."""
        return {"real": self.real, "synthetic": self.synthetic, **self.told.as_json()}


def tell_tale(made: Made, real: Real, sight: Sight, label: str) -> TellTale | str:
    """Tell them apart in one class, by up to `MOST` images of either kind; in a sentence why not, if so."""
    ours = np.flatnonzero(made.labels == label)[:MOST]
    folds = np.unique(made.folds[ours])
    within = len(folds) >= 2 and folds[0] >= 0
    of_label = real.labels == label
    if not within and (unseen := of_label & sight.unseen[np.unique(sight.model[ours])].all(axis=0)).any():
        of_label = unseen
    theirs = np.flatnonzero(of_label)[:MOST]
    groups = _together(sight.kin[ours], real.group_codes[theirs])
    is_new = np.arange(len(groups)) < len(ours)
    fewest = min(len(np.unique(groups[is_new])), len(np.unique(groups[~is_new])))
    if fewest < FEWEST_GROUPS:
        return f"{fewest} independent images of a kind are too few, {FEWEST_GROUPS} are needed"
    if within:
        given = np.concatenate([made.folds[ours], real.folds[theirs]]).astype(np.int64)
    else:
        given = deal_folds(is_new.astype(np.int64), groups)
    both = [fold for fold in np.unique(given) if len(np.unique(is_new[given == fold])) == 2]
    if len(both) < 2:
        return "synthetic and real images are in two folds together nowhere"
    properties = _joined(pixel_properties(made.pixels[ours]), pixel_properties(real.pixels[theirs]))
    properties |= _joined(_rows(made.files, ours), _rows(real.files, theirs))
    features = np.concatenate([made.features[ours], real.features[theirs]])
    told = tell_apart(Probed(is_new, groups, given), features, properties)
    return TellTale(len(theirs), len(ours), told)


def pixel_properties(pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """What can be measured of images whatever they show, by its name in words: each of shape (n, m).

    The properties of the audit that don't hang on a file, and the frequency spectrum.
    """
    traces = [traces_of_pixels(one) for one in pixels]
    found = {
        name: np.array([[one[column] for column in columns] for one in traces], dtype=np.float64)
        for name, columns in OF_PIXELS.items()
    }
    return {SPECTRUM: spectrum(pixels)} | found


def spectrum(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean power of the luminance in rings of the spatial frequencies, its logarithm, shape (n, `RINGS` or fewer).

    Generators that enlarge small pictures leave too much or too little in the highest (Durall, Keuper and Keuper, Watch
    your up-convolution, CVPR 2020).

    Parameters
    ----------
    pixels
        Shape (n, side, side, 3), uint8.
    """
    side = pixels.shape[1]
    frequency = np.fft.fftfreq(side)
    radius = np.hypot(frequency[:, None], frequency[None, :])
    rings = min(RINGS, side // 2)
    ring = np.minimum((radius * 2 * rings).astype(np.int64), rings)  # the corners, beyond every second pixel, are last
    weights = np.array([0.299, 0.587, 0.114])
    found = []
    for one in pixels:
        grey = one.astype(np.float64) @ weights
        power = np.abs(np.fft.fft2(grey - grey.mean())) ** 2 / side**2
        found.append(np.log(np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel()) + 1e-3))
    return np.array(found)


def _together(kin: NDArray[np.int64], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Groups of synthetic, then of real images: made of a real one, an image belongs to its group; else it is alone."""
    alone = -1 - np.arange(len(kin))
    return codes(np.concatenate([np.where(kin < 0, alone, kin), groups]))


def _rows(values: Mapping[str, NDArray[np.float64]], rows: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    return {name: one[rows] for name, one in values.items()}


def _joined(
    first: Mapping[str, NDArray[np.float64]], second: Mapping[str, NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    """One above the other, of what was measured of both."""
    return {name: np.concatenate([first[name], second[name]]) for name in first if name in second}
