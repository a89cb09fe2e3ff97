"""Preset of the user's own: transforms by name, albumentations' files, and how mistakes in either are told."""

import copy
import io
import json
import random
from pathlib import Path
from typing import Any

import albumentations
import numpy as np
import pytest
import yaml

from tasks.balance.pipeline import change
from tasks.balance.presets.custom import Custom
from tasks.balance.presets.industrial import Industrial
from tasks.balance.presets.listed import Listed
from tasks.balance.presets.photo import Photo
from tasks.balance.steps import Needs, Step, specify
from tasks.balance.transforms.horizontal_flip import HorizontalFlip
from tasks.balance.transforms.hue import Hue
from tasks.balance.transforms.rotation import Rotation
from tasks.errors import InputError
from tasks.params import load_params
from tasks.params.schema import params_schema

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
GREY = IMAGE[..., :1].copy()


def saved(pipeline: Any) -> dict[str, Any]:
    """What albumentations writes, read again."""
    text = io.StringIO()
    albumentations.save(pipeline, text, data_format="yaml")
    return yaml.safe_load(text.getvalue())


def composed(pipeline: Any, seed: int, **data: np.ndarray) -> dict[str, np.ndarray]:
    """What albumentations' own Compose makes of an image."""
    pipeline.set_random_state(np.random.default_rng(seed), random.Random(seed))
    return pipeline(**data)


def varied() -> Any:
    """A pipeline with steps inside steps."""
    return albumentations.Compose(
        [
            albumentations.HorizontalFlip(p=0.5),
            albumentations.OneOf([albumentations.GaussNoise(p=0.4), albumentations.Blur(p=0.6)], p=0.9),
            albumentations.SomeOf([albumentations.Affine(rotate=(-9, 9), p=1), albumentations.CLAHE(p=1)], n=1, p=0.8),
            albumentations.Sequential([albumentations.VerticalFlip(p=0.5), albumentations.RandomGamma(p=0.5)], p=0.7),
            albumentations.ElasticTransform(border_mode=4, p=0.3),
        ]
    )


class TestPipeline:
    """Applying a specification."""

    def test_makes_what_albumentations_makes_of_the_same_file_and_chance(self) -> None:
        own, theirs = Custom(pipeline=saved(varied())).specification(), varied()
        for seed in range(30):
            alpha = IMAGE[..., 0].copy()
            expected = composed(theirs, seed, image=IMAGE, mask=alpha)
            changed = change(own, IMAGE, alpha, seed, "a picture")
            np.testing.assert_array_equal(changed.colours, expected["image"])
            np.testing.assert_array_equal(changed.alpha, expected["mask"])

    @pytest.mark.parametrize("preset", [Photo(), Industrial()], ids=lambda one: one.name)
    def test_makes_what_albumentations_makes_of_a_preset(self, preset: Photo | Industrial) -> None:
        steps = [getattr(albumentations, step.name)(**step.parameters) for step in preset.steps()]
        for seed in range(10):
            expected = composed(albumentations.Compose(steps), seed, image=IMAGE)["image"]
            np.testing.assert_array_equal(
                change(preset.specification(), IMAGE, None, seed, "a picture").colours, expected
            )

    def test_scales_a_result_of_another_size_back(self) -> None:
        crop = Custom(pipeline=saved(albumentations.CenterCrop(20, 30, p=1)))
        alpha = np.zeros((40, 50), dtype=np.uint8)
        alpha[10:30, 10:40] = 255  # what is cropped
        changed = change(crop.specification(), IMAGE, alpha, 0, "a picture")
        assert changed.colours.shape == IMAGE.shape
        assert (changed.alpha == 255).all()
        bare = change(crop.specification(), GREY, None, 0, "a picture")
        assert bare.colours.shape == GREY.shape

    def test_names_all_steps_that_happened(self) -> None:
        inside = albumentations.OneOf([albumentations.GaussNoise(p=1)], p=1)
        pipeline = Custom(pipeline=saved(albumentations.Compose([albumentations.VerticalFlip(p=0), inside])))
        assert change(pipeline.specification(), IMAGE, None, 0, "a picture").applied == ("GaussNoise",)

    def test_skips_steps_whose_needs_are_not_met(self) -> None:
        turned = Step("Transpose", {"p": 1}, "", Needs(square=True))
        small = Step("VerticalFlip", {"p": 1}, "", Needs(side=41))
        large = Step("VerticalFlip", {"p": 1}, "", Needs(longest=49))
        text = specify([turned, Hue(p=1).step(), small, large, HorizontalFlip(p=1).step()])
        changed = change(text, GREY, None, 0, "a picture")
        assert changed.applied == ("HorizontalFlip",)
        np.testing.assert_array_equal(changed.colours, GREY[:, ::-1])
        assert "VerticalFlip" in change(text, np.zeros((49, 49, 1), np.uint8), None, 0, "a picture").applied


