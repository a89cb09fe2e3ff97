"""What every post-hoc rule and family promises: a new component is held to it without a new test."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from contract import refuse_pickle
from fits import Task, as_inputs, each, hard_task, pictures
from numpy.testing import assert_allclose, assert_array_equal

from tasks.scores import Scores
from tasks.train.families import Components, Fit, Log
from tasks.train.families.classical import Classical
from tasks.train.families.head import Head
from tasks.train.families.nearest_class_mean import NearestClassMean
from tasks.train.families.similarity import Similarity
from tasks.train.losses.binary_cross_entropy import BinaryCrossEntropy
from tasks.train.losses.cross_entropy import CrossEntropy
from tasks.train.networks.resnet import ResNet
from tasks.train.posthoc import PostHoc
from tasks.train.posthoc.threshold import Threshold
from tasks.train.samplers.natural import Natural

COUNTS = np.array([50.0, 12.0, 3.0])


def some_scores(rows: int = 60, classes: int = 3, prior: np.ndarray | None = None) -> Scores:
    values = np.random.default_rng(0).normal(size=(2, rows, classes))
    return Scores("logit", values, np.full(classes, 1 / classes) if prior is None else prior)


def fitted(component: PostHoc, scores: Scores) -> PostHoc:
    """The rule, fitted on scores of other images than those that it is then asked about."""
    targets = np.arange(scores.values.shape[1]) % scores.values.shape[2]
    moved = scores.with_values(np.random.default_rng(1).normal(size=scores.values.shape))
    return component.fit([moved], [targets])


@each("posthoc")
def test_a_posthoc_rule_leaves_its_input_as_it_was(component):
    scores = some_scores(prior=COUNTS / COUNTS.sum())
    before = scores.values.copy()
    adjusted = fitted(component, scores).adjust(scores)
    assert adjusted.values.shape == before.shape
    assert adjusted.kind == scores.kind
    assert_array_equal(scores.values, before)


@each("posthoc", without=["threshold"])
def test_a_uniform_prior_leaves_every_decision(component):
    scores = some_scores(48, 4)  # as many of each class
    assert_array_equal(fitted(component, scores).adjust(scores).decisions, scores.decisions)


@each("posthoc")
def test_the_prior_that_a_posthoc_rule_leaves_is_one(component):
    """Whatever it adds to scores, it has stated a prior by it: one in proportion to the old one times its power."""
    scores = some_scores(prior=COUNTS / COUNTS.sum())
    rule = fitted(component, scores)
    left = rule.adjust(scores).prior
    assert_allclose(left.sum(), 1, rtol=1e-12)
    stated = [p * math.exp(added) for p, added in zip(scores.prior, rule.shift(scores.prior), strict=True)]
    assert_allclose(left, np.array(stated) / sum(stated), rtol=1e-9)


@each("posthoc")
@pytest.mark.parametrize("counts", [[100_000, 1], [1, 100_000, 3]])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e4])
def test_posthoc_rules_stay_finite_at_extreme_scores_and_counts(component, counts, size):
    prior = np.array(counts) / sum(counts)
    classes = len(counts)
    values = size * np.random.default_rng(0).normal(size=(1, 30, classes))
    scores = Scores("logit", values, prior)
    found = component.fit([scores], [np.arange(30) % (classes - 1)]).adjust(scores)  # one class has no image
    assert np.isfinite(found.values).all()
    assert (found.prior > 0).all()
    one = component.fit([scores], [np.arange(30) % (classes - 1)]).adjust(scores.with_values(values[:, :1]))
    assert_array_equal(one.values, found.values[:, :1])


@each("posthoc")
def test_the_order_of_classes_changes_nothing_of_a_posthoc_rule(component):
    scores = some_scores(prior=COUNTS / COUNTS.sum())
    order = np.array([2, 0, 1])
    targets = np.arange(60) % 3
    turned = Scores("logit", scores.values[..., order], scores.prior[order])
    one = component.fit([scores], [targets]).adjust(scores)
    other = component.fit([turned], [np.argsort(order)[targets]]).adjust(turned)
    if component.name != "threshold":  # which goes class by class
        assert_allclose(other.values, one.values[..., order], rtol=1e-6, atol=1e-8)


@each("posthoc")
def test_a_fitted_rule_is_saved_as_its_settings(component):
    rule = fitted(component, some_scores())
    again = type(rule).model_validate(rule.model_dump(mode="json"))
    assert_array_equal(again.adjust(some_scores()).values, rule.adjust(some_scores()).values)
    assert again.fit([some_scores()], [np.zeros(60, dtype=np.int64)]) == again


def example_task(seed: int = 0, batch_size: int = 16) -> Task:
    """Three classes whose means lie apart, one feature constant."""
    generator = np.random.default_rng(1)
    targets = np.repeat(np.arange(3), [30, 20, 10])
    features = generator.normal(size=(60, 6)) + 4 * np.eye(3, 6)[targets]
    features[:, 5] = 2.5
    settings = {"steps": 120, "batch_size": batch_size, "learning_rate": 0.05, "weight_decay": 0.01}
    settings |= {"epochs": 8, "image_size": 8, "network": ResNet(depth=8)}  # of a family on images
    return hard_task(features.astype(np.float32), targets, 3, CrossEntropy(), Natural(), settings, seed)


@each("families")
def test_a_family_learns_what_can_be_learnt(component):
    task = example_task()
    made = task.fit(component)
    scores = made.predict(task.features)
    assert scores.shape == (60, 3)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    assert (scores.argmax(1) == task.targets).mean() > 0.9
    assert made.losses == [] or made.losses[-1] < made.losses[0]


@each("families")
def test_a_familys_scores_are_of_the_kind_that_it_declares_with_the_prior_that_it_learnt(component):
    made = example_task().fit(component)
    found = made.fitted.predict(as_inputs(example_task().features))
    assert found.kind == component.score
    assert_array_equal(found.prior, made.fitted.prior)
    assert math.isclose(found.prior.sum(), 1)
    assert (found.prior > 0).all()


def test_the_head_tells_an_epoch_at_a_time():
    assert len(example_task().fit(Head()).losses) == 30  # of 4 steps each


@each("families")
def test_the_same_task_gives_the_same_bytes_whatever_was_fitted_before(component):
    first = example_task().fit(component).files
    example_task(seed=1).fit(component)
    torch.rand(3)
    np.random.default_rng().normal(size=3)
    assert example_task().fit(component).files == first


@each("families", without=["nearest_class_mean", "anomaly"])  # in which nothing is random
def test_another_seed_is_another_fit(component):
    assert example_task(seed=1).fit(component).files != example_task().fit(component).files


@each("families")
def test_a_saved_model_predicts_the_same(component):
    task = example_task()
    made = task.fit(component)
    again = made.loaded()
    assert_array_equal(again.predict(task.features), made.predict(task.features))
    assert_array_equal(again.fitted.prior, made.fitted.prior)


@each("families")
def test_no_file_of_a_model_holds_a_pickle(component):
    for name, data in example_task().fit(component).files.items():
        refuse_pickle(name, data)


@each("families")
def test_a_prediction_does_not_depend_on_the_rows_beside_it(component):
    task = example_task()
    made = task.fit(component)
    whole = made.predict(task.features)
    alone = np.concatenate([made.predict(task.features[row : row + 1]) for row in range(60)])
    assert_allclose(alone, whole, rtol=1e-4, atol=1e-5)


@each("families")
def test_no_rows_are_no_predictions(component):
    task = example_task()
    assert task.fit(component).predict(task.features[:0]).shape == (0, 3)


@pytest.mark.parametrize(
    "family",
    [
        Head(),
        Head(hidden=8),
        Similarity(),
        *(Classical(classifier={"name": name}) for name in ("svm", "logistic_regression")),
    ],
)
@pytest.mark.parametrize(("far", "end"), [(1e4, np.max), (-1e4, np.min)])
def test_a_feature_beyond_all_that_training_showed_counts_as_the_last_that_it_showed(family, far, end):
    task = example_task()
    made = task.fit(family)
    beyond, at_the_end = task.features.copy(), task.features.copy()
    beyond[:, 2], at_the_end[:, 2] = far, end(task.features[:, 2])
    assert_array_equal(made.predict(beyond), made.predict(at_the_end))


@each("families", without=["nearest_class_mean", "finetune"])
def test_what_never_varied_in_training_says_nothing(component):
    task = example_task()
    made = task.fit(component)
    shifted = task.features.copy()
    shifted[:, 5] = 100.0
    assert_array_equal(made.predict(shifted), made.predict(task.features))


@each("families")
def test_fitting_and_predicting_leave_the_features_as_they_were(component):
    task = example_task()
    before = task.features.copy()
    task.fit(component).predict(task.features)
    assert_array_equal(task.features, before)


@each("families")
def test_a_family_takes_soft_labels(component):
    task = example_task()
    soft = dataclasses.replace(task, second=(task.targets + 1) % 3, share=np.full(60, 0.8, dtype=np.float32))
    made = soft.fit(component)
    assert np.isfinite(made.predict(task.features)).all()
    assert (made.predict(task.features).argmax(1) == task.targets).mean() > 0.8
    if component.name not in ("anomaly", "similarity"):  # each of which takes a row for what it is mostly
        assert made.files != task.fit(component).files


@each("families")
def test_several_fits_together_are_the_fits_one_by_one(component):
    task = example_task()
    components = Components(task.loss, task.sampler, task.mixing, task.schedule)
    family = task.set_up(component)
    fits = [Fit(task.rows, as_inputs(task.features), components, seed, None, Log()) for seed in (0, 1)]
    alone = [family.fit(task.rows, as_inputs(task.features), components, seed, None, Log()) for seed in (0, 1)]
    for together, one in zip(family.fit_all(fits), alone, strict=True):
        inputs = as_inputs(task.features)
        assert_array_equal(together.predict(inputs).values, one.predict(inputs).values)


def test_a_batch_larger_than_the_set_is_fine():
    assert all(map(math.isfinite, example_task(batch_size=10_000).fit(Head()).losses))


def test_nearest_class_mean_is_the_cosine_to_the_mean_of_unit_vectors():
    """Nearest class mean by hand: unit vectors less the overall mean, their mean a class, cosine times scale."""
    task = example_task()
    scale = 7.0
    made = task.fit(NearestClassMean(scale=scale))
    values = task.features.astype(np.float64) - task.features.astype(np.float64).mean(axis=0)
    units = values / np.linalg.norm(values, axis=1, keepdims=True)
    means = np.stack([units[task.targets == code].mean(axis=0) for code in range(3)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    assert_allclose(made.predict(task.features), scale * units @ means.T, atol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_a_threshold_of_two_classes_is_the_best_there_is(seed):
    stream = np.random.default_rng(seed)
    targets = (stream.random(40) < 0.2).astype(np.int64)
    values = stream.normal(size=(2, 40, 2)) + 0.8 * np.eye(2)[targets]
    rule = Threshold().fit([Scores("anomaly", values, np.full(2, 0.5))], [targets])

    def balanced_accuracy(offset: float) -> float:
        decided = (values[..., 1] + offset > values[..., 0]).ravel()
        truth = np.tile(targets, 2)
        return np.mean([(decided[truth == code] == code).mean() for code in (0, 1)])

    leads = np.sort((values[..., 0] - values[..., 1]).ravel())
    best = max(balanced_accuracy(cut) for cut in [leads[0] - 1, *((leads[1:] + leads[:-1]) / 2), leads[-1] + 1])
    assert rule.offsets[0] == 0
    assert math.isclose(balanced_accuracy(rule.offsets[1]), best)


@pytest.mark.parametrize("seed", range(5))
def test_thresholds_of_several_classes_are_no_worse_than_none(seed):
    stream = np.random.default_rng(seed)
    targets = stream.choice(4, size=80, p=[0.6, 0.2, 0.15, 0.05])
    scores = Scores("logit", stream.normal(size=(1, 80, 4)) + np.eye(4)[targets], np.full(4, 0.25))

    def balanced_accuracy(scores: Scores) -> float:
        return np.mean([(scores.decisions[0][targets == code] == code).mean() for code in range(4)])

    rule = Threshold().fit([scores], [targets])
    assert balanced_accuracy(rule.adjust(scores)) >= balanced_accuracy(scores)
    with pytest.raises(ValueError, match="must be fitted"):
        Threshold().adjust(scores)


@each("families")
def test_a_family_that_is_a_network_shows_one_with_the_same_scores_and_no_other_does(component):
    task = example_task()
    task.features[:, 0] = 7.0  # what never varied
    made = task.fit(component)
    shown = made.fitted.module()
    assert (shown is not None) == component.is_network
    if shown is not None:
        seen = pictures(task.features, 8) if component.inputs == "images" else task.features.astype(np.float32)
        assert_allclose(shown(torch.from_numpy(seen)).numpy(), made.predict(task.features), rtol=1e-4, atol=1e-5)
        assert not any(one.requires_grad for one in shown.parameters())


def test_the_network_of_a_head_with_a_hidden_layer_is_that_of_its_scores():
    task = example_task()
    made = task.fit(Head(hidden=5))
    scores = made.fitted.module()(torch.from_numpy(task.features.astype(np.float32))).numpy()
    assert_allclose(scores, made.predict(task.features), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("hidden", [0, 5])
def test_the_network_of_a_head_that_reads_sigmoids_is_that_of_its_scores(hidden):
    task = dataclasses.replace(example_task(), loss=BinaryCrossEntropy())
    made = task.fit(Head(hidden=hidden))
    scores = made.fitted.module()(torch.from_numpy(task.features.astype(np.float32))).numpy()
    assert (scores <= 0).all()
    assert_allclose(scores, made.predict(task.features), rtol=1e-4, atol=1e-5)
    assert_array_equal(made.loaded().predict(task.features), made.predict(task.features))


@each("posthoc")
def test_what_a_posthoc_rule_says_that_it_adds_is_what_it_adds(component):
    values = np.random.default_rng(0).normal(size=(2, 40, 3))
    prior = np.array([0.7, 0.2, 0.1])
    scores = Scores("logit", values, prior)
    fitted = component.fit([scores], [np.arange(40) % 3])
    shift = fitted.shift(prior)
    if shift is not None:
        assert shift.shape == (3,)
        assert_allclose(fitted.adjust(scores).values, values * fitted.steepness() + shift, rtol=1e-12, atol=1e-15)


@each("families")
def test_directions_of_a_family_that_compares_have_length_one_and_no_other_has_any(component):
    task = example_task()
    made = task.fit(component)
    units = made.fitted.directions(as_inputs(task.features))
    assert (units is not None) == component.compares
    if units is not None:
        assert units.dtype == np.float64
        assert_allclose(np.linalg.norm(units, axis=1), 1, rtol=1e-6)
        cosines = units @ units.T
        same = task.targets[:, None] == task.targets
        assert cosines[same].mean() > cosines[~same].mean()


@each("families")
def test_a_class_that_is_added_without_training_is_found_and_changes_no_score_of_the_others(component):
    task = example_task()
    known = task.targets < 2
    made = hard_task(
        task.features[known], task.targets[known], 2, task.loss, task.sampler, task.settings, task.seed
    ).fit(component)
    more = made.fitted.with_class(as_inputs(task.features[~known][:4]))
    if more is None:
        return
    scores = more.predict(as_inputs(task.features)).values
    assert_allclose(scores[:, :2], made.predict(task.features), rtol=1e-4, atol=1e-5)
    assert (scores[~known].argmax(1) == 2).mean() > 0.6
    assert_allclose(more.prior, 1 / 3)
    again = dataclasses.replace(made, fitted=more).loaded()
    assert_array_equal(again.predict(task.features), scores)
