"""From a take to a file of the bench: real stretches cut, scenes drawn. And whether two takes show the same."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.attacks.media import FPS, X264, ffmpeg, grey_thumbs, probe_made
from benchmarks.attacks.plan import Clip
from benchmarks.look_alike.board import Board
from benchmarks.look_alike.plan import Drawing, Filmed, Take
from benchmarks.look_alike.scenes import SCENES, Scene
from benchmarks.look_alike.sources import Library
from benchmarks.look_alike.styles import Style, make_style, words_of

_ENCODER = ("-an", *X264, "-preset", "ultrafast", "-crf", "12", "-g", str(FPS), "-threads", "1")
_LONG_SIDE, _SHORT_SIDE = 640, 360
_JOINED = "480:320"
_NIGHT = "eq=brightness=-0.2:contrast=0.7:saturation=0,noise=alls=16:allf=t:all_seed={}"
_OVER_A_STILL = {"subtitles": 1.0, "ticker": 0.7, "lyrics": 0.25, "credits": 0.25, "karaoke": 0.3}
"""Scene → share of its designs that lie over a picture instead of one colour."""
_DARK = {
    "terminal": 0.8,
    "editor": 0.6,
    "lyrics": 0.8,
    "credits": 0.9,
    "karaoke": 0.9,
    "corridor": 1.0,
    "subtitles": 0.5,
    "slides": 0.25,
}
_VISUALISERS = (
    "showwaves=s={w}x{h}:mode=line:rate=25:colors=0x{c}",
    "showwaves=s={w}x{h}:mode=cline:rate=25:colors=0x{c}",
    "showcqt=s={w}x{h}:fps=25:axis=0",
    "avectorscope=s={w}x{h}:rate=25:zoom=1.4",
    "showspectrum=s={w}x{h}:mode=combined:color=fire:fps=25,fps=25",
)
_THUMB, _BLOCK, _PER_SECOND = 160, 16, 2.0
_BLANK = 1.5
"""Standard deviation of grey values below which a picture is of one colour."""
_SAME = 6.0
"""Of 255: two pictures no block of which differs by more are one; a codec's own noise stays below."""


def make_take(take: Take, library: Library, target: Path, video_id: str) -> Clip:
    """``target`` at FPS frames a second, inside 640x360 or 360x640."""
    if isinstance(take, Filmed):
        _cut(take, library, target)
    else:
        _draw(take, target)
    return Clip(video_id, *probe_made(target))


def same_moments(first: Path, other: Path) -> float:
    """Share of the moments of ``other``, two a second, that ``first`` shows just so at any time; 1 where all are blank.

    Moments of one colour are no moments: lyrics have them between two lines.
    """
    seen, asked = (grey_thumbs(path, _THUMB, _PER_SECOND) for path in (first, other))
    blocks, asked = _blocks(seen), asked[asked.std(axis=(1, 2)) >= _BLANK]
    same = [bool((blockwise_difference(moment, blocks) < _SAME).any()) for moment in _blocks(asked)]
    return float(np.mean(same)) if same else 1.0


