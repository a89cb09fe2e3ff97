"""Images that the user made elsewhere, of classes that are rare: judged as those of any other generator are.

Whoever made them may have seen every image, the folds' judges among them. So an image can serve one fold's models alone
only where it names the training images that it was made from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator

from tasks.errors import InputError, require_classes
from tasks.model_folders.pinned import PinnedFolder
from tasks.progress import say
from tasks.registry import refused
from tasks.synthesize.generators import Examples, FittedGenerator, Generator, Synthetic, Wanted
from tasks.synthesize.journal import ALONE, Journal

if TYPE_CHECKING:
    from tasks.synthesize.made_elsewhere import Made

RAW = PurePosixPath("data/raw")


class FolderOfImages(PinnedFolder, Generator):
    """Images of a folder, in class folders or named by a table ``images.csv``."""

    what: ClassVar[str] = "images"
    nameless: ClassVar[str] = "no folder is named: write folder, for instance data/drawn, with the images of each class"

    name: Literal["folder"] = "folder"
    folder: str = Field("", description="The folder, below that of the workspace.")
    per_fold: bool = Field(
        True,
        description="Whether each image serves the fold of its parents alone; false: all, which no stage takes yet.",
    )
    image_size: int = Field(128, ge=8, le=1024, description="Pixels a side to which its images are brought.")

    @field_validator("folder")
    @classmethod
    def _inside(cls, folder: str) -> str:
        """Refuse a folder outside of the workspace, and that of the originals."""
        place = PurePosixPath(folder)
        if place.is_absolute() or ".." in place.parts or "\\" in folder or folder.startswith("~"):
            raise refused(
                f"{folder} lies outside of the workspace, where a clone would not find it; copy the images into a "
                "folder of the workspace, for instance data/drawn, and write that"
            )
        if folder and (place.is_relative_to(RAW) or RAW.is_relative_to(place)):
            raise refused(
                f"{folder} holds the originals, those for testing among them; put images that were made from them "
                "into a folder of their own, for instance data/drawn"
            )
        return folder

    def digest_of(self, folder: Path) -> str:
        """See `PinnedFolder`."""
        from tasks.synthesize.made_elsewhere import digest_of_images

        return digest_of_images(folder)

    def fit(self, examples: Examples, seed: int, journal: Journal = ALONE) -> FittedFolder:
        """Find the images that descend from `examples`: nothing is learnt.

        Raises
        ------
        InputError
            The folder is not there or has other files, or its images can't be used fold by fold.
        """
        from tasks.synthesize.made_elsewhere import images_of

        place = self.place()
        images = images_of(place)
        require_classes(sorted({one.label for one in images}), examples.classes, f"the images in {self.folder}")
        if self.per_fold and not any(one.parents for one in images):
            raise InputError(
                f"the images in {self.folder} name no parents, and whoever made them may have seen all images, so that "
                "no fold could judge what they bring: name the training images that each was made from in a column "
                "parents of images.csv"
            )
        if not self.per_fold and examples.fold is not None:
            raise InputError(
                f"the images in {self.folder} with per_fold: false would serve every fold, and no fold could judge "
                "what they bring; this can't be had yet: name the training images that each was made from in a column "
                "parents of images.csv, and write per_fold: true"
            )
        label_of = {image: examples.classes[label] for image, label in zip(examples.ids, examples.labels, strict=True)}
        usable: defaultdict[str, list[Made]] = defaultdict(list)
        dropped: defaultdict[str, int] = defaultdict(int)
        for one in images:
            if why := self._against(one, label_of):
                dropped[why] += 1
            else:
                usable[one.label].append(one)
        told = "".join(f"; {number:,} {why}" for why, number in sorted(dropped.items()))
        number = sum(map(len, usable.values()))
        say(f"{examples.where}: {number:,} of {len(images):,} images of {self.folder} serve here{told}")
        return FittedFolder(self, examples.classes, dict(usable))

    def _against(self, image: Made, label_of: dict[str, str]) -> str:
        """Why an image can't serve here; empty where it does. `label_of` is that of each example."""
        if not image.parents:
            return "that name no parents are left out" if self.per_fold else ""
        known = [parent for parent in image.parents if parent in label_of]
        if not known:
            return "have parents in other folds, or no training images" if self.per_fold else "have no training images"
        if len(known) < len(image.parents):
            return "whose parents lie in several folds, or are no training images, are left out"
        if any(label_of[parent] != image.label for parent in known):
            return "whose parents are of another class are left out"
        return ""


@dataclass(frozen=True)
class FittedFolder(FittedGenerator):
    """The images of a folder that serve here.

    Attributes
    ----------
    settings
        The generator's.
    classes
        See `Examples`.
    images
        By class, in the order of their content hashes.
    """

    settings: FolderOfImages
    classes: list[str]
    images: dict[str, list[Made]]

    @property
    def digest(self) -> str:
        """Of the folder's files."""
        return self.settings.digest

    def most(self, label: int) -> int:
        """See `FittedGenerator`."""
        return len(self.images.get(self.classes[label], []))

    def sample(self, wanted: Iterable[Wanted]) -> Iterator[Synthetic]:
        """The next image of its class for each wish, each image once; ends where a class has no more (see `most`).

        Raises
        ------
        InputError
            A file can't be read as an image.
        """
        from tasks.synthesize.made_elsewhere import open_made

        taken: defaultdict[str, int] = defaultdict(int)
        place = Path(self.settings.folder)
        for one in wanted:
            label = self.classes[one.label]
            known = self.images.get(label, [])
            if taken[label] == len(known):
                say(f"{self.settings.folder} holds no more images of {label!r} that serve here than {len(known):,}")
                return
            image = known[taken[label]]
            taken[label] += 1
            pixels = open_made(place / image.path, self.settings.image_size)
            yield Synthetic(pixels, image.parents or None, {"image": image.path, "sha256": image.sha256})
