"""Writing `dvc.lock`: the bytes that DVC itself writes, whole or not at all."""

from __future__ import annotations

import pytest
import yaml
from dvc.utils.serialize import dumps_yaml, modify_yaml, parse_yaml

from flows.lock_writing import modify_lock

STAGES = {
    "ingest": {
        "cmd": "python3 -m tasks ingest",
        "deps": [{"path": "data/raw", "hash": "md5", "md5": "12345678901234567890123456789012.dir", "nfiles": 3}],
        "params": {"params.yaml": {"ingest.pattern": "(?P<group>[^_]+)_.*", "ingest.rename": {}, "ingest.drop": []}},
    },
    "train@a": {
        "cmd": "python3 -m tasks train a",
        "params": {"params.yaml": {"strategies.a": {"none": None, "rate": 1e-05, "text": 'it\'s "so"\n  #no: x'}}},
        "outs": [{"path": "models/a", "md5": "00000000000000000000000000000012.dir", "size": 17}],
    },
    "train@b": {"cmd": "python3 -m tasks train b " + "and more " * 20, "outs": [{"path": "models/ä ö", "size": 1}]},
}
LOCK = dumps_yaml({"schema": "2.0", "stages": STAGES})


def changed(data):
    data["stages"].update({"train@a": {"cmd": "other", "params": {"params.yaml": {"x": None, "y": [1, {"z": 2.5}]}}}})


def added(data):
    data["stages"].update({"audit@a": STAGES["train@b"]})


def changed_inside(data):
    data["stages"]["ingest"]["deps"][0]["nfiles"] = 4


def removed(data):
    del data["stages"]["train@a"]


def emptied(data):
    data["stages"].clear()


def moved(data):
    data["stages"]["ingest"] = data["stages"].pop("ingest")


def named(data):
    data.setdefault("datasets", []).append({"name": "x"})
    data.setdefault("stages", {})


def untouched(data):
    pass


@pytest.mark.parametrize("change", [changed, added, changed_inside, removed, emptied, moved, named, untouched])
@pytest.mark.parametrize(
    "text",
    [
        LOCK,
        LOCK.replace("stages:", "# seen by me\nstages:"),
        LOCK.replace("  train@b:", "  # kept\n  train@b:"),
        LOCK.replace("  train@a:", "  'train@a':"),
        "stages: " + str(yaml.safe_dump(STAGES, default_flow_style=True, width=4000)),
        "datasets: []\n" + LOCK,
        LOCK + "datasets: []\n",
    ],
    ids=["DVC's", "comment", "comment between", "quoted", "flow", "datasets before", "datasets after"],
)
def test_the_file_gets_the_bytes_that_dvc_gives_it(tmp_path, text, change):
    ours, theirs = tmp_path / "ours.lock", tmp_path / "theirs.lock"
    for file, modify in ((ours, modify_lock), (theirs, modify_yaml)):
        file.write_text(text, encoding="utf-8")
        with modify(str(file)) as data:
            change(data)
    assert ours.read_text(encoding="utf-8") == theirs.read_text(encoding="utf-8")


def test_a_missing_file_is_made(tmp_path):
    for name, modify in (("ours", modify_lock), ("theirs", modify_yaml)):
        (tmp_path / name).touch()
        if name == "ours":
            (tmp_path / name).unlink()
        with modify(str(tmp_path / name)) as data:
            data.update({"schema": "2.0", "stages": STAGES})
    assert (tmp_path / "ours").read_text(encoding="utf-8") == (tmp_path / "theirs").read_text(encoding="utf-8") == LOCK


def test_the_file_is_whole_even_if_writing_it_is_cut_short(tmp_path):
    path = tmp_path / "dvc.lock"
    path.write_text(LOCK)

    def cut_short() -> None:
        with modify_lock(str(path)) as data:
            del data["stages"]["ingest"]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut_short()
    assert path.read_text() == LOCK


@pytest.mark.parametrize("first", [modify_lock, modify_yaml])
def test_values_that_parameters_share_by_anchors_are_read_again(tmp_path, first):
    """As a `params.yaml` with ``&head`` and ``*head`` gives them: one object in several entries."""
    path = tmp_path / "dvc.lock"
    path.write_text(LOCK)
    head = {"name": "head", "tune": {"rate": [0.1, 0.2]}}
    for number, modify in enumerate((first, modify_lock, modify_lock)):
        with modify(str(path)) as data:
            for name in "ab":
                data["stages"][f"train@{name}{number}"] = {"params": {"params.yaml": {"one": head, "two": head}}}
    made = parse_yaml(path.read_text(), path)["stages"]
    expected = {f"train@{name}{number}": {"one": head, "two": head} for number in range(3) for name in "ab"}
    assert {name: made[name]["params"]["params.yaml"] for name in expected} == expected
    assert {name: made[name] for name in STAGES} == STAGES
