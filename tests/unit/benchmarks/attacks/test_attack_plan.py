"""What is planned: evenly, repeatably, in whole frames."""

from __future__ import annotations

import collections
import itertools
import json
import random
from pathlib import Path

import pytest

from benchmarks.attacks.edits import CATALOGUE, EDITS, MIXED, SEVERITIES, draw
from benchmarks.attacks.geometry import LONGEST_S, SHORTEST_S, Geometry, read_geometry
from benchmarks.attacks.media import FPS
from benchmarks.attacks.plan import Clip, cells, hold_out, plan_queries, truth_of

GEOMETRY = Geometry(lengths=(2, 3, 5, 8), counts=(1, 1, 2, 3))


def test_every_edit_has_three_severities_that_differ() -> None:
    for edit, severities in CATALOGUE.items():
        assert len(severities) == len(SEVERITIES), edit
        assert all(severities), edit
        assert len({variant for variants in severities for variant in variants}) == sum(map(len, severities)), edit


@pytest.mark.parametrize(("severity", "acting"), [("mild", 2), ("medium", 2), ("severe", 3)])
def test_mixed_puts_two_or_three_edits_together(severity: str, acting: int) -> None:
    names, recipe = draw(MIXED, severity, random.Random(1))  # type: ignore[arg-type]
    assert len(set(names)) == acting
    assert recipe != type(recipe)()


def test_cells_cover_every_edit_and_severity_evenly() -> None:
    every = [(edit, severity) for edit in EDITS for severity in SEVERITIES]
    assert sorted(cells(len(every))) == sorted(every)
    found = cells(102)
    assert set(collections.Counter(edit for edit, _ in found).values()) == {5, 6}
    assert set(collections.Counter(severity for _, severity in found).values()) == {34}
    assert set(collections.Counter(found).values()) == {1, 2}


def test_the_same_seed_plans_the_same_queries(clips: list[Clip]) -> None:
    first, again, other = (plan_queries(clips[2:], clips[:2], GEOMETRY, seed, 40) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_plans_stay_within_their_clips_and_apart(clips: list[Clip]) -> None:
    gallery, background = clips[2:], clips[:2]
    frames = {clip.video_id: clip.frames for clip in clips}
    plans = plan_queries(gallery, background, GEOMETRY, 3, 200)
    assert collections.Counter(plan.kind == "background" for plan in plans) == {True: 30, False: 170}
    for plan in plans:
        copies = [piece for piece in plan.pieces if piece.copied]
        assert bool(copies) == (plan.kind != "background")
        assert {piece.video_id for piece in copies} <= {clip.video_id for clip in gallery}
        assert {piece.video_id for piece in plan.pieces if not piece.copied} <= {clip.video_id for clip in background}
        assert plan.kind == "whole" or plan.frames >= 10 * FPS
        for piece in plan.pieces:
            assert piece.start >= 0
            assert piece.start + piece.source_frames <= frames[piece.video_id]
        for piece in copies:
            assert piece.source_frames == piece.frames * plan.recipe.speed
        spans = sorted((piece.video_id, piece.start, piece.start + piece.source_frames) for piece in copies)
        assert all(a[0] != b[0] or a[2] <= b[1] for a, b in itertools.pairwise(spans))


def test_truth_maps_frames_to_seconds(clips: list[Clip]) -> None:
    for plan in plan_queries(clips[2:], clips[:2], GEOMETRY, 4, 60):
        for row in truth_of(plan):
            length, source = row.query_end - row.query_start, row.ref_end - row.ref_start
            assert source == pytest.approx(length * float(plan.recipe.speed))
            assert row.query_end <= plan.frames / FPS


def test_background_is_held_out_of_the_gallery() -> None:
    names = [f"{number}.mp4" for number in range(18)]
    gallery, background = hold_out(names, 1)
    assert sorted(gallery + background) == sorted(names)
    assert len(background) == 5
    assert (gallery, background) == hold_out(names[::-1], 1)


def test_lengths_are_drawn_among_those_that_fit() -> None:
    rng = random.Random(5)
    drawn = [GEOMETRY.draw_length(rng, 4.0) for _ in range(200)]
    assert min(drawn) >= SHORTEST_S
    assert max(drawn) <= 4.0
    assert GEOMETRY.draw_length(rng, 1.5) == 1.5


def test_annotations_give_lengths_and_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = {"a-a": [[0, 0, 9, 9]], "a-b": [[0, 5, 4, 9], [10, 10, 11, 11]], "b-c": [[3, 0, 10, 7]] * 6}
    (tmp_path / "vcdb_segments.json").write_text(json.dumps(pairs))
    monkeypatch.setenv("CLIPTRACE_ANNOTATIONS", str(tmp_path))
    assert read_geometry() == Geometry(lengths=(4, *[7] * 6), counts=(2, 3))


def test_without_annotations_the_built_in_histogram_serves(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CLIPTRACE_ANNOTATIONS", raising=False)
    geometry = read_geometry()
    assert min(geometry.lengths) >= SHORTEST_S
    assert max(geometry.lengths) < LONGEST_S
    assert "CLIPTRACE_ANNOTATIONS is unset" in capsys.readouterr().err
