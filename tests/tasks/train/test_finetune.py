"""The family finetune: what it learns, and what stays as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from fits import each
from image_fits import COUNTS, TINY, Pictures, fit_of, fitted, inputs_of, picture, rows_of, saved
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from tasks.errors import InputError
from tasks.inputs import Inputs, StoredSource
from tasks.train.families.finetune import Finetune
from tasks.train.finetuning.training import Training
from tasks.train.samplers.class_balanced import ClassBalanced


def accuracy(made: Any, counts: tuple[int, ...] = COUNTS) -> float:
    """On pictures that it has not seen."""
    rows = rows_of(counts, first=1000)
    return float((made.predict(inputs_of(rows)).values.argmax(1) == rows.first).mean())


def test_it_learns_what_can_be_learnt_from_pictures() -> None:
    assert accuracy(fitted()) > 0.95


@pytest.mark.parametrize("classes", [2, 20])
def test_any_number_of_classes_and_classes_of_one_image(classes: int) -> None:
    counts = (6,) * (classes - 1) + (1,)
    made = fitted(fit_of(counts))
    scores = made.predict(inputs_of(rows_of(counts)))
    assert scores.values.shape == (sum(counts), classes)
    assert np.isfinite(scores.values).all()
    assert_allclose(made.prior, np.array(counts) / sum(counts))


@pytest.mark.parametrize("batch_size", [1, 7, 59, 1000])
def test_batches_of_any_size_and_what_is_left_over(batch_size: int) -> None:
    made = fitted(batch_size=batch_size, epochs=1, learning_rate=0.001)
    assert np.isfinite(made.predict(inputs_of(rows_of(COUNTS))).values).all()


def test_few_images_stand_in_memory_at_a_time_however_many_are_predicted() -> None:
    class Counting(Pictures):
        asked: ClassVar[list[int]] = []

        def images(self, ids: Sequence[str], size: int, resize: str) -> np.ndarray:
            self.asked.append(len(ids))
            return super().images(ids, size, resize)

    rows = rows_of((300, 260))
    made = fitted(epochs=1)
    scores = made.predict(Inputs(rows.ids, Counting())).values
    assert max(Counting.asked) <= 256
    assert sum(Counting.asked) == 560
    some = [3, 255, 256, 511, 559]
    assert_array_equal(scores[some], made.predict(Inputs([rows.ids[row] for row in some], Pictures())).values)


def test_no_step_is_of_a_row_or_two_that_were_left_over() -> None:
    sizes = list(Training(Finetune(**TINY | {"epochs": 1, "batch_size": 59}), fit_of()).run())
    assert sizes == [30, 30]


@each("losses", without=["none"])
def test_every_loss_trains_it(component: Any) -> None:
    assert accuracy(fitted(fit_of(loss=component))) > 0.6


@each("mixing")
def test_every_mixing_mixes_its_pictures(component: Any) -> None:
    made = fitted(fit_of(mixing=component), epochs=8)
    assert accuracy(made) > 0.6
    plain = fitted(epochs=8)
    differs = any(not torch.equal(value, plain.state[name]) for name, value in made.state.items())
    assert differs == (component.name != "none")


def test_the_prior_is_that_of_what_is_drawn() -> None:
    assert_allclose(fitted(fit_of(sampler=ClassBalanced()), epochs=1).prior, [1 / 3] * 3)


def test_rows_of_two_classes_count_for_both() -> None:
    fit = fit_of()
    half = replace(fit.rows, second=(fit.rows.first + 1) % 3, share=np.full(60, 0.75, np.float32))
    made = fitted(replace(fit, rows=half))
    assert_allclose(made.prior, (0.75 * np.array(COUNTS) + 0.25 * np.roll(COUNTS, 1)) / 60)
    assert accuracy(made) > 0.9


def test_what_is_seen_beside_an_image_changes_no_bit_of_its_scores() -> None:
    made, rows = fitted(epochs=2), rows_of((20, 3))
    whole = made.predict(inputs_of(rows)).values
    alone = [made.predict(inputs_of(rows).take([name])).values[0] for name in rows.ids]
    assert_array_equal(alone, whole)


def test_half_precision_trains_weights_of_full_precision() -> None:
    made = fitted(precision="bfloat16")
    assert {value.dtype for value in made.state.values()} == {torch.float32, torch.int64}
    assert accuracy(made) > 0.95
    assert not torch.equal(made.state["scores.2.weight"], fitted().state["scores.2.weight"])


def test_the_order_of_numbers_in_memory_changes_last_bits_only() -> None:
    settings = {"epochs": 1, "learning_rate": 0.005}
    one, other = (fitted(channels_last=last, **settings).predict(inputs_of(rows_of(COUNTS))) for last in (True, False))
    assert_allclose(one.values, other.values, rtol=1e-3, atol=1e-3)


def test_a_moving_average_of_the_weights_is_what_is_kept() -> None:
    """By hand: after step t, the average keeps min(decay, t / (9 + t)) of itself, and begins at the start."""
    settings = Finetune(**TINY | {"ema": 0.6, "epochs": 2})
    training = Training(settings, fit_of())
    average = training.whole.state_dict()["scores.2.bias"].clone()
    for number, _ in enumerate(training.run(), start=1):
        keep = min(0.6, number / (9 + number))
        average = keep * average + (1 - keep) * training.whole.state_dict()["scores.2.bias"]
    assert_allclose(training.state["scores.2.bias"].numpy(), average.numpy(), rtol=1e-5, atol=1e-7)
    assert not torch.equal(training.state["scores.2.bias"], training.whole.state_dict()["scores.2.bias"])


def test_progress_and_the_time_that_is_left_are_told(capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr("tasks.progress.time.monotonic", lambda: float(next(clock)))
    list(Finetune(**TINY | {"epochs": 2}).fit_all([fit_of(), fit_of(seed=1)]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("30 of 240 images trained (12%), ")
    assert lines[0].endswith(" s left")
    assert lines[-1].startswith("240 images trained in ")


# Pictures that are changed as they come


def test_classes_that_are_named_or_rare_are_changed_and_no_others() -> None:
    def changed(**settings: Any) -> set[int]:
        training = Training(Finetune(**TINY | settings), fit_of())
        return set(training.fit.rows.first[training._changed].tolist())

    assert changed(augment_classes="all") == {0, 1, 2}
    assert changed(augment_classes="minority") == {2}
    assert changed(augment_classes=["class 1"]) == {1}
    with pytest.raises(InputError, match=r"family.augment_classes: there is no class 'class 9'"):
        changed(augment_classes=["class 9"])


def test_without_any_change_who_is_augmented_makes_no_difference(tmp_path: Path) -> None:
    still = {"flip": "none", "shift": 0.0}
    one, other = (fitted(augment=still, augment_classes=who, epochs=2) for who in ("all", "minority"))
    assert saved(one, tmp_path / "a") == saved(other, tmp_path / "b")


# Pretrained stages


@pytest.fixture(scope="module")
def pretrained() -> dict[str, torch.Tensor]:
    from tasks.train.finetuning.whole import new_network
    from tasks.train.networks.efficientnet_lite0 import PretrainedLite0

    return new_network(PretrainedLite0(), np.log(np.full(3, 1 / 3)), (np.zeros(3), np.ones(3)), 0).state_dict()


LITE = {"network": {"name": "efficientnet_lite0"}, "image_size": 64, "epochs": 2, "learning_rate": 0.01}


@pytest.mark.slow
def test_frozen_stages_stay_to_the_bit_and_later_ones_learn_faster(pretrained: dict[str, torch.Tensor]) -> None:
    made = fitted(fit_of((6, 6, 4)), LITE | {"frozen": 3, "layer_decay": 0.3, "batch_size": 8})
    for name, value in made.state.items():
        if name.startswith(("stages.0.", "stages.1.", "stages.2.")):
            assert torch.equal(value, pretrained[name]), name
    moved = [
        max(
            ((made.state[name] - value).norm() / value.norm()).item()
            for name, value in pretrained.items()
            if name.startswith(f"stages.{stage}.") and value.ndim == 4
        )
        for stage in range(3, 7)
    ]
    assert 0 < moved[0] < moved[-1]
    assert_array_equal(made.state["mean"], [127.0] * 3)


@pytest.mark.slow
def test_with_all_stages_frozen_the_classifier_still_learns() -> None:
    made = fitted(fit_of((8, 8, 8)), LITE | {"frozen": 7, "epochs": 10, "batch_size": 8, "learning_rate": 0.1})
    assert accuracy(made) > 0.8


# Decoded once


def test_what_a_killed_process_had_begun_to_decode_is_deleted(tmp_path: Path) -> None:
    Image.fromarray(picture(0, 0)).save(tmp_path / "0.png")
    folder = tmp_path / "decoded"
    folder.mkdir()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    dead, alive = (folder / f".0123456789abcdef.{number}.npy" for number in (gone.pid, os.getpid()))
    for file in (dead, alive):
        file.write_bytes(b"half")
    StoredSource({}, {"0": tmp_path / "0.png"}, folder).images(["0"], 16, "squash")
    assert not dead.exists()
    assert alive.exists()


def test_image_files_are_decoded_once_for_all_fits_and_steps(tmp_path: Path) -> None:
    rows, files = rows_of((4, 4)), {}
    for name in rows.ids:
        files[name] = tmp_path / f"{name}.png"
        Image.fromarray(picture(*map(int, name.split("-")), 24)).save(files[name])
    first = StoredSource({}, files, tmp_path / "decoded")
    fit = replace(fit_of(), rows=rows, inputs=Inputs(rows.ids, first))
    fitted(fit, epochs=2)
    [made] = (tmp_path / "decoded").iterdir()
    before = made.stat().st_mtime_ns
    another = StoredSource({}, files, tmp_path / "decoded")
    fitted(replace(fit, inputs=Inputs(rows.ids, another), seed=1), epochs=2)
    assert [file.stat().st_mtime_ns for file in (tmp_path / "decoded").iterdir()] == [before]


def test_of_decoded_images_the_last_sets_stay(tmp_path: Path) -> None:
    Image.fromarray(picture(0, 0, 24)).save(tmp_path / "a.png")
    for size in range(8, 16):
        source = StoredSource({}, {"a": tmp_path / "a.png"}, tmp_path / "decoded")
        assert Inputs(["a"], source).images(size).shape == (1, size, size, 3)
    assert len(list((tmp_path / "decoded").iterdir())) == 4
