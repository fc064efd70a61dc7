"""A real Milvus server, started for the tests of this folder and stopped after them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cliptrace.deploy.milvus import standalone


@pytest.fixture(scope="session")
def milvus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a server that runs."""
    data = tmp_path_factory.mktemp("milvus")
    standalone.start(data, *standalone.free_ports(1))
    try:
        yield data
    finally:
        standalone.stop(data)
