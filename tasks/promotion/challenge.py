"""Two models on the same images, which neither has learnt from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tasks.compare.changes import paired_changes
from tasks.errors import InputError
from tasks.evaluate.deciding import cross_fitted, decided_by, fold_rules, mix_of, rule_of
from tasks.evaluate.metrics import costs_of, decision_metrics
from tasks.evaluate.scored import Scored, read_scored
from tasks.files import json_digest
from tasks.goals import Goal
from tasks.params.models import Evaluate
from tasks.promotion.evidence import Evidence
from tasks.registry import components
from tasks.statistics.groups import FEWEST_GROUPS
from tasks.statistics.interval import Interval
from tasks.tables import CATALOG, SPLITS, first_repeat, predictions_file

OUT_OF_FOLD, IN_COMMON, HELD_OUT = "out of fold", "those that both know, out of fold", "held out"
CHUNK = 256  # images at a time


@dataclass(frozen=True)
class Challenge:
    """A challenger against the champion.

    Attributes
    ----------
    where
        `OUT_OF_FOLD`; `IN_COMMON`: training images of both versions of the data; or `HELD_OUT`: images of the present
        test part that neither has learnt from.
    images
        How many images both were judged on.
    digest
        SHA-256 over the ids of these images, their labels and groups.
    difference
        Challenger minus champion in the judged metric; None where that can't be told.
    reached
        The champion's and the challenger's judged metric; None likewise.
    recall
        Of the guarded class: the champion's and the challenger's; None where it has no images, or none were looked at.
    lacking
        Why a difference can't be told, as a sentence; empty if it can.
    """

    where: str
    images: int
    digest: str
    difference: Interval | None
    reached: tuple[float, float] | None
    recall: tuple[float, float] | None
    lacking: str


def challenge(champion: Scored, challenger: Scored, where: str, goal: Goal, guarded: str, level: Evaluate) -> Challenge:
    """Compare two models on the same images, on the same draws of images and fits.

    Of two that were fitted a different number of times, as many fits are compared as both have.

    Parameters
    ----------
    champion, challenger
        Their scores, decided under the goal; the images agree in ids, labels and groups.
    where
        `OUT_OF_FOLD`, `IN_COMMON` or `HELD_OUT`.
    goal
        By whose metric they are judged.
    guarded
        The class whose recall is guarded.
    level
        Confidence level, number of draws and their seed.

    Raises
    ------
    InputError
        They were not judged on the same images.
    """
    if _digest(champion) != _digest(challenger):
        raise InputError("the two models were not judged on the same images, so they can't be compared")
    counts = dict(zip(champion.classes, map(int, champion.group_counts), strict=True))
    reason, difference, reached = lacking(counts, goal, guarded), None, None
    if not reason:
        fits = min(champion.fits, challenger.fits)
        pair = [_first_fits(one, fits) for one in (champion, challenger)]
        mix = mix_of(level, champion.classes)
        change = paired_changes(pair, goal, level, champion.measurable, mix).metric[0]
        difference = Interval(change.value, change.low, change.high)
        reached = (_reached(pair[0], goal, mix), _reached(pair[1], goal, mix))
    recall = (_recall(champion, guarded), _recall(challenger, guarded)) if counts.get(guarded) else None
    return Challenge(where, len(champion.image_ids), _digest(champion), difference, reached, recall, reason)


def lacking(groups: Mapping[str, int], goal: Goal, guarded: str) -> str:
    """Why two models can't be compared on images that have so many groups of each class; empty if they can."""
    few = {label: number for label, number in groups.items() if number < FEWEST_GROUPS}
    needed = dict.fromkeys([guarded, *([goal.of_class] if goal.of_class else [])])
    if len(groups) - len(few) > 1 and not few.keys() & needed:
        return ""
    told = ", ".join(f"{number} of {label}" for label, number in few.items())
    return (
        f"too few images to tell: two classes or more, and {' and '.join(needed)} among them, must have "
        f"{FEWEST_GROUPS} groups of related images, and there are {told}"
    )


def decided_for(evidence: Evidence, goal: Goal, settings: Evaluate) -> tuple[Goal, Evaluate]:
    """The goal and the mix that a model's own rule decides for, whatever is wanted by now: so it is in use."""
    about = evidence.about
    own = goal_of(about["goal"]) if "goal" in about else goal
    return own, settings.model_copy(update={"mix": about.get("mix", settings.mix)})


def decided_out_of_fold(evidence: Evidence, goal: Goal, settings: Evaluate) -> Scored:
    """Out-of-fold scores, decided under the goal as the stage `evaluate` does: each fold by what the others say."""
    scored = evidence.scored
    if not goal.corrected:
        return scored
    mix = mix_of(settings, scored.classes)
    return cross_fitted(scored, fold_rules(scored, rule_of(scored, goal, mix), mix))


def decided_elsewhere(scored: Scored, evidence: Evidence, goal: Goal, settings: Evaluate) -> Scored:
    """A model's scores of images that it hasn't learnt from, decided by the rule of its out-of-fold scores."""
    if not goal.corrected:
        return scored
    return decided_by(scored, rule_of(evidence.scored, goal, mix_of(settings, scored.classes)))


def goal_of(told: Mapping[str, Any]) -> Goal:
    """The goal that a leaderboard names."""
    made: Goal = components("tasks.goals")[told["name"]].model_validate(told)
    return made


def group_counts(rows: pd.DataFrame, classes: Sequence[str]) -> dict[str, int]:
    """In how many groups each class occurs among rows of `SPLITS`."""
    found = rows.groupby("label")["group"].nunique()
    return {label: int(found.get(label, 0)) for label in classes}


