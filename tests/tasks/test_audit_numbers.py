"""The numbers of the audit: intervals of paired differences, the probe, and the traces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import stats
from sklearn.metrics import roc_auc_score

from tasks.audit.effect import effect, minorities
from tasks.audit.probe import MOST, Probed, out_of_fold, probe_class, probed_rows
from tasks.audit.traces import COLUMNS, PROPERTIES, traces_of
from tasks.shortcuts import judge
from tasks.statistics.interval import Interval


def newcombe(a: int, b: int, c: int, d: int) -> tuple[float, float]:
    """Newcombe's method 10 without his correction of the correlation, from the four cells of a paired table."""
    n = a + b + c + d
    first, second = (a + b) / n, (a + c) / n
    z = stats.norm.ppf(0.975)

    def wilson(share: float) -> tuple[float, float]:
        root = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
        return (share + z**2 / (2 * n) - root) / (1 + z**2 / n), (share + z**2 / (2 * n) + root) / (1 + z**2 / n)

    product = (a + b) * (c + d) * (a + c) * (b + d)
    phi = (a * d - b * c) / np.sqrt(product) if product else 0.0
    (low, high), (low2, high2) = wilson(first), wilson(second)
    below = np.sqrt((first - low) ** 2 - 2 * phi * (first - low) * (high2 - second) + (high2 - second) ** 2)
    above = np.sqrt((high - first) ** 2 - 2 * phi * (high - first) * (second - low2) + (second - low2) ** 2)
    return first - second - below, first - second + above


@pytest.mark.parametrize("cells", [(5, 25, 3, 67), (20, 30, 10, 140), (0, 12, 0, 88), (2, 8, 8, 82)])
def test_single_images_get_newcombes_interval(cells: tuple[int, int, int, int]) -> None:
    changed = np.repeat([1.0, 1.0, 0.0, 0.0], cells)
    untouched = np.repeat([1.0, 0.0, 1.0, 0.0], cells)
    found = effect(untouched, changed, np.arange(len(changed))).difference
    low, high = newcombe(*cells)
    assert found.value == pytest.approx(changed.mean() - untouched.mean())
    assert (found.low, found.high) == (pytest.approx(low, abs=0.012), pytest.approx(high, abs=0.012))


def test_where_nothing_moves_the_interval_says_what_so_few_images_can_hide() -> None:
    nothing = np.zeros(100)
    found = effect(nothing, nothing, np.arange(100)).difference
    assert found.value == 0
    assert found.high == -found.low == pytest.approx(1.96**2 / (100 + 1.96**2), abs=1e-3)
    fewer = effect(nothing, nothing, np.arange(100) // 4).difference
    assert fewer.high == pytest.approx(1.96**2 / (25 + 1.96**2), abs=1e-3), "25 groups of relatives"


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """30 groups of 1 to 5 relatives that are alike; a true rise of .15."""
    hits = 0
    for seed in range(200):
        stream = np.random.default_rng(seed)
        groups = np.repeat(np.arange(30), stream.integers(1, 6, 30))
        leaning = stream.normal(0, 1, 30)[groups] * 0.8 + stream.normal(0, 0.6, len(groups))
        untouched = (leaning > stats.norm.ppf(0.9)).astype(float)
        changed = ((leaning > stats.norm.ppf(0.75)) * stream.integers(1, 3, len(groups)) / 2 * 4 / 3).clip(max=1)
        truth = 0.25 * (2 / 3 + 1) / 2 - 0.1
        found = effect(untouched, changed, groups).difference
        hits += found.low <= truth <= found.high
    assert hits / 200 >= 0.9


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (0.051, 0.2, "shortcut found"),
        (0.05, 0.2, "can't tell"),
        (-0.01, 0.05, "no shortcut"),
        (-0.1, 0.06, "can't tell"),
    ],
)
def test_the_lower_end_decides(low: float, high: float, outcome: str) -> None:
    assert judge(Interval((low + high) / 2, low, high), limit=0.05) == outcome


def balanced(counts: dict[str, tuple[int, int]]) -> pd.DataFrame:
    rows = []
    for label, (old, new) in counts.items():
        rows += [{"label": label, "file": None}] * old + [{"label": label, "file": "x.png"}] * new
    return pd.DataFrame(rows)


def test_minorities_are_the_classes_with_a_larger_share_of_new_images_or_else_all_others() -> None:
    classes = ["a", "b", "c"]
    assert minorities(balanced({"a": (100, 0), "b": (50, 50), "c": (99, 0)}), classes, "a") == ["b"]
    assert minorities(balanced({"a": (100, 50), "b": (50, 50), "c": (20, 80)}), classes, "a") == ["b", "c"]
    assert minorities(balanced({"a": (100, 100), "b": (50, 50), "c": (21, 21)}), classes, "a") == ["b", "c"]


# --- the probe -------------------------------------------------------------------------------------------------------


