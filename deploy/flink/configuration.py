"""A small cluster on one machine: its ports, Flink's configuration, and the commands of its processes."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

from cliptrace.deploy.milvus.standalone import free_ports

_OPENS = [
    f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in ("lang", "util", "net", "nio", "util.concurrent")
]
_HEAP_MB = {"job-manager": 512, "task-manager": 384, "job-server": 384}
_JOB_MANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
_TASK_MANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
_JOB_SERVER = "org.apache.beam.runners.flink.FlinkJobServerDriver"
_WORKERS = "apache_beam.runners.worker.worker_pool_main"
_LOG = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.name = console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %-5p %c{1} - %m%n
"""
_CONFIG = """\
jobmanager.rpc.address: localhost
jobmanager.rpc.port: {rpc}
jobmanager.bind-host: localhost
taskmanager.bind-host: localhost
taskmanager.host: localhost
rest.address: localhost
rest.bind-address: localhost
rest.port: {rest}
rest.bind-port: "{rest}"
parallelism.default: {parallelism}
taskmanager.numberOfTaskSlots: {slots}
taskmanager.cpu.cores: {slots}.0
taskmanager.memory.framework.heap.size: 128mb
taskmanager.memory.task.heap.size: 256mb
taskmanager.memory.framework.off-heap.size: 128mb
taskmanager.memory.task.off-heap.size: 128mb
taskmanager.memory.managed.size: 64mb
taskmanager.memory.network.min: 64mb
taskmanager.memory.network.max: 64mb
taskmanager.memory.jvm-metaspace.size: 256mb
taskmanager.memory.jvm-overhead.min: 192mb
taskmanager.memory.jvm-overhead.max: 192mb
classloader.resolve-order: parent-first
blob.service.cleanup.interval: 60
task.cancellation.interval: 2000
task.cancellation.timeout: 20000
cluster.registration.error-delay: 1000
heartbeat.interval: 2000
heartbeat.timeout: 30000
restart-strategy.type: failure-rate
restart-strategy.failure-rate.max-failures-per-interval: 5
restart-strategy.failure-rate.failure-rate-interval: 5 min
restart-strategy.failure-rate.delay: 2 s
state.checkpoints.dir: file://{data}/checkpoints
execution.checkpointing.externalized-checkpoint-retention: RETAIN_ON_CANCELLATION
io.tmp.dirs: {data}/tmp
web.upload.dir: {data}/tmp
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shape:
    """task_managers × slots is how many tasks run at a time; each job has ``slots`` × task managers in parallel."""

    task_managers: int = 1
    slots: int = 1


def make_plan(data: Path, jars: Path, programs: Path, shape: Shape) -> dict[str, Any]:
    """Write Flink's configuration into ``data``, and say what the keeper has to run, at ports that are free now."""
    rpc, rest, job, artifact, pool = free_ports(5)
    for name in ("conf", "logs", "checkpoints", "tmp"):
        (data / name).mkdir(parents=True, exist_ok=True)
    text = _CONFIG.format(
        data=data,
        rpc=rpc,
        rest=rest,
        slots=shape.slots,
        parallelism=shape.slots * shape.task_managers,
    )
    (data / "conf" / "config.yaml").write_text(text, encoding="utf-8")
    (data / "conf" / "log4j.properties").write_text(_LOG, encoding="utf-8")
    configuration = ["--configDir", str(data / "conf")]
    managers = {
        "job-manager": _java("job-manager", data, _JOB_MANAGER, jars, configuration),
        **{
            f"task-manager-{number}": _java("task-manager", data, _TASK_MANAGER, jars, configuration)
            for number in range(1, shape.task_managers + 1)
        },
    }
    server = [f"--flink-master=localhost:{rest}", f"--flink-conf-dir={data / 'conf'}", "--job-host=localhost",
              f"--job-port={job}", f"--artifact-port={artifact}", "--expansion-port=0",
              f"--artifacts-dir={data / 'tmp'}"]  # fmt: skip
    # The pool starts its workers as "python", the first one on PATH.
    workers = [str(programs / "python"), "-m", _WORKERS, f"--service_port={pool}"]
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": "", "OPENBLAS_NUM_THREADS": "1"}
    return {
        "addresses": {
            "flink": f"localhost:{rest}",
            "job_server": f"localhost:{job}",
            "worker_pool": f"localhost:{pool}",
        },
        "task_managers": shape.task_managers,
        "processes": {
            **{name: {"command": command, "environment": {}} for name, command in managers.items()},
            "job-server": {"command": _java("job-server", data, _JOB_SERVER, jars, server), "environment": {}},
            "worker-pool": {"command": workers, "environment": environment},
        },
    }


def _java(name: str, data: Path, entry: str, jars: Path, arguments: list[str]) -> list[str]:
    heap = f"-Xmx{_HEAP_MB[name]}m"
    log = f"-Dlog4j.configurationFile={data / 'conf' / 'log4j.properties'}"
    return ["java", heap, "-XX:+UseSerialGC", *_OPENS, log, "-cp", f"{jars}/*", entry, *arguments]
