"""Second stages: classifiers that are made anew on what was learnt, and networks that are trained on."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from image_fits import COUNTS, TINY, fit_of, fitted, inputs_of, rows_of
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError
from ruamel.yaml import YAML

from tasks.errors import InputError
from tasks.params import load_params
from tasks.registry import components
from tasks.train.families import Fit, Log
from tasks.train.families.finetune import Finetune
from tasks.train.families.head import Head
from tasks.train.finetuning.checkpoints import FILE, facts
from tasks.train.finetuning.second import _continued, second_stage
from tasks.train.finetuning.training import Training
from tasks.train.finetuning.whole import BIASES
from tasks.train.losses.ldam import Ldam
from tasks.train.mixing.mixup import Mixup
from tasks.train.recalls import recall_note
from tasks.train.rows import Rows
from tasks.train.schedules.deferred import Deferred
from tasks.train.second_stages import Classifier, SecondStage
from tasks.train.second_stages.crt import ClassifierRetraining
from tasks.train.second_stages.lws import LearnableWeightScaling
from tasks.train.second_stages.minority_finetuning import MinorityFinetuning
from tasks.train.second_stages.nearest_class_mean import NearestMeans
from tasks.train.second_stages.tau_normalisation import TauNormalisation

STAGES = components("tasks.train.second_stages")
OF_CLASSIFIER = [name for name, one in STAGES.items() if one.changes == "classifier"]
OF_NETWORK = [name for name, one in STAGES.items() if one.changes == "network"]
NO_SECOND = {"second_stage": {"name": "none"}}
SHORT = {"epochs": 1} | dict.fromkeys(["steps"], 5)


def made(name: str, **settings: Any) -> SecondStage:
    """A second stage, of few steps where it has any."""
    short = {key: value for key, value in SHORT.items() if key in STAGES[name].model_fields}
    return STAGES[name](**short | settings)


def labelled(classes: list[int], count: int = 3) -> Rows:
    names = [f"class {code}" for code in range(count)]
    targets = np.array(classes)
    ids = [str(number) for number in range(len(targets))]
    return Rows(ids, names, targets, targets, np.ones(len(targets), np.float32))


def problem(counts: tuple[int, ...] = (300, 60, 12), seed: int = 0) -> tuple[np.ndarray, Rows]:
    """Overlapping clouds of features, the classes long-tailed."""
    stream = np.random.default_rng(seed)
    codes = np.repeat(np.arange(len(counts)), counts)
    centres = np.array([[0, 0, 0, 0], [1.4, 0, 0, 0], [0, 1.4, 0, 0]][: len(counts)])
    return (centres[codes] + stream.normal(size=(len(codes), 4))).astype(np.float32), labelled(codes.tolist())


def plain_classifier(features: np.ndarray, rows: Rows) -> Classifier:
    """Logistic regression on the data as they are."""
    from sklearn.linear_model import LogisticRegression

    found = LogisticRegression(C=100).fit(features, rows.first)
    counts = np.bincount(rows.first)
    return Classifier(found.coef_.astype(np.float32), found.intercept_.astype(np.float32), counts / counts.sum())


def recalls(found: Classifier, features: np.ndarray, rows: Rows) -> list[float]:
    right = (features @ found.weight.T + found.bias).argmax(1) == rows.first
    return [float(right[rows.first == code].mean()) for code in range(3)]


# Formulas


@pytest.mark.parametrize("tau", [0.0, 0.5, 0.7, 1.0])
def test_tau_normalisation_is_that_of_the_paper(tau: float) -> None:
    """Kang et al., equation 5, by plain loops: w_c / ||w_c||^tau, no bias."""
    weight = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    first = Classifier(weight, np.ones(3, np.float32), np.array([0.7, 0.2, 0.1]))
    found = TauNormalisation(tau=tau).refit(first, np.zeros((1, 5), np.float32), labelled([0]), 0)
    for code in range(3):
        length = math.sqrt(sum(float(value) ** 2 for value in weight[code]))
        assert_allclose(found.weight[code], [float(value) / length**tau for value in weight[code]], rtol=1e-6)
    assert_array_equal(found.bias, np.zeros(3))
    assert_allclose(found.prior, [1 / 3] * 3)


def test_tau_is_the_least_of_those_that_tell_the_classes_of_its_own_rows_best() -> None:
    """By plain loops over all that are tried, with the mean of the classes' recalls."""
    features, rows = problem()
    features += 1
    directions = np.array([[-0.2, -0.2, 0.5, 0.5], [0.8, 0.1, 0.2, 0.2], [0.1, 0.8, 0.2, 0.2]])
    lengths = np.array([[6.0], [2.0], [0.7]])  # longer where there are more rows
    weight = (lengths * directions / np.linalg.norm(directions, axis=1, keepdims=True)).astype(np.float32)
    first = Classifier(weight, np.zeros(3, np.float32), np.ones(3) / 3)
    best, chosen = -1.0, None
    for step in range(41):
        tau = step / 20
        scaled = np.array([row / math.sqrt((row**2).sum()) ** tau for row in weight.astype(float)])
        right = (features @ scaled.T).argmax(1) == rows.first
        reached = np.mean([right[rows.first == code].mean() for code in range(3)])
        if reached > best + 1e-12:
            best, chosen = reached, tau
    assert 0 < chosen < 2
    found = TauNormalisation().refit(first, features, rows, 0)
    expected = TauNormalisation(tau=chosen).refit(first, features, rows, 0)
    assert_array_equal(found.weight, expected.weight)


