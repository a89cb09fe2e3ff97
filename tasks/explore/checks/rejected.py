"""Files set aside: if they come from one class more than from others, the catalog is no longer a fair sample."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tasks.explore.checks import Block, Check, Finding, Grid
from tasks.tables import REJECTED

if TYPE_CHECKING:
    from tasks.explore.dataset import Dataset

EXAMPLES = 3  # files named for each reason
NOTABLE = 0.02  # share of a class's files from which a sentence warns


class Rejected(Check):
    """Files that `ingest` could not read, by reason and class."""

    name: Literal["rejected"] = "rejected"
    title = "Files set aside"
    question = "Which files could not be used, and why?"
    order = 20

    def summarise(self, dataset: Dataset) -> Finding:
        """Counts by reason, and by class."""
        rejected = dataset.rejected
        reasons = rejected["reason"].value_counts()
        reasons = reasons.loc[sorted(reasons.index, key=lambda reason: (-reasons[reason], reason))]
        by_class = rejected["label"].dropna().value_counts().sort_index()
        numbers = {
            "files": len(rejected),
            "reasons": {str(reason): int(count) for reason, count in reasons.items()},
            "classes": {str(label): int(count) for label, count in by_class.items()},
        }
        if rejected.empty:
            return Finding(numbers, [Block("", "Every file could be read.")])
        rows = []
        for reason, count in reasons.items():
            files = rejected[rejected["reason"] == reason].sort_values("path").head(EXAMPLES)
            examples = "; ".join(f"{row.path} ({row.detail})" for row in files.itertuples())
            rows.append([str(reason), f"{count:,}", examples])
        text = f"{len(rejected):,} files were set aside; all of them stand in {REJECTED.place(Path())}."
        grid = Grid(["reason", "files", "examples"], rows, frozenset({2}))
        kept = dataset.labelled["label"].value_counts()
        watch = [
            f"{count:,} of the {count + kept.get(label, 0):,} files of {label} could not be used "
            f"({count / (count + kept.get(label, 0)):.0%}): what is left may not stand for the class."
            for label, count in by_class.items()
            if count / (count + kept.get(label, 0)) >= NOTABLE
        ]
        return Finding(numbers, [Block("", text, grid=grid)], watch)
