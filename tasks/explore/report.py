"""What `explore` writes: the report, the same numbers as JSON, and the class counts as CSV for `dvc plots`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.depth import depth_of
from tasks.explore.checks import Finding
from tasks.explore.dataset import Dataset
from tasks.explore.registered_checks import all_checks
from tasks.files import write_json, write_text
from tasks.images import open_rgb
from tasks.page import render, thumbnail
from tasks.tables import FLAGS

SAMPLED = 30  # classes of which the report shows samples, the rarest
FOLDED = 30  # rows from which a table is folded away


def write_report(dataset: Dataset, raw: Path, thumbnails: int, folder: Path) -> None:
    """Write ``report.html``, ``explore.json``, ``flags.parquet`` and a table for each plot of DVC to `folder`.

    Parameters
    ----------
    dataset
        What was measured.
    raw
        The folder below which the images' paths lie.
    thumbnails
        Sample images a class.
    """
    sections = [(name, check, check.summarise(dataset)) for name, check in all_checks().items()]
    watch = [(name, check.title, sentence) for name, check, finding in sections for sentence in finding.watch]
    numbers: dict[str, Any] = {name: finding.numbers for name, _, finding in sections}
    flags = flag_table(finding for _, _, finding in sections)
    FLAGS.write(flags, folder / FLAGS.file)
    flagged = {flag: len(scores) for _, _, finding in sections for flag, scores in finding.flags.items()}
    write_json(folder / "explore.json", numbers | {"watch": [sentence for *_, sentence in watch], "flags": flagged})
    blocks = [block for _, _, finding in sections for block in finding.blocks]
    depth = depth_of(dataset.images)
    paths = {shown.path for block in blocks for row in block.images for shown in row}
    for name, _, finding in sections:
        if finding.rows:
            text = pd.DataFrame(finding.rows).to_csv(index=False, lineterminator="\n")
            write_text(folder / f"{name}.csv", text)
    page = render(
        Path(__file__).with_name("report.html"),
        sections=sections,
        watch=watch,
        samples=sample_images(dataset, raw, thumbnails),
        small={path: _thumbnail(raw / path, depth) for path in sorted(paths)},
        names=shown_names(dataset, paths),
        images=len(dataset.images),
        classes=len(dataset.classes),
        folded=FOLDED,
    )
    write_text(folder / "report.html", page)


def flag_table(findings: Iterable[Finding]) -> pd.DataFrame:
    """Table `FLAGS` of all findings, worst first within a flag."""
    rows = [
        (image, flag, float(score))
        for finding in findings
        for flag, scores in finding.flags.items()
        for image, score in scores.items()
    ]
    table = pd.DataFrame(rows, columns=FLAGS.schema.names)
    return table.sort_values(["flag", "score", "image_id"], ascending=[True, False, True], ignore_index=True)


def sample_images(dataset: Dataset, raw: Path, number: int) -> dict[str, list[tuple[str, str]]]:
    """Up to `number` training images of each of the rarest classes, as pairs of path and data URI.

    The first by `image_id`, which is a hash of the content: a fair draw, in which a new image replaces one at most.
    """
    rows = dataset.training.sort_values("image_id")
    depth = depth_of(dataset.images)
    samples = {}
    for label in dataset.classes[-SAMPLED:]:
        paths = rows.loc[rows["label"] == label, "path"].head(number)
        samples[label] = [(path, _thumbnail(raw / path, depth)) for path in paths]
    return {label: shown for label, shown in samples.items() if shown}


def shown_names(dataset: Dataset, paths: set[str]) -> dict[str, str]:
    """What the report calls images: a training image its path; others their id, for a path often holds the label."""
    rows = dataset.images[dataset.images["path"].isin(paths)]
    return {row.path: row.path if row.part == "train" else row.image_id for row in rows.itertuples()}


def _thumbnail(path: Path, depth: int) -> str:
    return thumbnail(open_rgb(path, depth))