def test_a_class_without_weights_stays_without() -> None:
    first = Classifier(np.array([[3, 4], [0, 0]], np.float32), np.zeros(2, np.float32), np.array([0.5, 0.5]))
    found = TauNormalisation(tau=1.0).refit(first, np.zeros((1, 2), np.float32), labelled([0], 2), 0)
    assert_allclose(found.weight, [[0.6, 0.8], [0, 0]], rtol=1e-6)


def test_class_means_are_those_of_unit_vectors_from_the_mean_of_all() -> None:
    features, rows = problem((4, 3, 2))
    rows = replace(rows, second=(rows.first + 1) % 3, share=np.linspace(0.5, 1, 9).astype(np.float32))
    found = NearestMeans(scale=3.0).refit(plain_classifier(features, rows), features, rows, 0)
    centre = features.astype(float).mean(axis=0)
    sums = np.zeros((3, 4))
    for value, one, other, share in zip(features, rows.first, rows.second, rows.share, strict=True):
        unit = (value - centre) / math.sqrt(((value - centre) ** 2).sum())
        sums[one] += share * unit
        sums[other] += (1 - share) * unit
    expected = [3.0 * row / math.sqrt((row**2).sum()) for row in sums]
    assert_allclose(found.weight, expected, rtol=1e-5)
    assert_allclose(found.centre, centre, rtol=1e-5, atol=1e-7)


def test_lws_scales_each_class_and_turns_no_weight() -> None:
    features, rows = problem()
    first = plain_classifier(features, rows)
    found = LearnableWeightScaling().refit(first, features, rows, 0)
    scales = found.weight / first.weight
    assert_allclose(scales, np.repeat(scales[:, :1], 4, axis=1), rtol=1e-5)
    assert_allclose(found.bias, scales[:, 0] * first.bias, rtol=1e-5)
    assert scales.std() > 0.05


def test_lws_ends_near_the_scales_that_are_best_for_balanced_draws() -> None:
    """Against a search over the same objective: cross-entropy, a class counting as much as any other."""
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    features, rows = problem()
    first = plain_classifier(features, rows)
    outputs = (features @ first.weight.T + first.bias).astype(float)
    weights = 1 / np.bincount(rows.first)[rows.first] / 3

    def balanced(scales: np.ndarray) -> float:
        scaled = scales * outputs
        return float(weights @ (logsumexp(scaled, axis=1) - scaled[np.arange(len(rows)), rows.first]))

    best = minimize(balanced, np.ones(3)).fun
    found = LearnableWeightScaling(steps=2000).refit(first, features, rows, 0)
    reached = balanced((found.weight / first.weight)[:, 0])
    assert best <= reached < best + 0.02 < balanced(np.ones(3))


