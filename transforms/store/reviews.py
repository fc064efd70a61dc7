"""Decisions as a person hands them back: a file of matches, in which some have become rejected or accepted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping

from cliptrace.models.metrics.files import json_rows, object_of, segment_of
from cliptrace.schemas.errors import UsageError
from cliptrace.transforms.store.deciding import ACCEPT, REJECT, Change, Word
from cliptrace.transforms.store.gallery import Gallery
from cliptrace.transforms.store.parties import Parties

_PICTURE = (0.0, 0.0)
Row = Mapping[str, object]


def read_review(gallery: Gallery, path: str) -> tuple[list[Change], int]:
    """The decisions of a file of JSON lines, as ``cliptrace match`` writes them, and the number of lines without any.

    ``"decision": "reject"`` or ``"accept"`` in a line is about the pair; in segments of it, about these. ``"note"`` in
    a line is kept. UsageError, with file and line, for what is wrong with it.
    """
    parties = Parties(gallery)
    changes: list[Change] = []
    undecided = 0
    for where, row in json_rows(path):
        found = list(_changes(object_of(row, where), where, parties))
        changes += found
        undecided += not found
    return changes, undecided


def _changes(row: Row, where: str, parties: Parties) -> Iterator[Change]:
    segments = list(_segments(row, where))
    word = _word(row, where)
    said = [(there, each, of_it) for there, each in segments if (of_it := _word(each, there))]
    if not word and not said:
        return
    if word and said:
        raise UsageError(f"{said[0][0]}: has a decision, and so has its line: leave one of them out")
    with _told(where):
        query = parties.query(_text(row, "query_id"), _text(row, "query_uri"), _stream(each for _, each in segments))
        ref = parties.reference(_text(row, "ref_id"), _text(row, "ref_uri"))
        note = _text(row, "note")
    if word:
        yield Change.of(query, ref, word, note=note, where=where)
    for there, each, of_it in said:
        segment = segment_of(each, there, 1.0, _PICTURE)
        with _told(there):
            yield Change.of(query, ref, of_it, segment, note, there)


@contextlib.contextmanager
def _told(where: str) -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error


def _segments(row: Row, where: str) -> Iterator[tuple[str, Row]]:
    """Where each is, for messages, and what is said of it."""
    segments = row.get("segments") or []
    if not isinstance(segments, list):
        raise UsageError(f"{where}: segments {segments!r} is not a list")
    for number, each in enumerate(segments, start=1):
        there = f"{where}: segment {number}"
        yield there, object_of(each, there)


def _word(row: Row, where: str) -> Word | None:
    """None where nothing was decided."""
    word = row.get("decision")
    if word in (None, ""):
        return None
    for known in (REJECT, ACCEPT):
        if word == known:
            return known
    raise UsageError(f'{where}: decision {word!r} is neither "reject" nor "accept"')


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str | None):
        raise UsageError(f"{name} {value!r} is not text")
    return value or ""


def _stream(segments: Iterable[Row]) -> int | None:
    """Which video stream of the query's file was matched, of several."""
    numbers = (each.get("query_stream") for each in segments)
    return next((int(number) for number in numbers if isinstance(number, float)), None)
