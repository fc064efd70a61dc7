"""One Milvus server on this machine, without containers: the standalone server of the PyPI package ``milvus`` 2.3.

python -m cliptrace.deploy.milvus.standalone start|status|stop --data DIR [--port 19530]

The package's own ``milvus-server`` takes another port without a word where the one it was given is taken, leaves the
server behind when it is terminated, and cannot run twice on a machine (etcd's ports are fixed). Hence this.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from cliptrace.schemas.errors import CliptraceError

PORT = 19530
_START_S = 120.0
_STOP_S = 10
_ATTEMPTS = 3
"""Ports that were free may be taken before the server comes to them."""
_SESSION_S = 10
"""How long a server that was killed counts as alive: the next one waits for it. 30 as delivered."""
_ETCD = """\
name: milvus
data-dir: {data}
listen-client-urls: http://127.0.0.1:{client}
advertise-client-urls: http://127.0.0.1:{client}
listen-peer-urls: http://127.0.0.1:{peer}
initial-advertise-peer-urls: http://127.0.0.1:{peer}
initial-cluster: milvus=http://127.0.0.1:{peer}
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Server:
    """A server that runs."""

    pid: int
    port: int

    @property
    def uri(self) -> str:
        return f"http://localhost:{self.port}"


def start(data: Path, port: int = PORT) -> Server:
    """Start a server on a new or an existing data folder; returns when it is healthy. CliptraceError otherwise."""
    if running := status(data):
        raise CliptraceError(f"{data}: a server runs here already, at {running.uri}")
    try:
        import milvus
    except ImportError as error:
        raise CliptraceError(
            "the package milvus is not installed (there is one for Linux on x86-64): pip install 'milvus>=2.3.5,<2.4'"
        ) from error
    data = data.absolute()
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CliptraceError(f"{data}: cannot be made: {error.strerror}") from error
    for attempt in range(1, _ATTEMPTS + 1):
        if not _is_free(port):
            raise CliptraceError(f"port {port} is taken: stop what listens there, or choose another with --port")
        health = _configure(data, port)
        milvus._initialize_data_files(str(data))  # unpacks the programs where they are not yet
        process = _launch(data, health)
        (data / "server.json").write_text(json.dumps({"pid": process.pid, "port": port}), encoding="utf-8")
        if _becomes_healthy(process, port, health):
            return Server(process.pid, port)
        process.kill()
        process.wait()
        if attempt == _ATTEMPTS:
            raise CliptraceError(f"{data}: the server does not start; it says why in {data}/logs/milvus.log")
    raise AssertionError


def status(data: Path) -> Server | None:
    """The server that runs on a data folder, None where there is none."""
    data = data.absolute()
    try:
        server = Server(**json.loads((data / "server.json").read_text(encoding="utf-8")))
        command = Path(f"/proc/{server.pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, TypeError):
        return None
    return server if command[0] == os.fsencode(data / "bin" / "milvus") else None  # else another process by that id


def stop(data: Path) -> bool:
    """Stop the server of a data folder in good order, or hard where that takes too long. False where none runs."""
    server = status(data)
    if server is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(server.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_S
    while status(data) and time.monotonic() < deadline:
        time.sleep(0.1)
    kill(data)
    return True


def kill(data: Path) -> None:
    """kill -9 of the server of a data folder, if one runs."""
    while server := status(data):
        with contextlib.suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGKILL)
        time.sleep(0.1)


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on at the moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("", port)).close()
    except OSError:
        return False
    return True


def _configure(data: Path, port: int) -> int:
    """Write the server's configuration; returns the port of its health check."""
    from milvus import MilvusServerConfig

    config = MilvusServerConfig(data_dir=str(data), proxy_port=port)
    inner = [key for key in config.configurable_items if key.endswith("_port") and key != "proxy_port"]
    client, peer, health, *others = free_ports(len(inner) + 3)
    config.update(**dict(zip(inner, others, strict=True)))
    config.set("common.session.ttl", _SESSION_S)
    config.resolve()
    etcd = _ETCD.format(data=json.dumps(str(data / "data" / "etcd.data")), client=client, peer=peer)
    (data / "configs" / "etcd.yaml").write_text(etcd, encoding="utf-8")
    return health


def _launch(data: Path, health: int) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "DEPLOY_MODE": "STANDALONE",
        "ETCD_CONFIG_PATH": str(data / "configs" / "etcd.yaml"),
        "LD_LIBRARY_PATH": str(data / "bin"),
        "METRICS_PORT": str(health),
    }
    command = [str(data / "bin" / "milvus"), "run", "standalone"]
    with (data / "logs" / "milvus.log").open("ab") as log:
        return subprocess.Popen(
            command, cwd=data, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def _becomes_healthy(process: subprocess.Popen[bytes], port: int, health: int) -> bool:
    deadline = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"http://127.0.0.1:{health}/healthz", timeout=5) as answer:
                healthy = b"OK" in answer.read()
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                if healthy:
                    return True
        time.sleep(0.1)
    return False


def _port(text: str) -> int:
    if not 0 < int(text) < 1 << 16:
        raise argparse.ArgumentTypeError(f"{text} is not a port")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m cliptrace.deploy.milvus.standalone",
        description="One Milvus 2.3 server on this machine, no containers.",
    )
    parser.add_argument("action", choices=("start", "status", "stop"))
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="what it stores, its programs and logs")
    parser.add_argument("--port", type=_port, default=PORT, metavar="N", help="to start it on (default: %(default)s)")
    options = parser.parse_args(argv)
    try:
        if options.action == "start":
            start(options.data, options.port)
        stopped = options.action == "stop" and stop(options.data)
    except CliptraceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    server = status(options.data)
    print(f"{options.data}: " + (f"runs at {server.uri}, process {server.pid}" if server else "no server runs"))
    return 0 if server or (options.action == "stop" and stopped) else 3


if __name__ == "__main__":
    sys.exit(main())
