"""What every post-hoc rule promises, beside what `test_train_components.py` asks of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from contract import refuse_pickle
from fits import variants
from numpy.testing import assert_allclose, assert_array_equal

from tasks.files import write_json
from tasks.registry import components
from tasks.scores import Scores
from tasks.train.posthoc import PostHoc

RULES: list[PostHoc] = variants("tasks.train.posthoc")
each_rule = pytest.mark.parametrize("rule", RULES, ids=repr)
each_size = pytest.mark.parametrize("classes", [2, 50])
each_kind = pytest.mark.parametrize("kind", ["logit", "log_probability", "anomaly"])

# What papers say of a fitted rule, an image at a time: rule, scores, prior -> scores
REFERENCE: dict[str, Callable[[Any, list[float], list[float]], list[float]]] = {
    "none": lambda _, z, prior: z,
    "logit_adjustment": lambda rule, z, prior: [
        one - rule.tau * math.log(pi) for one, pi in zip(z, prior, strict=True)
    ],
    "threshold": lambda rule, z, prior: [one + moved for one, moved in zip(z, rule.offsets, strict=True)],
    "temperature": lambda rule, z, prior: [one / rule.temperature for one in z],
    "prior_correction": lambda rule, z, prior: [
        one + math.log(share / sum(rule.target)) - math.log(pi)
        for one, share, pi in zip(z, rule.target, prior, strict=True)
    ],
}


def prior_of(classes: int) -> np.ndarray:
    """From 100,000 to 1."""
    counts = np.geomspace(100_000, 1, classes)
    return counts / counts.sum()


def scores_of(classes: int, seed: int = 0, rows: int = 0, kind: Any = "logit") -> tuple[Scores, np.ndarray]:
    """Of two fits, and the true classes, of which each has two images or more."""
    stream = np.random.default_rng(seed)
    targets = np.arange(rows or 2 * classes) % classes
    values = stream.normal(size=(2, len(targets), classes)) + 2 * np.eye(classes)[targets]
    return Scores(kind, values, prior_of(classes)), targets


def fitted(rule: PostHoc, classes: int, kind: Any = "logit") -> PostHoc:
    folds = [scores_of(classes, seed, kind=kind) for seed in (1, 2)]
    return rule.fit([one for one, _ in folds], [own for _, own in folds])


def test_every_rule_has_its_formula() -> None:
    assert {*components("tasks.train.posthoc")} <= {*REFERENCE}


@each_rule
@each_size
def test_a_rule_is_its_formula(rule: PostHoc, classes: int) -> None:
    made, (scores, _) = fitted(rule, classes), scores_of(classes)
    found = made.adjust(scores).values
    for fit in range(2):
        for row in range(0, len(found[0]), 7):
            expected = REFERENCE[rule.name](made, scores.values[fit, row].tolist(), scores.prior.tolist())
            assert_allclose(found[fit, row], expected, rtol=1e-12)


@each_rule
@each_size
@each_kind
def test_extreme_scores_and_counts_stay_finite(rule: PostHoc, classes: int, kind: Any) -> None:
    if kind not in rule.kinds:
        pytest.skip("refused when parameters are read")
    scores, targets = scores_of(classes, kind=kind)
    extreme = scores.with_values(scores.values * 1e4)
    made = rule.fit([extreme], [targets])
    assert np.isfinite(made.adjust(extreme).values).all()
    assert np.isfinite(made.adjust(scores).values).all()


@each_rule
@each_size
def test_a_class_of_one_image_is_enough(rule: PostHoc, classes: int) -> None:
    scores, targets = scores_of(classes, rows=classes)
    made = rule.fit([scores], [targets])
    assert np.isfinite(made.adjust(scores).values).all()


@each_rule
@each_size
def test_the_same_scores_give_the_same_rule(rule: PostHoc, classes: int) -> None:
    assert fitted(rule, classes) == fitted(rule, classes)


@each_rule
@each_size
def test_an_image_alone_is_adjusted_as_among_others(rule: PostHoc, classes: int) -> None:
    made, (scores, _) = fitted(rule, classes), scores_of(classes)
    whole = made.adjust(scores).values
    for row in range(0, whole.shape[1], 5):
        alone = made.adjust(scores.with_values(scores.values[:, row : row + 1])).values
        assert_array_equal(alone, whole[:, row : row + 1])


@each_rule
@each_size
def test_single_precision_scores_are_adjusted_as_doubles(rule: PostHoc, classes: int) -> None:
    made, (scores, _) = fitted(rule, classes), scores_of(classes)
    single = scores.with_values(scores.values.astype(np.float32))
    assert_allclose(made.adjust(single).values, made.adjust(scores).values, atol=1e-5)


@each_rule
def test_the_order_of_two_classes_changes_nothing_but_the_order_of_scores(rule: PostHoc) -> None:
    """Decisions: a number that is added to all scores of an image says nothing."""
    stream = np.random.default_rng(0)
    targets = (stream.random(60) < 0.3).astype(np.int64)
    values = stream.normal(size=(1, 60, 2)) + 1.5 * np.eye(2)[targets]
    prior = np.array([0.7, 0.3])
    plain = rule.fit([Scores("logit", values, prior)], [targets])
    turned = rule.fit([Scores("logit", values[..., ::-1], prior[::-1])], [1 - targets])
    new = stream.normal(size=(1, 40, 2))
    ours = plain.adjust(Scores("logit", new, prior)).values
    theirs = turned.adjust(Scores("logit", new[..., ::-1], prior[::-1])).values[..., ::-1]
    assert_allclose(ours[..., 1] - ours[..., 0], theirs[..., 1] - theirs[..., 0], atol=1e-6)


@each_rule
@each_size
def test_what_is_saved_is_no_pickle_and_adjusts_the_same(rule: PostHoc, classes: int, tmp_path: Any) -> None:
    made, (scores, _) = fitted(rule, classes), scores_of(classes)
    write_json(tmp_path / "rule.json", made.model_dump(mode="json"))
    refuse_pickle("rule.json", (tmp_path / "rule.json").read_bytes())
    again = type(made).model_validate_json((tmp_path / "rule.json").read_text(encoding="utf-8"))
    assert_array_equal(again.adjust(scores).values, made.adjust(scores).values)
