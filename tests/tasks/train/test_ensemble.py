"""The stage `ensemble`: strategies that answer together, judged as what is used."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from test_train import COUNTS, make_workspace, scores, workspace_inputs
from test_train_refusals import mistakes

from tasks.ensemble import stage
from tasks.ensemble.combining import combine
from tasks.ensemble.weighing import fitted_weights
from tasks.errors import InputError
from tasks.evaluate.scored import Scored, read_scored
from tasks.params.models import Ensemble
from tasks.scores import log_probabilities
from tasks.tables import PREDICTIONS, SPLITS, predictions_file
from tasks.train import stage as train
from tasks.train.classifier import load_classifier, pack
from tasks.train.ensembles import EnsembleModel
from tasks.train.loading import load_model, packages_of_model
from tasks.train.models import model_folder

MEMBERS = ["plain", "logit_adjusted"]


def softmax(row: np.ndarray) -> np.ndarray:
    powers = [math.exp(z - max(row)) for z in row]
    return np.array([one / sum(powers) for one in powers])


def splits_of(images: int, repeats: int) -> pd.DataFrame:
    """Every fifth image is test; folds turn from repeat to repeat."""
    rows = []
    for repeat in range(repeats):
        for number in range(images):
            test = number % 5 == 4
            fold = None if test else (number + number // 3 * repeat) % 3
            name, part = f"{number:03}", "test" if test else "train"
            label = "ab"[number % 4 == 1] if number % 7 else "c"
            rows.append({"image_id": name, "group": name, "label": label, "part": part, "repeat": repeat, "fold": fold})
    return pd.DataFrame(rows).astype({"fold": "Int16"})


def predicted(
    splits: pd.DataFrame, part: str, seeds: int, seed: int, strength: float = 1.0, kind: str = "logit"
) -> Scored:
    """What a member says: a little of the truth, and chance."""
    stream = np.random.default_rng([seed, part == "test"])
    rows = splits[splits["part"] == part]
    rows = rows if part == "train" else rows[rows["repeat"] == 0]
    truth = np.eye(3)[np.searchsorted(["a", "b", "c"], rows["label"])]
    tables = []
    for number in range(seeds):
        values = strength * truth + stream.normal(size=(len(rows), 3))
        columns = pd.DataFrame(values, columns=["score.a", "score.b", "score.c"], index=rows.index)
        tables.append(pd.concat([rows.drop(columns="group"), columns], axis=1).assign(seed=number, kind=kind))
    return Scored.of(pd.concat(tables), splits, part)


def both(splits: pd.DataFrame, part: str) -> dict[str, Scored]:
    return {"one": predicted(splits, part, 2, 1, 3.0), "other": predicted(splits, part, 3, 2, 0.5)}


def by_image(predictions: pd.DataFrame, part: str) -> pd.DataFrame:
    return predictions[predictions["part"] == part].sort_values(["repeat", "image_id"])


@pytest.mark.parametrize("repeats", [1, 2])
@pytest.mark.parametrize("weights", [None, {"other": 3.0, "one": 1.0}])
@pytest.mark.parametrize("of", ["probabilities", "scores"])
def test_an_ensemble_says_the_mean_of_what_its_members_say_with_all_their_seeds(of, weights, repeats):
    splits = splits_of(60, repeats)
    ensemble = Ensemble(members=["one", "other"], of=of, weights=weights)
    found = combine(ensemble, both(splits, "train"), both(splits, "test"), splits)
    PREDICTIONS.check(found.predictions)
    shares = [0.5, 0.5] if weights is None else [0.25, 0.75]
    assert found.weights == dict(zip(["one", "other"], shares, strict=True))
    for part in ("train", "test"):
        rows = by_image(found.predictions, part)
        assert set(rows["seed"]) == {0}
        times = repeats if part == "train" else 1
        own = [one.scores.reshape(-1, times, *one.scores.shape[1:]).mean(axis=0) for one in both(splits, part).values()]
        said = rows[["score.a", "score.b", "score.c"]].to_numpy().reshape(own[0].shape)
        for at in np.ndindex(said.shape[:2]):
            if of == "probabilities":
                mean = sum(share * softmax(one[at]) for share, one in zip(shares, own, strict=True))
                assert_allclose(np.exp(said[at]), mean, rtol=1e-9)
            else:
                assert_allclose(said[at], sum(s * one[at] for s, one in zip(shares, own, strict=True)), rtol=1e-9)
        truth = splits[splits["part"] == part].sort_values(["repeat", "image_id"])
        assert rows["label"].tolist() == truth["label"].tolist()[: len(rows)]
        assert rows["image_id"].tolist() == truth["image_id"].tolist()[: len(rows)]


def test_members_of_several_kinds_of_probabilities_give_log_probabilities_and_anomalies_none():
    splits = splits_of(60, 1)
    ensemble = Ensemble(members=["one", "other"], of="scores")
    found = combine(ensemble, both(splits, "train"), both(splits, "test"), splits)
    assert set(found.predictions["kind"]) == {"logit"}
    mixed = {
        name: replace(one, kind="log_probability" if name == "one" else "logit")
        for name, one in both(splits, "train").items()
    }
    assert set(combine(ensemble, mixed, both(splits, "test"), splits).predictions["kind"]) == {
        "log_probability",
        "logit",
    }
    odd = {name: replace(one, kind="anomaly") for name, one in both(splits, "train").items()}
    with pytest.raises(InputError, match="no members of anomaly scores"):
        combine(ensemble, odd, both(splits, "test"), splits)


def likelihood(weights: np.ndarray, logs: np.ndarray, labels: np.ndarray) -> float:
    """The mean over the classes of the mean log-likelihood of their images, an image at a time."""
    of_class: dict[int, list[float]] = {}
    for image, label in enumerate(labels):
        mixed = sum(w * math.exp(logs[m, image, label]) for m, w in enumerate(weights))
        of_class.setdefault(int(label), []).append(math.log(mixed))
    return sum(sum(one) / len(one) for one in of_class.values()) / len(of_class)


def test_fitted_weights_are_those_of_the_greatest_likelihood():
    stream = np.random.default_rng(0)
    labels = stream.choice(3, 200, p=[0.7, 0.2, 0.1])
    values = np.array([3.0, 1.5, 0.2])[:, None, None] * np.eye(3)[labels] + stream.normal(size=(3, 200, 3))
    logs = log_probabilities(values, "logit")
    found = fitted_weights(logs, labels)
    assert_allclose(found.sum(), 1)
    best = minimize(
        lambda z: -likelihood(softmax(np.append(z, 0.0)), logs, labels), np.zeros(2), method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-12, "maxiter": 4000},
    )  # fmt: skip
    assert likelihood(found, logs, labels) > -best.fun - 1e-6
    assert_allclose(found, softmax(np.append(best.x, 0.0)), atol=2e-3)
    assert np.isfinite(fitted_weights(1e4 * logs, labels)).all()


@pytest.mark.parametrize("repeats", [1, 2])
def test_weights_of_a_folds_images_are_fitted_without_its_labels(repeats):
    """The labels of one fold are turned round: what is said of its own images stays, that of others' changes."""
    splits = splits_of(90, repeats)
    ensemble = Ensemble(members=["one", "other"], fit_weights=True)
    train, test = both(splits, "train"), both(splits, "test")
    before = by_image(combine(ensemble, train, test, splits).predictions, "train")
    own = train["one"].folds[0] == 1
    turned = {name: replace(one, labels=np.where(own, (one.labels + 1) % 3, one.labels)) for name, one in train.items()}
    after = by_image(combine(ensemble, turned, test, splits).predictions, "train")
    columns = ["score.a", "score.b", "score.c"]
    same = (before[columns].to_numpy() == after[columns].to_numpy()).all(axis=1)
    first = (before["repeat"] == 0).to_numpy()
    in_fold = (before["fold"] == 1).to_numpy()
    assert same[first & in_fold].all()
    assert not same[first & ~in_fold].any()


