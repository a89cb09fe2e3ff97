"""What differences to a baseline probably are, once it is counted in that the best of many looks better than it is.

Each measured difference is the true one and noise, whose covariance a paired bootstrap tells. What the strategies truly
reach is taken for draws from one distribution: so what stands out of many is believed the less, the more noise there is
and the more alike the others are (the winner's curse; James and Stein 1961; Efron, Tweedie's formula and selection
bias, JASA 106, 2011). It is Student's with four degrees of freedom, whose tails leave room for the one that helps among
nine that don't; its spread is not fixed at an estimate but averaged over all that fit the data (Gelman, Prior
distributions for variance parameters in hierarchical models, Bayesian Analysis 1, 2006). How far the baseline stands
from the middle of the others is open, and thought to be about a typical error: where all look better than the baseline,
it may have been unlucky, or they may be better.
"""

from __future__ import annotations

import numpy as np

from tasks.statistics.simultaneous import STEADY

FREEDOM = 4  # degrees of it
CHAINS, BURN_IN, KEPT = 400, 60, 50  # of Gibbs sampling
DRAWS = CHAINS * KEPT


def probable_differences(values: np.ndarray, draws: np.ndarray, seed: int = 0) -> np.ndarray:
    """Draws of the true differences, given the measured ones.

    Parameters
    ----------
    values
        Shape (m,): the differences on the data.
    draws
        Shape (m, B): the same on each draw of a paired bootstrap. Draws with a NaN are left out.
    seed
        Of the draws that come back.

    Returns
    -------
    numpy.ndarray
        Shape (m, `DRAWS`): rows that belong together, from the posterior distribution under a half-Cauchy prior of the
        spread and a Cauchy prior of the baseline, both of the scale of a typical standard error. A difference that is
        the same in every bootstrap draw is known, and the others learn nothing from it.
    """
    whole = draws[:, ~np.isnan(draws).any(axis=0)]
    unsure = whole.std(axis=1, ddof=1) > STEADY if whole.shape[1] > 1 else np.zeros(len(values), dtype=bool)
    found = np.repeat(values[:, None].astype(float), DRAWS, axis=1)
    if unsure.any():
        found[unsure] = _draw(values[unsure], np.atleast_2d(np.cov(whole[unsure])), np.random.default_rng(seed))
    return found


def _draw(values: np.ndarray, covariance: np.ndarray, stream: np.random.Generator) -> np.ndarray:
    """Gibbs sampling, many chains side by side.

    Student's distribution is a normal one whose variance differs from strategy to strategy, as an inverse gamma
    variable does, and so is the half-Cauchy prior (Wand et al., Bayesian Analysis 6, 2011). Given the variances, what
    is reached is normal; given what is reached, the variances are inverse gamma.
    """
    size = len(values) + 1  # with the baseline, the first
    error = float(np.mean(np.diag(covariance)) / 2) ** 0.5  # of one strategy, typically
    noise, vectors = np.linalg.eigh(covariance)
    noise = np.maximum(noise, (1e-2 * error) ** 2)  # strategies that decide alike have no noise between them
    minus = np.column_stack([-np.ones(size - 1), np.eye(size - 1)])  # from what is reached to differences
    weighted = minus.T @ (vectors / noise) @ vectors.T
    precision, pull = weighted @ minus, weighted @ values

    freedom = np.array([1.0, *[FREEDOM] * (size - 1)])
    local, spread = np.ones((CHAINS, size)), np.full((CHAINS, size), error**2)  # the baseline's spread stays
    kept = []
    for step in range(BURN_IN + KEPT):
        own = np.eye(size) / (spread * local)[:, :, None]
        root = np.linalg.cholesky(precision + own)
        centred = np.linalg.solve(root, np.broadcast_to(pull[:, None], (CHAINS, size, 1)))
        chance = stream.normal(size=(CHAINS, size, 1))
        reached = np.linalg.solve(np.swapaxes(root, 1, 2), centred + chance)[:, :, 0]
        squares = reached**2
        local = (freedom + squares / spread) / 2 / stream.gamma((freedom + 1) / 2, size=(CHAINS, size))
        scale = (1 / error**2 + 1 / spread[:, 1]) / stream.gamma(1, size=CHAINS)
        around = (squares / local)[:, 1:].sum(axis=1) / 2
        spread[:, 1:] = ((1 / scale + around) / stream.gamma(size / 2, size=CHAINS))[:, None]
        if step >= BURN_IN:
            kept.append(reached[:, 1:] - reached[:, :1])
    return np.concatenate(kept).T
