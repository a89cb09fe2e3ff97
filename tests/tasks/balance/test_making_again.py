"""What earlier runs made: taken over, resumed after a kill or on a full disk; always the bytes of a fresh run."""

import hashlib
import inspect
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from balance_project import project_of
from PIL import Image

from tasks.balance import make as make_module
from tasks.balance import stage
from tasks.balance.derive import Copy, Order, Parent
from tasks.balance.make import make
from tasks.balance.presets.industrial import Industrial
from tasks.errors import InputError
from tasks.params.editing import set_values
from tasks.tables import BALANCED, SPLITS
from tasks.workspace import Workspace

RECIPE = "augmented_all"
MANY = 120  # copies of each of 15 images


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """One worker, so that albumentations is imported once for all tests; what is killed has two."""
    monkeypatch.setenv("EQUIPOISE_WORKERS", "1")


@pytest.fixture
def many(workspace: Workspace) -> Workspace:
    """The project with a recipe that makes many images."""
    set_values(workspace.path("params.yaml"), [f"recipes.{RECIPE}.augment.copies={MANY}"])
    return Workspace(workspace.root)


def folder_of(workspace: Workspace) -> Path:
    return workspace.path("data", "balanced", RECIPE)


def bytes_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def made_afresh(workspace: Workspace, place: Path) -> dict[str, str]:
    """What a workspace that never ran makes of the same data."""
    shutil.copytree(workspace.root, place, ignore=shutil.ignore_patterns(".equipoise", "balanced", place.name))
    stage.run(Workspace(place), RECIPE)
    return bytes_of(folder_of(Workspace(place)))


def inodes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in folder.rglob("*.png") if "contact" not in str(path)}


