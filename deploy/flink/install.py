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
from collections.abc import Iterator, Sequence
from pathlib import Path

from schemas.errors import CliptraceError

CHECKOUT = Path(__file__).parents[2]
_FLINK = "apache-flink-libraries==1.19.3"
_NO_SOURCE = (".*", "__pycache__", "*.egg-info", "build", "dist", "tests", "benchmarks", "*-out")


def fetch_jars(cache: Path) -> tuple[Path, Path]:
    """The folders of Flink's jars and of the job server's, fetched where they are not there yet (about 500 MB)."""
    if not shutil.which("java"):
        raise CliptraceError("Flink needs Java 11 or 17: apt-get install openjdk-17-jre-headless")
    flink, beam = cache / "flink-1.19.3", cache / "beam-2.62.0"
    if not flink.exists():
        with _filled(flink) as folder, tempfile.TemporaryDirectory(dir=cache) as downloads:
            _run([sys.executable, "-m", "pip", "download", "--no-deps", "--dest", downloads, _FLINK])
            (archive,) = Path(downloads).iterdir()
            _unpack_jars(archive, folder)
    if not beam.exists():
        if not shutil.which("mvn"):
            raise CliptraceError("Beam's job server comes from Maven, which is not installed: apt-get install maven")
        with _filled(beam) as folder:
            pom = Path(__file__).with_name("pom.xml")
            _run(["mvn", "--batch-mode", "--quiet", f"--file={pom}", "dependency:copy-dependencies",
                  f"-DoutputDirectory={folder}", "-DincludeScope=runtime"])  # fmt: skip
    return flink, beam


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
        shutil.copytree(CHECKOUT, f"{scratch}/cliptrace", ignore=shutil.ignore_patterns(*_NO_SOURCE))
        _run([*pip, "wheel", "--no-deps", "--wheel-dir", scratch, f"{scratch}/cliptrace"])
        (wheel,) = Path(scratch).glob("*.whl")
        _run([*pip, "install", str(wheel)])
        _run([*pip, "install", "--no-deps", "--force-reinstall", str(wheel)])  # of the same version, with other content
    return programs


@contextlib.contextmanager
def _filled(folder: Path) -> Iterator[Path]:
    """A folder that is there only when it is whole."""
    beside = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    beside.mkdir(parents=True)
    try:
        yield beside
        if not any(beside.glob("*.jar")):
            raise CliptraceError(f"{folder}: no jar was fetched")
        with contextlib.suppress(OSError):  # another process was faster
            beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _unpack_jars(archive: Path, folder: Path) -> None:
    """Flink itself and its logging; SQL and file formats stay behind."""
    with tarfile.open(archive) as tar:
        for member in tar:
            name = Path(member.name)
            wanted = name.parent.name == "lib" and name.name.startswith(("flink-dist-", "log4j-"))
            if wanted and (file := tar.extractfile(member)):
                with file, (folder / name.name).open("wb") as jar:
                    shutil.copyfileobj(file, jar)


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
