"""The rare class as an outlier: one class is learnt, and an image that is far from it is taken for another.

What is rare is often no class of its own but all that isn't as it should be; nothing need be known of it then. Where
several other classes are to be told from each other, an outlier goes to the one whose mean is the most similar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from safetensors.numpy import load_file, save

from tasks.errors import InputError, require_classes
from tasks.registry import OneOf
from tasks.scores import Kind, Scores
from tasks.statistics.scaling import Standardisation, unit_vectors
from tasks.train.detectors import Detector
from tasks.train.detectors.mahalanobis import Mahalanobis
from tasks.train.families import Components, Family, Fitted, Log
from tasks.train.skops_bytes import read_skops, write_skops

if TYPE_CHECKING:
    from tasks.inputs import Inputs
    from tasks.train.rows import Rows

ARRAYS, DETECTOR = "model.safetensors", "detector.skops"
INSIDE = 0.95  # of the normal class's own rows score below 0, by a detector that has not seen them
LEAST = 4  # rows of the normal class: two halves of two


class Anomaly(Family):
    """How much farther an image's standardised features are from the normal class than its own rows, in deviations.

    The normal class scores 0, each other one that distance, less how much less similar its mean is than that of the
    most similar other class. With two classes nothing but rows of the normal one is learnt from.
    """

    name: Literal["anomaly"] = "anomaly"
    score: ClassVar[Kind] = "anomaly"
    takes: ClassVar[frozenset[str]] = frozenset()
    packages: ClassVar[tuple[str, ...]] = ("safetensors", "scikit-learn", "skops")
    normal: str = Field("", description="The class that is learnt; empty: the one with the most rows.")
    detector: Annotated[Detector, OneOf()] = Field(
        default=Mahalanobis.model_validate({"name": "mahalanobis"}), description="The detector, with its settings."
    )

    def require(self, classes: Sequence[str]) -> None:
        """See `Component`."""
        require_classes([self.normal] if self.normal else [], classes, "params.yaml: family.normal")

    def fit(
        self, rows: Rows, inputs: Inputs, components: Components, seed: int, fold: int | None, log: Log
    ) -> FittedAnomaly:
        """See `Family`; a mixed row counts as the class of its larger share.

        Raises
        ------
        InputError
            There is no class `normal`, or it has fewer than `LEAST` rows.
        """
        values = inputs.features(self.backbone, fold)
        classes, labels = len(rows.classes), rows.mostly
        self.require(rows.classes)
        most = int(np.bincount(labels, minlength=classes).argmax())
        normal = rows.classes.index(self.normal) if self.normal else most

        own = values[labels == normal]
        if len(own) < LEAST:
            raise InputError(
                f"params.yaml: family.normal: class {rows.classes[normal]!r} has {len(own)} training rows, and at "
                f"least {LEAST} are needed to learn what is normal; name a class with more, or leave it empty"
            )
        standard = Standardisation.of(own)
        degrees = self._of_unseen(standard(own), seed)
        detector = self.detector.make(seed).fit(standard(own))
        arrays = vars(standard) | {
            "level": np.array([np.quantile(degrees, INSIDE), degrees.std() or 1.0]),
            "normal": np.array([normal]),
            "means": np.zeros((classes, values.shape[1]), dtype=np.float32),
        }
        if classes > 2:
            summed = np.eye(classes)[labels].T @ unit_vectors(standard(values))
            arrays["means"] = unit_vectors(summed).astype(np.float32)
        prior = np.full(classes, 1 / classes)
        return FittedAnomaly(self.backbone, fold, prior, self.detector, detector, arrays)

    def _of_unseen(self, rows: NDArray[np.float32], seed: int) -> NDArray[np.float64]:
        """How far the normal rows are, each half from the other: from itself no row is far."""
        degrees = np.empty(len(rows))
        for half in (0, 1):
            detector = self.detector.make(seed).fit(rows[1 - half :: 2])
            degrees[half::2] = self.detector.degrees(detector, rows[half::2])
        return degrees

    def load(self, folder: Path, prior: NDArray[np.float64], fold: int | None) -> FittedAnomaly:
        """See `Family`."""
        detector = read_skops(folder / DETECTOR, self.detector.trusted)
        return FittedAnomaly(self.backbone, fold, prior, self.detector, detector, load_file(folder / ARRAYS))


@dataclass(frozen=True)
class FittedAnomaly(Fitted):
    """A fitted detector.

    Attributes
    ----------
    backbone, fold
        Whose features it takes.
    prior
        Uniform: an anomaly score knows of none.
    component, detector
        What was chosen, and what came of it.
    arrays
        ``mean`` and ``deviation`` of the normal class's features; ``level``: of its own distances the quantile `INSIDE`
        and the deviation; ``normal``: its code; ``means``: shape (K, d), the direction of each class, zeros where there
        are two.
    """

    backbone: str
    fold: int | None
    prior: NDArray[np.float64]
    component: Detector
    detector: Any
    arrays: dict[str, NDArray[Any]]

    def predict(self, inputs: Inputs) -> Scores:
        """Anomaly scores; see `Fitted`."""
        standard = Standardisation(self.arrays["mean"], self.arrays["deviation"])
        values = standard(inputs.features(self.backbone, self.fold))
        level, normal = self.arrays["level"], int(self.arrays["normal"][0])
        far = self.component.degrees(self.detector, values) if len(values) else np.zeros(0)
        similar = unit_vectors(values).astype(np.float64) @ self.arrays["means"].T.astype(np.float64)
        similar[:, normal] = -np.inf
        scores = ((far - level[0]) / level[1])[:, None] + similar - similar.max(axis=1, keepdims=True)
        scores[:, normal] = 0
        return Scores("anomaly", scores, self.prior)

    def save(self, folder: Path) -> None:
        """See `Fitted`; safetensors and skops."""
        (folder / ARRAYS).write_bytes(save(self.arrays))
        write_skops(self.detector, folder / DETECTOR)
