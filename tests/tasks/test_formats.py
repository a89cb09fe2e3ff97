"""What a file is, told from its first bytes."""

import gzip
import io
import struct
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks import formats, heic
from tasks.formats import ARCHIVE, DICOM, HEAD, HEIC, IMAGE, JPEG_XL, OTHER, RAW, TEXT, VIDEO, kind_of
from tasks.images import UnreadableError, can_read, open_image

PHOTOS = Path(__file__).parent / "photos"


def encode(image_format, mode="RGB", **options):
    file = io.BytesIO()
    Image.effect_noise((40, 30), 50).convert(mode).save(file, image_format, **options)
    return file.getvalue()


def media(brand, *compatible, size=2000):
    body = brand + b"\0\0\0\0" + b"".join(compatible)
    return struct.pack(">I", len(body) + 8) + b"ftyp" + body + bytes(size)


def tiff(order, fields):
    """A TIFF of one directory: tag, type (3 short, 4 long) and value of each field."""
    mark = {"<": b"II*\0", ">": b"MM\0*"}[order]
    entries = b"".join(
        struct.pack(f"{order}HHI", tag, kind, 1) + struct.pack(f"{order}{'HH' if kind == 3 else 'I'}", *value)
        for tag, kind, *value in fields
    )
    return mark + struct.pack(f"{order}IH", 8, len(fields)) + entries + bytes(500)


def zipped():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", "b")
    return file.getvalue()


def tarred():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    return file.getvalue()


NIKON = [(254, 4, 1), (271, 4, 0), (330, 4, 0)]  # a preview, by whom, and where the rest stands
FILES = {
    "DICOM": (bytes(128) + b"DICM" + bytes(100), DICOM),
    "DICOM without preamble": (b"\x02\0\0\0UL\x04\0" + bytes(100), DICOM),
    "CR2": (b"II*\0\x10\0\0\0CR\2\0" + bytes(100), RAW),
    "CR3": (media(b"crx ", b"isom"), RAW),
    "NEF": (tiff(">", NIKON), RAW),
    "ARW": (tiff("<", NIKON), RAW),
    "DNG": (tiff("<", [(254, 4, 0), (50706, 4, 1)]), RAW),
    "PEF": (tiff(">", [(262, 3, 32803, 0)]), RAW),
    "RAF": (b"FUJIFILMCCD-RAW 0201" + bytes(100), RAW),
    "ORF": (b"IIRO\x08\0\0\0" + bytes(100), RAW),
    "MP4": (media(b"isom", b"isom", b"mp41"), VIDEO),
    "MOV": (media(b"qt  "), VIDEO),
    "old MOV": (struct.pack(">I", 8) + b"wide" + bytes(100), VIDEO),
    "AVI": (b"RIFF\0\0\0\0AVI LIST", VIDEO),
    "MKV": (b"\x1a\x45\xdf\xa3" + bytes(100), VIDEO),
    "M4A": (media(b"M4A "), OTHER),
    "ZIP": (zipped(), ARCHIVE),
    "TAR": (tarred(), ARCHIVE),
    "gzip": (gzip.compress(b"a"), ARCHIVE),
    "HEIC": (media(b"heic", b"mif1", b"heic"), HEIC),
    "HEIC of many brands": (media(b"mif1", b"MiHB", b"heic"), HEIC),
    "AVIF by a later brand": (media(b"mif1", b"avif"), IMAGE),
    "JPEG XL": (b"\xff\x0a" + bytes(100), JPEG_XL),
    "text": ("Größe: 3 m\n" * 5).encode(),
    "UTF-16": "text".encode("utf-16"),
    "a letter cut in two": (b"a" + "ö".encode() * HEAD)[:HEAD],
    "HTML": b"<!DOCTYPE html><p>404",
    "zeros": (bytes(500), OTHER),
    "nothing": (b"", OTHER),
    "noise": (np.random.default_rng(0).bytes(HEAD), OTHER),
    "WAV": (b"RIFF\0\0\0\0WAVEfmt ", OTHER),
    "BM by chance": (b"BMW, the car \x80 maker \x01", OTHER),
}


