"""Names: ids of files, the ends of their paths, as short as they can be while they tell the files apart; and files of
pictures of two videos."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Container, Sequence


def told_apart(names: Sequence[tuple[str, str]], taken: Container[str] = ()) -> list[str]:
    """Ids of different files: (id, uri) of each, where an id is the end of the uri. Those that are equal, or ``taken``,
    begin as many folders earlier as it takes."""
    ids = [video_id for video_id, _ in names]
    while True:
        owners = defaultdict(list)
        for position, video_id in enumerate(ids):
            owners[video_id].append(position)
        clashing = [each for video_id, these in owners.items() if len(these) > 1 or video_id in taken for each in these]
        longer = {each: _lengthened(ids[each], names[each][1]) for each in clashing}
        if all(ids[each] == video_id for each, video_id in longer.items()):
            return ids
        for each, video_id in longer.items():
            ids[each] = video_id


def _lengthened(video_id: str, uri: str) -> str:
    """With one more folder of the uri; the uri where that is all."""
    if not uri.endswith(f"/{video_id}"):
        return uri
    folder = uri.removesuffix(f"/{video_id}").rpartition("/")[2]
    return f"{folder}/{video_id}" if folder else uri


def picture_name(query_id: str, ref_id: str) -> str:
    """One that every filesystem takes, and that no other pair has."""
    digest = hashlib.sha256(f"{len(query_id)} {query_id}{ref_id}".encode()).hexdigest()[:8]
    readable = (re.sub(r"[^A-Za-z0-9.-]+", "_", each)[-60:] for each in (query_id, ref_id))
    return f"{'__'.join(readable)}__{digest}.png"
