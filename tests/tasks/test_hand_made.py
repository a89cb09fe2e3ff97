"""Backbones that are formulas: what each promises, and their numbers computed again with plain loops."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from pydantic import ValidationError

from tasks.errors import InputError
from tasks.features import embedding
from tasks.features.backbones.colour_texture import ColourTexture
from tasks.features.backbones.hog import Hog
from tasks.features.backbones.sift_moments import SiftMoments
from tasks.features.embedding import about, embed, network_vectors, require_packages
from tasks.features.hand_made import HandMade
from tasks.registry import components

pytest.importorskip("skimage", reason="needs the extra handmade")
EVERY = [one(image_size=64) for one in components("tasks.features.backbones").values() if issubclass(one, HandMade)]
every = pytest.mark.parametrize("backbone", EVERY, ids=lambda one: one.name)


def noise(size: int = 64, seed: int = 0) -> np.ndarray:
    """Coloured noise of several scales."""
    generator = np.random.default_rng(seed)
    small = Image.fromarray(generator.integers(0, 256, (size // 8, size // 8, 3), dtype=np.uint8))
    large = np.asarray(small.resize((size, size), Image.Resampling.BICUBIC), dtype=np.int64)
    return np.clip(large + generator.integers(-20, 21, large.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    files = []
    for number in range(11):
        files.append(tmp_path / f"{number:02}.png")
        image = Image.fromarray(noise(48 + number, number))
        image.convert(("RGB", "L", "RGBA", "P", "1")[number % 5]).save(files[-1])
    return files


def test_there_are_three():
    assert [one.name for one in EVERY] == ["colour_texture", "hog", "sift_moments"]


@every
def test_as_many_finite_features_as_it_says_for_any_image(backbone):
    black, white = np.zeros((64, 64, 3), dtype=np.uint8), np.full((64, 64, 3), 255, dtype=np.uint8)
    for pixels in (noise(), black, white):
        made = backbone.describe(pixels)
        assert made.shape == (backbone.dimensions,)
        assert np.isfinite(made).all()
    assert backbone.describe(noise()).any()


@every
def test_what_is_embedded_is_the_formula_of_the_pixels(backbone):
    images = [Image.fromarray(noise(seed=seed)) for seed in range(1)]
    vectors = network_vectors(backbone, images)
    assert vectors.dtype == np.float32
    assert_array_equal(vectors[0], backbone.describe(noise()).astype(np.float32))


@every
def test_the_same_bits_whatever_the_workers_and_neighbours(backbone, paths):
    vectors = embed(paths, backbone, 16, workers=1)
    assert_array_equal(embed(paths, backbone, 16, workers=2), vectors)
    order = np.random.default_rng(1).permutation(len(paths))
    assert_array_equal(embed([paths[row] for row in order], backbone, 16, workers=1), vectors[order])
    assert len(np.unique(vectors, axis=0)) == len(paths)


@every
def test_its_making_is_told_like_that_of_a_network(backbone):
    told = about(backbone)
    assert told["dimensions"] == backbone.dimensions
    assert told["preprocessing"]["image_size"] == 64
    assert told["preprocessing"]["mean"] == [0.0, 0.0, 0.0]
    assert set(backbone.packages) <= set(told["versions"])
    assert backbone.module() is None
    assert backbone.imagenet_classifier() is None


@every
def test_it_takes_no_precision_or_batch_of_its_own(backbone):
    with pytest.raises(ValidationError):
        type(backbone)(precision="bfloat16")
    with pytest.raises(ValidationError):
        type(backbone)(batch_size=16)


def test_without_the_package_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.feature", None)
    with pytest.raises(InputError, match=r"needs the extra `handmade` .*'equipoise\[handmade\]'"):
        Hog(image_size=64).describe(noise())


def test_a_backbone_whose_package_is_missing_is_refused_before_the_first_image(monkeypatch):
    require_packages(Hog())
    monkeypatch.setattr(Hog, "packages", ("no-such-package",))
    with pytest.raises(InputError, match="backbone 'hog' needs the package no-such-package"):
        require_packages(Hog())
    assert embedding.packages_of(Hog())[-1] == "no-such-package"


def stripes(turned: bool) -> np.ndarray:
    """Bright and dark stripes of four pixels, upright or lying."""
    wave = np.tile(np.repeat([40, 200], 4), 8).astype(np.uint8)
    grey = np.tile(wave, (64, 1))
    return np.repeat((grey.T if turned else grey)[:, :, None], 3, axis=2)


def test_hog_tells_which_way_edges_run():
    made = {turned: Hog(image_size=64, cells=4).describe(stripes(turned)).reshape(-1, 9).sum(0) for turned in (0, 1)}
    assert made[0].argmax() == 0  # gradients along the rows: upright edges
    assert made[1].argmax() == 4  # a quarter turn on
    assert made[0].max() > 0.8 * made[0].sum()


def test_hog_of_one_block_is_a_histogram_of_gradients_by_direction():
    """One block of four cells: votes of the strongest channel's gradient, then L2, clipped at .2, and L2 again."""
    pixels = noise(32)
    values = pixels.astype(float)
    down, right = np.zeros_like(values), np.zeros_like(values)
    down[1:-1], right[:, 1:-1] = values[2:] - values[:-2], values[:, 2:] - values[:, :-2]
    votes = np.zeros((2, 2, 4))
    for y in range(32):
        for x in range(32):
            size = np.hypot(down[y, x], right[y, x])
            channel = size.argmax()
            angle = math.degrees(math.atan2(down[y, x, channel], right[y, x, channel])) % 180
            votes[y // 16, x // 16, min(int(angle // 45), 3)] += size[channel]
    block = votes.ravel() / 16**2
    block = np.minimum(block / math.sqrt((block**2).sum() + 1e-10), 0.2)
    block /= math.sqrt((block**2).sum() + 1e-10)
    assert_allclose(Hog(image_size=32, cells=2, orientations=4).describe(pixels), block, atol=1e-4)


@pytest.mark.parametrize(("size", "cells", "instead"), [(100, 8, 96), (130, 8, 128), (64, 6, 66)])
def test_cells_that_do_not_fit_are_refused(size, cells, instead):
    with pytest.raises(ValidationError, match=f"choose a multiple of {cells}, such as {instead}"):
        Hog(image_size=size, cells=cells)
    assert Hog(image_size=instead, cells=cells).dimensions == (cells - 1) ** 2 * 36


def test_sift_moments_are_mean_and_deviation_of_square_roots_by_place():
    pixels = noise(128)
    made = SiftMoments().describe(pixels).reshape(5, 257)
    points, descriptors = cv2.SIFT.create(nfeatures=500).detectAndCompute(
        cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), None
    )
    assert len(points) > 20
    for place in range(5):
        chosen = []
        for point, descriptor in zip(points, descriptors, strict=True):
            x, y = point.pt
            if place == 0 or place == 1 + (x >= 64) + 2 * (y >= 64):
                chosen.append([math.sqrt(value / descriptor.astype(float).sum()) for value in descriptor])
        assert_allclose(made[place, :128], np.mean(chosen, axis=0), atol=1e-6)
        assert_allclose(made[place, 128:256], np.std(chosen, axis=0), atol=1e-6)
        assert math.isclose(made[place, 256], math.log(1 + len(chosen)))


