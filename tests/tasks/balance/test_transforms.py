"""What every transform owes an image, at any strength, and what each of them is."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tasks.balance.own_steps import elastic_grid, grid_stretch, mean_cutout, perspective_view
from tasks.balance.pipeline import Changed, change
from tasks.balance.steps import specify
from tasks.balance.transforms import Transform
from tasks.balance.transforms.brightness import Brightness
from tasks.balance.transforms.contrast import Contrast
from tasks.balance.transforms.cutout import Cutout
from tasks.balance.transforms.gaussian_noise import GaussianNoise
from tasks.balance.transforms.horizontal_flip import HorizontalFlip
from tasks.balance.transforms.hue import Hue
from tasks.balance.transforms.jpeg_compression import JpegCompression
from tasks.balance.transforms.quarter_turns import QuarterTurns
from tasks.balance.transforms.random_crop import RandomCrop
from tasks.balance.transforms.random_erasing import RandomErasing
from tasks.balance.transforms.rotation import Rotation
from tasks.balance.transforms.salt_and_pepper import SaltAndPepper
from tasks.balance.transforms.saturation import Saturation
from tasks.balance.transforms.scaling import Scaling
from tasks.balance.transforms.translation import Translation
from tasks.balance.transforms.vertical_flip import VerticalFlip
from tasks.registry import components

TRANSFORMS = components("tasks.balance.transforms")
WITHOUT_MAGNITUDE = {"horizontal_flip", "vertical_flip", "quarter_turns"}
GEOMETRIC = {
    *WITHOUT_MAGNITUDE,
    *("affine", "elastic", "grid_distortion", "perspective", "random_crop", "rotation", "scaling", "translation"),
}
FILLING = {"random_erasing", "salt_and_pepper"}  # whose values come from nowhere
SIZES = ((30, 40), (1, 1), (10, 4000), (4000, 10), (500, 2), (7, 7))  # height, width


def apply(transform: Transform, image: np.ndarray, seed: int = 0, strength: float = 1.0) -> np.ndarray:
    return whole(transform, image, None, seed, strength).colours


def whole(
    transform: Transform, image: np.ndarray, alpha: np.ndarray | None = None, seed: int = 0, strength: float = 1.0
) -> Changed:
    return change(specify([transform.step(strength)]), image, alpha, seed, "a picture")


def scene(height: int = 64, width: int = 64, channels: int = 3, kind: str = "uint8") -> np.ndarray:
    """A slope with a coloured patch in it."""
    y, x = np.mgrid[:height, :width]
    image = np.stack([60 + 100 * x / width, 180 - 80 * y / height, 90 + 60 * (x + y) / (width + height)], axis=2)
    image[height // 4 : height // 2, width // 3 : width // 2] = [190, 70, 60]
    image = image[..., :channels]
    return image.astype(np.uint8) if kind == "uint8" else (image / 255).astype(np.float32)


@pytest.mark.parametrize("name", TRANSFORMS)
class TestEveryTransform:
    """The contract."""

    def test_its_magnitudes_are_bounded_and_told_with_their_unit(self, name: str) -> None:
        magnitudes = set(TRANSFORMS[name].model_fields) - {"name", "p"}
        assert bool(magnitudes) == (name not in WITHOUT_MAGNITUDE)
        for field in magnitudes:
            schema = TRANSFORMS[name].model_json_schema()["properties"][field]
            assert {"minimum", "maximum"} <= set(schema)
            assert len(schema["description"]) > 10

    def test_its_step_is_plain_json_and_keeps_the_probability(self, name: str) -> None:
        for strength in (0.01, 1, 3):
            step = TRANSFORMS[name](p=0.25).step(strength, "because")
            assert json.loads(json.dumps(step.parameters)) == step.parameters
            assert step.parameters["p"] == 0.25
            assert step.why == "because"

    @pytest.mark.parametrize("strength", [0.01, 1, 3])
    @pytest.mark.parametrize("bound", ["minimum", "maximum"])
    def test_works_at_its_bounds_at_any_strength(self, name: str, bound: str, strength: float) -> None:
        fields = TRANSFORMS[name].model_json_schema()["properties"]
        del fields["name"]
        transform = TRANSFORMS[name](**{field: fields[field][bound] for field in fields} | {"p": 1})
        for kind in ("uint8", "float32"):
            changed = apply(transform, scene(kind=kind), 1, strength)
            assert np.isfinite(changed).all()
            assert len(np.unique(changed)) > 5  # it still shows something
            if bound == "minimum" and name not in (*WITHOUT_MAGNITUDE, "jpeg_compression"):
                assert np.abs(changed.astype(float) - scene(kind=kind)).mean() < (1 if kind == "uint8" else 1 / 255)

    @pytest.mark.parametrize("size", SIZES)
    def test_keeps_size_type_and_channels(self, name: str, size: tuple[int, int]) -> None:
        rng = np.random.default_rng(0)
        for channels in (1, 3):
            for kind in ("uint8", "float32"):
                image = rng.integers(0, 256, (*size, channels)).astype(np.uint8)
                image = image if kind == "uint8" else (image / 255).astype(np.float32)
                alpha = rng.integers(0, 256, size).astype(np.uint8)
                given = image.copy(), alpha.copy()
                for seed in range(3):
                    changed = whole(TRANSFORMS[name](p=1), image, alpha, seed)
                    assert (changed.colours.shape, changed.colours.dtype) == (image.shape, image.dtype)
                    assert (changed.alpha.shape, changed.alpha.dtype) == (alpha.shape, alpha.dtype)
                    assert 0 <= changed.colours.min() <= changed.colours.max() <= (255 if kind == "uint8" else 1)
                np.testing.assert_array_equal(image, given[0])  # the parent is as it was
                np.testing.assert_array_equal(alpha, given[1])

    def test_hangs_on_its_seed_alone(self, name: str) -> None:
        transform = TRANSFORMS[name]()
        first = [apply(transform, scene(), seed).tobytes() for seed in range(12)]
        again = [apply(transform, scene(), seed).tobytes() for seed in reversed(range(12))]
        assert first == again[::-1]
        assert len(set(first)) > 1  # that it may not happen is one

    def test_transparency_moves_with_the_image_and_only_then(self, name: str) -> None:
        alpha = np.zeros((64, 64), dtype=np.uint8)
        alpha[10:30, 5:40] = 255
        moved = {whole(TRANSFORMS[name](p=1), scene(), alpha, seed).alpha.tobytes() for seed in range(8)}
        assert (moved != {alpha.tobytes()}) == (name in GEOMETRIC)

    def test_does_hardly_anything_at_a_hundredth_and_more_at_a_higher_strength(self, name: str) -> None:
        def mean_change(strength: float) -> float:
            images = [apply(TRANSFORMS[name](p=1), scene(), seed, strength) for seed in range(20)]
            return float(np.mean([np.abs(image.astype(float) - scene()).mean() for image in images]))

        weak, half, usual, strong = (mean_change(strength) for strength in (0.01, 0.5, 1, 3))
        if name in WITHOUT_MAGNITUDE:
            assert weak == half == usual == strong
        else:
            assert weak < 1  # grey levels: what rounding makes
            assert weak < half < usual < strong

    def test_happens_with_its_probability(self, name: str) -> None:
        applied = sum(bool(whole(TRANSFORMS[name](p=0.3), scene(16, 16), None, seed).applied) for seed in range(300))
        assert 60 < applied < 120  # four standard deviations


@pytest.mark.parametrize("name", sorted(set(TRANSFORMS) - FILLING))
def test_leaves_no_black_corner(name: str) -> None:
    for seed in range(30):
        changed = apply(TRANSFORMS[name](p=1), np.full((50, 40, 3), 180, dtype=np.uint8), seed)
        assert changed.min() > 120
        assert name not in GEOMETRIC or (changed == 180).all()


def test_a_flip_is_the_mirror_image() -> None:
    np.testing.assert_array_equal(apply(HorizontalFlip(p=1), scene()), scene()[:, ::-1])
    np.testing.assert_array_equal(apply(VerticalFlip(p=1), scene()), scene()[::-1])


def test_quarter_turns_are_all_four_and_leave_images_that_are_not_square() -> None:
    turns = {np.rot90(scene(), times).tobytes() for times in range(4)}
    assert {apply(QuarterTurns(p=1), scene(), seed).tobytes() for seed in range(40)} == turns
    np.testing.assert_array_equal(apply(QuarterTurns(p=1), scene(20, 30)), scene(20, 30))


def test_a_translation_moves_whole_pixels_and_reflects_the_rest() -> None:
    image = np.arange(40 * 50, dtype=np.float32).reshape(40, 50, 1) / 2000
    padded = np.pad(image, ((4, 4), (5, 5), (0, 0)), mode="reflect")
    shifts = {padded[4 + y : 44 + y, 5 + x : 55 + x].tobytes() for y in range(-4, 5) for x in range(-5, 6)}
    new = {apply(Translation(share=0.1, p=1), image, seed).tobytes() for seed in range(60)}
    assert new <= shifts
    assert len(new) > 20


def test_a_rotation_turns_by_no_more_than_its_degrees() -> None:
    """The angle of a bright bar, measured by its moments."""
    image = np.zeros((101, 101, 1), dtype=np.uint8)
    image[48:53, 20:81] = 200
    angles = []
    for seed in range(60):
        moments = cv2.moments(apply(Rotation(degrees=20, p=1), image, seed))
        angles.append(np.degrees(0.5 * np.arctan2(2 * moments["mu11"], moments["mu20"] - moments["mu02"])))
    assert max(np.abs(angles)) <= 20.5
    assert min(angles) < -12
    assert max(angles) > 12


def test_scaling_keeps_the_middle_and_the_proportions() -> None:
    image = np.zeros((101, 101, 1), dtype=np.uint8)
    image[40:61, 30:71] = 200  # 21 x 41
    sizes = []
    for seed in range(40):
        rows, columns = np.nonzero(apply(Scaling(shrink=0.3, enlarge=0.5, p=1), image, seed)[..., 0] > 100)
        assert abs(rows.mean() - 50) < 1
        assert abs(columns.mean() - 50) < 1
        sizes.append((np.ptp(rows) + 1, np.ptp(columns) + 1))
    ratios = np.array([height / 21 for height, _ in sizes])
    np.testing.assert_allclose([width / 41 for _, width in sizes], ratios, atol=0.08)
    assert 0.65 < ratios.min() < 0.8
    assert 1.3 < ratios.max() < 1.55


def test_a_crop_loses_no_more_than_its_share_and_shows_nothing_new() -> None:
    ramp = np.tile(np.linspace(0, 1, 200, dtype=np.float32), (100, 1))[..., np.newaxis]
    widths = [np.ptp(apply(RandomCrop(share=0.4, p=1), ramp, seed)) for seed in range(60)]
    assert 0.58 < min(widths) < 0.75
    assert max(widths) > 0.85


@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_brightness_multiplies_and_contrast_moves_from_the_mean(kind: str) -> None:
    image = scene(channels=1, kind=kind).astype(np.float64)
    unit = 1 if kind == "uint8" else 1 / 255
    for seed in range(10):
        brighter = apply(Brightness(share=0.2, p=1), scene(channels=1, kind=kind), seed).astype(np.float64)
        factor = brighter.mean() / image.mean()
        assert 0.79 < factor < 1.21
        np.testing.assert_allclose(brighter, image * factor, atol=1.5 * unit)
        sharper = apply(Contrast(share=0.2, p=1), scene(channels=1, kind=kind), seed).astype(np.float64)
        assert abs(sharper.mean() - image.mean()) < unit
        factor = sharper.std() / image.std()
        assert 0.79 < factor < 1.21
        np.testing.assert_allclose(sharper, image.mean() + (image - image.mean()) * factor, atol=1.5 * unit)


@pytest.mark.parametrize("transform", [Hue(p=1), Saturation(p=1)], ids=["hue", "saturation"])
def test_colour_changes_keep_grey_images_and_grey_pixels(transform: Transform) -> None:
    grey = scene(channels=1)
    np.testing.assert_array_equal(apply(transform, grey), grey)
    painted = np.repeat(grey, 3, axis=2)
    np.testing.assert_allclose(apply(transform, painted).astype(int), painted, atol=1)
    assert (apply(transform, scene()) != scene()).any()


def test_a_hue_turns_by_no_more_than_its_degrees() -> None:
    red = np.zeros((4, 4, 3), dtype=np.float32)
    red[..., 0] = 0.8
    for seed in range(40):
        turned = cv2.cvtColor(apply(Hue(degrees=30, p=1), red, seed), cv2.COLOR_RGB2HSV)[0, 0, 0]
        assert min(turned, 360 - turned) <= 30.5


@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_noise_has_the_deviation_that_it_names(kind: str) -> None:
    image = np.full((80, 80, 1), 128, dtype=np.uint8)
    image = image if kind == "uint8" else (image / 255).astype(np.float32)
    deviations = [apply(GaussianNoise(levels=20, p=1), image, seed).std() for seed in range(40)]
    unit = 1 if kind == "uint8" else 1 / 255
    assert 3.5 * unit < min(deviations) < 8 * unit
    assert 16 * unit < max(deviations) < 21 * unit


def test_salt_and_pepper_hits_the_share_that_it_names() -> None:
    image = np.full((100, 100, 3), 128, dtype=np.uint8)
    for seed in range(20):
        noisy = apply(SaltAndPepper(share=0.05, p=1), image, seed)
        salt, pepper = (noisy == 255).all(axis=2).mean(), (noisy == 0).all(axis=2).mean()
        assert 0.0095 < salt + pepper < 0.0505
        assert 0.35 < salt / (salt + pepper) < 0.65
        assert (noisy == 128).all(axis=2).mean() == pytest.approx(1 - salt - pepper)


def test_random_erasing_fills_one_rectangle_of_its_area_with_random_values() -> None:
    areas = []
    for seed in range(40):
        changed = (apply(RandomErasing(smallest=0.05, largest=0.3, p=1), scene(100, 80), seed) != scene(100, 80)).any(2)
        rows, columns = np.nonzero(changed)
        box = changed[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert box.mean() > 0.98  # now and then a random value is the old one
        areas.append(box.size / changed.size)
    assert 0.04 < min(areas) < 0.1
    assert 0.2 < max(areas) < 0.31


def test_random_erasing_refuses_areas_in_the_wrong_order() -> None:
    with pytest.raises(ValueError, match=r"smallest: 0\.5 is more than largest: 0\.1"):
        RandomErasing(smallest=0.5, largest=0.1)


@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_cutout_fills_one_square_with_the_mean_colour(kind: str) -> None:
    image = scene(60, 90, kind=kind)
    places = set()
    for seed in range(20):
        changed = apply(Cutout(side=0.5, p=1), image, seed)
        rows, columns = np.nonzero((changed != image).any(axis=2))
        top, left = rows.min(), columns.min()
        assert np.ptp(rows) + 1 <= 30
        assert np.ptp(columns) + 1 <= 30
        unit = 1 if kind == "uint8" else 1 / 255
        np.testing.assert_allclose(changed[top + 1, left + 1], image.mean(axis=(0, 1)), atol=0.51 * unit)
        places.add((top, left))
    assert len(places) > 10


def test_jpeg_compression_leaves_images_of_more_than_8_bits() -> None:
    deep = np.linspace(0, 1, 4096, dtype=np.float32).reshape(64, 64, 1)
    np.testing.assert_array_equal(apply(JpegCompression(p=1), deep), deep)
    assert (apply(JpegCompression(p=1), scene()) != scene()).any()


def ramps(height: int, width: int) -> np.ndarray:
    """An image whose two channels are its own coordinates, and a third of zeros."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([x, y, 0 * x], axis=2)


