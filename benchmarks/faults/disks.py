"""What a disk does to cliptrace index: it is full, or its gallery can be written no more."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.faults.runs import Bench, Limits, Result, Run
from cliptrace.transforms.store import ledger


def disk_full(bench: Bench, share: float) -> Result:
    """A disk that holds a share of the gallery. Where none can be mounted: no file longer than a share of it."""
    gallery, size = bench.new_gallery(), int(bench.usual_bytes * share)
    with _disk(gallery, size) as enlarge:
        run = Run(bench.videos, gallery, limits=Limits(file_bytes=None if enlarge else size // 8))
        run.end()
        if enlarge:
            enlarge(100 * bench.usual_bytes)
        return bench.finish(gallery, "", run, 0.0) | {"way": "tmpfs" if enlarge else "RLIMIT_FSIZE"}


def read_only(bench: Bench, server: bool) -> Result | None:
    """The gallery's folder read-only from some moment on at which videos are yet to be stored: that must end the run.

    None for root where nothing can be mounted: permissions do not hold it back.
    """
    while True:
        gallery, uri = bench.new_gallery(), bench.uri if server else ""
        gallery.mkdir()
        run, waited = Run(bench.videos, gallery, uri), bench.wait(0.2)
        with _unwritable(gallery) as way:
            if way is None:
                run.kill()
                return None
            stored = ledger.live(ledger.read_attempts(str(gallery)))
            run.end()
        outcome = bench.finish(gallery, uri, run, waited) | {"way": way}
        if bench.wanted - stored.keys():
            if outcome["exit_code"] != 1:
                outcome["wrong"].append(f"the run goes on, and ends with {outcome['exit_code']}")
            return outcome


@contextlib.contextmanager
def _unwritable(folder: Path) -> Iterator[str | None]:
    """A folder that takes no new file: by a mount, by permissions, or (None) by nothing, as root without mounts.

    The mount is a new one over the folder: that which is there cannot become read-only while a file is open for
    writing, as the gallery's lock is.
    """
    try:
        _mount("--bind", str(folder), str(folder))
    except (OSError, subprocess.CalledProcessError):
        _permit(folder, 0o555)
        try:
            yield None if os.access(folder, os.W_OK) else "permissions"
        finally:
            _permit(folder, 0o755)
        return
    try:
        _mount("-o", "remount,bind,ro", str(folder))
        yield "mount"
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _permit(folder: Path, mode: int) -> None:
    for _ in range(2):  # a folder may be made between the look and the change
        for each in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            each.chmod(mode)


@contextlib.contextmanager
def _disk(folder: Path, size: int) -> Iterator[Callable[[int], None] | None]:
    """A tmpfs on a new folder, and how to enlarge it; None where that is not allowed."""
    folder.mkdir()
    try:
        _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    except (OSError, subprocess.CalledProcessError):
        yield None
        return
    try:
        yield lambda larger: _mount("-o", f"remount,size={larger}", str(folder))
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)
