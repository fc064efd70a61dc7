"""Every video of a gallery with every other: which are compared, found by products of blocks and not by a search each.

Each two videos meet once, where the one with the smaller id asks. Both are asked for then, since a frame's floor is its
own, and a map is another one from the other side.
"""

from __future__ import annotations

import bisect
import collections
import dataclasses
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.utils.shared import Shared
from numpy.typing import NDArray

from cliptrace.models.backbones.background import Background
from cliptrace.schemas.config import BackboneConfig
from cliptrace.schemas.gallery import view_of
from cliptrace.schemas.records import FrameFeatures, VideoSource
from cliptrace.transforms import telemetry
from cliptrace.transforms.among import candidates_among
from cliptrace.transforms.isolation import Results, RunIsolated, Work
from cliptrace.transforms.matching import Found, MatchConfig, evident_frames, near, normalised, stopped_s
from cliptrace.transforms.store import files
from cliptrace.transforms.store.exact.rows import MappedRows, map_rows
from cliptrace.transforms.store.exact.together import Block, seen_together
from cliptrace.transforms.store.gallery import FrameReader, Gallery, StoredVideo
from cliptrace.transforms.store.live import LiveVideos, SharedVideos
from cliptrace.transforms.store.stops import no_stops, read_stops
from cliptrace.transforms.stored import source_of, stored_features

BATCH_KEYFRAMES = 8192
"""Of the videos that ask together."""
_BLOCK_KEYFRAMES = 4096
_MOST = 2000
"""Videos that one is compared with, those that show most of its frames first."""
PARTNERS_AT_ONCE = 64
_FLOORS = pa.schema(
    [
        pa.field("video_id", pa.string(), nullable=False),
        pa.field("evident", pa.int32(), nullable=False),
        pa.field("floors", pa.list_(pa.float32()), nullable=False),
    ]
)
"""Of each video that takes part, by id: how many of its keyframes another one shows at least, where that is evidence,
and from which similarity on it shows each."""
_VIDEOS_AT_ONCE = 1000

Floats = NDArray[np.float32]
T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Asked:
    """A video that is compared with others. truncated: there are more."""

    source: VideoSource
    partners: tuple[str, ...]
    truncated: bool = False


def write_floors(
    path: str, gallery: Gallery, video_ids: Iterable[str], config: MatchConfig, backbone: BackboneConfig
) -> None:
    """Write what the comparison asks of the keyframes of each video, in the order given: that of ids. Videos that were
    removed meanwhile are left out."""
    prepare, frames, live = _preparing(gallery, config, backbone), FrameReader(gallery), LiveVideos(gallery)

    def row(video: StoredVideo) -> dict[str, Any]:
        times, _ = frames.read(video)
        query = prepare(stored_features(video, frames, pictures=False))
        floors = np.full(len(times), np.inf, np.float32)  # a view is no keyframe of a query
        floors[view_of(times) == 0] = near(backbone) + (0 if query.bias is None else query.bias)
        return {"video_id": video.video_id, "evident": evident_frames(query), "floors": floors}

    with _threads() as pool:
        rows = [found for found in pool.map(lambda video_id: live.read(video_id, row), video_ids) if found]
    tables = [
        pa.Table.from_pylist(rows[start : start + _VIDEOS_AT_ONCE], schema=_FLOORS)
        for start in range(0, len(rows), _VIDEOS_AT_ONCE)
    ]
    files.write_tables(path, _FLOORS, tables)


@beam.typehints.with_input_types(list)
class FindTogether(beam.PTransform):
    """Lists of VideoSource → Found, of each video of a list with those of larger id, and of these with it.

    floors: what ``write_floors`` wrote of all that take part.
    """

    def __init__(
        self,
        gallery: Gallery,
        config: MatchConfig,
        backbone: BackboneConfig,
        videos: SharedVideos,
        floors: str,
    ) -> None:
        super().__init__()
        rows = Shared()
        self._meet = Meet(gallery, floors, videos, rows)
        self._find = FindAmong(gallery, config, backbone, videos, rows)

    def expand(self, batches: beam.PCollection) -> Results:
        return found_among(batches, self._meet, self._find)


def found_among(batches: beam.PCollection, meet: Work, find: FindAmong) -> Results:
    """Lists of VideoSource → Found. meet: of a list to Asked."""
    met = batches | "Meet" >> RunIsolated(meet, "search", lambda batch: batch[0])
    found = met.good | "SpreadPairs" >> beam.Reshuffle()
    found = found | "Find" >> RunIsolated(find, "search", lambda asked: asked.source)
    return Results(found.good, (*met.failures, *found.failures))


