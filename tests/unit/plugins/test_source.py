"""The hash of a plugin's source: which files it is of."""

import pytest

from starbench.errors import InputError
from starbench.plugins.source import source_hash

FILES = {
    "__init__": "",
    "objective": "from hashed.shared import NUMBER\nfrom .near import other\n",
    "near": "def other():\n    import hashed.deep.inner\n",
    "shared": "NUMBER = 1\n",
    "deep/__init__": "",
    "deep/inner": "from .. import last\n",
    "last": "import json\n",
    "measure": "NUMBER = 2\n",
    "broken": "this is no Python\n",
}
USED = {"__init__", "objective", "near", "shared", "deep/__init__", "deep/inner", "last"}


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name, text in FILES.items():
        path = tmp_path / "hashed" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "hashed"


@pytest.mark.parametrize("name", sorted(FILES))
def test_it_changes_with_what_a_module_imports_and_with_nothing_else(package, name):
    before = source_hash(["hashed.objective"])
    (package / f"{name}.py").write_text(FILES[name] + "# changed\n")
    assert (source_hash(["hashed.objective"]) != before) == (name in USED)


def test_it_is_also_of_modules_that_an_entry_names_in_its_own_package(package):
    alone = source_hash(["hashed.objective"])
    assert source_hash(["hashed.objective", "hashed.measure"]) != alone
    assert source_hash(["hashed.objective", "json", "starbench.draws"]) == alone


def test_a_source_that_cannot_be_read_as_python_is_hashed_as_it_is(package):
    assert len(source_hash(["hashed.broken"])) == 64


def test_a_module_without_source_is_refused():
    with pytest.raises(InputError, match="module math of a plugin has no Python source"):
        source_hash(["math"])