def test_a_grid_distortion_is_piecewise_linear_and_keeps_the_borders() -> None:
    for seed in range(5):
        warped, _ = grid_stretch(ramps(61, 81), None, np.random.default_rng(seed), share=0.5, cells=4)
        columns, rows = warped[0, :, 0], warped[:, 0, 1]
        np.testing.assert_allclose(columns[[0, -1]], [0, 80], atol=0.02)
        np.testing.assert_allclose(rows[[0, -1]], [0, 60], atol=0.02)
        widths = np.diff(columns[::20])  # lines of the grid stand at every 20th column
        assert (widths > 20 / 3 - 0.1).all()
        for start in range(0, 80, 20):
            np.testing.assert_allclose(np.diff(columns[start : start + 21], n=2), 0, atol=0.07)  # remap's 1/32 pixel
        assert np.ptp(widths) > 1


def test_a_grid_distortion_of_no_share_changes_nothing() -> None:
    """That of albumentations 2.0.8 doubles a row and a column at every line of the grid."""
    warped, _ = grid_stretch(ramps(60, 60), None, np.random.default_rng(0), share=0, cells=5)
    np.testing.assert_allclose(warped, ramps(60, 60), atol=0.02)


def test_a_perspective_loses_as_much_on_each_side_and_shows_nothing_outside() -> None:
    """That of albumentations 2.0.8 loses more than twice as much on the right and below."""
    lost = []
    for seed in range(200):
        seen, _ = perspective_view(ramps(80, 100), None, np.random.default_rng(seed), share=0.2)
        corners = seen[[0, 0, -1, -1], [0, -1, 0, -1], :2] / [99, 79]
        inwards = np.abs(corners - [[0, 0], [1, 0], [0, 1], [1, 1]])
        assert inwards.max() < 0.201
        lost.append(inwards)
    np.testing.assert_allclose(np.mean(lost, axis=0), 0.1, atol=0.015)


