"""Suspect labels: training images that a classifier, which has not seen them, is sure belong to another class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tasks.explore.checks import Block, Check, Finding, Grid, Shown
from tasks.explore.confident import confident_joint, probabilities_of, suspects
from tasks.explore.probing import Labelled, out_of_fold

if TYPE_CHECKING:
    from tasks.explore.dataset import Dataset

SHOWN = 24  # thumbnails, the surest first
MARGIN = 0.5  # by which another class is more probable than the label; less says little where classes overlap
RECALL = 0.5  # of a class, below which a classifier knows too little of it to contradict its labels


class SuspectLabels(Check):
    """Confident learning on cross-validated probabilities, relatives kept together."""

    name: Literal["suspect_labels"] = "suspect_labels"
    title = "Suspect labels"
    question = "Which labels does a classifier that has not seen them contradict?"
    order = 125

    def summarise(self, dataset: Dataset) -> Finding:
        """Training images whose label is contradicted, and what they look like."""
        rows = Labelled.of(dataset)
        if len(rows.classes) < 2:
            return Finding(
                {},
                [Block("", "There are no two classes with two independent training images each.")],
                [],
                {"suspect_labels": {}},
            )
        scores = out_of_fold(dataset.features.take(rows.image_ids.tolist()), rows)
        probabilities = probabilities_of(scores, rows.labels, rows.folds)
        answers = scores.argmax(axis=1)
        counts = np.bincount(rows.labels)
        recalls = np.bincount(rows.labels, answers == rows.labels) / counts
        known = recalls >= RECALL
        found, likely, margins = suspects(probabilities, rows.labels)
        kept = known[rows.labels[found]] & (margins >= MARGIN)
        found, likely, margins = found[kept], likely[kept], margins[kept]
        flags = {str(rows.image_ids[row]): float(margin) for row, margin in zip(found, margins, strict=True)}
        joint = confident_joint(probabilities, rows.labels)
        classes: dict[str, dict[str, Any]] = {}
        for one, label in enumerate(rows.classes):
            others = np.bincount(likely[rows.labels[found] == one], minlength=len(counts))
            classes[label] = {
                "images": int(counts[one]),
                "recall": float(recalls[one]),
                "judged": bool(known[one]),
                "suspect": int(others.sum()),
                "looks_like": {rows.classes[other]: int(others[other]) for other in np.flatnonzero(others)},
                "confident_joint": {rows.classes[other]: float(joint[one, other]) for other in range(len(counts))},
            }
        numbers = {"images": len(found), "judged": int(counts[known].sum()), "classes": classes}
        text = (
            f"A fast classifier on the features judges training images whose relatives it has not seen. It contradicts "
            f"{len(found):,} of {numbers['judged']:,} labels with confidence: another class is at least as probable as "
            f"it is for its own images on average, and by {MARGIN} more so than the label (confident learning, "
            f"Northcutt et al. 2021). Where classes overlap, many of these are hard and not wrong: look first."
        )
        if not known.all():
            text += (
                f" Classes of which it finds less than {RECALL:.0%} itself, all classes counted alike, are not judged: "
                f"it knows too little of them."
            )
        grid = [
            [
                label,
                f"{one['images']:,}",
                f"{one['recall']:.0%}",
                f"{one['suspect']:,}" if one["judged"] else "not judged",
                f"{one['suspect'] / one['images']:.1%}" if one["judged"] else "",
                _looks(one["looks_like"]),
            ]
            for label, one in classes.items()
        ]
        paths = dataset.training.set_index("image_id")["path"]
        shown = [
            Shown(
                paths[rows.image_ids[row]],
                f"labelled {rows.classes[rows.labels[row]]}, looks like {rows.classes[to]} ({margin:.2f})",
            )
            for row, to, margin in zip(found[:SHOWN], likely, margins, strict=False)
        ]
        block = Block(
            "",
            text,
            grid=Grid(["class", "training images", "recall", "suspect", "share", "looks like"], grid, frozenset({5})),
            images=[shown] if shown else [],
        )
        return Finding(numbers, [block], [], {"suspect_labels": flags})


def _looks(counts: dict[str, int]) -> str:
    order = sorted(counts, key=lambda label: (-counts[label], label))
    return ", ".join(f"{label} {counts[label]:,}" for label in order[:4])
