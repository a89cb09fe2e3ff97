"""Seeds and folds that answer as one: what is judged is what is used."""

from __future__ import annotations

import json
import math
import shutil

import model_folders
import numpy as np
import pytest
from fits import inputs_of
from numpy.testing import assert_allclose, assert_array_equal
from test_train import (
    BACKBONE,
    COUNTS,
    FOLDS,
    fit,
    make_splits,
    make_strategy,
    make_workspace,
    results,
    scores,
    vectors,
    workspace_inputs,
)
from test_train_refusals import mistakes

from tasks.errors import InputError
from tasks.features.folder_backbone import OWN
from tasks.params.editing import set_values
from tasks.scores import Scores
from tasks.tables import PREDICTIONS
from tasks.train import stage as train
from tasks.train.classifier import pack
from tasks.train.ensembles import EnsembleModel, require_single
from tasks.train.loading import load_model
from tasks.train.voting import vote
from tasks.workspace import Workspace

PRIORS = [np.array([0.7, 0.2, 0.1]), np.array([0.5, 0.3, 0.2])]


def some(kind: str = "logit", seed: int = 0) -> list[Scores]:
    stream = np.random.default_rng(seed)
    return [Scores(kind, 3 * stream.normal(size=(2, 5, 3)), prior) for prior in PRIORS]


def softmax(row: np.ndarray) -> list[float]:
    powers = [math.exp(z - max(row)) for z in row]
    return [one / sum(powers) for one in powers]


@pytest.mark.parametrize("weights", [None, [3.0, 1.0]])
def test_a_vote_of_probabilities_is_their_mean(weights):
    each = some()
    shares = [0.5, 0.5] if weights is None else [0.75, 0.25]
    found = vote(each, "probabilities", weights)
    assert found.kind == "log_probability"
    for fit_at in range(2):
        for row in range(5):
            of_members = [softmax(one.values[fit_at, row]) for one in each]
            mean = [sum(w * p[c] for w, p in zip(shares, of_members, strict=True)) for c in range(3)]
            assert_allclose(np.exp(found.values[fit_at, row]), mean, rtol=1e-12)
    assert_allclose(found.prior, shares[0] * PRIORS[0] + shares[1] * PRIORS[1], rtol=1e-12)


def test_a_vote_of_scores_is_the_geometric_mean_of_probabilities():
    each = some()
    found = vote(each, "scores")
    assert found.kind == "logit"
    for row in range(5):
        products = [math.sqrt(a * b) for a, b in zip(*(softmax(one.values[0, row]) for one in each), strict=True)]
        assert_allclose(softmax(found.values[0, row]), [one / sum(products) for one in products], rtol=1e-9)
    powers = np.sqrt(PRIORS[0] * PRIORS[1])
    assert_allclose(found.prior, powers / powers.sum(), rtol=1e-12)


def test_who_is_sure_and_alone_is_outvoted_by_probabilities_and_not_by_scores():
    sure, two = [40.0, 0.0], [0.0, 1.0]
    each = [Scores("logit", np.array([row]), np.array([0.5, 0.5])) for row in (sure, two, two, two)]
    assert vote(each, "probabilities").decisions == 1
    assert vote(each, "scores").decisions == 0


def test_a_member_without_weight_is_not_asked_and_extreme_scores_stay_finite():
    extreme = [one.with_values(1e5 * one.values) for one in some()]
    found = vote(extreme, "probabilities", [0.0, 2.0])
    assert np.isfinite(found.values).all()
    assert_array_equal(found.decisions, extreme[1].decisions)
    assert_allclose(found.prior, PRIORS[1])


def voting(**changes) -> object:
    return make_strategy(vote={"seeds": True, **changes.pop("vote", {})}, **changes)


def member_scores(posthoc: str = "none") -> tuple[object, np.ndarray]:
    """Predictions of the same strategy whose seeds stand apart, shape (images, seeds, K)."""
    apart = fit(make_strategy(posthoc={"name": posthoc}))
    return apart, scores(apart.predictions).reshape(-1, 2, 3)


def test_seeds_that_vote_are_judged_out_of_fold_as_the_one_model_that_is_used():
    apart, each = member_scores()
    together = fit(voting())
    assert len(together.predictions) == len(make_splits())
    assert set(together.predictions["kind"]) == {"log_probability"}
    for row, own in zip(scores(together.predictions), each, strict=True):
        mean = np.mean([softmax(one) for one in own], axis=0)
        assert_allclose(np.exp(row), mean, rtol=1e-6)
    test_part = together.predictions[together.predictions["part"] == "test"]
    inputs = inputs_of(vectors(test_part["image_id"].tolist())).take(test_part["image_id"].tolist())
    assert_allclose(together.model.predict(inputs).values, scores(test_part), rtol=1e-6)
    assert len(together.model.fits) == len(apart.model.fits) == 2


def test_a_rule_adjusts_what_the_seeds_say_together():
    plain, adjusted = fit(voting()), fit(voting(posthoc={"name": "logit_adjustment"}))
    prior = adjusted.model.fits[0].prior
    test_part = (plain.predictions["part"] == "test").to_numpy()
    taken = scores(plain.predictions)[test_part] - scores(adjusted.predictions)[test_part]
    assert_allclose(taken, np.tile(np.log(prior), (test_part.sum(), 1)), rtol=1e-6, atol=1e-9)


