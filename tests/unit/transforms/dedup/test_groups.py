"""Groups of copies: one canonical each, whatever the order in which they are heard of."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliptrace.schemas.records import Segment
from cliptrace.schemas.verdicts import Judgement, Link, Overlap, Policy, Verdict
from cliptrace.transforms.dedup.groups import Groups
from tests.unit.transforms.dedup_examples import SEGMENT, judgement, part, shared, whole

TIME = "2026-01-31T12:00:00.000Z"


def judged(*judgements: Judgement, policy: Policy | None = None) -> list[Verdict]:
    groups = Groups(policy or Policy())
    return [verdict for each in judgements for verdict in groups.judge(each, TIME)]


def final(verdicts: list[Verdict]) -> dict[str, str]:
    return {verdict.video_id: verdict.canonical_id for verdict in verdicts}


def test_the_first_is_canonical_and_its_copy_a_duplicate() -> None:
    first, second = judged(judgement("a"), judgement("b", whole("a")))
    assert (first.verdict, first.canonical_id, first.score, first.segments) == ("canonical", "a", 0.0, ())
    assert (second.verdict, second.canonical_id, second.matched_id) == ("duplicate_of", "a", "a")
    assert (second.score, second.segments, second.revises) == (0.9, (SEGMENT,), None)


def test_copies_of_a_copy_are_one_group() -> None:
    verdicts = judged(judgement("a"), judgement("b", whole("a")), judgement("c", whole("b")))
    assert final(verdicts) == {"a": "a", "b": "a", "c": "a"}
    assert verdicts[-1].matched_id == "b"


def test_two_groups_that_turn_out_as_one_are_revised_by_events() -> None:
    verdicts = judged(
        judgement("a"), judgement("b"), judgement("b2", whole("b")), judgement("c", whole("a"), whole("b", 0.8))
    )
    assert [(v.video_id, v.canonical_id, v.matched_id) for v in verdicts[3:]] == [
        ("c", "a", "a"),
        ("b", "a", "c"),
        ("b2", "a", "b"),
    ]
    by_event = {verdict.event_id: verdict for verdict in verdicts}
    assert [by_event[v.revises].video_id for v in verdicts[4:] if v.revises] == ["b", "b2"]
    assert verdicts[4].segments == (Segment(2.0, 10.0, 0.0, 8.0, 0.9, speed=1.0),)


def test_a_compilation_does_not_make_what_it_shows_one_group() -> None:
    verdicts = judged(judgement("a"), judgement("b"), judgement("both", part("a", 0.7), part("b", 0.8)))
    assert final(verdicts) == {"a": "a", "b": "b", "both": "b"}
    assert len(verdicts) == 3


def test_a_copy_of_a_part_is_a_part_and_joins_no_groups() -> None:
    verdicts = judged(
        judgement("compilation"),
        judgement("piece", part("compilation")),
        judgement("again", whole("piece")),
        judgement("other"),
        judgement("both", whole("again", 0.95), whole("other", 0.8)),
    )
    assert final(verdicts) == {
        "compilation": "compilation",
        "piece": "compilation",
        "again": "compilation",
        "other": "other",
        "both": "other",
    }
    assert [verdict.whole for verdict in verdicts] == [True, False, False, True, True]
    assert verdicts[2].matched_id == "piece"


def test_a_whole_copy_is_told_from_a_part_also_when_its_group_moves() -> None:
    verdicts = judged(
        judgement("a"),
        judgement("b"),
        judgement("piece", part("b")),
        judgement("b2", whole("b")),
        judgement("c", whole("a"), whole("b")),
    )
    assert {v.video_id: (v.canonical_id, v.whole) for v in verdicts} == {
        "a": ("a", True),
        "b": ("a", True),
        "piece": ("a", False),
        "b2": ("a", True),
        "c": ("a", True),
    }


def test_parts_of_a_file_that_is_another_one_now_are_no_copies_of_each_other() -> None:
    verdicts = judged(
        judgement("all"),
        judgement("start", part("all")),
        judgement("end", part("all")),
        judgement("copy", whole("all")),
        judgement("copy2", whole("all")),
        dataclasses.replace(judgement("all"), fingerprint="another"),
    )
    assert final(verdicts) == {"all": "all", "start": "start", "end": "end", "copy": "copy", "copy2": "copy"}


def test_a_part_of_a_part_says_nothing() -> None:
    verdicts = judged(judgement("a"), judgement("b", part("a")), judgement("c", part("b")))
    assert final(verdicts) == {"a": "a", "b": "a", "c": "c"}


def test_a_video_of_the_gallery_is_canonical_though_nobody_judged_it() -> None:
    verdicts = judged(judgement("a", whole("old", in_flight=False)), judgement("b", whole("a")))
    assert final(verdicts) == {"a": "old", "b": "old"}


def test_two_videos_of_the_gallery_stay_two_whatever_is_a_copy_of_both() -> None:
    both = whole("old", in_flight=False), whole("older", 0.8, in_flight=False)
    verdicts = judged(judgement("a", both[1]), judgement("b", *both), judgement("c", whole("a"), *both))
    assert final(verdicts) == {"a": "older", "b": "old", "c": "older"}
    assert len(verdicts) == 3


def test_a_link_to_an_upload_in_flight_waits() -> None:
    groups, early = Groups(Policy()), judgement("a", whole("b"))
    assert groups.waits_for(early) == early.links
    assert [v.verdict for v in groups.judge(early, TIME)] == ["canonical"]
    assert [v.verdict for v in groups.judge(judgement("b"), TIME)] == ["canonical"]
    (revised,) = groups.judge(early, TIME)
    assert (revised.video_id, revised.canonical_id, revised.matched_id) == ("b", "a", "a")
    assert groups.judge(early, TIME) == []


def test_a_weak_link_says_nothing() -> None:
    verdicts = judged(judgement("a"), judgement("b", part("a", seconds=1.9)))
    assert [v.verdict for v in verdicts] == ["canonical", "canonical"]
    strict = Policy(query_share=0.9)
    verdicts = judged(judgement("a"), judgement("b", whole("a")), policy=strict)
    assert [v.verdict for v in verdicts] == ["canonical", "overlaps"]


@pytest.mark.parametrize(
    ("what", "share", "other_share", "verdict", "is_whole"),
    [
        ("a whole copy", 0.97, 0.97, "duplicate_of", True),
        ("a copy with an outro of its own", 0.6, 0.98, "duplicate_of", True),
        ("a clip out of a film", 0.9, 0.01, "duplicate_of", False),
        ("a film that contains a known clip", 0.01, 0.97, "overlaps", False),
        ("a cut that is twice as long as a known video", 0.5, 1.0, "overlaps", False),
        ("half of a compilation", 0.5, 0.95, "overlaps", False),
        ("a shared intro", 0.05, 0.04, "overlaps", False),
        ("half of either", 0.5, 0.5, "overlaps", False),
    ],
)
def test_only_what_is_contained_in_another_is_its_duplicate(
    what: str, share: float, other_share: float, verdict: str, is_whole: bool
) -> None:
    first, second = judged(judgement("a"), judgement("b", shared("a", share, other_share)))
    assert (first.verdict, first.whole) == ("canonical", True)
    assert (second.verdict, second.whole) == (verdict, is_whole), what
    assert second.canonical_id == ("a" if verdict == "duplicate_of" else "b")
    assert (second.matched_id, second.score, second.segments) == ("a", 0.9, (SEGMENT,))


def test_an_overlap_is_told_with_its_seconds_and_whose_they_are() -> None:
    verdicts = judged(
        judgement("a"),
        judgement("a2", whole("a")),
        judgement("b"),
        judgement("mix", shared("a2", 0.4, 0.5, 0.8), shared("b", 0.3, 0.9), shared("a", 0.3, 0.5, 0.7)),
    )
    mix = verdicts[-1]
    assert (mix.verdict, mix.canonical_id, mix.matched_id, mix.revises) == ("overlaps", "mix", "b", None)
    assert mix.overlaps == (
        Overlap("b", "b", 0.9, 0.3, 0.9, (SEGMENT,)),
        Overlap("a2", "a", 0.8, 0.4, 0.5, (SEGMENT,)),
    )
    assert Verdict.from_json(mix.to_json()) == mix
    assert all(verdict.overlaps == () for verdict in verdicts[:-1])


def test_an_overlap_joins_nothing_and_has_copies_as_any_canonical() -> None:
    verdicts = judged(
        judgement("a"),
        judgement("b", shared("a", 0.5, 0.5)),
        judgement("b2", whole("b"), shared("a", 0.5, 0.5)),
        judgement("clip", part("b", 0.8)),
        judgement("a2", whole("a"), shared("b", 0.5, 0.5)),
    )
    assert final(verdicts) == {"a": "a", "b": "b", "b2": "b", "clip": "b", "a2": "a"}
    assert [v.verdict for v in verdicts] == ["canonical", "overlaps", *["duplicate_of"] * 3]


def test_an_overlap_becomes_a_duplicate_where_a_late_upload_shows_that_it_is_one() -> None:
    verdicts = judged(judgement("a"), judgement("b", shared("a", 0.5, 0.5)), judgement("c", whole("a"), whole("b")))
    assert [(v.video_id, v.verdict, v.canonical_id) for v in verdicts[2:]] == [
        ("c", "duplicate_of", "a"),
        ("b", "duplicate_of", "a"),
    ]
    assert verdicts[3].revises == verdicts[1].event_id
    assert verdicts[3].overlaps == ()


def test_a_clip_shows_of_no_two_videos_that_they_are_one() -> None:
    """The clip is all of one and a part of the other, which shows much that the first does not."""
    verdicts = judged(
        judgement("short"),
        judgement("long", shared("short", 0.5, 1.0)),
        judgement("again", shared("short", 1.0, 1.0), shared("long", 1.0, 0.5)),
    )
    assert final(verdicts) == {"short": "short", "long": "long", "again": "short"}


def test_what_is_shown_by_two_halves_makes_no_group_of_their_originals() -> None:
    halves = judgement("halves", shared("a", 0.5, 0.5), shared("b", 0.5, 0.5))
    (_, _, verdict) = judged(judgement("a"), judgement("b"), halves)
    assert (verdict.verdict, [overlap.canonical_id for overlap in verdict.overlaps]) == ("overlaps", ["a", "b"])


def test_a_trusted_film_takes_its_clips_and_a_trusted_clip_takes_no_film() -> None:
    policy = Policy(trusted=("studio/*",))
    film = judgement("studio/film", shared("clip", 0.01, 1.0))
    assert final(judged(judgement("clip"), film, policy=policy)) == {
        "clip": "studio/film",
        "studio/film": "studio/film",
    }
    verdicts = judged(
        judgement("film"),
        judgement("piece", shared("film", 1.0, 0.01)),
        judgement("studio/clip", shared("piece", 1.0, 1.0), shared("film", 1.0, 0.01, 0.8)),
        policy=policy,
    )
    assert final(verdicts) == {"film": "film", "piece": "film", "studio/clip": "studio/clip"}
    assert verdicts[-1].verdict == "overlaps"


def test_a_pair_that_is_no_match_does_not_overlap() -> None:
    policy = Policy(not_a_match=frozenset({frozenset({"a", "b"})}))
    verdicts = judged(judgement("a"), judgement("b", shared("a", 0.5, 0.5)), policy=policy)
    assert [v.verdict for v in verdicts] == ["canonical", "canonical"]


def test_events_of_before_there_were_overlaps_are_read() -> None:
    (verdict,) = judged(judgement("a"))
    row = verdict.to_json()
    assert row.pop("overlaps") == []
    assert row.pop("event_id") == Verdict.from_json(row).event_id == verdict.event_id


def test_what_is_not_a_match_stays_apart_also_by_a_third() -> None:
    policy = Policy(not_a_match=frozenset({frozenset({"a", "b"})}))
    verdicts = judged(judgement("a"), judgement("b", whole("a")), judgement("c", whole("a"), whole("b")), policy=policy)
    assert final(verdicts) == {"a": "a", "b": "b", "c": "a"}


def test_a_trusted_upload_takes_over() -> None:
    policy = Policy(trusted=("studio/*",))
    verdicts = judged(judgement("a"), judgement("b", whole("a")), judgement("studio/x", whole("b")), policy=policy)
    assert final(verdicts) == {"a": "studio/x", "b": "studio/x", "studio/x": "studio/x"}
    again = judged(judgement("studio/x"), judgement("studio/y", whole("studio/x")), policy=policy)
    assert final(again) == {"studio/x": "studio/x", "studio/y": "studio/x"}


def test_another_file_of_the_same_name_is_judged_anew() -> None:
    verdicts = judged(
        judgement("a"),
        judgement("b", whole("a")),
        judgement("c", whole("a")),
        judgement("a", fingerprint="2-2"),
    )
    assert final(verdicts) == {"a": "a", "b": "b", "c": "b"}
    assert verdicts[-1].revises == verdicts[0].event_id
    assert verdicts[-1].event_id != verdicts[0].event_id


def test_uploads_are_forgotten_in_time() -> None:
    groups = Groups(Policy(remember_days=1))
    groups.judge(judgement("a"), "2026-01-01T00:00:00.000Z")
    groups.judge(judgement("b", whole("a")), "2026-01-01T00:00:01.000Z")
    groups.judge(judgement("c"), "2026-01-03T00:00:00.000Z")
    assert [groups.knows(video) for video in "abc"] == [False, False, True]
    (verdict,) = groups.judge(judgement("d", whole("a", in_flight=False)), "2026-01-03T00:00:01.000Z")
    assert verdict.canonical_id == "a"


@given(st.data())
def test_one_canonical_a_group_whatever_the_order(data: st.DataObject) -> None:
    """Each pair of copies is seen by at least one of the two, as the store's order of commits promises."""
    ids = [f"v{number}" for number in range(data.draw(st.integers(1, 7)))]
    pairs = [(a, b) for a in ids for b in ids if a < b and data.draw(st.booleans())]
    seen: dict[str, list[str]] = {video: [] for video in ids}
    for a, b in pairs:
        sides = data.draw(st.sampled_from([(a, b), (b, a), None]))
        for this, other in [sides] if sides else [(a, b), (b, a)]:
            seen[this].append(other)
    groups, verdicts, waiting = Groups(Policy()), [], []
    for video in data.draw(st.permutations(ids)):
        found = judgement(video, *map(whole, seen[video]))
        waiting += [dataclasses.replace(found, links=(link,)) for link in groups.waits_for(found)]
        verdicts += groups.judge(found, TIME)
        for late in [each for each in waiting if each.links[0].other_id == video]:
            verdicts += groups.judge(late, TIME)

    roots = {video: video for video in ids}
    for _ in ids:
        for a, b in pairs:
            roots[a] = roots[b] = min(roots[a], roots[b])
    parts = {frozenset(v for v in ids if roots[v] == root) for root in roots.values()}
    said = final(verdicts)
    assert {frozenset(v for v in ids if said[v] == canonical) for canonical in said.values()} == parts
    assert all(said[said[video]] == said[video] for video in ids)
    assert len({verdict.event_id for verdict in verdicts}) == len(verdicts)

    again = Groups(Policy())
    for verdict in verdicts:
        again.take(Verdict.from_json(verdict.to_json()))
    assert all(again.judge(judgement(video, *map(whole, seen[video])), TIME) == [] for video in ids)


