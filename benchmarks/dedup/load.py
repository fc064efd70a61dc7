"""Short uploads one after the other, a little slower than they can be judged: does anything grow?"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.attacks.media import X264, ffmpeg
from benchmarks.attacks.splits import Split, find_footage, representatives
from benchmarks.dedup.clusters import Cluster
from benchmarks.dedup.jobs import Job, running
from cliptrace.schemas.config import Limits
from cliptrace.transforms.media.probe import probe

SECONDS = 2.0
FILL, BURST = 400, 100
"""Uploads that are there first, since a search among few is faster; and those that show the capacity."""
SHARE = 0.7
"""Of the capacity."""
_LIMIT_S = 600.0


def sustain(root: Path, cluster: Cluster, uploads: int, seed: int) -> dict[str, Any]:
    """Minute by minute: uploads so far, verdicts so far, uploads that wait, memory of the job and all its children."""
    files = make_short(root / "short", FILL + BURST + uploads, seed)
    with running(root / "job", cluster.stream, cluster.options) as job:
        _judge_at_once(job, files[:1])
        _judge_at_once(job, files[1:FILL])
        capacity = BURST / _judge_at_once(job, files[FILL : FILL + BURST])
        minutes = list(_minutes(job, files[FILL + BURST :], SHARE * capacity))
    return {
        "uploads": uploads,
        "capacity": capacity,
        "rate": SHARE * capacity,
        "hours_an_hour_and_core": capacity * SECONDS / cores(),
        "minutes": minutes,
    }


def _judge_at_once(job: Job, files: list[Path]) -> float:
    """Seconds that it takes."""
    begin = time.monotonic()
    job.drop(files)
    if not job.wait_for({file.name for file in files}, _LIMIT_S):
        raise RuntimeError(f"{len(files)} uploads have no verdict after {_LIMIT_S:g} s")
    return time.monotonic() - begin


def _minutes(job: Job, files: list[Path], rate: float) -> Iterator[dict[str, Any]]:
    begin, told = time.monotonic(), 0.0
    for number, file in enumerate(files):
        time.sleep(max(0.0, begin + number / rate - time.monotonic()))
        job.drop([file])
        if time.monotonic() - begin >= told + 60 or number == len(files) - 1:
            told = time.monotonic() - begin
            told_of = {event["video_id"] for kind in ("verdicts", "failures") for event in job.events(kind)}
            judged = len(told_of.intersection(file.name for file in files))
            row = {
                "minute": told / 60,
                "dropped": number + 1,
                "judged": judged,
                "waiting": number + 1 - judged,
                "mb": memory_mb(job.process.pid),
            }
            print(f"sustained: {row}", file=sys.stderr, flush=True)
            yield row


def make_short(folder: Path, count: int, seed: int) -> list[Path]:
    """Small pieces of all footage, each from another place."""
    rng, footage = random.Random(seed), find_footage()
    splits: tuple[Split, ...] = ("train", "validation", "test")
    sources = [footage.root / path for split in splits for path in representatives(footage, split)]
    room = {source: max(0.0, probe(str(source), Limits()).duration_s - SECONDS) for source in sources}
    folder.mkdir(parents=True, exist_ok=True)
    made = [folder / f"{number:05}.mp4" for number in range(count)]
    places = [(source, rng.uniform(0, room[source])) for source in rng.choices(sources, list(room.values()), k=count)]

    def make(target: Path, place: tuple[Path, float]) -> None:
        cut = ("-ss", f"{place[1]:.2f}", "-t", f"{SECONDS:g}", "-i", str(place[0]), "-an", "-sn", "-dn")
        encoder = (*X264, "-preset", "ultrafast", "-threads", "1", "-pix_fmt", "yuv420p")
        ffmpeg(*cut, "-vf", "scale=160:-2", *encoder, str(target))

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(make, made, places))
    return made


def memory_mb(pid: int) -> int:
    """Resident memory of a process and all that come from it."""
    parents: dict[int, int] = {}
    resident: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        parents[int(folder.name)], resident[int(folder.name)] = int(fields[1]), int(fields[21]) * 4096

    def comes_from(process: int) -> bool:
        while process and process != pid:
            process = parents.get(process, 0)
        return process == pid

    return sum(size for process, size in resident.items() if comes_from(process)) >> 20


def cores() -> int:
    return len(os.sched_getaffinity(0))
