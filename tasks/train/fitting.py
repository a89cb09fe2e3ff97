"""Fitting one strategy: every fold and all training rows, several seeds, each fit independent of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import InputError
from tasks.features.backbones import Backbone
from tasks.inputs import Inputs
from tasks.lineage import TrainingSet, prove_no_leak
from tasks.params.models import Strategy
from tasks.scores import Scores
from tasks.tables import SCORE_PREFIX
from tasks.train.families import Components, Fit, Fitted, Log
from tasks.train.models import Model
from tasks.train.posthoc import PostHoc
from tasks.train.rows import Rows, picture_ids


@dataclass(frozen=True)
class Outcome:
    """What a strategy came to.

    Attributes
    ----------
    model
        Fitted on all training rows, every seed.
    predictions
        Table `PREDICTIONS`: training rows out of fold in every repeat, test rows by `model`, which knows of no repeat
        and counts as the first; post-hoc rule applied.
    fold_models
        By fold, the models of the first repeat: each saw no image of its fold, nor a relative of one.
    history
        `repeat`, `fold` (both empty for `model`), `seed`, `epoch` (from 1), `loss` (mean training loss an image); no
        rows for a family without epochs.
    """

    model: Model
    fold_models: dict[int, Model]
    predictions: pd.DataFrame
    history: pd.DataFrame


@dataclass(frozen=True)
class Round:
    """One set of training rows, and the rows that its models have not seen.

    Attributes
    ----------
    repeat, fold
        The fold that is left out; None for the round of all training rows, whose unseen rows are the test part.
    unseen
        Rows of `SPLITS`.
    rows
        What its models learn from.
    where
        Names the folds in messages.
    """

    repeat: int
    fold: int | None
    unseen: pd.DataFrame
    rows: Rows
    where: str

    @property
    def targets(self) -> NDArray[np.int64]:
        """The class of every unseen row, shape (n,)."""
        number = {name: number for number, name in enumerate(self.rows.classes)}
        return np.array([number[label] for label in self.unseen["label"]], dtype=np.int64)


def fit_strategy(
    strategy: Strategy,
    seeds: int,
    *,
    splits: pd.DataFrame,
    balanced: pd.DataFrame,
    inputs: Inputs,
    backbone: Backbone | None,
    tell: Callable[[str], None],
) -> Outcome:
    """Fit `strategy` and predict every training row by a model that saw none of its fold, every test row by all.

    Parameters
    ----------
    strategy
        The components and their settings.
    seeds
        Fits of every model.
    splits, balanced
        Tables `SPLITS`, all repeats, and `BALANCED` (the strategy's recipe).
    inputs
        Know the catalog's images by `image_id`, and the recipe's new images by `row_id`.
    backbone
        How the family's features were made, for models to keep.
    tell
        Takes a line of progress after each fold.

    Raises
    ------
    InputError
        The balanced set leaks; a class is missing in a fold's own set, or has too few rows for the sampler; a mixed row
        has no valid second label, or would be mixed again; a feature vector is missing.
    """
    prove_no_leak(balanced, splits)
    balanced = balanced.sort_values("row_id", ignore_index=True)
    _refuse_mixed_rows(strategy, balanced)
    rounds = _rounds(splits, balanced)
    for one in rounds:
        _refuse_few_rows(strategy, one)
    logs = [[Log() for _ in range(seeds)] for _ in rounds]
    fitted = _fitted(strategy, rounds, logs, inputs, tell)

    models, raw = [], []
    for one, fits in zip(rounds, fitted, strict=True):
        model = Model(one.rows.classes, strategy.family, strategy.posthoc, fits, one.fold, backbone)
        raw.append(model.scores(inputs.take(one.unseen["image_id"].tolist())))
        models.append(model)
    rules = _cross_fitted(strategy.posthoc, rounds, raw)
    models = [replace(model, posthoc=rule) for model, rule in zip(models, rules, strict=True)]
    _tell_idle(balanced, rounds, tell)

    tables = [_table(one, rule.adjust(scores)) for one, rule, scores in zip(rounds, rules, raw, strict=True)]
    first = min(one.repeat for one in rounds)
    return Outcome(
        models[-1],
        {
            one.fold: model
            for one, model in zip(rounds, models, strict=True)
            if one.fold is not None and one.repeat == first
        },
        pd.concat(tables).sort_values(["image_id", "repeat", "seed"], ignore_index=True),
        _history(rounds, logs),
    )


def _rounds(splits: pd.DataFrame, balanced: pd.DataFrame) -> list[Round]:
    """A round a repeat and fold, and last the one of all training rows."""
    known = splits[splits["part"].isin(["train", "test"])].sort_values(["repeat", "image_id"], ignore_index=True)
    classes = sorted(known.loc[known["part"] == "train", "label"].unique())
    strange = sorted(set(known["label"]) - set(classes))
    if strange:
        raise InputError(
            f"class {strange[0]!r} has test images but no training image: choose another split.seed, or drop it"
        )
    repeats = sorted(int(repeat) for repeat in known["repeat"].unique())
    training = {repeat: TrainingSet.of_split(splits, repeat) for repeat in repeats}

    def round_of(repeat: int, fold: int | None, unseen: pd.DataFrame) -> Round:
        where = "all folds" if fold is None else f"the folds other than {fold}"
        where += f" of repeat {repeat}" if fold is not None and len(repeats) > 1 else ""
        rows = Rows.of(training[repeat], balanced, fold, classes, where)
        return Round(repeat, fold, unseen, rows, where)

    rounds = [
        round_of(int(repeat), int(fold), rows)
        for (repeat, fold), rows in known.dropna(subset="fold").groupby(["repeat", "fold"])
    ]
    test = known[(known["part"] == "test") & (known["repeat"] == repeats[0])]
    return [*rounds, round_of(repeats[0], None, test)]


def _refuse_mixed_rows(strategy: Strategy, balanced: pd.DataFrame) -> None:
    mixed = int(balanced["second_label"].notna().sum())
    for key in ("sampler", "mixing"):
        component = getattr(strategy, key)
        if mixed and component.not_on_mixed_rows:
            raise InputError(
                f"{mixed} rows of the balanced set are mixed from two classes, and {key} "
                f"{component.name!r} {component.not_on_mixed_rows}; choose a recipe with mixed: {{name: none}}"
            )


def _refuse_few_rows(strategy: Strategy, one: Round) -> None:
    sampler, classes = strategy.sampler, one.rows.classes
    few = np.bincount(one.rows.first, minlength=len(classes)) < sampler.fewest
    if sampler.fewest > 1 and few.any():
        raise InputError(
            f"class {classes[few.argmax()]!r} has fewer than {sampler.fewest} rows in {one.where}, which sampler "
            f"{sampler.name!r} can't make rows between; add images, or choose sampler: {{name: class_balanced}}"
        )


def _fitted(
    strategy: Strategy, rounds: list[Round], logs: list[list[Log]], inputs: Inputs, tell: Callable[[str], None]
) -> Iterator[tuple[Fitted, ...]]:
    """The fits of each round, one a seed, as they are made."""
    components = Components(strategy.loss, strategy.sampler, strategy.mixing)
    fits = strategy.family.fit_all(
        Fit(one.rows, inputs.take(one.rows.ids), components, seed, one.fold, log)
        for one, of_seeds in zip(rounds, logs, strict=True)
        for seed, log in enumerate(of_seeds)
    )
    for one, of_seeds in zip(rounds, logs, strict=True):
        yield tuple(next(fits) for _ in of_seeds)
        final = [log.losses[-1] for log in of_seeds if log.losses]
        loss = f", loss {np.mean(final):.4f}" if final else ""
        tell(f"fitted {len(of_seeds)} seeds on {len(one.rows):,} rows in {one.where}{loss}")
        for note in of_seeds[0].notes:
            tell(f"  {note}")


def _cross_fitted(posthoc: PostHoc, rounds: list[Round], raw: list[Scores]) -> list[PostHoc]:
    """The rule of each round: for a fold fitted on the scores of the repeat's other folds, for the last on all."""

    def fit(among: list[int]) -> PostHoc:
        return posthoc.fit([raw[at] for at in among], [rounds[at].targets for at in among])

    folds = [at for at, one in enumerate(rounds) if one.fold is not None]
    return [
        fit([at for at in folds if one.fold is None or (rounds[at].repeat == one.repeat and rounds[at] is not one)])
        for one in rounds
    ]


def _tell_idle(balanced: pd.DataFrame, rounds: list[Round], tell: Callable[[str], None]) -> None:
    """Say how many rows train no fold's models."""
    pictures = pd.Series(picture_ids(balanced))
    for repeat in dict.fromkeys(one.repeat for one in rounds):
        used = {name for one in rounds if one.fold is not None and one.repeat == repeat for name in one.rows.ids}
        idle = int((~pictures.isin(used)).sum())
        if idle:
            tell(f"repeat {repeat}: {idle:,} rows train no fold's models, for their generators saw images of each")


def _table(one: Round, scores: Scores) -> pd.DataFrame:
    """The predictions of every seed for the unseen rows of a round."""
    tables = []
    for seed, values in enumerate(scores.values):
        about = one.unseen[["image_id", "part", "repeat", "fold", "label"]].assign(seed=seed, kind=scores.kind)
        columns = [SCORE_PREFIX + name for name in one.rows.classes]
        tables.append(pd.concat([about, pd.DataFrame(values, columns=columns, index=one.unseen.index)], axis=1))
    return pd.concat(tables)


def _history(rounds: list[Round], logs: list[list[Log]]) -> pd.DataFrame:
    rows = [
        {
            "repeat": None if one.fold is None else one.repeat,
            "fold": one.fold,
            "seed": seed,
            "epoch": epoch,
            "loss": loss,
        }
        for one, of_seeds in zip(rounds, logs, strict=True)
        for seed, log in enumerate(of_seeds)
        for epoch, loss in enumerate(log.losses, start=1)
    ]
    columns = ["repeat", "fold", "seed", "epoch", "loss"]
    return pd.DataFrame(rows, columns=columns).astype({"repeat": "Int16", "fold": "Int16"})
