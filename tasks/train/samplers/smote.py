"""SMOTE: new rows on the lines between neighbours of a rare class (Chawla et al. 2002)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tasks.train.interpolating import Interpolating

if TYPE_CHECKING:
    from tasks.train.neighbours import Projection


class Smote(Interpolating):
    """Every row of a smaller class is as likely an end of the line as any other."""

    name: Literal["smote"] = "smote"

    def method(self, wanted: dict[int, int], own: int, rows: int, projection: Projection, random_state: int) -> Any:
        """See `Interpolating`."""
        from imblearn.over_sampling import SMOTE

        from tasks.train.neighbours import ProjectedNeighbours

        near = ProjectedNeighbours(min(self.k_neighbors + 1, own), projection)
        return SMOTE(sampling_strategy=wanted, random_state=random_state, k_neighbors=near)
