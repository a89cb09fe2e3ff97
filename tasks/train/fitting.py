"""Fitting one strategy: every fold and all training rows, several seeds, each fit independent of the others."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tasks.features.backbones import Backbone
from tasks.inputs import Inputs
from tasks.lineage import prove_no_leak
from tasks.params.models import NONE, Strategy
from tasks.scores import Scores
from tasks.similarity.verification import Verification, in_turns, verify
from tasks.statistics.verification import HeldOut
from tasks.tables import SCORE_PREFIX
from tasks.train.cross_fitting import cross_fitted
from tasks.train.divergence import require_finite
from tasks.train.ensembles import EnsembleModel
from tasks.train.epochs import Epoch, append_epoch, begin_epochs
from tasks.train.families import Components, Family, Fit, Fitted, Log
from tasks.train.models import Model, fold_folder
from tasks.train.rounds import Round, refuse_few_rows, rounds_of
from tasks.train.rows import picture_ids
from tasks.train.tuning import Chooser
from tasks.train.tuning import table as tuning_table


@dataclass(frozen=True)
class Outcome:
    """What a strategy came to.

    Attributes
    ----------
    model
        Fitted on all training rows, every seed; or the fold models together, where those vote.
    predictions
        Table `PREDICTIONS`: training rows out of fold in every repeat, test rows by `model`, which knows of no repeat
        and counts as the first; post-hoc rule applied.
    fold_models
        By fold, the models of the first repeat: each saw no image of its fold, nor a relative of one.
    history
        `repeat`, `fold` (both empty for `model`), `seed`, `epoch` (from 1), `loss` (mean training loss an image); no
        rows for a family without epochs.
    verification
        How well the similarity tells pairs of images out of fold; None where the family has none, or pairs say nothing.
    tuning
        What each candidate came to (`tasks.train.tuning.table`); None where no setting was to be chosen.
    """

    model: Model | EnsembleModel
    fold_models: dict[int, Model]
    predictions: pd.DataFrame
    history: pd.DataFrame
    verification: Verification | None
    tuning: pd.DataFrame | None


def fit_strategy(
    strategy: Strategy,
    seeds: int,
    *,
    splits: pd.DataFrame,
    balanced: pd.DataFrame,
    inputs: Inputs,
    backbone: Backbone | None,
    depth: int,
    tell: Callable[[str], None],
    checkpoints: Path | None = None,
    epochs: Path | None = None,
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
    depth
        Bits of 16-bit values that are shown, for models to keep.
    tell
        Takes a line of progress after each fold.
    checkpoints
        Where long fits may write how far they are, to go on from if all this is done again; None: nowhere.
    epochs
        The file that takes epochs as they end (`tasks.train.epochs`); None: none.

    Raises
    ------
    InputError
        The balanced set leaks; a class is missing in a fold's own set, or has too few rows for the sampler; a mixed row
        has no valid second label; a feature vector is missing; the loss names a class that there isn't; or training
        has diverged.
    """
    prove_no_leak(balanced, splits)
    balanced = balanced.sort_values("row_id", ignore_index=True)
    rounds = rounds_of(splits, balanced)
    last = rounds[-1]
    if strategy.vote.folds:
        rounds = rounds[:-1]
    for one in rounds:
        refuse_few_rows(strategy, one)
    known = strategy.loss.for_classes(rounds[0].rows.classes)
    components = Components(known, strategy.sampler, strategy.mixing, strategy.schedule)
    chooser = Chooser(
        strategy, inputs, components, _folds_differ(strategy, backbone), checkpoints and checkpoints / "tuning"
    )
    choices = []
    for one in rounds:
        choices.append(chooser.choose(one))
        if choices[-1].note:
            tell(choices[-1].note)
    logs = [[Log() for _ in range(seeds)] for _ in rounds]
    families = [choice.family for choice in choices]
    if epochs:
        _follow(epochs, rounds, logs, families)
    fitted = _fitted(families, components, rounds, logs, inputs, tell, checkpoints)

    models, raw = [], []
    for one, family, fits in zip(rounds, families, fitted, strict=True):
        shown = backbone and backbone.for_fold(one.fold)
        own = family, strategy.posthoc, fits, one.fold, shown, depth, strategy.vote.of_seeds
        model = Model(one.rows.classes, *own)
        raw.append(model.scores(inputs.take(one.unseen["image_id"].tolist())))
        require_finite(raw[-1], f"the model of family {family.name!r} that was fitted in {one.where}")
        models.append(model)
    rules = cross_fitted(strategy.posthoc.for_classes(rounds[0].rows.classes), rounds, raw)
    models = [replace(model, posthoc=rule) for model, rule in zip(models, rules, strict=True)]
    _tell_idle(balanced, rounds, tell)

    tables = [_table(one, rule.adjust(scores)) for one, rule, scores in zip(rounds, rules, raw, strict=True)]
    first = min(one.repeat for one in rounds)
    fold_models = {
        one.fold: model
        for one, model in zip(rounds, models, strict=True)
        if one.fold is not None and one.repeat == first
    }
    whole: Model | EnsembleModel = models[-1]
    if strategy.vote.folds:
        voters = {str(fold_folder(Path(), fold)): model for fold, model in fold_models.items()}
        whole = EnsembleModel(voters, strategy.vote.of)
        tables.append(_table(last, whole.predict_each(inputs.take(last.unseen["image_id"].tolist()))))
    return Outcome(
        whole,
        fold_models,
        pd.concat(tables).sort_values(["image_id", "repeat", "seed"], ignore_index=True),
        _history(rounds, logs),
        _verification(rounds, models, inputs) if strategy.family.compares else None,
        tuning_table(strategy.family, rounds, choices) if strategy.family.tune else None,
    )


