"""Whether ledger, Parquet and Milvus of a gallery hold every video exactly once, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schemas.gallery import frame_key, part_path
from transforms.store import files, ledger
from transforms.store.gallery import FrameReader, Gallery, read_videos

_BATCH = 1000
Row = tuple[str, float, int]


def differences(root: str, wanted: set[str]) -> list[str]:
    """What does not hold, in words; empty where the gallery holds the ``wanted`` videos, each once in both stores."""
    gallery = Gallery.load(root)
    if gallery is None:
        return ["there is no gallery"]
    live, stored = ledger.live(ledger.read_attempts(root)), read_videos(gallery)
    found = [f"{name!r} is {what}" for name, what in _unlike(wanted, set(live), "lost", "not asked for")]
    found += [f"{name!r}: {what}" for name, what in _unlike(set(live), set(stored), "no row in videos/", "no ledger")]
    reader = FrameReader(gallery)
    expected: dict[int, Row] = {}
    for name, video in stored.items():
        for frame, time in enumerate(reader.read(video)[0].tolist()):
            expected[frame_key(name, time)] = (name, time, frame)
    shards = [files.read_table(path, ["video_id"]) for path in files.find(root, part_path("frames", "*", "*"))]
    if (rows := sum(map(len, shards))) != len(expected):
        found.append(f"{rows:,} rows in frames/, {len(expected):,} of live videos")
    held = list(_rows_in_milvus(gallery))
    for what, count in (
        ("missing in Milvus", len(expected.items() - set(held))),
        ("in Milvus alone", len(set(held) - expected.items())),
        ("in Milvus twice", len(held) - len(set(held))),
    ):
        if count:
            found.append(f"{count:,} rows {what}")
    return found


def _unlike(first: set[str], second: set[str], missing: str, added: str) -> list[tuple[str, str]]:
    return [(name, missing) for name in sorted(first - second)] + [(name, added) for name in sorted(second - first)]


def _rows_in_milvus(gallery: Gallery) -> Iterator[tuple[int, Row]]:
    fields = ["key", "video_id", "time", "frame"]
    with gallery.vectors() as vectors:
        pages: Any = vectors._client.query_iterator(
            vectors._collection, batch_size=_BATCH, output_fields=fields, consistency_level="Strong"
        )
        while page := pages.next():
            yield from ((row["key"], (row["video_id"], row["time"], row["frame"])) for row in page)
        pages.close()
