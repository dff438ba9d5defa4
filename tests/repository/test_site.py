"""The site of the docs has every public name, and what is wrong with a built site is seen."""

import re
import subprocess
import sys
from pathlib import Path

import starbench
import starbench.figures
from tests.repository.built_site import faults

ROOT = Path(__file__).parents[2]


def test_the_api_page_has_the_docstring_of_every_public_name():
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^<!-- api: (\S+) -->$", page, re.M))
    public = {f"starbench.{name}" for name in starbench.__all__}
    public |= {f"starbench.figures.{name}" for name in starbench.figures.__all__}
    assert public <= shown
    assert all(f"| `{name}` |" in page for name in shown)


def test_a_sound_site_has_no_faults(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "a.css").write_text("body { background: url('a.png') }")
    (tmp_path / "a.png").touch()
    (tmp_path / "index.html").write_text(
        '<link rel="stylesheet" href="a.css?v=1"><img src="a.png"><img src="data:image/png,">'
        '<a href="docs/b.html#one%20two">b</a><a href="https://example.org/gone">other site</a>'
        '<a href="#here">here</a><p id="here">https://example.org/a.js is only text</p>'
    )
    (tmp_path / "docs" / "b.html").write_text(
        '<h1 id="one two">b</h1><a href="../index.html">i</a>'
    )
    assert faults(tmp_path) == []


def test_faults_of_a_site_are_seen(tmp_path):
    (tmp_path / "a.css").write_text("@import 'https://example.org/font.css';")
    (tmp_path / "index.html").write_text(
        '<script src="https://example.org/a.js"></script><img src="//example.org/a.png">'
        '<style>p { background: url(http://example.org/b.png) }</style><img src="gone.png">'
        '<a href="gone.html">a</a><a href="#gone">b</a><a href="index.html#gone">c</a>'
    )
    assert sorted(faults(tmp_path)) == [
        "a.css: loads https://example.org/font.css",
        "index.html: #gone leads nowhere",
        "index.html: gone.html leads nowhere",
        "index.html: gone.png leads nowhere",
        "index.html: index.html#gone leads nowhere",
        "index.html: loads //example.org/a.png",
        "index.html: loads http://example.org/b.png",
        "index.html: loads https://example.org/a.js",
    ]


def test_the_program_fails_where_there_are_faults(tmp_path):
    program = [sys.executable, "-m", "tests.repository.built_site", tmp_path]
    (tmp_path / "index.html").write_text('<a href="gone.html">a</a>')
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "index.html: gone.html leads nowhere\n")
    (tmp_path / "index.html").write_text("<p>sound</p>")
    assert subprocess.run(program, cwd=ROOT, capture_output=True, check=False).returncode == 0