def _folds_differ(strategy: Strategy, backbone: Backbone | None) -> bool:
    """Whether what models see of an image, or begin with, was fitted fold by fold."""
    return strategy.family.backbone != NONE if backbone is None else backbone.for_fold(0) is not backbone


def _follow(file: Path, rounds: list[Round], logs: list[list[Log]], families: list[Family]) -> None:
    """Let the epochs of every fit be written down as they end."""
    begin_epochs(file)
    fits = sum(map(len, logs))
    number = 0
    for one, family, of_seeds in zip(rounds, families, logs, strict=True):
        left_out = (None, None) if one.fold is None else (int(one.repeat), int(one.fold))
        about = dict(zip(("repeat", "fold"), left_out, strict=True)) | {"epochs": getattr(family, "epochs", None)}
        for seed, log in enumerate(of_seeds):
            number += 1
            log.tell = partial(_write_down, file, about | {"fit": number, "fits": fits, "seed": seed})


def _write_down(file: Path, about: dict[str, Any], epoch: int, loss: float) -> None:
    append_epoch(file, Epoch(**about, epoch=epoch, loss=loss))


def _fitted(
    families: list[Family],
    components: Components,
    rounds: list[Round],
    logs: list[list[Log]],
    inputs: Inputs,
    tell: Callable[[str], None],
    checkpoints: Path | None,
) -> Iterator[tuple[Fitted, ...]]:
    """The fits of each round, one a seed, as they are made; rounds of the same settings are one piece."""

    def wanted(numbers: Iterable[int]) -> Iterator[Fit]:
        for number in numbers:
            rows, fold = rounds[number].rows, rounds[number].fold
            for seed, log in enumerate(logs[number]):
                folder = checkpoints and checkpoints / f"{number}-{seed}"
                yield Fit(rows, inputs.take(rows.ids), components, seed, fold, log, folder)

    alike = itertools.groupby(range(len(rounds)), key=lambda number: families[number])
    fits = (fitted for family, numbers in alike for fitted in family.fit_all(wanted(list(numbers))))
    for one, of_seeds in zip(rounds, logs, strict=True):
        yield tuple(next(fits) for _ in of_seeds)
        final = [log.losses[-1] for log in of_seeds if log.losses]
        loss = f", loss {np.mean(final):.4f}" if final else ""
        seeds = "one seed" if len(of_seeds) == 1 else f"{len(of_seeds)} seeds"
        tell(f"fitted {seeds} on {len(one.rows):,} rows in {one.where}{loss}")
        for note in of_seeds[0].notes:
            tell(f"  {note}")


def _verification(rounds: list[Round], models: list[Model], inputs: Inputs) -> Verification | None:
    """How well pairs of a fold's images are told by the fold's own models; of the first repeat."""
    first = min(one.repeat for one in rounds)
    folds = [at for at, one in enumerate(rounds) if one.fold is not None and one.repeat == first]
    names = sorted({group for at in folds for group in rounds[at].unseen["group"]})
    number = {group: number for number, group in enumerate(names)}
    held_out = []
    for at in folds:
        chosen = in_turns(rounds[at].targets)
        rows = rounds[at].unseen.iloc[chosen]
        similarities = models[at].cosines(inputs.take(rows["image_id"].tolist()))
        groups = np.array([number[group] for group in rows["group"]], dtype=np.int64)
        held_out.append(HeldOut(similarities, rounds[at].targets[chosen], groups))
    return verify(held_out)


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
