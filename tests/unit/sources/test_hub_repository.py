"""What a revision stands for, and errors of the hub's libraries in one line."""

import pytest

from starbench.errors import InputError
from starbench.sources.hub_repository import commit_of, is_commit, is_local, told_in_a_line

COMMIT = "0123456789abcdef" * 2 + "01234567"


def told(error, monkeypatch, offline=None):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    if offline is not None:
        monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    with pytest.raises(InputError) as caught, told_in_a_line("thing 'x'"):
        raise error
    return str(caught.value)


def test_a_folder_is_told_from_a_repository(tmp_path, monkeypatch):
    (tmp_path / "owner").mkdir()
    monkeypatch.chdir(tmp_path)
    assert [is_local(name) for name in ("./a", "/a", "owner", "owner/name", "a")] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_a_commit_is_forty_hex_digits_and_stands_for_itself():
    assert is_commit(COMMIT)
    assert not any(map(is_commit, (None, "main", COMMIT[:-1], COMMIT + "0", COMMIT.upper())))
    assert commit_of("nobody/nothing", COMMIT) == COMMIT


def test_an_error_is_its_first_line_and_one_without_a_text_is_named(monkeypatch):
    error = RuntimeError("\n  first line\nDataset scripts are no longer supported\n")
    assert told(error, monkeypatch) == "cannot load thing 'x': first line"
    assert told(OSError(), monkeypatch) == "cannot load thing 'x': OSError()"
    assert told(InputError("as it is"), monkeypatch) == "as it is"


def test_a_loading_script_is_told_with_what_to_do(monkeypatch):
    error = RuntimeError("Dataset scripts are no longer supported, but found x.py\nmore")
    text = told(error, monkeypatch)
    assert "`revision: refs/convert/parquet`" in text
    assert "found x.py" not in text


@pytest.mark.parametrize(
    ("value", "is_said"), [("1", True), ("true", True), ("0", False), ("", False), (None, False)]
)
def test_that_the_hub_is_switched_off_is_said(monkeypatch, value, is_said):
    text = told(ValueError("no"), monkeypatch, value)
    assert text == f"cannot load thing 'x'{' (HF_HUB_OFFLINE is set)' if is_said else ''}: no"


def test_what_the_library_hides_behind_an_error_is_said(monkeypatch):
    error = OSError("check your connection")
    error.__cause__ = ValueError("no such host")
    text = told(error, monkeypatch)
    assert text == "cannot load thing 'x': check your connection (no such host)"
    error.__cause__ = ValueError("check your connection\nor do not")
    assert told(error, monkeypatch) == "cannot load thing 'x': check your connection"
