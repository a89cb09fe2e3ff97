"""ZIP and TAR archives, read in place: unpacked into the workspace's scratch for as long as they are looked at.

An archive is somebody else's word for what is written where. Nothing is written that is not a plain file below the
scratch folder, and never more than the archive's own size allows, so that a small file can't fill a disk.
"""

from __future__ import annotations

import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from tasks.disk import readable_size, require_space
from tasks.errors import InputError
from tasks.formats import ARCHIVE, HEAD, kind_of
from tasks.ingest.reading import SUFFIXES
from tasks.progress import Progress
from tasks.workspace import STATE

SCRATCH = Path(STATE, "scratch", "archive")
MOST_TIMES = 200  # an archive holds at most so many times its own size; photos don't shrink, drawings do so 50-fold
ALLOWANCE = 10_000_000  # bytes that an archive of any size may hold beyond that
MOST_DESCRIBED = 1_000_000  # bytes of a long name, or of what a TAR says of one file beside its content
ON_DISK = 4096  # bytes that a file takes at least
_OTHERS = {  # by their first bytes
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\7": "a RAR archive",
    b"\x28\xb5\x2f\xfd": "packed with Zstandard",
}
DEEPEST = 100  # folders in each other

_CHUNK = 2**20
_CHECKED = 64  # chunks after which the free space is looked at again
_DESCRIBING = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)
_FAULTS = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError),
    *(NotImplementedError, RuntimeError),
)


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    Attributes
    ----------
    path
        Where it lies, with forward slashes, below the archive's top.
    size
        Bytes, as the archive says.
    open
        Opens it for reading.
    """

    path: str
    size: int
    open: Callable[[], IO[bytes]]


@contextmanager
def unpacked(root: Path, path: Path) -> Iterator[Path]:
    """The folder that an archive holds; any other path as it is.

    The contents stand in the scratch of the workspace at `root` until the block ends; what a killed run left is removed
    first. A single folder at the archive's top is the folder itself. Errors name paths in the archive.

    Raises
    ------
    InputError
        The archive is damaged, encrypted, too large for the disk or for its own size, or holds what is no plain file
        below its top; the member is named.
    """
    scratch = root / SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)
    if not is_archive(path):
        yield path
        return
    folder = scratch
    try:
        scratch.mkdir(parents=True)
        _unpack(path, scratch)
        folder = _top(scratch)
        yield folder
    except InputError as error:
        message = str(error).replace(str(folder), str(path)).replace(str(scratch), str(path))
        raise InputError(message) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def is_archive(path: Path) -> bool:
    """Whether a path is a file that is an archive by its first bytes; a table of Excel is none, though it is a ZIP."""
    if not path.is_file() or path.suffix.lower() in SUFFIXES:
        return False
    with path.open("rb") as file:
        return kind_of(file.read(HEAD)) is ARCHIVE


def _unpack(path: Path, folder: Path) -> None:
    """Write the members of an archive below `folder`, after all of them were looked at."""
    with ExitStack() as stack:
        try:
            members = list(_members(path, stack))
        except _FAULTS as error:
            if other := _other_kind(path):
                raise InputError(
                    f"{path}: is {other}, and read are ZIP and TAR (also .tar.gz, .tar.bz2, .tar.xz): unpack it and "
                    "give the folder"
                ) from None
            raise InputError(
                f"{path}: damaged, or no ZIP or TAR archive ({_fault(error)}); get it again, or unpack it and give the "
                "folder"
            ) from None
        require_space(folder, sum(_on_disk(member) for member in members), "what the archive holds")
        written: dict[str, str] = {}
        for member in Progress(members, "files unpacked"):
            try:
                _write(member, folder, written)
            except _FAULTS as error:
                raise InputError(f"{path}: can't unpack {member.path} ({error}); get the archive again") from None


def _other_kind(path: Path) -> str:
    """What an archive is that nothing here can unpack, by its first bytes."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    return next((name for start, name in _OTHERS.items() if head.startswith(start)), "")


def _fault(error: Exception) -> str:
    """What an error says; of the many lines of an archive that `tarfile` tried to read in every way, the gist."""
    first, *others = str(error).splitlines() or [type(error).__name__]
    return "no beginning or end of one was found" if others else first