def blockwise_difference(moment: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """[P, b, b] and [N, P, b, b] → [N]: mean difference of grey values in the block that differs most."""
    return np.asarray(np.abs(others - moment).mean(axis=(2, 3)).max(axis=1), np.float32)


def _blocks(thumbs: NDArray[np.float32]) -> NDArray[np.float32]:
    side = _THUMB // _BLOCK
    tiles = thumbs.reshape(len(thumbs), side, _BLOCK, side, _BLOCK).swapaxes(2, 3)
    return tiles.reshape(len(thumbs), side * side, _BLOCK, _BLOCK)


def _cut(take: Filmed, library: Library, target: Path) -> None:
    box = rf"if(gt(a\,1)\,{_LONG_SIDE}\,{_SHORT_SIDE}):if(gt(a\,1)\,{_SHORT_SIDE}\,{_LONG_SIDE})"
    fit = f"scale={box}:force_original_aspect_ratio=decrease:force_divisible_by=2"
    if len(take.stretches) > 1:
        fit = f"scale={_JOINED}:force_original_aspect_ratio=decrease,pad={_JOINED}:-1:-1"
    inputs, chains = [], []
    for number, each in enumerate(take.stretches):
        inputs += [
            "-threads",
            "1",
            "-ss",
            str(each.start),
            "-t",
            f"{each.seconds + 1:.2f}",
            "-i",
            str(library.file(each.path)),
        ]
        frames = round(each.seconds * FPS)
        chains.append(
            f"[{number}:v]fps={FPS}:start_time=0,scale=iw*sar:ih,setsar=1,{fit},setsar=1,format=yuv420p,"
            f"tpad=stop_mode=clone:stop_duration=0.5,trim=end_frame={frames},setpts=N/{FPS}/TB[v{number}]"
        )
    joined = "".join(f"[v{number}]" for number in range(len(chains)))
    look = f",{_NIGHT.format(take.grain)}" if take.night else ""
    chains.append(f"{joined}concat=n={len(take.stretches)}:v=1:a=0{look},format=yuv420p[out]")
    ffmpeg(*inputs, "-filter_complex", ";".join(chains), "-map", "[out]", "-r", str(FPS), *_ENCODER, str(target))


def _draw(take: Drawing, target: Path) -> None:
    design = random.Random(f"style {take.design}")
    is_dark = design.random() < _DARK[take.scene] if take.scene in _DARK else None
    style = make_style(take.split, design, is_dark)
    over_a_still = design.random() < _OVER_A_STILL.get(take.scene, 0.0)
    board = Board(style.width, style.height, take.seconds)
    content = random.Random(f"content {take.design} {take.take}")
    scene = Scene(board, style, words_of(take.split), random.Random(f"design {take.design}"), content, take.pace)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        if take.scene == "visualiser":
            ground = _sounds(style, design, content, take.seconds)
            scene.write(scene.heading(2, 4), 0.04 * style.width, 0.93 * style.height, 18, style.bright, anchor=1)
        elif over_a_still:
            picture = Path(folder, "still.png")
            cv2.imwrite(str(picture), still(style, design))
            ground = ["-loop", "1", "-framerate", str(FPS), "-i", str(picture)]
        else:
            ground = ["-f", "lavfi", "-i", f"color=0x{style.ground}:s={style.width}x{style.height}:r={FPS}"]
        if take.scene in SCENES:
            SCENES[take.scene](scene)
        text = Path(folder, "board.ass")
        board.save(text)
        look = f",{_NIGHT.format(take.take)}" if take.scene == "corridor" else ""
        chain = f"setsar=1,ass={text}{look},fps={FPS},format=yuv420p"
        ffmpeg(
            *ground, "-vf", chain, "-frames:v", str(round(take.seconds * FPS)), "-r", str(FPS), *_ENCODER, str(target)
        )


def _sounds(style: Style, design: random.Random, content: random.Random, seconds: float) -> list[str]:
    """What a visualiser shows of a few tones that come and go."""
    shape = design.choice(_VISUALISERS).format(w=style.width, h=style.height, c=style.bright)
    sides = []
    for _ in range(2):
        tones = []
        for _ in range(content.randint(3, 6)):
            pitch, turn, phase = content.uniform(60, 1800), content.uniform(0.7, 4), content.uniform(0, 6)
            tones.append(f"0.25*sin(2*PI*t*{pitch:.1f})*gt(sin(t*{turn:.2f}+{phase:.2f}),0)")
        sides.append("+".join(tones).replace(",", r"\,"))
    graph = f"aevalsrc='{sides[0]}|{sides[1]}':s=22050:d={seconds + 1},{shape}"
    return ["-f", "lavfi", "-i", graph]


def still(style: Style, rng: random.Random) -> NDArray[np.uint8]:
    """A soft picture of hills and lights to write on, uint8[H, W, 3], the same for both takes."""
    random_ = np.random.default_rng(rng.randrange(1 << 32))
    height, width = style.height, style.width
    coarse = random_.uniform(20, 200, (4, 6, 3)).astype(np.float32)
    coarse = 0.4 * coarse + 0.6 * coarse.mean(axis=2, keepdims=True)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(int(random_.integers(2, 5))):
        base = random_.uniform(0.4, 0.9) * height
        x = np.arange(0, width + 40, 40)
        y = base + np.cumsum(random_.normal(0, 18, len(x)))
        outline = np.array([(0, height), *zip(x, y, strict=True), (width + 40, height)], np.int32)
        cv2.fillPoly(picture, [outline], random_.uniform(10, 150, 3).tolist(), cv2.LINE_AA)
    for _ in range(int(random_.integers(5, 25))):
        at = (int(random_.uniform(0, width)), int(random_.uniform(0, height)))
        cv2.circle(picture, at, int(random_.uniform(3, 22)), random_.uniform(80, 255, 3).tolist(), -1, cv2.LINE_AA)
    picture = cv2.GaussianBlur(picture, (0, 0), 1.5) + random_.normal(0, 4, picture.shape).astype(np.float32)
    return np.asarray(np.clip(picture, 0, 255), np.uint8)
