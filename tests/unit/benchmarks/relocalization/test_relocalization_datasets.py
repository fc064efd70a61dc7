"""Published annotations, in exactly their formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.relocalization.datasets import (
    SHARES,
    THUMOS14_LABELS,
    Piece,
    Segment,
    Video,
    activitynet,
    split_labels,
    thumos14,
    video_reloc,
)
from cliptrace.schemas.errors import UsageError

OFFICIAL = {
    "version": "VERSION 1.3",
    "taxonomy": [{"nodeName": "Camel ride", "nodeId": 1}],
    "database": {
        "sJFgo9H6zNo": {
            "duration": 139.23,
            "subset": "training",
            "resolution": "640x360",
            "url": "https://www.youtube.com/watch?v=sJFgo9H6zNo",
            "annotations": [{"segment": [0, 139.22], "label": "Fun sliding down"}, {"segment": [0, 0], "label": "x"}],
        },
        "V1zhqaGFY2A": {"duration": 137.15, "subset": "testing", "annotations": []},
    },
}
BMN = {
    "v_QOlSCBRmfWY": {
        "duration_second": 82.73,
        "duration_frame": 2067,
        "annotations": [{"segment": [6.195294851794072, 77.73085420904837], "label": "Ballet"}],
        "feature_frame": 2064,
    }
}


def written(file: Path, content: Any) -> Path:
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return file


def test_activitynet(tmp_path: Path) -> None:
    official, bmn = written(tmp_path / "v1-3.json", OFFICIAL), written(tmp_path / "bmn.json", BMN)
    assert activitynet([official, bmn]) == [
        Video("sJFgo9H6zNo", 139.23, "training", (Segment(0, 139.22, "Fun sliding down"),)),
        Video("V1zhqaGFY2A", 137.15, "testing", ()),
        Video("QOlSCBRmfWY", 82.73, "", (Segment(6.195294851794072, 77.73085420904837, "Ballet"),)),
    ]


def test_thumos14_in_its_three_forms(tmp_path: Path) -> None:
    annotation = written(
        tmp_path / "val_Annotation.csv",
        "video,type,type_idx,start,end,startFrame,endFrame\n"
        "video_validation_0000051,Billiards,12,67.5,75.9,2025,2277\n"
        "video_validation_0000051,Ambiguous,102,85.9,90.6,2577,2718\n",
    )
    truth = written(
        tmp_path / "thumos14_test_groundtruth.csv",
        "video-name,t-init,t-end,f-init,f-end,video-duration,frame-rate,video-frames,label-idx\n"
        "video_test_0000278,0.0,1.4,0,42,215.166667,30.0,6455,-1\n"
        "video_test_0000278,95.7,97.2,2871,2916,215.166667,30.0,6455,7\n"
        "video_test_0001496,1.0,2.0,30,60,20.0,30.0,600,10\n",
    )
    segments = [{"segment": ["18.6", "24.8"], "label": "HighJump"}]
    names = {"video_test_0000896": "test", "video_validation_0000160": "train", "video_test_0000270": "test"}
    database = {name: {"subset": subset, "annotations": segments} for name, subset in names.items()}
    high = (Segment(18.6, 24.8, "HighJump"),)
    assert thumos14([annotation, truth, written(tmp_path / "thumos_gt.json", {"database": database})]) == [
        Video("video_validation_0000051", None, "training", (Segment(67.5, 75.9, "Billiards"),)),
        Video("video_test_0000278", 215.166667, "testing", (Segment(95.7, 97.2, "Diving"),)),
        Video("video_test_0000896", None, "testing", high),
        Video("video_validation_0000160", None, "training", high),
    ]


def reloc(folder: Path, **changed: Any) -> list[Path]:
    piece = {"location": [22, 55], "label": 274, "id": "6uhLrPgbpUA", "groundtruth": [17, 24]}
    lengths = {"6uhLrPgbpUA": {"n_feat": 86, "n_frames": 1390}}
    contents = {"train": [piece], "val": [], "test": [piece | changed], "length": lengths}
    return [written(folder / f"{name}.json", content) for name, content in contents.items()]


def test_video_re_localization(tmp_path: Path) -> None:
    found = video_reloc(reloc(tmp_path, label=300))
    assert found["training"] == [Piece("6uhLrPgbpUA", "274", 22, 55, (39, 46), 86)]
    assert found["validation"] == []
    assert found["testing"][0].label == "300"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"groundtruth": [17, 40]},
            "{}/test.json, entry 0: location [22, 55] and groundtruth [17, 40] do not fit into 86 steps",
        ),
        ({"groundtruth": 3}, "{}/test.json, entry 0: not a piece with location, groundtruth, label, id"),
        ({"id": "another"}, "{}/length.json: no n_feat of video 'another'"),
    ],
)
def test_a_piece_that_does_not_fit(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as error:
        video_reloc(reloc(tmp_path, **changed))
    assert str(error.value) == message.format(tmp_path)


def test_files_that_are_something_else(tmp_path: Path) -> None:
    def said(read: Any, *files: Path) -> str:
        with pytest.raises(UsageError) as error:
            read(list(files))
        return str(error.value)

    file = written(tmp_path / "a.json", "[1]")
    assert said(activitynet, file) == f"{file}: not a JSON object"
    assert (
        said(activitynet, tmp_path / "none.json")
        == f"{tmp_path / 'none.json'}: cannot be read: No such file or directory"
    )
    file = written(tmp_path / "a.json", "{")
    assert said(activitynet, file).startswith(f"{file}: not valid JSON: ")
    file = written(tmp_path / "a.json", {"v_a": {"duration_second": 3}})
    assert said(activitynet, file) == f"{file}: not annotations of ActivityNet's form: KeyError('annotations')"
    backwards = {"v_a": {"duration_second": 3, "annotations": [{"segment": [2, 1], "label": "x"}]}}
    file = written(tmp_path / "a.json", backwards)
    assert said(activitynet, file) == f"{file}: a segment from 2 to 1 s"
    file, again = written(tmp_path / "a.json", BMN), written(tmp_path / "b.json", BMN)
    assert (
        said(activitynet, file, again) == f"{again}: video 'QOlSCBRmfWY' is in another file, too; give one of the two"
    )
    file = written(tmp_path / "a.csv", "video,type,start,end\nvideo_test_1,Diving,1,two\n")
    assert said(thumos14, file).startswith(f"{file}, line 2: not an annotation of THUMOS14: ValueError(")
    assert said(video_reloc, file) == f"{file}: give train.json, val.json, test.json and length.json"


def test_labels_are_split_as_the_paper_has_them() -> None:
    hundred = [f"label {number}" for number in range(100)]
    found = split_labels(hundred, SHARES["activitynet"], 1)
    assert {split: len(labels) for split, labels in found.items()} == {"training": 80, "validation": 10, "testing": 10}
    assert frozenset().union(*found.values()) == set(hundred)
    assert found == split_labels(reversed(hundred), SHARES["activitynet"], 1)
    assert found != split_labels(hundred, SHARES["activitynet"], 2)
    fourteen = split_labels(THUMOS14_LABELS, SHARES["thumos14"], 1)
    assert {split: len(labels) for split, labels in fourteen.items()} == {"training": 14, "testing": 6}
