"""Scenes to draw: screens, captions, charts, courts, avatars. Two takes of one design differ in what is said and shown.

``design`` decides what both takes share: places, headings, colours. ``take`` decides the rest: words, numbers, motion.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Iterator, Sequence

from benchmarks.look_alike.board import Board, Point, ink
from benchmarks.look_alike.styles import MONO, Style


@dataclasses.dataclass(frozen=True, slots=True)
class Scene:
    """pace: 1 is the design's own; 2 takes twice as long for everything."""

    board: Board
    style: Style
    words: Sequence[str]
    design: random.Random
    take: random.Random
    pace: float

    @property
    def width(self) -> int:
        return self.board.width

    @property
    def height(self) -> int:
        return self.board.height

    @property
    def unit(self) -> float:
        """A small letter's size in pixels is about 15 of them."""
        return self.board.unit * self.style.scale

    def say(self, low: int, high: int) -> str:
        return _some(self.take, self.words, low, high)

    def heading(self, low: int, high: int) -> str:
        return _some(self.design, self.words, low, high).title()

    def beats(self, seconds: float, jitter: float = 0.0, start: float = 0.0) -> Iterator[tuple[float, float]]:
        """Spans of about ``seconds`` at this pace until the end, each longer or shorter by up to a share ``jitter``."""
        at = start
        while at < self.board.seconds:
            length = seconds * self.pace * self.style.pace * (1 + self.take.uniform(-jitter, jitter))
            yield at, at + length
            at += length

    def write(self, words: str, x: float, y: float, size: float = 16, colour: str = "", **more: object) -> None:
        """In the design's font unless ``font`` is given; size in units."""
        font = str(more.pop("font", self.style.font))
        self.board.text(words, (x, y), size * self.unit, colour or self.style.ink, font, **more)  # type: ignore[arg-type]


def _some(rng: random.Random, words: Sequence[str], low: int, high: int) -> str:
    return " ".join(rng.choice(words) for _ in range(rng.randint(low, high)))


def terminal(s: Scene) -> None:
    """Commands and their output, line by line; what is full scrolls up."""
    bar = s.design.choice((0, 18, 24)) * s.unit
    size, prompt = s.design.uniform(12, 17), s.design.choice(("$", ">", "#", "%", "~ $", "me@host:~$"))
    if bar:
        s.board.box(0, 0, s.width, bar, s.style.shade)
        s.write(s.heading(1, 3), s.width / 2, bar / 2, 11, s.style.pale, anchor=5)
    room = int((s.height - bar - 8 * s.unit) / (size * s.unit * 1.02))
    lines: list[str] = []
    if s.design.random() < 0.5:
        lines = [s.say(2, 8) for _ in range(s.take.randint(3, room))]
    jitter = s.design.choice((0.0, 0.0, 0.7))
    for span in s.beats(s.design.uniform(0.35, 0.9), jitter):
        for _ in range(s.take.choice((1, 1, 1, 2, 4))):
            lines.append(_terminal_line(s, prompt))
        shown = r"\N".join(lines[-room:])
        s.write(shown, 8 * s.unit, bar + 4 * s.unit, size, font=MONO, span=span)


def _terminal_line(s: Scene, prompt: str) -> str:
    roll = s.take.random()
    if roll < 0.35:
        return rf"{{{ink(s.style.bright)}}}{prompt} {{{ink(s.style.ink)}}}{s.say(1, 5)} --{s.say(1, 1)}"
    if roll < 0.6:
        return f"{s.take.randint(0, 23):02d}:{s.take.randint(0, 59):02d}:{s.take.randint(0, 59):02d} {s.say(2, 6)}"
    if roll < 0.75:
        return rf"{{{ink(s.style.second)}}}{s.say(1, 2)}: {{{ink(s.style.ink)}}}{s.take.randint(1, 9999)} {s.say(1, 3)}"
    return rf"\h\h{s.say(2, 7)}"


