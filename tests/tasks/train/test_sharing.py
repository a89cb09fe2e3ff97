"""A training shared out to several processes: the gradients of whole batches, the same bits again, one that writes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from image_fits import TINY
from numpy.testing import assert_array_equal
from ruamel.yaml import YAML
from safetensors.torch import load_file
from test_finetune_stage import workspace  # noqa: F401 (a fixture)

from tasks.errors import InputError
from tasks.tables import PREDICTIONS
from tasks.train.epochs import epochs_file, read_epochs
from tasks.train.families.finetune import Finetune
from tasks.train.finetuning.sharing import Sharing
from tasks.train.finetuning.training import Training
from tasks.workspace import STATE, Workspace

REPOSITORY = Path(__file__).parents[3]


def trained(workspace: Workspace, **settings: Any) -> tuple[dict[str, torch.Tensor], pd.DataFrame]:  # noqa: F811
    """The first network and the predictions that the stage's own process leaves with these settings."""
    yaml = YAML(typ="safe", pure=True)
    params = yaml.load((workspace.root / "params.yaml").read_text())
    params["strategies"]["tuned"]["family"] |= settings
    params["train"]["seeds"] = 1
    yaml.dump(params, workspace.root / "params.yaml")
    command = [sys.executable, "-m", "tasks", "train", "tuned"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, cwd=workspace.root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("fitted one seed") == 3
    assert not (workspace.root / STATE / "checkpoints" / "tuned").exists()
    state = load_file(workspace.root / "models" / "tuned" / "seeds" / "0" / "network.safetensors")
    return state, PREDICTIONS.read(workspace.root / "predictions" / "tuned" / PREDICTIONS.file)


@pytest.mark.slow
def test_two_processes_do_what_one_does_and_again_to_the_bit(workspace: Workspace) -> None:  # noqa: F811
    """In one step of small rate weights move along the gradient; batch norms, which see half a batch each, differ."""
    settings = {"epochs": 3, "learning_rate": 0.001}
    alone, _ = trained(workspace, **settings, processes=1)
    shared, predictions = trained(workspace, **settings, processes=2)
    again, others = trained(workspace, **settings, processes=2)
    assert all(torch.equal(value, again[name]) for name, value in shared.items())
    pd.testing.assert_frame_equal(predictions, others)
    assert any(not torch.equal(value, alone[name]) for name, value in shared.items())
    for name, value in shared.items():
        if name.endswith("weight"):
            assert torch.nn.functional.cosine_similarity(value.flatten(), alone[name].flatten(), dim=0) > 0.99, name


@pytest.mark.slow
def test_without_batch_norms_two_processes_learn_what_one_learns(workspace: Workspace, tmp_path: Path) -> None:  # noqa: F811
    from model_folders import made

    network = made(tmp_path / "vit", "ViT")
    settings = {"network": network, "image_size": 32, "epochs": 2, "optimiser": "adamw", "learning_rate": 0.001}
    alone, _ = trained(workspace, **settings, processes=1)
    shared, _ = trained(workspace, **settings, processes=3)
    for name, value in alone.items():
        torch.testing.assert_close(shared[name], value, rtol=1e-2, atol=1e-4)


@pytest.mark.slow
def test_where_one_process_is_ended_none_waits_for_it(workspace: Workspace) -> None:  # noqa: F811
    yaml = YAML(typ="safe", pure=True)
    params = yaml.load((workspace.root / "params.yaml").read_text())
    params["strategies"]["tuned"]["family"] |= {"processes": 3, "epochs": 10_000}
    yaml.dump(params, workspace.root / "params.yaml")
    command = [sys.executable, "-m", "tasks", "train", "tuned"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, cwd=workspace.root, env=environment, stderr=subprocess.PIPE, text=True) as first:
        while not read_epochs(epochs_file(workspace.root, "tuned"))[0]:
            assert first.poll() is None
            time.sleep(0.05)
        others = psutil.Process(first.pid).children()
        assert len(others) == 2
        others[1].kill()
        _, told = first.communicate(timeout=120)
    assert first.returncode == 1
    assert told.splitlines()[-1] == "error: a process of the training ended with code -9"
    assert "Traceback" not in told
    assert psutil.wait_procs(others, timeout=30)[1] == []
    assert not (workspace.root / "models" / "tuned").exists()


@pytest.mark.parametrize(("rows", "processes"), [(7, 1), (7, 2), (8, 3), (64, 5)])
def test_every_row_of_a_batch_is_one_processs(rows: int, processes: int) -> None:
    parts = [list(range(rows))[Sharing(rank, processes).part(rows)] for rank in range(processes)]
    assert_array_equal(np.concatenate(parts), range(rows))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_what_cannot_be_shared_out_or_is_not_there_is_refused() -> None:
    from image_fits import fit_of

    with pytest.raises(ValueError, match="processes: 9 can't share out batches of 16 rows; write a batch_size of 18"):
        Finetune(**TINY | {"processes": 9})
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(InputError, match="device: cuda, but torch finds no GPU here"):
        list(Training(Finetune(**TINY | {"device": "cuda"}), fit_of()).run())
