"""Small changes that break things: of bytes, and of JSON values. All that is drawn follows from the generator."""

from __future__ import annotations

import random
from typing import Any

TOKENS = (
    *(b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\r", b"\n", b"\r\n", b"\t", b'"', b",", b'""', b"\\"),
    *(b"../../../etc/passwd", b"-i", b"=cmd|' /C calc'!A0", b"\x1b[2J", b"$(id)", b"%s%n", b"http://127.0.0.1:9/x"),
    *(
        b"null",
        b"true",
        b"[" * 2000,
        b"{" * 50,
        b"1e999",
        b"-1",
        b"9" * 5000,
        b"NaN",
        b"PAR1",
        b"\\ud800",
        b"A" * 70000,
    ),
)
"""What parsers stumble over: ends of lines, quotes, halves of characters, nesting, sizes, names with a meaning."""

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**31, 2**63, -(2**63), 10**400, 0.0, -0.5, 1e308, float("nan"), float("inf")),
    *("", "0", "-1", "nan", "inf", "1e999", "N/A", "0/0", "1/0", "-25/1", "1/-1", "x/y", "9" * 400 + "/1", "9" * 5000),
    *("\ud800", "\x00", "\x1b[2J", "../../x", "A" * 70000, [], {}, [[]], [None], {"rotation": "x"}, [{}] * 100),
)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """One change, or a few."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = rng.choice((_flip, _overwrite, _delete, _repeat, _insert, _truncate, _number))(data, rng)
    return data


def mutated_json(value: Any, rng: random.Random) -> Any:
    """``value`` with one to three of its parts replaced, dropped or doubled."""
    for _ in range(rng.randint(1, 3)):
        value = _change(value, rng)
    return value


def _change(value: Any, rng: random.Random) -> Any:
    if not value or not isinstance(value, dict | list) or rng.random() < 0.1:
        return rng.choice(VALUES)
    if isinstance(value, list):
        at = rng.randrange(len(value))
        return [*value[:at], *rng.choice(([], [value[at]] * 2, [_change(value[at], rng)])), *value[at + 1 :]]
    name = rng.choice(list(value))
    if rng.random() < 0.2:
        return {key: each for key, each in value.items() if key != name}
    return {**value, name: _change(value[name], rng)}


def _span(data: bytes, rng: random.Random) -> tuple[int, int]:
    """Short ones more often than long ones."""
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + int(2 ** rng.uniform(0, 12)))


def _flip(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8) if data else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _overwrite(data: bytes, rng: random.Random) -> bytes:
    start, end = _span(data, rng)
    filler = rng.choice((bytes(end - start), b"\xff" * (end - start), rng.randbytes(end - start)))
    return data[:start] + filler + data[end:]


def _delete(data: bytes, rng: random.Random) -> bytes:
    start, end = _span(data, rng)
    return data[:start] + data[end:]


def _repeat(data: bytes, rng: random.Random) -> bytes:
    start, end = _span(data, rng)
    return data[:end] + data[start:end] * rng.randint(1, 20) + data[end:]


def _insert(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(TOKENS) + data[at:]


def _truncate(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _number(data: bytes, rng: random.Random) -> bytes:
    """Four or eight bytes as a size or an offset that is off, or far off."""
    width = rng.choice((1, 2, 4, 8))
    at = rng.randrange(len(data) + 1)
    number = rng.choice((0, 1, 2 ** (8 * width - 1), 2 ** (8 * width) - 1, rng.randrange(2 ** (8 * width))))
    return data[:at] + number.to_bytes(width, rng.choice(("big", "little"))) + data[at + width :]
