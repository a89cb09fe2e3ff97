"""pretrain: which images a backbone sees, how it learns without labels, and how it goes on when it was killed."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import model_folders
import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from pretrain_project import EACH, TINY, make_project, picture, pretraining, saved

from tasks.errors import InputError
from tasks.features import Features
from tasks.files import read_json
from tasks.ingest import stage as ingest
from tasks.params import load_params
from tasks.pretrain import fits, stage
from tasks.pretrain.backbone import read_backbone
from tasks.pretrain.images import images_for
from tasks.pretrain.methods.simclr import SimClr
from tasks.tables import CATALOG, SPLITS
from tasks.train.finetuning.checkpoints import FILE, facts
from tasks.workspace import STATE, Workspace

HERE = Path(__file__).parent


# The loss


@pytest.mark.parametrize("temperature", [0.1, 0.5, 2.0])
def test_nt_xent_is_that_of_the_paper(temperature: float) -> None:
    """Equation 1 of Chen et al., by plain loops: l(i, j) for each view i and the other view j of its image."""
    one, other = np.random.default_rng(0).normal(size=(2, 5, 3))
    views = [row / math.sqrt(sum(value**2 for value in row)) for row in [*one, *other]]

    def similar(i: int, j: int) -> float:
        return sum(a * b for a, b in zip(views[i], views[j], strict=True)) / temperature

    def found(i: int, j: int) -> float:
        return -math.log(math.exp(similar(i, j)) / sum(math.exp(similar(i, k)) for k in range(10) if k != i))

    expected = [(found(i, i + 5) + found(i + 5, i)) / 2 for i in range(5)]
    made = SimClr(temperature=temperature).loss(torch.tensor(one), torch.tensor(other))
    assert_allclose(made.numpy(), expected)


def test_views_that_agree_and_differ_from_all_others_cost_nothing() -> None:
    far = torch.eye(4)
    assert SimClr(temperature=0.01).loss(far, far).max() < 1e-6
    assert_allclose(SimClr(temperature=1.0).loss(far, far).numpy(), [math.log(math.e + 6) - 1] * 4, rtol=1e-6)


def test_the_loss_and_its_gradient_stay_finite_for_any_projection() -> None:
    for scale in (0.0, 1e-20, 1e20):
        one = torch.full((3, 4), scale, requires_grad=True)
        each = SimClr(temperature=0.01).loss(one, torch.zeros(3, 4))
        assert torch.isfinite(each).all()
        assert torch.isfinite(torch.autograd.grad(each.mean(), one)[0]).all()


# Which images are seen


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A project after the stage."""
    made = make_project(tmp_path_factory.mktemp("pretrain"))
    stage.run(made, "own")
    return made


def seen(workspace: Workspace, fold: int | None) -> set[str]:
    catalog = workspace.read(CATALOG)
    path_of = catalog.set_index("image_id")["path"]
    return {path_of[name] for name in images_for(workspace.read(SPLITS), catalog, fold).ids}


def test_the_training_images_outside_of_the_fold_are_seen_and_no_test_image(workspace: Workspace) -> None:
    labelled = {None: range(4, EACH), 0: range(5, EACH, 2), 1: range(4, EACH, 2)}
    for fold, numbers in labelled.items():
        expected = {f"{label}/{number:02}.png" for label in ("crack", "fine", "stain") for number in numbers}
        assert {path for path in seen(workspace, fold) if "/" in path} == expected


def test_an_unlabelled_image_is_seen_where_none_of_its_relatives_is_judged(workspace: Workspace) -> None:
    """00 is related to an image of fold 0, 01 to a test image."""
    alone = {"02.png", "03.png", "04.png", "05.png"}
    for fold, related in {None: {"00.png"}, 0: set(), 1: {"00.png"}}.items():
        assert {path for path in seen(workspace, fold) if "/" not in path} == alone | related


def test_an_unlabelled_image_that_was_given_as_a_test_image_is_not_seen(workspace: Workspace) -> None:
    catalog, splits = workspace.read(CATALOG), workspace.read(SPLITS)
    given = catalog.assign(part=catalog["path"].map({"02.png": "test", "03.png": "val", "04.png": "train"}))
    ids = catalog.set_index("path")["image_id"]
    found = images_for(splits, given, None)
    assert {ids["02.png"], ids["03.png"]}.isdisjoint(found.ids)
    assert {ids["04.png"], ids["05.png"]} <= {*found.ids}
    assert found.unlabelled == 3


