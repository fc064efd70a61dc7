"""Where a dedup job runs: on Prism beside its own process, or on a Flink cluster with a Milvus server."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cliptrace.deploy.flink import cluster as flink_cluster
from cliptrace.deploy.flink.configuration import Shape
from cliptrace.deploy.milvus import standalone
from cliptrace.pipelines.prism import find_prism

CHECKPOINT_S = 5.0


@dataclasses.dataclass(frozen=True)
class Cluster:
    """stream, batch: Beam's options for either. options: of cliptrace, where there is no gallery yet. kill: ends a
    process of the cluster, by its kind, with signal 9. end: its jobs, where those outlive the command."""

    stream: Sequence[str]
    batch: Sequence[str]
    options: Sequence[str] = ()
    kill: Callable[[str], None] | None = None
    end: Callable[[], object] = lambda: None


@contextlib.contextmanager
def prism(root: Path) -> Iterator[Cluster]:
    yield Cluster((), ("--runner=PrismRunner", f"--prism_location={find_prism()}", "--prism_log_level=error"))


@contextlib.contextmanager
def flink(root: Path) -> Iterator[Cluster]:
    server = standalone.start(root / "milvus", *standalone.free_ports(1))
    try:
        started = flink_cluster.start(root / "flink", Shape())
        try:
            yield Cluster(
                # Bundles of one upload: a verdict does not wait for those that came with it.
                [*flink_cluster.beam_flags(started, CHECKPOINT_S), "--max_bundle_size=1"],
                flink_cluster.beam_flags(started),
                ("--milvus", server.uri),
                lambda kind: _kill(root / "flink", kind),
                lambda: flink_cluster.cancel(started),
            )
        finally:
            flink_cluster.stop(root / "flink")
    finally:
        standalone.stop(root / "milvus")


def _kill(data: Path, kind: str) -> None:
    status = flink_cluster.status(data)
    assert status is not None
    (pid,) = (
        process["pid"] for name, process in status["processes"].items() if name.startswith(kind.replace(" ", "-"))
    )
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