def in_common(champion: Evidence, challenger: Evidence) -> pd.DataFrame:
    """The challenger's training images, as rows of `SPLITS`, that the champion was judged on out of fold as well.

    Left out are images whose label has changed, and those that have relatives now that the champion didn't know of: its
    models may have learnt from these.
    """
    rows = first_repeat(challenger.splits).sort_values("image_id", ignore_index=True)
    known = first_repeat(champion.splits).set_index("image_id")
    before = rows["image_id"].map(known["group"])
    among = before.groupby(rows["group"]).transform("nunique")
    return rows[(rows["image_id"].map(known["label"]) == rows["label"]) & (among == 1)].reset_index(drop=True)


def only(scored: Scored, rows: pd.DataFrame) -> Scored:
    """The scores of images that are `rows` of `SPLITS`, with the groups that these say."""
    at = pd.Index(scored.image_ids).get_indexer(rows["image_id"])
    kept = {name: getattr(scored, name) for name in ("folds", "decided", "corrected")}
    return replace(
        _laid_out(rows, scored.classes, scored.scores[:, at], scored.kind),
        folds=None if kept["folds"] is None else kept["folds"][:, at],
        decided=None if kept["decided"] is None else kept["decided"][:, at],
        corrected=None if kept["corrected"] is None else kept["corrected"][:, at],
    )


def unseen(splits: pd.DataFrame, learnt_from: set[str]) -> pd.DataFrame:
    """The rows of the test part no relative of which is among `learnt_from`.

    Parameters
    ----------
    splits
        The present table `SPLITS`.
    learnt_from
        Ids of the images that a model has learnt from, perhaps of an earlier version of the data.
    """
    rows = first_repeat(splits)
    spoilt = set(rows.loc[rows["image_id"].isin(learnt_from), "group"])
    return rows[(rows["part"] == "test") & ~rows["group"].isin(spoilt)].sort_values("image_id", ignore_index=True)


def scores_of(model_folder: Path, root: Path, rows: pd.DataFrame, workers: int = 1) -> Scored:
    """What a saved model says of images of the workspace at `root`, which it opens anew.

    Parameters
    ----------
    model_folder
        See `tasks.train.models.save_model`.
    root
        The workspace.
    rows
        Rows of `SPLITS`, of images that the catalog names.
    workers
        Number of processes; changes time only.
    """
    from tasks.train.loading import load_model

    model = load_model(model_folder)
    paths = CATALOG.read(CATALOG.place(root)).set_index("image_id")["path"]
    files = [root / "data" / "raw" / paths[image] for image in rows["image_id"]]
    parts = [model.predict_each(model.inputs(files[at : at + CHUNK], workers)) for at in range(0, len(files), CHUNK)]
    values = np.concatenate([part.values for part in parts], axis=1)
    return _laid_out(rows, model.classes, values, parts[0].kind)


def kept_scores(root: Path, strategy: str, rows: pd.DataFrame) -> Scored:
    """What the stage `train` kept of a present strategy's model on `rows` of the test part."""
    whole = read_scored(predictions_file(root, strategy), SPLITS.read(SPLITS.place(root)), "test")
    return only(whole, rows)


def scores_digest(scored: Scored) -> str:
    """SHA-256 of what was predicted, for the log of looks at the test part."""
    content = hashlib.sha256(_digest(scored).encode())
    content.update(np.ascontiguousarray(scored.scores).tobytes())
    return content.hexdigest()


def class_changes(champion: Sequence[str], challenger: Sequence[str]) -> str:
    """How the classes of two models differ, in words; empty if they don't."""
    gone, new = sorted(set(champion) - set(challenger)), sorted(set(challenger) - set(champion))
    told = [f"only the champion knows {', '.join(gone)}"] * bool(gone)
    told += [f"only the challenger knows {', '.join(new)}"] * bool(new)
    return "; ".join(told)


def same_images(champion: Evidence, challenger: Evidence) -> bool:
    """Whether two models were judged out of fold on the same images, with the same labels and relatives."""
    return champion.images == challenger.images


def _laid_out(rows: pd.DataFrame, classes: list[str], values: np.ndarray, kind: str) -> Scored:
    groups = np.unique(rows["group"].to_numpy(str), return_inverse=True)[1]
    labels = pd.Index(classes).get_indexer(rows["label"])
    return Scored(classes, rows["image_id"].to_numpy(), labels, groups, values, kind)


def _first_fits(one: Scored, fits: int) -> Scored:
    return replace(
        one,
        scores=one.scores[:fits],
        folds=None if one.folds is None else one.folds[:fits],
        decided=None if one.decided is None else one.decided[:fits],
        corrected=None if one.corrected is None else one.corrected[:fits],
    )


def _reached(scored: Scored, goal: Goal, mix: np.ndarray | None) -> float:
    """What a model reaches in the goal's metric."""
    statistic = decision_metrics(scored, scored.measurable, costs_of(goal, scored.classes, mix))
    found = statistic(np.ones((len(scored.image_ids), 1), dtype=np.int32))[goal.metric.partition(".")[0]]
    return float((found if goal.of_class is None else found[:, scored.classes.index(goal.of_class)]).mean())


def _recall(scored: Scored, label: str) -> float:
    code = scored.classes.index(label)
    return float((scored.decisions[:, scored.labels == code] == code).mean())


def _digest(scored: Scored) -> str:
    groups = scored.image_ids[np.unique(scored.groups, return_index=True)[1]][scored.groups]
    return json_digest([[*map(str, row)] for row in zip(scored.image_ids, scored.labels, groups, strict=True)])
