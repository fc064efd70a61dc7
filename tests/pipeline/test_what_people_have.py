"""What people have and ask, from end to end with default options: look-alikes, reused clips, stills, other speeds,
clips that occur twice. Each with what is right."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cliptrace.pipelines import cli
from cliptrace.schemas.config import DEDUP_MIN_SCORE

CLIPS = Path(__file__).parents[1] / "data" / "clips"
SMALL = "scale=320:180:force_original_aspect_ratio=increase,crop=320:180,setsar=1,fps=25"
COPY = "scale=240:-2"
CLAIMED = 0.5
WORDS = [
    "river",
    "stone",
    "cloud",
    "paper",
    "window",
    "engine",
    "signal",
    "letter",
    "number",
    "music",
    "travel",
    "garden",
]

Ffmpeg = Callable[..., None]


def joined(ffmpeg: Ffmpeg, path: Path, *parts: tuple[str, float, float]) -> None:
    """One video of (clip, from, seconds)."""
    inputs = [word for clip, start, seconds in parts for word in ("-ss", start, "-t", seconds, "-i", CLIPS / clip)]
    fitted = ";".join(f"[{n}]{SMALL}[v{n}]" for n in range(len(parts)))
    graph = f"{fitted};{''.join(f'[v{n}]' for n in range(len(parts)))}concat=n={len(parts)}"
    ffmpeg(*inputs, "-filter_complex", graph, "-crf", 26, path)


def screen(path: Path, seed: int, pace: float = 0.5) -> None:
    """A terminal of 8 s in which lines of words come."""
    random = np.random.default_rng(seed)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (640, 360))
    lines = [" ".join(random.choice(WORDS, 5)) for _ in range(6)]
    for number in range(80):
        if number % round(10 * pace) == 0:
            lines.append(" ".join(random.choice(WORDS, int(random.integers(2, 8)))))
        frame = np.full((360, 640, 3), 24, np.uint8)
        for row, line in enumerate(lines[-15:]):
            cv2.putText(
                frame, line, (12, 24 + 22 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (210, 210, 210), 1, cv2.LINE_AA
            )
        writer.write(frame)
    writer.release()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, ffmpeg: Ffmpeg) -> Path:
    folder = tmp_path_factory.mktemp("library")
    for name in ("playground", "baseball", "coffee"):
        ffmpeg("-i", CLIPS / f"{name}.mp4", "-vf", SMALL, "-crf", 24, folder / f"{name}.mp4")
    ffmpeg("-t", 9, "-i", CLIPS / "cars.mp4", "-crf", 24, folder / "cars.mp4")
    clip = ("arm-wrestling.mp4", 2, 5)
    joined(ffmpeg, folder / "twice.mp4", ("street.mp4", 0, 4), clip, ("street.mp4", 8, 4), clip)
    between = [("bottles.mp4", 0), ("bottles.mp4", 6), ("bottles.mp4", 12), ("street.mp4", 12), ("street.mp4", 16)]
    between += [("juggling.mp4", 0), ("juggling.mp4", 5), ("street.mp4", 4), ("coffee.mp4", 1), ("bottles.mp4", 16)]
    for number, (host, start) in enumerate(between):
        other = between[(number + 3) % len(between)]
        parts = ((host, start, 4), ("playground.mp4", 2, 5), (*other, 4))
        joined(ffmpeg, folder / f"vlog{number}.mp4", *parts)
    screen(folder / "screen.mp4", seed=1)
    return folder


@pytest.fixture(scope="module")
def queries(tmp_path_factory: pytest.TempPathFactory, library: Path, ffmpeg: Ffmpeg) -> Path:
    folder = tmp_path_factory.mktemp("asked")
    ball = CLIPS / "baseball.mp4"
    ffmpeg("-i", ball, "-vf", "setpts=PTS/3", "-r", 25, folder / "fast.mp4")
    ffmpeg("-ss", 4, "-t", 3, "-i", ball, "-vf", "setpts=PTS*3", "-r", 25, folder / "slow.mp4")
    ffmpeg("-ss", 6, "-i", ball, "-vf", COPY, folder / "ending.mp4")
    stops = "select='lt(t,4)+between(t,9.8,10)'"
    ffmpeg("-i", ball, "-vf", stops, "-fps_mode", "passthrough", folder / "stops.mp4")
    ffmpeg("-ss", 2.5, "-t", 4, "-i", CLIPS / "arm-wrestling.mp4", "-vf", COPY, folder / "once.mp4")
    ffmpeg("-ss", 2, "-t", 5, "-i", CLIPS / "playground.mp4", "-vf", COPY, "-crf", 30, folder / "reused.mp4")
    ffmpeg("-i", library / "cars.mp4", "-vf", COPY, "-crf", 30, folder / "camera.mp4")
    screen(folder / "other-screen.mp4", seed=2)
    screen(folder / "other-pace.mp4", seed=3, pace=0.8)
    ffmpeg("-i", library / "screen.mp4", "-vf", "scale=426:-2", "-crf", 30, folder / "screen.mp4")
    return folder


@pytest.fixture(scope="module")
def found(library: Path, queries: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """Query → rows of its matches."""
    folder = tmp_path_factory.mktemp("found")
    with contextlib.redirect_stderr(io.StringIO()) as text:
        assert cli.main(["index", str(library), "--gallery", str(folder / "gallery")]) == 0, text.getvalue()
        output = folder / "matches.jsonl"
        arguments = ["match", str(queries), "--gallery", str(folder / "gallery"), "--output", str(output)]
        assert cli.main(arguments) == 0, text.getvalue()
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    names = sorted(path.name for path in queries.iterdir())
    return {name: [row for row in rows if row["query_id"] == name] for name in names}


def segments(rows: list[dict[str, Any]], ref: str, least: float = CLAIMED) -> list[tuple[float, ...]]:
    """(query start, end, reference start, end) of what is claimed of one reference, in the order of the query."""
    told = [segment for row in rows if row["ref_id"] == ref for segment in row["segments"] if segment["score"] >= least]
    names = ("query_start", "query_end", "ref_start", "ref_end")
    return sorted(tuple(segment[name] for name in names) for segment in told)


def best(rows: list[dict[str, Any]]) -> float:
    return max((row["score"] for row in rows), default=0.0)


@pytest.mark.parametrize("stranger", ["other-screen.mp4", "other-pace.mp4"])
def test_what_looks_alike_is_not_claimed(found: dict[str, list[dict[str, Any]]], stranger: str) -> None:
    assert best(found[stranger]) < CLAIMED < DEDUP_MIN_SCORE


@pytest.mark.parametrize(("copy", "ref", "seconds"), [("camera.mp4", "cars.mp4", 9), ("screen.mp4", "screen.mp4", 8)])
def test_a_copy_beside_look_alikes_is_found(
    found: dict[str, list[dict[str, Any]]], copy: str, ref: str, seconds: float
):
    (segment,) = segments(found[copy], ref)
    assert segment == pytest.approx((0, seconds, 0, seconds), abs=0.5)


@pytest.mark.parametrize(("query", "truth"), [("fast.mp4", (0, 3.33, 0, 10, 3)), ("slow.mp4", (0, 9, 4, 7, 1 / 3))])
def test_other_speeds_have_their_seconds(found: dict[str, list[dict[str, Any]]], query: str, truth: tuple[float, ...]):
    (row,) = [row for row in found[query] if row["score"] >= CLAIMED]
    (segment,) = [segment for segment in row["segments"] if segment["score"] >= CLAIMED]
    assert row["ref_id"] == "baseball.mp4"
    told = tuple(segment[name] for name in ("query_start", "query_end", "ref_start", "ref_end"))
    assert told == pytest.approx(truth[:4], abs=0.75)
    assert segment["speed"] == pytest.approx(truth[4], rel=0.1)


def test_a_copy_of_the_end_goes_on_behind_the_last_keyframe(found: dict[str, list[dict[str, Any]]]) -> None:
    (segment,) = segments(found["ending.mp4"], "baseball.mp4")  # whose last one is at 9.25 s
    assert segment == pytest.approx((0, 4, 6, 10), abs=0.15)


def test_a_picture_that_stays_ends_the_segment(found: dict[str, list[dict[str, Any]]]) -> None:
    (moving,) = segments(found["stops.mp4"], "baseball.mp4")
    assert moving == pytest.approx((0, 4, 0, 4), abs=0.75)


def test_a_clip_that_is_twice_in_a_reference_is_told_twice(found: dict[str, list[dict[str, Any]]]) -> None:
    first, second = segments(found["once.mp4"], "twice.mp4")
    assert first == pytest.approx((0, 4, 4.5, 8.5), abs=0.5)
    assert second == pytest.approx((0, 4, 13.5, 17.5), abs=0.5)


def test_a_clip_of_many_videos_is_found_whole_in_all_of_them(found: dict[str, list[dict[str, Any]]]) -> None:
    for number in range(10):
        (segment,) = segments(found["reused.mp4"], f"vlog{number}.mp4")
        assert segment == pytest.approx((0, 5, 4, 9), abs=0.5)
    (segment,) = segments(found["reused.mp4"], "playground.mp4")
    assert segment == pytest.approx((0, 5, 2, 7), abs=0.5)
