"""What the checks of `explore` summarise: one row an image, with its class, part, relatives and measures."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from tasks.explore.effects import count_groups
from tasks.features import Features
from tasks.params.models import Explore
from tasks.tables import Table, first_repeat


def measure_table(measures: pd.DataFrame) -> Table:
    """The schema of ``measures.parquet``: `image_id` and one float64 column a measure."""
    names = [name for name in measures.columns if name != "image_id"]
    fields = [pa.field("image_id", pa.string(), nullable=False)]
    fields += [pa.field(name, pa.float64(), nullable=False) for name in names]
    return Table("measures", pa.schema(fields), key=("image_id",), folder="reports/explore")


@dataclass(frozen=True)
class Dataset:
    """All that was found out about the images before this stage, and the measures of their pixels.

    Attributes
    ----------
    images
        One row an image, in order of `image_id`: `path`, `paths`, `label`, ... of the catalog, `part` and `fold` (empty
        outside of training) of the split, `group` of relatives, and the measures.
    pairs
        Table `PAIRS`.
    rejected
        Table `REJECTED`.
    features
        A vector an image; ids are `image_id`.
    params
        The section `explore` of the parameters: seeds, permutations.
    backbone
        What made the features, as `params.yaml` calls it; empty where that isn't known.
    group_summary
        What the stage group wrote beside its tables; keys may be missing.
    split_summary
        What the stage split wrote beside its table; keys may be missing.
    measure_titles
        What the report calls the measures, by name; others are called by their names.
    raw
        The folder below which the paths lie, for checks that open some images again.
    details
        The measures whose name holds a dot, such as the bins of a histogram (``red.03``), pieces that mean nothing
        alone; rows as in `images`.
    """

    images: pd.DataFrame
    pairs: pd.DataFrame
    rejected: pd.DataFrame
    features: Features
    params: Explore = field(default_factory=lambda: Explore.model_validate({}))
    backbone: str = ""
    group_summary: dict[str, Any] = field(default_factory=dict)
    split_summary: dict[str, Any] = field(default_factory=dict)
    measure_titles: dict[str, str] = field(default_factory=dict)
    raw: Path = Path("data", "raw")
    details: pd.DataFrame = field(default_factory=pd.DataFrame)

    @classmethod
    def of(
        cls,
        catalog: pd.DataFrame,
        *,
        groups: pd.DataFrame,
        pairs: pd.DataFrame,
        splits: pd.DataFrame,
        rejected: pd.DataFrame,
        measures: pd.DataFrame,
        features: Features,
        params: Explore,
        backbone: str = "",
        group_summary: dict[str, Any] | None = None,
        split_summary: dict[str, Any] | None = None,
        measure_titles: dict[str, str] | None = None,
        raw: Path = Path("data", "raw"),
    ) -> Dataset:
        """Join the stages' tables; an image that the split leaves out has the part "excluded"."""
        pieces = [name for name in measures if "." in name]
        details = measures.sort_values("image_id", ignore_index=True)[pieces]
        measures = measures.drop(columns=pieces)
        parts = first_repeat(splits).reindex(columns=["image_id", "part", "fold"])
        images = (
            catalog.drop(columns=["group", "part", *catalog.columns.intersection(measures.columns).drop("image_id")])
            .merge(groups, on="image_id", how="left", validate="1:1")
            .merge(parts, on="image_id", how="left", validate="1:1")
            .merge(measures, on="image_id", validate="1:1")
            .sort_values("image_id", ignore_index=True)
        )
        images["part"] = images["part"].fillna("excluded")
        images["group"] = images["group"].fillna(images["image_id"])
        return cls(
            images,
            pairs,
            rejected,
            features,
            params=params,
            backbone=backbone,
            group_summary=group_summary or {},
            split_summary=split_summary or {},
            measure_titles=measure_titles or {},
            raw=raw,
            details=details,
        )

    @cached_property
    def labelled(self) -> pd.DataFrame:
        """The images that have a label."""
        return self.images[self.images["label"].notna()]

    @cached_property
    def training(self) -> pd.DataFrame:
        """The labelled images of the training part."""
        return self.labelled[self.labelled["part"] == "train"]

    @cached_property
    def classes(self) -> list[str]:
        """The classes of all labelled images, from the most training images to the fewest, then by name."""
        counts = self.training["label"].value_counts().to_dict()
        return sorted(self.labelled["label"].unique(), key=lambda name: (-counts.get(name, 0), name))

    @cached_property
    def group_counts(self) -> dict[str, tuple[int, int]]:
        """For each class with training images, the groups of relatives that hold one, and that hold one of the rest."""
        return count_groups(self.training["label"].to_numpy(), self.training["group"].to_numpy())
