"""What stands beside a table can be run elsewhere."""

import shlex
import subprocess

import pytest

from benchmarks.harness.environment import environment, portable
from cliptrace.schemas.errors import UsageError


def test_commands_name_the_footage_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIPTRACE_FOOTAGE", "/videos/of mine")
    arguments = ["echo", "/videos/of mine/Subject 1", "--seeds", "3"]
    command = portable(shlex.join(arguments))
    assert command == """echo "$CLIPTRACE_FOOTAGE"'/Subject 1' --seeds 3"""
    printed = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    assert printed == "/videos/of mine/Subject 1 --seeds 3\n"


def test_without_footage_a_command_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLIPTRACE_FOOTAGE", raising=False)
    assert portable("python -m benchmarks.alignment") == "python -m benchmarks.alignment"


def test_a_package_that_is_missing_is_named() -> None:
    with pytest.raises(UsageError) as error:
        environment("python -m benchmarks", 1, ("numpy", "no-such-package"))
    assert str(error.value) == "no-such-package is not installed: pip install '.[dev]'"
