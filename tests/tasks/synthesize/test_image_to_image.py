"""image_to_image: an image begins with one of its class, and only a safe, whole and pinned checkpoint draws it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pipeline_folders import CLASSES, SIDE, of_stable_diffusion, of_stable_diffusion_xl, pixels_of
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from tasks.errors import InputError
from tasks.synthesize.generators import Examples, Synthetic, Wanted
from tasks.synthesize.generators.image_to_image import ImageToImage
from tasks.synthesize.pipelines import memory
from tasks.synthesize.pipelines.checkpoint import INDEX, PIPELINE

WEIGHTS = "diffusion_pytorch_model.safetensors"
DRAWN: dict[str, Any] = {"image_size": SIDE, "sampling_steps": 4}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return of_stable_diffusion(tmp_path_factory.mktemp("pipelines") / "tiny")


@pytest.fixture
def copied(checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint, tmp_path / "copied"))


def examples_of(**how: Any) -> Examples:
    pixels, labels = pixels_of(**how)
    return Examples(0, pixels, labels, CLASSES, [f"image-{row:02}" for row in range(len(labels))])


def generator(folder: Path, **settings: Any) -> ImageToImage:
    place = {"folder": str(folder), "digest": PIPELINE.digest(folder)}
    return ImageToImage.model_validate({**place, **DRAWN, **settings})


def made(folder: Path, wanted: list[Wanted], examples: Examples | None = None, **settings: Any) -> list[Synthetic]:
    return list(generator(folder, **settings).fit(examples or examples_of(), 0).sample(wanted))


WISHES = [Wanted(number % 2, number) for number in range(6)]


def test_an_image_names_the_one_that_it_begins_with_and_what_decided_it(checkpoint: Path) -> None:
    examples = examples_of()
    fitted = generator(checkpoint, prompts={"red": "a red thing"}, strength=0.75).fit(examples, 0)
    for wish, image in zip(WISHES, fitted.sample(WISHES), strict=True):
        (parent,) = image.parents or ()
        assert examples.labels[examples.ids.index(parent)] == wish.label
        assert image.pixels.shape == (SIDE, SIDE, 3)
        assert image.pixels.dtype == np.uint8
        assert image.parameters == {
            "prompted": ["a photo of blue", "a red thing"][wish.label],
            "strength": 0.75,
            "guidance": 7.5,
            "checkpoint": PIPELINE.digest(checkpoint),
        }
    assert fitted.digest == PIPELINE.digest(checkpoint)


def test_little_strength_leaves_the_image_that_it_begins_with(checkpoint: Path) -> None:
    """The tiny autoencoder gives back no picture; so what little noise makes is compared, and what much of it makes."""
    examples = examples_of()
    near, little, middle, far = (
        np.stack([one.pixels for one in made(checkpoint, WISHES, examples, strength=strength, sampling_steps=20)])
        for strength in (0.05, 0.1, 0.5, 1.0)
    )

    def apart(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.abs(one.astype(float) - other).mean())

    assert apart(near, little) < apart(near, middle)
    assert apart(near, little) < apart(near, far)


@pytest.mark.parametrize(
    "schedule",
    ["DDIMScheduler", "PNDMScheduler", "EulerAncestralDiscreteScheduler", "DPMSolverMultistepScheduler"],
)
def test_an_image_depends_on_its_own_wish_alone(checkpoint: Path, schedule: str) -> None:
    """Also with schedules that remember earlier steps, or put new noise on at each."""
    fitted = generator(checkpoint).fit(examples_of(), 0)
    import diffusers

    fitted.pipeline.scheduler = getattr(diffusers, schedule).from_config(fitted.pipeline.scheduler.config)
    together = list(fitted.sample(WISHES))
    for wish, expected in zip(reversed(WISHES), reversed(together), strict=True):
        torch.rand(3)
        (alone,) = fitted.sample([wish])
        assert alone.parents == expected.parents
        np.testing.assert_array_equal(alone.pixels, expected.pixels)


def test_the_order_of_the_examples_changes_nothing(checkpoint: Path) -> None:
    one = examples_of()
    other = Examples(0, one.pixels[::-1], one.labels[::-1], one.classes, one.ids[::-1])
    for first, second in zip(made(checkpoint, WISHES, one), made(checkpoint, WISHES, other), strict=True):
        assert first.parents == second.parents
        np.testing.assert_array_equal(first.pixels, second.pixels)


def test_a_checkpoint_of_the_larger_kind_draws_but_is_not_tuned(tmp_path: Path) -> None:
    place = of_stable_diffusion_xl(tmp_path / "larger")
    fitted = generator(place, negative_prompt="a bad photo").fit(examples_of(), 0)
    together = list(fitted.sample(WISHES[:2]))
    (alone,) = fitted.sample(WISHES[1:2])
    np.testing.assert_array_equal(alone.pixels, together[1].pixels)
    with pytest.raises(InputError, match="lora: a StableDiffusionXLImg2ImgPipeline is not tuned here"):
        made(place, WISHES[:1], lora={"steps": 1})


def test_global_chance_and_threads_are_left_as_they_were(checkpoint: Path) -> None:
    torch.manual_seed(7)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    made(checkpoint, WISHES[:2])
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    "other", [{"prompt": "a drop of {class}"}, {"negative_prompt": "a bad photo"}, {"guidance": 2.0}, {"strength": 1.0}]
)
def test_every_setting_of_the_drawing_tells(checkpoint: Path, other: dict[str, Any]) -> None:
    (plain,), (changed,) = made(checkpoint, WISHES[:1]), made(checkpoint, WISHES[:1], **other)
    assert (plain.pixels != changed.pixels).any()


def test_grey_examples_give_grey_images(checkpoint: Path) -> None:
    for image in made(checkpoint, WISHES[:2], examples_of(grey=True)):
        assert (image.pixels == image.pixels[..., :1]).all()
    assert any((image.pixels != image.pixels[..., :1]).any() for image in made(checkpoint, WISHES[:2]))


def test_a_safety_checker_and_weights_of_other_kinds_are_not_looked_at(checkpoint: Path, copied: Path) -> None:
    index = json.loads((copied / INDEX).read_text())
    index |= {"safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"]}
    index |= {"feature_extractor": ["transformers", "CLIPFeatureExtractor"], "requires_safety_checker": True}
    (copied / INDEX).write_text(json.dumps(index))
    digest = PIPELINE.digest(copied)
    for name in ("safety_checker", "feature_extractor"):
        (copied / name).mkdir()
        (copied / name / "config.json").write_text("no JSON at all")
    (copied / "safety_checker" / "pytorch_model.bin").write_bytes(b"a pickle")
    (copied / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"a pickle")
    (copied / "unet" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"nothing")
    assert PIPELINE.digest(copied) == digest
    (plain,), (other,) = made(checkpoint, WISHES[:1]), made(copied, WISHES[:1])
    np.testing.assert_array_equal(plain.pixels, other.pixels)


def without_part(folder: Path) -> None:
    shutil.rmtree(folder / "vae")


def with_pickles(folder: Path) -> None:
    torch.save(load_file(folder / "unet" / WEIGHTS), folder / "unet" / "diffusion_pytorch_model.bin")
    (folder / "unet" / WEIGHTS).unlink()


def without_index(folder: Path) -> None:
    (folder / INDEX).unlink()


def of_one_file(folder: Path) -> None:
    (folder / INDEX).unlink()
    (folder / "model.ckpt").write_bytes(b"a pickle")


def cut_off(folder: Path) -> None:
    file = folder / "unet" / WEIGHTS
    file.write_bytes(file.read_bytes()[:-1000])


def lacking_weights(folder: Path) -> None:
    weights = load_file(folder / "vae" / WEIGHTS)
    del weights["decoder.conv_out.weight"]
    save_file(weights, folder / "vae" / WEIGHTS)


def of_another_shape(folder: Path) -> None:
    weights = load_file(folder / "unet" / WEIGHTS)
    weights["conv_in.weight"] = torch.zeros(8, 5, 3, 3)
    save_file(weights, folder / "unet" / WEIGHTS)


def with_code(folder: Path) -> None:
    index = json.loads((folder / INDEX).read_text())
    (folder / INDEX).write_text(json.dumps(index | {"unet": ["my_unet", "MyUnet"]}))
    (folder / "unet" / "my_unet.py").write_text("raise SystemExit('code of a checkpoint was run')")


def of_another_kind(folder: Path) -> None:
    index = json.loads((folder / INDEX).read_text())
    (folder / INDEX).write_text(json.dumps(index | {"_class_name": "DDPMPipeline"}))


def no_json(folder: Path) -> None:
    (folder / INDEX).write_text("{")


def no_configuration(folder: Path) -> None:
    (folder / "unet" / "config.json").write_text("{")


def without_vocabulary(folder: Path) -> None:
    shutil.rmtree(folder / "tokenizer")
    (folder / "tokenizer").mkdir()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (without_part, r"vae is missing.*name another folder"),
        (with_pickles, r"unet holds no weights as safetensors.*can run code.*save_pretrained"),
        (without_index, r"holds no model_index\.json.*name a folder that `save_pretrained`"),
        (of_one_file, r"model\.ckpt is a checkpoint of one file.*from_single_file"),
        (cut_off, r"holds no model that can be used \(diffusion_pytorch_model"),
        (lacking_weights, r"1 weights of its vae are missing, the first is decoder\.conv_out\.weight"),
        (of_another_shape, r"holds no model that can be used .*conv_in"),
        (with_code, r"its unet needs code that is not of diffusers or transformers \(my_unet\)"),
        (of_another_kind, r"as a pipeline for image to image: .*DDPMPipeline"),
        (no_json, r"model_index\.json: "),
        (no_configuration, r"holds no model that can be used .*config"),
        (without_vocabulary, r"tokenizer holds no vocabulary"),
    ],
)
def test_a_checkpoint_that_is_not_whole_safe_and_of_the_right_kind_is_refused(
    copied: Path, damage: Callable[[Path], None], said: str
) -> None:
    damage(copied)
    with pytest.raises(InputError, match=said):
        made(copied, WISHES[:1])


def test_a_folder_that_is_not_there_or_has_other_files_is_refused(copied: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no folder .*nowhere"):
        ImageToImage(folder=str(tmp_path / "nowhere"), digest="0" * 32, **DRAWN).fit(examples_of(), 0)
    with pytest.raises(InputError, match="no checkpoint is named: write folder"):
        ImageToImage().fit(examples_of(), 0)
    now = PIPELINE.digest(copied)
    with pytest.raises(InputError, match=f"not pinned by a digest yet.*write digest: {now}"):
        ImageToImage(folder=str(copied), **DRAWN).fit(examples_of(), 0)
    before = generator(copied)
    (copied / "tokenizer" / "tokenizer_config.json").write_text("{}")
    with pytest.raises(InputError, match=f"not those of digest {now}"):
        before.fit(examples_of(), 0)


def test_what_the_memory_cannot_hold_is_refused_before_it_is_loaded(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "HELD", 2**40)
    with pytest.raises(InputError, match=r"needs about [\d.]+ TB .* of 32 pixels .*B are free; run fewer jobs"):
        made(checkpoint, WISHES[:1])


def test_memory_that_runs_out_while_an_image_is_made_is_told(checkpoint: Path) -> None:
    fitted = generator(checkpoint).fit(examples_of(), 0)

    def run_out(*_: Any) -> None:
        torch.empty(2**60)

    fitted.pipeline.vae.register_forward_pre_hook(run_out)
    fitted.pipeline.unet.register_forward_pre_hook(run_out)
    with pytest.raises(InputError, match="not enough memory for images of 32 pixels a side; take a smaller image_size"):
        next(fitted.sample(WISHES))


def test_a_prompt_that_is_too_long_is_refused(checkpoint: Path) -> None:
    with pytest.raises(InputError, match=r"has \d+ tokens, and the checkpoint reads 40; make it shorter"):
        made(checkpoint, WISHES[:1], prompt="a photo of {class} " * 9)


def test_a_prompt_of_a_class_that_there_is_not_is_refused(checkpoint: Path) -> None:
    with pytest.raises(InputError, match=r"there is no class 'rad' \(did you mean 'red'"):
        made(checkpoint, WISHES[:1], prompts={"rad": "a red thing"})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"image_size": 100}, "multiple of 8"),
        ({"image_size": 8}, "greater than or equal to 16"),
        ({"prompt": "a photo of {label}"}, r"\{label\} stands for nothing.*\{class\} stands for the class"),
        ({"strength": 0.01, "sampling_steps": 30}, "is not one step; write sampling_steps: 101, or more strength"),
        ({"negative_prompt": "bad", "guidance": 1.0}, "negative_prompt would change nothing"),
        ({"hub": "a/b"}, "revision"),
        ({"folder": "a", "hub": "a/b", "revision": "0" * 40}, "both folder and hub"),
        ({"strength": 0.0}, "greater than 0"),
        ({"lora": {"rank": 0}}, "greater than or equal to 1"),
        ({"lora": {"ranks": 4}}, "Extra inputs"),
    ],
)
def test_settings_that_cannot_work_are_refused_when_they_are_read(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ImageToImage(**settings)


def test_it_needs_the_packages_that_its_settings_ask_for() -> None:
    assert ImageToImage().packages == ("transformers",)
    assert ImageToImage.model_validate({"lora": {}}).packages == ("transformers", "peft")
