"""What the files hold, through the row store: every file is hashed, and only content that is new is decoded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
from joblib import delayed

from tasks.ingest.examine import Examined, examine_all, hash_all
from tasks.progress import Progress
from tasks.rows import Row, Rows

if TYPE_CHECKING:
    from tasks.workspace import Workspace

CHUNK = 32  # files a task of a worker: its start costs less than one image


def examined_rows(workspace: Workspace) -> Rows:
    """The store of what files hold, by their content."""
    parameters = {"max_pixels": workspace.params.ingest.max_pixels}
    packages = ["pillow", "simplejpeg", "opencv-python-headless", "numpy"]
    return Rows.of(workspace, "files", code=["tasks.ingest.examine"], packages=packages, parameters=parameters)


def examine_files(raw: Path, paths: list[str], max_pixels: int, workers: int, rows: Rows) -> list[Examined]:
    """Find what all files hold, in `workers` processes; the order of the paths is kept.

    Every file is hashed, and decoded unless `rows` knows its content.
    """
    hashes = list(_shared_out(delayed(hash_all), raw, paths, workers))
    unreadable = {path: seen for path, seen in zip(paths, hashes, strict=True) if isinstance(seen, Examined)}
    content = {path: seen for path, seen in zip(paths, hashes, strict=True) if isinstance(seen, str)}
    path_of = {digest: path for path, digest in reversed(content.items())}

    def decode(digests: list[str]) -> Iterator[Row]:
        new = [path_of[digest] for digest in digests]
        results = _shared_out(delayed(examine_all), raw, new, workers, max_pixels)
        for one in Progress(results, "files", total=len(new)):
            yield {"facts": json.dumps(one.facts), "reason": one.reason, "detail": one.detail}

    found = dict(zip(content, rows.fill(list(content.values()), decode), strict=True))
    seen = {path: Examined(path, json.loads(row["facts"]), row["reason"], row["detail"]) for path, row in found.items()}
    return [unreadable.get(path) or seen[path] for path in paths]


def _shared_out(work: Callable[..., Any], raw: Path, paths: list[str], workers: int, *more: object) -> Iterator[Any]:
    """What `work` makes of chunks of the paths in `workers` processes, path after path."""
    chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
    parallel = joblib.Parallel(n_jobs=max(1, min(workers, len(chunks))), return_as="generator")
    for made in parallel(work(raw, chunk, *more) for chunk in chunks):
        yield from made
