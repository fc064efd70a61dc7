"""Drawn people: speakers in a studio and in a call, players on a court, an avatar, who walks through a corridor."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from benchmarks.look_alike.board import Point
from benchmarks.look_alike.scenes.scene import Scene, ring_at
from benchmarks.look_alike.styles import MONO


def ticker(s: Scene) -> None:
    """News before a studio's picture: a headline that changes, and a line that runs."""
    bar, speed = s.design.uniform(0.07, 0.1) * s.height, s.design.uniform(60, 130) * s.unit / s.pace
    y = s.height - bar
    s.board.box(0, y - 1.7 * bar, s.width, 1.7 * bar, s.style.bright)
    s.board.box(0, y, s.width, bar, s.style.shade)
    for span in s.beats(s.design.uniform(2.5, 5)):
        s.write(s.say(3, 4).capitalize(), 0.04 * s.width, y - 0.85 * bar, 20, "ffffff", span=span, anchor=4)
    words = "   +++   ".join(s.say(4, 8).capitalize() for _ in range(12))
    s.write(
        words,
        s.width * 0.6,
        y + bar / 2,
        15,
        anchor=4,
        to=(s.width * 0.6 - speed * s.board.seconds, y + bar / 2),
        span=(0, s.board.seconds),
    )
    s.board.box(0, y, 0.14 * s.width, bar, s.style.second)
    s.write(s.heading(1, 1)[:6].upper(), 0.07 * s.width, y + bar / 2, 14, "ffffff", anchor=5)
    if s.design.random() < 0.7:
        foot = y - 1.7 * bar
        _speaker(s, s.design.uniform(0.3, 0.7) * s.width, foot, foot * 0.2)


def _speaker(s: Scene, x: float, foot: float, reach: float) -> None:
    """Head and shoulders that nod and talk. reach: of the head, half of its height."""
    skin, coat = s.design.choice(("c89070", "8a5a3c", "e0b498", "6a4630")), s.design.choice(_COATS)
    for span in s.beats(0.24):
        dx, dy, mouth = s.take.gauss(0, 0.06) * reach, s.take.gauss(0, 0.04) * reach, s.take.uniform(0.03, 0.15) * reach
        low, high = x + dx / 2, foot - 1.2 * reach
        shoulders = [(low - 1.8 * reach, foot), (low - reach, high), (low + reach, high), (low + 1.8 * reach, foot)]
        s.board.shape(shoulders, coat, span=span)
        s.board.disc(x + dx, foot - 2 * reach + dy, reach, skin, span=span)
        s.board.box(x + dx - reach * 0.3, foot - 1.7 * reach + dy, reach * 0.6, mouth, "702020", span=span)


_COATS = ("31506e", "7a2f3a", "3c6e4a", "888888", "c0a040", "5a3a78")


