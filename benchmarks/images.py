"""Images a CPU-second: ``python benchmarks/images.py [--images 500] [--cleanvision PYTHON]``.

Makes a set of photo-like JPEGs, the same for the same seed, and prints how many of them one core gets through in a
second of CPU time (user and system, of the process and its children; without imports):

- bare decoding: the file read, and decoded to RGB by simplejpeg,
- `ingest`: a file hashed, decoded, fingerprinted and its sharpness measured,
- `explore`: a file decoded and measured for all questions,
- CleanVision as it comes, single images and duplicates, in an interpreter that has it
  (``pip install -e '.[benchmark]'``), and without duplicates, which here are `ingest`'s and `group`'s work.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WIDTH, HEIGHT = 500, 375
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

CLOCK = """
import json, resource, sys
from pathlib import Path
def cpu():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
folder = Path(sys.argv[1])
paths = sorted(folder.glob("*.jpg"))
def report(before):
    print(json.dumps(cpu() - before))
"""
# Each is run on a few images first, so that what is loaded at the first call doesn't count.
DECODE = """
import simplejpeg
def work(paths):
    for path in paths:
        simplejpeg.decode_jpeg(path.read_bytes(), "RGB")
"""
INGEST = """
from tasks.ingest.examine import examine
def work(paths):
    examined = [examine(folder, path.name, 100_000_000) for path in paths]
    assert all(one.facts for one in examined)
"""
EXPLORE = """
from tasks.explore.measure import measure_files
from tasks.explore.picture import Source
def work(paths):
    measure_files([Source(path, "JPEG", "RGB", WIDTH, HEIGHT, 1, 8) for path in paths])
"""
CLEANVISION = """
import contextlib, io
from cleanvision import Imagelab
def work(paths):
    with contextlib.redirect_stdout(io.StringIO()):
        Imagelab(filepaths=[str(path) for path in paths]).find_issues(ISSUES, n_jobs=1, verbose=False)
"""
ALL = "ISSUES = None\n"
SINGLE = """
single = ("dark", "light", "low_information", "odd_aspect_ratio", "odd_size", "blurry", "grayscale")
ISSUES = {name: {} for name in single}
"""
RUN = """
work(paths[:8])
before = cpu()
work(paths)
report(before)
"""


def make_photos(folder: Path, number: int, seed: int = 0) -> None:
    """Write JPEGs of quality 90 that look like photos to a codec: smooth shading, shapes of all sizes, fine grain."""
    import cv2
    import numpy as np
    import simplejpeg

    for index in range(number):
        generator = np.random.default_rng([seed, index])
        photo = np.zeros((HEIGHT, WIDTH, 3), dtype=np.float32)
        for octave in range(1, 8):
            side = 2**octave
            shapes = generator.normal(size=(3 * side // 4 + 1, side, 3)).astype(np.float32)
            photo += cv2.resize(shapes, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) / side**0.9
        photo = 120 + 50 * (photo - photo.mean()) / photo.std() + generator.normal(0, 3, photo.shape)
        data = simplejpeg.encode_jpeg(photo.clip(0, 255).astype(np.uint8), 90, colorsubsampling="420")
        (folder / f"{index:05}.jpg").write_bytes(data)


def cpu_seconds(python: str, code: str, folder: Path) -> float | None:
    """CPU seconds that `code` takes for the photos in `folder`; None where it can't be imported."""
    script = f"{CLOCK}\nWIDTH, HEIGHT = {WIDTH}, {HEIGHT}\n{code}\n{RUN}"
    done = subprocess.run(
        [python, "-c", script, str(folder)],
        cwd=ROOT,
        env=os.environ | ONE_THREAD,
        capture_output=True,
        text=True,
        check=False,
    )
    if "ModuleNotFoundError: No module named 'cleanvision'" in done.stderr:
        return None
    if done.returncode:
        raise SystemExit(done.stderr)
    return float(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=500, help="photos in the set")
    parser.add_argument("--repeats", type=int, default=3, help="the best of so many runs counts")
    parser.add_argument("--cleanvision", default=sys.executable, metavar="PYTHON", help="interpreter that has it")
    options = parser.parse_args()
    works = {
        "bare decoding": (sys.executable, DECODE),
        "ingest": (sys.executable, INGEST),
        "explore": (sys.executable, EXPLORE),
        "CleanVision": (options.cleanvision, ALL + CLEANVISION),
        "its single-image checks": (options.cleanvision, SINGLE + CLEANVISION),
    }
    with tempfile.TemporaryDirectory(prefix="equipoise-benchmark-") as name:
        folder = Path(name)
        make_photos(folder, options.images)
        size = sum(path.stat().st_size for path in folder.iterdir()) / options.images
        print(f"{options.images} JPEGs of {WIDTH} x {HEIGHT}, {size / 1000:.0f} kB each; images a CPU-second:")
        rates = {}
        for what, (python, code) in works.items():
            taken = [cpu_seconds(python, code, folder) for _ in range(options.repeats)]
            seconds = [one for one in taken if one is not None]
            if not seconds:
                print(f"  {what:<24} not installed in {python}: pip install -e '.[benchmark]', or name another")
                continue
            rates[what] = options.images / min(seconds)
            print(f"  {what:<24} {rates[what]:7,.0f}")
    if "CleanVision" in rates:
        for what in ("ingest", "explore"):
            print(f"{what} / CleanVision: {rates[what] / rates['CleanVision']:.1f}")


if __name__ == "__main__":
    main()
