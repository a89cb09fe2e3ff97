"""A workspace as a pipeline run leaves it, small, and what stands in MLflow's store of it."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from ruamel.yaml import YAML

from flows.costs import Cost
from flows.tracking import Recorded, record, store
from flows.tracking.findings import Findings
from flows.tracking.gate import Decision
from tasks.features.backbones.efficientnet_lite0 import EfficientNetLite0
from tasks.files import write_json, write_text
from tasks.params import Params, load_params
from tasks.slugs import slugs
from tasks.tables import CATALOG, PREDICTIONS, SPLITS
from tasks.train.families.head import FittedHead, Head
from tasks.train.models import Model, save_model
from tasks.train.posthoc.none import Unchanged

REPOSITORY = Path(__file__).parent.parent.parent
BACKBONE = "efficientnet_lite0"
CLASSES = ["Functional", "likely defective", "Ungültig"]
STRATEGIES = ["plain", "focal", "oversampled"]
GAINS = {"plain": None, "focal": (0.031, 0.011, 0.052), "oversampled": (-0.004, -0.015, 0.006)}
ENDS = ("value", "low", "high")
AUDITS = {
    "oversampled": {"reason": "can't tell: a rise of 0.02", "difference": {"value": 0.02, "low": -0.03, "high": 0.07}}
}
COUNTS = {"Functional": 60, "likely defective": 24, "Ungültig": 16}
HELD_OUT = 12  # images a class
SEEDS = 2
RIGHT: dict[str, float] = {
    "plain": 0.55,
    "focal": 0.8,
    "oversampled": 0.5,
}  # share of the images that a strategy decides rightly


@cache
def fitted(seed: int) -> FittedHead:
    """A head on the features of the default backbone, of chance."""
    stream = np.random.default_rng(seed)
    arrays = {"weight0": stream.normal(size=(3, 1280)), "bias0": stream.normal(size=3)}
    arrays |= {"mean": stream.normal(size=1280), "deviation": stream.uniform(1, 2, size=1280)}
    arrays = {name: values.astype(np.float32) for name, values in arrays.items()}
    return FittedHead(BACKBONE, None, np.full(3, 1 / 3), arrays)


def images(version: str = "") -> dict[str, tuple[str, str]]:
    """Part and class of each image of a version of the data."""
    counts = {"train": COUNTS, "test": dict.fromkeys(CLASSES, HELD_OUT)}
    return {
        f"{part} {label} {number}{version}": (part, label)
        for part, of_part in counts.items()
        for label, size in of_part.items()
        for number in range(size)
    }


def predicted(splits: pd.DataFrame, right: float | dict[str, float]) -> pd.DataFrame:
    """Predictions that are right for so large a share of each class; of the others, the next class is taken."""
    names = sorted(splits["label"].unique())
    shares = splits["label"].map(right) if isinstance(right, dict) else right
    place = splits.groupby(["part", "label"]).cumcount()
    size = splits.groupby(["part", "label"])["image_id"].transform("size")
    decided = [
        names.index(label) if hit else (names.index(label) + 1) % len(names)
        for label, hit in zip(splits["label"], place < shares * size, strict=True)
    ]
    scores = pd.DataFrame(np.eye(len(names))[decided], columns=[f"score.{name}" for name in names])
    told = splits[["image_id", "part", "repeat", "fold", "label"]].reset_index(drop=True)
    tables = [pd.concat([told.assign(seed=seed, kind="logit"), scores], axis=1) for seed in range(SEEDS)]
    return pd.concat(tables, ignore_index=True).astype({"seed": "int16"})


@dataclass
class Project:
    """A workspace as a pipeline run leaves it, small.

    `images` names what the split is made of: part and class of each image, whose content follows its name.
    """

    root: Path
    params: Params
    strategies: list[str] = field(default_factory=lambda: list(STRATEGIES))
    images: dict[str, tuple[str, str]] = field(default_factory=images)
    right: dict[str, float | dict[str, float]] = field(default_factory=lambda: dict(RIGHT))
    audit: str = "nothing to audit"

    def write(self, recommended: str = "focal") -> None:
        """Write what all stages make, and the `dvc.lock` that fits."""
        for name in self.params.recipes:
            self._recipe(name)
        write_json(self.root / "data/catalog/summary.json", {"images": 100})
        write_json(self.root / "data/splits/summary.json", {"train": 80, "test": 20})
        self._tables()
        for number, name in enumerate(self.strategies):
            self._model(name, number)
        self._evaluation()
        self._comparison(recommended)
        write_text(self.root / "reports/explore/report.html", "<h1>The data</h1>")
        self.lock()

    def lock(self) -> None:
        """Write `dvc.lock`, with a hash an output that follows its files."""
        outs = {"ingest": ["data/catalog"], "split": ["data/splits"], "explore": ["reports/explore"]}
        outs |= {f"balance@{name}": [f"data/balanced/{name}"] for name in self.params.recipes}
        outs |= {f"train@{name}": [f"models/{name}", f"predictions/{name}"] for name in self.strategies}
        outs |= {f"audit@{name}": [f"reports/audit/{name}"] for name in self.strategies}
        outs |= {"evaluate": ["reports/evaluate"], "compare": ["reports/compare"]}
        stages = {
            stage: {"cmd": "x", "outs": [{"path": path, "hash": "md5", "md5": self.hash(path)} for path in paths]}
            for stage, paths in outs.items()
        }
        with (self.root / "dvc.lock").open("w") as file:
            YAML().dump({"schema": "2.0", "stages": stages}, file)

    def hash(self, path: str) -> str:
        files = sorted(file for file in (self.root / path).rglob("*") if file.is_file())
        content = b"".join(str(file).encode() + file.read_bytes() for file in files)
        return hashlib.md5(content, usedforsecurity=False).hexdigest() + ".dir"

    def outcomes(self, outcome: str = "Completed", **others: str) -> dict[str, str]:
        stages = ["ingest", "split", "explore", *(f"balance@{name}" for name in self.params.recipes)]
        stages += [*(f"train@{name}" for name in self.strategies), "evaluate", "compare"]
        stages += [f"audit@{name}" for name in self.strategies]
        return {stage: others.get(stage.replace("@", "_"), outcome) for stage in stages}

    def record(self, run_id: str = "first", outcomes: dict[str, str] | None = None, **more: Any) -> Recorded:
        outcomes = outcomes or self.outcomes()
        return record(self.root, self.params, outcomes, dict.fromkeys(outcomes, Cost(1.5, 6)), run_id=run_id, **more)

    def findings(self) -> Findings:
        return Findings(self.root, self.params, self.outcomes("Unchanged"))

    def _tables(self) -> None:
        """The split, and what every strategy predicts: right for its share of the images of each class."""
        rows = [
            {"image_id": image, "group": f"group of {image}", "label": label, "part": part, "repeat": 0}
            | {"fold": number % 2 if part == "train" else None}
            for number, (image, (part, label)) in enumerate(sorted(self.images.items()))
        ]
        splits = pd.DataFrame(rows).astype({"repeat": "int16", "fold": "Int16"})
        SPLITS.write(splits, self.root / "data/splits/splits.parquet")
        for name in self.strategies:
            path = PREDICTIONS.place(self.root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            PREDICTIONS.write(predicted(splits, self.right[name]), path)

    def draw(self) -> None:
        """The images themselves, those of a class alike, and the catalog that names them."""
        rows = []
        for number, (image, (_, label)) in enumerate(sorted(self.images.items())):
            path = self.root / "data/raw" / label / f"{image}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            shade = 40 + 60 * CLASSES.index(label)
            Image.new("RGB", (80, 64), (shade, 255 - shade, number % 256)).save(path)
            told = {"image_id": image, "path": f"{label}/{image}.png", "paths": [f"{label}/{image}.png"], "phash": []}
            empty = {field.name: None if field.nullable else 0 for field in CATALOG.schema}
            texts = dict.fromkeys(("mode", "format", "sha256", "pixels"), "")
            rows.append(empty | texts | told)
        CATALOG.write(pd.DataFrame(rows), self.root / "data/catalog/catalog.parquet")

    def _recipe(self, name: str) -> None:
        folder = self.root / "data/balanced" / name
        after = {label: {"original": count} for label, count in COUNTS.items()}
        if name == "augmented_minority":
            after |= {label: {"original": COUNTS[label], "augmented": 80 - COUNTS[label]} for label in CLASSES[1:]}
            (folder / "contact_sheets").mkdir(parents=True, exist_ok=True)
            for label, slug in slugs(CLASSES[1:]).items():
                shade = COUNTS[label] * 8
                Image.new("RGB", (240, 160), (shade, 120, 160)).save(folder / "contact_sheets" / f"{slug}.png")
        write_json(folder / "summary.json", {"before": COUNTS, "after": after})

    def _model(self, name: str, number: int) -> None:
        write_json(self.root / "reports/audit" / name / "audit.json", {"strategy": name})
        folder = self.root / "models" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        backbone = EfficientNetLite0(image_size=64)
        family = Head(backbone=BACKBONE)
        save_model(Model(sorted(CLASSES), family, Unchanged(), (fitted(number),), None, backbone, 16), folder, {})
        with (folder / "history.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["seed", "fold", "epoch", "loss"])
            for seed in (0, 1):
                for fold in (0, 1, ""):
                    rows.writerows([seed, fold, epoch, 1 / epoch + seed + (fold or 0)] for epoch in (1, 2, 3))

    def metrics(self, name: str) -> dict[str, dict[str, float]]:
        gain = (GAINS.get(name) or (0.0,))[0]
        names = [
            "accuracy",
            "balanced_accuracy",
            "macro_f1",
            "expected_calibration_error",
            *(f"recall.{c}" for c in CLASSES),
            "f1.Functional",
        ]
        found = {}
        for number, metric in enumerate(names):
            value = round(0.5 + 0.05 * number + gain, 6)
            found[metric] = {"value": value, "low": round(value - 0.02, 6), "high": round(value + 0.02, 6)}
        return found

    def measures(self, name: str) -> dict[str, dict[str, float]]:
        metrics = self.metrics(name)
        rarest = metrics["recall.Ungültig"]
        reached = {"recall_rarest": rarest, "reached": metrics["balanced_accuracy"]}
        return {name: metrics[name] for name in ("balanced_accuracy", "macro_f1")} | reached

    def _evaluation(self) -> None:
        write_json(self.root / "reports/evaluate/metrics.json", {name: self.metrics(name) for name in self.strategies})
        for name in self.strategies:
            plots = self.root / "reports/evaluate/plots" / name
            plots.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (300, 200), (240, 240, 240)).save(plots / "confusion.png")

    def _comparison(self, recommended: str) -> None:
        rows = []
        for name in self.strategies:
            gain = GAINS.get(name)
            difference = dict(zip(("value", "low", "high"), gain, strict=True)) if gain else None
            verdict = "baseline" if gain is None else "helps" if gain[1] > 0 else "no difference"
            bet = {"chance": 0.9, "expected_gain": 0.01, "expected_loss": -0.01} if gain else None
            row = {"strategy": name, "difference": difference, "bet": bet, "verdict": verdict, **self.measures(name)}
            audit = {"outcome": self.audit, "reason": "no new images", "difference": None} | AUDITS.get(name, {})
            rows.append(row | {"audit": audit})
        board = {
            "baseline": "plain",
            "metric": "balanced_accuracy",
            "goal": {"name": "balanced_accuracy"},
            "judged_by": "balanced accuracy",
            "recommended": recommended,
            "sentences": [f"Take {recommended}: proved to help.", "It is the best of those that help."],
            "next": [{"sentence": "Add *more* of Ungültig.", "command": "equipoise add FOLDER"}],
            "rarest_class": "Ungültig",
            "confidence": 0.95,
            "guard": {"recall_of": "Ungültig", "may_fall": 0.05},
            "judged_classes": CLASSES,
            "not_measurable": {},
            "proved": recommended == "focal",
            "rows": sorted(rows, key=lambda row: -((row["difference"] or {}).get("value", 0))),
            "test": {
                "images": 20,
                "rows": [{"strategy": name, **self.measures(name)} for name in dict.fromkeys(["plain", recommended])],
                "sentence": "On the held-out images the gain is confirmed.",
            },
        }
        write_json(self.root / "reports/compare/leaderboard.json", board)
        write_text(self.root / "reports/compare/report.html", "<h1>Which remedies help</h1>")


def parameters(strategies: list[str] | None = None, **gate: Any) -> Params:
    """The checkout's own parameters with fewer strategies and recipes."""
    plain = load_params(REPOSITORY / "params.yaml").model_dump(mode="json")
    if strategies is not None:
        plain["strategies"] = {name: plain["strategies"][name] for name in strategies}
        plain["recipes"] = {name: plain["recipes"][name] for name in ("natural", "oversampled", "augmented_minority")}
    plain["track"] = {"experiment": "solar-cells", "gate": gate}
    return Params.model_validate(plain)


