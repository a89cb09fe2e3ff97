"""Selection: which synthetic images are kept, and why the others are not.

How likely an image's class is, a classifier says that has seen neither what the image's model was fitted to nor a
relative of it: linear discriminant analysis on principal components of the features, all classes equally frequent. How
likely is likely enough is read off real images, scored by classifiers that have not seen them either: a fixed
probability would pass everything in an easy class, and take half of a hard one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.statistics.discriminant import Moments
from tasks.statistics.groups import FEWEST_GROUPS
from tasks.statistics.interval import DECIMALS, Interval
from tasks.statistics.principal_components import principal_components
from tasks.synthesize.gates.images import Made, Real, Sight, codes
from tasks.synthesize.gates.memorisation import share

OTHER_CLASS, NEAR_COPY, DUPLICATE = "other class", "near-copy", "duplicate"
REASONS = (OTHER_CLASS, NEAR_COPY, DUPLICATE)  # an image that has several is counted under the first


@dataclass(frozen=True)
class Likelihoods:
    """The logarithm of the probability of each of the K classes, NaN where no classifier can say.

    Attributes
    ----------
    classes
        In ascending order.
    made
        Of synthetic images, by the classifier that saw nothing of what their model saw; shape (m, K).
    real
        Of real images, by classifiers that have not seen them; shape (n, K).
    """

    classes: list[str]
    made: NDArray[np.float64]
    real: NDArray[np.float64]


def likelihoods(made: Made, real: Real, sight: Sight) -> Likelihoods:
    """Fit a classifier for each model, on the real images that the model has not seen."""
    classes = sorted(set(real.labels.tolist()))
    labels = np.searchsorted(classes, real.labels)
    of_made = np.full((len(made.ids), len(classes)), np.nan)
    sums, counts = np.zeros((len(real.ids), len(classes))), np.zeros((len(real.ids), 1))
    for at, (seen, unseen) in enumerate(zip(sight.seen, sight.unseen, strict=True)):
        if len(np.unique(labels[unseen])) < 2:
            continue
        project = principal_components(real.features[unseen])
        weights, offsets = Moments.of(project(real.features[unseen]), labels[unseen], len(classes)).discriminant()
        own = sight.model == at
        of_made[own] = _log_probabilities(project(made.features[own]) @ weights + offsets)
        sums[seen] += _log_probabilities(project(real.features[seen]) @ weights + offsets)
        counts[seen] += 1
    of_real = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return Likelihoods(classes, of_made, of_real)


@dataclass(frozen=True)
class Checked:
    """What was asked of the images of one class.

    Attributes
    ----------
    least
        The logarithm of the probability of the class below which an image is dropped; None where none is for that.
    lets_through
        The share of real images of other classes that would pass as this one: how little the question asks.
    reason
        Why `least` is None; empty where it is not, or nothing was asked.
    """

    least: float | None = None
    lets_through: Interval | None = None
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """All of it under the names of the attributes, but the probability itself as ``least``."""
        return {
            "least": None if self.least is None else float(f"{np.exp(self.least):.{DECIMALS}g}"),
            "lets_through": None if self.lets_through is None else self.lets_through.as_json(),
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Selected:
    """Which images are kept.

    Attributes
    ----------
    reasons
        Of each synthetic image why it is dropped, one of `REASONS`; empty where it is kept. Shape (m,).
    """

    reasons: NDArray[np.str_]

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Shape (m,)."""
        return np.asarray(self.reasons == "")

    def counts(self, own: NDArray[np.bool_]) -> dict[str, Any]:
        """Of some of the images, shape (m,), bool: how many were made, kept, and dropped for each reason."""
        reasons = self.reasons[own]
        return {
            "made": len(reasons),
            "kept": int((reasons == "").sum()),
            "dropped": {reason: int((reasons == reason).sum()) for reason in REASONS},
        }


def check_class(found: Likelihoods, real: Real, label: str, confidence: float) -> Checked:
    """How likely the class must be: as likely as it is for all but a share `confidence` of its real images."""
    if not confidence:
        return Checked()
    at = found.classes.index(label)
    said, own = found.real[:, at], real.labels == label
    able = np.isfinite(said)
    groups = len(np.unique(real.group_codes[own & able]))
    if groups < FEWEST_GROUPS:
        return Checked(
            reason=(
                "no classifier can be fitted that has not seen what the models saw"
                if not able.any()
                else f"only {groups} groups of relatives to say how likely is likely enough, {FEWEST_GROUPS} are needed"
            )
        )
    values = np.sort(said[own & able])
    least = float(values[max(1, int(confidence * (len(values) + 1))) - 1])
    others = ~own & able
    passing = share(said[others] >= least, codes(real.group_codes[others]))
    return Checked(least, passing)


def is_unlikely(found: Likelihoods, labels: NDArray[np.str_], checked: Mapping[str, Checked]) -> NDArray[np.bool_]:
    """Which synthetic images are less likely of their class than is asked, shape (m,)."""
    unlikely = np.zeros(len(labels), dtype=bool)
    for label, asked in checked.items():
        if asked.least is not None:
            own = labels == label
            unlikely[own] = found.made[own, found.classes.index(label)] < asked.least
    return unlikely


def _log_probabilities(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """From log-likelihoods, shape (n, K), with equal shares of all classes."""
    from scipy.special import log_softmax

    return np.asarray(log_softmax(scores, axis=1))
