"""What is made: the planned frames, and the content that the truth promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.attacks import build as build_module
from benchmarks.attacks.build import Dataset, build, main, write_sidecar, write_truth
from benchmarks.attacks.check import check, checkable
from benchmarks.attacks.edits import CATALOGUE, SEVERITIES, Recipe, Severity
from benchmarks.attacks.media import grey_thumbs
from benchmarks.attacks.plan import Piece, QueryPlan
from benchmarks.attacks.render import render
from benchmarks.attacks.splits import scan_folder
from cliptrace.schemas.errors import UsageError

REF = "counter.mp4"


def one_copy(edit: str, severity: Severity, recipe: Recipe, frames: int = 60) -> QueryPlan:
    """Background, ``frames`` of a copy, background."""
    steps = frames // recipe.speed.denominator
    source_frames, shown = steps * recipe.speed.numerator, steps * recipe.speed.denominator
    copy = Piece(REF, 23, source_frames, shown, copied=True, behind="cells.mp4" if recipe.inset else "")
    before, after = Piece("fractal.mp4", 4, 17, 17, copied=False), Piece("fractal.mp4", 40, 9, 9, copied=False)
    return QueryPlan("query.mp4", "inserted", 160, 120, (before, copy, after), edit, (edit,), severity, recipe)


@pytest.mark.parametrize(
    ("edit", "severity"),
    [("reencode", "mild"), ("mirror", "mild"), ("frame_rate", "mild")]
    + [(edit, severity) for edit in ("speed", "reversed") for severity in SEVERITIES],
)
def test_truth_is_exact_to_the_frame(
    edit: str, severity: Severity, pattern_folder: Path, clip_files: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "queries").mkdir()
    (tmp_path / "gallery").symlink_to(pattern_folder)
    for recipe in CATALOGUE[edit][SEVERITIES.index(severity)]:
        plan = one_copy(edit, severity, recipe)
        render(plan, clip_files, tmp_path / "queries" / plan.query_id)
        write_truth(tmp_path / "truth.csv", [plan])
        write_sidecar(tmp_path / "queries.jsonl", [plan])
        (found,) = check(Dataset(tmp_path, {}))
        assert found.holds, found
        assert found.moving, found


def test_a_wrong_truth_is_noticed(pattern_folder: Path, clip_files: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "queries").mkdir()
    (tmp_path / "gallery").symlink_to(pattern_folder)
    plan = one_copy("grey", "mild", CATALOGUE["grey"][0][0])
    render(plan, clip_files, tmp_path / "queries" / plan.query_id)
    write_sidecar(tmp_path / "queries.jsonl", [plan])
    write_truth(tmp_path / "truth.csv", [plan])
    truth = (tmp_path / "truth.csv").read_text()
    assert truth.endswith("query.mp4,counter.mp4,0.68,3.08,0.92,3.32\n")
    (tmp_path / "truth.csv").write_text(truth.replace("0.92,3.32", "1.08,3.48"))
    (found,) = check(Dataset(tmp_path, {}))
    assert not found.holds
    assert found.offset == -4


def test_only_edits_that_leave_the_picture_in_place_are_compared() -> None:
    assert checkable({"edit": "speed", "severity": "severe"})
    assert checkable({"edit": "blur", "severity": "mild"})
    assert not checkable({"edit": "blur", "severity": "severe"})
    assert not checkable({"edit": "crop", "severity": "mild"})
    assert not checkable({"edit": "", "severity": ""})


@pytest.mark.parametrize("edit", [edit for edit in CATALOGUE if edit not in ("mirror", "speed", "reversed")])
def test_an_edit_yields_the_planned_frames(edit: str, clip_files: dict[str, Path], tmp_path: Path) -> None:
    _render_and_count(one_copy(edit, "medium", CATALOGUE[edit][1][0], frames=30), clip_files, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("edit", CATALOGUE)
def test_every_variant_yields_the_planned_frames(
    edit: str, severity: Severity, clip_files: dict[str, Path], tmp_path: Path
) -> None:
    for recipe in CATALOGUE[edit][SEVERITIES.index(severity)]:
        _render_and_count(one_copy(edit, severity, recipe, frames=30), clip_files, tmp_path)


def _render_and_count(plan: QueryPlan, clip_files: dict[str, Path], folder: Path) -> None:
    made = folder / plan.query_id
    render(plan, clip_files, made)
    assert len(grey_thumbs(made, 8)) == plan.frames


def test_the_same_seed_builds_the_same_bench(
    pattern_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLIPTRACE_ANNOTATIONS", raising=False)
    footage = scan_folder(pattern_folder)
    first, again = (build("test", tmp_path / name, 1, 2, footage) for name in ("first", "again"))
    assert first.facts == again.facts
    for name in ("truth.csv", "queries.jsonl", "dataset.json", *(f"queries/{query}" for query in first.sidecar())):
        assert (first.root / name).read_bytes() == (again.root / name).read_bytes()
    assert sorted(path.name for path in first.queries.iterdir()) == sorted(first.sidecar())
    assert {row.ref_id for row in first.truth()} <= {path.name for path in first.gallery.iterdir()}
    assert not {path.name for path in first.gallery.iterdir()} & set(first.facts["background"])
    assert sorted(path.name for path in first.root.iterdir()) == [
        "dataset.json",
        "gallery",
        "queries",
        "queries.jsonl",
        "truth.csv",
    ]

    def refuse(*_: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(build_module, "render", refuse)
    assert build("test", first.root, 1, 2, footage) == first
    with pytest.raises(UsageError) as error:
        build("test", first.root, 2, 2, footage)
    assert str(error.value) == (
        f"{first.root}: holds a bench made from other footage or by another recipe; remove it, or give another --output"
    )
    assert build("test", first.root, 1, 2, footage) == first


def test_a_wrong_folder_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLIPTRACE_FOOTAGE", str(tmp_path))
    assert main(["--split", "test", "--output", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == (
        f"error: {tmp_path}/MANIFEST.tsv: no such file; CLIPTRACE_FOOTAGE must name a folder with a MANIFEST.tsv\n"
    )


def test_a_sidecar_line_names_what_was_done(tmp_path: Path) -> None:
    write_sidecar(tmp_path / "queries.jsonl", [one_copy("speed", "severe", CATALOGUE["speed"][2][1])])
    assert json.loads((tmp_path / "queries.jsonl").read_text()) == {
        "query_id": "query.mp4",
        "kind": "inserted",
        "edit": "speed",
        "edits": ["speed"],
        "severity": "severe",
        "speed": 2.0,
        "reversed": False,
        "seconds": 3.44,
        "width": 160,
        "height": 120,
    }
