"""A small DVC project with the paths and tables of the real one, whose stages copy what was prepared for a version.

The version is `balance.seed` of params.yaml: 0, 1 and 2 differ in images, labels, parts and new images.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from ruamel.yaml import YAML

from tasks.files import write_json
from tasks.tables import BALANCED, CATALOG, FLAGS, REJECTED, SPLITS

GRAPH = """
stages:
  ingest:
    cmd: cp -r prepared/${balance.seed}/catalog data/catalog
    deps: [data/raw]
    outs: [data/catalog]
  split:
    cmd: cp -r prepared/${balance.seed}/splits data/splits
    deps: [data/catalog, data/frozen.csv, tasks/split.py]
    outs: [data/splits]
  explore:
    cmd: mkdir -p reports && cp -r prepared/${balance.seed}/explore reports/explore
    deps: [data/catalog]
    outs: [reports/explore]
  balance:
    foreach: ${recipes}
    do:
      cmd: mkdir -p data/balanced && cp -r prepared/${balance.seed}/balanced/${key} data/balanced/${key}
      params: [balance, 'recipes.${key}']
      deps: [data/raw, data/catalog, data/splits]
      outs: ['data/balanced/${key}']
  train:
    cmd: mkdir -p models && cp -r prepared/${balance.seed}/model models/plain
    deps: [data/balanced/natural]
    outs: [models/plain]
"""
IGNORED = """
/data/raw
/data/catalog
/data/splits
/data/balanced
/reports
/models
/prepared
/.equipoise
"""
RECIPES = ("natural", "layered", "more")  # the last is in params.yaml from version 1 on


@dataclass(frozen=True)
class Photo:
    """An image of the toy: where it lies, what it shows, where the split has it."""

    path: str
    label: str
    part: str
    fold: int | None
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def image_id(self) -> str:
        return self.sha256[:16]


def picture(number: int, kind: str = "PNG", **options: Any) -> bytes:
    """A small picture, another one for each number."""
    pixels = np.random.default_rng(number).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def gps_exif(turned: int = 1) -> Image.Exif:
    """EXIF as a telephone writes it: where, when, with what."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x0132] = turned, "SecretMaker", "2026:01:02 03:04:05"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    return exif


def photos(version: int) -> list[Photo]:
    """The images of a version: two classes, one with a name that no folder can have."""
    rows = (
        [Photo(f"cat/{n}.png", "cat", "train", n % 2, picture(n)) for n in range(6)]
        + [
            Photo(f"dogs/nested/{n}.jpg", "Dog / Ünï", "train", n % 2, picture(10 + n, "JPEG", exif=gps_exif(6)))
            for n in range(2)
        ]
        + [
            Photo("cat/test.png", "cat", "test", None, picture(20)),
            Photo("dogs/test.PNG", "Dog / Ünï", "test", None, picture(21)),
            Photo("cat/audit.png", "cat", "audit", None, picture(22)),
            Photo("cat/left out.png", "cat", "excluded", None, picture(23)),
        ]
    )
    if version >= 1:  # one image added, one removed, one replaced, one relabelled, one renamed, one moved
        rows = [row for row in rows if row.path != "cat/0.png"]
        rows += [Photo("cat/new.png", "cat", "train", 0, picture(30))]
        changed = {
            "cat/1.png": {"content": picture(31)},
            "cat/2.png": {"label": "Dog / Ünï"},
            "cat/3.png": {"path": "cat/three.png"},
            "cat/test.png": {"part": "train", "fold": 1},
        }
        rows = [Photo(**{**vars(row), **changed.get(row.path, {})}) for row in rows]
    if version >= 2:
        rows += [Photo("cat/newest.png", "cat", "train", 1, picture(40))]
    return rows


def catalog_of(images: list[Photo]) -> pd.DataFrame:
    rows = []
    for image in images:
        with Image.open(io.BytesIO(image.content)) as opened:
            size, mode, kind = opened.size, opened.mode, opened.format
        rows.append(
            {
                "image_id": image.image_id,
                "path": image.path,
                "paths": [image.path],
                "label": image.label,
                "width": size[0],
                "height": size[1],
                "mode": mode,
                "depth": 8,
                "format": kind,
                "frames": 1,
                "bytes": len(image.content),
                "sha256": image.sha256,
                "pixels": image.image_id,
                "phash": ["0" * 16] * 8,
                "orientation": 1,
                "sharpness": 1.0,
                "latitude": 52.52 if b"SecretMaker" in image.content else None,
            }
        )
    return pd.DataFrame(rows, columns=CATALOG.schema.names).sort_values("image_id", ignore_index=True)


