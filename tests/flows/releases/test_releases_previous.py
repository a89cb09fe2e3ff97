"""Releases that the code of commit a715cc2 made (previous/make.py): listed, compared, exported and restored."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from flows.layout import previous_layout_signs
from flows.releases.collecting import collect
from flows.releases.comparing import diff
from flows.releases.exporting.export import export
from flows.releases.naming import list_releases
from flows.releases.releasing import release
from flows.releases.restoring import restore
from tasks.errors import InputError

# What `dvc.lock` and `data/raw.dvc` of each release say, by `git show release/v1:dvc.lock`.
OUTPUTS = {
    "v1": {
        "data/raw": "b136858a9deea0a74a9973502c1ddb62.dir",
        "data/catalog": "0850dc6df18b51adf547e7ec63a7145d.dir",
        "data/features": "36b56604c89e075ed9ef59f3f515aa6a.dir",
        "data/groups": "3cf7a2334e0cfb79f183b9ca345bafce.dir",
        "data/splits": "fe4f0605507cac5459a54e5189a43b46.dir",
        "data/balanced/grown": "ec9d451351d27ac0228e027b094f1bbb.dir",
        "data/balanced/natural": "b99bbc009f5b42b618c47f9b581e8de7.dir",
    },
    "v2": {
        "data/raw": "7e8e3907d29d2ff788619853678103ee.dir",
        "data/catalog": "de7764181d3d627f783a187d9f13d56c.dir",
        "data/features": "1a14aeb469515f10f301de9fc9a0bd95.dir",
        "data/groups": "8fb197e3715f38c3889d2c4cb3c2b4fc.dir",
        "data/splits": "9b98f63ea44737e0974c47354f8681e5.dir",
        "data/balanced/grown": "60b16fd20bff5d0ae3aa1afe15ff3546.dir",
        "data/balanced/natural": "a73b74161a643c078a006070cf001f8d.dir",
    },
}
# And the files of git that name the version.
NAMING = {
    "v1": {
        "dvc.lock": "771c28e5d2eadf237eecc5c8f1e6c8a8",
        "dvc.yaml": "d2904756e0f5f8996bd565257bfa2559",
        "params.yaml": "b3ae66d6892169a310a05c40d85d1ee2",
        "data/frozen.csv": "a028e40ed13985f5f87f93c3fa82be5e",
    },
    "v2": {
        "dvc.lock": "b8fb64691a405a805061b7386e346ef9",
        "dvc.yaml": "d2904756e0f5f8996bd565257bfa2559",
        "params.yaml": "cbf39eae606db3e180111293466b7417",
        "data/frozen.csv": "a028e40ed13985f5f87f93c3fa82be5e",
    },
}
OTHER_PARAMS = (
    "strategies: {focal: {recipe: natural, loss: {name: focal, gamma: 2.0}}}\nbackbones: {a: {name: resnet20}}\n"
)
OTHER_GRAPH = "stages:\n  train:\n    foreach: ${nothing.like.it}\n    do: {cmd: 'true', outs: ['models/${key}']}\n"


def hash_of(folder: Path) -> str:
    """DVC's hash of a folder: the MD5 of the list of its files, each with the MD5 of its content."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = [
        {"md5": hashlib.md5(path.read_bytes()).hexdigest(), "relpath": path.relative_to(folder).as_posix()}
        for path in sorted(files, key=lambda path: path.relative_to(folder).as_posix())
    ]
    return hashlib.md5(json.dumps(listed, sort_keys=True).encode()).hexdigest() + ".dir"


def standing(root: Path, name: str) -> dict[str, str]:
    """The hashes of what stands in the workspace at the paths of a release's outputs and naming files."""
    outputs = {path: hash_of(root / path) for path in OUTPUTS[name]}
    return outputs | {path: hashlib.md5((root / path).read_bytes()).hexdigest() for path in NAMING[name]}


@pytest.fixture(params=["as it was", "of today", "of no model"])
def present(request, previous, repository):
    """The same, with parameters and graph of several kinds in the workspace and in the last commit."""
    if request.param == "of today":
        for name in ("params.yaml", "dvc.yaml"):
            shutil.copy(repository / name, previous.root / name)
    elif request.param == "of no model":
        (previous.root / "params.yaml").write_text(OTHER_PARAMS)
        (previous.root / "dvc.yaml").write_text(OTHER_GRAPH)
    if request.param != "as it was":
        previous.git("commit", "--quiet", "--all", "--message", "Another layout")
    return previous


def test_nothing_in_the_archive_is_of_a_machine(tmp_path):
    archive = Path(__file__).parent / "previous" / "project.tar.xz"
    assert archive.stat().st_size < 200_000
    with tarfile.open(archive) as opened:
        entries = opened.getmembers()
    assert all(entry.isfile() and entry.mode == 0o644 for entry in entries)
    assert {(entry.uid, entry.gid, entry.uname, entry.gname, entry.mtime) for entry in entries} == {(0, 0, "", "", 0)}
    assert not [entry.name for entry in entries if "hooks" in entry.name or "logs" in entry.name]


def test_they_are_listed_with_their_cards(present):
    first, second = list_releases(present.root)
    assert (first.name, first.date, first.card["recipe"]) == ("v1", "2026-01-01", "grown")
    assert (second.name, second.date, second.card["recipe"]) == ("v2", "2026-01-02", "grown")
    assert first.card["origins"] == {"original": 11, "copy": 11, "augmented": 10, "mixed": 16}
    assert second.card["classes"]["rare"]["after"] == {"original": 5, "copy": 5, "augmented": 4, "mixed": 7}


