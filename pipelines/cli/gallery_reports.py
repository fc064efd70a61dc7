"""What cliptrace gallery prints about videos and differences."""

from __future__ import annotations

import collections
import time
from collections.abc import Iterable, Iterator

from cliptrace.models.metrics.files import read_matches
from cliptrace.schemas.text import escaped
from cliptrace.transforms.store.catalogue import Description
from cliptrace.transforms.store.gallery import Gallery
from cliptrace.transforms.store.repairing import REMEDIES
from cliptrace.transforms.store.verification import Difference, Kind

_MOST_EXAMPLES = 5


def facts_of(gallery: Gallery, description: Description) -> dict[str, str]:
    """What cliptrace gallery show tells, by name."""
    last, row, tombstone = description.last, description.row, description.tombstone
    facts = {"video": last.video_id, "uri": last.uri}
    if tombstone:
        facts["removed"] = f"{clock(tombstone.time)} UTC; kept out until cliptrace gallery reinstate"
    elif row is None:
        facts["stored"] = "nothing"
    if last.status == "failed":
        facts["last attempt"] = f"{clock(last.time)} UTC, number {last.attempt}: {last.stage}: {last.message}"
    if row is None:
        return facts
    streams = row.get("streams")  # older galleries have none
    vectors = row["keyframes"] * gallery.manifest.dimension * 4
    return {
        **facts,
        "uri": row["uri"],
        **{f"metadata {key}": value for key, value in row["metadata"]},
        "indexed": f"{clock(description.indexed or 0)} UTC",
        "seconds": f"{row['decoded_s']:.3f}" + (f" of {row['duration_s']:.3f}" if row["partial"] else ""),
        "partly decoded": row["warning"],
        "picture": f"{row['width']} × {row['height']}, {row['fps']:g} a second, {row['codec']} in {row['container']}",
        "video stream": f"{streams[0]}, beside {', '.join(map(str, streams[1:]))}" if streams else "",
        "file": f"{row['size_bytes']:,} bytes, sha256 {row['content_sha256']}",
        "keyframes": f"{row['keyframes']:,}",
        "storage": f"{description.bytes:,} bytes in Parquet, {vectors:,} in Milvus without its index",
        "shard": f"{row['frames_file']}, row group {row['row_group']}",
    }


def matches_with(path: str, video_id: str) -> Iterator[str]:
    """Lines about the matches of a file that name the video as query or as reference."""
    matches = [match for match in read_matches(path) if video_id in (match.query_id, match.ref_id)]
    yield f"matches: {len(matches):,} in {escaped(path)}"
    for match in sorted(matches, key=lambda match: -match.score):
        other = f"of {match.ref_id}" if match.query_id == video_id else f"in {match.query_id}"
        seconds = sum(segment.query_end - segment.query_start for segment in match.segments)
        yield f"  {match.score:.2f}  {len(match.segments):>3} segments  {seconds:>8.1f} s  {escaped(other)}"


class Tally:
    """How many differences there are of each kind, and the first few of them."""

    def __init__(self) -> None:
        self.counts: collections.Counter[Kind] = collections.Counter()
        self._examples: dict[Kind, list[str]] = {}

    def counting(self, differences: Iterable[Difference]) -> Iterator[Difference]:
        for difference in differences:
            self.counts[difference.kind] += difference.count
            examples = self._examples.setdefault(difference.kind, [])
            example = f"{difference.subject} ({difference.reason})" if difference.reason else difference.subject
            if example not in examples and len(examples) <= _MOST_EXAMPLES:
                examples.append(example)
            yield difference

    def lines(self, when: str) -> list[str]:
        lines = []
        for kind, count in self.counts.items():
            shown = self._examples[kind][:_MOST_EXAMPLES] + ["…"] * (len(self._examples[kind]) > _MOST_EXAMPLES)
            lines += [
                f"{kind}: {count:,}",
                *(f"  {escaped(example)}" for example in shown),
                f"  {when}: {REMEDIES[kind]}",
            ]
        return lines


def clock(seconds: float) -> str:
    """Minute in UTC of seconds since 1970."""
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))
