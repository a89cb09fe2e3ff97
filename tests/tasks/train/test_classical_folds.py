"""Classical classifiers with rows that SMOTE and its kin make: within a fold's own rows, after PCA, before the fit."""

from __future__ import annotations

import numpy as np
import pytest
from fits import variants
from numpy.testing import assert_allclose, assert_array_equal
from test_classifier_contract import EVERY, every
from test_train import COUNTS, FOLDS, fit, make_balanced, make_splits, make_strategy, new_ids, scores

from tasks.features import Features
from tasks.train.classifiers.svm import Svm
from tasks.train.fitting import Outcome
from tasks.train.interpolating import Interpolating
from tasks.train.samplers.natural import Natural
from tasks.train.samplers.smote import Smote

LONG = 200  # dimensions: neighbours are looked for in fewer
ONE_SEED = {"seeds": 1}
MAKERS = [one for one in variants("tasks.train.samplers") if isinstance(one, Interpolating)]


def long_vectors(ids: list[str], moved: set[str] = frozenset()) -> Features:
    """A vector an image that depends on its name alone; far off for those in `moved` and what was made of them."""
    values = []
    for name in ids:
        generator = np.random.default_rng(list(name.encode()))
        mean = np.zeros(LONG)
        mean[20 * sorted(COUNTS).index(name.split("-")[0]) :][:20] = 1.0
        value = mean + generator.normal(size=LONG)
        values.append(50.0 - 30 * value if name.removesuffix("-n1") in moved else value)
    return Features(ids, np.array(values, dtype=np.float32))


def fitted(classifier, sampler, moved: set[str] = frozenset()) -> Outcome:
    splits = make_splits()
    strategy = make_strategy(
        family={"name": "classical", "backbone": "toy", "classifier": classifier.model_dump()},
        loss={"name": "none"},
        sampler=sampler.model_dump(),
    )
    images, new = splits["image_id"].tolist(), new_ids(make_balanced(splits))
    vectors = {"features": long_vectors(images, moved), "new_features": long_vectors(new, moved)}
    return fit(strategy, ONE_SEED, **vectors)


def files(outcome: Outcome, fold: int, folder) -> dict[str, bytes]:
    """What the model of a fold saves."""
    folder.mkdir()
    outcome.fold_models[fold].fits[0].save(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def assert_blind(classifier, sampler, folder) -> None:
    """Other features of a fold's images change nothing of the fold's model, and something of every other."""
    splits = make_splits()
    moved = set(splits.loc[splits["fold"] == 0, "image_id"])
    plain, other = fitted(classifier, sampler), fitted(classifier, sampler, moved)
    for fold in range(FOLDS):
        same = files(plain, fold, folder / f"plain-{fold}") == files(other, fold, folder / f"other-{fold}")
        assert same == (fold == 0)


@every
def test_no_row_of_the_fold_takes_part_in_its_model(classifier, tmp_path):
    assert_blind(classifier, Smote(components=8), tmp_path)


@pytest.mark.parametrize("maker", MAKERS, ids=repr)
def test_no_maker_of_rows_looks_at_the_fold(maker, tmp_path):
    assert_blind(Svm(kernel="linear"), maker.model_copy(update={"components": 8}), tmp_path)


@every
def test_rows_made_of_a_fold_are_learnt_from_and_counted(classifier):
    """The recipe has 10 cracks three times, 30 and 15 others once; SMOTE brings all to the largest."""
    plain, made = fitted(classifier, Natural()), fitted(classifier, Smote(components=8))
    balanced = classifier.balances
    assert_allclose(made.model.fits[0].prior, 1 / 3)
    assert_allclose(plain.model.fits[0].prior[0], 1 / 3 if balanced else 30 / 75)
    assert (scores(made.predictions) != scores(plain.predictions)).any()


@every
def test_predictions_out_of_fold_are_better_than_chance_with_made_rows(classifier):
    found = fitted(classifier, Smote(components=8)).predictions
    own = found[found["part"] == "train"]
    decided = np.array(sorted(COUNTS))[scores(own).argmax(1)]
    recalls = [(decided[own["label"] == label] == label).mean() for label in COUNTS]
    assert np.mean(recalls) > 0.45


def test_the_same_rows_are_made_again(tmp_path):
    first, second = (fitted(Svm(), Smote(components=8)) for _ in range(2))
    assert files(first, 1, tmp_path / "a") == files(second, 1, tmp_path / "b")
    assert_array_equal(scores(first.predictions), scores(second.predictions))


def test_every_classifier_is_held_to_this():
    assert len(EVERY) >= 8
