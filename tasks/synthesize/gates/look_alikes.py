"""Look-alikes: which synthetic images show what another image shows, as stage `group` decides it of real ones.

Candidates are the nearest images in features and in fine detail, as they are and mirrored. One is confirmed by its
likeness (`tasks.group.likeness`), which must exceed what both have with images of their class that are surely no
relatives (`tasks.group.near`). Only real images serve as these: a generator that repeats itself makes nothing usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.group.glances import reduced, spectra
from tasks.group.likeness import Likeness, picture, turned
from tasks.group.near import all_likenesses, least, thresholds
from tasks.statistics.scaling import unit_vectors
from tasks.synthesize.gates.images import OfClass

TURNED = (0, 1)  # as it is, and mirrored (`tasks.fingerprints.TURNS`)
CANDIDATES = 3  # nearest images, in features and in detail
BLOCK = 256  # images that are compared with all others at once
REMEMBERED = 100  # images whose normalised pictures are held


@dataclass(frozen=True)
class Copy:
    """A synthetic image that is nearly a real one: their places within the class, how alike, and the turn."""

    made: int
    real: int
    likeness: float
    turn: int


class LookAlikes:
    """The images of one class, to be compared closely.

    Parameters
    ----------
    made, real
        Their pixels, shape (m, side, side, 3) and (n, side, side, 3), uint8, in ascending order of ids.
    images
        The same in feature space.
    max_size
        The most images that show one thing: `group.max_size` of `params.yaml`.
    workers
        Number of processes; changes time only.
    """

    def __init__(
        self, made: NDArray[np.uint8], real: NDArray[np.uint8], images: OfClass, max_size: int, workers: int
    ) -> None:
        self.made, self.real, self.images, self.workers = made, real, images, workers
        shown = np.stack([picture(Image.fromarray(one)) for one in [*real, *made]])
        small = reduced(shown)
        self.pictures = shown
        ours = len(real)
        mirrored = [reduced(np.stack([turned(one, turn) for one in shown[ours:]])) for turn in TURNED[1:]]
        details = spectra(np.concatenate([small, *mirrored]))
        self.details = details[: len(shown)]
        self.turned_details = [details[start : start + len(made)] for start in range(ours, len(details), len(made))]
        known = np.arange(len(shown)) < ours
        labels = np.zeros(len(shown), dtype=np.int64)
        needed = thresholds(shown, small, labels, max_size, workers, known)
        self.needed = np.maximum(needed, least(np.array([made.shape[1]]))[0])

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """Features of length 1 of all images, the real ones first."""
        return unit_vectors(np.concatenate([self.images.real, self.images.made]))

    def copies(self) -> list[Copy]:
        """Near-copies of what a model has seen: of each synthetic image the most alike, in order of the images."""
        best: dict[int, Copy] = {}
        pairs = [self._equal(), *(self._candidates(at) for at in np.unique(self.images.model))]
        together = np.unique(np.concatenate(pairs), axis=0)
        likenesses = all_likenesses(self.pictures, together, self.workers) if len(together) else np.empty(0)
        for (one, other, turn), likeness in zip(together.tolist(), likenesses.tolist(), strict=True):
            same = turn == 0 and np.array_equal(self.real[one], self.made[other - len(self.real)])
            likeness = 1.0 if same else likeness
            if not same and likeness < max(self.needed[one], self.needed[other]):
                continue
            copy = Copy(other - len(self.real), one, likeness, turn)
            if copy.made not in best or likeness > best[copy.made].likeness:
                best[copy.made] = copy
        return [best[at] for at in sorted(best)]

    def repeats(self, considered: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which of the `considered` synthetic images, shape (m,), show what one of them before shows that is kept."""
        cv2.setNumThreads(1)  # processes side by side, a thread each
        ours = len(self.real)
        found = np.zeros(len(self.made), dtype=bool)
        kept: list[int] = []
        known: set[bytes] = set()
        for number, at in enumerate(np.flatnonzero(considered)):
            if number % REMEMBERED == 0:
                likeness = Likeness(self.pictures)
            content = self.made[at].tobytes()
            found[at] = content in known or self._is_repeated(likeness, ours + int(at), kept)
            if not found[at]:
                kept.append(ours + int(at))
                known.add(content)
        return found

    def _is_repeated(self, likeness: Likeness, at: int, kept: Sequence[int]) -> bool:
        if not kept:
            return False
        others = np.array(kept)
        ours = len(self.real)
        alike = [self.vectors[others] @ self.vectors[at]]
        alike += [self.details[others] @ details[at - ours] for details in self.turned_details]
        near = np.unique(np.concatenate([np.argsort(-one, kind="stable")[:CANDIDATES] for one in alike]))
        return any(
            likeness.of(int(other), at, turn) >= max(self.needed[at], self.needed[other])
            for other in others[near]
            for turn in TURNED
        )

    def _equal(self) -> NDArray[np.int64]:
        """Pairs with the same pixels, rows of the two pictures and the turn 0, shape (p, 3)."""
        place = {one.tobytes(): at for at, one in reversed(list(enumerate(self.real)))}
        found = [(place.get(one.tobytes(), -1), len(self.real) + at, 0) for at, one in enumerate(self.made)]
        model = self.images.model
        seen = [
            (real, at, 0) for real, at, _ in found if real >= 0 and self.images.seen[model[at - len(self.real)], real]
        ]
        return np.array(seen, dtype=np.int64).reshape(-1, 3)

    def _candidates(self, model: int) -> NDArray[np.int64]:
        """Pairs of what a model has seen and has made, as `_equal` has them."""
        ours = len(self.real)
        made = np.flatnonzero(self.images.model == model)
        seen = np.flatnonzero(self.images.seen[model])
        if not len(seen):
            return np.empty((0, 3), dtype=np.int64)
        number = min(CANDIDATES, len(seen))
        found = []
        for start in range(0, len(made), BLOCK):
            rows = made[start : start + BLOCK]
            alike = [self.vectors[ours + rows] @ self.vectors[seen].T]
            alike += [details[rows] @ self.details[seen].T for details in self.turned_details]
            for cosines in alike:
                near = np.argsort(-cosines, axis=1, kind="stable")[:, :number]
                found += [
                    np.column_stack([seen[near].ravel(), np.repeat(ours + rows, number), np.full(near.size, turn)])
                    for turn in TURNED
                ]
        return np.concatenate(found).astype(np.int64)
