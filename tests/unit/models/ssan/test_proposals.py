"""Lines that the detector does not see: drawn maps with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from cliptrace.models.ssan.fit import Line
from cliptrace.models.ssan.proposals import shot_lines
from cliptrace.models.ssan.timed import TimedMap

QUERY_S, REF_S = 12.0, 40.0
NO_CUTS = np.empty(0)


def drawn(*lines: Line) -> TimedMap:
    """A map that is bright on the lines and faint elsewhere; 8 keyframes a second of the query, 2 of the reference."""
    query_times, ref_times = np.arange(0.0, QUERY_S, 0.125), np.arange(0.0, REF_S, 0.5)
    faint = np.random.default_rng(0).uniform(0.0, 0.1, (len(query_times), len(ref_times))).astype(np.float32)
    for line in lines:
        begin = line.ref_start if line.speed > 0 else line.ref_end
        shown = begin + line.speed * (query_times - line.query_start)
        inside = (query_times >= line.query_start) & (query_times < line.query_end)
        bright = np.exp(-(((ref_times - shown[:, None]) / 0.5) ** 2)) * inside[:, None]
        faint = np.maximum(faint, bright.astype(np.float32))
    return TimedMap(faint, query_times, ref_times)


@pytest.mark.parametrize("speed", [0.25, 0.5, 1.0, 2.0, 3.0, -1.0])
def test_a_shot_at_any_speed_is_found(speed: float) -> None:
    true = Line(0.0, QUERY_S, 3.0, 3.0 + abs(speed) * QUERY_S, speed)
    found = list(shot_lines(drawn(true), NO_CUTS, []))
    (line, backward), *_ = found
    assert backward == (speed < 0)
    assert line.speed == pytest.approx(speed, rel=0.1)
    np.testing.assert_allclose(line[:4], true[:4], atol=0.5)


def test_pieces_between_cuts_are_found_each_at_its_place() -> None:
    pieces = [Line(0.0, 4.0, 30.0, 34.0, 1.0), Line(4.0, 8.0, 5.0, 9.0, 1.0), Line(8.0, 12.0, 18.0, 22.0, 1.0)]
    found = [line for line, _ in shot_lines(drawn(*pieces), np.array([4.0, 8.0]), [])]
    for piece in pieces:
        assert any(np.allclose(line[:4], piece[:4], atol=0.5) for line in found)


def test_a_second_place_of_the_same_is_found_and_a_known_line_is_not_told_again() -> None:
    first, second = Line(0.0, 12.0, 2.0, 14.0, 1.0), Line(0.0, 12.0, 25.0, 37.0, 1.0)
    found = [line for line, _ in shot_lines(drawn(first, second), NO_CUTS, [first])]
    assert any(np.allclose(line[:4], second[:4], atol=0.5) for line in found)
    assert not any(abs(line.ref_start - first.ref_start) < 1 and line.speed > 0.9 for line in found)


def test_nothing_is_proposed_where_nothing_is_alike() -> None:
    assert list(shot_lines(drawn(), NO_CUTS, [])) == []


def test_a_shots_own_place_is_found_beside_many_lines_over_several_shots() -> None:
    piece = Line(4.0, 8.0, 30.0, 34.0, 1.0)
    long_ones = [Line(0.0, 12.0, start, start + 12.0, 1.0) for start in (0.0, 3.0, 6.0, 9.0, 12.0)]
    found = [line for line, _ in shot_lines(drawn(piece), np.array([4.0, 8.0]), long_ones)]
    assert any(np.allclose(line[:4], piece[:4], atol=0.5) for line in found)
