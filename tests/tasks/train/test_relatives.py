"""Rows that a fit sets aside to learn how far it can be trusted: relatives are never on both sides."""

from __future__ import annotations

import numpy as np
import pytest
from fits import as_inputs
from numpy.testing import assert_array_equal
from test_train import make_balanced, make_splits

from tasks.lineage import TrainingSet
from tasks.train.classifiers.svm import Svm
from tasks.train.families import Components, Log
from tasks.train.families.anomaly import Anomaly
from tasks.train.families.classical import Classical
from tasks.train.losses.none import NoLoss
from tasks.train.mixing.none import Unmixed
from tasks.train.relatives import BETWEEN, halves_of
from tasks.train.rows import Rows
from tasks.train.samplers import Sampler
from tasks.train.samplers.natural import Natural
from tasks.train.samplers.smote import Smote
from tasks.train.schedules.constant import Unscheduled


def clouds(children: int, seed: int, counts: tuple[int, int] = (240, 40)) -> tuple[np.ndarray, Rows]:
    """Two overlapping classes, and near each row of the rare one some that were made of it."""
    stream = np.random.default_rng(seed)
    targets = np.repeat([0, 1], counts)
    features = stream.normal(size=(sum(counts), 64))
    features[targets == 1, :4] += 0.8
    rare = np.flatnonzero(targets == 1)
    made = np.repeat(rare, children)
    features = np.concatenate([features, features[made] + 0.25 * stream.normal(size=(len(made), 64))])
    targets, relatives = np.append(targets, targets[made]), np.append(np.arange(sum(counts)), made)
    ids = [str(number) for number in range(len(targets))]
    ones = np.ones(len(targets), dtype=np.float32)
    return features.astype(np.float32), Rows(ids, ["common", "rare"], targets, targets, ones, relatives)


def recalls(features: np.ndarray, rows: Rows, sampler: Sampler, seed: int) -> list[float]:
    """Of a support vector machine, on other rows of both classes."""
    family = Classical(backbone="toy", classifier=Svm())
    components = Components(NoLoss(), sampler, Unmixed(), Unscheduled())
    fitted = family.fit(rows, as_inputs(features), components, 0, None, Log())
    others, theirs = clouds(0, seed + 1000, (500, 500))
    decided = fitted.predict(as_inputs(others)).decisions
    return [float((decided == code)[theirs.first == code].mean()) for code in (0, 1)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("children", "sampler"), [(5, Natural()), (0, Smote())], ids=["images", "features"])
def test_a_support_vector_machine_is_not_judged_by_rows_that_were_made_of_what_it_has_seen(children, sampler, seed):
    """Six rows for each rare one, or as many as of the common class: as for as many weights, both classes are found."""
    features, rows = clouds(children, seed)
    common, rare = recalls(features, rows, sampler, seed)
    assert min(common, rare) > 0.5
    assert (common + rare) / 2 > 0.62


def test_each_row_is_judged_by_a_machine_that_has_seen_none_of_its_group(monkeypatch):
    features, rows = clouds(3, 0, (20, 6))
    marked = features.copy()
    marked[:, -1] = rows.related  # tells a row's group to who looks at what is fitted
    learnt: list[np.ndarray] = []
    plain = Svm.make

    def spy(self, seed):
        machine = plain(self, seed)
        fit, decide = machine.fit, machine.decision_function

        def fitting(values, targets, sample_weight):
            learnt.append(values[:, -1])
            return fit(values, targets, sample_weight)

        def deciding(values):
            assert not set(values[:, -1]) & set(learnt[-1])
            return decide(values)

        machine.fit, machine.decision_function = fitting, deciding
        return machine

    monkeypatch.setattr(Svm, "make", spy)
    Svm().fit_apart(marked, rows.first, np.ones(len(marked)), 0, rows.related)
    assert len(learnt) == 6


def test_rows_between_groups_are_judged_only_where_a_class_has_no_others():
    features, rows = clouds(0, 0, (20, 6))
    weights, relatives = np.ones(26), rows.related.copy()
    relatives[23:] = BETWEEN
    fitted = Svm().fit_apart(features, rows.first, weights, 0, relatives)
    moved = features.copy()
    moved[23:] += 1
    other = Svm().fit_apart(moved, rows.first, weights, 0, relatives)
    assert (fitted["machine"].dual_coef_.shape, fitted["mean"].tolist()) != (
        other["machine"].dual_coef_.shape,
        other["mean"].tolist(),
    )
    relatives[20:] = BETWEEN
    alone = Svm().fit_apart(features, rows.first, weights, 0, relatives)
    assert np.isfinite(Svm().probabilities(alone, features)).all()


