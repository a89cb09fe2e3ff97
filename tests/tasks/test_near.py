"""Near-duplicates: found among edits of photos, and among objects in several lights beside others of their kind."""

from __future__ import annotations

import io
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from tasks.features import Features
from tasks.fingerprints import TURNS, perceptual_hashes
from tasks.group.candidates import close_hashes, nearest
from tasks.group.likeness import SIDE, Likeness, picture, turned
from tasks.group.near import find_near
from tasks.params.models import Group

SIZE = 200


def texture(rng: np.random.Generator, size: int = SIZE) -> np.ndarray:
    """A photo-like grey picture in [0, 1]: detail at all scales."""
    layers = [gaussian_filter(rng.normal(size=(size, size)), scale) * scale**1.2 for scale in (1.5, 3, 6, 12, 25)]
    values = sum(layers)
    return (values - values.min()) / np.ptp(values)


def as_image(values: np.ndarray) -> Image.Image:
    return Image.fromarray((values.clip(0, 1) * 255).astype(np.uint8)).convert("RGB")


def again(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def cut(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    w, h = image.size
    return image.crop((round(w * left), round(h * top), round(w * (1 - right)), round(h * (1 - bottom))))


EDITS = {
    "saved at quality 50": lambda image: again(image, 50),
    "halved": lambda image: image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS),
    "brightened by 1.2": lambda image: image.point(lambda v: min(255, round(v * 1.2))),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "cropped by 5 % around": lambda image: cut(image, 0.025, 0.025, 0.025, 0.025),
    "cropped by 5 % at a corner": lambda image: cut(image, 0.05, 0.05, 0, 0),
}


def shot(surface: np.ndarray, rng: np.random.Generator) -> Image.Image:
    """A surface photographed: light from one side, an exposure, a gamma, a small shift and some noise."""
    size = len(surface)
    y, x = np.mgrid[0:size, 0:size] / size - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    light = 1 + rng.uniform(0.4, 0.9) * (np.cos(angle) * x + np.sin(angle) * y)
    dx, dy = rng.integers(-6, 7, size=2)
    moved = np.roll(surface, (dy, dx), axis=(0, 1))
    values = (moved * light * rng.uniform(0.6, 1.3)).clip(0, 1) ** rng.uniform(0.7, 1.4)
    return as_image(values + rng.normal(scale=0.01, size=surface.shape))


def parts_of_one_design(number: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Surfaces of one product: the same frame, bars and shading, each with fine marks of its own."""
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    design = 0.6 + 0.15 * np.cos(x / 30) - 0.35 * ((y % 66) < 5) - 0.3 * ((x < 6) | (x > SIZE - 7))
    return [design + 0.5 * (texture(rng) - 0.5) for _ in range(number)]


def search(images: list[Image.Image], labels: list[str | None] | None = None, **values) -> set[tuple[int, int]]:
    """Pairs of images, by their numbers, that `find_near` confirms; features are small pictures."""
    ids = [f"{number:04}" for number in range(len(images))]
    hashes = [perceptual_hashes(image) for image in images]
    catalog = pd.DataFrame({"image_id": ids, "label": labels or "a", "phash": hashes})
    catalog["width"], catalog["height"] = zip(*(image.size for image in images), strict=True)
    small = [np.asarray(image.convert("L").resize((12, 12)), np.float32).ravel() for image in images]
    features = Features(ids, np.stack([one - one.mean() for one in small]))
    pictures = np.stack([picture(image) for image in images])
    found = find_near(catalog, features, pictures, Group(backbone="toy", **values), workers=1).pairs
    return {(int(a), int(b)) for a, b in zip(found["first"], found["second"], strict=True)}


@pytest.fixture(scope="module")
def photos():
    rng = np.random.default_rng(0)
    return [as_image(texture(rng)) for _ in range(40)]


@pytest.mark.parametrize("edit", EDITS)
def test_edits_of_photos_are_found_and_nothing_else(photos, edit):
    found = search([*photos, *map(EDITS[edit], photos)])
    wanted = {(number, number + len(photos)) for number in range(len(photos))}
    assert len(found & wanted) >= (0.95 if "crop" in edit else 1.0) * len(wanted)
    assert len(found - wanted) <= 0.05 * len(found)


def test_one_object_in_several_lights_is_found_among_others_of_its_design():
    rng = np.random.default_rng(1)
    surfaces = parts_of_one_design(60, rng)
    images, objects = [], []
    for number, surface in enumerate(surfaces):
        for _ in range(3 if number < 20 else 1):
            images.append(shot(surface, rng))
            objects.append(number)
    wanted = {(a, b) for a, b in combinations(range(len(images)), 2) if objects[a] == objects[b]}
    found = search(images, max_size=10)
    assert len(found & wanted) >= 0.95 * len(found)
    groups = pd.Series(range(len(images)))
    for a, b in sorted(found & wanted):
        groups[groups == groups[b]] = groups[a]
    whole = [number for number in range(20) if groups[[o == number for o in objects]].nunique() == 1]
    assert len(whole) >= 18


def test_pictures_of_one_design_without_marks_of_their_own_tie_nothing():
    rng = np.random.default_rng(2)
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    design = 0.6 + 0.15 * np.cos(x / 30) - 0.35 * ((y % 66) < 5)
    images = [as_image(design * rng.uniform(0.8, 1.1) + rng.normal(scale=0.01, size=design.shape)) for _ in range(80)]
    assert len(search(images, max_size=20)) <= 2


def test_flat_images_are_no_relatives_of_each_other_and_break_nothing():
    images = [Image.new("RGB", (50, 40), (value, value, value)) for value in range(0, 250, 10)]
    assert search(images) == set()
    assert search(images[:1]) == set()


@pytest.mark.parametrize("lone", [None, "b"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_class_of_a_few_images_and_a_few_unlabelled_ones_break_nothing(photos, lone, number):
    labels = [lone] * number + ["a"] * (len(photos) - number)
    assert search(photos, labels) == set()
    copied = [*photos[1:], EDITS["brightened by 1.2"](photos[-1])]
    assert search(copied, labels) == {(len(photos) - 2, len(photos) - 1)}
    copied[0] = photos[-1]
    assert (0, len(photos) - 1) in search(copied, labels)


def test_mirrored_copies_are_looked_for_unless_told_otherwise(photos):
    images = [*photos[:10], *(EDITS["mirrored"](photo) for photo in photos[:10])]
    assert len(search(images, turned="none")) == 0
    assert len(search(images, turned="mirrored")) == 10


def test_turned_copies_are_found_if_asked_for(photos):
    images = [*photos[:10], *(photo.transpose(Image.Transpose.ROTATE_90) for photo in photos[:10])]
    assert len(search(images, turned="all")) == 10


@pytest.mark.parametrize("turn", range(8))
def test_the_hash_of_a_turned_image_is_that_of_the_image_turned(turn):
    pixels = (texture(np.random.default_rng(6), 32) * 255).astype(np.uint8)
    lying = Image.fromarray(turned(pixels, turn)).convert("RGB")
    assert perceptual_hashes(lying)[0] == perceptual_hashes(Image.fromarray(pixels).convert("RGB"))[turn]


def test_the_eight_turns_are_all_different_and_are_what_they_are_called():
    square = np.arange(9).reshape(3, 3)
    expected = {
        "as it is": square,
        "mirrored": np.fliplr(square),
        "turned 180": np.rot90(square, 2),
        "flipped": np.flipud(square),
        "transposed": square.T,
        "turned 90": np.rot90(square),
        "turned 270": np.rot90(square, 3),
        "transversed": np.rot90(square.T, 2),
    }
    for turn, name in enumerate(TURNS):
        np.testing.assert_array_equal(turned(square, turn), expected[name])


def test_close_hashes_are_those_of_a_plain_double_loop():
    rng = np.random.default_rng(3)
    hashes = rng.integers(0, 2**16, 400, dtype=np.uint64)
    others = rng.integers(0, 2**16, 400, dtype=np.uint64)
    pairs, distances, radius = close_hashes(hashes, others, 4, most=10**6)
    expected = {
        (i, j): (int(hashes[i]) ^ int(others[j])).bit_count()
        for i, j in combinations(range(400), 2)
        if (int(hashes[i]) ^ int(others[j])).bit_count() <= 4
    }
    assert dict(zip(map(tuple, pairs.tolist()), distances.tolist(), strict=True)) == expected
    assert radius == 4


def test_the_radius_shrinks_until_few_enough_pairs_are_left():
    hashes = np.random.default_rng(4).integers(0, 2**12, 300, dtype=np.uint64)
    all_pairs, all_distances, _ = close_hashes(hashes, hashes, 6, most=10**6)
    pairs, distances, radius = close_hashes(hashes, hashes, 6, most=1000)
    assert radius < 6
    np.testing.assert_array_equal(pairs, all_pairs[all_distances <= radius])
    assert len(pairs) <= 1000 < (all_distances <= radius + 1).sum()
    assert distances.max() <= radius


def test_equal_hashes_beyond_measure_give_no_pairs():
    hashes = np.zeros(500, dtype=np.uint64)
    assert close_hashes(hashes, hashes, 10, most=1000)[2] == -1


def test_nearest_neighbours_are_those_of_a_plain_search():
    values = np.random.default_rng(5).normal(size=(60, 7))
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    expected = set()
    for i in range(60):
        order = sorted((j for j in range(60) if j != i), key=lambda j: -float(unit[i] @ unit[j]))[:3]
        expected |= {(min(i, j), max(i, j)) for j in order}
    assert set(map(tuple, nearest(values, 3).tolist())) == expected
    assert nearest(values[:1], 3).shape == (0, 2)


def test_workers_and_order_of_pairs_change_nothing(photos):
    from tasks.group.near import all_likenesses

    pictures = np.stack([picture(photo) for photo in photos])
    pairs = np.array([(a, b, 0) for a, b in combinations(range(24), 2)])
    alone = all_likenesses(pictures, pairs, workers=1)
    np.testing.assert_array_equal(all_likenesses(pictures, pairs[::-1], workers=2), alone[::-1])
    assert pictures.shape[1:] == (SIDE, SIDE)
    assert Likeness(pictures).of(0, 0) > 0.999
