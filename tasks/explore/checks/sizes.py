"""Width, height and shape: images of one class often come from one device, and its format gives the class away."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tasks.explore.properties import Measure, Property

if TYPE_CHECKING:
    from tasks.explore.picture import Picture


class Sizes(Property):
    """Pixels a side and the aspect ratio."""

    title = "Sizes"
    question = "Are the images of some classes larger, or of another shape?"
    order = 40
    measures: ClassVar[dict[str, Measure]] = {
        "width": Measure("Width", "Pixels from left to right, after EXIF orientation.", 0, logarithmic=True),
        "height": Measure("Height", "Pixels from top to bottom, after EXIF orientation.", 0, logarithmic=True),
        "aspect": Measure("Aspect ratio", "Width over height: 1 is square, more is wide.", 2, logarithmic=True),
    }

    def measure(self, picture: Picture) -> dict[str, float]:
        """Width and height in pixels, and their ratio."""
        width, height = picture.rgb.size
        return {"width": float(width), "height": float(height), "aspect": width / height}
