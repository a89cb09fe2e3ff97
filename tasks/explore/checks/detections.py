"""Detected objects, for those who have a detector: an extra that needs `transformers` and a folder with a model.

Opens a sample of each class's training images again. Weights are read as safetensors, code is never read from the
folder, and nothing is fetched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tasks.explore.checks import Block, Check, Finding, Grid
from tasks.statistics.shares import wilson

if TYPE_CHECKING:
    from PIL.Image import Image

    from tasks.explore.dataset import Dataset

SAMPLED = 50  # images a class
SURE = 0.5  # confidence from which a detection counts
LISTED = 6  # objects a class


class Detections(Check):
    """Share of the images of a class in which a detector finds an object."""

    name: Literal["detections"] = "detections"
    title = "Detected objects"
    question = "Which objects does a detector find in the images of each class?"
    order = 112
    number = 8

    def summarise(self, dataset: Dataset) -> Finding:
        """The most frequent objects in a sample of each class, if the parameter `explore.detector` names a detector."""
        from tasks.images import open_rgb

        if not dataset.params.detector:
            text = "None looked for: explore.detector in params.yaml may name the folder of a detector of transformers."
            return Finding({}, [Block("", text)])
        from tasks.progress import Progress

        detect = load_detector(Path(dataset.params.detector))
        rows = dataset.training.groupby("label").head(SAMPLED)
        found: dict[str, Counter[str]] = {label: Counter() for label in dataset.classes}
        for row in Progress(rows.to_dict("records"), "images looked at by the detector"):
            found[row["label"]].update(detect(open_rgb(dataset.raw / row["path"], row["depth"])))
        looked_at = rows["label"].value_counts()
        classes: dict[str, Any] = {}
        grid = []
        for label in [name for name in dataset.classes if name in looked_at]:
            n = int(looked_at[label])
            top = sorted(found[label], key=lambda name: (-found[label][name], name))[:LISTED]
            ends = {name: wilson(found[label][name] / n, n) for name in top}
            classes[label] = {"images": n} | {
                "objects": {
                    name: {"share": found[label][name] / n, "low": float(ends[name][0]), "high": float(ends[name][1])}
                    for name in top
                }
            }
            told = ", ".join(
                f"{name} {found[label][name] / n:.0%} [{ends[name][0]:.0%}, {ends[name][1]:.0%}]" for name in top
            )
            grid.append([label, f"{n:,}", told or "nothing"])
        text = (
            f"Share of images with at least one detection of {SURE:.0%} confidence or more, with its 95% interval, in "
            f"up to {SAMPLED} training images a class. The detector knows its own classes only and misses small things."
        )
        headers = ["class", "images", "objects"]
        return Finding({"classes": classes}, [Block("", text, None, Grid(headers, grid, frozenset({2})))])


def load_detector(folder: Path) -> Callable[[Image], set[str]]:
    """A function that names the objects in an RGB image.

    Raises
    ------
    InputError
        `transformers` is not installed, or the folder holds no detector with weights as safetensors.
    """
    from tasks.errors import InputError
    from tasks.torchvision import mend_torchvision

    mend_torchvision()
    if not folder.is_dir():
        raise InputError(
            f"explore.detector: there is no folder {folder}; name one that holds a detector, or leave it empty"
        )
    try:
        import torch
        import transformers
    except ImportError as error:
        raise InputError(
            f"explore.detector needs the extra `detector` ({error}): pip install -e '.[detector]'"
        ) from None
    torch.set_num_threads(1)
    library: Any = transformers
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        processor = library.AutoImageProcessor.from_pretrained(folder, **local)
        network = library.AutoModelForObjectDetection.from_pretrained(folder, use_safetensors=True, **local).eval()
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise InputError(
            f"explore.detector: {folder} holds no usable object detector ({error}); name another one, or leave it empty"
        ) from error

    def detect(image: Image) -> set[str]:
        with torch.inference_mode():
            outputs = network(**processor(images=image, return_tensors="pt"))
        sizes = [(image.height, image.width)]
        [seen] = processor.post_process_object_detection(outputs, threshold=SURE, target_sizes=sizes)
        return {network.config.id2label[int(number)] for number in seen["labels"]}

    return detect
