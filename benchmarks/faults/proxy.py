"""A TCP proxy before a server, which may hold its answers back."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

_CHUNK = 1 << 16


class Proxy:
    """delay_s: how long each answer of the server waits before it is passed on; may be set at any time."""

    def __init__(self, target_port: int) -> None:
        self.delay_s = 0.0
        self.held_back = 0
        self._target_port = target_port
        self._listening = socket.create_server(("127.0.0.1", 0))

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client = self._listening.accept()[0]
                server = socket.create_connection(("127.0.0.1", self._target_port))
                for source, sink, answers in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pass_on, args=(source, sink, answers), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with contextlib.suppress(OSError), source, sink:
            while data := source.recv(_CHUNK):
                if answers and self.delay_s:
                    self.held_back += 1
                    time.sleep(self.delay_s)
                sink.sendall(data)


@contextlib.contextmanager
def before(port: int) -> Iterator[Proxy]:
    """A proxy before what listens on a port of this machine."""
    proxy = Proxy(port)
    accepting = threading.Thread(target=proxy._accept, daemon=True)
    accepting.start()
    try:
        yield proxy
    finally:
        proxy._listening.shutdown(socket.SHUT_RDWR)
        proxy._listening.close()
        accepting.join(5)
