"""The learned aligner: SPD's boxes, each with the line that its cells lie on (SSAN §3.2), and what it cannot see: short
pieces, other speeds, pictures that are held. Each is judged by its map and by a second look at the pictures."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cliptrace.models.alignment.config import AlignerConfig
from cliptrace.models.alignment.held import held_lines
from cliptrace.models.alignment.merging import best_first, common, joined
from cliptrace.models.alignment.search import Map, Times, checked, is_plausible
from cliptrace.models.ssan.detect import detect
from cliptrace.models.ssan.evidence import UNSEEN, Evidence, gather
from cliptrace.models.ssan.fit import Line, fit_box
from cliptrace.models.ssan.grid import to_grid
from cliptrace.models.ssan.inference import open_spd
from cliptrace.models.ssan.proposals import shot_lines
from cliptrace.models.ssan.timed import TimedMap
from cliptrace.models.verification.look import Look
from cliptrace.models.verification.probability import probability
from cliptrace.models.verification.scene import Scene
from cliptrace.schemas.records import Segment

# Two findings are about the same where they share this much of the shorter one's stretch of the query, and so much of
# the reference's.
_SAME_QUERY, _SAME_REF = 0.5, 0.2
# Least doubt about a segment: its odds stay finite.
_LEAST_DOUBT = 1e-9
# A held picture is one moment of the reference, of which a segment tells a little more: less sure than seconds are.
_HELD = 0.7
# Deviations by which pictures change over time, up to which nothing moves, or nothing but noise may; and the
# correlation of two of them, laid on one another, from which they are the same one then.
_STILL, _SAME_PICTURE = 0.01, 0.98
_FLICKERS, _SAME_BUT_FOR_NOISE = 0.022, 0.995
# A speed, as a logarithm, that is not nearly the original's.
_OTHER_SPEED = 0.4
# Of a piece, what is inside of a longer finding at least.
_INSIDE = 0.9
# Seconds between a finding and the picture on which it stops.
_STOPS_S = 0.5
# Probability by the map alone from which the pictures of a finding are compared, and of a map's best one: a copy in a
# corner of the picture is hardly alike to an embedding.
_WORTH_A_LOOK, _WORTH_ONE = 0.1, 0.01
# A finding that the map thinks this probable, though its pictures agree less than that in how they change, is looked
# for at other seconds; one at another speed than the original is made exact.
_DOUBTED, _AGREED, _HURRIED = 0.2, 0.5, 0.1
_LEAST_CHANGE, _BETTER, _MOVING = 0.3, 0.1, 0.05
# Of pictures that are as clean as this, more agreement is expected.
_CLEAN, _AGREED_CLEAN = 0.8, 0.85
# One that agrees less than that as a whole may be true between two cuts only; where the pictures of one shot are so
# much less alike than others that lie in the same way, it gives way to what is surer of that shot.
_AGREED_WHOLE, _REFUTED = 0.8, 0.6


@dataclasses.dataclass(frozen=True, kw_only=True)
class SPDConfig(AlignerConfig):
    """weights: a folder of models/weights, or any other with an exported SPD.

    min_similarity: of the best pair of keyframes of a map, below which it is not looked at. With .22 as many
    copies of the validation splits are reported as with .15, and a sixth of the maps is left
    (python -m benchmarks.search.frames).
    """

    weights: str = "spd"
    min_similarity: float = 0.22
    min_length_s: float = 0.5
    max_segments: int = 64


class Candidate(NamedTuple):
    """A line, before anything is told of how sure it is. line: seconds. held: the query shows one picture of it.
    look: at the pictures on it; None where there are none, or nobody looked."""

    line: Line
    backward: bool
    evidence: Evidence
    held: bool = False
    look: Look | None = None


def align(
    similarity: Map, query_times: Times, ref_times: Times, config: SPDConfig, scene: Scene | None = None
) -> list[Segment]:
    """Segments of a similarity map float32[Q, R], best first; times float64[Q] and float64[R] in seconds."""
    told = open_spd(config.weights).config
    similarity, query_times, ref_times = checked(similarity, query_times, ref_times)
    if not similarity.size:
        return []
    seen = TimedMap(similarity, query_times, ref_times)
    found = candidates(seen, config, scene)
    if found and scene and scene.has_pictures:
        found = list(looked_at(found, seen, scene, told))
    return chosen(found, told, config)


def looked_at(found: Sequence[Candidate], seen: TimedMap, scene: Scene, told: Mapping[str, Any]) -> Iterator[Candidate]:
    """The findings after a second look. Where the map thinks little of all of them, at its best one only."""
    by_map = [0.0 if each.held else probability(each.evidence, None, told) for each in found]
    least = min(_WORTH_A_LOOK, max(_WORTH_ONE, *by_map))
    for each, probable in zip(found, by_map, strict=True):
        if each.held or probable < least:
            yield each
        else:
            yield from _looked_at(each, probable, seen, scene)


def _looked_at(found: Candidate, by_map: float, seen: TimedMap, scene: Scene) -> Iterator[Candidate]:
    """The finding after a second look: what of it moves together, its parts between two cuts, and the same at other
    seconds or another speed, if the pictures say so."""
    for line in scene.moving_together(found.line):
        look = scene.look(line)
        for each in _readings(line, look, by_map, scene):
            evidence = gather(found.evidence.logit, seen, each)
            exact, there = scene.settled(each, look if each == line else scene.look(each))
            yield Candidate(exact, exact.speed < 0, evidence, look=there)


def _readings(line: Line, look: Look, by_map: float, scene: Scene) -> Iterator[Line]:
    """What a line that has been looked at may be: itself, its parts between two cuts, the same at other seconds."""
    pieces = list(scene.between_cuts(line))
    yield line
    if look.change < _AGREED_WHOLE:
        yield from pieces
    least = _AGREED_CLEAN if look.detail >= _CLEAN else _AGREED
    doubted = by_map >= _DOUBTED and look.change < least
    is_exact = not doubted and abs(math.log(abs(line.speed))) <= _HURRIED
    if pieces or is_exact or look.activity < _MOVING:
        return
    if other := scene.retimed(line, look):
        line, change = other
        if change > _LEAST_CHANGE and (not doubted or change > look.change + _BETTER):
            yield line


def candidates(seen: TimedMap, config: SPDConfig, scene: Scene | None = None) -> list[Candidate]:
    """All that may be a copy, also what is hardly one."""
    similarity = seen.similarity
    if min(similarity.shape) < 2 or similarity.max() < config.min_similarity:
        return []
    detected = list(_detected(seen, config))
    cuts = scene.cuts if scene else np.empty(0)
    cuts = cuts[(cuts > seen.query_edges[0]) & (cuts < seen.query_edges[-1])]
    missed = [(*each, UNSEEN) for each in shot_lines(seen, cuts, [line for line, _, _ in detected])]
    lines = [each for each in (*detected, *missed) if config.find_reversed or not each[1]]
    found = [Candidate(line, backward, gather(logit, seen, line)) for line, backward, logit in lines]
    if scene and scene.stills and scene.has_pictures:
        for line, look in held_lines(seen, scene):
            evidence = gather(UNSEEN, seen, line)._replace(hurry=0.0)
            found.append(Candidate(line, False, evidence, held=True, look=look))
    return found


def chosen(found: Iterable[Candidate], told: Mapping[str, Any], config: SPDConfig) -> list[Segment]:
    """Of candidates what is plausible and what fits together, best first. told: config.json of the weights.

    A score is how much of the segment is expected to be right: IoU with the true copy, as it was calibrated on the
    validation split.
    """
    seconds: list[Segment] = []
    doubtful: list[Segment] = []
    moments: list[Segment] = []
    pictures: list[Segment] = []
    for line, backward, evidence, held, look in found:
        sure = probability(evidence, look, told) * (_HELD if held else 1.0)
        still = _HELD * (look.detail if held else _of_still(look, evidence)) if look else 0.0
        segment = Segment(*line[:4], max(sure, still), backward, abs(line.speed))
        if held or is_plausible(segment, config):
            (pictures if held else moments if still > sure else seconds).append(segment)
            if look and look.detail < _REFUTED * look.registration:
                doubtful.append(segment)
    moments += [each for each in pictures if not any(_stops_at(other, each) for other in seconds)]
    moments = [each for each in moments if not any(_explains(other, each) for other in seconds)]
    places = [*seconds, *one_place(moments)]
    refuted = [each for each in doubtful if any(_refutes(other, each) for other in places)]
    return joined(every_place(each for each in places if each not in refuted))[: config.max_segments]


def _of_still(look: Look, evidence: Evidence) -> float:
    """A picture that stands still proves little, unless it is the same in all its detail, and the little that moves
    agrees. No speed speaks for it but the original's, or nearly."""
    if evidence.hurry > _OTHER_SPEED:
        return 0.0
    alike = min(look.registration, look.detail)
    agrees = look.activity < _STILL or (look.activity < _MOVING and look.change >= _AGREED)
    is_noise = look.activity < _FLICKERS and alike >= _SAME_BUT_FOR_NOISE
    is_same = not look.loose and alike >= _SAME_PICTURE and (agrees or is_noise)
    return look.detail if is_same else 0.0