@given(st.data())
def test_every_duplicate_has_a_canonical_whatever_is_found(data: st.DataObject) -> None:
    """Copies, clips, films and overlaps of uploads and of the gallery's videos, trusted ones, new files under old
    names."""
    shares = st.tuples(*[st.sampled_from((0.1, 0.5, 0.8, 1.0))] * 2)
    ids = [f"v{number}" for number in range(data.draw(st.integers(1, 6)))]
    gallery = ["g0", "g1"]
    pairs = st.frozensets(st.sampled_from(ids + gallery), min_size=2, max_size=2)
    policy = Policy(trusted=("v1",), not_a_match=data.draw(st.frozensets(pairs, max_size=2)))
    groups, verdicts = Groups(policy), []
    for step in range(data.draw(st.integers(1, 12))):
        own = data.draw(st.sampled_from(ids))
        links = [
            shared(other, *data.draw(shares), data.draw(st.sampled_from((0.8, 0.9))), other in ids)
            for other in data.draw(st.sets(st.sampled_from(ids + gallery), max_size=4))
        ]
        new_file = data.draw(st.booleans())
        verdicts += groups.judge(judgement(own, *links, fingerprint=f"{step}-1" if new_file else "1-1"), TIME)
        said = final(verdicts)
        assert all(said.get(canonical, canonical) == canonical for canonical in said.values())
        assert not any(policy.forbids(video, canonical) for video, canonical in said.items())
    assert said.keys() <= set(ids)
    assert len({verdict.event_id for verdict in verdicts}) == len(verdicts)


