"""The page of errors: up to date, and it holds what the code says."""

import ast

import pytest

from flows.error_list import PAGE, Source, heading_of, page
from tasks.closure import ROOT
from tasks.errors import InputError
from tasks.params.editing import set_values

CODE = """
TABLE = "data/raw/table.csv"

def read(path, rows):
    if not rows:
        raise InputError(f"{TABLE} is empty; {'add rows' if path else 'make one'}")
    refuse(rows, "two labels; choose one")
    refuse(rows, "no path")

def refuse(rows, what):
    why = "not used"
    why = f"{TABLE}, row {rows[0]!r}: {what}"
    raise InputError(why)

def other():
    raise ValueError("for programmers only")

class Settings:
    @field_validator("low")
    def check(self, low):
        raise ValueError("low: must be below high")
"""


def test_the_page_is_up_to_date():
    told = (ROOT / PAGE).read_text(encoding="utf-8")
    assert told == page(), "run python -m flows.error_list"


def test_messages_are_told_in_each_of_their_forms_with_what_is_known_filled_in():
    assert sorted(Source(ast.parse(CODE)).messages()) == [
        "data/raw/table.csv is empty; add rows",
        "data/raw/table.csv is empty; make one",
        "data/raw/table.csv, row '…': no path",
        "data/raw/table.csv, row '…': two labels; choose one",
        "low: must be below high",
    ]


def test_messages_stand_under_the_stage_or_command_that_says_them():
    assert heading_of("tasks.train.samplers.smote") == "Stage `train`"
    assert heading_of("flows.releases.naming").startswith("`equipoise release`")
    assert heading_of("flows.locks") == "Every command"
    assert heading_of("tasks.disk") == "Several stages"


def test_a_message_that_people_get_is_found_on_the_page(tmp_path):
    (tmp_path / "params.yaml").write_text("split: {folds: 5}\n")
    with pytest.raises(InputError) as told:
        set_values(tmp_path / "params.yaml", ["folds"])
    before, after = str(told.value).split("folds:", 1)
    assert f"{before}…:{after}" in page()
