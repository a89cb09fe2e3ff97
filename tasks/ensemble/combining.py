"""What an ensemble says of the images that its members have predicted, out of fold and of the test part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.ensemble.weighing import fitted_weights
from tasks.errors import InputError
from tasks.evaluate.scored import Scored
from tasks.params.models import Ensemble
from tasks.scores import Kind, Scores, log_probabilities
from tasks.tables import SCORE_PREFIX, first_repeat
from tasks.train.voting import vote


@dataclass(frozen=True)
class Combined:
    """What came of it.

    Attributes
    ----------
    predictions
        Table `PREDICTIONS`, one seed: all seeds of the members are in it.
    weights
        By member, they sum to 1; those by which the test part was predicted, and new images will be.
    """

    predictions: pd.DataFrame
    weights: dict[str, float]


def combine(
    ensemble: Ensemble, train: Mapping[str, Scored], test: Mapping[str, Scored], splits: pd.DataFrame
) -> Combined:
    """Combine what members have predicted.

    Parameters
    ----------
    ensemble
        Its settings.
    train, test
        By member, in the order of the settings, its out-of-fold scores and those of the test part.
    splits
        Table `SPLITS`.

    Raises
    ------
    InputError
        Scores of a member are no probabilities where such are asked for.
    """
    out_of_fold, held_out = ([_said(one) for one in part.values()] for part in (train, test))
    some = next(iter(train.values()))
    if ensemble.fit_weights:
        logs = np.stack([log_probabilities(one.values, one.kind) for one in out_of_fold])  # (M, R, n, K)
        weights = fitted_weights(_flat(logs), np.tile(some.labels, some.repeats))
        of_images = _cross_fitted(logs, some)
    else:
        given = ensemble.weights or dict.fromkeys(train, 1.0)
        weights = np.array([given[member] for member in train])
        weights, of_images = weights / weights.sum(), None
    one = vote(held_out, ensemble.of, list(weights))
    tables = [
        _table(splits, "train", _voted(out_of_fold, ensemble, weights, of_images), some),
        _table(splits, "test", one, next(iter(test.values()))),
    ]
    predictions = pd.concat(tables).sort_values(["image_id", "repeat"], ignore_index=True)
    return Combined(predictions, dict(zip(train, map(float, weights), strict=True)))


def _said(scored: Scored) -> Scores:
    """What a member says with all its seeds, values of shape (R, n, K), as `Model.predict` has it."""
    seeds = scored.fits // scored.repeats
    values = scored.scores.reshape(seeds, scored.repeats, *scored.scores.shape[1:]).mean(axis=0)
    kind: Kind = scored.kind  # type: ignore[assignment]
    if kind == "anomaly":
        raise InputError("an ensemble has no members of anomaly scores; leave the strategy out of it")
    return Scores(kind, values, np.full(values.shape[-1], 1 / values.shape[-1]))  # priors play no part here


def _flat(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The images of all repeats below each other, shape (M, R n, K)."""
    return logs.reshape(len(logs), -1, logs.shape[-1])


def _cross_fitted(logs: NDArray[np.float64], scored: Scored) -> NDArray[np.float64]:
    """The weights for each image of each repeat, fitted on the repeat's other folds: shape (R, n, M)."""
    if scored.folds is None:
        raise ValueError("weights are fitted on out-of-fold scores")
    found = np.empty((*logs.shape[1:3], len(logs)))
    for repeat in range(scored.repeats):
        folds = scored.folds[repeat]
        for fold in np.unique(folds):
            seen = folds != fold
            found[repeat, ~seen] = fitted_weights(logs[:, repeat, seen], scored.labels[seen])
    return found


def _voted(
    each: list[Scores], ensemble: Ensemble, weights: NDArray[np.float64], of_images: NDArray[np.float64] | None
) -> Scores:
    """The members' vote, where images may have weights of their own, shape (R, n, M)."""
    if of_images is None:
        return vote(each, ensemble.of, list(weights))
    classes = each[0].values.shape[-1]
    found = np.empty_like(each[0].values)
    for own in np.unique(of_images.reshape(-1, len(each)), axis=0):
        at = (of_images == own).all(axis=-1)
        parts = [one.with_values(one.values[at].reshape(-1, classes)) for one in each]
        found[at] = vote(parts, ensemble.of, list(own)).values
    return Scores("log_probability", found, each[0].prior)


def _table(splits: pd.DataFrame, part: str, scores: Scores, scored: Scored) -> pd.DataFrame:
    """Rows of `PREDICTIONS` for a part of the split, in its order."""
    rows = splits[splits["part"] == part].sort_values(["repeat", "image_id"])
    rows = rows if part == "train" else first_repeat(rows)
    about = (
        rows[["image_id", "part", "repeat", "fold", "label"]].reset_index(drop=True).assign(seed=0, kind=scores.kind)
    )
    values = scores.values.reshape(len(rows), -1)
    columns = [SCORE_PREFIX + name for name in scored.classes]
    return pd.concat([about, pd.DataFrame(values, columns=columns)], axis=1)