@given(st.data())
def test_what_is_removed_is_contained_in_its_group_and_what_overlaps_is_told(data: st.DataObject) -> None:
    """Pieces of one timeline, some with seconds of their own; each pair is heard of when the later one is judged."""
    span = st.tuples(st.integers(0, 30), st.integers(3, 20), st.integers(0, 10))
    drawn = data.draw(st.lists(span, min_size=1, max_size=7))
    ids = [f"v{number}" for number in range(len(drawn))]
    seconds = {
        video: {*range(start, start + length), *((video, second) for second in range(more))}
        for video, (start, length, more) in zip(ids, drawn, strict=True)
    }

    def share(video: str, other: str) -> float:
        return len(seconds[video] & seconds[other]) / len(seconds[video])

    def link(video: str, other: str) -> Link:
        same = len(seconds[video] & seconds[other])
        return Link(other, 0.9, same, share(video, other), share(other, video), (SEGMENT,), in_flight=True)

    def links(video: str) -> list[Link]:
        return [link(video, other) for other in ids if other != video and seconds[video] & seconds[other]]

    policy = Policy()
    groups, verdicts = Groups(policy), list[Verdict]()
    for video in ids:
        verdicts += groups.judge(judgement(video, *links(video)), TIME)
    said = final(verdicts)
    for video, canonical in said.items():
        group = [other for other in ids if said[other] == canonical and other != video]
        if canonical != video:
            assert said[canonical] == canonical
            assert max(share(video, other) for other in group) >= policy.query_share
    firsts = {v.video_id: v for v in verdicts if v.revises is None}
    for position, video in enumerate(ids):
        earlier = {other for other in ids[:position] if policy.counts(link(video, other))}
        if firsts[video].verdict != "duplicate_of":
            assert {overlap.matched_id for overlap in firsts[video].overlaps} <= earlier
            assert (firsts[video].verdict == "overlaps") == bool(earlier)
    assert len({verdict.event_id for verdict in verdicts}) == len(verdicts)
    again = Groups(policy)
    for verdict in verdicts:
        again.take(Verdict.from_json(verdict.to_json()))
    assert all(again.judge(judgement(video, *links(video)), TIME) == [] for video in ids)


def test_what_counted_as_a_gallery_video_takes_its_duplicates_along() -> None:
    """A job died between storing an upload and its verdict; the next one judges a copy of it first."""
    verdicts = judged(judgement("a", whole("u", in_flight=False)), judgement("u", whole("g", in_flight=False)))
    assert final(verdicts) == {"a": "g", "u": "g"}


def test_a_pair_that_is_no_match_is_none_when_its_canonical_goes() -> None:
    policy = Policy(not_a_match=frozenset({frozenset({"a", "b"})}))
    judgements = (judgement("c"), judgement("a", whole("c")), judgement("b", whole("c")))
    verdicts = judged(*judgements, judgement("c", fingerprint="2-2"), policy=policy)
    assert final(verdicts) == {"a": "a", "b": "b", "c": "c"}
