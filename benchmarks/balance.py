"""New images a second: ``python benchmarks/balance.py [--images 1500] [--copies 2] [--workers 2]``.

Makes a set of photo-like JPEGs, the same for the same seed, and from them new images of the preset `photo` in three
ways, in turn and each in as many processes as workers (one thread each; without imports, the best of the repeats):

- bare: a loop that decodes a file with Pillow, applies the preset's albumentations and encodes a JPEG with Pillow,
  every process its share of the files: what no pipeline can be much quicker than,
- equipoise: `tasks.balance.make.make`, which also derives every image's own random stream, keeps the parent's mode and
  quantisation, and writes each file whole or not at all,
- naive: the loop of many tutorials, `Image.rotate` by a random angle and `save`.

And the peak memory of the process that calls `make`, for few photos and for all; and the time that 99 % of the images
take over from the store when 1 % more photos come, as a share of the time that all take from the start.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from images import HEIGHT, ONE_THREAD, ROOT, WIDTH, make_photos

COMMON = """
import hashlib, json, random, resource, sys, time
from pathlib import Path
import cv2
import numpy as np
from PIL import Image
cv2.setNumThreads(0)  # OpenCV asks no environment variable
folder, out, copies, workers = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
first, step = int(sys.argv[5]), int(sys.argv[6])
paths = sorted(folder.glob("*.jpg"))[first::step]
out.mkdir(parents=True, exist_ok=True)
"""
BARE = """
import albumentations
from tasks.balance.presets.photo import Photo
def tuples(value):
    if isinstance(value, dict):
        return {key: tuples(item) for key, item in value.items()}
    return tuple(map(tuples, value)) if isinstance(value, list) else value
steps = [(one.name, json.loads(json.dumps(one.parameters))) for one in Photo().steps()]
compose = albumentations.Compose([getattr(albumentations, name)(**tuples(given)) for name, given in steps])
def work(paths):
    for path in paths:
        pixels = np.asarray(Image.open(path))
        for copy in range(copies):
            Image.fromarray(compose(image=pixels)["image"]).save(out / f"{path.stem}-{copy}.jpg", quality=90)
"""
NAIVE = """
def work(paths):
    for path in paths:
        image = Image.open(path)
        for copy in range(copies):
            image.rotate(random.uniform(-25, 25)).save(out / f"{path.stem}-{copy}.jpg")
"""
LOOPS = {"bare": BARE, "naive": NAIVE}
LOOP = """
work(paths[:2])
before = time.perf_counter()
work(paths)
print(json.dumps(time.perf_counter() - before))
"""
MAKE = """
from tasks.balance.derive import Copy, Order, Parent
from tasks.balance.make import make, make_once
from tasks.balance.presets.photo import Photo
from tasks.row_store import RowStore
def orders(paths, folder):
    folder.mkdir(exist_ok=True)
    return [
        Order(Parent(path, path.stem, 8), tuple(Copy(n, folder / f"{path.stem}-{n}") for n in range(copies)))
        for path in paths
    ]
def seconds(work):
    before = time.perf_counter()
    work()
    return time.perf_counter() - before
def once(paths, name, store):
    (out / store).mkdir(exist_ok=True)
    return make_once(orders(paths, out / name), Photo().specification(), 0, workers, RowStore(out / store))
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
for _ in make(orders(paths[: 100 * workers], out / "warm"), Photo().specification(), 0, workers):
    pass  # starts the processes, which stay
started = peak()
taken = seconds(lambda: list(make(orders(paths, out / "made"), Photo().specification(), 0, workers)))
peaks = [started, peak()]
whole = seconds(lambda: once(paths, "whole", "fresh"))
once(paths[: len(paths) * 99 // 100], "most", "grown")
print(json.dumps([taken, peaks, seconds(lambda: once(paths, "all", "grown")) / whole]))
"""


def run(
    code: str, folder: Path, out: Path, options: argparse.Namespace, share: tuple[int, int]
) -> subprocess.Popen[str]:
    """Start one process on every `share[1]`-th photo from `share[0]` on."""
    arguments = [folder, out, options.copies, options.workers, *share]
    return subprocess.Popen(
        [sys.executable, "-c", COMMON + code, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | ONE_THREAD | {"NO_ALBUMENTATIONS_UPDATE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def last_line(process: subprocess.Popen[str]) -> str:
    """What a process printed last; its error ends the benchmark."""
    said, error = process.communicate()
    if process.returncode:
        raise SystemExit(error)
    return said.splitlines()[-1]


def loop_seconds(code: str, folder: Path, out: Path, options: argparse.Namespace) -> float:
    """The slowest of as many processes as workers, which share the photos."""
    started = [run(code + LOOP, folder, out, options, (n, options.workers)) for n in range(options.workers)]
    return max(float(json.loads(last_line(process))) for process in started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1500, help="photos in the set")
    parser.add_argument("--copies", type=int, default=2, help="new images of each")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--repeats", type=int, default=3, help="the best of so many runs counts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="equipoise-benchmark-") as name:
        folder = Path(name, "photos")
        folder.mkdir()
        make_photos(folder, options.images)
        best: dict[str, float] = {}
        for turn in range(options.repeats):
            out = Path(name, f"out{turn}")
            seconds = {what: loop_seconds(code, folder, out, options) for what, code in LOOPS.items()}
            seconds["equipoise"], peaks, grown = json.loads(last_line(run(MAKE, folder, out, options, (0, 1))))
            best = {what: min(taken, best.get(what, taken)) for what, taken in seconds.items()}
        made = options.images * options.copies
        print(f"{made:,} new images of {WIDTH} x {HEIGHT} in {options.workers} processes; images a second:")
        for what, taken in best.items():
            print(f"  {what:<10} {made / taken:7,.0f}   {best['bare'] / taken:5.2f} of bare")
        print(f"Peak memory of the calling process: {peaks[0]:.0f} MB after 200 photos, {peaks[1]:.0f} MB after all")
        print(f"Again with 1 % more photos: {grown:.3f} of the time from the start")


if __name__ == "__main__":
    main()
