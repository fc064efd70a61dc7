"""The Dockerfile, read: what it starts from, who runs in it, which versions it holds. There are no containers here."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
DOCKER = ROOT / "deploy" / "docker"
FINAL = ("cpu", "gpu", "template")
SECRET = re.compile(r"secret|token|password|credential|(access|api|private)_?key", re.IGNORECASE)


@dataclasses.dataclass
class Stage:
    """origin: what it starts from, an image or an earlier stage. steps: (instruction, its argument), in order."""

    origin: str
    name: str
    steps: list[tuple[str, str]]

    def arguments(self, instruction: str) -> list[str]:
        return [argument for each, argument in self.steps if each == instruction]


def read(path: Path) -> dict[str, Stage]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    stages: dict[str, Stage] = {}
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        instruction, argument = line.split(maxsplit=1)
        if instruction == "FROM":
            origin, word, name = argument.split()
            assert word == "AS"
            stages[name] = stage = Stage(origin, name, [])
        else:
            stage.steps.append((instruction, argument.strip()))
    return stages


STAGES = read(DOCKER / "Dockerfile")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def line_of(name: str) -> list[Stage]:
    """A stage and all that it is built on, the first first."""
    stage = STAGES[name]
    return [*(line_of(stage.origin) if stage.origin in STAGES else []), stage]


def pins() -> dict[str, str]:
    lines = (DOCKER / "constraints.txt").read_text().splitlines()
    named = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in named}


def test_all_that_is_built_on_is_pinned() -> None:
    images = [stage.origin for stage in STAGES.values() if stage.origin not in STAGES]
    assert len(images) == 4
    for image in images:
        tag = image.rpartition(":")[2]
        assert re.fullmatch(r"[\w.-]*\d[\w.-]*", tag), image
        assert "latest" not in tag


@pytest.mark.parametrize("name", FINAL)
def test_nobody_is_root(name: str) -> None:
    users = [user for stage in line_of(name) for user in stage.arguments("USER")]
    assert users[-1] == "10001"
    assert STAGES[name].steps[-1] == ("USER", "10001")
    assert any("useradd --uid 10001" in run for stage in line_of(name) for run in stage.arguments("RUN"))


@pytest.mark.parametrize("name", FINAL)
def test_all_that_the_program_needs_is_inside(name: str) -> None:
    runs = " ".join(run for stage in line_of(name) for run in stage.arguments("RUN"))
    assert re.search(r"apt-get install \S+ \S+ ffmpeg\b", runs)
    extras = "aws,gcp,hdf5,cuda" if name == "gpu" else "aws,gcp,hdf5"
    assert (
        f'pip install --no-cache-dir --constraint /constraints.txt "$(echo /wheels/cliptrace-*.whl)[{extras}]"' in runs
    )
    assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
    copies = [copy for stage in line_of(name) for copy in stage.arguments("COPY")]
    assert "--from=beam /opt/apache/beam /opt/apache/beam" in copies
    assert [e for stage in line_of(name) for e in stage.arguments("ENTRYPOINT")] == [
        '["/usr/local/bin/cliptrace-entrypoint"]'
    ]


def test_no_secret_is_in_the_file() -> None:
    for stage in STAGES.values():
        assert stage.arguments("ARG") == []
        for variables in stage.arguments("ENV"):
            assert not SECRET.search(variables)
    assert "--mount=type=secret" not in (DOCKER / "Dockerfile").read_text()


def test_what_is_copied_is_there_and_reaches_the_builder() -> None:
    """.dockerignore leaves out all but what it names."""
    ignored, *allowed = (ROOT / ".dockerignore").read_text().split()
    assert ignored == "*"
    for stage in STAGES.values():
        for copy in stage.arguments("COPY"):
            words = [word for word in copy.split() if not word.startswith("--")]
            if "--from=" not in copy:
                for source in words[:-1]:
                    assert (ROOT / source).exists()
                    assert f"!{source.split('/')[0]}" in allowed
    assert {"cliptrace", "schemas", "models", "transforms", "pipelines", "deploy"} <= {
        name.removeprefix("!") for name in allowed
    }


def test_beam_and_python_are_the_same_everywhere() -> None:
    (beam,) = (Requirement(text) for text in PROJECT["dependencies"] if Requirement(text).name == "apache-beam")
    version = pins()["apache-beam"]
    assert version in beam.specifier
    assert STAGES["beam"].origin == f"apache/beam_python3.11_sdk:{version}"
    for name in ("wheel", "base"):
        assert STAGES[name].origin.startswith("python:3.11.")
    assert STAGES["launcher"].origin.startswith("gcr.io/dataflow-templates-base/python311-")


def test_the_constraints_are_what_the_project_asks_for() -> None:
    pinned = pins()
    extras = (PROJECT["optional-dependencies"][extra] for extra in ("aws", "gcp", "hdf5", "cuda"))
    for text in [*PROJECT["dependencies"], *(each for extra in extras for each in extra)]:
        wanted = Requirement(text)
        assert wanted.specifier.contains(pinned[canonicalize_name(wanted.name)]), text
    assert int(pinned["cachetools"].split(".")[0]) < 7  # as Beam's extra gcp wants, and pymilvus would not


@pytest.mark.parametrize(
    ("arguments", "program"),
    [
        (["index", "/videos", "--gallery", "/g"], "cliptrace"),
        (["--version"], "cliptrace"),
        ([], "cliptrace"),
        (["index", "a b.mp4", "--gallery", "/g", "--", "--worker_pool"], "cliptrace"),
        (["--id=1-1", "--logging_endpoint=x:1", "--provision_endpoint=x:2", "--control_endpoint=x:3"], "boot"),
        (["--worker_pool"], "boot"),
    ],
)
def test_the_entry_point_tells_a_worker_from_the_program(tmp_path: Path, arguments: list[str], program: str) -> None:
    for name in ("boot", "cliptrace"):
        (tmp_path / name).write_text(f'#!/bin/sh\nprintf "{name}"\nprintf "|%s" "$@"\n')
        (tmp_path / name).chmod(0o755)
    script = (DOCKER / "entrypoint.sh").read_text().replace("/opt/apache/beam/boot", str(tmp_path / "boot"))
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-c", script, "entrypoint", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=10,
        check=True,
    )
    assert done.stdout == "|".join([program, *(arguments or [""])])
