"""The command line without a video: what it loads, refuses and prints."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cliptrace.pipelines import cli
from cliptrace.pipelines.cli import progress
from cliptrace.pipelines.cli.printing import summarise
from cliptrace.pipelines.cli.progress import Progress
from cliptrace.pipelines.counting import counting
from cliptrace.pipelines.running import new_run, waves
from cliptrace.schemas.records import VideoSource
from cliptrace.schemas.text import named
from cliptrace.transforms import telemetry
from cliptrace.transforms.matching import MatchConfig


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["index", "--help"], ["match", "--help"], ["evaluate", "--help"], ["gallery", "remove", "--help"]],
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import sys\nfrom cliptrace.pipelines.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: code = end.code\n"
        "heavy = {'torch', 'apache_beam', 'pymilvus', 'pyarrow', 'numpy', 'onnxruntime'} & set(sys.modules)\n"
        "print(code, sorted(heavy), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == "0 []\n"
    assert "usage: cliptrace" in done.stdout
    assert "exit codes: 0 done, 1 error, 2 wrong usage, 3 done but some inputs failed" in done.stdout


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="about glibc's malloc")
@pytest.mark.parametrize(("variable", "few"), [(None, True), ("8", False)])
def test_threads_share_what_others_have_freed(variable: str | None, few: bool, tmp_path: Path) -> None:
    """Unless the environment says how many arenas there are."""
    script = (
        "import ctypes, sys, threading\nfrom cliptrace.pipelines import cli\n"
        "libc = ctypes.CDLL(None)\n"
        "libc.fopen.restype, libc.malloc.restype = ctypes.c_void_p, ctypes.c_void_p\n"
        "cli._share_freed_memory()\n"
        "together = threading.Barrier(8)\n"
        "threads = [threading.Thread(target=lambda: (together.wait(), libc.malloc(5000))) for _ in range(8)]\n"
        "[each.start() for each in threads], [each.join() for each in threads]\n"
        "out = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b'w'))\n"
        "libc.malloc_info(0, out), libc.fclose(out)\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    if variable:
        environment["MALLOC_ARENA_MAX"] = variable
    told = tmp_path / "arenas.xml"
    subprocess.run([sys.executable, "-c", script, str(told)], env=environment, timeout=60, check=True)
    assert (told.read_text().count("<heap nr=") <= 2) == few


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["index"],
        ["index", "v"],
        ["match", "q", "--gallery", "g"],
        ["match", "q", "--gallery", "g", "--output", "m.jsonl", "--aligner", "best"],
        ["match", "q", "--gallery", "g", "--output", "m.jsonl", "--min-score", "2"],
        ["match", "q", "--gallery", "g", "--output", "m.jsonl", "--views", "mirror,negative"],
        ["index", "v", "--gallery", "g", "--views", "mirror"],
        ["index", "v", "--gallery", "g", "--keyframes", "uniform:0"],
        ["index", "v", "--gallery", "g", "--threads", "0"],
        ["index", "v", "--gall", "g"],
        ["preflight"],
        ["preflight", "doctor"],
        ["gallery"],
        ["gallery", "list"],
        ["gallery", "burn", "--gallery", "g"],
        ["gallery", "remove", "--gallery", "g"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: cliptrace" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--min-score", "80%"), "argument --min-score: 80% is not a number from 0 to 1"),
        (("--min-score", "nan"), "argument --min-score: nan is not a number from 0 to 1"),
        (("--top-k", "many"), "argument --top-k: many is not a whole number from 1 on"),
        (("--top-m", "-1.5"), "argument --top-m: -1.5 is not a whole number from 0 on"),
    ],
)
def test_wrong_values_are_told_with_the_option_and_the_range(
    options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["match", "q", "--gallery", "g", "--output", "m.jsonl", *options])
    assert capsys.readouterr().err.endswith(f"cliptrace match: error: {message}\n")


@pytest.mark.parametrize("again", [("--gallery", "h"), ("--gallery=h",)])
def test_an_option_given_twice_is_refused(again: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["index", "v", "--gallery", "g", *again, "--", "--x=1", "--x=2"]) == 2
    assert capsys.readouterr().err == "cliptrace: error: --gallery: given twice; give it once\n"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert re.fullmatch(r"cliptrace \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_help_states_the_defaults(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    threads = f"videos decoded at a time (default: one more than there are cores, here {(os.cpu_count() or 1) + 1})\n"
    config = MatchConfig()
    expected = {
        "index": (
            threads,
            "(default: the gallery's own; copy_lite0 for a new one)\n",
            "(default: the gallery's own; ske:balanced for a new one)\n",
        ),
        "match": (
            threads,
            "lowest score of a segment, 0 to 1 (default: what suits the backbone, or the locator)\n",
            f"(default: all that look like a second of it or more, and up to {config.at_least} others)\n",
        ),
    }
    for command, lines in expected.items():
        with pytest.raises(SystemExit):
            cli.main([command, "--help"])
        text = capsys.readouterr().out
        for line in lines:
            assert line in text


def test_beam_options_go_to_pipelines_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--", "--runner=X"]) == 2
    assert capsys.readouterr().err == "cliptrace: error: cliptrace doctor takes no Beam options\n"


@pytest.mark.parametrize(
    "option",
    [
        "--s3_secret_access_key=canary",
        "--s3_access_key_id",
        "--azure_connection_string=canary",
        "--S3_Session_Token=canary",
    ],
)
def test_no_secret_is_an_option_of_beam(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["index", "v", "--gallery", "g", "--", "--runner=X", option, "canary"]) == 2
    text = capsys.readouterr().err
    assert text.startswith(
        f"cliptrace: error: {option.partition('=')[0]}: no secret may be an option; put it into the "
    )
    assert "canary" not in text


def test_errors_are_one_printable_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    name = f"{tmp_path}/a\nb\x1b[31m\udcff"
    assert cli.main(["index", name, "--gallery", str(tmp_path / "g")]) == 2
    assert capsys.readouterr().err == f"cliptrace: error: {tmp_path}/a b [31m\\udcff: no such file or folder\n"


def test_evaluate_prints_the_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth, matches = tmp_path / "t.csv", tmp_path / "m.jsonl"
    truth.write_text("query_id,ref_id,query_start,query_end,ref_start,ref_end\nq,r,0,10,5,15\nq2,r,0,4,0,4\n")
    matches.write_text(
        '{"query_id": "q", "query_uri": "q", "ref_id": "r", "ref_uri": "r", "score": 0.9, '
        '"segments": [{"query_start": 0, "query_end": 10, "ref_start": 5, "ref_end": 15, "score": 0.9}]}\n'
    )
    arguments = ["evaluate", "--truth", str(truth), "--matches", str(matches)]
    assert cli.main(arguments) == 0
    out = capsys.readouterr().out
    assert [line.split(":")[0] for line in out.splitlines()] == [
        "VCSL", "VCDB", "VSC22 segment AP", "mAP", "boundary error", "pairs",
    ]  # fmt: skip
    assert "VCDB:                F1 0.6667, precision 1.0000, recall 0.5000\n" in out
    assert "boundary error:      mean 0.000 s, median 0.000 s, 1 segments\n" in out
    assert out.endswith("pairs:               2 true, 1 predicted, 1 found\n")
    truth.write_text("query_id\nq\n")
    assert cli.main(arguments) == 2
    assert f"{truth}" in capsys.readouterr().err


def test_doctor_finds_all_well_and_tells_when_a_program_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert cli.main(["doctor"]) == 0
    assert "FAIL" not in capsys.readouterr().out
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cli.main(["doctor"]) == 1
    assert "FAIL  ffmpeg       not installed: apt-get install ffmpeg\n" in capsys.readouterr().out


# Progress, summary, waves


def test_progress_is_plain_lines_where_nobody_watches(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_PLAIN_EVERY_S", 0.0)
    with Progress("index"):
        telemetry.tell("planned", 3)
        telemetry.tell("seconds", 90.0)
        telemetry.tell("decoded")
        telemetry.tell("failure")
    out, err = capsys.readouterr()
    assert out == ""
    assert "\x1b" not in err
    last = err.splitlines()[-1]
    assert last.startswith("index: 2/3 videos · 1.5 min of video · ")
    assert last.endswith(" × real time · 1 failed")


def test_a_short_run_has_no_progress_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("index"):
        telemetry.tell("planned", 1)
        telemetry.tell("decoded")
    assert capsys.readouterr().err == ""


def test_the_summary(capsys: pytest.CaptureFixture[str]) -> None:
    assert summarise(1200, 0, 7200.0, 60.0, {"keyframes": "14,400", "nothing": "", "gallery": "g"}) == 0
    assert capsys.readouterr().err == (
        "videos:         1,200\n"
        "hours of video: 2:00:00 in 60.0 s, 120.0 × real time\n"
        "failures:       0\n"
        "keyframes:      14,400\n"
        "gallery:        g\n"
    )
    assert summarise(0, 1, 0.0, 0.0, {"output": "a\nb\x1b[2J"}) == 3
    assert capsys.readouterr().err.endswith("\noutput:         a b [2J\n")
    for seconds, clock in ((3725.6, "1:02:06"), (360_059.4, "100:00:59")):
        summarise(1, 0, seconds, 60.0, {})
        assert f"hours of video: {clock} in " in capsys.readouterr().err


def test_a_run_counts_what_is_decoded_meanwhile() -> None:
    with counting(3) as counts:
        telemetry.tell("seconds", 90.0)
        telemetry.tell("keyframes", 180)
    telemetry.tell("seconds", 1.0)
    assert (counts.seconds, counts.keyframes) == (90.0, 180)
    assert counts.elapsed_s > 0


def test_the_summary_names_the_first_few() -> None:
    assert named([]) == ""
    assert named(["b", "a\nb"]) == r"2 (a\nb, b)"
    assert named([f"v{number}" for number in reversed(range(1200))]) == "1,200 (v0, v1, v10, …)"


def test_waves_are_bounded_in_videos_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cliptrace.pipelines.running._LOCAL_WAVE", (3, 100))
    sources = [VideoSource(str(n), "", f"{size}-0") for n, size in enumerate([10, 20, 30, 40, 70, 500, 1])]
    assert [[s.video_id for s in wave] for wave in waves(sources, [])] == [["2", "1", "0"], ["3"], ["4"], ["5"], ["6"]]
    assert len(list(waves(sources, ["--runner=FlinkRunner"]))) == 1
    assert list(waves([], [])) == []


def test_runs_that_start_together_differ() -> None:
    assert len({new_run() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("given", "views"),
    [("all", ("halves", "insets")), ("none", ()), ("found", ("found",)), ("found,halves", ("halves", "found"))],
)
def test_all_views_are_those_that_every_keyframe_has(given: str, views: tuple[str, ...]) -> None:
    asked = ["index", "v", "--gallery", "g", "--stored-views", given]
    assert cli.make_parser().parse_args(asked).stored_views == views


@pytest.mark.parametrize("rest", [[], ["more"]])
def test_a_source_is_not_taken_for_a_clip_network(
    tmp_path: Path, rest: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["index", "--moments", str(tmp_path), *rest, "--gallery", str(tmp_path / "g")]
    with pytest.raises(SystemExit):
        cli.main(asked)
    assert capsys.readouterr().err.endswith(
        f"error: argument --moments: {tmp_path} describes no clip network: put --moments after the sources, or write "
        "--moments=lite0_motion\n"
    )
