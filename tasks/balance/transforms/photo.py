"""Changes for photos from the hand: things, animals, plants, scenes, where the camera stands anywhere.

Vertical flips are left out, because the world has an up and a down.
"""

from __future__ import annotations

from tasks.balance.transforms import Step, Transforms

REFLECT = 4  # cv2.BORDER_REFLECT_101
LINEAR = 1  # cv2.INTER_LINEAR


class Photo(Transforms):
    """A horizontal flip, a mild crop, jittered colours."""

    def steps(self) -> tuple[Step, ...]:
        """The changes, in their order."""
        return (
            Step("HorizontalFlip", {"p": 0.5}, "Most things look as natural mirrored; not so writing: then leave it."),
            Step(
                "Affine",
                {
                    "scale": [1.0, 1.2],
                    "keep_ratio": True,
                    "translate_percent": {"x": [-0.05, 0.05], "y": [-0.05, 0.05]},
                    "rotate": [-3, 3],
                    "interpolation": LINEAR,
                    "border_mode": REFLECT,
                    "p": 0.8,
                },
                "The photographer could have stood a step nearer or to the side and held the camera less straight: a "
                "crop of at least 80 % of each side, borders filled by reflection.",
            ),
            Step(
                "ColorJitter",
                {
                    "brightness": [0.85, 1.15],
                    "contrast": [0.85, 1.15],
                    "saturation": [0.85, 1.15],
                    "hue": [-0.015, 0.015],
                    "p": 1.0,
                },
                "Light and white balance vary more than this; hues move too little to change what colour a thing has.",
            ),
        )