def splits_of(images: list[Photo]) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "image_id": [image.image_id for image in images],
            "group": [image.image_id for image in images],
            "label": [image.label for image in images],
            "part": [image.part for image in images],
            "repeat": 0,
            "fold": pd.array([image.fold for image in images], dtype="Int16"),
        }
    )
    return frame.sort_values("image_id", ignore_index=True)


def row(image: Photo, suffix: str = "", origin: str = "original", **more: Any) -> dict[str, Any]:
    values = {
        "row_id": image.image_id + suffix,
        "label": image.label,
        "origin": origin,
        "parents": [image.image_id],
        "operation": origin,
        "parameters": "{}",
        "fold": image.fold,
    }
    return values | more


def balanced_of(images: list[Photo], version: int, folder: Path, recipe: str) -> None:
    """Write a balanced set: `natural` has the originals; `layered` copies, augments, mixes and has synthetic rows."""
    training = sorted((image for image in images if image.part == "train"), key=lambda image: image.image_id)
    rows = [row(image) for image in training]
    folder.mkdir(parents=True)
    if recipe == "layered":
        dogs = [image for image in training if image.label != "cat"]
        cats = [image for image in training if image.label == "cat"]
        dog, cat = dogs[0], next(image for image in cats if image.fold == dogs[0].fold)

        def new(suffix: str, origin: str, number: int, **more: Any) -> None:
            file = f"images/dogs/{dog.image_id}{suffix}.jpg"
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(picture(number, "JPEG"))
            rows.append(row(dog, suffix, origin, file=file, **more))

        rows.append(row(dog, "-c1", "copy", parameters='{"copy": 1}'))
        new("-a1", "augmented", 100 + version, operation="industrial")
        new("-a2", "augmented", 110)
        if version >= 1:
            new("-a3", "augmented", 111)
        both = [dog.image_id, cat.image_id]
        new("-m1", "mixed", 120, operation="mixup", parents=both, second_label="cat", second_share=0.25)
        new("-s1", "synthetic", 130, fitted_on=[dog.image_id])
    table = pd.DataFrame(rows, columns=BALANCED.schema.names).astype({"fitted_on": object, "parents": object})
    BALANCED.write(
        table.assign(fitted_on=[one if isinstance(one, list) else None for one in table["fitted_on"]]),
        folder / "balanced.parquet",
    )


def prepare(root: Path, version: int) -> None:
    """What the stages will copy in this version."""
    images, place = photos(version), root / "prepared" / str(version)
    for folder in ("catalog", "splits", "explore", "model"):
        (place / folder).mkdir(parents=True)
    CATALOG.write(catalog_of(images), place / "catalog/catalog.parquet")
    REJECTED.write(REJECTED.empty(), place / "catalog/rejected.parquet")
    SPLITS.write(splits_of(images), place / "splits/splits.parquet")
    flags = pd.DataFrame({"image_id": [images[0].image_id], "flag": ["dark"], "score": [1.0]})
    FLAGS.write(flags, place / "explore/flags.parquet")
    write_json(place / "explore/explore.json", {"flags": {"dark": 1, "blurry": 0}})
    (place / "model/weights").write_text(f"weights of version {version}")
    for recipe in RECIPES:
        balanced_of(images, version, place / "balanced" / recipe, recipe)


