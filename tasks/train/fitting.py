"""Fitting one strategy: every fold and all training rows, several seeds, each fit independent of the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import InputError
from tasks.features import Features
from tasks.lineage import outside_fold, prove_no_leak
from tasks.params.models import Strategy, Train
from tasks.tables import SCORE_PREFIX
from tasks.train.families import Family, Fit, FitTask
from tasks.train.losses import Loss
from tasks.train.mixing import Mixing
from tasks.train.models import Model
from tasks.train.posthoc import PostHoc
from tasks.train.samplers import Sampler


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
        `repeat`, `fold` (both empty for `model`), `seed`, `epoch` (from 1), `loss` (mean training loss an image).
    """

    model: Model
    fold_models: dict[int, Model]
    predictions: pd.DataFrame
    history: pd.DataFrame


def fit_strategy(
    strategy: Strategy,
    settings: Train,
    *,
    splits: pd.DataFrame,
    balanced: pd.DataFrame,
    features: Features,
    new_features: Features,
    tell: Callable[[str], None],
) -> Outcome:
    """Fit `strategy` and predict every training row by a model that saw none of its fold, every test row by all.

    Parameters
    ----------
    strategy
        Names of the parts and their parameters.
    settings
        The section `train` of the parameters.
    splits, balanced
        Tables `SPLITS`, all repeats, and `BALANCED` (the strategy's recipe).
    features, new_features
        Feature vectors of the catalog's images, by `image_id`, and of the recipe's new images, by `row_id`.
    tell
        Takes a line of progress after each fold.

    Raises
    ------
    InputError
        The balanced set leaks; a class is missing in a fold's own set, or has too few rows for the sampler; a mixed row
        has no valid second label, or would be mixed again; a feature vector is missing.
    """
    prove_no_leak(balanced, splits)
    known = splits[splits["part"].isin(["train", "test"])].sort_values(["repeat", "image_id"], ignore_index=True)
    classes = sorted(known.loc[known["part"] == "train", "label"].unique())
    strange = sorted(set(known["label"]) - set(classes))
    if strange:
        raise InputError(
            f"class {strange[0]!r} has test images but no training image: choose another split.seed, or drop it"
        )
    balanced = balanced.sort_values("row_id", ignore_index=True)
    mixed = balanced["second_label"].notna()
    for key in ("sampler", "mixing"):
        if mixed.any() and (why := strategy.part(key).not_on_mixed_rows):
            raise InputError(
                f"{mixed.sum()} rows of the balanced set are mixed from two classes, and {key} "
                f"{getattr(strategy, key)!r} {why}; choose a recipe with mix: none"
            )
    values = training_features(balanced, features, new_features)

    family: Family = strategy.part("family")
    loss: Loss = strategy.part("loss")
    sampler: Sampler = strategy.part("sampler")
    mixing: Mixing = strategy.part("mixing")
    posthoc: PostHoc = strategy.part("posthoc")
    repeats = sorted(int(repeat) for repeat in known["repeat"].unique())
    rounds: list[tuple[int, int | None, pd.DataFrame]] = [
        (int(repeat), int(fold), rows)
        for (repeat, fold), rows in known.dropna(subset="fold").groupby(["repeat", "fold"])
    ]
    rounds.append((repeats[0], None, known[(known["part"] == "test") & (known["repeat"] == repeats[0])]))
    fold_models: dict[int, Model] = {}
    tables, history = [], []
    idle = {repeat: np.ones(len(balanced), dtype=bool) for repeat in repeats}
    for repeat, fold, unseen in rounds:
        own = outside_fold(balanced, splits, fold, repeat)
        where = "all folds" if fold is None else f"the folds other than {fold}"
        where += f" of repeat {repeat}" if fold is not None and len(repeats) > 1 else ""
        targets, second, share = labels_of(own, classes, where)
        few = np.bincount(targets, minlength=len(classes)) < sampler.fewest
        if sampler.fewest > 1 and few.any():
            raise InputError(
                f"class {classes[few.argmax()]!r} has fewer than {sampler.fewest} rows in {where}, which sampler "
                f"{strategy.sampler!r} can't make rows between; add images, or choose sampler: class_balanced"
            )
        data = values[own.index.to_numpy()]
        fits: list[Fit] = []
        for seed in range(settings.seeds):
            rows, drawn_from = sampler.resampled(data, targets, seed)
            made = drawn_from[len(targets) :]
            task = FitTask(
                rows,
                drawn_from,
                np.concatenate([second, made]),
                np.concatenate([share, np.ones(len(made), dtype=np.float32)]),
                len(classes),
                loss,
                sampler,
                mixing,
                settings,
                seed,
            )
            fits.append(family.fit(task))
            history += [
                {"repeat": None if fold is None else repeat, "fold": fold, "seed": seed, "epoch": epoch, "loss": value}
                for epoch, value in enumerate(fits[-1].losses, start=1)
            ]
        model = Model(classes, family, posthoc, loss.prior(task.counts), tuple(fit.state for fit in fits))
        tables.append(_predict(model, unseen, features))
        if fold is not None:
            idle[repeat][own.index] = False
        if fold is not None and repeat == repeats[0]:
            fold_models[fold] = model
        final = np.mean([fit.losses[-1] for fit in fits])
        tell(f"fitted {len(fits)} seeds on {len(own):,} rows in {where}, loss {final:.4f}")
        if sampler.inputs == "features":
            each = zip(classes, np.bincount(made, minlength=len(classes)), strict=True)
            tell(f"  {strategy.sampler} made rows: {', '.join(f'{name} {count:,}' for name, count in each)}")
    for repeat, rows in idle.items():
        if rows.any():
            tell(
                f"repeat {repeat}: {rows.sum():,} rows train no fold's models, for their generators saw images of each"
            )

    predictions = pd.concat(tables).sort_values(["image_id", "repeat", "seed"], ignore_index=True)
    return Outcome(model, fold_models, predictions, pd.DataFrame(history).astype({"repeat": "Int16", "fold": "Int16"}))


