"""The depth of the dataset, found from what its files use, and what each of them holds as it is shown at it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal

from tasks.depth import DEPTHS, FULL
from tasks.ingest.examine import Examined
from tasks.ingest.wording import first_few, readable

RARE = 0.01  # of the 16-bit images: so few, or a single one, that need more bits than all others are named

Setting = Literal["auto", 10, 12, 14, 16]


def found_depth(seen: Iterable[Examined], setting: Setting) -> tuple[int, list[str]]:
    """The depth at which images of 16 bits a value are shown, and what is to be said of it.

    It is the largest that one of them uses: so no value is cut off, and one bright image decides for all.

    Parameters
    ----------
    seen
        What the files hold.
    setting
        ``ingest.depth``.
    """
    bits = {one.path: one.facts["bits"] for one in seen if one.facts and one.facts["bits"] in DEPTHS}
    if not bits:
        return FULL if setting == "auto" else setting, []
    used = max(bits.values())
    have = "1 image has" if len(bits) == 1 else f"{len(bits):,} images have"
    if setting == "auto":
        said = [f"{have} 16 bits a value of which {used} are used: shown at that scale (ingest.depth)"]
        return used, said + _few_that_decide(bits)
    said = [f"{have} 16 bits a value: shown at the scale of {setting}, as ingest.depth says"]
    brighter = [readable(path) for path, needed in bits.items() if needed > setting]
    if brighter:
        said.append(f"{len(brighter):,} of them have brighter values, which are shown as white: {first_few(brighter)}")
    return setting, said


def shown_at(one: Examined, depth: int) -> Examined:
    """What a file holds, with the catalog's columns at the depth of the dataset."""
    if one.facts is None:
        return one
    facts = dict(one.facts)
    bits, prints = facts.pop("bits"), facts.pop("fingerprints")
    is_deep = bits in DEPTHS
    return replace(one, facts={**facts, "depth": depth if is_deep else bits, **prints[str(depth if is_deep else FULL)]})


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
