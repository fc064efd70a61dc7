"""What is kept of a search that ends before its time: the parts of its output, with which ``--resume`` goes on."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Iterator, Sequence

from cliptrace.schemas import __version__
from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.records import VideoSource
from cliptrace.transforms.store import files

_STATE = "search.json"


@dataclasses.dataclass
class Kept:
    """folder: of the parts. identity: of the search. done: waves whose parts are written."""

    folder: str
    identity: str
    waves: Sequence[Sequence[VideoSource]]
    done: int = 0

    @property
    def queries(self) -> int:
        """In the waves that are done."""
        return sum(map(len, self.waves[: self.done]))

    def left(self) -> Iterator[tuple[int, Sequence[VideoSource]]]:
        """Number and queries of each wave that is not done; it is when the next one is asked for."""
        for number in range(self.done, len(self.waves)):
            yield number, self.waves[number]
            self.done = number + 1
            self.save()

    def save(self) -> None:
        state = {"identity": self.identity, "waves_done": self.done}
        files.write_bytes(files.join(self.folder, _STATE), (json.dumps(state) + "\n").encode())

    def load(self) -> None:
        """As it was left; from the beginning where nothing was. UsageError where another search has left it."""
        path = files.join(self.folder, _STATE)
        if not files.exists(path):
            return
        state = json.loads(files.read_bytes(path))
        if state["identity"] != self.identity:
            raise UsageError(
                f"--resume: what is kept in {self.folder} is of another search: its queries or options were others, or "
                "the gallery has changed; leave --resume out to begin anew"
            )
        self.done = state["waves_done"]


@contextlib.contextmanager
def keeping(folder: str, waves: Sequence[Sequence[VideoSource]], asked: object, resume: bool) -> Iterator[Kept]:
    """The parts of a search in ``folder``: removed at its end, and where it ends before a wave is done; else kept, and
    a note on the error says how to go on.

    asked: all that the answers depend on beside the queries, with a ``repr`` that says it. resume: go on with what was
    kept of the same search. CliptraceError where the folder cannot be written, or another search writes to it.
    """
    identity = hashlib.sha256(repr((__version__, asked, waves)).encode(errors="backslashreplace")).hexdigest()
    kept = Kept(folder, identity, waves)
    with files.held(folder, ".lock", f"{folder}: another search with this --output is running; wait for it"):
        if resume:
            kept.load()
        kept.save()
        try:
            yield kept
        except BaseException as error:
            if not kept.done:
                files.remove_folder(folder)
            else:
                total = sum(map(len, waves))
                error.add_note(
                    f"{kept.queries:,} of {total:,} queries are kept; the same command with --resume goes on with them"
                )
            raise
        files.remove_folder(folder)
