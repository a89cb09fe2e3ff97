"""What differences to a baseline probably are, once it is counted in that the best of many looks better than it is.

Each measured difference is the true one and noise, whose covariance a paired bootstrap tells. What the strategies truly
reach, the baseline among them, is taken for draws from one normal distribution: so what stands out of many is believed
the less, the more noise there is and the more alike the others are, and where all look better than the baseline, the
baseline may have been unlucky (the winner's curse; James and Stein 1961; Efron, Tweedie's formula and selection bias,
JASA 106, 2011). The spread of the distribution is not fixed at an estimate but averaged over all that fit the data
(Gelman, Prior distributions for variance parameters in hierarchical models, Bayesian Analysis 1, 2006).
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
        Shape (m, `DRAWS`): rows that belong together, from the posterior distribution under a half-Cauchy prior of the
        spread, whose scale is a typical standard error. A difference that is the same in every bootstrap draw is known,
        and the others learn nothing from it.
    """
    whole = draws[:, ~np.isnan(draws).any(axis=0)]
    unsure = whole.std(axis=1, ddof=1) > STEADY if whole.shape[1] > 1 else np.zeros(len(values), dtype=bool)
    found = np.repeat(values[:, None].astype(float), DRAWS, axis=1)
    if unsure.any():
        found[unsure] = _draw(values[unsure], np.atleast_2d(np.cov(whole[unsure])), np.random.default_rng(seed))
    return found


def _draw(values: np.ndarray, covariance: np.ndarray, stream: np.random.Generator) -> np.ndarray:
    """Draws for differences with noise of this covariance.

    Differences of independent strategies to one baseline have the covariance spread^2 (I + 1), since they share it. In
    coordinates in which that is spread^2 I, and along the eigenvectors of the noise, each is judged by itself.
    """
    size = len(values)
    root = np.linalg.cholesky(np.eye(size) + 1)
    inverse = np.linalg.inv(root)
    noise, vectors = np.linalg.eigh(inverse @ covariance @ inverse.T)
    typical = float(np.mean(np.diag(covariance)) / 2) ** 0.5
    noise = np.maximum(noise, (1e-3 * typical) ** 2)[:, None]  # strategies that decide alike have no noise between them
    turned = (vectors.T @ inverse @ values)[:, None]

    spreads = typical * SPREADS
    total = noise + spreads**2
    prior = np.log(spreads / (1 + SPREADS**2))  # half-Cauchy, on a grid of equal ratios
    fit = prior - (np.log(total) + turned**2 / total).sum(axis=0) / 2
    share = np.exp(fit - fit.max())
    spread = spreads[stream.choice(len(spreads), size=DRAWS, p=share / share.sum())] ** 2
    kept = spread / (noise + spread)
    drawn: np.ndarray = root @ vectors @ (kept * turned + np.sqrt(kept * noise) * stream.normal(size=kept.shape))
    return drawn
