"""From the answers of SPD's grids to boxes."""

import numpy as np
import pytest

from models.ssan.detect import detect
from models.ssan.grid import Grid


class Answers:
    """A network that says the same whatever it is shown, and remembers what that was."""

    def __init__(self, cells: list[tuple[float, float, tuple[float, ...]]]) -> None:
        self._logits = np.array([[forward, backward] for forward, backward, _ in cells], np.float32).reshape(-1, 2)
        self._boxes = np.array([box for _, _, box in cells], np.float32).reshape(-1, 4)

    def run(self, maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.shown = maps
        return self._logits, self._boxes


def on_grid(pixels: np.ndarray, step_s: float = 1.0) -> Grid:
    return Grid(pixels.astype(np.float32), step_s, 0.0, 0.0)


def test_a_copy_that_several_cells_found_is_one_box_at_their_mean_and_unsure_cells_are_none() -> None:
    network = Answers(
        [
            (0.0, -9.0, (2, 12, 2, 12)),
            (0.0, -9.0, (3, 13, 3, 13)),
            (-9.0, 3.0, (20, 30, 0, 10)),
            (-9.0, -9.0, (0, 9, 0, 9)),
        ]
    )
    found = detect(network, on_grid(np.zeros((40, 33))))
    assert found.boxes.tolist() == [[20, 30, 0, 10], [2.5, 12.5, 2.5, 12.5]]
    assert found.logits.tolist() == [3.0, 0.0]
    assert found.backward.tolist() == [True, False]


def test_maps_are_padded_with_zeros_and_boxes_end_with_the_map() -> None:
    network = Answers([(1.0, -9.0, (-5, 99, -5, 99))])
    found = detect(network, on_grid(np.ones((5, 33))))
    assert network.shown.shape == (1, 1, 32, 64)
    assert network.shown.sum() == 5 * 33
    assert found.boxes.tolist() == [[0, 5, 0, 33]]


def test_boxes_are_in_seconds_of_the_videos() -> None:
    found = detect(Answers([(1.0, -9.0, (4, 12, 2, 10))]), Grid(np.zeros((40, 40), np.float32), 0.25, 99.75, 30.0))
    assert found.boxes.tolist() == [[100.75, 102.75, 30.5, 32.5]]


def test_nothing_is_found_where_no_cell_is_sure() -> None:
    found = detect(Answers([(-9.0, -9.0, (0, 9, 0, 9))]), on_grid(np.zeros((9, 9))))
    assert found.boxes.shape == (0, 4)
    assert len(found.logits) == len(found.backward) == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1)])
def test_maps_of_a_single_pixel(shape: tuple[int, int]) -> None:
    found = detect(Answers([(1.0, -9.0, (0, 40, 0, 40))]), on_grid(np.ones(shape)))
    assert found.boxes.tolist() == [[0, shape[0], 0, shape[1]]]
