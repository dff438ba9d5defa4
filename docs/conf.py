"""The site: the repository's own Markdown, where it lies, and the docstrings of the public API.

Sphinx reads this file (`make docs`). The source folder is the root of the repository, so that a
link leads to the same file here and on a code host.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from posixpath import join, normpath

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import inspect

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

START = "README"
CONTENTS = "docs/README"
"""The page whose headings and links are the navigation."""
RUNS = "Results of real runs"
"""The group of the navigation that gets every page of `results/reference/`."""

RECORDS = "results/reference/"
"""What may be read without being in the navigation; any other page must be."""

PAGES = (
    "*.md",
    "docs/*.md",
    "config/README.md",
    "results/reference/**.md",
    "benchmarks/README.md",
)

project = "Starbench"
author = copyright = "The Starbench maintainers"
release = version = PYPROJECT["version"]
html_title = f"Starbench {release}"

root_doc = START
include_patterns = list(PAGES)
# Sphinx walks every folder that is not excluded, environments and results among them.
exclude_patterns = [
    path.relative_to(ROOT).as_posix()
    for folder, kept in (
        (ROOT, {"docs", "config", "results", "benchmarks"}),
        (ROOT / "results", {"reference"}),
    )
    for path in sorted(folder.iterdir())
    if path.is_dir() and path.name not in kept
]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 4
highlight_language = "text"
default_role = "literal"

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_typehints_format = "short"
# What they would import takes gigabytes, and signatures do without it.
autodoc_mock_imports = [
    "datasets",
    "ir_measures",
    "matplotlib",
    "mteb",
    "numpy",
    "pandas",
    "psutil",
    "pyarrow",
    "safetensors",
    "scipy",
    "sentence_transformers",
    "tokenizers",
    "torch",
    "tqdm",
    "transformers",
]

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
toc_object_entries_show_parents = "hide"
html_use_index = False
html_domain_indices = False

LINK = re.compile(r"\]\(([^)#\s]+\.md)")
GROUP = re.compile(r"^\*\*(?P<caption>[^*]+)\*\*$(?P<links>.*?)(?=^\*\*|\Z)", re.M | re.S)
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n+", re.DOTALL)
"""What a model card tells the Hugging Face Hub."""

API = re.compile(r"^<!-- api: (?P<name>[\w.]+) -->$", re.M)


def groups(contents: str) -> dict[str, list[str]]:
    """Return the pages below each bold line of the table of contents, in its order."""
    folder = CONTENTS.rpartition("/")[0]
    return {
        found["caption"]: [
            normpath(join(folder, link)).removesuffix(".md")
            for link in LINK.findall(found["links"])
        ]
        for found in GROUP.finditer(contents)
    }


def navigation() -> dict[str, list[str]]:
    """Return the pages of each group of the navigation; runs that no line names come last."""
    found = groups((ROOT / f"{CONTENTS}.md").read_text(encoding="utf-8"))
    runs = sorted(ROOT.glob("results/reference/*/README.md"))
    names = [path.relative_to(ROOT).with_suffix("").as_posix() for path in runs]
    found[RUNS] += [name for name in names if name not in found[RUNS]]
    return found


def toctrees(pages_of: dict[str, list[str]]) -> str:
    """Return the navigation as directives that show nothing on the page itself."""
    return f"\n\n```{{toctree}}\n:hidden:\n\nAll pages </{CONTENTS}>\n```\n" + "".join(
        f"\n\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n"
        + "".join(f"/{page}\n" for page in pages)
        + "```\n"
        for caption, pages in pages_of.items()
    )


def prepare(app: Sphinx, page: str, source: list[str]) -> None:
    """Give a page what only the site needs: navigation, docstrings, a title, leave to be unlisted.

    Args:
        app: the builder.
        page: the page's path in the repository, without its ending.
        source: its text, alone in a list; changed in place.
    """
    text = API.sub(docstrings, FRONT_MATTER.sub("", source[0]))
    if not text.startswith("#"):
        text = f"# {page.removeprefix(RECORDS).replace('/', ' / ')}\n\n{text}"
    if page == START:
        text += toctrees(navigation())
    elif page.startswith(RECORDS) and not any(page in pages for pages in navigation().values()):
        text = f"---\norphan: true\n---\n\n{text}"
    source[0] = text


def docstrings(marker: re.Match[str]) -> str:
    """Return the directive that shows the docstrings of what an `api` comment names."""
    name = marker["name"]
    kind = "class" if name.rpartition(".")[2][0].isupper() else "function"
    members = "   :members:\n" if kind == "class" else ""
    return f"```{{eval-rst}}\n.. highlight:: python\n\n.. auto{kind}:: {name}\n{members}```"


def signature(
    app: Sphinx, kind: str, name: str, thing: type, options: object, shown: str, returned: str
) -> tuple[str, str] | None:
    """Return the arguments of a class's own `__init__`; Sphinx takes those of a stand-in's base."""
    if kind != "class" or "__init__" not in vars(thing):
        return None
    own = inspect.signature(thing.__init__, bound_method=True)
    return inspect.stringify_signature(own, show_annotation=False), ""


def plain_folders(app: Sphinx, doctree: nodes.document) -> None:
    """Show links to folders as text: a site lists no folder."""
    here = ROOT / app.env.docname.rpartition("/")[0]
    for link in list(doctree.findall(addnodes.pending_xref)):
        if not link["refdomain"] and (here / link["reftarget"].partition("#")[0]).is_dir():
            link.replace_self(link.children)


def start_page(app: Sphinx, failure: Exception | None) -> None:
    """Write the start page as index.html too, which is what one opens."""
    if failure is None:
        page = Path(app.outdir) / f"{START}.html"
        page.with_name("index.html").write_bytes(page.read_bytes())


def setup(app: Sphinx) -> None:
    """Register the above."""
    app.connect("source-read", prepare)
    app.connect("autodoc-process-signature", signature)
    app.connect("doctree-read", plain_folders)
    app.connect("build-finished", start_page)
