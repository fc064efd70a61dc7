"""Vectors of whole videos, worked by hand, and what becomes of videos that show nothing."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cliptrace import models
from cliptrace.models.backbones.registry import load_config
from cliptrace.models.star_gnn.inference import open_star_gnn
from cliptrace.models.video_descriptors import VIDEO_DESCRIPTORS, default_descriptor, describe, mean, open_descriptor
from cliptrace.models.video_descriptors.star_gnn import Lattice
from cliptrace.schemas.config import DEFAULT_BACKBONE, DESCRIPTORS, BackboneConfig, descriptor_name
from cliptrace.schemas.errors import UsageError

BACKBONE = BackboneConfig("tiny", "onnx", "", "", 8, (0, 0, 0), (1, 1, 1), "vector", 2)
OF_KEYFRAMES = ("mean", "parts")
"""Those that need nothing but embeddings."""
NORTH, EAST = np.array([0, 1], np.float32), np.array([1, 0], np.float32)


def described(name: str, times: list[float], scores: list[float], rows: list[np.ndarray]) -> list[list[float]]:
    descriptor = open_descriptor(name, BACKBONE)
    embeddings = np.array(rows, np.float32).reshape(-1, 2)
    found = describe(descriptor, np.array(times), np.array(scores, np.float32), embeddings)
    assert found.dtype == np.float32
    return found.astype(np.float64).round(4).tolist()


def test_the_program_names_those_that_there_are() -> None:
    assert tuple(VIDEO_DESCRIPTORS) == DESCRIPTORS
    for name in OF_KEYFRAMES:
        opened = open_descriptor(name, BACKBONE)
        assert (opened.name, opened.sha256, opened.dimension, opened.needs_regions) == (name, "", 2, False)


def test_the_default_is_learned_where_it_was_trained_on_the_backbone() -> None:
    assert default_descriptor(load_config(DEFAULT_BACKBONE)) == "star_gnn"
    assert default_descriptor(load_config("efficientnet_lite0")) == "mean"
    assert default_descriptor(BACKBONE) == "mean"


def test_the_mean_is_of_all_tiles_and_of_no_frame_of_one_colour() -> None:
    assert described("mean", [0, 1, 80, 150], [1, 0, 0.5, 0.1], [EAST * 3, NORTH, NORTH * 2, NORTH * 2]) == [[0.6, 0.8]]


def test_parts_are_of_eighteen_seconds_and_only_where_something_is_shown() -> None:
    times, scores = [0, 17.9, 18, 40, 71.9, 72], [1, 1, 1, 0, 1, 1]
    rows = [EAST * 3, NORTH * 4, NORTH, EAST, EAST, NORTH]
    assert described("parts", times, scores, rows) == [[0.6, 0.8], [0, 1], [1, 0], [0, 1]]


@pytest.mark.parametrize("name", OF_KEYFRAMES)
@pytest.mark.parametrize("times", [[], [0.0, 30.0, 100.0]])
def test_a_video_that_shows_nothing_has_no_direction(name: str, times: list[float]) -> None:
    assert described(name, times, [0] * len(times), [EAST] * len(times)) == [[0, 0]]


@pytest.mark.parametrize("name", OF_KEYFRAMES)
def test_one_frame_is_a_video(name: str) -> None:
    assert described(name, [0.0], [1], [NORTH * 2]) == [[0, 1]]


def test_ten_hours_are_some_thousand_vectors() -> None:
    count = 10 * 3600
    rows = np.ones((count, 2), np.float32)
    found = describe(
        open_descriptor("parts", BACKBONE), np.arange(count, dtype=float), np.ones(count, np.float32), rows
    )
    assert found.shape == (2000, 2)


def test_one_that_is_not_known_is_told() -> None:
    with pytest.raises(
        UsageError, match=r"^median: no video descriptor; there are mean, parts, star_gnn, and star_gnn:FOLDER$"
    ):
        open_descriptor("median", BACKBONE)


def test_regions_need_a_map(monkeypatch: pytest.MonkeyPatch) -> None:
    of_regions = dataclasses.replace(mean.Mean(2), name="parts", needs_regions=True)
    monkeypatch.setattr("cliptrace.models.video_descriptors.VIDEO_DESCRIPTORS", {"parts": lambda *_: of_regions})
    assert open_descriptor("parts", dataclasses.replace(BACKBONE, output="map")) == of_regions
    with pytest.raises(UsageError) as told:
        open_descriptor("parts", BACKBONE)
    assert str(told.value) == (
        "descriptor parts is made of regions of the backbone's map, and 'tiny' gives one vector a frame: "
        "use mean or parts"
    )


def test_star_gnn_is_the_mean_over_all_nodes_of_all_tiles() -> None:
    backbone = load_config("copy_lite0")
    descriptor = open_descriptor("star_gnn", backbone)
    assert isinstance(descriptor, Lattice)
    network = descriptor.network
    assert (descriptor.name, descriptor.sha256, descriptor.needs_regions) == ("star_gnn", network.sha256, True)
    regions = np.abs(np.random.default_rng(0).normal(size=(5, 14, 1280))).astype(np.float32)
    rows, scores = np.zeros((5, 256), np.float32), np.array([1, 1, 1, 0, 1], np.float32)
    whole = descriptor.video(descriptor.tile(np.arange(5.0), scores, rows, regions))
    shown = network.vector(network.of_regions(regions[scores > 0]))
    np.testing.assert_allclose(whole, shown[None], atol=1e-5)
    tiles = [
        descriptor.tile(np.arange(2.0), scores[part], rows[part], regions[part]) for part in (slice(2), slice(2, 5))
    ]
    (vector,) = descriptor.video(np.concatenate(tiles))
    assert abs(np.linalg.norm(vector) - 1) < 1e-5
    dark = descriptor.tile(np.arange(5.0), np.zeros(5, np.float32), rows, regions)
    assert descriptor.video(dark).tolist() == [[0.0] * descriptor.dimension]


def test_star_gnn_that_takes_maxima_takes_them_over_all_tiles() -> None:
    network = dataclasses.replace(open_star_gnn(), aggregation="max")
    descriptor = Lattice(network)
    regions = np.abs(np.random.default_rng(0).normal(size=(4, 14, 1280))).astype(np.float32)
    rows, scores = np.zeros((4, 256), np.float32), np.ones(4, np.float32)
    whole = descriptor.video(descriptor.tile(np.arange(4.0), scores, rows, regions))
    np.testing.assert_allclose(whole, network.vector(network.of_regions(regions))[None], atol=1e-5)
    assert descriptor.video(np.empty((0, 256), np.float32)).tolist() == [[0.0] * 256]


def test_star_gnn_is_for_the_backbone_that_it_was_trained_on() -> None:
    with pytest.raises(UsageError, match=r"^descriptor star_gnn was trained on another backbone than 'tiny': use mean"):
        open_descriptor("star_gnn", BACKBONE)


def test_a_name_has_the_whole_path_of_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert descriptor_name("star_gnn:mine") == f"star_gnn:{tmp_path}/mine"
    assert [descriptor_name(name) for name in (*DESCRIPTORS, "none")] == [*DESCRIPTORS, "none"]
    for wrong in ("star_gnn:", "mean:mine"):
        with pytest.raises(UsageError, match=f"^{wrong}: no video descriptor; there are"):
            descriptor_name(wrong)


def test_weights_of_something_else_are_told(tmp_path: Path) -> None:
    shipped = Path(models.__file__).parent / "weights" / "star_gnn"
    config = json.loads((shipped / "config.json").read_text())
    del config["scales"]
    shutil.copy(shipped / "model.safetensors", tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UsageError) as told:
        open_star_gnn(str(tmp_path))
    assert str(told.value) == f"{tmp_path}: not what cliptrace train star-gnn makes: KeyError('scales')"
