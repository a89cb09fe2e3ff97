"""Where a fit stands, written after every epoch, so that one that was killed goes on from there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from tasks.files import write_bytes

FILE = "checkpoint.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """The state of one fit.

    Attributes
    ----------
    epoch
        Epochs that are done.
    losses
        Mean loss of each.
    tensors
        Whatever the next epoch needs.
    """

    epoch: int
    losses: list[float]
    tensors: Mapping[str, Tensor]

    def write(self, folder: Path, key: str) -> None:
        """Put it in the place of an earlier one, whole or not at all; `key` tells the fit from all others."""
        plain = {name: value.contiguous() for name, value in self.tensors.items()}
        about = {"key": key, "epoch": str(self.epoch), "losses": json.dumps(self.losses), "digest": _digest(plain)}
        write_bytes(folder / FILE, save(plain, metadata=about))

    @classmethod
    def read(cls, folder: Path, key: str) -> Checkpoint | None:
        """What `write` left for the same fit; None where there is nothing, or something else, or a damaged file."""
        about = facts(folder)
        if about.get("key") != key:
            return None
        try:
            with safe_open(folder / FILE, framework="pt") as file:
                names = file.keys()
                tensors = {name: file.get_tensor(name) for name in names}
        except (OSError, SafetensorError):
            return None
        if about.get("digest") != _digest(tensors):  # the format itself notices a wrong length, and no wrong number
            return None
        return cls(int(about["epoch"]), json.loads(about["losses"]), tensors)


def facts(folder: Path | None) -> dict[str, str]:
    """What the checkpoint in a folder says of itself; empty where there is none that can be read."""
    if folder is None:
        return {}
    try:
        with safe_open(folder / FILE, framework="pt") as file:
            return file.metadata() or {}
    except (OSError, SafetensorError):
        return {}


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """Of names and numbers."""
    digest = hashlib.blake2b(digest_size=16)
    for name, value in sorted(tensors.items()):
        digest.update(name.encode() + b"\0")
        digest.update(value.detach().cpu().numpy().tobytes())
    return digest.hexdigest()
