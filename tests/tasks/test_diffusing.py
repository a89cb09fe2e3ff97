"""Diffusion from scratch: what the network is told, that a killed fit goes on, and how images are made."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image

from tasks.synthesize.diffusing.changing import FARTHEST, NUMBERS, changed
from tasks.synthesize.diffusing.sampling import Sampler
from tasks.synthesize.diffusing.training import Training
from tasks.synthesize.generators import Examples, Wanted
from tasks.synthesize.generators.diffusion import Diffusion
from tasks.synthesize.journal import Journal, Moment
from tasks.synthesize.marked import SOURCE, write_marked
from tasks.synthesize.networks import Denoiser
from tasks.synthesize.networks.patches import Patches
from tasks.synthesize.networks.unet2d import UNet2D

SIDE = 16
TINY: dict[str, Any] = {
    "image_size": SIDE,
    "network": {"name": "patches", "width": 8, "blocks": 1},
    "steps": 12,
    "batch_size": 4,
    "sampling_steps": 3,
}
NETWORKS = [Patches(width=8, blocks=1), Patches(width=8, blocks=1, patch=4), UNet2D(width=8)]


def examples(number: int = 12, tint: int = 9) -> Examples:
    """Squares of two kinds, in colour unless `tint` is 0."""
    stream = np.random.default_rng(number)
    grey = stream.integers(20, 230, (number, SIDE, SIDE, 1))
    pixels = np.concatenate([grey, grey + tint, grey], axis=3).astype(np.uint8)
    return Examples(0, pixels, np.arange(number) % 2, ["a", "b"], [str(row) for row in range(number)])


def settings(**others: Any) -> Diffusion:
    return Diffusion.model_validate(TINY | others)


# What the network is told


def test_what_is_told_of_a_change_says_how_to_make_it() -> None:
    images = np.random.default_rng(0).integers(0, 256, (200, SIDE, SIDE, 3), dtype=np.uint8)
    made, told = changed(images, 0.5, np.random.default_rng(1))
    farthest = int(SIDE * FARTHEST)
    for image, new, (across, down, exchanged, shifted_down, shifted_across) in zip(images, made, told, strict=True):
        wide = np.pad(image, ((farthest, farthest), (farthest, farthest), (0, 0)), mode="reflect")
        top, left = (farthest + round(shift * farthest) for shift in (shifted_down, shifted_across))
        expected = wide[top : top + SIDE, left : left + SIDE]
        expected = expected[:, ::-1] if across else expected
        expected = expected[::-1] if down else expected
        assert np.array_equal(new, expected.transpose(1, 0, 2) if exchanged else expected)
    shares = (told[:, :3] != 0).mean(axis=0)
    assert (abs(shares - 0.5) < 0.12).all()


def test_without_changes_images_stay_as_they_are_and_nothing_is_told() -> None:
    images = examples().pixels
    made, told = changed(images, 0.0, np.random.default_rng(1))
    assert np.array_equal(made, images)
    assert not told.any()


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
@pytest.mark.parametrize(("side", "channels"), [(16, 1), (24, 3), (32, 3)])
def test_a_network_says_a_direction_for_each_image_and_heeds_all_that_it_is_told(
    network: Denoiser, side: int, channels: int
) -> None:
    torch.manual_seed(0)
    made = network.build(side, channels, 3, NUMBERS).eval()
    for value in made.parameters():  # layers that begin at nothing say nothing yet
        torch.nn.init.normal_(value, std=0.2)
    images = torch.randn(2, channels, side, side)
    told = torch.tensor([0.3, 0.3]), torch.tensor([1, 1]), torch.zeros(2, NUMBERS)
    plain = made(images, *told)
    assert plain.shape == images.shape
    assert torch.isfinite(plain).all()
    others = torch.tensor([0.7, 0.3]), torch.tensor([2, 1]), torch.eye(NUMBERS)[:2] * torch.tensor([[1.0], [0.0]])
    for place, other in enumerate(others):
        changed_one = made(images, *(other if at == place else one for at, one in enumerate(told)))
        assert not torch.allclose(changed_one[0], plain[0], atol=1e-4)
        assert torch.allclose(changed_one[1], plain[1], atol=1e-4)  # and an image heeds its own alone


def test_a_size_that_a_network_cannot_halve_is_refused_with_one_that_it_can() -> None:
    with pytest.raises(
        ValueError, match="image_size: 28 is no multiple of 8, which the network 'patches' needs; write 24"
    ):
        settings(image_size=28, network={"name": "patches", "patch": 4})


# Steps


def test_minutes_buy_steps_by_arithmetic_alone() -> None:
    one = settings(steps=None, minutes=10)
    steps = one.planned(1).steps
    assert steps == pytest.approx(5 * one.planned(5).steps, rel=0.01)
    assert one.model_copy(update={"minutes": 20.0}).planned(2).steps == steps
    assert one.model_copy(update={"minutes": 1e-9}).planned(5).steps == 1
    assert settings(steps=7).planned(5).steps == 7
    assert one.cost(5) == f"5 models, one a fold, {one.planned(5).steps:,} steps each: about 10 minutes on two cores"


def test_multiplications_of_a_step_are_those_of_convolutions_and_matrices() -> None:
    network = Patches(width=8, blocks=1).build(SIDE, 3, 1, NUMBERS)
    places = {"into": 64, "out": 64}  # maps of 8 x 8 stay as they are: the size at which nothing is halved
    expected = 0
    for name, layer in network.named_modules():
        if isinstance(layer, torch.nn.Conv2d):
            expected += layer.weight.numel() * places.get(name, 64)
        elif isinstance(layer, torch.nn.Linear):
            expected += layer.weight.numel()
    assert settings().multiplications == 3 * TINY["batch_size"] * expected


# Fitting


def digest(folder: Path | None, **others: Any) -> str:
    return settings(**others).fit(examples(), 5, Journal(folder, pause=0)).digest


@pytest.mark.parametrize("network", [one.model_dump() for one in NETWORKS], ids=str)
def test_a_fit_that_goes_on_ends_with_the_same_weights_and_tells_the_same(tmp_path: Path, network: Any) -> None:
    expected: list[Moment] = []
    whole = settings(network=network).fit(examples(), 5, Journal(told=expected.append)).digest
    for steps in (1, 5, 11):
        folder = tmp_path / str(steps)
        folder.mkdir()
        for number in Training(settings(network=network), examples(), 5, Journal(folder, pause=0)).run():
            if number == steps + 1:
                break
        told: list[Moment] = []
        assert settings(network=network).fit(examples(), 5, Journal(folder, told=told.append)).digest == whole
        assert told == expected
    assert [moment.step for moment in expected] == list(range(1, 13))


def test_a_fit_that_is_killed_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    (tmp_path / "fit").mkdir()
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_diffusing import *
for step in Training(settings(steps=60), examples(), 5, Journal(Path({str(tmp_path / "fit")!r}), pause=0)).run():
    time.sleep(0.05)
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE)
    file = tmp_path / "fit" / "checkpoint.safetensors"
    while not file.exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert 0 < Training(settings(steps=60), examples(), 5, Journal(tmp_path / "fit")).done < 60
    assert digest(tmp_path / "fit", steps=60) == digest(None, steps=60)


@pytest.mark.parametrize(
    ("others", "seen", "seed"),
    [({"learning_rate": 0.01}, 12, 5), ({}, 10, 5), ({}, 12, 6), ({"changed": 0.5}, 12, 5)],
    ids=["rate", "images", "seed", "changes"],
)
def test_a_checkpoint_of_another_fit_is_not_taken(tmp_path: Path, others: Any, seen: int, seed: int) -> None:
    digest(tmp_path)
    fresh = settings(**others).fit(examples(seen), seed).digest
    assert Training(settings(**others), examples(seen), seed, Journal(tmp_path)).done == 0
    assert settings(**others).fit(examples(seen), seed, Journal(tmp_path)).digest == fresh


def test_how_images_are_made_is_no_part_of_a_fit(tmp_path: Path) -> None:
    digest(tmp_path)
    assert Training(settings(guidance=1.0, sampling_steps=9, images=7), examples(), 5, Journal(tmp_path)).done == 12


def test_a_damaged_checkpoint_is_begun_anew(tmp_path: Path) -> None:
    whole = digest(tmp_path)
    file = tmp_path / "checkpoint.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    assert digest(tmp_path) == whole


def test_images_are_shown_now_and_then_while_a_fit_goes_on() -> None:
    shown: list[tuple[int, tuple[int, ...]]] = []
    journal = Journal(shown=lambda step, images: shown.append((step, images.shape)))
    settings(steps=40).fit(examples(), 5, journal)
    assert [step for step, _ in shown] == [5, 10, 15, 20, 25, 30, 35]
    assert {shape for _, shape in shown} == {(16, SIDE, SIDE, 3)}


def test_the_same_seed_gives_the_same_weights_whatever_happened_before() -> None:
    first = digest(None)
    torch.manual_seed(77)
    torch.randn(5)
    assert digest(None) == first
    assert settings().fit(examples(), 6).digest != first


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_single_example_is_enough_to_go_on(precision: str) -> None:
    one = examples(1)
    made = next(settings(precision=precision).fit(one, 0).sample([Wanted(0, 3)]))
    assert made.pixels.shape == (SIDE, SIDE, 3)


# Images


def test_an_image_depends_on_its_own_wish_alone() -> None:
    fitted = settings().fit(examples(), 5)
    many = [one.pixels for one in fitted.sample([Wanted(row % 2, row) for row in range(40)])]
    assert np.array_equal(next(fitted.sample([Wanted(1, 35)])).pixels, many[35])
    assert len({one.tobytes() for one in many}) == 40


def test_images_follow_the_flow_in_equal_steps_guided_beyond_the_class() -> None:
    class Known(torch.nn.Module):  # points from 0.25 (class 0), or 0 (none), to the noise, as far as that is known
        def forward(self, images: Any, noise: Any, labels: Any, changes: Any) -> Any:
            target = torch.tensor([0.25, 0.5, 0.0])[labels][:, None, None, None]
            return (images - target) / noise[:, None, None, None]

    for guidance, value in ((1.0, 0.25), (2.0, 0.5), (3.0, 0.75)):
        sampler = Sampler(settings(guidance=guidance, sampling_steps=8), Known(), 2, (4, 4, 1))
        made = next(sampler.sample([Wanted(0, 1)]))
        assert (made == round((value + 1) * 127.5)).all()


def test_grey_examples_give_grey_images() -> None:
    made = next(settings().fit(examples(tint=0), 5).sample([Wanted(0, 1)])).pixels
    assert (made == made[..., :1]).all()
    coloured = next(settings().fit(examples(), 5).sample([Wanted(0, 1)])).pixels
    assert not (coloured == coloured[..., :1]).all()


def test_a_file_says_that_a_machine_made_it_and_from_what(tmp_path: Path) -> None:
    pixels = examples().pixels[0]
    write_marked(tmp_path / "a" / "b.png", pixels, {"parents": ["x", "y"], "model": "m"})
    with Image.open(tmp_path / "a" / "b.png") as image:
        assert np.array_equal(np.asarray(image), pixels)
        assert image.text["equipoise"] == '{"model": "m", "parents": ["x", "y"]}'
        packet = ElementTree.fromstring(image.info["xmp"].strip(b"\0"))
    (description,) = packet.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description")
    assert description.attrib["{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"] == SOURCE
