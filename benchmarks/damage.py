"""Is damage noticed, and is what is sound kept? ``python benchmarks/damage.py [--files 200]``.

Makes photos, drawings with flat grounds and grey photos, the same for the same seed, saves them in each format, and
spoils each file in three ways: 20 flipped bits, a block of zeros (4 KiB, or a quarter of a smaller file), the end cut
off. Prints which share is noticed by `tasks.images` and by Pillow's plain load; a flipped bit that changes nothing to
be seen counts as missed all the same. Then it prints which share of files is read, by both, that are whole but written
in an unusual way, as some cameras and editors do.
"""

from __future__ import annotations

import argparse
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from tasks.images import UnreadableError, open_image

FORMATS: dict[str, list[dict[str, Any]]] = {  # the settings that files of a format take turns in
    "JPEG": [{"quality": 90}, {"quality": 75, "optimize": True}, {"quality": 92, "progressive": True}],
    "PNG": [{}],
    "WEBP": [{"quality": 85}, {"lossless": True}],
    "TIFF": [{"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"}, {"compression": None}],
}
BLOCK = 4096


def picture(index: int, side: int = 200) -> Image.Image:
    """A photo, a drawing on a white ground, or a grey photo, in turn."""
    generator = np.random.default_rng(index)
    small = Image.fromarray(generator.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    pixels = np.asarray(small.resize((side * 3 // 2, side), Image.Resampling.BICUBIC)).astype(float)
    pixels += generator.normal(0, 6, pixels.shape)
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    if index % 3 == 1:
        drawing = Image.new("RGB", image.size, "white")
        drawing.paste(image.crop((0, 0, side // 2, side // 2)), (side // 3, side // 5))
        return drawing
    return image.convert("L") if index % 3 == 2 else image


def saved(image: Image.Image, image_format: str, **settings: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, image_format, **settings)
    return file.getvalue()


def flipped(data: bytes, generator: np.random.Generator) -> bytes:
    spoilt = bytearray(data)
    for position in generator.integers(0, len(data), 20):
        spoilt[position] ^= 1 << int(generator.integers(8))
    return bytes(spoilt)


def zeroed(data: bytes, generator: np.random.Generator) -> bytes:
    size = min(BLOCK, len(data) // 4)
    start = int(generator.integers(0, len(data) - size))
    return data[:start] + bytes(size) + data[start + size :]


def cut(data: bytes, generator: np.random.Generator) -> bytes:
    return data[: int(generator.integers(len(data) // 10, len(data)))]


DAMAGES = {"20 bits flipped": flipped, "a block of zeros": zeroed, "the end cut off": cut}


def jpeg(index: int, **settings: Any) -> bytearray:
    return bytearray(saved(picture(index), "JPEG", **({"quality": 75 + index % 20} | settings)))


def scan_header(index: int) -> bytes:
    data = jpeg(index)
    start = data.index(b"\xff\xda")
    data[start + 5 + 2 * data[start + 4] + 1] = 0  # the last coefficient of the scan: 63
    return bytes(data)


def jfif_version(index: int) -> bytes:
    data = jpeg(index)
    start = data.index(b"JFIF\0")
    data[start + 5 : start + 7] = b"\0\0"
    return bytes(data)


def without_jfif(index: int) -> bytes:
    data = jpeg(index)
    return bytes(data[:2] + data[20:])


def fill(index: int) -> bytes:
    data = jpeg(index, optimize=index % 2 == 0)
    return bytes(data[:-2] + bytes(1 + index % 50) + data[-2:])


def no_end(index: int) -> bytes:
    return bytes(jpeg(index)[:-2])


def padding(index: int) -> bytes:
    data = jpeg(index)
    return bytes(data[:20] + bytes(1 + index % 3) + data[20:])


def application(index: int) -> bytes:
    data = jpeg(index)
    return bytes(data[:20] + b"\xff\xeb\0\x09unknown\xff\xfe\0\x02" + data[20:])


def adobe(index: int) -> bytes:
    data = jpeg(index)
    segment = b"\xff\xee\0\x0eAdobe\0d\0\0\0\0" + bytes([3 + index % 9])
    return bytes(data[:2] + segment + data[20:])


def trailer(index: int) -> bytes:
    return bytes(jpeg(index)) + np.random.default_rng(index).bytes(5000)


def png_with(change: Callable[[bytes], bytes]) -> Callable[[int], bytes]:
    return lambda index: change(saved(picture(index), "PNG"))


def text(index: int) -> bytes:
    about = PngImagePlugin.PngInfo()
    about.add_text("c", "x" * 3_000_000, zip=True)
    return saved(picture(index), "PNG", pnginfo=about)


def many_texts(index: int) -> bytes:
    about = PngImagePlugin.PngInfo()
    for number in range(70):
        about.add_text(f"c{number}", "x" * 1_000_000, zip=True)
    return saved(picture(index), "PNG", pnginfo=about)


def profile(index: int) -> bytes:
    return saved(picture(index), "PNG", icc_profile=bytes(3_000_000))


def chunk(name: bytes, body: bytes, checksum: int | None = None) -> bytes:
    checksum = zlib.crc32(name + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)


UNUSUAL: dict[str, Callable[[int], bytes]] = {
    "JPEG, scan header with Se = 0": scan_header,
    "JPEG, JFIF version 0.00": jfif_version,
    "JPEG without JFIF": without_jfif,
    "JPEG, fill before the end": fill,
    "JPEG without an end marker": no_end,
    "JPEG, padding between segments": padding,
    "JPEG, unknown segments": application,
    "JPEG, unknown Adobe transform": adobe,
    "JPEG, bytes behind the end": trailer,
    "JPEG, restart markers": lambda index: bytes(jpeg(index, restart_marker_blocks=4)),
    "JPEG as RGB": lambda index: saved(picture(index).convert("RGB"), "JPEG", keep_rgb=True),
    "JPEG as CMYK, fill": lambda index: (lambda d: d[:-2] + bytes(9) + d[-2:])(
        saved(picture(index).convert("CMYK"), "JPEG")
    ),
    "PNG, 3 MB of text": text,
    "PNG, 70 MB of texts": many_texts,
    "PNG, 3 MB of colour profile": profile,
    "PNG, unknown chunk": png_with(lambda data: data[:33] + chunk(b"prVt", b"mine") + data[33:]),
    "PNG, wrong checksum of a text": png_with(lambda data: data[:33] + chunk(b"tEXt", b"a\0b", 7) + data[33:]),
    "PNG, bytes behind the end": png_with(lambda data: data + b"trailer" * 99),
    "PNG without an end": png_with(lambda data: data[:-12]),
    "WebP, bytes behind the end": lambda index: saved(picture(index), "WEBP") + b"trailer",
    "TIFF, bytes behind the end": lambda index: saved(picture(index), "TIFF") + b"trailer",
}


def ours(data: bytes) -> bool:
    try:
        open_image(io.BytesIO(data), 100_000_000)
    except UnreadableError:
        return False
    return True


def pillow(data: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    except Exception:
        return False
    return True


def share(reads: Callable[[bytes], bool], files: list[bytes]) -> float:
    return sum(map(reads, files)) / len(files)


def whole(image_format: str, number: int) -> Iterator[bytes]:
    settings = FORMATS[image_format]
    for index in range(number):
        yield saved(picture(index), image_format, **settings[index // 3 % len(settings)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=200, help="files of each format and damage")
    number = parser.parse_args().files
    print(f"Damage that is noticed, of {number} files each:        ours  Pillow")
    for image_format in FORMATS:
        files = list(whole(image_format, number))
        for damage, spoil in DAMAGES.items():
            spoilt = [spoil(data, np.random.default_rng([1, index])) for index, data in enumerate(files)]
            print(f"  {image_format:<5} {damage:<40} {1 - share(ours, spoilt):6.1%}  {1 - share(pillow, spoilt):6.1%}")
        print(f"  {image_format:<5} {'(nothing, refused)':<40} {1 - share(ours, files):6.1%}")
    print("Sound but unusual files that are read:         ours  Pillow")
    each = max(6, number // 10)
    rates = []
    for name, make in UNUSUAL.items():
        files = [make(index) for index in range(each)]
        rates.append(share(ours, files))
        print(f"  {name:<46} {rates[-1]:6.1%}  {share(pillow, files):6.1%}")
    print(f"  {'all':<46} {np.mean(rates):6.1%}")


if __name__ == "__main__":
    main()
