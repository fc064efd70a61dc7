"""What is in a local folder: each file below once, links to other folders followed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from cliptrace.schemas.config import VIDEO_SUFFIXES
from cliptrace.schemas.errors import UsageError
from cliptrace.transforms.media.webp import is_animated

_HEAD_BYTES = 64


class Walk:
    """Iterates over the files below a folder: ``for path in Walk(top)``.

    A link to a folder is followed where that is no folder of the walk already; real folders come first, so that a
    video has its own path where there is one. Afterwards ``loops`` has the links that were not followed. UsageError
    where a folder cannot be read, but for hidden ones, in which nothing is a video.
    """

    def __init__(self, top: Path) -> None:
        self._top = top
        self._seen: set[tuple[int, int]] = set()
        self.loops: list[str] = []

    def __iter__(self) -> Iterator[str]:
        links = [str(self._top)]
        for link in links:  # which grows
            if self._is_new(link):
                yield from self._real(link, links.append)
            else:
                self.loops.append(link)

    def _real(self, top: str, link_to_folder: Callable[[str], None]) -> Iterator[str]:
        """Files below, without those of links to folders, which are told."""
        for root, folders, names in os.walk(top, onerror=self._refuse):
            yield from (str(Path(root) / name) for name in names)
            for name in sorted(folders):
                path = str(Path(root) / name)
                if not Path(path).is_symlink():
                    if not self._is_new(path):  # reached before, by a link
                        folders.remove(name)
                elif not is_hidden(Path(path).relative_to(self._top)):
                    link_to_folder(path)

    def _is_new(self, folder: str) -> bool:
        try:
            status = os.stat(folder)  # noqa: PTH116 - half the time, and there may be many
        except OSError:  # it went, or what it is, os.walk will say
            return True
        seen = (status.st_dev, status.st_ino) in self._seen
        self._seen.add((status.st_dev, status.st_ino))
        return not seen

    def _refuse(self, error: OSError) -> None:
        if isinstance(error, FileNotFoundError | NotADirectoryError):  # it went while the one above was listed
            return
        if not is_hidden(Path(error.filename).relative_to(self._top)):
            raise UsageError(
                f"{error.filename}: cannot be read: {error.strerror}; make it readable, or name the videos with a glob"
            ) from error


def is_video(below: str) -> bool:
    """By its name; hidden files, and all in hidden folders, are none."""
    return Path(below).suffix.lower() in VIDEO_SUFFIXES and not is_hidden(Path(below))


def is_animation(path: Path) -> bool:
    """Whether a local file that is called like a picture moves, by its first bytes."""
    suffix = path.suffix.lower()
    if suffix not in (".webp", ".avif") or not path.is_file():  # a FIFO waits for who opens it
        return False
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return is_animated(head) if suffix == ".webp" else head[4:8] == b"ftyp" and b"avis" in head


def kind_of(below: str) -> str:
    """What a file that is no video is, for a count: its extension, or hidden."""
    return "hidden" if is_hidden(Path(below)) else Path(below).suffix.lower() or "no extension"


def is_hidden(below: Path) -> bool:
    return any(part.startswith(".") for part in below.parts)
