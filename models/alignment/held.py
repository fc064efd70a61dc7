"""Pictures that a query holds: of which moment of a reference they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from cliptrace.models.ssan.fit import Line
from cliptrace.models.ssan.timed import TimedMap
from cliptrace.models.verification.agreement import correlation
from cliptrace.models.verification.film import Film
from cliptrace.models.verification.look import Look
from cliptrace.models.verification.scene import Scene
from cliptrace.models.verification.stills import moves

_ALIKE = 0.4
"""Similarity of its keyframe, below which a held picture is none of the reference's."""
_MOST = 4
"""Keyframes that it may be, by their similarity."""
_SAME_MOMENT = 0.93
"""Correlation with a keyframe's picture, from which it is of that moment."""
_NEAR, _NEARER, _ONE_SHOT = 0.75, 0.1, 0.45
"""Correlation with a keyframe's picture from which it may be of a moment beside that: where it is nearer to both of two
neighbours than they are to one another, by so much; and that of two neighbours of one shot."""
_AS_ALIKE = 0.05
"""Similarity and correlation, added, by which another keyframe may at most be more alike than the one it is told of."""
_AROUND = 2
"""Keyframes to either side, that tell whether the reference goes on there."""


def held_lines(seen: TimedMap, scene: Scene) -> Iterator[tuple[Line, Look]]:
    """One for each stretch in which the query holds a picture of the reference, where that goes on; and its look."""
    for start, end in scene.stills:
        start, end = max(start, float(seen.query_edges[0])), min(end, float(seen.query_edges[-1]))
        if end <= start:
            continue
        alike = seen.similarity[seen.rows(start, end)].mean(axis=0)
        likely = [int(each) for each in np.argsort(-alike, kind="stable")[:_MOST] if alike[each] >= _ALIKE]
        looks = {each: scene.look(_at(seen, each, start, end)) for each in likely[:1]}
        found = [each for each, look in looks.items() if _shown(look) >= _SAME_MOMENT]
        if not found:
            beside = _with_neighbours(likely, seen) - set(looks)
            looks |= {each: scene.look(_at(seen, each, start, end)) for each in sorted(beside)}
            found = [each for each in likely if _is_between(each, looks, seen, scene.ref)]
        likeness = {each: float(alike[each]) + _shown(looks[each]) for each in likely if each in looks}
        best = max(found, key=likeness.__getitem__, default=None)
        if best is None or likeness[best] < max(likeness.values()) - _AS_ALIKE:
            continue
        if looks[best].loose:
            continue
        around = seen.ref_times[max(best - _AROUND, 0) : best + _AROUND + 1]
        if moves(scene.ref.show(scene.ref.at(around))):
            yield _at(seen, best, start, end), looks[best]


def _shown(look: Look) -> float:
    """How surely both show the same picture."""
    return min(look.registration, look.detail)


def _at(seen: TimedMap, keyframe: int, start: float, end: float) -> Line:
    low, high = float(seen.ref_edges[keyframe]), float(seen.ref_edges[keyframe + 1])
    return Line(start, end, low, high, (high - low) / (end - start))


def _with_neighbours(keyframes: Sequence[int], seen: TimedMap) -> set[int]:
    near = {each + step for each in keyframes for step in (-1, 0, 1)}
    return {each for each in near if 0 <= each < len(seen.ref_times)}


def _is_between(keyframe: int, looks: Mapping[int, Look], seen: TimedMap, ref: Film) -> bool:
    """Whether a held picture is of a moment between a keyframe and one beside it.

    Two slides or two hours of a room are alike, too, but there neighbours are alike as much.
    """
    shown = _shown(looks[keyframe])
    for other in (keyframe - 1, keyframe + 1):
        if shown >= _NEAR and other in looks:
            pictures = ref.soft(ref.at(seen.ref_times[[keyframe, other]]))
            apart = correlation(pictures[0], pictures[1])
            if _ONE_SHOT <= apart < min(shown, _shown(looks[other])) - _NEARER:
                return True
    return False
