"""The stage `audit`: planted shortcuts are found, clean recipes are not flagged, and what can't be audited says so."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from audit_project import AUDITED, BACKBONE, audited, make_project, run
from PIL import Image

from tasks.audit import strategy
from tasks.balance import own_steps
from tasks.features.backbones import Backbone
from tasks.inputs import Inputs
from tasks.params.editing import set_values
from tasks.params.models import Params
from tasks.registry import components
from tasks.tables import BALANCED, SPLITS
from tasks.train.models import Model
from tasks.workspace import WORKERS, Workspace

FLIPS = ("HorizontalFlip", {"p": 0.5}), ("VerticalFlip", {"p": 0.5})
MOVES = {"x": [-0.05, 0.05], "y": [-0.05, 0.05]}
BLACK_CORNERS = ("Rotate", {"limit": [-25, 25], "border_mode": 0, "fill": 0, "p": 1.0})
LOW_QUALITY = ("ImageCompression", {"quality_range": [8, 12], "p": 1.0})
WHOLE_PIXELS = ("Affine", {"translate_percent": MOVES, "interpolation": 0, "border_mode": 4, "p": 1.0})
FAINT_MARK = ("FaintMark", {"levels": 8, "p": 1.0})


def recipe(*steps: tuple[str, dict[str, Any]], augment: str = "minority") -> dict[str, Any]:
    """A recipe whose new images go through these steps of albumentations, or of the project's own."""
    transforms = [{"__class_fullname__": name, **parameters} for name, parameters in steps]
    pipeline = {"__class_fullname__": "Compose", "p": 1.0, "transforms": transforms}
    return {"augment": {"name": augment}, "preset": {"name": "custom", "pipeline": pipeline}}


RECIPES = {
    "black_corners": recipe(*FLIPS, BLACK_CORNERS),
    "low_quality": recipe(*FLIPS, LOW_QUALITY),
    "faint_mark": recipe(*FLIPS, FAINT_MARK),
    "flips": recipe(*FLIPS),
    "whole_pixels": recipe(WHOLE_PIXELS),
    "all_classes": recipe(*FLIPS, BLACK_CORNERS, augment="all"),
}


def mark(colours: np.ndarray, alpha: Any, numbers: Any, levels: int) -> tuple[np.ndarray, Any]:
    """A block of 3 x 3 pixels in a corner, a little brighter."""
    marked = colours.copy()
    marked[-3:, -3:] = np.clip(marked[-3:, -3:].astype(int) + levels, 0, 255).astype(np.uint8)
    return marked, alpha


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A project with all of `RECIPES` in its parameters; one process, so that planted steps are known everywhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(WORKERS, "1")
        patch.setitem(own_steps.OWN, "FaintMark", mark)
        yield make_project(tmp_path_factory.mktemp("audited"), RECIPES)


def record(workspace: Workspace, name: str) -> Any:
    return json.loads(workspace.path("reports", "audit", name, "audit.json").read_text())


@pytest.fixture(scope="module")
def finished(project: Workspace) -> Workspace:
    """Every recipe made, trained on and audited; the baseline's has no new images."""
    run(project, "balance@natural", "embed_new@natural", "train@plain", "audit@plain")
    for name in RECIPES:
        audited(project, name)
    return project


@pytest.fixture
def copied(finished: Workspace, tmp_path: Path) -> Workspace:
    """A copy of the finished project that a test may change."""
    shutil.copytree(finished.root, tmp_path / "copy")
    return Workspace(tmp_path / "copy")


@pytest.mark.parametrize("name", ["black_corners", "low_quality"])
def test_planted_shortcuts_move_predictions_and_are_found(finished: Workspace, name: str) -> None:
    found = one = record(finished, name)
    assert found["outcome"] == "shortcut found"
    assert (found["strategy"], found["recipe"]) == (name, name)
    assert (found["class"], found["minority"], found["images"], found["copies"]) == ("common", ["rare"], AUDITED, 2)
    assert one["difference"]["value"] > 0.3
    assert one["difference"]["low"] > found["limit"] == 0.05
    assert one["difference"]["value"] == pytest.approx(one["changed"]["value"] - one["untouched"]["value"], abs=1e-5)
    assert one["reason"].startswith(f"shortcut found: {AUDITED} unseen images of common are taken for rare in ")
    probe = found["probe"]["rare"]
    assert probe["features"]["low"] > 0.75
    assert probe["tell"]


