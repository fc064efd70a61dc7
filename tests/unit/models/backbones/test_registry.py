"""Backbones by name and by file, the errors of a config, and the Embedder end to end."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from cliptrace.models.backbones.pooling import unit
from cliptrace.models.backbones.registry import Embedder, config_from_json, config_to_json, load_config
from cliptrace.models.backbones.whitening import Whitening
from cliptrace.models.weights import WEIGHTS
from cliptrace.schemas.errors import CliptraceError, UsageError

SETTINGS = {
    "name": "mine",
    "format": "onnx",
    "path": "net.onnx",
    "sha256": "0" * 64,
    "input_size": 8,
    "mean": [0, 0, 0],
    "std": [1, 1, 1],
    "output": "map",
    "dimension": 3,
    "pooling": "mac",
}


def write_network(folder: Path, content: bytes, name: str, **settings: Any) -> Path:
    """A network and a config beside it."""
    (folder / name).write_bytes(content)
    config = folder / "config.json"
    digest = hashlib.sha256(content).hexdigest()
    config.write_text(json.dumps(SETTINGS | {"path": name, "sha256": digest} | settings))
    return config


def identity_onnx() -> bytes:
    """The normalised planes themselves as feature maps."""
    planes = ["N", 3, "H", "W"]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "identity",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, planes)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, planes)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def frames(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def built_in() -> Embedder:
    return Embedder.open(load_config("efficientnet_lite0"))


def test_the_built_in_backbone(built_in: Embedder) -> None:
    config = built_in.config
    assert (config.name, config.dimension, config.pooling, config.input_size) == (
        "efficientnet_lite0",
        512,
        "rmac",
        224,
    )
    assert config.path == "efficientnet_lite0/model.safetensors"
    vectors = built_in.embed(frames(3, 224))
    assert vectors.shape == (3, 512)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_an_embedding_does_not_depend_on_its_batch(built_in: Embedder) -> None:
    seen = frames(built_in.batch + 3, 224)
    together = built_in.embed(seen)
    alone = np.concatenate([built_in.embed(frame[None]) for frame in seen])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_an_edited_frame_stays_near_and_another_goes_far(built_in: Embedder) -> None:
    ramp = np.linspace(0, 255, 224).astype(np.uint8)
    one = np.stack([np.broadcast_to(ramp, (224, 224))] * 3, axis=-1)
    other = frames(1, 224)[0]
    vectors = built_in.embed(np.stack([one, np.ascontiguousarray(one // 2 + 40), other]))
    similarities = vectors @ vectors.T
    assert similarities[0, 1] > similarities[0, 2] + 0.2


def test_black_frames_and_no_frames(built_in: Embedder) -> None:
    assert np.isfinite(built_in.embed(np.zeros((1, 224, 224, 3), np.uint8))).all()
    assert built_in.embed(np.zeros((0, 224, 224, 3), np.uint8)).shape == (0, 512)


def test_frames_of_another_size_are_a_bug(built_in: Embedder) -> None:
    with pytest.raises(ValueError) as error:
        built_in.embed(frames(1, 8))
    assert str(error.value) == "frames must be uint8[N, 224, 224, 3], not uint8[1, 8, 8, 3]"


def test_shipped_files_are_small() -> None:
    for file in (WEIGHTS / "efficientnet_lite0").iterdir():
        assert file.stat().st_size < 10_000_000, file.name


def test_a_persons_onnx_network(tmp_path: Path) -> None:
    embedder = Embedder.open(load_config(str(write_network(tmp_path, identity_onnx(), "net.onnx"))))
    seen = frames(2, 8)
    np.testing.assert_allclose(embedder.embed(seen), unit(seen.max(axis=(1, 2)).astype(np.float32)), atol=1e-5)


def test_a_persons_torchscript_network_whitened_and_configured_in_toml(tmp_path: Path) -> None:
    network = torch.jit.trace(torch.nn.Flatten(), torch.zeros(2, 3, 8, 8))
    content = bytes(network.save_to_buffer())
    seen = frames(20, 8)
    flat = seen.transpose(0, 3, 1, 2).reshape(20, -1).astype(np.float32) / 255
    whitening = Whitening.fit(unit(flat), 5, shrinkage=0.5)
    (tmp_path / "net.pt").write_bytes(content)
    (tmp_path / "white.safetensors").write_bytes(whitening.to_bytes())
    config = tmp_path / "mine.toml"
    config.write_text(
        'name = "mine"\nformat = "torchscript"\npath = "net.pt"\n'
        f'sha256 = "{hashlib.sha256(content).hexdigest()}"\n'
        "input_size = 8\nmean = [0, 0, 0]\nstd = [1, 1, 1]\n"
        'output = "vector"\ndimension = 5\nwhitening = "white.safetensors"\n'
        f'whitening_sha256 = "{hashlib.sha256(whitening.to_bytes()).hexdigest()}"\n'
    )
    embedder = Embedder.open(load_config(str(config)))
    np.testing.assert_allclose(embedder.embed(seen), whitening.apply(unit(flat)), atol=2e-3)


def test_config_round_trip() -> None:
    config = load_config("efficientnet_lite0")
    assert config_from_json(json.loads(json.dumps(config_to_json(config))), source="gallery.json") == config


def test_paths_are_taken_from_the_configs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.json").write_text(json.dumps(SETTINGS))
    monkeypatch.chdir(tmp_path)
    assert load_config("mine.json").path == str(tmp_path / "net.onnx")


def test_a_background_is_a_path_too(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(json.dumps(SETTINGS | {"background": "b.safetensors"}))
    config = load_config(str(tmp_path / "mine.json"))
    assert config.background == str(tmp_path / "b.safetensors")
    assert config_from_json(config_to_json(config), source="gallery.json") == config


def test_what_a_gallery_recorded_before_there_were_backgrounds() -> None:
    config = load_config("efficientnet_lite0")
    older = config_to_json(config)
    del older["background"], older["background_sha256"]
    assert config_from_json(older, source="gallery.json") == dataclasses.replace(
        config, background="", background_sha256=""
    )


def test_an_unknown_name() -> None:
    with pytest.raises(UsageError) as error:
        load_config("resnet")
    assert str(error.value) == (
        "unknown backbone 'resnet': use one of copy_lite0, efficientnet_lite0, or a path to a .json or .toml file"
    )


KEYS = ", ".join(field.name for field in dataclasses.fields(load_config("efficientnet_lite0")))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"poling": "mac"}, f"unknown key 'poling'; known keys: {KEYS}"),
        ({"sha256": None}, "missing key 'sha256'"),
        ({"input_size": "8"}, "key 'input_size' must be a positive integer, not '8'"),
        ({"input_size": True}, "key 'input_size' must be a positive integer, not True"),
        ({"dimension": 0}, "key 'dimension' must be a positive integer, not 0"),
        ({"min_score": 1.5}, "key 'min_score' must be a number between 0 and 1, not 1.5"),
        ({"crop_borders": 1}, "key 'crop_borders' must be true or false, not 1"),
        ({"mean": 0.5}, "key 'mean' must be three numbers, not 0.5"),
        ({"mean": [0, 0, "0"]}, "key 'mean' must be three numbers, not [0, 0, '0']"),
        ({"std": [1, 1, 0]}, "key 'std' must be three positive numbers, not [1, 1, 0]"),
        ({"path": 3}, "key 'path' must be a string, not 3"),
        ({"background": 3}, "key 'background' must be a string, not 3"),
        ({"format": "pickle"}, "key 'format' must be one of 'efficientnet_lite0', 'onnx', 'torchscript', not 'pickle'"),
        ({"pooling": "none"}, "key 'pooling': a backbone whose output is 'map' needs a pooling other than 'none'"),
        ({"graph": "g.onnx"}, "key 'graph': goes with format 'efficientnet_lite0', and with no other"),
        ({"graph_int8": "g.onnx"}, "key 'graph_int8': goes with key 'graph'"),
    ],
)
def test_a_wrong_config(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({key: value for key, value in (SETTINGS | change).items() if value is not None}))
    with pytest.raises(UsageError) as error:
        load_config(str(file))
    assert str(error.value) == f"{file}: {message}"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("mine.json", "{", "not valid JSON: "),
        ("mine.toml", "name = ", "not valid TOML: "),
        ("mine.json", "[]", "must be an object with the backbone's settings"),
        ("mine.json", None, "cannot read the backbone's config: No such file or directory"),
    ],
)
def test_a_file_that_is_no_config(tmp_path: Path, name: str, content: str | None, message: str) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_text(content)
    with pytest.raises(UsageError) as error:
        load_config(str(file))
    assert str(error.value).startswith(f"{file}: {message}")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dimension": 4}, "{net}: its embeddings have 3 numbers, but the config says dimension = 4"),
        (
            {"output": "vector"},
            "{net}: its output has shape [1, 3, 8, 8], but the config says output = 'vector', which is [N, C]",
        ),
    ],
)
def test_a_config_that_does_not_fit_its_network(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    config = load_config(str(write_network(tmp_path, identity_onnx(), "net.onnx", **settings)))
    with pytest.raises(CliptraceError) as error:
        Embedder.open(config)
    assert str(error.value) == message.format(net=tmp_path / "net.onnx")


def test_a_whitening_of_other_features(tmp_path: Path) -> None:
    content = Whitening(np.zeros(7, np.float32), np.zeros((7, 2), np.float32)).to_bytes()
    (tmp_path / "w.safetensors").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    file = write_network(tmp_path, identity_onnx(), "net.onnx", whitening="w.safetensors", whitening_sha256=digest)
    with pytest.raises(CliptraceError) as error:
        Embedder.open(load_config(str(file)))
    assert str(error.value) == (f"{tmp_path / 'w.safetensors'}: whitens 7 channels, but {tmp_path / 'net.onnx'} has 3")


def test_a_network_that_fails_on_a_frame(tmp_path: Path) -> None:
    network = torch.jit.trace(torch.nn.Linear(5, 5), torch.zeros(2, 5))
    file = write_network(tmp_path, bytes(network.save_to_buffer()), "net.pt", format="torchscript")
    with pytest.raises(CliptraceError) as error:
        Embedder.open(load_config(str(file)))
    assert str(error.value).startswith(f"{tmp_path / 'net.pt'}: fails on a frame of 8x8 pixels: ")


def test_regions_come_from_the_same_forward_pass_and_change_no_embedding(tmp_path: Path) -> None:
    embedder = Embedder.open(load_config(str(write_network(tmp_path, identity_onnx(), "net.onnx", pooling="rmac"))))
    some = frames(7, 8)
    embeddings, regions = embedder.embed_with_regions(some)
    np.testing.assert_array_equal(embeddings, embedder.embed(some))
    assert (regions.shape, regions.dtype) == ((7, 14, 3), np.float32)
    np.testing.assert_allclose(regions[:, 0], some.max(axis=(1, 2)) / 255, rtol=1e-6)


def test_a_backbone_without_a_map_has_no_regions(tmp_path: Path) -> None:
    config = load_config(str(write_network(tmp_path, identity_onnx(), "net.onnx")))
    embedder = dataclasses.replace(Embedder.open(config), config=dataclasses.replace(config, output="vector"))
    with pytest.raises(UsageError) as told:
        embedder.embed_with_regions(frames(1, 8))
    assert str(told.value) == "backbone 'mine' gives one vector a frame, and no map that has regions"
