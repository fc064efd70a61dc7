"""A clip network without weights: colours of 8 × 8 squares in two frames of each half second."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from onnx import TensorProto, helper

SIDE, FRAMES = 64, 2
DIMENSION = 3 * FRAMES * 8 * 8


def write_clip_network(folder: Path, step_s: float = 0.5, mean: float = 0.5) -> Path:
    """Its config file, as ``index --moments`` takes it. mean: other ones make other features."""
    nodes = [
        helper.make_node("AveragePool", ["clips"], ["pooled"], kernel_shape=[1, 8, 8], strides=[1, 8, 8]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
    ]
    clips = helper.make_tensor_value_info("clips", TensorProto.FLOAT, ["N", 3, FRAMES, SIDE, SIDE])
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", DIMENSION])
    graph = helper.make_graph(nodes, "colours", [clips], [features])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    content = model.SerializeToString()
    (folder / "colours.onnx").write_bytes(content)
    config = {
        "name": "colours",
        "path": "colours.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "frames": FRAMES,
        "input_size": SIDE,
        "dimension": DIMENSION,
        "step_s": step_s,
        "mean": [mean] * 3,
        "std": [0.25] * 3,
    }
    (folder / "colours.json").write_text(json.dumps(config))
    return folder / "colours.json"
