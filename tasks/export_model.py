"""A model as one ONNX file: decoded images in, scores, probabilities and the decision out, for onnxruntime alone.

The file is made beside its place, held against the model itself on real images, and put there only if both agree.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tasks.errors import InputError
from tasks.files import write_bytes
from tasks.images import open_rgb
from tasks.rules import Rule
from tasks.scores import decisions, has_probabilities, probabilities
from tasks.train.models import Model

OPSET = 18
LARGEST = 1e-4  # difference of a probability, or of a score as a share of the largest, above which no file is written
EXAMPLE = """import json
import numpy as np
import onnxruntime
from PIL import Image, ImageOps

model = onnxruntime.InferenceSession({file})
classes = json.loads(model.get_modelmeta().custom_metadata_map["classes"])
image = ImageOps.exif_transpose(Image.open({image})).convert("RGB")
answer = dict(zip([one.name for one in model.get_outputs()], model.run(None, {{"images": np.asarray(image)[None]}})))
print(classes[answer["label"][0]], {shown})
"""


@dataclass(frozen=True)
class Parity:
    """How far the exported file and the model are apart.

    Attributes
    ----------
    images
        Number of real images that were looked at.
    scores
        The largest difference of a score, as a share of the largest score.
    probabilities
        The largest difference of a probability; None where there are none.
    labels
        How many images get a decision that is not that of their scores.
    otherwise
        How many images the example opens with other pixels than Equipoise (16 bits a value, damaged ones ...).
    """

    images: int
    scores: float
    probabilities: float | None
    labels: int
    otherwise: int

    def __str__(self) -> str:
        parts = [f"scores {self.scores:.1e} of the largest"]
        parts += [] if self.probabilities is None else [f"probabilities {self.probabilities:.1e}"]
        return f"largest difference on {self.images} real images: {', '.join(parts)}; other decisions: {self.labels}"


def require_packages() -> None:
    """Refuse to go on without the packages of the extra ``onnx`` (`InputError`)."""
    missing = [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise InputError(f"{' and '.join(missing)} must be installed for this: pip install 'equipoise[onnx]'")


def export_onnx(model: Model, strategy: str, rule: Rule | None, files: Sequence[Path], out: Path) -> Parity:
    """Write a model as an ONNX file.

    Parameters
    ----------
    model
        A strategy's.
    strategy
        Its name.
    rule
        How its scores are read; None: no such rule was fitted yet.
    files
        Real images to compare by, at least one.
    out
        Where to write, whole or not at all.

    Raises
    ------
    InputError
        The model is no network, or the file would not answer as the model does.
    """
    content = _with_metadata(_exported(model, strategy, rule), _metadata(model, strategy, rule))
    parity = compare(model, rule, content, files)
    if parity.labels or max(parity.scores, parity.probabilities or 0) > LARGEST:
        raise InputError(
            f"{strategy}: the exported network does not answer as the model does, so no file was written ({parity}); "
            "please report it, with `pip freeze`"
        )
    write_bytes(out, content)
    return parity


def compare(model: Model, rule: Rule | None, content: bytes, files: Sequence[Path]) -> Parity:
    """Hold an ONNX file's `content` against the model that it was made of, on image `files`."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    expected = model.predict(model.inputs(files))
    answers: list[dict[str, NDArray[Any]]] = []
    otherwise = 0
    for file in files:
        pixels = np.asarray(open_rgb(file, model.depth))
        plain = _opened_plainly(file)
        otherwise += plain is None or not np.array_equal(pixels, plain)
        answers.append(dict(zip(names, session.run(None, {"images": pixels[None]}), strict=True)))
    got = {name: np.concatenate([answer[name] for answer in answers]) for name in names}
    away = np.abs(got["scores"] - expected.values).max() / max(1.0, np.abs(expected.values).max())
    shares = rule.probabilities(expected.values) if rule else None
    if shares is None and has_probabilities(expected.kind):
        shares = probabilities(expected.values, expected.kind)
    apart = None if shares is None else float(np.abs(got["probabilities"] - shares).max())
    decide = rule.decide if rule else decisions
    # Where a decision hangs on the last digit of a score, that of the file's own score is right as well.
    is_wrong = (got["label"] != decide(expected.values)) & (got["label"] != decide(got["scores"].astype(np.float64)))
    return Parity(len(files), float(away), apart, int(is_wrong.sum()), otherwise)


def example(model: Model, out: str, image: str = "photo.jpg") -> str:
    """Ten lines that use the file `out` on an `image`, by onnxruntime, Pillow and NumPy alone."""
    shown = "probabilities" if has_probabilities(model.kind) else "scores"
    file, image = (json.dumps(name, ensure_ascii=False) for name in (out, image))
    return EXAMPLE.format(file=file, image=image, shown=f'dict(zip(classes, answer["{shown}"][0]))')


def _opened_plainly(file: Path) -> NDArray[np.uint8] | None:
    """The pixels as the example opens them."""
    try:
        with Image.open(file) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, ValueError, SyntaxError):
        return None


def _exported(model: Model, strategy: str, rule: Rule | None) -> bytes:
    """The model's network as ONNX, for any number of images of any one size."""
    import torch

    from tasks.network import Answers, network_of

    torch.set_num_threads(1)
    answers = Answers(network_of(model, strategy, "exported"), model.kind, rule).eval()
    axes = {"images": {0: "images", 1: "height", 2: "width"}} | {name: {0: "images"} for name in answers.names}
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that sizes within the network are fixed, which they are
        made = Path(folder, "model.onnx")
        torch.onnx.export(
            answers,
            (torch.zeros((2, 48, 40, 3), dtype=torch.uint8),),
            made,
            dynamo=False,  # the other way needs more packages and ten times as long, for the same numbers
            input_names=["images"],
            output_names=answers.names,
            dynamic_axes=axes,
            opset_version=OPSET,
        )
        return made.read_bytes()


def _metadata(model: Model, strategy: str, rule: Rule | None) -> dict[str, Any]:
    return {
        "strategy": strategy,
        "classes": model.classes,
        "kind": model.kind,
        "depth": model.depth,
        "posthoc": model.posthoc.model_dump(mode="json"),
        "rule": rule and rule.as_json(),
        "goal": rule.goal.name if rule else "",
        "made_by": {name: version(name) for name in ("equipoise", "torch", "pillow")},
        **model.shown,
    }


def _with_metadata(content: bytes, facts: dict[str, Any]) -> bytes:
    """An ONNX file with `facts` as its metadata: texts as they are, all else as JSON."""
    import onnx

    made = onnx.load_model_from_string(content)
    made.producer_name = "equipoise"
    told = {key: value if isinstance(value, str) else json.dumps(value) for key, value in sorted(facts.items())}
    onnx.helper.set_model_props(made, told)
    onnx.checker.check_model(made)
    whole: bytes = made.SerializeToString(deterministic=True)
    return whole
