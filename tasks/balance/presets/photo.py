"""Changes for photos from the hand: things, animals, plants, scenes, where the camera stands anywhere.

Vertical flips are left out, because the world has an up and a down. Strong tilts, blur and erasing are left out because
they can be told from an original at a glance.
"""

from __future__ import annotations

from typing import Literal

from tasks.balance.presets import Preset
from tasks.balance.steps import Step
from tasks.balance.transforms import around
from tasks.balance.transforms.affine import Affine
from tasks.balance.transforms.horizontal_flip import HorizontalFlip


class Photo(Preset):
    """A horizontal flip, a mild crop, jittered colours."""

    name: Literal["photo"] = "photo"

    def steps(self) -> tuple[Step, ...]:
        """The changes, in their order."""
        colour = around(1, 0.15 * self.strength)
        return (
            HorizontalFlip(p=0.5).step(
                self.strength, "Most things look as natural mirrored; not so writing: then leave it."
            ),
            Affine(degrees=3, share=0.05, shrink=0, enlarge=0.2, p=0.8).step(
                self.strength,
                "The photographer could have stood a step nearer or to the side and held the camera less straight: a "
                "crop of at least 80 % of each side, borders filled by reflection.",
            ),
            Step(
                "ColorJitter",
                {
                    "brightness": colour,
                    "contrast": colour,
                    "saturation": colour,
                    "hue": around(0, 0.015 * self.strength),
                    "p": 1.0,
                },
                "Light and white balance vary more than this; hues move too little to change what colour a thing has.",
            ),
        )
