"""Packages that lack are told before anything runs, with the line that brings them, and only where they are needed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from flows import packages
from flows.packages import missing_packages, require_packages, what_brings
from tasks.errors import InputError
from tasks.params import Params, load_params
from tasks.params.presets import with_preset
from tasks.pretrain.methods.simclr import SimClr
from tasks.synthesize.generators.image_to_image import ImageToImage
from tasks.synthesize.pipelines.lora_settings import Lora
from tasks.train.networks.timm import TimmNetwork

WRITTEN = [
    'lightgbm<5,>=4.6; extra == "boosting"',
    'xgboost-cpu<4,>=3; extra == "boosting"',
    "scikit-image<0.27,>=0.26; python_version >= '3.11' and extra == 'handmade'",
    'ruff<0.18,>=0.17; extra == "dev"',
    "torch<3,>=2",
    'peft<0.22,>=0.21; extra == "lora"',
]


@pytest.fixture
def params(tmp_path: Path, repository: Path) -> Params:
    file = tmp_path / "params.yaml"
    file.write_text(with_preset((repository / "params.yaml").read_text(), "all", file).text)
    return load_params(file)


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(package: str) -> str:
        if package in ("lightgbm", "scikit-image", "peft"):
            raise PackageNotFoundError(package)
        return version(package)

    monkeypatch.setattr(packages, "version", installed)
    monkeypatch.setattr(packages, "_requirements", lambda: WRITTEN)


def test_the_line_that_brings_a_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_requirements", lambda: WRITTEN)
    assert what_brings("lightgbm") == "pip install 'equipoise[boosting]'"
    assert what_brings("xgboost") == "pip install 'equipoise[boosting]'", "another build of the same package"
    assert what_brings("scikit-image") == "pip install 'equipoise[handmade]'"
    assert what_brings("ruff") == "pip install ruff", "the extra of developers is none for people"
    assert what_brings("torch") == "pip install torch"


def test_nothing_lacks_where_everything_is_installed(params: Params) -> None:
    assert missing_packages(params) == {}


@pytest.mark.usefixtures("lacking")
def test_what_lacks_is_told_with_what_needs_it(params: Params) -> None:
    found = missing_packages(params)
    assert found["lightgbm"] == ["strategies.lightgbm"]
    assert "backbones.hog" in found["scikit-image"]


def test_a_network_that_is_pretrained_needs_its_library(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    network = TimmNetwork(folder="data/vit")
    pretrained = params.model_copy(update={"pretrain": {"own": SimClr(network=network)}})
    assert network.packages == ("timm",)
    monkeypatch.setattr(packages, "_is_installed", lambda package: package != "timm")
    monkeypatch.setattr(packages, "_requirements", lambda: ['timm<2; extra == "timm"'])
    require_packages(pretrained, {"train@plain"})
    with pytest.raises(InputError, match=r"pretrain\.own needs the package timm.*equipoise\[timm\]'"):
        require_packages(pretrained, {"pretrain@own"})


@pytest.mark.usefixtures("lacking")
def test_a_run_is_refused_only_where_a_stage_would_need_it(params: Params) -> None:
    require_packages(params, {"train@plain", "embed@efficientnet_lite0", "audit@lightgbm"})
    with pytest.raises(InputError, match=r"strategies\.lightgbm needs the package lightgbm, which is not installed"):
        require_packages(params, {"train@lightgbm"})
    with pytest.raises(InputError, match=r"backbones\.hog.* scikit-image.*\[handmade\]', or take (it|them) out"):
        require_packages(params, {"embed@hog"})


@pytest.mark.usefixtures("lacking")
def test_a_generator_needs_what_its_settings_ask_for(params: Params) -> None:
    plain, tuned = ImageToImage(), ImageToImage(lora=Lora())
    more = params.model_copy(update={"generators": {"plain": plain, "tuned": tuned}})
    assert missing_packages(more)["peft"] == ["generators.tuned"]
    require_packages(more, {"synthesize@plain"})
    with pytest.raises(InputError, match=r"generators\.tuned needs the package peft.*'equipoise\[lora\]'"):
        require_packages(more, {"synthesize@tuned"})
