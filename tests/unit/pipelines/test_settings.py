"""Where options come from: flags win over the environment, and that over the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from cliptrace.pipelines.cli import make_parser
from cliptrace.pipelines.cli.settings import apply_settings
from cliptrace.schemas.config import DEFAULT_VIEWS, KeyframeConfig
from cliptrace.schemas.errors import UsageError

MATCH = ("match", "q.mp4", "--gallery", "g", "--output", "m.jsonl")


def parsed(*argv: str, env: Mapping[str, str] | None = None) -> dict[str, object]:
    parser = make_parser()
    apply_settings(parser, argv, env or {})
    return vars(parser.parse_args(argv))


def refused(*argv: str, env: Mapping[str, str] | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        apply_settings(make_parser(), argv, env or {})
    return str(caught.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "c.toml"
    path.write_text(
        '[match]\ntop-k = 5\nmin_score = 0.5\naligner = "dp"\n[index]\nretry-failed = true\nkeyframes = "content:0.1"\n'
    )
    return path


def test_flags_win_over_the_environment_and_that_over_the_file(file: Path) -> None:
    env = {"CLIPTRACE_ALIGNER": "hough", "CLIPTRACE_TOP_K": "7", "CLIPTRACE_FOOTAGE": "/elsewhere"}
    options = parsed(*MATCH, "--config", str(file), "--top-k", "9", env=env)
    assert (options["top_k"], options["aligner"], options["min_score"]) == (9, "hough", 0.5)
    assert parsed(*MATCH, env={**env, "CLIPTRACE_CONFIG": str(file)})["min_score"] == 0.5
    assert parsed(*MATCH)["aligner"] is None


def test_views_are_named_with_commas(tmp_path: Path) -> None:
    assert parsed(*MATCH)["views"] == DEFAULT_VIEWS
    for text, views in (
        ("mirror", ("mirror",)),
        ("insets, mirror,mirror", ("mirror", "insets")),
        ("all", ("mirror", "turns", "halves", "insets")),
        ("none", ()),
    ):
        assert parsed(*MATCH, "--views", text)["views"] == views
        assert parsed(*MATCH, env={"CLIPTRACE_VIEWS": text})["views"] == views
        (tmp_path / "c.toml").write_text(f'[match]\nviews = "{text}"\n')
        assert parsed(*MATCH, "--config", str(tmp_path / "c.toml"))["views"] == views


@pytest.mark.parametrize(("text", "name"), [("mirror,negative", "negative"), ("none,mirror", "none"), ("mirror,", "")])
def test_an_unknown_view(text: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    message = f"no view is called {name!r}; there are mirror, turns, halves, insets; or use all or none"
    assert refused(*MATCH, env={"CLIPTRACE_VIEWS": text}) == f"CLIPTRACE_VIEWS: {message}"
    with pytest.raises(SystemExit) as caught:
        parsed(*MATCH, "--views", text)
    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith(f"cliptrace match: error: argument --views: {message}\n")


def test_required_options_may_come_from_elsewhere(file: Path) -> None:
    options = parsed("index", "v", f"--config={file}", env={"CLIPTRACE_GALLERY": "g"})
    assert (options["gallery"], options["retry_failed"]) == ("g", True)
    assert options["keyframes"] == KeyframeConfig("content", threshold=0.1)


def test_a_switch_in_the_environment() -> None:
    for text, value in (("1", True), ("true", True), ("0", False), ("False", False), ("", False)):
        assert (
            parsed("index", "v", "--gallery", "g", env={"CLIPTRACE_RETRY_FAILED": text.lower()})["retry_failed"]
            is value
        )
    assert refused("index", "v", env={"CLIPTRACE_RETRY_FAILED": "maybe"}) == (
        "CLIPTRACE_RETRY_FAILED: must be true or false, not 'maybe'"
    )


def test_a_variable_that_is_set_to_nothing_is_unset(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parsed("index", "v", env={"CLIPTRACE_GALLERY": ""})
    assert caught.value.code == 2
    assert "required: --gallery" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[match]\ntop-z = 5", "c.toml: top_z: no such option of cliptrace match"),
        ("[match]\ntop-k = 0", "c.toml: top_k: 0 is not a whole number from 1 on"),
        ("[match]\ntop-k = 'x'", "c.toml: top_k: x is not a whole number from 1 on"),
        ("[match]\ngallery = ['g']", "c.toml: gallery: must be a text or a number, not ['g']"),
        ("[match]\naligner = 'best'", "c.toml: aligner: best: must be one of spd, tn, dp, hough, dtw, or spd:FOLDER"),
        ("match = 3", "c.toml: match must be a table: [match]"),
        ("[match", "c.toml: not valid TOML: Expected ']' at the end of a table declaration (at end of document)"),
    ],
)
def test_bad_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.toml").write_text(content)
    assert refused(*MATCH, "--config", "c.toml") == message


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused(*MATCH, "--config", "no.toml") == "no.toml: cannot be read: No such file or directory"
    assert refused(*MATCH, "--config") == "argument --config: expected one argument"
    assert refused(*MATCH, env={"CLIPTRACE_MIN_SCORE": "2"}) == "CLIPTRACE_MIN_SCORE: 2 is not a number from 0 to 1"


def test_a_command_of_a_command_has_a_table_in_its_table(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        '[gallery.list]\ngallery = "g"\njson = true\n[gallery.show]\nmatches = "m.jsonl"\n'
    )
    options = parsed("gallery", "list", "--config", str(tmp_path / "c.toml"))
    assert (options["gallery"], options["json"]) == ("g", True)
    assert parsed("gallery", "verify", env={"CLIPTRACE_GALLERY": "e", "CLIPTRACE_REPAIR": "1"})["repair"] is True
    (tmp_path / "c.toml").write_text('[gallery]\nlist = "g"\n')
    assert refused("gallery", "list", "--config", str(tmp_path / "c.toml")) == (
        f"{tmp_path}/c.toml: gallery.list must be a table: [gallery.list]"
    )
    (tmp_path / "c.toml").write_text("[gallery.list]\nrepair = true\n")
    assert refused("gallery", "list", "--config", str(tmp_path / "c.toml")) == (
        f"{tmp_path}/c.toml: repair: no such option of cliptrace gallery list"
    )
