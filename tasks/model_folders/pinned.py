"""A folder of the user's that parameters name, pinned by the digest of its files: other files are other parameters."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, Field

from tasks.errors import InputError
from tasks.model_folders.files import DIGITS


class PinnedFolder(BaseModel):
    """A folder whose files decide a result, though DVC looks at parameters only.

    Attributes
    ----------
    what
        What it holds, for messages.
    nameless
        What to write where none is named.
    """

    what: ClassVar[str] = "model"
    nameless: ClassVar[str]

    folder: str = Field("", description="The folder.")
    digest: str = Field(
        "", pattern=rf"^([0-9a-f]{{{DIGITS}}})?$", description="Of the folder's files; `equipoise run` says it."
    )

    @property
    def against(self) -> str:
        """Why it can't be used; empty where a folder is named."""
        return "" if self.folder else self.nameless

    def place(self) -> Path:
        """The folder, whose files are those that the parameters mean (`InputError` where it isn't there, or others)."""
        if self.against:
            raise InputError(self.against)
        if found := self.unpinned():
            raise InputError(f"{self.mismatch}; if they are those that you want, write digest: {found} beside folder")
        return Path(self.folder)

    def unpinned(self) -> str:
        """The digest of the folder's files, where it is not the one that is meant; else empty."""
        found = self.digest_of(Path(self.folder))
        return "" if found == self.digest else found

    @property
    def mismatch(self) -> str:
        """What is wrong where there is something `unpinned`."""
        meant = f"not those of digest {self.digest}" if self.digest else "not pinned by a digest yet"
        return f"the files of the {self.what} in {self.folder} are {meant}"

    @abstractmethod
    def digest_of(self, folder: Path) -> str:
        """A digest of those files of a folder that are read, by name and content (`InputError` where it is none)."""
