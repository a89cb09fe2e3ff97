"""Second stages: what is done once a network has learnt from all rows, so that its classes come out balanced.

What a network makes of images is learnt best from the data as they are, and it is its last layer that favours common
classes (Kang et al., Decoupling Representation and Classifier for Long-Tailed Recognition, ICLR 2020). So some replace
that layer and leave everything below it; others train the network on, on other rows. A new one is one new file here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.registry import Component

if TYPE_CHECKING:
    from tasks.train.rows import Rows


@dataclass(frozen=True)
class Classifier:
    """The last layer of a network: ``features @ weight.T + bias``.

    Attributes
    ----------
    weight, bias
        Shapes (K, d) and (K,), float32.
    prior
        Shape (K,), positive, sums to 1: the effective class prior that it has learnt.
    centre
        Shape (d,): where it is there, features are less it and at length 1; so the outputs are cosines times a length.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    prior: NDArray[np.float64]
    centre: NDArray[np.float32] | None = None


class SecondStage(Component):
    """What is done in the end.

    Attributes
    ----------
    changes
        ``nothing``; ``classifier``: `refit` gives a last layer in place of the first one; or ``network``: all that is
        not frozen is trained on (`tasks.train.further.Further`).
    needs_features_below
        Whether on features that nothing has learnt it is but another way to train one linear layer.
    """

    kind: ClassVar[str] = "second_stage"
    changes: ClassVar[Literal["nothing", "classifier", "network"]] = "nothing"
    needs_features_below: ClassVar[bool] = False

    def refit(self, found: Classifier, features: NDArray[np.float32], rows: Rows, seed: int) -> Classifier:
        """The last layer anew.

        Parameters
        ----------
        found
            As the first stage left it.
        features
            Shape (n, d): what the last layer is given of each row.
        rows
            The n rows that the model learns from.
        seed
            Of the fit.
        """
        return found
