"""Rows of two classes: their loss, their counts, and how a strategy is fitted on them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
import pytest
import torch
from fits import Task, each, hard_task
from numpy.testing import assert_allclose, assert_array_equal
from test_train import COUNTS, FAST, FOLDS, fit, make_balanced, make_splits, make_strategy, new_ids, scores, vectors

from tasks.errors import InputError
from tasks.lineage import TrainingSet
from tasks.train.families import Fit
from tasks.train.families.head import Head
from tasks.train.heads import together
from tasks.train.labels import Labels
from tasks.train.losses.cross_entropy import CrossEntropy
from tasks.train.mixing.none import Unmixed
from tasks.train.rows import Rows
from tasks.train.samplers.class_balanced import ClassBalanced
from tasks.train.samplers.natural import Natural

FIRST, SECOND = np.array([0, 1, 2, 2, 0, 1]), np.array([1, 1, 0, 2, 2, 0])
SHARE = np.array([0.7, 1.0, 0.25, 1.0, 0.0, 0.5], dtype=np.float32)
CLASSES = sorted(COUNTS)


def soft_task(sampler=None, first=FIRST, second=SECOND, share=SHARE, seed: int = 0) -> Task:
    features = np.random.default_rng(1).normal(size=(len(first), 4)).astype(np.float32)
    settings = {"steps": 20, "batch_size": 4, "learning_rate": 0.01}
    chosen = sampler or Natural()
    return Task(features, first, second, share, 3, CrossEntropy(), chosen, Unmixed(), settings=settings, seed=seed)


@each("losses", without=["none"])
def test_the_loss_of_a_mixed_row_is_shared_between_its_labels(component):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 3, generator=generator, dtype=torch.float64)
    counts = torch.tensor([5.0, 3.0, 2.0], dtype=torch.float64)
    labels = Labels(torch.tensor(FIRST), (torch.tensor(SECOND), torch.tensor(SHARE, dtype=torch.float64)))
    found = labels.loss(component, logits, counts)
    for row in range(6):
        alone = [
            component.per_image(logits[row : row + 1], torch.tensor([number]), counts).item()
            for number in (FIRST[row], SECOND[row])
        ]
        share = float(SHARE[row])
        assert math.isclose(found[row], share * alone[0] + (1 - share) * alone[1], rel_tol=1e-9)


def test_cross_entropy_of_a_mixed_row_is_that_of_the_soft_target():
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    soft = torch.zeros(6, 3)
    for row in range(6):
        soft[row, FIRST[row]] += SHARE[row]
        soft[row, SECOND[row]] += 1 - SHARE[row]
    labels = Labels.of(FIRST, SECOND, SHARE)
    found = labels.loss(CrossEntropy(), logits, torch.ones(3))
    assert_allclose(found, torch.nn.functional.cross_entropy(logits, soft, reduction="none"), rtol=1e-5)


def test_labels_of_one_class_each_cost_no_second_loss():
    assert Labels.of(FIRST, FIRST, np.ones(6, dtype=np.float32)).mixed is None
    assert Labels.of(FIRST, SECOND, SHARE).mixed is not None
    taken = Labels.of(FIRST, SECOND, SHARE).take(torch.tensor([2, 0]))
    assert taken.first.tolist() == [2, 0]
    assert taken.mixed[0].tolist() == [0, 1]
    assert_allclose(taken.mixed[1], [0.25, 0.7])


@each("samplers")
def test_effective_counts_are_the_soft_labels_as_the_sampler_draws_the_rows(component):
    """``N sum_i p_i (soft label of row i)``, a row at a time."""
    chances = component.row_probabilities(FIRST, 3)
    expected = np.zeros(3)
    for first, second, share, chance in zip(FIRST, SECOND, SHARE, chances, strict=True):
        expected[first] += 6 * chance * float(share)
        expected[second] += 6 * chance * (1 - float(share))
    task = soft_task(component)
    assert_allclose(task.counts, expected, rtol=1e-12)
    assert math.isclose(task.counts.sum(), 6)


@each("samplers")
def test_hard_labels_have_the_counts_of_the_sampler_to_the_bit(component):
    targets = np.repeat(np.arange(3), [50, 12, 3])
    task = hard_task(np.zeros((65, 1), np.float32), targets, 3, CrossEntropy(), component, {}, 0)
    assert_array_equal(task.counts, component.effective_counts(np.array([50.0, 12.0, 3.0])))


def test_a_class_may_be_second_in_all_its_rows():
    first, second = np.array([0, 0, 0, 2]), np.array([0, 1, 1, 2])
    share = np.array([1, 0.5, 0.5, 1], dtype=np.float32)
    for sampler, expected in ((Natural(), [2, 1, 1]), (ClassBalanced(), [4 / 3, 2 / 3, 2])):
        task = soft_task(sampler, first, second, share)
        assert_allclose(task.counts, expected)
        assert np.isfinite(task.fit(Head()).losses).all()


def test_a_fit_on_soft_labels_gives_the_same_bytes_and_others_than_hard_ones():
    assert soft_task().fit(Head()).files == soft_task().fit(Head()).files
    hard = soft_task(second=FIRST, share=np.ones(6, dtype=np.float32))
    assert soft_task().fit(Head()).files != hard.fit(Head()).files


def test_a_second_label_that_is_the_first_again_changes_nothing_but_rounding():
    hard = soft_task(second=FIRST, share=np.ones(6, dtype=np.float32)).fit(Head())
    same = soft_task(second=FIRST).fit(Head())
    for name, value in hard.state.items():
        assert_allclose(same.state[name], value, atol=1e-5)


def test_a_model_that_sees_nothing_learns_the_mean_soft_label():
    first, second = np.repeat([0, 1, 2], [60, 30, 10]), np.repeat([2, 1, 2], [60, 30, 10])
    share = np.where(first == 0, 0.75, 1).astype(np.float32)
    task = Task(
        features=np.zeros((100, 1), np.float32),
        targets=first,
        second=second,
        share=share,
        classes=3,
        loss=CrossEntropy(),
        sampler=Natural(),
        mixing=Unmixed(),
        settings={"steps": 300, "batch_size": 100, "learning_rate": 0.05, "weight_decay": 0.0},
        seed=0,
    )
    fitted = task.fit(Head()).predict(np.zeros((1, 1), np.float32))
    assert_allclose(np.exp(fitted[0]) / np.exp(fitted[0]).sum(), [0.45, 0.30, 0.25], atol=1e-3)
    assert_allclose(CrossEntropy().prior(task.counts), [0.45, 0.30, 0.25])


def with_mixed_rows(splits: pd.DataFrame) -> pd.DataFrame:
    """A mixed row of a crack and a stain for each crack, partners of one fold."""
    balanced = make_balanced(splits)
    training = splits[splits["part"] == "train"]
    more = []
    for crack in training[training["label"] == "crack"].itertuples():
        stain = training[(training["label"] == "stain") & (training["fold"] == crack.fold)].iloc[0]
        row = {"row_id": f"{crack.image_id}-m1", "parents": [crack.image_id, stain["image_id"]], "origin": "mixed"}
        row |= {"label": "crack", "second_label": "stain", "second_share": 0.3, "fold": int(crack.fold)}
        more.append(row | {"operation": "mixup", "parameters": "{}", "file": f"{crack.image_id}-m1.png"})
    balanced = pd.concat([balanced, pd.DataFrame(more)], ignore_index=True)
    balanced["fitted_on"] = None
    return balanced


def fit_mixed(strategy=None, balanced: pd.DataFrame | None = None):
    balanced = with_mixed_rows(make_splits()) if balanced is None else balanced
    return fit(strategy or make_strategy(), balanced=balanced, new_features=vectors(new_ids(balanced)))


def noted_fits(monkeypatch: pytest.MonkeyPatch) -> list[Rows]:
    """The rows of every fit of a head, as they come."""
    seen: list[Rows] = []
    original = Head.fit_all

    def noted(fits: Iterable[Fit]) -> Iterator[Fit]:
        for one in fits:
            seen.append(one.rows)
            yield one

    monkeypatch.setattr(Head, "fit_all", lambda self, fits: original(self, noted(fits)))
    return seen


def test_a_strategy_is_fitted_on_mixed_rows_with_their_labels(monkeypatch):
    tasks = noted_fits(monkeypatch)
    balanced = with_mixed_rows(make_splits())
    predictions = fit_mixed(balanced=balanced).predictions
    assert np.isfinite(scores(predictions)).all()
    by_id = balanced.sort_values("row_id", ignore_index=True)
    for rows, fold in zip(tasks[:: FAST["seeds"]], [*range(FOLDS), None], strict=True):
        own = by_id if fold is None else by_id[by_id["fold"] != fold]
        assert [CLASSES[number] for number in rows.first] == own["label"].tolist()
        second = own["second_label"].fillna(own["label"])
        assert [CLASSES[number] for number in rows.second] == second.tolist()
        assert_allclose(rows.share, 1 - own["second_share"].fillna(0), rtol=1e-6)
        expected = [
            sum(
                (row.label == name) * (1 if pd.isna(row.second_label) else 0.7)
                + (not pd.isna(row.second_label) and row.second_label == name) * 0.3
                for row in own.itertuples()
            )
            for name in CLASSES
        ]
        assert_allclose(rows.drawn(Natural()), expected, rtol=1e-6)


def test_the_prior_of_mixed_rows_is_taken_away_by_logit_adjustment():
    plain, adjusted = (
        fit_mixed(make_strategy(posthoc={"name": name})).predictions for name in ("none", "logit_adjustment")
    )
    counts = {"crack": 10 + 10 + 10 + 10 * 0.7, "fine": 30, "stain": 15 + 10 * 0.3}
    test_part = plain["part"] == "test"
    taken = (scores(plain) - scores(adjusted))[test_part]
    expected = np.log([counts[name] / sum(counts.values()) for name in CLASSES])
    assert_allclose(taken, np.tile(expected, (len(taken), 1)), rtol=1e-6)


def test_mixed_rows_leave_the_folds_of_both_parents():
    balanced = with_mixed_rows(make_splits())
    row = balanced.index[balanced["origin"] == "mixed"][0]
    stranger = balanced[(balanced["label"] == "stain") & (balanced["fold"] != balanced.at[row, "fold"])].iloc[0]
    balanced.at[row, "parents"] = [balanced.at[row, "parents"][0], stranger["row_id"]]
    with pytest.raises(InputError, match="lies in fold"):
        fit_mixed(balanced=balanced)


def rows_of(balanced: pd.DataFrame, classes: list[str]) -> Rows:
    return Rows.of(TrainingSet.of_split(make_splits()), balanced, None, classes, "all folds")


def test_a_second_class_that_is_none_is_refused():
    own = with_mixed_rows(make_splits())
    own.loc[own["origin"] == "mixed", "second_label"] = "dust"
    with pytest.raises(
        InputError, match="a class 'dust' that the training part has not; `equipoise run --force balance`"
    ):
        rows_of(own, CLASSES)


@pytest.mark.parametrize("share", [-0.1, 1.5, np.nan])
def test_a_share_that_is_none_is_refused_with_its_row(share):
    balanced = with_mixed_rows(make_splits())
    row = balanced.index[balanced["origin"] == "mixed"][0]
    balanced.loc[row, "second_share"] = share
    with pytest.raises(InputError, match=f"mixed row {balanced.at[row, 'row_id']} has no share between 0 and 1"):
        fit_mixed(balanced=balanced)


def test_a_class_with_nothing_but_a_share_of_zero_is_refused():
    own = pd.DataFrame({"row_id": ["a", "b"], "label": ["x", "y"], "second_label": ["z", None]})
    training = TrainingSet.of_split(make_splits()).rows["image_id"]
    own = own.assign(parents=[[training[0]], [training[1]]], file=None, fitted_on=None)
    own["second_share"] = [0.0, np.nan]
    with pytest.raises(InputError, match="class 'z' has no training row in all folds"):
        rows_of(own, ["x", "y", "z"])
    own["second_share"] = [0.2, np.nan]
    rows = rows_of(own, ["x", "y", "z"])
    assert (rows.first.tolist(), rows.second.tolist()) == ([0, 1], [2, 1])
    assert_allclose(rows.share, [0.8, 1])


@pytest.mark.parametrize(
    "components",
    [{"mixing": {"name": "mixup"}}, {"mixing": {"name": "remix"}}, {"sampler": {"name": "smote", "k_neighbors": 2}}],
)
def test_what_happens_in_training_is_the_same_again_and_leaves_the_first_seed(components):
    plain, one = fit().predictions, fit(make_strategy(**components)).predictions
    pd.testing.assert_frame_equal(one, fit(make_strategy(**components)).predictions)
    assert (scores(plain) != scores(one)).any()
    single = fit(make_strategy(**components), settings=FAST | {"seeds": 1}).predictions
    pd.testing.assert_frame_equal(single, one[one["seed"] == 0].reset_index(drop=True))


@pytest.mark.parametrize("name", ["smote", "borderline_smote", "adasyn"])
def test_rows_are_made_of_the_folds_own_rows_alone(monkeypatch, name):
    """A feature tells the fold: what is made for a fold's models holds nothing of it."""
    made_of: list[tuple[np.ndarray, Rows]] = []

    def note(*arguments):
        made_of.append(original(*arguments))
        return made_of[-1]

    original = together.with_made_rows
    monkeypatch.setattr(together, "with_made_rows", note)
    splits = make_splits()
    features = vectors(splits["image_id"].tolist(), noise=3.0)
    fold = splits["fold"].astype("float32").to_numpy(np.float32, na_value=-1)
    marks = np.eye(FOLDS + 1, dtype=np.float32)[fold.astype(int)]
    features = dataclasses.replace(features, values=np.concatenate([features.values, marks], axis=1))
    balanced = make_balanced(splits)
    balanced = balanced[balanced["origin"] == "original"].reset_index(drop=True)
    lines: list[str] = []
    fit(
        make_strategy(sampler={"name": name}),
        balanced=balanced,
        features=features,
        new_features=vectors([]),
        tell=lines.append,
    )
    for (values, rows), number in zip(made_of, np.repeat([*range(FOLDS), -1], FAST["seeds"]), strict=True):
        own = (balanced["fold"] != number).sum()
        assert len(rows) > own
        assert (rows.share == 1).all()
        assert_array_equal(rows.first, rows.second)
        assert_allclose(values[:, 8:].sum(1), 1, atol=1e-5)
        if number >= 0:
            assert not values[:, 8 + number].any()
    for first, second in zip(made_of[:: FAST["seeds"]], made_of[1 :: FAST["seeds"]], strict=True):
        assert_array_equal(first[1].first, second[1].first)
        assert (first[0] != second[0]).any()  # every seed makes its own
    made = [line for line in lines if f"{name} made rows: crack " in line]
    assert len(made) == FOLDS + 1
    assert all("fine 0" in line for line in made)


def test_a_class_of_one_row_is_refused_with_class_and_fold():
    splits = make_splits()
    balanced = make_balanced(splits)
    balanced = balanced[balanced["origin"] == "original"]
    keep = balanced[balanced["label"] == "crack"].groupby("fold").head(1).query("fold < 2").index
    balanced = balanced[(balanced["label"] != "crack") | balanced.index.isin(keep)].reset_index(drop=True)
    told = r"class 'crack' has fewer than 2 rows in the folds other than 0.*'smote'.*sampler: \{name: class_balanced\}"
    with pytest.raises(InputError, match=told):
        fit(make_strategy(sampler={"name": "smote"}), balanced=balanced, new_features=vectors([]))
