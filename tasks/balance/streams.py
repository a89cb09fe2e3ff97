"""Where a new image's chance comes from: its own specification, its parents' content and its copy number.

Never from order, process, number of images or time: any number of workers, in any order, twice, makes the same bytes.
"""

from __future__ import annotations

import hashlib
import json


def stream(specification: str, sha256: list[str], copy: int, seed: int) -> int:
    """The seed of a new image's random stream, 64 bits.

    Parameters
    ----------
    specification
        What is done, as JSON: see `tasks.balance.presets.Preset.specification`.
    sha256
        The parents' content hashes, in their order.
    copy
        Copy number, from 1.
    seed
        ``balance.seed``.
    """
    text = json.dumps([specification, sha256, copy, seed])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
