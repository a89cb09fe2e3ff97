"""Whether a model says the same wherever it is used: ``python benchmarks/agreement.py [--images 100]`` in a workspace.

The recommended model of the workspace classifies some of its photos by `equipoise predict`, by MLflow's pyfunc (files
and bytes), by `mlflow models serve` (bytes over HTTP) and as an ONNX file in onnxruntime; printed are the largest
differences of probabilities to `equipoise predict`, and how many decisions differ. (Aim: 1e-5, none.)
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from flows.chosen_model import choose_model
from flows.environment import settle_environment
from flows.exporting import export_model
from flows.predicting import images_of
from flows.predicting import predict as predict_images
from flows.tracking.store import connection, store
from tasks.params import load_params
from tasks.tables import CATALOG
from tasks.workspace import Workspace

WAIT = 120  # seconds for the server


def by_predict(root: Path, model: str, files: list[Path], folder: Path) -> pd.DataFrame:
    """What `equipoise predict` writes."""
    table = folder / "predicted.parquet"
    predict_images(root, choose_model(root, model, root), images_of(files, table), table)
    return pd.read_parquet(table)


def by_server(address: str, files: list[Path], root: Path) -> pd.DataFrame:
    """What `mlflow models serve` answers to the bytes of the files."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", address, "--env-manager", "local"]
    environment = os.environ | {"MLFLOW_TRACKING_URI": store(root)}
    server = subprocess.Popen(
        [*command, "-h", "127.0.0.1", "-p", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        url, end = f"http://127.0.0.1:{port}", time.monotonic() + WAIT
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(f"{url}/ping", timeout=2).close()
                break
            except OSError:
                time.sleep(0.5)
        rows = [{"image": base64.b64encode(file.read_bytes()).decode("ascii")} for file in files]
        body = json.dumps({"dataframe_records": rows}).encode()
        request = urllib.request.Request(f"{url}/invocations", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=WAIT) as answer:
            return pd.DataFrame(json.loads(answer.read())["predictions"])
    finally:
        os.killpg(server.pid, 15)
        server.wait()


def by_onnx(root: Path, model: str, files: list[Path], folder: Path) -> pd.DataFrame:
    """What onnxruntime makes of the exported file."""
    import onnxruntime
    from PIL import Image

    chosen = choose_model(root, model, root)
    export_model(root, chosen, folder / "model.onnx")
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    rows = []
    for file in files:
        with Image.open(file) as image:
            pixels = np.asarray(image.convert("RGB"))[None]
        found = dict(zip(names, session.run(None, {session.get_inputs()[0].name: pixels}), strict=True))
        classes = chosen.classifier.classes
        shares = dict(zip([f"probability.{name}" for name in classes], found["probabilities"][0], strict=True))
        rows.append({"label": classes[int(found["label"][0])], **shares})
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--model", default="recommended")
    asked = parser.parse_args()
    root = Path.cwd()
    settle_environment(root)
    workspace = Workspace(root)
    catalog = workspace.read(CATALOG).sort_values("image_id")
    files = [workspace.path("data", "raw") / path for path in catalog["path"][: asked.images]]
    name = load_params(root / "params.yaml").track.experiment
    with connection(root) as client:
        found = client.search_model_versions(f"name = '{name}'")
        version = max(int(one.version) for one in found)
    address = f"models:/{name}/{version}"

    import mlflow

    mlflow.set_tracking_uri(store(root))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        expected = by_predict(root, asked.model, files, folder)
        pyfunc = mlflow.pyfunc.load_model(address)
        answers = {
            "MLflow's version by predict": by_predict(root, address, files, folder),
            "pyfunc, files": pyfunc.predict([str(file) for file in files]),
            "pyfunc, bytes": pyfunc.predict(pd.DataFrame({"image": [file.read_bytes() for file in files]})),
            "mlflow models serve": by_server(address, files, root),
            "ONNX": by_onnx(root, asked.model, files, folder),
        }
    columns = [column for column in expected.columns if column.startswith("probability.")]
    print(f"\n{len(files)} images; largest difference to `equipoise predict {asked.model}`, other decisions")
    for name, table in answers.items():
        apart = np.abs(table[columns].to_numpy(float) - expected[columns].to_numpy(float)).max()
        print(f"{name:<30}{apart:10.1e}{int((table['label'].to_numpy() != expected['label'].to_numpy()).sum()):6d}")


if __name__ == "__main__":
    main()
