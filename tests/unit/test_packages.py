"""What pip installs: one name to import, with all that it needs, from the wheel as from the source archive."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "tests", "benchmarks", "*-out")
ROOMS = {"models", "schemas", "transforms", "pipelines", "deploy"}
NEEDED = {
    "py.typed",
    "models/weights/spd/model.onnx",
    "models/ssan/README.md",
    "deploy/docker/constraints.txt",
    "pipelines/cli/__main__.py",
}


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> Path:
    """A folder with the wheel and the source archive of a copy of this checkout."""
    made = tmp_path_factory.mktemp("packages")
    source = made / "source"
    shutil.copytree(ROOT, source, symlinks=True, ignore=LEFT_OUT)
    build = (
        "from setuptools import build_meta as b; import sys; out = sys.argv[1]; b.build_sdist(out); b.build_wheel(out)"
    )
    subprocess.run([sys.executable, "-c", build, made], cwd=source, check=True, capture_output=True)
    return made


def test_the_wheel_installs_one_name(packages: Path) -> None:
    (wheel,) = packages.glob("*.whl")
    names = [PurePosixPath(name) for name in zipfile.ZipFile(wheel).namelist()]
    version = wheel.name.split("-")[1]
    assert {name.parts[0] for name in names} == {"cliptrace", f"cliptrace-{version}.dist-info"}
    assert {name.parts[1] for name in names if len(name.parts) > 2 and name.parts[0] == "cliptrace"} == ROOMS
    assert {f"cliptrace/{name}" for name in NEEDED} <= set(map(str, names))


def test_the_source_archive_holds_files_and_no_links(packages: Path) -> None:
    (archive,) = packages.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        members = opened.getmembers()
    assert all(member.isfile() or member.isdir() for member in members)
    names = {str(PurePosixPath(*PurePosixPath(member.name).parts[1:])) for member in members}
    assert {f"cliptrace/{name}" for name in NEEDED} <= names
    assert {name.split("/")[0] for name in names if "/" in name} == {"cliptrace", "cliptrace.egg-info"}


def test_a_project_with_rooms_of_these_names_keeps_them(packages: Path, tmp_path: Path) -> None:
    (wheel,) = packages.glob("*.whl")
    for room in ROOMS:
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text(f"MINE = {room!r}\n")
    program = "import models, schemas, cliptrace, cliptrace.schemas.records; print(models.MINE, cliptrace.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(wheel)},
        capture_output=True,
        text=True,
        check=True,
    )
    mine, where = done.stdout.split()
    assert mine == "models"
    assert where.startswith(str(wheel))
