"""New images as files: streams, modes, encodings, metadata, and parents that broke."""

import json
from pathlib import Path

import numpy as np
import pytest
from balance_pictures import MODES, made_from, order_of, picture, pixels, saved
from PIL import ExifTags, Image, ImageCms
from unusual_images import UNUSUAL

from tasks.balance.encoding import Encoding
from tasks.balance.make import make
from tasks.balance.pixels import to_arrays, to_image
from tasks.balance.presets.industrial import Industrial
from tasks.balance.streams import stream
from tasks.errors import InputError
from tasks.images import open_image


def test_a_stream_hangs_on_specification_content_copy_and_seed() -> None:
    base = stream("[]", ["aa"], 1, 0)
    others = {stream("[1]", ["aa"], 1, 0), stream("[]", ["ab"], 1, 0), stream("[]", ["aa"], 2, 0)}
    assert base == stream("[]", ["aa"], 1, 0)
    assert len({base, *others, stream("[]", ["aa"], 1, 1)}) == 5


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
    back = to_image(*to_arrays(image), image)
    assert back.mode == image.mode
    if mode.startswith("P"):
        np.testing.assert_allclose(np.asarray(back.convert("RGBA")), np.asarray(image.convert("RGBA")), atol=16)
    else:
        tolerance = {"CMYK": 1, "I;16": 0, "F": 0.01}.get(mode, 0)
        np.testing.assert_allclose(np.asarray(back, float), np.asarray(image, float), atol=tolerance)


def test_negative_and_missing_values_keep_their_scale() -> None:
    values = np.array([[-5.0, 0.0], [np.nan, 15.0]], dtype=np.float32)
    image = Image.fromarray(values)
    colours, _ = to_arrays(image)
    np.testing.assert_allclose(colours[..., 0], [[0, 0.25], [0.25, 1]])
    np.testing.assert_allclose(np.asarray(to_image(colours, None, image)), [[-5, 0], [0, 15]], atol=1e-5)


@pytest.mark.parametrize(("largest", "top"), [(3000, 4095), (4095, 4095), (40_000, 65_535)])
def test_an_integer_image_stands_on_the_scale_of_the_bits_that_it_uses(largest: int, top: int) -> None:
    """Between its own brightest value and the top of its 12 or 16 bits there is room to become brighter."""
    image = Image.fromarray(np.array([[0, largest]], dtype=np.uint16))
    colours, _ = to_arrays(image)
    assert colours[0, 1, 0] == pytest.approx(largest / top)
    brighter = np.asarray(to_image(np.minimum(colours * 1.2, 1), None, image))
    assert brighter[0, 1] == pytest.approx(min(1.2 * largest, top), abs=1)


def test_a_jpeg_is_written_with_its_parents_quality_and_without_its_metadata(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (1.0, 2.0, 3.0)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    parent = tmp_path / "parent.jpg"
    picture("RGB", (64, 48)).save(parent, quality=61, subsampling=1, exif=exif, icc_profile=profile, comment="mine")
    (image,) = made_from(parent, tmp_path / "new", Industrial(), copies=1)
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
    (image,) = made_from(parent, tmp_path / "new", Industrial(), copies=1)
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
    (image,) = made_from(parent, tmp_path / "new", Industrial(), copies=1)
    assert image.file.suffix == f".{extension}"
    assert open_image(image.file).image.size == (40, 30)


def test_an_image_that_its_format_cannot_hold_becomes_png(tmp_path: Path) -> None:
    data, extension = Encoding("JPEG", {}).encode(picture("RGBA"))
    assert extension == "png"
    (tmp_path / "x.png").write_bytes(data)
    assert open_image(tmp_path / "x.png").image.mode == "RGBA"
    assert Encoding("PSD", {}).encode(picture("CMYK"))[1] == "png"


@pytest.mark.parametrize("kind", UNUSUAL)
def test_parents_that_are_whole_but_unusual_have_new_images(kind: str, tmp_path: Path) -> None:
    content, _ = UNUSUAL[kind]
    extension = "png" if content[1:4] == b"PNG" else "jpg"
    parent = tmp_path / f"parent.{extension}"
    parent.write_bytes(content)
    (image,) = made_from(parent, tmp_path / "new", Industrial(), copies=1)
    assert image.file.suffix == f".{extension}"
    assert open_image(image.file).image.size == (48, 32)
    profile = Image.open(image.file).info.get("icc_profile")
    assert (profile == bytes(3_000)) is (kind == "a colour profile")


def test_a_parent_that_broke_since_ingest_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"broken\.png"):
        made_from(tmp_path / "broken.png", tmp_path / "new", Industrial())
