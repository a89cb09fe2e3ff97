"""New images: what every preset of transforms owes its parent, in every mode and size."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from tasks.balance.encoding import Encoding
from tasks.balance.make import Made, Order, make, stream_seed
from tasks.balance.pixels import put_together, take_apart
from tasks.balance.transforms import Transforms
from tasks.errors import InputError
from tasks.images import open_image
from tasks.registry import parts

PRESETS = [part() for part in parts("tasks.balance.transforms").values()]
CHANGING = [preset for preset in PRESETS if preset.steps()]
MODES = ("1", "L", "LA", "P", "P with transparency", "RGB", "RGBA", "CMYK", "I;16", "I", "F")
SIZES = ((40, 30), (1, 1), (4000, 10), (2, 500))


def picture(mode: str, size: tuple[int, int] = (40, 30)) -> Image.Image:
    """A smooth picture with some noise in a mode."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: size[1], : size[0]]
    grey = np.clip(60 + 100 * x / size[0] + 40 * y / size[1] + rng.normal(0, 4, x.shape), 0, 255)
    if mode in ("I;16", "I", "F"):
        return Image.fromarray((grey * 100).astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]))
    image = Image.fromarray(np.stack([grey, grey[::-1], 255 - grey], axis=2).astype(np.uint8))
    if mode in ("LA", "RGBA", "P with transparency"):
        image.putalpha(Image.fromarray(np.where(x < size[0] // 2, 0, 255).astype(np.uint8)))
    if mode.startswith("P"):
        return image.quantize(64)
    return image.convert(mode)


def saved(mode: str, folder: Path, size: tuple[int, int] = (40, 30)) -> Path:
    """A file in a format that knows the mode."""
    path = folder / f"parent.{'tif' if mode in ('CMYK', 'I', 'F') else 'png'}"
    picture(mode, size).save(path)
    return path


def order_of(path: Path, folder: Path, copies: int = 2) -> Order:
    folder.mkdir(parents=True, exist_ok=True)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Order(path, sha256, tuple((number, folder / f"{path.stem}-{number}") for number in range(1, copies + 1)))


def made_from(path: Path, folder: Path, preset: Transforms, copies: int = 2) -> list[Made]:
    return make([order_of(path, folder, copies)], preset.specification(), 0, workers=1)


def pixels(path: Path) -> np.ndarray:
    return np.asarray(open_image(path).image)


@pytest.mark.parametrize("preset", CHANGING, ids=lambda part: part.part_name())
class TestEveryPreset:
    """The contract of a preset."""

    def test_says_why_each_step_keeps_the_label(self, preset: Transforms) -> None:
        assert all(len(step.why) > 20 for step in preset.steps())

    def test_its_specification_is_plain_json_without_the_reasons(self, preset: Transforms) -> None:
        steps = [[step.name, step.parameters] for step in preset.steps()]
        assert json.loads(preset.specification()) == json.loads(json.dumps(steps))
        assert preset.digest() == hashlib.sha256(preset.specification().encode()).hexdigest()[:8]

    @pytest.mark.parametrize("mode", MODES)
    def test_keeps_mode_and_size(self, preset: Transforms, mode: str, tmp_path: Path) -> None:
        parent = saved(mode, tmp_path)
        before = open_image(parent).image
        for image in made_from(parent, tmp_path / "new", preset):
            after = open_image(image.file).image
            assert (after.mode, after.size) == (before.mode, before.size)
            assert after.has_transparency_data == before.has_transparency_data
            assert image.file.suffix == parent.suffix

    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("mode", ["L", "RGBA", "I;16"])
    def test_survives_extreme_sizes(self, preset: Transforms, mode: str, size: tuple[int, int], tmp_path: Path) -> None:
        parent = saved(mode, tmp_path, size)
        for image in made_from(parent, tmp_path / "new", preset):
            assert open_image(image.file).image.size == size

    def test_leaves_no_black_borders(self, preset: Transforms, tmp_path: Path) -> None:
        parent = tmp_path / "bright.png"
        Image.new("L", (60, 40), 180).save(parent)
        for image in made_from(parent, tmp_path / "new", preset, copies=30):
            assert pixels(image.file).min() > 120

    def test_stays_close_to_its_parent(self, preset: Transforms, tmp_path: Path) -> None:
        """In some orientation each descendant looks much like the parent."""
        parent = saved("L", tmp_path, (80, 60))
        before = pixels(parent).astype(float)
        for image in made_from(parent, tmp_path / "new", preset, copies=20):
            after = pixels(image.file).astype(float)
            turned = (before, before[:, ::-1], before[::-1], before[::-1, ::-1])
            assert min(np.abs(after - other).mean() for other in turned) < 45

    def test_descendants_differ_from_parent_and_each_other(self, preset: Transforms, tmp_path: Path) -> None:
        parent = saved("RGB", tmp_path)
        images = [pixels(image.file).tobytes() for image in made_from(parent, tmp_path / "new", preset, copies=20)]
        assert len({*images, pixels(parent).tobytes()}) == 21

    def test_workers_order_and_number_of_copies_change_no_byte(self, preset: Transforms, tmp_path: Path) -> None:
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
            assert [file.stem for file in files] == [stem.name for order in orders for _, stem in order.copies]
        for name in ("two", "turned", "few"):
            for file in (tmp_path / name).iterdir():
                assert file.read_bytes() == (tmp_path / "one" / file.name).read_bytes()
        assert len(list((tmp_path / "two").iterdir())) == 200


def test_a_stream_hangs_on_specification_content_copy_and_seed() -> None:
    base = stream_seed("[]", "aa", 1, 0)
    others = {stream_seed("[1]", "aa", 1, 0), stream_seed("[]", "ab", 1, 0), stream_seed("[]", "aa", 2, 0)}
    assert base == stream_seed("[]", "aa", 1, 0)
    assert len({base, *others, stream_seed("[]", "aa", 1, 1)}) == 5


def test_steps_draw_from_one_stream_so_that_flips_are_independent(tmp_path: Path) -> None:
    """With a stream a step, all seeded alike, both flips would always come together."""
    both = json.dumps([["HorizontalFlip", {"p": 0.5}], ["VerticalFlip", {"p": 0.5}]])
    images = make([order_of(saved("L", tmp_path), tmp_path / "new", 40)], both, 0, workers=1)
    assert {image.applied for image in images} == {
        (),
        ("HorizontalFlip",),
        ("VerticalFlip",),
        ("HorizontalFlip", "VerticalFlip"),
    }


def test_geometry_moves_transparency_and_brightness_leaves_it(tmp_path: Path) -> None:
    steps = [["HorizontalFlip", {"p": 1.0}], ["RandomBrightnessContrast", {"brightness_limit": [0.2, 0.2], "p": 1.0}]]
    parent = saved("RGBA", tmp_path)
    (image,) = make([order_of(parent, tmp_path / "new", 1)], json.dumps(steps), 0, workers=1)
    np.testing.assert_array_equal(pixels(image.file)[..., 3], pixels(parent)[:, ::-1, 3])
    assert pixels(image.file)[..., :3].mean() > pixels(parent)[..., :3].mean() + 20


@pytest.mark.parametrize("mode", MODES)
def test_unchanged_pixels_come_back_as_they_were(mode: str) -> None:
    image = picture(mode)
    back = put_together(*take_apart(image), image)
    assert back.mode == image.mode
    if mode.startswith("P"):
        np.testing.assert_allclose(np.asarray(back.convert("RGBA")), np.asarray(image.convert("RGBA")), atol=16)
    else:
        tolerance = {"CMYK": 1, "I;16": 0, "F": 0.01}.get(mode, 0)
        np.testing.assert_allclose(np.asarray(back, float), np.asarray(image, float), atol=tolerance)


def test_negative_and_missing_values_keep_their_scale() -> None:
    values = np.array([[-5.0, 0.0], [np.nan, 15.0]], dtype=np.float32)
    image = Image.fromarray(values)
    colours, _ = take_apart(image)
    np.testing.assert_allclose(colours[..., 0], [[0, 0.25], [0.25, 1]])
    np.testing.assert_allclose(np.asarray(put_together(colours, None, image)), [[-5, 0], [0, 15]], atol=1e-5)


def test_a_jpeg_is_written_with_its_parents_quality_and_without_its_metadata(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (1.0, 2.0, 3.0)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    parent = tmp_path / "parent.jpg"
    picture("RGB", (64, 48)).save(parent, quality=61, subsampling=1, exif=exif, icc_profile=profile, comment="mine")
    (image,) = made_from(parent, tmp_path / "new", CHANGING[0], copies=1)
    with Image.open(image.file) as new, Image.open(parent) as old:
        assert new.format == "JPEG"
        assert new.quantization == old.quantization
        assert new.layer == old.layer  # the subsampling
        assert not new.getexif()
        assert "comment" not in new.info
        assert new.info["icc_profile"] == profile


def test_a_sideways_photo_is_made_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    parent = tmp_path / "parent.jpg"
    picture("RGB", (64, 48)).save(parent, exif=exif)
    (image,) = made_from(parent, tmp_path / "new", CHANGING[0], copies=1)
    assert Image.open(image.file).size == (48, 64)


@pytest.mark.parametrize(
    ("kind", "extension", "mode"),
    [
        ("BMP", "bmp", "RGB"),
        ("GIF", "gif", "P"),
        ("WEBP", "webp", "RGBA"),
        ("TIFF", "tif", "L"),
        ("PPM", "png", "RGB"),
        ("TGA", "png", "RGBA"),
    ],
)
def test_formats_that_can_be_written_are_kept_and_others_become_png(
    kind: str, extension: str, mode: str, tmp_path: Path
) -> None:
    parent = tmp_path / f"parent.{kind.lower()}"
    picture(mode).save(parent, kind)
    (image,) = made_from(parent, tmp_path / "new", CHANGING[0], copies=1)
    assert image.file.suffix == f".{extension}"
    assert open_image(image.file).image.size == (40, 30)


def test_an_image_that_its_format_cannot_hold_becomes_png(tmp_path: Path) -> None:
    data, extension = Encoding("JPEG", {}).encode(picture("RGBA"))
    assert extension == "png"
    (tmp_path / "x.png").write_bytes(data)
    assert open_image(tmp_path / "x.png").image.mode == "RGBA"
    assert Encoding("PSD", {}).encode(picture("CMYK"))[1] == "png"


def test_a_parent_that_broke_since_ingest_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"broken\.png"):
        made_from(tmp_path / "broken.png", tmp_path / "new", CHANGING[0])


@pytest.mark.parametrize("preset", CHANGING, ids=lambda part: part.part_name())
def test_a_dark_image_keeps_its_content(preset: Transforms, tmp_path: Path) -> None:
    parent = tmp_path / "dark.png"
    Image.fromarray(np.tile(np.arange(5, 25, dtype=np.uint8), (20, 1))).save(parent)
    for image in made_from(parent, tmp_path / "new", preset, copies=20):
        assert len(np.unique(pixels(image.file))) > 12
