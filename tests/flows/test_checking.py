"""`equipoise check`: what it counts, and with which exit code it ends."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from flows.checking import Issue, failing, issues_of
from tasks.errors import InputError
from tasks.tables import CATALOG, FLAGS, REJECTED

GRAPH = """
stages:
  explore:
    cmd: {python} work.py
    deps: [source]
    outs: [reports/explore]
"""
WORK = "import shutil; shutil.copytree('source', 'reports/explore')\n"


def catalog(paths: list[str]) -> pd.DataFrame:
    row: dict[str, object] = dict.fromkeys(CATALOG.schema.names)
    row |= {
        "width": 1,
        "height": 1,
        "mode": "L",
        "depth": 8,
        "format": "PNG",
        "frames": 1,
        "bytes": 1,
        "sha256": "0",
        "pixels": "0",
    }
    row |= {"orientation": 1, "sharpness": 0.0}
    rows = [
        {**row, "image_id": f"id{n}", "path": path, "paths": [path], "phash": ["0"] * 8} for n, path in enumerate(paths)
    ]
    return pd.DataFrame(rows, columns=CATALOG.schema.names)


def flags(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=FLAGS.schema.names)


def rejected(*rows: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame([(path, "a", reason, "why") for path, reason in rows], columns=REJECTED.schema.names)


ASIDE = rejected(
    ("broken.png", "damaged"),
    ("empty.png", "empty file"),
    ("twice.png", "conflicting labels"),
    ("other.txt", "other file"),
    ("left.png", "dropped class"),
    ("unnamed.png", "not in the table"),
)


def test_issues_are_the_flags_and_the_files_set_aside():
    found = issues_of(
        flags(("id0", "dark", 0.5), ("id1", "dark", 0.9), ("id2", "conflicts", 1.0)),
        catalog(["a.png", "b.png", "c.png"]),
        ASIDE,
        known=["dark", "leaks", "conflicts"],
    )
    assert found == [
        Issue("conflicts", ["twice.png", "c.png"]),
        Issue("corrupt", ["broken.png", "empty.png"]),
        Issue("dark", ["b.png", "a.png"]),  # the worst first
        Issue("leaks", []),
    ]


def test_only_issues_that_are_asked_for_and_have_files_fail():
    issues = [Issue("dark", ["a"]), Issue("leaks", []), Issue("corrupt", ["b"])]
    assert failing(issues, "") == []
    assert failing(issues, "leaks") == []
    assert failing(issues, "leaks, dark") == [issues[0]]


def test_an_unknown_issue_is_told_with_the_closest_and_all_others():
    with pytest.raises(InputError, match=r"no issue 'leak' \(did you mean 'leaks'\?\); there are dark, leaks"):
        failing([Issue("dark", []), Issue("leaks", [])], "dark,leak")


def equipoise(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, env={**os.environ, "COLUMNS": "120"})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """A project whose stage explore copies a finished report."""
    root = tmp_path_factory.mktemp("checking")
    shutil.copy(repository / "params.yaml", root)
    for name in ("flows", "tasks"):
        (root / name).symlink_to(repository / name)
    (root / "dvc.yaml").write_text(GRAPH.format(python=sys.executable))
    (root / "work.py").write_text(WORK)
    source, data = root / "source", root / "data" / "catalog"
    source.mkdir()
    data.mkdir(parents=True)
    FLAGS.write(flags(("id0", "dark", 0.5)), source / "flags.parquet")
    (source / "explore.json").write_text(json.dumps({"flags": {"dark": 1, "leaks": 0, "conflicts": 0}}))
    CATALOG.write(catalog(["[red]a.png"]), data / "catalog.parquet")
    REJECTED.write(ASIDE, data / "rejected.parquet")
    (root / ".gitignore").write_text("/reports\n")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=root, check=True)
    return root


@pytest.fixture(scope="module")
def explored(project: Path) -> Path:
    missing = equipoise(project, "check", "--fail-on", "leaks")
    assert missing.returncode == 2
    assert "equipoise run explore" in missing.stderr
    (project / "reports").mkdir()
    subprocess.run([sys.executable, "-m", "dvc", "repro", "-q"], cwd=project, check=True)
    return project


def test_without_the_named_issues_it_ends_well_and_prints_all(explored):
    done = equipoise(explored, "check", "--fail-on", "leaks")
    assert (done.returncode, done.stderr) == (0, "")
    assert "[red]a.png" in done.stdout  # as it stands, not as a colour
    assert [line.split()[:2] for line in done.stdout.splitlines()[2:]] == [
        ["conflicts", "1"],
        ["corrupt", "2"],
        ["dark", "1"],
        ["leaks", "0"],
    ]


def test_a_named_issue_that_has_images_fails(explored):
    done = equipoise(explored, "check", "--fail-on", "leaks,corrupt,dark")
    assert done.returncode == 1
    assert "failed on: corrupt (2), dark (1)" in done.stdout


def test_a_name_that_is_no_issue_is_a_mistake(explored):
    done = equipoise(explored, "check", "--fail-on", "corupt")
    assert done.returncode == 2
    assert "did you mean 'corrupt'?" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_stale_report_is_not_trusted(explored):
    (explored / "source" / "explore.json").write_text(json.dumps({"flags": {}}))
    done = equipoise(explored, "check")
    assert done.returncode == 2
    assert "not up to date" in done.stderr
    assert "equipoise run explore" in done.stderr