def _write(member: Member, folder: Path, written: dict[str, str]) -> None:
    """Write one member; its size is what the archive said, or it is damaged."""
    target = folder / member.path
    target.parent.mkdir(parents=True, exist_ok=True)
    twin = written.setdefault(member.path.casefold(), member.path)
    try:
        file = target.open("xb")
    except FileExistsError:
        which = "stands twice" if twin == member.path else f"has the same name as {twin} on this disk"
        raise ValueError(f"it {which}; rename one") from None
    left = member.size
    with file, closing(member.open()) as source:
        for number, chunk in enumerate(iter(lambda: source.read(_CHUNK), b""), start=1):
            left -= len(chunk)
            if left < 0:
                break
            if number % _CHECKED == 0:
                require_space(folder, left, f"the rest of {member.path}")
            file.write(chunk)
    if left:
        raise ValueError("its size is not what the archive says")


def _members(path: Path, stack: ExitStack) -> Iterator[Member]:
    """The files of an archive, which `stack` keeps open, each looked at."""
    found = _zip_members(path, stack) if _begins_as_zip(path) else _tar_members(path, stack)
    allowed = MOST_TIMES * path.stat().st_size + ALLOWANCE
    for member in found:
        allowed -= _on_disk(member)
        if allowed < 0:
            raise InputError(
                f"{path}: holds more than {MOST_TIMES} times its own size, reached at {member.path} "
                f"({readable_size(member.size)}); if you trust it, unpack it and give the folder"
            )
        yield member


def _begins_as_zip(path: Path) -> bool:
    """Whether an archive is a ZIP; `zipfile` would also take a TAR for one whose last member is a ZIP."""
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def _zip_members(path: Path, stack: ExitStack) -> Iterator[Member]:
    archive = stack.enter_context(zipfile.ZipFile(path))
    for info in archive.infolist():
        written = info.filename.replace("\\", "/")
        name = _safe(path, written)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refused(path, name, "is a link or a device")
        if written.endswith("/"):  # a folder
            continue
        if info.flag_bits & 1:
            raise _refused(path, name, "is encrypted")
        yield Member(name, info.file_size, lambda info=info: archive.open(info))  # type: ignore[misc]


def _tar_members(path: Path, stack: ExitStack) -> Iterator[Member]:
    archive = stack.enter_context(tarfile.TarFile.open(path, tarinfo=_StrictHeader))
    for info in archive:
        name = _safe(path, info.name)
        if info.isdir():
            continue
        if not info.isreg():
            raise _refused(path, name, "is a link or a device")
        yield Member(name, info.size, lambda info=info: _opened(archive, info))  # type: ignore[misc]
    for _ in range(_CHECKED):  # to the end of a compressed file, where its checksum stands
        if archive.fileobj is None or not archive.fileobj.read(_CHUNK):
            return
    raise tarfile.ReadError("much stands behind its end")


def _opened(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(info)
    if file is None:
        raise ValueError("it is no file")
    return file


class _StrictHeader(tarfile.TarInfo):
    """Headers of which a damaged one is an error; `tarfile` takes it for the end, and says nothing of the rest.

    Those that only describe the next member are read into memory whole, so they are held to `MOST_DESCRIBED` bytes.
    So is one with a size below 0, at which `tarfile` goes back in the file.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _StrictHeader:
        header = super().frombuf(buf, encoding, errors)
        if header.size < 0:
            raise tarfile.ReadError(f"a header with the impossible size of {header.size:,} bytes")
        if header.size > MOST_DESCRIBED and header.type in _DESCRIBING:
            raise tarfile.ReadError(f"the description of a member has {readable_size(header.size)}")
        return header

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> _StrictHeader:
        try:
            return super().fromtarfile(archive)
        except tarfile.HeaderError as error:
            if type(error).__name__ == "EOFHeaderError":  # the end mark: the one that is right
                raise
            raise tarfile.ReadError(str(error)) from None


def _safe(path: Path, name: str) -> str:
    """The name of a member, if it leads to a place below the archive's top."""
    plain = PurePosixPath(name)
    if plain.is_absolute() or PureWindowsPath(name).drive or ".." in plain.parts or "\0" in name:
        raise _refused(path, name, "leads out of the archive")
    if len(plain.parts) > DEEPEST:  # folders that no tool could remove again
        raise _refused(path, f"{name[:80]}...", f"lies more than {DEEPEST} folders deep")
    return plain.as_posix()


def _refused(path: Path, name: str, what: str) -> InputError:
    return InputError(f"{path}: {name!r} {what}; unpack the archive yourself and give the folder")


def _on_disk(member: Member) -> int:
    return max(member.size, ON_DISK)


def _top(folder: Path) -> Path:
    """The single folder in `folder`, if nothing else is there but what operating systems leave; else `folder`."""
    inside = [one for one in folder.iterdir() if not one.name.startswith((".", "__MACOSX"))]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder
