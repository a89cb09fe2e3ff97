"""Makes `project.tar.xz`: a project with the releases v1 and v2, made by the code of commit `COMMIT`.

    python tests/flows/releases/previous/make.py

That commit's own files run, in a temporary folder, with the libraries of this interpreter. The archive holds the git
repository (without index, hooks and logs) and DVC's cache: `git reset --hard` brings the files that git keeps, the code
not among them. The same libraries give the same archive.

Version v2 has one image more than v1, another one relabelled, and another seed.
"""

from __future__ import annotations

import io
import lzma
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from ruamel.yaml import YAML

COMMIT = "a715cc2"
REPOSITORY = Path(__file__).parents[4]
ARCHIVE = Path(__file__).with_name("project.tar.xz")
CODE = ("dvc.yaml", "params.yaml", ".dvc", ".dvcignore", ".gitignore", "data", "flows", "tasks")
KEPT = ("dvc.yaml", "dvc.lock", "params.yaml", ".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", "data")
STORED = (".git/HEAD", ".git/config", ".git/objects", ".git/refs", ".dvc/cache/files")
RECIPE = "grown"
IMAGES = {"common": 10, "rare": 4}
TESTER = {"NAME": "Tester", "EMAIL": "tester@example.org"}


def main() -> None:
    """Make both releases and write the archive."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "project")
        root.mkdir()
        code = subprocess.run(["git", "archive", COMMIT, *CODE], cwd=REPOSITORY, capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(code)) as archive:
            archive.extractall(root, filter="data")
        run = Runner(root, Path(folder, "state"))
        run("git", "init", "--quiet", "--template=", "--initial-branch=main")
        number = 0
        for label, count in IMAGES.items():
            for name in range(count):
                draw(root / "data/raw" / label / f"{name}.png", number)
                number += 1
        set_parameters(root, seed=0)
        release(run, "v1", day=1)
        draw(root / "data/raw/rare/new.png", number)
        (root / "data/raw/common/3.png").rename(root / "data/raw/rare/moved.png")
        set_parameters(root, seed=1)
        release(run, "v2", day=2)
        ARCHIVE.write_bytes(pack(root))


class Runner:
    """Runs commands in the project, knowing nothing of who runs them, at a time of our choosing."""

    def __init__(self, root: Path, state: Path) -> None:
        self.root = root
        self.day = 1
        self.state = state

    def __call__(self, *command: str) -> None:
        """Run a command; `python` is this interpreter."""
        names = {f"GIT_{who}_{key}": value for who in ("AUTHOR", "COMMITTER") for key, value in TESTER.items()}
        dates = {f"GIT_{who}_DATE": f"2026-01-{self.day:02}T12:00:00+0000" for who in ("AUTHOR", "COMMITTER")}
        state = {"DVC_SITE_CACHE_DIR": str(self.state), "DVC_GLOBAL_CONFIG_DIR": str(self.state)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        quiet = {"DVC_NO_ANALYTICS": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        environment |= {**names, **dates, **state, **quiet, "PATH": path}
        command = (sys.executable, *command[1:]) if command[0] == "python" else command
        subprocess.run(command, cwd=self.root, env=environment, check=True)


def draw(path: Path, number: int) -> None:
    """A small picture, another one for each number."""
    pixels = np.random.default_rng(number).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def set_parameters(root: Path, seed: int) -> None:
    """Few images are enough, a recipe that makes all kinds of rows, and a seed."""
    path = root / "params.yaml"
    params: Any = YAML().load(path.read_text(encoding="utf-8"))
    params["ingest"]["min_images"] = 2
    params["embed"].update(image_size=32, batch_size=4)
    params["split"].update(folds=2, audit_images=2)
    params["balance"]["seed"] = seed
    params["recipes"][RECIPE] = {
        "resample": "oversample",
        "resample_to": {"factor": 2},
        "augment": "minority",
        "augment_to": "equal",
        "transforms": "industrial",
        "mix": "mixup",
        "mix_to": {"factor": 1.5},
        "synthetic": "none",
    }
    params["release"].update(description="Noise.", license="CC0-1.0", sources="A generator of random numbers.")
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(params, file)


def release(run: Runner, name: str, day: int) -> None:
    """Make the balanced sets, commit, and release one."""
    run.day = day
    run("python", "-m", "dvc", "add", "--quiet", "data/raw")
    run("python", "-m", "dvc", "repro", "--quiet", "balance@natural", f"balance@{RECIPE}")
    run("git", "add", *KEPT)
    run("git", "commit", "--quiet", "--message", f"The data of {name}")
    run("python", "-m", "flows.cli", "release", name, "--recipe", RECIPE)


def pack(root: Path) -> bytes:
    """What is `STORED` as an archive: sorted, without times, owners and modes of this machine."""
    files = sorted(file for name in STORED for file in walk(root / name))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for file in files:
            entry = tarfile.TarInfo(file.relative_to(root).as_posix())
            entry.size, entry.mode = file.stat().st_size, 0o644
            archive.addfile(entry, io.BytesIO(file.read_bytes()))
    return lzma.compress(buffer.getvalue(), preset=9)


def walk(path: Path) -> list[Path]:
    """The file, or all files below the folder."""
    return [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]


if __name__ == "__main__":
    main()
