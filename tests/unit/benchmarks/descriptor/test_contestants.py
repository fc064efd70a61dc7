"""Which of all views are taken when some are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.descriptor.contestants import view_columns
from cliptrace.models.views import make_views
from cliptrace.schemas.config import QUERY_VIEWS


@pytest.mark.parametrize("names", [("mirror",), ("insets", "turns"), ("halves",), QUERY_VIEWS])
def test_a_choice_of_views_is_a_part_of_all_of_them(names: tuple[str, ...]) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    np.testing.assert_array_equal(make_views(frames, QUERY_VIEWS)[:, view_columns(names)], make_views(frames, names))
