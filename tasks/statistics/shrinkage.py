"""What differences to a baseline probably are, once it is counted in that the best of many looks better than it is.

Each measured difference is the true one and noise, whose covariance a paired bootstrap tells. What is true has three
parts. How far the baseline stands from the others is open, and thought to be about a typical error: where all look
better than it, it may have been unlucky, or they may be better. What each strategy gains of its own is taken for draws
from one distribution: so what stands out of many is believed the less, the more noise there is and the more alike the
others are (the winner's curse; James and Stein 1961; Efron, Tweedie's formula and selection bias, JASA 106, 2011). It
is Student's with four degrees of freedom, whose tails leave room for the one that helps among nine that don't. And
strategies that part from the baseline on the same images, and so err together, may gain together: along each principal
component of the noise there is a gain that they share, Cauchy, whose tails leave room for one direction that helps
(a prior with the shape of the errors: Zellner 1986). How large the last two are is not fixed at an estimate but
averaged over all that fit the data (Gelman, Prior distributions for variance parameters in hierarchical models,
Bayesian Analysis 1, 2006).
"""

from __future__ import annotations

import numpy as np

from tasks.statistics.simultaneous import STEADY

OWN, SHARED = 4.0, 1.0  # degrees of freedom of what a strategy gains of its own, and of what several share
SCALE = 0.5  # of the spread of either, in typical errors: together they are about one
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
        Shape (m, `DRAWS`): rows that belong together, from the posterior distribution under half-Cauchy priors of the
        two spreads and a Cauchy prior of the baseline, in units of a typical standard error. A difference that is the
        same in every bootstrap draw is known, and the others learn nothing from it.
    """
    whole = draws[:, ~np.isnan(draws).any(axis=0)]
    unsure = whole.std(axis=1, ddof=1) > STEADY if whole.shape[1] > 1 else np.zeros(len(values), dtype=bool)
    found = np.repeat(values[:, None].astype(float), DRAWS, axis=1)
    if unsure.any():
        found[unsure] = _draw(values[unsure], np.atleast_2d(np.cov(whole[unsure])), np.random.default_rng(seed))
    return found


def _draw(values: np.ndarray, covariance: np.ndarray, stream: np.random.Generator) -> np.ndarray:
    """Gibbs sampling, many chains side by side.

    Student's distribution is a normal one whose variance differs from part to part, as an inverse gamma variable does,
    and so is the half-Cauchy prior (Wand et al., Bayesian Analysis 6, 2011). Given the variances, the parts are normal;
    given the parts, the variances are inverse gamma.
    """
    many = len(values)
    error = float(np.mean(np.diag(covariance)) / 2) ** 0.5  # of one strategy, typically
    noise, vectors = np.linalg.eigh(covariance)
    vectors = one_sign(vectors)
    noise = np.maximum(noise, (1e-2 * error) ** 2)  # strategies that decide alike have no noise between them
    own, shared = slice(1, 1 + many), slice(1 + many, 1 + 2 * many)
    summed = np.column_stack([-error * np.ones(many), error * np.eye(many), vectors * (noise / 2) ** 0.5])
    weighted = summed.T @ (vectors / noise) @ vectors.T
    precision, pull = weighted @ summed, weighted @ values

    size = summed.shape[1]
    freedom = np.ones(size)
    freedom[own], freedom[shared] = OWN, SHARED
    local, spread = np.ones((CHAINS, size)), np.ones((CHAINS, size))  # the baseline's spread stays
    spread[:, 1:] = SCALE**2
    kept = []
    for step in range(BURN_IN + KEPT):
        root = np.linalg.cholesky(precision + np.eye(size) / (spread * local)[:, :, None])
        centred = np.linalg.solve(root, np.broadcast_to(pull[:, None], (CHAINS, size, 1)))
        chance = stream.normal(size=(CHAINS, size, 1))
        parts = np.linalg.solve(np.swapaxes(root, 1, 2), centred + chance)[:, :, 0]
        squares = parts**2
        local = (freedom + squares / spread) / 2 / stream.gamma((freedom + 1) / 2, size=(CHAINS, size))
        for kind in (own, shared):
            scale = (1 / SCALE**2 + 1 / spread[:, kind.start]) / stream.gamma(1, size=CHAINS)
            around = (squares / local)[:, kind].sum(axis=1) / 2
            spread[:, kind] = ((1 / scale + around) / stream.gamma((many + 1) / 2, size=CHAINS))[:, None]
        if step >= BURN_IN:
            kept.append(parts @ summed.T)
    return np.concatenate(kept).T


def one_sign(vectors: np.ndarray) -> np.ndarray:
    """Vectors whose signs mean nothing, shape (m, m), a column each, so turned that the largest entry is positive.

    Builds of LAPACK differ in these signs. What is drawn along a vector would change its side with them, and with it
    which of two strategies that are nearly as good is recommended. Of entries that are as large the first counts.
    """
    sizes = np.abs(vectors)
    first = (sizes > (1 - 1e-6) * sizes.max(axis=0)).argmax(axis=0)
    turned: np.ndarray = vectors * np.sign(vectors[first, np.arange(vectors.shape[1])])
    return turned
