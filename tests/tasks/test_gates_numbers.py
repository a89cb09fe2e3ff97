"""The numbers behind the gates: against another library, plain loops, and trials."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tasks.audit.traces import OF_FILES, OF_PIXELS, PROPERTIES
from tasks.synthesize.gates import memorisation
from tasks.synthesize.gates.fidelity import Fidelity, discrepancy, fidelity, kernel, reach, surrounded
from tasks.synthesize.gates.images import MOST, OfClass, codes
from tasks.synthesize.gates.memorisation import FALSE_ALARMS, Usual, border, nearest, nearest_real, share
from tasks.synthesize.gates.tell_tale import pixel_properties, spectrum

D = 12


def world(seed: int, real: int, made: int, shift: float = 0.0, relatives: int = 1, folds: int = 5) -> OfClass:
    """Normal features; synthetic ones moved by `shift`; a model a fold."""
    stream = np.random.default_rng(seed)
    groups = np.arange(real) // relatives
    fold = groups % folds
    seen = np.array([fold == one for one in range(folds)])
    return OfClass(
        (stream.normal(size=(made, D)) + shift).astype(np.float32),
        stream.normal(size=(groups.max() + 1, D))[groups].astype(np.float32),
        np.arange(made) % folds,
        np.arange(made),
        groups,
        fold,
        seen,
        ~seen,
    )


# --- precision, recall, density, coverage ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seed", "n", "m", "k", "shift", "expected"),
    [  # precision, recall, density, coverage by prdc 0.2
        (0, 40, 30, 5, 0.0, (1.0, 0.725, 1.58, 1.0)),
        (1, 25, 60, 3, 0.6, (0.75, 0.52, 0.666666667, 0.88)),
        (2, 80, 20, 1, 1.0, (0.25, 0.225, 0.4, 0.0625)),
    ],
)
def test_precision_recall_density_and_coverage_are_those_of_prdc(seed, n, m, k, shift, expected):
    stream = np.random.default_rng(seed)
    real = stream.normal(size=(n, 8))
    made = stream.normal(size=(m, 8)) * 0.8 + shift

    def distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.sqrt(((one[:, None] - other[None]) ** 2).sum(axis=2))

    across = distances(real, made)
    precision, density, coverage = surrounded(across, reach(distances(real, real), np.arange(n), k), k)
    recall = (across < reach(distances(made, made), np.arange(m), k)[None]).any(axis=1).mean()
    assert (precision, recall, density, coverage) == pytest.approx(expected, abs=1e-8)


def test_relatives_are_no_neighbours():
    points = np.array([0.0, 0.1, 0.2, 5.0, 9.0])
    distances = np.abs(points[:, None] - points[None])
    assert reach(distances, np.array([0, 0, 0, 1, 2]), 1) == pytest.approx([5.0, 4.9, 4.8, 4.0, 4.0])
    assert reach(distances, np.arange(5), 1) == pytest.approx([0.1, 0.1, 0.1, 4.0, 4.0])
    assert np.isinf(reach(distances, np.arange(5), 6)).all()


# --- KID -------------------------------------------------------------------------------------------------------------


def test_the_kernel_and_its_discrepancy_are_those_of_the_formula():
    stream = np.random.default_rng(0)
    x, y = stream.normal(size=(7, 5)), stream.normal(size=(9, 5)) + 0.3

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return (float(a @ b) / 5 + 1) ** 3

    own = np.mean([k(x[i], x[j]) for i in range(7) for j in range(7) if i != j])
    theirs = np.mean([k(y[i], y[j]) for i in range(9) for j in range(9) if i != j])
    across = np.mean([k(a, b) for a in x for b in y])
    found = discrepancy(kernel(x, x), kernel(y, y), kernel(x, y), np.arange(7), np.arange(9))
    assert found == pytest.approx(own + theirs - 2 * across)


def test_relatives_are_no_pairs():
    stream = np.random.default_rng(1)
    x, y = stream.normal(size=(6, 5)), stream.normal(size=(8, 5))
    groups = np.array([0, 0, 1, 2, 2, 3])
    inside = kernel(x, x)
    pairs = [(i, j) for i in range(6) for j in range(6) if groups[i] != groups[j]]
    found = discrepancy(inside, kernel(y, y), kernel(x, y), groups, np.arange(8))
    plain = discrepancy(inside, kernel(y, y), kernel(x, y), np.arange(6), np.arange(8))
    others = np.mean([inside[i, j] for i in range(6) for j in range(6) if i != j])
    assert found - plain == pytest.approx(np.mean([inside[pair] for pair in pairs]) - others)
    assert np.isnan(discrepancy(inside, kernel(y, y), kernel(x, y), np.zeros(6), np.arange(8)))


def test_the_kid_of_a_class_is_the_mean_over_its_models_of_directions_against_what_they_have_not_seen():
    images = world(3, 60, 30, 0.4)
    found = fidelity(images)
    assert isinstance(found, Fidelity)

    def long(rows: np.ndarray) -> np.ndarray:
        return rows / np.linalg.norm(rows, axis=1, keepdims=True) * np.sqrt(D)

    expected = []
    for model in range(5):
        made, real = long(images.made[images.model == model]), long(images.real[images.folds != model])
        expected.append(
            discrepancy(kernel(made, made), kernel(real, real), kernel(made, real), np.arange(6), np.arange(48))
        )
    assert found.values["kid"].value == pytest.approx(np.mean(expected), rel=1e-4)


def of_many(real: int, made: int, shift: float, trials: int) -> list[Fidelity]:
    found = [fidelity(world(seed, real, made, shift)) for seed in range(trials)]
    assert all(isinstance(one, Fidelity) for one in found)
    return found


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_intervals_hold_the_truth_at_least_about_as_often_as_they_say(shift):
    found = of_many(60, 60, shift, 60)
    for name in ("precision", "recall", "density", "coverage", "kid"):
        # Unbiased for KID; of the others the mean over samples of this size is what is estimated.
        truth = 0.0 if name == "kid" and not shift else np.mean([one.values[name].value for one in found])
        held = np.mean([one.values[name].low <= truth <= one.values[name].high for one in found])
        assert held >= 0.9, name
        references = [one.references[name] for one in found]
        truth = 0.0 if name == "kid" else np.mean([one.value for one in references])
        assert np.mean([one.low <= truth <= one.high for one in references]) >= 0.9, name


def test_kid_of_the_same_distribution_is_0_on_average_for_any_number_of_images():
    for real, made in ((50, 20), (60, 90)):
        values = [one.values["kid"].value for one in of_many(real, made, 0.0, 40)]
        assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(40)


def test_with_few_images_the_surroundings_shrink_and_with_too_few_there_is_no_answer():
    many, fewer = fidelity(world(0, 200, 200)), fidelity(world(0, 60, 60))
    assert (many.neighbours, fewer.neighbours) == (5, 3)
    assert "too few" in fidelity(world(0, 60, 9, folds=3))
    assert "unseen" in fidelity(world(0, 20, 60, folds=2, relatives=2))


def test_no_more_than_so_many_images_are_compared_in_pairs():
    images = world(0, MOST + 50, MOST + 20).head()
    assert (len(images.made), len(images.real), images.seen.shape) == (MOST, MOST, (5, MOST))
    assert len(images.units) == len(images.groups) == MOST


# --- distances -------------------------------------------------------------------------------------------------------


def test_the_nearest_is_found_whatever_the_block(monkeypatch):
    stream = np.random.default_rng(0)
    points, others = (stream.normal(size=(n, D)).astype(np.float32) for n in (40, 70))
    monkeypatch.setattr(memorisation, "BLOCK", 7)
    found = nearest(points, others)
    for at, point in enumerate(points):
        cosines = others @ point / np.linalg.norm(others, axis=1) / np.linalg.norm(point)
        assert found.place[at] == cosines.argmax()
        assert found.distance[at] == pytest.approx(1 - cosines.max(), abs=1e-6)
    none = nearest(points, others[:0])
    assert np.isinf(none.distance).all()
    assert (none.place == -1).all()


def test_the_nearest_real_image_is_looked_for_among_those_of_the_own_model():
    images = world(1, 60, 20)
    found = nearest_real(images, images.seen)
    assert (images.folds[found.place] == images.model).all()
    assert (images.folds[nearest_real(images, images.unseen).place] != images.model).all()


def usual(distances: np.ndarray) -> Usual:
    return Usual(distances, np.arange(len(distances)))


def test_the_border_is_the_quantile_of_the_class_where_it_has_enough_images():
    distances = np.random.default_rng(0).uniform(0.2, 0.8, 1000)
    found = border("a", {"a": usual(distances), "b": usual(distances / 9)})
    assert found.false_alarms == FALSE_ALARMS
    assert (distances < found.distance).sum() == int(FALSE_ALARMS * 1001) - 1


def test_a_class_of_few_images_borrows_the_border_of_all_on_its_own_scale():
    alarms = []
    for seed in range(200):
        stream = np.random.default_rng(seed)
        few, many = stream.normal(0.6, 0.1, 30), stream.normal(0.3, 0.02, 2000)
        found = border("few", {"few": usual(few), "many": usual(many)})
        assert found.false_alarms == FALSE_ALARMS
        alarms.append(stats.norm.cdf((found.distance - 0.6) / 0.1))
    assert FALSE_ALARMS / 2 < np.mean(alarms) < 3 * FALSE_ALARMS, "a median and spread of 30 images are not exact"
    alone = border("few", {"few": usual(few)})
    assert alone.false_alarms == pytest.approx(1 / 31)
    assert alone.distance == pytest.approx(few.min())


def test_too_few_groups_have_no_border():
    assert border("a", {"a": Usual(np.linspace(0.1, 0.2, 90), np.arange(90) % 9)}) is None


def test_the_share_of_images_of_one_parent_is_less_sure():
    hit = np.arange(40) < 20
    alone, together = share(hit, np.arange(40)), share(hit, np.arange(40) // 10)
    assert alone.value == together.value == 0.5
    assert together.high - together.low > 1.5 * (alone.high - alone.low)
    assert share(np.ones(50, bool), np.arange(50)).low == pytest.approx(50 / (50 + 1.96**2), abs=1e-3)


# --- properties ------------------------------------------------------------------------------------------------------


def test_a_wave_stands_in_the_ring_of_its_frequency():
    x = np.arange(48)
    for cycles, ring in ((2, 1), (10, 5), (23, 11)):
        wave = np.tile(128 + 100 * np.sin(2 * np.pi * cycles * x / 48), (48, 1))
        image = np.repeat(wave[..., None], 3, axis=2).astype(np.uint8)
        assert spectrum(image[None])[0].argmax() == ring


def test_properties_of_pixels_are_those_of_the_audit_and_the_spectrum():
    pixels = np.random.default_rng(0).integers(0, 255, (4, 32, 32, 3), dtype=np.uint8)
    found = pixel_properties(pixels)
    assert found.keys() == {"frequency spectrum", *OF_PIXELS}
    assert PROPERTIES.keys() - OF_FILES.keys() == OF_PIXELS.keys()
    for values in found.values():
        assert len(values) == 4
        assert np.isfinite(values).all()


def test_codes_are_numbers_from_0():
    assert codes(np.array(["b", "a", "b"])).tolist() == [1, 0, 1]
