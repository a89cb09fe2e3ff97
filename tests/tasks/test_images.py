"""Every kind of file comes out upright and as RGB, or as one exception that says why not."""

import io
import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image
from unusual_images import UNUSUAL, chunk, encode, padded, photo, with_chunk

from tasks.images import UnreadableError, open_image, size_in_header, to_rgb
from tasks.png_essence import SIGNATURE
from tasks.stripping import strip


def decode(data, max_pixels=10**6):
    return open_image(io.BytesIO(data), max_pixels)


def reason(data, max_pixels=10**6):
    with pytest.raises(UnreadableError) as caught:
        decode(data, max_pixels)
    assert caught.value.detail
    return caught.value.reason


def pixels(image):
    return np.asarray(image).astype(int)


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "BMP", "PPM", "TGA", "QOI"])
def test_lossless_formats_come_back_as_they_were_saved(image_format):
    found = decode(encode(photo(), image_format))
    assert (found.width, found.height, found.frames, found.format) == (48, 32, 1, image_format)
    assert (pixels(found.image) == pixels(photo())).all()


@pytest.mark.parametrize("image_format", ["JPEG", "WEBP", "AVIF", "JPEG2000"])
def test_lossy_formats_come_back_nearly_so(image_format):
    found = decode(encode(photo(), image_format))
    assert (found.mode, found.format) == ("RGB", image_format)
    assert np.abs(pixels(found.image) - pixels(photo())).mean() < 20


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_strictly_decoded_jpeg_has_the_pixels_that_pillow_sees(mode):
    data = encode(photo().convert(mode), "JPEG")
    found = decode(data)
    assert found.mode == found.image.mode == mode
    assert np.abs(pixels(found.image) - pixels(Image.open(io.BytesIO(data)))).max() <= 2


def test_a_jpeg_with_several_pictures_counts_them_and_gives_the_first():
    data = encode(photo(), "MPO", save_all=True, append_images=[photo(seed=3)])
    found = decode(data)
    assert (found.format, found.frames) == ("MPO", 2)
    assert np.abs(pixels(found.image) - pixels(photo())).mean() < 20


@pytest.mark.parametrize("image_format", ["GIF", "TIFF", "WEBP", "PNG"])
def test_of_several_frames_the_first_is_taken_and_their_number_noted(image_format):
    frames = [Image.new("RGB", (16, 12), colour) for colour in ("red", "green", "blue")]
    found = decode(encode(frames[0], image_format, save_all=True, append_images=frames[1:]))
    assert found.frames == 3
    red, green, blue = to_rgb(found.image, 16).getpixel((8, 6))
    assert red > 240
    assert max(green, blue) < 15


# Where the top left pixel of the upright picture stands in the stored one: (row, column) of its corner.
CORNERS = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0), 5: (0, 0), 6: (-1, 0), 7: (-1, -1), 8: (0, -1)}


@pytest.mark.parametrize("orientation", CORNERS)
@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "WEBP", "JPEG", "AVIF"])
def test_images_stand_upright_whatever_their_exif_orientation(image_format, orientation):
    stored = Image.new("RGB", (24, 16), "black")
    row, column = CORNERS[orientation]
    stored.paste(
        "white", (0 if column == 0 else 16, 0 if row == 0 else 8, 8 if column == 0 else 24, 8 if row == 0 else 16)
    )
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = decode(encode(stored, image_format, exif=exif))
    assert found.orientation == orientation
    assert found.image.size == ((24, 16) if orientation < 5 else (16, 24))
    assert min(to_rgb(found.image, 16).getpixel((2, 2))) > 200
    assert max(to_rgb(found.image, 16).getpixel((found.width - 3, found.height - 3))) < 60


def test_a_compressed_tiff_is_not_turned_twice():
    found = decode(encode(photo(), "TIFF", compression="tiff_lzw", tiffinfo={0x0112: 6}))
    assert found.orientation == 6
    assert (pixels(found.image) == pixels(photo().transpose(Image.Transpose.ROTATE_270))).all()


def test_exif_time_camera_and_place_are_read():
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Acme\0", "Acme X-1 "
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    exif.get_ifd(0x8825).update({1: "S", 2: (33.0, 51.0, 36.0), 3: "E", 4: (151.0, 12.0, 0.0)})
    found = decode(encode(photo(), "JPEG", exif=exif))
    assert (found.taken, found.camera) == ("2024-05-06T07:08:09", "Acme X-1")
    assert (found.latitude, found.longitude) == (pytest.approx(-33.86), pytest.approx(151.2))


