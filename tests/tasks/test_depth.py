"""16-bit images are shown on one scale, that of the bits which the whole dataset uses, wherever they are opened."""

import hashlib
import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks.audit.traces import traces_of
from tasks.balance.derive import Copy, Order, Parent
from tasks.balance.make import make
from tasks.balance.mixed.mixup import Mixup
from tasks.balance.presets.industrial import Industrial
from tasks.decoding import decode
from tasks.deep_colour import DeepColour
from tasks.depth import DEPTHS, bits_for, depth_of
from tasks.explore.picture import Picture, Source
from tasks.features.backbones.efficientnet_lite0 import EfficientNetLite0
from tasks.files import read_json, write_json
from tasks.fingerprints import perceptual_hashes, pixel_hash, sharpness
from tasks.images import UnreadableError, open_image, open_rgb, to_rgb
from tasks.ingest.catalog import ingest, summarise
from tasks.ingest.stage import run
from tasks.params.models import Ingest
from tasks.row_store import RowStore
from tasks.stripping import strip
from tasks.tables import CATALOG
from tasks.train.families.nearest_class_mean import NearestClassMean, NearestMeans
from tasks.train.loading import load_model
from tasks.train.models import ABOUT, Model, save_model
from tasks.train.posthoc.none import Unchanged
from tasks.workspace import Workspace

CHANNELS = {"grey": 1, "RGB": 3, "RGBA": 4}
ENDINGS = ("png", "tif")


def values(depth: int, channels: int = 1, seed: int = 0, size: tuple[int, int] = (17, 13)) -> np.ndarray:
    """Noise that uses all values of a depth, shape (height, width, channels); an alpha channel is opaque."""
    made = np.random.default_rng(seed).integers(0, 2**depth, (size[1], size[0], channels)).astype(np.uint16)
    made[0, 0, 0], made[0, 1, 0] = 0, 2**depth - 1
    made[..., 3:] = 65535
    return made


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(pixels: np.ndarray, before: bytes = b"") -> bytes:
    """A PNG of 16 bits a value, written by hand: Pillow has no such colours."""
    height, width, channels = pixels.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    body = chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def tiff(pixels: np.ndarray, order: str = "<", orientation: int = 1, extra: int = 2) -> bytes:
    """An uncompressed TIFF of 16 bits a value; `extra` says what a fourth channel is (1: multiplied, 2: alpha)."""
    height, width, channels = pixels.shape
    data = pixels.astype(order + "u2").tobytes()
    bits = struct.pack(f"{order}{channels}H", *[16] * channels)
    count = 11 + (channels == 4)
    start = 8 + 2 + 12 * count + 4
    entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, channels, start if channels > 2 else 16),
        (259, 3, 1, 1),
    ]
    entries += [(262, 3, 1, 2 if channels > 2 else 1), (273, 4, 1, start + len(bits)), (274, 3, 1, orientation)]
    entries += [(277, 3, 1, channels), (278, 4, 1, height), (279, 4, 1, len(data)), (284, 3, 1, 1)]
    entries += [(338, 3, 1, extra)] if channels == 4 else []
    out = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "IH", 8, count)
    for tag, kind, number, value in entries:
        wide = kind == 4 or (tag == 258 and channels > 2)
        out += struct.pack(order + "HHI", tag, kind, number)
        out += struct.pack(order + "I", value) if wide else struct.pack(order + "HH", value, 0)
    return out + struct.pack(order + "I", 0) + bits + data


def write(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(pixels) if path.suffix == ".png" else tiff(pixels))
    return path


def shown(pixels: np.ndarray, depth: int) -> np.ndarray:
    """What is right: red, green and blue of 8 bits, shape (height, width, 3), by exact arithmetic."""
    top = 2**depth - 1
    colours = np.minimum(pixels[..., :3].astype(np.int64), top)
    eight = (2 * 255 * colours + top) // (2 * top)  # rounded to the nearest
    return np.broadcast_to(eight, (*eight.shape[:2], 3)).astype(np.uint8)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", CHANNELS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_every_value_of_a_depth_is_shown_on_its_scale(depth: int, kind: str, ending: str, tmp_path: Path) -> None:
    pixels = values(depth, CHANNELS[kind])
    path = write(tmp_path / f"a.{ending}", pixels)
    assert open_image(path).bits == depth
    for scale in DEPTHS:
        np.testing.assert_array_equal(np.asarray(open_rgb(path, scale)), shown(pixels, scale))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [1, 3])
