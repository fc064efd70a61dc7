"""Charts and maps."""

from __future__ import annotations

from benchmarks.look_alike.scenes.scene import Scene, ring_at, some_words


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
        s.write(some_words(plan, s.words, 1, 2).title(), plan.uniform(0.05, 0.7) * s.width, place, 12, anchor=4)
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
