"""Stripping: place, time and camera are gone from the bytes, and the picture is the same to the pixel."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageOps, PngImagePlugin

from tasks.stripping import strip

SECRETS = (b"SecretMaker", b"SecretCity", b"SecretComment", b"SecretTrailer")
XMP = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>SecretCity</x:xmpmeta>"
MODES = {"JPEG": ("L", "RGB", "CMYK"), "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"), "WEBP": ("RGB", "RGBA")}
MODES["TIFF"] = ("1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "F")


def picture(mode: str) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (23, 17, 4), dtype=np.uint8)
    if mode in ("I;16", "F"):
        return Image.fromarray(pixels[:, :, 0].astype(np.uint16 if mode == "I;16" else np.float32) * 200)
    return Image.fromarray(pixels, "RGBA").convert("CMYK" if mode == "CMYK" else "RGBA").convert(mode)


def exif(turned: int) -> Image.Exif:
    fields = Image.Exif()
    fields[0x0112], fields[0x010F], fields[0x010E] = turned, "SecretMaker", "SecretComment"
    fields.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    return fields


def encoded(kind: str, mode: str = "RGB", turned: int = 1, **more: object) -> bytes:
    buffer = io.BytesIO()
    options: dict[str, object] = {"exif": exif(turned).tobytes()}
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", "SecretComment")
        text.add_itxt("XML:com.adobe.xmp", "SecretCity", zip=False)
        text.add_text("Location", "SecretCity" * 20, zip=True)
        options["pnginfo"] = text
    elif kind == "WEBP":
        options |= {"xmp": XMP, "lossless": True, "exact": True}
    elif kind == "JPEG":
        options |= {"comment": b"SecretComment", "xmp": XMP[29:], "quality": 90, "dpi": (300, 300)}
    picture(mode).save(buffer, kind, **(options | more))
    return buffer.getvalue()


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


@pytest.mark.parametrize("turned", [1, 2, 3, 6, 8])
@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, modes in MODES.items() for mode in modes])
def test_what_a_file_says_beside_its_pixels_goes_and_the_pixels_stay(kind, mode, turned):
    content = encoded(kind, mode, turned)
    assert Image.open(io.BytesIO(content)).getexif().get_ifd(0x8825)
    assert any(secret in content for secret in SECRETS)
    stripped = strip(content)
    assert (stripped.changed, stripped.clean) == (True, True)
    before, after = opened(content), opened(stripped.content)
    assert (after.format, after.mode, after.size) == (before.format, before.mode, before.size)
    assert after.tobytes() == before.tobytes()
    assert after.getpalette() == before.getpalette()
    assert not after.getexif().get_ifd(0x8825)
    assert not any(secret in stripped.content for secret in SECRETS)
    if kind != "TIFF":  # which Pillow turns when it reads it, and whose fields of sizes are of the same kind as EXIF's
        assert dict(after.getexif()) == ({0x0112: turned} if turned != 1 else {})
    assert not {"xmp", "comment", "Comment", "Location"} & after.info.keys()
    upright = [ImageOps.exif_transpose(image).tobytes() for image in (before, after)]
    assert upright[0] == upright[1]


@pytest.mark.parametrize("kind", MODES)
def test_a_stripped_file_is_stripped_no_further(kind):
    once = strip(encoded(kind, turned=6))
    again = strip(once.content)
    assert again.content == once.content
    assert (again.changed, again.clean) == (False, True)


def test_colour_profiles_and_resolution_stay():
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in MODES:
        after = opened(strip(encoded(kind, icc_profile=profile)).content)
        assert after.info.get("icc_profile") == profile, kind
    assert opened(strip(encoded("JPEG")).content).info["dpi"] == (300, 300)
    assert opened(strip(encoded("TIFF", dpi=(72, 72))).content).info["dpi"] == (72, 72)


@pytest.mark.parametrize(
    "options", [{"progressive": True}, {"restart_marker_rows": 1}, {"quality": 100}, {"quality": 5}]
)
def test_jpegs_of_every_build_are_walked_to_their_end(options):
    content = encoded("JPEG", **options)
    assert opened(strip(content).content).tobytes() == opened(content).tobytes()


def test_what_follows_a_jpegs_end_goes_with_its_own_metadata():
    second = encoded("JPEG")
    content = encoded("JPEG") + second + b"SecretTrailer"
    stripped = strip(content)
    assert stripped.clean
    assert not any(secret in stripped.content for secret in SECRETS)
    assert stripped.content.endswith(b"\xff\xd9")
    assert stripped.content.count(b"\xff\xd8\xff") == 1
    phone = io.BytesIO()
    picture("RGB").save(phone, "MPO", save_all=True, append_images=[picture("RGB")], exif=exif(1))
    bare = opened(strip(phone.getvalue()).content)
    assert bare.format == "JPEG"
    assert bare.tobytes() == opened(phone.getvalue()).tobytes()


def test_segments_and_chunks_of_unknown_makers_go():
    content = encoded("JPEG")
    maker = b"\xff\xed" + struct.pack(">H", 2 + 30) + b"Photoshop 3.0\0SecretCity......"
    maker += b"\xff\xe7" + struct.pack(">H", 2 + 10) + b"SecretCity"
    assert b"SecretCity" not in strip(content[:2] + maker + content[2:]).content


@pytest.mark.parametrize("kind", ["BMP", "PPM"])
def test_formats_without_a_place_for_metadata_are_clean_as_they_are(kind):
    buffer = io.BytesIO()
    picture("RGB").save(buffer, kind)
    stripped = strip(buffer.getvalue())
    assert (stripped.content, stripped.changed, stripped.clean) == (buffer.getvalue(), False, True)
    assert not strip(buffer.getvalue() + b"SecretTrailer").clean


def test_comments_of_portable_pixmaps_are_not_called_clean():
    raw = picture("RGB").tobytes()
    for content in (
        b"P6\n# SecretCity\n17 23\n255\n" + raw,
        b"P6 17 23 255 # SecretCity\n" + raw,
        b"P2\n# SecretCity\n2 1\n255\n0 1\n",
        b"P2\n2 1\n255\n0 1\n# SecretCity",
    ):
        stripped = strip(content)
        assert (stripped.content, stripped.clean) == (content, False)
    assert strip(b"P2\n2 1\n255\n0 1\n").clean
    deep = b"P5 2 1 65535\n" + b"abcd"
    assert strip(deep).clean


@pytest.mark.parametrize(
    ("marker", "payload"),
    [
        (0xE0, b"JFIF\0\1\2\1\0H\0H\3\3" + b"SecretCity" + b"." * 17),  # with a thumbnail
        (0xEE, b"Adobe\0\x64\0\0\0\0\x01" + b"SecretCity"),
        (0xF0, b"SecretCity"),
        (0xC8, b"SecretCity"),
        (0xDB, b"SecretCity"),  # a table that is none
    ],
)
def test_segments_that_decoders_do_not_need_go_and_of_others_only_what_they_read_stays(marker, payload):
    bare = encoded("JPEG", exif=b"", comment=b"", xmp=b"")
    stripped = strip(bare[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload + bare[2:])
    assert stripped.clean == (b"SecretCity" not in stripped.content) == (marker != 0xDB)
    if stripped.clean:
        assert opened(stripped.content).tobytes() == opened(bare).tobytes()


def test_a_jpeg_whose_exif_comes_first_keeps_its_density():
    content = encoded("JPEG", turned=6)
    density = content[2:20]
    assert density[1] == 0xE0
    exif_end = 20 + 2 + struct.unpack(">H", content[22:24])[0]
    turned_about = content[:2] + content[20:exif_end] + density + content[exif_end:]
    after = opened(strip(turned_about).content)
    assert after.info["dpi"] == (300, 300)
    assert dict(after.getexif()) == {0x0112: 6}


def test_a_png_that_ends_too_early_loses_its_text_as_well():
    content = encoded("PNG")
    for cut in (4, 8, 12):
        stripped = strip(content[:-cut])
        assert stripped.clean
        assert not any(secret in stripped.content for secret in SECRETS)
        assert opened(stripped.content).tobytes() == opened(content).tobytes()
    assert not strip(content.replace(b"tEXt", b"SEXt")).clean


def test_tiffs_of_more_bits_than_pillow_keeps_are_left_alone_and_said():
    samples = np.random.default_rng(0).integers(0, 65536, (9, 12, 3)).astype("<u2").tobytes()
    fields = [(256, 4, 1, 12), (257, 4, 1, 9), (258, 3, 3, 134), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 140)]
    fields += [(277, 3, 1, 3), (278, 4, 1, 9), (279, 4, 1, len(samples)), (284, 3, 1, 1)]
    directory = struct.pack("<H", len(fields)) + b"".join(struct.pack("<HHII", *field) for field in fields) + bytes(4)
    content = b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<3H", 16, 16, 16) + samples
    assert opened(content).mode == "RGB"
    stripped = strip(content)
    assert (stripped.content, stripped.clean) == (content, False)


def test_metadata_in_the_frames_of_an_animation_go():
    buffer = io.BytesIO()
    frames = [picture("RGB"), ImageOps.mirror(picture("RGB"))]
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    content = buffer.getvalue()
    at = content.index(b"ANMF")
    (length,) = struct.unpack_from("<I", content, at + 4)
    inner = content[at + 8 : at + 8 + length] + b"junk" + struct.pack("<I", 10) + b"SecretCity"
    grown = content[:at] + b"ANMF" + struct.pack("<I", len(inner)) + inner + content[at + 8 + length :]
    grown = grown[:4] + struct.pack("<I", len(grown) - 8) + grown[8:]
    stripped = strip(grown)
    assert stripped.clean
    assert b"SecretCity" not in stripped.content
    assert opened(stripped.content).n_frames == 2


def test_what_can_not_be_stripped_without_loss_is_left_and_said():
    gif = io.BytesIO()
    picture("P").save(gif, "GIF", comment=b"SecretComment")
    pages = io.BytesIO()
    picture("RGB").save(pages, "TIFF", save_all=True, append_images=[picture("RGB")], exif=exif(1))
    plain = io.BytesIO()
    picture("P").save(plain, "GIF")
    for content in (gif.getvalue(), plain.getvalue(), pages.getvalue(), b"no image", b""):
        stripped = strip(content)
        assert (stripped.content, stripped.changed, stripped.clean) == (content, False, False)


@pytest.mark.parametrize("kind", MODES)
def test_damaged_files_raise_nothing_and_are_never_called_clean_with_a_secret(kind):
    content = encoded(kind, turned=6)
    random = np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(content)
        for place in random.integers(0, len(content), 3):
            damaged[place] = random.integers(0, 256)
        cut = bytes(damaged[: random.integers(1, len(damaged) + 1)])
        stripped = strip(cut)
        assert not (stripped.clean and any(secret in stripped.content for secret in SECRETS))


@pytest.mark.parametrize("kind", MODES)
def test_files_that_were_cut_are_never_called_clean_with_a_secret(kind):
    content = encoded(kind, turned=6)
    for end in range(len(content)):
        stripped = strip(content[:end])
        assert not (stripped.clean and any(secret in stripped.content for secret in SECRETS))


def test_a_large_text_hides_no_orientation():
    about = PngImagePlugin.PngInfo()
    about.add_text("c", "x" * 3_000_000, zip=True)
    stripped = strip(encoded("PNG", turned=6, pnginfo=about))
    assert stripped.clean
    assert opened(stripped.content).getexif()[0x0112] == 6
