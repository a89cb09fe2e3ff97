"""The worst mistakes: what the model is surest of and wrong about, beside the training images that are most like it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.evaluate.scored import Scored
from tasks.features import Features
from tasks.images import open_rgb
from tasks.page import thumbnail
from tasks.statistics.scaling import Standardisation, unit_vectors

MOST = 12  # mistakes: a page that shows more is not looked at
LEAST = 2  # of a class, as long as there is room
CANDIDATES = 1_000  # training images of a class among which the nearest is looked for
SIDE = 120  # pixels of a small picture


@dataclass(frozen=True)
class Picture:
    """An image as the report shows it: its path below ``data/raw``, its class, and a data URI."""

    path: str
    label: str
    small: str


@dataclass(frozen=True)
class Mistake:
    """An image that is surely taken for another class.

    Attributes
    ----------
    image
        The image.
    predicted
        The class that it is taken for.
    probability, own_probability
        Of that class, and of its own, by models that had not seen it; means over the fits.
    alike
        The training image of the predicted class that is nearest in the features; None where there are no features.
    own
        The nearest one of its own class; None also where the models saw no other of it.
    """

    image: Picture
    predicted: str
    probability: float
    own_probability: float
    alike: Picture | None
    own: Picture | None


def decided(scored: Scored) -> tuple[np.ndarray, np.ndarray]:
    """The class that most fits decide for, the first of them where several tie, and its mean probability; (n,) each."""
    votes = np.stack([(scored.decisions == code).sum(axis=0) for code in range(len(scored.classes))])
    codes = votes.argmax(axis=0)
    return codes, _shares(scored)[np.arange(len(codes)), codes]


def _shares(scored: Scored) -> np.ndarray:
    """The mean probability of each class over the fits, corrected where decisions are; shape (n, K)."""
    shares = scored.probabilities if scored.corrected is None else np.exp(scored.corrected)
    return np.asarray(shares.mean(axis=0))


def worst(scored: Scored) -> list[int]:
    """The images that are wrongly decided with most confidence, the rarest classes first; places in `scored`.

    Of each group of relatives one is shown, and of each class as many as there is room for, at least `LEAST`.
    """
    codes, confidence = decided(scored)
    classes = [int(code) for code in np.argsort(scored.class_counts, kind="stable")]
    quota = max(LEAST, MOST // len(classes))
    chosen: list[int] = []
    for code in classes:
        wrong = np.flatnonzero((scored.labels == code) & (codes != code))
        surest_first = wrong[np.argsort(-confidence[wrong], kind="stable")]
        first_of_group = np.sort(np.unique(scored.groups[surest_first], return_index=True)[1])
        chosen += [int(place) for place in surest_first[first_of_group][:quota]]
    return chosen[:MOST]


def worst_mistakes(
    scored: Scored, training: pd.DataFrame, paths: dict[str, str], raw: Path, depth: int, features: Path | None
) -> list[Mistake]:
    """The worst mistakes with their pictures.

    Parameters
    ----------
    scored
        Out-of-fold scores of the strategy, which have probabilities.
    training
        The training rows of the table `SPLITS`, first repeat.
    paths
        Of each image below `raw`.
    raw
        The folder of the images.
    depth
        Bits of 16-bit values that are shown.
    features
        The folder of the strategy's features; None where it has none.
    """
    codes, confidence = decided(scored)
    own_confidence = _shares(scored)[np.arange(len(codes)), scored.labels]
    rows = training.sort_values("image_id", ignore_index=True)  # a hash of the content: a fair draw of candidates
    row_of = dict(zip(rows["image_id"], rows.index, strict=True))
    near = _Nearest(rows, features) if features is not None else None

    def picture(row: int) -> Picture:
        path = paths[rows["image_id"].iloc[row]]
        return Picture(path, str(rows["label"].iloc[row]), thumbnail(open_rgb(raw / path, depth), SIDE))

    mistakes = []
    for place in worst(scored):
        row, predicted = row_of[scored.image_ids[place]], scored.classes[codes[place]]
        image = picture(row)
        found = [near.to(row, label) if near else None for label in (predicted, image.label)]
        alike, own = (None if one is None else picture(one) for one in found)
        chances = float(confidence[place]), float(own_confidence[place])
        mistakes.append(Mistake(image, predicted, *chances, alike, own))
    return mistakes


class _Nearest:
    """Finds the training image that is most like one of them, among those that the models which judge it have seen.

    Parameters
    ----------
    rows
        Training rows of the table `SPLITS`, first repeat.
    folder
        Of the features.
    """

    def __init__(self, rows: pd.DataFrame, folder: Path) -> None:
        self.rows = rows
        self.folder = folder
        self.loaded: dict[int, tuple[Features, Standardisation]] = {}

    def to(self, row: int, label: str) -> int | None:
        """Of the first `CANDIDATES` of a class the nearest by the cosine of standardised features; None without any."""
        own = self.rows.iloc[row]
        seen = (self.rows["fold"] != own["fold"]) & (self.rows["group"] != own["group"])
        few = np.flatnonzero(seen & (self.rows["label"] == label))[:CANDIDATES]
        if not len(few):
            return None
        features, standard = self._of_fold(int(own["fold"]))
        vectors = standard(features.take([*self.rows["image_id"].iloc[few], own["image_id"]]))
        scaled = unit_vectors(vectors)
        return int(few[(scaled[:-1] @ scaled[-1]).argmax()])

    def _of_fold(self, fold: int) -> tuple[Features, Standardisation]:
        """The features for the models of a fold, and their scale, from a fair draw."""
        if fold not in self.loaded:
            features = Features.load(self.folder, fold)
            drawn = self.rows.loc[self.rows["fold"] != fold, "image_id"].head(CANDIDATES)
            self.loaded[fold] = (features, Standardisation.of(features.take(list(drawn))))
        return self.loaded[fold]
