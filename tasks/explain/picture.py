"""The picture of an explanation: the image beside its heat maps, as PNG."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tasks.explain.explanation import Explanation
from tasks.explain.grad_cam import over_image, shown_at
from tasks.lettering import in_chart
from tasks.page import new_figure, save_png

SIDE = 448  # pixels of the longer side
MOST = 0.75  # share of a heat map's colour where it is brightest; where it is 0 the image shows as it is


def picture(explained: Explanation) -> bytes:
    """The image, and beside it what speaks for each shown class, all maps on one scale, or what is odd."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    image = shown_at(explained.image, SIDE)
    pixels = np.asarray(image) / 255
    titles = [f"Speaks for {in_chart(explained.classes[code], 22)}" for code in explained.shown]
    if explained.is_odd:
        titles = ["What is odd"]
    panels = 1 + len(titles)
    height = 3.1 * min(image.height / image.width, 1.6) + 0.6
    figure = new_figure(3.3 * panels + 0.6, height)
    axes = figure.subplots(1, panels, squeeze=False)[0]
    axes[0].imshow(pixels)
    axes[0].set_title("The image")
    top = float(explained.cells.max()) or 1.0
    grey = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2)
    for axis, title, cells in zip(axes[1:], titles, explained.cells, strict=True):
        heat = over_image(cells, image.width, image.height, explained.resize)
        axis.imshow(grey)
        axis.imshow(heat, cmap="inferno", vmin=0, vmax=top, alpha=MOST * (heat / top) ** 0.5)
        axis.set_title(title)
        if not cells.max():
            axis.set_xlabel("nothing in the image")
    for axis in axes:
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
    scale = ScalarMappable(Normalize(0, top), "inferno")
    meaning = "odder than normal" if explained.is_odd else "weight of a place"
    figure.colorbar(scale, ax=list(axes), shrink=0.8, label=meaning)
    with TemporaryDirectory() as folder:
        save_png(figure, Path(folder, "picture.png"))
        return Path(folder, "picture.png").read_bytes()