def call(s: Scene) -> None:
    """A video call: people in tiles, of whom one is marked as speaking."""
    columns, rows = s.design.choice(((2, 1), (2, 2), (2, 2), (3, 2)))
    foot = 0.1 * s.height
    wide, tall = s.width / columns, (s.height - foot) / rows
    tiles = [(index % columns * wide, index // columns * tall) for index in range(columns * rows)]
    for x, y in tiles:
        s.board.box(x + 3, y + 3, wide - 6, tall - 6, s.design.choice((s.style.shade, s.style.pale, s.style.second)))
        _speaker(s, x + wide / 2, y + tall - 3, 0.2 * min(wide, tall))
        s.write(s.heading(1, 1), x + 8, y + tall - 8, 12, "f4f4f4", anchor=1)
    for span in s.beats(s.design.uniform(1.2, 3), 0.5):
        x, y = s.take.choice(tiles)
        corners = [(x + 3, y + 3), (x + wide - 3, y + 3), (x + wide - 3, y + tall - 3), (x + 3, y + tall - 3)]
        s.board.line([*corners, corners[0]], s.style.bright, 4 * s.unit, span=span)
    for index in range(4):
        s.board.disc(
            s.width * (0.35 + 0.1 * index), s.height - foot / 2, foot * 0.3, s.style.bright if index < 3 else "c03030"
        )


def court(s: Scene) -> None:
    """A game on a marked court, seen from above."""
    edge, lines = 0.08 * min(s.width, s.height), s.style.ink
    s.board.box(edge, edge, s.width - 2 * edge, s.height - 2 * edge, s.style.shade)
    for points in _court_lines(s, edge):
        s.board.line(points, lines, 3 * s.unit)
    score = [s.take.randint(0, 30), s.take.randint(0, 30)]
    teams = [s.heading(1, 1)[:4].upper() for _ in "ab"]
    players, spots = s.design.choice((1, 2, 3, 5)), []
    for index in range(2 * players + 1):
        spots.append(_spot(s, index, players))
    for span in s.beats(s.design.uniform(0.6, 1.1)):
        for index, spot in enumerate(spots):
            goal = _spot(s, index, players)
            share = 1.0 if index == 2 * players else 0.4
            goal = (spot[0] + share * (goal[0] - spot[0]), spot[1] + share * (goal[1] - spot[1]))
            colour = "f8f8f8" if index == 2 * players else (s.style.bright, s.style.second)[index // players]
            s.board.shape(ring_at((5 if index == 2 * players else 11) * s.unit), colour, span=span, move=(spot, goal))
            spots[index] = goal
        if s.take.random() < 0.25:
            score[s.take.randrange(2)] += 1
        s.write(f"{teams[0]} {score[0]} : {score[1]} {teams[1]}", s.width / 2, edge / 2, 15, span=span, anchor=5)


def _court_lines(s: Scene, edge: float) -> list[list[Point]]:
    right, foot, middle = s.width - edge, s.height - edge, (s.width / 2, s.height / 2)
    frame = [(edge, edge), (right, edge), (right, foot), (edge, foot), (edge, edge)]
    made = [frame, [(middle[0], edge), (middle[0], foot)]]
    if s.design.random() < 0.5:
        made.append([*_ring(middle, 0.15 * s.height), (middle[0] + 0.15 * s.height, middle[1])])
    if s.design.random() < 0.5:
        made += [[(edge, y), (right, y)] for y in (edge * 2.2, s.height - edge * 2.2)]
    if s.design.random() < 0.5:
        made += [[(x, edge), (x, foot)] for x in (s.width * 0.3, s.width * 0.7)]
    return made


def _ring(middle: Point, radius: float) -> list[Point]:
    return [(middle[0] + x * radius, middle[1] + y * radius) for x, y in ring_at(1.0)]


def _spot(s: Scene, index: int, players: int) -> Point:
    left, right = (0.1, 0.48) if index < players else (0.52, 0.9)
    if index == 2 * players:
        left, right = 0.1, 0.9
    return s.take.uniform(left, right) * s.width, s.take.uniform(0.14, 0.86) * s.height


def avatar(s: Scene) -> None:
    """A drawn person who signs: arms go from pose to pose."""
    x, y, long = s.width * s.design.uniform(0.4, 0.6), s.height * 0.55, 0.17 * min(s.width, s.height)
    skin, coat = s.design.choice(("d8a888", "9a6a48", "f0c8a8")), s.style.bright
    s.board.shape(
        [(x - long, s.height), (x - 0.8 * long, y - long), (x + 0.8 * long, y - long), (x + long, s.height)], coat
    )
    s.board.disc(x, y - 1.9 * long, 0.62 * long, skin)
    for side in (-1, 1):
        s.board.disc(x + side * 0.22 * long, y - 2.0 * long, 0.07 * long, "202020")
    if s.design.random() < 0.5:
        s.write(s.heading(1, 2), 0.05 * s.width, 0.05 * s.height, 15, s.style.pale)
    poses = [_pose(s) for _ in range(60)]
    rest = (1.35, 1.35, 1.2, 1.2)
    for number, (start, end) in enumerate(s.beats(s.design.uniform(0.45, 0.8))):
        first, then = (poses[number - 1] if number else rest), poses[number]
        steps = max(1, round((end - start) / 0.08))
        for step in range(steps):
            share = min(1.0, 1.4 * step / steps)
            now = [a + share * (b - a) for a, b in zip(first, then, strict=True)]
            span = (start + (end - start) * step / steps, start + (end - start) * (step + 1) / steps)
            _arms(s, (x, y), long, now, coat, skin, span)


def _pose(s: Scene) -> tuple[float, ...]:
    """Angles of both upper arms from the shoulder, downwards is a quarter turn, and of both forearms."""
    return (s.take.uniform(0.2, 1.5), s.take.uniform(0.2, 1.5), s.take.uniform(-1.8, 1.2), s.take.uniform(-1.8, 1.2))


def _arms(
    s: Scene, at: Point, long: float, pose: Sequence[float], coat: str, skin: str, span: tuple[float, float]
) -> None:
    for side, upper, fore in ((-1, pose[0], pose[2]), (1, pose[1], pose[3])):
        shoulder = (at[0] + side * 0.75 * long, at[1] - 0.85 * long)
        elbow = (shoulder[0] + side * long * math.cos(upper), shoulder[1] + long * math.sin(upper))
        hand = (elbow[0] - side * 0.95 * long * math.cos(fore), elbow[1] + 0.95 * long * math.sin(fore))
        s.board.line([shoulder, elbow, hand], coat, 0.34 * long, span=span)
        s.board.disc(*hand, 0.24 * long, skin, span=span)


def corridor(s: Scene) -> None:
    """A fixed camera's drawing of a passage, and people who walk through it; grain and darkness are added elsewhere."""
    horizon = s.design.uniform(0.3, 0.45) * s.height
    middle = s.design.uniform(0.35, 0.65) * s.width
    s.board.box(0, 0, s.width, horizon, s.style.shade)
    for foot in (0.0, s.width * 0.3, s.width * 0.7, float(s.width)):
        s.board.line([(middle, horizon), (foot, s.height)], s.style.pale, 2 * s.unit)
    for _ in range(s.design.randint(2, 5)):
        x, tall = s.design.uniform(0, 0.95) * s.width, s.design.uniform(0.15, 0.5) * s.height
        s.board.box(
            x,
            s.height * 0.8 - tall,
            s.design.uniform(0.05, 0.15) * s.width,
            tall,
            s.design.choice((s.style.pale, s.style.bright)),
        )
    people = s.take.randint(3, 5)
    for number in range(people):  # somebody is there all the time
        start = s.board.seconds * (number + s.take.uniform(-0.8, 0.2)) / people
        length = s.take.uniform(1.2, 2.2) * s.board.seconds / people
        ends = [
            (s.take.choice((-0.1, 1.1)) * s.width, s.take.uniform(0.5, 0.7) * s.height),
            (s.take.uniform(0.1, 0.9) * s.width, s.take.uniform(0.45, 0.7) * s.height),
        ]
        s.take.shuffle(ends)
        size, coat = s.take.uniform(0.12, 0.2) * s.height, s.take.choice(("303848", "806050", "506048", "a09080"))
        for span, a, b in _walk(s, start, length, ends):
            body = [(-0.3 * size, size), (-0.3 * size, -0.2 * size), (0.3 * size, -0.2 * size), (0.3 * size, size)]
            s.board.shape(body, coat, span=span, move=(a, b))
            s.board.shape([(px, py - 0.45 * size) for px, py in ring_at(0.24 * size)], "c09878", span=span, move=(a, b))
    clock = s.take.randint(0, 86000)
    for second in range(math.ceil(s.board.seconds)):
        at = clock + second
        shown = f"CAM {1 + len(s.style.font) % 8}  {at // 3600:02d}:{at // 60 % 60:02d}:{at % 60:02d}"
        s.write(shown, 8, 6, 13, "f0f0f0", span=(second, second + 1.0), font=MONO)


def _walk(
    s: Scene, start: float, length: float, ends: Sequence[Point]
) -> Iterator[tuple[tuple[float, float], Point, Point]]:
    (x0, y0), (x1, y1) = ends
    steps = max(1, round(length / 0.5))
    for step in range(steps):
        a, b = step / steps, (step + 1) / steps
        if start + b * length > 0:
            span = (max(0.0, start + a * length), start + b * length)
            yield span, (x0 + a * (x1 - x0), y0 + a * (y1 - y0)), (x0 + b * (x1 - x0), y0 + b * (y1 - y0))
