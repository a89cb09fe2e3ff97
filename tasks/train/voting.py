"""Several models that answer as one: their scores become one score an image and class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.scores import Kind, Scores, log_probabilities, log_sum

Of = Literal["probabilities", "scores"]


def vote(each: Sequence[Scores], of: Of, weights: Sequence[float] | None = None) -> Scores:
    """The scores of several models together.

    Parameters
    ----------
    each
        The models' scores of the same images, values of one shape (..., n, K).
    of
        ``probabilities``: the logarithm of their mean probability, so that a model that is sure and alone is outvoted
        and none has a veto. ``scores``: the mean of the scores, which for logits and log-probabilities is the geometric
        mean of probabilities but for a number that all classes of an image share.
    weights
        What each model counts for, at least 0 and one above; None: all alike.

    Returns
    -------
    Scores
        With the prior that the models' priors come to: their mean, for ``scores`` the geometric one.

    References
    ----------
    Lakshminarayanan, Pritzel and Blundell, Simple and scalable predictive uncertainty estimation using deep ensembles,
    NeurIPS 2017, section 2.4: a uniformly weighted mixture, its probabilities averaged. The geometric mean: Hinton,
    Products of experts, ICANN 1999.
    """
    shares = np.ones(len(each)) if weights is None else np.array(weights, dtype=np.float64)
    counted = [(share, one) for share, one in zip(shares / shares.sum(), each, strict=True) if share > 0]
    if of == "probabilities":
        logs = np.stack([np.log(share) + log_probabilities(one.values, one.kind) for share, one in counted], axis=-1)
        prior: NDArray[np.float64] = np.sum([share * one.prior for share, one in counted], axis=0)
        return Scores("log_probability", log_sum(logs)[..., 0], prior)
    values: NDArray[np.float64] = np.sum([share * one.values for share, one in counted], axis=0)
    logs_of_priors = np.sum([share * np.log(one.prior) for share, one in counted], axis=0)
    powers = np.exp(logs_of_priors - logs_of_priors.max())
    return Scores(kind_of([one.kind for one in each], of), values, powers / powers.sum())


def kind_of(kinds: Sequence[Kind], of: Of) -> Kind:
    """The kind of what models of these kinds say together."""
    return kinds[0] if of == "scores" and len(set(kinds)) == 1 else "log_probability"
