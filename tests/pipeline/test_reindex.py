"""cliptrace gallery reindex: another build beside the one that answers, a switch, and the way back."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cliptrace.models.backbones.registry import load_config
from cliptrace.pipelines import cli
from cliptrace.pipelines import reindex as reindexing
from cliptrace.pipelines.models import descriptor_config
from cliptrace.schemas.config import DEFAULT_BACKBONE
from cliptrace.schemas.errors import CliptraceError
from cliptrace.transforms.store.descriptors import read_descriptors
from cliptrace.transforms.store.gallery import Gallery, locked, read_videos
from cliptrace.transforms.store.verification import Kind, compare
from tests.pipeline.gallery_reading import index, load

CLIPS = Path(__file__).parents[1] / "data" / "clips"
SMALL = {"bottles.mp4", "cut.mp4", "sub/cars.mp4"}


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    code = cli.main(["gallery", *map(str, arguments)])
    captured = capsys.readouterr()
    assert captured.out == ""
    return code, captured.err


def keyframes(root: Path) -> dict[str, int]:
    """Of each video of the build that answers, after a look whether its stores agree."""
    gallery = load(root)
    with gallery.vectors() as vectors:
        assert list(compare(gallery, vectors)) == []
    return {video_id: video.keyframes for video_id, video in read_videos(gallery).items()}


def test_another_build_takes_over_and_the_way_back(
    own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = own / "gallery"
    before = keyframes(root)
    meanwhile: list[dict[str, int]] = []
    point = reindexing.point

    def look(home: str, build: str) -> None:
        meanwhile.append(keyframes(root))
        point(home, build)

    monkeypatch.setattr(reindexing, "point", look)
    code, text = run(capsys, "reindex", "--keyframes", "uniform:4", "--gallery", root)
    assert code == 0
    descriptor = f"descriptor: {descriptor_config('star_gnn', load_config(DEFAULT_BACKBONE))}"
    assert text.splitlines()[-2:] == ["keyframes:  uniform:4", descriptor]
    assert meanwhile == [before]
    after = keyframes(root)
    assert set(after) == SMALL
    assert all(1.8 * before[video_id] < after[video_id] < 4 * before[video_id] for video_id in SMALL)
    output = own / "m.jsonl"
    assert cli.main(["match", str(own / "videos/bottles.mp4"), "--gallery", str(root), "--output", str(output)]) == 0
    assert '"ref_id": "bottles.mp4"' in output.read_text()
    shutil.copy(CLIPS / "coffee.mp4", own / "videos")
    assert index(capsys, own / "videos", "--gallery", root)[0] == 3  # the broken one is not known to this build
    assert set(keyframes(root)) == {*SMALL, "coffee.mp4"}
    code, text = run(capsys, "reindex", "--rollback", "--gallery", root)
    assert (code, text.splitlines()[-2:]) == (0, ["keyframes:  ske:balanced", descriptor])
    assert keyframes(root) == before
    assert run(capsys, "reindex", "--rollback", "--gallery", root)[0] == 0
    assert set(keyframes(root)) == {*SMALL, "coffee.mp4"}


def test_an_older_build_gets_the_descriptors_that_the_gallery_has_by_now(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = own / "gallery"
    assert run(capsys, "reindex", "--keyframes", "uniform:1", "--gallery", root)[0] == 0
    assert run(capsys, "reindex", "--rollback", "--gallery", root)[0] == 0
    assert run(capsys, "reindex", "--descriptor", "parts", "--gallery", root)[0] == 0
    code, text = run(capsys, "reindex", "--keyframes", "uniform:1", "--gallery", root)
    assert (code, text.splitlines()[-1]) == (0, "descriptor: parts (256 dimensions)")
    assert set(read_descriptors(load(root)).video_ids.tolist()) == SMALL


def described_as(root: Path, name: str, **changed: object) -> None:
    """The gallery's description names another descriptor, as a change of it leaves the gallery that is cut off."""
    description = json.loads((root / "gallery.json").read_text())
    config = descriptor_config(name, load_config(DEFAULT_BACKBONE))
    assert config
    description["descriptor"] = {**dataclasses.asdict(config), **changed}
    (root / "gallery.json").write_text(json.dumps(description))


def verify(capsys: pytest.CaptureFixture[str], root: Path, *options: str) -> tuple[int, str, str]:
    code = cli.main(["gallery", "verify", "--gallery", str(root), *options])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


UNDESCRIBED = """\
videos without the video descriptor that the gallery has: 3
  bottles.mp4
  cut.mp4
  sub/cars.mp4
  {}: made from the stored keyframes
"""


