"""Combinations that can't work are refused when the parameters are read, with the reason and what to use instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from fits import variants
from ruamel.yaml import YAML

from tasks import registry
from tasks.errors import InputError
from tasks.params import load_params
from tasks.scores import Kind
from tasks.train.families import Family
from tasks.train.families.head import Head
from tasks.train.interpolating import Interpolating

PIXEL_MIXINGS = [component.name for component in variants("tasks.train.mixing") if component.inputs == "images"]
MIXINGS = [component.name for component in variants("tasks.train.mixing") if component.not_on_mixed_rows]
MAKERS = [component.name for component in variants("tasks.train.samplers") if isinstance(component, Interpolating)]


def mistakes(tmp_path: Path, repository: Path, **changes: Any) -> list[str]:
    """What is told of the project's parameters with the values at `section__name__key` changed.

    A text is the name of a component, but for `backbone`.
    """
    yaml = YAML(typ="safe", pure=True)
    params = yaml.load((repository / "params.yaml").read_text(encoding="utf-8"))
    for place, value in changes.items():
        *keys, last = place.split("__")
        section = params
        for key in keys:
            section = section[key]
        section[last] = {"name": value} if isinstance(value, str) and last != "backbone" else value
    yaml.dump(params, tmp_path / "params.yaml")
    try:
        load_params(tmp_path / "params.yaml")
    except InputError as error:
        return str(error).splitlines()
    return []


def test_the_components_that_this_page_is_about_are_there():
    assert PIXEL_MIXINGS == ["cmo", "cutmix"]
    assert MIXINGS == ["cmo", "cutmix", "mixup", "remix"]
    assert MAKERS == ["adasyn", "borderline_smote", "smote"]


@pytest.mark.parametrize("sampler", MAKERS)
@pytest.mark.parametrize("key", ["resample", "augment", "mixed"])
def test_smote_between_pixels_is_refused_with_the_reason_and_the_place_to_ask_for_it(
    tmp_path, repository, sampler, key
):
    (told,) = mistakes(tmp_path, repository, **{f"recipes__oversampled__{key}": sampler})
    assert f"recipes.oversampled.{key}.name: '{sampler}' makes rows between neighbouring feature vectors" in told
    assert "between the pixels of two pictures lies a blend that is neither" in told
    where = f"Write sampler: {{name: {sampler}}} in a strategy on features (family: {{name: head}}) instead"
    assert told.endswith(where)


def test_other_wrong_names_in_a_recipe_are_told_as_before(tmp_path, repository):
    (told,) = mistakes(tmp_path, repository, recipes__oversampled__resample="smoot")
    assert "recipes.oversampled.resample.name: 'smoot' is unknown" in told


@pytest.mark.parametrize("mixing", PIXEL_MIXINGS)
def test_cutting_regions_out_of_features_is_refused(tmp_path, repository, mixing):
    (told,) = mistakes(tmp_path, repository, strategies__plain__mixing=mixing)
    assert f"strategies.plain.mixing.name: '{mixing}' cuts regions out of images, but family 'head' works on" in told
    assert f"a recipe with mixed: {{name: {mixing}}}, which stores such images, or mixing: {{name: mixup}}" in told


class OnImages(Head):
    """A family that is fitted on pixels."""

    name: Literal["on_images"] = "on_images"
    reads_sigmoids: ClassVar[bool] = False
    inputs: ClassVar[str] = "images"


class Outliers(Head):
    """A family that orders images by how strange they are, and takes nothing but rows."""

    name: Literal["outliers"] = "outliers"
    score: ClassVar[Kind] = "anomaly"
    takes: ClassVar[frozenset[str]] = frozenset()


@pytest.fixture
def foreign_families(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two more families, found as those of an installed package are."""
    found = registry.components("tasks.train.families") | {"on_images": OnImages, "outliers": Outliers}
    plain = registry.components

    def components(package: str) -> dict[str, type[Family]]:
        return found if package == "tasks.train.families" else plain(package)

    monkeypatch.setattr("tasks.registry.components", components)
    monkeypatch.setattr("tasks.params.mistakes.components", components)
    monkeypatch.setattr("tasks.params.places.components", components)
    rebuild()
    yield
    monkeypatch.undo()
    rebuild()


def rebuild() -> None:
    """Pydantic builds what it checks once; here the families have changed."""
    from tasks.params.models import Params, Strategy

    Strategy.model_rebuild(force=True)
    Params.model_rebuild(force=True)


