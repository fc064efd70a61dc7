"""Which findings get a second look at their pictures, and what it says of pictures that stand still."""

import math

import numpy as np
import pytest

from cliptrace.models.alignment.spd import Candidate, SPDConfig, chosen, looked_at
from cliptrace.models.ssan.evidence import Evidence
from cliptrace.models.ssan.fit import Line
from cliptrace.models.ssan.inference import open_spd
from cliptrace.models.ssan.timed import TimedMap
from cliptrace.models.verification.look import Look
from cliptrace.models.verification.probability import probability
from cliptrace.models.verification.scene import Scene
from tests.unit.models.verification.films import as_film, film

TOLD = open_spd("spd").config
QUERY, REF = film(seed=1, seconds=6, start_s=3), film(seed=1, seconds=12, per_second=1.5)
SEEN = TimedMap(np.full((len(QUERY[0]), len(REF[0])), 0.1, np.float32), QUERY[0], REF[0])
RIGHT, WRONG = Line(0, 6, 3, 9, 1), Line(0, 6, 1, 7, 1)


SURE = Evidence(2.0, 0.5, 0.3, 0.2, 1.0, 0.0)


def candidate(line: Line, logit: float, held: bool = False) -> Candidate:
    return Candidate(line, False, Evidence(logit, 0.12, 0.02, 0.02, 1.4, 0.0), held)


def looked(*found: Candidate) -> list[bool]:
    scene = Scene(as_film(*QUERY), as_film(*REF), np.empty(0))
    seen = list(looked_at(found, SEEN, scene, TOLD))
    return [any(each.look is not None for each in seen if each.line == one.line) for one in found]


def test_of_a_faint_map_the_best_line_is_looked_at_and_no_other() -> None:
    best, other = candidate(RIGHT, 0.0), candidate(WRONG, -1.0)
    chances = [probability(each.evidence, None, TOLD) for each in (best, other)]
    assert 0.1 > chances[0] > chances[1] > 0.01, chances
    assert looked(other, best) == [False, True]


def test_a_held_picture_stays_as_it_was_seen_and_takes_nothing_from_the_others() -> None:
    held = candidate(Line(0, 6, 5, 5.6, 0.1), 9.0, held=True)
    assert looked(held, candidate(RIGHT, -1.0)) == [False, True]


def test_of_a_line_over_a_cut_is_left_what_nothing_surer_refutes() -> None:
    """A line over two shots, of which the pictures agree in one alone."""
    whole = still(Line(0, 6, 3, 9, 1), activity=0.4, change=0.95, detail=0.55)._replace(evidence=SURE)
    first = still(Line(0, 3, 3, 6, 1), activity=0.4, change=0.98)._replace(evidence=SURE)
    second = still(Line(3, 6, 20, 23, 1), activity=0.4, change=0.98)._replace(evidence=SURE)

    def spans(*found: Candidate) -> list[tuple[float, float]]:
        return sorted((each.query_start, each.query_end) for each in chosen(found, TOLD, SPDConfig()))

    assert spans(whole) == [(0, 6)]
    assert spans(whole, first, second) == [(0, 3), (3, 6)]
    agreed = still(Line(0, 6, 3, 9, 1), activity=0.4, change=0.97)._replace(evidence=SURE)
    assert (0, 6) in spans(agreed, first, second)


def test_what_the_map_holds_for_nothing_is_not_looked_at() -> None:
    assert looked(candidate(RIGHT, -12.0)) == [False]


def still(line: Line = RIGHT, **seen: float) -> Candidate:
    """A finding that a map says little of, of pictures that are the same."""
    told = {"registration": 0.99, "change": 0.0, "activity": 0.002, "detail": 0.99, "loose": 0} | seen
    return candidate(line, -6.0)._replace(look=Look(**told, pairs=4, gap=0.0, affine=np.eye(2, 3, dtype=np.float32)))


def scores(*found: Candidate) -> list[float]:
    return [round(segment.score, 2) for segment in chosen(found, TOLD, SPDConfig())]