@pytest.mark.parametrize("name", ["flips", "whole_pixels"])
def test_clean_recipes_on_the_same_data_are_not_flagged(finished: Workspace, name: str) -> None:
    one = record(finished, name)
    assert one["outcome"] in ("no shortcut", "can't tell")
    assert abs(one["difference"]["value"]) < 0.03


def test_flips_leave_no_trace_that_the_probe_finds(finished: Workspace) -> None:
    probe = record(finished, "flips")["probe"]["rare"]
    assert probe["tell"] in (None, "bytes a pixel"), "the images were not saved by the same program"
    assert probe["features"]["low"] < 0.5


def test_the_probe_names_a_faint_mark_that_no_backbone_sees(finished: Workspace) -> None:
    found = record(finished, "faint_mark")
    assert found["probe"]["rare"]["tell"] == "marks in the corners"
    assert found["probe"]["rare"]["properties"]["marks in the corners"]["value"] > 0.9
    assert found["probe"]["rare"]["features"]["low"] < 0.5, "frozen features don't hold it"
    assert found["outcome"] != "shortcut found", "so that no strategy can read it"


class Corner(Backbone):
    """A backbone that sees a corner and coarse colours of an image, and nothing else."""

    name: Literal["corner"] = "corner"
    dimensions: ClassVar[int] = 10
    mean: ClassVar[tuple[float, float, float]] = (0.0, 0.0, 0.0)
    deviation: ClassVar[tuple[float, float, float]] = (255.0, 255.0, 255.0)

    def load(self) -> Any:
        import torch

        def network(images: torch.Tensor) -> torch.Tensor:
            corner = images[:, 0, -3:, -3:].mean((1, 2)) - images[:, 0, -6:, -6:].mean((1, 2))
            coarse = torch.nn.functional.adaptive_avg_pool2d(images[:, :1], 3).flatten(1)
            return torch.cat([corner[:, None], coarse], dim=1)

        return network


