"""Changes for radiology and other images whose orientation means something: X-ray, CT, MR, mammography, fundus.

What is left out, and why:

- flips and quarter turns: in a chest film the heart lies on the right of the picture, in an abdominal CT the liver on
  the left; mirrored they show another finding (dextrocardia, situs inversus), in a fundus the other eye. Where
  orientation means nothing, in histology, cytology and dermoscopy, flips and quarter turns are the best changes there
  are: take them with ``preset: {name: listed}``;
- elastic deformation, grid distortion, perspective and unequal scales: labels hang on shapes and proportions (the
  heart's width to the chest's, a stenosis, the outline of a mass);
- random erasing, cutout and hard crops: the finding itself may be what is erased;
- blur, JPEG compression, salt and pepper: fine detail, such as microcalcifications and hairline fractures, is the
  finding;
- hue and saturation: in stained or dermoscopic images colour is the finding, in others there is none.

On chest films stronger geometric changes made 17 networks worse than none did (Elgendi et al. 2021), and which changes
help differs from modality to modality (Goceri 2023): keep to mild ones, and compare with a recipe without.
"""

from __future__ import annotations

from typing import Literal

from tasks.balance.presets import Preset
from tasks.balance.steps import Step
from tasks.balance.transforms.affine import Affine
from tasks.balance.transforms.brightness import Brightness
from tasks.balance.transforms.contrast import Contrast
from tasks.balance.transforms.gaussian_noise import GaussianNoise


class Medical(Preset):
    """A small turn, shift and zoom, brightness, contrast, light noise; nothing that changes side, shape or detail."""

    name: Literal["medical"] = "medical"

    def steps(self) -> tuple[Step, ...]:
        """The changes, in their order."""
        return (
            Affine(degrees=5, share=0.03, shrink=0, enlarge=0.06, p=0.5).step(
                self.strength,
                "Patients don't lie quite straight or centred, and stand a little nearer or farther. One scale for "
                "both axes, so that proportions stay; enlarged, not shrunk, so that hardly a border is reflected.",
            ),
            Brightness(share=0.1, p=1.0).step(
                self.strength, "Exposure, and the centre of the window that a film is shown with, vary more than this."
            ),
            Contrast(share=0.1, p=0.5).step(
                self.strength, "So does the width of the window, or the energy of the tube; the order of greys stays."
            ),
            GaussianNoise(levels=2.5, p=0.3).step(
                self.strength, "Noise as of a slightly lower dose, below what would hide a faint finding."
            ),
        )
