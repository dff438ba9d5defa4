"""Every link of every page leads to a file of the repository, and to a heading if it names one."""

import re
import subprocess
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
KNOWN = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "*.md")
PAGES = subprocess.run(KNOWN, cwd=ROOT, capture_output=True, text=True, check=True).stdout
NAMES = sorted(name for name in PAGES.split("\0") if name and (ROOT / name).is_file())


def targets(page: Path) -> list[str]:
    """Return what the links and pictures of a page lead to."""
    found = []
    for block in MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8")):
        for token in block.children or []:
            found += [str(token.attrs[key]) for key in ("href", "src") if key in token.attrs]
    return found


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as code hosts make them."""
    tokens = MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8"))
    found: set[str] = set()
    for heading, inline in pairwise(tokens):
        if heading.type == "heading_open":
            words = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", inline.content).lower())
            found.add(words.replace(" ", "-"))
    return found


def broken(page: Path) -> list[str]:
    """Return the links of a page that lead nowhere."""
    wrong = []
    for target in targets(page):
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            continue
        file = page.parent / unquote(parts.path) if parts.path else page
        there = file.exists()
        if there and parts.fragment:
            there = file.suffix == ".md" and parts.fragment in anchors(file)
        if not there:
            wrong.append(target)
    return wrong


@pytest.mark.parametrize("name", NAMES)
def test_no_link_is_broken(name):
    assert broken(ROOT / name) == []


def test_broken_links_are_seen(tmp_path):
    (tmp_path / "other.md").write_text("# Two `words`, here\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](other.md#two-words-here) [b](other.md#nowhere) [c](gone.md) ![d](gone.png)\n\n"
        "| table |\n|---|\n| [e](gone.txt) |\n\n[f](https://example.org/gone) [g](#page)\n"
    )
    assert broken(page) == ["other.md#nowhere", "gone.md", "gone.png", "gone.txt", "#page"]


def test_every_page_of_the_docs_is_in_their_table_of_contents():
    contents = {str((ROOT / "docs" / t).resolve()) for t in targets(ROOT / "docs" / "README.md")}
    pages = {str(path.resolve()) for path in (ROOT / "docs").glob("*.md")}
    assert pages - {str((ROOT / "docs" / "README.md").resolve())} <= contents
