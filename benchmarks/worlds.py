"""Simulated worlds with scores, for `judge.py`: how images of classes are scored, and what is then true.

A class's images lie around a place of their own. What an image and its relatives share, what is its own, and what a fit
sees of it are noises whose variances sum to 1, so that the scores of a world with `sure` 1 and `prior` are the exact
log-probabilities (up to the noise that all images of a fit have in common).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.evaluate.scored import Scored
from tasks.statistics.folds import deal_folds

SHARED, OWN = 0.5, 0.3  # of the variance of what is seen of an image: of its group, of itself; the rest is of the fit
MOST = 4  # images a group
FITS = 3


@dataclass(frozen=True)
class World:
    """How scores come about.

    Attributes
    ----------
    groups
        Of each class, in a dataset.
    apart
        How far a class's images stand out in its score.
    sure
        What scores are multiplied by: above 1 they are too sure.
    prior
        Whether scores know the classes' shares; scores of a remedy that balances don't.
    unlike
        Standard deviation of what a fit adds to a class's scores, of all images alike.
    """

    groups: tuple[int, ...] = (120, 40, 4)
    apart: float = 2.0
    sure: float = 1.0
    prior: bool = True
    unlike: float = 0.1

    @property
    def classes(self) -> list[str]:
        """Names; the first class is the largest."""
        return [f"{chr(97 + code)}{number}" for code, number in enumerate(self.groups)]

    @property
    def shares(self) -> np.ndarray:
        """Of the classes among the images, on average."""
        return np.array(self.groups) / sum(self.groups)

    def dataset(self, stream: np.random.Generator, fits: int = FITS, offsets: np.ndarray | None = None) -> Scored:
        """Out-of-fold scores of one dataset, with groups of one to four images."""
        sizes = [stream.integers(1, MOST + 1, number) for number in self.groups]
        labels = np.repeat(np.arange(len(sizes)), [of_class.sum() for of_class in sizes])
        groups = np.repeat(np.arange(sum(self.groups)), np.concatenate(sizes))
        scores = self._scores(stream, labels, groups, fits, offsets)
        folds = np.tile(deal_folds(labels, groups), (fits, 1))
        return Scored(self.classes, np.arange(len(labels)), labels, groups, scores, folds=folds)

    def large(self, stream: np.random.Generator, each: int, fits: int, offsets: np.ndarray | None = None) -> Scored:
        """As many images of each class, none with a relative; weights of the classes' sizes make it the world's."""
        labels = np.repeat(np.arange(len(self.groups)), each)
        images = np.arange(len(labels))
        return Scored(self.classes, images, labels, images, self._scores(stream, labels, images, fits, offsets))

    def offsets(self, stream: np.random.Generator, fits: int) -> np.ndarray:
        """What each fit adds to the scores of each class, shape (S, 1, K)."""
        found: np.ndarray = stream.normal(0, self.unlike, (fits, 1, len(self.groups)))
        return found

    def _scores(
        self,
        stream: np.random.Generator,
        labels: np.ndarray,
        groups: np.ndarray,
        fits: int,
        offsets: np.ndarray | None,
    ) -> np.ndarray:
        classes = len(self.groups)
        added = self.offsets(stream, fits) if offsets is None else offsets
        shared = stream.normal(0, SHARED**0.5, (groups.max() + 1, classes))[groups]
        seen = self.apart * np.eye(classes)[labels] + shared + stream.normal(0, OWN**0.5, (len(labels), classes))
        of_fits = seen + stream.normal(0, (1 - SHARED - OWN) ** 0.5, (fits, len(labels), classes))
        known = np.log(self.shares) if self.prior else 0.0
        scores: np.ndarray = self.sure * (self.apart * of_fits + known) + added
        return scores


WORLDS = {
    "as trained": World(),
    "too sure": World(sure=3.0),
    "balanced by a remedy": World(prior=False),
    "easy": World(apart=4.5),
    "hard": World(apart=0.8, prior=False),
    "many classes": World(groups=(60, 40, 30, 20, 15, 12, 12, 11, 10, 10, 6, 3), prior=False),
}
