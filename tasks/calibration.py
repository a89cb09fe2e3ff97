"""Probabilities that mean what they say: scores corrected by a temperature and one offset a class.

The offsets take away what a remedy has done to the classes' shares (resampling, weights, logit adjustment alike), the
temperature what training has done to confidence. Both are found by maximum likelihood: at the maximum the mean
probability of each class is its share of the images, whatever the remedy was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.scores import log_sum

PENALTY = 1e-3  # of the squares of offsets and steepness, so that both stay finite where classes are separable
STEPS, SMALLEST, TOLERANCE = (
    100,
    1e-6,
    1e-13,
)  # of Newton's method: most steps, smallest share of one, least gain an image


@dataclass(frozen=True, eq=False)
class Calibration:
    """A correction of scores.

    Attributes
    ----------
    temperature
        Above 0; scores are divided by it.
    offsets
        Shape (K,): what is then added to each class's score; they sum to 0.
    shares
        Shape (K,), positive, sums to 1: the class shares for which the probabilities hold.
    """

    temperature: float
    offsets: NDArray[np.float64]
    shares: NDArray[np.float64]

    @classmethod
    def fit(
        cls, values: NDArray[np.float64], labels: NDArray[np.int64], near: Calibration | None = None
    ) -> Calibration:
        """Fit to scores of images that the model has not seen.

        Parameters
        ----------
        values
            Shape (m, K): logits or log-probabilities.
        labels
            Shape (m,), 0 to K - 1.
        near
            One that is like it, to start from: saves time and changes nothing.

        References
        ----------
        Alexandari, Kundaje and Shrikumar, Maximum likelihood with bias-corrected calibration is hard-to-beat at label
        shift adaptation, ICML 2020; the temperature alone: Guo, Pleiss, Sun and Weinberger, ICML 2017.
        """
        count, classes = values.shape
        centred = values - values.mean(axis=1, keepdims=True)
        totals = np.bincount(labels, minlength=classes).astype(np.float64)
        slope_of_data = np.append(centred[np.arange(count), labels].sum(), totals)
        target = np.append(1.0, np.zeros(classes))  # what the penalty draws to
        place = target if near is None else np.append(1 / near.temperature, near.offsets)
        value, slope, curvature = _loss(place, centred, slope_of_data, target)
        for _ in range(STEPS):
            step = np.linalg.solve(curvature, slope)
            size = 1.0 if step[0] < place[0] else 0.9 * place[0] / step[0]  # the steepness stays above 0
            while (new := _loss(place - size * step, centred, slope_of_data, target))[0] > value and size > SMALLEST:
                size /= 2
            gained = value - new[0]
            if gained <= 0:
                break
            place, (value, slope, curvature) = place - size * step, new
            if gained < TOLERANCE * count:
                break
        shares = (totals + PENALTY) / (totals + PENALTY).sum()
        return cls(float(1 / place[0]), place[1:] - place[1:].mean(), shares)

    def log_probabilities(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Corrected log-probabilities of scores, both of shape (..., K), for the class shares `shares`."""
        logs = values / self.temperature + self.offsets
        return logs - log_sum(logs)

    def for_mix(self, mix: NDArray[np.float64]) -> Calibration:
        """The same where classes have other shares, shape (K,), positive: Bayes' rule.

        References
        ----------
        Saerens, Latinne and Decaestecker, Adjusting the outputs of a classifier to new a priori probabilities, Neural
        Computation 14, 2002.
        """
        offsets = self.offsets + np.log(mix / mix.sum()) - np.log(self.shares)
        return Calibration(self.temperature, offsets - offsets.mean(), mix / mix.sum())

    def as_json(self) -> dict[str, Any]:
        """The three numbers, as they are."""
        return {"temperature": self.temperature, "offsets": self.offsets.tolist(), "shares": self.shares.tolist()}

    @classmethod
    def from_json(cls, numbers: Mapping[str, Any]) -> Calibration:
        """What `as_json` wrote."""
        return cls(numbers["temperature"], np.array(numbers["offsets"]), np.array(numbers["shares"]))


def _loss(
    place: NDArray[np.float64], centred: NDArray[np.float64], of_data: NDArray[np.float64], target: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """The penalised negative log-likelihood with slope and curvature, of a steepness and K offsets; it is convex."""
    logs = place[0] * centred + place[1:]
    most = logs.max(axis=1, keepdims=True)
    powers = np.exp(logs - most)
    sums = powers.sum(axis=1, keepdims=True)
    shares = powers / sums
    weighted = shares * centred
    means = weighted.sum(axis=1, keepdims=True)
    away = place - target
    value = float((np.log(sums) + most).sum() - of_data @ place + PENALTY * (away @ away) / 2)
    slope = np.append(means.sum(), shares.sum(axis=0)) - of_data + PENALTY * away
    curvature = np.empty((len(place), len(place)))
    curvature[0, 0] = (weighted * centred).sum() - (means**2).sum()
    curvature[0, 1:] = curvature[1:, 0] = (weighted - shares * means).sum(axis=0)
    curvature[1:, 1:] = np.diag(shares.sum(axis=0)) - shares.T @ shares
    curvature[np.diag_indices(len(place))] += PENALTY
    return value, slope, curvature
