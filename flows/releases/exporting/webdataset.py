"""Tar files of samples, as `webdataset` reads them in a stream: ``<key>.<ext>``, ``<key>.cls``, ``<key>.json``.

Shards are read from front to back, so the rows stand in an order that mixes the classes and hangs on nothing but their
names. The same rows give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from contextlib import ExitStack
from pathlib import Path

from flows.releases.exporting.images import Images
from flows.releases.exporting.rows import Parts
from tasks.progress import Progress

SHARD_BYTES = 500_000_000
SHARD_IMAGES = 10_000


def write(parts: Parts, part: str, folder: Path, images: Images) -> None:
    """Write one part as ``<part>-000000.tar`` and so on; a part without rows is one empty shard."""
    mixed = sorted(parts.rows[part], key=lambda row: hashlib.sha256(row.key.encode()).digest())
    with ExitStack() as stack:
        shards = size = count = 0
        shard = _open(stack, folder, part, shards)
        for row in Progress(mixed, f"images of the part {part}"):
            content = images.read(row)
            if count and (count >= SHARD_IMAGES or size + len(content) > SHARD_BYTES):
                stack.pop_all().close()
                shards, size, count = shards + 1, 0, 0
                shard = _open(stack, folder, part, shards)
            _add(shard, row.name, content)
            _add(shard, f"{row.key}.cls", str(row.facts["class_index"]).encode())
            _add(shard, f"{row.key}.json", json.dumps(row.facts, sort_keys=True, ensure_ascii=False).encode())
            size, count = size + len(content), count + 1


def _open(stack: ExitStack, folder: Path, part: str, number: int) -> tarfile.TarFile:
    return stack.enter_context(tarfile.open(folder / f"{part}-{number:06d}.tar", "w"))


def _add(shard: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)  # its time, owner and group are zero
    info.size = len(content)
    shard.addfile(info, io.BytesIO(content))
