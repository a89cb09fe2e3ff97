"""Models together see images each as it was fitted: folds may have backbones of their own under one name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from networks import Colours, model, photos
from numpy.testing import assert_allclose

from tasks.scores import probabilities
from tasks.train.ensembles import EnsembleModel
from tasks.train.models import Model


def of_fold(fold: int, image_size: int) -> Model:
    one = model(Colours(image_size=image_size))
    return replace(one, fold=fold, fits=tuple(replace(fit, fold=fold) for fit in one.fits))


def test_each_fold_sees_images_by_the_backbone_of_its_own(tmp_path):
    members = {f"folds/{fold}": of_fold(fold, size) for fold, size in enumerate((32, 64, 32))}
    images = photos(tmp_path, [(50, 40), (32, 32), (20, 90)])
    together = EnsembleModel(members, "probabilities")
    inputs = together.inputs(images)
    alone = [one.predict(one.inputs(images)) for one in members.values()]
    assert np.abs(alone[0].values - alone[1].values).max() > 1e-3, "they see different things"
    mean = np.mean([probabilities(one.values, one.kind) for one in alone], axis=0)
    assert_allclose(np.exp(together.predict(inputs).values), mean, rtol=1e-6)
    assert len(inputs.source.of_folds) == 1, "what is alike is computed once"
    assert len(inputs.source._made) == 2
