"""What is exported computes what was trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cliptrace.models.backbones.registry import load_config
from cliptrace.models.ssan.config import SKETraining, SPDTraining
from cliptrace.models.ssan.detect import STRIDES, boxes_of
from cliptrace.models.ssan.export import export_ske, export_spd
from cliptrace.models.ssan.inference import OnnxSKE, OnnxSPD
from cliptrace.models.ssan.network import SKE, SPD, decode
from cliptrace.models.ssan.tiles import BLOCKS, FRAMES, SIDE, tile


def unsettled(network: torch.nn.Module) -> torch.nn.Module:
    """With batch statistics as a training leaves them, not the initial ones."""
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
    return network.eval()


@pytest.mark.parametrize("size", [(32, 32), (96, 64), (320, 160)])
def test_spd_is_the_same_as_a_graph(size: tuple[int, int], tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = unsettled(SPD(SPDTraining()))
    export_spd(network, tmp_path, SPDTraining(), load_config("copy_lite0"))
    maps = torch.randn(1, 1, *size) / 5
    maps[..., size[1] // 2 :] = 0
    with torch.inference_mode():
        expected = network(maps)
    cells = OnnxSPD(str(tmp_path)).run(maps.numpy())
    assert cells.shape == (6, sum(size[0] // stride * (size[1] // stride) for stride in STRIDES))
    np.testing.assert_allclose(cells, expected[0], atol=1e-4)


def test_boxes_of_some_cells_are_those_that_were_trained() -> None:
    size, random = (96, 64), np.random.default_rng(0)
    cells = random.normal(0, 2, (6, sum(96 // stride * (64 // stride) for stride in STRIDES))).astype(np.float32)
    cells[2, 5] = 99.0
    scores, boxes = decode(torch.from_numpy(cells)[None], size)
    np.testing.assert_array_equal(scores[0].T, cells[:2])
    some = random.permutation(cells.shape[1])[:500]
    np.testing.assert_allclose(boxes_of(cells[2:, some], some, size), boxes[0, some], rtol=1e-5, atol=1e-4)


def test_ske_is_the_same_as_a_graph_and_padding_has_no_score(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = unsettled(SKE(SKETraining()))
    export_ske(network, tmp_path, SKETraining())
    thumbs = np.random.default_rng(0).integers(0, 256, (100, 32, 32, 3), np.uint8)
    with torch.inference_mode():
        expected = torch.sigmoid(network(torch.from_numpy(tile(thumbs))[None]))[0, :100]
    np.testing.assert_allclose(OnnxSKE(str(tmp_path)).run(thumbs), expected, atol=1e-4)


def test_block_i_of_a_tile_is_frame_i() -> None:
    thumbs = (
        np.arange(FRAMES - 5, dtype=np.uint16)
        .astype(np.uint8)[:, None, None, None]
        .repeat(32, 1)
        .repeat(32, 2)
        .repeat(3, 3)
    )
    picture = tile(thumbs)
    assert picture.shape == (SIDE, SIDE, 3)
    for frame in (0, 1, 23, 24, 300, FRAMES - 6):
        row, column = divmod(frame, BLOCKS)
        block = picture[row * 32 : row * 32 + 32, column * 32 : column * 32 + 32]
        assert (block == thumbs[frame]).all()
    assert (picture[-32:, -5 * 32 :] == 0).all()