def new_project(root: Path, store_file: Path) -> Project:
    """A project whose run is written and not recorded yet."""
    (root / ".equipoise/mlflow").mkdir(parents=True)
    shutil.copy(store_file, root / ".equipoise/mlflow/mlflow.db")
    project = Project(root, parameters(STRATEGIES))
    project.write()
    return project


def client(project: Project) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(store(project.root))


def runs(project: Project) -> list[Any]:
    return list(client(project).search_runs(["1"]))


def children(project: Project, recorded: Recorded) -> dict[str, Any]:
    return {
        run.info.run_name: run
        for run in runs(project)
        if run.data.tags.get("mlflow.parentRunId") == recorded.parent_run_id
    }


def files(project: Project, run_id: str, folder: str | None = None) -> set[str]:
    found = set()
    for entry in client(project).list_artifacts(run_id, folder):
        found |= files(project, run_id, entry.path) if entry.is_dir else {entry.path}
    return found


def artifact(project: Project, run_id: str, path: str) -> Any:
    """A JSON file among a run's artifacts."""
    with TemporaryDirectory() as folder:
        return json.loads(Path(client(project).download_artifacts(run_id, path, folder)).read_text(encoding="utf-8"))


def decided(project: Project, *arguments: Any) -> Decision:
    """Record a run that recommends something, and give what the gate said of it."""
    decision = project.record(*arguments).decision
    assert decision is not None
    return decision
