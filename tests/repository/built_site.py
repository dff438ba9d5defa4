"""What is wrong with a built site: links that lead nowhere, and parts that come from elsewhere.

As a program, this module prints them: `python -m tests.repository.built_site site`.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

PARTS = {"script": "src", "img": "src", "source": "src", "iframe": "src", "link": "href"}
"""The elements that a browser fetches by itself, and the attribute that says from where."""
IN_STYLE = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""")


class Page(HTMLParser):
    """The anchors of a page, what it links to and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.parts: list[str] = IN_STYLE.findall(text)
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element says."""
        given = {name: value for name, value in attrs if value}
        if "id" in given:
            self.anchors.add(given["id"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if PARTS.get(tag) in given:
            self.parts.append(given[PARTS[tag]])


@cache
def read(path: Path) -> Page:
    """Return a page, parsed once."""
    return Page(path.read_text(encoding="utf-8"))


def is_there(page: Path, target: str) -> bool:
    """Return whether a link of a page leads to a file, and to an anchor if it names one."""
    parts = urlsplit(target)
    file = page.parent / unquote(parts.path) if parts.path else page
    if not file.is_file():
        return False
    if parts.fragment and file.suffix == ".html":
        return unquote(parts.fragment) in read(file.resolve()).anchors
    return True


def is_elsewhere(target: str) -> bool:
    """Return whether a link names a server, or another program such as mail."""
    parts = urlsplit(target)
    return bool(parts.scheme or parts.netloc)


def faults(site: Path) -> list[str]:
    """Return a line for each fault of a site; none are of links to other sites."""
    found = []
    for file in sorted(site.resolve().rglob("*.html")):
        page, name = read(file), file.relative_to(site.resolve())
        for target in page.parts:
            if is_elsewhere(target) and not target.startswith("data:"):
                found.append(f"{name}: loads {target}")
        for target in [*page.links, *page.parts]:
            if not is_elsewhere(target) and not is_there(file, target):
                found.append(f"{name}: {target} leads nowhere")
    for file in sorted(site.resolve().rglob("*.css")):
        for target in IN_STYLE.findall(file.read_text(encoding="utf-8")):
            found.append(f"{file.relative_to(site.resolve())}: loads {target}")
    return found


if __name__ == "__main__":
    lines = faults(Path(sys.argv[1]))
    print("\n".join(lines) or f"{sys.argv[1]}/index.html")
    sys.exit(bool(lines))
