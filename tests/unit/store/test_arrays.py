"""Arrays on disk have the bytes of NumPy's own writer; what is not an array is one line."""

import io

import numpy as np
import pytest

from starbench.errors import InputError
from starbench.store.arrays import load_array, save_array


@pytest.mark.parametrize("dtype", ["float16", "float32", "int64", "uint32", "float64"])
@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 5), (7,), (0, 4)])
def test_the_bytes_are_those_of_numpy(tmp_path, dtype, shape):
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    expected = io.BytesIO()
    np.save(expected, array)
    save_array(tmp_path / "a.npy", array)
    assert (tmp_path / "a.npy").read_bytes() == expected.getvalue()
    if array.size:
        assert (load_array(tmp_path / "a.npy") == array).all()


@pytest.mark.parametrize("content", [b"", b"x", b"\x93NUMPY", b"\x93NUMPY\x01\x00\x10\x00{'x': 1}"])
def test_what_is_no_array_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.npy is not an array in NumPy's format"):
        load_array(path)


def test_pickled_objects_are_refused(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.array([{"x": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="is not an array"):
        load_array(path)
