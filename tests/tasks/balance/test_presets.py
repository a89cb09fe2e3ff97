"""What every choice of transforms owes its parent: presets, listed techniques and a pipeline of the user's own."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from balance_pictures import MODES, SIZES, made_from, order_of, picture, pixels, saved
from PIL import Image

from tasks.balance.make import make
from tasks.balance.pipeline import change
from tasks.balance.presets import Preset
from tasks.balance.presets.custom import Custom
from tasks.balance.presets.document import Document
from tasks.balance.presets.industrial import Industrial
from tasks.balance.presets.listed import Listed
from tasks.balance.presets.medical import Medical
from tasks.balance.presets.photo import Photo
from tasks.balance.transforms.brightness import Brightness
from tasks.balance.transforms.elastic import Elastic
from tasks.balance.transforms.hue import Hue
from tasks.balance.transforms.quarter_turns import QuarterTurns
from tasks.images import open_image
from tasks.registry import components

PIPELINE = {
    "__version__": "2.0.8",
    "transform": {
        "__class_fullname__": "Compose",
        "p": 1.0,
        "transforms": [
            {"__class_fullname__": "HorizontalFlip", "p": 0.5},
            {"__class_fullname__": "Affine", "rotate": [-4, 4], "border_mode": 4, "p": 0.5},
            {
                "__class_fullname__": "OneOf",
                "p": 1.0,
                "transforms": [
                    {"__class_fullname__": "GaussNoise", "std_range": [0.005, 0.02], "p": 1.0},
                    {"__class_fullname__": "RandomBrightnessContrast", "brightness_limit": [-0.1, 0.1], "p": 1.0},
                ],
            },
        ],
        "bbox_params": None,
        "keypoint_params": None,
        "additional_targets": {},
        "is_check_shapes": True,
    },
}
PRESETS = [Document(), Industrial(), Medical(), Photo()]
CHOICES = [
    *PRESETS,
    Listed(transforms=[Brightness(share=0.1, p=1), QuarterTurns(), Elastic(p=1), Hue(p=1)]),
    Custom(pipeline=PIPELINE),
]


def test_these_are_all_there_are() -> None:
    names = {choice.name for choice in CHOICES}
    assert names | {"none"} == set(components("tasks.balance.presets"))


@pytest.mark.parametrize("preset", CHOICES, ids=lambda one: one.name)
class TestEveryChoice:
    """The contract."""

    def test_its_specification_is_plain_json_without_the_reasons(self, preset: Preset) -> None:
        steps = [[step.name, step.parameters] for step in preset.steps()]
        assert [entry[:2] for entry in json.loads(preset.specification())] == json.loads(json.dumps(steps))
        assert preset.digest() == hashlib.sha256(preset.specification().encode()).hexdigest()[:8]
        assert not any(step.why in preset.specification() for step in preset.steps())

    @pytest.mark.parametrize("mode", MODES)
    def test_keeps_mode_size_and_format(self, preset: Preset, mode: str, tmp_path: Path) -> None:
        parent = saved(mode, tmp_path)
        before = open_image(parent).image
        for image in made_from(parent, tmp_path / "new", preset):
            after = open_image(image.file).image
            assert (after.mode, after.size) == (before.mode, before.size)
            assert after.has_transparency_data == before.has_transparency_data
            assert image.file.suffix == parent.suffix

    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("mode", ["L", "RGBA", "I;16"])
    def test_survives_extreme_sizes(self, preset: Preset, mode: str, size: tuple[int, int], tmp_path: Path) -> None:
        parent = saved(mode, tmp_path, size)
        for image in made_from(parent, tmp_path / "new", preset):
            assert open_image(image.file).image.size == size

    def test_leaves_no_black_borders(self, preset: Preset, tmp_path: Path) -> None:
        parent = tmp_path / "bright.png"
        Image.new("L", (60, 40), 180).save(parent)
        for image in made_from(parent, tmp_path / "new", preset, copies=30):
            assert pixels(image.file).min() > 120

    def test_descendants_differ_from_parent_and_each_other(self, preset: Preset, tmp_path: Path) -> None:
        parent = saved("RGB", tmp_path)
        images = [pixels(image.file).tobytes() for image in made_from(parent, tmp_path / "new", preset, copies=20)]
        assert len({*images, pixels(parent).tobytes()}) == 21

    def test_workers_order_and_number_of_copies_change_no_byte(self, preset: Preset, tmp_path: Path) -> None:
        parents = []
        for number in range(5):
            path = tmp_path / f"{number}.png"
            picture("RGB", (30 + number, 20)).save(path)
            parents.append(path)
        runs = {
            "one": ([*parents], 40, 1),
            "two": ([*parents], 40, 2),  # 200 images: several chunks
            "turned": (parents[::-1], 40, 1),
            "few": (parents[2:], 3, 1),
        }
        for name, (chosen, copies, workers) in runs.items():
            orders = [order_of(path, tmp_path / name, copies) for path in chosen]
            files = [image.file for image in make(orders, preset.specification(), 0, workers)]
            assert [file.stem for file in files] == [copy.stem.name for order in orders for copy in order.copies]
        for name in ("two", "turned", "few"):
            for file in (tmp_path / name).iterdir():
                assert file.read_bytes() == (tmp_path / "one" / file.name).read_bytes()
        assert len(list((tmp_path / "two").iterdir())) == 200


@pytest.mark.parametrize("preset", PRESETS, ids=lambda one: one.name)
class TestEveryPreset:
    """What only presets owe: reasons, mildness and a strength."""

    def test_says_why_each_step_keeps_the_label(self, preset: Preset) -> None:
        assert all(len(step.why) > 20 for step in preset.steps())

    def test_stays_close_to_its_parent(self, preset: Preset, tmp_path: Path) -> None:
        """In some orientation each descendant looks much like the parent."""
        parent = saved("L", tmp_path, (80, 60))
        before = pixels(parent).astype(float)
        for image in made_from(parent, tmp_path / "new", preset, copies=20):
            after = pixels(image.file).astype(float)
            turned = (before, before[:, ::-1], before[::-1], before[::-1, ::-1])
            assert min(np.abs(after - other).mean() for other in turned) < 45

    def test_a_dark_image_keeps_its_content(self, preset: Preset, tmp_path: Path) -> None:
        parent = tmp_path / "dark.png"
        Image.fromarray(np.tile(np.arange(5, 25, dtype=np.uint8), (20, 1))).save(parent)
        for image in made_from(parent, tmp_path / "new", preset, copies=20):
            assert len(np.unique(pixels(image.file))) > 12

    def test_is_the_stronger_the_higher_its_strength(self, preset: Preset) -> None:
        """Flips aside, hardly anything at 0.01, and the mean change of an image grows."""
        image = np.asarray(picture("RGB", (64, 64)))
        turned = (image, image[:, ::-1], image[::-1], image[::-1, ::-1])

        def mean_change(strength: float) -> float:
            changed = type(preset)(strength=strength)
            new = [change(changed.specification(), image, None, seed, "a picture").colours for seed in range(24)]
            return float(np.mean([min(np.abs(one.astype(float) - other).mean() for other in turned) for one in new]))

        weak, usual, strong = (mean_change(strength) for strength in (0.01, 1, 3))
        assert weak < 2  # grey levels: what rounding makes, step by step
        assert weak < usual / 2
        assert usual < strong

    def test_probabilities_do_not_follow_the_strength(self, preset: Preset) -> None:
        usual, strong = preset.steps(), type(preset)(strength=3).steps()
        assert [(step.name, step.parameters["p"]) for step in usual] == [
            (step.name, step.parameters["p"]) for step in strong
        ]


@pytest.mark.parametrize("preset", [Document(), Medical()], ids=lambda one: one.name)
def test_writing_and_sides_of_the_body_are_never_mirrored(preset: Preset) -> None:
    image = np.zeros((64, 64, 1), dtype=np.uint8)
    image[8:28, 8:28] = 255  # in the upper left
    for seed in range(60):
        changed = change(type(preset)(strength=3).specification(), image, None, seed, "a picture").colours
        quarters = changed[:32, :32], changed[:32, 32:], changed[32:, :32], changed[32:, 32:]
        assert np.argmax([quarter.mean() for quarter in quarters]) == 0


@pytest.mark.parametrize(
    ("preset", "missing"),
    [(Photo(), {"VerticalFlip", "RandomRotate90"}), (Industrial(), {"RandomRotate90", "GaussianBlur"})],
    ids=["photo", "industrial"],
)
def test_presets_leave_out_what_their_docstring_says(preset: Preset, missing: set[str]) -> None:
    assert not missing & {step.name for step in preset.steps()}
