"""One way through the batches: in order, a line of losses now and then, checkpoints from which a run goes on."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.utils.data

from cliptrace.models.training.batches import Batch, Batches
from cliptrace.models.training.config import differing, digest, to_json
from cliptrace.schemas.errors import UsageError

CHECKPOINT = "checkpoint.pt"
CHECKPOINT_S = 300.0
LOG_EVERY = 25


class Part(Protocol):
    """What a checkpoint keeps: networks, averages, optimizers."""

    def state_dict(self) -> Any: ...

    def load_state_dict(self, state_dict: Any, /) -> Any: ...


def fit(
    batches: Batches[Batch],
    step: Callable[[Batch, int], Mapping[str, float]],
    parts: Mapping[str, Part],
    output: Path,
    config: Any,
    workers: int = 1,
    checkpoint_s: float = CHECKPOINT_S,
) -> None:
    """Calls ``step`` with every batch and its number. ``batches`` and ``config``, a dataclass, decide all that happens.

    ``output`` gets log.jsonl, means of what ``step`` returns, and every ``checkpoint_s`` seconds a checkpoint of
    ``parts``, from which the same call goes on. UsageError where it was begun with another ``config``.
    """
    output.mkdir(parents=True, exist_ok=True)
    checkpoint = output / CHECKPOINT
    first = _restore(checkpoint, config, parts) if checkpoint.exists() else 0
    last = len(batches)
    loader = torch.utils.data.DataLoader(
        batches,
        batch_size=None,
        sampler=range(first, last),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
    )
    recent: list[Mapping[str, float]] = []
    saved = time.monotonic()
    with (output / "log.jsonl").open("a", encoding="utf-8") as log:
        for number, batch in enumerate(loader, first):
            recent.append(step(batch, number))
            done = number + 1
            if done % LOG_EVERY == 0 or done == last:
                means = {name: round(sum(each[name] for each in recent) / len(recent), 4) for name in recent[0]}
                line = json.dumps({"step": done, **means})
                print(line, file=log, flush=True)
                print(line, file=sys.stderr, flush=True)
                recent = []
            if time.monotonic() - saved >= checkpoint_s or done == last:
                _save(checkpoint, config, parts, done)
                saved = time.monotonic()


def _save(checkpoint: Path, config: Any, parts: Mapping[str, Part], step: int) -> None:
    partial = checkpoint.with_suffix(".partial")
    states = {name: part.state_dict() for name, part in parts.items()}
    told = {"config_sha256": digest(config), "config": to_json(config)}
    torch.save({**told, "step": step, "parts": states}, partial)
    partial.replace(checkpoint)


def _restore(checkpoint: Path, config: Any, parts: Mapping[str, Part]) -> int:
    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
        begun_with = content["config_sha256"]
    except Exception as error:  # torch has one for every kind of damage, and for what it will not unpickle
        raise UsageError(f"{checkpoint}: no checkpoint of cliptrace: remove it, or give another --output") from error
    if begun_with != digest(config):
        other = "; ".join(differing(content["config"], to_json(config)))
        raise UsageError(f"{checkpoint}: was begun with other settings ({other}): give another --output")
    for name, part in parts.items():
        part.load_state_dict(content["parts"][name])
    return int(content["step"])
