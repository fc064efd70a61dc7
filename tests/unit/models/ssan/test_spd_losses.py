"""Which cells must find which copy, and what a box costs."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cliptrace.models.ssan.config import SPDTraining
from cliptrace.models.ssan.detect import STRIDES
from cliptrace.models.ssan.losses import assign, iou, spd_loss

SIZE, CONFIG = (128, 96), SPDTraining()
CELLS = sum(SIZE[0] // stride * (SIZE[1] // stride) for stride in STRIDES)


def one(box: tuple[float, ...], backward: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor([[box]], dtype=torch.float32), torch.tensor([[backward]])


def test_iou_of_boxes_by_hand() -> None:
    box = torch.tensor([[0.0, 2.0, 0.0, 2.0]]).expand(3, 4)
    others = torch.tensor([[0.0, 2.0, 0.0, 2.0], [1.0, 3.0, 1.0, 3.0], [4.0, 6.0, 0.0, 2.0]])
    overlap, generalised = iou(box, others)
    assert overlap.tolist() == pytest.approx([1.0, 1 / 7, 0.0])
    # hulls of 4, 9 and 12, unions of 4, 7 and 8
    assert generalised.tolist() == pytest.approx([1.0, 1 / 7 - 2 / 9, -4 / 12])


@given(st.data())
def test_every_copy_is_somebodys(data: st.DataObject) -> None:
    q0, r0 = data.draw(st.floats(0, SIZE[0] - 1)), data.draw(st.floats(0, SIZE[1] - 1))
    q1, r1 = data.draw(st.floats(q0 + 0.8, SIZE[0])), data.draw(st.floats(r0 + 0.8, SIZE[1]))
    owner, ignored = assign(*one((q0, q1, r0, r1), data.draw(st.booleans())), SIZE, CONFIG)
    assert owner.shape == ignored.shape == (1, CELLS)
    assert (owner == 0).any()
    assert not (ignored & (owner >= 0)).any()


def test_cells_lie_on_the_diagonal_that_the_copy_takes() -> None:
    before = SIZE[0] // 2 * (SIZE[1] // 2)  # cells of stride 2, which smaller copies belong to
    rows, columns = SIZE[0] // 4, SIZE[1] // 4
    owners = (assign(*one((0, 16, 0, 16), turned), SIZE, CONFIG)[0][0, before:] for turned in (False, True))
    forward, backward = (owner[: rows * columns].reshape(rows, columns)[:4, :4] for owner in owners)
    near = np.eye(4) + np.eye(4, k=1) + np.eye(4, k=-1)
    assert torch.equal(forward >= 0, torch.tensor(near > 0))
    assert torch.equal(backward >= 0, (forward >= 0).flip(1))


def test_a_perfect_answer_costs_next_to_nothing() -> None:
    truth, backward = one((8, 40, 16, 48))
    owner, _ = assign(truth, backward, SIZE, CONFIG)
    scores = torch.full((1, CELLS, 2), -20.0)
    scores[0, owner[0] >= 0, 0] = 20.0
    boxes = truth.expand(1, CELLS, 4)
    bce, giou = spd_loss(scores, boxes, truth, backward, SIZE, CONFIG)
    assert bce.item() == pytest.approx(0, abs=1e-6)
    assert giou.item() == pytest.approx(0, abs=1e-6)


def test_rows_of_nan_are_no_copies() -> None:
    truth = torch.full((2, 3, 4), torch.nan)
    owner, ignored = assign(truth, torch.zeros(2, 3, dtype=torch.bool), SIZE, CONFIG)
    assert not (owner >= 0).any()
    assert not ignored.any()
    scores, boxes = torch.zeros(2, CELLS, 2), torch.ones(2, CELLS, 4)
    bce, giou = spd_loss(scores, boxes, truth, torch.zeros(2, 3, dtype=torch.bool), SIZE, CONFIG)
    assert torch.isfinite(bce)
    assert giou.item() == 0
