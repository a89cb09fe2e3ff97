"""Models of transformers and timm as networks: what they learn, what stays, what is saved, what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import model_folders
import numpy as np
import pytest
import torch
from image_fits import COUNTS, fit_of, fitted, inputs_of, picture, rows_of
from model_folders import DEVIATION, EVERY, MEAN, SIZE, STAGES
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from tasks.errors import InputError
from tasks.explain.grad_cam import grad_cam
from tasks.export_model import export_onnx
from tasks.model_folders.files import CONFIG, WEIGHTS, digest_of
from tasks.network import network_of
from tasks.train.families.finetune import Finetune, FittedNetwork
from tasks.train.finetuning.training import Training
from tasks.train.finetuning.whole import new_network
from tasks.train.loading import load_model, packages_of_model
from tasks.train.models import Model, save_model
from tasks.train.posthoc.none import Unchanged

SETTINGS: dict[str, Any] = {"image_size": SIZE, "epochs": 2, "batch_size": 16, "learning_rate": 0.01}
every = pytest.mark.parametrize("kind", EVERY)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("folders")


def network_in(folders: Path, kind: str) -> dict[str, Any]:
    """The settings of a tiny network, which is made once."""
    place = folders / kind
    if not place.exists():
        return model_folders.made(place, kind)
    return {"name": "transformers" if kind in STAGES else "timm", "folder": str(place), "digest": digest_of(place)}


def tuned(folders: Path, kind: str, counts: tuple[int, ...] = (8, 8, 8), **settings: Any) -> FittedNetwork:
    return fitted(fit_of(counts), SETTINGS | {"network": network_in(folders, kind)} | settings)


@every
def test_it_begins_with_the_maps_that_its_library_gives(folders: Path, kind: str) -> None:
    family = Finetune(**SETTINGS | {"network": network_in(folders, kind)})
    whole = new_network(family.network, np.full(3, 1 / 3), (np.zeros(3), np.ones(3)), 0).eval()
    images = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1)) * 255
    shown = (images / 255 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(DEVIATION)[:, None, None]
    assert_allclose(whole.normalised(images).numpy(), shown.numpy(), rtol=1e-4, atol=1e-4)
    with torch.inference_mode():
        maps = whole.stages(shown)
        if kind in STAGES:
            import transformers

            expected = transformers.AutoModel.from_pretrained(folders / kind).eval()(shown).last_hidden_state
        else:
            import timm

            expected = timm.create_model(f"local-dir:{folders / kind}", pretrained=True).eval().forward_features(shown)
    assert maps.shape[1] == family.network.channels
    if expected.ndim == 3:  # the places are the last tokens, row by row
        rows, columns = maps.shape[2:]
        expected = torch.stack([expected[:, at - rows * columns] for at in range(rows * columns)], 2)
        expected = expected.reshape(2, -1, rows, columns)
    assert_allclose(maps.numpy(), expected.numpy(), rtol=1e-4, atol=1e-5)


@every
def test_saved_and_loaded_it_predicts_the_same_without_the_folder(folders: Path, kind: str, tmp_path: Path) -> None:
    settings = network_in(folders, kind)
    moved = tmp_path / "moved"
    shutil.copytree(settings["folder"], moved)
    made = fitted(fit_of((8, 8, 8)), SETTINGS | {"network": settings | {"folder": str(moved)}})
    model = Model(["a", "b", "c"], made.family, Unchanged(), (made,), None, None, 16)
    save_model(model, tmp_path / "model", {})
    shutil.rmtree(moved)
    files = []
    for number, mode in enumerate(["RGB", "L", "L"]):
        files.append(tmp_path / f"{number}.png")
        Image.fromarray(picture(number, 7, 40)).convert(mode).save(files[-1])
    again = load_model(tmp_path / "model")
    scores = again.predict(again.inputs(files)).values
    assert_array_equal(scores, model.predict(model.inputs(files)).values)
    assert np.isfinite(scores).all()
    assert settings["name"] in packages_of_model(tmp_path / "model")
    assert {file.suffix for file in (tmp_path / "model").rglob("*.*")} == {".json", ".safetensors"}
    assert not any(b"\x80\x04\x95" in file.read_bytes() for file in (tmp_path / "model").rglob("*.*"))


def test_a_size_that_only_the_pretraining_says_is_that_of_the_model_that_is_loaded(tmp_path: Path) -> None:
    """As older versions of timm save a model: no arguments, and the size among what it says of its pretraining."""
    timm = model_folders.usable_timm()
    made = timm.create_model("vit_tiny_patch16_224", img_size=SIZE, num_classes=5)
    timm.models.save_for_hf(made, tmp_path / "vit", safe_serialization=True)
    config = json.loads((tmp_path / "vit" / CONFIG).read_text())
    del config["model_args"]
    config["pretrained_cfg"] |= {"input_size": [3, SIZE, SIZE], "fixed_input_size": True}
    (tmp_path / "vit" / CONFIG).write_text(json.dumps(config))
    network = {"name": "timm", "folder": str(tmp_path / "vit"), "digest": digest_of(tmp_path / "vit")}
    rows = rows_of((4, 4))
    fit = fitted(fit_of((4, 4)), SETTINGS | {"network": network, "epochs": 1})
    fit.save(tmp_path)
    again = fit.family.load(tmp_path, fit.prior, None)
    assert_array_equal(again.predict(inputs_of(rows)).values, fit.predict(inputs_of(rows)).values)


@every
def test_the_same_seed_gives_the_same_bits_and_it_learns(folders: Path, kind: str) -> None:
    settings = {"epochs": 8, "optimiser": "adamw", "learning_rate": 0.01, "counts": COUNTS}
    one, other = tuned(folders, kind, **settings), tuned(folders, kind, **settings)
    assert all(torch.equal(value, other.state[name]) for name, value in one.state.items())
    rows = rows_of(COUNTS, first=1000)
    assert (one.predict(inputs_of(rows)).values.argmax(1) == rows.first).mean() > 0.8


@every
def test_first_stages_stay_to_the_bit_and_later_ones_learn_faster(folders: Path, kind: str) -> None:
    family = Finetune(**SETTINGS | {"network": network_in(folders, kind), "frozen": 1, "layer_decay": 0.2})
    training = Training(family, fit_of((8, 8, 8)))
    begun = {name: value.clone() for name, value in training.whole.state_dict().items()}
    numbers = training.whole.stage_of
    list(training.run())
    moved: dict[int, float] = {}
    for name, number in numbers.items():
        change = (training.state[name] - begun[name]).norm() / begun[name].norm().clamp(min=1e-3)
        if number == 0:
            assert change == 0, name
        elif begun[name].ndim > 1:
            moved[number] = max(moved.get(number, 0.0), change.item())
    assert {*numbers.values()} == {*range(training.whole.depth)}
    if kind in STAGES:
        assert training.whole.depth == STAGES[kind]
    assert all(change > 0 for change in moved.values())
    factors = training.optimiser.factors
    for name, number in numbers.items():
        if name in factors:
            assert factors[name] == pytest.approx(0.2 ** (training.whole.depth - number))


@pytest.mark.parametrize(
    ("kind", "first"),
    [("ResNet", ("embedder.", "encoder.stages.0.")), ("resnet10t", ("conv1.", "bn1.", "layer1."))],
)
def test_batch_norms_of_frozen_stages_go_on_as_in_evaluation(folders: Path, kind: str, first: tuple[str, ...]) -> None:
    family = Finetune(**SETTINGS | {"network": network_in(folders, kind), "frozen": 1})
    training = Training(family, fit_of((8, 8, 8)))
    begun = {name: value.clone() for name, value in training.whole.state_dict().items()}
    list(training.run())
    means = {name: torch.equal(training.state[name], begun[name]) for name in begun if name.endswith("running_mean")}
    assert means == {name: name.removeprefix("stages.model.").startswith(first) for name in means}
    assert {*means.values()} == {True, False}


@pytest.mark.parametrize("kind", ["ViT", "ConvNext", "resnet10t"])
@pytest.mark.parametrize("classes", [2, 50])
def test_any_number_of_classes(folders: Path, kind: str, classes: int) -> None:
    counts = (2,) * (classes - 1) + (1,)
    made = tuned(folders, kind, counts=counts, epochs=1)
    scores = made.predict(inputs_of(rows_of(counts))).values
    assert scores.shape == (sum(counts), classes)
    assert np.isfinite(scores).all()


@every
def test_what_is_seen_beside_an_image_changes_no_bit_of_its_scores(folders: Path, kind: str) -> None:
    made, rows = tuned(folders, kind, epochs=1), rows_of((20, 3))
    whole = made.predict(inputs_of(rows)).values
    alone = [made.predict(inputs_of(rows).take([name])).values[0] for name in rows.ids]
    assert_array_equal(alone, whole)


@every
def test_it_is_exported_and_explained(folders: Path, kind: str, tmp_path: Path) -> None:
    made = tuned(folders, kind, epochs=1)
    model = Model(["a", "b", "c"], made.family, Unchanged(), (made,), None, None, 16)
    files = []
    for number, (height, width) in enumerate([(50, 40), (20, 90), (9, 12)]):
        files.append(tmp_path / f"{number}.png")
        Image.fromarray(picture(number % 3, 500 + number, 32)).resize((width, height)).save(files[-1])
    parity = export_onnx(model, "mine", None, files, tmp_path / "m.onnx")
    assert parity.labels == 0
    assert parity.scores < 1e-4
    cells = grad_cam(network_of(model, "mine", "explained"), np.asarray(Image.open(files[0])), [0, 1])
    with torch.inference_mode():
        maps = made.module()[0](torch.from_numpy(np.asarray(Image.open(files[0])).copy())[None])
    assert cells.shape == (2, *maps.shape[2:])


@every
def test_a_fit_that_was_stopped_goes_on_to_the_same_weights(folders: Path, kind: str, tmp_path: Path) -> None:
    family = Finetune(**SETTINGS | {"network": network_in(folders, kind), "ema": 0.5})
    steps = Training(family, fit_of((8, 8, 8), folder=tmp_path)).run()
    for _ in range(3):  # the second epoch has begun
        next(steps)
    resumed = Training(family, fit_of((8, 8, 8), folder=tmp_path))
    list(resumed.run())
    whole = Training(family, fit_of((8, 8, 8)))
    list(whole.run())
    assert all(torch.equal(value, whole.state[name]) for name, value in resumed.state.items())


# What is refused


def refusal(settings: dict[str, Any], **others: Any) -> str:
    with pytest.raises(InputError) as found:
        fitted(fit_of((4, 4)), SETTINGS | {"network": settings} | others)
    return str(found.value)


def test_other_files_than_those_that_are_pinned(folders: Path, tmp_path: Path) -> None:
    shutil.copytree(network_in(folders, "ViT")["folder"], tmp_path / "vit")
    settings = {"name": "transformers", "folder": str(tmp_path / "vit")}
    now = digest_of(tmp_path / "vit")
    assert f"not pinned by a digest yet; if they are those that you want, write digest: {now}" in refusal(settings)
    (tmp_path / "vit" / "README.md").write_text("not read, so not counted")
    assert digest_of(tmp_path / "vit") == now
    content = (tmp_path / "vit" / WEIGHTS).read_bytes()
    (tmp_path / "vit" / WEIGHTS).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    said = refusal(settings | {"digest": now})
    assert f"not those of digest {now}" in said
    assert f"write digest: {digest_of(tmp_path / 'vit')}" in said


def test_no_folder_no_configuration_no_safetensors(folders: Path, tmp_path: Path) -> None:
    place = tmp_path / "vit"
    settings = {"name": "transformers", "folder": str(place)}
    assert f"there is no folder {place}" in refusal(settings)
    shutil.copytree(network_in(folders, "ViT")["folder"], place)
    torch.save({}, place / "pytorch_model.bin")
    (place / WEIGHTS).unlink()
    assert "holds no model.safetensors, and weights of other formats can run code" in refusal(settings)
    (place / CONFIG).unlink()
    assert "holds no config.json" in refusal(settings)


def test_code_that_comes_with_a_model_is_never_run(folders: Path, tmp_path: Path) -> None:
    place = tmp_path / "vit"
    shutil.copytree(network_in(folders, "ViT")["folder"], place)
    config = json.loads((place / CONFIG).read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config", "AutoModel": "mine.Model"}}
    (place / CONFIG).write_text(json.dumps(config))
    (place / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    said = refusal({"name": "transformers", "folder": str(place), "digest": digest_of(place)})
    assert "holds no model that can be used" in said
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"num_channels": 1}, "looks at 1 channels"),
        ({"num_hidden_layers": 4}, "weights are missing, the first is layers.3"),
        ({"hidden_size": 32}, "holds no model that can be used"),
        ({"model_type": "unheard_of"}, "holds no model that can be used"),
        ({"model_type": "bert"}, "not at images alone"),
    ],
)
def test_a_configuration_that_does_not_fit(folders: Path, tmp_path: Path, change: dict[str, Any], why: str) -> None:
    place = tmp_path / "vit"
    shutil.copytree(network_in(folders, "ViT")["folder"], place)
    config = json.loads((place / CONFIG).read_text()) | change
    (place / CONFIG).write_text(json.dumps(config))
    assert why in refusal({"name": "transformers", "folder": str(place), "digest": digest_of(place)})


def test_a_folder_that_does_not_say_how_it_is_shown_images(folders: Path, tmp_path: Path) -> None:
    place = tmp_path / "vit"
    shutil.copytree(network_in(folders, "ViT")["folder"], place)
    (place / "preprocessor_config.json").unlink()
    said = refusal({"name": "transformers", "folder": str(place), "digest": digest_of(place)})
    assert "preprocessor_config.json is missing, which says how it is shown images" in said


def test_images_of_another_size_and_more_frozen_stages_than_there_are(folders: Path) -> None:
    settings = network_in(folders, "ViT")
    said = refusal(settings, image_size=40)
    assert "can't look at images of 40 pixels a side" in said
    assert said.endswith("write the size that it was made for, 32")
    assert refusal(settings, frozen=4) == "frozen: 4, but the network has 3 stages; write at most that"
