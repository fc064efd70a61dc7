"""ONNX files whose tensors lie in a safetensors file beside them, on the CPU; in 8 bits alike with VNNI and without."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

from cliptrace.schemas.errors import CliptraceError

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read at the import, which else calls home and writes to ~/.cache
import onnxruntime

from cliptrace.models.weights import folder_of, read_config, read_verified


@functools.cache
def has_vnni() -> bool:
    """Whether this CPU sums products of 8-bit numbers in 32 bits (AVX-512 VNNI, AVX-VNNI)."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "avx512_vnni" in flags or "avx_vnni" in flags


class OnnxFile:
    """A session that may be used from several threads, and the bytes that it points into.

    path, sha256: the ONNX file. weights, weights_sha256: of the safetensors file that its tensors lie in; "" for one
    that has its own. threads: of one run.
    """

    def __init__(self, path: str, sha256: str, weights: str = "", weights_sha256: str = "", threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # A spinning pool burns the cores that decode the next frames.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if not has_vnni():
            # Else products with int8 weights are summed in 16 bits, which overflow. These sums are VNNI's, but slower.
            options.add_session_config_entry("session.x64quantprecision", "1")
        if weights:
            # Handed over in memory, they are the bytes just verified. ONNX Runtime keeps pointers to them, not a copy.
            self._weights = read_verified(weights, weights_sha256)
            options.add_external_initializers_from_files_in_memory(
                ["model.safetensors"], [self._weights], [len(self._weights)]
            )
        graph = read_verified(path, sha256)
        try:
            self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's errors share no other base class
            raise CliptraceError(f"{path}: ONNX Runtime cannot load it: {error}") from error


def open_exported(weights: str | Path) -> tuple[dict[str, Any], OnnxFile]:
    """What models/export.py wrote: its config, and the network, whose files must have the digests that this names.

    weights: one of the folders that ship by its name, or any other by its path.
    """
    folder = folder_of(weights)
    config = read_config(folder)
    (graph, its), (tensors, theirs) = (
        (str(folder / name), str(config["sha256"][name])) for name in ("model.onnx", "model.safetensors")
    )
    return config, OnnxFile(graph, its, tensors, theirs)
