"""Folders with tiny models of transformers and timm, of chance, saved as those libraries save real ones."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tasks.torchvision import mend_torchvision

os.environ["HF_HUB_OFFLINE"] = "1"
MEAN, DEVIATION = [0.5, 0.4, 0.3], [0.2, 0.25, 0.3]
SIZE = 32


def of_transformers(folder: Path, kind: str, **settings: Any) -> Path:
    """A model of this kind, with its classifier, and how it is shown images."""
    import torch

    mend_torchvision()
    transformers: Any = pytest.importorskip("transformers")
    config = getattr(transformers, f"{kind}Config")(**TINY[kind] | {"num_labels": 5} | settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = getattr(transformers, f"{kind}ForImageClassification")(config)
    made.save_pretrained(folder)
    sides = {"height": SIZE, "width": SIZE}
    transformers.ViTImageProcessorPil(size=sides, image_mean=MEAN, image_std=DEVIATION).save_pretrained(folder)
    return folder


TINY: dict[str, dict[str, Any]] = {
    "ViT": {
        "hidden_size": 16,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "image_size": SIZE,
        "patch_size": 8,
    },
    "Dinov2": {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": SIZE,
        "patch_size": 8,
    },
    "ConvNext": {"hidden_sizes": [8, 8, 16, 24], "depths": [1, 1, 2, 1], "patch_size": 2, "image_size": SIZE},
    "ResNet": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"},
    "Swin": {
        "embed_dim": 8,
        "depths": [1, 1],
        "num_heads": [2, 2],
        "patch_size": 4,
        "window_size": 4,
        "image_size": 32,
    },
}
STAGES = {"ViT": 3, "Dinov2": 2, "ConvNext": 4, "ResNet": 2, "Swin": 2}

OF_TIMM: dict[str, dict[str, Any]] = {
    "vit_tiny_patch16_224": {"embed_dim": 16, "depth": 3, "num_heads": 2, "img_size": SIZE, "patch_size": 8},
    "resnet10t": {"layers": (1, 1, 1, 1), "channels": (8, 8, 16, 24)},
    "convnext_atto": {"depths": (1, 1, 1, 1), "dims": (8, 8, 16, 24), "patch_size": 2},
}


def of_timm(folder: Path, architecture: str) -> Path:
    """A model of this architecture, made small."""
    import torch

    timm = usable_timm()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = timm.create_model(architecture, num_classes=5, **OF_TIMM[architecture])
    data = {"mean": MEAN, "std": DEVIATION, "input_size": (3, SIZE, SIZE)}
    timm.models.save_for_hf(
        made,
        folder,
        model_config={"pretrained_cfg": data},
        model_args=dict(OF_TIMM[architecture]),
        safe_serialization=True,
    )
    return folder


def usable_timm() -> Any:
    """The library; the test is skipped where it isn't installed."""
    if find_spec("timm") is None:
        pytest.skip("needs the extra timm")
    from tasks.model_folders.of_timm import _timm

    return _timm()


EVERY = [*TINY, *OF_TIMM]


def made(folder: Path, kind: str) -> dict[str, Any]:
    """A tiny model of either library, as `params.yaml` names it."""
    from tasks.model_folders.files import digest_of

    library = "transformers" if kind in TINY else "timm"
    place = of_transformers(folder, kind) if kind in TINY else of_timm(folder, kind)
    return {"name": library, "folder": str(place), "digest": digest_of(place)}