@pytest.mark.parametrize("sampler", MAKERS)
def test_making_rows_between_features_needs_features(tmp_path, repository, foreign_families, sampler):
    changes = {"strategies__plain__family": "on_images", "strategies__plain__sampler": sampler}
    (told,) = mistakes(tmp_path, repository, **changes)
    where = f"strategies.plain.sampler.name: '{sampler}' makes rows between feature vectors, but family 'on_images'"
    assert where in told
    assert "blend two pictures into one that is none" in told
    assert "sampler: {name: class_balanced}" in told


@pytest.mark.parametrize("mixing", PIXEL_MIXINGS)
def test_a_family_on_images_may_cut_them(tmp_path, repository, foreign_families, mixing):
    changes = {"strategies__plain__family": "on_images", "strategies__plain__mixing": mixing}
    assert not mistakes(tmp_path, repository, **changes)


def test_features_need_a_backbone_and_images_have_none(tmp_path, repository, foreign_families):
    (told,) = mistakes(tmp_path, repository, strategies__plain__family__backbone="none")
    assert "strategies.plain.family.backbone: family 'head' works on features and needs a backbone: name one" in told
    family = {"name": "on_images", "backbone": "efficientnet_lite0"}
    (told,) = mistakes(tmp_path, repository, strategies__plain__family=family)
    assert "family 'on_images' works on images and uses no backbone; write none" in told


def test_a_backbone_that_skips_a_strategys_recipe_is_refused(tmp_path, repository):
    told = mistakes(tmp_path, repository, backbones__efficientnet_lite0__recipes=["natural", "oversampled"])
    assert len(told) == 4  # undersampled, augmented_minority and twice augmented_all
    assert all("backbone 'efficientnet_lite0' embeds no new images of recipe" in line for line in told)
    told = mistakes(tmp_path, repository, backbones__efficientnet_lite0__recipes=["natral"])
    assert any(
        "backbones.efficientnet_lite0.recipes.0: 'natral' is unknown (did you mean 'natural'?)" in x for x in told
    )


FINETUNE = {"name": "finetune", "backbone": "none"}
LITE = {"network": {"name": "efficientnet_lite0"}}


def test_a_network_that_is_trained_on_images_takes_every_component_but_samplers_that_make_rows(tmp_path, repository):
    changes = {"strategies__plain__family": FINETUNE}
    for mixing in MIXINGS:
        assert not mistakes(tmp_path, repository, **changes, strategies__plain__mixing=mixing)
    for sampler in MAKERS:
        (told,) = mistakes(tmp_path, repository, **changes, strategies__plain__sampler=sampler)
        assert f"'{sampler}' makes rows between feature vectors, but family 'finetune' works on images" in told
    (told,) = mistakes(tmp_path, repository, strategies__plain__family=FINETUNE | {"backbone": "efficientnet_lite0"})
    assert "family 'finetune' works on images and uses no backbone; write none" in told
    (told,) = mistakes(tmp_path, repository, **changes, strategies__plain__loss="none")
    assert "family 'finetune' needs a loss" in told


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"frozen": 1}, "frozen: 1, but the network 'resnet' starts by chance, and what is frozen would stay so"),
        (LITE, "image_size: 32 is too small for the network 'efficientnet_lite0'"),
        (
            LITE | {"image_size": 64, "frozen": 8},
            "frozen: 8, but the network 'efficientnet_lite0' has 7 stages; write at most that",
        ),
        ({"network": {"name": "resnet", "depth": 9}}, "depth"),
        ({"network": {"name": "timm"}}, "network.folder: no model is named: write folder"),
        ({"network": {"name": "timm", "hub": "a/b"}}, "revision: what stands at the hub can change; write the commit"),
        ({"network": {"name": "resnett"}}, "did you mean 'resnet'?"),
        ({"augment": {"flips": "both"}}, "did you mean 'flip'?"),
        ({"augment_classes": "some"}, "augment_classes: 'some' is neither all nor minority nor a list of classes"),
        ({"precision": "float16"}, "precision"),
    ],
)
def test_what_a_network_cannot_do_is_refused_with_what_to_write(tmp_path, repository, settings, words):
    told = mistakes(tmp_path, repository, strategies__plain__family=FINETUNE | settings)
    assert any(words in line and "strategies.plain.family" in line for line in told), told
    assert len(told) == 1


