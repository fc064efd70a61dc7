"""Screens of programs: terminals, editors, chats, tables, dashboards, calendars."""

from __future__ import annotations

from benchmarks.look_alike.board import ink
from benchmarks.look_alike.scenes.scene import Scene
from benchmarks.look_alike.styles import MONO


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
