"""The row store: what it knows is taken over, what decides a row names the store, no damage reaches a result."""

from __future__ import annotations

import pytest

from tasks.closure import code_digest, imported
from tasks.row_store import KEPT, RowStore
from tasks.workspace import Workspace


@pytest.fixture
def asked():
    return []


@pytest.fixture
def compute(asked):
    def squares(keys):
        asked.append(list(keys))
        yield from ({"square": int(key) ** 2, "text": key, "bytes": key.encode(), "none": None} for key in keys)

    return squares


def test_rows_come_in_the_order_of_the_keys_and_each_is_computed_once(tmp_path, asked, compute):
    store = RowStore(tmp_path)
    assert [row["square"] for row in store.fill(["3", "1", "3"], compute)] == [9, 1, 9]
    assert store.fill(["1", "2", "3"], compute) == [
        {"square": int(key) ** 2, "text": key, "bytes": key.encode(), "none": None} for key in "123"
    ]
    assert asked == [["3", "1"], ["2"]]


def test_what_is_known_is_not_computed_again(tmp_path, asked, compute):
    RowStore(tmp_path).fill(["1", "2"], compute)
    RowStore(tmp_path).fill(["2", "1"], compute)
    assert len(asked) == 1


def test_numbers_come_back_to_the_last_bit(tmp_path):
    values = {"a": 0.1 + 0.2, "b": 5e-324, "c": -1.0}
    RowStore(tmp_path).fill(["k"], lambda keys: [values])
    assert RowStore(tmp_path).fill(["k"], lambda keys: []) == [values]


def test_a_column_that_was_empty_at_first_takes_values_later(tmp_path):
    store = RowStore(tmp_path)
    store.fill(["1"], lambda keys: [{"camera": None}])
    store.fill(["2"], lambda keys: [{"camera": "x"}])
    assert store.fill(["1", "2"], lambda keys: []) == [{"camera": None}, {"camera": "x"}]


def test_what_was_computed_before_a_failure_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("tasks.row_store.FLUSH_SECONDS", 0)

    def breaks(keys):
        yield {"value": 1}
        yield {"value": 2}
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        RowStore(tmp_path).fill(["1", "2", "3"], breaks)
    asked = []
    RowStore(tmp_path).fill(["1", "2", "3"], lambda keys: asked.extend(keys) or [{"value": 3} for _ in keys])
    assert asked == ["3"]


def test_a_damaged_file_costs_time_and_nothing_else(tmp_path, asked, compute):
    store = RowStore(tmp_path)
    store.fill(["1"], compute)
    next(tmp_path.glob("*.parquet")).write_bytes(b"PAR1 no more")
    assert store.fill(["1"], compute)[0]["square"] == 1
    assert len(asked) == 2


def test_parameters_name_another_store_and_old_ones_go(tmp_path):
    def store(parameters):
        return RowStore.of(Workspace(tmp_path), "x", code=["tasks.slugs"], packages=["numpy"], parameters=parameters)

    stores = [store(number) for number in range(KEPT + 2)]
    assert len({one.folder for one in stores}) == KEPT + 2
    assert store(KEPT + 1).folder == stores[-1].folder
    assert len(list(stores[0].folder.parent.iterdir())) == KEPT


def test_code_counts_with_all_that_it_imports(monkeypatch, tmp_path):
    code = tmp_path / "tasks"
    code.mkdir()
    (code / "upper.py").write_text("from tasks import lower\n")
    (code / "lower.py").write_text("VALUE = 1\n")
    (code / "other.py").write_text("")
    monkeypatch.setattr("tasks.closure.ROOT", tmp_path)
    imported.cache_clear()
    before = code_digest(["tasks.upper"])
    (code / "other.py").write_text("VALUE = 2\n")
    assert code_digest(["tasks.upper"]) == before
    (code / "lower.py").write_text("VALUE = 2\n")
    assert code_digest(["tasks.upper"]) != before
