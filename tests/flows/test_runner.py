"""The parallel graph runner, on a toy project without images."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest
import yaml

from flows.dvc_locks import release_dead_locks
from flows.graph import Graph, graph_of, read_graph, stale_stages
from flows.graph_runner import run_graph
from flows.locks import workspace_lock
from flows.outcomes import Outcome, Result
from flows.prune import prune
from flows.repository import open_repo
from flows.stage_runner import StageRunner
from tasks.errors import InputError


def run(toy, *, jobs: int = 2, targets: list[str] | None = None, **options) -> dict[str, Result]:
    release_dead_locks(toy.root)
    with open_repo(toy.root) as repo:
        graph = graph_of(repo)
        prune(repo, graph)
        stale = stale_stages(repo, graph)
    if targets:
        graph = graph.restrict(targets)
    runner = StageRunner(toy.root, toy.root / ".equipoise" / "logs", **options)
    return run_graph(graph, set(stale), runner.run_stage, jobs=jobs, cancelled=runner.cancelled)


def stale_of(toy) -> dict[str, list[str]]:
    with open_repo(toy.root) as repo:
        return stale_stages(repo, graph_of(repo))


def outcomes(results: dict[str, Result]) -> dict[str, str]:
    return {stage: str(result.outcome) for stage, result in results.items()}


def lock_entries(root: Path) -> dict:
    return yaml.safe_load((root / "dvc.lock").read_text())["stages"]


ALL = ["source", "sibling@one", "sibling@two", "sibling@three", "side", "join"]


def test_the_graph_is_read_from_dvc_yaml(toy):
    graph = read_graph(toy.root)
    assert list(graph.upstream) == ALL
    assert graph.upstream["join"] == ("sibling@one", "sibling@two", "sibling@three", "side")
    assert graph.upstream["side"] == ("source",)
    assert graph.outputs["sibling@two"] == ("made/siblings/two",)
    assert list(graph.restrict(["sibling"]).upstream) == ["source", "sibling@one", "sibling@two", "sibling@three"]
    assert graph.downstream(["side"]) == ["join"]


@pytest.fixture(scope="module")
def first_run(toy_template, tmp_path_factory):
    """A toy that has run once, what became of its stages, and what was heard of them; to be read, not changed."""
    ran = toy_template.copy(tmp_path_factory.mktemp("ran") / "toy")
    heard = []
    return ran, run(ran, on_line=lambda stage, line: heard.append((stage, line))), heard


@pytest.fixture
def ran(first_run, tmp_path):
    """A copy of it, to be changed."""
    return first_run[0].copy(tmp_path / "ran")


@pytest.fixture(scope="module")
def plain_lock(toy_template, tmp_path_factory) -> dict:
    """What plain DVC writes into its lock."""
    plain = toy_template.clone(tmp_path_factory.mktemp("plain") / "toy")
    plain.dvc("repro", "-q")
    return lock_entries(plain.root)


def test_first_run_completes_everything_and_second_changes_nothing(first_run, ran):
    _, results, _ = first_run
    assert set(outcomes(results).values()) == {"Completed"}
    assert stale_of(ran) == {}
    assert outcomes(run(ran)) == dict.fromkeys(ALL, "Unchanged")


def test_only_what_depends_on_a_changed_parameter_runs_and_dvc_restores_what_it_knows(ran):
    params = ran.root / "params.yaml"
    before = params.read_text()
    params.write_text(before.replace("factor: 2", "factor: 5"))
    stale = stale_of(ran)
    assert set(stale) == {"sibling@two", "join"}
    assert "siblings.two modified" in stale["sibling@two"]
    changed = outcomes(run(ran))
    assert changed["sibling@two"] == "Completed"
    assert changed["source"] == changed["sibling@one"] == changed["side"] == "Unchanged"
    params.write_text(before)
    back = outcomes(run(ran))
    assert back["sibling@two"] == back["join"] == "Restored"


def test_an_upper_stage_with_the_same_result_leaves_the_lower_ones_unchanged(ran):
    with (ran.root / "work.py").open("a") as file:
        file.write("# a remark\n")
    again = outcomes(run(ran))
    assert again["source"] == "Completed"
    assert again["side"] == "Unchanged"


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_dvc_lock_is_that_of_plain_repro_for_any_jobs_and_order(toy, plain_lock, jobs):
    shuffled = random.Random(jobs)
    for name in ("sibling-one", "sibling-two", "sibling-three", "side"):
        toy.switch(name, f"time.sleep({shuffled.random()})")
    assert set(outcomes(run(toy, jobs=jobs)).values()) == {"Completed"}
    assert lock_entries(toy.root) == plain_lock
    assert toy.dvc("status").stdout.strip() == "Data and pipelines are up to date."


def test_siblings_run_at_the_same_time(toy):
    meet = "pathlib.Path('switches/met-' + name).touch()\nend = time.time() + 60\n" + textwrap.dedent(
        """
        while len(list(pathlib.Path('switches').glob('met-*'))) < 2:
            assert time.time() < end, 'the other did not come'
            time.sleep(0.02)
        """
    )
    toy.switch("sibling-one", meet)
    toy.switch("sibling-two", meet)
    results = outcomes(run(toy, jobs=2))
    assert set(results.values()) == {"Completed"}


def test_a_failure_tells_the_stages_own_words_and_blocks_only_what_depends_on_it(toy):
    toy.switch("sibling-two", "print('the kiln is cold'); sys.exit(3)")
    results = run(toy)
    failed = results["sibling@two"]
    assert failed.outcome is Outcome.FAILED
    assert "the kiln is cold" in failed.message
    assert "exited with" not in failed.message
    assert failed.exit_code == 1
    assert results["join"].outcome is Outcome.BLOCKED
    assert "sibling@two" in results["join"].message
    assert results["sibling@three"].outcome is results["side"].outcome is Outcome.COMPLETED
    toy.switch("sibling-two", "")
    assert outcomes(run(toy))["join"] == "Completed"


def test_a_stage_that_is_killed_says_so_and_not_what_it_printed_last(toy):
    toy.switch("side", "print('all is well', flush=True); import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    message = run(toy)["side"].message
    assert message.startswith("was killed by the signal SIGKILL, mostly since the memory ran out")
    assert "all is well" not in message


def test_wrong_input_is_told_by_its_exit_code(toy):
    toy.switch("source", "sys.exit('error: no images') if False else (print('error: no images'), sys.exit(2))")
    assert run(toy)["source"].exit_code == 2


def test_what_libraries_write_stands_in_the_log_and_not_in_the_terminal_nor_beside_an_error(toy):
    noise = "import warnings; warnings.warn('of a library'); os.write(2, b'of C code\\n'); "
    toy.switch("source", noise)
    heard = []
    logs = toy.root / ".equipoise/logs"
    runner = StageRunner(toy.root, logs, forced={"source"}, on_line=lambda stage, line: heard.append(line))
    assert runner.run_stage("source").outcome is Outcome.COMPLETED
    assert heard == ["working on source"]
    log = (logs / "source.log").read_text()
    assert "UserWarning: of a library" in log
    assert "of C code" in log
    toy.switch("source", noise + "print('reading', flush=True); sys.stderr.write('error: no images\\n'); sys.exit(2)")
    message = runner.run_stage("source").message
    assert message == "error: no images\n(log: .equipoise/logs/source.log)"
    toy.switch("source", noise + "raise ValueError('not foreseen')")
    assert "ValueError: not foreseen\n(log" in runner.run_stage("source").message


def test_an_error_of_dvc_itself_is_told_not_the_last_words_of_the_stage(toy):
    toy.switch("source", "print('all is well'); sys.exit(0)")
    failed = run(toy, targets=["source"])["source"]
    assert failed.outcome is Outcome.FAILED
    assert "made/source" in failed.message
    assert "all is well" not in failed.message


def test_a_broken_terminal_ends_the_run_and_no_stage_waits_for_it(toy):
    toy.switch("source", "print(('x' * 100 + chr(10)) * 10_000)")

    def broken(stage: str, line: str) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        run(toy, targets=["source"], on_line=broken)
    assert processes_below(toy.root) == []


def test_a_repository_above_the_project_is_refused_with_the_remedy(toy):
    inner = toy.root / "inner"
    inner.mkdir()
    (inner / "dvc.yaml").write_text("stages: {}\n")
    with pytest.raises(InputError, match="dvc init --subdir"):
        read_graph(inner)


def test_output_streams_to_the_callback_and_the_log_file(first_run):
    toy, _, heard = first_run
    assert ("side", "working on side") in heard
    assert not [line for _, line in heard if "dvc" in line.lower()]
    assert "working on side" in (toy.root / ".equipoise/logs/side.log").read_text()


def test_force_runs_what_did_not_change(ran):
    graph = read_graph(ran.root)
    runner = StageRunner(ran.root, ran.root / ".equipoise" / "logs", forced={"side"})
    again = run_graph(graph, {"side"}, runner.run_stage, jobs=2, cancelled=runner.cancelled)
    assert outcomes(again) == {**dict.fromkeys(ALL, "Unchanged"), "side": "Completed", "join": "Unchanged"}


def test_a_removed_stage_is_pruned_and_the_lock_is_that_of_plain_repro(ran, tmp_path):
    ran.git("add", "dvc.lock")
    ran.git("commit", "-q", "-m", "with three siblings")
    params = ran.root / "params.yaml"
    params.write_text(params.read_text().replace("  two: {factor: 2}\n", ""))
    ran.git("commit", "-q", "-a", "-m", "without two")
    plain = ran.clone(tmp_path / "plain")
    plain.dvc("repro", "-q")
    results = run(ran)
    assert list(results) == [stage for stage in ALL if stage != "sibling@two"]
    assert results["join"].outcome is Outcome.COMPLETED
    assert not (ran.root / "made/siblings/two").exists()
    entries, of_plain = lock_entries(ran.root), lock_entries(plain.root)
    assert of_plain.pop("sibling@two")  # plain DVC keeps the dead entry: it is the only difference
    assert entries == of_plain
    assert list(entries) == list(results)
    ran.git("checkout", "-q", "HEAD~1", "--", "dvc.lock", "params.yaml")
    ran.dvc("checkout", "-q")
    assert (ran.root / "made/siblings/two").exists()


def test_pruning_never_leaves_the_project_or_touches_what_is_kept(ran, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("precious")
    lock = ran.root / "dvc.lock"
    data = yaml.safe_load(lock.read_text())
    gone = {"cmd": "true", "outs": [{"path": "../outside"}, {"path": "made"}, {"path": "."}]}
    data["stages"]["gone"] = gone
    lock.write_text(yaml.safe_dump(data))
    with open_repo(ran.root) as repo:
        assert prune(repo, graph_of(repo)) == ["gone"]
    assert outside.exists()
    assert (ran.root / "made/join").exists()


def test_a_second_run_on_the_same_workspace_is_refused(tmp_path):
    refused = pytest.raises(InputError, match=f"process {os.getpid()}")
    with workspace_lock(tmp_path), refused, workspace_lock(tmp_path):
        pass
    with workspace_lock(tmp_path):
        pass


def test_a_folder_without_dvc_is_told_what_to_do(tmp_path):
    with pytest.raises(InputError, match="dvc init"):
        read_graph(tmp_path)


def test_an_unknown_stage_is_told_the_known_ones(toy):
    with pytest.raises(InputError, match="no stage 'sidling'; there are source, sibling, side, join"):
        read_graph(toy.root).restrict(["sidling"])


def processes_below(root: Path) -> list[int]:
    found = []
    for process in psutil.process_iter(["pid", "cwd", "status"]):
        inside = process.info["cwd"] == str(root)
        if inside and process.info["status"] != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
            found.append(process.pid)
    return found


def wait_until(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.05)


def test_a_stage_over_its_time_is_ended_with_its_children(toy):
    toy.switch("source", "import subprocess; subprocess.run(['sleep', '600'])")
    result = run(toy, timeout=4)["source"]
    assert result.outcome is Outcome.FAILED
    assert "limit" in result.message
    assert processes_below(toy.root) == []


def test_cancelling_leaves_no_process_behind_and_the_next_run_goes_on(toy):
    toy.switch("source", "pathlib.Path('switches/started').touch(); time.sleep(600)")
    runner = StageRunner(toy.root, toy.root / ".equipoise" / "logs")
    graph, stale = read_graph(toy.root), stale_of(toy)

    def cancel() -> None:
        wait_until((toy.root / "switches/started").exists)
        runner.cancelled.set()

    threading.Thread(target=cancel).start()
    results = run_graph(graph, set(stale), runner.run_stage, jobs=2, cancelled=runner.cancelled)
    assert results["source"].outcome is Outcome.CANCELLED
    assert results["join"].outcome is Outcome.BLOCKED
    assert processes_below(toy.root) == []
    toy.switch("source", "")
    assert set(outcomes(run(toy)).values()) == {"Completed"}


def test_killing_the_runner_leaves_no_process_behind(toy):
    toy.switch("sibling-one", "pathlib.Path('switches/started').touch(); time.sleep(600)")
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from flows.graph import read_graph
from flows.graph_runner import run_graph
from flows.stage_runner import StageRunner
root = Path({str(toy.root)!r})
graph = read_graph(root)
runner = StageRunner(root, root / ".equipoise" / "logs")
run_graph(graph, set(graph.upstream), runner.run_stage, jobs=2, cancelled=runner.cancelled)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=toy.root.parent)
    wait_until((toy.root / "switches/started").exists)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not processes_below(toy.root))
    toy.switch("sibling-one", "")
    assert set(outcomes(run(toy)).values()) <= {"Completed", "Unchanged"}


def diamond() -> Graph:
    upstream = {"top": (), "left": ("top",), "right": ("top",), "bottom": ("left", "right")}
    return Graph(upstream, dict.fromkeys(upstream, ()))


def test_never_more_than_jobs_stages_run_and_workers_share_the_jobs():
    running, most, shares = set(), [], {}
    guard = threading.Lock()

    def execute(stage: str, workers: int) -> Result:
        with guard:
            running.add(stage)
            most.append(len(running))
            shares[stage] = workers
        time.sleep(0.05)
        with guard:
            running.discard(stage)
        return Result(stage, Outcome.COMPLETED)

    run_graph(diamond(), set(diamond().upstream), execute, jobs=2, cancelled=threading.Event())
    assert max(most) == 2
    assert shares == {"top": 2, "left": 1, "right": 1, "bottom": 2}


def test_an_exception_while_running_cancels_the_stages_that_run():
    cancelled = threading.Event()

    def execute(stage: str, workers: int) -> Result:
        return Result(stage, Outcome.CANCELLED if cancelled.wait(60) else Outcome.COMPLETED)

    def interrupt(result: Result) -> None:
        raise KeyboardInterrupt

    graph = Graph({"a": (), "b": (), "c": ()}, {"a": (), "b": (), "c": ()})
    with pytest.raises(KeyboardInterrupt):
        run_graph(graph, {"b", "c"}, execute, jobs=2, cancelled=cancelled, on_result=interrupt)
    assert cancelled.is_set()
