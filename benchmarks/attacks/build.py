"""Build an attack bench: a gallery, queries that hold edited copies of it, and the exact truth.

python -m benchmarks.attacks.build --split validation --output DIR --queries 120 --seed 1

DIR/gallery/*          the original videos; the name of a file is its ref_id
DIR/queries/*.mp4      the name of a file is its query_id
DIR/truth.csv          query_id,ref_id,query_start,query_end,ref_start,ref_end in seconds, exact to the frame
DIR/queries.jsonl      what was done to each query: edit, the edits that acted, severity, speed, reversed, kind
DIR/dataset.json       how it was made; a folder whose dataset.json says the same is used as it is

Most clips of the footage last 4 to 15 s, and an inserted copy at most 15 s: its length is drawn among the annotated
ones that fit. Only a query that is one whole edited video is longer.
"""

from __future__ import annotations

import argparse
import collections
import csv
import dataclasses
import hashlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.attacks.edits import EDITS
from benchmarks.attacks.geometry import Geometry, read_geometry
from benchmarks.attacks.media import FPS, ffmpeg_version
from benchmarks.attacks.plan import QueryPlan, Truth, hold_out, plan_queries, truth_of
from benchmarks.attacks.render import make_clip, render
from benchmarks.attacks.splits import SPLITS, Footage, Split, find_footage, representatives
from cliptrace.schemas.errors import CliptraceError, UsageError

PROCESSES = 2
_MAKERS = ("build.py", "edits.py", "geometry.py", "media.py", "plan.py", "render.py", "splits.py")


@dataclasses.dataclass(frozen=True, slots=True)
class Dataset:
    """A built bench. ``facts``: what dataset.json says."""

    root: Path
    facts: dict[str, Any]

    @property
    def gallery(self) -> Path:
        return self.root / "gallery"

    @property
    def queries(self) -> Path:
        return self.root / "queries"

    def truth(self) -> list[Truth]:
        with (self.root / "truth.csv").open(newline="", encoding="utf-8") as rows:
            return [
                Truth(row["query_id"], row["ref_id"], *(float(row[name]) for name in _TIMES))
                for row in csv.DictReader(rows)
            ]

    def sidecar(self) -> dict[str, dict[str, Any]]:
        """query_id → its line of queries.jsonl."""
        lines = (self.root / "queries.jsonl").read_text(encoding="utf-8").splitlines()
        return {record["query_id"]: record for record in map(json.loads, lines)}


_TIMES = ("query_start", "query_end", "ref_start", "ref_end")


