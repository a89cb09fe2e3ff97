"""The model in MLflow: the numbers of `equipoise predict`, in Python and over HTTP; a client gets no file."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny_model import CLASSES, make_images, make_workspace

from flows.chosen_model import choose_model
from flows.predicting import images_of, predict
from flows.tracking import pyfunc
from flows.tracking.store import prepare_environment

prepare_environment()

NUMBERS = [f"{kind}.{label}" for kind in ("probability", "score") for label in CLASSES]
SECONDS = 120  # that a server may take to start before the test gives up


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """A workspace with the strategy ``tiny``, saved as an MLflow model in ``mlflow_model``, and ``images``."""
    root = tmp_path_factory.mktemp("place")
    pyfunc.save(make_workspace(root, repository), root / "mlflow_model")
    make_images(root / "images")
    for level in (60, 190):
        Image.linear_gradient("L").point([value * level // 255 for value in range(256)]).save(
            root / "images" / f"{level}.jpg", quality=93
        )
    return root


@pytest.fixture(scope="module")
def expected(place: Path) -> pd.DataFrame:
    """What `equipoise predict` says of the images."""
    predict(place, choose_model(place, "tiny", place), images_of([place / "images"]), place / "predictions.csv")
    return pd.read_csv(place / "predictions.csv")


@pytest.fixture(scope="module")
def model(place: Path) -> Any:
    import mlflow

    return mlflow.pyfunc.load_model(str(place / "mlflow_model"))


def check(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """The same labels, the same numbers to 1e-5, the same reasons."""
    assert list(found.columns) == ["label", *NUMBERS, "error"]
    for name in ("label", "error"):
        assert found[name].dropna().tolist() == expected[name].dropna().tolist()
        assert found[name].isna().tolist() == expected[name].isna().tolist()
    np.testing.assert_allclose(found[NUMBERS].astype(float), expected[NUMBERS], atol=1e-5, rtol=0)


def test_paths_bytes_and_base64_give_the_numbers_of_predict(model: Any, expected: pd.DataFrame) -> None:
    paths = expected["path"].tolist()
    contents = [Path(path).read_bytes() for path in paths]
    texts = [base64.encodebytes(content).decode() for content in contents]
    assert expected["label"].notna().sum() == 4
    for images in (
        paths,
        [Path(path) for path in paths],
        contents,
        pd.DataFrame({"path": paths}),
        pd.DataFrame({"image": contents}),
        pd.DataFrame({"image": texts}),
        np.array(paths),
    ):
        check(model.predict(images), expected)


def test_no_images_have_no_answers(place: Path) -> None:
    own = pyfunc._load_pyfunc(str(place / "mlflow_model" / pyfunc.PACKED))
    assert list(own.predict([]).columns) == ["label", *NUMBERS, "error"]
    assert len(own.predict(pd.DataFrame({"image": []}))) == 0


def test_a_model_says_in_mlflow_what_goes_in_and_what_comes_out(model: Any) -> None:
    assert [str(one.type) for one in model.metadata.get_input_schema()] == ["DataType.binary"]
    assert model.metadata.get_output_schema().input_names() == ["label", *NUMBERS, "error"]


def test_nothing_is_pickled_and_no_code_travels_along(place: Path) -> None:
    files = {path.relative_to(place / "mlflow_model").as_posix() for path in (place / "mlflow_model").rglob("*.*")}
    assert {"MLmodel", "data/strategy/model.json", "data/strategy/seeds/0/means.safetensors"} & files
    assert not [name for name in files if name.endswith((".pkl", ".pickle", ".py"))]


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (pd.DataFrame({"photo": ["a.png"]}), "no column image or path"),
        (pd.DataFrame({"image": ["%%%"]}), "text that is no base64"),
        (pd.DataFrame({"image": [5]}), "holds a int"),
        (pd.DataFrame({"path": [None]}), "is no path"),
        ([5], "'5' is no path"),
        (["a\0b"], "is no path"),
    ],
)
def test_what_is_no_image_is_refused_in_words(place: Path, images: Any, told: str) -> None:
    from mlflow.exceptions import MlflowException

    own = pyfunc._load_pyfunc(str(place / "mlflow_model" / pyfunc.PACKED))
    with pytest.raises(MlflowException, match=told) as caught:
        own.predict(images)
    assert caught.value.get_http_status_code() == 400


def test_a_server_reads_only_files_below_the_folder_that_its_owner_names(
    place: Path, model: Any, expected: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import MlflowException

    paths = expected["path"].tolist()
    monkeypatch.setenv(pyfunc.SERVED, "true")
    for images in (paths, pd.DataFrame({"path": paths})):
        with pytest.raises(MlflowException, match="a server reads no files that are named to it"):
            model.predict(images)
    monkeypatch.setenv(pyfunc.IMAGE_ROOT, str(place / "images"))
    check(model.predict(paths), expected)
    check(model.predict([str(Path(path).relative_to(place / "images")) for path in paths]), expected)
    (place / "images" / "link.png").unlink(missing_ok=True)
    (place / "images" / "link.png").symlink_to(place / "dark.png")
    for path in ("../dark.png", str(place / "dark.png"), "link.png", "deep/../../dark.png"):
        with pytest.raises(MlflowException, match="leads out of the folder"):
            model.predict([path])
    (place / "images" / "link.png").unlink()


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[str]:
    """`mlflow models serve` with the model, on this machine only; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(place / "mlflow_model")]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
    }
    with (place / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=place, start_new_session=True)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(f"{address}/ping", process, place / "server.log")
            yield address
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(SECONDS)


def wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the server did not start:\n{log.read_text()}")


def ask(server: str, payload: Any, kind: str = "application/json") -> tuple[int, str]:
    """The status and text of an answer."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    request = urllib.request.Request(f"{server}/invocations", data, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.slow
def test_a_served_model_gives_the_numbers_of_predict(server: str, expected: pd.DataFrame, tmp_path: Path) -> None:
    contents = [Path(path).read_bytes() for path in expected["path"]]
    texts = [base64.b64encode(content).decode() for content in contents]
    pd.DataFrame({"image": contents}).to_parquet(tmp_path / "images.parquet")
    for payload, kind in (
        ({"dataframe_split": {"columns": ["image"], "data": [[text] for text in texts]}}, "application/json"),
        ({"dataframe_records": [{"image": text} for text in texts]}, "application/json"),
        ({"instances": [{"image": text} for text in texts]}, "application/json"),
        ({"inputs": texts}, "application/json"),
        ((tmp_path / "images.parquet").read_bytes(), "application/vnd.apache.parquet"),
    ):
        status, text = ask(server, payload, kind)
        assert status == 200, text
        assert "Traceback" not in text
        check(pd.DataFrame(json.loads(text)["predictions"]), expected)


@pytest.mark.slow
def test_a_served_model_opens_no_file_that_a_client_names_and_shows_no_traceback(server: str, place: Path) -> None:
    secret = str(place / "dark.png")
    for payload in (
        {"dataframe_split": {"columns": ["path"], "data": [[secret]]}},
        {"dataframe_records": [{"path": secret}]},
        {"instances": [{"path": secret}]},
        {"instances": [secret]},
        {"inputs": [secret]},
        {"inputs": {"path": [secret]}},
        {"instances": [{"image": "%%%"}]},
        {"instances": [{"photo": "x"}]},
        {"unheard": 1},
    ):
        status, text = ask(server, payload)
        assert "Traceback" not in text, payload
        if status == 200:  # taken for base64, of bytes that are no image
            assert [row["label"] for row in json.loads(text)["predictions"]] == [None], payload
        else:
            assert status == 400, payload