@pytest.mark.parametrize(
    ("schedule", "needed"),
    [
        ({"name": "deferred"}, "a loss with class weights or a sampler"),
        ({"name": "deferred", "mixing": True}, "a loss with class weights or a sampler or a mixing"),
        ({"name": "progressive"}, "a sampler"),
    ],
)
def test_a_schedule_that_finds_nothing_to_schedule_is_refused(tmp_path, repository, schedule, needed):
    (told,) = mistakes(tmp_path, repository, strategies__plain__schedule=schedule)
    assert f"strategies.plain.schedule.name: '{schedule['name']}' would change nothing: it needs {needed};" in told
    assert told.endswith("or write {name: constant}")
    assert not mistakes(tmp_path, repository, strategies__balanced_sampling__schedule=schedule)
    weighted = mistakes(tmp_path, repository, strategies__balanced_weights__schedule=schedule)
    assert not mistakes(
        tmp_path,
        repository,
        strategies__balanced_sampling__schedule=schedule,
        strategies__balanced_sampling__family=FINETUNE,
    )
    assert bool(weighted) == (schedule["name"] == "progressive")


@pytest.mark.parametrize(
    ("settings", "right"),
    [
        ({}, False),
        ({"classifier": "cosine"}, False),
        ({"classifier": "cosine", "scale": 16.0}, False),
        ({"classifier": "cosine", "scale": 30.0}, True),
    ],
)
def test_margins_need_cosines_times_their_own_scale(tmp_path, repository, settings, right):
    family = {"name": "head", "backbone": "efficientnet_lite0", **settings}
    told = mistakes(tmp_path, repository, strategies__plain__family=family, strategies__plain__loss="ldam")
    assert bool(told) != right
    if told:
        assert (
            "strategies.plain.loss.name: 'ldam' sets margins between cosines times 30, which family 'head'" in told[0]
        )
        assert "write classifier: cosine, scale: 30 in family: {name: head}" in told[0]


@pytest.mark.parametrize(("settings", "right"), [({}, False), ({"classifier": "cosine", "scale": 30.0}, True)])
def test_a_whole_network_can_have_them_too(tmp_path, repository, settings, right):
    told = mistakes(tmp_path, repository, strategies__plain__family=FINETUNE | settings, strategies__plain__loss="ldam")
    assert bool(told) != right
    if told:
        assert "write classifier: cosine, scale: 30 in family: {name: finetune}" in told[0]


@pytest.mark.parametrize("tune", [{"scale": [30.0, 10.0]}, {"scale": [30.0, None]}], ids=repr)
def test_each_setting_that_may_be_chosen_must_go_with_the_loss(tmp_path, repository, tune):
    family = {"name": "head", "backbone": "efficientnet_lite0", "classifier": "cosine", "scale": 30.0, "tune": tune}
    (told,) = mistakes(tmp_path, repository, strategies__plain__family=family, strategies__plain__loss="ldam")
    assert f"strategies.plain.family.tune: with scale {tune['scale'][1]}: 'ldam' sets margins between cosines" in told
    assert "leave out of tune what does not go with it" in told
    right = family | {"tune": {"learning_rate": [0.01, 0.02]}}
    assert not mistakes(tmp_path, repository, strategies__plain__family=right, strategies__plain__loss="ldam")


def test_a_scale_without_cosines_is_refused(tmp_path, repository):
    family = {"name": "head", "backbone": "efficientnet_lite0", "scale": 16.0}
    (told,) = mistakes(tmp_path, repository, strategies__plain__family=family)
    assert told.endswith("scale 16 is one of cosines; write classifier: cosine, or leave it out")


def test_a_family_that_knows_no_schedule_takes_none(tmp_path, repository):
    family = {"name": "nearest_class_mean", "backbone": "efficientnet_lite0"}
    changes = {"strategies__plain__family": family, "strategies__plain__loss": "none"}
    changes |= {"strategies__plain__sampler": "class_balanced", "strategies__plain__schedule": "deferred"}
    (told,) = mistakes(tmp_path, repository, **changes)
    assert "'deferred' would change nothing: family 'nearest_class_mean' takes no schedule; write" in told


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "asymmetric"])
def test_a_loss_of_sigmoids_is_refused_where_outputs_are_read_as_a_softmax(
    tmp_path, repository, foreign_families, loss
):
    changes = {"strategies__plain__family": "on_images", "strategies__plain__loss": loss}
    (told,) = mistakes(tmp_path, repository, **changes)
    assert f"strategies.plain.loss.name: '{loss}' reads a sigmoid a class, and family 'on_images' a softmax" in told
    assert "choose family head" in told
    assert not mistakes(tmp_path, repository, strategies__plain__loss=loss)