def test_folds_that_vote_are_the_final_model_and_no_other_is_fitted():
    apart, _ = member_scores("logit_adjustment")
    together = fit(make_strategy(vote={"folds": True}, posthoc={"name": "logit_adjustment"}))
    assert isinstance(together.model, EnsembleModel)
    assert list(together.model.members) == ["folds/0", "folds/1", "folds/2"]
    out_of_fold = together.predictions["part"] == "train"
    before = apart.predictions[apart.predictions["part"] == "train"].reset_index(drop=True)
    assert together.predictions[out_of_fold].reset_index(drop=True).equals(before), "out of fold nothing changes"
    test_part = together.predictions[~out_of_fold]
    assert set(test_part["seed"]) == {0}
    inputs = inputs_of(vectors(test_part["image_id"].tolist())).take(test_part["image_id"].tolist())
    mean = np.zeros((len(test_part), 3))
    for model in apart.fold_models.values():
        for row, values in enumerate(model.predict(inputs).values):
            mean[row] += np.array(softmax(values)) / 3
    assert_allclose(np.exp(scores(test_part)), mean, rtol=1e-6)
    assert together.history["fold"].notna().all()


def workspace_with(tmp_path, name: str, text: str):
    workspace = make_workspace(tmp_path)
    params = tmp_path / "params.yaml"
    before = params.read_text(encoding="utf-8")
    assert f"\n  {name}:\n" in before
    params.write_text(before.replace(f"\n  {name}:\n", f"\n  {name}:\n    vote: {text}\n", 1), encoding="utf-8")
    train.run(workspace, name)
    return workspace


@pytest.mark.parametrize("text", ["{seeds: true}", "{folds: true}", "{seeds: true, folds: true, of: scores}"])
def test_a_voting_model_is_loaded_from_the_workspace_and_from_what_was_packed(tmp_path, text):
    workspace = workspace_with(tmp_path, "logit_adjusted", text)
    before = results(tmp_path)
    folder = tmp_path / "models" / "logit_adjusted"
    predictions = PREDICTIONS.read(tmp_path / "predictions" / "logit_adjusted" / "predictions.parquet")
    PREDICTIONS.check(predictions)
    facts = json.loads((folder / "model.json").read_text())
    assert facts["score"] in set(predictions["kind"])
    assert ("folds/0" in facts.get("members", [])) == ("folds" in text)
    pack(folder, None, tmp_path / "packed")
    assert not list((tmp_path / "packed").rglob("history.csv"))
    assert (tmp_path / "packed" / "folds").exists() == ("folds" in text)
    test_part = predictions[predictions["part"] == "test"]
    images = test_part["image_id"].unique().tolist()
    for place in (folder, tmp_path / "packed"):
        model = load_model(place)
        assert model.classes == sorted(COUNTS)
        assert model.depth == 16
        said = model.predict_each(workspace_inputs(workspace).take(images)).values[0]
        assert_allclose(said, scores(test_part), rtol=1e-12)
    train.run(workspace, "logit_adjusted")
    assert results(tmp_path) == before


def test_folds_that_vote_take_a_model_of_another_library_along_once(tmp_path):
    place, params = tmp_path / "elsewhere", tmp_path / "params.yaml"
    digest = model_folders.made(place, "ViT")["digest"]
    make_workspace(tmp_path)
    network = f"{{name: transformers, folder: {place}, digest: {digest}, image_size: {model_folders.SIZE}}}"
    set_values(params, [f"backbones.{BACKBONE}={network}", "strategies.plain.vote={folds: true}"])
    train.run(Workspace(tmp_path, "train@plain"), "plain")
    pack(tmp_path / "models" / "plain", None, tmp_path / "packed")
    shutil.rmtree(place)
    [kept] = (tmp_path / "packed").rglob(OWN)
    models = list(load_model(tmp_path / "packed").models)
    assert len(models) == FOLDS
    assert {one.backbone.place() for one in models} == {kept}


def test_several_models_are_not_exported_explained_or_taught_as_one():
    together = fit(make_strategy(vote={"folds": True}))
    with pytest.raises(InputError, match=r"focal: 3 models answer together, so it can't be exported; name a strategy"):
        require_single(together.model, "focal", "exported")
    single = fit(voting()).model
    assert require_single(single, "focal", "exported") is single


def test_a_vote_of_one_seed_is_refused(tmp_path, repository):
    changes = {"strategies__plain__vote": {"seeds": True}}
    assert not mistakes(tmp_path, repository, **changes)
    (told,) = mistakes(tmp_path, repository, **changes, train__seeds=1)
    assert "strategies.plain.vote.seeds" in told
    assert "nobody to vote with; set train.seeds: 3" in told


def test_anomaly_scores_are_no_probabilities_to_vote_by(tmp_path, repository):
    changes = {
        "strategies__plain__family": {"name": "anomaly", "backbone": "efficientnet_lite0"},
        "strategies__plain__loss": "none",
        "strategies__plain__posthoc": "threshold",
    }
    (told,) = mistakes(tmp_path, repository, **changes, strategies__plain__vote={"folds": True})
    assert "write of: scores" in told
    assert not mistakes(tmp_path, repository, **changes, strategies__plain__vote={"folds": True, "of": "scores"})
