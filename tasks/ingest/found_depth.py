"""The depth of the dataset, found from what its images use, and what each of them is as it is shown at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from tasks.depth import DEPTHS, FULL
from tasks.ingest.wording import first_few, readable

RARE = 0.01  # of the 16-bit images: so few, or a single one, that need more bits than all others are named

Setting = Literal["auto", 10, 12, 14, 16]


def found_depth(used: Mapping[str, int], setting: Setting) -> tuple[int, list[str]]:
    """The depth at which images of 16 bits a value are shown, and what is to be said of it.

    It is the largest that one of them uses: so no value is cut off, and one bright image decides for all.

    Parameters
    ----------
    used
        The bits that each image of the dataset uses (`tasks.images.Decoded.bits`), by its path.
    setting
        ``ingest.depth``.
    """
    bits = {path: number for path, number in used.items() if number in DEPTHS}
    if not bits:
        return FULL, []
    most = max(bits.values())
    have = "1 image has" if len(bits) == 1 else f"{len(bits):,} images have"
    if setting == "auto":
        said = [f"{have} 16 bits a value of which {most} are used: shown at that scale (ingest.depth)"]
        return most, said + _few_that_decide(bits)
    said = [f"{have} 16 bits a value: shown at the scale of {setting}, as ingest.depth says"]
    brighter = [readable(path) for path, needed in bits.items() if needed > setting]
    if brighter:
        said.append(f"{len(brighter):,} of them have brighter values, which are shown as white: {first_few(brighter)}")
    return setting, said


def shown_at(facts: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """The catalog's columns of an image, from what its file holds (`tasks.ingest.examine.Examined.facts`)."""
    is_deep = facts["bits"] in DEPTHS
    prints = facts["fingerprints"][str(depth if is_deep else FULL)]
    return {**facts, "depth": depth if is_deep else facts["bits"], **prints}


def _few_that_decide(bits: Mapping[str, int]) -> list[str]:
    """A sentence on the few brightest images, where all others would be shown brighter without them."""
    used = max(bits.values())
    few = [path for path, needed in bits.items() if needed == used]
    others = [needed for needed in bits.values() if needed < used]
    if not others or len(few) > max(1, RARE * len(bits)):
        return []
    names = first_few([readable(path) for path in few])
    is_one = len(few) == 1
    return [
        f"only {names} {'needs' if is_one else 'need'} {used} bits, all others {max(others)} at most and so look "
        f"darker: if {'it is' if is_one else 'they are'} an exception, set ingest.depth: {max(others)}"
    ]