def test_a_better_member_weighs_more_and_new_images_are_weighed_by_all_folds():
    splits = splits_of(90, 1)
    train, test = both(splits, "train"), both(splits, "test")
    found = combine(Ensemble(members=["one", "other"], fit_weights=True), train, test, splits)
    assert found.weights["one"] > 0.5
    logs = np.stack([log_probabilities(one.scores.mean(axis=0), "logit") for one in train.values()])
    assert_allclose(list(found.weights.values()), fitted_weights(logs, train["one"].labels))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    root = tmp_path_factory.mktemp("ensembles")
    workspace = make_workspace(root)
    params = root / "params.yaml"
    text = params.read_text(encoding="utf-8")
    two = "members: [plain, logit_adjusted]"
    named = f"ensembles:\n  two: {{{two}}}\n  weighed: {{{two}, fit_weights: true}}\n"
    assert "\nensembles: {}\n" in text
    text = text.replace("\nensembles: {}\n", f"\n{named}", 1)
    text = text.replace("\n  plain:\n", "\n  plain:\n    vote: {folds: true}\n", 1)
    params.write_text(text, encoding="utf-8")
    for name in MEMBERS:
        train.run(workspace, name)
    for stale in ("models/gone/seeds", "predictions/gone", "models/backbones/mine"):
        (root / stale).mkdir(parents=True)
    stage.run(workspace, "two")
    stage.run(workspace, "weighed")
    return workspace


