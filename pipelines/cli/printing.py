"""What commands print: aligned text or JSON lines on standard output, a summary on stderr, whatever is in a name."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence

from cliptrace.schemas.text import escaped, named, printable

SOME_FAILED = 3
"""Exit code of a run that is done, though not with all of its inputs."""
_MOST_KINDS = 8


def aligned(lines: Mapping[str, str]) -> list[str]:
    """``name: value`` lines, the values below each other; empty ones are left out."""
    lines = {name: value for name, value in lines.items() if value}
    width = max(map(len, lines), default=0) + 1
    return [f"{name + ':':<{width}} {printable(value)}" for name, value in lines.items()]


def put(lines: Iterable[str]) -> None:
    """Lines on standard output, until whoever reads them has had enough."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        for line in lines:
            print(line.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        with contextlib.suppress(OSError, ValueError):  # else Python complains at exit about what it could not write
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def put_json(rows: Iterable[Mapping[str, object]]) -> None:
    """One object a line."""
    put(json.dumps(row) for row in rows)


def summarise(videos: int, failures: int, video_s: float, elapsed_s: float, lines: Mapping[str, str]) -> int:
    """Tell the end of a run on stderr. Returns the exit code.

    video_s: seconds of video decoded, in elapsed_s. lines: what else there is to say; an empty value is left out.
    """
    speed = f", {video_s / elapsed_s:.1f} × real time" if video_s and elapsed_s else ""
    first = {
        "videos": f"{videos:,}",
        "hours of video": f"{_clock(video_s)} in {elapsed_s:.1f} s{speed}" if video_s else "0",
        "failures": f"{failures:,}",
    }
    put_summary({**first, **lines})
    return SOME_FAILED if failures else 0


def put_summary(lines: Mapping[str, str]) -> None:
    """What there is to say at the end of a run, on stderr; an empty value is left out."""
    print("\n".join(aligned(lines)), file=sys.stderr)


def some(count: int, hint: str = "") -> str:
    """A count for the summary, empty where there is nothing to say."""
    return "" if not count else f"{count:,}" + (f" ({hint})" if hint else "")


def out_of_reach(video_ids: Sequence[str]) -> str:
    """For the summary, empty where there are none."""
    return f"{named(video_ids)}; their folder is empty or cannot be read: is its disk mounted?" if video_ids else ""


def left_aside(other_files: Mapping[str, str], loops: int) -> dict[str, str]:
    """What the summary says of files and links that named folders have beside videos."""
    kinds = collections.Counter(other_files.values())
    shown = [
        f"{escaped(kind)} {count:,}" for kind, count in sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0]))
    ]
    more = ["…"] if len(shown) > _MOST_KINDS else []
    return {
        "other files, ignored": some(len(other_files), ", ".join(shown[:_MOST_KINDS] + more)),
        "links to folders seen already": some(loops),
    }


def streams_left_out(video_ids: Sequence[str]) -> dict[str, str]:
    """video_ids: of files whose other video streams were."""
    told = named(video_ids)
    return {"other video streams, left out": f"those of {told}; take them in with --streams all" if told else ""}


def list_ignored(other_files: Mapping[str, str]) -> None:
    for path in other_files:
        print(f"ignored: {escaped(path)}", file=sys.stderr)


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"