def test_a_change_of_descriptors_that_was_cut_off_is_told_and_mended(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = own / "gallery"
    described_as(root, "parts")
    assert verify(capsys, root) == (1, UNDESCRIBED.format("with --repair"), "")
    agree = "Parquet, ledger and Milvus agree\n"
    assert verify(capsys, root, "--repair") == (0, UNDESCRIBED.format("repaired") + agree, "")
    assert set(read_descriptors(load(root)).video_ids.tolist()) == SMALL


def test_videos_whose_keyframes_are_lost_are_told_once(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = own / "gallery"
    described_as(root, "parts")
    gallery = load(root)
    for shard in (root / "frames").rglob("*.parquet"):
        shard.write_bytes(shard.read_bytes()[:100])
    with gallery.vectors() as vectors:
        told = [(difference.kind, difference.subject) for difference in compare(gallery, vectors)]
    assert sorted(told) == [(Kind.LOST, video_id) for video_id in sorted(SMALL)]


def test_descriptors_that_cannot_be_made_of_what_is_stored(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = own / "gallery"
    described_as(root, "parts", sha256="of another version")
    code, _, text = verify(capsys, root, "--repair")
    assert code == 1
    assert text.endswith(
        f"{root}: was described by another parts than this machine has: "
        f"run cliptrace gallery reindex --descriptor parts --gallery {root}\n"
    )
    described_as(root, "star_gnn", sha256="of another version")
    assert verify(capsys, root, "--repair")[2].endswith(
        f"{root}: was described by another star_gnn than this machine has: "
        f"run cliptrace gallery reindex --descriptor mean --gallery {root}\n"
    )
    assert run(capsys, "reindex", "--descriptor", "mean", "--gallery", root)[0] == 0
    described_as(root, "star_gnn")
    code, _, text = verify(capsys, root, "--repair")
    assert code == 1
    assert text.endswith(
        f"{root}: 3 videos have no descriptor star_gnn, which is made of regions of frames: cliptrace gallery remove "
        "them and index them again, or choose another one with "
        f"cliptrace gallery reindex --descriptor NAME --gallery {root}\n"
    )


def test_a_descriptor_whose_weights_are_gone_can_be_left(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = own / "gallery"
    description = json.loads((root / "gallery.json").read_text())
    description["descriptor"] = {"name": f"star_gnn:{own}/gone", "sha256": "ab", "dimension": 256}
    (root / "gallery.json").write_text(json.dumps(description))
    assert run(capsys, "reindex", "--descriptor", "mean", "--gallery", root)[0] == 0
    assert set(read_descriptors(load(root)).video_ids.tolist()) == SMALL


def test_a_removed_file_that_moves_stays_out_of_a_later_build(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, videos = own / "gallery", own / "videos"
    before = Path(read_videos(load(root))["bottles.mp4"].uri).parent
    assert run(capsys, "relocate", before, videos, "--gallery", root)[0] == 0
    assert run(capsys, "remove", "bottles.mp4", "--gallery", root)[0] == 0
    assert run(capsys, "reindex", "--keyframes", "uniform:4", "--gallery", root)[0] == 0
    (videos / "bottles.mp4").rename(videos / "renamed.mp4")
    code, text = index(capsys, videos / "renamed.mp4", "--gallery", root)
    assert code == 0
    assert "removed, kept out: 1 (renamed.mp4); to let one in again: cliptrace gallery reinstate\n" in text
    assert set(keyframes(root)) == SMALL - {"bottles.mp4"}


def test_what_is_indexed_while_a_build_is_made_is_in_it(
    own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = own / "gallery"
    build = reindexing.index.run

    def then_index(options: Any) -> Any:
        summary = build(options)
        if not (own / "videos" / "coffee.mp4").exists():
            shutil.copy(CLIPS / "coffee.mp4", own / "videos")
            assert index(capsys, own / "videos" / "coffee.mp4", "--gallery", root)[0] == 0
        return summary

    monkeypatch.setattr(reindexing.index, "run", then_index)
    assert run(capsys, "reindex", "--keyframes", "uniform:1", "--gallery", root)[0] == 0
    assert load(root).root != str(root)
    assert set(keyframes(root)) == {*SMALL, "coffee.mp4"}


def test_a_switch_by_another_process_is_noticed(
    own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = own / "gallery"
    build = reindexing.index.run

    def then_switch(options: Any) -> Any:
        summary = build(options)
        shutil.copytree(root, root / "builds" / "other", ignore=shutil.ignore_patterns("builds"))
        reindexing.point(str(root), "other")
        return summary

    monkeypatch.setattr(reindexing.index, "run", then_switch)
    code, text = run(capsys, "reindex", "--keyframes", "uniform:1", "--gallery", root)
    assert code == 1
    assert text.endswith(f"cliptrace: error: {root} answers with another build since; run the same command again\n")
    assert load(root).root == str(root / "builds" / "other")


def test_one_that_was_cut_off_goes_on(
    own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = own / "gallery"
    with monkeypatch.context() as patch:
        patch.setattr(reindexing, "locked", lambda _: (_ for _ in ()).throw(CliptraceError("cut off")))
        assert run(capsys, "reindex", "--keyframes", "uniform:1", "--gallery", root)[0] == 1
    assert load(root).root == str(root)
    monkeypatch.setattr("cliptrace.transforms.features.Begin.__call__", None)  # nothing is decoded again
    assert run(capsys, "reindex", "--keyframes", "uniform:1", "--gallery", root)[0] == 0
    assert set(keyframes(root)) == SMALL


def test_videos_that_cannot_be_indexed_anew_keep_the_old_build(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The own gallery is of the session's videos; here one of them is gone."""
    root, source = own / "g", own / "videos"
    assert index(capsys, source, "--gallery", root)[0] == 3
    (source / "bottles.mp4").unlink()
    assert run(capsys, "reindex", "--keyframes", "uniform:1", "--gallery", root) == (
        1,
        f"cliptrace: error: {root} answers as before, since 1 (bottles.mp4) cannot be indexed anew; mend what is wrong "
        "and run the same command again with --retry-failed, or leave them behind with --without-failed\n",
    )
    assert set(keyframes(root)) == SMALL
    assert run(capsys, "reindex", "--keyframes", "uniform:1", "--without-failed", "--gallery", root)[0] == 0
    assert set(keyframes(root)) == SMALL - {"bottles.mp4"}
    # It is stored in the build before: a takedown goes there, too.
    assert run(capsys, "remove", "bottles.mp4", "cut.mp4", "--gallery", root)[0] == 0
    assert set(keyframes(root)) == {"sub/cars.mp4"}
    first = Gallery.at(str(root), str(root))
    with first.vectors() as vectors:
        assert list(compare(first, vectors)) == []
        assert {row["video_id"] for batch in vectors.rows(embeddings=False) for row in batch} == {"sub/cars.mp4"}
    assert run(capsys, "reindex", "--rollback", "--gallery", root)[0] == 0
    assert set(keyframes(root)) == {"sub/cars.mp4"}
    assert run(capsys, "reinstate", "cut.mp4", "--gallery", root)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--keyframes", "ske:balanced"], 2, "{root} is built with this backbone and these keyframes already"),
        (["--rollback"], 1, "{root} has one build only: there is nothing to go back to"),
    ],
)
def test_what_there_is_nothing_to_do_for(
    gallery: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    expected = f"cliptrace: error: {message.format(root=gallery)}\n"
    assert run(capsys, "reindex", *arguments, "--gallery", gallery) == (code, expected)


def test_the_switch_waits_for_nobody(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The build is made while another process holds the gallery; only to switch it must be let go."""
    root = own / "gallery"
    with locked(str(root)):
        code, text = run(capsys, "reindex", "--keyframes", "uniform:1", "--gallery", root)
    assert code == 1
    assert text.endswith(
        f"cliptrace: error: {root}: another process uses this gallery; "
        "wait for it (with a Milvus server, searches need not)\n"
    )
    assert load(root).root == str(root)
    assert run(capsys, "reindex", "--keyframes", "uniform:1", "--gallery", root)[0] == 0


def test_an_empty_gallery_may_change_its_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.mp4").write_text("no video")
    assert index(capsys, tmp_path / "broken.mp4", "--gallery", tmp_path / "g")[0] == 3
    assert run(capsys, "reindex", "--keyframes", "uniform:1", "--gallery", tmp_path / "g")[0] == 0
    assert keyframes(tmp_path / "g") == {}


def test_the_embedded_store_has_one_index(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = "cliptrace: error: --index SCANN: needs a Milvus server; the embedded store has HNSW alone\n"
    assert run(capsys, "reindex", "--index", "SCANN", "--gallery", own / "gallery") == (2, message)
    assert index(capsys, own / "videos", "--gallery", own / "new", "--index", "SCANN") == (2, message)
    assert not (own / "new" / "gallery.json").exists()
    code, text = run(capsys, "reindex", "--index", "HNSW", "--gallery", own / "gallery")
    assert (code, text) == (2, f"cliptrace: error: {own / 'gallery'} is built with this index already\n")