def test_a_second_run_makes_no_image_again(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    stage.run(workspace, RECIPE)
    first, files = bytes_of(folder_of(workspace)), inodes(folder_of(workspace))
    capsys.readouterr()
    shutil.rmtree(folder_of(workspace))  # as DVC does before it runs a stage
    stage.run(workspace, RECIPE)
    assert bytes_of(folder_of(workspace)) == first
    assert inodes(folder_of(workspace)) == files, "linked, not copied"
    said = capsys.readouterr().out
    assert "15 of 15 known from earlier runs" in said
    assert "new images in" not in said


def test_more_copies_make_only_the_new_ones(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    stage.run(workspace, RECIPE)
    set_values(workspace.path("params.yaml"), [f"recipes.{RECIPE}.augment.copies=3"])
    capsys.readouterr()
    again = Workspace(workspace.root)
    stage.run(again, RECIPE)
    assert "30 new images in" in capsys.readouterr().out
    assert bytes_of(folder_of(again)) == made_afresh(again, workspace.root / "afresh")


def test_one_more_image_costs_its_own_descendants(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test image of the rare class becomes a training image: it brings its own copies, and takes places of others."""
    monkeypatch.setattr(sys.modules[__name__], "RECIPE", "augmented_minority")
    stage.run(workspace, RECIPE)
    before = set(bytes_of(folder_of(workspace) / "images"))
    path = workspace.path("data", "splits", "splits.parquet")
    splits = SPLITS.read(path)
    newcomer = splits.index[(splits["part"] == "test") & (splits["label"] == "rare one")]
    splits.loc[newcomer, "part"], splits.loc[newcomer, "fold"] = "train", 0
    SPLITS.write(splits, path)
    capsys.readouterr()
    stage.run(workspace, RECIPE)
    after = set(bytes_of(folder_of(workspace) / "images"))
    (image,) = splits.loc[newcomer, "image_id"]
    assert {Path(name).name.split("-")[0] for name in after - before} == {image}
    assert len(after - before) == 2  # 8 new images of 4 originals, where there were 9 of 3
    assert len(before - after) == 3
    assert "2 new images in" in capsys.readouterr().out
    assert bytes_of(folder_of(workspace)) == made_afresh(workspace, workspace.root / "afresh")


def test_one_percent_more_images_cost_about_one_percent_of_files_and_of_dvcs_cache(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On 400 images, four more: DVC's cache gets the new images, and the tables and sheets of the set."""
    from dvc.repo import Repo

    monkeypatch.setattr(sys.modules[__name__], "RECIPE", "augmented_minority")
    workspace = project_of(tmp_path, repository, {"common": 303, "rare": 101})
    splits = workspace.path("data", "splits", "splits.parquet")
    whole = SPLITS.read(splits)
    newcomers = whole.groupby("label").head(3).index[:3].append(whole.index[whole["label"] == "rare"][:1])
    SPLITS.write(whole.drop(newcomers), splits)

    sizes = []
    with Repo.init(str(tmp_path), no_scm=True) as repo:
        for table in (whole.drop(newcomers), whole):
            SPLITS.write(table, splits)
            stage.run(workspace, RECIPE)
            repo.add(str(folder_of(workspace)))
            kept = {path: path.stat().st_size for path in (tmp_path / ".dvc" / "cache").rglob("*") if path.is_file()}
            images = {path.name for path in folder_of(workspace).glob("images/*/*")}
            sizes.append((kept, images))
    (before, old), (after, new) = sizes
    assert len(old) == 200
    assert len(new - old) <= 6
    assert len(old - new) <= 4
    others = 4  # the list of the folder, the table, the summary and the sheet
    assert len(after) - len(before) <= len(new - old) + others
    of_images = sum(path.stat().st_size for path in folder_of(workspace).glob("images/*/*"))
    added = sum(size for path, size in after.items() if path not in before)
    tables = sum(path.stat().st_size for path in folder_of(workspace).rglob("*") if path.parent.parent.name != "images")
    assert added - tables - 20_000 < 0.05 * of_images  # 20 kB: DVC's list of 200 files


def test_a_removed_parent_takes_its_descendants_along(workspace: Workspace) -> None:
    stage.run(workspace, RECIPE)
    path = workspace.path("data", "splits", "splits.parquet")
    splits = SPLITS.read(path)
    gone = splits.loc[splits["part"] == "train", "image_id"].iloc[0]
    SPLITS.write(splits[splits["image_id"] != gone], path)
    stage.run(workspace, RECIPE)
    table = BALANCED.read(folder_of(workspace) / "balanced.parquet")
    assert gone not in {parent for parents in table["parents"] for parent in parents}
    assert not [name for name in bytes_of(folder_of(workspace)) if gone in name]
    assert bytes_of(folder_of(workspace)) == made_afresh(workspace, workspace.root / "afresh")


def test_an_image_that_was_written_to_is_made_again(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """Files of the set and of the store are one where the disk links them; what was edited is noticed by its hash."""
    stage.run(workspace, RECIPE)
    whole = bytes_of(folder_of(workspace))
    victims = sorted(folder_of(workspace).glob("images/*/*.png"))[:2]
    victims[0].write_bytes(b"scribbled over")
    for stored in workspace.path(".equipoise").rglob("files/*/*"):
        if stored.stat().st_ino == victims[1].stat().st_ino:
            stored.unlink()
    capsys.readouterr()
    stage.run(workspace, RECIPE)
    assert bytes_of(folder_of(workspace)) == whole
    assert "2 new images in" in capsys.readouterr().out


def start(workspace: Workspace, flush_seconds: float) -> subprocess.Popen[bytes]:
    """The stage in a process group of its own, writing down what it found every so many seconds."""
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); import tasks.row_store; "
        f"tasks.row_store.FLUSH_SECONDS = {flush_seconds}; "
        "from tasks.__main__ import main; sys.exit(main(['balance', sys.argv[2]]))"
    )
    source = str(Path(stage.__file__).parents[2])
    environment = os.environ | {"EQUIPOISE_WORKERS": "2"}
    return subprocess.Popen(
        [sys.executable, "-c", code, source, RECIPE],
        cwd=workspace.root,
        env=environment,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_a_killed_run_goes_on_where_it_stood(many: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    process = start(many, flush_seconds=0)
    store = many.path(".equipoise", "rows", f"images-{RECIPE}")
    while process.poll() is None and not list(store.rglob("*.parquet")):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it was to be killed before its end"
    assert not folder_of(many).exists(), "no half-written set is visible"
    stage.run(many, RECIPE)
    said = capsys.readouterr().out
    (known,) = [line for line in said.splitlines() if "known from earlier runs" in line]
    assert 0 < int(known.split(" of ")[0].replace(",", "")) < 15 * MANY
    assert bytes_of(folder_of(many)) == made_afresh(many, many.root / "afresh")


def test_a_disk_that_is_too_small_is_noticed_before_the_first_image(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(workspace.root)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(InputError, match=r"not enough disk space at .* are free; free some and run again"):
        stage.run(workspace, RECIPE)
    assert not folder_of(workspace).exists()
    assert not list(workspace.path(".equipoise").rglob("*.png"))


def test_the_components_of_a_recipe_share_the_disk(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is room for the augmented images, and none for the mixed ones: nothing is made."""
    name = "layered"
    recipe = (
        "{resample: {name: none}, augment: {name: minority, to: {largest: 0.5}}, preset: {name: industrial}, "
        "mixed: {name: mixup}, synthetic: {generator: none}}"
    )
    set_values(workspace.path("params.yaml"), [f"recipes.{name}={recipe}"])
    usage = shutil.disk_usage(workspace.root)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=2 * 4 * 4096))
    with pytest.raises(InputError, match="not enough disk space"):
        stage.run(Workspace(workspace.root), name)
    assert not list(workspace.path(".equipoise").rglob("*.png"))


def test_images_that_turn_out_larger_than_their_parents_are_noticed_early(
    many: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(many.root)
    asked: list[int] = []

    def free(path: Path) -> object:
        asked.append(len(list(many.path(".equipoise").rglob("*.png"))))
        return usage._replace(free=10**12 if len(asked) == 1 else 1000)

    monkeypatch.setattr(shutil, "disk_usage", free)
    with pytest.raises(InputError, match="not enough disk space"):
        stage.run(many, RECIPE)
    assert asked[0] == 0
    assert 0 < asked[1] <= 2 * 64


def test_the_copies_of_one_image_are_shared_out_and_written_down_in_portions(tmp_path: Path) -> None:
    """A rare class has few parents with many copies: one of them must not keep a process busy, and rows back."""
    parent = Parent(tmp_path / "parent.png", "a" * 64, 8)
    Image.new("L", (8, 8), 90).save(parent.path)
    order = Order(parent, tuple(Copy(n, tmp_path / "new" / str(n)) for n in range(1, 200)))
    whole = [image.sha256 for image in make([order], Industrial().specification(), 0, 1)]
    halves = [replace(order, copies=order.copies[:100]), replace(order, copies=order.copies[100:])]
    assert [image.sha256 for image in make(halves, Industrial().specification(), 0, 1)] == whole
    seen = []
    original = make_module._make
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make_module, "_make", lambda one, **rest: seen.append(one) or original(one, **rest))
        list(make([order], Industrial().specification(), 0, 1))
    assert [len(one.copies) for one in seen] == [64, 64, 64, 7]


def test_a_mix_whose_code_changed_makes_its_images_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = (
        "{resample: {name: none}, augment: {name: none}, preset: {name: none}, mixed: {name: mixup}, "
        "synthetic: {generator: none}}"
    )
    set_values(workspace.path("params.yaml"), [f"recipes.mixed={recipe}"])
    stage.run(Workspace(workspace.root), "mixed")
    capsys.readouterr()
    source = inspect.getsource
    monkeypatch.setattr(inspect, "getsource", lambda module: source(module) + "# another line")
    stage.run(Workspace(workspace.root), "mixed")
    said = capsys.readouterr().out
    assert "known from earlier runs" not in said
    assert "9 new images in" in said


def test_the_store_keeps_what_the_set_has_and_forgets_removed_recipes(workspace: Workspace) -> None:
    def stored() -> int:
        return len(list(workspace.path(".equipoise", "rows").rglob("*.png")))

    set_values(workspace.path("params.yaml"), [f"recipes.{RECIPE}.augment.copies=3"])
    stage.run(Workspace(workspace.root), RECIPE)
    assert stored() == 45
    set_values(workspace.path("params.yaml"), [f"recipes.{RECIPE}.augment.copies=1"])
    stage.run(Workspace(workspace.root), RECIPE)
    assert stored() == 15
    gone = workspace.path(".equipoise", "rows", "images-gone")
    gone.mkdir()
    stage.run(Workspace(workspace.root), "natural")
    assert not gone.exists()
    assert stored() == 15


def may_mount() -> bool:
    mount = ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/tmp"]
    return subprocess.run(mount, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not shutil.which("unshare") or not may_mount(), reason="needs a mount of its own to fill a disk")
def test_a_disk_that_fills_up_costs_no_image_and_leaves_none_by_halves(
    many: Workspace, tmp_path_factory: pytest.TempPathFactory, repository: Path
) -> None:
    """On a small disk of its own the run ends with a clear error; with more room the next one ends as a fresh one."""
    disk, out = tmp_path_factory.mktemp("disk"), tmp_path_factory.mktemp("out")
    plain = "import sys; from tasks.__main__ import main; sys.exit(main(sys.argv[1:]))"
    # Asked beforehand, there was room: someone else takes it meanwhile.
    full = f"import tasks.balance.space as space; space.check_space = lambda *_: None; {plain}"
    script = f"""
        set -eu
        mount -t tmpfs -o size=3m tmpfs {disk}
        cp -r {many.root}/data {many.root}/params.yaml {disk}
        cd {disk}
        run() {{ PYTHONPATH={repository} {sys.executable} -c "$1" balance {RECIPE}; }}
        set +e; run "{full}" > {out}/first 2> {out}/told; echo $? > {out}/code; set -e
        [ -e data/balanced ] && echo visible > {out}/visible
        find .equipoise -name '.*.png.*' > {out}/halves
        mount -o remount,size=200m {disk}
        run "{plain}" > {out}/second
        cp -r data/balanced/{RECIPE} {out}/set
    """
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (out / "code").read_text().strip() == "1", (out / "told").read_text()
    assert "the disk is full" in (out / "told").read_text()
    assert "Traceback" not in (out / "told").read_text()
    assert not (out / "visible").exists()
    assert (out / "halves").read_text() == ""
    assert bytes_of(out / "set") == made_afresh(many, many.root / "afresh")
