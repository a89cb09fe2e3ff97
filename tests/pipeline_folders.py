"""Folders with tiny pipelines of diffusers, of chance, saved as that library saves real ones."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.torchvision import mend_torchvision

os.environ["HF_HUB_OFFLINE"] = "1"
SIDE = 32
WORDS = ["<|startoftext|>", "<|endoftext|>", *"abcdefghijklmnopqrstuvwxyz", *(f"{one}</w>" for one in "abdefhoptu")]
TEXTS: dict[str, Any] = {
    "vocab_size": len(WORDS),
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 40,
    "projection_dim": 16,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 1,
}
CLASSES = ["blue", "red"]


def of_stable_diffusion(folder: Path, *, channels: int = 4, prediction: str = "epsilon") -> Path:
    """A tiny Stable Diffusion; with nine channels one that was made to see a mask."""
    import torch

    mend_torchvision()
    transformers: Any = pytest.importorskip("transformers")
    import diffusers

    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({word: place for place, word in enumerate(WORDS)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = transformers.CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=40, unk_token="<|endoftext|>"
    )
    (folder / "vocab.json").unlink()
    (folder / "merges.txt").unlink()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        text_encoder = transformers.CLIPTextModel(transformers.CLIPTextConfig(**TEXTS))
        vae = diffusers.AutoencoderKL(
            block_out_channels=(8, 16),
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            latent_channels=4,
            norm_num_groups=4,
            sample_size=SIDE,
        )
        unet = diffusers.UNet2DConditionModel(
            sample_size=SIDE // 2,
            in_channels=channels,
            out_channels=4,
            block_out_channels=(8, 16),
            layers_per_block=1,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            cross_attention_dim=16,
            attention_head_dim=4,
            norm_num_groups=4,
        )
    kind = diffusers.StableDiffusionInpaintPipeline if channels == 9 else diffusers.StableDiffusionPipeline
    scheduler = diffusers.DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        clip_sample=False,
        steps_offset=1,
        prediction_type=prediction,
    )
    kind(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder


def of_stable_diffusion_xl(folder: Path) -> Path:
    """A tiny Stable Diffusion XL: with two text encoders, and a U-Net that is told sizes."""
    import torch

    small = of_stable_diffusion(folder.with_name(f"{folder.name}-small"))
    import diffusers
    import transformers

    parts = diffusers.StableDiffusionPipeline.from_pretrained(small, local_files_only=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        second = transformers.CLIPTextModelWithProjection(transformers.CLIPTextConfig(**TEXTS))
        unet = diffusers.UNet2DConditionModel(
            sample_size=SIDE // 2,
            block_out_channels=(8, 16),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=32,
            attention_head_dim=4,
            norm_num_groups=4,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=16 + 6 * 8,
        )
    diffusers.StableDiffusionXLPipeline(
        vae=parts.vae,
        text_encoder=parts.text_encoder,
        text_encoder_2=second,
        tokenizer=parts.tokenizer,
        tokenizer_2=parts.tokenizer,
        unet=unet,
        scheduler=parts.scheduler,
    ).save_pretrained(folder)
    return folder


def pixels_of(counts: tuple[int, ...] = (4, 9), *, grey: bool = False, first: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noisy pictures of two classes, a bluish and a reddish one, and their labels."""
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int64)
    pictures = []
    for number, label in enumerate(labels):
        values = np.random.default_rng((first, number)).normal(110, 30, (SIDE, SIDE, 1 if grey else 3))
        values[..., -1 if label == 0 else 0] += 60
        pictures.append(np.broadcast_to(values.clip(0, 255).astype(np.uint8), (SIDE, SIDE, 3)))
    return np.stack(pictures), labels
