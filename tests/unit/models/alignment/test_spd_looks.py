"""Which findings get a second look at their pictures."""

import numpy as np

from cliptrace.models.alignment.spd import Candidate, looked_at
from cliptrace.models.ssan.evidence import Evidence
from cliptrace.models.ssan.fit import Line
from cliptrace.models.ssan.inference import open_spd
from cliptrace.models.ssan.timed import TimedMap
from cliptrace.models.verification.probability import probability
from cliptrace.models.verification.scene import Scene
from tests.unit.models.verification.films import as_film, film

TOLD = open_spd("spd").config
QUERY, REF = film(seed=1, seconds=6, start_s=3), film(seed=1, seconds=12, per_second=1.5)
SEEN = TimedMap(np.full((len(QUERY[0]), len(REF[0])), 0.1, np.float32), QUERY[0], REF[0])
RIGHT, WRONG = Line(0, 6, 3, 9, 1), Line(0, 6, 1, 7, 1)


def candidate(line: Line, logit: float, held: bool = False) -> Candidate:
    return Candidate(line, False, Evidence(logit, 0.12, 0.02, 0.02, 1.4, 0.0), held)


def looked(*found: Candidate) -> list[bool]:
    scene = Scene(as_film(*QUERY), as_film(*REF), np.empty(0))
    seen = list(looked_at(found, SEEN, scene, TOLD))
    return [any(each.look is not None for each in seen if each.line == one.line) for one in found]


def test_of_a_faint_map_the_best_line_is_looked_at_and_no_other() -> None:
    best, other = candidate(RIGHT, -1.0), candidate(WRONG, -2.0)
    chances = [probability(each.evidence, None, TOLD) for each in (best, other)]
    assert 0.1 > chances[0] > chances[1] > 0.01, chances
    assert looked(other, best) == [False, True]


def test_a_held_picture_is_looked_at_and_takes_nothing_from_the_others() -> None:
    held = candidate(Line(0, 6, 5, 5.6, 0.1), 9.0, held=True)
    assert looked(held, candidate(RIGHT, -1.0)) == [True, True]


def test_what_the_map_holds_for_nothing_is_not_looked_at() -> None:
    assert looked(candidate(RIGHT, -12.0)) == [False]