def test_crt_ends_near_a_logistic_regression_that_weighs_classes_alike() -> None:
    from sklearn.linear_model import LogisticRegression

    features, rows = problem()
    expected = LogisticRegression(class_weight="balanced").fit(features, rows.first).predict(features)
    stage = ClassifierRetraining(steps=1500, learning_rate=0.01, weight_decay=0.0)
    found = stage.refit(plain_classifier(features, rows), features, rows, 0)
    decided = (features @ found.weight.T + found.bias).argmax(1)
    assert (decided == expected).mean() > 0.97


@pytest.mark.parametrize("name", ["crt", "nearest_class_mean"])
def test_rare_classes_gain(name: str) -> None:
    features, rows = problem()
    first = plain_classifier(features, rows)
    found = STAGES[name]().refit(first, features, rows, 0)
    values = features
    if found.centre is not None:
        values = features - found.centre
        values /= np.linalg.norm(values, axis=1, keepdims=True)
    before, after = recalls(first, features, rows), recalls(found, values, rows)
    assert after[2] > before[2] + 0.2
    assert np.mean(after) > np.mean(before) + 0.05


def test_where_common_classes_have_longer_weights_tau_normalisation_shortens_them() -> None:
    directions = np.eye(3, dtype=np.float32)
    first = Classifier(np.array([[4], [2], [1]], np.float32) * directions, np.zeros(3, np.float32), np.ones(3) / 3)
    features = np.array([[1, 0, 1.1], [1, 1.2, 0]], np.float32)
    found = TauNormalisation(tau=1.0).refit(first, features, labelled([2, 1]), 0)
    assert ((features @ first.weight.T).argmax(1) == [0, 0]).all()
    assert ((features @ found.weight.T).argmax(1) == [2, 1]).all()


# Contract


@pytest.mark.parametrize("name", OF_CLASSIFIER)
@pytest.mark.parametrize("counts", [(5, 1), (2000, 1), (1,) * 50], ids=["one image", "2000 to 1", "50 classes"])
def test_any_counts_and_any_number_of_classes(name: str, counts: tuple[int, ...]) -> None:
    codes = np.repeat(np.arange(len(counts)), counts)
    stream = np.random.default_rng(0)
    features = stream.normal(size=(len(codes), 3)).astype(np.float32)
    features[:, 2] = 7  # a feature that never varies
    first = Classifier(
        stream.normal(size=(len(counts), 3)).astype(np.float32), np.zeros(len(counts), np.float32), np.ones(1)
    )
    found = made(name).refit(first, features, labelled(codes.tolist(), len(counts)), 0)
    assert found.weight.shape == (len(counts), 3)
    assert found.weight.dtype == found.bias.dtype == np.float32
    assert np.isfinite(found.weight).all()
    assert np.isfinite(found.bias).all()
    assert_allclose(found.prior, np.full(len(counts), 1 / len(counts)))


@pytest.mark.parametrize("name", OF_CLASSIFIER)
def test_the_same_seed_gives_the_same_bits_and_the_order_of_classes_does_not_matter(name: str) -> None:
    features, rows = problem((40, 20, 10))
    first = plain_classifier(features, rows)
    one, other = (made(name).refit(first, features, rows, 3) for _ in range(2))
    assert_array_equal(one.weight, other.weight)
    assert_array_equal(one.bias, other.bias)


@pytest.mark.parametrize("name", ["crt", "lws"])
def test_rows_of_two_classes_have_a_prior_of_what_is_drawn(name: str) -> None:
    features, rows = problem((4, 4, 4))
    rows = replace(rows, second=(rows.first + 1) % 3, share=np.array([0.5] * 4 + [1.0] * 8, np.float32))
    found = made(name).refit(plain_classifier(features, rows), features, rows, 0)
    assert_allclose(found.prior, [1 / 6, 1 / 2, 1 / 3])


# On a whole network


def with_stage(name: str, fit: Fit | None = None, **settings: Any) -> Any:
    return fitted(fit or fit_of(), second_stage=made(name, **settings).model_dump(), epochs=3)


