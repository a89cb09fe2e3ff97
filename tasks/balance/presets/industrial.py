"""Changes for inspection images: a fixed camera, one object that fills the picture, lighting that hardly varies.

Turns by 90 degrees are left out: they would keep the label, but a fixed camera never takes such a picture (the busbars
of a solar cell always lie the same way), so that they would mark augmented images. So are small tilts: on such images
they did harm in trials, also with reflected borders. Blur, erasing and distortions are left out because they hide or
make what the classes differ in: small defects.
"""

from __future__ import annotations

from typing import Literal

from tasks.balance.presets import Preset
from tasks.balance.steps import Step
from tasks.balance.transforms import around
from tasks.balance.transforms.gaussian_noise import GaussianNoise
from tasks.balance.transforms.horizontal_flip import HorizontalFlip
from tasks.balance.transforms.translation import Translation
from tasks.balance.transforms.vertical_flip import VerticalFlip


class Industrial(Preset):
    """Flips, a shift by whole pixels, small changes of brightness and contrast, light noise."""

    name: Literal["industrial"] = "industrial"

    def steps(self) -> tuple[Step, ...]:
        """The changes, in their order."""
        return (
            HorizontalFlip(p=0.5).step(
                self.strength, "A crack or scratch is one wherever it lies; the layout is symmetric."
            ),
            VerticalFlip(p=0.5).step(self.strength, "As above; together they make the turn by 180 degrees."),
            Translation(share=0.02, p=0.5).step(
                self.strength,
                "Parts are placed, or cut out, a few pixels off. Whole pixels, so that nothing is blurred, and borders "
                "filled by reflection; at most 2 %, so that hardly a defect is cut off or doubled.",
            ),
            Step(
                "RandomBrightnessContrast",
                {
                    "brightness_limit": around(0, 0.06 * self.strength),
                    "contrast_limit": around(0, 0.08 * self.strength),
                    "brightness_by_max": False,
                    "p": 1.0,
                },
                "Exposure and lamps vary more than this from day to day; dark defects stay darker than what is round "
                "them. In proportion to the image's own mean, so that a dark image does not drown in black.",
            ),
            GaussianNoise(levels=2.55, p=0.3).step(
                self.strength,
                "Sensor noise of half a grey level to 2.5; the faintest defects are several times as strong.",
            ),
        )
