"""Duplicates: files and images that repeat another count once, or a class looks larger than it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tasks.explore.checks import Block, Check, Finding, Grid
from tasks.explore.related_pairs import (
    CONTENT,
    LISTED,
    NEAR,
    in_training,
    pairs_with_facts,
    sets_of,
    similarity_to_nearest,
    thumbnails,
)

if TYPE_CHECKING:
    from tasks.explore.dataset import Dataset


class Duplicates(Check):
    """The same file twice, the same pixels in two files, and near-duplicates."""

    name: Literal["duplicates"] = "duplicates"
    title = "Duplicates"
    question = "Which images repeat another, exactly or nearly?"
    order = 32

    def summarise(self, dataset: Dataset) -> Finding:
        """Repeated files, images with the same pixels, and pairs of near-duplicates, the widest first."""
        images = dataset.images
        pairs = pairs_with_facts(dataset)
        repeats = images["paths"].map(len) - 1
        same = sets_of(pairs[pairs["kind"] == CONTENT])
        near = pairs[pairs["kind"] == NEAR].sort_values(
            ["distance", "first", "second"], ascending=[False, True, True], ignore_index=True
        )
        copies = {name: 1.0 for members in same.values() for name in members[1:]}
        for name, number in zip(images["image_id"], repeats, strict=True):
            if number:
                copies[name] = copies.get(name, 0.0) + float(number)
        alike = similarity_to_nearest(near)
        numbers = {
            "repeated_files": int(repeats.sum()),
            "same_pixels": sum(len(members) - 1 for members in same.values()),
            "near_pairs": len(near),
            "near_images": len(alike),
        }
        text = (
            f"{numbers['repeated_files']:,} files repeat another byte for byte, and {numbers['same_pixels']:,} more "
            f"images repeat the pixels of another; {numbers['near_images']:,} images stand in {len(near):,} pairs of "
            f"near-duplicates."
            if any(numbers.values())
            else "No image repeats another, exactly or nearly."
        )
        repeated = images[repeats > 0].head(LISTED)
        rows = [[paths[0], f"{len(paths)}", ", ".join(paths[1:4])] for paths in repeated["paths"]]
        blocks = [Block("", text, grid=Grid(["file", "times", "also as"], rows, frozenset({2})) if rows else None)]
        if len(near):
            shown = in_training(near)
            listed = [
                [row["first_path"], row["second_path"], f"{row['distance']:.3f}"]
                for row in shown.head(LISTED).to_dict("records")
            ]
            text = f"Pairs of training images, the widest first: {len(shown):,} of the {len(near):,} pairs."
            grid = Grid(["first", "second", "distance"], listed)
            blocks.append(Block("Near-duplicates", text, grid=grid, images=thumbnails(near)))
        return Finding(numbers, blocks, [], {"duplicates": copies, "near_duplicates": alike})
