"""From a plan to a file: one ffmpeg call and one filter graph a query."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.attacks.edits import Inset, Recipe
from benchmarks.attacks.media import FPS, X264, ffmpeg, probe_made
from benchmarks.attacks.plan import Clip, Piece, QueryPlan
from cliptrace.schemas.errors import CliptraceError

_ENCODER = (*X264, "-preset", "superfast", "-crf", "20")
_ONE_THREAD = ("-threads", "1")
"""The same bytes on machines of any number of cores; the bench makes several files at once instead."""
_LONG_SIDE, _SHORT_SIDE = 640, 360


def make_clip(source: Path, target: Path, video_id: str) -> Clip:
    """A video at FPS frames a second in which frame n is what ``source`` shows n / FPS seconds after its start."""
    box = rf"if(gt(a\,1)\,{_LONG_SIDE}\,{_SHORT_SIDE}):if(gt(a\,1)\,{_SHORT_SIDE}\,{_LONG_SIDE})"
    chain = (
        f"fps={FPS}:start_time=0",  # a first frame that comes late is shown from 0 on, as a player does
        "scale=iw*sar:ih,setsar=1",
        f"scale={box}:force_original_aspect_ratio=decrease:force_divisible_by=2,setsar=1,format=yuv420p",
    )
    encoder = (*X264, "-preset", "ultrafast", "-crf", "10", "-g", str(FPS), *_ONE_THREAD)
    ffmpeg("-i", str(source), "-an", "-sn", "-dn", "-vf", ",".join(chain), *encoder, str(target))
    return Clip(video_id, *probe_made(target))


def render(plan: QueryPlan, clips: Mapping[str, Path], target: Path) -> None:
    """Make ``target``; ``clips``: files of make_clip by video id."""
    graph = _Graph(plan, clips)
    outputs = "".join(graph.add(piece) for piece in plan.pieces)
    graph.chains.append(f"{outputs}concat=n={len(plan.pieces)}:v=1:a=0,setpts=N/{FPS}/TB,format=yuv420p[out]")
    encoder = plan.recipe.encoder or _ENCODER
    output = ["-map", "[out]", "-r", str(FPS), *encoder, "-g", str(2 * FPS), *_ONE_THREAD, str(target)]
    ffmpeg(*graph.inputs, "-filter_complex", ";".join(graph.chains), *output)
    made = probe_made(target)
    if made != (plan.frames, plan.width, plan.height):
        raise CliptraceError(f"{target}: planned {plan.frames} frames of {plan.width}x{plan.height}, made {made}")


class _Graph:
    """Inputs and filter chains of one query, grown piece by piece."""

    def __init__(self, plan: QueryPlan, clips: Mapping[str, Path]) -> None:
        self.inputs: list[str] = []
        self.chains: list[str] = []
        self._plan = plan
        self._clips = clips

    def add(self, piece: Piece) -> str:
        """The label of the piece, edited and as large as the canvas."""
        number = self._input(piece.video_id, piece.start)
        recipe = self._plan.recipe if piece.copied else Recipe()
        chain = ",".join([f"[{number}:v]{_in_time(piece, recipe)}", self._fitted(), *self._picture(recipe)])
        if recipe.inset:
            self._inlay(chain, recipe.inset, piece, number)
        else:
            self.chains.append(f"{chain}[p{number}]")
        return f"[p{number}]"

    def _inlay(self, chain: str, inset: Inset, piece: Piece, number: int) -> None:
        """Lay what ``chain`` yields over its backdrop, small."""
        width, height = self._plan.width, self._plan.height
        x, y = round(inset.x * width), round(inset.y * height)
        small = f"scale={_even(inset.width * width)}:{_even(inset.height * height)},setsar=1"
        if inset.backdrop not in ("footage", "blur"):
            self.chains.append(f"{chain},{small},pad={width}:{height}:{x}:{y}:color={inset.backdrop}[p{number}]")
            return
        if inset.backdrop == "footage":
            behind = self._input(piece.behind, 0, loop=True)
            self.chains.append(f"{chain},{small}[f{number}]")
            self.chains.append(
                f"[{behind}:v]trim=end_frame={piece.frames},setpts=N/{FPS}/TB,{self._fitted()}[b{number}]"
            )
        else:
            self.chains.append(f"{chain},split[s{number}][w{number}];[s{number}]{small}[f{number}]")
            self.chains.append(f"[w{number}]scale=iw*1.6:-2,crop={width}:{height},gblur=12,setsar=1[b{number}]")
        self.chains.append(f"[b{number}][f{number}]overlay=x={x}:y={y},trim=end_frame={piece.frames}[p{number}]")

    def _input(self, video_id: str, start: int, loop: bool = False) -> int:
        # Half a frame early: ffmpeg drops what comes before, and rounding must not cost the first frame.
        seek = ["-ss", f"{(start - 0.5) / FPS:.4f}"] if start else []
        repeat = ["-stream_loop", "-1"] if loop else []
        self.inputs += [*repeat, *seek, *_ONE_THREAD, "-i", str(self._clips[video_id])]
        return self.inputs.count("-i") - 1

    def _fitted(self) -> str:
        """Fill the canvas; what sticks out is cut (not of copies: the canvas has their shape, bar a second video's)."""
        size = f"{self._plan.width}:{self._plan.height}"
        return f"scale={size}:force_original_aspect_ratio=increase,crop={size},setsar=1,format=yuv420p"

    def _picture(self, recipe: Recipe) -> list[str]:
        filters = [text.format(w=self._plan.width, h=self._plan.height) for text in recipe.picture]
        return [*filters, "setsar=1", "format=yuv420p"] if filters else []


def _in_time(piece: Piece, recipe: Recipe) -> str:
    """Cut the source's frames out, turn them round, change their speed; exactly ``piece.frames`` come out."""
    chain = [f"trim=end_frame={piece.source_frames}", "setpts=PTS-STARTPTS"]
    if recipe.reversed:
        chain.append("reverse")
    if recipe.speed != 1:
        chain += [f"setpts=PTS*{recipe.speed.denominator}/{recipe.speed.numerator}", f"fps={FPS}"]
    if recipe.sampling:
        chain += [*recipe.sampling, f"fps={FPS}"]
    if recipe.speed != 1 or recipe.sampling:
        # The last frame of a slowed or thinned-out segment stays until the segment ends. Elsewhere nothing is filled
        # up: a source that ran short shows in the count of frames.
        chain += [f"tpad=stop_mode=clone:stop_duration={FPS}", f"trim=end_frame={piece.frames}"]
    return ",".join([*chain, f"setpts=N/{FPS}/TB"])


def _even(size: float) -> int:
    return max(2, round(size / 2) * 2)