def test_an_image_that_was_set_aside_takes_its_unlabelled_relatives_along(workspace: Workspace) -> None:
    catalog, splits = workspace.read(CATALOG), workspace.read(SPLITS)
    ids = catalog.set_index("path")["image_id"]
    splits.loc[splits["image_id"] == ids["crack/04.png"], ["part", "fold"]] = ["excluded", pd.NA]
    assert {ids["crack/04.png"], ids["00.png"]}.isdisjoint(images_for(splits, catalog, None).ids)


# What is written


def test_a_network_a_fold_and_one_of_all_training_images_are_written(workspace: Workspace) -> None:
    folder = workspace.path("models", "backbones", "own")
    whole = read_backbone(folder)
    each = [whole, whole.for_fold(0), whole.for_fold(1)]
    assert len({one.sha256 for one in each}) == 3
    assert not list(folder.rglob("*.pkl"))
    summary = read_json(folder / "summary.json")
    assert summary["fits"] == {
        "": {"images": 41, "unlabelled": 5},
        "0": {"images": 22, "unlabelled": 4},
        "1": {"images": 23, "unlabelled": 5},
    }
    history = pd.read_csv(folder / "history.csv")
    assert history["epoch"].tolist() == [1, 2] * 3
    assert history["fold"].fillna(-1).tolist() == [-1, -1, 0, 0, 1, 1]
    assert not workspace.path(STATE, "checkpoints", "pretrain@own").exists()
    assert not workspace.path(STATE, "decoded", "pretrain@own").exists()


def test_features_of_every_image_are_those_of_the_folds_own_network(workspace: Workspace) -> None:
    from tasks.features.embedding import embed

    catalog = workspace.read(CATALOG).sort_values("path")
    whole = read_backbone(workspace.path("models", "backbones", "own"))
    paths = [workspace.path("data", "raw", path) for path in catalog["path"]]
    for fold in (None, 0, 1):
        found = Features.load(workspace.path("data", "features", "own"), fold)
        assert sorted(found.ids) == sorted(catalog["image_id"])
        expected = embed(paths, whole.for_fold(fold), depth=8, workers=1)
        assert_allclose(found.take(catalog["image_id"].tolist()), expected, rtol=1e-5, atol=1e-6)
        assert np.unique(expected, axis=0).shape == expected.shape


def test_what_happens_in_a_fold_changes_nothing_for_its_own_models(workspace: Workspace, tmp_path: Path) -> None:
    """Another picture in fold 1: the network that serves the models of fold 1 keeps every bit, the others do not."""
    other = make_project(tmp_path)
    place = other.path("data", "raw", "stain", "05.png")
    Image.fromarray(picture(2, 999)).save(place)
    ids = workspace.read(CATALOG).set_index("path")["image_id"]
    ingest.run(Workspace(tmp_path, "ingest"), "")
    new = other.read(CATALOG).set_index("path")["image_id"]
    splits = other.read(SPLITS)
    splits[["image_id", "group"]] = splits[["image_id", "group"]].replace(ids["stain/05.png"], new["stain/05.png"])
    SPLITS.write(splits, other.place(SPLITS))
    stage.run(other, "own")
    before, after = (read_backbone(one.path("models", "backbones", "own")) for one in (workspace, other))
    assert splits.set_index("image_id").loc[new["stain/05.png"], "fold"] == 1
    assert after.for_fold(1).sha256 == before.for_fold(1).sha256
    assert after.for_fold(0).sha256 != before.for_fold(0).sha256
    assert after.sha256 != before.sha256


