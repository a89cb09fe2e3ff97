"""`dvc.lock` appears whole or not at all.

DVC writes its lock file in place, which takes a good part of a second for a large graph. A stage that is ended in that
moment would leave half a file, and half of a YAML mapping is valid YAML.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tasks.files import write_text


@contextmanager
def modify_yaml(path: str, fs: Any = None) -> Iterator[Any]:
    """DVC's `modify_yaml`, with the result written beside the file and renamed.

    Parameters
    ----------
    path
        The file; made if it is missing.
    fs
        DVC's file system, which is the local one wherever files are modified.
    """
    from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update

    file = Path(path)
    data = parse_yaml_for_update(file.read_text(encoding="utf-8"), path) if file.exists() else {}
    yield data
    write_text(file, dumps_yaml(data))


def make_dvc_atomic() -> None:
    """Let DVC use `modify_yaml` of this module in this process."""
    import dvc.dvcfile

    dvc.dvcfile.modify_yaml = modify_yaml
