"""Feature tables: what is saved is what is taken, and a missing vector is told."""

import json
from pathlib import Path

import numpy as np
import pytest

from tasks.errors import InputError
from tasks.features import Features


@pytest.fixture
def features() -> Features:
    return Features(["b", "a", "c"], np.arange(12, dtype=np.float32).reshape(3, 4))


def test_saved_features_come_back_the_same(features: Features, tmp_path: Path) -> None:
    features.save(tmp_path, {"backbone": "x"})
    loaded = Features.load(tmp_path)
    assert loaded.ids == ["b", "a", "c"]
    assert loaded.values.dtype == np.float32
    np.testing.assert_array_equal(loaded.values, features.values)
    assert json.loads((tmp_path / "features.json").read_text()) == {"backbone": "x"}


def test_loaded_vectors_stay_on_disk_until_they_are_taken(features: Features, tmp_path: Path) -> None:
    features.save(tmp_path, {})
    loaded = Features.load(tmp_path)
    assert isinstance(loaded.values, np.memmap)
    assert not isinstance(loaded.take(["a"]), np.memmap)


def test_the_same_features_are_the_same_bytes(features: Features, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        features.save(tmp_path / name, {"b": 1, "a": 2})
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_vectors_are_taken_in_the_order_asked_for_and_as_often(features: Features) -> None:
    np.testing.assert_array_equal(features.take(["c", "b", "c"])[:, 0], [8, 0, 8])
    assert features.take([]).shape == (0, 4)


def test_an_unknown_id_is_named(features: Features) -> None:
    with pytest.raises(InputError, match=r"2 of 3 rows .* 'x'"):
        features.take(["x", "a", "y"])


def test_features_without_rows_can_be_saved(tmp_path: Path) -> None:
    Features([], np.empty((0, 5), dtype=np.float32)).save(tmp_path, {})
    assert Features.load(tmp_path).take([]).shape == (0, 5)


def test_rows_that_do_not_fit_their_ids_are_refused() -> None:
    with pytest.raises(ValueError, match="don't fit"):
        Features(["a"], np.zeros((2, 3), dtype=np.float32))
    with pytest.raises(ValueError, match="twice"):
        Features(["a", "a"], np.zeros((2, 3), dtype=np.float32))


def test_a_missing_or_torn_folder_is_told(features: Features, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="equipoise run"):
        Features.load(tmp_path)
    features.save(tmp_path, {})
    np.save(tmp_path / "features.npy", np.zeros((2, 4), dtype=np.float32))
    with pytest.raises(InputError, match="3 ids"):
        Features.load(tmp_path)