def build(split: Split, out_dir: Path, seed: int, queries: int, footage: Footage | None = None) -> Dataset:
    """Make the bench in ``out_dir``, or use what is there. UsageError where that was made in another way."""
    footage = footage or find_footage()
    geometry = read_geometry()
    chosen = representatives(footage, split)
    recipe = _recipe(split, seed, queries, footage, chosen, geometry)
    made = out_dir / "dataset.json"
    if made.is_file():
        facts = json.loads(made.read_text(encoding="utf-8"))
        if facts["recipe"] == recipe:
            return Dataset(out_dir, facts)
        raise UsageError(
            f"{out_dir}: holds a bench made from other footage or by another recipe; "
            "remove it, or give another --output"
        )
    started = time.monotonic()
    sources = {_video_id(path): footage.root / path for path in chosen}
    for name in ("gallery", "queries"):
        shutil.rmtree(out_dir / name, ignore_errors=True)
        (out_dir / name).mkdir(parents=True)
    gallery, background = hold_out(list(sources), seed)
    for video_id in gallery:
        shutil.copyfile(sources[video_id], out_dir / "gallery" / video_id)
    plans = _make_queries(sources, gallery, background, geometry, seed, queries, out_dir)
    write_truth(out_dir / "truth.csv", plans)
    write_sidecar(out_dir / "queries.jsonl", plans)
    facts = {"recipe": recipe, "counts": _counts(plans, gallery, background), "background": background}
    # Last, and only now: a folder with a dataset.json is whole.
    made.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(f"{out_dir}: made in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return Dataset(out_dir, facts)


def _make_queries(
    sources: dict[str, Path],
    gallery: Sequence[str],
    background: Sequence[str],
    geometry: Geometry,
    seed: int,
    queries: int,
    out_dir: Path,
) -> list[QueryPlan]:
    with tempfile.TemporaryDirectory(dir=out_dir) as folder, ThreadPoolExecutor(PROCESSES) as pool:
        files = {video_id: Path(folder, f"{video_id}.mp4") for video_id in sources}
        made = pool.map(lambda video_id: make_clip(sources[video_id], files[video_id], video_id), sources)
        clips = {clip.video_id: clip for clip in made}
        plans = plan_queries(
            [clips[name] for name in gallery], [clips[name] for name in background], geometry, seed, queries
        )
        for _ in pool.map(lambda plan: render(plan, files, out_dir / "queries" / plan.query_id), plans):
            pass
    return plans


def _video_id(path: str) -> str:
    """A path in the footage as one file name, which is the id that a gallery of that folder gives it."""
    return path.replace("/", "__").replace(" ", "_")


def _recipe(
    split: Split, seed: int, queries: int, footage: Footage, chosen: Sequence[str], geometry: Geometry
) -> dict[str, Any]:
    """Everything that decides what comes out; two builds with the same recipe are the same."""
    here = Path(__file__).parent
    code = hashlib.sha256(b"".join((here / name).read_bytes() for name in _MAKERS))
    videos = hashlib.sha256(repr([(path, (footage.root / path).stat().st_size) for path in chosen]).encode())
    return {
        "split": split,
        "seed": seed,
        "queries": queries,
        "fps": FPS,
        "ffmpeg": ffmpeg_version(),
        "videos": len(chosen),
        "videos_sha256": videos.hexdigest(),
        "code_sha256": code.hexdigest(),
        "annotations_sha256": hashlib.sha256(repr(geometry).encode()).hexdigest(),
    }


def _counts(plans: Sequence[QueryPlan], gallery: Sequence[str], background: Sequence[str]) -> dict[str, Any]:
    kinds = collections.Counter(plan.kind for plan in plans)
    per_edit = collections.Counter(plan.edit for plan in plans if plan.edit)
    cells = collections.Counter((plan.edit, plan.severity) for plan in plans if plan.edit)
    return {
        "gallery": len(gallery),
        "background": len(background),
        "queries": dict(sorted(kinds.items())),
        "segments": sum(len(truth_of(plan)) for plan in plans),
        "seconds": round(sum(plan.frames for plan in plans) / FPS, 2),
        "queries_per_edit": {edit: per_edit[edit] for edit in EDITS},
        "queries_per_severity": dict(sorted(collections.Counter(plan.severity for plan in plans if plan.edit).items())),
        "queries_per_edit_and_severity": [min(cells.values()), max(cells.values())],
    }


def write_truth(path: Path, plans: Sequence[QueryPlan]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["query_id", "ref_id", *_TIMES])
        for plan in plans:
            for row in truth_of(plan):
                times = (row.query_start, row.query_end, row.ref_start, row.ref_end)
                writer.writerow([row.query_id, row.ref_id, *(f"{seconds:.2f}" for seconds in times)])


def write_sidecar(path: Path, plans: Sequence[QueryPlan]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for plan in plans:
            record = {
                "query_id": plan.query_id,
                "kind": plan.kind,
                "edit": plan.edit,
                "edits": plan.edits,
                "severity": plan.severity,
                "speed": float(plan.recipe.speed),
                "reversed": plan.recipe.reversed,
                "seconds": plan.frames / FPS,
                "width": plan.width,
                "height": plan.height,
            }
            file.write(json.dumps(record) + "\n")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.attacks.build", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--split", choices=SPLITS, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--queries", type=int, default=120, help="15 of 100 hold no copy")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args(argv)
    try:
        dataset = build(arguments.split, arguments.output, arguments.seed, arguments.queries)
    except CliptraceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    print(json.dumps(dataset.facts, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
