"""Borderline-SMOTE: new rows only where a rare class borders on others (Han et al. 2005)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from tasks.train.interpolating import Interpolating

if TYPE_CHECKING:
    from tasks.train.neighbours import Projection


class BorderlineSmote(Interpolating):
    """One end of the line is in danger: at least half, but not all, of its neighbours are of other classes.

    The other end is any neighbour of its class (the authors' Borderline-SMOTE1). A class without a row in danger stays
    as it is.
    """

    name: Literal["borderline_smote"] = "borderline_smote"
    m_neighbors: int = Field(
        10, ge=1, le=1000, description="Nearest rows of any class by which a row is in danger or not."
    )

    def method(self, wanted: dict[int, int], own: int, rows: int, projection: Projection, random_state: int) -> Any:
        """See `Interpolating`."""
        from imblearn.over_sampling import BorderlineSMOTE

        from tasks.train.neighbours import ProjectedNeighbours

        near = ProjectedNeighbours(min(self.k_neighbors + 1, own), projection)
        around = ProjectedNeighbours(min(self.m_neighbors + 1, rows), projection)
        return BorderlineSMOTE(
            sampling_strategy=wanted, random_state=random_state, k_neighbors=near, m_neighbors=around
        )
