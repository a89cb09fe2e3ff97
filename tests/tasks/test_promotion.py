"""Two models on the same images: planted truths, what counts as the same images, what neither has learnt from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tasks.errors import InputError
from tasks.evaluate.out_of_fold import out_of_fold
from tasks.evaluate.scored import Scored
from tasks.goals import Goal
from tasks.goals.balanced_accuracy import BalancedAccuracy
from tasks.goals.expected_cost import ExpectedCost
from tasks.goals.recall_at_precision import RecallAtPrecision
from tasks.params.models import Evaluate
from tasks.promotion.challenge import (
    OUT_OF_FOLD,
    Challenge,
    challenge,
    class_changes,
    decided_for,
    decided_out_of_fold,
    in_common,
    lacking,
    unseen,
)
from tasks.promotion.evidence import Evidence, images_digest
from tasks.tables import PREDICTIONS, SPLITS

CLASSES = ["common", "rare"]
LABELS = np.repeat([0, 1], [90, 30])
LEVEL = Evaluate(draws=200)
BALANCED = BalancedAccuracy()


def scored(right: tuple[float, float], fits: int = 3, seed: int = 0, groups: np.ndarray | None = None) -> Scored:
    stream = np.random.default_rng(seed)
    hits = stream.random((fits, len(LABELS))) < np.array(right)[LABELS]
    ids = np.array([f"{number:016x}" for number in range(len(LABELS))])
    groups = np.arange(len(LABELS)) if groups is None else groups
    return Scored(CLASSES, ids, LABELS, groups, np.eye(2)[np.where(hits, LABELS, 1 - LABELS)])


def recalls(one: Scored, fits: int) -> np.ndarray:
    hits = one.scores[:fits].argmax(axis=2) == LABELS
    return np.array([hits[:, code == LABELS].mean() for code in (0, 1)])


def compared(champion: Scored, challenger: Scored, guarded: str = "rare", goal: Goal = BALANCED) -> Challenge:
    return challenge(champion, challenger, OUT_OF_FOLD, goal, guarded, LEVEL)


def test_a_planted_gain_is_found_with_its_size_and_a_planted_loss_is_its_mirror() -> None:
    old, new = scored((0.6, 0.4)), scored((0.9, 0.8), seed=1)
    found, other = compared(old, new), compared(new, old)
    gain = (recalls(new, 3) - recalls(old, 3)).mean()
    assert found.difference is not None
    assert other.difference is not None
    assert found.difference.value == pytest.approx(gain)
    assert 0 < found.difference.low < gain < found.difference.high < 1
    assert other.difference.value == pytest.approx(-gain)
    assert other.difference.high < 0
    assert found.recall == pytest.approx((recalls(old, 3)[1], recalls(new, 3)[1]))
    assert found.reached == pytest.approx((recalls(old, 3).mean(), recalls(new, 3).mean()))


def test_of_models_fitted_a_different_number_of_times_as_many_fits_are_compared_as_both_have() -> None:
    old, new = scored((0.6, 0.4), fits=5), scored((0.9, 0.8), fits=2, seed=1)
    found = compared(old, new).difference
    assert found is not None
    assert found.value == pytest.approx((recalls(new, 2) - recalls(old, 2)).mean())


@pytest.mark.parametrize(
    "goal", [RecallAtPrecision(of="rare", precision=0.6), ExpectedCost(cost={"rare": {"common": 9}})]
)
def test_both_decide_under_the_goal_as_the_stage_evaluate_says(goal: Goal) -> None:
    stream = np.random.default_rng(3)
    found = []
    for noise in (3.0, 1.5):
        values = np.eye(2)[LABELS] + noise * stream.normal(size=(2, len(LABELS), 2))
        tables = split_and_predictions(values)
        one = Evidence({"strategy": "x", "images": images_digest(tables[0])}, *tables)
        _, evaluated = out_of_fold(one.scored, goal, LEVEL)
        found.append((decided_out_of_fold(one, goal, LEVEL), evaluated.metrics[goal.metric].value))
    (old, before), (new, after) = found
    difference = compared(old, new, goal=goal).difference
    assert difference is not None
    assert difference.value == pytest.approx(after - before, abs=1e-9)
    assert before != after


def test_each_decides_by_the_rule_that_it_is_used_with() -> None:
    tables = split_and_predictions(np.eye(2)[LABELS][None] + 0.0)
    about = {"strategy": "x", "images": images_digest(tables[0])}
    wanted = RecallAtPrecision(of="rare", precision=0.6)
    assert decided_for(Evidence(about, *tables), wanted, LEVEL) == (wanted, LEVEL), "as of an earlier version"
    own = ExpectedCost(cost={"rare": {"common": 9}})
    kept = about | {"goal": own.model_dump(mode="json"), "mix": {"common": 0.5, "rare": 0.5}}
    goal, settings = decided_for(Evidence(kept, *tables), wanted, LEVEL)
    assert goal == own
    assert settings.mix == {"common": 0.5, "rare": 0.5}
    assert settings.draws == LEVEL.draws


def split_and_predictions(values: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables of the training part for scores of shape (seeds, n, 2)."""
    ids = [f"{number:016x}" for number in range(len(LABELS))]
    names = np.array(CLASSES)[LABELS]
    table = pd.DataFrame(
        {"image_id": ids, "part": "train", "repeat": 0, "fold": np.arange(len(ids)) % 3, "label": names}
    )
    table = table.astype({"repeat": "int16", "fold": "Int16"})
    seeds = [
        table.assign(
            seed=seed, kind="logit", **{f"score.{name}": of_seed[:, code] for code, name in enumerate(CLASSES)}
        )
        for seed, of_seed in enumerate(values)
    ]
    return table.assign(group=ids), pd.concat(seeds, ignore_index=True).astype({"seed": "int16"})


