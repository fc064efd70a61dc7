"""What mkdocs is told beside mkdocs.yml: pages of the site that lie elsewhere in the repository.

Every file of docs/ links to others as they lie in the repository, so that links work there. The site has the files of
docs/ at its root and the others at their own places, so links between the two are rewritten here. Whatever they name
must be a page or a file of the site: a link to anything else is a warning, which ends a strict build.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
OUTSIDE = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE")
FOLDERS = ("models", "deploy", "tests/data/clips")
LINK = re.compile(r"(\]\()([^)#:\s]+)((?:#[^)\s]*)?\))")
AT_ROOT = {"README.md": "readme.md"}
"""The site's root has a page of its own, docs/index.md, and would take README.md for it."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    paths = [ROOT / name for name in OUTSIDE]
    paths += [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("README.md"))]
    for page in [path for path in paths if path.suffix == ".md"]:  # what they link to, as it is
        for _, target, _ in LINK.findall(page.read_text(encoding="utf-8")):
            linked = (page.parent / target).resolve()
            if linked.is_file() and linked.suffix != ".md" and ROOT / "docs" not in linked.parents:
                paths.append(linked)
    for path in dict.fromkeys(paths):
        place = path.relative_to(ROOT).as_posix()
        files.append(File.generated(config, AT_ROOT.get(place, place), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links of the repository → links of the site."""
    own = page.file.src_uri
    place = Path(page.file.abs_src_path or "").resolve().relative_to(ROOT).as_posix()

    def moved(link: re.Match[str]) -> str:
        before, target, after = link.groups()
        meant = posixpath.normpath(posixpath.join(posixpath.dirname(place), target))
        there = AT_ROOT.get(meant, meant.removeprefix("docs/"))
        return f"{before}{posixpath.relpath(there, posixpath.dirname(own) or '.')}{after}"

    parts = re.split(r"(^```.*?^```)", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if part.startswith("```") else LINK.sub(moved, part) for part in parts)
