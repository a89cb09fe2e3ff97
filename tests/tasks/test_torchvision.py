"""A torchvision whose compiled operators are missing can be imported after all; no other error is hidden."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ASKS = """
import torch

@torch.library.register_fake("torchvision::nms")
def nms(dets, scores, iou_threshold):
    return scores

@torch.library.register_fake("torchvision::qnms")
def qnms(dets, scores, iou_threshold):
    return scores
"""
USE = "from tasks.torchvision import mend_torchvision as mend; mend(); import torchvision; print(torchvision.part.here)"


def imported(folder: Path, asks: str) -> subprocess.CompletedProcess[str]:
    """A process that meets a package of that name, which asks for operators as the real one does."""
    package = folder / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text("from . import part\nfrom . import asks\n")
    (package / "part.py").write_text("here = 'it is here'\n")
    (package / "asks.py").write_text(asks)
    path = os.pathsep.join([str(folder), str(Path(__file__).parents[2])])
    return subprocess.run(
        [sys.executable, "-c", USE], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )


def test_missing_operators_are_declared(tmp_path: Path) -> None:
    done = imported(tmp_path, ASKS)
    assert done.stdout == "it is here\n", done.stderr


@pytest.mark.parametrize(
    "asks", ["", "import torch\ntorch.library.define('torchvision::nms', '(Tensor a) -> Tensor')\n"]
)
def test_one_that_works_is_left_alone(tmp_path: Path, asks: str) -> None:
    done = imported(tmp_path, asks)
    assert done.stdout == "it is here\n", done.stderr


def test_another_error_stays_what_it_is(tmp_path: Path) -> None:
    assert "RuntimeError: out of luck" in imported(tmp_path, "raise RuntimeError('out of luck')\n").stderr