def test_sift_moments_of_an_image_without_points_are_zeros():
    assert not SiftMoments(image_size=64).describe(np.full((64, 64, 3), 90, dtype=np.uint8)).any()


def test_sift_moments_of_the_whole_image_turn_with_it():
    pixels = noise(128)
    plain, turned = (SiftMoments().describe(each)[:256] for each in (pixels, np.ascontiguousarray(np.rot90(pixels))))
    assert np.corrcoef(plain, turned)[0, 1] > 0.99


def test_colour_histograms_are_shares_of_pixels():
    pixels = np.zeros((64, 64, 3), dtype=np.uint8)
    pixels[:16] = (255, 0, 0)
    pixels[16:32] = (0, 255, 0)
    pixels[32:48] = (255, 255, 255)
    made = ColourTexture(image_size=64).describe(pixels)
    hues, saturations, values = made[:16], made[16:24], made[24:32]
    assert_allclose(hues[[0, 5]], 0.25)  # red, and green a third of the way round; grey has no hue
    assert_allclose(hues.sum(), 0.5)
    assert_allclose(saturations[[0, 7]], [0.5, 0.5])
    assert_allclose(values[[0, 7]], [0.25, 0.75])


def test_colour_moments_are_mean_deviation_and_cube_root_of_the_third():
    pixels = noise()
    expected = []
    for power in (1, 2, 3):
        for channel in range(3):
            values = [value / 255 for value in pixels[:, :, channel].ravel().tolist()]
            mean = math.fsum(values) / len(values)
            moment = math.fsum((value - mean) ** power for value in values) / len(values)
            expected.append(mean if power == 1 else math.copysign(abs(moment) ** (1 / power), moment))
    assert_allclose(ColourTexture(image_size=64).describe(pixels)[32:41], expected, atol=1e-9)


def test_local_binary_patterns_count_brighter_neighbours():
    """A bright dot on black: no neighbour of the dot is as bright, all of the rest's plain surroundings are."""
    pixels = np.zeros((64, 64, 3), dtype=np.uint8)
    pixels[32, 32] = 255
    made = ColourTexture(image_size=64).describe(pixels)[41:95]
    assert_allclose([made[:10].sum(), made[10:28].sum(), made[28:].sum()], 1)
    assert made[0] == 1 / 64**2
    assert made[8] > 0.99


def test_grey_level_pairs_are_those_of_a_plain_loop():
    pixels = noise()
    levels = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) // 8
    contrasts = []
    for down, right in ((0, 1), (1, 1), (1, 0), (1, -1)):
        differences = []
        for y in range(64):
            for x in range(64):
                if 0 <= y + down < 64 and 0 <= x + right < 64:
                    differences.append((int(levels[y, x]) - int(levels[y + down, x + right])) ** 2)
        contrasts.append(sum(differences) / len(differences))
    made = ColourTexture(image_size=64).describe(pixels)[95:]
    assert math.isclose(made[0], sum(contrasts) / 4, rel_tol=1e-9)
    assert math.isclose(made[18], max(contrasts) - min(contrasts), rel_tol=1e-9)
