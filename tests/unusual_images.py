"""Image files that are whole, but written in an unusual way."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, PngImagePlugin


def photo(width=48, height=32, seed=0):
    """A smooth picture without any symmetry."""
    y, x = np.mgrid[:height, :width]
    channels = [x * 255 // width, y * 255 // height, (x * y + 40 * seed) % 256]
    return Image.fromarray(np.stack(channels, axis=2).astype(np.uint8))


def encode(image, image_format, **options):
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def in_jpeg(mark, position, new, **options):
    """A JPEG with bytes changed some way behind a mark."""
    data = encode(photo(), "JPEG", **options)
    at = data.index(mark) + position
    return data[:at] + new + data[at + len(new) :]


def with_adobe(transform):
    data = encode(photo(), "JPEG")
    return data[:2] + b"\xff\xee\0\x0eAdobe\0d\0\0\0\0" + bytes([transform]) + data[20:]


def filled(fill, **options):
    data = encode(photo(), "JPEG", **options)
    return data[:-2] + fill + data[-2:]


def padded(number):
    data = encode(photo(), "JPEG")
    return data[:20] + bytes(number) + data[20:]


def chunk(kind, body, checksum=None):
    checksum = zlib.crc32(kind + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def with_chunk(*chunks):
    data = encode(photo(), "PNG")
    return data[:33] + b"".join(chunks) + data[33:]


def png_with_text(size, number=1):
    about = PngImagePlugin.PngInfo()
    for key in range(number):
        about.add_text(f"c{key}", "x" * size, zip=True)
    return encode(photo(), "PNG", pnginfo=about)


UNUSUAL = {
    "scan header with Se = 0": (in_jpeg(b"\xff\xda", 5 + 6 + 1, b"\0"), "senseless range of coefficients"),
    "JFIF version 0.00": (in_jpeg(b"JFIF\0", 5, b"\0\0"), "unknown version of JFIF"),
    "unknown Adobe transform": (with_adobe(7), "unknown colour transform of Adobe"),
    "zeros before the end": (filled(bytes(20)), "fill behind the last block"),
    "spaces before the end": (filled(b" " * 30), "fill behind the last block"),
    "no end marker": (encode(photo(), "JPEG")[:-2], "no end marker"),
    "half an end marker": (encode(photo(), "JPEG")[:-1], "no end marker"),
    "padding": (padded(2), "padding between segments"),
    "two at once": (in_jpeg(b"JFIF\0", 5, b"\0\0")[:-2] + bytes(9) + b"\xff\xd9", "unknown version of JFIF"),
    "much text": (png_with_text(3_000_000), "more than 1 MB in the chunk zTXt"),
    "many texts": (png_with_text(1_000_000, 70), None),
    "a colour profile": (encode(photo(), "PNG", icc_profile=bytes(3_000)), None),
    "a large one": (encode(photo(), "PNG", icc_profile=bytes(3_000_000)), "more than 1 MB in the chunk iCCP"),
    "unknown chunk": (with_chunk(chunk(b"prVt", b"mine")), None),
    "wrong checksum of a text": (with_chunk(chunk(b"tEXt", b"a\0b", 7)), "wrong checksum in the chunk tEXt"),
    "bytes behind the end of a PNG": (encode(photo(), "PNG") + b"trailer", "bytes behind the end"),
    "no end chunk": (encode(photo(), "PNG")[:-12], "no end chunk"),
    "half an end chunk": (encode(photo(), "PNG")[:-5], "no end chunk"),
    "bytes behind the end of a JPEG": (encode(photo(), "JPEG") + b"trailer" * 500, None),
    "no JFIF": (encode(photo(), "JPEG")[:2] + encode(photo(), "JPEG")[20:], None),
}
