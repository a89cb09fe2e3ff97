"""Combinations that can't work are refused when the parameters are read, with the reason and what to use instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from fit_tasks import variants
from ruamel.yaml import YAML

from tasks import registry
from tasks.errors import InputError
from tasks.params import load_params
from tasks.params.models import Strategy
from tasks.train.families import Family
from tasks.train.families.head import Head
from tasks.train.interpolating import Interpolating

PACKAGES = Strategy.packages()
PIXEL_MIXINGS = [part.part_name() for part in variants("tasks.train.mixing") if part.inputs == "images"]
MIXINGS = [part.part_name() for part in variants("tasks.train.mixing") if part.not_on_mixed_rows]
MAKERS = [part.part_name() for part in variants("tasks.train.samplers") if isinstance(part, Interpolating)]


def mistakes(tmp_path: Path, repository: Path, **changes: Any) -> list[str]:
    """What is told of the project's parameters with the values at `section__name__key` changed."""
    yaml = YAML(typ="safe", pure=True)
    params = yaml.load((repository / "params.yaml").read_text(encoding="utf-8"))
    for place, value in changes.items():
        section, name, key = place.split("__")
        params[section][name][key] = value
    yaml.dump(params, tmp_path / "params.yaml")
    try:
        load_params(tmp_path / "params.yaml")
    except InputError as error:
        return str(error).splitlines()
    return []


def test_the_parts_that_this_page_is_about_are_there():
    assert PIXEL_MIXINGS == ["cmo", "cutmix"]
    assert MIXINGS == ["cmo", "cutmix", "mixup", "remix"]
    assert MAKERS == ["adasyn", "borderline_smote", "smote"]


@pytest.mark.parametrize("sampler", MAKERS)
@pytest.mark.parametrize("key", ["resample", "augment", "mix"])
def test_smote_between_pixels_is_refused_with_the_reason_and_the_place_to_ask_for_it(
    tmp_path, repository, sampler, key
):
    (told,) = mistakes(tmp_path, repository, **{f"recipes__oversampled__{key}": sampler})
    assert f"recipes.oversampled.{key}: '{sampler}' makes rows between neighbouring feature vectors" in told
    assert "between the pixels of two pictures lies a blend that is neither" in told
    assert told.endswith(f"Write sampler: {sampler} in a strategy on features (family: head) instead")


def test_other_wrong_names_in_a_recipe_are_told_as_before(tmp_path, repository):
    (told,) = mistakes(tmp_path, repository, recipes__oversampled__resample="smoot")
    assert "'smoot' is unknown" in told


@pytest.mark.parametrize("mixing", PIXEL_MIXINGS)
def test_cutting_regions_out_of_features_is_refused(tmp_path, repository, mixing):
    (told,) = mistakes(tmp_path, repository, strategies__plain__mixing=mixing)
    assert (
        f"strategies.plain.mixing: '{mixing}' cuts regions out of images, but family 'head' works on features" in told
    )
    assert f"choose a recipe with mix: {mixing}, which stores such images, or mixing: mixup" in told


class OnImages(Head):
    """A family that is fitted on pixels."""

    inputs: ClassVar[str] = "images"


@pytest.fixture
def family_on_images(monkeypatch: pytest.MonkeyPatch) -> type[Family]:
    """The name `head` stands for a family on images."""
    monkeypatch.setitem(registry.parts("tasks.train.families"), "head", OnImages)
    return OnImages


@pytest.mark.parametrize("sampler", MAKERS)
def test_making_rows_between_features_needs_features(tmp_path, repository, family_on_images, sampler):
    (told,) = mistakes(tmp_path, repository, strategies__plain__sampler=sampler)
    assert (
        f"strategies.plain.sampler: '{sampler}' makes rows between feature vectors, but family 'head' works on" in told
    )
    assert "blend two pictures into one that is none" in told
    assert "sampler: class_balanced" in told


@pytest.mark.parametrize("mixing", PIXEL_MIXINGS)
def test_a_family_on_images_may_cut_them(tmp_path, repository, family_on_images, mixing):
    assert not mistakes(tmp_path, repository, strategies__plain__mixing=mixing)


@pytest.mark.parametrize(
    ("key", "name"), [*(("sampler", name) for name in MAKERS), ("mixing", "mixup"), ("mixing", "remix")]
)
def test_what_needs_rows_of_one_class_takes_no_recipe_with_mixed_ones(tmp_path, repository, key, name):
    mixed = {"recipes__natural__mix": "mixup", f"strategies__plain__{key}": name}
    (told,) = mistakes(tmp_path, repository, **mixed)
    assert f"strategies.plain.{key}: '{name}' m" in told
    assert "recipe 'natural' makes mixed rows; choose one with mix: none" in told
    assert not mistakes(tmp_path, repository, **{f"strategies__plain__{key}": name})


def test_no_two_parts_of_a_strategy_share_the_name_of_a_parameter():
    """They stand side by side in a strategy, and one value can't mean two things."""
    owners: dict[str, str] = {}
    for key, package in PACKAGES.items():
        for part in registry.parts(package).values():
            for field in part.model_fields:
                assert owners.setdefault(field, key) == key, field
                assert field not in Strategy.model_fields, field
