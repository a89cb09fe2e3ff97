"""Changes for documents: pages, forms, receipts, signs and digits, scanned or photographed.

What is left out, and why:

- flips and quarter turns: mirrored writing is no writing, and a 6 turned by 180 degrees is a 9;
- strong rotation, elastic deformation and grid distortion: straight lines of print are straight; and for single
  handwritten characters, where elastic deformation helps (Simard et al. 2003), take it with ``preset: {name: listed}``;
- crops, random erasing and cutout: a heading or a total may be all that tells two forms apart;
- hue and saturation: they do no harm, but hardly a scanner makes them;
- salt and pepper: at one pixel it is a dot, and changes what is written in small print.
"""

from __future__ import annotations

from typing import Literal

from tasks.balance.presets import Preset
from tasks.balance.steps import Step
from tasks.balance.transforms.affine import Affine
from tasks.balance.transforms.blur import Blur
from tasks.balance.transforms.brightness import Brightness
from tasks.balance.transforms.contrast import Contrast
from tasks.balance.transforms.gaussian_noise import GaussianNoise
from tasks.balance.transforms.jpeg_compression import JpegCompression
from tasks.balance.transforms.perspective import Perspective


class Document(Preset):
    """A tiny turn, shift and slant, light of the scanner, and now and then slight blur, noise or compression."""

    name: Literal["document"] = "document"

    def steps(self) -> tuple[Step, ...]:
        """The changes, in their order: as light, paper, lens, sensor and file make them."""
        return (
            Affine(degrees=1.5, share=0.01, shrink=0.01, enlarge=0.03, p=0.7).step(
                self.strength, "A page is laid into the scanner a little askew, at an edge or not quite at it."
            ),
            Perspective(share=0.02, p=0.3).step(
                self.strength, "A page photographed from the hand is seen slightly aslant; every word stays readable."
            ),
            Brightness(share=0.1, p=1.0).step(
                self.strength, "Lamps age and paper yellows; ink stays darker than paper."
            ),
            Contrast(share=0.15, p=0.5).step(self.strength, "Toner runs low and copies pale, by more than this."),
            Blur(pixels=0.6, p=0.2).step(
                self.strength, "Scanners and phones focus so well or less; strokes of print are wider than this."
            ),
            GaussianNoise(levels=4, p=0.3).step(
                self.strength, "Paper grain and sensor noise; far below the step from paper to ink."
            ),
            JpegCompression(quality=70, p=0.3).step(
                self.strength, "Scans are often kept as JPEGs of middling quality; print survives it."
            ),
        )
