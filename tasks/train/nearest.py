"""The nearest training image of a new one in a model's features, and how far training images lie from each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.errors import InputError
from tasks.features import ABOUT, Features
from tasks.files import read_json
from tasks.fingerprints import file_hash
from tasks.statistics.scaling import unit_vectors
from tasks.tables import CATALOG, SPLITS, first_repeat
from tasks.train.ensembles import EnsembleModel
from tasks.train.models import ABOUT as ABOUT_MODEL
from tasks.train.models import Model
from tasks.workspace import Workspace

JUDGED = 2_000  # training images whose own distances are measured; more would change the shares by a percent or two
AT_A_TIME = 1_000  # rows of the table of distances that stand in memory


@dataclass(frozen=True, eq=False)
class Reference:
    """Training images in a model's features. Distances are 1 less the cosine: 0 for the same direction.

    Attributes
    ----------
    paths, labels
        Of each image, n of them.
    groups
        Shape (n,), integers: relatives have the same.
    vectors
        Shape (n, d), of length 1.
    """

    paths: list[str]
    labels: list[str]
    groups: NDArray[np.int64]
    vectors: NDArray[np.float32]

    def nearest(self, vectors: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The row of the nearest training image of each of some vectors, shape (m,), and the distances."""
        return self._nearest(unit_vectors(vectors), None)

    def several(
        self, vector: NDArray[np.float32], without: Path, most: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Rows of the `most` nearest training images of one vector, the nearest first, and the distances.

        The image that is the file `without`, by whatever path, is left out.
        """
        distances = ((self.vectors - unit_vectors(vector[None])) ** 2).sum(axis=1) / 2
        others = (row for row in np.argsort(distances, kind="stable") if not _is_file(self.paths[row], without))
        order = list(islice(others, most))
        return np.array(order, dtype=np.int64), distances[order].astype(np.float64)

    def share_farther(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """The share of training images that lie farther than each distance from their nearest one that is no relative.

        1 where no training image is as near to another, 0 where none is as far.
        """
        own = self.own_distances
        if not len(own):
            return np.full(len(distances), np.nan)
        return 1 - np.searchsorted(own, distances, side="right") / len(own)

    @cached_property
    def own_distances(self) -> NDArray[np.float64]:
        """How far training images lie from their nearest one that is no relative, ascending: of all, or of `JUDGED`."""
        chosen = np.linspace(0, len(self.paths), min(JUDGED, len(self.paths)), endpoint=False).astype(np.int64)
        _, distances = self._nearest(self.vectors[chosen], self.groups[chosen])
        return np.sort(distances[np.isfinite(distances)])

    def _nearest(
        self, vectors: NDArray[np.float32], groups: NDArray[np.int64] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        rows = np.empty(len(vectors), dtype=np.int64)
        distances = np.empty(len(vectors))
        for start in range(0, len(vectors), AT_A_TIME):
            here = slice(start, start + AT_A_TIME)
            cosines = vectors[here] @ self.vectors.T
            if groups is not None:
                cosines[groups[here, None] == self.groups] = -np.inf
            rows[here] = cosines.argmax(axis=1)
            apart = vectors[here] - self.vectors[rows[here]]
            distances[here] = (apart**2).sum(axis=1) / 2  # 1 less the cosine, and 0 for the same vector
            distances[here][np.isinf(cosines.max(axis=1))] = np.inf  # it has relatives only
        return rows, distances


def _is_file(path: str, file: Path) -> bool:
    try:
        return file.samefile(path)
    except OSError:  # one of them is gone
        return file == Path(path)


def reference_of(workspace: Workspace, model: Model | EnsembleModel, folder: Path) -> Reference:
    """The training images of a model that was trained in this workspace.

    Parameters
    ----------
    workspace
        Where it was trained.
    model
        That of all training rows.
    folder
        Where it stands.

    Raises
    ------
    InputError
        The model sees images and makes no features, or the workspace's features or split are not those that it learnt
        from.
    """
    if len(model.backbones) != 1:
        seen = "makes none" if not model.backbones else f"looks at those of {', '.join(model.backbones)}"
        raise InputError(f"--nearest compares feature vectors of one kind, and this model {seen}; name another model")
    [name] = model.backbones
    features = workspace.path("data", "features", name)
    vectors = Features.load(features)
    facts = read_json(folder / ABOUT_MODEL)
    made, split = facts.get("features"), facts.get("splits")  # earlier versions kept neither
    if made is not None and made != read_json(features / ABOUT):
        raise InputError(f"{features}: made otherwise than when the model was trained; `equipoise run` trains it anew")
    if split is not None and split != file_hash(workspace.place(SPLITS)):
        raise InputError(
            f"{workspace.place(SPLITS)}: the split has changed since the model was trained, so which images it "
            "has learnt from is not known; `equipoise run` trains it anew"
        )
    splits = first_repeat(workspace.read(SPLITS))
    rows = splits[splits["part"] == "train"]
    catalog = workspace.read(CATALOG).set_index("image_id")["path"]
    ids = rows["image_id"].tolist()
    return Reference(
        [str(workspace.path("data", "raw") / catalog[one]) for one in ids],
        rows["label"].tolist(),
        np.unique(rows["group"].to_numpy(dtype=str), return_inverse=True)[1],
        unit_vectors(vectors.take(ids)),
    )
