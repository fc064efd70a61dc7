"""Words that are shown: slides, lyrics, subtitles, credits, questions, what is written by hand."""

from __future__ import annotations

import math

from benchmarks.look_alike.board import ink
from benchmarks.look_alike.scenes.scene import Scene


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
