"""inpainting: what the mask keeps stays as it is, pixel by pixel; the rest is drawn anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pipeline_folders import CLASSES, SIDE, of_stable_diffusion, pixels_of

from tasks.errors import InputError
from tasks.synthesize.generators import Examples, Wanted
from tasks.synthesize.generators.inpainting import Inpainting
from tasks.synthesize.pipelines.checkpoint import PIPELINE


@pytest.fixture(scope="module", params=[4, 9], ids=["any checkpoint", "one that sees masks"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return of_stable_diffusion(tmp_path_factory.mktemp("pipelines") / "tiny", channels=request.param)


def masked(**how: Any) -> Examples:
    """Examples whose object stands at a place of its own; the first one has no mask, the last is nothing but object."""
    pixels, labels = pixels_of(**how)
    masks = np.zeros(pixels.shape[:3], dtype=bool)
    for number in range(1, len(masks) - 1):
        masks[number, 4 + number : 16 + number, 8:24] = True
    masks[-1] = True
    return Examples(0, pixels, labels, CLASSES, [f"image-{row:02}" for row in range(len(labels))], masks)


def generator(folder: Path, **settings: Any) -> Inpainting:
    place = {"folder": str(folder), "digest": PIPELINE.digest(folder)}
    return Inpainting(**place | {"image_size": SIDE, "sampling_steps": 2} | settings)


WISHES = [Wanted(number % 2, number) for number in range(12)]


@pytest.mark.parametrize("of", ["background", "object"])
def test_what_is_kept_stays_and_the_rest_is_drawn(checkpoint: Path, of: str) -> None:
    examples = masked()
    assert examples.masks is not None
    for wish, image in zip(WISHES, generator(checkpoint, of=of).fit(examples, 0).sample(WISHES), strict=True):
        (parent,) = image.parents or ()
        row = examples.ids.index(parent)
        assert examples.labels[row] == wish.label
        anew = examples.masks[row] if of == "object" else ~examples.masks[row]
        changed = (image.pixels != examples.pixels[row]).any(axis=2)
        assert not changed[~anew].any()
        assert changed[anew].mean() > 0.9


def test_an_image_depends_on_its_own_wish_alone(checkpoint: Path) -> None:
    fitted = generator(checkpoint).fit(masked(), 0)
    together = list(fitted.sample(WISHES[:4]))
    (alone,) = fitted.sample(WISHES[3:4])
    np.testing.assert_array_equal(alone.pixels, together[3].pixels)


def test_images_without_a_mask_or_with_nothing_to_keep_are_not_begun_with(checkpoint: Path) -> None:
    examples = masked()
    fitted = generator(checkpoint).fit(examples, 0)
    begun = {examples.ids[fitted.starts.of(Wanted(seed % 2, seed))] for seed in range(400)}
    assert begun == set(examples.ids[1:-1])


def test_grey_examples_give_grey_images(checkpoint: Path) -> None:
    for image in generator(checkpoint).fit(masked(grey=True), 0).sample(WISHES[:2]):
        assert (image.pixels == image.pixels[..., :1]).all()


def test_examples_without_masks_are_refused(checkpoint: Path) -> None:
    pixels, labels = pixels_of()
    examples = Examples(0, pixels, labels, CLASSES, list(map(str, range(len(labels)))))
    with pytest.raises(InputError, match=r"these images have no masks; use the generator image_to_image"):
        generator(checkpoint).fit(examples, 0)


def test_a_class_of_which_no_image_has_a_mask_is_told(checkpoint: Path) -> None:
    examples = masked()
    assert examples.masks is not None
    examples.masks[examples.labels == 0] = False
    with pytest.raises(InputError, match="no image of 'blue' has a mask"):
        next(generator(checkpoint).fit(examples, 0).sample(WISHES))
