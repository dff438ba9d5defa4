"""Whatever a text holds, each format shows it as it is, by that format's own reader."""

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from starbench.config.escapes import (
    JOINER,
    in_latex,
    in_markdown,
    in_snakemake,
    one_line,
    params_in_snakemake,
)
from tests.hostile import HOSTILE

TEXTS = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=30),
    st.text(alphabet="\\`*_{}[]()<>#+-.!|&;~$%^=:/\"' ab1\n", max_size=20),
    st.sampled_from(HOSTILE),
)


def shown_by_markdown(markdown: str) -> str:
    rendered = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown)
    assert not re.search(r"<(script|img|a|em|strong|code|s|h2|blockquote|ol)\b", rendered)
    return html.unescape(re.sub(r"<[^>]*>", "", rendered)).strip()


@settings(max_examples=500, deadline=None)
@given(TEXTS)
def test_markdown_shows_a_text_as_it_is_in_a_heading_a_list_a_table_and_a_paragraph(text):
    line = one_line(text)
    if not line:
        return
    escaped = in_markdown(text)
    assert "\n" not in escaped
    assert shown_by_markdown(f"# {escaped}") == line
    assert shown_by_markdown(f"- {escaped}") == line
    assert shown_by_markdown(f"{escaped}") == line
    cells = shown_by_markdown(f"| a | b |\n|---|---|\n| {escaped} | x |").split()
    assert cells == ["a", "b", *line.split(), "x"]


@pytest.mark.parametrize("number", [".3942", "-.0052", "159.79", "+3", "12 %"])
def test_numbers_need_no_escapes_in_markdown(number):
    assert in_markdown(number) == number
    assert shown_by_markdown(number) == number


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        (r"\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("50% & $5 #1_a", r"50\% \& \$5 \#1\_a"),
        ("~^<|>", r"\textasciitilde{}\textasciicircum{}\textless{}\textbar{}\textgreater{}"),
        ("[2cm] *", "{[}2cm] {*}"),
        ("a\n\\end{document}", r"a \textbackslash{}end\{document\}"),
        ("``a'' -- b--c", "{`}{`}a{'}{'} {-}{-} b{-}{-}c"),
        ("BERT-SRL of Smith's", "BERT-SRL of Smith's"),
    ],
)
def test_latex_typesets_a_text_as_it_is(text, latex):
    assert in_latex(text) == latex


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_snakemake_finds_no_wildcard_and_no_end_of_a_script_in_a_label(text):
    from snakemake.io import apply_wildcards

    label = in_snakemake(text)
    assert apply_wildcards(label, {}) == label
    assert not re.search(r"<[/!a-z]", label, re.IGNORECASE)
    assert label.replace(JOINER, "") == one_line(text).replace(JOINER, "")


def test_params_are_safe_in_the_script_of_the_page_at_every_depth():
    safe = params_in_snakemake({"a<b": [{"c": ["</script>"]}, 1, None], "d": "{x}"})
    assert safe == {
        f"a<{JOINER}b": [{"c": [f"<{JOINER}/script>"]}, 1, None],
        "d": f"{{{JOINER}x}}",
    }