@pytest.mark.parametrize(("key", "name"), [("loss", "focal"), ("mixing", "mixup")])
def test_what_a_family_makes_no_use_of_is_refused(tmp_path, repository, key, name):
    family = {"name": "nearest_class_mean", "backbone": "efficientnet_lite0"}
    changes = {"strategies__plain__family": family, "strategies__plain__loss": "none"}
    assert not mistakes(tmp_path, repository, **changes)
    (told,) = mistakes(tmp_path, repository, **changes | {f"strategies__plain__{key}": name})
    assert f"strategies.plain.{key}.name: '{name}' would change nothing: family 'nearest_class_mean' takes no" in told
    assert "write {name: none}" in told


def test_a_head_needs_a_loss(tmp_path, repository):
    (told,) = mistakes(tmp_path, repository, strategies__plain__loss="none")
    assert "strategies.plain.loss.name: 'none' minimises nothing, and family 'head' needs a loss" in told


@pytest.mark.parametrize("posthoc", ["none", "logit_adjustment"])
def test_anomaly_scores_need_a_threshold(tmp_path, repository, foreign_families, posthoc):
    family = {"name": "outliers", "backbone": "efficientnet_lite0"}
    changes = {"strategies__plain__family": family, "strategies__plain__loss": "none"}
    (told,) = mistakes(tmp_path, repository, **changes, strategies__plain__posthoc=posthoc)
    assert "but family 'outliers' gives anomaly scores; write {name: threshold}" in told
    assert not mistakes(tmp_path, repository, **changes, strategies__plain__posthoc="threshold")


@pytest.mark.parametrize(
    ("key", "name"), [*(("sampler", name) for name in MAKERS), ("mixing", "mixup"), ("mixing", "remix")]
)
def test_what_needs_rows_of_one_class_takes_no_recipe_with_mixed_ones(tmp_path, repository, key, name):
    mixed = {"recipes__natural__mixed": "mixup", f"strategies__plain__{key}": name}
    (told,) = mistakes(tmp_path, repository, **mixed)
    assert f"strategies.plain.{key}.name: '{name}' m" in told
    assert "recipe 'natural' makes mixed rows; choose one with mixed: {name: none}" in told
    assert not mistakes(tmp_path, repository, **{f"strategies__plain__{key}": name})


BALANCING = [one.name for one in variants("tasks.train.classifiers") if one.balances]


def classical(classifier: str, **settings: Any) -> dict[str, Any]:
    """Changes that make the plain strategy one of the family `classical`."""
    family = {"name": "classical", "backbone": "efficientnet_lite0", "classifier": {"name": classifier}} | settings
    return {"strategies__plain__family": family, "strategies__plain__loss": "none"}


def test_the_classifiers_that_balance_by_themselves_say_so():
    assert BALANCING == ["balanced_random_forest", "easy_ensemble", "rusboost"]


@pytest.mark.parametrize("sampler", ["class_balanced", "square_root"])
@pytest.mark.parametrize("classifier", BALANCING)
def test_what_balances_by_itself_takes_no_sampler_that_balances(tmp_path, repository, classifier, sampler):
    changes = classical(classifier)
    assert not mistakes(tmp_path, repository, **changes)
    (told,) = mistakes(tmp_path, repository, **changes, strategies__plain__sampler=sampler)
    assert f"strategies.plain.sampler.name: '{sampler}' would balance a second time: classifier '{classifier}'" in told
    assert "write {name: natural}, or choose a classifier that takes rows as they are (random_forest)" in told


@pytest.mark.parametrize("weights", ["balanced", "ratio"])
@pytest.mark.parametrize("classifier", BALANCING)
def test_what_balances_by_itself_takes_no_class_weights(tmp_path, repository, classifier, weights):
    (told,) = mistakes(tmp_path, repository, **classical(classifier, class_weights=weights))
    assert f"classifier '{classifier}' draws as many rows of every class by itself, and class_weights" in told
    assert "leave class_weights out" in told
    assert not mistakes(tmp_path, repository, **classical("random_forest", class_weights=weights))


@pytest.mark.parametrize("classifier", BALANCING)
def test_what_draws_rows_by_class_takes_no_recipe_with_mixed_ones(tmp_path, repository, classifier):
    (told,) = mistakes(tmp_path, repository, recipes__natural__mixed="mixup", **classical(classifier))
    assert f"strategies.plain.family.name: 'classical' with classifier '{classifier}' draws rows by class" in told
    assert "recipe 'natural' makes mixed rows; choose one with mixed: {name: none}" in told
    assert not mistakes(tmp_path, repository, recipes__natural__mixed="mixup", **classical("svm"))


