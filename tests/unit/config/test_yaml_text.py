"""A config file is plain data: everything else in it is one error with file and line."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from starbench.config.reading import load_config
from starbench.config.yaml_text import MAX_BYTES, parse_yaml, read_yaml
from starbench.errors import InputError

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("title: caf\xe9\n".encode("latin-1"), r"^c:1: byte 0xe9 is not UTF-8"),
        ("run: a\ntitle: \xe9\n".encode("latin-1"), r"^c:2: byte 0xe9 is not UTF-8"),
        ("run: a\n".encode("utf-16"), r"^c: in UTF-16"),
        (b"a: 2024-13-45\n", r"^c:1: '2024-13-45' is a date in YAML"),
        (b"a: 2024-01-31\n", r"^c:1: '2024-01-31' is a date in YAML"),
        (b"a: !!timestamp soon\n", r"^c:1: 'soon' is a date"),
        (b"a: !!python/object/apply:os.system [ls]\n", r"^c:1: the tag .*os\.system is not for"),
        (b"a: !!python/name:os.system x\n", r"^c:1: the tag .* is not for configs"),
        (b"a: !own {b: 1}\n", r"^c:1: the tag !own is not for configs"),
        (b"a: !!binary aGk=\n", r"^c:1: the tag !!binary is not for configs"),
        (b"a: !!set {x, y}\n", r"^c:1: the tag !!set is not for configs"),
        (b"a: !!int seven\n", r"^c:1: 'seven' is no !!int"),
        (b"a: !!bool maybe\n", r"^c:1: 'maybe' is no !!bool"),
        (b"a: 0x_\n", r"^c:1: '0x_' is"),
        (b"a: " + b"9" * 5000 + b"\n", r"^c:1: '9+\.\.\.' is no !!int"),
        (b"rows: 0100\n", r"^c:1: '0100' is not decimal in YAML: write it without a leading 0"),
        (b"rows: 1:30\n", r"^c:1: '1:30' is a number in base 60"),
        (b"a: 1\nb: 2\na: 3\n", r"^c:3: the key 'a' is given twice, first on line 1"),
        (b"x: {a: 1, \"a\": 2}\n", r"^c:1: the key 'a' is given twice, first on line 1"),
        (b"on: 1\n", r"^c:1: the key 'on' is not text in YAML: put it in quotes"),
        (b"? [a, b]\n: 1\n", r"^c:1: a mapping or list as a key"),
        (b"a: &x [*x]\n", r"^c:1: an anchor that holds itself"),
        (b"a: &x\n  b: *x\n", r"^c:1: an anchor that holds itself"),
        (b"a: &x {<<: *x}\n", r"^c:1: an anchor that holds itself"),
        (BOMB.encode(), r"^c:\d: more than 20000 values, aliases written out"),
        (b"[" * 100_000, r"^c:1: nested deeper than 32 levels"),
        (b"a: " * 50, r"^c:1: not YAML: mapping values"),
        (b"- " * 100, r"^c:1: nested deeper than 32 levels"),
        (b"a: 'x\n", r"^c:2: not YAML: .*quoted scalar"),
        (b"a: \x00\n", r"^c:1: the character U\+0000 controls a device"),
        (b"a: 1\n---\nb: 2\n", r"^c:2: not YAML: .*single document"),
        (b"__use_yte__: true\n", r"^c:1: __use_yte__: a config is data"),
        (b"x:\n- __use_yte__: false\n", r"^c:2: __use_yte__: a config is data"),
        (b'{"__use_yte__": true}', r"^c:1: __use_yte__: a config is data"),
        (b"#" * (MAX_BYTES + 1), r"^c: larger than 256 KiB"),
    ],
    ids=lambda value: repr(value)[:30] if isinstance(value, bytes) else "",
)  # fmt: skip
def test_what_is_no_plain_data_is_refused_with_its_line(content, message):
    with pytest.raises(InputError, match=message):
        parse_yaml(content, "c")


def test_plain_data_anchors_merges_and_a_byte_order_mark_are_read_as_yaml_has_them():
    text = "base: &b {x: 1, y: [a, 2.5, null, true]}\nmore: {<<: *b, x: 2}\nquoted: '2024-01-31'\n"
    found = parse_yaml(text.encode("utf-8-sig"), "c")
    assert found.value == yaml.safe_load(text)
    assert found.lines["more",] == 2
    assert found.lines["base", "y", 1] == 1


def test_a_folder_and_an_unreadable_file_are_named(tmp_path):
    with pytest.raises(InputError, match="it is a folder, name a file in it"):
        read_yaml(tmp_path)
    with pytest.raises(InputError, match=r"cannot read|no config file"):
        read_yaml(tmp_path / "a\0b")


YAML_BITS = st.sampled_from(
    ["a", "b: ", "- ", "\n", "  ", "[", "]", "{", "}", "&x ", "*x", "<<: ", "!!int ", "!!set ",
     "? ", ": ", "'", '"', "|", ">", "1", "-1.5", "1e-4", ".nan", "2024-01-01", "0x_", "1:2", "~",
     "---", "...", "%YAML 1.1", "#", "\t", "\\ud800", "é", "__use_yte__: ", "=", "!", "@", "run: "]
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.lists(YAML_BITS, max_size=40).map(lambda bits: "".join(bits).encode()),
    )
)
def test_no_bytes_raise_anything_but_an_input_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(content)
    try:
        load_config(path)
    except InputError as error:
        assert str(path) in str(error)
    else:
        raise AssertionError("nothing so short is a config")


@settings(max_examples=300, deadline=None)
@given(st.lists(YAML_BITS, max_size=40).map("".join))
def test_what_is_read_is_what_yaml_says_it_is(text):
    try:
        found = parse_yaml(text.encode(), "c").value
    except InputError:
        return
    assert repr(found) == repr(yaml.safe_load(text))


def test_an_error_on_the_line_on_which_its_context_begins_names_that_line_once():
    with pytest.raises(InputError) as caught:
        parse_yaml(b"{a: 1 b: 2}", "f")
    assert str(caught.value).startswith("f:1: not YAML: ")
    assert "begun on line" not in str(caught.value)
