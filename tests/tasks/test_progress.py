"""Progress yields what it is given and tells how far it is; what is said is a line at once."""

from __future__ import annotations

import io

import pytest

from tasks import progress
from tasks.progress import Progress, Step, say


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


def test_progress_counts_what_comes_by_the_dozen_and_tells_the_rate_where_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 2.0, 8.0, 10.0, 10.0])  # start, one a chunk, end
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    chunks = ["a" * 100, "b" * 1900, "c" * 500]
    assert list(Progress(chunks, "images", total=2500, rate=True, size=len)) == chunks
    assert capsys.readouterr().out.splitlines() == [
        "100 of 2,500 images (4%), 50 a second, 48 s left",
        "2,000 of 2,500 images (80%), 250 a second, 2 s left",
        "2,500 images in 10.0 s",
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


def test_what_progress_says_can_be_read_again() -> None:
    for step in (
        Step(2, 5, "images", 4),
        Step(2_000, 5_000, "images", None, 1_234),
        Step(2, 5, "images", 4, 5),
        Step(1_200, 2_624, "new images of the part x", None),
    ):
        assert Step.read(str(step)) == step
    assert Step.read("5 of 7 classes are rare") is None
    assert Step.read("5 images in 8.0 s") is None


def test_long_work_fills_no_log(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter(range(100_000))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(seconds)))
    list(Progress(range(36_000), "images"))
    printed = capsys.readouterr().out.splitlines()
    assert 100 < len(printed) < 500
    assert printed[0].startswith("2 of 36,000 images")


def test_in_a_terminal_it_is_one_line_that_gives_way_to_other_words(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(progress.sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "30")
    clock = iter(float(n) for n in range(20))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    for item in Progress("abcd", "images of a long name"):
        if item == "c":
            say("c is odd")
    assert terminal.screen() == ["c is odd", "4 images of a long name in 5.0 s"]
    drawn = terminal.getvalue().replace("\r", "\n").splitlines()
    assert "2 of 4 images of a long name (50%), 2 s left"[:29] in drawn


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def screen(self) -> list[str]:
        """What can be read at the end: a carriage return goes back, and later letters cover earlier ones."""
        lines = []
        for line in self.getvalue().split("\n"):
            shown = ""
            for piece in line.split("\r"):
                shown = piece + shown[len(piece) :]
            lines.append(shown.rstrip())
        return [line for line in lines if line]
