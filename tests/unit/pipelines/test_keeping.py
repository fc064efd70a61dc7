"""What is kept of a search that ends before its time."""

from __future__ import annotations

from pathlib import Path

import pytest

from cliptrace.pipelines.keeping import keeping
from cliptrace.pipelines.stopping import notes_of
from cliptrace.schemas.errors import CliptraceError, UsageError
from cliptrace.schemas.records import VideoSource

WAVES = [[VideoSource("a", "/a"), VideoSource("b", "/b")], [VideoSource("c", "/c")], [VideoSource("d", "/d")]]


def searched(folder: Path, asked: str = "x", resume: bool = False, stop_at: int | None = None) -> list[int]:
    """Numbers of the waves that a run searches to their end."""
    numbers = []
    with keeping(str(folder), WAVES, asked, resume) as kept:
        for number, wave in kept.left():
            assert wave == WAVES[number]
            if number == stop_at:
                raise RuntimeError
            numbers.append(number)
    return numbers


def stopped(folder: Path, stop_at: int, **options: object) -> list[str]:
    with pytest.raises(RuntimeError) as error:
        searched(folder, stop_at=stop_at, **options)  # type: ignore[arg-type]
    return notes_of(error.value)


def test_a_search_goes_on_behind_the_waves_that_are_done(tmp_path: Path) -> None:
    folder = tmp_path / "m.jsonl.parts"
    assert stopped(folder, 2) == ["3 of 4 queries are kept; the same command with --resume goes on with them"]
    assert folder.exists()
    assert stopped(folder, 2, resume=True) == [
        "3 of 4 queries are kept; the same command with --resume goes on with them"
    ]
    assert searched(folder, resume=True) == [2]
    assert not folder.exists()
    assert searched(folder, resume=True) == [0, 1, 2]


def test_without_a_wave_that_is_done_nothing_is_kept(tmp_path: Path) -> None:
    assert stopped(tmp_path / "m.jsonl.parts", 0) == []
    assert list(tmp_path.iterdir()) == []


def test_what_was_kept_is_given_up_where_nobody_asks_for_it(tmp_path: Path) -> None:
    stopped(tmp_path / "p", 1)
    assert searched(tmp_path / "p") == [0, 1, 2]


def test_another_search_does_not_go_on_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    stopped(folder, 1)
    with pytest.raises(UsageError) as error:
        searched(folder, asked="y", resume=True)
    assert str(error.value) == (
        f"--resume: what is kept in {folder} is of another search: its queries or options were others, or "
        "the gallery has changed; leave --resume out to begin anew"
    )
    assert searched(folder, resume=True) == [1, 2]


def test_two_searches_do_not_share_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    with keeping(str(folder), WAVES, "x", resume=False), pytest.raises(CliptraceError) as error:
        searched(folder)
    assert str(error.value) == f"{folder}: another search with this --output is running; wait for it"
