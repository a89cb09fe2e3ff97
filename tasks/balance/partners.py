"""Who is mixed with whom: a choice that hangs on content, and that newcomers hardly disturb.

Every candidate gets a random number from the pair's contents and the copy number, and the largest wins (rendezvous
hashing: Thaler and Ravishankar, IEEE/ACM Transactions on Networking 6, 1998). So one more candidate among n changes one
choice in n, and a candidate that goes changes the choices that fell on it.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
from numpy.typing import NDArray


def candidate_codes(sha256: list[str]) -> NDArray[np.uint64]:
    """64 bits of each candidate's content hash, shape (n,)."""
    return np.array([int(digest[:16], 16) for digest in sha256], dtype=np.uint64)


def choose_partner(key: tuple[str, str, int, int], codes: NDArray[np.uint64], itself: int) -> int:
    """The place of the candidate that wins, which is not the image itself.

    Parameters
    ----------
    key
        Specification of the mix, content hash of the base, copy number, seed.
    codes
        Shape (n,), at least two; see `candidate_codes`.
    itself
        The place of the base among the candidates.
    """
    salt = int.from_bytes(hashlib.sha256(json.dumps(key).encode()).digest()[:8], "big")
    drawn = _scrambled(codes ^ np.uint64(salt))
    drawn[itself] = 0
    return int(drawn.argmax())


def _scrambled(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Splitmix64's finaliser: near bits in, unrelated bits out (Steele, Lea and Flood, OOPSLA 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
