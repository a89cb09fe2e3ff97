"""What is built on a pretrained backbone: any family on its features, and fine-tuning from its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import model_folders
import numpy as np
import pytest
import torch
from networks import CLASSES, PRIOR
from numpy.testing import assert_allclose
from pretrain_project import LOSS, NETWORK, NOTHING, TINY, make_project
from ruamel.yaml import YAML

from tasks.audit import stage as audit
from tasks.embed_new import stage as embed_new
from tasks.errors import DamagedError, InputError
from tasks.features import Features
from tasks.features.embedding import about
from tasks.lineage import TrainingSet
from tasks.network import network_of
from tasks.params import load_params
from tasks.pretrain import stage as pretrain
from tasks.pretrain.backbone import WEIGHTS, read_backbone, write_backbone
from tasks.pretrain.methods.simclr import SimClr
from tasks.pretrain.training import Pretraining
from tasks.tables import BALANCED, CATALOG, PREDICTIONS, SPLITS
from tasks.train import stage as train
from tasks.train.classifier import load_classifier, pack
from tasks.train.families import Components, Fit, Log
from tasks.train.families.head import FittedHead, Head
from tasks.train.finetuning.training import Training
from tasks.train.loading import load_model, packages_of_model
from tasks.train.models import Model, fold_folder, save_model
from tasks.train.networks.transformers import TransformersNetwork
from tasks.train.posthoc.none import Unchanged
from tasks.train.rows import Rows
from tasks.train.stored_inputs import inputs_of
from tasks.workspace import Workspace

FINETUNE = {"name": "finetune", "network": NETWORK, "image_size": 32, "epochs": 1, "batch_size": 16}
FAMILIES: dict[str, dict[str, Any]] = {
    "head": LOSS | {"family": {"name": "head", "steps": 20}},
    "classical": {"family": {"name": "classical", "classifier": {"name": "logistic_regression"}}},
    "anomaly": {
        "family": {"name": "anomaly", "detector": {"name": "nearest_neighbours"}},
        "posthoc": {"name": "threshold"},
    },
    "similarity": {"family": {"name": "similarity", "steps": 20}},
    "nearest_class_mean": {"family": {"name": "nearest_class_mean"}},
    "finetune": LOSS | {"family": FINETUNE},
}
STRATEGIES = {name: NOTHING | one | {"family": one["family"] | {"backbone": "own"}} for name, one in FAMILIES.items()}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = make_project(tmp_path_factory.mktemp("pretrained"), strategies=STRATEGIES)
    pretrain.run(made, "own")
    embed_new.run(made, "natural")
    return made


def test_new_images_have_features_of_every_fold(workspace: Workspace) -> None:
    from tasks.features.embedding import embed

    folder, whole = workspace.path("data", "features_new", "natural", "own"), read_backbone(backbone(workspace))
    balanced = workspace.read(BALANCED, "natural").dropna(subset="file")
    files = [workspace.path("data", "balanced", "natural", name) for name in balanced["file"]]
    for fold in (None, 0, 1):
        found = Features.load(folder, fold)
        expected = embed(files, whole.for_fold(fold), depth=8, workers=1)
        assert_allclose(found.take(balanced["row_id"].tolist()), expected, rtol=1e-5, atol=1e-6)


def backbone(workspace: Workspace) -> Path:
    return workspace.path("models", "backbones", "own")


@pytest.mark.parametrize("name", FAMILIES)
def test_any_family_is_fitted_on_what_the_folds_own_network_sees(workspace: Workspace, name: str) -> None:
    """Predictions, in the fold and out of it, are those that its models make of the files themselves."""
    train.run(workspace, name)
    predictions = workspace.read(PREDICTIONS, name)
    path_of = workspace.read(CATALOG).set_index("image_id")["path"]
    for fold in (None, 0, 1):
        folder = workspace.path("models", name)
        model = load_model(folder if fold is None else fold_folder(folder, fold))
        own = predictions[predictions["fold"].isna() if fold is None else predictions["fold"] == fold]
        files = [workspace.path("data", "raw", path_of[image]) for image in own["image_id"]]
        found = model.predict_each(model.inputs(files)).values[0]
        scores = own[[column for column in own.columns if column.startswith("score.")]].to_numpy()
        assert len(own) == {None: 12, 0: 18, 1: 18}[fold]
        assert_allclose(found, scores, rtol=1e-4, atol=1e-4)


def test_a_model_carries_the_network_and_needs_no_workspace(workspace: Workspace, tmp_path: Path) -> None:
    train.run(workspace, "head")
    pack(workspace.path("models", "head"), None, tmp_path / "packed")
    classifier = load_classifier(tmp_path / "packed")
    files = sorted(workspace.path("data", "raw", "stain").glob("*.png"))
    scores = classifier.model.predict(classifier.model.inputs(files)).values
    assert scores.shape == (len(files), 3)
    network = network_of(classifier.model, "head", "exported")
    from tasks.decoding import decode

    images = torch.from_numpy(decode(files, 32, "squash", 8))
    assert_allclose(network(images).detach().numpy(), scores, rtol=1e-4, atol=1e-4)
    (tmp_path / "packed" / WEIGHTS).write_bytes(b"something else")
    with pytest.raises(InputError, match="the model is damaged"):
        load_classifier(tmp_path / "packed")


def test_a_model_on_a_network_of_another_library_needs_that(tmp_path: Path) -> None:
    method = SimClr(network=TransformersNetwork(**model_folders.made(tmp_path / "vit", "ViT")))
    fit = Pretraining(method, np.zeros((2, 32, 32, 3), dtype=np.uint8), np.arange(2))
    backbone = write_backbone(method, fit.state, tmp_path / "own")
    assert "transformers" in about(backbone)["versions"]
    fitted = FittedHead("own", None, PRIOR, {})
    save_model(Model(CLASSES, Head(backbone="own"), Unchanged(), (fitted,), None, backbone, 16), tmp_path / "model", {})
    assert "transformers" in packages_of_model(tmp_path / "model")


def test_it_is_audited_by_what_the_folds_own_networks_see(workspace: Workspace) -> None:
    train.run(workspace, "head")
    audit.run(workspace, "head")
    assert workspace.path("reports", "audit", "head").is_dir()


def training(workspace: Workspace, fold: int | None, **settings: Any) -> Training:
    strategy = workspace.params.strategies["finetune"]
    balanced = workspace.read(BALANCED, "natural")
    rows = Rows.of(TrainingSet.of_split(workspace.read(SPLITS)), balanced, fold, ["crack", "fine", "stain"], "")
    components = Components(strategy.loss, strategy.sampler, strategy.mixing, strategy.schedule)
    inputs = inputs_of(workspace, strategy, balanced).take(rows.ids)
    family = type(strategy.family).model_validate(strategy.family.model_dump() | settings)
    return Training(family, Fit(rows, inputs, components, 0, fold, Log()))


def test_fine_tuning_begins_with_the_weights_of_its_fold(workspace: Workspace) -> None:
    for fold in (None, 0, 1):
        begun = training(workspace, fold).whole.state_dict()
        learnt = read_backbone(backbone(workspace)).for_fold(fold).weights()
        assert {name for name in begun if name not in learnt} == {"scores.2.weight", "scores.2.bias"}
        assert all(torch.equal(begun[name], value) for name, value in learnt.items())
    fresh = training(workspace, 0, backbone="none").whole.state_dict()
    assert not torch.equal(fresh["stages.0.0.weight"], training(workspace, 0).whole.state_dict()["stages.0.0.weight"])
    assert torch.equal(fresh["scores.2.weight"], training(workspace, 0).whole.state_dict()["scores.2.weight"])


def test_a_checkpoint_that_began_with_other_weights_is_not_taken(workspace: Workspace) -> None:
    keys = {training(workspace, fold).key for fold in (0, 1)} | {training(workspace, 0, backbone="none").key}
    assert len(keys) == 3
    assert training(workspace, 0).key == training(workspace, 0).key


def test_pretrained_stages_can_be_frozen(workspace: Workspace) -> None:
    fit = training(workspace, 0, frozen=3, epochs=2)
    list(fit.run())
    learnt = read_backbone(backbone(workspace)).for_fold(0).weights()
    assert all(torch.equal(fit.state[name], value) for name, value in learnt.items())


def test_weights_that_are_gone_are_told(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match="equipoise run --force pretrain"):
        read_backbone(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("family", "message"),
    [
        (
            FINETUNE | {"network": {"name": "resnet", "depth": 20}},
            "was pretrained with another network; write network: {",
        ),
        (FINETUNE | {"tune": {"network.depth": [8, 20]}}, "with network.depth 20: backbone"),
        (FINETUNE | {"backbone": "efficientnet_lite0"}, "write none, or a name of the section pretrain"),
        (FINETUNE | {"backbone": "none", "frozen": 1}, "starts by chance"),
        (FINETUNE | {"backbone": "away"}, "'away' is unknown"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path: Path, family: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as refused:
        load_params(with_strategy(tmp_path, {"backbone": "own"} | family))
    assert message in str(refused.value)


def test_a_recipe_that_the_backbone_skips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"add it to pretrain.own.recipes"):
        load_params(with_strategy(tmp_path, {"name": "head", "backbone": "own"}, TINY | {"recipes": ["oversampled"]}))


def with_strategy(folder: Path, family: dict[str, Any], method: dict[str, Any] = TINY) -> Path:
    yaml = YAML(typ="safe", pure=True)
    params = yaml.load((Path(__file__).parents[2] / "params.yaml").read_text(encoding="utf-8"))
    params["pretrain"] = {"own": method}
    params["strategies"]["one"] = NOTHING | LOSS | {"family": family}
    yaml.dump(params, folder / "params.yaml")
    return folder / "params.yaml"
