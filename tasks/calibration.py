"""Probabilities that mean what they say: scores corrected by a temperature and an offset a class, above a floor.

The offsets take away what a remedy has done to the classes' shares (resampling, weights, logit adjustment alike), the
temperature what training has done to confidence. Both are found by maximum likelihood: there the mean probability of
each class is its share of the images, whatever the remedy was. Models can be sure without bound, and the few images on
which one is sure and wrong would then decide about all; so no class is ever less probable than one in as many as there
are scores to fit to, which couldn't be told from none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.scores import log_sum

PENALTY = 1e-3  # of the squares of offsets and of the steepness, so that both stay finite where classes are separable
FLAT = 0.9  # the steepness to start from makes this share of the scores lie within 1 of their mean
# Of Newton's method: most steps, the smallest share of one that is tried, the least gain an image.
STEPS, SMALLEST, TOLERANCE = 100, 1e-6, 1e-12


@dataclass(frozen=True, eq=False)
class Calibration:
    """A correction of scores: a share of softmax(scores / temperature + offsets), and the rest for all classes alike.

    Attributes
    ----------
    temperature
        Above 0; scores are divided by it.
    offsets
        Shape (K,): what is then added to each class's score; they sum to 0.
    floor
        The least probability of a class, in (0, 1 / K).
    shares
        Shape (K,), positive, sums to 1: the class shares that it was fitted to.
    mix
        Shape (K,), positive, sums to 1: the class shares for which the probabilities hold.
    """

    temperature: float
    offsets: NDArray[np.float64]
    floor: float
    shares: NDArray[np.float64]
    mix: NDArray[np.float64]

    @classmethod
    def fit(cls, values: NDArray[np.float64], labels: NDArray[np.int64], *, biased: bool = True) -> Calibration:
        """Fit to scores of images that the model has not seen.

        Parameters
        ----------
        values
            Shape (m, K): logits or log-probabilities.
        labels
            Shape (m,), 0 to K - 1.
        biased
            Whether there are offsets; without them it is a temperature alone.

        References
        ----------
        Alexandari, Kundaje and Shrikumar, Maximum likelihood with bias-corrected calibration is hard-to-beat at label
        shift adaptation, ICML 2020; the temperature alone: Guo, Pleiss, Sun and Weinberger, ICML 2017.
        """
        count, classes = values.shape
        centred = values - values.mean(axis=1, keepdims=True)
        means = centred.mean(axis=0) * biased
        centred = centred - means
        spread = float(np.quantile(np.abs(centred), FLAT)) or 1.0
        totals = np.bincount(labels, minlength=classes).astype(np.float64)
        floor = min(1 / count, 0.5 / classes)
        data = _Data(centred / spread, labels, floor, np.append(1.0, np.zeros(classes)))
        place = np.append(1.0, np.log((totals + 1) / (totals + 1).mean()) * biased)
        value, slope, curvature = data.loss(place)
        for _ in range(STEPS):
            step = np.linalg.solve(curvature, slope) if biased else np.append(slope[0] / curvature[0, 0], 0 * place[1:])
            size = 1.0 if step[0] < place[0] else 0.9 * place[0] / step[0]  # the steepness stays above 0
            while (new := data.loss(place - size * step))[0] > value and size > SMALLEST:
                size /= 2
            gained = value - new[0]
            if gained <= 0:
                break
            place, (value, slope, curvature) = place - size * step, new
            if gained < TOLERANCE * count:
                break
        steepness = place[0] / spread
        offsets = place[1:] - steepness * means
        shares = class_shares(labels, classes)
        return cls(float(1 / steepness), offsets - offsets.mean(), floor, shares, shares)

    def probabilities(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Corrected probabilities of scores, both of shape (..., K), for the class shares `mix`."""
        logs = values / self.temperature + self.offsets
        corrected = self.floor + (1 - self.floor * values.shape[-1]) * np.exp(logs - log_sum(logs))
        corrected *= self.mix / self.shares
        probabilities: NDArray[np.float64] = corrected / corrected.sum(axis=-1, keepdims=True)
        return probabilities

    def for_mix(self, mix: NDArray[np.float64]) -> Calibration:
        """The same where classes have the shares `mix`, shape (K,), positive: Bayes' rule.

        References
        ----------
        Saerens, Latinne and Decaestecker, Adjusting the outputs of a classifier to new a priori probabilities, Neural
        Computation 14, 2002.
        """
        return replace(self, mix=mix / mix.sum())

    def as_json(self) -> dict[str, Any]:
        """The numbers, as they are."""
        numbers = {"temperature": self.temperature, "floor": self.floor}
        return numbers | {name: getattr(self, name).tolist() for name in ("offsets", "shares", "mix")}

    @classmethod
    def from_json(cls, numbers: Mapping[str, Any]) -> Calibration:
        """What `as_json` wrote."""
        offsets, shares, mix = (np.array(numbers[name]) for name in ("offsets", "shares", "mix"))
        return cls(numbers["temperature"], offsets, numbers["floor"], shares, mix)


def class_shares(labels: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """The share of each class among `labels`, shape (K,), positive, sums to 1."""
    totals = np.bincount(labels, minlength=classes) + PENALTY
    shares: NDArray[np.float64] = totals / totals.sum()
    return shares


@dataclass(frozen=True, eq=False)
class _Data:
    """What a correction is fitted to: centred scores (m, K), labels (m,), the floor, and what the penalty draws to."""

    centred: NDArray[np.float64]
    labels: NDArray[np.int64]
    floor: float
    target: NDArray[np.float64]

    def loss(self, place: NDArray[np.float64]) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
        """The penalised negative log-likelihood of a steepness and K offsets, its slope, and a curvature.

        Images count in slope and curvature as far as the softmax, and not the floor, makes their label probable, as in
        the EM algorithm of a mixture; so the curvature is that of a convex function.
        """
        count, classes = self.centred.shape
        rows = np.arange(count)
        logs = place[0] * self.centred + place[1:]
        shares = np.exp(logs - log_sum(logs))
        own = (1 - self.floor * classes) * shares[rows, self.labels]
        value = -float(np.log(own + self.floor).sum())
        counted = own / (own + self.floor)
        weighted = counted[:, None] * shares
        of_scores = weighted * self.centred
        means = (shares * self.centred).sum(axis=1)
        totals = np.bincount(self.labels, counted, minlength=classes)
        slope = np.append(of_scores.sum() - counted @ self.centred[rows, self.labels], weighted.sum(axis=0) - totals)
        curvature = np.empty((len(place), len(place)))
        curvature[0, 0] = (of_scores * self.centred).sum() - counted @ means**2
        curvature[0, 1:] = curvature[1:, 0] = (of_scores - weighted * means[:, None]).sum(axis=0)
        curvature[1:, 1:] = np.diag(weighted.sum(axis=0)) - weighted.T @ shares
        away = place - self.target
        curvature[np.diag_indices(len(place))] += PENALTY
        return value + PENALTY * float(away @ away) / 2, slope + PENALTY * away, curvature