def probed(n: int = 60) -> pd.DataFrame:
    """Originals and a descendant of each."""
    return pd.DataFrame({"is_new": np.arange(2 * n) % 2 == 1, "group": np.arange(2 * n) // 2})


def test_a_planted_property_is_named_and_noise_is_not() -> None:
    rows = probed()
    stream = np.random.default_rng(1)
    features, traces = stream.normal(size=(120, 40)), stream.normal(size=(120, len(COLUMNS)))
    nothing = probe_class(rows, features, traces)
    assert nothing["tell"] is None
    assert nothing["all"]["low"] < 0.5 < nothing["all"]["high"]
    is_new = rows["is_new"].to_numpy()
    traces[:, COLUMNS.index("noise")] *= np.where(is_new, 4, 0.5)  # the same mean, another spread
    found = probe_class(rows, features, traces)
    assert found["tell"] == "noise"
    assert found["properties"]["noise"]["value"] > 0.75
    assert (found["originals"], found["new"], found["groups"]) == (60, 60, 60)


def test_relatives_never_train_what_judges_them() -> None:
    """20 families of originals and 20 of new images: who knew a relative would know what is new."""
    rows = pd.DataFrame({"is_new": np.arange(160) // 4 % 2 == 1, "group": np.arange(160) // 4})
    images = Probed.of(rows)
    assert (pd.Series(images.folds).groupby(images.groups).nunique() == 1).all()
    stream = np.random.default_rng(0)
    features = stream.normal(size=(40, 20))[images.groups] + stream.normal(0, 0.01, (160, 20))
    torn = Probed(images.is_new, images.groups, np.arange(160) % 4)
    honest, leaking = (out_of_fold(each, features, None) for each in (images, torn))
    assert roc_auc_score(images.is_new, leaking) > 0.8
    assert roc_auc_score(images.is_new, honest) < 0.65


def test_a_class_gives_at_most_so_many_images_and_none_without_enough_groups() -> None:
    rows = []
    for label, count, copies in (("large", 400, 2), ("small", 9, 3)):
        for number in range(count):
            parent = f"{label}{number:04}"
            about = {"label": label, "parents": [parent], "second_label": None}
            rows.append({"row_id": parent, "origin": "original", "file": None, **about})
            rows += [
                {"row_id": f"{parent}-a-{n}", "origin": "augmented", "file": f"{parent}-{n}.png", **about}
                for n in range(copies if number % 2 else 0)
            ]
    found = probed_rows(pd.DataFrame(rows), {row["parents"][0]: row["parents"][0] for row in rows})
    assert set(found["label"]) == {"large"}
    assert found["is_new"].sum() == (~found["is_new"]).sum() == MOST
    assert set(found.loc[found["is_new"], "parent"]) <= set(found.loc[~found["is_new"], "parent"])
    assert found.loc[found["is_new"], "row_id"].str.endswith("-0").all(), "first a descendant of each"


# --- traces ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    stream = np.random.default_rng(3)
    coarse = Image.fromarray(stream.integers(60, 200, (7, 9, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((120, 90), Image.Resampling.BICUBIC), dtype=float)
    return (smooth + stream.normal(0, 3, smooth.shape)).clip(0, 255).astype(np.uint8)


def traces(pixels: np.ndarray, path: Path, **options: int) -> dict[str, float]:
    Image.fromarray(pixels).save(path, **options)
    return traces_of(path, 16)


def test_each_trace_is_seen_by_its_own_property(picture: np.ndarray, tmp_path: Path) -> None:
    plain = traces(picture, tmp_path / "plain.png")
    black = picture.copy()
    black[np.add.outer(np.arange(90), np.arange(120)) < 12] = 0
    seen = traces(black, tmp_path / "black.png")
    assert seen["black_corners"] > 0.5 > plain["black_corners"] == 0
    assert seen["even_corners"] > plain["even_corners"] + 0.3
    marked = picture.copy()
    marked[-3:, -3:] += 8
    difference = {name: traces(marked, tmp_path / "mark.png")[name] - plain[name] for name in plain}
    assert difference["mark_bottom_right"] == pytest.approx(8, abs=0.5)
    assert [abs(difference[f"mark_{corner}"]) for corner in ("top_left", "top_right", "bottom_left")] == [0, 0, 0]
    mirrored = picture.copy()
    mirrored[:4] = mirrored[5:9][::-1]
    assert traces(mirrored, tmp_path / "mirrored.png")["mirrored"] == pytest.approx(np.log(0.1))
    assert plain["mirrored"] > np.log(0.1) + 1
    stretched = (picture.astype(float) * 1.3 - 40).clip(0, 255).astype(np.uint8)
    grey, wide = (np.repeat(each[:, :, :1], 3, axis=2) for each in (picture, stretched))
    assert traces(wide, tmp_path / "wide.png")["gaps"] > traces(grey, tmp_path / "grey.png")["gaps"] + 0.1
    coarse = traces(picture, tmp_path / "coarse.jpg", quality=10)
    fine = traces(picture, tmp_path / "fine.jpg", quality=95)
    assert (coarse["jpeg_quality"], fine["jpeg_quality"]) == (10, 95)
    assert coarse["blocks"] > fine["blocks"] + 0.1
    assert coarse["bytes_a_pixel"] < fine["bytes_a_pixel"] - 1
    Image.open(tmp_path / "coarse.jpg").save(tmp_path / "again.png")
    assert traces_of(tmp_path / "again.png", 16)["blocks"] > plain["blocks"] + 0.1, "also when encoded again"


@pytest.mark.parametrize("size", [(1, 1), (2, 40), (4000, 3), (23, 24), (300, 200)])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "1", "I;16"])
def test_traces_are_finite_numbers_for_every_size_and_mode(size: tuple[int, int], mode: str, tmp_path: Path) -> None:
    Image.new(mode, size, 1).save(tmp_path / "image.png")
    found = traces_of(tmp_path / "image.png", 16)
    assert set(found) == set(COLUMNS) == {column for columns in PROPERTIES.values() for column in columns}
    assert np.isfinite(list(found.values())).all()
