"""explore: what is measured on pixels, which images are flagged, and that no image is decoded twice."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from explore_data import EVIL, PLAIN, build, catalog_of, finding, framed, measured, measures_of, noise, two_classes
from PIL import Image, ImageFilter

from tasks.errors import InputError
from tasks.explore import measure
from tasks.explore.checks.background import LAB
from tasks.explore.checks.colour import colourfulness
from tasks.explore.checks.texture import coherence, correlation, pattern_entropy
from tasks.explore.dataset import measure_table
from tasks.explore.effects import count_groups, effect, effects_by_class
from tasks.explore.picture import SIDE, Picture, Source
from tasks.explore.report import shown_names
from tasks.fingerprints import sharpness
from tasks.images import open_image, to_rgb
from tasks.row_store import RowStore
from tasks.statistics.spread import spreads


def photo(seed: int, width: int, height: int) -> Image.Image:
    """Something like a photo: shapes of all sizes, in colour, with a little noise."""
    generator = np.random.default_rng(seed)
    values = np.zeros((height, width, 3))
    for octave in range(1, 8):
        small = generator.normal(128, 60, (2**octave, 2**octave, 3)).clip(0, 255).astype(np.uint8)
        values += np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)) / 2**octave
    return Image.fromarray((values + generator.normal(0, 4, values.shape)).clip(0, 255).astype(np.uint8))


UNUSUAL = {  # what no viewer minds, made of a sound JPEG
    "scan header with Se = 0": lambda data: data[: (at := data.index(b"\xff\xda") + 12)] + b"\0" + data[at + 1 :],
    "version 0.0 of JFIF": lambda data: data[: (at := data.index(b"JFIF\0") + 5)] + b"\0\0" + data[at + 2 :],
    "fill": lambda data: data[:-2] + bytes(20) + data[-2:],
}


@pytest.mark.parametrize("odd", UNUSUAL)
@pytest.mark.parametrize("width", [60, 1000])
def test_a_whole_but_unusual_jpeg_has_the_view_of_the_usual_one(odd, width, tmp_path):
    stored = io.BytesIO()
    photo(3, width, width).save(stored, "JPEG", quality=92)
    views = []
    for number, data in enumerate((stored.getvalue(), UNUSUAL[odd](stored.getvalue()))):
        (tmp_path / f"{number}.jpg").write_bytes(data)
        views.append(Picture.read(Source(tmp_path / f"{number}.jpg", "JPEG", "RGB", width, width, 1, 8)))
    assert np.array_equal(views[0].grey, views[1].grey)
    assert np.array_equal(views[0].rgb, views[1].rgb)


def view(values: np.ndarray) -> Picture:
    """A picture whose grey view has the given values."""
    return Picture(values.astype(np.uint8), np.zeros((SIDE // 2, SIDE // 2, 3), dtype=np.uint8))


# --- the view ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_view_is_upright_whatever_the_exif_orientation(orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    corners = Image.new("RGB", (640, 400))
    for colour, box in {(255, 0, 0): (0, 0), (0, 255, 0): (320, 0), (0, 0, 255): (0, 200)}.items():
        corners.paste(colour, (*box, box[0] + 320, box[1] + 200))
    path = tmp_path / "turned.jpg"
    corners.save(path, quality=95, exif=exif)
    decoded = open_image(path)
    source = Source(path, "JPEG", "RGB", decoded.width, decoded.height, decoded.orientation, 8)
    assert decoded.orientation == orientation
    for part in ("rgb", "grey"):
        found, expected = (getattr(one, part) for one in (Picture.read(source), Picture.of(decoded.image, 16)))
        assert np.percentile(np.abs(found.astype(int) - expected), 95) <= 4


@pytest.mark.parametrize("size", [(1200, 900), (500, 375), (180, 2000), (129, 128), (64, 300)])
def test_decoding_at_a_reduced_scale_changes_no_measure_that_matters(size, tmp_path):
    photo(1, *size).save(tmp_path / "a.jpg", quality=92)
    decoded = open_image(tmp_path / "a.jpg").image
    decoded.save(tmp_path / "a.png")  # the same pixels, which are decoded whole
    first, second = measured(tmp_path, catalog_of(tmp_path)).drop(columns=["image_id", "bits_per_pixel"]).to_numpy()
    names = measured(tmp_path, catalog_of(tmp_path)).drop(columns=["image_id", "bits_per_pixel"]).columns
    for name, one, other in zip(names, first, second, strict=True):
        assert one == pytest.approx(other, rel=0.06, abs=0.5 if name in LAB else 0.02), name


def test_the_size_of_a_file_alone_changes_sharpness_little():
    generator = np.random.default_rng(0)
    spectrum = np.fft.rfft2(generator.normal(size=(1024, 1024)))
    frequency = np.hypot(np.fft.fftfreq(1024)[:, None], np.fft.rfftfreq(1024)[None])
    frequency[0, 0] = 1
    texture = np.fft.irfft2(spectrum / frequency)  # looks the same at every scale
    scene = Image.fromarray((128 + 40 * texture / texture.std()).clip(0, 255).astype(np.uint8))
    sides = (180, 220, 256, 300, 357, 360, 500, 715, 720, 900, 1024)
    sharp = [measures_of(scene.resize((side, side), Image.Resampling.BOX))["sharpness_reduced"] for side in sides]
    assert max(sharp) < 2 * min(sharp)


ODD = {
    "one pixel": Image.new("RGB", (1, 1), (200, 30, 30)),
    "a line": noise(1, 4000, 10),
    "a column": noise(1, 1, 300).convert("RGB"),
    "palette": photo(2, 60, 50).convert("P"),
    "alpha": photo(3, 50, 60).convert("RGBA"),
    "grey alpha": noise(4, 40, 40).convert("LA"),
    "bilevel": noise(5, 40, 40).convert("1"),
    "16 bits": Image.fromarray(np.random.default_rng(0).integers(0, 65535, (30, 40)).astype(np.uint16)),
    "cmyk": photo(6, 200, 160).convert("CMYK"),
    "grey jpeg": noise(7, 700, 500),
    "black": Image.new("L", (50, 50), 0),
    "white": Image.new("RGB", (50, 50), (255, 255, 255)),
}


def test_images_of_every_mode_and_size_are_measured(tmp_path):
    for name, image in ODD.items():
        image.save(tmp_path / f"{name}.{'jpg' if 'jpeg' in name or name in ('cmyk', 'a line') else 'png'}")
    catalog = catalog_of(tmp_path)
    table = measured(tmp_path, catalog)
    assert len(table) == len(ODD)
    assert np.isfinite(table.drop(columns="image_id").to_numpy()).all()
    measure_table(table).check(table)
    by_name = table.set_index("image_id").loc[catalog["image_id"]].set_index(catalog["path"].map(lambda p: p[:-4]))
    assert by_name.loc["a line", ["width", "height", "aspect_ratio"]].tolist() == [4000, 10, 400]
    for name in ("black", "white", "one pixel"):
        nothing = by_name.loc[name, ["contrast", "edges", "sharpness_reduced", "light_strength"]].to_numpy()
        assert nothing == pytest.approx(0, abs=1e-7)
        assert by_name.loc[name, ["smooth", "coarseness"]].tolist() == [1, 1]


def test_sizes_are_those_of_the_upright_image(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    noise(1, 40, 20).save(tmp_path / "turned.jpg", exif=exif)
    [row] = measured(tmp_path, catalog_of(tmp_path)).to_dict("records")
    assert (row["width"], row["height"], row["aspect_ratio"]) == (20, 40, 0.5)


@pytest.mark.parametrize("name", ["gone.png", "gone.jpg"])
def test_a_file_that_has_gone_is_told_with_its_path(name, tmp_path):
    noise(1).save(tmp_path / name)
    catalog = catalog_of(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=f"{name}.*equipoise run --force ingest"):
        measured(tmp_path, catalog)


def test_a_file_that_was_damaged_since_is_told(tmp_path):
    photo(1, 300, 300).save(tmp_path / "cut.jpg")
    catalog = catalog_of(tmp_path)
    data = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"cut\.jpg"):
        measured(tmp_path, catalog)


# --- what is measured, against plain loops ----------------------------------------------------------------------------


@pytest.mark.parametrize(("grey", "expected"), [(0, 0.0), (51, 0.2), (255, 1.0)])
def test_brightness_is_the_mean_luminance(grey, expected):
    assert measures_of(Image.new("L", (30, 20), grey))["brightness"] == pytest.approx(expected, abs=1e-6)


def test_the_ends_of_the_luminance_are_its_percentiles():
    values = np.arange(SIDE * SIDE).reshape(SIDE, SIDE) * 256 // SIDE**2  # every level equally often
    [found] = measure.measure_pictures([view(values)])
    assert found["shadows"] == pytest.approx(0.05, abs=1 / 255)
    assert found["highlights"] == pytest.approx(0.99, abs=1 / 255)


def test_contrast_is_the_deviation_of_the_luminance_and_clipping_the_share_at_its_ends():
    halves = Image.new("L", (256, 256), 0)
    halves.paste(200, (0, 0, 128, 256))
    found = measures_of(halves)
    assert found["contrast"] == pytest.approx(100 / 255, abs=0.01)
    assert found["clipped"] == pytest.approx(0.5, abs=0.01)
    assert measures_of(Image.new("L", (256, 256), 77))["contrast"] == pytest.approx(0, abs=1e-7)


def test_sharpness_is_the_variance_of_the_laplacian():
    image = noise(3, SIDE, SIDE)
    grey = np.pad(np.asarray(image, dtype=float), 1, mode="reflect")
    laplacian = [
        grey[y - 1, x] + grey[y + 1, x] + grey[y, x - 1] + grey[y, x + 1] - 4 * grey[y, x]
        for y in range(1, SIDE + 1)
        for x in range(1, SIDE + 1)
    ]
    [found] = measure.measure_pictures([view(np.asarray(image))])
    assert found["sharpness_reduced"] == pytest.approx(np.var(laplacian), rel=1e-6)


def test_sharpness_at_full_size_is_that_of_the_catalog(tmp_path):
    photo(1, 400, 300).save(tmp_path / "a.png")
    catalog = catalog_of(tmp_path)
    assert measured(tmp_path, catalog)["sharpness"].tolist() == catalog["sharpness"].tolist()
    assert catalog["sharpness"].item() == sharpness(np.asarray(photo(1, 400, 300).convert("L")))


def test_blur_lowers_sharpness_and_edges_whatever_the_size_of_the_file():
    for side in (100, 256, 900):
        image = noise(5, side, side)
        blurred = measures_of(image.filter(ImageFilter.GaussianBlur(side / 50)))
        assert blurred["sharpness_reduced"] < measures_of(image)["sharpness_reduced"] / 2
        assert blurred["smooth"] > measures_of(image)["smooth"]


def test_edges_are_where_the_luminance_steps():
    steps = np.full((SIDE, SIDE), 60)
    steps[:, 64:] = 180
    found = measures_of(Image.fromarray(steps.astype(np.uint8)))
    assert found["edges"] == pytest.approx(2 / SIDE, rel=0.05)
    assert found["smooth"] == pytest.approx(1 - 2 / SIDE, rel=0.05)


def test_colourfulness_is_that_of_hasler_and_suesstrunk():
    rgb = np.asarray(photo(4, SIDE, SIDE))
    red, green, blue = (rgb[..., channel].astype(float) for channel in range(3))
    rg, yb = red - green, (red + green) / 2 - blue
    expected = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    channels = [np.ascontiguousarray(rgb[..., channel]) for channel in range(3)]
    assert colourfulness(*channels) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("colour", "saturation", "warmth", "grey"),
    [((90, 90, 90), 0, 0, 1), ((255, 0, 0), 1, 1, 0), ((0, 0, 255), 1, -1, 0), ((200, 150, 100), 0.5, 100 / 255, 0)],
)
def test_colours_of_even_images(colour, saturation, warmth, grey):
    found = measures_of(Image.new("RGB", (40, 40), colour))
    assert found["saturation"] == pytest.approx(saturation, abs=0.01)
    assert found["warmth"] == pytest.approx(warmth, abs=0.01)
    assert found["grey"] == grey
    assert found[f"red.{colour[0] // 32:02}"] == 1


def test_a_photo_without_colour_is_grey_also_after_jpeg():
    data = io.BytesIO()
    noise(8, 300, 200).convert("RGB").save(data, "JPEG", quality=60)
    assert measures_of(Image.open(data))["grey"] == 1
    assert measures_of(photo(8, 300, 200))["grey"] == 0


def test_patterns_are_counted_as_in_the_definition_on_every_other_row():
    grey = np.asarray(noise(9, 40, 40))
    around = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]
    counts: dict[object, int] = {}
    for y in range(1, 39, 2):
        for x in range(1, 39):
            bits = [int(grey[y + dy, x + dx] >= grey[y, x]) for dy, dx in around]
            changes = sum(a != b for a, b in zip(bits, bits[1:] + bits[:1], strict=True))
            pattern = tuple(bits) if changes <= 2 else "other"
            counts[pattern] = counts.get(pattern, 0) + 1
    shares = np.array(list(counts.values())) / (19 * 38)
    assert pattern_entropy(grey) == pytest.approx(-(shares * np.log2(shares)).sum(), abs=1e-6)
    assert pattern_entropy(np.full((40, 40), 7, dtype=np.uint8)) == pytest.approx(0, abs=1e-9)


def test_coarseness_tells_large_shapes_from_fine_grain():
    assert correlation(np.asarray(noise(11, SIDE, SIDE)), 4) == pytest.approx(0, abs=0.05)
    smooth = np.asarray(noise(11, 8, 8).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    assert correlation(smooth, 4) > 0.9
    stripes = np.tile(np.repeat([0, 255], 4), SIDE // 8).astype(np.uint8) * np.ones((SIDE, 1), dtype=np.uint8)
    assert correlation(stripes, 4) < 0.05  # 1 along the stripes, -1 across them


def test_directionality_is_1_for_stripes_whichever_way_they_run():
    ramp = np.add.outer(np.arange(SIDE), np.arange(SIDE))
    assert coherence(*view(ramp).gradients) == pytest.approx(1, abs=0.02)
    assert coherence(*view(np.asarray(noise(12, SIDE, SIDE))).gradients) < 0.05
    assert coherence(*view(np.zeros((SIDE, SIDE))).gradients) == 0


def test_the_border_is_measured_apart_from_the_centre():
    found = measures_of(framed(13, 60, border=8))
    assert found["border_brightness"] == pytest.approx(188 / 255, abs=0.01)
    assert found["border_contrast"] < 0.02
    assert found["border_touched"] < 0.001
    assert found["border_difference"] == pytest.approx(24, abs=4)  # L* of 188 and of 128
    assert found["border_lightness"] == pytest.approx(76.2, abs=1.5)
    assert measures_of(noise(13))["border_difference"] < 3


@pytest.mark.parametrize(("right", "down"), [(0.4, 0.0), (0.0, -0.3), (-0.2, 0.2)])
def test_light_from_a_side_is_found_with_its_strength(right, down):
    across = np.linspace(-0.5, 0.5, 200)
    light = 0.5 + right * across[None] + down * across[:, None]
    found = measures_of(Image.fromarray((255 * light).astype(np.uint8)))
    assert found["light_right"] == pytest.approx(right, abs=0.01)
    assert found["light_down"] == pytest.approx(down, abs=0.01)
    assert found["light_strength"] == pytest.approx(np.hypot(right, down), abs=0.01)


def test_what_reaches_the_border_is_counted():
    image = Image.new("L", (128, 128), 90)
    image.paste(220, (40, 40, 90, 90))
    assert measures_of(image)["border_touched"] == 0
    image.paste(220, (0, 0, 128, 16))
    assert measures_of(image)["border_touched"] == pytest.approx(128 * 16 / (128**2 - 96**2), abs=0.01)


def test_information_is_the_entropy_of_the_luminance():
    values = np.tile([10, 80, 150, 220], SIDE // 4) * np.ones((SIDE, 1))
    assert measure.measure_pictures([view(values)])[0]["information"] == pytest.approx(2)
    assert measures_of(Image.new("L", (9, 9), 4))["information"] == 0


# --- classes compared -------------------------------------------------------------------------------------------------


def test_the_effects_of_all_classes_are_those_of_each_against_the_rest():
    generator = np.random.default_rng(5)
    labels = generator.choice(["a", "b", "c"], 90, p=[0.6, 0.3, 0.1])
    groups = generator.choice([f"g{number}" for number in range(40)], 90)
    values = generator.integers(0, 9, 90).astype(float)
    together = effects_by_class(values, labels, count_groups(labels, groups))
    assert together == {label: effect(values, labels == label, groups) for label in "abc"}


def test_groups_are_counted_on_either_side():
    labels, groups = np.array(["a", "a", "b", "b", "c"]), np.array(["1", "2", "2", "3", "3"])
    assert count_groups(labels, groups) == {"a": (2, 2), "b": (2, 3), "c": (1, 3)}


def test_the_more_is_compared_the_more_it_takes_to_call_a_link():
    generator = np.random.default_rng(6)
    labels = np.repeat(["a", "b"], 30)
    values = generator.normal(np.repeat([1.0, 0.0], 30))
    sizes = count_groups(labels, np.arange(60).astype(str))
    alone, among_many = (effects_by_class(values, labels, sizes, comparisons)["a"] for comparisons in (1, 10_000))
    assert (alone.auc, alone.low, alone.high) == (among_many.auc, among_many.low, among_many.high)
    assert alone.shown
    assert not among_many.shown


def test_spread_is_the_distance_from_the_mean_and_its_interval_covers_the_truth():
    generator = np.random.default_rng(7)
    labels = np.repeat(["near", "far"], [40, 60])
    covered = []
    for seed in range(60):
        vectors = generator.normal(size=(100, 2)) * np.where(labels == "near", 0.5, 1.0)[:, None]
        found = spreads(vectors, labels, np.arange(100), seed)["near"]
        near = vectors[labels == "near"]
        assert found.spread == pytest.approx(np.sqrt(((near - near.mean(axis=0)) ** 2).sum(axis=1).mean()))
        covered.append(found.low <= 0.5 <= found.high)
    assert 0.85 <= np.mean(covered) <= 1


def test_spread_of_few_groups_is_not_judged():
    vectors = np.random.default_rng(8).normal(size=(100, 2))
    labels = np.repeat(["a", "b"], 50)
    assert spreads(vectors, labels, np.repeat(np.arange(10), 10))["a"].ratio is None


def test_a_class_with_one_background_is_told(tmp_path):
    same = [framed(number, 30) for number in range(24)]
    others = [framed(100 + number, 10 * number - 120) for number in range(24)]
    dataset, _ = build(tmp_path, two_classes(same, others))
    assert any(
        f"{EVIL} 0." in sentence and "backgrounds" in sentence for sentence in finding(dataset, "background").watch
    )


# --- quality ----------------------------------------------------------------------------------------------------------

GOOD = [photo(number, 160, 120) for number in range(24)]
FAULTS = {
    "dark": GOOD[0].point(lambda value: value // 5),
    "bright": noise(1, 160, 120, mean=252, spread=2).convert("RGB"),
    "blurry": GOOD[1].filter(ImageFilter.GaussianBlur(8)),
    "low_information": Image.new("RGB", (160, 120), (90, 120, 150)),
    "odd_size": photo(50, 1280, 960),
    "odd_aspect_ratio": photo(51, 400, 48),
    "grey": GOOD[2].convert("L"),
}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory):
    images = [(PLAIN, "train", image) for image in GOOD]
    return build(tmp_path_factory.mktemp("quality"), images + [(EVIL, "test", image) for image in FAULTS.values()])


@pytest.mark.parametrize("flag", FAULTS)
def test_an_image_with_a_fault_is_flagged_and_images_without_are_not(flag, faulty):
    dataset, _ = faulty
    path_of = dataset.images.set_index("image_id")["path"]
    flagged = {path_of[image] for image in finding(dataset, "quality").flags.get(flag, {})}
    assert f"{24 + list(FAULTS).index(flag):03}.png" in flagged
    assert not flagged & {f"{number:03}.png" for number in range(24)}


def test_what_holds_for_much_of_the_data_is_told_and_flags_nothing(tmp_path):
    dark = [image.point(lambda value: value // 5) for image in GOOD]
    found = finding(build(tmp_path, [(PLAIN, "train", image) for image in dark])[0], "quality")
    assert found.numbers["dark"] == {"images": 24, "share": 1.0, "flagged": False}
    assert not found.flags["dark"]
    assert "100% of the images are dark" in found.blocks[0].text
    assert not any(block.heading == "Dark" for block in found.blocks)
    assert not any(" dark" in sentence for sentence in found.watch)


def test_a_grey_data_set_is_not_grey_among_colour(tmp_path):
    images = [(PLAIN, "train", image.convert("L")) for image in GOOD] + [(PLAIN, "train", GOOD[0])]
    assert not finding(build(tmp_path, images)[0], "quality").flags["grey"]


def test_small_sharp_pictures_are_not_blurry(tmp_path):
    small = [photo(number, 1000, 1000).resize((28, 28)) for number in range(12)]
    assert not finding(build(tmp_path, [(PLAIN, "train", image) for image in small])[0], "quality").flags["blurry"]


def test_flagged_test_images_are_shown_without_their_class_and_path(faulty):
    found = finding(faulty[0], "quality")
    shown = [one for block in found.blocks for row in block.images for one in row]
    assert shown
    assert not any(EVIL in one.caption for one in shown)
    assert all("test part" in one.caption for one in shown if int(one.path[:3]) >= 24)


def test_the_report_names_test_images_by_their_id(faulty):
    dataset, _ = faulty
    names = shown_names(dataset, {"000.png", "024.png"})
    ids = dataset.images.set_index("path")["image_id"]
    assert names == {"000.png": "000.png", "024.png": ids["024.png"]}


def test_the_worst_come_first_and_few_are_shown(tmp_path):
    darker = [GOOD[number].point(lambda value, by=number + 5: value // by) for number in range(10)]
    images = [(PLAIN, "train", image) for image in [*(photo(200 + n, 64, 64) for n in range(60)), *darker]]
    found = finding(build(tmp_path, images)[0], "quality")
    scores = list(found.flags["dark"].values())
    assert len(scores) == 10
    assert scores == sorted(scores, reverse=True)
    [block] = [block for block in found.blocks if block.heading == "Dark"]
    assert len(block.images[0]) == 8
    assert "The worst:" in block.text


# --- one decode -------------------------------------------------------------------------------------------------------


def test_measures_do_not_depend_on_workers_or_order(tmp_path):
    for number in range(70):
        noise(number, 20 + number, 30).save(tmp_path / f"{number}.{'png' if number % 2 else 'jpg'}")
    catalog = catalog_of(tmp_path)
    alone = measured(tmp_path, catalog)
    pd.testing.assert_frame_equal(measured(tmp_path, catalog.sample(frac=1, random_state=0), workers=2), alone)
    measure_table(alone).check(alone)


def test_only_new_images_are_decoded_and_the_result_is_that_of_a_fresh_run(tmp_path, monkeypatch):
    raw = tmp_path / "raw"
    raw.mkdir()
    for number in range(100):
        photo(number, 40, 30).save(raw / f"{number}.jpg")
    read: list[Path] = []

    def counted(sources: list[Source]) -> list[dict[str, float]]:
        read.extend(source.path for source in sources)
        return measure.measure_pictures([Picture.read(source) for source in sources])

    monkeypatch.setattr(measure, "measure_files", counted)
    rows = RowStore(tmp_path / "rows")
    measure.measure_images(raw, catalog_of(raw), 1, rows)
    assert len(read) == 100
    read.clear()
    photo(1000, 40, 30).save(raw / "new.jpg")
    (raw / "5.jpg").rename(raw / "renamed.jpg")
    table = measure.measure_images(raw, catalog_of(raw), 1, rows)
    assert read == [raw / "new.jpg"]
    fresh = measured(raw, catalog_of(raw))
    for name, one in (("again", table), ("fresh", fresh)):
        measure_table(one).write(one, tmp_path / name)
    assert (tmp_path / "again").read_bytes() == (tmp_path / "fresh").read_bytes()


def test_numbers_of_the_catalog_are_not_taken_from_the_store(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    noise(1).save(raw / "a.png")
    rows, catalog = RowStore(tmp_path / "rows"), catalog_of(raw)
    measure.measure_images(raw, catalog, 1, rows)
    again = measure.measure_images(raw, catalog.assign(sharpness=1.5), 1, rows)
    assert again["sharpness"].tolist() == [1.5]


def test_the_numbers_of_flags_can_be_written_as_json(faulty):
    json.dumps(finding(faulty[0], "quality").numbers)


def test_to_rgb_and_the_view_agree_on_transparency():
    image = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    assert Picture.of(image, 16).rgb[0, 0].tolist() == list(to_rgb(image, 16).getpixel((0, 0))) == [128, 128, 128]
