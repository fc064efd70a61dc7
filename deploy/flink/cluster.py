"""A Flink cluster on this machine that runs Beam pipelines in Python, without containers.

python -m cliptrace.deploy.flink.cluster start|show|cancel|stop --data DIR

One job manager, task managers, Beam's job server, and a pool of workers whose Python holds the wheel of this checkout.
A process that ends is started anew (deploy/flink/keeper.py), and Flink restarts its jobs from their last checkpoint.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cliptrace.deploy.flink.configuration import Shape, make_plan
from cliptrace.deploy.flink.install import CHECKOUT, fetch_jars, make_workers
from cliptrace.schemas.errors import CliptraceError

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cliptrace" / "flink"
CHECKPOINT_S = 10.0
_START_S = 120.0
_STOP_S = 20.0
_CANCEL_S = 200.0
"""Flink itself gives a task 180 s."""
_UNENDED = frozenset({"INITIALIZING", "CREATED", "RUNNING", "RESTARTING", "CANCELLING", "FAILING"})


def start(data: Path, shape: Shape, cache: Path = CACHE) -> dict[str, Any]:
    """Start a cluster; returns what ``status`` does, when it is healthy. CliptraceError otherwise.

    The first start fetches 500 MB into ``cache`` and makes a virtual environment in ``data``.
    """
    data = data.absolute()
    if status(data):
        raise CliptraceError(f"{data}: a cluster runs here already")
    plan = make_plan(data, fetch_jars(cache.absolute()), make_workers(data / "workers"), shape)
    (data / "plan.json").write_text(json.dumps(plan, indent=2) + "\n", encoding="utf-8")
    with (data / "logs" / "keeper.log").open("ab") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "cliptrace.deploy.flink.keeper", str(data)],
            cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + _START_S
    while keeper.poll() is None and time.monotonic() < deadline:
        if (cluster := status(data)) and is_healthy(cluster, shape.task_managers):
            return cluster
        time.sleep(0.2)
    stop(data)
    raise CliptraceError(f"{data}: the cluster does not start; its processes say why in {data / 'logs'}")


def status(data: Path) -> dict[str, Any] | None:
    """Addresses and processes of the cluster of a data folder (DIR/cluster.json), None where none runs."""
    try:
        cluster: dict[str, Any] = json.loads((data / "cluster.json").read_text(encoding="utf-8"))
        command = Path(f"/proc/{cluster['keeper']}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, LookupError):
        return None
    return cluster if b"cliptrace.deploy.flink.keeper" in command else None  # else another process by that id


def is_healthy(cluster: dict[str, Any], task_managers: int = 1) -> bool:
    """Whether Flink answers with its task managers, and job server and worker pool listen."""
    try:
        if ask(cluster, "/overview")["taskmanagers"] < task_managers:
            return False
        for name in ("job_server", "worker_pool"):
            host, port = cluster[name].split(":")
            socket.create_connection((host, int(port)), timeout=5).close()
    except OSError:
        return False
    return True


def stop(data: Path) -> bool:
    """Stop all processes of a cluster. False where none runs."""
    cluster = status(data)
    if cluster is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(cluster["keeper"], signal.SIGTERM)
    deadline = time.monotonic() + _STOP_S
    while status(data):
        if time.monotonic() > deadline:
            raise CliptraceError(f"{data}: process {cluster['keeper']} does not end")
        time.sleep(0.1)
    return True


def ask(cluster: dict[str, Any], path: str) -> Any:
    """What Flink's REST API says. OSError where it does not."""
    with urllib.request.urlopen(f"http://{cluster['flink']}{path}", timeout=10) as answer:
        return json.load(answer)


def jobs(cluster: dict[str, Any]) -> list[dict[str, Any]]:
    """Every job of the cluster, the latest last: id, name, state, restarts, completed checkpoints."""
    found = []
    for job in sorted(ask(cluster, "/jobs/overview")["jobs"], key=lambda job: job["start-time"]):
        metrics = ask(cluster, f"/jobs/{job['jid']}/metrics?get=numRestarts")
        checkpoints: dict[str, Any] = {}
        with contextlib.suppress(urllib.error.HTTPError):  # a batch job has none
            checkpoints = ask(cluster, f"/jobs/{job['jid']}/checkpoints")
        found.append(
            {
                "id": job["jid"],
                "name": job["name"],
                "state": job["state"],
                "restarts": int(metrics[0]["value"]) if metrics else 0,
                "checkpoints": checkpoints.get("counts", {}).get("completed", 0),
            }
        )
    return found