def editor(s: Scene) -> None:
    """Code that is typed, or that scrolls."""
    side = s.design.choice((0, 0.16, 0.22)) * s.width
    if side:
        s.board.box(0, 0, side, s.height, s.style.shade)
        for row in range(s.design.randint(6, 14)):
            s.write(
                s.heading(1, 1).lower() + s.design.choice((".c", ".js", ".txt", ".java")),
                8,
                12 + row * 20 * s.unit,
                11,
                s.style.pale,
            )
    size = s.design.uniform(12, 16)
    room = int(s.height / (size * s.unit * 1.02)) - 1
    lines = [_code_line(s, number) for number in range(220)]
    typed = s.design.random() < 0.5
    at = (side + 10 * s.unit, 6 * s.unit)
    if not typed:
        first = 0
        for span in s.beats(s.design.uniform(0.25, 0.8), s.design.choice((0.0, 0.8))):
            s.write(r"\N".join(lines[first : first + room]), *at, size, font=MONO, span=span)
            first += s.take.choice((1, 1, 2, 3))
        return
    shown = s.design.randint(3, room // 2)
    for span in s.beats(s.design.uniform(0.4, 0.9), s.design.choice((0.0, 0.6))):
        s.write(r"\N".join(lines[max(0, shown - room) : shown]), *at, size, font=MONO, span=span)
        shown += 1


def _code_line(s: Scene, number: int) -> str:
    if s.take.random() < 0.12:
        return f"{number + 1:3d}"
    indent, name = r"\h" * (2 * s.take.randint(0, 4)), s.take.choice(s.words)
    word = s.take.choice(("let", "const", "fn", "match", "else", "print", "yield", "void", "int", "//", "struct"))
    rest = f"{name}_{s.take.choice(s.words)} = {s.take.choice(s.words)}[{s.take.randint(0, 99)}]"
    text = rf"{{{ink(s.style.bright)}}}{word} {{{ink(s.style.ink)}}}{rest}"
    if s.take.random() < 0.35:
        text += rf" + {{{ink(s.style.second)}}}'{s.say(1, 2)}'"
    return rf"{{{ink(s.style.pale)}}}{number + 1:3d} {indent}{text}"


def slides(s: Scene) -> None:
    bar, left = s.design.uniform(0.12, 0.2) * s.height, s.design.uniform(0.04, 0.12) * s.width
    at_bottom, two_columns = s.design.random() < 0.2, s.design.random() < 0.3
    picture, gap = s.design.random() < 0.4, s.design.uniform(30, 44)
    mark = s.design.choice(("•", "–", "▪", "1.", "›"))
    footer = s.heading(2, 3)
    top = s.height - bar if at_bottom else 0.0
    for number, span in enumerate(s.beats(s.design.uniform(1.8, 3.6), s.design.choice((0.0, 0.4)))):
        s.board.box(0, top, s.width, bar, s.style.bright, span=span)
        s.write(s.say(2, 4).title(), left, top + bar / 2, 25, s.style.ground, span=span, anchor=4)
        y = gap * s.unit * 0.6 + (0 if at_bottom else bar)
        for row in range(s.take.randint(2, 5)):
            x = left + (s.width * 0.45 if two_columns and row % 2 else 0)
            s.write(f"{mark} {s.say(2, 4)}", x, y + row * gap * s.unit, 18, span=span)
        if picture:
            _picture(s, s.width * 0.72, s.height * 0.62, 0.2 * min(s.width, s.height), span)
        s.write(
            f"{footer}   {number + 1}",
            s.width - left,
            s.height * 0.97 - (bar if at_bottom else 0),
            11,
            s.style.pale,
            span=span,
            anchor=3,
        )


def _picture(s: Scene, x: float, y: float, reach: float, span: tuple[float, float]) -> None:
    """A few coloured pieces, other ones for each take."""
    for colour in (s.style.second, s.style.pale, s.style.bright):
        points = [
            (x + reach * s.take.uniform(0.3, 1) * math.cos(turn), y + reach * s.take.uniform(0.3, 1) * math.sin(turn))
            for turn in sorted(s.take.uniform(0, 6.28) for _ in range(s.take.randint(3, 7)))
        ]
        s.board.shape(points, colour, span=span)


def chat(s: Scene) -> None:
    """Bubbles that come in from below."""
    bar, size = s.design.uniform(0.09, 0.14) * s.height, s.design.uniform(14, 18)
    s.board.box(0, 0, s.width, bar, s.style.bright)
    s.write(s.heading(2, 2), s.width * 0.12, bar / 2, 18, s.style.ground, anchor=4)
    s.board.disc(s.width * 0.06, bar / 2, bar * 0.32, s.style.shade)
    foot = s.height - 30 * s.unit
    s.board.box(0, foot, s.width, 30 * s.unit, s.style.shade)
    row, gap = size * s.unit * 1.1, 9 * s.unit
    bubbles = [_bubble(s) for _ in range(s.take.randint(0, 4))]
    for span in s.beats(s.design.uniform(0.9, 1.8), s.design.choice((0.0, 0.5))):
        bubbles.append(_bubble(s))
        y = foot - gap
        for mine, lines in reversed(bubbles):
            tall = row * len(lines) + gap
            y -= tall + gap
            if y < bar:
                break
            wide = max(map(len, lines)) * size * s.unit * 0.5 + 2 * gap
            x = s.width - wide - gap if mine else gap
            s.board.box(x, y, wide, tall, s.style.second if mine else s.style.shade, span=span)
            s.write(r"\N".join(lines), x + gap, y + gap / 2, size, s.style.ink, span=span)


def _bubble(s: Scene) -> tuple[bool, list[str]]:
    return s.take.random() < 0.5, [s.say(2, 4) for _ in range(s.take.randint(1, 3))]


def lyrics(s: Scene) -> None:
    """A few words in the middle of one colour, then others."""
    size, anchor = s.design.uniform(24, 38), s.design.choice((5, 5, 2, 4))
    at = {5: (0.5, 0.5), 2: (0.5, 0.85), 4: (0.08, 0.5)}[anchor]
    fade = r"\fad(150,150)" if s.design.random() < 0.6 else ""
    colour = s.design.choice((s.style.ink, s.style.bright))
    for span in s.beats(s.design.uniform(1.4, 2.8), s.design.choice((0.0, 0.4))):
        lines = [s.say(2, 3) for _ in range(s.take.choice((1, 2, 2, 3)))]
        s.write(r"\N".join(lines), at[0] * s.width, at[1] * s.height, size, colour, span=span, anchor=anchor, more=fade)


def karaoke(s: Scene) -> None:
    """Lines whose words are coloured as they are sung."""
    size, rows = s.design.uniform(24, 34), s.design.choice((1, 2, 2, 3))
    y, step = s.design.uniform(0.5, 0.85) * s.height, s.design.uniform(0.35, 0.6)
    edge = rf"\bord{2 * s.unit:.1f}\3c&H000000&"
    if s.design.random() < 0.5:
        s.write(s.heading(2, 3), s.width / 2, s.height * 0.1, 18, s.style.pale, anchor=8)
    beat = step * s.pace * s.style.pace
    at = 0.0
    while at < s.board.seconds:
        lines = [s.say(2, 4).split() for _ in range(rows)]
        sung, total = 0, sum(map(len, lines))
        for sung in range(total + 1):
            seen, shown = 0, []
            for line in lines:
                shown.append(
                    " ".join(
                        f"{{{ink(s.style.bright if seen + i < sung else s.style.ink)}}}{word}"
                        for i, word in enumerate(line)
                    )
                )
                seen += len(line)
            s.write(r"\N".join(shown), s.width / 2, y, size, span=(at, at + beat), anchor=2, more=edge)
            at += beat


def subtitles(s: Scene) -> None:
    """Captions over a picture that stands still; the picture is drawn elsewhere."""
    size, y, anchor = s.design.uniform(18, 28), s.design.uniform(0.82, 0.93), s.design.choice((2, 2, 2, 1))
    boxed = s.design.random() < 0.5
    edge = r"\bord%.1f\3c&H101010&" % (2 * s.unit)
    for start, end in s.beats(s.design.uniform(1.3, 2.6), s.design.choice((0.0, 0.5))):
        span = (start, end - 0.1)
        lines = [s.say(3, 5) for _ in range(s.take.choice((1, 1, 2)))]
        tall = size * s.unit * len(lines) * 1.05
        if boxed:
            s.board.box(0, y * s.height - tall - 3, s.width, tall + 6, "101010", span=span)
        x = s.width / 2 if anchor == 2 else s.width * 0.06
        s.write(
            r"\N".join(lines),
            x,
            y * s.height,
            size,
            "f4f4f4" if boxed else s.style.bright,
            span=span,
            anchor=anchor,
            more=edge,
        )


def credits(s: Scene) -> None:
    """Names that roll up."""
    size, speed = s.design.uniform(15, 22), s.design.uniform(28, 60) * s.unit / s.pace
    centred = s.design.random() < 0.6
    row = size * s.unit * s.design.uniform(1.1, 1.5)
    far = s.board.seconds * speed
    y = s.height * s.take.uniform(0.0, 0.3)
    while y < s.height + far:
        name, part = s.say(2, 2).title(), s.say(1, 2)
        if s.take.random() < 0.12:
            y += row
            s.write(
                s.say(1, 3).upper(),
                s.width / 2,
                y,
                size * 1.2,
                s.style.bright,
                anchor=8,
                to=(s.width / 2, y - far),
                span=(0, s.board.seconds),
            )
            y += row
        elif centred:
            s.write(name, s.width / 2, y, size, anchor=8, to=(s.width / 2, y - far), span=(0, s.board.seconds))
        else:
            for words, x, anchor, colour in ((part, 0.47, 9, s.style.pale), (name, 0.53, 7, s.style.ink)):
                s.write(
                    words,
                    x * s.width,
                    y,
                    size,
                    colour,
                    anchor=anchor,
                    to=(x * s.width, y - far),
                    span=(0, s.board.seconds),
                )
        y += row


def chart(s: Scene) -> None:
    """A line that grows, or bars that change."""
    left, right, top, foot = 0.1 * s.width, 0.95 * s.width, 0.2 * s.height, 0.86 * s.height
    s.write(s.heading(2, 4), left, 0.05 * s.height, 20)
    rows = s.design.randint(3, 6)
    for row in range(rows + 1):
        y = top + (foot - top) * row / rows
        s.board.line([(left, y), (right, y)], s.style.shade, 1.2 * s.unit)
        s.write(str(100 - 100 * row // rows), left - 4, y, 11, s.style.pale, anchor=6)
    if s.design.random() < 0.5:
        _line_chart(s, left, right, top, foot)
    else:
        _bar_chart(s, left, right, top, foot)


def _line_chart(s: Scene, left: float, right: float, top: float, foot: float) -> None:
    steps = s.design.randint(24, 48)
    series = [
        (colour, [s.take.uniform(0.2, 0.8)]) for colour in (s.style.bright, s.style.second)[: s.design.randint(1, 2)]
    ]
    for _, values in series:
        for _ in range(steps):
            values.append(min(1, max(0, values[-1] + s.take.gauss(0, 0.11))))
    known = s.design.randint(2, steps // 2)
    beat = s.board.seconds / (steps - known) * min(1.0, s.pace)
    for number in range(known, steps + 1):
        start = (number - known) * beat
        span = (start, s.board.seconds + 1 if number == steps else start + beat)
        for colour, values in series:
            points = [
                (left + (right - left) * index / steps, foot - (foot - top) * value)
                for index, value in enumerate(values[: number + 1])
            ]
            s.board.line(points, colour, 3 * s.unit, span=span)
            s.write(f"{100 * values[number]:.1f}", *points[-1], 13, colour, span=span, anchor=1)


def _bar_chart(s: Scene, left: float, right: float, top: float, foot: float) -> None:
    count = s.design.randint(4, 9)
    names = [s.heading(1, 1)[:7] for _ in range(count)]
    wide = (right - left) / count
    for index, name in enumerate(names):
        s.write(name, left + (index + 0.5) * wide, foot + 4, 11, s.style.pale, anchor=8)
    values = [s.take.uniform(0.1, 1) for _ in range(count)]
    for span in s.beats(s.design.uniform(0.5, 1.2)):
        for index, value in enumerate(values):
            colour = s.style.bright if index % 2 else s.style.second
            tall = value * (foot - top)
            s.board.box(left + (index + 0.15) * wide, foot - tall, wide * 0.7, tall, colour, span=span)
            s.write(f"{100 * value:.0f}", left + (index + 0.5) * wide, foot - tall, 12, span=span, anchor=2)
        values = [min(1, max(0.05, value + s.take.gauss(0, 0.15))) for value in values]


def table(s: Scene) -> None:
    """Rows of names and numbers that change."""
    rows, columns = s.design.randint(6, 10), s.design.randint(3, 5)
    top, row = 0.16 * s.height, 0.8 * s.height / rows
    s.write(s.heading(2, 3), 0.05 * s.width, 0.04 * s.height, 19)
    x = [0.05 * s.width + (0.3 + 0.65 * index / (columns - 1)) * 0.92 * s.width for index in range(columns)]
    for number in range(rows):
        if number % 2:
            s.board.box(0.03 * s.width, top + number * row, 0.94 * s.width, row, s.style.shade)
    for place in x:
        s.write(s.heading(1, 1)[:6], place, top, 11, s.style.pale, anchor=3)
    own_names = s.design.random() < 0.6
    names = [(s.say(1, 2) if own_names else s.heading(1, 2)).title()[:14] for _ in range(rows)]
    for number, name in enumerate(names):
        s.write(name, 0.05 * s.width, top + (number + 0.5) * row, 15, anchor=4)
    cells = [[s.take.uniform(0, 999) for _ in x] for _ in names]
    for span in s.beats(s.design.uniform(0.6, 1.6)):
        for number, values in enumerate(cells):
            for place, value in zip(x, values, strict=True):
                s.write(f"{value:.1f}", place, top + (number + 0.5) * row, 15, span=span, anchor=6, font=MONO)
        for _ in range(s.take.randint(2, rows)):
            values = s.take.choice(cells)
            column = s.take.randrange(columns)
            values[column] = max(0.0, values[column] + s.take.gauss(0, 60))


def street_map(s: Scene) -> None:
    """A town from above, and somebody who drives through it."""
    plan = s.design if s.design.random() < 0.4 else s.take  # the same town, or another one in the same colours
    x = sorted(plan.uniform(0.03, 0.97) * s.width for _ in range(plan.randint(5, 9)))
    y = sorted(plan.uniform(0.03, 0.97) * s.height for _ in range(plan.randint(4, 7)))
    for _ in range(plan.randint(1, 3)):
        s.board.box(
            plan.choice(x),
            plan.choice(y),
            plan.uniform(0.1, 0.3) * s.width,
            plan.uniform(0.1, 0.3) * s.height,
            s.style.shade,
        )
    for place in x:
        lean = plan.gauss(0, 12)
        s.board.line([(place - lean, 0), (place + lean, s.height)], s.style.pale, plan.choice((4, 6, 9)) * s.unit)
    for place in y:
        s.board.line([(0, place), (s.width, place)], s.style.pale, plan.choice((4, 6, 9)) * s.unit)
        s.write(_some(plan, s.words, 1, 2).title(), plan.uniform(0.05, 0.7) * s.width, place, 12, anchor=4)
    column, row = s.take.randrange(len(x)), s.take.randrange(len(y))
    route = [(x[column], y[row])]
    for span in s.beats(s.design.uniform(0.7, 1.3)):
        if s.take.random() < 0.5:
            column = max(0, min(len(x) - 1, column + s.take.choice((-2, -1, 1, 2))))
        else:
            row = max(0, min(len(y) - 1, row + s.take.choice((-2, -1, 1, 2))))
        route.append((x[column], y[row]))
        s.board.line(route[:-1] if len(route) > 2 else route, s.style.bright, 5 * s.unit, span=span)
        s.board.shape(ring_at(9 * s.unit), s.style.second, span=span, move=(route[-2], route[-1]))
    if s.design.random() < 0.6:
        s.board.box(0, 0, s.width, 0.12 * s.height, s.style.ground)
        for span in s.beats(2.0):
            s.write(
                f"{s.take.randint(1, 59)} min  {s.say(1, 2).title()}",
                0.04 * s.width,
                0.06 * s.height,
                16,
                span=span,
                anchor=4,
            )


def ring_at(radius: float) -> list[Point]:
    return [(radius * math.cos(turn / 8 * math.pi), radius * math.sin(turn / 8 * math.pi)) for turn in range(16)]


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


def quiz(s: Scene) -> None:
    """A question, four answers, a bar that runs out."""
    gap, size = s.design.uniform(0.13, 0.16) * s.height, s.design.uniform(15, 19)
    left, wide = 0.08 * s.width, 0.84 * s.width
    s.write(s.heading(2, 3), s.width / 2, 0.03 * s.height, 14, s.style.pale, anchor=8)
    for start, end in s.beats(s.design.uniform(2.6, 4.5)):
        right = s.take.randrange(4)
        s.write(s.say(4, 5).capitalize() + "?", s.width / 2, 0.13 * s.height, 21, span=(start, end), anchor=8)
        for index in range(4):
            y, told = 0.3 * s.height + index * gap, start + 0.7 * (end - start)
            s.board.box(left, y, wide, 0.8 * gap, s.style.shade, span=(start, end))
            if index == right:
                s.board.box(left, y, wide, 0.8 * gap, s.style.second, span=(told, end))
            s.write(
                f"{'ABCD'[index]}   {s.say(1, 3)}", left + 12 * s.unit, y + 0.4 * gap, size, span=(start, end), anchor=4
            )
        for step in range(10):
            a, b = (start + (end - start) * (step + each) / 10 for each in (0, 1))
            s.board.box(left, 0.94 * s.height, wide * (1 - step / 10), 0.03 * s.height, s.style.bright, span=(a, b))


def dashboard(s: Scene) -> None:
    """Tiles with a figure each, and small bars."""
    columns, rows = s.design.randint(2, 4), s.design.randint(2, 3)
    wide, tall = s.width / columns, (s.height - 26 * s.unit) / rows
    s.write(s.heading(2, 3), 8 * s.unit, 4 * s.unit, 16)
    beat = s.design.uniform(0.7, 1.4)
    for index in range(columns * rows):
        x, y = index % columns * wide + 4, 26 * s.unit + index // columns * tall + 4
        s.board.box(x, y, wide - 8, tall - 8, s.style.shade)
        s.write(s.heading(1, 2), x + 6, y + 4, 12, s.style.pale)
        bars = [s.take.random() for _ in range(12)]
        value = s.take.uniform(10, 9000)
        for span in s.beats(beat):
            s.write(f"{value:.1f}", x + 6, y + 22 * s.unit, 22, span=span)
            for number, share in enumerate(bars):
                bar = share * tall * 0.35
                s.board.box(
                    x + 6 + number * (wide - 20) / 12,
                    y + tall - 12 - bar,
                    (wide - 20) / 16,
                    bar,
                    s.style.bright,
                    span=span,
                )
            bars = [*bars[1:], s.take.random()]
            value = max(1.0, value * (1 + s.take.gauss(0, 0.08)))


def whiteboard(s: Scene) -> None:
    """Something is drawn and written by hand, stroke by stroke."""
    colours = (s.style.ink, s.style.bright, s.style.second)
    for number, span in enumerate(s.beats(s.design.uniform(0.5, 0.9))):
        stay = (span[0], s.board.seconds + 1)
        x, y = s.take.uniform(0.08, 0.85) * s.width, s.take.uniform(0.1, 0.88) * s.height
        if number % 3 == 2:
            s.write(s.say(1, 2), x * 0.9, y, 20, s.take.choice(colours), span=stay, font="DejaVu Serif", more=r"\i1")
            continue
        points = [(x, y)]
        for _ in range(s.take.randint(3, 9)):
            points.append((points[-1][0] + s.take.gauss(0, 40) * s.unit, points[-1][1] + s.take.gauss(0, 30) * s.unit))
        s.board.line(points, s.take.choice(colours), 3.5 * s.unit, span=stay)


def calendar(s: Scene) -> None:
    """A month whose days are filled in."""
    wide, tall, top = s.width / 7, (s.height * 0.84) / 5, 0.15 * s.height
    s.write(s.heading(1, 1), 0.04 * s.width, 0.03 * s.height, 21)
    for index in range(35):
        x, y = index % 7 * wide, top + index // 7 * tall
        s.board.box(x + 2, y + 2, wide - 4, tall - 4, s.style.shade)
        s.write(str(index % 31 + 1), x + 5, y + 3, 11, s.style.pale)
    for span in s.beats(s.design.uniform(0.5, 1.0)):
        index, stay = s.take.randrange(35), (span[0], s.board.seconds + 1)
        x, y = index % 7 * wide, top + index // 7 * tall
        s.board.box(
            x + 4, y + 0.42 * tall, wide - 8, 0.5 * tall, s.take.choice((s.style.bright, s.style.second)), span=stay
        )
        s.write(s.say(1, 1)[:8], x + 7, y + 0.45 * tall, 12, s.style.ground, span=stay)


SCENES: dict[str, Callable[[Scene], None]] = {
    "terminal": terminal,
    "editor": editor,
    "slides": slides,
    "chat": chat,
    "lyrics": lyrics,
    "karaoke": karaoke,
    "subtitles": subtitles,
    "credits": credits,
    "chart": chart,
    "table": table,
    "map": street_map,
    "ticker": ticker,
    "call": call,
    "court": court,
    "avatar": avatar,
    "corridor": corridor,
    "quiz": quiz,
    "dashboard": dashboard,
    "whiteboard": whiteboard,
    "calendar": calendar,
}
