"""The files that a table means: paths as spreadsheets, Windows and other machines write them."""

from __future__ import annotations

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import unquote

LONGEST_TAIL = 12  # parts of a path that are tried as its tail


@dataclass
class WrittenPaths:
    """Finds files by paths as they are written in a table.

    Attributes
    ----------
    folder
        The folder that the paths are relative to.
    files
        All files below it, with forward slashes.
    strip
        What other machines had before the paths, and is taken away.
    below
        Whether paths that are not there may lie in folders below, where only one file fits.
    ways
        How many paths were found in another way than as they are written, by the way.
    """

    folder: Path
    files: Collection[str]
    strip: str = ""
    below: bool = False
    ways: Counter[str] = field(default_factory=Counter)

    def find(self, written: str) -> str | None:
        """The file that is meant, as a path below the folder; None where there is none, or several may be meant."""
        path = self._without_prefix(written)
        if "://" in path and (bare := _address(path)) != path and (inside := self.find(bare)):
            self.ways["in addresses"] += 1
            return inside
        if (exact := _tidy(path)) in self._known:
            return exact
        if re.fullmatch(r"'.+'|\".+\"", path) and (inside := self.find(path[1:-1])):
            self.ways["without the quotes around them"] += 1
            return inside
        if self._is_there(exact):  # hidden files are not listed, but a table may name them
            return exact
        slashed = _tidy(path.replace("\\", "/"))
        if slashed != exact and slashed in self._known:
            self.ways["with / for \\"] += 1
            return slashed
        for way, found in (
            ("whatever the case of their letters", self._by_fold.get(slashed.casefold(), ())),
            ("without the ending of their names", self._by_stem.get(slashed, ())),
            ("in folders below", self._deeper(slashed) if self.below else ()),
        ):
            if len(found) == 1:
                self.ways[way] += 1
                return found[0]
        return None

    def several(self, written: str) -> list[str]:
        """The files that may be meant, where no single one is."""
        path = _tidy(self._without_prefix(written).replace("\\", "/"))
        for found in (self._by_fold.get(path.casefold(), ()), self._by_stem.get(path, ()), self._deeper(path)):
            if len(found) > 1:
                return sorted(found)
        return []

    def common_tail(self, missing: Iterable[str]) -> tuple[str, int] | None:
        """What stands before the paths of another machine: taken away, most of the files are here, and how many."""
        prefixes: Counter[str] = Counter()
        for written in missing:
            parts = _parts(_address(written))
            for cut in range(1, min(len(parts), LONGEST_TAIL)):
                if "/".join(parts[cut:]) in self._known:
                    prefixes[re.sub(rf"([/\\]+[^/\\]+){{{len(parts) - cut}}}[/\\]*$", "", _address(written))] += 1
                    break
        return prefixes.most_common(1)[0] if prefixes else None

    def _deeper(self, path: str) -> list[str]:
        """Files in folders below whose paths end like this one, whatever the case of letters, also without ending."""
        ends = f"/{path.casefold()}"
        near = self._by_name.get(_bare(path), ())
        exact = [one for one in near if f"/{one.casefold()}".endswith(ends)]
        return exact or [one for one in near if f"/{PurePosixPath(one).with_suffix('')}".casefold().endswith(ends)]

    def _without_prefix(self, written: str) -> str:
        if self.strip:
            path, prefix = "/".join(_parts(_address(written))), "/".join(_parts(self.strip))
            if path.startswith(f"{prefix}/"):
                return path[len(prefix) + 1 :]
        if PurePosixPath(written).is_absolute():
            for folder in (self.folder, self.folder.resolve()):
                if PurePosixPath(written).is_relative_to(folder):
                    return str(PurePosixPath(written).relative_to(folder))
        return written

    def _is_there(self, path: str) -> bool:
        try:
            return (
                bool(path) and not path.startswith("/") and ".." not in path.split("/") and _exists(self.folder / path)
            )
        except (OSError, ValueError):  # names that no file can have
            return False

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.files)

    @cached_property
    def _by_fold(self) -> dict[str, list[str]]:
        found = defaultdict(list)
        for path in self.files:
            found[path.casefold()].append(path)
        return found

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        found = defaultdict(list)
        for path in self.files:
            for name in {_bare(path), _bare(str(PurePosixPath(path).with_suffix("")))}:
                found[name].append(path)
        return found

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        found = defaultdict(list)
        for path in self.files:
            found[str(PurePosixPath(path).with_suffix(""))].append(path)
        return found


def leads_out(written: str) -> bool:
    """Whether a path leads out of the folder that it is relative to."""
    tidy = _tidy(written.replace("\\", "/"))
    return tidy.startswith("/") or tidy.partition("/")[0] == ".."


def _address(written: str) -> str:
    """An address (``https://``, ``file://``, ``s3://``) without what stands behind ? or #, and with its letters."""
    return unquote(re.sub(r"[?#].*$", "", written)) if "://" in written else written


def _exists(path: Path) -> bool:
    return path.is_symlink() or path.is_file()


def _tidy(path: str) -> str:
    """A relative path without ``.``, ``..`` after a folder, and doubled slashes."""
    return posixpath.normpath(path) if path else ""


def _bare(path: str) -> str:
    """The last part of a path, whatever the case of its letters."""
    return path.rpartition("/")[2].casefold()


def _parts(path: str) -> list[str]:
    """The parts of a path of any system, without the root; a drive is a part."""
    return [part for part in PureWindowsPath(path).as_posix().split("/") if part not in ("", ".")]
