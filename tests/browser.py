"""A headless browser, for tests of what a page shows and whether it runs anything."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FOUND = next((path for path in map(shutil.which, NAMES) if path), None)

needs_browser = pytest.mark.skipif(
    FOUND is None, reason=f"needs a browser ({', '.join(NAMES)}) on the PATH"
)

HIDDEN = {"script", "style", "title", "head", "template"}


class Text(HTMLParser):
    """The text of a page outside of scripts and styles, a line for each element."""

    def __init__(self) -> None:
        super().__init__()
        self.parts, self.hidden, self.lines = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag in HIDDEN:
            self.hidden.append(tag)
        if tag in ("p", "li", "td", "th", "h1", "h2", "div", "tr", "button", "a"):
            self.finish()

    def handle_endtag(self, tag):
        if self.hidden and self.hidden[-1] == tag:
            self.hidden.pop()
        if tag in ("p", "li", "td", "th", "h1", "h2", "div", "tr", "button", "a"):
            self.finish()

    def handle_data(self, data):
        if not self.hidden:
            self.parts.append(data)

    def finish(self):
        line = " ".join("".join(self.parts).split())
        self.lines += [line] if line else []
        self.parts = []


def opened(page: Path, profile: Path) -> tuple[str, list[str]]:
    """Open a page in the browser; return its title and its lines of text once it has loaded."""
    done = subprocess.run(
        [str(FOUND), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         f"--user-data-dir={profile}", "--virtual-time-budget=10000", "--dump-dom",
         page.resolve().as_uri()],
        capture_output=True, text=True, check=True, timeout=180,
    )  # fmt: skip
    title = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    text = Text()
    text.feed(done.stdout)
    text.finish()
    assert text.lines, done.stderr
    return title[1] if title else "", text.lines
