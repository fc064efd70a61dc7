"""What a Flink cluster for Beam is made of: Flink's jars, those of Beam's job server, and Python for the workers.

The jars come from PyPI and Maven, once; the worker's Python holds the wheel of this checkout and what that depends on.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cliptrace.schemas.errors import CliptraceError

CHECKOUT = Path(__file__).resolve().parents[2]
_FLINK = "apache-flink-libraries==1.19.3"
_NO_SOURCE = (".*", "__pycache__", "*.egg-info", "build", "dist", "tests", "benchmarks", "*-out")


def fetch_jars(cache: Path) -> Path:
    """The folder with the jars of Flink and of Beam's job server, fetched (about 350 MB) where it is not there yet."""
    for program, package in (("java", "openjdk-17-jre-headless"), ("mvn", "maven")):
        if not shutil.which(program):
            raise CliptraceError(f"Flink needs {program}, which is not installed: apt-get install {package}")
    jars = cache / "flink-1.19.3-beam-2.62.0"
    if not jars.exists():
        beside = jars.with_name(f"{jars.name}.{os.getpid()}.tmp")
        beside.mkdir(parents=True)
        try:
            _fetch_flink(beside)
            _fetch_beam(beside)
            with contextlib.suppress(OSError):  # another process was faster
                beside.rename(jars)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return jars


def make_workers(folder: Path) -> Path:
    """A virtual environment with the wheel of this checkout, which is installed anew. Returns its programs' folder."""
    if not (CHECKOUT / "pyproject.toml").exists():
        raise CliptraceError(f"{CHECKOUT}: no checkout of cliptrace, of which workers would get a wheel")
    programs = folder / "bin"
    if not (programs / "python").exists():
        _run([sys.executable, "-m", "venv", str(folder)])
    pip = [str(programs / "python"), "-m", "pip", "--disable-pip-version-check"]
    with tempfile.TemporaryDirectory() as scratch:
        # From a copy: a build in place leaves a folder build/, whose stale modules would be in the next wheel.
        shutil.copytree(CHECKOUT, f"{scratch}/cliptrace", symlinks=True, ignore=shutil.ignore_patterns(*_NO_SOURCE))
        _run([*pip, "wheel", "--no-deps", "--wheel-dir", scratch, f"{scratch}/cliptrace"])
        (wheel,) = Path(scratch).glob("*.whl")
        _run([*pip, "install", str(wheel)])
        _run([*pip, "install", "--no-deps", "--force-reinstall", str(wheel)])  # of the same version, with other content
    return programs


def _fetch_flink(folder: Path) -> None:
    """Flink itself and its logging; SQL and file formats stay behind."""
    with tempfile.TemporaryDirectory(dir=folder) as downloads:
        _run([sys.executable, "-m", "pip", "download", "--no-deps", "--dest", downloads, _FLINK])
        (archive,) = Path(downloads).iterdir()
        with tarfile.open(archive) as tar:
            for member in tar:
                name = Path(member.name)
                wanted = name.parent.name == "lib" and name.name.startswith(("flink-dist-", "log4j-"))
                if wanted and (file := tar.extractfile(member)):
                    with file, (folder / name.name).open("wb") as jar:
                        shutil.copyfileobj(file, jar)


def _fetch_beam(folder: Path) -> None:
    """The job server and all it needs but Flink, of which there is a whole one."""
    pom = Path(__file__).with_name("pom.xml")
    _run(["mvn", "--batch-mode", "--quiet", f"--file={pom}", "dependency:copy-dependencies",
          "-DexcludeGroupIds=org.apache.flink", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"])  # fmt: skip


def _run(command: Sequence[str]) -> None:
    environment = os.environ | {"PYTHONPATH": ""}
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise CliptraceError(f"{' '.join(command)} failed:\n{said}")
