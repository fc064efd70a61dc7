"""Whether ledger, Parquet and Milvus of a gallery hold every video exactly once, row by row."""

from __future__ import annotations

from cliptrace.transforms.store import ledger
from cliptrace.transforms.store.gallery import Gallery
from cliptrace.transforms.store.verification import compare


def differences(root: str, wanted: set[str]) -> list[str]:
    """What does not hold, in words; empty where the gallery holds the ``wanted`` videos, each once in both stores."""
    gallery = Gallery.load(root)
    if gallery is None:
        return ["there is no gallery"]
    live = set(ledger.live(ledger.read_attempts(gallery.root)))
    found = [f"{name!r} is lost" for name in sorted(wanted - live)]
    found += [f"{name!r} is not asked for" for name in sorted(live - wanted)]
    with gallery.vectors() as vectors:
        return found + [f"{each.subject}: {each.kind.value}, {each.count:,}" for each in compare(gallery, vectors)]
