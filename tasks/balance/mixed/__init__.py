"""Mixed images: new ones made of two, with a label that is shared as they are. A new rule is one new file here.

A mixed image is made for a class that lacks rows: its first parent, the base, is of that class, and gives it size, mode
and format; the partner is any other image of the same fold. Both are originals, so that a mixed image is encoded once,
as an augmented one is.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.balance.streams import stream
from tasks.balance.targets import MIX_TO, Target
from tasks.mixing_formulas import Box, beta_share
from tasks.registry import Component


@dataclass(frozen=True)
class Drawn:
    """What chance decided of one mixed image.

    Attributes
    ----------
    share
        The base's share of the picture, 0 to 1.
    box
        The region that comes from one picture while the rest comes from the other; None where the two are blended
        everywhere.
    """

    share: float
    box: Box | None = None


class MixedImages(Component):
    """Decides how many mixed images are made for which class, and how two pictures become one."""

    kind: ClassVar[str] = "mix"
    of_labels: ClassVar[tuple[str, ...]] = ()  # parameters that decide labels, and no pixel
    to: Target = Field(Target.of("equal"), description=MIX_TO)
    alpha: float = Field(1.0, gt=0, le=100, description="Shares are drawn from Beta(alpha, alpha); 1 is uniform.")

    def asked(self, counts: dict[str, int]) -> dict[str, int]:
        """Rows a class that the rule is asked for, where `counts` are there."""
        return self.to.above(counts)

    def quota(self, counts: dict[str, int]) -> dict[str, int]:
        """Mixed images to make for each class, where `counts` rows are there: what it lacks of the target."""
        return {name: max(0, asked - counts[name]) for name, asked in self.asked(counts).items()}

    def drawn(self, size: tuple[int, int], sha256: list[str], copy: int, seed: int) -> Drawn:
        """What chance decides of one mixed image, however often it is asked: its label, and later its pixels.

        Parameters
        ----------
        size
            Width and height of the base.
        sha256, copy, seed
            See `tasks.balance.streams.stream`.
        """
        return self.draw(*size, np.random.default_rng(stream(self.specification(), sha256, copy, seed)))

    @abstractmethod
    def draw(self, width: int, height: int, rng: np.random.Generator) -> Drawn:
        """Let chance decide, for a base of `width` times `height` pixels."""

    @abstractmethod
    def blend(self, base: NDArray[np.float32], partner: NDArray[np.float32], drawn: Drawn) -> NDArray[np.float32]:
        """One picture of two, all of shape (h, w, channels)."""

    def label_share(self, drawn: Drawn, base_count: int, partner_count: int) -> float:
        """The share of the base's label, 0 to 1, where the two classes have so many rows before mixing."""
        return drawn.share

    def specification(self) -> str:
        """What decides the pixels, as JSON; how many are made, and what their labels are, is no part of it."""
        chosen = {"mix": self.name, **self.model_dump(mode="json", exclude={"name", "to", *self.of_labels})}
        return json.dumps(chosen, sort_keys=True, separators=(",", ":"))


def laid_over(base: NDArray[np.float32], partner: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Two pictures blended everywhere: `share` of the base, the rest of the partner."""
    return np.float32(share) * base + np.float32(1 - share) * partner


def larger_share(alpha: float, rng: np.random.Generator) -> float:
    """A share from Beta(alpha, alpha) or its complement, whichever is one half or more."""
    share = beta_share(alpha, rng)
    return max(share, 1 - share)


def paste(picture: NDArray[np.float32], onto: NDArray[np.float32], box: Box | None) -> NDArray[np.float32]:
    """`onto` with `box` filled from the same place of `picture`; both of shape (h, w, channels)."""
    pasted = onto.copy()
    if box:
        left, top, right, bottom = box
        pasted[top:bottom, left:right] = picture[top:bottom, left:right]
    return pasted
