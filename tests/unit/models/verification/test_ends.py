"""A copy ends where one of both videos is cut; likeness that fades in the middle of a shot is a loose end."""

import numpy as np
import pytest

from cliptrace.models.verification.ends import loose_ends
from tests.unit.models.verification.films import as_film, film

NO_CUTS = np.empty(0)
QUERY, REF = as_film(*film(seed=1, seconds=12)), as_film(*film(seed=2, seconds=12, per_second=1.5))


@pytest.mark.parametrize(
    ("query_ends", "ref_ends", "loose"),
    [
        ((0, 11.9), (0, 11.9), 0),
        ((0, 6), (4, 10), 1),  # it begins with the query, and ends within two shots
        ((4, 10), (0, 6), 1),  # it begins with the reference
        ((3, 7), (4, 8), 2),
        ((3, 7), (8, 4), 2),  # backwards
        ((0.8, 11.3), (3, 8), 0),  # ends are told no better than to a second
    ],
)
def test_ends_in_the_middle_of_a_shot_of_both(query_ends, ref_ends, loose) -> None:
    assert loose_ends(QUERY, REF, NO_CUTS, query_ends, ref_ends) == loose


def test_a_cut_of_the_query_ends_a_copy() -> None:
    assert loose_ends(QUERY, REF, np.array([3.4, 7.0]), (3, 7), (4, 8)) == 0


def test_another_scene_of_the_reference_ends_a_copy_as_well() -> None:
    times, frames = film(seed=2, seconds=12, per_second=1.5)
    _, others = film(seed=3, room_seed=7, seconds=12, per_second=1.5)
    ref = as_film(times, np.where((times < 8)[:, None, None, None], frames, others))
    assert loose_ends(QUERY, ref, NO_CUTS, (3, 7), (4, 8)) == 1
