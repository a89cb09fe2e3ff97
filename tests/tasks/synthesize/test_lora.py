"""LoRA: attention learns from the examples of the fold, nothing else does; and a fit that was killed goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lora_fits import KILLED, LORA, examples_of, tuned
from pipeline_folders import SIDE, of_stable_diffusion

from tasks.errors import InputError
from tasks.synthesize.generators import Wanted
from tasks.synthesize.journal import Journal, Moment
from tasks.synthesize.pipelines.lora import Training
from tasks.synthesize.pipelines.lora_settings import Lora
from tasks.train.finetuning.checkpoints import FILE, facts

pytest.importorskip("peft")
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return of_stable_diffusion(tmp_path_factory.mktemp("pipelines") / "tiny")


def training(checkpoint: Path, **settings: Any) -> Training:
    """A tuning that was not begun."""
    fitted = tuned(checkpoint, LORA | {"steps": 1})
    fitted.pipeline.unet.delete_adapters("default")
    fitted.pipeline.unet.requires_grad_(False)
    made = Training(Lora(**LORA | settings), fitted, examples_of(), 0, Journal())
    made._add()
    return made


def test_only_what_is_added_to_attention_learns(checkpoint: Path) -> None:
    one = training(checkpoint)
    parts = {name: getattr(one.fitted.pipeline, name) for name in ("unet", "vae", "text_encoder")}
    before = {name: {key: value.clone() for key, value in part.state_dict().items()} for name, part in parts.items()}
    list(one.run())
    changed = {
        f"{name}.{key}"
        for name, part in parts.items()
        for key, value in part.state_dict().items()
        if not torch.equal(value, before[name][key])
    }
    assert changed
    assert all(name.startswith("unet.") and ".attn" in name and ".lora_" in name for name in changed)
    matrices = [
        name
        for name, module in parts["unet"].named_modules()
        if name.endswith(("to_q.base_layer", "to_k.base_layer", "to_v.base_layer", "to_out.0.base_layer"))
    ]
    assert len(one.added) == 2 * len(matrices) > 0


def loss_by_hand(one: Training, seeds: int = 20) -> float:
    """Mean squared error of the predicted noise, image by image, at the times and with the noise of some seeds."""
    pipeline, total = one.fitted.pipeline, []
    alphas = torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2, 0)
    for seed in range(seeds):
        source = torch.Generator().manual_seed(seed)
        row = seed % len(one.examples.labels)
        image = torch.from_numpy(one.examples.pixels[row].copy()).permute(2, 0, 1)[None] / 127.5 - 1
        tokens = pipeline.tokenizer(
            f"a photo of {['blue', 'red'][one.examples.labels[row]]}", padding="max_length", return_tensors="pt"
        )
        with torch.no_grad():
            latent = pipeline.vae.encode(image).latent_dist.mean * pipeline.vae.config.scaling_factor
            noise = torch.randn(latent.shape, generator=source)
            moment = int(torch.randint(1000, (), generator=source))
            noisy = alphas[moment].sqrt() * latent + (1 - alphas[moment]).sqrt() * noise
            text = pipeline.text_encoder(tokens.input_ids)[0]
            total.append(float(((pipeline.unet(noisy, moment, text).sample - noise) ** 2).mean()))
    return sum(total) / len(total)


def test_the_noise_is_told_better_afterwards(checkpoint: Path) -> None:
    one = training(checkpoint, steps=30, batch_size=6, learning_rate=0.02)
    before = loss_by_hand(one)
    list(one.run())
    assert loss_by_hand(one) < before


def test_what_is_added_changes_nothing_before_it_has_learnt(checkpoint: Path) -> None:
    one = training(checkpoint)
    with_it = loss_by_hand(one, 5)
    one.unet.disable_adapters()
    assert loss_by_hand(one, 5) == with_it


def test_a_loss_is_that_of_its_definition(checkpoint: Path, tmp_path: Path) -> None:
    """One image a step, its noise and time drawn as the step draws them; both kinds of prediction."""
    velocity = of_stable_diffusion(tmp_path / "velocity", prediction="v_prediction")
    for place in (checkpoint, velocity):
        one = training(place, batch_size=1, steps=1)
        chance = np.random.default_rng((0, 0))
        source = torch.Generator().manual_seed(int(chance.integers(2**62)))
        shares = 1 / np.sqrt(np.bincount(one.examples.labels)[one.examples.labels])
        row = int(np.searchsorted(np.cumsum(shares / shares.sum()), chance.random(1)[0], side="right"))
        pipeline = one.fitted.pipeline
        image = torch.from_numpy(one.examples.pixels[row].copy()).permute(2, 0, 1)[None] / 127.5 - 1
        with torch.no_grad():
            found = pipeline.vae.encode(image).latent_dist
            latent = (found.mean + found.std * torch.randn(found.mean.shape, generator=source)) * 0.18215
            noise = torch.randn(latent.shape, generator=source)
            moment = int(chance.integers(1000, size=1)[0])
            share = torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2, 0)[moment]
            noisy = share.sqrt() * latent + (1 - share).sqrt() * noise
            text = pipeline.text_encoder(
                pipeline.tokenizer(
                    f"a photo of {['blue', 'red'][one.examples.labels[row]]}", padding="max_length", return_tensors="pt"
                ).input_ids
            )[0]
            told = pipeline.unet(noisy, moment, text).sample
            meant = noise if place is checkpoint else share.sqrt() * noise - (1 - share).sqrt() * latent
            expected = float(((told - meant) ** 2).mean())
        assert one._step(0) == pytest.approx(expected, rel=1e-4)


def test_rare_classes_are_drawn_with_the_square_root_of_their_count(checkpoint: Path) -> None:
    one = training(checkpoint)
    shares = np.diff(one.examples._reach, prepend=0.0)
    of_class = np.bincount(one.examples.labels, weights=shares)
    assert of_class == pytest.approx(np.sqrt([4, 9]) / np.sqrt([4, 9]).sum())


def test_what_is_learnt_is_told_and_shown_and_stands_in_the_digest(checkpoint: Path) -> None:
    moments, grids = list[Moment](), dict[int, np.ndarray]()
    fitted = tuned(checkpoint, LORA, Journal(None, 0.0, moments.append, grids.__setitem__))
    assert [(one.step, one.steps) for one in moments] == [(step, 8) for step in range(1, 9)]
    assert all(one.losses["loss"] > 0 for one in moments)
    assert sorted(grids) == [2, 4, 6, 8]
    assert {grid.shape for grid in grids.values()} == {(4, SIDE, SIDE, 3)}
    assert (grids[2] != grids[8]).any()
    assert len(fitted.tuned) == 64
    assert fitted.digest not in (fitted.checkpoint, fitted.tuned)
    (image,) = fitted.sample([Wanted(0, 1)])
    assert image.parameters["checkpoint"] == fitted.checkpoint
    again = tuned(checkpoint, LORA)
    assert again.digest == fitted.digest, "whoever watches changes nothing"
    np.testing.assert_array_equal(next(again.sample([Wanted(0, 1)])).pixels, image.pixels)
    assert tuned(checkpoint, LORA, seed=1).digest != fitted.digest
    assert tuned(checkpoint, LORA, first=1).digest != fitted.digest


def test_a_fit_that_goes_on_learns_and_tells_the_same(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = list[Moment]()
    expected = tuned(checkpoint, LORA, Journal(told=moments.append))
    steps = list[int]()
    made = Training._step
    monkeypatch.setattr(Training, "_step", lambda self, step: steps.append(step) or made(self, step))
    for last in (1, 5):
        folder = tmp_path / f"after-{last}"
        folder.mkdir()

        class KilledError(Exception):
            pass

        def stop(moment: Moment, last: int = last) -> None:
            if moment.step > last:
                raise KilledError

        with pytest.raises(KilledError):
            tuned(checkpoint, LORA, Journal(folder, 0.0, stop))
        assert facts(folder)["epoch"] == str(last)
        steps.clear()
        told = list[Moment]()
        again = tuned(checkpoint, LORA, Journal(folder, 0.0, told.append))
        assert again.digest == expected.digest
        assert told == moments
        assert steps == list(range(last, 8))
    steps.clear()
    assert tuned(checkpoint, LORA, Journal(folder, 0.0)).digest == expected.digest
    assert steps == [], "what was done is not done again"


@pytest.mark.parametrize(
    "other",
    [
        lambda place, journal: tuned(place, LORA | {"learning_rate": 0.02}, journal),
        lambda place, journal: tuned(place, LORA, journal, seed=1),
        lambda place, journal: tuned(place, LORA, journal, first=1),
        lambda place, journal: tuned(place, LORA, journal, counts=(5, 9)),
    ],
    ids=["settings", "seed", "other pixels", "more images"],
)
def test_a_checkpoint_of_another_fit_is_not_taken(
    checkpoint: Path, tmp_path: Path, other: Callable[[Path, Journal], Any]
) -> None:
    first, again, fresh = list[Moment](), list[Moment](), list[Moment]()
    tuned(checkpoint, LORA, Journal(tmp_path, 0.0, first.append))
    other(checkpoint, Journal(tmp_path, 0.0, again.append))
    other(checkpoint, Journal(told=fresh.append))
    assert again == fresh != first


def test_a_checkpoint_of_the_fit_holds_no_pickle(checkpoint: Path, tmp_path: Path) -> None:
    tuned(checkpoint, LORA, Journal(tmp_path, 0.0))
    assert [file.name for file in tmp_path.iterdir()] == [FILE]
    assert facts(tmp_path)["epoch"] == "8"


def test_a_training_that_diverges_is_told(checkpoint: Path) -> None:
    one = training(checkpoint)
    with torch.no_grad():
        next(iter(one.added.values())).fill_(float("nan"))
    with pytest.raises(InputError, match="has diverged at step 1; write a smaller learning_rate"):
        list(one.run())


def test_a_checkpoint_that_sees_a_mask_is_not_tuned(tmp_path: Path) -> None:
    place = of_stable_diffusion(tmp_path / "nine", channels=9)
    with pytest.raises(InputError, match=r"lora: a .* is not tuned here, only .* four channels"):
        tuned(place, LORA)


def begin(checkpoint: Path, folder: Path, out: Path) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(HERE.parents[2]), str(HERE.parents[1]), str(HERE)])
    command = [sys.executable, str(HERE / "lora_fits.py"), str(checkpoint), str(folder), str(out)]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.DEVNULL)


@pytest.mark.slow
def test_a_process_that_is_killed_twice_learns_the_same(checkpoint: Path, tmp_path: Path) -> None:
    """SIGKILL at whatever it is doing when its third, and when its twelfth step stands in the folder."""
    folder, out = tmp_path / "fit", tmp_path / "out"
    folder.mkdir()
    for steps in (3, 12):
        process = begin(checkpoint, folder, out)
        while int(facts(folder).get("epoch", 0)) < steps:
            assert process.poll() is None, "it has ended by itself"
            time.sleep(0.002)
        process.kill()
        process.wait()
        assert int(facts(folder)["epoch"]) < KILLED["steps"]
        assert not out.exists()
    assert begin(checkpoint, folder, out).wait() == 0
    assert out.read_text() == tuned(checkpoint, KILLED).tuned
