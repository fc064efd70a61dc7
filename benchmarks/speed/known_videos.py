"""What a run costs that has nothing to do: cliptrace index of a manifest whose every video is known and unchanged.

python -m benchmarks.speed.known_videos [--sizes 10000 100000 1000000] [--bucket 100000] [--seed 1]

The gallery has the ledger of so many videos, in shards as large as cliptrace index writes them; what the shards say of
keyframes is not read by such a run. slow:// is a bucket that takes 20 ms a request, as object stores do.
"""

from __future__ import annotations

import argparse
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from benchmarks.harness.command import Question, Result, add_seed
from benchmarks.speed import tables
from benchmarks.speed.slow_bucket import LATENCY_S
from cliptrace.pipelines.index import IndexOptions, open_or_create
from cliptrace.schemas.config import NO_DESCRIPTOR
from cliptrace.schemas.gallery import LEDGER, part_path
from cliptrace.transforms.fingerprints import fingerprint_of
from cliptrace.transforms.store import files, ledger

FILES = 100_000
"""Files there are; a larger manifest names each several times, by different ids."""
SHARD_VIDEOS = 128
"""Of one wave of cliptrace index on one machine: as many rows has a shard of the ledger."""
PROGRAM = (
    "import sys, benchmarks.speed.slow_bucket; from cliptrace.pipelines import cli; sys.exit(cli.main(sys.argv[1:]))"
)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], metavar="VIDEOS")
    parser.add_argument("--bucket", type=int, default=100_000, metavar="VIDEOS", help="that lie in slow://, too")
    add_seed(parser)


def measure(arguments: argparse.Namespace) -> Result:
    sizes, bucket = arguments.sizes, arguments.bucket
    rows = []
    with tempfile.TemporaryDirectory(prefix="cliptrace-bench-") as name:
        root = Path(name)
        paths = make_files(root / "videos", min(max(*sizes, bucket), FILES), random.Random(arguments.seed))
        for videos, scheme in (*((size, "") for size in sizes), *([(bucket, "slow:/")] if bucket else [])):
            folder = root / f"{videos}{scheme.rstrip(':/')}"
            manifest = make_manifest(folder, paths, videos, scheme)
            gallery = make_gallery(folder, paths, videos, scheme)
            rows.append({"videos": videos, "in": "bucket" if scheme else "files", **run(manifest, gallery)})
            print(f"{videos:,} videos: {rows[-1]['seconds']:.1f} s", file=sys.stderr)
    return {"data": {"latency_s": LATENCY_S, "shard_videos": SHARD_VIDEOS}, "rows": rows}


def make_files(folder: Path, count: int, rng: random.Random) -> list[Path]:
    """Empty ones, a thousand a folder."""
    paths = [folder / f"{number // 1000:03}" / f"{rng.randbytes(4).hex()}-{number}.mp4" for number in range(count)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


def make_manifest(folder: Path, paths: Sequence[Path], videos: int, scheme: str) -> str:
    folder.mkdir()
    lines = (f"v{number:08},{scheme}{paths[number % len(paths)]},owner {number % 97}\n" for number in range(videos))
    (folder / "videos.csv").write_text("id,uri,owner\n" + "".join(lines))
    return f"{scheme}{folder}/videos.csv"


def make_gallery(folder: Path, paths: Sequence[Path], videos: int, scheme: str) -> str:
    root = f"{scheme}{folder}/gallery"
    # No run without work opens the vector store, so that nobody need listen there.
    gallery = open_or_create(
        IndexOptions(sources=(), gallery=root, milvus="http://localhost:1", descriptor=NO_DESCRIPTOR)
    )
    local = str(folder / "gallery")
    prints = {path: local_print(path, scheme) for path in paths}
    for start in range(0, videos, SHARD_VIDEOS):
        part = f"part-{start:016x}"
        rows = [
            {
                "video_id": f"v{number:08}",
                "uri": f"{scheme}{(path := paths[number % len(paths)])}",
                "fingerprint": prints[path],
                "status": ledger.INDEXED,
                "stage": "",
                "error": "",
                "message": "",
                "attempt": 1,
                "content_sha256": f"{number:064x}",
                "time": 1.7e9 + number,
                "generation": 1,
                "content_sample": f"{number:032x}",
            }
            for number in range(start, min(start + SHARD_VIDEOS, videos))
        ]
        shard = files.join(local, part_path("ledger", "R", part))
        files.write_tables(shard, LEDGER, [pa.Table.from_pylist(rows, schema=LEDGER)])
        for kind in ("frames", "videos"):
            place = Path(local, part_path(kind, "R", part))
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
    return gallery.root


def local_print(path: Path, scheme: str) -> str:
    return f"{path.stat().st_size}-{path.stat().st_mtime}" if scheme else fingerprint_of(str(path))


def run(manifest: str, gallery: str) -> Result:
    """A fresh process, as a scheduler starts it."""
    command = [sys.executable, "-c", PROGRAM, "index", manifest, "--gallery", gallery]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
        peak = 0
        while process.poll() is None:
            peak = max(peak, _resident(process.pid))
            time.sleep(0.02)
        seconds = time.perf_counter() - begin
        said.seek(0)
        text = said.read()
    if process.returncode != 0:
        raise RuntimeError(f"cliptrace index failed: {text}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    (skipped,) = re.findall(r"unchanged, skipped: +([\d,]+)", text)
    return {"seconds": seconds, "cpu_s": cpu, "peak_mb": peak >> 20, "skipped": int(skipped.replace(",", ""))}


def _resident(pid: int) -> int:
    """Peak resident memory so far, in bytes; 0 when it is over."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) << 10 if found else 0


QUESTION = Question(
    "benchmarks.speed.known_videos", __doc__, options, measure, tables.known_videos, ("apache-beam", "pyarrow")
)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
