"""Class counts: how uneven the classes are, which is what everything after this is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tasks.explore.checks import Block, Check, Finding, Grid
from tasks.statistics.shares import wilson
from tasks.tables import PARTS

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

    from tasks.explore.dataset import Dataset

BARS = 40  # with more classes, the plot is the curve of the sorted counts
NAMED = 5  # rare classes that a sentence names
BETA = 0.999  # of the effective number: no class counts for more than 1 / (1 - BETA) images
# The long-tail literature's bounds (Liu et al., Large-scale long-tailed recognition in an open world, 2019).
MANY, FEW = 100, 20
RARE = 30  # test images below which one image moves the recall by more than three points


class ClassCounts(Check):
    """Images by class and part."""

    name: Literal["class_counts"] = "class_counts"
    title = "Class counts"
    question = "How many images does each class have, and how uneven are the classes?"
    order = 10
    number = 7

    def summarise(self, dataset: Dataset) -> Finding:
        """Counts by class and part, shares, and how uneven the training part is."""
        table = count_table(dataset)
        training = table["train"].to_numpy()
        parts = [part for part in PARTS if table[part].any()]
        numbers: dict[str, Any] = {
            "classes": {
                row["class"]: {"images": row["images"], "share": row["share"], **{part: row[part] for part in parts}}
                for row in table.to_dict("records")
            },
            "images": len(dataset.images),
            "unlabelled": len(dataset.images) - len(dataset.labelled),
            "effective_number": dict(zip(table["class"], effective_number(training).tolist(), strict=True)),
            "shots": {name: shots(count) for name, count in zip(table["class"], training, strict=True)},
            **imbalance(training),
        }
        rows = table[["class", "images", *PARTS]].to_dict("records")
        return Finding(numbers, [_block(table, parts, numbers)], _sentences(table, numbers), rows=rows)


def count_table(dataset: Dataset) -> pd.DataFrame:
    """One row a class, in the order of `Dataset.classes`: `class`, a column a part, `images` and `share`."""
    import pandas as pd

    counts = pd.crosstab(dataset.labelled["label"], dataset.labelled["part"])
    counts = counts.reindex(index=dataset.classes, columns=list(PARTS), fill_value=0)
    counts["images"] = counts.sum(axis="columns")
    counts["share"] = counts["images"] / counts["images"].sum()
    return counts.rename_axis(index="class", columns=None).reset_index()


def imbalance(counts: np.ndarray) -> dict[str, float | None]:
    """How uneven class counts are.

    Parameters
    ----------
    counts
        Training images a class, shape (K,).

    Returns
    -------
    dict
        `imbalance_ratio`: largest over smallest count, empty where a class has none; `evenness`: Shannon entropy of
        the shares over its maximum log K, from 0 (all in one class) to 1 (all classes equal), empty for one class.
    """
    shares = counts[counts > 0] / max(1, counts.sum())
    entropy = float(-(shares * np.log(shares)).sum())
    return {
        "imbalance_ratio": float(counts.max() / counts.min()) if len(counts) and counts.min() > 0 else None,
        "evenness": entropy / float(np.log(len(counts))) if len(counts) > 1 else None,
    }


def effective_number(counts: np.ndarray, beta: float = BETA) -> np.ndarray:
    """The number of images that tell something new, ``(1 - beta^n) / (1 - beta)`` (Cui et al. 2019), shape (K,).

    Images of a class overlap more and more, so the number grows ever more slowly, up to ``1 / (1 - beta)``.
    """
    numbers: np.ndarray = (1 - beta ** np.asarray(counts, dtype=float)) / (1 - beta)
    return numbers


def shots(count: int) -> str:
    """What the long-tail literature calls a class of that many training images: many, medium or few."""
    return "many" if count > MANY else "few" if count < FEW else "medium"


def _block(table: pd.DataFrame, parts: list[str], numbers: dict[str, Any]) -> Block:
    text = f"{numbers['images']:,} images, {len(table)} classes."
    if numbers["unlabelled"]:
        text += f" {numbers['unlabelled']:,} images have no label and stand in no class."
    if numbers["imbalance_ratio"] is not None and numbers["evenness"] is not None:
        text += (
            f" In the training part the largest class has {numbers['imbalance_ratio']:.1f} times the images of the"
            f" smallest; the evenness of the classes is {numbers['evenness']:.2f} (1 means equal counts)."
        )
    text += (
        f" Many means more than {MANY} training images, few less than {FEW}. The effective number counts images that "
        f"tell something new, if each overlaps with those before: (1 - b^n) / (1 - b) with b = {BETA} (Cui 2019)."
    )
    largest = max([1, *table["train"]])
    rows = [
        [
            str(row["class"]),
            *(f"{row[part]:,}" for part in parts),
            f"{row['images']:,}",
            f"{row['share']:.1%}",
            f"{row['train'] / largest:.3f}",
            f"{numbers['effective_number'][row['class']]:,.0f}",
            numbers["shots"][row["class"]],
        ]
        for row in table.to_dict("records")
    ]
    headers = ["class", *parts, "images", "share", "train, to the largest", "effective number", "shots"]
    return Block("", text, _plot(table, parts) if rows else None, Grid(headers, rows))


def _plot(table: pd.DataFrame, parts: list[str]) -> Markup:
    from tasks.lettering import in_chart
    from tasks.page import PALETTE, new_figure, svg

    colours = dict(zip(PARTS, (PALETTE[0], PALETTE[1], "#b8c2cc"), strict=True))
    if len(table) > BARS:
        figure = new_figure(9.2, 3.2)
        axes = figure.subplots()
        for part in parts:
            axes.plot(np.arange(1, len(table) + 1), table[part], color=colours[part], label=part)
        axes.set_yscale("symlog", linthresh=1)
        axes.set_xlabel("classes, from the most training images to the fewest")
        axes.set_ylabel("images")
    else:
        figure = new_figure(9.2, 1.1 + 0.34 * len(table))
        axes = figure.subplots()
        places = np.arange(len(table))[::-1]
        left = np.zeros(len(table))
        for part in parts:
            axes.barh(places, table[part], left=left, height=0.7, color=colours[part], label=part)
            left += table[part].to_numpy()
        for place, total, share in zip(places, table["images"], table["share"], strict=True):
            axes.text(total, place, f"  {total:,} ({share:.1%})", va="center")
        axes.set_yticks(places, [in_chart(name) for name in table["class"]])
        axes.set_xlim(0, 1.15 * max([1, *table["images"]]))
        axes.set_xlabel("images")
    axes.legend(frameon=False, loc="lower right")
    return svg(figure, "Images a class and part", table["class"] if len(table) <= BARS else ())


def _sentences(table: pd.DataFrame, numbers: dict[str, Any]) -> list[str]:
    sentences: list[str] = []
    training = table["train"].to_numpy()
    if len(table) < 2 or not training.sum():
        return sentences
    first, last = table.iloc[0], table.iloc[-1]
    if numbers["imbalance_ratio"] is None or numbers["imbalance_ratio"] >= 1.5:
        sentences.append(
            f"Always answering {first['class']} would be right for {training.max() / training.sum():.0%} of the "
            f"training images without knowing anything: read balanced accuracy and the recall of {last['class']} "
            f"({last['train']:,} training images), not accuracy."
        )
    small = table[(table["test"] < RARE) & (table["train"] > 0)].sort_values("test", kind="stable")
    if len(small):
        rarest = small.iloc[0]
        named = ", ".join(f"{row['class']} ({row['test']:,})" for row in small.head(NAMED).to_dict("records"))
        more = f" and {len(small) - NAMED:,} more" if len(small) > NAMED else ""
        low, high = wilson(0.5, int(rarest["test"]))
        sentences.append(
            f"Classes with few images in the test part: {named}{more}. A recall of 0.50 of {rarest['class']} would "
            f"have a 95% interval of {low:.2f} to {high:.2f} there: only out-of-fold results can tell remedies apart."
        )
    return sentences
