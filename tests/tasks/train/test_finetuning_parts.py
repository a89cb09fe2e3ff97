"""What the training of whole networks is made of, held against torch's own, the papers' figures and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from tasks.features.backbones import efficientnet_lite0
from tasks.train.finetuning.augmentation import Augment
from tasks.train.finetuning.optimisers import Optimiser
from tasks.train.finetuning.rates import rate, stage_factors
from tasks.train.finetuning.residual import Block
from tasks.train.finetuning.whole import fitted_network, new_network
from tasks.train.networks.efficientnet_lite0 import PretrainedLite0
from tasks.train.networks.resnet import ResNet

SHOWN = np.full(3, 120.0), np.full(3, 60.0)


@pytest.mark.parametrize(("depth", "weights"), [(8, 75_290), (20, 269_722), (32, 464_154)])
def test_residual_networks_are_as_deep_and_as_large_as_those_of_the_paper(depth: int, weights: int) -> None:
    """He et al., table 6: 0.27 and 0.46 million of 20 and 32 layers with ten classes; exact numbers counted by hand."""
    made = new_network(ResNet(depth=depth), np.full(10, 0.1), SHOWN, 0)
    layers = [one for one in made.modules() if isinstance(one, torch.nn.Conv2d | torch.nn.Linear)]
    assert len(layers) == depth
    assert sum(one.numel() for one in made.parameters()) == weights


def test_a_shortcut_skips_pixels_and_fills_up_with_zeros() -> None:
    block = Block(2, 6).eval()
    for one in block.parameters():
        torch.nn.init.zeros_(one)
    maps = torch.rand(3, 2, 7, 7)
    made = block(maps)
    expected = torch.zeros(3, 6, 4, 4)
    for y in range(4):
        for x in range(4):
            expected[:, 2:4, y, x] = maps[:, :, 2 * y, 2 * x]
    assert torch.equal(made, expected)


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet"])
def test_a_network_says_its_stages_and_its_maps(name: str) -> None:
    network = {"efficientnet_lite0": PretrainedLite0, "resnet": ResNet}[name]()
    stages = network.rebuilt(network.described).eval()
    assert len(stages) == network.depth_in_stages
    maps = stages(torch.zeros(2, 3, network.smallest, network.smallest))
    assert maps.shape[:2] == (2, network.channels)
    assert min(maps.shape[2:]) > 1
    assert (network.normalisation is not None) == network.is_pretrained


def test_the_pretrained_network_is_that_of_the_backbone() -> None:
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        found = PretrainedLite0().stages().eval()(images).mean((2, 3))
        expected = efficientnet_lite0.EfficientNetLite0().load()(images)
    assert_allclose(found.numpy(), expected.numpy(), rtol=1e-3, atol=1e-4)


def test_a_network_starts_at_the_prior_by_its_seed_alone() -> None:
    prior = np.array([0.7, 0.2, 0.1])
    one = new_network(ResNet(depth=8), prior, SHOWN, 3)
    torch.rand(7)
    other = new_network(ResNet(depth=8), prior, SHOWN, 3)
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())
    assert not torch.equal(
        one.state_dict()["scores.2.weight"],
        new_network(ResNet(depth=8), prior, SHOWN, 4).state_dict()["scores.2.weight"],
    )
    assert_allclose(one.scores[-1].bias.detach().numpy(), np.log(prior), rtol=1e-6)
    shown = fitted_network(ResNet(depth=8), one.state_dict(), {})
    assert_allclose(shown.normalised(torch.full((1, 3, 1, 1), 180.0)).flatten().numpy(), 1.0)


# Rates


def rates_of(make, steps: int) -> list[float]:
    """The rates of a schedule of torch, a step each."""
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = make(optimiser)
    found = []
    for _ in range(steps):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return found


def test_the_cosine_is_torchs() -> None:
    expected = rates_of(lambda one: torch.optim.lr_scheduler.CosineAnnealingLR(one, 40), 40)
    assert_allclose([rate("cosine", step, 40, 0.0) for step in range(40)], expected, atol=1e-9)


def test_before_the_cosine_the_rate_rises_in_equal_steps() -> None:
    found = [rate("cosine", step, 40, 0.1) for step in range(40)]
    assert_allclose(found[:5], [0.2, 0.4, 0.6, 0.8, 1.0])
    expected = rates_of(lambda one: torch.optim.lr_scheduler.CosineAnnealingLR(one, 36), 36)
    assert_allclose(found[4:], expected, atol=1e-9)


@pytest.mark.parametrize("warm_up", [0.1, 0.3, 0.5])
def test_one_cycle_is_torchs(warm_up: float) -> None:
    def make(optimiser):
        return torch.optim.lr_scheduler.OneCycleLR(optimiser, 1.0, 50, pct_start=warm_up, cycle_momentum=False)

    found = [rate("one_cycle", step, 50, warm_up) for step in range(50)]
    assert_allclose(found, rates_of(make, 50), rtol=1e-6)


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("warm_up", [0.0, 0.3, 0.99])
def test_the_shortest_fits_have_rates_too(schedule, steps: int, warm_up: float) -> None:
    assert all(0 < rate(schedule, step, steps, warm_up) <= 1 for step in range(steps - 1))


def test_a_stage_learns_by_its_distance_from_the_classifier() -> None:
    assert stage_factors(4, 0, 1.0) == [1, 1, 1, 1]
    assert_allclose(stage_factors(4, 1, 0.5), [0, 0.125, 0.25, 0.5])


# Optimisers


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_an_optimiser_moves_as_torchs_does(kind) -> None:
    generator = torch.Generator().manual_seed(0)
    start = {"weight": torch.randn(4, 3, generator=generator), "bias": torch.randn(4, generator=generator)}
    ours = {name: value.clone() for name, value in start.items()}
    theirs = {name: torch.nn.Parameter(value.clone()) for name, value in start.items()}
    groups = [{"params": [theirs["weight"]], "weight_decay": 0.1}, {"params": [theirs["bias"]], "weight_decay": 0.0}]
    torchs = (
        torch.optim.SGD(groups, lr=0.05, momentum=0.9, nesterov=True)
        if kind == "sgd"
        else torch.optim.AdamW(groups, lr=0.05)
    )
    optimiser = Optimiser.of(kind, ours, {"weight": 1.0, "bias": 0.5}, 0.1)
    torchs.param_groups[1]["lr"] = 0.025
    for number in range(1, 8):
        gradients = [torch.randn(value.shape, generator=generator) for value in start.values()]
        optimiser.step(gradients, 0.05, number)
        for value, gradient in zip(theirs.values(), gradients, strict=True):
            value.grad = gradient.clone()
        torchs.step()
        for name in start:
            assert_allclose(ours[name].numpy(), theirs[name].detach().numpy(), rtol=1e-5, atol=1e-6)


# Changes of images


def batch(number: int = 40, height: int = 12, width: int = 10) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (number, height, width, 3), dtype=np.uint8)


def test_moved_images_are_crops_of_the_mirrored_picture_flipped_or_not() -> None:
    images = batch()
    wanted = np.arange(40) % 4 != 0
    moved = Augment(flip="both", shift=0.25).moved(images, wanted, np.random.default_rng(0))
    assert_array_equal(moved[~wanted], images[~wanted])
    seen = set()
    for before, after in zip(images[wanted], moved[wanted], strict=True):
        around = np.pad(before, ((3, 3), (3, 3), (0, 0)), mode="reflect")
        crops = {
            (down, across, flips): around[3 + down :][:12, 3 + across :][:, :10][:: flips[0], :: flips[1]]
            for down in range(-3, 4)
            for across in range(-3, 4)
            for flips in [(1, 1), (1, -1), (-1, 1), (-1, -1)]
        }
        matching = [how for how, crop in crops.items() if np.array_equal(crop, after)]
        assert matching
        seen.add(matching[0][2])
    assert len(seen) == 4


def test_flips_only_sideways_unless_both_are_wanted() -> None:
    images, wanted = batch(), np.ones(40, bool)
    for flip, kinds in (("none", 1), ("horizontal", 2)):
        moved = Augment(flip=flip, shift=0.0).moved(images, wanted, np.random.default_rng(0))
        is_same = (moved == images).all((1, 2, 3))
        is_mirrored = (moved == images[:, :, ::-1]).all((1, 2, 3))
        assert (is_same | is_mirrored).all()
        assert len(set(is_same.tolist())) == kinds


def test_colours_are_changed_an_image_at_a_time_within_bounds() -> None:
    images = np.random.default_rng(2).uniform(80, 160, (30, 6, 5, 3)).astype(np.float32)
    wanted = np.arange(30) < 20
    chance = np.random.default_rng(0)
    made = Augment(colour=0.2).coloured(images, wanted, np.random.default_rng(0))
    factors = 1 + 0.2 * chance.uniform(-1, 1, (3, 30))
    assert_array_equal(made[20:], images[20:])
    for number in range(20):
        brightness, contrast, saturation = factors[:, number]
        expected = images[number].astype(float) * brightness
        mean = expected.mean()
        expected = mean + contrast * (expected - mean)
        for y in range(6):
            for x in range(5):
                grey = expected[y, x].mean()
                expected[y, x] = grey + saturation * (expected[y, x] - grey)
        assert_allclose(made[number], expected.clip(0, 255), rtol=1e-4)


def test_a_crop_is_a_part_of_the_picture_scaled_to_its_size() -> None:
    """On planes, which linear interpolation keeps: value = row + 100 * column."""
    height, width = 24, 20
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    plane = np.stack([rows, 100 * columns, rows], axis=2)
    images = np.repeat(plane[None], 50, axis=0)
    wanted = np.arange(50) < 40
    made = Augment(crop=0.25).cropped(images, wanted, np.random.default_rng(0))
    assert_array_equal(made[40:], images[40:])
    areas = []
    for one in made[:40].astype(float):
        inner = one[6:-6, 5:-5]  # at the edges values stop where the picture does
        down, across = np.diff(inner[:, 0, 0]), np.diff(inner[0, :, 1]) / 100
        assert_allclose(down, down[0], rtol=1e-3)
        assert_allclose(across, across[0], rtol=1e-3)
        assert 0 < down[0] <= 1.0001
        assert 0 < across[0] <= 1.0001
        assert 3 / 4 * 0.99 <= across[0] / down[0] <= 4 / 3 * 1.01
        areas.append(down[0] * across[0])
        assert one[..., 0].min() >= 0
        assert one[..., 0].max() <= height - 1
    assert 0.2 < min(areas) < 0.4
    assert 0.8 < max(areas) <= 1.0001


def test_a_share_of_the_draws_loses_its_colours() -> None:
    images = batch(1000, 4, 4).astype(np.float32)
    made = Augment(grey=0.25).coloured(images, np.ones(1000, bool), np.random.default_rng(0))
    is_grey = (made == made[..., :1]).all((1, 2, 3))
    assert 0.2 < is_grey.mean() < 0.3
    assert_array_equal(made[~is_grey], images[~is_grey])
    assert_allclose(made[is_grey][..., 0], images[is_grey].mean(axis=3))


def test_what_is_not_changed_draws_the_same_chance() -> None:
    images = batch()
    for augment in (Augment(), Augment(colour=0.3), Augment(crop=0.5, grey=0.5)):
        states = []
        for wanted in (np.ones(40, bool), np.zeros(40, bool)):
            chance = np.random.default_rng(5)
            augment.changed(images, wanted, chance)
            states.append(chance.random())
        assert states[0] == states[1]
