"""The GAN: changes that gradients pass through, that it learns, that a killed fit goes on, and how images are made."""

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tasks.errors import InputError
from tasks.synthesize.adversarial.differentiable import FARTHEST, HOLE, NUMBERS, changed, drawn
from tasks.synthesize.adversarial.networks import TOGETHER, Judge, Maker
from tasks.synthesize.adversarial.training import Training
from tasks.synthesize.effort import multiplications
from tasks.synthesize.generators import Examples, Wanted
from tasks.synthesize.generators.gan import Gan
from tasks.synthesize.journal import Journal, Moment

SIDE = 16
TINY: dict[str, Any] = {"image_size": SIDE, "width": 8, "noise": 8, "steps": 12, "batch_size": 4}


def examples(number: int = 12, tint: int = 9) -> Examples:
    """Squares of two kinds, in colour unless `tint` is 0."""
    stream = np.random.default_rng(number)
    grey = stream.integers(20, 230, (number, SIDE, SIDE, 1))
    pixels = np.concatenate([grey, grey + tint, grey], axis=3).astype(np.uint8)
    return Examples(0, pixels, np.arange(number) % 2, ["a", "b"], [str(row) for row in range(number)])


def settings(**others: Any) -> Gan:
    return Gan.model_validate(TINY | others)


# Changes that gradients pass through


