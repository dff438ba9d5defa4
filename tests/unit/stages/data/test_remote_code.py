"""No code of a checkpoint is run: nothing asks for it, and what needs it is refused."""

import ast
import json
from pathlib import Path

import pytest

import starbench
from starbench.errors import InputError
from starbench.stages.data.remote_code import refuse_own_code

PACKAGE = Path(starbench.__file__).parent


def names_in(source: str) -> set[str]:
    """Every name, attribute, argument and text in Python source, docstrings left out."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.keyword):
            found.add(node.arg)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, (ast.Name, ast.Attribute, ast.arg)):
            found.add(getattr(node, "id", None) or getattr(node, "attr", None) or node.arg)
    return found


@pytest.mark.parametrize(
    "source",
    ["f(trust_remote_code=True)", "f(**{'trust_remote_code': 1})", "x.trust_remote_code = True"],
)
def test_the_search_would_find_code_that_trusts(source):
    assert "trust_remote_code" in names_in(source)


def test_no_call_of_the_package_trusts_remote_code():
    files = list(PACKAGE.rglob("*.py"))
    assert len(files) > 100
    asking = [
        str(path) for path in files if "trust_remote_code" in names_in(path.read_text("utf-8"))
    ]
    assert asking == []


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_a_checkpoint_with_code_of_its_own_is_refused_by_one_line(name, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    refuse_own_code(tmp_path, "checkpoint mine")
    value = {"model_type": "mine", "auto_map": {"AutoModel": "modeling_mine.MyModel"}}
    (tmp_path / name).write_text(json.dumps(value))
    with pytest.raises(InputError) as caught:
        refuse_own_code(tmp_path, "checkpoint mine")
    assert str(caught.value).startswith(f"checkpoint mine: {name} asks for code of its own")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff", b"{", b"[" * 50_000])
def test_a_file_that_is_no_json_is_named(content, tmp_path):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(InputError, match=r"checkpoint mine: config\.json is not JSON"):
        refuse_own_code(tmp_path, "checkpoint mine")