def test_both_byte_orders_hold_the_same_picture(channels: int, order: str) -> None:
    pixels = values(12, channels)
    found = open_image(io.BytesIO(tiff(pixels, order)))
    np.testing.assert_array_equal(np.asarray(to_rgb(found.image, 12)), shown(pixels, 12))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ENDINGS)
def test_deep_colours_stand_upright(ending: str, orientation: int) -> None:
    pixels = values(12, 3)
    exif = Image.Exif()
    exif[0x0112] = orientation
    sideways = png(pixels, chunk(b"eXIf", exif.tobytes()[6:])) if ending == "png" else tiff(pixels, "<", orientation)
    eight = Image.fromarray(shown(pixels, 12))
    file = io.BytesIO()
    eight.save(file, "PNG", exif=exif)
    expected = open_image(io.BytesIO(file.getvalue())).image
    found = to_rgb(open_image(io.BytesIO(sideways)).image, 12)
    assert found.size == expected.size
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


def test_transparent_deep_colours_lie_on_mid_grey() -> None:
    pixels = values(12, 4)
    pixels[2:, :, 3] = 0
    for data in (png(pixels), tiff(pixels)):
        found = open_image(io.BytesIO(data))
        assert found.mode == "RGBA;16"
        rgb = np.asarray(to_rgb(found.image, 12))
        np.testing.assert_array_equal(rgb[:2], shown(pixels, 12)[:2])
        assert (rgb[2:] == 128).all()


def test_a_grey_with_alpha_and_a_colour_that_means_transparent_keep_their_low_bits() -> None:
    grey = np.dstack([values(12), np.full((13, 17), 65535, np.uint16)])
    found = to_rgb(open_image(io.BytesIO(png(grey))).image, 12)
    np.testing.assert_array_equal(np.asarray(found), shown(grey[..., :1], 12))
    pixels = values(12, 3)
    pixels[5:, :, :] = (1, 2, 3)
    clear = png(pixels, chunk(b"tRNS", struct.pack(">3H", 1, 2, 3)))
    rgb = np.asarray(to_rgb(open_image(io.BytesIO(clear)).image, 12))
    np.testing.assert_array_equal(rgb[:5], shown(pixels, 12)[:5])
    assert (rgb[5:] == 128).all()


def plain(kind: str, pixels: np.ndarray) -> bytes:
    """Files of 16 bits a value in kinds of which Pillow hands on 8 or 32 bits."""
    height, width, channels = pixels.shape
    big = pixels.astype(">u2")
    match kind:
        case "pgm" | "ppm":
            return f"P{5 if channels == 1 else 6} {width} {height} 65535\n".encode() + big.tobytes()
        case "plain ppm":
            return f"P3 {width} {height} 65535\n{' '.join(map(str, pixels.ravel()))}\n".encode()
        case "pgm of 12 bits":
            return f"P5 {width} {height} 4095\n".encode() + big.tobytes()
        case "sgi":
            head = struct.pack(">HBBHHHHII", 474, 0, 2, 3, width, height, channels, 0, 65535).ljust(512, b"\0")
            return head + big[::-1].transpose(2, 0, 1).tobytes()
        case "signed tiff":  # the sample format, in place of the orientation
            return (
                tiff(pixels)
                .replace(struct.pack("<HHI", 274, 3, 1), struct.pack("<HHI", 339, 3, 1))
                .replace(struct.pack("<HHIHH", 339, 3, 1, 1, 0), struct.pack("<HHIHH", 339, 3, 1, 2, 0))
            )
        case "planar tiff":
            return tiff(pixels).replace(struct.pack("<HHIHH", 284, 3, 1, 1, 0), struct.pack("<HHIHH", 284, 3, 1, 2, 0))
        case "jp2":
            import cv2

            _, data = cv2.imencode(".jp2", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
            return np.asarray(data).tobytes()
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0].astype(np.int32)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["pgm", "pgm of 12 bits", "TIFF", "signed tiff"])
def test_grey_that_pillow_makes_32_bits_of_is_shown_at_the_depth_of_the_others(kind: str) -> None:
    pixels = values(12)
    found = open_image(io.BytesIO(plain(kind, pixels)))
    assert (found.mode, found.bits) == ("I", 12)
    np.testing.assert_array_equal(np.asarray(to_rgb(found.image, 12)), shown(pixels, 12))
    np.testing.assert_array_equal(np.asarray(to_rgb(found.image, 16)), shown(pixels, 16))


