"""The whole pipeline on a few real photos, through Prefect, DVC and MLflow, as a user runs it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
import yaml

pytestmark = pytest.mark.slow

PHOTOS = {"functional": 48, "defective": 24, "likely_functional": 12}  # a class: photos of it
PHOTO_PROBABILITY = {"functional": 0.0, "likely_functional": 1 / 3, "defective": 1.0}
KEPT_STRATEGIES = ("plain", "focal", "augmented_minority")
KEPT_RECIPES = ("natural", "augmented_minority")
SMALL = [
    "ingest.min_images=8",
    "backbones.efficientnet_lite0.image_size=32",
    "split.folds=2",
    "train.seeds=2",
    *(f"strategies.{name}.family.steps=12" for name in KEPT_STRATEGIES),
    "evaluate.draws=100",
    "explore.thumbnails=2",
    "explore.permutations=20",
]


@dataclass
class Project:
    """A workspace of its own: a copy of this project's files with its own git history and data."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def equipoise(self, *arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        return self._run([sys.executable, "-m", "flows.cli", *arguments], ok)

    def dvc(self, *arguments: str) -> str:
        """DVC as in ``.venv/bin/dvc`` without an activated environment: another Python comes first on the path."""
        bare = {"PATH": os.pathsep.join(["/usr/local/bin", "/usr/bin", "/bin"])}
        return self._run([str(self.root / ".venv/bin/dvc"), *arguments], True, bare).stdout

    def git(self, *arguments: str) -> str:
        return self._run(["git", *arguments], True).stdout.strip()

    def _run(
        self, command: list[str], ok: bool, extra: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "COLUMNS": "200"}
        environment.pop("MLFLOW_TRACKING_URI", None)  # MLflow sets it for children of a process that used it
        environment.update({**self.environment, **(extra or {})})
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True)
        if ok:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    def edit_params(self, change) -> None:
        path = self.root / "params.yaml"
        path.write_text(change(path.read_text()))

    def lock(self) -> dict:
        return yaml.safe_load((self.root / "dvc.lock").read_text())["stages"]

    def clone(self, where: Path) -> Project:
        subprocess.run(["git", "clone", "-q", str(self.root), str(where)], check=True)
        _link_environment(where)
        other = Project(where, self.environment)
        other.dvc("pull", "-q", "data/raw.dvc")
        return other

    def digest(self, folder: str) -> dict[str, str]:
        files = sorted(path for path in (self.root / folder).rglob("*") if path.is_file())
        return {str(f.relative_to(self.root)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def _link_environment(root: Path) -> None:
    (root / ".venv").symlink_to(sys.prefix)


def _photos(folder: Path) -> None:
    """Some photos of each class, taken from the sample package."""
    elpv = pytest.importorskip("elpv_dataset", reason="the sample photos are an optional extra")
    data = Path(elpv.__file__).parent / "data"
    rows = [line.split() for line in (data / "labels.csv").read_text().splitlines()]
    for name, wanted in PHOTOS.items():
        (folder / name).mkdir(parents=True)
        chosen = [path for path, probability, _ in rows if abs(float(probability) - PHOTO_PROBABILITY[name]) < 0.01]
        for path in chosen[:wanted]:
            shutil.copy(data / path, folder / name)


def _without(section: dict, kept: tuple[str, ...]) -> dict:
    return {name: value for name, value in section.items() if name in kept}


@pytest.fixture(scope="session")
def first(repository: Path, api: str, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has run once, with two jobs; its state is committed and its data pushed to a remote."""
    home = tmp_path_factory.mktemp("pipeline")
    root = home / "first"
    listing = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    tracked = subprocess.run(listing, cwd=repository, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        if (repository / name).is_file() and not name.startswith(("tests/", "docs/", "data/raw.dvc", "dvc.lock")):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(repository / name, root / name)
    _link_environment(root)
    (root / "equipoise.egg-info").mkdir()  # as an installation in editable mode leaves it
    params = yaml.safe_load((root / "params.yaml").read_text())
    for kind, kept in (("strategies", KEPT_STRATEGIES), ("recipes", KEPT_RECIPES)):
        gone = [name for name in params[kind] if name not in kept]
        text = (root / "params.yaml").read_text()
        for name in gone:
            text = re.sub(rf"(?m)^  {name}:.*\n(?:    .*\n)+", "", text)
        (root / "params.yaml").write_text(text)
    project = Project(root, {"PREFECT_API_URL": api})
    project.git("init", "-q", "-b", "main")
    _photos(home / "photos")
    project.equipoise("add", str(home / "photos"))
    project.dvc("remote", "add", "-d", "-q", "store", str(home / "remote"))
    project.dvc("push", "-q", "data/raw.dvc")
    project.equipoise("status")
    from tasks.params.editing import set_values

    set_values(root / "params.yaml", SMALL)
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "before the first run")
    project.output = project.equipoise("run", "--jobs", "2").stdout  # type: ignore[attr-defined]
    project.git("add", "dvc.lock")
    project.git("commit", "-q", "-m", "first run")
    return project


@pytest.fixture(scope="session")
def flow_runs(first: Project, ask):
    """Flow runs, newest first, each with the states of its task runs."""

    def read() -> list[tuple[dict, dict[str, str]]]:
        found = []
        for run in ask("flow_runs", sort="START_TIME_DESC"):
            tasks = ask("task_runs", flow_runs={"id": {"any_": [run["id"]]}})
            found.append((run, {task["name"]: task["state_name"] for task in tasks}))
        return found

    return read


def test_a_run_ends_with_leaderboard_confirmation_report_and_the_way_to_the_uis(first):
    output = first.output
    for strategy in KEPT_STRATEGIES:
        assert re.search(rf"^{strategy}\b", output, re.MULTILINE)
    for words in (
        "balanced accuracy",
        "verdict",
        "Held-out test part",
        "Time by stage",
        "equipoise ui",
    ):
        assert words in output
    assert str(first.root / "reports/compare/report.html") in output


def test_a_quick_run_gives_a_preliminary_table_and_leaves_nothing_but_what_was_read_of_images(first, tmp_path):
    clone = first.clone(tmp_path / "clone")
    lock = (clone.root / "dvc.lock").read_bytes()
    output = clone.equipoise("run", "--quick").stdout
    table = output[output.index("Strategies, out of fold") :]
    assert re.findall(r"^(\w+) +\.\d{3} \[", table, re.MULTILINE)[:2]
    assert {"plain", "focal"} == set(re.findall(r"^(plain|focal|augmented_minority) ", table, re.MULTILINE))
    assert "Preliminary, from one fit a strategy:" in table
    assert clone.git("status", "--short") == ""
    assert (clone.root / "dvc.lock").read_bytes() == lock
    assert not [name for name in ("catalog", "splits", "balanced") if (clone.root / "data" / name).exists()]
    assert [path.name for path in (clone.root / "data/features").iterdir()] == ["none"]
    assert not (clone.root / "predictions").exists()
    assert any((clone.root / ".equipoise/rows").glob("features-*")), "the whole run need not embed them again"
    assert not (clone.root / ".equipoise/test_looks.jsonl").exists()
    refused = clone.equipoise("run", "--quick", "split", ok=False)
    assert refused.returncode == 2
    clone.edit_params(lambda text: text.replace("min_images: 8", "min_images: 9000"))
    told = clone.equipoise("run", "--quick", ok=False)
    assert told.returncode == 2
    assert "error: classes with fewer than 9000 images" in told.stderr
    assert "\nerror:   equipoise run --quick --set ingest.min_images=" in told.stderr
    assert "Traceback" not in told.stdout + told.stderr


def test_prefect_shows_a_task_run_a_stage_named_as_the_stage(first, flow_runs):
    run, tasks = flow_runs()[-1]
    assert run["state_name"] == "Completed"
    assert set(first.lock()) | {"data/raw.dvc", "track"} == set(tasks)
    assert all(state == "Completed" for name, state in tasks.items() if name in first.lock())


def test_prefect_has_the_artifacts_that_people_look_for(first, ask):
    artifacts = {artifact["key"]: artifact["data"] for artifact in ask("artifacts")}
    assert {"class-counts", "leaderboard", "links"} <= set(artifacts)
    assert "plain" in artifacts["leaderboard"]
    for step in json.loads((first.root / "reports/compare/leaderboard.json").read_text())["next"]:
        assert step["command"] in artifacts["leaderboard"]


def test_stage_output_reaches_prefects_log_and_the_log_file(first, ask):
    messages = [log["message"] for log in ask("logs", sort="TIMESTAMP_ASC")]
    files = list((first.root / ".equipoise/logs").glob("*/ingest.log"))
    said = [line for line in files[0].read_text().splitlines() if "images" in line]
    assert said
    assert any(said[-1] in message for message in messages)


def test_mlflow_has_a_parent_run_and_a_child_a_strategy(first):
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{first.root}/.equipoise/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("equipoise")
    runs = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time ASC"])
    children = {run.data.params["strategy"]: run for run in runs if "strategy" in run.data.params}
    assert set(children) == set(KEPT_STRATEGIES)
    board = json.loads((first.root / "reports/compare/leaderboard.json").read_text())
    for row in board["rows"]:
        measured = children[row["strategy"]].data.metrics["cv.balanced_accuracy"]
        assert measured == pytest.approx(row["balanced_accuracy"]["value"])


def test_an_unchanged_run_starts_nothing_and_shows_the_verdicts_again(first, flow_runs):
    before = len(flow_runs())
    again = Project(first.root)  # knows no Prefect server
    output = again.equipoise("run").stdout
    for stage in first.lock():
        assert re.search(rf"^{re.escape(stage)} +Unchanged$", output, re.MULTILINE)
    assert re.search(r"^(Take|Keep) \w+[:,] ", output, re.MULTILINE)
    assert len(flow_runs()) == before


def test_explore_brings_the_report_on_the_images_up_to_date_and_opens_it(first, equipoise, tmp_path):
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" > "{opened}"\n')
    browser.chmod(0o755)
    page = first.root / "reports/explore/report.html"
    done = equipoise(first.root, "explore", "--open", BROWSER=str(browser), COLUMNS="200")
    assert done.returncode == 0, done.stderr
    assert f"Data:   {page}  (equipoise report --data)" in done.stdout
    assert "train@" not in done.stdout, "nothing that comes after it"
    assert opened.read_text().strip() == page.as_uri()


def test_a_set_parameter_runs_what_depends_on_it_and_a_refused_one_loses_nothing(first, flow_runs):
    before = (first.root / "params.yaml").read_text()
    first.equipoise("run", "--set", "strategies.focal.loss.gamma=1")
    after = (first.root / "params.yaml").read_text()
    changed = [(a, b) for a, b in zip(before.splitlines(), after.splitlines(), strict=True) if a != b]
    assert [pair[1].strip() for pair in changed] == [
        "loss: {name: focal, gamma: 1, alpha: none}  # alpha: none or balanced"
    ]
    _, tasks = flow_runs()[0]
    ran = {name for name, state in tasks.items() if state == "Completed"} - {"track"}
    assert ran == {"train@focal", "audit@focal", "evaluate", "compare"}
    assert tasks["train@plain"] == "Unchanged"

    # A stage refuses its input: the run ends with exit code 2 and the stage's own words.
    done = first.equipoise("run", "--set", "split.folds=40", ok=False)
    assert done.returncode == 2
    assert "likely_functional" in done.stdout
    assert not re.search(r"(?<!\d)255(?!\d)", done.stdout)  # as an exit code, not as a part of a time
    assert re.search(r"train@plain .*Blocked", done.stdout)

    # Back to the first parameters.
    first.git("checkout", "-q", "--", "params.yaml", "dvc.lock")
    first.equipoise("run")
    _, tasks = flow_runs()[0]
    assert tasks["train@focal"] == "Restored"
    assert tasks["train@plain"] == "Unchanged"


def test_one_job_and_plain_dvc_repro_in_a_fresh_clone_give_the_lock_of_two_jobs(first, tmp_path):
    """Both at once: one job makes what several processes work on, plain DVC takes it over and makes the rest."""
    expected = first.lock()
    clone = first.clone(tmp_path / "clone")
    (clone.root / "dvc.lock").unlink()
    clone.equipoise("run", "--jobs", "1", "embed_new", "explore")
    by_one_job = clone.lock()
    assert set(by_one_job) == {name for name in expected if not name.startswith(("train", "audit", "eval", "compare"))}
    assert by_one_job == {name: expected[name] for name in by_one_job}
    said = clone.dvc("repro")
    assert clone.lock() == expected
    assert all(f"Stage '{name}' didn't change, skipping" in said for name in by_one_job)
    metrics = json.loads(clone.dvc("metrics", "show", "--json"))
    assert "balanced_accuracy" in json.dumps(metrics)

    # Without one strategy: what equipoise prunes is all that tells it from plain DVC.
    clone.edit_params(lambda text: re.sub(r"(?m)^  focal:\n(?:    .*\n)+", "", text))
    clone.dvc("repro", "-q")
    of_plain = clone.lock()
    assert of_plain.pop("train@focal")
    assert of_plain.pop("audit@focal")
    clone.equipoise("run")
    assert clone.lock() == of_plain
    assert not (clone.root / "predictions/focal").exists()
    assert not (clone.root / "models/focal").exists()


def test_an_earlier_balanced_dataset_comes_back_byte_for_byte(first, tmp_path):
    earlier = first.digest("data/balanced/augmented_minority")
    assert any(name.endswith(".png") for name in earlier)
    fewer = "recipes.augmented_minority.augment.to={largest: 0.7}"
    first.equipoise("run", "balance@augmented_minority", "--set", fewer)
    assert first.digest("data/balanced/augmented_minority") != earlier
    first.git("checkout", "-q", "--", "params.yaml", "dvc.lock")
    first.dvc("checkout", "-q")
    assert first.digest("data/balanced/augmented_minority") == earlier
    assert "up to date" in first.dvc("status")


def test_dry_run_and_status_say_why_and_change_nothing(first):
    first.edit_params(lambda text: text.replace("folds: 2", "folds: 3"))
    lock = (first.root / "dvc.lock").read_bytes()
    for command in (("run", "--dry-run"), ("status",)):
        output = first.equipoise(*command).stdout
        assert re.search(r"^split +runs +.*split modified", output, re.MULTILINE)
        assert re.search(r"^compare +may run", output, re.MULTILINE)
        assert re.search(r"^ingest +unchanged", output, re.MULTILINE)
    assert (first.root / "dvc.lock").read_bytes() == lock
    first.git("checkout", "-q", "--", "params.yaml")


def test_wrong_parameters_end_with_exit_code_2_before_anything_runs(first):
    first.edit_params(lambda text: text.replace("folds: 2", "fold: 2").replace("seeds: 2", "seeds: none"))
    done = first.equipoise("run", ok=False)
    first.git("checkout", "-q", "--", "params.yaml")
    assert done.returncode == 2
    assert re.search(r"params\.yaml:\d+: split\.fold: unknown key \(did you mean 'folds'\?\)", done.stderr)
    assert "train.seeds" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_class_that_there_is_not_is_refused_before_anything_runs_and_the_file_stays(first):
    before = (first.root / "params.yaml").read_bytes()
    done = first.equipoise("run", "--set", "compare.goal={name: recall_at_precision, of: defectiv}", ok=False)
    assert done.returncode == 2
    assert "compare.goal.of: there is no class 'defectiv' (did you mean 'defective'?)" in done.stderr
    assert (first.root / "params.yaml").read_bytes() == before


def interrupted(first: Project) -> tuple[int, str, list[psutil.Process]]:
    """A run whose stage has begun when Ctrl-C comes: its exit code, what it said, and the processes that it had."""
    shutil.rmtree(first.root / ".equipoise" / "rows", ignore_errors=True)  # so that the stage takes its time
    command = [sys.executable, "-m", "flows.cli", "run", "--force", "embed"]
    environment = {**os.environ, **first.environment, "PYTHONUNBUFFERED": "1"}
    run = subprocess.Popen(command, cwd=first.root, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        said = ""
        for line in run.stdout:
            said += line
            if re.search(r"embed@efficientnet_lite0 +started", line):
                break
        end = time.monotonic() + 60
        while len(mine := psutil.Process(run.pid).children(recursive=True)) < 2:  # DVC, and below it the stage
            assert time.monotonic() < end, said
            time.sleep(0.05)
        run.send_signal(signal.SIGINT)
        rest, _ = run.communicate(timeout=120)
    finally:
        run.kill()
    return run.returncode, said + rest, mine


def test_ctrl_c_ends_every_process_and_the_next_run_goes_on_and_commits_what_it_made(first):
    for _ in range(5):  # on a busy machine the stage may be done before the signal is there
        code, told, mine = interrupted(first)
        if code != 0:
            break
    assert code == 130, told
    assert "the next run goes on" in told
    assert "Traceback" not in told
    assert not [child for child in mine if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]

    before = first.git("rev-parse", "HEAD")
    told = first.equipoise("run", "--set", "compare.margin=0.03", "--commit").stdout
    assert re.search(r"^(Take|Keep) \w+[:,] ", told, re.MULTILINE)
    assert first.git("log", "-1", "--format=%s") == "Update dvc.lock after a run"
    assert first.git("show", "--name-only", "--format=", "HEAD").split() == ["dvc.lock", "params.yaml"]
    first.git("reset", "-q", "--hard", before)
    first.dvc("checkout", "-q")


def test_dvc_experiments_work_on_the_same_files(first):
    first.dvc("exp", "run", "-q", "-S", "compare.margin=0.03")
    assert "margin: 0.03" in (first.root / "params.yaml").read_text()
    assert first.lock()["compare"]["params"]["params.yaml"]["compare"]["margin"] == 0.03
    first.git("checkout", "-q", "--", "params.yaml", "dvc.lock")
    first.dvc("checkout", "-q")


def test_other_dvc_commands_work_on_the_same_files(first):
    assert "explore" in first.dvc("dag", "--dot")
    first.dvc("push", "-q")
    first.dvc("plots", "show", "--json")
    shutil.rmtree(first.root / "models")
    first.dvc("pull", "-q")
    assert (first.root / "models/plain/seeds/0/model.safetensors").exists()


def test_a_tracking_server_that_is_away_stops_nothing_and_can_be_told_later(first):
    away = Project(first.root, {**first.environment, "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"})
    output = away.equipoise("run", "--force", "compare").stdout
    assert "equipoise track" in output
    assert "recorded" in first.equipoise("track").stdout
