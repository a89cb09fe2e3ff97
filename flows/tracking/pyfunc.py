"""A strategy's classifier as MLflow's own kind of model: images in, a table of labels, probabilities and scores out.

Saved and loaded without pickle: MLflow calls `_load_pyfunc` of this module, which reads what `tasks.train.classifier`
packed. How images become what the model sees (backbone, size, resize) is part of the model, and so is its rule.

An image comes as its bytes, as those in base64 (which is how JSON has them), or as the path of its file. A server must
read no file that a client names: where MLflow serves the model, paths are refused, unless `IMAGE_ROOT` names a folder,
below which they may lie.
"""

from __future__ import annotations

import base64
import binascii
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tasks.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.models import ModelSignature

    from tasks.train.classifier import Classifier

PACKED = Path("data", "strategy")  # where the packed classifier stands in an MLflow model
IMAGE, PATH = "image", "path"
IMAGE_ROOT = "EQUIPOISE_IMAGE_ROOT"
SERVED = "_MLFLOW_IS_IN_SERVING_ENVIRONMENT"  # MLflow's servers set it
OTHER_SERVER = "mlserver"  # a module that only another server of MLflow's models imports
# Base64 that MLflow hands over undecoded, as bytes, from "inputs" and CSV; no image file is made of such signs only.
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
WANTED = (
    f"give a table with a column {IMAGE} (bytes of a JPEG, PNG or another image file; in JSON as base64) or {PATH}, or "
    "a list of such bytes or paths"
)


class ImageClassifier:
    """What MLflow's pyfunc wraps."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier

    def predict(self, images: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Classify images.

        Parameters
        ----------
        images
            A table with a column ``image`` or ``path``, or a list of bytes or paths. Text in a column ``image`` is
            base64.
        params
            MLflow's; this model has none.

        Returns
        -------
        pandas.DataFrame
            See `tasks.train.predicting.predicted`: a row an image, with the reason in ``error`` and nothing else where
            it can't be read.

        Raises
        ------
        MlflowException
            There is no such column, or a path that may not be read here.
        """
        from mlflow.exceptions import MlflowException
        from mlflow.protos.databricks_pb2 import BAD_REQUEST

        from tasks.train.predicting import predicted

        try:
            return predicted(self.classifier, _images(images)).table
        except InputError as error:  # MLflow's servers answer with its own errors as they are, with others' tracebacks
            raise MlflowException(str(error), error_code=BAD_REQUEST) from None


def _images(given: Any) -> list[Path | bytes]:
    """The images that a table or list holds."""
    import pandas as pd

    if not isinstance(given, pd.DataFrame):
        values = [given] if isinstance(given, str | bytes | os.PathLike) else list(given)
        return [_either(value) for value in values]
    for column, read in ((IMAGE, _content), (PATH, _file), (0, _either)):
        if column in given.columns:
            return [read(value) for value in given[column]]
    raise InputError(f"no column {IMAGE} or {PATH}: {WANTED}")


def _content(value: Any) -> bytes:
    """The bytes of an image."""
    if isinstance(value, bytes) and not _BASE64.fullmatch(value):
        return value
    if not isinstance(value, str | bytes):
        raise InputError(f"the column {IMAGE} holds a {type(value).__name__}: {WANTED}")
    try:
        return base64.b64decode("".join(value.split()) if isinstance(value, str) else value, validate=True)
    except (binascii.Error, ValueError):
        if isinstance(value, bytes):  # a file that only looks like base64, and is no image either
            return value
        raise InputError(f"the column {IMAGE} holds text that is no base64") from None


def _either(value: Any) -> Path | bytes:
    return _content(value) if isinstance(value, bytes) else _file(value)


def _file(value: Any) -> Path:
    """The path of an image, if it may be read here."""
    if not isinstance(value, str | os.PathLike) or "\0" in str(value):
        raise InputError(f"{str(value)[:80]!r} is no path: {WANTED}")
    path, root = Path(value), os.environ.get(IMAGE_ROOT)
    if root:
        path = Path(root, path)
        if not path.resolve().is_relative_to(Path(root).resolve()):
            raise InputError(f"a path leads out of the folder that {IMAGE_ROOT} names on the server")
        return path.resolve()
    if os.environ.get(SERVED) or OTHER_SERVER in sys.modules:
        raise InputError(
            f"a server reads no files that are named to it: send the image itself in the column {IMAGE}, as base64; or "
            f"name the server a folder, below which they may lie, by the environment variable {IMAGE_ROOT}"
        )
    return path


def signature(classifier: Classifier) -> ModelSignature:
    """What goes in, one column, and what comes out.

    The column has no name in it, since MLflow takes lists for none that has.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    from tasks.train.predicting import columns

    kinds = {str: "string", float: "double"}
    outputs: list[Any] = [ColSpec(kinds[kind], name, required=False) for name, kind in columns(classifier).items()]
    return ModelSignature(inputs=Schema([ColSpec("binary")]), outputs=Schema(outputs))


def save(model_folder: Path, destination: Path, rule: Path | None = None) -> None:
    """Write the model in `model_folder` (``models/<strategy>``) with its rule as an MLflow model, in a new folder."""
    from mlflow import pyfunc

    from tasks.train.classifier import load_classifier, pack
    from tasks.train.loading import packages_of_model

    with TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*input example was not provided")  # images are large, the columns clear
        data = Path(scratch) / PACKED.name
        pack(model_folder, rule, data)
        pyfunc.save_model(
            destination,
            loader_module=__name__,
            data_path=str(data),
            signature=signature(load_classifier(data)),
            pip_requirements=[f"{name}=={version(name)}" for name in ("mlflow", *packages_of_model(model_folder))],
        )


def _load_pyfunc(path: str) -> ImageClassifier:
    """Load what `save` wrote; MLflow calls this by its name."""
    from tasks.train.classifier import load_classifier

    classifier = load_classifier(Path(path))
    _say(classifier.notes)
    return ImageClassifier(classifier)


def _say(notes: Iterable[str]) -> None:
    for one in notes:
        logging.getLogger(__name__).warning(one)
