"""Decisions of people, kept in the gallery: pairs of videos that are no match, whatever a search says.

One small file a pair, named by the content of both: it holds for the pair wherever the files lie, whatever they are
called, and whichever build of the gallery answers. A gallery without decisions costs a search one look at a folder.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable

from cliptrace.schemas.decisions import Decision
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import decision_path
from cliptrace.schemas.records import Match, Rejected
from cliptrace.transforms.store import files

_PATTERN = f"decisions/{'[0-9a-f]' * 32}.json"


def read_decisions(home: str) -> list[Decision]:
    """All of a gallery, the oldest first."""
    found = (_read(path) for path in files.find(home, _PATTERN))
    return sorted((each for each in found if each), key=lambda each: (each.time, each.first.content_sha256))


def find_decision(home: str, content: str, other: str) -> Decision | None:
    """On the videos of these contents."""
    path = files.join(home, decision_path(content, other))
    return _read(path) if files.exists(path) else None


def keep(home: str, decision: Decision) -> None:
    """In place of what was decided on the pair before."""
    data = json.dumps(dataclasses.asdict(decision), indent=2) + "\n"
    files.write_bytes(files.join(home, decision_path(*decision.contents)), data.encode())


def drop(home: str, content: str, other: str) -> None:
    files.remove([files.join(home, decision_path(content, other))])


def state_of(home: str) -> list[tuple[str, str]]:
    """Changes where decisions do: their names and digests."""
    return sorted((path, hashlib.sha256(files.read_bytes(path)).hexdigest()) for path in files.find(home, _PATTERN))


class Rejections:
    """The decisions that a search honours: those that are there when it begins, or at the last ``refresh``."""

    def __init__(self, home: str) -> None:
        self._home = home
        self.refresh()

    def refresh(self) -> None:
        self._names = frozenset(path.rsplit("/", 1)[1] for path in files.find(self._home, _PATTERN))

    def on(self, content: str, other: str) -> Decision | None:
        """On two videos. One is read only where it is of this pair."""
        if not self._names or decision_path(content, other).rsplit("/", 1)[1] not in self._names:
            return None
        return find_decision(self._home, content, other)


def honoured(match: Match, decision: Decision | None, query: str) -> Iterable[Match | Rejected]:
    """A match without what was decided to be none, if anything is left of it, and whether something was left out.

    query: content of the match's query.
    """
    left = decision.left_of(match.segments, query) if decision else match.segments
    if len(left) < len(match.segments):
        yield Rejected(match.query_id, match.ref_id)
    if left:
        yield dataclasses.replace(match, segments=left, score=max(segment.score for segment in left))


def _read(path: str) -> Decision | None:
    """None where it is gone. CliptraceError where it is damaged."""
    try:
        decision = Decision.from_json(json.loads(files.read_bytes(path)))
        if not path.endswith(decision_path(*decision.contents)):
            raise ValueError("its name is that of another pair")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        if not files.exists(path):
            return None
        raise CliptraceError(
            f"{path}: not readable as a decision ({files.reason(error)}): delete it, and decide on the pair once more"
        ) from error
    return decision
