"""Rules: corrected probabilities against other optimisers, cut-offs against plain loops, decisions under each goal."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from tasks.calibration import Calibration
from tasks.errors import InputError
from tasks.files import write_json
from tasks.goals import Goal
from tasks.goals.balanced_accuracy import BalancedAccuracy
from tasks.goals.expected_cost import ExpectedCost
from tasks.goals.precision_at_recall import PrecisionAtRecall
from tasks.goals.recall_at_precision import RecallAtPrecision
from tasks.rules import Rule
from tasks.scores import decisions

CLASSES = ["common", "rare", "rarest"]
LABELS = np.repeat([0, 1, 2], [300, 60, 20])


def example(seed: int = 0, shift: tuple[float, ...] = (0.0, 0.0, 0.0)) -> np.ndarray:
    stream = np.random.default_rng(seed)
    return 1.5 * np.eye(3)[LABELS] + stream.normal(0, 1, (len(LABELS), 3)) + shift


def test_the_correction_is_that_of_a_general_optimiser() -> None:
    values = 4 * example(shift=(0, 1, 2))
    floor = 1 / len(values)

    def loss(place: np.ndarray) -> float:
        powers = np.exp(place[0] * values + np.append(0, place[1:]))
        probabilities = floor + (1 - 3 * floor) * powers / powers.sum(axis=1, keepdims=True)
        return -np.log(probabilities)[np.arange(len(LABELS)), LABELS].mean()

    best = minimize(loss, [0.2, 0.0, 0.0], method="BFGS")
    found = Calibration.fit(values, LABELS)
    assert 1 / found.temperature == pytest.approx(best.x[0], rel=1e-3)
    np.testing.assert_allclose(found.offsets - found.offsets[0], np.append(0, best.x[1:]), atol=2e-3)
    assert found.offsets.sum() == pytest.approx(0, abs=1e-9)


def test_shift_and_scale_of_scores_do_not_matter() -> None:
    expected = Calibration.fit(example(), LABELS).probabilities(example())
    for scale, shift in ((1.0, (0.0, 5.0, 15.0)), (50.0, (3.0, 0.0, 0.0)), (0.01, (0.0, 0.0, 1.0))):
        moved = scale * example(shift=shift)
        np.testing.assert_allclose(Calibration.fit(moved, LABELS).probabilities(moved), expected, atol=2e-3)


def test_corrected_probabilities_have_the_shares_of_the_classes() -> None:
    values = example(shift=(0, 3, 5))
    corrected = Calibration.fit(values, LABELS).probabilities(values)
    np.testing.assert_allclose(corrected.sum(axis=1), 1)
    np.testing.assert_allclose(corrected.mean(axis=0), np.bincount(LABELS) / len(LABELS), atol=3 / len(LABELS))


def test_a_mix_is_bayes_rule() -> None:
    found = Calibration.fit(example(), LABELS)
    mix = np.array([0.2, 0.5, 0.3])
    weighted = found.probabilities(example()) * mix / (np.bincount(LABELS) / len(LABELS))
    expected = weighted / weighted.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.for_mix(mix).probabilities(example()), expected, rtol=1e-4)


@pytest.mark.parametrize(
    "values",
    [1e4 * np.eye(3)[LABELS], np.zeros((len(LABELS), 3)), -1e4 * np.eye(3)[LABELS], 1e-9 * np.eye(3)[LABELS]],
    ids=["separable", "without information", "always wrong", "tiny"],
)
def test_degenerate_scores_have_finite_corrections(values: np.ndarray) -> None:
    found = Calibration.fit(values, LABELS)
    assert found.temperature > 0
    assert np.isfinite(found.probabilities(values)).all()
    assert np.isfinite(np.log(found.probabilities(values))).all()


def test_one_image_on_which_a_model_is_sure_and_wrong_does_not_decide_about_all() -> None:
    values = example()
    without = Calibration.fit(values, LABELS)
    values[0] = [-3000.0, 3000.0, 0.0]  # a common one
    assert Calibration.fit(values, LABELS).temperature < 1.5 * without.temperature


def test_a_class_without_images_is_improbable_and_no_error() -> None:
    values, labels = example()[LABELS < 2], LABELS[LABELS < 2]
    found = Calibration.fit(values, labels)
    assert found.probabilities(values)[:, 2].mean() < 2 / len(labels)
    assert np.isfinite(found.for_mix(np.array([0.4, 0.4, 0.2])).probabilities(values)).all()


@pytest.mark.parametrize("tied", [False, True])
def test_cut_offs_are_those_of_a_plain_loop(tied: bool) -> None:
    stream = np.random.default_rng(3)
    positive = stream.random(200) < 0.2
    evidence = positive + stream.normal(0, 1, 200)
    evidence = np.round(evidence) if tied else evidence
    reached = []
    for cut in sorted(set(evidence), reverse=True):
        taken = evidence >= cut
        reached.append((cut, positive[taken].sum() / positive.sum(), positive[taken].mean()))
    for wanted in (0.3, 0.6, 0.9):
        at = PrecisionAtRecall(of="x", recall=wanted).cutoff(evidence, positive)
        assert (evidence >= at).tolist() == (
            evidence >= next(c for c, recall, _ in reached if recall >= wanted)
        ).tolist()
        at = RecallAtPrecision(of="x", precision=wanted).cutoff(evidence, positive)
        enough = [cut for cut, _, precision in reached if precision >= wanted]
        assert (evidence >= at).tolist() == (evidence >= (enough[-1] if enough else np.inf)).tolist()


def test_where_no_alarm_can_be_believed_none_is_raised() -> None:
    # All that looks like the class is right in one of two cases: that is no recall at a precision of 0.8.
    evidence, positive = np.array([3.0, 3.0, 2.0, 2.0, 1.0]), np.array([True, False, True, False, False])
    assert not (evidence >= RecallAtPrecision(of="x", precision=0.8).cutoff(evidence, positive)).any()
    assert (evidence >= RecallAtPrecision(of="x", precision=0.5).cutoff(evidence, positive)).sum() == 4
    values = np.zeros((len(LABELS), 3))  # no cut-off tells apart
    rule = Rule.fit(values, LABELS, CLASSES, "logit", RecallAtPrecision(of="rarest", precision=0.8))
    assert not (rule.decide(values) == 2).any()
    assert not (rule.decide(values + np.array([0.0, 0.0, 50.0])) == 2).any(), "nor on images unlike those"
    json.dumps(rule.as_json(), allow_nan=False)


def test_decisions_for_a_class_are_by_its_cut_off_and_else_the_best_of_the_others() -> None:
    values = example()
    rule = Rule.fit(values, LABELS, CLASSES, "logit", PrecisionAtRecall(of="rarest", recall=0.9))
    decided = rule.decide(values)
    assert (decided[LABELS == 2] == 2).mean() >= 0.9
    others = decided != 2
    np.testing.assert_array_equal(decided[others], values[others, :2].argmax(axis=1))
    probabilities = rule.probabilities(values)
    assert probabilities is not None
    assert probabilities[decided == 2, 2].min() >= probabilities[others, 2].max()


def test_decisions_under_costs_are_the_cheapest() -> None:
    goal = ExpectedCost(cost={"rarest": {"common": 20.0}, "common": {"rarest": 0.5}})
    rule = Rule.fit(example(), LABELS, CLASSES, "logit", goal)
    costs = {(a, d): float(a != d) for a in range(3) for d in range(3)} | {(2, 0): 20.0, (0, 2): 0.5}
    probabilities = rule.probabilities(example())
    assert probabilities is not None
    for row, decided in zip(probabilities, rule.decide(example()), strict=True):
        expected = [sum(row[actual] * costs[actual, one] for actual in range(3)) for one in range(3)]
        assert expected[decided] == pytest.approx(min(expected))


def test_by_default_the_largest_score_decides() -> None:
    rule = Rule.fit(example(), LABELS, CLASSES, "logit", BalancedAccuracy())
    np.testing.assert_array_equal(rule.decide(example(1)), decisions(example(1)))


@pytest.mark.parametrize(
    "goal",
    [BalancedAccuracy(), RecallAtPrecision(of="rare", precision=0.7), ExpectedCost(cost={"rare": {"common": 9.0}})],
    ids=lambda goal: goal.name,
)
def test_a_rule_is_read_back_as_it_was(goal: Goal, tmp_path: Path) -> None:
    rule = Rule.fit(example(), LABELS, CLASSES, "logit", goal)
    write_json(tmp_path / "rule.json", rule.as_json())
    back = Rule.read(tmp_path / "rule.json")
    assert json.dumps(back.as_json()) == json.dumps(rule.as_json())
    np.testing.assert_array_equal(back.decide(example(2)), rule.decide(example(2)))
    np.testing.assert_array_equal(back.log_probabilities(example(2)), rule.log_probabilities(example(2)))


def test_anomaly_scores_are_cut_but_have_no_probabilities_and_no_costs() -> None:
    rule = Rule.fit(example(), LABELS, CLASSES, "anomaly", RecallAtPrecision(of="rare", precision=0.5))
    assert rule.probabilities(example()) is None
    assert (rule.decide(example()) == 1).any()
    with pytest.raises(InputError, match="expected_cost needs probabilities"):
        Rule.fit(example(), LABELS, CLASSES, "anomaly", ExpectedCost())


@pytest.mark.parametrize(
    "goal", [RecallAtPrecision(of="rar"), PrecisionAtRecall(of="rar"), ExpectedCost(cost={"common": {"rar": 1.0}})]
)
def test_a_class_that_there_is_not_is_refused_by_name(goal: Goal) -> None:
    with pytest.raises(
        InputError, match=r"there is no class 'rar' \(did you mean 'rare'\?\); the classes are common, r"
    ):
        Rule.fit(example(), LABELS, CLASSES, "logit", goal)


def test_a_goal_without_a_class_is_about_the_rarest() -> None:
    assert RecallAtPrecision().about("rarest").label == "the recall of rarest at a precision of 0.8"
    assert PrecisionAtRecall(of="rare").about("rarest").metric == "precision.rare"
    assert BalancedAccuracy().about("rarest") == BalancedAccuracy()
