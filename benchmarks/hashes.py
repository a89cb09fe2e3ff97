"""Seconds of CPU time to find all close pairs among perceptual hashes, and the memory that takes.

    python benchmarks/hashes.py [--images 100000] [--radius 10]

The hashes are random with near copies of every hundredth; compared with a product of bit vectors on a part of them.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from tasks.group.candidates import close_hashes

PART = 5_000  # hashes that the plain way compares with all others


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--radius", type=int, default=10)
    arguments = parser.parse_args()
    generator = np.random.default_rng(0)
    hashes = generator.integers(0, 2**63, arguments.images, dtype=np.uint64)
    copies = arguments.images // 100
    hashes[-copies:] = hashes[:copies] ^ np.uint64(0b1011)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    pairs, _, _ = close_hashes(hashes, hashes, arguments.radius, most=4 * arguments.images)
    seconds = time.process_time() - start
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024

    bits = np.unpackbits(hashes.view(np.uint8).reshape(-1, 8), axis=1).astype(np.float32) * 2 - 1
    start = time.process_time()
    part = min(PART, arguments.images)
    found = int((bits[:part] @ bits.T >= 64 - 2 * arguments.radius).sum())
    plain = (time.process_time() - start) * arguments.images / part / 2  # half of all pairs

    print(f"{arguments.images:,} hashes within {arguments.radius} bits: {len(pairs):,} pairs, {seconds:.1f} s")
    print(f"memory grew by {memory:.0f} MB")
    print(f"as a product of bit vectors: {plain:.1f} s ({found:,} in a part); ratio {seconds / plain:.2f}")
    if len(pairs) < copies:
        raise SystemExit("not all copies were found")


if __name__ == "__main__":
    main()
