"""Contact sheets: synthetic images beside the real ones that they are nearest to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.balance.contact_sheets import Picture, contact_sheet
from tasks.lettering import in_picture
from tasks.synthesize.gates.images import Made, Real, Sight, of_class
from tasks.synthesize.gates.judge import Judged
from tasks.synthesize.gates.memorisation import nearest_real

SHOWN = 12  # images


def nearest_sheet(made: Made, real: Real, judged: Judged, label: str) -> Image.Image:
    """The synthetic images of a class that come nearest to what their models have seen, the nearest first.

    Each stands beside the image that its model has seen and is nearest to it, and beside the nearest that it has not.
    """
    sight = Sight.of(made, real)
    space = of_class(made, real, sight, label)
    ours, theirs = np.flatnonzero(made.labels == label), np.flatnonzero(real.labels == label)
    unseen = nearest_real(space, space.unseen)
    families = []
    for at in np.argsort(judged.nearest.distance[ours], kind="stable")[:SHOWN]:
        row = ours[at]
        reason = str(judged.selected.reasons[row])
        family = [_picture(made.pixels[row], "synthetic", reason or "kept")]
        places = [judged.nearest.place[row], theirs[unseen.place[at]] if unseen.place[at] >= 0 else -1]
        distances = [judged.nearest.distance[row], unseen.distance[at]]
        for name, place, distance in zip(("seen", "not seen"), places, distances, strict=True):
            if place >= 0:
                family.append(_picture(real.pixels[place], name, f"{real.ids[place]}\nat {distance:.3f}"))
        families.append(family)
    subtitle = "each beside the nearest image that its model has seen, and the nearest that it has not"
    return contact_sheet(f"{in_picture(label)}: the nearest synthetic images", subtitle, families)


def copies_sheet(made: Made, real: Real, judged: Judged, places: Sequence[int] | None = None) -> Image.Image | None:
    """Near-copies beside their sources, the most alike first; None where there are none.

    Parameters
    ----------
    made, real, judged
        The images and what the gates say of them.
    places
        Only of these synthetic images; all by default.
    """
    wanted = [one for one in judged.copies if places is None or one.made in set(places)]
    found = sorted(wanted, key=lambda one: (-one.likeness, one.made))
    families = []
    for one in found[:SHOWN]:
        shown = real.pixels[one.real][:, ::-1] if one.turn else real.pixels[one.real]
        name = "its source, mirrored" if one.turn else "its source"
        families.append(
            [
                _picture(made.pixels[one.made], "synthetic", f"likeness {one.likeness:.3f}"),
                _picture(shown, name, str(real.ids[one.real])),
            ]
        )
    if not families:
        return None
    return contact_sheet("Near-copies beside their sources", f"{len(found):,} synthetic images", families)


def _picture(pixels: NDArray[np.uint8], name: str, caption: str) -> Picture:
    return Picture(Image.fromarray(np.ascontiguousarray(pixels)), name, caption)
