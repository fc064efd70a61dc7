"""Another kind of index for a gallery on a server: a collection beside the one that answers, made from Parquet."""

from __future__ import annotations

import dataclasses

from cliptrace.schemas.indexes import IndexConfig
from cliptrace.transforms.store.gallery import Gallery, read_videos, rewrite

_OTHER = "_other"


def with_index(gallery: Gallery, index: IndexConfig) -> Gallery:
    """The gallery with another index. Nothing is decoded, and the collection that is there answers until the other one
    has every keyframe and is indexed; then it goes. For who holds the gallery.

    UsageError, before any work, for a kind that the server refuses. What a run that was killed has left is made anew.
    """
    name = gallery.manifest.name
    other = name.removesuffix(_OTHER) if name.endswith(_OTHER) else name + _OTHER
    after = dataclasses.replace(gallery, manifest=dataclasses.replace(gallery.manifest, name=other, index=index))
    with after.vectors() as left:
        left.drop()
    with after.vectors() as vectors:
        try:
            rewrite(gallery, vectors, read_videos(gallery))
            vectors.flush()
            vectors.compact()
        except BaseException:
            vectors.drop()
            raise
    Gallery.create(after.root, after.manifest)
    with gallery.vectors() as before:
        before.drop()
    return after