@pytest.mark.parametrize("relatives", [[0, 0, 0, 1, 1], [0, 0, 0, 0, 0]], ids=repr)
def test_classes_of_one_group_each_have_to_be_seen(relatives):
    features = np.array([[0, 0], [0.1, 0], [0, 0.2], [3, 3], [3, 3.1]], np.float32)
    targets = np.array([0, 0, 0, 1, 1])
    for values in (features, np.round(features / 3)):  # rows that differ, and copies of one a class
        fitted = Svm().fit_apart(values, targets, np.ones(5), 0, np.array(relatives))
        assert (Svm().probabilities(fitted, values).argmax(1) == targets).all()


@pytest.mark.parametrize("detector", ["nearest_neighbours", "mahalanobis"])
def test_a_level_is_not_set_by_how_near_images_are_to_what_was_made_of_them(detector):
    """Of images that were never seen about a twentieth lies beyond, of whatever the rows were made."""
    stream = np.random.default_rng(0)
    originals = stream.normal(size=(150, 16))
    made = np.repeat(np.arange(150), 3)
    features = np.concatenate([originals, originals[made] + 0.2 * stream.normal(size=(450, 16)), originals[:20] + 3])
    relatives = np.concatenate([np.arange(150), made, np.arange(150, 170)])
    order = stream.permutation(len(features))
    targets = np.repeat([0, 1], [600, 20])[order]
    ids = [str(number) for number in range(len(order))]
    rows = Rows(ids, ["fine", "odd"], targets, targets, np.ones(620, np.float32), relatives[order])
    family = Anomaly.model_validate({"name": "anomaly", "backbone": "toy", "detector": {"name": detector}})
    components = Components(NoLoss(), Natural(), Unmixed(), Unscheduled())
    fitted = family.fit(rows, as_inputs(features[order].astype(np.float32)), components, 0, None, Log())
    unseen = as_inputs(stream.normal(size=(2000, 16)).astype(np.float32))
    assert (fitted.predict(unseen).decisions == 1).mean() < 0.08


@pytest.mark.parametrize("seed", range(5))
def test_halves_hold_whole_groups_and_about_as_many_rows(seed):
    relatives = np.random.default_rng(seed).integers(0, 15, 60)
    halves = halves_of(relatives)
    for group in set(relatives.tolist()):
        assert len(set(halves[relatives == group].tolist())) == 1
    assert abs((halves == 0).sum() - (halves == 1).sum()) <= np.bincount(relatives).max()


def test_without_relatives_every_second_row_is_in_a_half():
    alternating = [0, 1, 0, 1, 0, 1, 0]
    assert halves_of(np.arange(7)).tolist() == alternating
    assert halves_of(np.full(7, BETWEEN)).tolist() == alternating
    assert halves_of(np.array([4, 4, 4, 4, 4, 4, 1])).tolist() == alternating  # of one row nothing can be learnt


def test_rows_know_the_group_of_their_images():
    splits = make_splits()
    splits.loc[splits["image_id"].isin(["fine-000", "fine-003"]), "group"] = "both"
    balanced = make_balanced(splits)
    common = {"label": "fine", "operation": "mixup", "parameters": "{}", "origin": "mixed", "fold": 0}
    for name, parents in {"apart": ["fine-000", "fine-006"], "together": ["fine-000", "fine-003"]}.items():
        balanced.loc[len(balanced)] = common | {"row_id": name, "file": f"{name}.png", "parents": parents}
        balanced.loc[balanced["row_id"] == name, ["second_label", "second_share"]] = ["fine", 0.5]
    rows = Rows.of(TrainingSet.of_split(splits), balanced, None, ["crack", "fine", "stain"], "")
    of = dict(zip(balanced["row_id"], rows.related.tolist(), strict=True))
    assert of["fine-000"] == of["fine-003"] == of["together"] >= 0
    assert of["crack-000"] == of["crack-000-c1"] == of["crack-000-n1"] >= 0
    assert of["apart"] == BETWEEN
    assert len({*of.values()} - {BETWEEN}) == splits.loc[splits["part"] == "train", "group"].nunique()
    made = rows.with_made(np.array([1, 2]))
    assert_array_equal(made.related, [*rows.related, BETWEEN, BETWEEN])
    assert_array_equal(made.head(len(rows)).related, rows.related)
