"""What a classifier says of new images: for `equipoise predict` and for MLflow's pyfunc."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tasks.depth import top
from tasks.inputs import Inputs
from tasks.tables import SCORE_PREFIX
from tasks.train.classifier import Classifier

if TYPE_CHECKING:
    from tasks.new_images import Told
    from tasks.train.nearest import Reference

PROBABILITY_PREFIX = "probability."
LABEL, ERROR = "label", "error"
NEAREST, NEAREST_LABEL, DISTANCE, FARTHER = "nearest", "nearest.label", "distance", "distance.farther"
SHOWN = 5  # files that a sentence names


def columns(classifier: Classifier, nearest: bool = False) -> dict[str, type]:
    """The columns of `predicted` in their order, and whether each holds text or numbers."""
    scores = [SCORE_PREFIX + name for name in classifier.classes]
    shares = [PROBABILITY_PREFIX + name for name in classifier.classes] if classifier.has_probabilities else []
    found: dict[str, type] = {LABEL: str} | dict.fromkeys([*shares, *scores], float)
    if nearest:
        found |= {NEAREST: str, NEAREST_LABEL: str, DISTANCE: float, FARTHER: float}
    return found | {ERROR: str}


@dataclass(frozen=True)
class Predicted:
    """Answers for some images.

    Attributes
    ----------
    table
        A row an image, with the columns of `columns`; where an image can't be read, only `error` is filled.
    told
        What opening each image told, in the order of the rows.
    """

    table: pd.DataFrame
    told: list[Told]


def predicted(
    classifier: Classifier, images: Sequence[Path | bytes], workers: int = 1, reference: Reference | None = None
) -> Predicted:
    """Classify images.

    Parameters
    ----------
    classifier
        A strategy's.
    images
        Paths of image files, or the bytes of such.
    workers
        Number of processes; changes time only.
    reference
        Training images, of which the nearest is named.
    """
    inputs = classifier.model.inputs(images, workers, patient=True)
    found: dict[str, object] = {}
    told: list[Told] = []
    if images:
        scores = classifier.model.predict(inputs)
        found[LABEL] = np.array(classifier.classes, dtype=object)[classifier.decide(scores)]
        found |= _by_class(SCORE_PREFIX, classifier, scores.values)
        shares = classifier.probabilities(scores)
        if shares is not None:
            found |= _by_class(PROBABILITY_PREFIX, classifier, shares)
        if reference is not None:
            found |= _nearest(reference, classifier, inputs)
        told = [inputs.source.told[name] for name in inputs.ids]  # type: ignore[attr-defined]
    wanted = columns(classifier, nearest=reference is not None)
    table = pd.DataFrame(found, index=range(len(images)), columns=list(wanted))
    wrong = np.array([bool(one.error) for one in told], dtype=bool)
    for name, kind in wanted.items():
        table[name] = table[name].astype(float if kind is float else object)
        table.loc[wrong, name] = np.nan if kind is float else None
    table[ERROR] = pd.Series([one.error or None for one in told], dtype=object)
    return Predicted(table, told)


def _by_class(prefix: str, classifier: Classifier, values: np.ndarray) -> Mapping[str, np.ndarray]:
    return {prefix + name: values[:, code] for code, name in enumerate(classifier.classes)}


def _nearest(reference: Reference, classifier: Classifier, inputs: Inputs) -> Mapping[str, object]:
    [backbone] = classifier.model.backbones
    rows, distances = reference.nearest(inputs.features(backbone))
    return {
        NEAREST: [reference.paths[row] for row in rows],
        NEAREST_LABEL: [reference.labels[row] for row in rows],
        DISTANCE: distances,
        FARTHER: reference.share_farther(distances),
    }


@dataclass
class Scale:
    """Files of 16 bits a value, gathered for what is told of their scale.

    Attributes
    ----------
    depth
        That of the model.
    """

    depth: int
    number: int = 0
    most: int = 0
    deeper: list[str] = field(default_factory=list)
    beyond: int = 0

    def add(self, name: str, told: Told) -> None:
        """One image, and what opening it told."""
        if told.bits is None:
            return
        self.number += 1
        self.most = max(self.most, told.bits)
        if told.bits > self.depth:
            self.beyond += 1
            if len(self.deeper) < SHOWN:
                self.deeper.append(name)

    def sentence(self) -> str:
        """What is to be told of files that the model sees much darker than in training, or cut off at white."""
        if self.number and self.most < self.depth:
            have = "1 image has" if self.number == 1 else f"{self.number:,} images have"
            return (
                f"{have} 16 bits a value of which at most {self.most} are used, and the model's scale is {self.depth} "
                f"bits, on which they are dark: if {top(self.most)} is their white, scale them to 0 to "
                f"{top(self.depth)}, or save them with 8 bits"
            )
        if not self.beyond:
            return ""
        have = "1 image has" if self.beyond == 1 else f"{self.beyond:,} images have"
        return (
            f"{have} values above {top(self.depth)}, the white of the model's {self.depth} bits: cut off there, and "
            f"brighter than in training. Scale such images to 0 to {top(self.depth)}, or train with some of them, for "
            f"instance {', '.join(self.deeper)}"
        )