def training_features(balanced: pd.DataFrame, features: Features, new_features: Features) -> NDArray[np.float32]:
    """The feature vector of every row of a balanced set, shape (n, d): a new image's own, else that of its parent."""
    is_new = balanced["file"].notna().to_numpy()
    values = np.empty((len(balanced), features.values.shape[1]), dtype=np.float32)
    values[~is_new] = features.take([parents[0] for parents in balanced.loc[~is_new, "parents"]])
    if is_new.any():
        values[is_new] = new_features.take(balanced.loc[is_new, "row_id"].tolist())
    return values


def labels_of(
    own: pd.DataFrame, classes: list[str], where: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The labels of a model's own rows as numbers.

    Parameters
    ----------
    own
        Rows of `BALANCED`.
    classes
        Names; a class's place is its number.
    where
        Names the folds in messages.

    Returns
    -------
    tuple of ndarray
        The (first) class, the second class and the share of the first, each of shape (n,); where a row has one class,
        that class twice and 1.

    Raises
    ------
    InputError
        A class is none of `classes`; one of those has no part in any row; a share is not between 0 and 1.
    """
    mixed = own["second_label"].notna()
    names = own["label"], own["second_label"].where(mixed, own["label"])
    strange = sorted({*names[0], *names[1]} - {*classes})
    if strange:
        raise InputError(
            f"the balanced set has a class {strange[0]!r} that the training part has not; run balance again"
        )
    share = 1 - own["second_share"].where(mixed, 0.0)
    wrong = own.loc[~share.between(0, 1), "row_id"]
    if len(wrong):
        raise InputError(
            f"the second class of the mixed row {wrong.iloc[0]} has no share between 0 and 1; run balance again"
        )
    number = {name: number for number, name in enumerate(classes)}
    first, second = (each.map(number).to_numpy(np.int64) for each in names)
    mass = np.bincount(first, share, len(classes)) + np.bincount(second, 1 - share, len(classes))
    for name, count in zip(classes, mass, strict=True):
        if count == 0:
            raise InputError(
                f"class {name!r} has no training row in {where}: its images lie in one fold (as relatives do), "
                "or the recipe drops them; add images of other groups, or leave the class out (ingest.drop)"
            )
    return first, second, share.to_numpy(np.float32)


def _predict(model: Model, rows: pd.DataFrame, features: Features) -> pd.DataFrame:
    """Predictions of every seed for `rows` of a split."""
    tables = []
    for seed, scores in enumerate(model.predict_each(features.take(rows["image_id"].tolist()))):
        about = rows[["image_id", "part", "repeat", "fold", "label"]].assign(seed=seed, kind=model.family.score)
        columns = [SCORE_PREFIX + name for name in model.classes]
        tables.append(pd.concat([about, pd.DataFrame(scores, columns=columns, index=rows.index)], axis=1))
    return pd.concat(tables)
