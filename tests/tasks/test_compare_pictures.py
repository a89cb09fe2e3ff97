"""What the report shows: classes before and after, curves, the worst mistakes, the map of the features."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks.compare.before_after import RAREST, SHOWN, before_after
from tasks.compare.changes import Change
from tasks.compare.comparison import Comparison, compare
from tasks.compare.curves import precision_recall
from tasks.compare.feature_map import NEW, POINTS, feature_map
from tasks.compare.mistakes import CANDIDATES, MOST, Mistake, worst, worst_mistakes
from tasks.evaluate.evaluation import evaluate
from tasks.evaluate.scored import Scored
from tasks.features import Features
from tasks.params.models import Compare, Evaluate
from tasks.statistics.interval import Interval

NAMES = ["common", "fair", "rare"]


# --- before and after ------------------------------------------------------------------------------------------------


def found_with(
    changes: dict[str, float], proved: set[str], recommended: str = "new", bets: dict[str, float] | None = None
) -> Any:
    """A comparison of a baseline with `new`, whose recalls change by `changes`."""
    recall = {label: Interval(0.4, 0.3, 0.5) for label in changes}
    after = {label: Interval(0.4 + change, 0.3, 0.6) for label, change in changes.items()}
    return SimpleNamespace(
        baseline="plain",
        recommended=recommended,
        metrics={
            name: {f"recall.{label}": one for label, one in of_one.items()}
            for name, of_one in (("plain", recall), ("new", after))
        },
        recall_changes={
            "new": {
                label: Change(change, change - 0.1, change + 0.1, 0.001 if label in proved else 0.9)
                for label, change in changes.items()
            }
        },
        not_measurable={"c02": 4},
        confidence=0.95,
        bets={name: SimpleNamespace(gain=gain) for name, gain in (bets or {}).items()},
        verdicts={"plain": "baseline", "new": "unclear", "held": "held back"},
    )


def test_of_many_classes_the_rarest_and_the_changed_ones_are_shown() -> None:
    labels = [f"c{number:02d}" for number in range(40)]
    changes = dict.fromkeys(labels, 0.0) | {"c30": 0.02, "c20": -0.09, "c25": 0.08, "c10": 0.05}
    sizes = {label: number + 3 for number, label in enumerate(labels)}
    picture = before_after(found_with(changes, {"c30"}), labels, sizes, sizes)
    shown = [row.label for row in picture.rows]
    assert shown[:RAREST] == labels[:RAREST]
    assert {"c30", "c20", "c25", "c10"} < set(shown)
    assert shown == sorted(shown), "the rarest first"
    assert len(shown) == SHOWN
    assert picture.others == 40 - SHOWN
    assert [row.label for row in picture.rows if not row.is_measurable] == ["c02"]
    assert [row.label for row in picture.rows if row.proved] == ["c30"]
    few = before_after(found_with({"c00": 0.0}, set()), ["c00"], sizes, sizes)
    assert (len(few.rows), few.others) == (1, 0)


def test_where_the_baseline_stays_the_most_promising_other_is_set_against_it() -> None:
    sizes = {"a": 5}
    for bets, other in (({"new": 0.01, "held": 0.1}, "new"), ({"new": -0.01}, ""), ({}, "")):
        picture = before_after(found_with({"a": 0.1}, set(), "plain", bets), ["a"], sizes, sizes)
        assert (picture.other, picture.is_taken) == (other, False)
        assert (picture.rows[0].after is None) == (not other)
    picture = before_after(found_with({"a": 0.1}, set()), ["a"], sizes, sizes)
    assert (picture.other, picture.is_taken) == ("new", True)


# --- mistakes --------------------------------------------------------------------------------------------------------


def example(fits: int = 2) -> tuple[Scored, pd.DataFrame]:
    """60, 30 and 12 images, two of each group; scores of chance."""
    stream = np.random.default_rng(3)
    labels = np.repeat(np.arange(3), [60, 30, 12])
    ids = np.array([f"{number:04x}" for number in stream.permutation(len(labels))])
    order = np.argsort(ids)
    ids, labels = ids[order], labels[order]
    pairs = np.empty(len(labels), dtype=int)
    for code in range(3):
        own = np.flatnonzero(labels == code)
        pairs[own] = 100 * code + np.arange(len(own)) // 2
    scored = Scored(NAMES, ids, labels, pairs, stream.normal(0, 2, (fits, len(labels), 3)))
    training = pd.DataFrame(
        {"image_id": ids, "label": np.array(NAMES)[labels], "group": pairs.astype(str), "fold": pairs % 3}
    )
    return scored, training


def test_the_worst_mistakes_are_the_surest_of_each_class_one_of_relatives_the_rarest_class_first() -> None:
    scored, _ = example()
    places = worst(scored)
    assert 0 < len(places) <= MOST
    labels = scored.labels[places]
    assert labels.tolist() == sorted(labels, reverse=True), "rare is class 2"
    assert len(set(scored.groups[places])) == len(places)
    shares = np.exp(scored.scores) / np.exp(scored.scores).sum(-1, keepdims=True)
    votes = np.array([np.bincount(fits, minlength=3).argmax() for fits in scored.decisions.T])
    confidence = shares.mean(0)[np.arange(len(votes)), votes]
    for code in range(3):
        wrong = np.flatnonzero((scored.labels == code) & (votes != code))
        surest = {}
        for place in wrong[np.argsort(-confidence[wrong])]:
            surest.setdefault(scored.groups[place], int(place))
        assert [one for one in places if scored.labels[one] == code] == list(surest.values())[: MOST // 3]
    right = Scored(NAMES, scored.image_ids, scored.labels, scored.groups, 9 * np.eye(3)[scored.labels][None])
    assert worst(right) == []


@pytest.fixture
def shown(tmp_path: Path) -> tuple[Scored, pd.DataFrame, dict[str, str], np.ndarray, list[Mistake]]:
    """The worst mistakes of `example`; each image has a colour of its own."""
    scored, training = example()
    paths = {one: f"{one}.png" for one in training["image_id"]}
    (tmp_path / "raw").mkdir()
    for number, path in enumerate(paths.values()):
        Image.new("RGB", (300, 200), (2 * number, 0, 255 - 2 * number)).save(tmp_path / "raw" / path)
    values = np.random.default_rng(4).normal(0, [1, 50, 1, 1], (len(training), 4)).astype(np.float32)
    (tmp_path / "features").mkdir()
    Features(training["image_id"].tolist(), values).save(tmp_path / "features", {})
    found = worst_mistakes(scored, training, paths, tmp_path / "raw", 16, tmp_path / "features")
    return scored, training, paths, values, found


def test_beside_a_mistake_stands_the_nearest_image_that_its_model_saw(
    shown: tuple[Scored, pd.DataFrame, dict[str, str], np.ndarray, list[Mistake]],
) -> None:
    scored, training, paths, values, found = shown
    id_of = {path: one for one, path in paths.items()}
    places = worst(scored)
    assert [id_of[one.image.path] for one in found] == [scored.image_ids[place] for place in places]
    for one in found:
        row = training.index[training["image_id"] == id_of[one.image.path]][0]
        assert one.image.label == training["label"][row]
        drawn = values[training["fold"] != training["fold"][row]]
        scaled = (values - drawn.mean(0)) / drawn.std(0)
        cosines = scaled @ scaled[row] / np.linalg.norm(scaled, axis=1)
        for near, label in ((one.alike, one.predicted), (one.own, one.image.label)):
            assert near is not None
            seen = (training["fold"] != training["fold"][row]) & (training["label"] == label)
            assert id_of[near.path] == training["image_id"][np.where(seen, cosines, -np.inf).argmax()]
            assert near.label == label
            assert (
                training["group"][training.index[training["image_id"] == id_of[near.path]][0]] != training["group"][row]
            )
        code, taken = NAMES.index(one.image.label), NAMES.index(one.predicted)
        place = int(np.flatnonzero(scored.image_ids == id_of[one.image.path])[0])
        shares = scored.probabilities.mean(0)[place]
        assert (one.probability, one.own_probability) == pytest.approx((shares[taken], shares[code]))
        with Image.open(io.BytesIO(base64.b64decode(one.image.small.partition(",")[2]))) as small:
            assert small.size == (120, 80)


def test_a_family_on_images_has_no_neighbours(tmp_path: Path) -> None:
    scored, training = example()
    paths = {one: f"{one}.png" for one in training["image_id"]}
    for path in paths.values():
        Image.new("RGB", (30, 20)).save(tmp_path / path)
    found = worst_mistakes(scored, training, paths, tmp_path, 16, None)
    assert found
    assert all(one.alike is None and one.own is None for one in found)


def test_the_search_for_neighbours_is_bounded(tmp_path: Path) -> None:
    """Of more images than are looked at the nearest of the first by id is found, not the twin that comes last."""
    count = CANDIDATES + 2
    ids = [f"{number:06d}" for number in range(count + 1)]
    training = pd.DataFrame({"image_id": ids, "label": ["b"] + ["a"] * count, "group": ids, "fold": [0] + [1] * count})
    values = np.random.default_rng(0).normal(0, 1, (count + 1, 3)).astype(np.float32)
    values[-1] = values[0]
    Features(ids, values).save(tmp_path, {})
    scores = np.tile([9.0, 0.0], (1, count + 1, 1))
    labels = np.array([1] + [0] * count)
    Image.new("RGB", (2, 2)).save(tmp_path / "one.png")
    paths = dict.fromkeys(ids, "one.png") | {ids[-1]: "twin.png"}
    scored = Scored(["a", "b"], np.array(ids), labels, np.arange(count + 1), scores)
    (found,) = worst_mistakes(scored, training, paths, tmp_path, 16, tmp_path)
    assert found.alike is not None
    assert found.alike.path == "one.png"
    assert found.own is None, "there is no other of its class"


# --- the map of the features -----------------------------------------------------------------------------------------


def map_inputs(root: Path, counts: dict[str, int], new: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training rows with features, and a recipe with new images; classes lie apart in the first of five features."""
    stream = np.random.default_rng(5)
    labels = np.repeat(list(counts), list(counts.values()))
    ids = [f"{number:05d}" for number in stream.permutation(len(labels))]
    training = pd.DataFrame({"image_id": ids, "label": labels})
    values = stream.normal(0, 1, (len(ids), 5)) + np.outer(np.unique(labels, return_inverse=True)[1], [3, 0, 0, 0, 0])
    made = [f"{ids[number % len(ids)]}-x-{number}" for number in range(new)]
    for folder, named, vectors in (("old", ids, values), ("new", made, stream.normal(0, 1, (new, 5)))):
        (root / folder).mkdir()
        Features(named, np.asarray(vectors, dtype=np.float32)).save(root / folder, {})
    balanced = pd.DataFrame(
        {
            "row_id": [*ids, *made],
            "origin": ["original"] * len(ids) + ["augmented"] * new,
            "file": [None] * len(ids) + [f"{name}.png" for name in made],
        }
    )
    return training, balanced


