"""Look-alikes are planned repeatably, share no moment with what they look like, and no source two splits."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from fractions import Fraction

import pytest

from benchmarks.attacks.edits import SEVERITIES
from benchmarks.attacks.media import FPS
from benchmarks.attacks.plan import Clip
from benchmarks.attacks.splits import SPLITS, Split, split_of
from benchmarks.look_alike import sources
from benchmarks.look_alike.plan import (
    DESIGNS,
    KINDS,
    Look,
    Query,
    draw_edit,
    other_id,
    plan_looks,
    plan_queries,
    ref_id,
    truth,
)
from benchmarks.look_alike.scenes import SCENES
from benchmarks.look_alike.sources import BACKGROUND, ROWS, Library, RealPair, Stretch, family_of, real_pairs
from benchmarks.look_alike.styles import words_of

BEHIND = [Clip(f"behind{number}", 120 + 40 * number, 640, 360) for number in range(3)]


def planned(seed: int = 1, split: Split = "validation") -> list[Query]:
    looks = plan_looks(split, seed, [])
    return plan_queries(looks, clips_of(looks), BEHIND, split, seed)


def clips_of(looks: list[Look]) -> dict[str, Clip]:
    takes = [*((ref_id(look), look.first) for look in looks), *((other_id(look), look.other) for look in looks)]
    return {name: Clip(name, round(take.seconds * FPS), 640, 360) for name, take in takes}


def library(*paths: str, licence: str = "MIT", seconds: float = 10.0) -> Library:
    return Library({}, dict.fromkeys(paths, licence), dict.fromkeys(paths, seconds))


def test_the_same_seed_plans_the_same_queries() -> None:
    assert planned(1) == planned(1)
    assert planned(1) != planned(2)


def test_every_reference_has_one_look_alike_and_one_or_two_copies() -> None:
    roles: defaultdict[str, list[str]] = defaultdict(list)
    for query in planned():
        roles[query.look.name].append(query.role)
    assert len(roles) == sum(DESIGNS["validation"].values())
    assert set(map(tuple, roles.values())) == {("other", "copy"), ("other", "copy", "copy")}


def test_names_of_references_and_queries_are_their_own() -> None:
    for split in SPLITS:
        real = [sources._from_row(row) for row in ROWS[split]]
        names = [look.name for look in plan_looks(split, 1, real)]
        assert len(set(names)) == len(names)
    queries = [query.plan.query_id for query in planned()]
    assert len(set(queries)) == len(queries)


def test_truth_tells_of_copies_alone_and_where_they_lie() -> None:
    queries = planned()
    rows = {row.query_id: row for row in truth(queries)}
    assert rows.keys() == {query.plan.query_id for query in queries if query.role == "copy"}
    assert {query.form for query in queries} == {"whole", "part", "inserted"}
    for query in queries:
        (copied,) = [piece for piece in query.plan.pieces if piece.copied]
        assert copied.video_id == (ref_id(query.look) if query.role == "copy" else other_id(query.look))
        if query.role == "other":
            continue
        row = rows[query.plan.query_id]
        before = 0 if query.form != "inserted" else query.plan.pieces[0].frames
        assert row.ref_id == ref_id(query.look)
        assert (row.query_start, row.query_end) == (before / FPS, (before + copied.frames) / FPS)
        assert (row.ref_start, row.ref_end) == (copied.start / FPS, (copied.start + copied.source_frames) / FPS)
        assert row.ref_end <= query.look.first.seconds
        assert Fraction(copied.source_frames, copied.frames) == query.plan.recipe.speed


def test_look_alikes_are_edited_and_hidden_as_copies_are() -> None:
    others = [query for query in planned() if query.role == "other"]
    assert len({query.plan.edit for query in others}) > 5
    assert {query.form for query in others} == {"whole", "part", "inserted"}


def test_edits_keep_what_tells_a_copy_from_a_look_alike() -> None:
    rng = random.Random(1)
    drawn = [draw_edit(rng, 0.1) for _ in range(2000)]
    assert sum(edit == "none" for edit, *_ in drawn) == pytest.approx(200, abs=60)
    assert {severity for _, severity, _ in drawn} == {"", *SEVERITIES}
    assert not [severity for edit, severity, _ in drawn if edit in ("blur", "downscale") and severity == "severe"]
    assert {recipe.speed for *_, recipe in drawn} == {Fraction(each) for each in ("1", "3/4", "4/5", "5/4", "3/2")}
    assert not any(recipe.reversed for *_, recipe in drawn)


def test_no_source_is_in_two_splits() -> None:
    split_by_family: dict[str, Split] = {}
    for split in SPLITS:
        for path in used(split):
            assert split_by_family.setdefault(family_of(path), split) == split, path
            if path.startswith("footage/"):
                assert split_of(path.removeprefix("footage/")) == split, path


def test_no_words_and_no_designs_are_in_two_splits() -> None:
    for a, b in itertools.combinations(SPLITS, 2):
        assert not set(words_of(a)) & set(words_of(b))
        assert not {look.family for look in plan_looks(a, 1, [])} & {look.family for look in plan_looks(b, 1, [])}
    seen = DESIGNS["train"].keys() | DESIGNS["validation"].keys()
    assert DESIGNS["test"].keys() - seen == {"quiz", "dashboard", "whiteboard", "calendar"}
    assert seen <= KINDS.keys() == SCENES.keys() | {"visualiser"}


def test_no_moment_of_a_source_is_used_twice() -> None:
    stretches: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for split in SPLITS:
        for kind, _, first, first_start, other, other_start, seconds in ROWS[split]:
            for path, start in ((first, first_start), (other or first, other_start)):
                stretches[path].append((start, start + seconds))
                assert path not in BACKGROUND[split], kind
    for path, spans in stretches.items():
        for (_, end), (start, _) in itertools.pairwise(sorted(spans)):
            assert end <= start, path


def test_games_under_a_licence_that_forbids_it_teach_nobody() -> None:
    paths = ["actions/ale/game_joust/joust.mp4", "actions/gymnasium/game_joust/joust.mp4"]
    free, bound = library(*paths), library(*paths, licence="GPL-2.0")
    assert sum(len(real_pairs(free, split)) for split in SPLITS) == 1
    assert [pair.name for pair in real_pairs(bound, "test")] == ["joust"]
    for split in ("train", "validation"):
        assert real_pairs(bound, split) == []


def test_a_pair_is_left_out_where_its_footage_is_not() -> None:
    both = [row[2] for row in ROWS["train"] if row[1] == "square"]
    (pair,) = real_pairs(library(*both), "train")
    assert pair == RealPair("square", "camera", "pool/" + both[0].split("/")[1], *stretches_of(both[0], (0, 6), 5.8))
    assert real_pairs(library(), "train") == []


def stretches_of(path: str, starts: tuple[float, float], seconds: float) -> list[tuple[Stretch, ...]]:
    return [(Stretch(path, start, seconds),) for start in starts]


def used(split: Split) -> set[str]:
    rows = {path for row in ROWS[split] for path in (row[2], row[4] or row[2])}
    return rows | set(BACKGROUND[split])
