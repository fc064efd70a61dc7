"""Groups of whole copies, parts beside them, and which one is kept."""

from __future__ import annotations

import dataclasses

import pyarrow.parquet as pq
import pytest

from cliptrace.schemas.config import KEEP_RULES
from cliptrace.schemas.records import Match, Segment
from cliptrace.transforms import grouping as module
from cliptrace.transforms.grouping import Families, grouped, keep_first, rows_of, write_groups
from cliptrace.transforms.store.catalogue import Entry
from cliptrace.transforms.store.gallery import StoredVideo


def entry(
    name: str, seconds: float = 10.0, size: int = 1000, width: int = 64, height: int = 36, indexed: float = 5.0
) -> Entry:
    video = StoredVideo(name, f"/v/{name}", {}, seconds, 10, "f", 0, size, name, (), width, height)
    return Entry(video, indexed)


def match(query: str, ref: str, score: float = 0.9, shares: tuple[float, float] = (1.0, 1.0)) -> Match:
    segment = Segment(0.0, 10 * shares[0], 0.0, 10 * shares[1], score)
    names = {"query_id": query, "query_uri": f"/v/{query}", "ref_id": ref, "ref_uri": f"/v/{ref}"}
    return Match(**names, score=score, segments=(segment,), query_share=shares[0], ref_share=shares[1])


def rows(matches: list[Match], equal: tuple[tuple[str, ...], ...] = (), names: str = "abcdefg") -> list[dict]:
    found = grouped(lambda: iter(matches), equal)
    return list(rows_of(found, {name: entry(name) for name in names}, KEEP_RULES))


def members(row: dict) -> dict[str, float]:
    return {member["id"]: member["score"] for member in row["members"]}


def test_copies_of_copies_are_one_group_and_the_largest_comes_first() -> None:
    found = rows([match("a", "b"), match("f", "g", 0.95), match("c", "b", 0.8), match("b", "a", 0.85)], (("d", "e"),))
    assert [(row["group"], row["keep"], row["count"]) for row in found] == [(1, "a", 3), (2, "d", 2), (3, "f", 2)]
    assert [members(row) for row in found] == [
        {"a": 0.9, "b": 0.9, "c": 0.8},
        {"d": 1.0, "e": 1.0},
        {"f": 0.95, "g": 0.95},
    ]
    assert [row["parts"] for row in found] == [[], [], []]


def test_a_part_is_listed_beside_the_groups_of_both_once() -> None:
    """c is a fifth of a; d and e share a part, and are in no group."""
    part = match("c", "a", 0.9, (1.0, 0.2))
    found = rows([match("a", "b"), part, match("a", "c", 0.85, (0.2, 1.0)), match("d", "e", 0.8, (0.3, 0.3))])
    assert [(row["group"], row["keep"], row["count"]) for row in found] == [(1, "a", 2), (None, None, 0)]
    (beside,) = found[0]["parts"]
    assert (beside["query_id"], beside["query_group"], beside["ref_id"], beside["ref_group"]) == ("c", None, "a", 1)
    assert (beside["score"], beside["query_share"], beside["ref_share"]) == (0.9, 1.0, 0.2)
    assert beside["segments"][0]["ref_end"] == 2.0
    assert [(each["query_id"], each["ref_id"]) for each in found[1]["parts"]] == [("d", "e")]


def test_what_is_too_little_to_tell_is_not_told() -> None:
    assert rows([match("a", "b", 0.9, (0.1, 0.1))]) == []  # a second


def test_a_short_copy_is_a_part_unless_its_bytes_are_equal() -> None:
    """Two seconds, all of both: look-alikes score as high."""
    segment = Segment(0.0, 2.0, 0.0, 2.0, 0.95)
    short = dataclasses.replace(match("a", "b"), segments=(segment,))
    (row,) = rows([short])
    assert (row["group"], [(part["query_id"], part["ref_id"]) for part in row["parts"]]) == (None, [("a", "b")])
    (row,) = rows([short], (("a", "b"),))
    assert (row["group"], members(row)) == (1, {"a": 1.0, "b": 1.0})
    found = grouped(lambda: iter([short]), (), min_seconds=1.0)
    assert found.groups == {"a": ["a", "b"]}


def test_who_is_gone_is_named_nowhere() -> None:
    matches = [match("a", "b"), match("b", "c"), match("d", "a", 0.9, (0.3, 0.3)), match("f", "g")]
    found = rows(matches, names="bcdf")
    assert [(members(row), row["parts"]) for row in found] == [({"b": 0.9, "c": 0.9}, [])]


@pytest.mark.parametrize(
    ("rules", "best"),
    [
        (("resolution", "bitrate"), "sharp"),
        (("bitrate",), "dense"),
        (("length", "resolution"), "long"),
        (("oldest",), "old"),
        (("resolution", "oldest"), "wide"),
        ((), "dense"),
    ],
)
def test_the_rule_says_which_one_is_kept(rules: tuple, best: str) -> None:
    videos = [
        entry("old", indexed=1.0),
        entry("long", 11.0),
        entry("dense", size=9000),
        entry("wide", width=128, size=10, indexed=4.0),
        entry("sharp", width=128, size=20),
    ]
    assert keep_first(videos, rules)[0].video.video_id == best


def test_a_huge_group_is_counted_and_not_drawn_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_DRAWN", 3)
    monkeypatch.setattr(module, "FIRST_DRAWN", 2)
    (row,) = rows([match("a", "b"), match("b", "c"), match("c", "d"), match("d", "e")])
    assert (row["count"], list(members(row))) == (5, ["a", "b"])


def test_long_chains_join() -> None:
    families = Families()
    for number in range(100_000, 0, -1):
        families.join(f"{number:06}", f"{number - 1:06}")
    assert families.head("100000") == "000000"
    assert len(families.members()["000000"]) == 100_001


@pytest.mark.parametrize("matches", [[], [match("a", "b"), match("c", "a", 0.9, (1.0, 0.2))]])
def test_parquet_has_the_rows_of_the_lines(tmp_path, matches: list[Match]) -> None:
    written = rows(matches)
    write_groups(str(tmp_path / "g.parquet"), written)
    read = pq.read_table(tmp_path / "g.parquet").to_pylist()
    for row in read:
        for part in row["parts"]:
            for segment in part["segments"]:
                del segment["query_stream"], segment["ref_stream"]
    assert read == written
