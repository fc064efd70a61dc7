"""Published annotations, in exactly their formats."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.star_gnn.datasets import read
from cliptrace.schemas.errors import UsageError


def written(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_svd(tmp_path: Path) -> None:
    written(tmp_path / "metadata" / "test_groundtruth", "q1.mp4 a.mp4 1\nq1.mp4 b.mp4 0\nq2.mp4 c.mp4 1\n")
    written(tmp_path / "metadata" / "unlabeled-data-id", "u.mp4\n")
    found = read("svd", tmp_path)
    assert found.right == {"q1.mp4": {"a.mp4"}, "q2.mp4": {"c.mp4"}}
    assert found.takes_part("q1.mp4", "b.mp4")
    assert found.takes_part("q1.mp4", "u.mp4")
    assert not found.takes_part("q1.mp4", "c.mp4")
    file = written(tmp_path / "metadata" / "test_groundtruth", "q1.mp4 a.mp4\n")
    with pytest.raises(UsageError) as error:
        read("svd", tmp_path)
    assert str(error.value) == f'{file}, line 1: \'q1.mp4 a.mp4\' is not "query video 0" or "query video 1"'


def test_fivr_duplicate_scenes(tmp_path: Path) -> None:
    lists = {"ND": ["a"], "DS": ["b"], "CS": ["c"], "IS": ["d"], "DA": ["e"]}
    written(tmp_path / "annotation.json", json.dumps({"q": lists, "none": {"IS": ["d"]}}))
    found = read("fivr", tmp_path)
    assert found.right == {"q": {"a", "b"}}
    assert found.takes_part("q", "anything")
    assert not found.takes_part("q", "q")


def test_vcdb(tmp_path: Path) -> None:
    lines = "a.flv,b.flv,00:00:01,00:00:10,00:01:00,00:01:09\nb.flv,b.flv,00:00:00,00:00:01,00:00:05,00:00:06\n"
    written(tmp_path / "annotation" / "baggio.txt", lines)
    assert read("vcdb", tmp_path).right == {"a": {"b"}, "b": {"a"}}
    file = written(tmp_path / "annotation" / "baggio.txt", "a.flv,b.flv\n")
    with pytest.raises(UsageError) as error:
        read("vcdb", tmp_path)
    assert str(error.value) == f"{file}, line 1: 'a.flv,b.flv' is not \"video,video,start,end,start,end\""


def test_cc_web_video(tmp_path: Path) -> None:
    content = {
        "index": {"1/1_1_Y": 1, "1/1_2_Y": 2, "1/1_3_Y": 3, "1/1_4_Y": 4},
        "queries": ["1/1_1_Y"],
        "ground_truth": [{"1": "E", "2": "S", "3": "X", "4": "-1", "99": "L"}],
        "excluded": [[4, 98]],
    }
    written(tmp_path / "cc_web_video.json", json.dumps(content))
    found = read("cc_web", tmp_path)
    assert found.right == {"1/1_1_Y": {"1/1_2_Y"}}
    assert found.takes_part("1/1_1_Y", "1/1_3_Y")
    assert not found.takes_part("1/1_1_Y", "1/1_4_Y")


@pytest.mark.parametrize(
    ("dataset", "missing"),
    [
        ("svd", "has no metadata/test_groundtruth and no metadata/groundtruth"),
        ("fivr", "has no annotation.json and no dataset/annotation.json"),
        ("cc_web", "has no cc_web_video.json"),
    ],
)
def test_a_missing_file_is_named(dataset: str, missing: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        read(dataset, tmp_path)
    assert str(error.value) == f"{tmp_path}: {missing}; --data names the folder that has it"


def test_vcdb_without_annotation_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        read("vcdb", tmp_path)
    assert str(error.value) == f"{tmp_path / 'annotation'}: no *.txt in it; VCDB's annotation files are needed"
