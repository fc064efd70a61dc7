"""What cliptrace index makes of malformed and hostile inputs: one honest outcome each, and nothing foreign touched.

python -m benchmarks.hostile.malformed [--count 500] [--seed 1]

Exit code 1 where a rule does not hold.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.harness.command import Question, Result, add_seed
from benchmarks.hostile import tables
from benchmarks.hostile.inputs import CLIPS, GOOD, Canary, Case, make
from cliptrace.transforms.store import ledger
from cliptrace.transforms.store.ledger import Attempt

LIMIT_S = 300.0
INPUT_LIMIT_S = 2.0
"""Seconds after which the command counts as hung: so many, and so many more an input."""
MIN_WORDS = 2
"""A dead letter that says less is not clear."""
GENERIC = ("", "error", "exception", "none", "invalid data found when processing input", "invalid argument")


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """One run of the command. code: its exit code, None where it did not end."""

    code: int | None
    seconds: float
    stderr: str


class Trap:
    """A server on loopback and a video beside the folder, neither of which anybody may touch."""

    def __init__(self, folder: Path) -> None:
        self.connections = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._listen, daemon=True).start()
        secret = folder / "secret.mp4"
        secret.write_bytes((CLIPS / "street.mp4").read_bytes())
        # Older than the last change, so that the first reader moves it also where the system updates it rarely.
        os.utime(secret, ns=(1, secret.stat().st_mtime_ns))
        self._read_before = secret.stat().st_atime_ns
        self.canary = Canary(secret, f"http://127.0.0.1:{self._server.getsockname()[1]}")

    @property
    def secret_was_read(self) -> bool:
        return self.canary.secret.stat().st_atime_ns != self._read_before

    def is_armed(self) -> bool:
        """Whether touching is noticed at all. Afterwards it has been touched."""
        self.canary.secret.read_bytes()
        host, _, port = self.canary.url.removeprefix("http://").partition(":")
        before = self.connections
        socket.create_connection((host, int(port))).close()
        deadline = time.monotonic() + 5
        while self.connections == before and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.connections > before and self.secret_was_read

    def _listen(self) -> None:
        while True:
            self._server.accept()[0].close()
            self.connections += 1


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=500, metavar="N", help="malformed inputs")
    add_seed(parser)


def measure(arguments: argparse.Namespace) -> Result:
    count: int = arguments.count
    with tempfile.TemporaryDirectory(prefix="cliptrace-bench-") as name:
        root = Path(name)
        trap = Trap(root)
        cases = make(root / "inputs", arguments.seed, trap.canary, count)
        gallery = str(root / "gallery")
        run = index(root / "inputs", gallery, LIMIT_S + INPUT_LIMIT_S * count)
        attempts = ledger.read_attempts(gallery)
        touched = {"connections": trap.connections, "secret_was_read": trap.secret_was_read}
        rules = broken_rules(run, cases, attempts, touched)
        if not trap.is_armed():
            print("this file system does not record reads: only connections were watched", file=sys.stderr)
        outcomes = [outcome(case, attempts) for case in cases]
    return {
        "inputs": {"malformed": count, "good": len(GOOD)},
        "seconds": round(run.seconds, 1),
        "exit_code": run.code,
        **touched,
        "outcomes": outcomes,
        "broken_rules": rules,
    }


def index(folder: Path, gallery: str, limit_s: float) -> Run:
    """cliptrace index as a person runs it."""
    command = [sys.executable, "-m", "cliptrace.pipelines.cli", "index", str(folder), "--gallery", gallery]
    begin = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired as expired:
        return Run(None, time.monotonic() - begin, (expired.stderr or b"").decode(errors="replace"))
    return Run(done.returncode, time.monotonic() - begin, done.stderr.decode(errors="replace"))


def broken_rules(run: Run, cases: list[Case], attempts: list[Attempt], touched: Result) -> list[str]:
    """What does not hold, in words; empty where all is well."""
    broken = []
    if run.code is None:
        broken.append(f"no end after {run.seconds:.0f} s: {run.stderr[-500:]}")
    elif run.code != 3:
        broken.append(f"exit code {run.code}, not 3 (done but some inputs failed): {run.stderr[-500:]}")
    if "Traceback" in run.stderr:
        broken.append(f"a traceback: {run.stderr[-500:]}")
    if touched["connections"]:
        broken.append(f"{touched['connections']} connections to the server that inputs point to")
    if touched["secret_was_read"]:
        broken.append("the foreign file that inputs point to was read")
    rows = collections.Counter(attempt.video_id for attempt in attempts)
    wanted = {ledger_id(case.name) for case in cases} | set(GOOD)
    broken += [f"{name!r}: {rows[name]} rows in the ledger" for name in sorted(wanted) if rows[name] != 1]
    broken += [f"{name!r}: in the ledger, but no input" for name in sorted(rows.keys() - wanted)]
    state = {attempt.video_id: attempt for attempt in attempts}
    good = [Case(name, "good", "indexed") for name in GOOD]
    for case in (*cases, *good):
        attempt = state.get(ledger_id(case.name))
        if attempt and case.expected not in ("any", attempt.status):
            broken.append(f"{case.name!r}: {attempt.status}, not {case.expected}: {attempt.message}")
        if attempt and attempt.status == ledger.FAILED and not is_clear(attempt):
            broken.append(f"{case.name!r}: an unclear dead letter: {attempt.error}: {attempt.message!r}")
    return broken


def is_clear(attempt: Attempt) -> bool:
    """A dead letter that names a reason of the file's, not of the code's."""
    message = attempt.message.strip().lower()
    return attempt.error == "MediaError" and message not in GENERIC and len(message.split()) >= MIN_WORDS


def ledger_id(name: str) -> str:
    """The id of a file: its name, of which what is not UTF-8 is escaped."""
    return name.encode(errors="backslashreplace").decode()


def outcome(case: Case, attempts: list[Attempt]) -> dict[str, str]:
    attempt = next((each for each in attempts if each.video_id == ledger_id(case.name)), None)
    result = (
        "missing"
        if not attempt
        else "partial"
        if attempt.status == ledger.INDEXED and attempt.message
        else attempt.status
    )
    return {
        "kind": case.kind,
        "input": ledger_id(case.name),
        "outcome": result,
        "message": attempt.message if attempt else "",
    }


QUESTION = Question("benchmarks.hostile.malformed", __doc__, options, measure, tables.malformed, ("pyarrow",))

if __name__ == "__main__":
    sys.exit(QUESTION.main())
