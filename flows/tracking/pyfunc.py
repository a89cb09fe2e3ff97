"""A strategy's model as MLflow's own kind of model: image files in, a table of scores out.

Saved and loaded without pickle: MLflow calls `_load_pyfunc` of this module, which reads what the stage `train` wrote.
How images become what the model sees (backbone, size, resize) is part of the model.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from tasks.train.models import Model


class ImageClassifier:
    """What MLflow's pyfunc wraps."""

    def __init__(self, model: Model) -> None:
        self.model = model

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
            See `tasks.train.predicting.predicted`.

        Raises
        ------
        InputError
            A file can't be read as an image.
        """
        import pandas as pd

        from tasks.train.predicting import predicted

        paths = images["path"] if isinstance(images, pd.DataFrame) else images
        return predicted(self.model, [Path(path) for path in paths])


def save(model_folder: Path, destination: Path) -> None:
    """Write the model in `model_folder` (``models/<strategy>``) as an MLflow model, in the new folder `destination`."""
    from mlflow import pyfunc

    from tasks.train.loading import packages_of_model

    data = destination.with_name("strategy")
    shutil.copytree(model_folder, data, ignore=shutil.ignore_patterns("history.csv", "folds"))
    pyfunc.save_model(
        destination,
        loader_module=__name__,
        data_path=str(data),
        pip_requirements=[f"{name}=={version(name)}" for name in ("mlflow", *packages_of_model(model_folder))],
    )


def _load_pyfunc(path: str) -> ImageClassifier:
    """Load what `save` wrote; MLflow calls this by its name."""
    from tasks.train.loading import load_model

    return ImageClassifier(load_model(Path(path)))
