"""A manifest that is not what a stage wrote is refused, whatever it holds."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starbench.errors import InputError
from starbench.store.manifest import Stage, read_manifest

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
KEYS = ("stage", "identity", "files", "wall_s", "constant")


@pytest.fixture
def finished(tmp_path):
    """A folder with one file that a stage has vouched for, and the stage."""
    stage = Stage("data", 1, {"rows": 3}, [])
    (tmp_path / "records.arrow").write_bytes(b"records")
    stage.finish(tmp_path, ["records.arrow"])
    return tmp_path, stage


def read(folder: Path) -> None:
    manifest = read_manifest(folder, "data")
    for key in KEYS[:4]:
        assert manifest[key] is not None


def test_what_a_stage_wrote_is_read_back(finished):
    folder, stage = finished
    assert stage.is_done(folder)
    written = json.loads((folder / "manifest.json").read_text())
    assert read_manifest(folder, "data") == written
    with pytest.raises(InputError, match=r"is of stage 'data', expected 'embed'"):
        read_manifest(folder, "embed")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"manifest\.json is damaged: no JSON"),
        (b"\xff\xfe\x00", r"is damaged: no JSON .*utf-8"),
        (b'{"stage": "data", ', r"is damaged: no JSON"),
        (b"[" * 100_000, r"is damaged: no JSON .*recursion"),
        (b"[1]", r"is damaged: no mapping of keys"),
        (b"{}", r"is damaged: it has no 'stage'"),
        (b'{"stage": 5}', r"is damaged: its 'stage' is 5"),
        (b'{"stage": "data", "files": ["a"]}', r"its 'files' is \['a'\]"),
        (b'{"stage": "data", "wall_s": true}', r"its 'wall_s' is True"),
        (b'{"stage": "data"}', r"has no 'identity'; remove it, and the stage is run again"),
    ],
)
def test_a_damaged_manifest_is_named(finished, content, message):
    (finished[0] / "manifest.json").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read(finished[0])


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=60),
        JSON.map(json.dumps).map(str.encode),
        st.dictionaries(st.sampled_from(KEYS), JSON).map(json.dumps).map(str.encode),
    )
)
def test_no_bytes_raise_anything_but_an_input_error(tmp_path_factory, content):
    folder = tmp_path_factory.getbasetemp() / "fuzzed"
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_bytes(content)
    stage = Stage("data", 1, {}, [])
    for use in (read, stage.is_done):
        try:
            use(folder)
        except InputError as error:
            assert "manifest.json" in str(error)
