"""Texts of a config within other formats: shown as they are written, and never as anything else."""

from __future__ import annotations

import re
from typing import Any

JOINER = "\u2060"
"""Word joiner: has no width, and keeps the characters around it from meaning something together."""

_MARKDOWN = {character: f"\\{character}" for character in "\\|*_`<[#~$"}

_LATEX = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # After the end of a row these would be its options; two of the others are ligatures.
    "[": "{[}",
    "*": "{*}",
    "-": "{-}",
    "`": "{`}",
    "'": "{'}",
    '"': r"\textquotedbl{}",
}


def one_line(text: str) -> str:
    """Return a text on one line, with single spaces."""
    return " ".join(text.split())


def in_markdown(text: str) -> str:
    """Return what shows a text in Markdown (CommonMark, and GitHub's) as it is, on one line."""
    escaped = "".join(_MARKDOWN.get(character, character) for character in one_line(text))
    # Written out, an entity would be shown as its character.
    escaped = re.sub(r"&(?=\\?#?\w+;)", r"\\&", escaped)
    # At the start of a line these begin a list or a quotation; before a digit only the latter.
    return re.sub(r"^(\d*)(>|[-+.)](?!\.?\d))", r"\1\\\2", escaped)


def in_latex(text: str) -> str:
    """Return what typesets a text in LaTeX as it is, on one line; hyphens within words as such."""
    line = one_line(text)
    shown = []
    for place, character in enumerate(line):
        inside = line[place - 1 : place].isalnum() and line[place + 1 : place + 2].isalnum()
        plain = character in "-'" and place > 0 and inside
        shown.append(character if plain else _LATEX.get(character, character))
    return "".join(shown)


def in_snakemake(text: str) -> str:
    """Return a text that Snakemake shows in its report as it is, on one line.

    Snakemake takes ``{name}`` in a label for a wildcard, and writes labels and params into a
    script of the page, where ``</script>`` ends it. Neither can be escaped, so an invisible
    character parts what would mean something.
    """
    return re.sub(r"[<{]", rf"\g<0>{JOINER}", one_line(text))


def params_in_snakemake(value: Any) -> Any:
    """Return params with all their texts, keys and values, as `in_snakemake` gives them."""
    if isinstance(value, str):
        return in_snakemake(value)
    if isinstance(value, dict):
        return {params_in_snakemake(key): params_in_snakemake(of) for key, of in value.items()}
    if isinstance(value, list):
        return [params_in_snakemake(item) for item in value]
    return value
