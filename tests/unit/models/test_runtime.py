"""Sessions: what runs where, in which normalisation, and what is said when it cannot."""

import builtins
import dataclasses
import hashlib
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from cliptrace.models.backbones import efficientnet_lite0
from cliptrace.models.backbones.registry import load_config
from cliptrace.models.runtime import open_session
from cliptrace.models.weights import read_verified
from cliptrace.schemas.config import BackboneConfig
from cliptrace.schemas.errors import CliptraceError, UsageError

MEAN, STD = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)


def frames(count: int, size: int = 224) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def config_of(file: Path, content: bytes, file_format: Any) -> BackboneConfig:
    file.write_bytes(content)
    return BackboneConfig(
        name="tiny",
        format=file_format,
        path=str(file),
        sha256=hashlib.sha256(content).hexdigest(),
        input_size=8,
        mean=MEAN,
        std=STD,
        output="vector",
        dimension=3,
        pooling="none",
    )


def mean_of_planes(batch: str | int = "N", element: int = TensorProto.FLOAT) -> bytes:
    """An ONNX network: float32[N, 3, 8, 8] → the mean of each plane, float32[N, 3]."""
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["x"], ["y"], axes=[2, 3], keepdims=0)],
        "mean",
        [helper.make_tensor_value_info("x", element, [batch, 3, 8, 8])],
        [helper.make_tensor_value_info("y", element, [batch, 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def script_of_planes() -> bytes:
    """The same as TorchScript."""

    class Mean(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean(dim=(2, 3))

    return bytes(torch.jit.script(Mean()).save_to_buffer())


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = builtins.__import__

    def importing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "torch":
            raise ImportError("No module named 'torch'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", importing)


@pytest.mark.parametrize(("file_format", "make"), [("onnx", mean_of_planes), ("torchscript", script_of_planes)])
def test_a_persons_network_gets_normalised_planes(tmp_path: Path, file_format: str, make: Callable[[], bytes]) -> None:
    session = open_session(config_of(tmp_path / "net", make(), file_format))
    seen = frames(3, 8)
    expected = (seen.mean(axis=(1, 2)) / 255 - MEAN) / STD
    np.testing.assert_allclose(session.run(seen), expected, atol=1e-5)


@pytest.mark.parametrize("size", [160, 200, 224])
def test_onnx_and_torch_agree_on_the_built_in_network(size: int) -> None:
    config = load_config("efficientnet_lite0")
    network = efficientnet_lite0.load(read_verified(config.path, config.sha256))
    seen = frames(2, size)
    planes = (torch.from_numpy(seen).permute(0, 3, 1, 2).float() - 127) / 128
    with torch.inference_mode():
        expected = network(planes).numpy()
    maps = open_session(config).run(seen)
    assert maps.shape == (2, 1280, -(-size // 32), -(-size // 32))
    pooled, expected_pooled = (values.mean(axis=(2, 3)) for values in (maps, expected))
    np.testing.assert_allclose(
        pooled / np.linalg.norm(pooled, axis=1, keepdims=True),
        expected_pooled / np.linalg.norm(expected_pooled, axis=1, keepdims=True),
        atol=1e-4,
    )


def test_threads_share_a_session() -> None:
    session = open_session(load_config("efficientnet_lite0"))
    seen = frames(4)
    alone = [session.run(frame[None]) for frame in seen]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda frame: session.run(frame[None]), seen))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_cpu_path_does_not_import_torch() -> None:
    code = (
        "import sys, numpy as np\n"
        "from cliptrace.models.backbones.registry import Embedder, load_config\n"
        "embedder = Embedder.open(load_config('efficientnet_lite0'))\n"
        "embedder.embed(np.zeros((1, 224, 224, 3), np.uint8))\n"
        "print('torch' in sys.modules)"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_onnx_runtime_keeps_to_itself(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    kept = {
        name: value for name, value in os.environ.items() if name not in ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    }
    subprocess.run(
        [sys.executable, "-c", "import cliptrace.models.runtime"],
        cwd=root,
        env={**kept, "HOME": str(tmp_path)},
        check=True,
    )
    assert list(tmp_path.rglob("*")) == []


def test_torchscript_is_loaded_without_a_warning(tmp_path: Path) -> None:
    config = config_of(tmp_path / "net.pt", script_of_planes(), "torchscript")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        open_session(config)
    assert caught == []


@pytest.mark.usefixtures("no_torch")
def test_cuda_without_torch() -> None:
    with pytest.raises(CliptraceError) as error:
        open_session(load_config("efficientnet_lite0"), "cuda")
    assert str(error.value) == (
        "device 'cuda' was asked for, but torch is not installed: pip install 'cliptrace[cuda]', or use --device cpu"
    )


def test_cuda_without_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(CliptraceError) as error:
        open_session(load_config("efficientnet_lite0"), "cuda")
    assert str(error.value) == (
        "device 'cuda' was asked for, but torch sees no CUDA device: "
        f"torch {torch.__version__}, CUDA build {torch.version.cuda}; check nvidia-smi, or use --device cpu"
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_the_cpu() -> None:
    config = load_config("efficientnet_lite0")
    pooled = [open_session(config, device).run(frames(4)).mean(axis=(2, 3)) for device in ("cpu", "cuda")]
    cpu, cuda = (values / np.linalg.norm(values, axis=1, keepdims=True) for values in pooled)
    assert ((cpu * cuda).sum(axis=1) > 0.9999).all()


def test_onnx_on_cuda(tmp_path: Path) -> None:
    with pytest.raises(CliptraceError) as error:
        open_session(config_of(tmp_path / "net.onnx", mean_of_planes(), "onnx"), "cuda")
    assert str(error.value) == (
        "backbone 'tiny' is an ONNX file, which runs on the CPU only: "
        "export it as TorchScript for device 'cuda', or use --device cpu"
    )


@pytest.mark.usefixtures("no_torch")
def test_torchscript_without_torch(tmp_path: Path) -> None:
    with pytest.raises(CliptraceError) as error:
        open_session(config_of(tmp_path / "net.pt", b"", "torchscript"))
    assert str(error.value) == (
        "backbone 'tiny' is a TorchScript file, but torch is not installed: pip install 'cliptrace[cuda]'"
    )


def test_an_unknown_device() -> None:
    with pytest.raises(UsageError) as error:
        open_session(load_config("efficientnet_lite0"), "tpu")  # type: ignore[arg-type]
    assert str(error.value) == "unknown device 'tpu': use 'cpu' or 'cuda'"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no network", "ONNX Runtime cannot load it: "),
        (mean_of_planes(batch=1), "its batch size is fixed at 1: export it with a free one"),
        (
            mean_of_planes(element=TensorProto.DOUBLE),
            "needs one input, uint8[N, H, W, 3] or float32[N, 3, H, W] (normalised); it has x tensor(double)",
        ),
    ],
)
def test_an_onnx_file_that_cannot_be_used(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(CliptraceError) as error:
        open_session(config_of(tmp_path / "net.onnx", content, "onnx"))
    assert str(error.value).startswith(f"{tmp_path / 'net.onnx'}: {message}")


@pytest.mark.parametrize("location", ["secret.bin", "../secret.bin", "/etc/hostname"])
def test_an_onnx_file_that_takes_its_numbers_from_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    """Which nobody has a digest of."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for folder in (tmp_path, tmp_path / "here"):
        (folder / "secret.bin").write_bytes(bytes(12))
    elsewhere = onnx.TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3])
    elsewhere.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "12")):
        elsewhere.external_data.add(key=key, value=value)
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "elsewhere",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
        [elsewhere],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(CliptraceError, match="ONNX Runtime cannot load it: "):
        open_session(config_of(tmp_path / "net.onnx", model.SerializeToString(), "onnx"))


def test_a_file_that_is_no_torchscript(tmp_path: Path) -> None:
    with pytest.raises(CliptraceError) as error:
        open_session(config_of(tmp_path / "net.pt", b"no network", "torchscript"))
    assert str(error.value).startswith(f"{tmp_path / 'net.pt'}: torch cannot load it as TorchScript: ")


@pytest.mark.parametrize("key", ["sha256", "graph_sha256"])
def test_another_digest_is_refused(key: str) -> None:
    config = load_config("efficientnet_lite0")
    changed: dict[str, Any] = {key: "0" * 64}
    with pytest.raises(CliptraceError) as error:
        open_session(dataclasses.replace(config, **changed))
    assert f"SHA-256 is {getattr(config, key)}, expected {'0' * 64}" in str(error.value)


def test_a_missing_file(tmp_path: Path) -> None:
    config = dataclasses.replace(load_config("efficientnet_lite0"), path=str(tmp_path / "gone"))
    with pytest.raises(CliptraceError) as error:
        open_session(config)
    assert str(error.value) == f"{tmp_path / 'gone'}: cannot read weights: No such file or directory"