def _explains(seconds: Segment, moment: Segment) -> bool:
    """Whether where a picture comes from is known: what stands still is alike at other seconds, too."""
    return seconds.score > moment.score and _is_within(moment, seconds)


def _is_within(moment: Segment, other: Segment) -> bool:
    """Whether most of its seconds of the query are the other's, too."""
    shared = common(other.query_start, other.query_end, moment.query_start, moment.query_end)
    return shared > _SAME_QUERY * (moment.query_end - moment.query_start)


def _refutes(piece: Segment, whole: Segment) -> bool:
    """Whether a piece of the query comes surely from elsewhere than where a longer finding has it from."""
    within = common(piece.query_start, piece.query_end, whole.query_start, whole.query_end)
    return (
        piece.score > whole.score
        and not _is_same(piece, whole)
        and within > _INSIDE * (piece.query_end - piece.query_start)
    )


def _stops_at(seconds: Segment, moment: Segment) -> bool:
    """Whether the query goes no further than a finding since it stops at this picture of its, or begins with it."""
    beside = (
        max(start - other_end, other_start - end)
        for start, end, other_start, other_end in (
            (moment.query_start, moment.query_end, seconds.query_start, seconds.query_end),
            (moment.ref_start, moment.ref_end, seconds.ref_start, seconds.ref_end),
        )
    )
    return seconds.score > moment.score and max(beside) <= _STOPS_S


