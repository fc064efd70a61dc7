"""The same figures of several seeds as one: the mean and between what they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any


def spread(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Figures of each seed, nested alike → the same nesting, {"mean", "min", "max", "seeds"} in place of each figure.

    "seeds" are the figures themselves. One that a seed does not have (None, or no such key) is None there and takes no
    part; one that no seed has is None altogether. What is no figure comes as a list.
    """
    keys = dict.fromkeys(key for run in runs for key in run)
    return {key: _spread([run.get(key) for run in runs]) for key in keys}


def _spread(values: list[Any]) -> Any:
    known = [value for value in values if value is not None]
    if not known:
        return None
    if all(isinstance(value, Mapping) for value in known):
        return spread([value or {} for value in values])
    if not all(isinstance(value, (int, float)) for value in known):
        return values
    return {"mean": fmean(known), "min": min(known), "max": max(known), "seeds": values}


def shown(figure: Mapping[str, Any] | None, digits: int = 3) -> str:
    """mean (min–max), "-" where there is none; said if some seeds do not have it."""
    if figure is None:
        return "-"
    mean, low, high = (f"{figure[name]:.{digits}f}" for name in ("mean", "min", "max"))
    known = [value for value in figure["seeds"] if value is not None]
    text = mean if len(figure["seeds"]) == 1 else f"{mean} ({low}–{high})"
    return text if len(known) == len(figure["seeds"]) else f"{text}, {len(known)} of {len(figure['seeds'])} seeds"
