"""Changes for inspection images: a fixed camera, one object that fills the picture, lighting that hardly varies.

Turns by 90 degrees are left out: they would keep the label, but a fixed camera never takes such a picture (the busbars
of a solar cell always lie the same way), so that they would mark augmented images. So are small tilts: on such images
they did harm in trials, also with reflected borders.
"""

from __future__ import annotations

from tasks.balance.transforms import Step, Transforms

REFLECT = 4  # cv2.BORDER_REFLECT_101
NEAREST = 0  # cv2.INTER_NEAREST


class Industrial(Transforms):
    """Flips, a shift by whole pixels, small changes of brightness and contrast, light noise."""

    def steps(self) -> tuple[Step, ...]:
        """The changes, in their order."""
        return (
            Step("HorizontalFlip", {"p": 0.5}, "A crack or scratch is one wherever it lies; the layout is symmetric."),
            Step("VerticalFlip", {"p": 0.5}, "As above; together they make the turn by 180 degrees."),
            Step(
                "Affine",
                {
                    "translate_percent": {"x": [-0.02, 0.02], "y": [-0.02, 0.02]},
                    "interpolation": NEAREST,
                    "border_mode": REFLECT,
                    "p": 0.5,
                },
                "Parts are placed, or cut out, a few pixels off. Whole pixels, so that nothing is blurred, and borders "
                "filled by reflection; at most 2 %, so that hardly a defect is cut off or doubled.",
            ),
            Step(
                "RandomBrightnessContrast",
                {
                    "brightness_limit": [-0.06, 0.06],
                    "contrast_limit": [-0.08, 0.08],
                    "brightness_by_max": False,
                    "p": 1.0,
                },
                "Exposure and lamps vary more than this from day to day; dark defects stay darker than what is round "
                "them. In proportion to the image's own mean, so that a dark image does not drown in black.",
            ),
            Step(
                "GaussNoise",
                {"std_range": [0.002, 0.01], "p": 0.3},
                "Sensor noise of half a grey level to 2.5; the faintest defects are several times as strong.",
            ),
        )
