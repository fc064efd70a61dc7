"""cliptrace index as a process that is cut off, and what cuts it off: kills, and a server that answers late."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.faults.proxy import before
from benchmarks.faults.stores import differences
from benchmarks.hostile.inputs import CLIPS
from cliptrace.deploy.milvus import standalone
from cliptrace.transforms.store import ledger

SECONDS_A_VIDEO = 3
WAVE = 2
LIMIT_S = 400.0
Result = dict[str, Any]

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(
    ["cliptrace.pipelines.index", "pymilvus", "milvus_lite"]
)  # a run begins with its work


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """call_s: seconds that Milvus has for an answer. file_bytes: longest file that may be written. None: as shipped."""

    call_s: float | None = None
    file_bytes: int | None = None


class Run:
    """cliptrace index in a process of its own, with waves of a few videos, so that one run makes several commits."""

    def __init__(self, videos: Path, gallery: Path, uri: str = "", limits: Limits = Limits()) -> None:
        self.hangs = False
        self._log = gallery.with_name(f"{gallery.name}.log")
        self._log.unlink(missing_ok=True)
        arguments = ["index", str(videos), "--gallery", str(gallery), "--threads", "2"]
        arguments += ["--milvus", uri] if uri else []
        self._process = _processes.Process(target=_index, args=(arguments, str(self._log), limits))
        self._process.start()

    def kill(self) -> bool:
        """kill -9, with all that it started. False where it had ended."""
        alive = self._process.exitcode is None
        try:
            os.killpg(self._process.pid or 0, signal.SIGKILL)
        except ProcessLookupError:  # it has just begun, and leads no group yet
            self._process.kill()
        self._process.join()
        return alive

    def goes_on(self) -> bool:
        return self._process.exitcode is None

    def end(self) -> int:
        """Its exit code; that of a kill where it does not end."""
        self._process.join(LIMIT_S)
        if self._process.exitcode is None:
            self.hangs = True
            self.kill()
        return int(self._process.exitcode or 0)

    def says(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""


def _index(arguments: list[str], log: str, limits: Limits) -> None:
    os.setsid()
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(written, 1)
    os.dup2(written, 2)
    from cliptrace.pipelines import cli, running
    from cliptrace.transforms.store import vectors

    running._LOCAL_WAVE = (WAVE, 1 << 40)
    if limits.call_s is not None:
        vectors.CALL_S = limits.call_s
    if limits.file_bytes is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails instead
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_bytes, limits.file_bytes))
    sys.exit(cli.main(arguments))


def make_videos(folder: Path) -> set[str]:
    """The first seconds of each shipped clip. Returns the videos' ids."""
    folder.mkdir()
    for clip in sorted(CLIPS.glob("*.mp4")):
        command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(clip), "-t", str(SECONDS_A_VIDEO)]
        subprocess.run([*command, str(folder / clip.name)], check=True)
    return {path.name for path in folder.iterdir()}


@dataclasses.dataclass
class Bench:
    """videos: a folder of them. server: data folder of a Milvus server. usual_s: of an undisturbed run."""

    root: Path
    videos: Path
    wanted: set[str]
    server: Path
    rng: random.Random
    usual_s: float = 0.0
    usual_bytes: int = 0
    _number: int = 0

    @property
    def port(self) -> int:
        server = standalone.status(self.server)
        assert server is not None
        return server.port

    @property
    def uri(self) -> str:
        return f"http://localhost:{self.port}"

    def measure_undisturbed(self) -> None:
        for _ in range(2):  # the first one has modules to import
            gallery, begin = self.new_gallery(), time.monotonic()
            if (code := Run(self.videos, gallery).end()) != 0:
                raise RuntimeError(f"an undisturbed run ends with {code}")
            self.usual_s = time.monotonic() - begin
            self.usual_bytes = sum(path.stat().st_size for path in gallery.rglob("*") if path.is_file())
            shutil.rmtree(gallery)

    def new_gallery(self) -> Path:
        self._number += 1
        return self.root / f"gallery{self._number}"

    def interrupted(self, uri: str, least: float = 0.0, limits: Limits = Limits()) -> tuple[Path, Run, float]:
        """A run into a new gallery at a random moment, after the share ``least`` of an undisturbed run's time."""
        while True:
            gallery = self.new_gallery()
            run, waited = Run(self.videos, gallery, uri, limits), self.wait(least)
            if run.goes_on():
                return gallery, run, waited
            shutil.rmtree(gallery)

    def wait(self, least: float = 0.0) -> float:
        """Seconds until the fault, now over."""
        waited = self.rng.uniform(least, 0.9) * self.usual_s
        time.sleep(waited)
        return waited

    def finish(self, gallery: Path, uri: str, cut_off: Run, waited_s: float) -> Result:
        """The same command again, and what is then wrong. cut_off: the run that met the fault, which has ended."""
        known = [attempt.video_id for attempt in ledger.read_attempts(str(gallery))]
        first, said = cut_off.end(), cut_off.says()
        again = Run(self.videos, gallery, uri)
        code = again.end()
        wrong = [] if code == 0 else [f"the second run ends with {code}: {again.says()[-300:]}"]
        if "Traceback" in said + again.says():
            wrong.append(f"a traceback: {(said + again.says())[-300:]}")
        wrong += differences(str(gallery), self.wanted)
        times = [a.video_id for a in ledger.read_attempts(str(gallery)) if a.status == ledger.INDEXED]
        wrong += [f"{name!r} was indexed {times.count(name)} times" for name in set(times) if times.count(name) > 1]
        shutil.rmtree(gallery, ignore_errors=True)
        last = (said.strip().splitlines() or [""])[-1].replace(str(self.root), "")
        if cut_off.hangs:
            wrong.append(f"the run does not end: {said[-300:]}")
        elif first not in (0, -signal.SIGKILL) and not (first == 1 and last.startswith("cliptrace: error: ")):
            wrong.append(f"the run ends with {first} and no clear error: {said[-300:]}")
        return {
            "after_s": round(waited_s, 2),
            "exit_code": first,
            "error": last if first == 1 else "",
            "indexed_before": len(known),
            "wrong": wrong,
        }


def killed(bench: Bench, server: bool) -> Result:
    """kill -9 of the index process."""
    uri = bench.uri if server else ""
    gallery, run, waited = bench.interrupted(uri)
    run.kill()
    return bench.finish(gallery, uri, run, waited)


def server_killed(bench: Bench) -> Result:
    """kill -9 of the server while it is written to; it is started again at once."""
    port, uri = bench.port, bench.uri
    gallery, run, waited = bench.interrupted(uri, 0.2)
    standalone.kill(bench.server)
    standalone.start(bench.server, port)
    run.end()
    return bench.finish(gallery, uri, run, waited)


def late(bench: Bench, delay_s: float, call_s: float | None = None) -> Result:
    """Answers of the server come late. call_s: so late at first that they are no longer waited for."""
    with before(bench.port) as proxy:
        if not call_s:
            proxy.delay_s = delay_s
            gallery, waited = bench.new_gallery(), 0.0
            run = Run(bench.videos, gallery, proxy.uri)
        else:
            gallery, run, waited = bench.interrupted(proxy.uri, 0.2, Limits(call_s=call_s))
            proxy.delay_s = delay_s
            time.sleep(2 * delay_s)
            proxy.delay_s = 0.0
        run.end()
        return {**bench.finish(gallery, proxy.uri, run, waited), "answers_held_back": proxy.held_back}
