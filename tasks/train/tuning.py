"""Settings that are chosen inside the folds: by the other folds, never by what the model is judged on.

For every round each other fold is set aside in turn, every candidate is fitted on what is left, with the first seed,
and scores what was set aside; the candidate that does best on all of that is then fitted on all of the round's rows. So
a baseline is tuned exactly as hard as the remedies, and an out-of-fold score has seen nothing of its fold (nested
cross-validation: Varma and Simon, *Bias in error estimation when using cross-validation for model selection*, BMC
Bioinformatics 7, 2006).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
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
    chosen
        Its number in the order of `Family.candidates`; None where there was nothing to choose by.
    losses
        What each candidate came to; empty where there was nothing to choose by.
    note
        A sentence for the person at the keyboard; empty where there was nothing to choose.
    """

    family: Family
    chosen: int | None = None
    losses: tuple[float, ...] = ()
    note: str = ""


@dataclass
class Chooser:
    """Chooses the settings of a strategy, round by round.

    Attributes
    ----------
    strategy, inputs, components
        What candidates are fitted with.
    folds_differ
        Whether models of different folds see other features of one image, since what makes them was fitted by fold.
        Otherwise what leaves out folds 1 and 2 is fitted once, for both.
    folder
        See `Fit`.
    """

    strategy: Strategy
    inputs: Inputs
    components: Components
    folds_differ: bool
    folder: Path | None
    _known: dict[tuple[int, int | None, int], list[Scores]] = field(default_factory=dict)

    def choose(self, one: Round) -> Choice:
        """The settings for a round; those of the strategy where it leaves nothing to choose."""
        family = self.strategy.family
        if not family.tune:
            return Choice(family)
        aside = list(self._usable(one))
        if not aside:
            note = f"too few images to choose settings for {one.where}: they stay as they are"
            return Choice(family.untuned, note=note)
        by_fold = [self._scores(one, inner) for inner in aside]
        targets = [inner.targets for inner in aside]
        groups = np.unique(np.concatenate([inner.unseen["group"] for inner in aside]), return_inverse=True)[1]
        posthoc = self.strategy.posthoc.for_classes(one.rows.classes)
        candidates = [_adjusted(posthoc, list(own), targets) for own in zip(*by_fold, strict=True)]
        truth = np.concatenate(targets)
        each = [balanced_losses(scores, truth) for scores in candidates]
        chosen = first_among_the_best(each, truth, groups)
        told = ", ".join(f"{key} {value}" for key, value in zip(family.tune, family.choices[chosen], strict=True))
        losses = tuple(float(one.sum()) for one in each)
        return Choice(family.candidates[chosen], chosen, losses, f"chosen for {one.where}: {told}")

    def _usable(self, one: Round) -> Iterator[Round]:
        """The rounds within a round whose rows hold enough of every class."""
        for inner in one.within():
            try:
                refuse_few_rows(self.strategy, inner)
            except InputError:
                continue
            yield inner

    def _scores(self, one: Round, inner: Round) -> list[Scores]:
        """What every candidate, fitted on the rows of `inner`, makes of the fold that it sets aside."""
        aside = int(inner.unseen["fold"].iloc[0])
        key = (one.repeat, one.fold, aside)
        if key not in self._known:
            place = f"{one.repeat}-{'all' if one.fold is None else one.fold}-{aside}"
            fit = Fit(
                inner.rows,
                self.inputs.take(inner.rows.ids),
                self.components,
                0,
                one.fold,
                Log(),
                self.folder and self.folder / place,
            )
            fitted = list(self.strategy.family.fit_candidates(fit))
            self._known[key] = [each.predict(self._images(inner)) for each in fitted]
            if one.fold is not None and not self.folds_differ:
                self._known[one.repeat, aside, one.fold] = [each.predict(self._images(one)) for each in fitted]
        return self._known.pop(key)

    def _images(self, one: Round) -> Inputs:
        return self.inputs.take(one.unseen["image_id"].tolist())


def _adjusted(posthoc: PostHoc, by_fold: list[Scores], targets: list[NDArray[np.int64]]) -> Scores:
    """A candidate's scores of all that was set aside, as the strategy's rule leaves them, as it is judged."""
    rule = posthoc.fit([one.with_values(one.values[None]) for one in by_fold], targets)
    ruled = [rule.adjust(one) for one in by_fold]
    return ruled[0].with_values(np.concatenate([one.values for one in ruled]))


def balanced_losses(scores: Scores, targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """What each row adds to the log loss where every class counts alike, at the temperature that suits the scores best.

    That loss is the smooth relative of balanced accuracy: a share of some dozen images right or wrong would choose by
    luck. The temperature is free because how sure scores are can be corrected afterwards, and is by `evaluate`.

    Parameters
    ----------
    scores
        Shape (n, K).
    targets
        Shape (n,), 0 to K - 1.

    Returns
    -------
    numpy.ndarray
        Shape (n,); their sum is the loss.
    """
    from scipy.optimize import minimize_scalar

    logs = log_probabilities(scores.values, scores.kind)
    weights = _class_weights(targets)

    def losses(log_temperature: float) -> NDArray[np.float64]:
        cooled = log_probabilities(logs / np.exp(log_temperature), "logit")
        found: NDArray[np.float64] = -weights * cooled[np.arange(len(targets)), targets]
        return found

    ends = np.log(HOTTEST)
    best = minimize_scalar(lambda at: losses(at).sum(), bounds=(-ends, ends), method="bounded", options={"xatol": 1e-3})
    return losses(float(best.x))


def first_among_the_best(
    losses: list[NDArray[np.float64]], targets: NDArray[np.int64], groups: NDArray[np.int64]
) -> int:
    """The first candidate that is no worse than the best by more than a standard error of their difference.

    Between those, what was set aside can't decide, and what changes from fold to fold by luck blurs the comparison of
    strategies (the rule of one standard error: Breiman, Friedman, Olshen and Stone, *Classification and Regression
    Trees*, 1984, here of the paired difference).

    Parameters
    ----------
    losses
        Of each candidate, in the order of preference, see `balanced_losses`.
    targets, groups
        Shape (n,): the class of each row, and the code of the group of relatives that it belongs to.
    """
    sums = np.array([one.sum() for one in losses])
    best = int(np.where(np.isfinite(sums), sums, np.inf).argmin())  # what has diverged is no number, and the worst
    weights = _class_weights(targets)
    for number, one in enumerate(losses):
        worse = one - losses[best]
        of_class = np.bincount(targets, worse) / np.bincount(targets, weights).clip(np.finfo(float).tiny)
        by_group = np.bincount(groups, worse - weights * of_class[targets])
        if worse.sum() <= np.sqrt(by_group @ by_group):
            return number
    return best


def _class_weights(targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights of rows that sum to 1, and alike in every class."""
    counts = np.bincount(targets)
    weights: NDArray[np.float64] = 1 / counts[targets] / (counts > 0).sum()
    return weights


def table(family: Family, rounds: list[Round], choices: list[Choice]) -> pd.DataFrame:
    """A row a round and candidate: `repeat`, `fold` (both empty for all folds), the settings, `loss` and `chosen`."""
    rows = [
        {
            "repeat": None if one.fold is None else one.repeat,
            "fold": one.fold,
            **dict(zip(family.tune, values, strict=True)),
            "loss": loss,
            "chosen": number == choice.chosen,
        }
        for one, choice in zip(rounds, choices, strict=True)
        for number, (values, loss) in enumerate(zip(family.choices, choice.losses, strict=bool(choice.losses)))
    ]
    return pd.DataFrame(rows).astype({"repeat": "Int16", "fold": "Int16"})
