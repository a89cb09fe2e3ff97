"""A model of the hub is downloaded once, from a server that answers as the hub does: what is read, and nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from model_folders import of_transformers
from pipeline_folders import of_stable_diffusion

COMMIT = "ab" * 20
ASK = """
import sys, tasks.__main__ as stages
stages.settle_environment()
from tasks.errors import InputError
from tasks.features.backbones.transformers import TransformersBackbone
try:
    made = TransformersBackbone(hub="someone/tiny", revision=sys.argv[1], image_size=32)
    print(made.dimensions, sorted(file.name for file in made.place().iterdir()))
except InputError as error:
    print("refused:", error)
"""


ASK_FOR_PIPELINE = """
import sys, tasks.__main__ as stages
stages.settle_environment()
import numpy as np
from tasks.synthesize.generators import Examples, Wanted
from tasks.synthesize.generators.image_to_image import ImageToImage
made = ImageToImage(hub="someone/tiny", revision=sys.argv[1], image_size=32, sampling_steps=2)
pixels = np.zeros((1, 32, 32, 3), np.uint8)
fitted = made.fit(Examples(0, pixels, np.zeros(1, np.int64), ["a"], ["one"]), 0)
print(next(fitted.sample([Wanted(0, 1)])).parents, fitted.digest == made.digest_of(made.place()))
print(sorted(str(file.relative_to(made.place())) for file in made.place().rglob("*") if file.is_file()))
"""


class Hub(BaseHTTPRequestHandler):
    """Serves the files of one folder at one commit."""

    folder: ClassVar[Path]
    asked: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        path = self.path.partition("?")[0]
        self.asked.append(path)
        found = (file for file in self.folder.rglob("*") if file.is_file())
        files = {file.relative_to(self.folder).as_posix(): file for file in found}
        name = path.removeprefix(f"/someone/tiny/resolve/{COMMIT}/")
        if path.startswith(f"/api/models/someone/tiny/tree/{COMMIT}"):
            tree = [
                {
                    "type": "file",
                    "path": one,
                    "size": file.stat().st_size,
                    "oid": hashlib.sha1(one.encode()).hexdigest(),
                }
                for one, file in files.items()
            ]
            self.send(json.dumps(tree).encode(), "tree")
        elif path == f"/api/models/someone/tiny/revision/{COMMIT}":
            siblings = [{"rfilename": one} for one in files]
            facts = {"id": "someone/tiny", "sha": COMMIT, "siblings": siblings, "private": False}
            self.send(json.dumps(facts).encode(), "facts")
        elif path.startswith(f"/someone/tiny/resolve/{COMMIT}/") and name in files:
            self.send(files[name].read_bytes(), name)
        else:
            self.send_error(404)

    def send(self, content: bytes, name: str) -> None:
        self.send_response(200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(name.encode()).hexdigest()[:40]}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    Hub.folder = of_transformers(tmp_path / "tiny", "ViT")
    (Hub.folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (Hub.folder / "modeling.py").write_text("raise SystemExit")
    Hub.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def asked(hub: str, home: Path, commit: str = COMMIT, ask: str = ASK, **more: str) -> str:
    """What a stage's process says when it looks for the model."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    own = {"HF_ENDPOINT": hub, "HF_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", ask, commit], env=kept | own | more, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_read_is_downloaded_once_and_nothing_else(hub: str, tmp_path: Path) -> None:
    expected = "16 ['config.json', 'model.safetensors', 'preprocessor_config.json']\n"
    assert "HF_HUB_OFFLINE forbids to download it" in asked(hub, tmp_path / "home", HF_HUB_OFFLINE="1")
    assert Hub.asked == []
    assert asked(hub, tmp_path / "home") == expected
    assert not any(path.endswith((".bin", ".py")) for path in Hub.asked)
    Hub.asked.clear()
    assert asked(hub, tmp_path / "home") == expected
    assert Hub.asked == []


def test_a_commit_that_the_hub_does_not_know_is_told(hub: str, tmp_path: Path) -> None:
    told = asked(hub, tmp_path / "home", "cd" * 20)
    assert told.startswith("refused: hub: someone/tiny at cdcdcdcdcd could not be fetched")


def test_of_a_pipeline_no_other_weights_are_downloaded(hub: str, tmp_path: Path) -> None:
    folder = of_stable_diffusion(tmp_path / "pipeline")
    wanted = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    (folder / "safety_checker").mkdir()
    for name in (
        "unet/diffusion_pytorch_model.bin",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "unet/my_unet.py",
        "safety_checker/model.safetensors",
        "safety_checker/config.json",
        "v1-5-pruned.safetensors",
        "v1-5-pruned.ckpt",
    ):
        (folder / name).write_bytes(b"not to be fetched")
    Hub.folder = folder
    said = asked(hub, tmp_path / "home", ask=ASK_FOR_PIPELINE)
    assert said == f"('one',) True\n{wanted}\n"
