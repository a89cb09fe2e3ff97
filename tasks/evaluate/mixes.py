"""Other class mixes: how often a strategy would be right where the classes have other shares than in the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from tasks.evaluate.metrics import decision_metrics
from tasks.evaluate.scored import Scored
from tasks.statistics.bootstrap import Bootstrap, estimate
from tasks.statistics.shares import clustered_wilson, correlations, weighted_mean

NATURAL, UNIFORM, REVERSED, DEPLOYMENT = "natural", "uniform", "reversed", "deployment"
AS_DECIDED, ADAPTED = "as decided", "adapted"
COLUMNS = ["mix", "decisions", "accuracy", "low", "high"]
NO_MIXES = pd.DataFrame(columns=COLUMNS)


def class_mixes(counts: np.ndarray, deployment: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Class shares by name, each of shape (K,) with the sum 1.

    Parameters
    ----------
    counts
        Shape (K,): images of each class.
    deployment
        Shape (K,): the shares that ``evaluate.mix`` states, if it does.

    Returns
    -------
    dict
        ``natural``: those of the images; ``uniform``; ``reversed``: the shares of the natural mix given to the classes
        in the opposite order of size; ``deployment``, if stated.
    """
    natural = counts / counts.sum()
    order = np.argsort(natural, kind="stable")
    turned = np.empty_like(natural)
    turned[order] = natural[order[::-1]]
    mixes = {NATURAL: natural, UNIFORM: np.full(len(counts), 1 / len(counts)), REVERSED: turned}
    return mixes if deployment is None else {**mixes, DEPLOYMENT: deployment}


def accuracy_by_mix(
    scored: Scored, bootstrap: Bootstrap, confidence: float, deployment: np.ndarray | None = None
) -> pd.DataFrame:
    """The accuracy under each of `class_mixes`: of the decisions as they are, and adapted to the mix.

    Adapted is the likeliest class by corrected probabilities after Bayes' rule with the mix, as someone would decide
    who knows it.

    Returns
    -------
    pandas.DataFrame
        A row a mix and state: `mix`, `decisions` (``as decided``, ``adapted``), `accuracy`, `low`, `high`.
    """
    mixes = class_mixes(scored.class_counts, deployment)
    states = {(name, AS_DECIDED): scored for name in mixes}
    if scored.corrected is not None:
        for name, mix in mixes.items():
            adapted = (scored.corrected + np.log(mix) - np.log(mixes[NATURAL])).argmax(axis=-1)
            states[name, ADAPTED] = replace(scored, decided=adapted)
    own = {id(one): one for one in states.values()}
    found = dict(zip(own, estimate([decision_metrics(one) for one in own.values()], bootstrap), strict=True))
    bounds = scored.effective_group_counts, scored.class_counts
    rows = []
    for (name, state), one in states.items():
        recall, mix = found[id(one)]["recall"], mixes[name]
        ends = clustered_wilson(recall.value, recall.draws, *bounds, confidence)
        low, high = weighted_mean(recall.value, *ends, mix, correlations(recall.draws))
        accuracy = float(mix @ recall.value)
        rows.append({"mix": name, "decisions": state, "accuracy": accuracy, "low": low, "high": high})
    return pd.DataFrame(rows, columns=COLUMNS)