def test_one_picture_on_both_sides_is_a_copy_with_a_low_score() -> None:
    assert scores(still()) == [0.69]


@pytest.mark.parametrize(
    ("seen", "score"),
    [
        ({"activity": 0.03, "change": 0.7}, 0.69),  # the little that moves agrees
        ({"activity": 0.02, "detail": 0.998, "registration": 0.998}, 0.7),  # noise of a camera or a codec
        ({"activity": 0.02}, 0),
        ({"activity": 0.03, "change": 0.2}, 0),
        ({"activity": 0.06, "change": 0.2}, 0),
        ({"detail": 0.96}, 0),
        ({"loose": 1}, 0),
    ],
)
def test_a_picture_that_differs_a_little_is_another_one(seen: dict[str, float], score: float) -> None:
    (told,) = scores(still(**seen))
    assert told == score if score else told < 0.3


def test_a_picture_that_stands_in_several_places_is_told_once() -> None:
    best, other, later = (still(Line(0, 6, start, start + 6, 1), detail=0.99 - start / 2e3) for start in (1, 8, 15))
    (told,) = chosen((other, best, later), TOLD, SPDConfig())
    assert (told.ref_start, told.ref_end) == (1, 7)
    assert len(scores(best, still(Line(6, 12, 8, 14, 1)))) == 2  # of two stretches of the query each
    assert len(scores(other, still(Line(2, 4, 18, 20, 1)))) == 2  # a short one takes nothing from a long one


def test_what_stands_still_is_of_no_other_speed() -> None:
    slow = still(Line(0, 6, 3, 6, 0.5))
    (told,) = scores(slow._replace(evidence=slow.evidence._replace(hurry=math.log(2))))
    assert told < 0.3


def test_where_the_seconds_are_known_a_still_picture_is_of_no_others() -> None:
    moving = still(Line(0, 5, 3, 8, 1), activity=0.5, change=0.95)
    assert len(scores(moving)) == 1
    assert scores(moving) == scores(moving, still(WRONG))


def test_a_held_picture_is_told_with_less_and_not_where_a_finding_stops_at_it() -> None:
    held = still(Line(6, 12, 8.8, 9.4, 0.1), registration=0.95, detail=0.94)._replace(held=True)
    moving = still(Line(0, 6, 3, 9, 1), activity=0.5, change=0.95)
    assert scores(held) == [0.66]
    assert scores(moving, held) == scores(moving)
    elsewhere = held._replace(line=Line(6, 12, 14.8, 15.4, 0.1))
    assert sorted(scores(moving, elsewhere)) == sorted([*scores(moving), 0.66])


def test_a_line_is_moved_to_where_the_pictures_agree() -> None:
    scene = Scene(as_film(*QUERY), as_film(*REF), np.empty(0))
    (exact, *_) = looked_at([candidate(Line(0, 6, 3.25, 9.25, 1), 3.0)], SEEN, scene, TOLD)
    assert exact.line.ref_start == pytest.approx(3, abs=0.1)
    (same, *_) = looked_at([candidate(RIGHT, 3.0)], SEEN, scene, TOLD)
    assert same.line == RIGHT


@pytest.mark.parametrize(("registration", "moved"), [(0.95, True), (0.5, False)])
def test_a_line_is_moved_where_its_pictures_lie_on_one_another_there_too(
    monkeypatch: pytest.MonkeyPatch, registration: float, moved: bool
) -> None:
    """registration: what a look at the moved line finds, which lays them on one another anew."""
    first, again = (still(registration=each, activity=0.4).look for each in (0.9, registration))
    assert first
    scene = Scene(as_film(*QUERY), as_film(*REF), np.empty(0))
    monkeypatch.setattr(scene, "look", lambda line: again)
    line, look = scene.settled(RIGHT, first._replace(late=0.25))
    assert (line, look) == (
        (RIGHT._replace(ref_start=2.75, ref_end=8.75), again) if moved else (RIGHT, first._replace(late=0.25))
    )
