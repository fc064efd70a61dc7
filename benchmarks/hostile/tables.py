"""What became of malformed, of mutated and of odd inputs, as tables."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Iterator
from typing import Any

from benchmarks.harness.tables import Table

Result = dict[str, Any]


def malformed(result: Result) -> Iterator[Table]:
    kinds: dict[str, collections.Counter[str]] = {}
    for each in result["outcomes"]:
        kinds.setdefault(each["kind"], collections.Counter())[each["outcome"]] += 1
    yield Table(
        "What became of each, and what it says:",
        ("input", "outcome", "message"),
        [(ascii(each["input"])[1:-1][:60], each["outcome"], each["message"]) for each in result["outcomes"]],
        detail=True,
    )
    yield Table(
        f"{len(result['outcomes'])} malformed inputs beside {result['inputs']['good']} good videos, in one folder: "
        f"{len(result['broken_rules'])} broken rules (crash, hang, unclear dead letter, lost neighbour), "
        f"{result['connections']} network connections, foreign file read: "
        f"{'yes' if result['secret_was_read'] else 'no'}.",
        ("", "dead letter", "indexed in part", "indexed whole"),
        [(kind, *(counts[name] for name in ("failed", "partial", "indexed"))) for kind, counts in kinds.items()],
    )


def fuzz(result: Result) -> Iterator[Table]:
    columns = ("taken", "refused", "crash", "hang")
    names = {"probe": "what ffprobe says", "manifest": "manifests", "gallery": "files of a gallery"}
    yield Table(
        f"{result['inputs']:,} mutated inputs each; refused: by an error of ours that says why.",
        ("", *columns),
        [(names[name], *(f"{row[column]:,}" for column in columns)) for name, row in result["targets"].items()],
    )


def odd_files(result: Result) -> Iterator[Table]:
    files = result["files"]
    agree = sum(not each["disagrees"] for each in files)
    yield Table(
        f"{len(files)} odd but sound files. Each second of their film shows its number: what a player shows, decoded "
        "plainly by ffmpeg or Pillow, beside what the gallery tells and the basis frames show at the same moments, two "
        f"a second (–: nothing on screen); {agree} agree.",
        ("file", "what it is", "player", "shows seconds", "cliptrace", "shows seconds", "agrees"),
        [
            (each["file"], each["oddity"], *_side(each["player"]), *_side(each["cliptrace"]), _agrees(each))
            for each in files
        ],
    )


def _side(side: Result | None) -> tuple[str, str]:
    """Seconds and picture, and what is shown, each once."""
    if side is None:
        return "", ""
    shown = " ".join(str("?" if number is None else number) for number, _ in itertools.groupby(side["shown"]))
    return f"{side['seconds']:.2f} s, {side['width']} × {side['height']}", shown


def _agrees(file: Result) -> str:
    return f"no: {'; '.join(file['disagrees'])}" if file["disagrees"] else "yes"
