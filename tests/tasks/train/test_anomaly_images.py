"""Detectors on images: each on the same contract, and their arithmetic against plain loops."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fits import variants
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError
from sklearn.metrics import roc_auc_score
from textures import BLOB, SIDE, Textures, corner, fit_of, inputs_of, rows_of

from tasks.errors import InputError
from tasks.train.detecting.coreset import greedy_coreset, projected
from tasks.train.detecting.shown import Memory, Shown
from tasks.train.detectors import Detector
from tasks.train.detectors.autoencoder import Autoencoder
from tasks.train.detectors.padim import Padim
from tasks.train.detectors.patchcore import PatchCore
from tasks.train.families import Fit
from tasks.train.families.anomaly import Anomaly, FittedAnomaly
from tasks.train.networks.efficientnet_lite0 import PretrainedLite0
from tasks.train.networks.resnet import ResNet

MAPS: dict[str, Any] = {"image_size": 64, "patches": 1500, "bank": 150, "dimensions": 24}
PIXELS: dict[str, Any] = {"image_size": 32, "width": 8, "steps": 100, "learning_rate": 0.01}


def quick(detector: Detector, **others: Any) -> Detector:
    chosen = (PIXELS if isinstance(detector, Autoencoder) else MAPS) | others
    return detector.model_copy(update={key: value for key, value in chosen.items() if hasattr(detector, key)})


DETECTORS = [
    quick(one)
    for one in variants("tasks.train.detectors")
    if one.inputs == "images" and one.resize == "squash"  # the other one is of decoding
]
each_detector = pytest.mark.parametrize("detector", DETECTORS, ids=repr)


def fitted(detector: Detector, fit: Fit | None = None, **settings: Any) -> FittedAnomaly:
    [made] = Anomaly(detector=detector, **settings).fit_all([fit or fit_of(rows_of([40, 4]))])
    return made


def saved(made: FittedAnomaly, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    made.save(folder)
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


@each_detector
def test_a_planted_blob_is_found_on_images_that_were_not_learnt_from(detector: Detector) -> None:
    made, unseen = fitted(detector), rows_of([25, 25], 1000)
    scores = made.predict(inputs_of(unseen)).values
    assert roc_auc_score(unseen.first, scores[:, 1]) > 0.9
    assert_array_equal(scores[:, 0], -scores[:, 1])


@each_detector
def test_the_farthest_place_is_where_the_blob_is(detector: Detector) -> None:
    made, unseen = fitted(quick(detector, image_size=128 if "stages" in repr(detector) else 64)), rows_of([0, 15], 1000)
    places = made.places(inputs_of(unseen))
    assert places is not None
    cell = SIDE / places.shape[1]
    away = []
    for row, far in enumerate(places):
        top, left = corner(1, 1000 + row)
        y, x = np.unravel_index(far.argmax(), far.shape)
        away.append([(y + 0.5) * cell - top - BLOB / 2, (x + 0.5) * cell - left - BLOB / 2])
    assert np.median(np.abs(away)) < BLOB / 2
    assert (np.abs(np.median(away, axis=0)) < BLOB / 4).all(), "neither to a side nor up or down"


def test_places_are_on_the_scale_of_scores() -> None:
    """Where the farthest place is the score, it is the score."""
    made, unseen = fitted(quick(Padim())), inputs_of(rows_of([5, 5], 1000))
    assert_allclose(made.places(unseen).max(axis=(1, 2)), made.predict(unseen).values[:, 1])


@each_detector
def test_nothing_is_learnt_from_the_rare_one_of_two_classes(detector: Detector, tmp_path: Path) -> None:
    rows = rows_of([12, 3])
    other = replace(rows, ids=[*rows.ids[:12], "3-1", "3-2", "3-3"])
    first, second = (saved(fitted(detector, fit_of(one)), tmp_path / str(at)) for at, one in enumerate((rows, other)))
    assert first == second


@each_detector
def test_what_is_loaded_scores_the_same(detector: Detector, tmp_path: Path) -> None:
    made, unseen = fitted(detector, fit_of(rows_of([10, 3, 3]))), inputs_of(rows_of([3, 3, 3], 1000))
    saved(made, tmp_path / "model")
    loaded = Anomaly(detector=detector).load(tmp_path / "model", made.prior, None)
    assert_array_equal(loaded.predict(unseen).values, made.predict(unseen).values)
    assert_array_equal(loaded.places(unseen), made.places(unseen))


@each_detector
def test_several_other_classes_are_told_from_each_other(detector: Detector) -> None:
    made, unseen = fitted(detector, fit_of(rows_of([40, 8, 8]))), rows_of([0, 20, 20], 1000)
    found = made.predict(inputs_of(unseen)).values[:, 1:].argmax(axis=1) + 1
    assert (found == unseen.first).mean() > 0.7


@each_detector
def test_fits_together_are_the_fits_one_by_one_and_images_are_looked_at_once(
    detector: Detector, tmp_path: Path
) -> None:
    rows, family, source = rows_of([12, 3]), Anomaly(detector=detector), Textures()
    together = list(family.fit_all([fit_of(rows, seed, source) for seed in (0, 1)]))
    asked = source.asked
    for seed, made in enumerate(together):
        one = fit_of(rows, seed)
        alone = family.fit(one.rows, one.inputs, one.components, one.seed, one.fold, one.log)
        assert saved(made, tmp_path / f"a{seed}") == saved(alone, tmp_path / f"b{seed}")
        assert_array_equal(made.predict(inputs_of(rows, source)).values, alone.predict(inputs_of(rows)).values)
    if detector.name != "autoencoder":
        assert asked == 12
        assert source.asked == 15


def test_what_is_remembered_is_bounded_and_changes_nothing() -> None:
    rows = rows_of([6])
    source = Textures()
    small, detector = Memory(source, budget=100_000), quick(Padim())
    shown = Shown(inputs_of(rows, source), "none", None, small)
    first, second = (np.stack(list(detector.maps(shown))) for _ in range(2))
    assert_array_equal(first, second)
    assert 0 <= small.budget < 8 * 8 * 152 * 2
    assert source.asked > 6, "some were computed twice"


@each_detector
def test_an_image_that_stands_several_times_is_as_good_as_any(detector: Detector) -> None:
    rows = rows_of([10, 2])
    twice = replace(rows, ids=[*rows.ids[:5], *rows.ids[:5], *rows.ids[10:]])
    scores = fitted(detector, fit_of(twice)).predict(inputs_of(twice)).values
    assert_array_equal(scores[:5], scores[5:10])


# --- the maps


def test_a_place_is_the_mean_of_what_is_around_it_and_later_stages_follow_the_first() -> None:
    rows, detector = rows_of([2, 1]), PatchCore(image_size=64)
    found = np.stack(list(detector.maps(Shown(inputs_of(rows), "none", None))))
    values = (torch.from_numpy(inputs_of(rows).images(64)).float() - 127) / 128
    stages, maps = PretrainedLite0().stages().eval(), []
    with torch.inference_mode():
        values = values.permute(0, 3, 1, 2)
        for number, stage in enumerate(stages, 1):
            values = stage(values)
            if number in (3, 5):
                maps.append(values.numpy())
    fine, coarse = (around(one) for one in maps)
    expected = np.concatenate([fine, larger(coarse, fine.shape[2])], axis=1).transpose(0, 2, 3, 1)
    assert found.shape == (3, 8, 8, 152)
    assert_allclose(found, expected, rtol=2e-3, atol=5e-3)


def around(maps: np.ndarray) -> np.ndarray:
    """The mean over the 3 by 3 places around each, as far as there are some."""
    made = np.empty_like(maps)
    for y, x in itertools.product(range(maps.shape[2]), range(maps.shape[3])):
        made[:, :, y, x] = maps[:, :, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].mean((2, 3))
    return made


def larger(maps: np.ndarray, side: int) -> np.ndarray:
    """Square maps with more places, each a mixture of the four nearest: bilinear, by middles of places."""
    old = maps.shape[2]
    at = ((np.arange(side) + 0.5) * old / side - 0.5).clip(0, old - 1)
    low = np.minimum(at.astype(int), old - 2)
    share = at - low
    rows = maps[:, :, low] * (1 - share)[:, None] + maps[:, :, low + 1] * share[:, None]
    return rows[..., low] * (1 - share) + rows[..., low + 1] * share


def maps_of(detector: Padim | PatchCore, rows: Any) -> np.ndarray:
    return np.stack(list(detector.maps(Shown(inputs_of(rows), "none", None)))).astype(np.float64)


def test_padim_is_the_distance_to_the_gaussian_of_each_place() -> None:
    rows, unseen, detector = rows_of([20, 1]), rows_of([3, 3], 50), Padim(image_size=64, dimensions=10)
    made = fitted(detector, fit_of(rows)).detector
    learnt, looked = maps_of(detector, rows_of([20])), maps_of(detector, unseen)
    chosen = made.arrays["chosen"]
    assert len({*chosen.tolist()}) == 10
    expected = np.empty(looked.shape[:3])
    for y, x in itertools.product(range(8), range(8)):
        own = learnt[:, y, x][:, chosen]
        mean = own.mean(axis=0)
        inverse = np.linalg.inv(np.cov(own.T) + 0.01 * np.eye(10))
        for row, maps in enumerate(looked):
            left = maps[y, x, chosen] - mean
            expected[row, y, x] = (left @ inverse @ left) ** 0.5
    shown = Shown(inputs_of(unseen), "none", None)
    assert_allclose(made.places(shown), expected, rtol=1e-3)
    assert_allclose(made.look(shown).degrees, expected.max(axis=(1, 2)), rtol=1e-3)


def test_patchcore_is_the_weighed_distance_of_the_farthest_place_to_the_bank() -> None:
    """Equations 6 and 7 of the paper, place by place."""
    detector = PatchCore(image_size=64, patches=600, bank=40, neighbours=4)
    unseen = rows_of([3, 3], 50)
    made = fitted(detector, fit_of(rows_of([20, 1]))).detector
    bank = made.arrays["bank"].astype(np.float64)
    degrees, places = [], np.empty((6, 8, 8))
    for row, maps in enumerate(maps_of(detector, unseen)):
        farthest = (-1.0, np.zeros(0), 0)
        for y, x in itertools.product(range(8), range(8)):
            distances = np.linalg.norm(bank - maps[y, x], axis=1)
            places[row, y, x] = distances.min()
            if distances.min() > farthest[0]:
                farthest = (distances.min(), maps[y, x], int(distances.argmin()))
        distance, place, nearest = farthest
        near = sorted(range(40), key=lambda one: np.linalg.norm(bank[one] - bank[nearest]))[:4]
        total = sum(np.exp(np.linalg.norm(place - bank[one])) for one in near)
        degrees.append((1 - np.exp(distance) / total) * distance)
    shown = Shown(inputs_of(unseen), "none", None)
    assert_allclose(made.places(shown), places, rtol=1e-6)
    assert_allclose(made.look(shown).degrees, degrees, rtol=1e-6)
    every = maps_of(detector, rows_of([20])).reshape(-1, 152)
    assert np.linalg.norm(every[:, None] - bank, axis=2).min(axis=0).max() < 1e-6, "the bank is of normal places"


def test_without_neighbours_a_distance_of_patchcore_counts_as_it_is() -> None:
    made = fitted(quick(PatchCore(neighbours=0)), fit_of(rows_of([10, 1]))).detector
    shown = Shown(inputs_of(rows_of([2, 2], 50)), "none", None)
    assert_allclose(made.look(shown).degrees, made.places(shown).max(axis=(1, 2)))


def test_a_coreset_is_that_of_a_plain_greedy_loop() -> None:
    rows = np.random.default_rng(0).normal(size=(80, 5)).astype(np.float32)
    chosen = [7]
    while len(chosen) < 30:
        left = [row for row in range(80) if row not in chosen]
        chosen.append(max(left, key=lambda row: min(np.linalg.norm(rows[row] - rows[one]) for one in chosen)))
    assert_array_equal(greedy_coreset(rows, 30, 7), chosen)


def test_a_coreset_of_all_rows_has_each_once_though_some_are_alike() -> None:
    rows = np.repeat(np.random.default_rng(0).normal(size=(4, 3)), 5, axis=0).astype(np.float32)
    assert sorted(greedy_coreset(rows, 50, 3)) == [*range(20)]


def test_a_projection_keeps_distances_nearly() -> None:
    stream = np.random.default_rng(0)
    rows = stream.normal(size=(40, 600)).astype(np.float32)
    ratio = np.linalg.norm(projected(rows, stream)[1:] - projected(rows, np.random.default_rng(0))[0], axis=1)
    near = projected(rows, np.random.default_rng(1))
    ratio = np.linalg.norm(near[1:] - near[0], axis=1) / np.linalg.norm(rows[1:] - rows[0], axis=1)
    assert near.shape == (40, 128)
    assert 0.75 < ratio.min() < 1 < ratio.max() < 1.25


def test_a_network_with_other_weights_than_the_fitted_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    made = fitted(quick(Padim()), fit_of(rows_of([6, 1])))
    other = {**made.detector.arrays, "network": np.zeros(32, dtype=np.uint8)}
    damaged = replace(made, detector=replace(made.detector, arrays=other))
    with pytest.raises(InputError, match="'efficientnet_lite0' has other weights here than when the model was fitted"):
        damaged.predict(inputs_of(rows_of([1])))


# --- the autoencoder


def test_an_autoencoders_degree_is_the_mean_squared_error_of_the_standardised_pixels() -> None:
    rows, unseen = rows_of([12, 1]), rows_of([3, 3], 50)
    images = inputs_of(unseen).images(32).astype(np.float64)
    learnt = inputs_of(rows_of([12])).images(32).reshape(-1, 3).astype(np.float64)
    shown = Shown(inputs_of(unseen), "none", None)
    for error in ("mean", "largest"):
        made = fitted(quick(Autoencoder(error=error)), fit_of(rows)).detector
        pixels = (images - learnt.mean(axis=0)) / learnt.std(axis=0)
        again = made._network(torch.from_numpy(pixels.transpose(0, 3, 1, 2)).float()).numpy().transpose(0, 2, 3, 1)
        squares = ((again - pixels) ** 2).mean(axis=3)
        starts = range(0, 32, 8)
        cells = [[[one[y : y + 8, x : x + 8].mean() for x in starts] for y in starts] for one in squares]
        pooled = np.array(cells)
        assert_allclose(made.places(shown), pooled, rtol=1e-3)
        expected = pooled.mean(axis=(1, 2)) if error == "mean" else pooled.max(axis=(1, 2))
        assert_allclose(made.look(shown).degrees, expected, rtol=1e-3)


def test_an_autoencoder_tells_its_losses_which_fall() -> None:
    fit = fit_of(rows_of([40, 1]))
    fitted(quick(Autoencoder()), fit)
    assert len(fit.log.losses) == 34  # of 3 steps each, but the last one
    assert fit.log.losses[-1] < fit.log.losses[0] / 2


def test_an_autoencoder_that_runs_away_ends_at_once() -> None:
    fit = fit_of(rows_of([12, 1]))
    wild = Autoencoder(image_size=16, steps=5000, learning_rate=1.0, weight_decay=10.0)
    with np.errstate(all="ignore"):
        fitted(wild, fit)
    assert len(fit.log.losses) < 500
    assert not np.isfinite(fit.log.losses[-1])


def test_an_autoencoder_that_was_stopped_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    class Stopping(Textures):
        left = 300

        def images(self, ids: Any, size: int, resize: str) -> np.ndarray:
            self.left -= len(ids)
            if self.left < 0:
                raise KeyboardInterrupt
            return super().images(ids, size, resize)

    detector, rows = Autoencoder(image_size=16, steps=25), rows_of([12, 2])
    whole = saved(fitted(detector, fit_of(rows)), tmp_path / "whole")
    times = 0
    while True:
        times += 1
        try:
            fit = fit_of(rows, source=Stopping(), folder=tmp_path / "checkpoints")
            made = fitted(detector, fit)
            break
        except KeyboardInterrupt:
            continue
    assert times > 2
    assert saved(made, tmp_path / "stopped") == whole
    assert len(fit.log.losses) == 25
    other = fit_of(rows, seed=1, folder=tmp_path / "checkpoints")
    assert saved(fitted(detector, other), tmp_path / "other") != whole, "a checkpoint of another seed is not taken"


# --- what makes no sense


@pytest.mark.parametrize(
    ("detector", "settings", "told"),
    [
        (PatchCore, {"network": ResNet()}, "'resnet' starts by chance, and the detector 'patchcore' trains nothing"),
        (Padim, {"stages": [5, 3]}, r"stages: \[5, 3\] must rise"),
        (Padim, {"stages": [3, 3]}, r"stages: \[3, 3\] must rise"),
        (Padim, {"stages": [3, 8]}, "stages: 8, but the network 'efficientnet_lite0' has 7 stages"),
        (PatchCore, {"image_size": 32}, "image_size: 32 is too small for the network 'efficientnet_lite0'; write 64"),
        (Autoencoder, {"image_size": 60}, "multiple of 8"),
    ],
)
def test_settings_that_make_no_sense_are_refused(detector: Any, settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        detector(**settings)
