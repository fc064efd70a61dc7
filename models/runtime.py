"""One way to run a network: ONNX Runtime on the CPU, torch on CUDA; never silently on another device than asked for.
What computes in 8 bits on the one does so on the other.

torch is imported only where it runs: for CUDA, and for TorchScript files.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.onnx_files import OnnxFile
from cliptrace.models.weights import read_verified
from cliptrace.schemas.config import BackboneConfig
from cliptrace.schemas.errors import CliptraceError, UsageError

Device = Literal["cpu", "cuda"]


class Session(Protocol):
    """A loaded network; ``run`` may be called from several threads.

    frames: uint8[N, H, W, 3], RGB. Returns the network's output as it comes: float32[N, C, h, w] or [N, C].
    """

    def run(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]: ...


def open_session(config: BackboneConfig, device: Device = "cpu", threads: int = 1) -> Session:
    """The backbone on ``device``. threads: of one ``run`` on the CPU; for TorchScript they are set for the process."""
    if device == "cuda":
        if config.format == "onnx":
            raise CliptraceError(
                f"backbone {config.name!r} is an ONNX file, which runs on the CPU only: "
                "export it as TorchScript for device 'cuda', or use --device cpu"
            )
    elif device != "cpu":
        raise UsageError(f"unknown device {device!r}: use 'cpu' or 'cuda'")
    if device == "cuda" or config.format == "torchscript":
        return _TorchSession(config, device, threads)
    return _OnnxSession(config, threads)


class _OnnxSession:
    def __init__(self, config: BackboneConfig, threads: int) -> None:
        if config.format == "onnx":
            file = config.path
            self._file = OnnxFile(file, config.sha256, threads=threads)
        else:
            file, sha256 = config.graph, config.graph_sha256
            if config.graph_int8:
                file, sha256 = config.graph_int8, config.graph_int8_sha256
            self._file = OnnxFile(file, sha256, config.path, config.sha256, threads)
        self._session = self._file.session
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type not in ("tensor(uint8)", "tensor(float)"):
            described = ", ".join(f"{entry.name} {entry.type}" for entry in inputs)
            raise CliptraceError(
                f"{file}: needs one input, uint8[N, H, W, 3] or float32[N, 3, H, W] (normalised); it has {described}"
            )
        if isinstance(inputs[0].shape[0], int):
            raise CliptraceError(f"{file}: its batch size is fixed at {inputs[0].shape[0]}: export it with a free one")
        self._input = inputs[0].name
        self._output = self._session.get_outputs()[0].name
        self._normalises_itself = inputs[0].type == "tensor(uint8)"
        self._mean, self._std = (np.array(values, np.float32) * 255 for values in (config.mean, config.std))

    def run(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        planes: NDArray[Any] = frames
        if not self._normalises_itself:
            planes = np.ascontiguousarray(((frames - self._mean) / self._std).transpose(0, 3, 1, 2))
        (output,) = self._session.run([self._output], {self._input: planes})
        return np.asarray(output, np.float32)


class _TorchSession:
    def __init__(self, config: BackboneConfig, device: Device, threads: int) -> None:
        self._torch = torch = _import_torch(f"backbone {config.name!r}", device)
        weights = read_verified(config.path, config.sha256)
        if device == "cpu":
            torch.set_num_threads(threads)
        self._device = torch.device(device)
        if config.graph_int8:
            self._network = _graph_in_torch(torch, config, weights, self._device)
            return
        network: Any
        if config.format == "efficientnet_lite0":
            from cliptrace.models.backbones import efficientnet_lite0

            network = efficientnet_lite0.load(weights)
        else:
            network = _torchscript(torch, config.path, weights)
        network = network.to(self._device, memory_format=torch.channels_last)
        mean, std = (
            torch.tensor(values, device=self._device).mul(255)[:, None, None] for values in (config.mean, config.std)
        )
        # Seen as planes, frames are channels-last already.
        self._network = lambda frames: network((frames.permute(0, 3, 1, 2).float() - mean) / std)

    def run(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        torch = self._torch
        with torch.inference_mode():  # uint8 travels to the device, a quarter of the bytes
            output = self._network(torch.from_numpy(frames).to(self._device))
            return np.asarray(output.float().cpu().numpy())


def _graph_in_torch(torch: Any, config: BackboneConfig, weights: bytes, device: Any) -> Any:
    """The graph that computes in 8 bits. From here on no convolution of this process is one of 10 bits (TF32)."""
    try:
        from cliptrace.models.backbones.torch_graph import TorchGraph
    except ImportError as error:
        raise CliptraceError(
            f"backbone {config.name!r} on a GPU needs {error.name}: pip install 'cliptrace[cuda]'"
        ) from error
    torch.backends.cudnn.allow_tf32 = False  # those round otherwise than a CPU
    try:
        return TorchGraph(read_verified(config.graph_int8, config.graph_int8_sha256), weights, device)
    except (ValueError, KeyError, IndexError) as error:
        raise CliptraceError(f"{config.graph_int8}: torch cannot run it: {error}") from error


def open_torchscript(name: str, path: str, sha256: str, device: Device) -> Callable[[NDArray[np.float32]], Any]:
    """A TorchScript file, whatever its network takes. name: what to call it in an error."""
    torch = _import_torch(name, device)
    network = _torchscript(torch, path, read_verified(path, sha256)).to(device)

    def run(batch: NDArray[np.float32]) -> Any:
        with torch.inference_mode():
            return network(torch.from_numpy(batch).to(device)).float().cpu().numpy()

    return run


def _torchscript(torch: Any, path: str, weights: bytes) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"`torch\.jit\.load` is deprecated", FutureWarning)
            return torch.jit.load(io.BytesIO(weights), map_location="cpu").eval()
    except RuntimeError as error:
        raise CliptraceError(f"{path}: torch cannot load it as TorchScript: {error}") from error


def _import_torch(name: str, device: Device) -> Any:
    try:
        import torch
    except ImportError as error:
        if device == "cuda":
            raise CliptraceError(
                "device 'cuda' was asked for, but torch is not installed: "
                "pip install 'cliptrace[cuda]', or use --device cpu"
            ) from error
        raise CliptraceError(
            f"{name} is a TorchScript file, but torch is not installed: pip install 'cliptrace[cuda]'"
        ) from error
    if device == "cuda" and not torch.cuda.is_available():
        raise CliptraceError(
            "device 'cuda' was asked for, but torch sees no CUDA device: "
            f"torch {torch.__version__}, CUDA build {torch.version.cuda}; check nvidia-smi, or use --device cpu"
        )
    return torch
