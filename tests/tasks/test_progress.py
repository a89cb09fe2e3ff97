"""Progress yields what it is given and tells how far it is; what is said is a line at once."""

from __future__ import annotations

import pytest

from tasks import progress
from tasks.progress import Progress, say


def test_progress_yields_each_item_and_tells_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 1.0, 2.5, 3.0, 5.0, 5.0, 8.0])  # start, one a item, end
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    assert list(Progress("abcde", "images")) == list("abcde")
    assert capsys.readouterr().out.splitlines() == [
        "2 of 5 images (40%), 4 s left",
        "4 of 5 images (80%), 1 s left",
        "5 images in 8.0 s",
    ]


def test_progress_counts_an_iterator_by_its_total(capsys: pytest.CaptureFixture[str]) -> None:
    assert sum(Progress((n for n in range(4)), "folds", total=4, every=0)) == 6
    printed = capsys.readouterr().out.splitlines()
    assert [line.partition(" folds")[0] for line in printed] == ["1 of 4", "2 of 4", "3 of 4", "4"]


def test_progress_of_nothing_ends_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(Progress([], "images")) == []
    assert capsys.readouterr().out == "0 images in 0.0 s\n"


def test_what_is_said_is_one_line_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    say("5 images")
    assert capsys.readouterr().out == "5 images\n"
