"""From the answers of SPD's grids to boxes."""

import numpy as np
import pytest

from cliptrace.models.ssan.detect import STRIDES, detect
from cliptrace.models.ssan.grid import Grid


class Answers:
    """A network that says the same whatever it is shown, and remembers what that was.

    Of each cell (stride, row, column), how sure it is of a copy forward and backward, and where it says that it is.
    """

    def __init__(self, cells: dict[tuple[int, int, int], tuple[float, float, tuple[float, ...]]]) -> None:
        self._cells = cells

    def run(self, maps: np.ndarray) -> np.ndarray:
        self.shown = maps
        grids = []
        for stride in STRIDES:
            grid = np.full((6, maps.shape[2] // stride, maps.shape[3] // stride), -20, np.float32)
            for (its, row, column), (forward, backward, (q0, q1, r0, r1)) in self._cells.items():
                if its == stride:
                    y, x = (row + 0.5) * stride, (column + 0.5) * stride
                    distances = np.array([y - q0, q1 - y, x - r0, r1 - x]) / stride
                    grid[:, row, column] = forward, backward, *np.log(np.maximum(distances, 1e-9))
            grids.append(grid.reshape(6, -1))
        return np.concatenate(grids, axis=1)


def on_grid(pixels: np.ndarray, step_s: float = 1.0) -> Grid:
    return Grid(pixels.astype(np.float32), step_s, 0.0, 0.0)


def test_a_copy_that_several_cells_found_is_one_box_at_their_mean_and_unsure_cells_are_none() -> None:
    network = Answers(
        {
            (2, 3, 3): (0.0, -9.0, (2, 12, 2, 12)),
            (4, 2, 2): (0.0, -9.0, (3, 13, 3, 13)),
            (8, 3, 0): (-9.0, 3.0, (20, 30, 0, 10)),
            (32, 0, 0): (-9.0, -9.0, (0, 20, 0, 20)),
        }
    )
    found = detect(network, on_grid(np.zeros((40, 33))))
    np.testing.assert_allclose(found.boxes, [[20, 30, 0, 10], [2.5, 12.5, 2.5, 12.5]], atol=1e-4)
    assert found.logits.tolist() == [3.0, 0.0]
    assert found.backward.tolist() == [True, False]


def test_readings_of_a_stretch_that_has_a_much_surer_one_are_left_out() -> None:
    surer, rival, outdone, elsewhere = (0, 16, 0, 16), (0, 15, 20, 36), (1, 15, 40, 54), (16, 30, 40, 54)
    cells = zip(((2, 4, 4), (2, 4, 14), (2, 4, 24), (2, 12, 24)), (surer, rival, outdone, elsewhere), strict=True)
    logits = iter((2.0, 0.6, 0.4, 0.4))
    found = detect(Answers({cell: (next(logits), -9.0, box) for cell, box in cells}), on_grid(np.ones((32, 64))))
    np.testing.assert_allclose(found.boxes, [surer, rival, elsewhere], atol=1e-4)


def test_maps_are_padded_with_zeros_and_boxes_end_with_the_map() -> None:
    network = Answers({(2, 1, 1): (1.0, -9.0, (-5, 99, -5, 99))})
    found = detect(network, on_grid(np.ones((5, 33))))
    assert network.shown.shape == (1, 1, 32, 64)
    assert network.shown.sum() == 5 * 33
    assert found.boxes.tolist() == [[0, 5, 0, 33]]


def test_boxes_are_in_seconds_of_the_videos() -> None:
    network = Answers({(2, 3, 3): (1.0, -9.0, (4, 12, 2, 10))})
    found = detect(network, Grid(np.zeros((40, 40), np.float32), 0.25, 99.75, 30.0))
    np.testing.assert_allclose(found.boxes, [[100.75, 102.75, 30.5, 32.5]], atol=1e-4)


def test_nothing_is_found_where_no_cell_is_sure() -> None:
    found = detect(Answers({(2, 1, 1): (-9.0, -9.0, (0, 9, 0, 9))}), on_grid(np.zeros((9, 9))))
    assert found.boxes.shape == (0, 4)
    assert len(found.logits) == len(found.backward) == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1)])
def test_maps_of_a_single_pixel(shape: tuple[int, int]) -> None:
    found = detect(Answers({(2, 0, 0): (1.0, -9.0, (0, 40, 0, 40))}), on_grid(np.ones(shape)))
    np.testing.assert_allclose(found.boxes, [[0, shape[0], 0, shape[1]]], atol=1e-4)