@pytest.mark.parametrize("name", FILES)
def test_files_are_told_by_their_first_bytes(name):
    data, kind = FILES[name] if isinstance(FILES[name], tuple) else (FILES[name], TEXT)
    assert kind_of(data[:HEAD]) is kind


@pytest.mark.parametrize(
    ("image_format", "mode"),
    [
        *((name, "RGB") for name in ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "AVIF", "JPEG2000", "QOI", "SGI")),
        *(("MPO", "RGB"), ("PPM", "RGB"), ("PPM", "L"), ("PPM", "1"), ("TIFF", "L"), ("TIFF", "CMYK"), ("ICNS", "RGB")),
    ],
)
def test_images_are_images(image_format, mode):
    assert kind_of(encode(image_format, mode)[:HEAD]) is IMAGE


def test_a_big_tiff_and_a_commented_ppm_are_images():
    assert kind_of(encode("TIFF", big_tiff=True)) is IMAGE
    assert kind_of(b"P5\n# made by hand\n2 2\n255\n....") is IMAGE
    assert kind_of(b"P5 is a standard of papers") is TEXT


def test_a_tiff_of_several_sizes_or_with_a_maker_is_an_image_and_no_raw():
    assert kind_of(tiff("<", [(254, 4, 0), (271, 4, 0), (330, 4, 0)])) is IMAGE
    assert kind_of(encode("TIFF", tiffinfo={271: "Nikon", 262: 1})) is IMAGE


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("length", [0, 1, 3, 9, 13, 20, 135])
def test_any_beginning_of_a_file_can_be_asked_for(name, length):
    data = FILES[name][0] if isinstance(FILES[name], tuple) else FILES[name]
    assert isinstance(kind_of(data[:length]), formats.Kind)


@pytest.mark.parametrize("name", ["DICOM", "NEF", "DNG", "CR3", "JPEG XL", "MP4", "ZIP"])
def test_what_can_not_be_read_is_named_with_what_to_do(name):
    data, kind = FILES[name]
    with pytest.raises(UnreadableError) as caught:
        open_image(io.BytesIO(data))
    assert caught.value.reason == ("unsupported" if kind.shows_something else "other file")
    assert caught.value.detail == f"{kind.name}: {kind.remedy}"


# HEIC. The photos were made with pillow-heif from the picture of `gradient`.


def gradient():
    """Red grows to the right and green downwards, shape (32, 48, 2)."""
    y, x = np.mgrid[:32, :48]
    return np.stack([x * 255 // 48, y * 255 // 32], axis=2)


def test_without_its_package_heic_names_the_extra(monkeypatch):
    monkeypatch.setattr(heic, "version", lambda: "")
    assert not can_read(HEIC)
    with pytest.raises(UnreadableError, match=r"unsupported: HEIC: pip install 'equipoise\[heif\]'"):
        open_image(PHOTOS / "upright.heic")


@pytest.mark.parametrize(("name", "frames"), [("upright", 1), ("turned", 1), ("several", 2)])
def test_heic_comes_out_upright_and_once_turned(name, frames):
    pytest.importorskip("pi_heif")
    found = open_image(PHOTOS / f"{name}.heic", 10**6)
    assert (found.format, found.frames, found.image.size) == ("HEIF", frames, (48, 32))
    assert np.abs(np.asarray(found.image)[..., :2].astype(int) - gradient()).mean() < 8
    assert found.camera == ("Acme X-1" if name == "turned" else None)


def test_damaged_heic_is_unreadable_and_too_large_ones_are_refused():
    pytest.importorskip("pi_heif")
    data = (PHOTOS / "upright.heic").read_bytes()
    for length in range(24, len(data) - 1, 40):
        with pytest.raises(UnreadableError, match="damaged"):
            open_image(io.BytesIO(data[:length]))
    with pytest.raises(UnreadableError, match="too many pixels"):
        open_image(io.BytesIO(data), 1000)
    generator = np.random.default_rng(0)
    for _ in range(100):
        spoilt = bytearray(data)
        for position in generator.integers(0, len(data), 20):
            spoilt[position] ^= 1 << int(generator.integers(8))
        with suppress(UnreadableError):  # and no other error; most flipped bits go unnoticed by the format
            open_image(io.BytesIO(bytes(spoilt)), 10**6)