class TestWrongPipelines:
    """What only albumentations can tell is told when the first image is made."""

    def told(self, *transforms: dict[str, Any], image: np.ndarray = IMAGE) -> str:
        whole = {"__class_fullname__": "Compose", "p": 1.0, "transforms": list(transforms)}
        with pytest.raises(InputError) as error:
            change(Custom(pipeline=whole).specification(), image, None, 0, "data/raw/a.png")
        return str(error.value)

    def test_an_unknown_class_is_named_with_the_one_that_was_meant(self) -> None:
        flip = {"__class_fullname__": "HorizontalFlip", "p": 1}
        said = self.told(flip, {"__class_fullname__": "GaussNoize", "p": 1})
        assert said.startswith("step 2 of the transforms, GaussNoize: albumentations 2.0.8 has no such transform")
        assert "did you mean 'GaussNoise'?" in said

    @pytest.mark.parametrize("name", ["os", "BaseCrop", "Compose3D", "save", "MeanCutouts"])
    def test_nothing_but_transforms_of_albumentations_is_made(self, name: str) -> None:
        assert "has no such transform" in self.told({"__class_fullname__": name, "p": 1})

    @pytest.mark.parametrize(
        ("parameters", "words"),
        [
            ({"sigma": [0, 1]}, "Argument(s) 'sigma' are not valid"),
            ({"std_range": [0.5, 7]}, "std_range"),
            ({"std_range": "strong"}, "std_range"),
            ({"p": 3}, "less than or equal to 1"),
        ],
    )
    def test_wrong_parameters_are_told_with_the_step(self, parameters: dict[str, Any], words: str) -> None:
        said = self.told({"__class_fullname__": "GaussNoise"} | parameters)
        assert said.startswith("step 1 of the transforms, GaussNoise: ")
        assert words in said

    def test_a_step_inside_another_is_told_with_both(self) -> None:
        inner = {"__class_fullname__": "Nothing", "p": 1}
        said = self.told({"__class_fullname__": "OneOf", "p": 1, "transforms": [inner]})
        assert "step 1 of the transforms, OneOf, in it Nothing: albumentations" in said

    def test_a_step_that_fails_on_an_image_is_told_with_the_image(self) -> None:
        said = self.told({"__class_fullname__": "RandomCrop", "height": 64, "width": 64, "p": 1})
        assert "step 1 of the transforms, RandomCrop: fails on data/raw/a.png (50 x 40 pixels): " in said

    @pytest.mark.parametrize(
        ("transform", "words"),
        [
            ({"__class_fullname__": "Normalize", "p": 1}, "float32 with 3 channels of an image of uint8"),
            ({"__class_fullname__": "ToGray", "num_output_channels": 1, "p": 1}, "uint8 with 1 channels"),
        ],
    )
    def test_what_is_no_image_of_the_parents_kind_is_refused(self, transform: dict[str, Any], words: str) -> None:
        said = self.told(transform)
        assert "step 1 of the transforms" in said
        assert words in said


WRITTEN = """\
    preset:
      name: custom
      pipeline:
        __version__: 2.0.8
        transform:
          __class_fullname__: Compose
          p: 1.0
          transforms:
          - __class_fullname__: HorizontalFlip
            p: 0.5
          - __class_fullname__: Affine
            p: 0.5
            rotate: [-4, 4]
"""
LISTED = """\
    preset:
      name: listed
      transforms:
        - {name: horizontal_flip}
        - {name: rotation, degrees: 4}
"""


