"""Takedown: cliptrace match runs in many processes while cliptrace gallery remove takes out the video that all find."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import time
from collections import Counter
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from benchmarks.faults.stores import differences
from cliptrace.pipelines import cli

SEARCHERS = 4
ANSWERS_BEFORE = 20
LIMIT_S = 300.0
BEFORE, MEANWHILE, ACROSS, AFTER = GROUPS = (
    "answered before the removal",
    "answered while it ran",
    "begun before its return, answered after",
    "begun after its return",
)
Result = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Answer:
    """begin, end: of one run of cliptrace match, by the machine's monotonic clock. names: the video that goes."""

    begin: float
    end: float
    exit_code: int
    names: bool


def take_down(root: Path, uri: str, videos: Path, queries: int) -> Result:
    """Answers that name the video: before, across, and at least ``queries`` that began after the removal's return."""
    root.mkdir()
    wanted = {path.name for path in videos.iterdir()}
    video, gallery = min(wanted), str(root / "gallery")
    if code := cli.main(["index", str(videos), "--gallery", gallery, "--milvus", uri]):
        raise RuntimeError(f"cliptrace index: exit code {code}")
    context = multiprocessing.get_context("forkserver")
    over, answers = context.Event(), context.Queue()
    searchers = [
        context.Process(target=_search, args=(videos / video, gallery, root / f"{number}.jsonl", over, answers))
        for number in range(SEARCHERS)
    ]
    for searcher in searchers:
        searcher.start()
    given: list[Answer] = []
    try:
        while len(given) < ANSWERS_BEFORE:
            given.append(answers.get(timeout=LIMIT_S))
        called = time.monotonic()
        code = cli.main(["gallery", "remove", video, "--gallery", gallery])
        returned = time.monotonic()
        while sum(answer.begin > returned for answer in given) < queries:
            given.append(answers.get(timeout=LIMIT_S))
    finally:
        over.set()
        for searcher in searchers:
            searcher.join(LIMIT_S)
    groups = {name: Counter(answers=0, failed=0, naming=0) for name in GROUPS}
    for answer in given:
        groups[_group(answer, called, returned)].update(answers=1, failed=answer.exit_code != 0, naming=answer.names)
    return {
        "searchers": SEARCHERS,
        "removal_exit_code": code,
        "removal_s": returned - called,
        "answers": {name: dict(group) for name, group in groups.items()},
        "wrong": differences(gallery, wanted - {video}),
    }


def _group(answer: Answer, called: float, returned: float) -> str:
    """By what of it came after what."""
    if answer.begin > returned:
        return AFTER
    if answer.end > returned:
        return ACROSS
    return MEANWHILE if answer.end > called else BEFORE


def broken_rules(takedown: Result, queries: int) -> list[str]:
    """What does not hold, in words; empty where all is well."""
    answers = takedown["answers"]
    broken = [f"takedown: {wrong}" for wrong in takedown["wrong"]]
    if code := takedown["removal_exit_code"]:
        broken.append(f"cliptrace gallery remove ended with {code}")
    if failed := sum(group["failed"] for group in answers.values()):
        broken.append(f"{failed} searches failed while a video was removed")
    if answers[BEFORE]["naming"] < answers[BEFORE]["answers"]:
        broken.append("not every search found the video before it was removed")
    if answers[AFTER]["answers"] < queries:
        broken.append(f"only {answers[AFTER]['answers']} searches began after the removal")
    for name in (ACROSS, AFTER):
        if naming := answers[name]["naming"]:
            broken.append(f"{naming} answers name the removed video, {name}")
    return broken


def _search(query: Path, gallery: str, output: Path, over: Event, answers: Queue[Answer]) -> None:
    silent = os.open(output.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    while not over.is_set():
        begin = time.monotonic()
        code = cli.main(["match", str(query), "--gallery", gallery, "--output", str(output), "--threads", "1"])
        end = time.monotonic()
        rows = output.read_text(encoding="utf-8").splitlines() if code == 0 else []
        answers.put(Answer(begin, end, code, any(json.loads(row)["ref_id"] == query.name for row in rows)))
