"""The stage `evaluate`: metrics against scikit-learn and plain loops, intervals against golden values and trials."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from imblearn.metrics import geometric_mean_score
from scipy import stats
from sklearn import metrics as reference

from tasks.compare.probabilities import operating_rows
from tasks.errors import InputError
from tasks.evaluate import stage
from tasks.evaluate.bounding import write_ceilings
from tasks.evaluate.calibration import BINS, CORRECTED, probability_metrics, reliability
from tasks.evaluate.ceiling import read_ceilings
from tasks.evaluate.deciding import cross_fitted, fold_rules, rule_of
from tasks.evaluate.evaluation import evaluate
from tasks.evaluate.figures import draw
from tasks.evaluate.metrics import Costs, confusion_counts, decision_metrics
from tasks.evaluate.mixes import accuracy_by_mix, class_mixes
from tasks.evaluate.operating import operating_points
from tasks.evaluate.out_of_fold import out_of_fold
from tasks.evaluate.ranking import RECALLS, RankedClass, ranking_metrics
from tasks.evaluate.scored import Scored, read_scored
from tasks.evaluate.writing import read_evaluations, write_evaluations, write_plots
from tasks.features import Features
from tasks.goals import Goal
from tasks.goals.balanced_accuracy import BalancedAccuracy
from tasks.goals.expected_cost import ExpectedCost
from tasks.goals.recall_at_precision import RecallAtPrecision
from tasks.page import save_png
from tasks.params.models import Compare, Evaluate, Params
from tasks.scores import ranking
from tasks.statistics import bootstrap
from tasks.statistics.bootstrap import estimate, percentiles
from tasks.statistics.shares import wilson
from tasks.tables import PREDICTIONS, SPLITS
from tasks.workspace import Workspace

CLASSES = ["$x$ & y", "_NA", "<b>c</b>, d"]  # names that break careless drawing, CSV and HTML
COUNTS = (120, 40, 15)


def scored_example(fits: int = 2, coarse: bool = False, relatives: int = 1, counts: tuple[int, ...] = COUNTS) -> Scored:
    """Scores that are partly right; `coarse` ones tie often; each `relatives` images of a class share a group."""
    stream = np.random.default_rng(7)
    labels = np.repeat(np.arange(len(counts)), counts)
    scores = np.eye(len(counts))[labels] + stream.normal(0, 0.9, (fits, len(labels), len(counts)))
    groups = np.unique(
        [f"{label}-{number // relatives}" for label, number in zip(labels, range(len(labels)), strict=True)],
        return_inverse=True,
    )[1]
    return Scored(
        classes=[f"class {code}" for code in range(len(counts))] if len(counts) != 3 else CLASSES,
        image_ids=np.array([f"{number:04d}" for number in range(len(labels))]),
        labels=labels,
        groups=groups,
        scores=np.round(scores) if coarse else scores,
        folds=np.tile(groups % 3, (fits, 1)),
    )


def tables_example(fits: int = 2) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A split and predictions for it: 150 training images in three folds and 25 test images."""
    scored = scored_example(fits)
    names = np.array(sorted(CLASSES))
    training = np.arange(len(scored.labels)) % 7 != 0
    fold = pd.array([int(number % 3) if train else None for number, train in enumerate(training)], dtype="Int16")
    split = pd.DataFrame(
        {
            "image_id": scored.image_ids,
            "group": scored.image_ids,
            "label": names[scored.labels],
            "part": np.where(training, "train", "test"),
            "repeat": 0,
            "fold": fold,
        }
    )
    rows = []
    for seed in range(fits):
        one = split.drop(columns="group").assign(seed=seed, kind="logit")
        rows.append(one.assign(**{f"score.{name}": scored.scores[seed, :, code] for code, name in enumerate(names)}))
    return split, pd.concat(rows, ignore_index=True)


# --- laying out predictions ------------------------------------------------------------------------------------------


def test_predictions_are_laid_out_by_fit_image_and_class() -> None:
    splits, predictions = tables_example()
    shuffled = predictions.sample(frac=1, random_state=3)
    scored = Scored.of(shuffled, splits, "train")
    assert scored.classes == sorted(CLASSES)
    wanted = predictions[predictions["part"] == "train"].set_index(["seed", "image_id"])
    for seed in (0, 1):
        for place, image in enumerate(scored.image_ids):
            row = wanted.loc[(seed, image)]
            assert scored.classes[scored.labels[place]] == row["label"]
            assert scored.scores[seed, place].tolist() == [row[f"score.{name}"] for name in scored.classes]


def _without_an_image(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[~((frame["image_id"] == "0001") & (frame["seed"] == 1))]


def _with_an_image_twice(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, frame[(frame["image_id"] == "0001") & (frame["seed"] == 0)]])


