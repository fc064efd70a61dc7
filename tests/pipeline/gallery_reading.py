"""Running cliptrace index, and reading what it stored."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cliptrace.pipelines import cli
from cliptrace.schemas.gallery import frame_key, part_path
from cliptrace.transforms.store import files
from cliptrace.transforms.store.gallery import Gallery


def load(root: Path) -> Gallery:
    gallery = Gallery.load(str(root))
    assert gallery is not None
    return gallery


def stored(root: Path) -> dict[str, int]:
    """Rows of each video in Parquet, after checking that Milvus has the same."""
    gallery = load(root)
    rows: list[str] = []
    keys: set[int] = set()
    for path in files.find(gallery.root, part_path("frames", "*", "*")):
        table = files.read_table(path).to_pydict()
        rows += table["video_id"]
        keys |= {frame_key(video_id, time_s) for video_id, time_s in zip(table["video_id"], table["time"], strict=True)}
    with gallery.vectors() as vectors:
        answer = vectors._client.query(vectors._collection, filter="key >= 0", output_fields=["video_id"], limit=10_000)
    assert len(keys) == len(rows)
    assert {row["key"] for row in answer} == keys
    assert sorted(row["video_id"] for row in answer) == sorted(rows)
    return {video_id: rows.count(video_id) for video_id in sorted(set(rows))}


def frames(root: Path) -> dict[tuple[str, float], list[float]]:
    """The embedding of every keyframe in Parquet, by video and seconds."""
    gallery = load(root)
    tables = [files.read_table(path) for path in files.find(gallery.root, part_path("frames", "*", "*"))]
    return {(row["video_id"], row["time"]): row["embedding"] for table in tables for row in table.to_pylist()}


def index(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    code = cli.main(["index", *map(str, arguments)])
    captured = capsys.readouterr()
    assert captured.out == ""
    return code, captured.err


def without_columns(text: str) -> str:
    """A summary, its values one space behind their names: how wide the names are is for people."""
    return re.sub(r": +", ": ", text)
