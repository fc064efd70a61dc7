"""Every video of a gallery with those that are near by their descriptors: a first pass for very large galleries.

A product with one vector a video takes the place of one with all keyframes; what is near is then compared as ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import apache_beam as beam
import numpy as np
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
    everybody = sorted(video_ids)
    rows = {name: row for row, name in enumerate(everybody)}
    search = VideoSearch(read_descriptors(gallery).only(frozenset(everybody)))
    # Numbers, not names: of 100,000 videos there are some ten million pairs.
    found = (
        np.array([(rows[one], rows[other]) for other in others], np.int32).reshape(-1, 2)
        for one, others in search.neighbours(most)
    )
    met = np.concatenate([np.empty((0, 2), np.int32), *found])
    met = np.unique(np.concatenate([met, met[:, ::-1]]), axis=0)
    near, counts = np.unique(met[:, 0], return_counts=True)
    names = pa.array([everybody[row] for row in near.tolist()], pa.string())
    ends = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    partners = pa.ListArray.from_arrays(ends, pa.array(np.searchsorted(near, met[:, 1]), pa.int32()))
    files.write_tables(path, _PAIRS, [pa.Table.from_arrays([names, partners], schema=_PAIRS)])


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