def _with_a_test_image_as_training(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(part="train")


def _with_another_label(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(label=frame["label"].where(frame["image_id"] != "0001", CLASSES[1]))


def _with_another_fold(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(fold=frame["fold"].where(frame["image_id"] != "0001", 2))


def _without_a_fold(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(fold=frame["fold"].where(frame["image_id"] != "0001", pd.NA))


def _with_an_endless_score(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**{"score._NA": frame["score._NA"].where(frame["image_id"] != "0001", np.inf)})


def _without_a_class(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns="score._NA")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_without_an_image, "seed 1: 1 images are missing, for instance 0001"),
        (_with_an_image_twice, "seed 0: 1 images are predicted more than once, for instance 0001"),
        (_with_a_test_image_as_training, "do not belong to this part, for instance 0000"),
        (_with_another_label, "the label of 1 images, for instance 0001, differs"),
        (_with_another_fold, "the fold of 1 images, for instance 0001, differs"),
        (_without_a_fold, "the fold of 1 images, for instance 0001, differs"),
        (_with_an_endless_score, "2 scores of the part train are not finite"),
        (_without_a_class, "but the classes of the split are"),
    ],
)
def test_predictions_that_do_not_fit_the_split_are_refused(spoil, says: str) -> None:  # type: ignore[no-untyped-def]
    splits, predictions = tables_example()
    with pytest.raises(InputError, match=says):
        Scored.of(spoil(predictions), splits, "train")


def test_a_part_without_a_class_is_refused_with_advice() -> None:
    splits, predictions = tables_example()
    rare = sorted(CLASSES)[2]
    lost = (splits["part"] == "test") & (splits["label"] == rare)
    splits = splits[~lost]
    predictions = predictions[predictions["image_id"].isin(splits["image_id"])]
    with pytest.raises(InputError, match=r"holds no image of .* drop the class"):
        Scored.of(predictions, splits, "test")


def test_a_part_without_a_class_is_no_reason_to_train_again(tmp_path: Path) -> None:
    splits, predictions = tables_example()
    lost = (splits["part"] == "test") & (splits["label"] == sorted(CLASSES)[2])
    predictions.loc[0, "fold"] = pd.NA
    PREDICTIONS.write(predictions[~predictions["image_id"].isin(splits.loc[lost, "image_id"])], tmp_path / "one")
    with pytest.raises(InputError, match="holds no image of") as refused:
        read_scored(tmp_path / "one", splits[~lost], "test")
    assert "again" not in str(refused.value)
    predictions.loc[predictions["image_id"] == "0001", "label"] = CLASSES[1]
    PREDICTIONS.write(predictions, tmp_path / "one")
    with pytest.raises(InputError, match=r"differs from the split; `equipoise run --force train@"):
        read_scored(tmp_path / "one", splits, "train")


def test_repeats_of_the_split_count_as_further_fits() -> None:
    splits, predictions = tables_example(fits=1)
    splits = pd.concat([splits, splits.assign(repeat=1)])
    again = predictions.assign(repeat=1, **{"score._NA": 0.0})
    scored = Scored.of(pd.concat([predictions, again]), splits, "train")
    assert scored.fits == 2
    assert (scored.scores[1, :, scored.classes.index("_NA")] == 0).all()


# --- metrics ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coarse", [False, True], ids=["distinct scores", "tied scores"])
def test_weighted_metrics_agree_with_scikit_learn(coarse: bool) -> None:
    scored = scored_example(coarse=coarse)
    weights = np.random.default_rng(1).integers(0, 4, (len(scored.labels), 5)).astype(np.int32)
    found = decision_metrics(scored)(weights) | ranking_metrics(scored)(weights)
    truth = scored.labels
    for fit in range(2):
        decided = scored.decisions[fit]
        odds = scored.ranking[fit]
        for column in range(5):
            weight = weights[:, column]
            precision, recall, f1, _ = reference.precision_recall_fscore_support(
                truth, decided, sample_weight=weight, zero_division=0
            )
            expected = {
                "accuracy": reference.accuracy_score(truth, decided, sample_weight=weight),
                "balanced_accuracy": reference.balanced_accuracy_score(truth, decided, sample_weight=weight),
                "macro_precision": precision.mean(),
                "macro_f1": f1.mean(),
                "recall": recall,
                "precision": precision,
                "f1": f1,
                "majority_share": weight[truth == 0].sum() / weight.sum(),
                "geometric_mean": geometric_mean_score(truth, decided, average="multiclass", sample_weight=weight),
                "matthews_correlation": reference.matthews_corrcoef(truth, decided, sample_weight=weight),
                "cohens_kappa": reference.cohen_kappa_score(truth, decided, sample_weight=weight),
                "roc_auc": [
                    reference.roc_auc_score(truth == code, odds[:, code], sample_weight=weight) for code in range(3)
                ],
                "pr_auc": [
                    reference.average_precision_score(truth == code, odds[:, code], sample_weight=weight)
                    for code in range(3)
                ],
            }
            for name, value in expected.items():
                np.testing.assert_allclose(found[name][fit][..., column], value, atol=1e-12, err_msg=name)


def test_log_odds_order_images_as_probabilities_do_even_where_those_round_to_one() -> None:
    scores = np.array([[40.0, 0.0, -3.0], [45.0, 1.0, 0.0], [1.0, 2.0, 0.5]])
    odds = ranking(scores, "logit")
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(odds[2], np.log(probabilities[2] / (1 - probabilities[2])))
    assert odds[1, 0] > odds[0, 0]


@pytest.mark.parametrize("decided", [[0] * 9, [0, 1, 2] * 3, [1, 1, 1, 2, 2, 2, 0, 0, 0]], ids=["one", "all", "none"])
def test_metrics_of_degenerate_decisions_are_those_of_scikit_learn(decided: list[int]) -> None:
    truth = np.array([0, 1, 2] * 3)
    scored = Scored(list("abc"), np.arange(9), truth, np.arange(9), np.eye(3)[decided][None])
    found = {name: values[0, ..., 0] for name, values in decision_metrics(scored)(np.ones((9, 1))).items()}
    assert found["matthews_correlation"] == pytest.approx(reference.matthews_corrcoef(truth, decided))
    assert found["cohens_kappa"] == pytest.approx(reference.cohen_kappa_score(truth, decided))
    assert found["geometric_mean"] == pytest.approx(geometric_mean_score(truth, decided, average="multiclass"))
    assert found["macro_f1"] == pytest.approx(reference.f1_score(truth, decided, average="macro"))


def test_where_all_is_one_class_chance_corrected_metrics_are_zero() -> None:
    scored = Scored(list("ab"), np.arange(4), np.zeros(4, int), np.arange(4), np.eye(2)[[0, 0, 0, 0]][None])
    found = decision_metrics(scored)(np.ones((4, 1)))
    assert found["matthews_correlation"][0, 0] == found["cohens_kappa"][0, 0] == 0


def test_recalls_of_many_medium_and_few_are_means_over_such_classes() -> None:
    scored = scored_example(fits=1)
    found = decision_metrics(scored, training_images=np.array([101, 100, 19]))(np.ones((len(scored.labels), 1)))
    for name, code in (("many", 0), ("medium", 1), ("few", 2)):
        assert found[f"recall_{name}"][0, 0] == found["recall"][0, code, 0]
    only_many = decision_metrics(scored, training_images=np.array([500, 101, 300]))(np.ones((len(scored.labels), 1)))
    assert only_many["recall_many"][0, 0] == only_many["balanced_accuracy"][0, 0]
    assert not {"recall_medium", "recall_few"} & set(only_many)


@pytest.mark.parametrize("mix", [None, [0.2, 0.2, 0.6]])
def test_expected_cost_is_that_of_a_plain_loop(mix: list[float] | None) -> None:
    scored = scored_example(fits=2)
    cost = np.array([[0, 1, 2], [3, 0, 1], [20, 5, 0.5]])
    weights = np.random.default_rng(3).integers(0, 3, (len(scored.labels), 3))
    shares = None if mix is None else np.array(mix)
    found = decision_metrics(scored, costs=Costs(cost, shares))(weights)
    for fit in range(2):
        for column in range(3):
            weight = weights[:, column]
            support = np.array([weight[scored.labels == code].sum() for code in range(3)])
            wanted = support / support.sum() if shares is None else shares
            paid = np.zeros(3)
            for one, actual, decided in zip(weight, scored.labels, scored.decisions[fit], strict=True):
                paid[actual] += one * cost[actual, decided] / support[actual]
            constant = min(sum(wanted[actual] * cost[actual, decided] for actual in range(3)) for decided in range(3))
            assert found["expected_cost"][fit, column] == pytest.approx(paid @ wanted)
            assert found["cost_avoided"][fit, column] == pytest.approx(1 - paid @ wanted / constant)


def test_a_draw_without_a_class_tells_the_expected_cost_of_the_others() -> None:
    scored = scored_example(fits=1)
    cost, mix = 1 - np.eye(3), np.array([0.2, 0.2, 0.6])
    weights = (scored.labels != 2).astype(int)[:, None]
    found = decision_metrics(scored, costs=Costs(cost, mix))(weights)
    wrong = [np.mean(scored.decisions[0][scored.labels == code] != code) for code in (0, 1)]
    assert found["expected_cost"][0, 0] == pytest.approx(np.mean(wrong))
    assert found["cost_avoided"][0, 0] == pytest.approx(1 - np.mean(wrong) / 0.5)


def test_a_class_that_is_never_predicted_has_precision_and_f1_zero() -> None:
    scored = scored_example(fits=1)
    scored.scores[..., 2] = -100
    found = decision_metrics(scored)(np.ones((len(scored.labels), 1), dtype=np.int32))
    assert found["precision"][0, 2, 0] == found["f1"][0, 2, 0] == found["recall"][0, 2, 0] == 0
    assert found["macro_precision"][0, 0] == pytest.approx(found["precision"][0, :, 0].mean())


def test_curve_points_are_those_of_a_plain_loop() -> None:
    scored = scored_example(fits=1, coarse=True)
    weights = np.random.default_rng(2).integers(0, 3, (len(scored.labels), 4)).astype(np.int32)
    score, positive = scored.scores[0, :, 1], scored.labels == 1
    found = RankedClass(score, positive)(weights)
    for column in range(4):
        weight = weights[:, column]
        for place, recall in enumerate(RECALLS):
            for threshold in sorted(set(score), reverse=True):
                taken = score >= threshold
                hits = weight[taken & positive].sum()
                if hits >= recall * weight[positive].sum() - 1e-9:
                    break
            false_alarms = weight[taken & ~positive].sum()
            assert found["precision_at"][place, column] == pytest.approx(hits / weight[taken].sum())
            assert found["false_positive_rate_at"][place, column] == pytest.approx(
                false_alarms / weight[~positive].sum()
            )


def test_confusion_counts_are_averaged_over_the_fits() -> None:
    scored = scored_example(fits=3)
    expected = np.mean([reference.confusion_matrix(scored.labels, decided) for decided in scored.decisions], axis=0)
    np.testing.assert_allclose(confusion_counts(scored), expected)


def test_calibration_error_is_that_of_a_plain_loop() -> None:
    scored = scored_example(fits=2)
    expected = []
    for fit in range(2):
        powers = np.exp(scored.scores[fit])
        probabilities = powers / powers.sum(axis=1, keepdims=True)
        bins: dict[int, list[tuple[float, bool]]] = {}
        for row, label in zip(probabilities, scored.labels, strict=True):
            number = next(b for b in range(BINS) if row.max() <= (b + 1) / BINS)
            bins.setdefault(number, []).append((row.max(), row.argmax() == label))
        gaps = [abs(sum(sure for sure, _ in members) - sum(right for _, right in members)) for members in bins.values()]
        expected.append(sum(gaps) / len(scored.labels))
    (given,) = probability_metrics(scored)
    found = given(np.ones((len(scored.labels), 1), dtype=np.int32))
    np.testing.assert_allclose(found["expected_calibration_error"][:, 0], expected)
    table = reliability(scored, 0.95)
    assert table["images"].sum() == pytest.approx(len(scored.labels))
    assert ((table["low"] <= table["accuracy"]) & (table["accuracy"] <= table["high"])).all()


def test_scores_of_probabilities_agree_with_scikit_learn_and_plain_loops() -> None:
    scored = scored_example(fits=2)
    scored = replace(scored, corrected=np.log(np.full_like(scored.scores, 1 / 3)))
    weights = np.random.default_rng(5).integers(0, 4, (len(scored.labels), 2))
    given, corrected = (one(weights) for one in probability_metrics(scored))
    truth = np.eye(3)[scored.labels]
    for fit in range(2):
        probabilities = scored.probabilities[fit]
        for column in range(2):
            weight = weights[:, column]
            log_loss = reference.log_loss(scored.labels, probabilities, sample_weight=weight)
            assert given["log_loss"][fit, column] == pytest.approx(log_loss)
            squares = ((probabilities - truth) ** 2).sum(axis=1)
            assert given["brier"][fit, column] == pytest.approx(np.average(squares, weights=weight))
            of_classes = []
            for code in range(3):
                gaps = np.zeros(BINS)
                for one, said, true in zip(weight, probabilities[:, code], truth[:, code], strict=True):
                    gaps[next(b for b in range(BINS) if said <= (b + 1) / BINS)] += one * (said - true)
                of_classes.append(np.abs(gaps).sum() / weight.sum())
            np.testing.assert_allclose(given["calibration_error"][fit, :, column], of_classes)
            assert given["classwise_calibration_error"][fit, column] == pytest.approx(np.mean(of_classes))
            assert corrected[CORRECTED + "log_loss"][fit, column] == pytest.approx(np.log(3))


# --- rules of the folds ----------------------------------------------------------------------------------------------


def test_what_is_said_of_a_fold_does_not_depend_on_its_own_labels() -> None:
    scored = scored_example(relatives=2)
    goal = RecallAtPrecision(of=CLASSES[2], precision=0.5)
    own = scored.folds[0] == 1
    turned = scored.labels.copy()
    turned[own] = turned[own][::-1]
    rules = {}
    for name, one in (("true", scored), ("turned", replace(scored, labels=turned))):
        rules[name] = cross_fitted(one, fold_rules(one, rule_of(one, goal)))
    np.testing.assert_array_equal(rules["true"].decided[:, own], rules["turned"].decided[:, own])
    np.testing.assert_allclose(rules["true"].corrected[:, own], rules["turned"].corrected[:, own], atol=1e-7)
    assert (rules["true"].decided[:, ~own] != rules["turned"].decided[:, ~own]).any(), "the others do depend on them"


def test_correction_takes_a_shift_of_the_classes_away() -> None:
    scored = scored_example()
    shift = np.array([0.0, 2.0, 5.0])
    moved = replace(scored, scores=3 * (scored.scores + shift))
    found = {}
    for name, one in (("plain", scored), ("moved", moved)):
        decided, found[name] = out_of_fold(one, BalancedAccuracy(), Evaluate(draws=100))
        assert decided.corrected is not None
        found[name + " shares"] = np.exp(decided.corrected).mean(axis=(0, 1))
    for name in ("log_loss", "brier", "expected_calibration_error"):
        of = {key: found[key].metrics for key in ("plain", "moved")}
        assert of["moved"][CORRECTED + name].value == pytest.approx(of["plain"][CORRECTED + name].value, abs=1e-3)
        assert of["moved"][CORRECTED + name].value < of["moved"][name].value
    np.testing.assert_allclose(found["moved shares"], scored.class_counts / len(scored.labels), atol=0.01)


def test_operating_points_are_those_of_a_plain_loop() -> None:
    scored = scored_example(fits=2, relatives=2)
    rule = rule_of(scored, BalancedAccuracy())
    rules = fold_rules(scored, rule)
    settings = Evaluate(draws=100, recalls=[0.7], miss_costs=[4])
    table = operating_points(scored, rule, rules, settings, scored.bootstrap(100, 0)).set_index(["class", "wanted"])
    for code, label in enumerate(scored.classes):
        for wanted in ("recall 0.7", "a miss costs 4 false alarms"):
            recall, precision, alarms = [], [], []
            for fit in range(2):
                taken = np.zeros(len(scored.labels), dtype=bool)
                for fold in rules:
                    said = np.exp(fold.rule.log_probabilities(scored.scores))[..., code]
                    cut = 1 / 5
                    if wanted == "recall 0.7":
                        own = said[fold.seen & (scored.labels == code)]
                        cut = max(value for value in own if (own >= value).mean() >= 0.7 - 1e-9) * (1 - 1e-9)
                    taken |= fold.own[fit] & (said[fit] >= cut)
                recall.append(taken[scored.labels == code].mean())
                precision.append((scored.labels[taken] == code).mean() if taken.any() else 0.0)
                alarms.append(taken.mean())
            row = table.loc[(label, wanted)]
            assert row["recall"] == pytest.approx(np.mean(recall), abs=0.02), (label, wanted)  # cuts lie between scores
            assert row["precision"] == pytest.approx(np.mean(precision), abs=0.05)
            assert row["alarms"] == pytest.approx(np.mean(alarms), abs=0.02)
            assert row["recall_low"] <= row["recall"] <= row["recall_high"]
    assert table.loc[(CLASSES[0], "a miss costs 4 false alarms"), "cutoff"] == pytest.approx(1 / 5)


def test_an_operating_point_at_which_all_few_images_are_found_is_not_said_to_be_sure() -> None:
    scored = scored_example(fits=2)
    noise = np.random.default_rng(0).normal(size=scored.scores.shape)
    apart = replace(scored, scores=12 * np.eye(3)[scored.labels] + noise)
    row = out_of_fold(apart, BalancedAccuracy(), Evaluate(draws=100, recalls=[]))[1].operating.set_index("class")
    rare = row.loc[CLASSES[2]]
    found, alarms = wilson(1.0, 15), wilson(15 / 175, 175)
    assert (rare["recall"], rare["recall_low"], rare["recall_high"]) == pytest.approx((1.0, *found))
    assert (rare["precision"], rare["precision_low"], rare["precision_high"]) == pytest.approx((1.0, *found))
    assert (rare["alarms_low"], rare["alarms_high"]) == pytest.approx(alarms, abs=1e-9)


def test_who_asks_for_no_operating_points_gets_none(tmp_path: Path) -> None:
    settings = Evaluate(draws=100, recalls=[], miss_costs=[])
    found = {name: out_of_fold(scored_example(), BalancedAccuracy(), settings)[1] for name in ("a", "b")}
    write_evaluations(found, tmp_path)
    back = read_evaluations(tmp_path, ["a", "b"]).operating
    assert back.empty
    assert operating_rows(back, "a", CLASSES) == []


def test_accuracy_under_other_mixes() -> None:
    scored, found = out_of_fold(scored_example(), BalancedAccuracy(), Evaluate(draws=100))
    mixes = class_mixes(scored.class_counts, np.array([0.1, 0.1, 0.8]))
    np.testing.assert_allclose(mixes["reversed"], np.array([15, 40, 120]) / 175)
    table = accuracy_by_mix(scored, scored.bootstrap(100, 0), 0.95).set_index(["mix", "decisions"])["accuracy"]
    assert table["natural", "as decided"] == pytest.approx(found.metrics["accuracy"].value)
    assert table["uniform", "as decided"] == pytest.approx(found.metrics["balanced_accuracy"].value)
    for name in ("natural", "uniform", "reversed"):
        weighted = np.exp(scored.corrected) * mixes[name] / mixes["natural"]
        right = weighted.argmax(axis=-1) == scored.labels
        recalls = [right[:, scored.labels == code].mean() for code in range(3)]
        assert table[name, "adapted"] == pytest.approx(mixes[name] @ recalls)


@pytest.mark.parametrize("goal", [BalancedAccuracy(), ExpectedCost()], ids=lambda goal: goal.name)
def test_a_stated_mix_moves_decisions_and_not_what_is_said_of_how_well_probabilities_are_calibrated(goal: Goal) -> None:
    # Images of the data can't tell how probable a class is elsewhere.
    mix = {CLASSES[0]: 0.1, CLASSES[1]: 0.1, CLASSES[2]: 0.8}
    plain, moved = (out_of_fold(scored_example(), goal, Evaluate(draws=100, mix=given)) for given in ({}, mix))
    for name in ("log_loss", "brier", "expected_calibration_error", "classwise_calibration_error"):
        expected = plain[1].metrics[CORRECTED + name].value
        assert moved[1].metrics[CORRECTED + name].value == pytest.approx(expected)
    np.testing.assert_allclose(moved[0].corrected, plain[0].corrected)
    shares = moved[1].rule.probabilities(scored_example().scores).mean(axis=(0, 1))
    assert shares[2] > 2 * plain[1].rule.probabilities(scored_example().scores).mean(axis=(0, 1))[2]
    taken = [(decided.decisions == 2).sum() for decided, _ in (plain, moved)]
    assert taken[1] > 1.5 * taken[0] if goal.corrected else taken[1] == taken[0]


def test_a_mix_must_name_the_classes() -> None:
    for mix, says in (({"_NA": 0.5}, "the share of .* is missing"), ({"NA": 0.5}, "no class 'NA'")):
        with pytest.raises(InputError, match=says):
            out_of_fold(scored_example(), BalancedAccuracy(), Evaluate(draws=100, mix=mix))


def test_costs_move_decisions_to_where_they_are_cheaper() -> None:
    scored = scored_example()
    goal = ExpectedCost(cost={CLASSES[2]: {CLASSES[0]: 30.0, CLASSES[1]: 30.0}})
    plain, costly = (out_of_fold(scored, one, Evaluate(draws=100)) for one in (BalancedAccuracy(), goal))
    assert (costly[0].decisions == 2).sum() > 2 * (plain[0].decisions == 2).sum()
    matrix = goal.costs(CLASSES)
    paid = {name: matrix[scored.labels, one.decisions].mean() for name, one in (("a", plain[0]), ("b", costly[0]))}
    assert costly[1].metrics["expected_cost"].value == pytest.approx(paid["b"])
    assert paid["b"] < paid["a"]


# --- intervals and draws -----------------------------------------------------------------------------------------


def test_groups_of_equal_size_count_one_each() -> None:
    scored = scored_example(relatives=5)
    np.testing.assert_allclose(scored.effective_group_counts, [24, 8, 3])


def test_relatives_that_fare_alike_widen_the_interval_of_a_recall_and_strangers_do_not() -> None:
    labels = np.repeat([0, 1], [200, 40])
    groups = np.concatenate([np.arange(200), 200 + np.arange(40) // 4])
    strangers = np.random.default_rng(1).permutation(40) < 20
    widths = {}
    for name, right in (("alike", np.arange(40) // 4 % 2 == 0), ("strangers", strangers)):
        decided = np.concatenate([np.zeros(200, dtype=int), right.astype(int)])
        scored = Scored(["a", "b"], np.arange(240), labels, groups, np.eye(2)[decided][None])
        recall = evaluate(scored, scored.bootstrap(300, 0), 0.95).metrics["recall.b"]
        widths[name] = recall.high - recall.low
    # Ten groups show nine tenths of a variance, and are less sure of it than forty images would be.
    known = 0.9 * (stats.t.ppf(0.975, 39) / stats.t.ppf(0.975, 9)) ** 2
    assert widths["strangers"] == pytest.approx(np.ptp(wilson(0.5, 40 * known, 0.95)), rel=0.15)
    assert widths["alike"] == pytest.approx(np.ptp(wilson(0.5, 10, 0.95)), rel=0.05)


def test_false_alarms_from_one_group_of_relatives_leave_a_precision_uncertain() -> None:
    labels = np.repeat([0, 1], [200, 40])
    decided = labels.copy()
    decided[:40] = 1
    strangers = np.arange(240)
    intervals = {}
    for name, groups in (("one group", np.where(strangers < 40, 0, strangers)), ("strangers", strangers)):
        scored = Scored(["a", "b"], np.arange(240), labels, groups, np.eye(2)[decided][None])
        intervals[name] = evaluate(scored, scored.bootstrap(300, 0), 0.95).metrics["precision.b"]
    assert intervals["strangers"].high - intervals["strangers"].low == pytest.approx(
        np.ptp(wilson(0.5, 80, 0.95)), rel=0.15
    )
    assert intervals["one group"].high - intervals["one group"].low > 0.6, "40 others and one that alarms 40 times"
    for label in ("a", "b"):
        none = Scored(["a", "b"], np.arange(240), labels, strangers, np.eye(2)[np.full(240, label == "a", int)][None])
        found = evaluate(none, none.bootstrap(100, 0), 0.95).metrics[f"precision.{label}"]
        assert (found.value, found.low) == (0, 0)
        assert found.high > 0.5, "nothing is known of the precision of a class that is never decided for"


def test_draws_are_the_metrics_of_the_drawn_images() -> None:
    scored = scored_example(fits=3, relatives=2)
    bootstrap = scored.bootstrap(20, 5)
    found = estimate([decision_metrics(scored)], bootstrap)[0]["macro_f1"]
    ((images, fits),) = bootstrap.chunks()
    for number in range(20):
        rows = np.repeat(np.arange(len(scored.labels)), images[:, number])
        each = [
            reference.f1_score(scored.labels[rows], decided[rows], average="macro", zero_division=0)
            for decided in scored.decisions
        ]
        assert found.draws[number] == pytest.approx(np.dot(each, fits[:, number]))


def test_chunks_do_not_change_a_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    scored = scored_example()
    whole = estimate([ranking_metrics(scored)], scored.bootstrap(50, 0))[0]["pr_auc"].draws
    monkeypatch.setattr(bootstrap, "CELLS", 7 * len(scored.labels))
    assert estimate([ranking_metrics(scored)], scored.bootstrap(50, 0))[0]["pr_auc"].draws == pytest.approx(
        whole, rel=1e-12
    )


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """200 datasets: a coverage of .95 would fall outside .95 +- 3.3 sqrt(.95 x .05 / 200) = .051 once in a thousand."""
    stream = np.random.default_rng(11)
    labels = np.repeat([0, 1, 2], [80, 40, 30])
    truth = np.array([0.9, 0.6, 0.4])
    covered = 0
    for number in range(200):
        right = stream.random(len(labels)) < truth[labels]
        decided = np.where(right, labels, (labels + 1) % 3)
        scored = Scored(
            ["a", "b", "c"], np.arange(len(labels)), labels, np.arange(len(labels)), np.eye(3)[decided][None]
        )
        found = estimate([decision_metrics(scored)], scored.bootstrap(150, number))[0]["balanced_accuracy"]
        low, high = percentiles(found.draws, 0.95)
        covered += bool(low <= truth.mean() <= high)
    assert 0.95 - 0.051 <= covered / 200 <= 0.95 + 0.051


def test_every_metric_of_the_contract_has_an_interval_around_it() -> None:
    _, found = out_of_fold(scored_example(), BalancedAccuracy(), Evaluate(draws=100))
    overall = {"accuracy", "balanced_accuracy", "macro_precision", "macro_f1", "roc_auc", "pr_auc"}
    overall |= {"judged_balanced_accuracy", "judged_macro_f1", "majority_share", "geometric_mean", "worst_recall"}
    overall |= {"matthews_correlation", "cohens_kappa", "recall_many", "recall_medium", "recall_few"}
    kinds = ("recall", "precision", "f1", "roc_auc", "pr_auc", "calibration_error", "corrected_calibration_error")
    each = {f"{name}.{label}" for name in kinds for label in CLASSES}
    of_probabilities = {"expected_calibration_error", "classwise_calibration_error", "log_loss", "brier"}
    of_probabilities |= {CORRECTED + name for name in of_probabilities}
    assert overall | each | of_probabilities == set(found.metrics)
    for name in overall | {one for one in each if "calibration" not in one}:
        interval = found.metrics[name]
        assert 0 <= interval.low <= interval.high <= 1, name
    assert found.metrics["roc_auc"].value == pytest.approx(
        np.mean([found.metrics[f"roc_auc.{label}"].value for label in CLASSES])
    )
    shares = found.confusion.groupby("actual")["share"].sum()
    np.testing.assert_allclose(shares, 1)


def test_the_worst_recall_is_that_of_its_class_in_value_and_interval() -> None:
    _, found = out_of_fold(scored_example(), BalancedAccuracy(), Evaluate(draws=100))
    recalls = [found.metrics[f"recall.{label}"] for label in CLASSES]
    assert found.metrics["worst_recall"] == min(recalls, key=lambda one: one.value)


def test_what_is_always_right_is_not_said_to_be_sure() -> None:
    labels = np.repeat([0, 1], [60, 12])
    images = np.arange(72)
    scored = Scored(["a", "b"], images, labels, images, 9 * np.eye(2)[labels][None], folds=(images % 3)[None])
    _, found = out_of_fold(scored, BalancedAccuracy(), Evaluate(draws=100))
    least = {"a": wilson(1, 60)[0], "b": wilson(1, 12)[0]}
    for label, low in least.items():
        assert found.metrics[f"recall.{label}"].low == pytest.approx(low)
        jaccard = wilson(1, 60 if label == "a" else 12)[0]
        assert found.metrics[f"f1.{label}"].low == pytest.approx(2 * jaccard / (1 + jaccard))
        for area in ("roc_auc", "pr_auc"):
            assert found.metrics[f"{area}.{label}"].low == pytest.approx(least["b"]), "as few as there are of b"
    reach = ((1 - least["a"]) ** 2 + (1 - least["b"]) ** 2) ** 0.5 / 2
    for name in ("balanced_accuracy", "judged_balanced_accuracy"):
        assert found.metrics[name].low == pytest.approx(1 - reach)
        assert found.metrics[name].high == 1
    logs = np.log([least["a"], least["b"]])
    assert found.metrics["geometric_mean"].low == pytest.approx(np.exp(-((logs**2).sum() ** 0.5) / 2))
    mixes = found.mixes.set_index(["mix", "decisions"])["low"]
    assert mixes["uniform", "as decided"] == pytest.approx(1 - reach)


def test_mistakes_that_no_draw_shows_are_counted_at_what_they_cost() -> None:
    labels = np.repeat([0, 1], [60, 12])
    images = np.arange(72)
    sure = 9 * np.eye(2)[labels][None]
    scored = Scored(["a", "b"], images, labels, images, sure, folds=(images % 3)[None])
    found = evaluate(scored, scored.bootstrap(100, 0), 0.95).metrics
    unseen = 1 - wilson(1, 72)[0]  # every draw has an accuracy of 1
    said = 1 / (1 + np.exp(-9.0))
    by_chance = (60**2 + 12**2) / 72**2
    expected = {
        "expected_calibration_error": 1 - said + unseen,
        "calibration_error.b": 1 - said + unseen,
        "classwise_calibration_error": 1 - said + unseen,  # of two classes each mistake is one of either
        "brier": 2 * (1 - said) ** 2 + 2 * unseen,
        "log_loss": -np.log(said) - unseen * np.log(1 - said),
    }
    for name, high in expected.items():
        assert found[name].high == pytest.approx(high), name
        assert (found[name].low == 0) == ("calibration" in name), "mistakes would have been what was said"
    for name in ("cohens_kappa", "matthews_correlation"):
        assert found[name].low == pytest.approx(1 - unseen / (1 - by_chance))
        assert found[name].high == 1
    half = replace(scored, scores=np.where((images % 2 == 0)[:, None], sure, sure[..., ::-1]))
    seen = evaluate(half, half.bootstrap(1000, 0), 0.95).metrics
    draws = estimate([probability_metrics(half)[0]], half.bootstrap(1000, 0))[0]["brier"].draws
    assert seen["brier"].high == pytest.approx(percentiles(draws, 0.95)[1], rel=0.03), "many mistakes are seen"


def test_a_class_that_is_never_found_leaves_the_geometric_mean_open() -> None:
    labels = np.repeat([0, 1], [40, 20])
    images = np.arange(60)
    scored = Scored(["a", "b"], images, labels, images, np.eye(2)[np.zeros(60, int)][None])
    found = evaluate(scored, scored.bootstrap(100, 0), 0.95).metrics["geometric_mean"]
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx((wilson(1, 40)[1] * wilson(0, 20)[1]) ** 0.5)


def test_curves_reach_as_far_as_the_images_of_a_class_can_not_tell() -> None:
    labels = np.repeat([0, 1], [60, 12])
    images = np.arange(72)
    scored = Scored(["a", "b"], images, labels, images, 9 * np.eye(2)[labels][None])
    curves = evaluate(scored, scored.bootstrap(100, 0), 0.95).curves
    own = curves[curves["class"] == "b"].set_index("recall")
    assert (own[["precision", "false_positive_rate"]].to_numpy() == [1, 0]).all()
    for recall, row in own.iterrows():
        by_luck = recall**12 > 0.025  # that all twelve lie above where only this share of others would
        assert (row["false_positive_rate_high"] == 1) == by_luck
        guessed = recall * 12 / (recall * 12 + 60)
        chosen = max(1.0, recall * 12)
        assert row["precision_low"] == pytest.approx(
            min(guessed, wilson(1, chosen)[0]) if by_luck else wilson(1, chosen)[0]
        )
        if not by_luck:
            assert row["false_positive_rate_high"] == pytest.approx(wilson(0, 60)[1])


def test_probabilities_that_mean_what_they_say_have_an_error_that_may_be_none() -> None:
    stream = np.random.default_rng(3)
    labels = np.repeat([0, 1], [150, 150])
    images = np.arange(300)
    seen = np.where(labels == 0, 1.0, -1.0) + stream.normal(size=300)  # log-odds of two normals are twice that
    scored = Scored(["a", "b"], images, labels, images, np.column_stack([2 * seen, np.zeros(300)])[None])
    found = evaluate(scored, scored.bootstrap(300, 0), 0.95).metrics
    for name in ("expected_calibration_error", "classwise_calibration_error", "calibration_error.a"):
        assert found[name].low == 0 < found[name].value <= found[name].high
    sure = replace(scored, scores=5 * scored.scores)
    found = evaluate(sure, sure.bootstrap(300, 0), 0.95).metrics["expected_calibration_error"]
    assert 0 < found.low < found.value <= found.high


def test_judged_metrics_are_means_over_the_classes_that_can_be_measured() -> None:
    stream = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), [30, 9, 12, 40])
    decided = np.where(stream.random(len(labels)) < 0.6, labels, stream.integers(0, 4, len(labels)))
    names = [f"class {code}" for code in range(4)]
    scored = Scored(names, np.arange(len(labels)), labels, np.arange(len(labels)), np.eye(4)[decided][None])
    found = evaluate(scored, scored.bootstrap(50, 0), 0.95).metrics
    for name, metric in (("balanced_accuracy", reference.recall_score), ("macro_f1", reference.f1_score)):
        of_classes = metric(labels, decided, average=None)
        assert found[f"judged_{name}"].value == pytest.approx(of_classes[[0, 2, 3]].mean())
        assert found[name].value == pytest.approx(of_classes.mean())
    assert names[scored.rarest] == "class 2", "the rarest of those that can be measured"


# --- files -----------------------------------------------------------------------------------------------------------


def test_files_are_the_same_bytes_for_the_same_predictions_and_read_back(tmp_path: Path) -> None:
    scored = scored_example()
    contents = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        _, evaluation = out_of_fold(scored, BalancedAccuracy(), Evaluate(draws=100))
        write_evaluations({"NA": evaluation}, folder)
        write_plots(evaluation, "NA", folder / "plots" / "NA")
        contents.append({path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*.*"))})
    assert contents[0] == contents[1]
    plots = {path.name for path in contents[0] if path.suffix == ".png"}
    assert plots == {"confusion.png", "precision_recall.png", "roc.png", "calibration.png"}
    back = read_evaluations(tmp_path / "first", ["NA"])
    metrics = json.loads(contents[0][Path("metrics.json")])["NA"]
    assert {name: one.as_json() for name, one in back.metrics["NA"].items()} == metrics
    assert set(back.confusion["actual"]) == set(back.operating["class"]) == set(CLASSES)
    np.testing.assert_allclose(back.rules["NA"].probabilities(scored.scores).sum(axis=-1), 1)
    with pytest.raises(InputError, match="no metrics of plain; `equipoise run evaluate`"):
        read_evaluations(tmp_path / "first", ["NA", "plain"])


def test_many_classes_can_be_drawn(tmp_path: Path) -> None:
    scored = scored_example(counts=(6,) * 20)
    figures = draw(evaluate(scored, scored.bootstrap(100, 0), 0.95), "plain")
    save_png(figures["confusion"], tmp_path / "confusion.png")
    assert len(figures["roc"].axes[0].lines) == 1 + 20


def test_a_confusion_matrix_is_sorted_by_class_size_the_rarest_first() -> None:
    scored = scored_example(counts=(30, 6, 12))
    found = evaluate(scored, scored.bootstrap(100, 0), 0.95)
    axes = draw(found, "plain")["confusion"].axes[0]
    order = [1, 2, 0]
    assert [text.get_text().strip().split("  ")[1] for text in axes.get_yticklabels()] == ["(6)", "(12)", "(30)"]
    shares = found.confusion["share"].to_numpy().reshape(3, 3)
    np.testing.assert_allclose(axes.images[0].get_array(), shares[np.ix_(order, order)])


class SmallWorkspace(Workspace):
    """A workspace whose parameters hold what this stage reads."""

    params = Params.model_construct(  # type: ignore[assignment]
        ensembles={},
        evaluate=Evaluate(draws=100),
        compare=Compare(),
        strategies={"plain": SimpleNamespace(family=SimpleNamespace(backbone="none"))},
    )


def write_inputs(root: Path, strategy: str, spoil_test: bool = False) -> None:
    splits, predictions = tables_example()
    if spoil_test:
        rows = predictions["part"] == "test"
        predictions.loc[rows, "label"] = "poison"
        predictions.loc[rows, "score._NA"] = np.inf
    folder = root / "predictions" / strategy
    folder.mkdir(parents=True)
    (root / "data" / "splits").mkdir(parents=True, exist_ok=True)
    SPLITS.write(splits, root / "data" / "splits" / "splits.parquet")
    PREDICTIONS.write(predictions, folder / "predictions.parquet")


def test_the_stage_looks_neither_at_removed_strategies_nor_at_the_test_part(tmp_path: Path) -> None:
    results = []
    for name in ("clean", "littered"):
        root = tmp_path / name
        write_inputs(root, "plain", spoil_test=name == "littered")
        if name == "littered":
            (root / "predictions" / "removed").mkdir()
            (root / "predictions" / "removed" / "predictions.parquet").write_bytes(b"not a table")
        stage.run(SmallWorkspace(root, "evaluate"), "")
        results.append((root / "reports" / "evaluate" / "metrics.json").read_bytes())
        rule = json.loads((root / "reports" / "evaluate" / "rules" / "plain.json").read_text())
        predictions = (root / "predictions" / "plain" / "predictions.parquet").read_bytes()
        assert rule["predictions"] == hashlib.sha256(predictions).hexdigest(), "it says what it was fitted to"
    assert results[0] == results[1]


def write_ceiling_of(split: pd.DataFrame, features: pd.DataFrame, root: Path) -> dict[str, Any]:
    """What `write_ceilings` says of feature vectors whose index are ids."""
    folder = root / "features" / "small"
    folder.mkdir(parents=True)
    Features(features.index.tolist(), features.to_numpy(np.float32)).save(folder, {})
    write_ceilings(split, ["small"], root / "features", 0.95, 0, root)
    found: dict[str, Any] = json.loads((root / "ceiling.json").read_text())
    return found


def test_the_ceiling_is_that_of_training_images_of_classes_that_can_be_measured(tmp_path: Path) -> None:
    stream = np.random.default_rng(8)
    counts = {"few": 8, "left": 60, "middle": 40, "right": 30}
    labels = np.repeat(list(counts), list(counts.values()))
    ids = [f"{number:04d}" for number in stream.permutation(len(labels))]
    split = pd.DataFrame({"image_id": ids, "group": ids, "label": labels, "part": "train", "repeat": 0})
    centre = {"few": 0.0, "left": 0.0, "middle": 0.5, "right": 100.0}
    values = stream.normal(size=(len(labels), 3))
    values[:, 0] += [centre[label] for label in labels]
    features = pd.DataFrame(values, index=ids)
    found = write_ceiling_of(split, features, tmp_path / "train")["small"]
    assert found["images"] == 130  # those of all classes with ten groups or more
    assert found["least"]["low"] < found["least"]["value"] < found["most"]["value"] < found["most"]["high"]
    assert {name: one["mixed_with"] for name, one in found["classes"].items()} == {
        "left": "middle",
        "middle": "left",
        "right": found["classes"]["right"]["mixed_with"],
    }
    read = read_ceilings(tmp_path / "train", {"one": "small", "images": "none"})
    assert list(read) == ["one"]
    assert read["one"].as_json() == found
    first, *others = [{name, pair.mixed_with} for name, pair in read["one"].hardest]
    assert first == {"left", "middle"}
    assert first not in others
    assert found["classes"]["right"]["least"]["value"] > 0.95 > found["classes"]["left"]["most"]["value"]
    # Test images, other repeats and the order of the rows change nothing.
    test = split.assign(image_id=[f"t{name}" for name in ids], part="test")
    again = pd.concat([split.assign(repeat=1), test, split.sample(frac=1, random_state=0)])
    assert write_ceiling_of(again, features.iloc[::-1], tmp_path / "again")["small"] == found
    few = split[split["label"].isin(["few", "left"])]
    assert write_ceiling_of(few, features, tmp_path / "few") == {}


def test_missing_predictions_name_the_stage_that_makes_them(tmp_path: Path) -> None:
    write_inputs(tmp_path, "other")
    with pytest.raises(InputError, match="equipoise run train@plain"):
        stage.run(SmallWorkspace(tmp_path, "evaluate"), "")


def test_anomaly_scores_are_evaluated_without_calibration(tmp_path: Path) -> None:
    logits = scored_example(counts=(60, 20))
    orders = replace(logits, kind="anomaly")
    settings = Evaluate(draws=100)
    found = {name: out_of_fold(one, BalancedAccuracy(), settings)[1] for name, one in (("a", orders), ("b", logits))}
    more = set(found["b"].metrics) - set(found["a"].metrics)
    assert {"expected_calibration_error", "corrected_brier", "log_loss"} <= more
    assert not any("recall" in name or "auc" in name for name in more)
    assert set(found["a"].operating["wanted"]) == {"recall 0.8", "recall 0.9", "recall 0.95"}
    write_evaluations(found, tmp_path)
    read = read_evaluations(tmp_path, ["a", "b"])
    assert set(read.reliability["strategy"]) == {"b"}
    for name, one in found.items():
        write_plots(one, name, tmp_path / "plots" / name)
    drawn = {name: {path.stem for path in (tmp_path / "plots" / name).iterdir()} for name in found}
    assert drawn["b"] - drawn["a"] == {"calibration"}
    write_evaluations({"a": found["a"]}, tmp_path / "alone")
    assert read_evaluations(tmp_path / "alone", ["a"]).reliability.empty
