"""Many processes search a gallery while one writes to it, and after a writer was killed."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier

import numpy as np

from cliptrace.transforms.store.exact.rows import map_rows
from cliptrace.transforms.store.exact.search import ExactSearch
from cliptrace.transforms.store.gallery import Gallery, commit
from tests.unit.transforms.store_examples import NoVectors, features

READERS, COMMITS, KEYFRAMES = 20, 30, 12


def add(gallery: Gallery, number: int) -> None:
    video = features(f"video{number:02}", KEYFRAMES)
    commit(gallery, NoVectors(), f"R{number:02}", [video])  # type: ignore[arg-type]


def lacking(gallery: Gallery, count: int) -> list[str]:
    """Of so many videos, those that are not the nearest to their own keyframes."""
    with contextlib.closing(ExactSearch(map_rows(gallery))) as search:
        videos = [features(f"video{number:02}", KEYFRAMES) for number in range(count)]
        hits = search.search(np.concatenate([video.embeddings for video in videos]), 1)
    nearest = hits.ref_ids[np.argsort(hits.query_rows)].reshape(count, KEYFRAMES)
    return [video.video_id for video, found in zip(videos, nearest, strict=True) if set(found) != {video.video_id}]


def read(gallery: Gallery, acknowledged: Synchronized[int], ready: Barrier, answers: Connection) -> None:
    """Search again and again until all is written, and tell how often, and what was not found."""
    searched, lost = 0, []
    ready.wait()
    while True:
        count = acknowledged.value
        lost += lacking(gallery, count)
        searched += 1
        if count == COMMITS:
            break
    answers.send((searched, lost))


def write_and_die(gallery: Gallery) -> None:
    """As a writer that is killed when its shard is there, and nothing acknowledged."""
    kill = NoVectors()
    kill.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign, assignment]
    commit(gallery, kill, "R99", [features("killed", KEYFRAMES)])  # type: ignore[arg-type]


def test_twenty_processes_miss_nothing_that_was_acknowledged_before_they_began(gallery: Gallery) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    acknowledged, ready = context.Value("i", 1), context.Barrier(READERS + 1)
    add(gallery, 0)
    pipes = [context.Pipe(duplex=False) for _ in range(READERS)]
    readers = [context.Process(target=read, args=(gallery, acknowledged, ready, to)) for _, to in pipes]
    for reader in readers:
        reader.start()
    ready.wait()
    for number in range(1, COMMITS):
        add(gallery, number)
        acknowledged.value = number + 1
    answers = [answer.recv() for answer, _ in pipes]
    for reader in readers:
        reader.join()
    assert [reader.exitcode for reader in readers] == [0] * READERS
    assert [lost for _, lost in answers] == [[]] * READERS
    assert sum(searched for searched, _ in answers) > READERS


def test_a_killed_writers_gallery_answers_as_before(gallery: Gallery) -> None:
    add(gallery, 0)
    writer = multiprocessing.get_context("forkserver").Process(target=write_and_die, args=(gallery,))
    writer.start()
    writer.join()
    assert writer.exitcode == -signal.SIGKILL
    assert lacking(gallery, 1) == []
    assert set(map_rows(gallery).video_ids) == {"video00"}
