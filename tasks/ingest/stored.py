"""What the files hold, through the row store: every file is hashed, and only content that is new is decoded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tasks import heic
from tasks.ingest.examine import Examined, content_hash, examine
from tasks.parallel import each
from tasks.progress import Progress
from tasks.row_store import Row, RowStore

if TYPE_CHECKING:
    from tasks.workspace import Workspace


def known_files(workspace: Workspace) -> RowStore:
    """The store of what files hold, by their content."""
    parameters = {"max_pixels": workspace.params.ingest.max_pixels, "heic": heic.version()}
    packages = ["pillow", "simplejpeg", "opencv-python-headless", "numpy"]
    return RowStore.of(workspace, "files", code=["tasks.ingest.examine"], packages=packages, parameters=parameters)


def examine_files(raw: Path, paths: list[str], max_pixels: int, workers: int, store: RowStore) -> list[Examined]:
    """Find what all files hold, in `workers` processes; the order of the paths is kept.

    Every file is hashed, and decoded unless `store` knows its content.
    """
    hashes = list(each(partial(content_hash, raw), paths, workers))
    unreadable = {path: seen for path, seen in zip(paths, hashes, strict=True) if isinstance(seen, Examined)}
    content = {path: seen for path, seen in zip(paths, hashes, strict=True) if isinstance(seen, str)}
    path_of = {digest: path for path, digest in reversed(content.items())}

    def decode(digests: list[str]) -> Iterator[Row]:
        new = [path_of[digest] for digest in digests]
        results = each(partial(examine, raw, max_pixels=max_pixels), new, workers)
        for one in Progress(results, "files", total=len(new)):
            yield {"facts": json.dumps(one.facts), "reason": one.reason, "detail": one.detail}

    found = dict(zip(content, store.fill(list(content.values()), decode), strict=True))
    seen = {path: Examined(path, json.loads(row["facts"]), row["reason"], row["detail"]) for path, row in found.items()}
    return [unreadable.get(path) or seen[path] for path in paths]
