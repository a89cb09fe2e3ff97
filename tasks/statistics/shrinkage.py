"""What differences probably are, once it is counted in that the best of many looks better than it is.

Each measured difference is the true one and noise, whose covariance a paired bootstrap tells. The true ones are taken
for draws from one normal distribution, of unknown mean and spread: so what stands out of many is believed the less, the
more noise there is and the more alike the others are (the winner's curse; James and Stein 1961; Efron, Tweedie's
formula and selection bias, JASA 106, 2011). Mean and spread are not fixed at their estimates but averaged over all that
fit the data (Gelman, Prior distributions for variance parameters in hierarchical models, Bayesian Analysis 1, 2006).
"""

from __future__ import annotations

import numpy as np

from tasks.statistics.simultaneous import STEADY

DRAWS = 20_000
SPREADS = np.geomspace(0.02, 30, 80)  # in typical standard errors


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
        Shape (m, `DRAWS`): rows that belong together, from the posterior distribution under a flat prior of the common
        mean and a half-Cauchy prior of the spread, whose scale is a typical standard error. A difference that is the
        same in every bootstrap draw is known, and the others learn nothing from it.
    """
    whole = draws[:, ~np.isnan(draws).any(axis=0)]
    unsure = whole.std(axis=1, ddof=1) > STEADY if whole.shape[1] > 1 else np.zeros(len(values), dtype=bool)
    found = np.repeat(values[:, None].astype(float), DRAWS, axis=1)
    if unsure.any():
        found[unsure] = _draw(values[unsure], np.atleast_2d(np.cov(whole[unsure])), np.random.default_rng(seed))
    return found


def _draw(values: np.ndarray, covariance: np.ndarray, stream: np.random.Generator) -> np.ndarray:
    """Draws for differences with noise of this covariance, in whose eigenvectors the noise is independent."""
    noise, vectors = np.linalg.eigh(covariance)
    typical = float(np.mean(np.diag(covariance))) ** 0.5
    noise = np.maximum(noise, (1e-3 * typical) ** 2)[:, None]  # strategies that decide alike have no noise between them
    spreads = typical * SPREADS
    spread = spreads**2
    ones, turned = vectors.sum(axis=0)[:, None], (vectors.T @ values)[:, None]

    # By spread: the common mean, its precision, and how well it fits (the restricted likelihood).
    weight = 1 / (noise + spread)
    precision = (ones**2 * weight).sum(axis=0)
    mean = (ones * turned * weight).sum(axis=0) / precision
    misfit = ((turned - mean * ones) ** 2 * weight).sum(axis=0)
    prior = np.log(spreads / (1 + SPREADS**2))  # half-Cauchy, on a grid of equal ratios
    fit = (np.log(weight).sum(axis=0) - np.log(precision) - misfit) / 2 + prior
    share = np.exp(fit - fit.max())

    at = stream.choice(len(spreads), size=DRAWS, p=share / share.sum())
    common = mean[at] + stream.normal(size=DRAWS) / np.sqrt(precision[at])
    kept = spread[at] / (noise + spread[at])
    centre = kept * turned + (1 - kept) * common * ones
    drawn: np.ndarray = vectors @ (centre + np.sqrt(kept * noise) * stream.normal(size=centre.shape))
    return drawn
