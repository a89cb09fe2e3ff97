"""Settings that are chosen inside the folds: by a fold of the training rows, never by what the model is judged on.

For every round one more fold of its own training rows is set aside, each candidate is fitted on what is left with the
first seed, and the best one is fitted anew on all of the round's rows. So a baseline is tuned exactly as hard as the
remedies, and an out-of-fold score has seen nothing of its fold (nested cross-validation: Varma and Simon, *Bias in
error estimation when using cross-validation for model selection*, BMC Bioinformatics 7, 2006).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import InputError
from tasks.inputs import Inputs
from tasks.params.models import Strategy
from tasks.scores import Scores, log_probabilities
from tasks.train.families import Components, Family, Fit, Log
from tasks.train.posthoc import PostHoc
from tasks.train.rounds import Round, refuse_few_rows

HOTTEST = 1000.0  # the temperature of scores is looked for from one in so much to so much


@dataclass(frozen=True)
class Choice:
    """The settings of one round.

    Attributes
    ----------
    family
        The chosen candidate.
    losses
        What each candidate came to, in the order of `Family.candidates`; empty where nothing could be set aside.
    note
        A sentence for the person at the keyboard; empty where there was nothing to choose.
    """

    family: Family
    losses: tuple[float, ...] = ()
    note: str = ""


def choose(strategy: Strategy, one: Round, inputs: Inputs, components: Components, folder: Path | None) -> Choice:
    """The settings for a round; those of the strategy where it leaves nothing to choose. `folder`: see `Fit`."""
    family = strategy.family
    if not family.tune:
        return Choice(family)
    inner = next(_usable(strategy, one), None)
    if inner is None:
        return Choice(family.untuned, note=f"too few images to choose settings for {one.where}: they stay as they are")
    fit = Fit(inner.rows, inputs.take(inner.rows.ids), components, 0, one.fold, Log(), folder)
    unseen = inputs.take(inner.unseen["image_id"].tolist())
    fitted = family.fit_candidates(fit)
    losses = tuple(_loss(strategy.posthoc, each.predict(unseen), inner.targets) for each in fitted)
    best = int(np.argmin(losses))
    told = ", ".join(f"{key} {value}" for key, value in zip(family.tune, family.choices[best], strict=True))
    return Choice(family.candidates[best], losses, f"chosen for {one.where}: {told}")


def _usable(strategy: Strategy, one: Round) -> Iterator[Round]:
    """The rounds within a round whose rows hold enough of every class."""
    for inner in one.within():
        try:
            refuse_few_rows(strategy, inner)
        except InputError:
            continue
        yield inner


def _loss(posthoc: PostHoc, scores: Scores, targets: NDArray[np.int64]) -> float:
    """What a candidate comes to: by the scores as the strategy's rule leaves them, as it is judged."""
    several = scores.with_values(scores.values[None])
    return balanced_loss(posthoc.fit([several], [targets]).adjust(scores), targets)


def balanced_loss(scores: Scores, targets: NDArray[np.int64]) -> float:
    """Log loss where every class counts alike, at the temperature that suits the scores best.

    It is the smooth relative of balanced accuracy: a share of some dozen images right or wrong would choose by luck.
    The temperature is free because how sure scores are can be corrected afterwards, and is by `evaluate`.

    Parameters
    ----------
    scores
        Shape (n, K).
    targets
        Shape (n,), 0 to K - 1.
    """
    from scipy.optimize import minimize_scalar

    logs = log_probabilities(scores.values, scores.kind)
    counts = np.bincount(targets)
    weights = 1 / counts[targets] / (counts > 0).sum()

    def loss(log_temperature: float) -> float:
        cooled = log_probabilities(logs / np.exp(log_temperature), "logit")
        return float(-weights @ cooled[np.arange(len(targets)), targets])

    ends = np.log(HOTTEST)
    return float(minimize_scalar(loss, bounds=(-ends, ends), method="bounded", options={"xatol": 1e-3}).fun)


def table(family: Family, rounds: list[Round], choices: list[Choice]) -> pd.DataFrame:
    """A row a round and candidate: `repeat`, `fold` (both empty for all folds), the settings, `loss` and `chosen`."""
    rows = [
        {
            "repeat": None if one.fold is None else one.repeat,
            "fold": one.fold,
            **dict(zip(family.tune, values, strict=True)),
            "loss": loss,
            "chosen": number == int(np.argmin(choice.losses)),
        }
        for one, choice in zip(rounds, choices, strict=True)
        for number, (values, loss) in enumerate(zip(family.choices, choice.losses, strict=bool(choice.losses)))
    ]
    return pd.DataFrame(rows).astype({"repeat": "Int16", "fold": "Int16"})
