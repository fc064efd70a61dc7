"""Build look-alikes: references, for each another video that looks like it, and true copies of it.

python -m benchmarks.look_alike.build --split validation --seed 1 --output DIR

DIR/gallery/NAME.mp4   the references; the name of a file is its ref_id
DIR/queries/*.mp4      NAME-other.mp4 shares no moment with the reference that it looks like; NAME-copy1.mp4 is of it
DIR/truth.csv          query_id,ref_id,query_start,query_end,ref_start,ref_end in seconds, of the copies
DIR/pairs.json         of each query: kind, role (other or copy), reference, form, edit, severity, family
DIR/dataset.json       how it was made; a folder whose dataset.json says the same is used as it is

Real footage comes from the folder that CLIPTRACE_FOOTAGE names, and from pool/ and actions/ beside it; where it is
unset, from the repository's clips. Everything else is drawn. No source and no design of a drawing is in two splits.
"""

from __future__ import annotations

import argparse
import collections
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

import benchmarks.attacks
from benchmarks.attacks.build import PROCESSES, Dataset, write_truth
from benchmarks.attacks.media import FPS, X264, ffmpeg, ffmpeg_version
from benchmarks.attacks.render import make_clip, render
from benchmarks.attacks.splits import SPLITS, Split
from benchmarks.look_alike.plan import Filmed, Look, Query, other_id, plan_looks, plan_queries, ref_id
from benchmarks.look_alike.sources import Library, background, find_library, real_pairs
from benchmarks.look_alike.takes import make_take, same_moments
from cliptrace.schemas.errors import CliptraceError, UsageError

MOST_IN_COMMON = 0.1
"""Share of a take's moments that the other may show just so: a pair with more is not a pair of look-alikes."""
_GALLERY = (*X264, "-preset", "veryfast", "-crf", "21", "-g", str(2 * FPS), "-threads", "1")


def build(split: Split, out_dir: Path, seed: int) -> Dataset:
    """Make the split in ``out_dir``, or use what is there. UsageError where that was made in another way."""
    library = find_library()
    recipe = recipe_of(split, seed, library)
    made = out_dir / "dataset.json"
    if made.is_file():
        facts = json.loads(made.read_text(encoding="utf-8"))
        if facts["recipe"] == recipe:
            return Dataset(out_dir, facts)
        raise UsageError(f"{out_dir}: holds look-alikes made in another way; remove it, or give another --output")
    started = time.monotonic()
    for name in ("gallery", "queries"):
        shutil.rmtree(out_dir / name, ignore_errors=True)
        (out_dir / name).mkdir(parents=True)
    looks = plan_looks(split, seed, real_pairs(library, split))
    with tempfile.TemporaryDirectory(dir=out_dir) as folder:
        queries, dropped = _make(looks, library, split, seed, out_dir, Path(folder))
    write_truth(out_dir / "truth.csv", [query.plan for query in queries if query.role == "copy"])
    write_pairs(out_dir / "pairs.json", queries)
    facts = {"recipe": recipe, "counts": counts(queries), "dropped": dropped}
    # Last, and only now: a folder with a dataset.json is whole.
    made.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(f"{out_dir}: made in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return Dataset(out_dir, facts)


def _make(
    looks: Sequence[Look], library: Library, split: Split, seed: int, out_dir: Path, folder: Path
) -> tuple[list[Query], dict[str, float]]:
    """Everything but the tables. Returns the queries, and the pairs that show the same too often."""
    takes = {ref_id(look): look.first for look in looks} | {other_id(look): look.other for look in looks}
    behind = background(library, split)
    files = {name: folder / f"{number}.mp4" for number, name in enumerate([*takes, *behind])}
    with ThreadPoolExecutor(PROCESSES) as pool:
        clips = list(pool.map(lambda name: make_take(takes[name], library, files[name], name), takes))
        hidden = list(pool.map(lambda path: make_clip(library.file(path), files[path], path), behind))
        common = list(pool.map(lambda look: same_moments(files[ref_id(look)], files[other_id(look)]), looks))
        dropped = {look.name: share for look, share in zip(looks, common, strict=True) if share > MOST_IN_COMMON}
        kept = [look for look in looks if look.name not in dropped]
        by_name = {clip.video_id: clip for clip in clips}
        queries = plan_queries(kept, by_name, hidden, split, seed)
        for _ in pool.map(lambda query: render(query.plan, files, out_dir / "queries" / query.plan.query_id), queries):
            pass
        for _ in pool.map(lambda look: _publish(files[ref_id(look)], out_dir / "gallery" / ref_id(look)), kept):
            pass
    for name, share in dropped.items():
        print(f"left out: {name}: {share:.0%} of its moments are the same in both", file=sys.stderr)
    return queries, dropped


def _publish(clip: Path, target: Path) -> None:
    ffmpeg("-i", str(clip), *_GALLERY, str(target))


def write_pairs(path: Path, queries: Sequence[Query]) -> None:
    records = {
        query.plan.query_id: {
            "kind": query.look.kind,
            "role": query.role,
            "reference": ref_id(query.look),
            "form": query.form,
            "edit": query.plan.edit,
            "severity": query.plan.severity,
            "filmed": isinstance(query.look.first, Filmed),
            "family": query.look.family,
        }
        for query in queries
    }
    path.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")


def counts(queries: Sequence[Query]) -> dict[str, Any]:
    looks = {query.look.name: query.look for query in queries}
    return {
        "references": len(looks),
        "queries": dict(collections.Counter(query.role for query in queries)),
        "seconds": round(sum(query.plan.frames for query in queries) / FPS),
        "references_per_kind": dict(sorted(collections.Counter(look.kind for look in looks.values()).items())),
        "copies_per_edit": dict(sorted(collections.Counter(q.plan.edit for q in queries if q.role == "copy").items())),
    }


def recipe_of(split: Split, seed: int, library: Library) -> dict[str, Any]:
    """Everything that decides what comes out; two builds with the same recipe are the same."""
    rooms = [Path(__file__).parent, *map(Path, benchmarks.attacks.__path__)]
    makers = ("board", "build", "edits", "media", "plan", "render", "sources", "styles", "takes")
    code = [file for room in rooms for file in sorted(room.glob("*.py")) if file.stem in makers]
    code += sorted((Path(__file__).parent / "scenes").glob("*.py"))
    return {
        "split": split,
        "seed": seed,
        "collections": sorted(library.roots),
        "ffmpeg": ffmpeg_version(),
        "code": hashlib.sha256(b"".join(file.read_bytes() for file in code)).hexdigest()[:16],
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.look_alike.build", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--split", choices=SPLITS, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args(argv)
    try:
        dataset = build(arguments.split, arguments.output, arguments.seed)
    except CliptraceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    print(json.dumps(dataset.facts, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