@pytest.fixture
def corner(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backbone `corner` can be named; pydantic builds once what `params.yaml` may hold, so that is done anew."""
    monkeypatch.setitem(components("tasks.features.backbones"), "corner", Corner)
    Params.model_rebuild(force=True)
    yield
    monkeypatch.undo()
    Params.model_rebuild(force=True)


def test_a_strategy_that_sees_a_faint_mark_reads_it_and_is_found(
    tmp_path: Path, project: Workspace, corner: None
) -> None:
    names = ("faint_mark", "flips")
    workspace = make_project(tmp_path, {name: RECIPES[name] for name in names}, backbone="corner")
    for name in names:
        audited(workspace, name)
    one = record(workspace, "faint_mark")
    assert one["outcome"] == "shortcut found"
    assert one["difference"]["value"] > 0.2
    assert record(workspace, "flips")["difference"]["low"] < 0.02


def test_with_new_images_of_all_classes_every_other_class_is_the_minority(finished: Workspace) -> None:
    found = record(finished, "all_classes")
    assert found["minority"] == ["rare"]
    assert set(found["probe"]) == {"common", "rare"}
    assert found["outcome"] != "shortcut found", "black corners in every class are no mark of one"
    assert found["probe"]["common"]["features"]["low"] > 0.8, "though they are plain to see"


def test_a_contact_sheet_shows_images_untouched_beside_changed(finished: Workspace) -> None:
    folder = finished.path("reports", "audit", "black_corners")
    assert {path.name for path in folder.iterdir()} == {"audit.json", "audited.png"}
    with Image.open(folder / "audited.png") as sheet:
        assert min(sheet.size) > 400


def test_a_recipe_without_new_images_is_done_at_once(finished: Workspace) -> None:
    found = record(finished, "plain")
    assert found["outcome"] == "nothing to audit"
    assert found["difference"] is None
    code = (
        "import sys; from pathlib import Path; from tasks.workspace import Workspace; "
        "from tasks.audit.stage import run; run(Workspace(Path.cwd()), 'plain'); "
        "sys.exit(bool({'torch', 'cv2', 'sklearn', 'albumentations', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=finished.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_same_bytes_again_for_any_number_of_processes_and_nothing_stays_behind(
    finished: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def files() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in finished.path("reports", "audit", "flips").iterdir()}

    before = files()
    shutil.rmtree(finished.path(".equipoise", "rows"))
    monkeypatch.setenv(WORKERS, "2")
    run(finished, "audit@flips")
    assert files() == before
    assert not list(finished.path(".equipoise", "scratch").iterdir())


def test_strategies_of_one_recipe_share_what_is_made_and_embedded(
    copied: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied.path("params.yaml")
    again = "{recipe: flips, family: {name: nearest_class_mean, backbone: BACKBONE}, loss: {name: none}, "
    again += "sampler: {name: natural}, mixing: {name: none}, schedule: {name: constant}, posthoc: {name: none}}"
    set_values(path, [f"strategies.again={again.replace('BACKBONE', BACKBONE)}"])
    capsys.readouterr()
    run(Workspace(copied.root), "train@again", "audit@again")
    told = capsys.readouterr().out
    assert f"{2 * AUDITED} of {2 * AUDITED} known from earlier runs" in told
    assert "new images in" not in told, "no image is changed a second time"
    assert record(copied, "again")["class"] == "common"


def test_the_audit_depends_on_its_own_strategy_alone(copied: Workspace) -> None:
    before = record(copied, "flips")
    for name in ("black_corners", "plain"):
        shutil.rmtree(copied.path("models", name))
    run(copied, "audit@flips")
    assert record(copied, "flips") == before


# --- what can't be audited -------------------------------------------------------------------------------------------


def test_each_image_is_judged_by_the_model_that_did_not_see_it(
    copied: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int | None, list[str]]] = []

    def note(model: Model, inputs: Inputs, classes: list[str]) -> np.ndarray:
        asked.append((model.fold, inputs.ids))
        return taken_for(model, inputs, classes)

    taken_for = strategy.taken_for
    monkeypatch.setattr(strategy, "taken_for", note)
    run(copied, "audit@black_corners")
    fold_of = SPLITS.read(copied.path("data", "splits", "splits.parquet")).set_index("image_id")["fold"]
    seen = [(fold, name.partition("-")[0]) for fold, names in asked for name in names]
    assert all(fold_of[name] == fold for fold, name in seen)
    assert len(seen) == 3 * AUDITED, "each untouched, and changed twice"


def test_too_few_groups_hold_nothing_back_and_say_so(copied: Workspace) -> None:
    path = copied.path("data", "splits", "splits.parquet")
    splits = SPLITS.read(path)
    fold = splits["fold"].astype("string").fillna("none")
    SPLITS.write(splits.assign(group=splits["group"].where(splits["label"] != "common", fold)), path)
    run(copied, "audit@black_corners")
    found = record(copied, "black_corners")
    assert found["outcome"] == "not audited"
    told = f"not audited: too few images of common, {AUDITED} in 3 groups of relatives, where 10 are needed"
    assert found["reason"] == told
    assert found["difference"] is None


def test_synthetic_and_mixed_images_are_not_audited_and_that_is_said(copied: Workspace) -> None:
    path = copied.path("data", "balanced", "flips", "balanced.parquet")
    table = BALANCED.read(path)
    new = table.index[table["file"].notna()]
    table.loc[new[:5], "origin"] = "mixed"
    table.loc[new[:5], ["second_label", "second_share"]] = ["common", 0.5]
    table.loc[new[5:10], "origin"] = "synthetic"
    BALANCED.write(table, path)
    run(copied, "audit@flips")
    found = record(copied, "flips")
    assert [note.split()[0] for note in found["notes"]] == ["Mixed", "Synthetic"]
    assert found["difference"]
    table.loc[new, "origin"] = "synthetic"
    BALANCED.write(table, path)
    run(copied, "audit@flips")
    one = record(copied, "flips")
    assert one["outcome"] == "not audited"
    assert "not made by transforms of one image" in one["reason"]


def test_features_that_were_made_otherwise_are_refused(copied: Workspace) -> None:
    from tasks.errors import InputError

    file = copied.path("data", "features", BACKBONE, "features.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"precision": "bfloat16"}))
    with pytest.raises(
        InputError,
        match=r"with precision: float32, but .* with precision: bfloat16; run .*embed_new",
    ):
        importlib.import_module("tasks.audit.stage").run(copied, "flips")
