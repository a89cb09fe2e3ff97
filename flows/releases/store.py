"""DVC's cache as releases use it: which objects are there, fetching those that are not, and what they hold."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from flows.errors import error_chain
from flows.lockfile import check_md5
from tasks.errors import InputError


class Store:
    """The objects of an open DVC repository, by their md5.

    Parameters
    ----------
    repo
        DVC's repository, see `flows.repository.open_repo`.
    """

    def __init__(self, repo: Any) -> None:
        self.repo = repo
        self._cache = repo.cache.local

    @property
    def remote(self) -> str:
        """The name of the default remote; empty if there is none."""
        return str(self.repo.config["core"].get("remote") or "")

    def path(self, md5: str) -> Path:
        """Where the cache keeps, or would keep, an object. Never write there, and never link to it."""
        return Path(self._cache.oid_to_path(md5))

    def missing(self, md5s: Iterable[str]) -> list[str]:
        """Those that are not in the cache, in their order, each once.

        DVC looks: what it finds damaged it takes out of its cache, so that it can be fetched anew.
        """
        return [md5 for md5 in dict.fromkeys(md5s) if not self._holds(md5)]

    def _holds(self, md5: str) -> bool:
        from dvc_objects.errors import ObjectFormatError

        try:
            self._cache.check(md5)
        except (FileNotFoundError, ObjectFormatError):
            return False
        return True

    def fetch(self, md5s: Iterable[str]) -> list[str]:
        """Bring what the cache lacks from the remote, if there is one; the result is what is missing still.

        Raises
        ------
        InputError
            The remote can't be read.
        """
        from dvc.config import NoRemoteError
        from dvc.exceptions import DvcException
        from dvc_data.hashfile.hash_info import HashInfo

        missing = self.missing(md5s)
        if not missing:
            return []
        logging.getLogger("dvc.data_cloud").setLevel(logging.ERROR)  # it would name each that is missing
        try:
            self.repo.cloud.pull([HashInfo("md5", md5) for md5 in missing])
        except NoRemoteError:
            return missing
        except (DvcException, OSError, ImportError) as error:
            raise InputError(
                f"DVC can't fetch from the remote {self.remote}: {error_chain(error)}; mend that (`dvc "
                "remote list` names its address), and try again"
            ) from error
        return self.missing(missing)

    def push(self, md5s: Iterable[str]) -> int:
        """Push objects to the default remote; how many did not get there.

        Raises
        ------
        InputError
            The cache has not got all of them.
        """
        from dvc_data.hashfile.hash_info import HashInfo

        md5s = list(dict.fromkeys(md5s))
        missing = self.missing(md5s)
        if missing:
            raise InputError(
                f"{len(missing):,} of its files are not in DVC's cache, such as {missing[0]}; {self.remedy()}"
            )
        return len(self.repo.cloud.push([HashInfo("md5", md5) for md5 in md5s]).failed)

    def require(self, md5s: Iterable[str], what: str) -> None:
        """Have these objects in the cache, fetching what is missing.

        Raises
        ------
        InputError
            Some can't be had; `what` says in the message what they are.
        """
        missing = self.fetch(md5s)
        if missing:
            raise InputError(
                f"{what}: {len(missing):,} of the files needed are neither in DVC's cache nor can be fetched (such as "
                f"{missing[0]}); {self.remedy()}"
            )

    def remedy(self) -> str:
        """What to do about objects that are missing everywhere."""
        if self.remote:
            return "whoever has them can push them: `equipoise releases --push`, or `dvc push`"
        return "no default remote is configured: `dvc remote add -d NAME URL` names where they were pushed to"

    def read(self, md5: str) -> bytes:
        """The content of an object that the cache has."""
        return self.path(md5).read_bytes()

    def files(self, md5: str, what: str) -> dict[str, str]:
        """The files of a folder: their paths below it, and their md5.

        Raises
        ------
        InputError
            The list can't be had, is not what DVC writes, or names paths outside the folder.
        """
        self.require([md5], what)
        try:
            files = {str(entry["relpath"]): check_md5(entry["md5"]) for entry in json.loads(self.read(md5))}
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{what}: DVC's list of its files, {self.path(md5)}, is not what DVC writes. Delete it; `dvc fetch` "
                "brings it from a remote, `dvc commit` makes it anew from what stands in the workspace"
            ) from error
        for path in files:
            if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
                raise InputError(
                    f"{what}: DVC's list of its files names {path!r}, which lies outside it; nothing was "
                    "written there: don't use this release"
                )
        return files

    def check_out(self, md5: str, path: Path) -> None:
        """Have DVC put an object, or a folder whose files are all in the cache, into the workspace.

        What stands at `path` is made alike: only files that differ are touched, and nothing goes that the cache lacks.

        Raises
        ------
        InputError
            DVC can't; what it did until then stays.
        """
        from dvc.fs import localfs
        from dvc_data.hashfile import load
        from dvc_data.hashfile.checkout import CheckoutError, LinkError, PromptError, checkout
        from dvc_data.hashfile.hash_info import HashInfo
        from dvc_objects.errors import ObjectFormatError

        try:
            wanted = load(self._cache, HashInfo("md5", md5))
            checkout(
                str(path), localfs, wanted, self._cache, state=self.repo.state, ignore=self.repo.dvcignore, quiet=True
            )
            for name, _, _ in os.walk(path, topdown=False):
                folder = Path(name)
                if folder != path and not any(folder.iterdir()):
                    folder.rmdir()
        except (CheckoutError, LinkError, PromptError, ObjectFormatError, OSError) as error:
            raise InputError(
                f"DVC could not put {path} into the workspace: {error_chain(error)}. Nothing is lost: mend that (free "
                "some disk space, perhaps), and run the same command again"
            ) from error

    def content_of(self, path: Path) -> dict[Path, str]:
        """The md5 of each file at or below `path` in the workspace; DVC remembers those that have not changed."""
        from dvc.fs import localfs
        from dvc_data.hashfile.hash import hash_file

        files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
        return {
            file: hash_file(str(file), localfs, "md5", state=self.repo.state)[1].value or ""
            for file in files
            if not self.ignores(file)
        }

    def ignores(self, file: Path) -> bool:
        """Whether DVC leaves a file of the workspace out, by a `.dvcignore`."""
        return bool(self.repo.dvcignore.is_ignored_file(str(file)))
