"""The verdicts in the terminal and in Markdown: what to take, and what to do next, in the same words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flows.leaderboard import LEADERBOARD, show_leaderboard
from flows.markdown import answer
from flows.price import prices_of
from tasks.files import write_json

NUMBERS = {"value": 0.5, "low": 0.4, "high": 0.6}
STEPS = [
    {"sentence": "Add 4 of [bold]rust*.", "command": "equipoise add FOLDER"},
    {"sentence": "The ceiling is near.", "command": ""},
    {"sentence": "Try another.", "command": "equipoise run --set 'strategies.new={recipe: natural}'"},
]


def board_with(**more: Any) -> dict[str, Any]:
    """A leaderboard of one strategy."""
    measures = dict.fromkeys(["balanced_accuracy", "macro_f1", "recall_rarest"], NUMBERS)
    row = {"strategy": "plain", "recipe": "natural", **measures, "difference": None, "bet": None, "verdict": "baseline"}
    return {
        "baseline": "plain",
        "metric": "balanced_accuracy",
        "recommended": "plain",
        "rarest_class": "rust",
        "sentences": ["Keep plain.", "It is the only one."],
        "rows": [row],
        "test": {"rows": [row], "sentence": "Nothing to confirm."},
        **more,
    }


def test_the_terminal_ends_with_what_to_do_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / LEADERBOARD
    file.parent.mkdir(parents=True)
    write_json(file, board_with(next=STEPS))
    show_leaderboard(tmp_path, {})
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("What to do next")
    assert [line.strip() for line in lines[at + 1 :] if line.strip()] == [
        "1. Add 4 of [bold]rust*.",
        "equipoise add FOLDER",
        "2. The ceiling is near.",
        "3. Try another.",
        "equipoise run --set 'strategies.new={recipe: natural}'",
    ]


def test_markdown_numbers_the_steps_and_shows_names_as_they_stand() -> None:
    lines = answer(board_with(next=STEPS))
    assert lines[:3] == ["**Keep plain.**", "", "- It is the only one."]
    assert "1. Add 4 of \\[bold\\]rust\\*. `equipoise add FOLDER`" in lines
    assert "2. The ceiling is near." in lines


def test_prefect_shows_the_measures_that_the_terminal_shows(tmp_path: Path) -> None:
    from flows.artifacts import leaderboard_markdown

    file = tmp_path / LEADERBOARD
    file.parent.mkdir(parents=True)
    for metric, more in (("balanced_accuracy", []), ("expected_cost", ["expected cost"])):
        board = board_with(metric=metric, judged_by="expected cost")
        board["rows"][0]["reached"] = {"value": 12.5, "low": 11.0, "high": 14.0}
        lines = leaderboard_markdown(board, prices_of(tmp_path, board, {})).splitlines()
        head, row = (
            [cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines if " plain |" in f" {line}"
        )
        measures = [*more, "balanced accuracy", "macro-F1", "recall of rust"]
        others = ["difference to plain", "bet", "seconds", "memory", "new images"]
        assert head == ["strategy", "verdict", *measures, *others]
        assert ("12.500 \\[11.000, 14.000\\]" in row) == bool(more)


def test_a_board_without_steps_has_no_such_heading(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / LEADERBOARD
    file.parent.mkdir(parents=True)
    for board in (board_with(), board_with(next=[])):
        write_json(file, board)
        show_leaderboard(tmp_path, {})
        assert "next" not in capsys.readouterr().out
        assert not any("next" in line for line in answer(board))