@pytest.fixture
def written(repository: Path, tmp_path: Path) -> Any:
    """Write `params.yaml` with other transforms in `augmented_all`; gives its path."""

    def write(lines: str) -> Path:
        text = (repository / "params.yaml").read_text(encoding="utf-8")
        before, name, after = text.partition("  augmented_all:")
        path = tmp_path / "params.yaml"
        path.write_text(before + name + after.replace("    preset: {name: industrial}\n", lines, 1), encoding="utf-8")
        return path

    return write


def mistakes(path: Path) -> list[str]:
    with pytest.raises(InputError) as error:
        load_params(path)
    return str(error.value).splitlines()


def line(path: Path, text: str) -> int:
    """The number of the first line that holds this, below the recipe."""
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("  augmented_all:"))
    return next(number for number, line in enumerate(lines[start:], start=start + 1) if text in line)


class TestListed:
    """`preset: {name: listed}`."""

    def test_applies_the_transforms_in_their_order_with_one_strength(self, written: Any) -> None:
        recipe = load_params(written(LISTED + "      strength: 2.0\n")).recipes["augmented_all"]
        expected = specify([HorizontalFlip().step(), Rotation(degrees=4).step(2)])
        assert recipe.preset.specification() == expected
        turned = Listed(transforms=[Rotation(), HorizontalFlip()])
        assert [name for name, _ in json.loads(turned.specification())] == ["Affine", "HorizontalFlip"]

    @pytest.mark.parametrize(
        ("old", "new", "told"),
        [
            (
                "name: rotation",
                "name: rotaton",
                "1.name: 'rotaton' is unknown (did you mean 'rotation'?); valid are affine, ",
            ),
            ("degrees:", "angle:", "1.angle: unknown key; valid are name, p, degrees"),
            ("degrees: 4", "degrees: -4", "1.degrees: -4 should be at least 0 (0 to 180)"),
            ("degrees: 4", "degrees: 200", "1.degrees: 200 should be at most 180 (0 to 180)"),
            ("degrees: 4", "degrees: much", "1.degrees: 'much' should be a number (0 to 180)"),
            ("degrees: 4", "p: 1.5", "1.p: 1.5 should be at most 1 (0 to 1)"),
            ("{name: rotation, degrees: 4}", "rotation", "1: write 'rotation' as {name: rotation}"),
            ("{name: rotation, degrees: 4}", "{degrees: 4}", "1: its name is missing; write it as {name: ...}"),
        ],
    )
    def test_a_mistake_is_told_with_its_line(self, written: Any, old: str, new: str, told: str) -> None:
        path = written(LISTED.replace(old, new))
        (said,) = mistakes(path)
        assert said.startswith(f"params.yaml:{line(path, new)}: recipes.augmented_all.preset.transforms.")
        assert told in said

    def test_all_mistakes_are_told_at_once(self, written: Any) -> None:
        chosen = "[{name: blurr}, {name: blur, pixels: 99, q: 1}]"
        assert len(mistakes(written(f"    preset: {{name: listed, transforms: {chosen}}}\n"))) == 3

    def test_transforms_in_a_wrong_order_of_bounds_are_told(self, written: Any) -> None:
        chosen = "[{name: random_erasing, smallest: 0.5}]"
        (said,) = mistakes(written(f"    preset: {{name: listed, transforms: {chosen}}}\n"))
        assert said.endswith("preset.transforms.0: smallest: 0.5 is more than largest: 0.2")

    @pytest.mark.parametrize(("name", "key"), [("listed", "transforms: []"), ("custom", "pipeline: {}")])
    def test_an_empty_choice_is_refused_where_images_are_wanted(self, written: Any, name: str, key: str) -> None:
        (said,) = mistakes(written(f"    preset: {{name: {name}, {key}}}\n"))
        assert said.endswith(f"{name!r} changes nothing without {key.split(':')[0]}; write some below that key")

    def test_editors_know_the_transforms_and_their_parameters(self) -> None:
        rotation = params_schema()["$defs"]["Rotation"]
        assert rotation["properties"]["degrees"]["maximum"] == 180
        assert rotation["additionalProperties"] is False


