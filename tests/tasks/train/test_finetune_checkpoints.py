"""A fit of the family finetune that was killed goes on, and ends as if it had not been."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_fits import KILLED, KILLED_WITH, TINY, fit_of, fitted, saved
from safetensors import safe_open

from tasks.train.families.finetune import Finetune
from tasks.train.finetuning.checkpoints import FILE, facts
from tasks.train.finetuning.training import Training
from tasks.train.mixing.mixup import Mixup

HERE = Path(__file__).parent


def run_steps(settings: Finetune, folder: Path, steps: int) -> None:
    """Begin a fit and leave it after some steps, as a killed one does."""
    for number, _ in enumerate(Training(settings, fit_of(folder=folder)).run(), start=1):
        if number == steps:
            return


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_fit_that_goes_on_ends_with_the_same_bytes(tmp_path: Path, optimiser: str, ema: float) -> None:
    settings = {"optimiser": optimiser, "ema": ema, "augment": {"colour": 0.1}}
    fit = fit_of(mixing=Mixup())
    expected = saved(fitted(fit, **settings), tmp_path / "expected")
    for steps in (1, 4, 5, 13):  # of 4 an epoch
        folder = tmp_path / f"after-{steps}"
        begun = Training(Finetune(**TINY | settings), replace(fit_of(mixing=Mixup()), folder=folder))
        for number, _ in enumerate(begun.run(), start=1):
            if number == steps + 1:
                break
        assert int(facts(folder).get("epoch", 0)) == steps // 4
        again = replace(fit_of(mixing=Mixup()), folder=folder)
        assert saved(fitted(again, **settings), tmp_path / f"end-{steps}") == expected
        assert again.log.losses == fit.log.losses


def test_a_fit_that_was_done_is_not_made_again(tmp_path: Path) -> None:
    first = saved(fitted(fit_of(folder=tmp_path / "fit")), tmp_path / "first")
    training = Training(Finetune(**TINY), fit_of(folder=tmp_path / "fit"))
    assert list(training.run()) == []
    assert len(training.fit.log.losses) == TINY["epochs"]
    assert saved(fitted(fit_of(folder=tmp_path / "fit")), tmp_path / "again") == first


@pytest.mark.parametrize(
    "other",
    [
        lambda folder: (Finetune(**TINY | {"learning_rate": 0.04}), fit_of(folder=folder)),
        lambda folder: (Finetune(**TINY), fit_of(folder=folder, seed=1)),
        lambda folder: (Finetune(**TINY), fit_of((29, 20, 10), folder=folder)),
        lambda folder: (Finetune(**TINY), fit_of(folder=folder, first=1)),
        lambda folder: (Finetune(**TINY), fit_of(folder=folder, mixing=Mixup())),
    ],
    ids=["settings", "seed", "fewer rows", "other pixels", "component"],
)
def test_a_checkpoint_of_another_fit_is_not_taken(tmp_path: Path, other: Any) -> None:
    run_steps(Finetune(**TINY), tmp_path / "fit", 9)
    assert facts(tmp_path / "fit")["epoch"] == "2"
    settings, fit = other(tmp_path / "fit")
    training = Training(settings, fit)
    list(training.run())
    assert len(fit.log.losses) == TINY["epochs"]
    fresh = Training(settings, replace(fit, folder=None, log=type(fit.log)()))
    list(fresh.run())
    assert fresh.fit.log.losses == fit.log.losses


def test_a_damaged_checkpoint_is_not_taken(tmp_path: Path) -> None:
    run_steps(Finetune(**TINY), tmp_path / "fit", 9)
    file = tmp_path / "fit" / FILE
    whole = file.read_bytes()
    flipped = whole[:-100] + bytes([whole[-100] ^ 0x40]) + whole[-99:]
    for content in (b"", b"not at all", whole[:-100], flipped):
        file.write_bytes(content)
        assert len(list(Training(Finetune(**TINY), fit_of(folder=tmp_path / "fit")).run())) == 4 * TINY["epochs"]


def test_a_training_that_runs_away_ends_at_once_and_is_not_kept(tmp_path: Path) -> None:
    wild = {"learning_rate": 10.0, "weight_decay": 10.0, "warm_up": 0.0, "epochs": 1000}
    fit = fit_of(folder=tmp_path / "fit")
    scores = fitted(fit, **wild).predict(fit.inputs)
    assert len(fit.log.losses) < 50
    assert [math.isfinite(loss) for loss in fit.log.losses].index(False) == len(fit.log.losses) - 1
    assert int(facts(tmp_path / "fit").get("epoch", 0)) < len(fit.log.losses)
    assert not np.isfinite(scores.values).all()


def test_a_checkpoint_holds_no_pickle(tmp_path: Path) -> None:
    fitted(fit_of(folder=tmp_path / "fit"), epochs=1)
    [file] = (tmp_path / "fit").iterdir()
    with safe_open(file, framework="np") as opened:
        assert opened.metadata()["epoch"] == "1"
    assert b"\x80\x04\x95" not in file.read_bytes()[:16]


def begin(folder: Path, out: Path) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(HERE.parents[2]), str(HERE)])
    command = [sys.executable, str(HERE / "image_fits.py"), str(folder), str(out)]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.DEVNULL)


@pytest.mark.slow
def test_a_process_that_is_killed_twice_ends_with_the_same_bytes(tmp_path: Path) -> None:
    """SIGKILL at whatever it is doing when the second, and when the tenth checkpoint stands there.

    Between them its schedule turns.
    """
    folder, out = tmp_path / "fit", tmp_path / "out"
    for epochs in (2, 10):
        process = begin(folder, out)
        while int(facts(folder).get("epoch", 0)) < epochs:
            assert process.poll() is None, "it has ended by itself"
            time.sleep(0.002)
        process.kill()
        process.wait()
        assert int(facts(folder)["epoch"]) < KILLED["epochs"]
        assert not out.exists()
    assert begin(folder, out).wait() == 0
    assert out.read_bytes() == saved(fitted(fit_of(**KILLED_WITH), KILLED), tmp_path / "expected")