def test_they_are_compared(present):
    found = diff(present.root, "v1", "v2")
    assert found.added["path"].tolist() == ["rare/new.png"]
    assert found.relabelled[["first", "second"]].to_numpy().tolist() == [["common", "rare"]]
    assert found.renamed[["first", "second"]].to_numpy().tolist() == [["common/3.png", "rare/moved.png"]]
    assert len(found.removed) == len(found.replaced) == 0
    assert found.parameters == [("balance.seed", 0, 1)]
    counts = found.recipes[0].counts.set_index(["label", "origin"])
    assert counts.loc[("rare", "augmented")].tolist() == [10, 4]
    assert counts.loc[("common", "mixed")].tolist() == [8, 7]
    assert found.lacks == []


def test_they_are_compared_with_parameters_of_another_form(previous):
    params = YAML(typ="safe").load((previous.root / "params.yaml").read_text())
    params["recipes"]["grown"] = {"resample": {"name": "oversample", "to": {"factor": 2}}, "synthetic": "none"}
    params["backbones"] = {"small": params.pop("embed")}
    with (previous.root / "params.yaml").open("w") as file:
        YAML().dump(params, file)
    changes = {key: (before, after) for key, before, after in diff(previous.root, "v2").parameters}
    assert changes["recipes.grown.resample"] == ("oversample", {"name": "oversample", "to": {"factor": 2}})
    assert changes["recipes.grown.augment"] == ("minority", None)
    assert changes["backbones"] == (None, params["backbones"])
    assert changes["embed"] == (params["backbones"]["small"], None)
    assert "recipes.grown.synthetic" not in changes


def test_they_are_restored_to_the_byte(present):
    for name in ("v1", "v2", "v1"):
        done = restore(present.root, name)
        assert standing(present.root, name) == OUTPUTS[name] | NAMING[name]
        assert sorted(done.outputs) == sorted(OUTPUTS[name])
        assert (done.gone, done.saved) == ([], None)


def test_the_commands_say_what_they_did(present, equipoise):
    code, printed = equipoise("releases", root=present.root)
    assert code == 0
    assert "v1" in printed
    assert "grown" in printed
    code, printed = equipoise("diff", "v1", "v2", root=present.root)
    assert code == 0
    assert "rare/moved.png" in printed
    code, printed = equipoise("restore", "v1", root=present.root)
    assert code == 0
    assert "v1 is back: 7 outputs" in printed


def test_they_are_exported(present, tmp_path):
    images = export(present.root, "v1", "csv", tmp_path / "exported")
    assert images == {"train": 48, "test": 3}
    written = pd.concat(pd.read_csv(path) for path in (tmp_path / "exported").rglob("*.csv"))
    assert written["origin"].value_counts().to_dict() == {"original": 14, "copy": 11, "augmented": 10, "mixed": 16}
    assert len(written) == 48 + 3


def test_collecting_spares_them(present):
    before = present.objects()
    assert collect(present.root).objects == 0
    assert present.objects() == before


def test_outputs_that_lie_deeper_or_higher_in_another_version_are_saved_by_it(previous):
    """One version has `data/features`, the next one has it a folder deeper; both come back, and nothing is refused."""
    restore(previous.root, "v2")
    deeper = previous.root / "data/features/small"
    (previous.root / "data/features").rename(previous.root / "moving")
    deeper.parent.mkdir()
    (previous.root / "moving").rename(deeper)
    lock = previous.root / "dvc.lock"
    lock.write_text(lock.read_text().replace("path: data/features\n", "path: data/features/small\n"))
    lock.write_text(lock.read_text().replace("  embed:\n", "  embed@small:\n"))
    previous.git("commit", "--quiet", "--all", "--message", "Features of several kinds")
    previous.git("tag", "release/v3")
    restore(previous.root, "v1")
    assert standing(previous.root, "v1") == OUTPUTS["v1"] | NAMING["v1"]
    restore(previous.root, "v3")
    assert hash_of(deeper) == OUTPUTS["v2"]["data/features"]
    assert [path.name for path in deeper.parent.iterdir()] == ["small"]

    (deeper.parent / "mine.npy").write_bytes(b"mine")
    with pytest.raises(InputError, match="does not hold data/features as they stand"):
        restore(previous.root, "v1")
    saved = restore(previous.root, "v1", force=True).saved
    assert (saved / "data/features/mine.npy").read_bytes() == b"mine"
    assert hash_of(saved / "data/features/small") == OUTPUTS["v2"]["data/features"]
    assert standing(previous.root, "v1") == OUTPUTS["v1"] | NAMING["v1"]


def test_a_new_release_needs_parameters_of_today(previous):
    (previous.root / "params.yaml").write_text(OTHER_PARAMS)
    with pytest.raises(InputError, match=r"params\.yaml"):
        release(previous.root, "v3", "grown")


def test_restored_they_are_recognised_as_of_the_previous_layout(previous):
    restore(previous.root, "v1")
    assert previous_layout_signs(previous.root) == [
        "params.yaml has a section `embed`",
        "dvc.yaml has a stage `embed` without a backbone's name",
        "data/features/features.npy lies directly below data/features",
    ]