def files(root) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_the_model_of_an_ensemble_says_of_the_test_part_what_was_predicted(workspace, tmp_path):
    for name in ("two", "weighed"):
        folder = model_folder(workspace.root, name)
        assert folder == workspace.path("ensembles", name)
        pack(folder, None, tmp_path / name)
        assert not (tmp_path / name / "predictions.parquet").exists()
        rows = PREDICTIONS.read(predictions_file(workspace.root, name))
        rows = rows[rows["part"] == "test"]
        inputs = workspace_inputs(workspace).take(rows["image_id"].tolist())
        for place in (folder, tmp_path / name):
            model = load_model(place)
            assert isinstance(model, EnsembleModel)
            assert list(model.members) == ["members/plain", "members/logit_adjusted"]
            assert model.classes == sorted(COUNTS)
            assert_allclose(model.predict(inputs).values, scores(rows), rtol=1e-9)
            assert model.kind == rows["kind"].iloc[0]
            assert len(list(model.models)) == 4, "three folds that vote, and a model of all rows"
        weights = json.loads((folder / "weights.json").read_text())
        assert [weights[member] for member in MEMBERS] == list(model.weights)
    assert packages_of_model(folder) == packages_of_model(workspace.path("models", "logit_adjusted"))


def test_the_stage_writes_the_same_bytes_again_and_sweeps_what_is_no_strategy(workspace):
    before = files(workspace.path("ensembles"))
    assert not [name for name in before if name.endswith(("history.csv", ".pkl", ".pickle"))]
    stage.run(workspace, "weighed")
    assert files(workspace.path("ensembles")) == before
    assert not workspace.path("models", "gone").exists()
    assert not workspace.path("predictions", "gone").exists()
    assert workspace.path("models", "backbones", "mine").exists()


def test_an_ensemble_is_read_like_a_strategy(workspace):
    splits = workspace.read(SPLITS)
    scored = read_scored(predictions_file(workspace.root, "two"), splits, "train")
    assert scored.fits == 1
    with pytest.raises(InputError, match="equipoise run ensemble@none"):
        read_scored(workspace.path("ensembles", "none", "predictions.parquet"), splits, "train")


def test_images_are_seen_by_every_member(workspace):
    model = load_model(workspace.path("ensembles", "two"))
    assert set(model.backbones) == {"efficientnet_lite0"}
    facts = json.loads(workspace.path("ensembles", "two", "model.json").read_text())
    assert facts["strategy"] == "two"
    assert facts["seeds"] == 12
    assert facts["depth"] == model.depth == 16
    with pytest.raises(InputError, match="shown to it with"):  # as of its members, whose features are made up here
        load_classifier(workspace.path("ensembles", "two"))


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ensemble", "told"),
    [
        ({"members": ["plain", "plian"]}, "did you mean 'plain'"),
        ({"members": ["plain"]}, "ensembles.mine.members: an ensemble of one is that one; name two strategies or more"),
        ({"members": []}, "an ensemble of one is that one"),
        ({"members": ["plain", "plain"]}, "more than once; name it once, and say what it counts for by weights"),
        ({"members": ["plain", "mine"]}, "members are strategies, so that none is made of itself; name the members of"),
        ({"members": ["plain", "focal"], "weights": {"plain": 1.0}}, "a weight for each member and for no other (foc"),
        (
            {"members": ["plain", "focal"], "weights": {"plain": 1.0, "focal": 2.0}, "fit_weights": True},
            "write weights: null",
        ),
        ({"members": ["plain", "focal"], "weights": {"plain": 1.0, "focal": 0}}, "ensembles.mine.weights"),
        ({"members": ["plain", "focal"], "fit_weights": True, "of": "scores"}, "write of: probabilities"),
    ],
)  # fmt: skip
def test_an_ensemble_that_makes_no_sense_is_refused(tmp_path, repository, ensemble, told):
    found = mistakes(tmp_path, repository, ensembles__mine=ensemble)
    assert any(told in line for line in found), found


def test_ensembles_that_work_are_taken(tmp_path, repository):
    weighed = {"members": ["plain", "focal"], "weights": {"focal": 2.0, "plain": 1.0}}
    assert not mistakes(tmp_path, repository, ensembles__mine=weighed)
    assert not mistakes(tmp_path, repository, ensembles__mine={"members": ["plain", "focal"], "fit_weights": True})


def test_an_ensemble_has_no_strategys_name_and_no_anomalies(tmp_path, repository):
    (told,) = mistakes(tmp_path, repository, ensembles__plain={"members": ["plain", "focal"]})
    assert "the name of a strategy as well" in told
    outlier = {
        "strategies__focal__family": {"name": "anomaly", "backbone": "efficientnet_lite0"},
        "strategies__focal__loss": "none",
        "strategies__focal__posthoc": "threshold",
    }
    (told,) = mistakes(tmp_path, repository, **outlier, ensembles__mine={"members": ["plain", "focal"]})
    assert "'focal' gives anomaly scores" in told
    (told,) = mistakes(tmp_path, repository, compare__baseline="mine", ensembles__mine={"members": ["plain", "focal"]})
    assert "compare.baseline" in told
