"""How fast cliptrace index is beside ffmpeg alone on the same footage, and where the rest of the time goes.

python -m benchmarks.speed.index_throughput [--minutes 10] [--seed 1] [--runs 5] [--vpdq PYTHON]

Every method runs once a round, the order turned round each time; medians of the rounds. cliptrace runs in a fresh
process into a new gallery, start-up included. --vpdq names an interpreter that can import vpdq.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from benchmarks.attacks.splits import find_footage
from benchmarks.harness.command import Question, Result, add_seed
from benchmarks.speed import tables
from benchmarks.speed.tables import BASELINE
from cliptrace.schemas.config import BASIS_FPS, DEFAULT_BACKBONE, Limits
from cliptrace.transforms.media.probe import probe

SAMPLE_S = 0.25
OURS = "cliptrace index"
_VPDQ = "import sys, vpdq\nfor path in sys.argv[1:]: vpdq.computeHash(path, seconds_per_hash=1)"


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, default=float("inf"), help="of footage; default: all of it")
    parser.add_argument("--runs", type=int, default=5, metavar="N")
    add_seed(parser, "which videos of the footage")
    parser.add_argument("--vpdq", default="", metavar="PYTHON", help="also measure vpdq, with this interpreter")


def measure(arguments: argparse.Namespace) -> Result:
    paths, seconds = choose(arguments.minutes, arguments.seed)
    rounds: dict[str, list[Result]] = {}
    with tempfile.TemporaryDirectory(prefix="cliptrace-bench-") as folder:
        methods = make_methods(paths, Path(folder), arguments.vpdq)
        for number in range(arguments.runs):
            order = list(methods.items())
            for name, work in order if number % 2 == 0 else reversed(order):
                rounds.setdefault(name, []).append(watch(work))
                print(f"round {number + 1}: {name}: {rounds[name][-1]['wall_s']:.1f} s", file=sys.stderr)
        profile = profiled(Path(folder))
    rows = {name: summary(rounds[name], seconds) for name in methods}
    return {
        "data": {"videos": len(paths), "seconds": seconds, "backbone": DEFAULT_BACKBONE},
        "runs": arguments.runs,
        "methods": rows,
        "ratio": rows[BASELINE]["wall_s"] / rows[OURS]["wall_s"],
        "profile": profile,
    }


def choose(minutes: float, seed: int) -> tuple[list[str], float]:
    """Videos of the footage in a random order, so many minutes of them, and how many seconds that are."""
    footage = find_footage()
    paths = [str((footage.root / path).absolute()) for path in footage.paths]
    Random(seed).shuffle(paths)
    chosen: list[str] = []
    seconds = 0.0
    for path in paths:
        if seconds >= minutes * 60:
            break
        chosen.append(path)
        seconds += probe(path, Limits()).duration_s
    return chosen, seconds


def make_methods(paths: list[str], folder: Path, vpdq: str) -> dict[str, Callable[[], None]]:
    manifest = folder / "videos.jsonl"
    manifest.write_text("".join(json.dumps({"uri": path}) + "\n" for path in paths))
    small = ["-vf", f"fps={BASIS_FPS},scale=224:224", "-pix_fmt", "rgb24", "-f", "rawvideo"]
    one = ["-threads", "1", "-filter_threads", "1"]
    methods: dict[str, Callable[[], None]] = {
        "ffmpeg decode": lambda: decode(paths, [], ["-f", "null"]),
        BASELINE: lambda: decode(paths, [], small),
        f"{BASELINE}, 2 files at a time": lambda: decode(paths, one, small, at_a_time=2),
        OURS: lambda: index(manifest, folder / "gallery"),
    }
    if vpdq:
        methods["vpdq, 1 frame a second"] = lambda: run([vpdq, "-c", _VPDQ, *paths])
    return methods


def decode(paths: list[str], before: list[str], after: list[str], at_a_time: int = 1) -> None:
    """One ffmpeg a file, its output thrown away."""
    start = ["ffmpeg", "-nostdin", "-v", "error", "-y", *before]
    commands = [[*start, "-i", path, "-an", *after, os.devnull] for path in paths]
    with ThreadPoolExecutor(at_a_time) as pool:
        list(pool.map(run, commands))


def index(manifest: Path, gallery: Path, profile: str = "") -> None:
    shutil.rmtree(gallery, ignore_errors=True)
    module = ["-m", "benchmarks.speed.index_profile", profile] if profile else ["-m", "cliptrace.pipelines.cli"]
    run([sys.executable, *module, "index", str(manifest), "--gallery", str(gallery)])


def profiled(folder: Path) -> Result:
    """One more run of cliptrace index, its functions timed."""
    index(folder / "videos.jsonl", folder / "gallery", str(folder / "profile.json"))
    return dict(json.loads((folder / "profile.json").read_text()))


def run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"{command[:3]} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}"
        )


def watch(work: Callable[[], None]) -> Result:
    """Wall seconds, CPU seconds and largest memory of the processes that ``work`` starts."""
    peak, done = [0], threading.Event()

    def sample() -> None:
        while not done.wait(SAMPLE_S):
            peak[0] = max(peak[0], sum(map(resident, descendants(os.getpid()))))

    sampler = threading.Thread(target=sample)
    before = os.times()
    sampler.start()
    begin = time.perf_counter()
    try:
        work()
    finally:
        wall_s = time.perf_counter() - begin
        done.set()
        sampler.join()
    after = os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return {"wall_s": wall_s, "cpu_s": cpu_s, "peak_mb": peak[0] / 1e6}


def descendants(pid: int) -> list[int]:
    """Processes below ``pid``, as far as they still live."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = list(parents.get(pid, []))
    for child in found:
        found += parents.get(child, [])
    return found


def resident(pid: int) -> int:
    """Bytes of memory; 0 for a process that has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def summary(runs: list[Result], seconds: float) -> Result:
    median = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    return {**median, "real_time": seconds / median["wall_s"], "wall_runs_s": [run["wall_s"] for run in runs]}


QUESTION = Question(
    "benchmarks.speed.index_throughput",
    __doc__,
    options,
    measure,
    tables.index_throughput,
    ("apache-beam", "numpy", "onnxruntime", "pyarrow", "milvus-lite"),
)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