def test_a_model_against_itself_differs_by_nothing() -> None:
    found = compared(scored((0.7, 0.5)), scored((0.7, 0.5))).difference
    assert found is not None
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_models_on_other_images_are_refused() -> None:
    other = scored((0.7, 0.5))
    other.image_ids[0] = "another"
    with pytest.raises(InputError, match="not judged on the same images"):
        compared(scored((0.7, 0.5)), other)


def test_too_few_groups_are_told_in_place_of_a_difference() -> None:
    groups = np.where(LABELS == 1, 90 + np.arange(len(LABELS)) % 9, np.arange(len(LABELS)))
    groups = np.unique(groups, return_inverse=True)[1]
    found = compared(*(scored((0.7, 0.5), groups=groups) for _ in range(2)))
    assert found.difference is None
    assert "9 of rare" in found.lacking


@pytest.mark.parametrize(
    ("groups", "guarded", "enough"),
    [
        ({"a": 10, "b": 10}, "a", True),
        ({"a": 10, "b": 9}, "a", False),
        ({"a": 10, "b": 10, "c": 0}, "a", True),
        ({"a": 10, "b": 10, "c": 9}, "c", False),
    ],
)
def test_two_classes_and_the_guarded_one_must_be_measurable(groups: dict[str, int], guarded: str, enough: bool) -> None:
    assert (lacking(groups, BALANCED, guarded) == "") == enough
    wanted = RecallAtPrecision(of=guarded)
    assert (lacking(groups, wanted, "a") == "") == enough


def splits(groups: dict[str, str], **others: str) -> pd.DataFrame:
    """Rows of the training part, an image each, with their groups; `others` are the test part."""
    rows = [(image, group, "train") for image, group in groups.items()]
    rows += [(image, group, "test") for image, group in others.items()]
    table = pd.DataFrame(rows, columns=["image_id", "group", "part"])
    folds = [number % 2 if part == "train" else None for number, part in enumerate(table["part"])]
    label = ["rare" if image < "c" else "common" for image in table["image_id"]]
    return table.assign(label=label, repeat=0, fold=folds).astype({"repeat": "int16", "fold": "Int16"})


def test_the_digest_of_images_follows_content_labels_and_relatives_and_nothing_else() -> None:
    base = splits({"a": "1", "b": "1", "c": "2"})
    digest = images_digest(base)
    renamed = splits({"c": "x", "b": "y", "a": "y"}).assign(fold=0)
    assert images_digest(renamed) == digest
    twice = pd.concat([base, base.assign(repeat=1, fold=1)])
    assert images_digest(twice) == digest
    others = [
        base.assign(label=["rare", "common", "common"]),
        splits({"a": "1", "b": "2", "c": "2"}),
        splits({"a": "1", "b": "1"}),
        splits({"a": "1", "b": "1", "d": "2"}),
    ]
    assert digest not in {images_digest(one) for one in others}


def test_unseen_are_test_images_no_relative_of_which_was_learnt_from() -> None:
    present = splits({"a": "1", "c": "2"}, d="2", e="3", f="4", g="4")
    assert list(unseen(present, {"a", "old"})["image_id"]) == ["d", "e", "f", "g"]
    assert list(unseen(present, {"c", "f"})["image_id"]) == ["e"]


def test_in_common_are_images_with_the_same_label_and_no_relatives_that_the_champion_did_not_know_of() -> None:
    old = splits({"a": "1", "b": "1", "c": "2", "d": "3", "e": "4"})
    new = splits({"a": "x", "b": "x", "c": "y", "d": "y", "e": "z", "f": "z", "g": "w"})
    champion, challenger = (Evidence({}, table, pd.DataFrame()) for table in (old, new))
    assert list(in_common(champion, challenger)["image_id"]) == ["a", "b", "e"]
    relabelled = Evidence({}, new.assign(label="rare"), pd.DataFrame())
    assert list(in_common(champion, relabelled)["image_id"]) == ["a", "b"]


def test_evidence_comes_back_as_it_was_kept_and_what_was_changed_since_is_refused(tmp_path) -> None:
    table = splits({"a": "1", "b": "2", "c": "3", "d": "4"}, e="5")
    SPLITS.place(tmp_path).parent.mkdir(parents=True)
    SPLITS.write(table, SPLITS.place(tmp_path))
    told = table.drop(columns="group").assign(seed=0, kind="logit").astype({"seed": "int16"})
    scores = {"score.common": [0.0, 0.1, 0.9, 0.4, 0.0], "score.rare": [1.0, 0.9, 0.1, 0.6, 1.0]}
    PREDICTIONS.place(tmp_path, "plain").parent.mkdir(parents=True)
    PREDICTIONS.write(told.assign(**scores), PREDICTIONS.place(tmp_path, "plain"))
    kept = Evidence.gather(tmp_path, "plain", {"strategy": "plain"})
    kept.write(tmp_path / "kept")
    read = Evidence.read(tmp_path / "kept")
    assert read.learnt_from == {"a", "b", "c", "d"}  # nothing of the test part is kept
    assert read.about == kept.about
    assert read.scored.decisions.tolist() == [[1, 1, 0, 1]]
    SPLITS.write(read.splits.assign(label="rare"), tmp_path / "kept" / SPLITS.file)
    with pytest.raises(InputError, match="not of the images that it says"):
        Evidence.read(tmp_path / "kept")


def test_how_classes_differ_is_told_by_their_names() -> None:
    assert class_changes(["a", "b"], ["b", "a"]) == ""
    assert class_changes(["a", "b"], ["b", "c"]) == "only the champion knows a; only the challenger knows c"