@pytest.mark.parametrize("name", STAGES)
def test_a_network_is_saved_and_loaded_to_the_same_scores(name: str, tmp_path: Path) -> None:
    found = with_stage(name)
    found.save(tmp_path)
    inputs = inputs_of(rows_of((5, 5, 5), first=500))
    loaded = found.family.load(tmp_path, found.prior, None)
    assert_array_equal(loaded.predict(inputs).values, found.predict(inputs).values)
    images = torch.from_numpy(inputs.images(16))
    assert_allclose(found.module()(images).detach().numpy(), found.predict(inputs).values, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", OF_CLASSIFIER)
def test_a_new_classifier_leaves_the_stages_as_they_were(name: str) -> None:
    plain, found = fitted(epochs=3), with_stage(name)
    stages = [key for key in plain.state if not key.startswith("scores.")]
    assert all(torch.equal(plain.state[key], found.state[key]) for key in stages)
    inputs = inputs_of(rows_of(COUNTS))
    assert not np.allclose(plain.predict(inputs).values, found.predict(inputs).values)
    assert_allclose(found.prior, [1 / 3] * 3)


def test_class_means_of_a_network_are_cosines_to_what_it_makes_of_the_training_images() -> None:
    plain, found = fitted(epochs=3), with_stage("nearest_class_mean", scale=5.0)
    from tasks.train.finetuning.whole import fitted_network

    whole = fitted_network(plain.family.network, plain.state, plain.described)
    rows = rows_of(COUNTS)

    def features(rows: Rows) -> np.ndarray:
        images = torch.from_numpy(inputs_of(rows).images(16)).permute(0, 3, 1, 2).float()
        return whole.scores[:2](whole.stages(whole.normalised(images))).numpy().astype(float)

    own, seen = features(rows), rows_of((4, 4, 4), first=700)
    centre = own.mean(axis=0)
    units = (own - centre) / np.linalg.norm(own - centre, axis=1, keepdims=True)
    others = features(seen) - centre
    means = [units[rows.first == code].mean(axis=0) for code in range(3)]
    cosine = [[one @ mean / np.linalg.norm(one) / np.linalg.norm(mean) for mean in means] for one in others]
    assert_allclose(found.predict(inputs_of(seen)).values, 5 * np.array(cosine), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", OF_NETWORK)
def test_a_network_is_trained_on_from_where_it_was(name: str) -> None:
    plain, found = fitted(epochs=3), with_stage(name)
    key = "stages.0.0.weight"
    moved = (plain.state[key] - found.state[key]).abs().max()
    assert 0 < moved < 0.5 * plain.state[key].abs().max()
    kept = with_stage(name, frozen=3)
    stages = [key for key in plain.state if key.startswith("stages.")]
    assert all(torch.equal(plain.state[key], kept.state[key]) for key in stages)
    assert not torch.equal(plain.state["scores.2.weight"], kept.state["scores.2.weight"])


def test_balanced_draws_give_a_balanced_prior_and_rare_classes_alone_keep_that_of_all() -> None:
    assert_allclose(with_stage("balanced_finetuning").prior, [1 / 3] * 3)
    assert_allclose(with_stage("minority_finetuning").prior, np.array(COUNTS) / sum(COUNTS))


@pytest.mark.parametrize("name", ["crt", "nearest_class_mean", *OF_NETWORK])
def test_a_network_of_cosines_can_have_a_second_stage(name: str, tmp_path: Path) -> None:
    settings = {"classifier": "cosine", "scale": 30.0, "epochs": 3, "second_stage": made(name).model_dump()}
    fit = fit_of(loss=Ldam())
    found = fitted(fit, **settings)
    found.save(tmp_path)
    values = found.predict(fit.inputs).values
    assert_array_equal(found.family.load(tmp_path, found.prior, None).predict(fit.inputs).values, values)
    assert np.isfinite(values).all()
    assert f"class 2 {recall_of(fitted(fit_of(loss=Ldam()), **settings | NO_SECOND), fit):.2f} to " in fit.log.notes[0]


def recall_of(found: Any, fit: Fit, code: int = 2) -> float:
    """The share of a class's training rows that are told."""
    right = found.predict(fit.inputs).values.argmax(1) == fit.rows.first
    return float(right[fit.rows.first == code].mean())


@pytest.mark.parametrize("name", ["tau_normalisation", "lws"])
def test_cosines_have_no_length_to_change(name: str) -> None:
    with pytest.raises(ValidationError, match="changes a linear layer, and classifier: cosine has none"):
        Finetune(**TINY | {"classifier": "cosine", "second_stage": {"name": name}})


def test_mixing_that_ended_with_the_first_stage_does_not_come_back() -> None:
    for ends in (True, False):
        fit = fit_of(mixing=Mixup(), schedule=Deferred(start=0.5, mixing=ends))
        settings = Finetune(**TINY | {"second_stage": {"name": "balanced_finetuning"}})
        further = _continued(Training(settings, fit), settings.second_stage)
        assert further.fit.components.mixing.name == ("none" if ends else "mixup")
        assert further.fit.components.schedule.name == "constant"


def test_only_rare_classes_are_trained_on_and_what_is_forgotten_is_told() -> None:
    assert_array_equal(MinorityFinetuning().kept(rows_of(COUNTS)), np.arange(50, 60))
    assert_array_equal(MinorityFinetuning().kept(rows_of((3, 3))), np.arange(6))
    fit = fit_of()
    found = fitted(fit, epochs=6, second_stage={"name": "minority_finetuning", "epochs": 20, "learning_rate": 0.1})
    [note] = fit.log.notes
    assert note.startswith("minority_finetuning: recall on its own training rows, before and after: class 0 1.00 to 0.")
    assert len(fit.log.losses) == 26
    right = found.predict(inputs_of(fit.rows)).values.argmax(1) == fit.rows.first
    assert right[fit.rows.first == 2].all()
    assert f"class 0 1.00 to {right[fit.rows.first == 0].mean():.2f}" in note


def test_a_second_stage_that_was_stopped_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    settings = {"epochs": 2, "second_stage": {"name": "balanced_finetuning", "epochs": 3}}
    expected, log = fitted(fit_of(), **settings), Log()
    for steps in (3, 9, 14, 17):  # of 4 an epoch, in both stages
        folder, number = tmp_path / str(steps), 0
        training = Training(Finetune(**TINY | settings), fit_of(folder=folder))
        for number, _ in enumerate(both(training), start=1):
            if number == steps + 1:
                break
        assert int(facts(folder / "second").get("epoch", 0)) == max(steps // 4 - 2, 0)
        again = fit_of(folder=folder)
        found = fitted(again, **settings)
        assert all(torch.equal(value, found.state[name]) for name, value in expected.state.items())
        assert len(again.log.losses) == 5
        log = again.log
    assert sorted(file.parent.name for file in (tmp_path / "17").rglob(FILE)) == ["17", "second"]
    assert log.notes


def both(training: Training) -> Any:
    yield from training.run()
    yield from second_stage(training)


def test_all_images_that_are_trained_on_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    with_stage("minority_finetuning", epochs=4)
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"{3 * 60 + 4 * 10} images trained in ")


# On a head


def head_fit(features: np.ndarray, rows: Rows) -> Fit:
    class Known:
        def features(self, ids: Any, backbone: str, fold: int | None) -> np.ndarray:
            return features[[int(name) for name in ids]]

    fit = fit_of()
    inputs = replace(fit.inputs, ids=rows.ids, source=Known())
    return replace(fit, rows=rows, inputs=inputs, log=Log())


@pytest.mark.parametrize(
    "settings",
    [
        {"second_stage": {"name": "tau_normalisation"}},
        {"second_stage": {"name": "lws"}},
        {"second_stage": {"name": "crt"}, "hidden": 8},
        {"second_stage": {"name": "lws"}, "hidden": 8},
    ],
)
def test_the_last_layer_of_a_head_is_made_anew(settings: dict[str, Any], tmp_path: Path) -> None:
    features, rows = problem()
    fit = head_fit(features, rows)
    plain = {key: value for key, value in settings.items() if key != "second_stage"}
    [before], [found] = (list(Head(backbone="any", **one).fit_all([fit])) for one in (plain, settings))
    first, last = before.predict(fit.inputs).values, found.predict(fit.inputs).values
    hidden = [key for key in before.arrays if key.endswith("0") and "hidden" in plain]
    assert all(np.array_equal(before.arrays[key], found.arrays[key]) for key in hidden)

    def recall(values: np.ndarray) -> float:
        return float((values.argmax(1) == rows.first)[rows.first == 2].mean())

    assert recall(last) > recall(first) + 0.1
    assert_allclose(found.prior, [1 / 3] * 3)
    assert f"class 2 {recall(first):.2f} to {recall(last):.2f}" in fit.log.notes[0]
    found.save(tmp_path)
    loaded = Head(backbone="any", **settings).load(tmp_path, found.prior, None)
    assert_array_equal(loaded.predict(fit.inputs).values, last)
    inside = found.module()(torch.from_numpy(features)).detach().numpy()
    assert_allclose(inside, last, rtol=1e-4, atol=1e-4)


def test_a_head_without_a_second_stage_is_as_it_was() -> None:
    features, rows = problem((40, 20, 10))
    fits = [head_fit(features, rows) for _ in range(2)]
    [one] = Head(backbone="any").fit_all(fits[:1])
    [other] = Head(backbone="any", second_stage={"name": "none"}).fit_all(fits[1:])
    assert all(np.array_equal(one.arrays[key], other.arrays[key]) for key in one.arrays)
    assert fits[0].log.notes == []


def test_the_classes_that_change_most_are_named() -> None:
    rows = labelled([0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9], 11)
    before = np.eye(11, dtype=np.float32)[rows.first]
    after = before.copy()
    after[1] = np.eye(11)[5]
    after[4:6] = np.eye(11)[0]
    note = recall_note("lws", rows, before, after)
    assert "class 0 1.00 to 0.50" in note
    assert "class 2 1.00 to 0.00" in note
    assert note.endswith("(3 classes that change less are left out)")


# What is refused


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"second_stage": {"name": "balanced_finetuning"}}, "has none below its features; choose crt"),
        ({"second_stage": {"name": "lws"}, "classifier": "cosine"}, "write classifier: linear"),
        ({"second_stage": {"name": "nearest_class_mean"}, "hidden": 4}, "family: {name: nearest_class_mean}"),
        ({"second_stage": {"name": "crt"}}, "set hidden, or write sampler: {name: class_balanced}"),
    ],
)
def test_a_head_refuses_what_makes_no_sense(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Head(**settings)
    assert message in str(refused.value)


def test_more_frozen_stages_than_there_are_are_refused() -> None:
    with pytest.raises(ValidationError, match="has 3 stages; write at most that"):
        Finetune(**TINY | {"second_stage": {"name": "balanced_finetuning", "frozen": 4}})


def test_sigmoids_are_refused(tmp_path: Path, repository: Path) -> None:
    yaml = YAML(typ="safe", pure=True)
    params = yaml.load((repository / "params.yaml").read_text(encoding="utf-8"))
    params["strategies"]["plain"]["loss"] = {"name": "binary_cross_entropy"}
    params["strategies"]["plain"]["family"]["second_stage"] = {"name": "lws"}
    yaml.dump(params, tmp_path / "params.yaml")
    with pytest.raises(InputError, match="reads a sigmoid a class, and second_stage 'lws'"):
        load_params(tmp_path / "params.yaml")


@pytest.mark.parametrize("classifier", ["linear", "cosine"])
def test_a_network_that_goes_on_with_balanced_draws_says_at_once_what_they_ask_of_one_that_sees_nothing(classifier):
    """By the bias of each class, as at the turn of a schedule: the log of the first prior would stay in the outputs."""
    fit = fit_of()
    training = Training(Finetune(**TINY | {"classifier": classifier, "epochs": 1}), fit)
    list(training.run())
    natural = np.log(np.array(COUNTS) / sum(COUNTS))
    for name, expected in (("balanced_finetuning", np.full(3, np.log(1 / 3))), ("minority_finetuning", natural)):
        further = _continued(training, made(name))
        moved = (further.whole.state_dict()[BIASES] - training.state[BIASES]).numpy()
        assert_allclose(moved, expected - natural, atol=1e-5)
        others = {key: value for key, value in further.whole.state_dict().items() if key != BIASES}
        assert all(torch.equal(value, training.state[key]) for key, value in others.items())


def test_the_classes_whose_images_are_augmented_stay_the_same() -> None:
    """Of 60, 20 and 8 rows two classes are below the mean of all, and one below that of the 28 that are left."""
    training = Training(Finetune(**TINY | {"augment_classes": "minority"}), fit_of((60, 20, 8)))
    assert_array_equal(training._changed, np.repeat([False, True, True], (60, 20, 8)))
    further = _continued(training, made("minority_finetuning"))
    assert_array_equal(further.fit.rows.first, np.repeat([1, 2], (20, 8)))
    assert further._changed.all()
