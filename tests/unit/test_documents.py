"""README and docs: commands are taken by the program's parser, Python runs, output and links are true."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import cliptrace
from cliptrace.pipelines import cli
from docs.tools import commands

ROOT = Path(__file__).parents[2]
CLIPS = ROOT / "tests" / "data" / "clips"
DOCUMENTS = sorted(
    path
    for folder in (".", "docs", "docs/model-cards", "deploy/*", "models/*", "tests/data/clips")
    for path in ROOT.glob(f"{folder}/*.md")
)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GENERATED = re.compile(r"^<!-- results -->$.*?^<!-- /results -->$", re.MULTILINE | re.DOTALL)
README_LINES = 120
NEAR_S = 0.25


class Block(NamedTuple):
    document: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def blocks(language: str) -> list[Block]:
    found = []
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        for block in BLOCK.finditer(text):
            line = text.count("\n", 0, block.start()) + 1
            found.append(Block(str(path.relative_to(ROOT)), line, *block.groups()))
    return [block for block in found if block.language == language]


def commands_of(text: str) -> Iterator[list[str]]:
    """The words of each command line of a bash block, up to where another command begins."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        ends = (number for number, word in enumerate(words) if word in ("|", "&&", ";", ">", "2>"))
        if words:
            yield words[: next(ends, len(words))]


def programs(name: str) -> list[tuple[Block, list[str]]]:
    """Blocks with a command line that calls the program, and its arguments."""
    found = []
    for block in blocks("bash"):
        for words in commands_of(block.text):
            if words[0].rpartition("/")[2] == name:
                found.append((block, words[1:]))
    return found


def test_every_block_says_what_it_is() -> None:
    assert [str(block) for block in blocks("")] == []


@pytest.mark.parametrize(("block", "arguments"), programs("cliptrace"), ids=str)
def test_the_program_takes_every_command(block: Block, arguments: list[str]) -> None:
    split = arguments.index("--") if "--" in arguments else len(arguments)
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            cli.make_parser().parse_args(arguments[:split])
        except SystemExit:
            pytest.fail(f"{block}: cliptrace {shlex.join(arguments)}: {said.getvalue()}")


def test_every_command_of_the_program_is_shown() -> None:
    shown = {arguments[0] for _, arguments in programs("cliptrace")}
    assert shown >= {"index", "match", "dedup", "gallery", "evaluate", "train", "doctor"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_that_are_run_are_there(document: Path) -> None:
    text = GENERATED.sub("", document.read_text(encoding="utf-8"))
    for name in re.findall(r"python -m ([\w.]+\w)", text):
        assert importlib.util.find_spec(name), f"{document.relative_to(ROOT)}: python -m {name}"


@pytest.mark.parametrize("target", sorted({word for _, words in programs("make") for word in words}))
def test_make_has_the_target(target: str) -> None:
    made = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert target.startswith("-") or "/" in target or re.search(rf"^{re.escape(target)}:", made, re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(document: Path) -> None:
    text = BLOCK.sub("", document.read_text(encoding="utf-8"))
    for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text):
        assert (document.parent / link).exists(), f"{document.relative_to(ROOT)}: {link}"


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= README_LINES


def test_the_reference_has_the_programs_options() -> None:
    assert commands.main(["--check"]) == 0, "run python -m docs.tools.commands"


def test_the_reference_has_the_variables_that_are_read() -> None:
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    rooms = ("pipelines", "transforms", "models", "benchmarks")
    code = [path.read_text(encoding="utf-8") for room in rooms for path in (ROOT / room).rglob("*.py")]
    read = {name for text in code for name in re.findall(r'"(CLIPTRACE_[A-Z_]*[A-Z])"', text)}
    assert {"CLIPTRACE_MILVUS_TOKEN", "CLIPTRACE_CONFIG"} <= read
    assert read == {name for name in read if f"`{name}`" in reference}


def test_the_changelog_has_this_version() -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0].split()[0] == cliptrace.__version__


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the README's commands were run: its clips, its query, its gallery and its matches."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(CLIPS, folder / "tests" / "data" / "clips")
    with contextlib.chdir(folder), contextlib.redirect_stderr(io.StringIO()):
        for block in blocks("bash"):
            for words in commands_of(block.text) if block.document == "README.md" else ():
                if words[0] == "ffmpeg":
                    subprocess.run(words, check=True)
                elif words[0] == "cliptrace":
                    assert cli.main(words[1:]) == 0
    return folder


def test_the_readmes_commands_print_what_it_shows(checkout: Path) -> None:
    (shown,) = (block.text for block in blocks("json") if block.document == "README.md")
    told = json.loads(shown)
    _, second = (json.loads(line) for line in (checkout / "matches.jsonl").read_text(encoding="utf-8").splitlines())
    assert list(second) == list(told)
    assert (second["query_id"], second["ref_id"]) == (told["query_id"], told["ref_id"])
    assert len(second["segments"]) == len(told["segments"]) == 1
    assert second["segments"][0] == pytest.approx(told["segments"][0], abs=NEAR_S)
    assert len(list((checkout / "maps").iterdir())) == 2


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_runs(block: Block, checkout: Path, tmp_path: Path) -> None:
    if "cliptrace.Gallery" in block.text and not hasattr(cliptrace, "Gallery"):
        pytest.skip("cliptrace.Gallery is not there yet")
    for path in checkout.iterdir():  # each block has a folder of its own
        if path.name != "gallery":
            (shutil.copytree if path.is_dir() else shutil.copy)(path, tmp_path / path.name)
    with contextlib.chdir(tmp_path):
        exec(compile(block.text, str(block), "exec"), {"__name__": "__main__"})
