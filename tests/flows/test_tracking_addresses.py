"""Addresses that no run can be kept at are refused at the start, with the variable, the reason and the remedy."""

from __future__ import annotations

import pytest

from flows.tracking.addresses import require_usable_addresses
from tasks.errors import InputError


@pytest.fixture(autouse=True)
def no_addresses(monkeypatch):
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_ALLOW_FILE_STORE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("./mlruns", "a folder"),
        ("/data/mlruns", "a folder"),
        ("file:///data/mlruns", "a folder"),
        ("htpp://host:5000", "did you mean 'http'"),
        ("ftp://host", "begin with 'ftp'"),
        ("host:5000", "begin with 'host'"),
        ("http://", "no host"),
        ("http://host:port", "no address"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite+aiosqlite:////data/mlflow.db", "the driver sqlite\\+aiosqlite"),
        ("sqlite:/mlflow.db", "no address of a database"),
        ("postgresql+nosuch://user:hush-hush@host/db", "no address of a database"),
        ("mysql+mysqlconnector://user:hush-hush@host/db", "is not installed"),
    ],
)
@pytest.mark.parametrize("variable", ["MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"])
def test_no_run_could_be_kept_there(monkeypatch, variable, address, reason):
    monkeypatch.setenv(variable, address)
    with pytest.raises(InputError, match=f"{variable} is .*{reason}.*unset it") as caught:
        require_usable_addresses()
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "http://user:pass@host:5000/prefix",
        "https://host",
        "databricks",
        "databricks://profile",
        "sqlite:///mlflow.db",
        "sqlite:////data/mlflow.db",
        "sqlite+pysqlite:///file:/a%3Fb/mlflow.db?uri=true",
    ],
)
def test_runs_can_be_kept_there(monkeypatch, address):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    require_usable_addresses()


def test_a_folder_is_taken_where_mlflow_is_told_to(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    require_usable_addresses()