def one_place(moments: Sequence[Segment]) -> list[Segment]:
    """Of each picture that the query shows the best place only: what stands still in a reference is alike at all of its
    seconds, and wherever it comes again."""
    kept: list[Segment] = []
    for moment in best_first(moments):
        if not any(_is_within(moment, other) for other in kept):
            kept.append(moment)
    return kept


def every_place(segments: Iterable[Segment]) -> list[Segment]:
    """Of segments that are about the same seconds of both videos the best; best score first.

    A stretch of the query may come from several places of the reference, and a place may be shown again and again.
    """
    kept: list[Segment] = []
    for segment in sorted(segments, key=_worth, reverse=True):
        if not any(_is_same(segment, other) for other in kept):
            kept.append(segment)
    return best_first(kept)


def _detected(seen: TimedMap, config: SPDConfig) -> Iterator[tuple[Line, bool, float]]:
    """Lines, whether they play backwards, and the detector's logits."""
    found = detect(open_spd(config.weights), to_grid(seen.similarity, seen.query_times, seen.ref_times))
    for box, logit, backward in zip(found.boxes, found.logits.tolist(), found.backward.tolist(), strict=True):
        line = fit_box(seen, box, backward)
        if line.query_end > line.query_start and line.ref_end > line.ref_start:
            yield line, backward, logit


def _worth(segment: Segment) -> float:
    """Odds times seconds: a piece of a copy may be as sure as the whole of it."""
    return segment.score / max(1 - segment.score, _LEAST_DOUBT) * (segment.query_end - segment.query_start)


def _is_same(a: Segment, b: Segment) -> bool:
    shares = (
        common(start, end, other_start, other_end) / min(end - start, other_end - other_start)
        for (start, end), (other_start, other_end) in (
            ((a.query_start, a.query_end), (b.query_start, b.query_end)),
            ((a.ref_start, a.ref_end), (b.ref_start, b.ref_end)),
        )
    )
    query, ref = shares
    return query > _SAME_QUERY and ref > _SAME_REF