@pytest.mark.parametrize("sampler", MAKERS)
@pytest.mark.parametrize("classifier", [one.name for one in variants("tasks.train.classifiers")])
def test_rows_made_between_features_go_with_every_classifier(tmp_path, repository, classifier, sampler):
    assert not mistakes(tmp_path, repository, **classical(classifier), strategies__plain__sampler=sampler)


def outliers(detector: str | dict[str, Any], **settings: Any) -> dict[str, Any]:
    idle = {"sampler": "natural", "mixing": "none", "schedule": "constant", "loss": "none", "posthoc": "threshold"}
    chosen = {"name": detector} if isinstance(detector, str) else detector
    family = {"name": "anomaly", "detector": chosen} | settings
    return {f"strategies__plain__{key}": value for key, value in idle.items()} | {"strategies__plain__family": family}


@pytest.mark.parametrize("detector", variants("tasks.train.detectors"), ids=lambda one: repr(one)[:40])
def test_a_detector_takes_a_backbone_or_images_as_it_says(tmp_path, repository, detector):
    named, none = (outliers(detector.name, backbone=one) for one in ("efficientnet_lite0", "none"))
    right, wrong = (named, none) if detector.inputs == "features" else (none, named)
    assert not mistakes(tmp_path, repository, **right)
    (told,) = mistakes(tmp_path, repository, **wrong)
    where = f"strategies.plain.family.backbone: family 'anomaly' with detector '{detector.name}' works on"
    assert f"{where} {detector.inputs} and" in told
    assert told.endswith("needs a backbone: name one" if detector.inputs == "features" else "no backbone; write none")


@pytest.mark.parametrize(
    "recipe", [{"augment": "minority", "preset": "industrial"}, {"resample": "undersample"}], ids=str
)
def test_the_normal_class_is_named_where_the_recipe_changes_which_one_is_the_largest(tmp_path, repository, recipe):
    changed = {f"recipes__natural__{key}": value for key, value in recipe.items()}
    (told,) = mistakes(tmp_path, repository, **outliers("patchcore", backbone="none"), **changed)
    assert "strategies.plain.family.name: 'anomaly' learns the class with the most rows, which may be another" in told
    assert told.endswith("name the class in family.normal, or choose a recipe that changes nothing")
    assert not mistakes(tmp_path, repository, **outliers("patchcore", backbone="none", normal="fine"), **changed)


@pytest.mark.parametrize(
    ("detector", "told"),
    [
        (
            {"name": "padim", "network": {"name": "resnet"}},
            "'resnet' starts by chance, and the detector 'padim' trains",
        ),
        ({"name": "patchcore", "stages": [5, 3]}, "stages: [5, 3] must rise; write each stage once, such as [3, 5]"),
        ({"name": "patchcore", "image_size": 32}, "image_size: 32 is too small for the network 'efficientnet_lite0'"),
    ],
)
def test_what_a_detector_on_maps_cannot_do_is_told_where_it_stands(tmp_path, repository, detector, told):
    (line,) = mistakes(tmp_path, repository, **outliers(detector, backbone="none"))
    assert line.startswith("strategies.plain.family") or "strategies.plain.family" in line
    assert told in line


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        ({"name": "weighted_cross_entropy", "exponent": 0.5}, "exponent: 0.5 is read with weights: inverse_power only"),
        ({"name": "weighted_cross_entropy", "beta": 0.9}, "beta: 0.9 is read with weights: effective_number only"),
        ({"name": "class_balanced", "gamma": 2.0}, "gamma: 2.0 is read with base: focal only"),
        ({"name": "ldam", "beta": 0.99}, "write weights: effective_number, or leave beta out"),
    ],
    ids=repr,
)
def test_a_setting_of_a_loss_that_nothing_reads_is_refused(tmp_path, repository, loss, told):
    cosines = {"name": "head", "backbone": "efficientnet_lite0", "classifier": "cosine", "scale": 30.0}
    changes = {"strategies__plain__loss": loss} | (
        {"strategies__plain__family": cosines} if loss["name"] == "ldam" else {}
    )
    (found,) = mistakes(tmp_path, repository, **changes)
    assert "strategies.plain.loss" in found
    assert told in found


def test_what_a_vote_is_the_mean_of_needs_a_vote(tmp_path, repository):
    (found,) = mistakes(tmp_path, repository, strategies__plain__vote={"of": "scores"})
    assert "strategies.plain.vote.of: says what a vote is the mean of, and nobody votes; set vote.seeds" in found
    assert not mistakes(tmp_path, repository, strategies__plain__vote={"of": "scores", "folds": True})