def test_senseless_exif_is_no_exif_and_spoils_no_image():
    exif = Image.Exif()
    exif[0x0112] = 77
    exif.get_ifd(0x8769)[0x9003] = "0000:00:00 00:00:00"
    exif.get_ifd(0x8825).update({1: "N", 2: (999.0, 0.0, 0.0)})
    found = decode(encode(photo(), "JPEG", exif=exif))
    assert (found.orientation, found.taken, found.latitude, found.longitude) == (1, None, None, None)
    garbled = encode(photo(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff garbage")
    assert decode(garbled).orientation == 1


def test_transparent_pixels_lie_on_mid_grey():
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    image.putpixel((0, 0), (255, 0, 0, 255))
    image.putpixel((1, 0), (255, 0, 0, 128))
    rgb = to_rgb(image, 16)
    assert rgb.getpixel((3, 3)) == (128, 128, 128)
    assert rgb.getpixel((0, 0)) == (255, 0, 0)
    assert rgb.getpixel((1, 0)) == pytest.approx((192, 64, 64), abs=1)
    assert to_rgb(Image.new("LA", (1, 1), (0, 0)), 16).getpixel((0, 0)) == (128, 128, 128)


def test_a_transparent_palette_colour_lies_on_mid_grey_too():
    image = Image.new("P", (2, 1))
    image.putpalette([255, 255, 0, 0, 0, 255])
    image.putdata([0, 1])
    found = decode(encode(image, "PNG", transparency=0))
    assert found.mode == "P"
    assert [to_rgb(found.image, 16).getpixel((x, 0)) for x in (0, 1)] == [(128, 128, 128), (0, 0, 255)]
    assert to_rgb(image.convert("PA"), 16).getpixel((1, 0)) == (0, 0, 255)


@pytest.mark.parametrize(
    ("mode", "dtype", "values", "expected"),
    [
        ("I;16", np.uint16, [0, 257, 32896, 65535], [0, 1, 128, 255]),
        ("I", np.int32, [0, 257, 32896, 65535], [0, 1, 128, 255]),
        ("I", np.int32, [-100, 0, 50, 100], [0, 128, 191, 255]),
        ("I", np.int32, [0, 100_000, 150_000, 200_000], [0, 128, 191, 255]),
        ("F", np.float32, [0, 0.25, 0.5, 1], [0, 64, 128, 255]),
        ("F", np.float32, [0, 1.5, 128, 255], [0, 2, 128, 255]),
        ("F", np.float32, [-1, 0, 0.5, 1], [0, 128, 191, 255]),
        ("F", np.float32, [np.nan, np.inf, 0, 1], [0, 0, 0, 255]),
    ],
)
def test_more_than_eight_bits_are_scaled_as_documented(mode, dtype, values, expected):
    image = Image.fromarray(np.array([values], dtype=dtype))
    assert image.mode == mode
    found = decode(encode(image, "TIFF"))
    assert found.mode == mode
    assert [to_rgb(found.image, 16).getpixel((x, 0)) for x in range(4)] == [(value,) * 3 for value in expected]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I;16", "I", "F"])
def test_every_mode_becomes_eight_bit_rgb_of_the_same_size(mode):
    image = photo().convert("P").convert("PA") if mode == "PA" else photo().convert("L" if mode == "I;16" else mode)
    rgb = to_rgb(image.convert("I;16") if mode == "I;16" else image, 16)
    assert (rgb.mode, rgb.size) == ("RGB", (48, 32))


def test_the_size_in_a_header_is_told_and_whatever_is_wrong_with_it_is_none(tmp_path):
    file = tmp_path / "a"
    for image_format in ("PNG", "JPEG", "TIFF", "AVIF", "DDS"):
        data = encode(photo(), image_format)
        file.write_bytes(data)
        assert size_in_header(file) == (48, 32)
        for cut in range(0, min(len(data), 400), 7):
            file.write_bytes(data[:cut])
            assert size_in_header(file) in (None, (48, 32))
            file.write_bytes(data[:cut] + b"\xff" * 3 + data[cut + 3 :])
            size_in_header(file)
    assert size_in_header(tmp_path / "gone") is None
    file.write_bytes(png_of_size(60_000, 50_000))
    assert size_in_header(file) == (60_000, 50_000), "no warning of a bomb, since nothing is decoded"


def test_files_that_are_no_images_are_told_from_empty_and_damaged_ones():
    assert reason(b"") == "empty file"
    assert reason(b"just words, whatever the file is called") == "not an image"
    assert reason(bytes(5000)) == "not an image"
    assert reason(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n") == "not an image"  # it would run a program
    assert reason(encode(photo(), "JPEG")[:40]) in ("damaged", "not an image")


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "JPEG2000"])
def test_truncated_files_are_unreadable(image_format):
    data = encode(photo(200, 150), image_format)
    for share in (0.3, 0.6, 0.9):
        assert reason(data[: int(len(data) * share)]) in ("damaged", "not an image")


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_most_flipped_bits_are_noticed(image_format):
    generator = np.random.default_rng(0)
    data = encode(photo(200, 150), image_format)
    noticed = 0
    for _ in range(40):
        spoilt = bytearray(data)
        for position in generator.integers(len(data) // 10, len(data), 20):
            spoilt[position] ^= 1 << int(generator.integers(8))
        try:
            decode(bytes(spoilt))
        except UnreadableError:
            noticed += 1
    assert noticed >= (40 if image_format == "PNG" else 30)


def test_a_block_of_zeros_in_a_jpeg_is_noticed():
    data = bytearray(encode(Image.effect_noise((300, 300), 80), "JPEG"))
    data[8000:12096] = bytes(4096)
    assert reason(bytes(data)) == "damaged"


def png_of_size(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def drawing_in_fax_code(seed=0):
    """A TIFF in the code of faxes, whose damage Pillow doesn't ask for."""
    pixels = np.kron(np.random.default_rng(seed).integers(0, 2, (12, 16)), np.ones((6, 5))).astype(bool)
    return encode(Image.fromarray(pixels), "TIFF", compression="group4")


def test_damage_that_only_libtiff_tells_is_noticed_and_nothing_reaches_the_terminal(capfd):
    data = drawing_in_fax_code()
    with Image.open(io.BytesIO(data)) as image:
        start, length = image.tag_v2[273][0], image.tag_v2[279][0]
    assert decode(data).mode == "1"
    wrong = data[: start + length // 2] + bytes(9) + data[start + length // 2 + 9 :]
    with Image.open(io.BytesIO(wrong)) as image:
        image.load()
    assert "Bad code word" in capfd.readouterr().err, "Pillow alone reads it, and libtiff prints"
    with pytest.raises(UnreadableError, match=r"^damaged: Bad code word"):
        decode(wrong)
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("error")
def test_nothing_that_is_wrong_with_a_file_is_printed_or_warned_of(capfd):
    exif = Image.Exif()
    exif[271] = "maker" * 50
    for image_format, options in (
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "jpeg"}),
        ("JPEG", {}),
    ):
        data = encode(photo(), image_format, exif=exif.tobytes(), **options)
        for seed in range(20):
            wrong = bytearray(data)
            for at in np.random.default_rng(seed).integers(8, len(data), 9):
                wrong[at] ^= 255
            for content in (bytes(wrong), data[: len(data) * seed // 20]):
                with suppress(UnreadableError):
                    decode(content)
                strip(content)
    assert capfd.readouterr() == ("", "")


def test_a_huge_header_is_refused_before_a_pixel_is_decoded():
    assert reason(png_of_size(60_000, 60_000), 100_000_000) == "too many pixels"


def test_the_limit_of_pixels_is_exact_and_leaves_no_trace():
    before = Image.MAX_IMAGE_PIXELS
    data = encode(photo(10, 10), "PNG")
    assert decode(data, 100).width == 10
    with pytest.raises(UnreadableError, match="100 pixels, where 99 are allowed"):
        decode(data, 99)
    assert open_image(io.BytesIO(data)).width == 10
    assert before == Image.MAX_IMAGE_PIXELS


def test_details_hold_no_addresses_so_that_the_same_file_gives_the_same_text():
    texts = set()
    for _ in range(2):
        with pytest.raises(UnreadableError) as caught:
            decode(b"no image" * 9)
        texts.add(str(caught.value))
    assert len(texts) == 1
    assert "0x" not in texts.pop()


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(UnreadableError, match="can't be opened"):
        open_image(tmp_path / "missing.png", 100)


@pytest.mark.parametrize("quality", [5, 30, 49, 50, 75, 90, 95, 100])
def test_the_quality_of_a_jpeg_is_read_from_its_tables(quality):
    assert decode(encode(photo(), "JPEG", quality=quality)).jpeg_quality == quality
    assert decode(encode(photo().convert("L"), "JPEG", quality=quality)).jpeg_quality == quality


def test_other_formats_have_no_jpeg_quality():
    assert decode(encode(photo(), "PNG")).jpeg_quality is None


def test_the_resolution_is_that_of_the_header_and_nonsense_counts_as_none():
    assert decode(encode(photo(), "JPEG", dpi=(300, 300))).dpi == 300
    assert decode(encode(photo(), "PNG", dpi=(72, 72))).dpi == pytest.approx(72, abs=0.1)
    assert decode(encode(photo(), "PNG")).dpi is None
    assert decode(encode(photo(), "TIFF", dpi=(0.01, 0.01))).dpi is None


def ten_bad_files():
    """Ten files of every kind of damage: the name of the kind, and the bytes."""
    generator = np.random.default_rng(0)
    noise = Image.fromarray(generator.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    for number in range(10):
        share = (number + 1) / 12
        for image_format in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"):
            whole = encode(noise, image_format)
            yield f"cut {image_format}", whole[: int(len(whole) * share)]
        yield "zeros in a JPEG", bytes(hole(encode(noise, "JPEG", quality=90), share, 700))
        yield "zeros in a PNG", bytes(hole(encode(noise, "PNG"), share, 700))
        yield "noise behind a magic number", b"\xff\xd8\xff\xe0" + generator.bytes(500 + number)
        yield "text", b"not an image " * (number + 1)


def hole(data, share, size):
    spoiled = bytearray(data)
    start = 200 + int((len(data) - size - 300) * share)
    spoiled[start : start + size] = bytes(size)
    return spoiled


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in ten_bad_files()}))
def test_ten_bad_files_of_each_kind_are_all_noticed(kind):
    bad = [data for name, data in ten_bad_files() if name == kind]
    assert len(bad) == 10
    for data in bad:
        assert reason(data) in {"damaged", "not an image", "empty file", "unsupported"}


# Files that are whole, but written in an unusual way


@pytest.mark.parametrize("kind", UNUSUAL)
def test_what_is_whole_is_read_however_unusual_and_that_is_noted(kind):
    data, note = UNUSUAL[kind]
    plain = decode(encode(photo(), "PNG" if data[1:4] == b"PNG" else "JPEG"))
    found = decode(data)
    assert (pixels(found.image) == pixels(plain.image)).all()
    assert not plain.oddities
    assert [note in oddity for oddity in found.oddities[:1]] == ([True] if note else [])


def test_fill_in_a_cmyk_jpeg_spoils_no_pixel():
    data = encode(photo().convert("CMYK"), "JPEG")
    found = decode(data[:-2] + bytes(9) + data[-2:])
    assert (pixels(found.image) == pixels(decode(data).image)).all()


def test_a_hole_between_segments_of_a_jpeg_is_no_padding():
    assert decode(padded(16)).oddities
    assert reason(padded(17)) == "damaged"


@pytest.mark.parametrize("options", [{"optimize": True}, {"quality": 95}, {"progressive": True}])
def test_a_flat_ground_that_is_cut_off_is_not_mended_by_its_own_zeros(options):
    image = Image.new("RGB", (200, 200), "white")
    image.paste(photo(120, 60), (10, 10))
    data = encode(image, "JPEG", **options)
    for missing in (3, 10, 30, 60):
        assert reason(data[: -2 - missing] + b"\xff\xd9") == "damaged"
        assert reason(data[: -2 - missing]) == "damaged"


@pytest.mark.parametrize("name", [b"IDAT", b"tRNS", b"eXIf", b"prVt"])
def test_a_wrong_checksum_in_a_chunk_that_may_decide_the_picture_is_damage(name):
    assert reason(with_chunk(chunk(name, b"body", 7))) == "damaged"


def test_a_png_whose_pixels_end_early_is_not_mended_by_the_missing_end():
    data = encode(photo(200, 150), "PNG")
    at = data.index(b"IDAT") - 4
    pixel_data = data[at + 8 : at + 8 + struct.unpack_from(">I", data, at)[0]]
    assert reason(data[:at] + chunk(b"IDAT", pixel_data[:-6])) == "damaged"


def test_an_orientation_in_a_text_of_a_png_is_obeyed_and_an_enormous_text_skipped():
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'
    key = b"XML:com.adobe.xmp\0"
    assert decode(with_chunk(chunk(b"iTXt", key + b"\0\0\0\0" + xmp))).orientation == 6
    packed = zlib.compress(xmp + b" " * 50_000_000)
    assert decode(with_chunk(chunk(b"iTXt", key + b"\1\0\0\0" + packed))).orientation == 1
