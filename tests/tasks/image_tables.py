"""Tables that name four images, and what is read of them or said against them."""

import pytest

from tasks.errors import InputError
from tasks.ingest.columns import Columns
from tasks.ingest.table import read_sources

FILES = ["a/0.png", "a/1.png", "b/2.PNG", "b/3.jpg"]
WRITTEN = {"a/0.png": "x", "a/1.png": "x", "b/2.PNG": "y", "b/3.jpg": "y"}
PARTS_TEXT = "path,label,{}\n" + "".join(f"{path},{label},{{}}\n" for path, label in WRITTEN.items())


def listed(folder, text, name="table.csv", encoding="utf-8", files=FILES, **columns):
    """What a table with this text says of `FILES`."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return read_sources(path, name, files, Columns(**columns))


def labels(found):
    return {source.path: source.label for source in found.sources}


def refused(folder, text, **settings):
    with pytest.raises(InputError) as error:
        listed(folder, text, **settings)
    return str(error.value)