class TestCustom:
    """`preset: {name: custom}`."""

    def test_takes_a_file_as_albumentations_writes_it_with_or_without_its_frame(self, written: Any) -> None:
        whole = load_params(written(WRITTEN)).recipes["augmented_all"].preset
        bare = Custom(pipeline=whole.pipeline["transform"])
        assert json.loads(whole.specification()) == [
            ["HorizontalFlip", {"p": 0.5}],
            ["Affine", {"p": 0.5, "rotate": [-4, 4]}],
        ]
        assert bare.specification() == whole.specification()

    def test_a_pipeline_that_does_not_always_happen_is_one_step(self) -> None:
        file = saved(albumentations.Compose([albumentations.VerticalFlip(p=1)], p=0.5))
        assert json.loads(Custom(pipeline=file).specification()) == [
            ["Sequential", {"p": 0.5, "transforms": [["VerticalFlip", {"p": 1}]]}]
        ]

    @pytest.mark.parametrize(
        ("old", "new", "told"),
        [
            ("fullname__: Affine", "fullname__: os.system", "'os.system' is no class of albumentations"),
            ("fullname__: Affine", "fullname__: Lambda", "Lambda calls a function that no file can hold"),
            ("fullname__: Affine", "name__: Affine", "the key __class_fullname__ is missing"),
            ("[-4, 4]", "[-4, .inf]", "should be a number, a text, true, false, null"),
            ("[-4, 4]", "2020-01-01", "should be a number, a text, true, false, null"),
            (
                "          p: 1.0",
                "          bbox_params: {format: coco}",
                "images have a class here, no boxes; leave it out",
            ),
            ("          p: 1.0", "          keypoint_params: {format: xy}", "no keypoints; leave it out"),
            ("          p: 1.0", "          additional_targets: {a: image}", "no further targets; leave it out"),
        ],
    )
    def test_a_mistake_of_form_is_told_with_its_line(self, written: Any, old: str, new: str, told: str) -> None:
        path = written(WRITTEN.replace(old, new))
        (said,) = mistakes(path)
        assert said.startswith(
            f"params.yaml:{line(path, new.strip())}: recipes.augmented_all.preset.pipeline.transform"
        )
        assert told in said

    @pytest.mark.parametrize("wrong", [{"transform": 3}, {"transform": {"__class_fullname__": "Compose"}}, {"a": 1}])
    def test_what_is_no_pipeline_is_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"albumentations\.save|holds no transforms"):
            Custom(pipeline=wrong)

    def test_a_strength_is_refused(self, written: Any) -> None:
        (said,) = mistakes(written(WRITTEN + "      strength: 2.0\n"))
        assert "augmented_all.preset.strength: means nothing for preset: {name: custom}" in said

    def test_a_saved_lambda_is_refused(self) -> None:
        file = saved(varied())
        wrong = copy.deepcopy(file)
        wrong["transform"]["transforms"].append({"__class_fullname__": "Lambda", "__name__": "mine", "p": 1})
        Custom(pipeline=file)
        with pytest.raises(ValueError, match="Lambda calls a function"):
            Custom(pipeline=wrong)


def test_every_transform_that_albumentations_can_save_is_taken_back_and_draws_from_the_stream_only() -> None:
    """Those that need no arguments, as they are by default, through their file, twice."""
    from albumentations.core.serialization import SERIALIZABLE_REGISTRY

    refusals, done = [], 0
    for name in SERIALIZABLE_REGISTRY:
        try:
            text = Custom(pipeline=saved(getattr(albumentations, name)(p=1))).specification()
        except Exception:  # it needs arguments, or is no transform by itself
            continue
        try:
            once, again = (change(text, IMAGE, None, 5, "a picture").colours for _ in range(2))
        except InputError as error:
            refusals.append(str(error))
        else:
            np.testing.assert_array_equal(once, again)
            done += 1
    assert done > 75
    # Boxes or the like are missing, or the result is no image: nothing is wrong with the file itself.
    assert not [said for said in refusals if "fails on a picture" not in said and "leave it out" not in said]
