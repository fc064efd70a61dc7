"""Exact copies: state keyed by the hash of the content, which a runner opens for one of them at a time."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.coders import StrUtf8Coder
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec

from cliptrace.schemas.records import ProbedVideo, Segment, VideoSource
from cliptrace.schemas.verdicts import Judgement, Link
from cliptrace.transforms import telemetry
from cliptrace.transforms.fingerprints import fingerprint_of
from cliptrace.transforms.store.decisions import find_decision

REMEMBER_S = 7 * 86_400
"""From its last copy on. The same content after that is decoded, and found as any other copy."""
_COPIES = "copies"
_SHORTEST_S = 0.001
"""What a verdict can tell; a container may claim less."""


@dataclasses.dataclass(frozen=True)
class Contents:
    """leaders: ProbedVideo, the first of each content. copies: Judgement of the others."""

    leaders: beam.PCollection
    copies: beam.PCollection


class TellContents(beam.PTransform):
    """ProbedVideo → Contents. home: of the gallery, where people may have decided that the same content is no copy."""

    def __init__(self, home: str) -> None:
        super().__init__()
        self._home = home

    def expand(self, videos: beam.PCollection) -> Contents:
        outputs = (
            videos
            | "KeyByContent" >> beam.WithKeys(lambda video: video.info.content_sha256)
            | "First" >> beam.ParDo(_FirstDoFn(self._home)).with_outputs(_COPIES, main="leaders")
        )
        return Contents(outputs["leaders"], outputs[_COPIES])


class _FirstDoFn(beam.DoFn):
    """No timer clears the state: Prism holds back what comes under a key while one of its timers is due later."""

    LEADER = ReadModifyWriteStateSpec("leader", StrUtf8Coder())

    def __init__(self, home: str) -> None:
        self._home = home

    def process(
        self, element: tuple[str, ProbedVideo], leader: Any = beam.DoFn.StateParam(LEADER)
    ) -> Iterator[ProbedVideo | TaggedOutput]:
        content, video = element
        video_id, uri, fingerprint, seen_s = json.loads(leader.read() or '["", "", "", 0]')
        first, now_s = VideoSource(video_id, uri, fingerprint), time.time()
        # A file that is gone, or another one now, does not stand for its content any more: who comes next is decoded.
        stands = seen_s > now_s - REMEMBER_S and fingerprint_of(uri) == fingerprint
        if video.source.video_id == video_id or not stands or find_decision(self._home, content, content):
            first = video.source
        leader.write(json.dumps([first.video_id, first.uri, first.fingerprint, now_s]))
        if first is video.source:
            yield video
        else:
            telemetry.count("exact_copies")
            yield TaggedOutput(_COPIES, copy_of(first, video))


def copy_of(leader: VideoSource, video: ProbedVideo) -> Judgement:
    """What is known of a file that has the same bytes as another: all of it is all of the other."""
    end = video.info.duration_s
    told = video.info.has_duration and end >= _SHORTEST_S
    segments = (Segment(0.0, end, 0.0, end, 1.0, speed=1.0),) if told else ()
    link = Link(leader.video_id, 1.0, end if told else math.inf, 1.0, 1.0, segments, True, True, leader.fingerprint)
    return Judgement.of(video.source, (link,))
