"""What the checks of `explore` summarise: one row an image, with its class, part, relatives and measures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd
import pyarrow as pa

from tasks.features import Features
from tasks.tables import Table


def measure_table(measures: pd.DataFrame) -> Table:
    """The schema of ``measures.parquet``: `image_id` and one float64 column a measure."""
    names = [name for name in measures.columns if name != "image_id"]
    fields = [pa.field("image_id", pa.string(), nullable=False)]
    fields += [pa.field(name, pa.float64(), nullable=False) for name in names]
    return Table("measures", pa.schema(fields), key=("image_id",))


@dataclass(frozen=True)
class Dataset:
    """All that was found out about the images before this stage, and the measures of their pixels.

    Attributes
    ----------
    images
        One row an image, in order of `image_id`: `path`, `paths`, `label`, ... of the catalog, `part` of the split,
        `group` of relatives, and the measures.
    pairs
        Table `PAIRS`.
    rejected
        Table `REJECTED`.
    features
        A vector an image; ids are `image_id`.
    """

    images: pd.DataFrame
    pairs: pd.DataFrame
    rejected: pd.DataFrame
    features: Features

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
    ) -> Dataset:
        """Join the stages' tables; an image that the split leaves out has the part "excluded"."""
        parts = splits.loc[splits["repeat"] == 0, ["image_id", "part"]]
        images = (
            catalog.drop(columns=["group", "part", "width", "height"])  # the last two are measured again
            .merge(groups, on="image_id", how="left", validate="1:1")
            .merge(parts, on="image_id", how="left", validate="1:1")
            .merge(measures, on="image_id", validate="1:1")
            .sort_values("image_id", ignore_index=True)
        )
        images["part"] = images["part"].fillna("excluded")
        images["group"] = images["group"].fillna(images["image_id"])
        return cls(images, pairs, rejected, features)

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
