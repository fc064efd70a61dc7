"""Streaming dedup: uploads that come all at once, workers that are killed, and 2,000 one after the other.

python -m benchmarks.dedup [--parts simultaneous naive same_matches killed sustained] [--runners prism flink]
                           [--runs 5] [--uploads 2000] [--seed 1]

100 uploads that appear in one moment: 40 times one file, 30 edited copies of another video, 30 distractors. Right is
one canonical of each, 32 in all, on Prism in this machine and on a Flink cluster (deploy/flink), every time.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.dedup import tables
from benchmarks.dedup.clusters import Cluster, flink, prism
from benchmarks.dedup.jobs import Event, Job, latencies, mistakes, percentile, repeated, running
from benchmarks.dedup.load import sustain
from benchmarks.dedup.uploads import Uploads, make_uploads
from benchmarks.harness.command import Question, Result, add_seed, known, save
from benchmarks.hostile.inputs import CLIPS

PARTS = ("simultaneous", "naive", "same_matches", "killed", "sustained")
RUNNERS: dict[str, Callable[[Path], contextlib.AbstractContextManager[Cluster]]] = {"prism": prism, "flink": flink}
PACKAGES = ("apache-beam", "pymilvus", "milvus-lite", "numpy", "onnxruntime")
LIMIT_S = 400.0
CANARY = "street.mp4"
"""Goes in first: the job runs when it has a verdict."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="the others stay as measured")
    parser.add_argument("--runners", nargs="+", choices=tuple(RUNNERS), default=tuple(RUNNERS))
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="of the simultaneous uploads")
    parser.add_argument("--uploads", type=int, default=2000, metavar="N", help="short ones, one after the other")
    add_seed(parser)


def measure(arguments: argparse.Namespace) -> Result:
    before = known(arguments)
    result: Result = {name: before[name] for name in ("uploads", *RUNNERS) if name in before}
    with tempfile.TemporaryDirectory(prefix="cliptrace-bench-") as name:
        root = Path(name)
        uploads = make_uploads(root / "uploads", arguments.seed)
        result["uploads"] = {group: list(uploads.groups.values()).count(group) for group in ("identical", "edited")}
        result["uploads"]["distractors"] = len(uploads.groups) - sum(result["uploads"].values())
        for runner in arguments.runners:
            with RUNNERS[runner](root / runner) as cluster:
                parts = result.setdefault(runner, {})
                for part in arguments.parts:
                    if part == "simultaneous":
                        parts[part] = repeated(arguments.runs, lambda _: at_once(root, cluster, uploads), runner)
                    elif part == "naive":
                        parts[part] = repeated(1, lambda _: at_once(root, cluster, uploads, True), "naive")
                    elif part == "same_matches":
                        parts[part] = same_matches(root, cluster, uploads)
                    elif part == "killed" and cluster.kill:
                        parts[part] = killed(root, cluster, uploads)
                    elif part == "sustained" and runner == "prism":
                        parts[part] = sustain(root / "sustained", cluster, arguments.uploads, arguments.seed)
                    save(result, arguments)
    return result


@contextlib.contextmanager
def started(root: Path, cluster: Cluster, naive: bool = False) -> Iterator[Job]:
    """A job on an empty gallery that has given its first verdict."""
    program = "benchmarks.dedup.naive" if naive else "cliptrace.pipelines.cli"
    shutil.copyfile(CLIPS / CANARY, root / CANARY)
    try:
        with running(root / "job", cluster.stream, cluster.options, program) as job:
            job.drop([root / CANARY])
            if not job.wait_for({CANARY}, LIMIT_S):
                raise RuntimeError(f"the job does not begin: {job.log.read_text()[-2000:]}")
            yield job
    finally:
        cluster.end()


def at_once(root: Path, cluster: Cluster, uploads: Uploads, naive: bool = False) -> Event:
    with started(root, cluster, naive) as job:
        return _judged(job, uploads)


def _judged(job: Job, uploads: Uploads, meanwhile: Callable[[], Any] = lambda: None) -> Event:
    groups = {**uploads.groups, CANARY: CANARY}
    dropped = job.drop([uploads.folder / name for name in uploads.groups])
    extra = meanwhile()
    done = job.wait_for(set(uploads.groups), LIMIT_S)
    events = job.events()
    seconds = latencies([event for event in events if event["video_id"] != CANARY], dropped)
    return {
        **mistakes(events, groups),
        "dead_letters": len(job.events("failures")),
        "all_judged": done,
        "p50_s": percentile(seconds, 0.5),
        "p95_s": percentile(seconds, 0.95),
        **({"meanwhile": extra} if extra is not None else {}),
    }


def killed(root: Path, cluster: Cluster, uploads: Uploads) -> list[Event]:
    """Each kind of process killed once, in the middle of the uploads."""
    outcomes = []
    for kind in ("task manager", "worker pool"):
        with started(root, cluster) as job:

            def strike(kind: str = kind, job: Job = job) -> str:
                job.wait_for(set(list(uploads.groups)[:10]), LIMIT_S)
                cluster.kill(kind)  # type: ignore[misc]
                return kind

            outcomes.append(_judged(job, uploads, strike))
            print(outcomes[-1], file=sys.stderr, flush=True)
    return outcomes


def same_matches(root: Path, cluster: Cluster, uploads: Uploads) -> Result:
    """cliptrace index and match of a batch in process and on the cluster: lines that differ."""
    queries = root / "queries"
    queries.mkdir(exist_ok=True)
    for name in list(uploads.groups)[40:70:5]:
        shutil.copyfile(uploads.folder / name, queries / name)
    lines = {}
    for where, flags in (("in process", ()), ("here", cluster.batch)):
        gallery, output = root / f"batch-{where[:2]}", root / f"batch-{where[:2]}.jsonl"
        shutil.rmtree(gallery, ignore_errors=True)
        beam = ["--", *flags] if flags else []
        store = cluster.options if flags else ()
        _cliptrace("index", str(uploads.folder / "*-2*.mp4"), "--gallery", str(gallery), *store, *beam)
        _cliptrace("match", str(queries), "--gallery", str(gallery), "--output", str(output), *beam)
        lines[where] = set(output.read_text().splitlines())
    return {"matches": len(lines["in process"]), "different": len(lines["in process"] ^ lines["here"])}


def _cliptrace(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "cliptrace.pipelines.cli", *arguments], check=True, capture_output=True)


QUESTION = Question("benchmarks.dedup", __doc__, options, measure, tables.dedup, PACKAGES)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
