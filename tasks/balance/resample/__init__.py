"""Resampling: how often each training image stands in the balanced set. A new rule is one new file here."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tasks.balance.originals import Originals
from tasks.balance.targets import RESAMPLE_TO, Target
from tasks.registry import Component


class Resample(Component):
    """Decides which originals are used, and how often; makes no new images.

    Attributes
    ----------
    needs_features
        Whether the rule looks at feature vectors.
    """

    kind: ClassVar[str] = "resample"
    needs_features: ClassVar[bool] = False

    @abstractmethod
    def times(self, originals: Originals) -> NDArray[np.int64]:
        """How often each training image is used.

        Returns
        -------
        ndarray
            Shape (n,): 0 leaves the image out, 1 takes it as it is, 3 takes it and two exact copies. No class is left
            without an image.
        """

    def asked(self, counts: dict[str, int]) -> dict[str, int] | None:
        """Rows a class that the rule is asked for, where `counts` are there; None for a rule without a target."""
        return None


class Undersampler(Resample):
    """A rule that leaves images out until no class has more than the target asks for."""

    to: Target = Field(Target.of("equal"), description=RESAMPLE_TO)

    def asked(self, counts: dict[str, int]) -> dict[str, int]:
        """See `Resample.asked`."""
        return self.to.below(counts)

    def kept(self, originals: Originals) -> dict[str, int]:
        """Images a class that stay: never more than there are."""
        counts = originals.counts()
        return {name: min(asked, counts[name]) for name, asked in self.asked(counts).items()}
