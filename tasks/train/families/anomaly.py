"""The rare class as an outlier: one class is learnt, and an image that is far from it is taken for another.

What is rare is often no class of its own but all that isn't as it should be; nothing need be known of it then. Where
several other classes are to be told from each other, an outlier goes to the one whose mean is the most similar.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.errors import InputError, require_classes
from tasks.registry import OneOf
from tasks.scores import Kind, Scores
from tasks.statistics.scaling import unit_vectors
from tasks.train.detecting.shown import Memory, Shown
from tasks.train.detectors import Detector, FittedDetector
from tasks.train.detectors.mahalanobis import Mahalanobis
from tasks.train.families import Components, Family, Fit, Fitted, Log
from tasks.train.relatives import halves_of
from tasks.train.safe_arrays import read_arrays, write_arrays

if TYPE_CHECKING:
    from tasks.inputs import Inputs
    from tasks.train.rows import Rows

FILE = "model.safetensors"
INSIDE = 0.95  # of the normal class's own rows score below 0, by a detector that has not seen them
LEAST = 4  # rows of the normal class: two halves of two


class Anomaly(Family):
    """How much farther an image is from the normal class than the class's own images, in deviations of those.

    Each other class scores that distance, less how much less similar its mean is than that of the most similar one; the
    normal class scores minus the distance, so that both order images. With two classes nothing but rows of the normal
    one is learnt from.
    """

    name: Literal["anomaly"] = "anomaly"
    score: ClassVar[Kind] = "anomaly"
    takes: ClassVar[frozenset[str]] = frozenset()
    normal: str = Field("", description="The class that is learnt; empty: the one with the most rows.")
    detector: Annotated[Detector, OneOf()] = Field(
        default=Mahalanobis.model_validate({"name": "mahalanobis"}), description="The detector, with its settings."
    )

    @property
    def inputs(self) -> str:
        """What the detector looks at."""
        return self.detector.inputs

    @property
    def shown(self) -> dict[str, Any]:
        """See `Family`."""
        return {key: value for key, value in self.detector if key in ("image_size", "resize")}

    @property
    def called(self) -> str:
        """See `Family`."""
        return f"{self.name!r} with detector {self.detector.name!r}"

    def needed(self) -> tuple[str, ...]:
        """See `Family`."""
        return self.detector.packages

    def against_other_counts(self) -> str:
        """See `Family`."""
        if self.normal:
            return ""
        return "learns the class with the most rows, which may be another one then; name the class in family.normal"

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
        return self._fitted(Fit(rows, inputs, components, seed, fold, log), Memory(inputs.source))

    def fit_all(self, fits: Iterable[Fit]) -> Iterator[FittedAnomaly]:
        """See `Family`; what the detector computes of an image is remembered from fit to fit."""
        memory = None
        for one in fits:
            memory = memory if memory and memory.source is one.inputs.source else Memory(one.inputs.source)
            yield self._fitted(one, memory)

    def _fitted(self, fit: Fit, memory: Memory) -> FittedAnomaly:
        rows, seed = fit.rows, fit.seed
        classes, labels = len(rows.classes), rows.mostly
        self.require(rows.classes)
        most = int(np.bincount(labels, minlength=classes).argmax())
        normal = rows.classes.index(self.normal) if self.normal else most
        own = np.flatnonzero(labels == normal)
        if len(own) < LEAST:
            raise InputError(
                f"params.yaml: family.normal: class {rows.classes[normal]!r} has {len(own)} training rows, and at "
                f"least {LEAST} are needed to learn what is normal; name a class with more, or leave it empty"
            )
        shown = Shown(fit.inputs, self.backbone, fit.fold, memory)
        degrees = self.detector.of_unseen(shown.take(own), halves_of(rows.related[own]), seed, fit.folder)
        detector = self.detector.fit(shown.take(own), seed, fit.log, fit.folder)
        # Of two classes the other one has nothing to be told from, so its images are not looked at.
        vectors = detector.look(shown if classes > 2 else shown.take(own[:1])).vectors
        arrays = {
            "level": np.array([np.quantile(degrees, INSIDE), degrees.std() or 1.0]),
            "normal": np.array([normal]),
            "means": np.zeros((classes, vectors.shape[1]), dtype=np.float32),
        }
        if classes > 2:
            arrays["means"] = unit_vectors(np.eye(classes)[labels].T @ unit_vectors(vectors)).astype(np.float32)
        return FittedAnomaly(self.backbone, fit.fold, np.full(classes, 1 / classes), detector, arrays, memory)

    def load(self, folder: Path, prior: NDArray[np.float64], fold: int | None) -> FittedAnomaly:
        """See `Family`."""
        arrays = read_arrays(folder / FILE)
        return FittedAnomaly(self.backbone, fold, prior, self.detector.load(folder, arrays), arrays)


@dataclass(frozen=True)
class FittedAnomaly(Fitted):
    """A fitted detector.

    Attributes
    ----------
    backbone, fold
        Whose features it takes, where it takes some.
    prior
        Uniform: an anomaly score knows of none.
    detector
        What says how far an image is.
    arrays
        ``level``: of how far the normal class's own images are the quantile `INSIDE` and the deviation; ``normal``: its
        code; ``means``: shape (K, d), the direction of each class, zeros where there are two.
    memory
        What is remembered of the images that it was fitted on.
    """

    backbone: str
    fold: int | None
    prior: NDArray[np.float64]
    detector: FittedDetector
    arrays: dict[str, NDArray[Any]]
    memory: Memory | None = field(default=None, repr=False)

    def predict(self, inputs: Inputs) -> Scores:
        """Anomaly scores; see `Fitted`."""
        looked = self.detector.look(self._shown(inputs))
        level, normal = self.arrays["level"], self.normal
        similar = unit_vectors(looked.vectors).astype(np.float64) @ self.arrays["means"].T.astype(np.float64)
        similar[:, normal] = -np.inf
        far = (looked.degrees - level[0]) / level[1]
        scores = far[:, None] + similar - similar.max(axis=1, keepdims=True)
        scores[:, normal] = -far
        return Scores("anomaly", scores, self.prior)

    def places(self, inputs: Inputs) -> NDArray[np.float64] | None:
        """See `Fitted`."""
        found = self.detector.places(self._shown(inputs))
        return None if found is None else (found - self.arrays["level"][0]) / self.arrays["level"][1]

    def save(self, folder: Path) -> None:
        """See `Fitted`; safetensors, and what of the detector is no array."""
        write_arrays({**self.detector.arrays, **self.arrays}, folder / FILE)
        for name, content in self.detector.files.items():
            (folder / name).write_bytes(content)

    @property
    def normal(self) -> int:
        """The code of the class that was learnt."""
        return int(self.arrays["normal"][0])

    def _shown(self, inputs: Inputs) -> Shown:
        is_known = self.memory is not None and self.memory.source is inputs.source
        return Shown(inputs, self.backbone, self.fold, self.memory if is_known else None)