def cancel(cluster: dict[str, Any]) -> int:
    """End every job that runs, and wait until it has ended; returns how many. Beam's job server does not hand an
    interrupt of the command that submitted a job on to Flink."""
    ended = 0
    deadline = time.monotonic() + _CANCEL_S
    while running := [job for job in jobs(cluster) if job["state"] in _UNENDED]:
        for job in running if not ended else ():
            address = f"http://{cluster['flink']}/jobs/{job['id']}?mode=cancel"
            urllib.request.urlopen(urllib.request.Request(address, method="PATCH"), timeout=10).close()
        ended = ended or len(running)
        if time.monotonic() > deadline:
            raise CliptraceError(f"job {running[0]['id']} does not end")
        time.sleep(0.5)
    return ended


def beam_flags(cluster: dict[str, Any], checkpoint_every_s: float | None = None) -> list[str]:
    """With which a pipeline in Python goes to the cluster. checkpoint_every_s: for one that streams."""
    flags = [
        "--runner=PortableRunner",
        f"--job_endpoint={cluster['job_server']}",
        "--environment_type=EXTERNAL",
        f"--environment_config={cluster['worker_pool']}",
    ]
    if checkpoint_every_s is None:
        # Workers live on from one stage to the next, instead of loading their models anew.
        return [*flags, "--environment_cache_millis=60000"]
    return [
        *flags,
        "--streaming",
        # Not in Flink's configuration: where Beam does not know of it, sources end, and then no checkpoint succeeds.
        f"--checkpointing_interval={round(checkpoint_every_s * 1000)}",
        # Else what a bundle puts out at a checkpoint waits for the next bundle, which after a source may never come.
        "--finish_bundle_before_checkpointing",
    ]


def show(data: Path, checkpoint_every_s: float = CHECKPOINT_S) -> bool:
    """Print where the cluster is, what its jobs do, and how to submit one. False where none runs."""
    cluster = status(data)
    if cluster is None:
        print(f"{data}: no cluster runs")
        return False
    healthy = is_healthy(cluster)
    print(f"{data}: {'runs' if healthy else 'is not healthy'}, dashboard http://{cluster['flink']}")
    for name, process in cluster["processes"].items():
        print(f"  {name}: process {process['pid']}, started anew {process['restarts']} times")
    for job in jobs(cluster) if healthy else []:
        told = f"{job['restarts']} restarts, {job['checkpoints']} checkpoints"
        print(f"  {job['id']} {job['state']} {job['name']}: {told}")
    print(f"a batch job:     -- {' '.join(beam_flags(cluster))}")
    print(f"a streaming job: -- {' '.join(beam_flags(cluster, checkpoint_every_s))}")
    return True


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m cliptrace.deploy.flink.cluster",
        description="A Flink cluster for Beam on this machine, no containers.",
    )
    parser.add_argument("action", choices=("start", "show", "cancel", "stop"))
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="its checkpoints, logs and workers")
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="DIR", help="jars (default: %(default)s)")
    parser.add_argument("--task-managers", type=int, default=1, metavar="N", help="default: %(default)s")
    parser.add_argument("--slots", type=int, default=1, metavar="N", help="of a task manager (default: %(default)s)")
    parser.add_argument(
        "--checkpoint-every",
        type=float,
        default=CHECKPOINT_S,
        metavar="S",
        help="seconds, in what is shown for a streaming job (default: %(default)s)",
    )
    options = parser.parse_args(argv)
    try:
        if options.action == "start":
            start(options.data, Shape(task_managers=options.task_managers, slots=options.slots), options.cache)
        if options.action == "cancel" and (cluster := status(options.data)):
            print(f"{options.data}: {cancel(cluster)} jobs cancelled")
            return 0
        if options.action == "stop":
            stopped = stop(options.data)
            print(f"{options.data}: " + ("stopped" if stopped else "no cluster runs"))
            return 0 if stopped else 3
        return 0 if show(options.data, options.checkpoint_every) else 3
    except CliptraceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
