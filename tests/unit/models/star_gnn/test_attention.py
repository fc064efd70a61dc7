"""What a region weighs, worked by hand; and the picture of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cliptrace.models.backbones.whitening import Whitening
from cliptrace.models.star_gnn.attention import attention, heat
from cliptrace.models.star_gnn.inference import StarGNN
from cliptrace.models.star_gnn.strip import draw


def network(scales: tuple[int, ...] = (1,)) -> StarGNN:
    """Plain pooling: nothing is gathered from neighbours, and each node is what it was."""
    nothing = Whitening(np.zeros(4, np.float32), np.eye(4, dtype=np.float32))
    zeros, eye = np.zeros((4, 4), np.float32), np.eye(4, dtype=np.float32)
    return StarGNN("", "", "cluster_gcn", "mean", True, scales, nothing, zeros, eye, np.zeros(4, np.float32))


def test_what_all_frames_share_weighs_most() -> None:
    common, rare = np.array([1, 0, 0, 0], np.float32), np.array([0, 1, 0, 0], np.float32)
    nodes = np.stack([common, common, common, rare])[:, None]
    ours, plain = attention(network(), nodes)
    assert ours.shape == plain.shape == (4, 1)
    assert plain[0, 0] == plain[1, 0] > plain[3, 0] > 0
    assert plain.mean() == pytest.approx(1)
    assert ours[0, 0] > ours[3, 0]


def test_a_video_without_a_direction_weighs_nothing() -> None:
    ours, plain = attention(network(), np.zeros((2, 1, 4), np.float32))
    assert not ours.any()
    assert not plain.any()


def test_heat_is_where_the_region_is() -> None:
    weights = np.zeros((1, 14), np.float32)
    weights[0, 5] = 1  # the first of the smallest squares: top left
    cells = heat(weights, (1, 2, 3), 6)
    assert cells.shape == (1, 6, 6)
    assert cells[0, 0, 0] > 0
    assert cells[0, 5, 5] == 0
    assert np.unravel_index(cells[0].argmax(), (6, 6)) == (0, 0)


def test_the_picture_has_a_row_for_frames_and_one_for_each_way_of_pooling() -> None:
    frames = np.zeros((3, 32, 32, 3), np.uint8)
    weights = np.ones((3, 6, 6), np.float32)
    content = draw(frames, np.arange(3.0), {"pooling": weights, "STAR-GNN": weights})
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape[0] == 22 + 3 * 154
    assert picture.shape[1] == 92 + 3 * 154