@pytest.mark.parametrize("kind", ["ppm", "plain ppm", "sgi", "jp2"])
@pytest.mark.parametrize("depth", [10, 12, 14])
def test_colours_that_only_pillow_can_read_are_refused_where_their_high_bytes_are_nearly_black(
    kind: str, depth: int
) -> None:
    pixels = values(depth, 3, size=(64, 96)) // 2  # what a JPEG 2000 adds to it is no brighter than the depth
    with pytest.raises(UnreadableError, match=r"unsupported: 16 bits a value, of which about .* save it as PNG"):
        open_image(io.BytesIO(plain(kind, pixels)))


@pytest.mark.parametrize("kind", ["ppm", "plain ppm", "sgi"])
def test_where_all_bits_are_used_the_high_bytes_are_the_picture_and_that_is_said(kind: str) -> None:
    pixels = values(16, 3)
    found = open_image(io.BytesIO(plain(kind, pixels)))
    assert (found.mode, found.bits) == ("RGB", 8)
    assert found.oddities == ("of 16 bits a value the upper 8 are read",)
    difference = np.asarray(to_rgb(found.image, 12)).astype(int) - shown(pixels, 16)
    assert abs(difference).max() <= 1


def test_colours_each_by_itself_are_refused_since_pillow_takes_their_bytes_for_values() -> None:
    with pytest.raises(UnreadableError, match="unsupported: 16 bits a value with each colour by itself"):
        open_image(io.BytesIO(plain("planar tiff", values(16, 3))))


def raw_tiff(pixels: np.ndarray, photometric: int, kind: int = 1) -> bytes:
    """A TIFF in one strip, of any layout; `kind` is its sample format: 1 for numbers, 3 for floating point."""
    height, width, channels = pixels.shape
    lists, behind, entries = b"", 8 + pixels.nbytes, b""
    numbers = {
        256: width,
        257: height,
        259: 1,
        262: photometric,
        273: 8,
        277: channels,
        278: height,
        279: pixels.nbytes,
    }
    for tag in sorted([*numbers, 258, 339]):
        if tag in numbers:
            entries += struct.pack("<HHII", tag, 4, 1, numbers[tag])
            continue
        cells = struct.pack(f"<{channels}H", *[kind if tag == 339 else pixels.dtype.itemsize * 8] * channels)
        inline = cells.ljust(4, b"\0") if len(cells) <= 4 else struct.pack("<I", behind + len(lists))
        entries += struct.pack("<HHI", tag, 3, channels) + inline
        lists += cells * (len(cells) > 4)
    start = b"II*\0" + struct.pack("<I", behind + len(lists))
    return start + pixels.tobytes() + lists + struct.pack("<H", len(numbers) + 2) + entries + bytes(4)


