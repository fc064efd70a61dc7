"""Which footage a split may use. Families never mix: what was filmed, drawn or cut together stays in one split."""

from __future__ import annotations

import csv
import dataclasses
import os
import sys
from pathlib import Path
from typing import Literal, get_args

from cliptrace.schemas.errors import UsageError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

FOLDERS: dict[Split, tuple[str, ...]] = {
    "train": (
        "intel_iot/",
        "jigargajjar55__audio-speech-to-sign-language-converter/",
        "kwaivgi__liveportrait/",
        "v-iashin__video_features/",
        "artlabss__tennis-tracking/",
        "microsoft__vlm-video-action-localization/",
        "gmdcsa24/Subject 1/",
        "gmdcsa24/Subject 2/",
    ),
    "validation": (
        "tencentarc__st-llm/",
        "ask_anything/",
        "facebookresearch__sam2/",
        "andrewssobral__bgslibrary/",
        "gmdcsa24/Subject 3/",
    ),
    "test": (
        "video_llava/",
        "damo-nlp-sg__video-llama/",
        "damo-nlp-sg__videollama2/",
        "llava-vl__llava-next/",
        "mmaction2/",
        "gmdcsa24/Subject 4/",
    ),
}
"""Path prefixes in the footage folder."""


@dataclasses.dataclass(frozen=True, slots=True)
class Family:
    """Videos that show the same frames, or one scene before one fixed camera: only ``keep`` takes part in the bench.

    members: path prefixes. A twin in the gallery would be a true copy that the truth file does not know.
    """

    keep: tuple[str, ...]
    members: tuple[str, ...]
    why: str


_SIGNS = "jigargajjar55__audio-speech-to-sign-language-converter/assets/"
FAMILIES: tuple[Family, ...] = (
    Family(
        ("mmaction2/demo.mp4",),
        ("mmaction2/demo", "mmaction2/stdet"),
        "demo.mp4 with drawn detections and lower frame rates",
    ),
    Family(("mmaction2/ntu_sample.avi",), ("mmaction2/demo_skeleton",), "ntu_sample.avi with drawn skeletons"),
    Family(("mmaction2/test1.mp4",), ("mmaction2/test1",), "trims of test1.mp4 at a lower frame rate"),
    Family(("mmaction2/test2.mp4",), ("mmaction2/test2",), "trims of test2.mp4 at a lower frame rate"),
    Family((), ("video_llava/demo.mp4",), "a screen recording that plays sample_demo_1.mp4 and shows others small"),
    Family(
        ("andrewssobral__bgslibrary/dataset/video.avi",),
        ("andrewssobral__bgslibrary/gui/",),
        "dataset/video.avi at half the size",
    ),
    Family(
        ("microsoft__vlm-video-action-localization/sample_video/sample.mp4",),
        ("microsoft__vlm-video-action-localization/results/",),
        "parts of sample.mp4 with captions",
    ),
    Family(("gmdcsa24/Subject 1/Fall/15.mp4",), ("gmdcsa24/Subject 1/Fall/",), "one fixed camera"),
    Family(("gmdcsa24/Subject 2/Fall/12.mp4",), ("gmdcsa24/Subject 2/",), "one fixed camera"),
    Family(
        (),
        tuple(f"gmdcsa24/Subject 3/{take}" for take in ("ADL/18", "ADL/19", "ADL/20", "Fall/19", "Fall/20")),
        "the room and the camera of Subject 2, which belongs to train",
    ),
    Family(
        ("gmdcsa24/Subject 3/ADL/15.mp4",),
        ("gmdcsa24/Subject 3/Fall/15", "gmdcsa24/Subject 3/Fall/16"),
        "one fixed camera",
    ),
    Family(("gmdcsa24/Subject 3/Fall/01.mp4",), ("gmdcsa24/Subject 3/ADL/07",), "one fixed camera"),
    Family(
        ("gmdcsa24/Subject 4/ADL/19.mp4",),
        ("gmdcsa24/Subject 4/Fall/01", "gmdcsa24/Subject 4/Fall/02"),
        "one fixed camera",
    ),
    Family(
        tuple(f"intel_iot/asl_gestures/{sign}.mkv" for sign in ("again", "book", "sister", "hungry")),
        ("intel_iot/asl_gestures/",),
        "one fixed camera; one sign of each person who looks different enough",
    ),
    Family(
        tuple(f"{_SIGNS}{sign}.mp4" for sign in ("sound", "to", "world", "yourself")),
        (_SIGNS,),
        "one avatar that starts and ends every sign in the same pose",
    ),
)
"""What `python -m benchmarks.attacks.twins` and the notes in MANIFEST.tsv found."""

_REPOSITORY_CLIPS = Path(__file__).resolve().parents[2] / "tests" / "data" / "clips"
_SUFFIXES = {".mp4", ".mkv", ".avi", ".mov", ".webm"}


@dataclasses.dataclass(frozen=True, slots=True)
class Footage:
    """Videos below ``root``, as sorted paths relative to it. ``families``: whether the tables above apply to them."""

    root: Path
    paths: tuple[str, ...]
    families: bool


def find_footage() -> Footage:
    """The folder that CLIPTRACE_FOOTAGE names; where it is unset, the clips of the repository, all in one split."""
    named = os.environ.get("CLIPTRACE_FOOTAGE")
    if named:
        return read_manifest(Path(named))
    print(
        f"CLIPTRACE_FOOTAGE is unset: using the clips in {_REPOSITORY_CLIPS.name}/, the same ones for every split",
        file=sys.stderr,
    )
    return scan_folder(_REPOSITORY_CLIPS)


def read_manifest(root: Path) -> Footage:
    manifest = root / "MANIFEST.tsv"
    if not manifest.is_file():
        raise UsageError(f"{manifest}: no such file; CLIPTRACE_FOOTAGE must name a folder with a MANIFEST.tsv")
    with manifest.open(newline="", encoding="utf-8") as rows:
        paths = sorted(row["path"] for row in csv.DictReader(rows, delimiter="\t"))
    return Footage(root, tuple(paths), families=True)


def scan_folder(root: Path) -> Footage:
    """Any small folder of videos as footage; every video takes part in every split."""
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if len(paths) < 2:
        raise UsageError(f"{root}: {len(paths)} videos; at least 2 are needed, one to copy from and one to hide it in")
    return Footage(root, tuple(paths), families=False)


def split_of(path: str) -> Split | None:
    return next((split for split in SPLITS if path.startswith(FOLDERS[split])), None)


def left_out(path: str) -> str:
    """Why a video takes no part in the bench, else ""."""
    for family in FAMILIES:
        if path not in family.keep and path.startswith(family.members):
            return family.why
    return ""


def representatives(footage: Footage, split: Split) -> list[str]:
    """The videos that a split uses: one of each family."""
    if not footage.families:
        return list(footage.paths)
    chosen = [path for path in footage.paths if split_of(path) == split and not left_out(path)]
    if len(chosen) < 2:
        raise UsageError(f"{footage.root}: {len(chosen)} videos of split {split}; see FOLDERS in {Path(__file__).name}")
    return chosen
