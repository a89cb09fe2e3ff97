"""The gates of synthetic images: planted faults are caught, and a good generator is not accused."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from shapes import CLASSES, FOLDS, SIDE, Maker, features, honest, made_images, real_images

from tasks.synthesize.gates.images import Made, Real, Sight
from tasks.synthesize.gates.judge import Judged, judge
from tasks.synthesize.gates.settings import Selection
from tasks.synthesize.gates.sheet import copies_sheet, nearest_sheet
from tasks.synthesize.gates.tell_tale import TellTale
from tasks.synthesize.gates.wording import lines

EACH = 60  # synthetic images of the class
COUNTS = {"bar": 120, "disc": 60, "ring": 60}


@pytest.fixture(scope="module")
def real() -> Real:
    return real_images(COUNTS)


def judged(real: Real, make: Maker, **settings: object) -> tuple[Made, Judged]:
    made = made_images(real, make, ("disc",), EACH)
    return made, judge(made, real, Selection.model_validate(settings), max_size=50)


def drawn(seen: np.ndarray, stream: np.random.Generator) -> np.ndarray:
    return seen[stream.integers(len(seen))]


def copied(_: str, seen: np.ndarray, stream: np.random.Generator) -> np.ndarray:
    return drawn(seen, stream)


def mirrored(_: str, seen: np.ndarray, stream: np.random.Generator) -> np.ndarray:
    return drawn(seen, stream)[:, ::-1]


def blurred(_: str, seen: np.ndarray, stream: np.random.Generator) -> np.ndarray:
    return cv2.GaussianBlur(drawn(seen, stream), (0, 0), 0.6)


def stamped(label: str, seen: np.ndarray, stream: np.random.Generator) -> np.ndarray:
    image = honest(label, seen, stream).copy()
    image[1:4, -4:-1] = 255
    return image


def softened(label: str, seen: np.ndarray, stream: np.random.Generator) -> np.ndarray:
    return cv2.GaussianBlur(honest(label, seen, stream), (0, 0), 0.6)


def of_another_class(_: str, seen: np.ndarray, stream: np.random.Generator) -> np.ndarray:
    return honest("bar", seen, stream)


# --- a good generator ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def good(real: Real) -> tuple[Made, Judged]:
    return judged(real, honest)


def test_of_a_good_generator_little_is_dropped(good):
    assert good[1].selected.kept.mean() >= 0.85
    assert good[1].classes["disc"].fidelity_of_kept.images == good[1].selected.kept.sum()


def test_a_good_generator_is_not_said_to_memorise(good):
    found = good[1].classes["disc"].memorisation
    assert (found.near_copies.value, found.reason) == (0, "")
    assert found.memorised.low <= found.expected
    assert found.nearer.low <= 0.5 <= found.nearer.high
    assert found.to_seen == pytest.approx(found.usual, rel=0.15)


def test_a_good_generator_is_as_near_to_real_images_as_they_are_to_each_other(good):
    found = good[1].classes["disc"].fidelity
    assert found.values["kid"].low <= 0 <= found.values["kid"].high
    for name in ("precision", "recall", "density", "coverage"):
        of, reference = found.values[name], found.references[name]
        assert of.low <= reference.high, name
        assert reference.low <= of.high, name


def test_a_good_generator_is_not_told_from_real_images(good):
    told = good[1].classes["disc"].tell_tale.told
    assert told.tell is None
    for area in (told.features, told.traces, told.all):
        assert area.low <= 0.5 <= area.high


def test_of_good_generators_about_as_many_images_are_accused_as_is_said():
    hits, expected, total = 0.0, 0.0, 0
    for seed in range(12):
        real = real_images(COUNTS, seed=100 + seed, relatives=1 + seed % 2)
        made = made_images(real, honest, ("disc",), 50, seed=1000 + seed)
        of = judge_memorisation(made, real)
        hits += of.memorised.value * 50
        expected += of.expected * 50
        total += 50
    assert expected / total < 0.01
    assert hits / total < 0.02


def judge_memorisation(made: Made, real: Real):
    from tasks.synthesize.gates.images import of_class
    from tasks.synthesize.gates.memorisation import Usual, border, memorisation, nearest_real

    sight = Sight.of(made, real)
    usual = {label: Usual.of(of_class(made, real, sight, label)) for label in COUNTS}
    space = of_class(made, real, sight, "disc")
    near = nearest_real(space, space.seen)
    return memorisation(space, near, np.zeros(len(space.made), bool), usual["disc"], border("disc", usual))


# --- planted faults --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [copied, blurred])
def test_planted_training_images_are_found_and_dropped(real, make):
    _, found = judged(real, make)
    of = found.classes["disc"].memorisation
    assert of.memorised.low > 0.9
    assert of.nearer.low > 0.5
    assert of.near_copies.low > 0.5
    assert found.selected.kept.sum() == 0
    assert found.classes["disc"].counts["dropped"]["near-copy"] > 50


def test_planted_mirrored_training_images_are_found_and_dropped_by_likeness(real):
    made, found = judged(real, mirrored)
    assert found.classes["disc"].memorisation.near_copies.low > 0.9
    assert found.selected.kept.sum() == 0
    for copy in found.copies:
        assert copy.turn == 1
        assert np.array_equal(made.pixels[copy.made], real.pixels[copy.real][:, ::-1])


def test_planted_copies_are_kept_where_it_is_so_wanted(real):
    _, found = judged(real, copied, near_copies=False, duplicates=False, confidence=0.0)
    assert found.selected.kept.all()
    assert found.classes["disc"].memorisation.memorised.low > 0.9, "told all the same"


def test_planted_collapse_to_one_image_a_model_is_found(real):
    ones = {}

    def single(label: str, seen: np.ndarray, stream: np.random.Generator) -> np.ndarray:
        image = ones.setdefault(seen.tobytes(), honest(label, seen, stream))
        return np.clip(image + stream.normal(0, 2, image.shape), 0, 255).astype(np.uint8)

    made, found = judged(real, single)
    of = found.classes["disc"]
    assert of.counts["kept"] <= FOLDS
    assert of.counts["dropped"]["duplicate"] >= EACH - 2 * EACH // FOLDS
    kept = [made.folds[at] for at in np.flatnonzero(found.selected.kept)]
    assert len(set(kept)) == len(kept), "one of each model"
    for at in np.flatnonzero(found.selected.kept):
        assert at == np.flatnonzero(made.folds == made.folds[at])[0], "the first by id"
    assert of.fidelity.values["coverage"].high < of.fidelity.references["coverage"].low
    assert of.fidelity.values["recall"].high < of.fidelity.references["recall"].low
    assert of.fidelity.values["kid"].low > 0
    assert isinstance(of.fidelity_of_kept, str), "too few are left to tell"


def test_planted_mark_gives_synthetic_images_away_and_is_named(real):
    _, found = judged(real, stamped)
    told = found.classes["disc"].tell_tale.told
    assert told.properties["marks in the corners"].low > 0.5
    assert told.all.low > 0.8
    assert told.tell in ("marks in the corners", "even corners", "frequency spectrum", "border against interior")


def test_planted_blur_gives_synthetic_images_away_by_their_spectrum(real):
    _, found = judged(real, softened)
    told = found.classes["disc"].tell_tale.told
    assert told.tell in ("frequency spectrum", "noise", "sharpness")
    assert told.properties["frequency spectrum"].low > 0.5
    assert any("can be told from real ones by their" in line for line in lines(found))


def test_planted_images_of_another_class_are_dropped(real):
    _, found = judged(real, of_another_class)
    of = found.classes["disc"]
    assert of.counts["dropped"]["other class"] > 0.7 * EACH
    assert of.counts["dropped"]["other class"] / EACH > 1 - of.checked.lets_through.high - 0.1
    assert of.fidelity.values["precision"].high < of.fidelity.references["precision"].value


def test_planted_property_of_the_file_gives_synthetic_images_away(real):
    made = made_images(real, honest, ("disc",), EACH)
    stream = np.random.default_rng(3)
    quality = {"JPEG quality": stream.normal(80, 2, (len(real.ids), 1))}
    made = replace(made, files={"JPEG quality": np.full((len(made.ids), 1), 0.0)})
    found = judge(made, replace(real, files=quality), Selection(), max_size=50)
    assert found.classes["disc"].tell_tale.told.tell == "JPEG quality"


# --- who is compared with whom ---------------------------------------------------------------------------------------


def one_model(real: Real, make: Maker) -> Made:
    """The images of one model that has seen all real ones."""
    made = made_images(real, make, ("disc",), EACH)
    everything = frozenset(real.ids.tolist())
    of_label = tuple(real.ids[real.labels == "disc"].tolist())
    return replace(
        made,
        folds=np.full(len(made.ids), -1),
        fitted_on=[everything] * len(made.ids),
        parents=[of_label] * len(made.ids),
    )


def test_where_a_model_has_seen_everything_what_needs_unseen_images_is_not_told_and_says_why(real):
    found = judge(one_model(real, copied), real, Selection(), max_size=50)
    of = found.classes["disc"]
    assert of.memorisation.near_copies.low > 0.9, "needs none"
    assert of.counts["dropped"] == {"other class": 0, "near-copy": EACH, "duplicate": 0}
    assert of.memorisation.memorised is None
    assert "not seen" in of.memorisation.reason
    assert "classifier" in of.checked.reason
    assert isinstance(of.fidelity, str)
    assert isinstance(of.tell_tale, TellTale), "by folds of its own"


def test_nothing_of_the_models_images_and_their_relatives_is_unseen():
    real = real_images({"disc": 40, "bar": 20}, relatives=2)
    folds = real.folds.copy()
    torn = np.flatnonzero(real.groups == real.groups[0])
    folds[torn[0]] = (folds[torn[1]] + 1) % FOLDS  # relatives in two folds
    real = replace(real, folds=folds)
    sight = Sight.of(made_images(real, honest, ("disc",), 10), real)
    assert len(sight.seen) == FOLDS
    for seen, unseen in zip(sight.seen, sight.unseen, strict=True):
        assert not set(real.groups[seen]) & set(real.groups[unseen])
        assert (seen | unseen | np.isin(real.groups, real.groups[seen])).all()


def test_images_of_one_parent_count_as_drawn_together():
    real = real_images({"disc": 40, "bar": 20}, relatives=2)
    made = made_images(real, honest, ("disc",), 10)
    noise = Sight.of(made, real)
    assert len(set(noise.units)) == 10
    assert (noise.kin == -1).all()
    own = [[image for image in one if image in real.ids][:1] for one in made.parents]
    sight = Sight.of(replace(made, parents=own), real)
    assert len(set(sight.units)) == len({real.groups[real.ids == one[0]][0] for one in own}) == FOLDS


def test_ids_must_ascend(real):
    with pytest.raises(ValueError, match="ascending"):
        replace(real, ids=real.ids[::-1])


def test_a_class_of_few_images_says_what_cannot_be_told():
    real = real_images({"disc": 8, "bar": 40})
    found = judge(made_images(real, honest, ("disc",), 10), real, Selection(), max_size=50).classes["disc"]
    assert found.memorisation.memorised is None
    assert found.checked.least is None
    assert "groups of relatives" in found.checked.reason
    assert isinstance(found.fidelity, str)
    assert isinstance(found.tell_tale, str)
    assert all(isinstance(line, str) for line in found.as_json()["fidelity"]["made"].values())


# --- what is written -------------------------------------------------------------------------------------------------


def test_the_same_images_get_the_same_answer(good, real):
    again = judge(good[0], real, Selection(), max_size=50)
    assert json.dumps(again.as_json()) == json.dumps(good[1].as_json())
    assert (again.selected.reasons == good[1].selected.reasons).all()


def test_everything_is_written_as_json_with_intervals_and_references(good):
    found = json.loads(json.dumps(good[1].as_json(), allow_nan=False))
    of = found["classes"]["disc"]
    counts = of["selection"]
    assert counts["made"] == EACH == counts["kept"] + sum(counts["dropped"].values())
    assert set(of["fidelity"]["made"]["kid"]) == {"value", "low", "high", "reference"}
    assert set(of["memorisation"]["nearer"]) == {"value", "low", "high"}
    assert of["tell_tale"]["properties"].keys() >= {"frequency spectrum", "noise", "border against interior"}
    overall = found["overall"]
    assert overall["selection"] == {key: counts[key] for key in ("made", "kept", "dropped")}
    assert overall["fidelity"]["made"]["coverage"]["value"] == of["fidelity"]["made"]["coverage"]["value"]
    assert overall["tell_tale"]["all"]["value"] == of["tell_tale"]["all"]["value"]


def test_the_log_says_what_was_kept_and_what_is_told(good, real):
    said = list(lines(good[1]))
    assert said[0].startswith(f"all classes: {good[1].selected.kept.sum()} of {EACH} synthetic images kept")
    assert any("KID" in line and "other real images" in line for line in said)
    assert any("can't be told from real ones for certain (AUC ." in line for line in said)
    copies = list(lines(judged(real, copied)[1]))
    assert any("near-copy" in line for line in copies)
    assert any("near-copies of an image that their model has seen" in line for line in copies)


def test_sheets_show_synthetic_images_beside_their_nearest(good, real):
    made, found = good
    sheet = nearest_sheet(made, real, found, "disc")
    assert min(sheet.size) > 300
    assert copies_sheet(made, real, found) is None
    made, found = judged(real, mirrored)
    pairs = copies_sheet(made, real, found)
    assert pairs is not None
    assert copies_sheet(made, real, found, [found.copies[0].made]).size[1] < pairs.size[1]


def test_settings_have_bounds():
    with pytest.raises(ValueError, match="less than or equal"):
        Selection(confidence=0.6)
    with pytest.raises(ValueError, match="Extra inputs"):
        Selection.model_validate({"certainty": 1})


def test_shapes_are_what_they_are_called():
    real = real_images(dict.fromkeys(CLASSES, 5))
    assert real.pixels.shape == (15, SIDE, SIDE, 3)
    assert features(real.pixels).dtype == np.float32