def test_the_map_says_what_share_of_the_variance_it_shows(tmp_path: Path) -> None:
    training, balanced = map_inputs(tmp_path, {"a": 40, "b": 25}, 7)
    found = feature_map(training, ["b", "a"], tmp_path / "old", "augmented_all", balanced, tmp_path / "new")
    values = Features.load(tmp_path / "old").values
    scaled = (values - values.mean(0)) / values.std(0)
    directions = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    variances = np.linalg.svd(directions - directions.mean(0), compute_uv=False) ** 2
    assert found.share == pytest.approx(variances[:2].sum() / variances.sum(), abs=1e-5)
    assert (found.images, found.recipe, found.new) == (65, "augmented_all", 7)
    again = feature_map(training, ["b", "a"], tmp_path / "old", "augmented_all", balanced, tmp_path / "new")
    shuffled = feature_map(
        training.sample(frac=1, random_state=1),
        ["b", "a"],
        tmp_path / "old",
        "augmented_all",
        balanced,
        tmp_path / "new",
    )
    assert found.drawing == again.drawing == shuffled.drawing


def test_the_map_of_many_images_is_bounded_and_every_class_is_on_it(tmp_path: Path) -> None:
    training, balanced = map_inputs(tmp_path, {"a": 3000, "b": 20}, NEW + 50)
    found = feature_map(training, ["b", "a"], tmp_path / "old", "augmented_all", balanced, tmp_path / "new")
    assert found.images == POINTS // 2 + 20
    assert found.new == NEW
    assert len(found.drawing) < 400_000
    (tmp_path / "many").mkdir()
    names = {f"c{number:03d}": 3 for number in range(400)}
    training, balanced = map_inputs(tmp_path / "many", names, 0)
    found = feature_map(
        training, list(names), tmp_path / "many" / "old", "natural", balanced, tmp_path / "many" / "new"
    )
    assert found.images <= POINTS
    assert (found.recipe, found.new) == ("", 0), "no new images, no second panel"


# --- curves ----------------------------------------------------------------------------------------------------------


def test_curves_are_of_the_rarest_classes_under_both_strategies() -> None:
    scored, _ = example()
    named = {"plain": scored, "new": example(fits=2)[0]}
    found = {name: evaluate(one, one.bootstrap(100, 0), 0.95) for name, one in named.items()}
    metrics = {name: one.metrics for name, one in found.items()}
    comparison: Comparison = compare(named, metrics, Compare(), Evaluate(draws=100), list(named))
    curves = pd.concat({name: one.curves for name, one in found.items()}, names=["strategy"]).reset_index("strategy")
    shares = dict(zip(NAMES, (0.6, 0.3, 0.1), strict=True))
    both = precision_recall(curves, comparison, ["plain", "new"], ["rare", "fair", "common"], shares)
    alone = precision_recall(curves, comparison, ["plain"], ["rare", "fair", "common"], shares)
    assert both.startswith('<div class="plot"')
    assert len(alone) < len(both)
    assert "Precision against recall of rare, fair, common" in both
