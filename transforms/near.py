"""Every video of a gallery with those that are near by their descriptors: a first pass for very large galleries.

A product with one vector a video takes the place of one with all keyframes; what is near is then compared as ever.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator, Sequence

import apache_beam as beam
import pyarrow as pa
from apache_beam.utils.shared import Shared

from cliptrace.schemas.config import NEIGHBOURS, BackboneConfig
from cliptrace.schemas.records import VideoSource
from cliptrace.transforms import telemetry
from cliptrace.transforms.isolation import Results
from cliptrace.transforms.matching import MatchConfig
from cliptrace.transforms.store import files
from cliptrace.transforms.store.descriptors import VideoSearch, read_descriptors
from cliptrace.transforms.store.gallery import Gallery
from cliptrace.transforms.store.live import SharedVideos
from cliptrace.transforms.together import PARTNERS_AT_ONCE, Asked, FindAmong, found_among

_PAIRS = pa.schema(
    [
        pa.field("video_id", pa.string(), nullable=False),
        pa.field("partners", pa.list_(pa.int32()), nullable=False),
    ]
)
"""Of each video that is near another one, by id: the rows of those that it meets."""


def write_pairs(path: str, gallery: Gallery, video_ids: Iterable[str], most: int = NEIGHBOURS) -> None:
    """Write which of these videos meet: those of which one is among the ``most`` nearest of the other."""
    partners: dict[str, set[str]] = collections.defaultdict(set)
    search = VideoSearch(read_descriptors(gallery).only(frozenset(video_ids)))
    for one, others in search.neighbours(most):
        for other in others:
            partners[one].add(other)
            partners[other].add(one)
    names = sorted(partners)
    rows = {name: row for row, name in enumerate(names)}
    columns = [names, [sorted(rows[other] for other in partners[name]) for name in names]]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, _PAIRS, strict=True)]
    files.write_tables(path, _PAIRS, [pa.Table.from_arrays(arrays, schema=_PAIRS)])


@beam.typehints.with_input_types(list)
class FindNear(beam.PTransform):
    """Lists of VideoSource → Found, of each video with those that it meets, where frames say so, too.

    pairs: what ``write_pairs`` wrote of all that take part.
    """

    def __init__(
        self, gallery: Gallery, config: MatchConfig, backbone: BackboneConfig, videos: SharedVideos, pairs: str
    ) -> None:
        super().__init__()
        self._meet = MeetNear(pairs)
        self._find = FindAmong(gallery, config, backbone, videos, Shared(), only_evident=True)

    def expand(self, batches: beam.PCollection) -> Results:
        return found_among(batches, self._meet, self._find)


class MeetNear:
    """Videos → Asked, of each of them."""

    def __init__(self, pairs: str) -> None:
        self._path = pairs

    def open(self) -> None:
        table = files.read_table(self._path, schema=_PAIRS)
        self._names, self._partners = table["video_id"].to_pylist(), table["partners"]
        self._rows = {name: row for row, name in enumerate(self._names)}

    def __call__(self, batch: Sequence[VideoSource]) -> Iterator[Asked]:
        telemetry.tell("decoded", len(batch))
        for source in batch:
            if source.video_id in self._rows:
                partners = self._partners[self._rows[source.video_id]].as_py()
                for start in range(0, len(partners), PARTNERS_AT_ONCE):
                    some = partners[start : start + PARTNERS_AT_ONCE]
                    yield Asked(source, tuple(self._names[row] for row in some))

    def close(self) -> None: ...
