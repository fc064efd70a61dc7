"""cliptrace doctor: what works on this machine, what does not, and what to do about it."""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cliptrace.models.alignment import align
from cliptrace.models.backbones.background import Background
from cliptrace.models.backbones.registry import BUILT_IN, Embedder, config_to_json, load_config
from cliptrace.models.ssan.inference import spd_config
from cliptrace.schemas.config import DEFAULT_BACKBONE, KeyframeConfig
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import GalleryManifest
from cliptrace.schemas.text import printable
from cliptrace.transforms.store.vectors import VectorStore, check_address


@dataclasses.dataclass(frozen=True)
class Check:
    """needed: whether cliptrace is of no use without it."""

    name: str
    good: bool
    text: str
    needed: bool = True

    def __str__(self) -> str:
        mark = "ok  " if self.good else "FAIL" if self.needed else "none"
        return f"{mark}  {self.name:<12} {printable(self.text)}"


def examine(milvus: str | None) -> list[Check]:
    """Every check, each tried for real."""
    checks = [_try(program, functools.partial(_program, program)) for program in ("ffmpeg", "ffprobe")]
    checks += [
        _try(package, functools.partial(importlib.metadata.version, package))
        for package in ("apache-beam", "pyarrow", "onnxruntime")
    ]
    checks += [_try("backbone", functools.partial(_backbone, name)) for name in BUILT_IN]
    checks.append(_try("aligner", _detector))
    with tempfile.TemporaryDirectory(prefix="cliptrace-") as folder:
        checks.append(_try("milvus-lite", lambda: _milvus(str(Path(folder) / "milvus.db"))))
    if milvus:
        check_address(milvus)
        checks.append(_try("milvus", lambda: _milvus(milvus)))
    return [*checks, _cuda()]


def _try(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, True, check())
    except CliptraceError as error:
        return Check(name, False, str(error))
    except importlib.metadata.PackageNotFoundError:
        return Check(name, False, f"not installed: pip install {name}")


def _program(name: str) -> str:
    path = shutil.which(name)
    if not path:
        raise CliptraceError("not installed: apt-get install ffmpeg")
    banner = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=30, check=False).stdout
    return f"{path} ({banner.partition(' Copyright')[0] or 'gives no version'})"


def _backbone(name: str) -> str:
    config = load_config(name)
    size = config.input_size
    Background.of(config)
    Embedder.open(config).embed(np.zeros((1, size, size, 3), np.uint8))
    way = " in 8 bits" if config.graph_int8 else ""
    return f"{name}, sha256 {config.sha256[:12]}…, {config.dimension} dimensions, embeds a frame{way}"


def _detector() -> str:
    config = spd_config()
    times = np.arange(32) / 2
    align("spd", np.eye(32, dtype=np.float32), times, times)
    digest = config["sha256"]["model.safetensors"]
    return f"spd, sha256 {digest[:12]}…, for backbone {config['backbone']}, reads a map"


def _milvus(address: str) -> str:
    backbone = config_to_json(load_config(DEFAULT_BACKBONE))
    manifest = GalleryManifest(name="cliptrace_doctor", backbone=backbone, keyframes=KeyframeConfig())
    with VectorStore.open(address, manifest) as store:
        store.drop()
    return f"{address}: answers"


def _cuda() -> Check:
    for package in ("torch", "onnx"):
        if importlib.util.find_spec(package) is None:
            told = f"{package} is not installed: pip install 'cliptrace[cuda]' to use --device cuda"
            return Check("cuda", False, told, needed=False)
    import torch

    if not torch.cuda.is_available():
        return Check("cuda", False, "torch sees no CUDA device: --device cpu only", needed=False)
    return Check("cuda", True, torch.cuda.get_device_name(), needed=False)