def by_hand(image: np.ndarray, policy: list[str], numbers: np.ndarray) -> np.ndarray:
    """One image, (c, side, side), changed pixel by pixel."""
    channels, side, _ = image.shape
    brightness, saturation, contrast, down, across, hole_down, hole_across = numbers.tolist()
    image = image.astype(np.float64)
    if "colour" in policy:
        image = image + brightness - 0.5
        if channels == 3:
            for y in range(side):
                for x in range(side):
                    grey = sum(image[:, y, x]) / 3
                    image[:, y, x] = [grey + (value - grey) * 2 * saturation for value in image[:, y, x]]
        mean = image.mean()
        image = mean + (image - mean) * (contrast + 0.5)
    if "translation" in policy:
        farthest = round(side * FARTHEST)
        steps = [math.floor(number * (2 * farthest + 1)) - farthest for number in (down, across)]
        moved = np.full_like(image, -1)
        for y in range(side):
            for x in range(side):
                if 0 <= y - steps[0] < side and 0 <= x - steps[1] < side:
                    moved[:, y, x] = image[:, y - steps[0], x - steps[1]]
        image = moved
    if "cutout" in policy:
        hole = round(side * HOLE)
        first = [math.floor(number * (side + hole % 2)) - hole // 2 for number in (hole_down, hole_across)]
        for y in range(max(first[0], 0), min(first[0] + hole, side)):
            for x in range(max(first[1], 0), min(first[1] + hole, side)):
                image[:, y, x] = 0
    return image


@pytest.mark.parametrize("policy", [["colour"], ["translation"], ["cutout"], ["cutout", "colour", "translation"], []])
@pytest.mark.parametrize(("side", "channels"), [(16, 3), (16, 1), (20, 3)])
def test_each_image_is_changed_by_its_own_numbers(policy: Any, side: int, channels: int) -> None:
    chance = np.random.default_rng(3)
    images = chance.uniform(-1, 1, (40, channels, side, side)).astype(np.float32)
    numbers = drawn(40, chance)
    made = changed(torch.from_numpy(images), policy, torch.from_numpy(numbers)).numpy()
    expected = np.stack([by_hand(image, policy, own) for image, own in zip(images, numbers, strict=True)])
    np.testing.assert_allclose(made, expected, atol=1e-5)


def test_every_shift_and_every_centre_of_a_hole_may_occur() -> None:
    number = 4000
    numbers = torch.from_numpy(drawn(number, np.random.default_rng(0)))
    assert numbers.shape == (number, NUMBERS)
    image = torch.arange(float(SIDE * SIDE)).reshape(1, 1, SIDE, SIDE).expand(number, -1, -1, -1)
    middle = changed(image, ["translation"], numbers)[:, 0, SIDE // 2, SIDE // 2]
    assert len(middle.unique()) == (2 * round(SIDE * FARTHEST) + 1) ** 2
    places = (changed(torch.ones(number, 1, SIDE, SIDE), ["cutout"], numbers) == 0).float().mean((0, 1))
    assert places.min() > 0  # and no pixel is spared


@pytest.mark.parametrize("channels", [1, 3])
def test_gradients_come_back_through_all_changes(channels: int) -> None:
    numbers = torch.from_numpy(drawn(3, np.random.default_rng(1)))
    images = torch.from_numpy(np.random.default_rng(2).uniform(-1, 1, (3, channels, 8, 8))).requires_grad_()
    policy: Any = ["colour", "translation", "cutout"]
    assert torch.autograd.gradcheck(lambda values: changed(values, policy, numbers.double()), [images])


def test_grey_images_get_no_tint() -> None:
    grey = torch.rand(6, 1, SIDE, SIDE).expand(-1, 3, -1, -1)
    numbers = torch.from_numpy(drawn(6, np.random.default_rng(1)))
    made = changed(grey, ["colour", "translation", "cutout"], numbers)
    torch.testing.assert_close(made, made[:, :1].expand(-1, 3, -1, -1))


# The two networks


@pytest.mark.parametrize("patch", [1, 2, 4])
@pytest.mark.parametrize(("side", "channels"), [(16, 1), (28, 3), (32, 1), (44, 3), (128, 3)])
def test_networks_of_every_size_heed_class_and_noise(side: int, channels: int, patch: int) -> None:
    torch.manual_seed(0)
    maker, judge = Maker(side, patch, channels, 8, 6, 3), Judge(side, patch, channels, 8, 3)
    noise, labels = torch.randn(4, 6), torch.tensor([0, 1, 2, 0])
    images = maker(noise, labels)
    assert images.shape == (4, channels, side, side)
    assert images.abs().max() <= 1
    assert not torch.allclose(images[0], images[3])
    assert not torch.allclose(maker(noise, labels.roll(1))[1], images[1])
    assert not torch.allclose(judge(images, labels.roll(1))[1], judge(images, labels)[1])
    gradients = torch.autograd.grad(judge(images, labels).sum(), [*maker.parameters(), *judge.parameters()])
    assert all(torch.isfinite(one).all() for one in gradients)
    assert sum(bool(one.any()) for one in gradients) == len(gradients)


def test_an_image_depends_on_its_own_noise_and_class_alone() -> None:
    maker = Maker(SIDE, 2, 3, 8, 6, 2)
    noise, labels = torch.randn(5, 6), torch.tensor([0, 1, 0, 1, 1])
    torch.testing.assert_close(maker(noise, labels)[2:3], maker(noise[2:3], labels[2:3]))


def test_the_judge_sees_how_much_images_differ() -> None:
    judge = Judge(SIDE, 2, 1, 8, 1)
    images, labels = torch.rand(1, 1, SIDE, SIDE), torch.zeros(TOGETHER, dtype=torch.int64)
    alike = judge(images.expand(TOGETHER, -1, -1, -1), labels)
    among_others = judge(torch.cat([images, torch.rand(TOGETHER - 1, 1, SIDE, SIDE)]), labels)
    assert not torch.allclose(alike[0], among_others[0])


# Settings


@pytest.mark.parametrize(("size", "instead"), [(18, 16), (30, 28), (12, 16), (8, 16), (132, 128), (256, 128)])
def test_a_size_that_it_cannot_make_is_refused_with_one_that_it_can(size: int, instead: int) -> None:
    with pytest.raises(ValueError, match=f"image_size: {size} is no multiple of 4 from 16 to 128.*write {instead}"):
        settings(image_size=size)
    assert settings(image_size=instead).image_size == instead


@pytest.mark.parametrize(
    "wrong",
    [{"batch_size": 6}, {"augment": ["tint"]}, {"truncation": 0.0}, {"width": 12}, {"patch": 3}, {"slope": -1.0}],
    ids=str,
)
def test_settings_out_of_bounds_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        settings(**wrong)


def test_minutes_buy_steps_by_arithmetic_alone() -> None:
    def bought(fits: int, **others: Any) -> Any:
        return settings(steps=None, **{"minutes": 10.0} | others).planned(fits).steps

    assert bought(1) == pytest.approx(5 * bought(5), rel=0.01)
    assert bought(2, minutes=20.0) == bought(1)
    assert bought(1, batch_size=8) == pytest.approx(bought(1) / 2, rel=0.01)
    assert bought(5, minutes=1e-9) == 1
    assert settings(steps=7).planned(5).steps == 7


def test_a_step_is_worth_three_passes_of_one_network_and_eight_and_a_half_of_the_other() -> None:
    maker, judge = Maker(SIDE, 2, 3, 8, 8, 1), Judge(SIDE, 2, 3, 8, 1)
    noise, labels = torch.zeros(TOGETHER, 8), torch.zeros(TOGETHER, dtype=torch.int64)
    making, judging = (
        multiplications(network, seen, labels) for network, seen in ((maker, noise), (judge, maker(noise, labels)))
    )
    assert settings(batch_size=8).multiplications == 8 * (3 * making + 8.5 * judging)


def test_multiplications_are_those_of_convolutions_and_matrices() -> None:
    judge = Judge(SIDE, 2, 3, 8, 1)  # maps of 8 x 8, then 4 x 4
    maps = 64 * (12 * 8 * 9 + 8 * 8 * 9) + 16 * (8 * 16 * 9 + 8 * 16 + 17 * 16 * 9)
    images, labels = torch.zeros(TOGETHER, 3, SIDE, SIDE), torch.zeros(TOGETHER, dtype=torch.int64)
    assert multiplications(judge, images, labels) == maps + 16 * 16 * 16 + 16


# Fitting


def digest(folder: Path | None, **others: Any) -> str:
    return settings(**others).fit(examples(), 5, Journal(folder, pause=0)).digest


def squares() -> Examples:
    """The first class, of 30, is dark on the left and bright on the right; the second, of 10, the other way."""
    labels = np.array([0] * 30 + [1] * 10)
    stream = np.random.default_rng(0)
    pixels = stream.integers(30, 70, (len(labels), SIDE, SIDE, 1))
    for image, label in zip(pixels, labels, strict=True):
        image[:, SIDE // 2 :] += 150 * (1 - label)
        image[:, : SIDE // 2] += 150 * label
    return Examples(
        0, pixels.astype(np.uint8).repeat(3, 3), labels, ["right", "left"], [str(row) for row in range(len(labels))]
    )


def test_it_learns_what_tells_the_classes_apart() -> None:
    rates = {"learning_rate": 0.006, "judge_rate": 0.006}
    fitted = settings(steps=150, batch_size=16, average=0.9, slope=1.0, **rates).fit(squares(), 0)
    images = np.stack([one.pixels for one in fitted.sample([Wanted(row % 2, row) for row in range(20)])]).astype(float)
    brighter = images[:, :, SIDE // 2 :].mean((1, 2, 3)) - images[:, :, : SIDE // 2].mean((1, 2, 3))
    assert brighter[0::2].min() > 50
    assert brighter[1::2].max() < -50


def test_a_fit_that_goes_on_ends_with_the_same_weights_and_tells_the_same(tmp_path: Path) -> None:
    expected: list[Moment] = []
    whole = settings(steps=20).fit(examples(), 5, Journal(told=expected.append)).digest
    for steps in (1, 16, 19):  # on both sides of a step at which the slope is held down
        folder = tmp_path / str(steps)
        folder.mkdir()
        for number in Training(settings(steps=20), examples(), 5, Journal(folder, pause=0)).run():
            if number == steps:
                break
        told: list[Moment] = []
        assert settings(steps=20).fit(examples(), 5, Journal(folder, told=told.append)).digest == whole
        assert told == expected
    assert [moment.step for moment in expected] == list(range(1, 21))
    assert all(set(moment.losses) == {"generator", "discriminator"} for moment in expected)


def test_a_fit_that_is_killed_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    (tmp_path / "fit").mkdir()
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_adversarial import *
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
    [({"learning_rate": 0.01}, 12, 5), ({"augment": []}, 12, 5), ({}, 10, 5), ({}, 12, 6)],
    ids=["rate", "changes", "images", "seed"],
)
def test_a_checkpoint_of_another_fit_is_not_taken(tmp_path: Path, others: Any, seen: int, seed: int) -> None:
    digest(tmp_path)
    assert Training(settings(**others), examples(seen), seed, Journal(tmp_path)).done == 0
    assert Training(settings(truncation=0.5, images=7), examples(), 5, Journal(tmp_path)).done == 12


class Lost(Training):
    """A fit whose weights grow out of bounds at the third step."""

    def _step(self, step: int) -> tuple[float, ...]:
        return (1.0, math.nan) if step == 2 else super()._step(step)


def test_a_loss_that_is_no_number_ends_a_fit_with_a_remedy(tmp_path: Path) -> None:
    fit = Lost(settings(), examples(), 5, Journal(tmp_path, pause=0))
    with pytest.raises(InputError, match=r"fold 0: after 3 of 12 steps .* write a smaller learning rate .* 'gan'"):
        list(fit.run())
    assert fit.done == 2


def test_images_are_shown_now_and_then_while_a_fit_goes_on() -> None:
    shown: list[tuple[int, tuple[int, ...]]] = []
    journal = Journal(shown=lambda step, images: shown.append((step, images.shape)))
    settings(steps=16).fit(examples(), 5, journal)
    assert [step for step, _ in shown] == [2, 4, 6, 8, 10, 12, 14]
    assert {shape for _, shape in shown} == {(16, SIDE, SIDE, 3)}


def test_the_same_seed_gives_the_same_weights_whatever_happened_before() -> None:
    first = digest(None)
    torch.manual_seed(77)
    torch.randn(5)
    before = torch.random.get_rng_state()
    assert digest(None) == first
    assert torch.equal(torch.random.get_rng_state(), before)
    assert settings().fit(examples(), 6).digest != first


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_single_example_is_enough_to_go_on(precision: str) -> None:
    made = next(settings(precision=precision).fit(examples(1), 0).sample([Wanted(0, 3)]))
    assert made.pixels.shape == (SIDE, SIDE, 3)


# Images


def test_an_image_depends_on_its_own_wish_alone() -> None:
    fitted = settings(steps=3).fit(examples(), 5)
    many = [one.pixels for one in fitted.sample([Wanted(row % 2, row) for row in range(40)])]
    assert np.array_equal(next(fitted.sample([Wanted(1, 35)])).pixels, many[35])
    assert len({one.tobytes() for one in many}) == 40


def test_truncated_images_lie_closer_to_one_another() -> None:
    spread = []
    for truncation in (1.0, 0.5, 0.1):
        fitted = settings(steps=3, truncation=truncation).fit(examples(), 5)
        images = np.stack([one.pixels for one in fitted.sample([Wanted(0, row) for row in range(20)])]).astype(float)
        spread.append(images.std(axis=0).mean())
    assert spread[0] > spread[1] > spread[2]


def test_grey_examples_give_grey_images() -> None:
    made = next(settings(steps=3).fit(examples(tint=0), 5).sample([Wanted(0, 1)])).pixels
    assert (made == made[..., :1]).all()
    coloured = next(settings(steps=3).fit(examples(), 5).sample([Wanted(0, 1)])).pixels
    assert not (coloured == coloured[..., :1]).all()
