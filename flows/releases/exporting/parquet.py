"""Parquet with the images inside, in the layout of `datasets`: column `image` holds `bytes` and `path`.

Readers of plain Parquet see the same columns; `class_index` is a class label to `datasets`, with the classes' names.
"""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flows.releases.exporting.images import Images
from flows.releases.exporting.rows import Parts
from tasks.progress import Progress

GROUP_BYTES = 32_000_000  # of images a row group: what a reader holds at once
_LINEAGE = (
    *(("label", pa.string()), ("class_index", pa.int64()), ("row_id", pa.string()), ("origin", pa.string())),
    *(("parents", pa.list_(pa.string())), ("operation", pa.string()), ("parameters", pa.string())),
    *(("fold", pa.int16()), ("second_label", pa.string()), ("second_share", pa.float64())),
    *(("group", pa.string()), ("source", pa.string())),
)
_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write(parts: Parts, part: str, folder: Path, images: Images) -> None:
    """Write one part as ``<part>.parquet``."""
    schema = pa.schema([("image", _IMAGE), *_LINEAGE], metadata={"huggingface": json.dumps(_features(parts.classes))})
    with pq.ParquetWriter(folder / f"{part}.parquet", schema, compression="zstd") as writer:
        waiting, size = list[dict[str, object]](), 0
        for row in Progress(parts.rows[part], f"images of the part {part}"):
            content = images.read(row)
            if size + len(content) > GROUP_BYTES and waiting:
                writer.write_table(pa.Table.from_pylist(waiting, schema))
                waiting, size = [], 0
            waiting.append({"image": {"bytes": content, "path": row.name}} | row.facts)
            size += len(content)
        writer.write_table(pa.Table.from_pylist(waiting, schema))


def _features(classes: list[str]) -> dict[str, object]:
    """What `datasets` is told of the columns."""
    kinds = {pa.string(): "string", pa.int64(): "int64", pa.int16(): "int16", pa.float64(): "float64"}
    columns: dict[str, object] = {
        name: {"_type": "List", "feature": {"_type": "Value", "dtype": "string"}}
        if kind == pa.list_(pa.string())
        else {"_type": "Value", "dtype": kinds[kind]}
        for name, kind in _LINEAGE
    }
    own = {"image": {"_type": "Image"}, "class_index": {"_type": "ClassLabel", "names": classes}}
    return {"info": {"features": {"image": own["image"], **columns, "class_index": own["class_index"]}}}
