"""Scenes to draw: screens, words, charts, people. Two takes of one design differ in what is said and shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.look_alike.scenes import charts, people, screens, words
from benchmarks.look_alike.scenes.scene import Scene

SCENES: Mapping[str, Callable[[Scene], None]] = {
    "terminal": screens.terminal,
    "editor": screens.editor,
    "slides": words.slides,
    "chat": screens.chat,
    "lyrics": words.lyrics,
    "karaoke": words.karaoke,
    "subtitles": words.subtitles,
    "credits": words.credits,
    "chart": charts.chart,
    "table": screens.table,
    "map": charts.street_map,
    "ticker": people.ticker,
    "call": people.call,
    "court": people.court,
    "avatar": people.avatar,
    "corridor": people.corridor,
    "quiz": words.quiz,
    "dashboard": screens.dashboard,
    "whiteboard": words.whiteboard,
    "calendar": screens.calendar,
}

__all__ = ["SCENES", "Scene"]