def test_two_workers_and_another_run_give_the_same_bytes(workspace: Workspace, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("EQUIPOISE_WORKERS", "2")
    other = make_project(tmp_path)
    stage.run(other, "own")
    for folder in (("models", "backbones", "own"), ("data", "features", "own")):
        files = sorted(file.relative_to(workspace.root) for file in workspace.path(*folder).rglob("*.*"))
        assert files == sorted(file.relative_to(other.root) for file in other.path(*folder).rglob("*.*"))
        for file in files:
            one, two = ((root / file).read_bytes() for root in (workspace.root, other.root))
            assert one == two, file


def test_one_network_for_all_folds_is_possible_and_said(tmp_path: Path) -> None:
    made = make_project(tmp_path, TINY | {"per_fold": False})
    stage.run(made, "own")
    folder = made.path("models", "backbones", "own")
    assert not (folder / "folds").exists()
    assert read_json(folder / "summary.json")["per_fold"] is False
    assert read_backbone(folder).for_fold(1).sha256 == read_backbone(folder).sha256
    found = [Features.load(made.path("data", "features", "own"), fold).values for fold in (None, 1)]
    assert_array_equal(*found)


def test_how_many_images_and_how_long_is_told_before_it_begins(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr("tasks.pretrain.training.seconds_a_step", lambda *_: 60.0)
    made = make_project(tmp_path)
    capsys.readouterr()
    monkeypatch.setattr(fits, "_fit", lambda order, **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        stage.run(Workspace(tmp_path, "pretrain@own"), "own")
    [line] = [one for one in capsys.readouterr().out.splitlines() if one.startswith("3 networks")]
    processes = min(made.workers, 3)
    minutes = 60 * 2 * (41 + 22 + 23) / 16 / processes / 60
    assert line == (
        "3 networks, the first of 41 images (5 unlabelled), for 2 epochs: 172 images in all, which takes about "
        f"{minutes:.0f} min"
    )


def test_a_fold_that_leaves_nothing_to_learn_from_is_refused(workspace: Workspace) -> None:
    splits = workspace.read(SPLITS)
    splits = splits[splits["label"].notna() & (splits["fold"].isna() | (splits["fold"] == 0))]
    with pytest.raises(Exception, match="pretrain: all but fold 0 leave 0 images to learn from"):
        fits.orders_of(SimClr(), splits, workspace.read(CATALOG))


# How it learns


def test_views_of_an_image_come_to_be_more_alike_than_those_of_others() -> None:
    fit = pretraining(epochs=25, number=48, learning_rate=0.01)
    list(fit.run())
    assert fit.losses[-1] < 0.9 * fit.losses[0]
    assert len(fit.losses) == 25


def test_every_image_is_seen_once_an_epoch_and_no_step_is_of_a_few_left_over() -> None:
    fit = pretraining(number=33)
    for epoch in range(2):
        batches = fit.batches(epoch)
        assert [len(one) for one in batches] == [11, 11, 11]
        assert sorted(np.concatenate(batches)) == list(range(33))
    assert not np.array_equal(fit.batches(0)[0], fit.batches(1)[0])


@pytest.mark.parametrize("settings", [{"seed": 1}, {"temperature": 0.1}, {"epochs": 3}, {"precision": "bfloat16"}])
def test_what_is_set_decides_the_weights_and_nothing_else_does(settings: dict[str, Any]) -> None:
    made = [pretraining(), pretraining(), pretraining(**settings)]
    for fit in made:
        torch.rand(3)  # the global stream plays no part
        list(fit.run())
    assert saved(made[0]) == saved(made[1])
    assert saved(made[0]) != saved(made[2])


def test_a_pretrained_network_can_learn_further(tmp_path: Path) -> None:
    fit = pretraining(network={"name": "efficientnet_lite0"}, image_size=64, epochs=1, number=4)
    fit = type(fit)(fit.method, np.stack([picture(0, at, 64) for at in range(4)]), np.arange(4))
    list(fit.run())
    assert fit.state["mean"].tolist() == [127.0] * 3


@pytest.mark.parametrize("kind", model_folders.EVERY)
def test_a_model_of_another_library_can_learn_further(tmp_path: Path, kind: str) -> None:
    """Also where some of its weights, of a pooler for instance, have no part in its maps: those stay."""
    network = model_folders.made(tmp_path / "model", kind)
    fit = pretraining(network=network, epochs=1, number=12)
    before = {name: value.clone() for name, value in fit.whole.state_dict().items()}
    learns = {name for name, one in fit.whole.named_parameters() if one.requires_grad}
    list(fit.run())
    changed = {name for name, value in fit.whole.state_dict().items() if not torch.equal(value, before[name])}
    assert changed & {name for name, _ in fit.whole.named_parameters()} <= learns
    assert len(changed & learns) > len(learns) / 2
    assert np.isfinite(fit.losses).all()


def test_pretraining_that_runs_away_is_told(tmp_path: Path) -> None:
    fit = pretraining(tmp_path, epochs=1000, learning_rate=10.0, weight_decay=10.0)
    with pytest.raises(InputError, match=r"pretrain: has diverged, the loss of epoch \d+ is no number; lower"):
        list(fit.run())
    assert len(fit.losses) == int(facts(tmp_path).get("epoch", 0)) + 1 < 200


# Going on


def test_a_fit_that_was_stopped_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    expected = pretraining(epochs=4)
    list(expected.run())
    for steps in (1, 3, 4, 7):  # of 3 an epoch
        folder = tmp_path / str(steps)
        for number, _ in enumerate(pretraining(folder, epochs=4).run(), start=1):
            if number == steps + 1:
                break
        assert int(facts(folder).get("epoch", 0)) == steps // 3
        again = pretraining(folder, epochs=4)
        list(again.run())
        assert saved(again) == saved(expected)
        assert again.losses == expected.losses
    done = pretraining(tmp_path / "1", epochs=4)
    assert list(done.run()) == []
    assert saved(done) == saved(expected)


@pytest.mark.parametrize("other", [{"seed": 1}, {"number": 39}, {"learning_rate": 0.01}, {"augment": {"crop": 0.5}}])
def test_a_checkpoint_of_another_fit_is_not_taken(tmp_path: Path, other: dict[str, Any]) -> None:
    list(pretraining(tmp_path).run())
    found, fresh = pretraining(tmp_path, **other), pretraining(**other)
    assert list(found.run()) == list(fresh.run()) != []
    assert saved(found) == saved(fresh)


@pytest.mark.slow
def test_a_process_that_is_killed_twice_ends_with_the_same_bytes(tmp_path: Path) -> None:
    paths = os.pathsep.join([str(HERE), str(HERE.parents[1])])
    command = [sys.executable, str(HERE / "pretrain_project.py")]
    environment = os.environ | {"PYTHONPATH": paths}

    def start(folder: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*command, str(tmp_path / folder), str(tmp_path / f"{folder}.out")], env=environment)

    assert start("whole").wait() == 0
    reached = 0
    for _ in range(2):
        process = start("killed")
        while process.poll() is None and int(facts(tmp_path / "killed").get("epoch", 0)) < reached + 2:
            time.sleep(0.02)
        process.kill()
        process.wait()
        reached = int(facts(tmp_path / "killed")["epoch"])
    assert not (tmp_path / "killed.out").exists() or reached == 12
    assert start("killed").wait() == 0
    assert (tmp_path / "killed.out").read_bytes() == (tmp_path / "whole.out").read_bytes()


def test_a_stage_that_was_stopped_keeps_the_fits_that_are_done(workspace: Workspace, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("EQUIPOISE_WORKERS", "1")
    other, fitted = make_project(tmp_path), []

    def stop_at_the_third(order: Any, **about: Any) -> Any:
        if len(fitted) == 2:
            raise KeyboardInterrupt
        fitted.append(order.fold)
        return own(order, **about)

    own = fits._fit
    with monkeypatch.context() as patch:
        patch.setattr(fits, "_fit", stop_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            stage.run(other, "own")
    assert not other.path("models", "backbones", "own").exists()
    checkpoints = other.path(STATE, "checkpoints", "pretrain@own")
    assert sorted(file.parent.name for file in checkpoints.rglob(FILE)) == ["0", "all"]
    stage.run(other, "own")
    for one in (None, 0, 1):
        made, expected = (
            read_backbone(of.path("models", "backbones", "own")).for_fold(one) for of in (other, workspace)
        )
        assert made.sha256 == expected.sha256


# What is refused


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": {"repeats": 2}}, "pretrain.own.name: a network a fold is fitted, and with split.repeats: 2"),
        ({"pretrain": {"efficientnet_lite0": TINY}}, "the section backbones has this name too"),
        ({"pretrain": {"none": TINY}}, "none stands for no backbone"),
        ({"pretrain": {"own": TINY | {"recipes": ["away"]}}}, "pretrain.own.recipes.0: 'away' is unknown"),
        ({"pretrain": {"own": TINY | {"network": {"name": "efficientnet_lite0"}}}}, "image_size: 32 is too small"),
        ({"pretrain": {"own": TINY | {"network": {"name": "timm"}}}}, "pretrain.own.network.folder: no model is named"),
        ({"strategies": {"backbones": {}}}, "models/backbones holds what pretrain makes"),
    ],
)
def test_what_can_not_work_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    params = yaml.load((HERE.parents[1] / "params.yaml").read_text(encoding="utf-8"))
    params["pretrain"] = {"own": TINY}
    for section, values in change.items():
        params[section] = params[section] | values
    yaml.dump(params, tmp_path / "params.yaml")
    with pytest.raises(Exception) as refused:
        load_params(tmp_path / "params.yaml")
    assert message in str(refused.value)