def test_an_elastic_deformation_is_smooth_and_as_large_as_it_says() -> None:
    reaches = []
    for seed in range(60):
        bent, _ = elastic_grid(ramps(100, 140), None, np.random.default_rng(seed), displacement=0.03, points=4)
        offsets = (bent - ramps(100, 140))[20:-20, 20:-20, :2]
        assert np.abs(np.diff(offsets, axis=1)).max() < 0.8  # a pixel's neighbours stay its neighbours
        reaches.append(offsets.std())
    assert 1.5 < np.mean(reaches) < 3.5  # 3 pixels at the points of the grid, less in between


def test_a_cutout_is_at_least_a_pixel() -> None:
    changed, _ = mean_cutout(scene(5, 5), None, np.random.default_rng(0), side=0.01)
    assert (changed != scene(5, 5)).any(axis=2).sum() == 1


@pytest.mark.parametrize("name", TRANSFORMS)
def test_the_docs_tell_its_parameters_with_their_defaults(name: str, repository: Path) -> None:
    lines = (repository / "docs" / "transforms.md").read_text(encoding="utf-8").splitlines()
    (row,) = [line for line in lines if line.startswith(f"| `{name}` |")]
    for field, parameter in TRANSFORMS[name].model_fields.items():
        assert field in ("name", "p") or f"`{field}` ({parameter.default})" in row
