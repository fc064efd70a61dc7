"""What speaks for a finding, on maps drawn by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cliptrace.models.ssan.evidence import gather
from cliptrace.models.ssan.fit import Line
from cliptrace.models.ssan.timed import TimedMap
from cliptrace.models.verification.probability import UNCALIBRATED, probability

TIMES = np.arange(10.0) + 0.5


def drawn(block: float = 0.2, line: float = 0.8, rival: float = 0.0) -> np.ndarray:
    """Five seconds of a query in a reference of ten: a line from 2 s on, in a block, and a rival at the end."""
    similarity = np.zeros((10, 10), np.float32)
    similarity[:5, 2:7] = block
    similarity[np.arange(5), np.arange(5) + 2] = line
    similarity[:5, 9] = rival
    return similarity


def test_evidence_of_a_line_in_a_block() -> None:
    evidence = gather(1.5, TimedMap(drawn(rival=0.3), TIMES, TIMES), Line(0, 5, 2, 7, 1.0))
    assert evidence.logit == 1.5
    assert evidence.similarity == pytest.approx(0.8)
    assert evidence.contrast == pytest.approx(0.8 - (0.2 * 20 + 0.8 * 5) / 25)
    assert evidence.lead == pytest.approx(0.5)
    assert evidence.length == pytest.approx(math.log(4))
    assert evidence.hurry == 0.0


@pytest.mark.parametrize("speed", [2.0, -2.0, 0.5])
def test_length_is_that_of_the_shorter_side_and_fast_is_as_far_from_the_original_speed_as_slow(speed: float) -> None:
    seconds = 5.0, 5.0 * abs(speed)
    evidence = gather(0.0, TimedMap(drawn(), TIMES, TIMES), Line(0, seconds[0], 0, seconds[1], speed))
    assert evidence.length == pytest.approx(math.log(min(*seconds, 4.0)))
    assert evidence.hurry == pytest.approx(math.log(2))


def test_a_line_played_backwards_has_the_same_evidence() -> None:
    backward = gather(1.5, TimedMap(drawn(rival=0.3)[:5][::-1], TIMES[:5], TIMES), Line(0, 5, 2, 7, -1.0))
    forward = gather(1.5, TimedMap(drawn(rival=0.3)[:5], TIMES[:5], TIMES), Line(0, 5, 2, 7, 1.0))
    assert backward == pytest.approx(forward)


def test_a_line_through_the_whole_reference_is_ahead_of_its_block_alone() -> None:
    evidence = gather(0.0, TimedMap(drawn()[:5, 2:7], TIMES[:5], TIMES[:5]), Line(0, 5, 0, 5, 1.0))
    assert evidence.lead == evidence.contrast == pytest.approx(0.8 - (0.2 * 20 + 0.8 * 5) / 25)


def test_uncalibrated_it_is_the_detectors_own_probability() -> None:
    evidence = gather(1.5, TimedMap(drawn(), TIMES, TIMES), Line(0, 5, 2, 7, 1.0))
    assert probability(evidence, None, UNCALIBRATED) == pytest.approx(1 / (1 + math.exp(-1.5)))