@pytest.mark.parametrize(
    ("pixels", "kind", "told"),
    [
        (np.dstack([values(16), np.full((13, 17), 65535, np.uint16)]), 1, "2 values a pixel, each 16 bits"),
        (np.ones((8, 9, 3), np.float32), 3, "3 values a pixel, each floating point of 32 bits"),
        (np.ones((8, 9, 1), np.float64), 3, "one value a pixel, each floating point of 64 bits"),
    ],
)
def test_a_sound_tiff_that_pillow_has_no_mode_for_is_unsupported_and_not_damaged(
    pixels: np.ndarray, kind: int, told: str
) -> None:
    data = raw_tiff(pixels, 2 if pixels.shape[2] == 3 else 1, kind)
    with pytest.raises(UnreadableError, match=rf"^unsupported: a TIFF with {told}; save it as PNG"):
        open_image(io.BytesIO(data))
    with pytest.raises(UnreadableError, match=r"^damaged"):
        open_image(io.BytesIO(data[: pixels.nbytes // 2]))


def test_where_zero_is_white_deep_grey_is_turned_round_or_refused() -> None:
    pixels = values(16)
    assert pixels.max() > 60_000
    data = raw_tiff(65535 - pixels, 0)
    np.testing.assert_array_equal(np.asarray(to_rgb(open_image(io.BytesIO(data)).image, 16)), shown(pixels, 16))
    assert not strip(data).clean, "written anew, black and white would be exchanged"
    with pytest.raises(UnreadableError, match=r"unsupported: 0 is white, .* at most 12 are used.* 0 as black"):
        open_image(io.BytesIO(raw_tiff(4095 - values(12), 0)))


def test_large_integers_without_a_sign_are_not_taken_for_negative_ones() -> None:
    grey = np.linspace(0, 2**32 - 1, 13 * 17).reshape(13, 17, 1).astype(np.uint32)
    data = raw_tiff(grey, 1)
    found = open_image(io.BytesIO(data))
    assert found.bits == 32
    rgb = np.asarray(to_rgb(found.image, 16)).astype(int)
    assert abs(rgb[..., 0] - grey[..., 0] / (2**32 - 1) * 255).max() <= 1
    assert not strip(data).clean, "written anew, large numbers would be negative"


def test_colours_that_were_multiplied_with_alpha_are_read_as_pillow_reads_them() -> None:
    pixels = values(16, 4)
    pixels[..., 3] = 20_000
    data = tiff(pixels, extra=1)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image)
    found = open_image(io.BytesIO(data))
    assert (found.mode, found.bits) == ("RGBA", 8)
    np.testing.assert_array_equal(np.asarray(found.image), expected)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_damage_of_a_deep_png_is_found(channels: int) -> None:
    data = png(values(12, channels, size=(60, 40)))
    for share in (0.3, 0.6, 0.9):
        with pytest.raises(UnreadableError):
            open_image(io.BytesIO(data[: int(len(data) * share)]))
    for position in np.random.default_rng(0).integers(60, len(data) - 20, 30):
        spoilt = bytearray(data)
        spoilt[position] ^= 16
        with pytest.raises(UnreadableError):
            open_image(io.BytesIO(bytes(spoilt)))
    with pytest.raises(UnreadableError):
        open_image(io.BytesIO(tiff(values(12, channels))[:-50]))


@pytest.mark.parametrize(("largest", "bits"), [(0, 10), (1023, 10), (1024, 12), (4096, 14), (16383, 14), (16384, 16)])
def test_the_bits_that_hold_a_value(largest: int, bits: int) -> None:
    assert bits_for(largest) == bits


def take_in(raw: Path, **settings: object) -> pd.DataFrame:
    params = Ingest.model_validate({"min_images": 2, "max_failed_share": 0.5, **settings})
    return ingest(raw, params, 1, RowStore(raw.parent / "rows"))[0].set_index("path")


def dataset(raw: Path, depth: int = 12, deep: int = 6) -> dict[str, np.ndarray]:
    """Two classes of `deep` 16-bit and two 8-bit images each; returns the values of the former by path."""
    made = {}
    for label in ("cat", "dog"):
        for number in range(deep):
            kind = list(CHANNELS.values())[number % 3]
            name = f"{label}/{number}.{ENDINGS[number % 2]}"
            made[name] = values(depth, kind, seed=len(made))
            write(raw / name, made[name])
        for number in range(2):
            own = np.random.default_rng([number, label == "dog"]).integers(0, 100, (9, 8, 3), dtype=np.uint8)
            (raw / label).mkdir(parents=True, exist_ok=True)
            Image.fromarray(own).save(raw / label / f"eight{number}.png")
    return made


@pytest.mark.parametrize("depth", DEPTHS)
def test_the_depth_is_found_and_fingerprints_are_those_of_the_image_as_it_is_shown(depth: int, tmp_path: Path) -> None:
    made = dataset(tmp_path / "raw", depth)
    catalog = take_in(tmp_path / "raw")
    assert depth_of(catalog) == depth
    for path, row in catalog.iterrows():
        if path in made:
            assert row["depth"] == depth
            expected = Image.fromarray(shown(made[path], depth))
        else:
            assert row["depth"] == 8
            expected = Image.open(tmp_path / "raw" / path)
        assert row["pixels"] == pixel_hash(expected)
        assert list(row["phash"]) == perceptual_hashes(expected)
        assert row["sharpness"] == pytest.approx(sharpness(np.asarray(expected.convert("L"))), abs=1e-4)


def test_a_dataset_of_8_bits_has_no_depth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset(tmp_path / "raw", deep=0)
    catalog = take_in(tmp_path / "raw")
    assert set(catalog["depth"]) == {8}
    assert depth_of(catalog) == 16, "whatever comes later is shown at the scale of its file"
    assert "16 bits" not in capsys.readouterr().err
    summary = summarise(catalog.reset_index(), pd.DataFrame({"reason": []}))
    assert (summary["deep"], summary["depth"]) == (0, None)


def test_one_bright_image_decides_and_is_named_with_what_to_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = dataset(tmp_path / "raw")
    assert depth_of(take_in(tmp_path / "raw")) == 12
    told = "".join(capsys.readouterr())
    assert "12 images have 16 bits a value of which 12 are used: shown at that scale (ingest.depth)" in told
    assert "only" not in told
    write(tmp_path / "raw" / "cat" / "bright.png", values(16, seed=99))
    catalog = take_in(tmp_path / "raw")
    told = "".join(capsys.readouterr())
    assert "13 images have 16 bits a value of which 16 are used" in told
    assert "only cat/bright.png needs 16 bits, all others 12 at most" in told
    assert "set ingest.depth: 12" in told
    path = next(iter(made))
    assert catalog.loc[path, "pixels"] == pixel_hash(Image.fromarray(shown(made[path], 16))), "known from before, anew"
    catalog = take_in(tmp_path / "raw", depth=12)
    told = "".join(capsys.readouterr())
    assert depth_of(catalog) == 12
    assert "1 of them have brighter values, which are shown as white: cat/bright.png" in told
    assert catalog.loc[path, "pixels"] == pixel_hash(Image.fromarray(shown(made[path], 12)))


def test_an_image_that_is_set_aside_decides_nothing_and_copies_count_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = tmp_path / "raw"
    made = dataset(raw)
    for label in ("cat", "dog"):
        write(raw / label / "torn.png", values(16, seed=5))
    (raw / "cat" / "copy.png").write_bytes((raw / next(iter(made))).read_bytes())
    catalog = take_in(raw)
    assert "cat/torn.png" not in catalog.index
    assert depth_of(catalog) == 12
    assert "12 images have 16 bits a value of which 12 are used" in "".join(capsys.readouterr())


def test_several_bright_images_are_no_exception(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset(tmp_path / "raw")
    for number in range(2):
        write(tmp_path / "raw" / "cat" / f"bright{number}.png", values(14, seed=number))
    assert depth_of(take_in(tmp_path / "raw")) == 14
    assert "only" not in "".join(capsys.readouterr())


def test_the_stage_writes_the_depth_into_catalog_and_summary(tmp_path: Path, repository: Path) -> None:
    dataset(tmp_path / "data" / "raw")
    text = (repository / "params.yaml").read_text().replace("min_images: 20", "min_images: 2")
    (tmp_path / "params.yaml").write_text(text)
    run(Workspace(tmp_path), "ingest")
    summary = read_json(tmp_path / "data" / "catalog" / "summary.json")
    assert (summary["deep"], summary["depth"]) == (12, 12)
    assert summary["modes"] == {"I;16": 4, "RGB": 4, "RGB;16": 4, "RGBA;16": 4}
    assert depth_of(CATALOG.read(CATALOG.place(tmp_path))) == 12


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", CHANNELS)
def test_every_reader_sees_the_same_picture(kind: str, ending: str, tmp_path: Path) -> None:
    """One decode: what the door gives, what families on images, reports and the audit see."""
    path = write(tmp_path / f"a.{ending}", values(12, CHANNELS[kind], size=(40, 30)))
    eight = tmp_path / "eight.png"
    Image.fromarray(shown(values(12, CHANNELS[kind], size=(40, 30)), 12)).save(eight)
    np.testing.assert_array_equal(decode([path], 24, "squash", 12), decode([eight], 24, "squash", 16))
    ours, theirs = (Picture.read(Source(one, "", "", 40, 30, 1, depth)) for one, depth in ((path, 12), (eight, 8)))
    np.testing.assert_array_equal(ours.grey, theirs.grey)
    np.testing.assert_array_equal(ours.rgb, theirs.rgb)
    of_file = ("bytes_a_pixel", "channels")
    ours, theirs = traces_of(path, 12), traces_of(eight, 16)
    assert {k: v for k, v in ours.items() if k not in of_file} == {k: v for k, v in theirs.items() if k not in of_file}


def smooth(depth: int, channels: int) -> np.ndarray:
    """A dark slope: no value is cut off by a little more light."""
    y, x = np.mgrid[:30, :40]
    grey = (0.15 + 0.2 * x / 40 + 0.1 * y / 30) * (2**depth - 1)
    made = np.dstack([grey * factor for factor in (1.0, 0.8, 0.6)][: min(channels, 3)]).round().astype(np.uint16)
    return np.dstack([made, np.full((30, 40), 65535, np.uint16)]) if channels == 4 else made


def made_of(path: Path, depth: int, specification: str, partner: Parent | None = None) -> list[Path]:
    parent = Parent(path, hashlib.sha256(path.read_bytes()).hexdigest(), depth)
    (path.parent / "new").mkdir(exist_ok=True)
    order = Order(parent, tuple(Copy(n, path.parent / "new" / f"{n}", partner) for n in (1, 2, 3)))
    return [one.file for one in make([order], specification, 0, workers=1)]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", CHANNELS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_new_images_come_back_as_bright_and_as_deep_as_their_parent(
    depth: int, kind: str, ending: str, tmp_path: Path
) -> None:
    path = write(tmp_path / f"parent.{ending}", smooth(depth, CHANNELS[kind]))
    before = open_rgb(path, depth)
    mirrored = json.dumps([["HorizontalFlip", {"p": 1.0}]])
    for file in made_of(path, depth, mirrored):
        assert (file.suffix, open_image(file).mode) == (path.suffix, open_image(path).mode)
        np.testing.assert_array_equal(np.asarray(open_rgb(file, depth)), np.asarray(before)[:, ::-1])
    shifted = json.dumps([["Affine", {"rotate": [2, 2], "border_mode": 4, "p": 1.0}]])
    for file in made_of(path, depth, shifted):
        assert np.asarray(open_rgb(file, depth)).mean() == pytest.approx(np.asarray(before).mean(), abs=1)


@pytest.mark.parametrize("kind", CHANNELS)
def test_a_brighter_copy_is_as_much_brighter_as_one_of_8_bits(kind: str, tmp_path: Path) -> None:
    """Of a dark image as well, whose own values use fewer bits than the dataset's."""
    pixels = smooth(10, CHANNELS[kind])
    path = write(tmp_path / "deep.png", pixels)
    eight = tmp_path / "eight.png"
    Image.fromarray(shown(pixels, 12)).save(eight)
    brighter = json.dumps(
        [["RandomBrightnessContrast", {"brightness_limit": [0.2, 0.2], "contrast_limit": [0, 0], "p": 1.0}]]
    )
    [deep, *_], [plain, *_] = made_of(path, 12, brighter), made_of(eight, 12, brighter)
    assert np.asarray(open_rgb(deep, 12)).mean() == pytest.approx(np.asarray(open_rgb(plain, 12)).mean(), abs=1)
    assert np.asarray(open_rgb(deep, 12)).mean() > np.asarray(open_rgb(path, 12)).mean() + 20


@pytest.mark.parametrize("kind", CHANNELS)
def test_the_preset_knows_deep_colours(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / "parent.png", smooth(12, CHANNELS[kind]))
    for file in made_of(path, 12, Industrial().specification()):
        assert open_image(file).mode == open_image(path).mode
        assert open_image(file).image.size == (40, 30)


@pytest.mark.parametrize("base", CHANNELS)
@pytest.mark.parametrize("partner", [*CHANNELS, "eight"])
def test_a_mixed_image_lies_between_its_parents_as_they_are_shown(base: str, partner: str, tmp_path: Path) -> None:
    path = write(tmp_path / "base.png", np.full((30, 40, CHANNELS[base]), 1000, np.uint16) | alpha(CHANNELS[base]))
    other = tmp_path / "partner.tif"
    if partner == "eight":
        Image.new("RGB", (40, 30), (249, 249, 249)).save(other)
    else:
        write(other, np.full((30, 40, CHANNELS[partner]), 4000, np.uint16) | alpha(CHANNELS[partner]))
    dark, bright = (np.asarray(open_rgb(one, 12)).mean() for one in (path, other))
    assert (dark, bright) == pytest.approx((62, 249), abs=0.5)
    for number, file in enumerate(made_of(path, 12, Mixup().specification(), Parent(other, "partner", 12)), start=1):
        share = Mixup().drawn((40, 30), [hashlib.sha256(path.read_bytes()).hexdigest(), "partner"], number, 0).share
        expected = share * dark + (1 - share) * bright
        assert np.asarray(open_rgb(file, 12)).mean() == pytest.approx(expected, abs=1)


def alpha(channels: int) -> np.ndarray:
    """Bits that make a fourth channel opaque."""
    return np.array([0, 0, 0, 65535], np.uint16)[:channels] if channels == 4 else np.zeros(channels, np.uint16)


def test_a_model_keeps_the_depth_and_shows_files_as_training_did(tmp_path: Path) -> None:
    backbone = EfficientNetLite0(image_size=32)
    family = NearestClassMean(backbone="mine")
    fitted = NearestMeans(
        "mine",
        None,
        np.full(2, 0.5),
        {"centre": np.zeros(1280, np.float32), "means": np.eye(2, 1280, dtype=np.float32)},
    )
    save_model(Model(["a", "b"], family, Unchanged(), (fitted,), None, backbone, 12), tmp_path / "model", {})
    model = load_model(tmp_path / "model")
    assert model.depth == 12
    pixels = values(12, 3, size=(40, 30))
    deep, eight = write(tmp_path / "deep.tif", pixels), tmp_path / "eight.png"
    Image.fromarray(shown(pixels, 12)).save(eight)
    both = model.inputs([deep, eight])
    np.testing.assert_array_equal(both.images(16)[0], both.images(16)[1])
    np.testing.assert_array_equal(both.features("mine")[0], both.features("mine")[1])
    facts = read_json(tmp_path / "model" / ABOUT)
    write_json(tmp_path / "model" / ABOUT, {name: value for name, value in facts.items() if name != "depth"})
    assert load_model(tmp_path / "model").depth == 16, "an older model saw the whole scale"


def test_a_deep_colour_image_survives_writing(tmp_path: Path) -> None:
    from tasks.deep_colour import encode

    for channels in (3, 4):
        for kind in ("PNG", "TIFF"):
            pixels = values(16, channels)
            (tmp_path / "a").write_bytes(encode(DeepColour(pixels), kind))
            found = open_image(tmp_path / "a").image
            np.testing.assert_array_equal(found.values, pixels)