class Meet:
    """Videos that ask together → Asked, of these and of those that they meet."""

    def __init__(self, gallery: Gallery, floors: str, videos: SharedVideos, rows: Shared) -> None:
        self._gallery, self._path, self._shared, self._shared_rows = gallery, floors, videos, rows

    def open(self) -> None:
        self._videos = self._shared.open()
        self._rows: MappedRows = self._shared_rows.acquire(lambda: map_rows(self._gallery))
        places = self._rows.places()
        table = files.read_table(self._path)
        ids, evident = (table[name].to_pylist() for name in ("video_id", "evident"))
        floors = table["floors"].combine_chunks()
        values, edges = floors.values.to_numpy(), floors.offsets.to_pylist()
        self._evident = dict(zip(ids, evident, strict=True))
        # Without those that were removed, or replaced, meanwhile.
        self._floors = {
            video_id: values[start:end]
            for video_id, (start, end) in zip(ids, itertools.pairwise(edges), strict=True)
            if video_id in places and self._rows.counts[places[video_id]] == end - start and self._videos.get(video_id)
        }
        self._places = places
        self._order = sorted(self._floors)
        self._pool = _threads()

    def __call__(self, batch: Sequence[VideoSource]) -> Iterator[Asked]:
        asking = sorted(source.video_id for source in batch if source.video_id in self._floors)
        partners: dict[str, list[tuple[int, str]]] = collections.defaultdict(list)
        if asking:
            one = self._block(asking)
            later = self._order[bisect.bisect_right(self._order, asking[0]) :]
            for pairs in self._pool.map(lambda others: self._met(one, asking, others), self._blocks(later)):
                for first, second, frames in pairs:
                    partners[first].append((-frames, second))
        telemetry.tell("decoded", len(batch))
        for video_id, others, truncated in both_ways(partners):
            if video := self._videos.get(video_id):
                yield Asked(source_of(video), others, truncated)

    def _met(self, one: Block, asking: list[str], others: list[str]) -> list[tuple[str, str, int]]:
        """Pairs with evidence, each once, and how many frames say so."""
        seen = seen_together(one, self._block(others))
        pairs = []
        for first, second, *frames in zip(seen.one, seen.other, seen.one_frames, seen.other_frames, strict=True):
            names = asking[first], others[second]
            if names[0] < names[1] and any(
                count >= self._evident[name] for count, name in zip(frames, names, strict=True)
            ):
                pairs.append((*names, int(max(frames))))
        return pairs

    def _block(self, video_ids: Sequence[str]) -> Block:
        places = [self._places[video_id] for video_id in video_ids]
        return Block.of(self._rows, places, [self._floors[video_id] for video_id in video_ids])

    def _blocks(self, video_ids: Sequence[str]) -> Iterator[list[str]]:
        return cut(video_ids, lambda video_id: len(self._floors[video_id]), _BLOCK_KEYFRAMES)

    def close(self) -> None:
        self._pool.shutdown()


def both_ways(partners: Mapping[str, list[tuple[int, str]]]) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """A video, some of those that it is compared with, and whether there are more than are.

    partners: of a video, those that it has met, lowest number first; each meets it, too.
    """
    both: dict[str, list[str]] = collections.defaultdict(list)
    for first, met in partners.items():
        for _, second in sorted(met)[:_MOST]:
            both[first].append(second)
            both[second].append(first)
    for video_id, others in both.items():
        truncated = len(partners.get(video_id, ())) > _MOST
        for start in range(0, len(others), PARTNERS_AT_ONCE):
            yield video_id, tuple(others[start : start + PARTNERS_AT_ONCE]), truncated


class FindAmong:
    """Asked → Found: the video, with what its keyframes show of those that it is compared with.

    only_evident: leave out those that show too little of it.
    """

    def __init__(
        self,
        gallery: Gallery,
        config: MatchConfig,
        backbone: BackboneConfig,
        videos: SharedVideos,
        rows: Shared,
        only_evident: bool = False,
    ) -> None:
        self._gallery, self._config, self._backbone = gallery, config, backbone
        self._shared, self._shared_rows, self._only_evident = videos, rows, only_evident

    def open(self) -> None:
        self._videos, self._frames = self._shared.open(), FrameReader(self._gallery)
        self._rows: MappedRows = self._shared_rows.acquire(lambda: map_rows(self._gallery))
        self._places = self._rows.places()
        self._prepare = _preparing(self._gallery, self._config, self._backbone)

    def __call__(self, asked: Asked) -> Iterator[Found]:
        features = self._videos.read(asked.source.video_id, lambda video: stored_features(video, self._frames))
        partners = [name for name in asked.partners if name in self._places]
        if not (features and partners):  # removed meanwhile
            return
        query = self._prepare(features)
        refs = ((name, self._rows.of(self._places[name])) for name in partners)
        candidates = candidates_among(query, refs, self._config.min_similarity, near(self._backbone))
        if self._only_evident:
            candidates = [candidate for candidate in candidates if candidate.seen >= evident_frames(query)]
        yield Found(query, tuple(candidates), asked.truncated, stopped_s(query))

    def close(self) -> None: ...


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="together")


def _preparing(
    gallery: Gallery, config: MatchConfig, backbone: BackboneConfig
) -> Callable[[FrameFeatures], FrameFeatures]:
    """What is done with a query before it is searched."""
    background = Background.of(backbone)
    stopped = read_stops(gallery) if config.stop_list else no_stops(gallery)
    return lambda query: normalised(query, background, stopped)


def cut(items: Iterable[T], weight_of: Callable[[T], int], most: int) -> Iterator[list[T]]:
    """The items in order, in lists that weigh no more than ``most`` together, or are of one."""
    some: list[T] = []
    weight = 0
    for item in items:
        if some and weight + weight_of(item) > most:
            yield some
            some, weight = [], 0
        some.append(item)
        weight += weight_of(item)
    if some:
        yield some
