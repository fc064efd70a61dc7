"""The ledger: what is known of every video, and what a run will do."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import part_path
from cliptrace.schemas.records import Failure, VideoSource
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.gallery import Gallery, commit, read_videos
from cliptrace.transforms.storing import record_failures
from tests.unit.transforms.store_examples import NoVectors, features


def test_a_damaged_ledger_is_named(gallery: Gallery) -> None:
    commit(gallery, NoVectors(), "R1", [features("a")])  # type: ignore[arg-type]
    (path,) = files.find(gallery.root, part_path("ledger", "*", "*"))
    Path(path).write_bytes(b"PAR1")
    with pytest.raises(CliptraceError) as caught:
        ledger.read_attempts(gallery.root)
    assert str(caught.value).startswith(f"{path}: cannot be read: ")


def test_the_plan_of_a_run(gallery: Gallery) -> None:
    commit(gallery, NoVectors(), "R1", [features("same"), features("changed")])  # type: ignore[arg-type]
    record_failures(
        [
            Failure("/f", "failed", "probe", "MediaError", "not a video", "1-1", attempt=2),
            Failure("/m", "mended", "probe", "MediaError", "not a video", "1-1"),
        ],
        gallery.root,
        "R1",
    )
    known = ledger.latest(ledger.read_attempts(gallery.root))
    sources = [
        VideoSource("same", "", "1-1"),
        VideoSource("changed", "", "2-2"),
        VideoSource("new", "", "1-1"),
        VideoSource("failed", "", "1-1"),
        VideoSource("mended", "", "2-2"),
    ]
    plan = ledger.plan(sources, known, retry_failed=False)
    assert [source.video_id for source in plan.work] == ["changed", "new", "mended"]
    assert (plan.unchanged, plan.known_failures) == (1, 1)
    again = ledger.plan(sources, known, retry_failed=True)
    assert {source.video_id: source.attempt for source in again.work} == {
        "changed": 1, "new": 1, "failed": 3, "mended": 1,
    }  # fmt: skip
    assert again.known_failures == 0


def test_a_later_failure_does_not_take_a_video_out(gallery: Gallery) -> None:
    commit(gallery, NoVectors(), "R1", [features("a")])  # type: ignore[arg-type]
    record_failures([Failure("/a", "a", "probe", "MediaError", "broken", "2-2", time=2e9)], gallery.root, "R2")
    attempts = ledger.read_attempts(gallery.root)
    assert ledger.latest(attempts)["a"].status == "failed"
    assert ledger.live(attempts)["a"].run == "R1"
    assert list(read_videos(gallery)) == ["a"]


def test_dead_letters_are_json_lines(gallery: Gallery) -> None:
    failure = Failure("/odd \\udcff", "a\nb", "decode", "MediaError", "why", "1-1", 2, 3.5)
    record_failures([failure], gallery.root, "R1")
    (path,) = Path(gallery.root).glob("failures/run=R1/*.jsonl")
    assert json.loads(path.read_text()) == dataclasses.asdict(failure)


@pytest.mark.parametrize(
    ("change", "column"),
    [
        (lambda table: table.drop_columns(["uri"]), "uri' of type string"),
        (lambda table: table.set_column(0, "video_id", pa.array([1])), "video_id' of type string"),
    ],
)
def test_a_shard_of_another_shape_is_refused(gallery: Gallery, change: Any, column: str) -> None:
    ledger.write_failed(gallery.root, "R", "P", [Failure("/x", "x", "probe", "MediaError", "no")])
    path = files.join(gallery.root, part_path("ledger", "R", "P"))
    pq.write_table(change(files.read_table(path)), path)
    with pytest.raises(CliptraceError) as caught:
        ledger.read_attempts(gallery.root)
    assert str(caught.value) == f"{path}: is damaged: it has no column '{column}"
