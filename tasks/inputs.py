"""Inputs: how images and rows become arrays, by id. A family asks for what it needs and for nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.depth import FULL
from tasks.errors import InputError
from tasks.features import Features

if TYPE_CHECKING:
    from torch import Tensor

    from tasks.decoding import Decoded
    from tasks.features.backbones import Backbone
    from tasks.new_images import Told

KEPT = 4  # sets of decoded images that stay in a folder


class Source(Protocol):
    """Where arrays come from."""

    def features(self, ids: Sequence[str], backbone: str, fold: int | None) -> NDArray[np.float32]:
        """Feature vectors of `ids`, shape (n, d); see `Inputs.features`."""

    def images(self, ids: Sequence[str], size: int, resize: str) -> NDArray[np.uint8]:
        """Decoded images of `ids`, shape (n, size, size, 3); see `Inputs.images`."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """Some images, or rows of a training set, as a model may see them.

    Attributes
    ----------
    ids
        What the rows of every array belong to, in their order; an id may stand several times.
    source
        Where the arrays come from.
    backbones
        The folder below which stage `pretrain` puts its networks.
    """

    ids: list[str]
    source: Source
    backbones: Path | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, ids: Sequence[str]) -> Inputs:
        """Other ids of the same source."""
        return replace(self, ids=list(ids))

    def features(self, backbone: str, fold: int | None = None) -> NDArray[np.float32]:
        """Feature vectors, shape (n, d), in memory.

        Parameters
        ----------
        backbone
            A name of the section `backbones`.
        fold
            For which fold's models; matters only for a backbone that was fitted itself, fold by fold. None: for models
            fitted on all training rows.
        """
        return self.source.features(self.ids, backbone, fold)

    def images(self, size: int, resize: str = "squash") -> NDArray[np.uint8]:
        """Decoded images as RGB, shape (n, size, size, 3); `resize` is ``squash`` or ``letterbox``."""
        return self.source.images(self.ids, size, resize)

    def weights(self, backbone: str, fold: int | None = None) -> Mapping[str, Tensor]:
        """What a network of the section `pretrain` has learnt, for training to begin with.

        Parameters
        ----------
        backbone
            A name of the section.
        fold
            As for `features`.

        Returns
        -------
        Mapping
            Weights and counts of its stages, and the colours that they want, by the names that a
            `tasks.train.finetuning.whole.Whole` has for them.
        """
        from tasks.pretrain.backbone import read_backbone

        if self.backbones is None:
            raise LookupError(f"no folder is known in which {backbone!r} could stand")
        return read_backbone(self.backbones / backbone).for_fold(fold).weights()


@dataclass(eq=False)
class StoredSource:
    """Arrays that stages have stored.

    Attributes
    ----------
    features_of
        Gives the stored features of a backbone and fold: tables of which each holds some of the ids.
    files
        The file of each id, for families that look at images.
    decoded
        A folder for images once they are decoded, where they stay for the next fit.
    depth
        Bits of 16-bit values that are shown (`tasks.images.to_rgb`).
    """

    features_of: Mapping[tuple[str, int | None], list[Features]] | FeatureFolders
    files: Mapping[str, Path] = field(default_factory=dict)
    decoded: Path | None = None
    depth: int = FULL
    _opened: dict[tuple[int, str], Decoded] = field(default_factory=dict)

    def features(self, ids: Sequence[str], backbone: str, fold: int | None) -> NDArray[np.float32]:
        """See `Source`.

        Raises
        ------
        InputError
            An id has no vector.
        """
        tables = self.features_of[backbone, fold]
        values = np.empty((len(ids), tables[0].values.shape[1]), dtype=np.float32)
        left = list(range(len(ids)))
        for table in tables[:-1]:
            own = [row for row in left if ids[row] in table]
            values[own] = table.take([ids[row] for row in own])
            left = [row for row in left if ids[row] not in table]
        if left:
            values[left] = tables[-1].take([ids[row] for row in left])
        return values

    def images(self, ids: Sequence[str], size: int, resize: str) -> NDArray[np.uint8]:
        """See `Source`."""
        from tasks.decoding import decode, decoded_once

        missing = [name for name in ids if name not in self.files]
        if missing:
            raise InputError(
                f"{len(missing)} of {len(ids)} rows have no image file, the first is {missing[0]!r}; "
                "`equipoise run --force balance` makes it anew"
            )
        if self.decoded is None:
            return decode([self.files[name] for name in ids], size, resize, self.depth)
        if (size, resize) not in self._opened:  # what it takes to find out whether a file has changed is paid once
            self._opened[size, resize] = decoded_once(self.files, size, resize, self.depth, self.decoded)
            _sweep(self.decoded)
        return self._opened[size, resize].take(ids)


def _sweep(folder: Path) -> None:
    """Delete decoded images but those that were made last: of data or sizes that are past, for the most part.

    And what a process had begun that was killed.
    """
    import psutil

    for begun in folder.glob(".*.*.npy"):
        maker = begun.stem.rpartition(".")[2]
        if maker.isdecimal() and not psutil.pid_exists(int(maker)):
            begun.unlink(missing_ok=True)
    made = sorted(folder.glob("[!.]*.npy"), key=lambda file: file.stat().st_mtime_ns)
    for old in made[:-KEPT]:
        old.unlink(missing_ok=True)  # who has it open keeps it


@dataclass(frozen=True)
class FeatureFolders:
    """Stored features by backbone and fold, read when they are asked for.

    Attributes
    ----------
    folders
        Below each of them ``<backbone>/`` holds features; all have the same backbones.
    """

    folders: tuple[Path, ...]
    _loaded: dict[tuple[str, int | None], list[Features]] = field(default_factory=dict)

    def __getitem__(self, key: tuple[str, int | None]) -> list[Features]:
        if key not in self._loaded:
            backbone, fold = key
            self._loaded[key] = [Features.load(folder / backbone, fold) for folder in self.folders]
        return self._loaded[key]


@dataclass(frozen=True)
class FileSource:
    """Images that no stage has seen: they are opened when they are asked for, once for all fits.

    Attributes
    ----------
    files
        Paths of image files, or the bytes of such; an id is a number that counts them from 0.
    backbones
        How features are made, by name.
    depth
        Bits of 16-bit values that are shown (`tasks.images.to_rgb`).
    workers
        Number of processes; changes time only.
    patient
        Whether an image that can't be read is shown as a black one, for `told` to say so, instead of an error.
    of_folds
        How they are made for one fold's models alone, by name and fold, where that differs.
    told
        What opening each image told, by id, once something was asked for.
    """

    files: Sequence[Path | bytes]
    backbones: Mapping[str, Backbone]
    depth: int
    workers: int = 1
    patient: bool = False
    of_folds: Mapping[tuple[str, int | None], Backbone] = field(default_factory=dict)
    told: dict[str, Told] = field(default_factory=dict)
    _made: dict[Any, Any] = field(default_factory=dict)

    def features(self, ids: Sequence[str], backbone: str, fold: int | None) -> NDArray[np.float32]:
        """See `Source`.

        Raises
        ------
        InputError
            An image can't be read.
        """
        from tasks.new_images import vectors

        own = self.of_folds.get((backbone, fold))
        chosen = own or self.backbones[backbone]
        found: NDArray[np.float32] = self._once(
            ids,
            (backbone, fold) if own else backbone,
            np.empty((len(ids), chosen.dimensions), dtype=np.float32),
            lambda images: vectors(images, chosen, self.depth, self.workers),
        )
        return found

    def images(self, ids: Sequence[str], size: int, resize: str) -> NDArray[np.uint8]:
        """See `Source`; raises as `features` does."""
        from tasks.new_images import pixels

        found: NDArray[np.uint8] = self._once(
            ids,
            (size, resize),
            np.empty((len(ids), size, size, 3), dtype=np.uint8),
            lambda images: pixels(images, size, resize, self.depth, self.workers),
        )
        return found

    def _once(self, ids: Sequence[str], how: Any, array: Any, make: Callable[[list[Path | bytes]], Any]) -> Any:
        """What was made of `ids` in the same way before, or else `array`, filled row by row with what `make` gives."""
        key = (how, *ids)
        if key not in self._made:
            for row, (values, told) in enumerate(make([self.files[int(name)] for name in ids])):
                array[row] = values
                self.told[ids[row]] = told
                if told.error and not self.patient:
                    raise InputError(f"{self.name(ids[row])}: {told.error}; leave it out, or mend it")
            self._made[key] = array
        return self._made[key]

    def name(self, number: str) -> str:
        """What messages call an image: its path, or its number from 1."""
        image = self.files[int(number)]
        return f"image {int(number) + 1}" if isinstance(image, bytes) else str(image)
