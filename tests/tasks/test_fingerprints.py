"""Same pixels have the same fingerprint whatever their file, near images near ones."""

import numpy as np
from PIL import Image

from tasks.fingerprints import perceptual_hashes, pixel_hash
from tasks.images import open_image, to_rgb


def photo(width=48, height=32, seed=0):
    """A smooth picture without any symmetry."""
    y, x = np.mgrid[:height, :width]
    channels = [x * 255 // width, y * 255 // height, (x * y + 40 * seed) % 256]
    return Image.fromarray(np.stack(channels, axis=2).astype(np.uint8))


def test_the_pixel_hash_sees_pixels_and_size_only(tmp_path):
    hashes = set()
    for name in ("PNG", "TIFF", "BMP"):
        photo().save(tmp_path / name, name)
        hashes.add(pixel_hash(to_rgb(open_image(tmp_path / name).image, 16)))
    assert len(hashes) == 1
    grey = photo().convert("L")
    assert pixel_hash(to_rgb(grey, 16)) == pixel_hash(grey.convert("RGB"))
    assert pixel_hash(Image.new("RGB", (4, 6))) != pixel_hash(Image.new("RGB", (6, 4)))
    assert pixel_hash(photo()) != pixel_hash(photo(seed=1))


def perceptual_hash_of(image):
    return perceptual_hashes(image)[0]


def slow_perceptual_hash(image):
    """The hash by the textbook's sums."""
    grey = np.asarray(image.convert("L").resize((32, 32), Image.Resampling.LANCZOS, reducing_gap=3.0), dtype=float)
    angle = np.pi / 64
    lowest = [
        sum(
            grey[y, x] * np.cos(angle * v * (2 * y + 1)) * np.cos(angle * u * (2 * x + 1))
            for y in range(32)
            for x in range(32)
        ).round(3)
        for v in range(8)
        for u in range(8)
    ]
    middle = np.median(lowest)
    return f"{int(''.join('1' if value > middle else '0' for value in lowest), 2):016x}"


def distance(first, second):
    return (int(first, 16) ^ int(second, 16)).bit_count()


def test_the_perceptual_hash_is_the_textbooks():
    for image in (photo(), photo(100, 70, seed=2), Image.new("RGB", (20, 20), "grey")):
        assert perceptual_hash_of(image) == slow_perceptual_hash(image)


def test_near_images_have_near_hashes_and_others_have_not():
    noise = Image.effect_noise((64, 64), 60).resize((256, 256), Image.Resampling.BICUBIC).convert("RGB")
    brighter = noise.point([min(255, value + 15) for value in range(256)] * 3)
    smaller = noise.resize((180, 180))
    assert distance(perceptual_hash_of(noise), perceptual_hash_of(brighter)) <= 8
    assert distance(perceptual_hash_of(noise), perceptual_hash_of(smaller)) <= 8
    assert distance(perceptual_hash_of(noise), perceptual_hash_of(photo(256, 256))) > 12