class Project:
    """Handles for the toy."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.root, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    @contextmanager
    def repo(self) -> Iterator[Any]:
        from dvc.repo import Repo

        with Repo(str(self.root)) as repo:
            yield repo

    def set(self, **values: Any) -> None:
        """Set parameters by ``section__key=value``."""
        path = self.root / "params.yaml"
        params = YAML().load(path.read_text())
        for name, value in values.items():
            section, key = name.split("__")
            params[section][key] = value
        with path.open("w") as file:
            YAML().dump(params, file)

    def run(self) -> None:
        """Bring all stages up to date; without targets DVC looks in the current folder."""
        with chdir(self.root), self.repo() as repo:
            repo.reproduce()

    def become(self, version: int, commit: bool = True) -> None:
        """Run the pipeline of a version."""
        raw = self.root / "data/raw"
        shutil.rmtree(raw, ignore_errors=True)
        for image in photos(version):
            (raw / image.path).parent.mkdir(parents=True, exist_ok=True)
            (raw / image.path).write_bytes(image.content)
        self.set(balance__seed=version)
        if version:
            blank = {kind: {"name": "none"} for kind in ("resample", "augment", "preset", "mixed")}
            self.set(recipes__more=blank | {"synthetic": {"generator": "none"}})
        with self.repo() as repo:
            repo.scm_context.quiet = True
            repo.add(str(raw))
        self.run()
        if commit:
            self.git("add", "-A")
            self.git("commit", "-q", "-m", f"version {version}")

    def add_remote(self, where: Path) -> Path:
        where.mkdir(parents=True)
        config = self.root / ".dvc/config"
        config.write_text(f"[core]\n    remote = store\n['remote \"store\"']\n    url = {where}\n")
        return where

    def contents(self, *folders: str) -> dict[str, bytes]:
        """All files of the data and those that name their version, or all files below `folders`."""
        naming = [] if folders else ["dvc.lock", "dvc.yaml", "params.yaml"]
        folders = folders or ("data", "models", "reports")
        return {name: (self.root / name).read_bytes() for name in naming} | {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for folder in folders
            for path in sorted((self.root / folder).rglob("*"))
            if path.is_file() and "data/releases" not in path.as_posix()
        }

    def objects(self) -> set[str]:
        """The md5 of everything in DVC's cache."""
        cache = self.root / ".dvc/cache/files/md5"
        return {path.parent.name + path.name for path in cache.rglob("*") if path.is_file()}

    def clone(self, where: Path) -> Project:
        subprocess.run(["git", "clone", "-q", str(self.root), str(where)], check=True)
        for name in ("prepared", ".dvc/config"):
            source = self.root / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, where / name)
        return Project(where)


@pytest.fixture(scope="session")
def prototype(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """The toy at version 0, committed; tests work on copies."""
    from dvc.repo import Repo

    root = tmp_path_factory.mktemp("releases") / "project"
    (root / "data").mkdir(parents=True)
    (root / "tasks").mkdir()
    (root / "dvc.yaml").write_text(GRAPH)
    (root / ".gitignore").write_text(IGNORED)
    (root / "data/frozen.csv").write_text("image_id,part,repeat,fold\n")
    (root / "tasks/split.py").write_text("# decides nothing\n")
    params = YAML().load((repository / "params.yaml").read_text())
    natural = params["recipes"]["natural"]
    params["recipes"] = {"natural": natural, "layered": dict(natural)}
    for strategy in params["strategies"].values():
        strategy["recipe"] = "natural"
    params["release"].update(description="Toy.", license="CC0", sources="A generator | of tests")
    with (root / "params.yaml").open("w") as file:
        YAML().dump(params, file)
    for version in range(3):
        prepare(root, version)
    project = Project(root)
    project.git("init", "-q", "-b", "main")
    Repo.init(str(root)).close()
    project.become(0)
    return root


@pytest.fixture
def project(prototype: Path, tmp_path: Path) -> Project:
    root = tmp_path / "project"
    shutil.copytree(prototype, root)
    return Project(root)


@pytest.fixture(scope="session")
def prototype_of_two(
    prototype: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[int, dict[str, bytes]]]:
    """Releases v1 and v2 with an unreleased version between them, and the data of each of the three."""
    from flows.releases.releasing import release

    root = tmp_path_factory.mktemp("two") / "project"
    shutil.copytree(prototype, root)
    project = Project(root)
    release(root, "v1", "layered")
    data = {0: project.contents()}
    project.become(1)
    data[1] = project.contents()
    project.become(2)
    release(root, "v2", "layered")
    data[2] = project.contents()
    return root, data


@pytest.fixture
def two(prototype_of_two: tuple[Path, dict[int, dict[str, bytes]]], project: Project) -> dict[int, dict[str, bytes]]:
    """Makes the project one with releases v1 and v2; gives the data and naming files of versions 0, 1 and 2."""
    root, data = prototype_of_two
    shutil.rmtree(project.root)
    shutil.copytree(root, project.root)
    return data


@pytest.fixture
def previous(tmp_path: Path) -> Project:
    """A project with releases of earlier code, see previous/make.py: git's files as last committed, no data yet."""
    root = tmp_path / "previous"
    shutil.unpack_archive(Path(__file__).parent / "previous" / "project.tar.xz", root)  # Python 3.11.2 has no filters
    project = Project(root)
    project.git("reset", "--quiet", "--hard")
    return project


@pytest.fixture
def equipoise(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Run a command in the project, in this process; gives the exit code and what was printed."""
    from flows.cli import main

    def run(*arguments: str, root: Path | None = None) -> tuple[int, str]:
        monkeypatch.chdir(root or project.root)
        monkeypatch.setattr("sys.argv", ["equipoise", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out + printed.err

    return run
