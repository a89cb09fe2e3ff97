"""What the stages of one pipeline run wrote, read back for the record.

Only what this run vouches for is read: the outputs of a stage that failed, was blocked or was not asked for may be
those of another time.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from flows.git import find_commit
from flows.leaderboard import LEADERBOARD
from flows.lockfile import present_digest, present_stages
from flows.outcomes import Outcome
from tasks.errors import InputError, did_you_mean
from tasks.files import json_digest, read_json
from tasks.params import Params
from tasks.slugs import slugs

GOOD = frozenset(str(outcome) for outcome in Outcome if outcome.good)
TRIED = GOOD | {str(Outcome.FAILED)}
HASH_TAG = "equipoise.dvc_hash"
RULE_TAG = "equipoise.rule"

Metrics = Mapping[str, Mapping[str, Any]]  # name of a metric: {"value", "low", "high"}


@dataclass(frozen=True)
class Findings:
    """The files of a workspace after a pipeline run.

    Attributes
    ----------
    root
        The workspace's folder.
    params
        The parameters of the run.
    outcomes
        For each stage of the run, by address (``train@focal``), what became of it: one of `GOOD`, or ``Failed``,
        ``Blocked`` or ``Cancelled``.
    """

    root: Path
    params: Params
    outcomes: Mapping[str, str]

    def good(self, stage: str) -> bool:
        """Whether the outputs of `stage` are those of this run."""
        return self.outcomes.get(stage) in GOOD

    @property
    def status(self) -> str:
        """MLflow's word for how the run went."""
        if Outcome.CANCELLED in self.outcomes.values():
            return "KILLED"
        return "FINISHED" if all(map(self.good, self.outcomes)) else "FAILED"

    @property
    def strategies(self) -> list[str]:
        """The strategies, and ensembles, whose stage began or was up to date, in the order of the parameters."""
        return [name for name in self.params.judged if self.outcomes.get(self.stage_of(name)) in TRIED]

    def stage_of(self, name: str) -> str:
        """The stage that makes a strategy's model, or an ensemble's."""
        return f"{'ensemble' if name in self.params.ensembles else 'train'}@{name}"

    def output_of(self, name: str) -> str:
        """The output that holds a strategy's model, or an ensemble's."""
        return f"ensembles/{name}" if name in self.params.ensembles else f"models/{name}"

    @property
    def recipes(self) -> dict[str, str]:
        """The recipe of each strategy."""
        return {name: strategy.recipe for name, strategy in self.params.strategies.items()}

    @property
    def backbones(self) -> dict[str, str]:
        """The backbone of each strategy; none where it has none."""
        return {name: strategy.family.backbone for name, strategy in self.params.strategies.items()}

    @property
    def ensembles(self) -> dict[str, list[str]]:
        """The members of each ensemble."""
        return {name: ensemble.members for name, ensemble in self.params.ensembles.items()}

    @cached_property
    def lock_digest(self) -> str | None:
        """The sha256 of `dvc.lock`, in hex."""
        return present_digest(self.root)

    @cached_property
    def git_commit(self) -> str | None:
        """The commit that is checked out."""
        try:
            return find_commit(self.root, "HEAD")
        except InputError:  # no git on this machine
            return None

    @cached_property
    def hashes(self) -> dict[str, str]:
        """DVC's hash of every output, by path, of the stages that this run vouches for."""
        stages = present_stages(self.root)
        return {path: md5 for stage, outputs in stages.items() if self.good(stage) for path, md5 in outputs.items()}

    def identity(self, strategy: str) -> dict[str, str]:
        """Tags by which a strategy's model is found again: DVC's hash of it, and a digest of its rule if it has one."""
        found = {HASH_TAG: self.hashes.get(self.output_of(strategy), "")}
        rule = self.rule(strategy)
        return found if rule is None else found | {RULE_TAG: json_digest(read_json(rule))}

    def rule(self, strategy: str) -> Path | None:
        """The file of the rule by which a strategy's scores are decided; None where `evaluate` did not succeed."""
        from tasks.train.models import rule_file

        file = rule_file(self.root, strategy)
        return file if self.good("evaluate") and file.is_file() else None

    @cached_property
    def metrics(self) -> dict[str, Metrics]:
        """Out-of-fold metrics, by strategy; empty where `evaluate` did not succeed."""
        return dict(self._json("evaluate", "reports/evaluate/metrics.json"))

    @cached_property
    def leaderboard(self) -> dict[str, Any]:
        """What `compare` concluded; empty where it did not succeed."""
        return dict(self._json("compare", LEADERBOARD.as_posix()))

    @cached_property
    def rows(self) -> dict[str, dict[str, Any]]:
        """The leaderboard's rows, by strategy, best first."""
        return {row["strategy"]: row for row in self.leaderboard.get("rows", [])}

    @cached_property
    def held_out(self) -> dict[str, Metrics]:
        """Metrics of the held-out test part, for the one or two strategies that were scored on it."""
        names = {"recall_rarest": f"recall.{self.leaderboard.get('rarest_class')}"}
        names |= {name: f"judged_{name}" for name in ("balanced_accuracy", "macro_f1")}
        return {
            row["strategy"]: {names.get(name, name): row[name] for name in row.keys() - {"strategy"}}
            for row in self.leaderboard.get("test", {}).get("rows", [])
        }

    @cached_property
    def class_slugs(self) -> dict[str, str]:
        """The slug of each class."""
        names = {name for metrics in self.metrics.values() for name in metrics if name.startswith("recall.")}
        return slugs(name.removeprefix("recall.") for name in names)

    @property
    def recommended(self) -> str | None:
        """The strategy to take, if `compare` said so."""
        return self.leaderboard.get("recommended")

    def chosen(self, strategy: str) -> str:
        """The strategy that is meant: the recommended one if none is named.

        Raises
        ------
        InputError
            It was not judged.
        """
        wanted = strategy or str(self.recommended)
        if wanted not in self.rows:
            told = did_you_mean(wanted, self.rows)
            raise InputError(f"there is no strategy {wanted!r}{told}; strategies are {', '.join(self.rows)}")
        return wanted

    def strategy_of(self, digest: str | None) -> str | None:
        """The strategy whose model has this hash, if it was judged in this run."""
        return next((name for name in self.rows if digest and self.hashes.get(self.output_of(name)) == digest), None)

    def about(self, strategy: str) -> dict[str, Any]:
        """What was found of a strategy, as it is kept with its model: what the gate asks for, and no more."""
        board, row = self.leaderboard, self.rows[strategy]
        told = {key: board[key] for key in ("baseline", "goal", "judged_by", "confidence", "guard")}
        told |= {key: row[key] for key in ("strategy", "difference", "bet", "verdict")}
        metrics, error = self.metrics[strategy], "expected_calibration_error"
        guessed = self.params.compare.goal.guessed(len(board["judged_classes"]))
        return told | {
            "reached": metrics[board["metric"]],
            "guessed": guessed,
            "mix": self.params.evaluate.mix,
            "audit": {key: row["audit"][key] for key in ("outcome", "reason")},
            "calibration_error": metrics.get(f"corrected_{error}", metrics.get(error)),
            "recall": self._recalls(strategy),
            "baseline_recall": self._recalls(board["baseline"]),
        }

    def _recalls(self, strategy: str) -> dict[str, float]:
        found = self.metrics[strategy].items()
        return {name.removeprefix("recall."): one["value"] for name, one in found if name.startswith("recall.")}

    @classmethod
    def present(cls, root: Path) -> Findings:
        """The results of the workspace at `root`.

        Raises
        ------
        InputError
            They are not up to date.
        """
        from flows.plan import make_plan

        plan = make_plan(root, ["compare"], tidy=False)
        stale = [*plan.stale, *plan.may_run]
        if stale:
            few = ", ".join(stale[:3]) + (", ..." if len(stale) > 3 else "")
            raise InputError(f"the results are not up to date ({few}), so no model can be judged: `equipoise run`")
        return cls(root, plan.params, dict.fromkeys(plan.graph.upstream, str(Outcome.UNCHANGED)))

    def losses(self, strategy: str) -> list[tuple[int, float]]:
        """Epochs of a strategy's training and their loss, the mean over all its fits (folds and seeds)."""
        epochs: dict[int, list[float]] = defaultdict(list)
        with (self.root / "models" / strategy / "history.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                epochs[int(row["epoch"])].append(float(row["loss"]))
        return [(epoch, sum(losses) / len(losses)) for epoch, losses in sorted(epochs.items())]

    def part_counts(self, part: str) -> dict[str, int]:
        """Images a class in a part of the split."""
        return self._counts(part, "image_id")

    def group_counts(self, part: str) -> dict[str, int]:
        """Groups of relatives a class in a part of the split."""
        return self._counts(part, "group")

    def class_counts(self, recipe: str) -> dict[str, int]:
        """Rows a class in a recipe's training set, of all origins."""
        return {name: sum(origins.values()) for name, origins in self.origin_counts(recipe).items()}

    def origin_counts(self, recipe: str) -> dict[str, dict[str, int]]:
        """Rows a class in a recipe's training set, by where they come from."""
        return dict(read_json(self.root / "data" / "balanced" / recipe / "summary.json")["after"])

    def _counts(self, part: str, column: str) -> dict[str, int]:
        from tasks.tables import SPLITS, first_repeat

        splits = first_repeat(SPLITS.read(SPLITS.place(self.root)))
        counts = splits[splits["part"] == part].groupby("label")[column].nunique()
        return {label: int(counts[label]) for label in sorted(counts.index)}

    def _json(self, stage: str, path: str) -> Any:
        return read_json(self.root / path) if self.good(stage) else {}
