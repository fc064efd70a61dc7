"""Configs of clip networks that do not fit, told before any work."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from cliptrace.models.clips import open_clip_encoder
from cliptrace.schemas.errors import CliptraceError, UsageError
from tests.pipeline.clip_network import DIMENSION, FRAMES, SIDE, write_clip_network


def changed(config: Path, **others: Any) -> str:
    config.write_text(json.dumps(json.loads(config.read_text()) | others))
    return str(config)


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ({"name": 3}, "name must be a text"),
        ({"sha256": None}, "sha256 must be a text"),
        ({"frames": "16"}, "frames must be a whole number from 1 to 256"),
        ({"frames": 257}, "frames must be a whole number from 1 to 256"),
        ({"input_size": 0}, "input_size must be a whole number from 1 on"),
        ({"input_size": 64.5}, "input_size must be a whole number from 1 on"),
        ({"dimension": True}, "dimension must be a whole number from 1 on"),
        ({"step_s": "half"}, "step_s must be a multiple of 0.125"),
        ({"step_s": 0.3}, "step_s must be a multiple of 0.125"),
        ({"mean": 0.5}, "mean must be three numbers"),
        ({"mean": [0.5, float("nan"), 0.5]}, "mean must be three numbers"),
        ({"std": [0.2, 0.2]}, "std must be three numbers above 0"),
        ({"std": [0.2, 0.2, 0]}, "std must be three numbers above 0"),
        ({"path": 7}, "not the config of a clip network: unsupported operand type(s) for /: 'PosixPath' and 'int'"),
        ({"stride": 2}, "not the config of a clip network: ClipNetworkConfig.__init__() got an unexpected keyword "),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, others: dict[str, Any], told: str) -> None:
    config = changed(write_clip_network(tmp_path), **others)
    with pytest.raises(UsageError) as error:
        open_clip_encoder(config)
    assert str(error.value).startswith(f"{config}: {told}")


def test_a_network_of_other_clips_is_named(tmp_path: Path) -> None:
    config = changed(write_clip_network(tmp_path), frames=FRAMES + 1)
    with pytest.raises(CliptraceError) as error:
        open_clip_encoder(config)
    assert str(error.value).startswith(
        f"{tmp_path}/colours.onnx: does not run on a clip of shape [1, 3, {FRAMES + 1}, {SIDE}, {SIDE}], as its config "
        "describes it: "
    )


def test_a_network_that_says_no_numbers_is_named(tmp_path: Path) -> None:
    config, network = write_clip_network(tmp_path), tmp_path / "log.onnx"
    nodes = [
        helper.make_node("AveragePool", ["clips"], ["pooled"], kernel_shape=[1, 8, 8], strides=[1, 8, 8]),
        helper.make_node("Log", ["pooled"], ["logarithms"]),
        helper.make_node("Flatten", ["logarithms"], ["features"]),
    ]
    clips = helper.make_tensor_value_info("clips", TensorProto.FLOAT, ["N", 3, FRAMES, SIDE, SIDE])
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", DIMENSION])
    graph = helper.make_graph(nodes, "logarithms", [clips], [features])
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    network.write_bytes(content)
    changed(config, path=network.name, sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(CliptraceError) as error:
        open_clip_encoder(str(config))
    assert str(error.value) == (
        f"{network}: its features of a black clip are not finite: check mean and std of its config"
    )
    shown = open_clip_encoder(changed(config, mean=[-0.5] * 3)).encode(np.zeros((4, SIDE, SIDE, 3), np.uint8))
    assert shown.shape == (1, DIMENSION)
